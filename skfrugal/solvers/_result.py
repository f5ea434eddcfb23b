"""What a solver returns, and what an iterative one passes on the way."""

from collections.abc import Callable
from dataclasses import dataclass, field

from skfrugal.operators import Operator
from skfrugal.operators._base import saving


@dataclass(frozen=True)
class Step:
    """Where an iteration ended.

    Attributes
    ----------
    operator : Operator
        The approximation.
    objective : callable
        Returns what the method makes small, a float.  It is called at most once, and
        before the next iteration begins.
    criterion : float
        What is compared with ``tol``; free of the scale of the data.
    state : object
        Enough to resume from here.  The method never changes it afterwards.
    """

    operator: Operator
    objective: Callable[[], float]
    criterion: float
    state: object = None


@dataclass(frozen=True, repr=False)
class Factorization:
    """A matrix replaced by an operator, and how far the two are apart.

    Norms are Frobenius norms, absolute: divide by the norm of the matrix for relative
    figures.

    Attributes
    ----------
    operator : Operator
        The approximation.
    error : float
        Distance between the matrix and `operator`, computed from their difference;
        or, where a solver's docstring says so, another distance that it makes small.
    lower_bound : float or None
        No operator of this class is closer to the matrix than this.  None where the
        method cannot tell.
    upper_bound : float or None
        The method guarantees that `error` is at most this.  None where it guarantees
        nothing.
    n_iter : int
        Number of iterations; 1 for a closed form.
    converged : bool
        Whether the method's stopping rule was met; True for a closed form.
    message : str
        In plain words, what was done and what can be said of the result.
    objectives : tuple of float
        What the method makes small, after each iteration; empty for a closed form.
    state : object
        What the method resumes from, where its docstring says that it can; else None.
    n_products : int or None
        Products with vectors that a method took which sees the matrix only through
        them; None where the entries were given.

    See Also
    --------
    butterfly_factorization : A closed form that fills in both bounds.

    Examples
    --------
    >>> from skfrugal.operators import hadamard, square_dyadic
    >>> from skfrugal.solvers import butterfly_factorization
    >>> result = butterfly_factorization(hadamard(8).toarray(), square_dyadic(8))
    >>> result.operator.shape, result.operator.nnz, result.error < 1e-14
    ((8, 8), 48, True)
    """

    operator: Operator
    error: float
    lower_bound: float | None
    upper_bound: float | None
    n_iter: int
    converged: bool
    message: str
    objectives: tuple = field(default=(), compare=False)
    state: object = field(default=None, compare=False)
    n_products: int | None = None

    def __repr__(self):
        m, n = self.operator.shape
        stored = f"{self.operator.nnz:,} stored values{saving(self.operator)}"
        lines = [
            f"Factorization of a {m} x {n} matrix: {stored}",
            f"  error: {self.error:.6g} ({_certificate(self)})",
            f"  {'converged' if self.converged else 'not converged'} after "
            f"{self.n_iter} iteration{'s' if self.n_iter != 1 else ''}{_path(self)}",
            f"  {self.message}",
        ]
        return "\n".join(lines)


def _path(result):
    parts = ""
    if len(result.objectives) > 1:
        first, last = result.objectives[0], result.objectives[-1]
        parts += f", objective {first:.6g} -> {last:.6g}"
    if result.n_products is not None:
        parts += f", {result.n_products:,} products with the matrix"
    if result.state is not None:
        parts += "; can be resumed from its state"
    return parts


def _certificate(result):
    parts = []
    if result.lower_bound is not None:
        parts.append(
            f"no operator of this class does better than {result.lower_bound:.6g}"
        )
    if result.upper_bound is not None:
        parts.append(f"guaranteed to be at most {result.upper_bound:.6g}")
    return "; ".join(parts) or "no certificate"
