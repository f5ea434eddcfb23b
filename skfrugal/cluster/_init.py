"""Where k-means starts: the checks, the centring and the draws of scikit-learn."""

import warnings
from contextlib import contextmanager

import numpy as np
import scipy.sparse as sp
from sklearn.utils import check_array, check_random_state
from sklearn.utils.sparsefuncs import mean_variance_axis

from skfrugal._sklearn import _check_sample_weight, _is_arraylike_not_scalar
from skfrugal.cluster._kmeans_plusplus import PlusplusDraws, uses_bounds
from skfrugal.cluster._nearest import check_in_range, row_blocks


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


def column_means(X):
    """Means of the features of dense rows; zeros for sparse ones, left as they are."""
    if sp.issparse(X):
        return np.zeros(X.shape[1], dtype=X.dtype)
    return X.mean(axis=0)


@contextmanager
def centred(X, mean, *, copy):
    """Rows with `mean` subtracted; sparse rows as they are.

    Without a copy, `X` is shifted in place and put back on exit.
    """
    if sp.issparse(X) or not mean.any():
        yield X
        return
    if copy:
        yield X - mean
        return
    X -= mean
    try:
        yield X
    finally:
        X += mean


def scaled_tolerance(X, mean, tol):
    """`tol` times the mean variance of the columns.

    Raises
    ------
    ValueError
        When the variance leaves the range of float64.
    """
    if tol == 0 and np.all(np.isfinite(mean)):
        return 0.0  # without a pass over X
    if sp.issparse(X):
        X = X.astype(np.float64, copy=False)
        variance = np.mean(mean_variance_axis(X, axis=0)[1])
    else:
        variance = _sum_of_squares(X, mean) / X.size
    check_in_range(variance, "variance")
    return float(variance * tol)


def _sum_of_squares(X, mean):
    """Of centred rows, block by block, in float64 where their dtype is not enough."""
    blocks = row_blocks(*X.shape)
    total = 0.0
    for rows in blocks:
        part = (X[rows] - mean).reshape(-1)
        total += float(part @ part)
    info = np.finfo(X.dtype)
    if info.tiny / info.eps**2 < total < info.max * info.eps:
        return total
    parts = (X[rows] - mean for rows in blocks)
    return sum(np.einsum("ij,ij->", part, part, dtype=np.float64) for part in parts)


def initial_centers(
    X, sample_weight, n_clusters, *, init, n_init, origin, rng, copy=True
):
    """Starting centres of `n_init` runs, with the draws of scikit-learn's KMeans.

    Parameters
    ----------
    X : {ndarray, CSR matrix} of shape (n_samples, n_features)
        Rows, not centred.

    init : {"k-means++", "random"}, ndarray or callable
        An array is in the coordinates of the data, a callable is given rows less
        `origin` and answers in their coordinates.

    origin : ndarray of shape (n_features,)
        Subtracted from all centres.

    copy : bool, default=True
        Whether rows are centred in a copy, where they must be.

    Returns
    -------
    starts : list of ndarray of shape (n_clusters, n_features)
    """
    if isinstance(init, np.ndarray):
        return [init - origin] * n_init
    if isinstance(init, str) and init == "random":
        p = sample_weight / sample_weight.sum()
        return [_sampled(X, n_clusters, p, rng) - origin for _ in range(n_init)]
    if callable(init):
        with centred(X, origin, copy=copy) as rows:
            return [_called(init, rows, n_clusters, rng) for _ in range(n_init)]
    # Bounds are those of uncentred rows; products are rounded less if centred.
    shift = np.zeros_like(origin) if uses_bounds(X, n_clusters) else origin
    with centred(X, shift, copy=copy) as rows:
        draw = PlusplusDraws(rows)
        drawn = [draw(n_clusters, sample_weight, rng) for _ in range(n_init)]
    return [_rows_at(X, indices) - origin for indices in drawn]


def kmeans_plusplus(
    X,
    n_clusters,
    *,
    sample_weight=None,
    x_squared_norms=None,
    random_state=None,
    n_local_trials=None,
):
    """Draw centres by greedy k-means++.

    Twin of :func:`sklearn.cluster.kmeans_plusplus`: the same draws for the same seed,
    also for data whose squares leave the range of their dtype.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Data from which the centres are drawn.

    n_clusters : int
        Number of centres, at most `n_samples`.

    sample_weight : array-like of shape (n_samples,), default=None
        Non-negative weights of the samples; None weighs all equally.

    x_squared_norms : array-like of shape (n_samples,), default=None
        Squared lengths of the samples, if they are known.

    random_state : int, RandomState instance or None, default=None
        Seed of the draws.

    n_local_trials : int, default=None
        Candidates of which the best becomes the next centre; None means
        ``2 + log(n_clusters)``.

    Returns
    -------
    centers : ndarray of shape (n_clusters, n_features)
        The centres.

    indices : ndarray of shape (n_clusters,)
        ``X[indices]`` are the centres.

    See Also
    --------
    QuickKMeans : Starts from such centres.

    Notes
    -----
    *Cost.*  scikit-learn computes the distances of all samples to ``n_local_trials``
    candidates a centre, in float64.  Here bounds (64 rotated columns, then a copy in
    bytes) rule most of them out: of 20,000 images and 1,024 centres two in a hundred
    are compared in bytes, three in a thousand in float64.  The bounds take one byte a
    value and 260 bytes a row, and are used from 64 features on.

    References
    ----------
    Arthur and Vassilvitskii (2007), "k-means++: The advantages of careful seeding".

    Examples
    --------
    >>> import numpy as np
    >>> from skfrugal.cluster import kmeans_plusplus
    >>> X = np.array([[1, 2], [1, 4], [1, 0], [10, 2], [10, 4], [10, 0]])
    >>> centers, indices = kmeans_plusplus(X, n_clusters=2, random_state=0)
    >>> indices
    array([3, 2])
    """
    X = check_array(
        X, accept_sparse="csr", dtype=[np.float64, np.float32], input_name="X"
    )
    if X.shape[0] < n_clusters:
        raise ValueError(
            f"n_samples={X.shape[0]} should be >= n_clusters={n_clusters}; pass fewer "
            f"clusters or more samples."
        )
    sample_weight = check_weights(sample_weight, X)
    rng = check_random_state(random_state)
    norms = _check_norms(x_squared_norms, X)
    indices = PlusplusDraws(X, norms)(n_clusters, sample_weight, rng, n_local_trials)
    return _rows_at(X, indices), indices


def _rows_at(X, indices):
    rows = X[indices]
    return rows.toarray() if sp.issparse(rows) else rows


def _check_norms(x_squared_norms, X):
    """Squared lengths of the rows, if they were given."""
    if x_squared_norms is None:
        return None
    name = "x_squared_norms"
    norms = check_array(
        x_squared_norms, dtype=X.dtype, ensure_2d=False, input_name=name
    )
    if norms.shape[0] != X.shape[0]:
        raise ValueError(
            f"The length of x_squared_norms {norms.shape[0]} should be equal to the "
            f"length of n_samples {X.shape[0]}."
        )
    return norms


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
