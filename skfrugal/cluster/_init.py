"""Where k-means starts: the checks, the centring and the draws of scikit-learn."""

import warnings
from contextlib import contextmanager

import numpy as np
import scipy.sparse as sp
from sklearn.cluster import kmeans_plusplus
from sklearn.utils import check_array
from sklearn.utils.extmath import row_norms
from sklearn.utils.sparsefuncs import mean_variance_axis

from skfrugal._sklearn import _check_sample_weight, _is_arraylike_not_scalar
from skfrugal.cluster._nearest import check_in_range


def check_weights(sample_weight, X):
    """Weights of the rows as an array, non-negative and not all zero."""
    sample_weight = _check_sample_weight(sample_weight, X, dtype=X.dtype)
    if np.any(sample_weight < 0):
        raise ValueError(
            f"Negative values in sample_weight (the least is {sample_weight.min()}); "
            f"pass weights that are zero or positive."
        )
    if not np.any(sample_weight):
        raise ValueError(
            "Sample weights must contain at least one non-zero number; pass "
            "sample_weight=None to weigh all samples equally."
        )
    return sample_weight


def resolve_n_init(init, n_init, *, n_draws, name):
    """Number of runs: `n_draws` where "auto" meets starts without a heuristic.

    A given array of centres is one start, whatever `n_init` says.
    """
    is_array = _is_arraylike_not_scalar(init)
    if n_init == "auto":
        is_drawn = callable(init) or (isinstance(init, str) and init == "random")
        return n_draws if is_drawn and not is_array else 1
    if is_array and n_init != 1:
        warnings.warn(
            f"Explicit initial center position passed: performing only one init in "
            f"{name} instead of n_init={n_init}.",
            RuntimeWarning,
            stacklevel=5,
        )
        return 1
    return n_init


def check_centers(centers, n_clusters, n_features):
    """Raise unless `centers` has shape (n_clusters, n_features)."""
    if centers.shape[0] != n_clusters:
        raise ValueError(
            f"The shape of the initial centers {centers.shape} does not match the "
            f"number of clusters {n_clusters}."
        )
    if centers.shape[1] != n_features:
        raise ValueError(
            f"The shape of the initial centers {centers.shape} does not match the "
            f"number of features of the data {n_features}."
        )


@contextmanager
def centred(X, *, copy):
    """Rows with their mean subtracted, and the mean; sparse rows as they are.

    Without a copy, `X` is shifted in place and put back on exit.
    """
    if sp.issparse(X):
        yield X, np.zeros(X.shape[1], dtype=X.dtype)
        return
    mean = X.mean(axis=0)
    if copy:
        yield X - mean, mean
        return
    X -= mean
    try:
        yield X, mean
    finally:
        X += mean


def scaled_tolerance(X, tol):
    """`tol` times the mean variance of the columns of centred (or sparse) rows.

    Raises
    ------
    ValueError
        When the variance leaves the range of float64.
    """
    if sp.issparse(X):
        X = X.astype(np.float64, copy=False)
        variance = np.mean(mean_variance_axis(X, axis=0)[1])
    else:
        variance = np.einsum("ij,ij->", X, X, dtype=np.float64) / X.size
    check_in_range(variance, "variance")
    return float(variance * tol)


def initial_centers(X, sample_weight, n_clusters, *, init, n_init, origin, rng):
    """Starting centres of `n_init` runs, with the draws of scikit-learn's KMeans.

    Parameters
    ----------
    X : {ndarray, CSR matrix} of shape (n_samples, n_features)
        Centred rows (sparse rows are not centred).

    init : {"k-means++", "random"}, ndarray or callable
        An array is in the coordinates of the data, a callable answers in those of `X`.

    origin : ndarray of shape (n_features,)
        What was subtracted from the data.

    Returns
    -------
    starts : list of ndarray of shape (n_clusters, n_features)
    """
    if isinstance(init, np.ndarray):
        return [init - origin] * n_init
    if callable(init):
        return [_called(init, X, n_clusters, rng) for _ in range(n_init)]
    if init == "random":
        p = sample_weight / sample_weight.sum()
        return [_sampled(X, n_clusters, p, rng) for _ in range(n_init)]
    x_squared_norms = row_norms(X, squared=True)
    scale = _scale(X, x_squared_norms)
    if scale != 1:
        X = X * X.dtype.type(scale)
        x_squared_norms = row_norms(X, squared=True)
    return [
        kmeans_plusplus(
            X,
            n_clusters,
            sample_weight=sample_weight,
            x_squared_norms=x_squared_norms,
            random_state=rng,
        )[0]
        / X.dtype.type(scale)
        for _ in range(n_init)
    ]


def _scale(X, x_squared_norms):
    """Power of two that brings squares into range, 1 where they are."""
    info = np.finfo(X.dtype)
    largest = x_squared_norms.max()
    if info.tiny / info.eps**2 < largest < info.max * info.eps:
        return 1.0
    exponent = np.frexp(float(abs(X).max()))[1]
    return float(np.ldexp(1.0, min(-exponent, info.maxexp - 1)))


def _called(init, X, n_clusters, rng):
    centers = init(X, n_clusters, random_state=rng)
    centers = check_array(centers, dtype=X.dtype, copy=True, order="C")
    check_centers(centers, n_clusters, X.shape[1])
    return centers


def _sampled(X, n_clusters, p, rng):
    n_drawable = np.count_nonzero(p)
    if n_drawable < n_clusters:
        raise ValueError(
            f"init='random' draws n_clusters={n_clusters} distinct samples, but only "
            f"{n_drawable} have a positive weight; pass fewer clusters or "
            f"init='k-means++'."
        )
    centers = X[rng.choice(X.shape[0], size=n_clusters, replace=False, p=p)]
    return centers.toarray() if sp.issparse(centers) else centers
