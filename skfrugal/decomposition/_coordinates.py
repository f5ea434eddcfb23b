"""Orthogonal coordinates of a covariance: rotations learnt, coordinates selected."""

import math
from numbers import Integral

import numpy as np
from scipy.linalg import eigh, pinvh
from sklearn.utils import gen_batches

from skfrugal.operators import Dense, Permutation, Product
from skfrugal.solvers import (
    fold_rotations,
    greedy_jacobi,
    polish_rotations,
    prune_rotations,
)

# Rows are centred in blocks of about this many numbers.
_BLOCK_ENTRIES = 2**22


def moments(X):
    """Mean and covariance of the rows over a power of two, and that power of two.

    In float64 whatever the dtype of the rows; over that unit, so that no square is
    too large or too small for it.
    """
    n_samples, n = X.shape
    unit = _power_of_two(X)
    batches = list(gen_batches(n_samples, max(1, _BLOCK_ENTRIES // n)))
    mean = sum((X[rows] / unit).sum(axis=0) for rows in batches) / n_samples
    covariance = np.zeros((n, n))
    for rows in batches:
        centred = X[rows] / unit - mean
        covariance += centred.T @ centred
    return mean, covariance / (n_samples - 1), unit


def in_units_of_rows(variances, unit):
    """Variances of the rows themselves, as near to them as float64 reaches."""
    with np.errstate(over="ignore", under="ignore"):
        return variances * unit * unit


def standard_deviations(variances, n_features, unit, dtype):
    """Standard deviations of the rows; 1 where they are zero but for rounding."""
    rounding = n_features * np.finfo(dtype).eps * variances.max()
    deviations = np.sqrt(variances) * unit
    return np.where(variances <= rounding, 1.0, deviations).astype(dtype)


def explained_fraction(residual, centred):
    """1 minus the squares of `residual` over those of `centred`; both are spoilt."""
    unit = _power_of_two(centred)
    residual /= unit
    centred /= unit
    error = np.einsum("ij,ij->", residual, residual, dtype=np.float64)
    total = np.einsum("ij,ij->", centred, centred, dtype=np.float64)
    return float(1.0 - error / total) if total else 1.0


def _power_of_two(X):
    """About the largest entry, as a float64 that scales X without rounding."""
    exponent = np.frexp(max(X.max(), -X.min()))[1]
    # So that it and its inverse are floats; 74 bits more or less do no harm.
    return np.float64(2.0) ** np.clip(exponent, -1000, 1000)


def learn_rotations(
    covariance, eigenvalues, k, *, pairing, shape, depth, max_excess, sweeps
):
    """Rotations for k coordinates, and the number of sweeps over all of them.

    The parameters are those of `ButterflyTransformer`; `sweeps` goes to
    `polish_rotations`.
    """
    n = len(covariance)
    n_rotations = round(depth * n / 2 * math.log2(n))
    if pairing == "auto":
        pairing = ("learned",) if shape is None else ("learned", "fixed")
    else:
        pairing = (pairing,)

    def stop(variances):
        left_out = np.sort(variances)[: n - k].sum()
        return excess_error(left_out, eigenvalues, k) <= max_excess

    # Few coordinates gain from leaving alone the variances that none of them will
    # hold; at k = N / 4 already this hurts.
    floor = max(eigenvalues[k - 1] / 4, 1e-6 * eigenvalues.mean())
    search = {
        "floor": floor if k <= n // 8 and floor > 0 else None,
        "stop": None if max_excess is None else stop,
    }

    def polish(rotations, name, label):
        if sweeps["verbose"]:
            print(f"Pairing {name!r}, {label}:")
        return polish_rotations(covariance, rotations, **sweeps)

    results = []
    for name in pairing:
        start, missing = None, n_rotations
        if name == "fixed":
            start = fold_rotations(n if shape is None else shape, n_rotations)
            missing -= start.n_rotations
            if missing:
                start = polish(start, name, "the butterfly alone").operator
        learnt = greedy_jacobi(covariance, missing, start=start, **search)
        polished = polish(learnt.operator, name, "all rotations")
        results.append((polished.operator, polished.n_iter))
    if len(results) == 1:
        return results[0]
    # max keeps the first among equals.
    return max(results, key=lambda result: _gathered(result[0], covariance, k))


def select_coordinates(rotations, covariance, n_components, core):
    """The k coordinates wanted, their variances, and the variance left out."""
    n = len(covariance)
    variances = _variances(rotations, covariance)
    order = np.argsort(-variances, kind="stable")
    k = count_components(n_components, variances[order])
    m = k if core is None else core
    if m < k:
        raise ValueError(
            f"core={m} is less than the {k} coordinates that explain "
            f"{n_components} of the variance. Pass core={k} or more."
        )
    operator = Product(
        Permutation(order[:m], n=n), prune_rotations(rotations, order[:m])
    )
    variances, left_out = variances[order[:m]], variances[order[m:]].sum()
    if core is not None:
        values, vectors = eigh((operator @ covariance) @ operator.T)
        values, vectors = values[::-1], vectors.T[::-1]
        variances, left_out = values[:k], left_out + values[k:].sum()
        largest = np.abs(vectors).argmax(axis=1)
        signs = np.sign(vectors[np.arange(m), largest])
        operator = Product(Dense((vectors * signs[:, np.newaxis])[:k]), operator)
    return operator, np.maximum(variances, 0.0), max(left_out, 0.0)


def _variances(operator, covariance):
    """Diagonal of Q C Q^T."""
    rows = operator @ covariance
    return np.maximum(np.diagonal(rows @ operator.T), 0.0)


def _gathered(rotations, covariance, k):
    """The larger, the better: what the k largest variances hold.

    All of them hold everything, however they share it; then the sum of v log v, which
    is the larger, the fewer of them hold most.
    """
    variances = np.sort(_variances(rotations, covariance))[::-1]
    if k < len(variances):
        return variances[:k].sum()
    positive = variances[variances > 0]
    return np.sum(positive * np.log(positive))


def count_components(n_components, variances):
    """Number of coordinates, from a parameter and variances in decreasing order."""
    if n_components is None:
        return len(variances)
    if isinstance(n_components, Integral):
        return int(n_components)
    cumulated = np.cumsum(variances)
    return int(np.searchsorted(cumulated, n_components * cumulated[-1])) + 1


def excess_error(error, eigenvalues, k):
    """Error over that of the k largest eigenvalues, minus 1."""
    bound = eigenvalues[k:].sum()
    rounding = len(eigenvalues) * np.finfo(np.float64).eps * eigenvalues.sum()
    if bound > rounding:
        return max(0.0, float(error / bound - 1.0))
    return 0.0 if error <= 8 * rounding else math.inf


def least_squares_decoder(operator, covariance):
    """Regression of the features on the coordinates, and the error that it leaves."""
    cross = operator @ covariance
    coefficients = pinvh(cross @ operator.T) @ cross
    error = np.trace(covariance) - np.einsum("ij,ij->", coefficients, cross)
    return Dense(coefficients.T), max(error, 0.0)
