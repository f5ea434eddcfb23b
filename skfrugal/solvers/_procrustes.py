"""Orthogonal Kronecker-sparse factors: each in turn the best one, by polar factors."""

from itertools import islice

import numpy as np

from skfrugal._validation import check_positive_int, check_rng
from skfrugal.operators._blocks import restrict
from skfrugal.operators._patterns import chain_shape, check_chain
from skfrugal.solvers._iterate import iterate
from skfrugal.solvers._projection import as_operator
from skfrugal.solvers._splits import contract_left, contract_right, fuse_chain, join
from skfrugal.solvers._sweeps import SweepStep
from skfrugal.solvers._target import check_matrix, energy, scale, standardise

# Sweeps of each start before the best one goes on.
N_TRIAL_SWEEPS = 10


def procrustes_sweeps(
    A, chain, *, n_init=4, max_iter=200, tol=1e-6, on_step=None, random_state=None
):
    r"""Approximate a matrix by a product of orthogonal Kronecker-sparse factors.

    One factor after the other is replaced by the best orthogonal (complex: unitary)
    one given the others: the polar factors of the blocks of what the others leave.

    Parameters
    ----------
    A : array-like of shape (N, N)
        Real or complex.

    chain : sequence of patterns (a, b, b, d)
        A chainable sequence of patterns with square blocks.

    n_init : int, default=4
        Random orthogonal starts: 10 sweeps each, then the best goes on.

    max_iter, tol : int and float, default=200 and 1e-6
        Sweeps of the best start, which end when the squared error falls by less than
        `tol` times :math:`\|A\|^2 + N`.

    on_step : callable or None, default=None
        Called after each of them with its ``Step``; true ends the sweeps.

    random_state : int, RandomState or None, default=None
        For the starts.

    Returns
    -------
    result : Factorization
        `operator` is a `Product` of `KroneckerSparse` factors, orthogonal up to
        rounding.  `lower_bound` is the distance of `A` to all orthogonal matrices,
        from its singular values; `upper_bound` is None.

    See Also
    --------
    greedy_jacobi : Rotations with learnt supports, for symmetric matrices.
    butterfly_factorization : Without orthogonality, certified.

    Notes
    -----
    The squared error is :math:`\|A\|^2 + N - 2 \langle A, K_1 \cdots K_L \rangle`;
    every update makes the inner product as large as it can be, so that the error never
    rises.  There is no step size, and there are no angles.  The result is a local
    optimum.

    *Cost.* A sweep costs :math:`O(N^2)` multiply-adds and a singular value
    decomposition of each small block; the lower bound one dense decomposition,
    :math:`O(N^3)`.  A product with the result costs ``operator.nnz`` multiply-adds a
    vector instead of :math:`N^2`.

    References
    ----------
    P. H. Schönemann, "A generalized solution of the orthogonal Procrustes problem",
    Psychometrika 31(1), 1966.

    Examples
    --------
    >>> from skfrugal.operators import hadamard, square_dyadic
    >>> from skfrugal.solvers import procrustes_sweeps
    >>> H = hadamard(16).toarray() / 4
    >>> result = procrustes_sweeps(H, square_dyadic(16), random_state=0)
    >>> result.error < 1e-6
    True
    """
    A, chain = check_matrix(A), check_chain(chain)
    _check_square(A.shape, chain)
    n_init, rng = check_positive_int(n_init, "n_init"), check_rng(random_state)
    problem = _Problem(A, chain)
    run = iterate(
        problem.sweeps(problem.best_start(n_init, rng)),
        max_iter=max_iter,
        tol=tol,
        on_step=on_step,
        name="Procrustes sweeps",
    )
    message = (
        f"Procrustes sweeps from the best of {n_init} starts: monotone, a local "
        f"optimum; the lower bound is for all orthogonal matrices."
    )
    operator = run.step.operator
    stored = [factor.values for factor in getattr(operator, "factors", [operator])]
    error = problem.in_units(problem.distance(stored))
    bounds = problem.in_units(problem.nearest_orthogonal()), None
    return run.factorization(error, operator=operator, message=message, bounds=bounds)


def _check_square(shape, chain):
    wrong = [pattern for pattern in chain if pattern[1] != pattern[2]]
    if wrong:
        raise ValueError(
            f"{wrong[0]} has blocks of {wrong[0][1]} x {wrong[0][2]}, which cannot be "
            f"orthogonal; pass patterns (a, b, b, d)."
        )
    if shape != chain_shape(chain):
        raise ValueError(
            f"A has shape {shape} but chain is for matrices of shape "
            f"{chain_shape(chain)}; pass a chain made for the shape of A."
        )


class _Problem:
    """The matrix in a scale where it and an orthogonal one can be squared and added.

    Attributes
    ----------
    values : ndarray
        On the pattern of the chain.
    exponent : int
        What was taken off; it is taken off the orthogonal matrices as well.
    """

    def __init__(self, A, chain):
        self.chain, self.n, self.dtype = chain, len(A), A.dtype
        scaled, exponent = standardise(A)
        # Never larger than the matrix that is sought: its entries are about one.
        self.exponent = max(0, exponent)
        self.matrix = scale(scaled, exponent - self.exponent)
        self.pattern = join(chain, 0, len(chain))
        self.values = restrict(self.matrix, self.pattern)
        self.unit = scale(np.float64(1.0), -self.exponent)
        self.total = energy(self.matrix) + self.n * self.unit**2

    def in_units(self, length):
        return float(scale(np.float64(length), self.exponent))

    def distance(self, factors):
        """Norm of the error."""
        dense = as_operator([fuse_chain(factors, self.chain)]).toarray()
        return float(np.linalg.norm(self.matrix - self.unit * dense))

    def nearest_orthogonal(self):
        """Distance to all orthogonal matrices."""
        singular = np.linalg.svd(self.matrix, compute_uv=False)
        return float(np.linalg.norm(singular - self.unit))

    def best_start(self, n_init, rng):
        """Factors after a few sweeps from the best of several random starts."""
        steps = []
        for _ in range(n_init):
            sweeps = self.sweeps(self._random(rng))
            *_, step = islice(sweeps, N_TRIAL_SWEEPS)
            steps.append(step)
        return min(steps, key=lambda step: step.lost).state

    def _random(self, rng):
        factors = []
        for pattern in self.chain:
            values = rng.standard_normal(pattern)
            if np.iscomplexobj(self.values):
                values = values + 1j * rng.standard_normal(pattern)
            factors.append(polar(values))
        return factors

    def sweeps(self, factors):
        """Yield a step after each sweep to the right."""
        chain, factors = self.chain, list(factors)
        before = self.distance(factors) ** 2
        while True:
            outer = {len(chain): self.values}
            for i in range(len(chain) - 1, 0, -1):
                left = join(chain, 0, i)
                outer[i] = contract_right(outer[i + 1], factors[i], left, chain[i])
            for i in range(len(chain)):
                centre = outer[i + 1]
                for j in range(i):
                    right = join(chain, j + 1, i + 1)
                    centre = contract_left(centre, factors[j], chain[j], right)
                factors[i] = polar(centre)
            lost = self.distance(factors)
            gain = (before - lost**2) / self.total
            yield SweepStep(list(factors), gain, lost, self._operator, self.in_units)
            before = lost**2

    def _operator(self, factors):
        return as_operator([factor.astype(self.dtype) for factor in factors])


def polar(values):
    """The nearest values with orthogonal blocks."""
    u, _, v = np.linalg.svd(values.transpose(0, 3, 1, 2))
    return np.ascontiguousarray((u @ v).transpose(0, 2, 3, 1))
