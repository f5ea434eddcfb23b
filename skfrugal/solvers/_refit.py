"""Least squares for one factor after the other, on the supports that they have."""

import numpy as np
import scipy.sparse as sp

from skfrugal.solvers._factors import (
    adjoint,
    between,
    gram_of_left,
    gram_of_right,
    inner,
    multiplied,
    slim,
)
from skfrugal.solvers._palm_sweep import PalmStep, rank_one_scale

# Values up to this many are found by solving the normal equations.
N_DIRECT = 400
# Sweeps go on where conjugate gradients ended: few are enough.
N_CONJUGATE = 15
# Errors, of a matrix of norm one, that cannot be lowered.
EXACT = 1e-15
# Entries of an intermediate array that is made of the rows of the support.
N_GATHERED = 2**22


def refit_steps(A, factors, lam, constraints):
    """Steps of block coordinate least squares; the error never rises.

    A factor is fitted by all values that its support allows; where the fit leaves the
    set of its constraint, the factor stays as it is.  Ends at rounding errors.
    """
    factors = list(factors)
    product = multiplied([slim(S) for S in factors])
    error = float(np.linalg.norm(A - lam * product))
    while True:
        last = error
        factors, lam, error = _sweep(A, factors, lam, error, constraints)
        gain = (last - error) / last if last > EXACT else 0.0
        yield PalmStep((list(factors), lam), error, gain)


def _sweep(A, factors, lam, error, constraints):
    factors, slims = list(factors), [slim(S) for S in factors]
    grams = [None] * len(factors)
    for j in range(len(factors) - 1, 0, -1):
        grams[j - 1] = gram_of_right(slims[j], grams[j])
    left, seen = None, A
    for j, gram in enumerate(grams):
        target = seen
        for S in slims[:j:-1]:
            target = target @ adjoint(S)
        old = factors[j], slims[j], lam
        new = fit_on_support(factors[j] * lam, left, gram, target)
        norm = float(np.linalg.norm(new))
        if norm > 0:
            size = float(np.linalg.norm(factors[j])) / norm
            factors[j] = constraints[j].project(new * size)
            slims[j] = slim(factors[j])
            product = multiplied(slims)
            lam = rank_one_scale(A, product)
            new_error = float(np.linalg.norm(A - lam * product))
            if new_error < error:
                error = new_error
            else:
                factors[j], slims[j], lam = old
        left = gram_of_left(slims[j], left)
        seen = adjoint(slims[j]) @ seen
    return factors, lam, error


def fit_on_support(start, left, right, target):
    """Minimise ``<X, left X right> / 2 - <X, target>`` on the support of `start`.

    Directly for few values; for many, by conjugate gradients from `start`, with the
    diagonal as preconditioner.
    """
    rows, columns = np.nonzero(start)
    result = np.zeros_like(start)
    if not len(rows):
        return result
    if len(rows) <= N_DIRECT:
        x = _solved(rows, columns, left, right, target)
    else:
        x = _conjugate_gradients(
            start[rows, columns],
            _quadratic(rows, columns, start.shape, left, right),
            target[rows, columns],
            _entries(left, rows, rows) * _entries(right, columns, columns),
        )
    result[rows, columns] = x
    return result


def _entries(gram, i, j):
    if gram is None:
        return np.equal(i, j).astype(np.float64)
    return gram[i, j]


def _solved(rows, columns, left, right, target):
    normal = _entries(left, rows[:, None], rows)
    normal = normal * _entries(right, columns, columns[:, None])
    diagonal = np.diagonal(normal).real
    unit = 1 / np.sqrt(np.where(diagonal > 0, diagonal, 1))
    # In units in which the diagonal is one; of all minimisers the shortest.
    x = np.linalg.lstsq(
        normal * unit * unit[:, None], unit * target[rows, columns], rcond=1e-14
    )[0]
    return unit * x


def _quadratic(rows, columns, shape, left, right):
    width = shape[1]

    def multiply(x):
        X = sp.csr_array((x, (rows, columns)), shape=shape)
        X = X.toarray() if left is None else left @ X
        if right is None:
            return X[rows, columns]
        if len(rows) * width > N_GATHERED:
            return between(None, X, right)[rows, columns]
        return np.einsum("ij,ij->i", X[rows], right.T[columns])

    return multiply


def _conjugate_gradients(x, multiply, b, diagonal):
    diagonal = np.where(diagonal.real > 0, diagonal.real, 1)
    r = b - multiply(x)
    z = r / diagonal
    p, rz = z, inner(r, z)
    smallest = rz * 1e-26
    for _ in range(N_CONJUGATE):
        q = multiply(p)
        curvature = inner(p, q)
        if curvature <= 0 or rz <= smallest:
            break
        x = x + (rz / curvature) * p
        r = r - (rz / curvature) * q
        z = r / diagonal
        rz, last = inner(r, z), rz
        p = z + (rz / last) * p
    return x
