"""Least squares over the values of a chain: objective, starts, and the best run."""

import math

import numpy as np

from skfrugal._validation import check_positive_int, check_rng
from skfrugal.operators import KroneckerSparse, Product
from skfrugal.operators._chain_gradient import ChainFunction
from skfrugal.solvers._butterfly import butterfly_factorization
from skfrugal.solvers._iterate import minimize
from skfrugal.solvers._target import energy, scale

INITS = ("orthogonal", "normal", "closed_form")


class ChainLeastSquares:
    """``0.5 |Y - X S^T|^2`` as a function of a real vector of values."""

    def __init__(self, chain, X, Y):
        self.dtype = np.result_type(X, Y, np.float64)
        self.X = np.ascontiguousarray(X, self.dtype)
        self.Y = np.ascontiguousarray(Y, self.dtype)
        self.function = ChainFunction(chain, self.dtype)

    def value_and_gradient(self, vector):
        """The objective and its gradient with respect to the parts of the values."""
        values = vector.view(self.dtype)
        residual = self.function.forward(values, self.X) - self.Y
        gradient = self.function.backward(values, self.X, residual)[0]
        return 0.5 * energy(residual), gradient.view(np.float64)

    def operator(self, vector, exponent=0, dtype=None):
        """The product of the factors, times ``2**exponent``, shared by the factors."""
        parts = self.function.factors(vector.view(self.dtype))
        share, rest = divmod(exponent, len(parts))
        factors = [
            KroneckerSparse(scale(part, share + (i < rest)).astype(dtype or part.dtype))
            for i, part in enumerate(parts)
        ]
        return factors[0] if len(factors) == 1 else Product(factors)


def starting_values(problem, init, n_init, random_state, target):
    """Vectors of values to start from."""
    if not isinstance(init, str):
        vector = np.array(init, dtype=np.float64).ravel()
        if vector.size * 8 != problem.function.n_values * problem.dtype.itemsize:
            raise ValueError(
                f"init has {vector.size} numbers and the chain "
                f"{problem.function.n_values} values of dtype {problem.dtype}; pass "
                f"the state of a result for this chain, or one of {INITS}."
            )
        return [vector]
    if init not in INITS:
        raise ValueError(f"init must be one of {INITS} or an array; got {init!r}.")
    if init == "closed_form":
        return [_closed_form(problem, target)]
    n_init, rng = check_positive_int(n_init, "n_init"), check_rng(random_state)
    size = math.sqrt(energy(problem.Y))
    return [
        _random_start(problem, init == "orthogonal", size, rng) for _ in range(n_init)
    ]


def _closed_form(problem, target):
    operator = butterfly_factorization(target, problem.function.chain).operator
    factors = getattr(operator, "factors", (operator,))
    patterns = [factor.pattern for factor in factors]
    if patterns != list(problem.function.chain):
        raise ValueError(
            "init='closed_form' is not possible for a chain with redundant neighbours; "
            "pass remove_redundancy(chain), or init='orthogonal'."
        )
    values = np.concatenate([factor.values.ravel() for factor in factors])
    return values.astype(problem.dtype).view(np.float64)


def _random_start(problem, orthogonal, size, rng):
    """Random values whose outputs have the norm `size`."""
    parts = []
    for a, b, c, d in problem.function.chain:
        blocks = rng.standard_normal((a, d, b, c))
        if problem.dtype.kind == "c":
            blocks = blocks + 1j * rng.standard_normal((a, d, b, c))
        if orthogonal:
            left, _, right = np.linalg.svd(blocks, full_matrices=False)
            blocks = left @ right
        parts.append(np.moveaxis(blocks, 1, 3).ravel())
    values = np.concatenate(parts).astype(problem.dtype)
    norm = math.sqrt(energy(problem.function.forward(values, problem.X)))
    if norm > 0 and size > 0:
        values *= (size / norm) ** (1 / len(problem.function.chain))
    return values.view(np.float64)


def best_run(problem, starts, *, max_iter, tol, on_step, verbose):
    """The run that ends lowest; no start follows one that reaches zero, to rounding."""
    best = None
    whole = 0.5 * energy(problem.Y)
    for start in starts:
        run = minimize(
            problem.value_and_gradient,
            start,
            problem.operator,
            max_iter=max_iter,
            tol=tol,
            on_step=on_step,
            verbose=verbose,
            name="gradient",
        )
        if best is None or run.step.objective() < best.step.objective():
            best = run
        if best.step.objective() <= 1e-20 * whole:
            break
    return best
