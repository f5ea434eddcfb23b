"""The nearest row of a table, exactly."""

import numpy as np
from scipy.sparse import issparse
from sklearn.metrics.pairwise import check_pairwise_arrays

from skfrugal.operators import Dense
from skfrugal.operators._nearest_rows import nearest_rows

# Squares outside this range have lost digits, or everything.
_SMALLEST, _LARGEST = 1e-280, 1e300


def pairwise_argmin_min(X, Y):
    """Index of the nearest row of `Y` to each row of `X`, and its Euclidean distance.

    Twin of :func:`sklearn.metrics.pairwise_distances_argmin_min` with its default
    metric.  The answer is exact: of two rows of `Y` that are nearly equally far, the
    one whose ``sum (x - y)^2`` is less in float64, and the first if they are equal.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples_X, n_features)
        Rows whose neighbour is asked for; sparse rows are made dense in blocks.

    Y : {array-like, sparse matrix} of shape (n_samples_Y, n_features)
        Candidates; made dense if sparse.

    Returns
    -------
    argmin : ndarray of shape (n_samples_X,), dtype intp
        ``Y[argmin[i]]`` is the row of `Y` nearest to ``X[i]``.

    distances : ndarray of shape (n_samples_X,), dtype float64
        Its Euclidean distance.

    See Also
    --------
    skfrugal.cluster.QuickKMeans : Keeps what is prepared for the candidates.

    Notes
    -----
    *Cost.*  The dense product takes ``n_features`` multiply-adds for each pair of rows.
    A filter in small integers spends that on the few pairs that a rigorous bound cannot
    exclude, and 32 to 64 smaller ones on each of the others.  Memory: two copies of
    `Y`, nothing of the size of the table of distances.

    Examples
    --------
    >>> from skfrugal.metrics import pairwise_argmin_min
    >>> argmin, distances = pairwise_argmin_min([[0, 0, 0], [1, 1, 1]],
    ...                                         [[1, 0, 0], [1, 1, 0]])
    >>> argmin, distances
    (array([0, 1]), array([1., 1.]))
    """
    X, Y = check_pairwise_arrays(X, Y, accept_sparse="csr")
    points = Y.toarray() if issparse(Y) else np.array(Y, order="C")
    with np.errstate(over="ignore"):
        labels, squared = nearest_rows(X, Dense(points), return_squared=True)
    distances = np.sqrt(squared)
    unsure = np.flatnonzero((squared < _SMALLEST) | ~(squared < _LARGEST))
    for i in unsure:
        x = X[[i]].toarray()[0] if issparse(X) else X[i]
        distances[i] = _scaled_norm(x.astype(np.float64), points[labels[i]])
    return labels.astype(np.intp), distances


def _scaled_norm(x, y):
    """``|x - y|``, where the square may leave the range of float64."""
    half = x / 2 - y / 2 if np.abs(x).max() > 1 else x - y
    factor = 2.0 if np.abs(x).max() > 1 else 1.0
    exponent = int(np.frexp(np.abs(half).max())[1])
    return factor * np.ldexp(np.linalg.norm(np.ldexp(half, -exponent)), exponent)
