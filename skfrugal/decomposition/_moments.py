"""Counts, means and second moments of rows, which can be added up."""

from typing import NamedTuple

import numpy as np
import scipy.sparse as sp
from scipy.linalg.blas import dsyrk
from sklearn.utils import gen_batches

# Rows are centred, or made dense, in blocks of about this many numbers.
_BLOCK_ENTRIES = 2**19


class Moments(NamedTuple):
    """What a covariance needs to know of rows.

    In float64 whatever the dtype of the rows; over a power of two, so that no square
    is too large or too small for it.

    Attributes
    ----------
    count : int
        Number of rows.
    mean : ndarray of shape (n_features,)
        Their mean over `unit`.
    scatter : ndarray of shape (n_features, n_features)
        Sum of the outer products of the centred rows, over the square of `unit`.
    unit : float
        A power of two.
    """

    count: int
    mean: np.ndarray
    scatter: np.ndarray
    unit: np.float64

    @property
    def covariance(self):
        """The unbiased covariance, over the square of `unit`."""
        return self.scatter / (self.count - 1)

    def in_unit(self, unit):
        """The same moments over another power of two."""
        ratio = self.unit / unit
        if ratio == 1:
            return self
        with np.errstate(under="ignore"):
            scatter = self.scatter * ratio * ratio
            return Moments(self.count, self.mean * ratio, scatter, unit)

    def around(self, origin):
        """Mean outer product of the rows less `origin`, over the square of `unit`."""
        shift = self.mean - origin
        return self.scatter / self.count + np.outer(shift, shift)


def moments(X):
    """Moments of dense or sparse rows."""
    unit = power_of_two(X)
    if X.shape[0] and sp.issparse(X):
        return Moments(X.shape[0], *_sparse_moments(X, unit), unit)
    return Moments(X.shape[0], *_dense_moments(X, unit), unit)


def merged(parts):
    """Moments of all rows together."""
    parts = [part for part in parts if part.count]
    total, *others = parts
    for part in others:
        total = _sum_of_two(total, part)
    return total


def fold_moments(X, n_folds, first=0):
    """Moments of every n_folds-th row; row 0 belongs to the fold `first`.

    Rows that stand in groups are spread over the folds.
    """
    if n_folds == 1:
        return (moments(X),)
    starts = ((fold - first) % n_folds for fold in range(n_folds))
    return tuple(moments(X[start::n_folds]) for start in starts)


def extended(folds, X):
    """Moments of the folds once the rows of X have followed theirs."""
    seen = sum(fold.count for fold in folds)
    added = fold_moments(X, len(folds), seen % len(folds))
    return tuple(
        merged(pair) if pair[0].count or pair[1].count else pair[0]
        for pair in zip(folds, added, strict=True)
    )


def _sum_of_two(one, two):
    unit = max(one.unit, two.unit)
    one, two = one.in_unit(unit), two.in_unit(unit)
    count = one.count + two.count
    shift = two.mean - one.mean
    scatter = one.scatter + two.scatter
    scatter += np.outer(shift, shift) * (one.count * two.count / count)
    return Moments(count, one.mean + shift * (two.count / count), scatter, unit)


def _dense_moments(X, unit):
    """Mean and scatter over `unit`, in blocks of rows that stay in a cache."""
    n_samples, n = X.shape
    step = max(1, _BLOCK_ENTRIES // n)
    batches = list(gen_batches(n_samples, step)) if n_samples else []
    block = np.empty((min(step, n_samples), n))
    mean, scatter = np.zeros(n), np.zeros((n, n), order="F")

    def scaled(rows):
        return np.divide(X[rows], unit, out=block[: rows.stop - rows.start])

    for rows in batches:
        mean += scaled(rows).sum(axis=0)
    mean /= max(1, n_samples)
    for rows in batches:
        centred = scaled(rows)
        centred -= mean
        scatter = dsyrk(1.0, centred.T, beta=1.0, c=scatter, overwrite_c=True)
    # Only one triangle was summed up.
    scatter += np.triu(scatter, 1).T
    return mean, np.ascontiguousarray(scatter)


def _sparse_moments(X, unit):
    """Mean and scatter over `unit`, from products of sparse rows."""
    n_samples = X.shape[0]
    scaled = sp.csr_array(X, dtype=np.float64, copy=True)
    scaled.data /= unit
    mean = np.asarray(scaled.sum(axis=0)).ravel() / n_samples
    scatter = (scaled.T @ scaled).toarray()
    squares = np.diagonal(scatter).copy()
    scatter -= n_samples * np.outer(mean, mean)
    # What subtraction leaves of a constant column is rounding.
    rounding = n_samples * np.finfo(np.float64).eps * squares
    constant = np.diagonal(scatter) <= rounding
    scatter[constant] = 0.0
    scatter[:, constant] = 0.0
    return mean, scatter


def power_of_two(X):
    """About the largest entry, as a float64 that scales X without rounding."""
    values = X.data if sp.issparse(X) else X
    largest = max(values.max(), -values.min()) if values.size else 0.0
    exponent = np.frexp(largest)[1]
    # So that it and its inverse are floats; 74 bits more or less do no harm.
    return np.float64(2.0) ** np.clip(exponent, -1000, 1000)


def in_units_of_rows(variances, unit):
    """Variances of the rows themselves, as near to them as float64 reaches."""
    with np.errstate(over="ignore", under="ignore"):
        return variances * unit * unit


def standard_deviations(variances, n_features, unit, dtype):
    """Standard deviations of the rows; 1 where they are zero but for rounding."""
    rounding = n_features * np.finfo(dtype).eps * variances.max()
    deviations = np.sqrt(variances) * unit
    return np.where(variances <= rounding, 1.0, deviations).astype(dtype)


def explained_fraction(transformer, X):
    """1 minus the squares that the reconstruction misses over those around the mean.

    In blocks of rows, which may be sparse.
    """
    mean = transformer.mean_
    unit = max(power_of_two(X), power_of_two(mean))
    error = total = 0.0
    step = max(1, _BLOCK_ENTRIES // X.shape[1])
    for rows in gen_batches(X.shape[0], step):
        block = X[rows].toarray() if sp.issparse(X) else X[rows]
        decoded = transformer.inverse_transform(transformer.transform(block))
        error += _energy(block - decoded, unit)
        total += _energy(block - mean, unit)
    return float(1.0 - error / total) if total else 1.0


def _energy(values, unit):
    """Sum of squares over that of `unit`."""
    values /= unit
    return np.einsum("ij,ij->", values, values, dtype=np.float64)
