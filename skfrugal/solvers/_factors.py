"""Products of factors of which some are sparse, as solvers need them."""

from itertools import pairwise

import numpy as np
import scipy.sparse as sp

from skfrugal.operators import Dense, Product, SparseFactor

# A sparse product costs about this many times more for each entry than a dense one.
SPARSE_COST = 8


def slim(factor):
    """The factor as a sparse array, where products with it are then cheaper."""
    if SPARSE_COST * np.count_nonzero(factor) < factor.size:
        return sp.csr_array(factor)
    return factor


def adjoint(factor):
    """Conjugate transpose."""
    return factor.conj().T


def multiplied(factors):
    """Dense product of slim factors, from the right."""
    last = factors[-1]
    result = last.toarray() if sp.issparse(last) else last
    for factor in factors[-2::-1]:
        result = factor @ result
    return result


def gram_of_left(factor, gram):
    """``F^H G F``; None stands for the identity."""
    inner = factor if gram is None else gram @ factor
    return _dense(adjoint(factor) @ inner)


def gram_of_right(factor, gram):
    """``F G F^H``; None stands for the identity."""
    inner = adjoint(factor) if gram is None else gram @ adjoint(factor)
    return _dense(factor @ inner)


def between(left, X, right):
    """``left X right``; None stands for the identity."""
    X = X if left is None else left @ X
    return _dense(X if right is None else X @ right)


def inner(X, Y):
    """Real part of ``trace(X^H Y)``."""
    return float(np.vdot(X, Y).real)


def as_operator(factors, scale, dtype):
    """`Product` of the factors times a scale, which they share in equal parts.

    Zeros are not stored.  Factors that are mostly full are kept dense.
    """
    share = abs(scale) ** (1 / len(factors))
    parts = [factor * share for factor in factors]
    if scale < 0:
        parts[0] = -parts[0]
    operators = [_stored(part, dtype) for part in parts]
    return Product(operators) if len(operators) > 1 else operators[0]


def check_factors(init, shapes, dtype):
    """`init` as arrays of the given shapes."""
    factors = init if isinstance(init, (list, tuple)) else init.factors
    arrays = [
        np.array(f.toarray() if hasattr(f, "toarray") else f, dtype=dtype)
        for f in factors
    ]
    found = [array.shape for array in arrays]
    if found != list(shapes):
        raise ValueError(
            f"init has factors of shapes {found}; pass factors of shapes "
            f"{list(shapes)}."
        )
    if not all(np.isfinite(array).all() for array in arrays):
        raise ValueError("init contains NaN or infinity; pass finite factors.")
    return arrays


def shapes_of(shape, n_factors, inner_sizes):
    """Shapes of the factors; sizes between them are the shorter side by default."""
    if inner_sizes is None:
        inner_sizes = [min(shape)] * (n_factors - 1)
    if len(inner_sizes) != n_factors - 1:
        raise ValueError(
            f"inner_sizes={inner_sizes!r} has {len(inner_sizes)} sizes; pass "
            f"{n_factors - 1}, one between each two of {n_factors} factors."
        )
    return list(pairwise([shape[0], *inner_sizes, shape[1]]))


def _dense(X):
    return X.toarray() if sp.issparse(X) else X


def _stored(part, dtype):
    part = part.astype(dtype)
    # An index costs about as much as half a value.
    if 1.5 * np.count_nonzero(part) < part.size:
        return SparseFactor(sp.csr_array(part))
    return Dense(part)
