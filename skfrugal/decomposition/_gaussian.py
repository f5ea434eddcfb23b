"""The Gaussian of coordinates with variances, and of noise in all other directions."""

import numpy as np

from skfrugal.operators import Diagonal, Product


def covariance_operator(operator, variances, noise):
    """``W^T diag(variances) W + noise (I - W^T W)``, W the rows of `operator`.

    No variance is below the rounding of the largest.
    """
    largest = max(variances.max(), noise)
    if not np.isfinite(largest):
        raise ValueError(
            "The largest variance is beyond the range of float64. Pass rows divided "
            "by a constant."
        )
    floor = _floor(operator, largest)
    return _function(operator, np.maximum(variances, floor), max(noise, floor))


def precision_operator(operator, variances, noise):
    """The inverse of `covariance_operator`."""
    largest = max(variances.max(), noise)
    floor = _floor(operator, largest)
    if not (np.isfinite(largest) and floor >= np.finfo(np.float64).tiny):
        raise ValueError(
            f"The largest variance is {largest:.3g}, so that there is no inverse in "
            f"float64. Pass rows that differ, of variances about 1."
        )
    inverses = 1.0 / np.maximum(variances, floor)
    return _function(operator, inverses, 1.0 / max(noise, floor))


def _floor(operator, largest):
    return operator.shape[1] * np.finfo(np.float64).eps * largest


def _function(operator, values, elsewhere):
    """A function of the covariance, by its values along W and across it.

    W has orthonormal rows: it does not matter what completes them to a basis.
    """
    k, n = operator.shape
    if k == n:
        return Product(operator.T, Diagonal(values), operator)
    along = Product(operator.T, Diagonal(values - elsewhere), operator)
    return Diagonal(np.full(n, elsewhere)) + along
