"""Orthogonal coordinates of a covariance: rotations learnt, coordinates selected."""

import math
from numbers import Integral

import numpy as np
from scipy.linalg import eigh, eigvalsh, pinvh
from scipy.linalg.lapack import dpstrf

from skfrugal.operators import Dense, Permutation, Product
from skfrugal.solvers import (
    fold_rotations,
    greedy_jacobi,
    polish_rotations,
    prune_rotations,
)

# A dense finish may cost this fraction of the dense k x N matrix, rotations included.
_CHEAP_CORE = 1 / 8


def spectrum(covariance, n_samples):
    """Eigenvalues in decreasing order, of few rows through a thin factor."""
    n = len(covariance)
    if n_samples > n // 2:
        return np.maximum(eigvalsh(covariance)[::-1], 0.0)
    # Cholesky's method with pivots ends after as many columns as the rank.
    factor, _, rank, _ = dpstrf(covariance, lower=1)
    thin = np.tril(factor[:, : max(1, rank)])
    eigenvalues = np.zeros(n)
    eigenvalues[: thin.shape[1]] = eigvalsh(thin.T @ thin)[::-1]
    return np.maximum(eigenvalues, 0.0)


def learn_rotations(
    covariance, eigenvalues, k, *, pairing, shape, depth, max_excess, sweeps
):
    """Rotations for k coordinates, and the number of sweeps over all of them.

    The parameters are those of `ButterflyTransformer`, "auto" and "cv" resolved;
    `sweeps` goes to `polish_rotations`.
    """
    n = len(covariance)
    missing = n_rotations = round(depth * n / 2 * math.log2(n))

    def stop(variances):
        left_out = np.sort(variances)[: n - k].sum()
        return excess_error(left_out, eigenvalues, k) <= max_excess

    def polish(rotations, label):
        if sweeps["verbose"]:
            print(f"Pairing {pairing!r}, {label}:")
        return polish_rotations(covariance, rotations, **sweeps)

    # Few coordinates gain from leaving alone the variances that none of them will
    # hold; at k = N / 4 already this hurts.
    floor = max(eigenvalues[k - 1] / 4, 1e-6 * eigenvalues.mean())
    start = None
    if pairing == "fixed":
        start = fold_rotations(n if shape is None else shape, n_rotations)
        missing -= start.n_rotations
        if missing:
            start = polish(start, "the butterfly alone").operator
    learnt = greedy_jacobi(
        covariance,
        missing,
        start=start,
        floor=floor if k <= n // 8 and floor > 0 else None,
        stop=None if max_excess is None else stop,
    )
    polished = polish(learnt.operator, "all rotations")
    return polished.operator, polished.n_iter


def select_coordinates(rotations, covariance, n_components, core):
    """The k coordinates wanted, their variances, and the variance left out."""
    variances = variances_along(rotations, covariance)
    order = np.argsort(-variances, kind="stable")
    k = count_components(n_components, variances[order])
    if core == "auto":
        core = _cheap_core(rotations, order, k)
    m = k if core is None else core
    if m < k:
        raise ValueError(
            f"core={m} is less than the {k} coordinates that explain "
            f"{n_components} of the variance. Pass core={k} or more."
        )
    operator = _first_coordinates(rotations, order[:m])
    variances, left_out = variances[order[:m]], variances[order[m:]].sum()
    if core is not None:
        values, vectors = eigh((operator @ covariance) @ operator.T)
        values, vectors = values[::-1], vectors.T[::-1]
        variances, left_out = values[:k], left_out + values[k:].sum()
        largest = np.abs(vectors).argmax(axis=1)
        signs = np.sign(vectors[np.arange(m), largest])
        operator = Product(Dense((vectors * signs[:, np.newaxis])[:k]), operator)
    return operator, np.maximum(variances, 0.0), max(left_out, 0.0)


def _first_coordinates(rotations, wanted):
    """These rows of the rotations, the rotations that feed none of them left out."""
    n = rotations.shape[0]
    return Product(Permutation(wanted, n=n), prune_rotations(rotations, wanted))


def _cheap_core(rotations, order, k):
    """Size of the dense finish of k coordinates, or None where it costs too much."""
    n = len(order)
    m = min(2 * k, n)
    rotating = _first_coordinates(rotations, order[:m]).flops
    return m if rotating + 2 * k * m <= _CHEAP_CORE * 2 * k * n else None


def variances_along(operator, covariance):
    """Diagonal of Q C Q^T."""
    rows = operator @ covariance
    return np.maximum(np.diagonal(rows @ operator.T), 0.0)


def gathered(rotations, covariance, k):
    """The larger, the better: what the k largest variances hold.

    All of them hold everything, however they share it; then the sum of v log v, which
    is the larger, the fewer of them hold most.
    """
    variances = np.sort(variances_along(rotations, covariance))[::-1]
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
