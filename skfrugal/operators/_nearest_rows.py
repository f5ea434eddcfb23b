"""The nearest row of a dense operator, for rows of any dtype, dense or sparse."""

import numpy as np

from skfrugal import _kernels
from skfrugal.operators._fused_nearest import NearestPoints
from skfrugal.operators._nearest_dense import exact_squared_distances

# Rows that are cast to the dtype of the points, or made dense, together.
_CAST_ENTRIES = 2**21


def nearest_rows(X, operator, *, guess=None, return_squared=False):
    """Nearest row of a dense operator to each row of `X`, exactly.

    Parameters
    ----------
    X : {ndarray, sparse matrix} of shape (n_rows, n_features)
        Finite numbers; sparse rows are made dense block by block.
    operator : Dense of shape (n_points, n_features)
        The points; it keeps what is packed for it.
    guess : ndarray of shape (n_rows,), int32, or None, default=None
        Labels that are right for most rows: they make the search faster.
    return_squared : bool, default=False
        Return squared distances (float64) as well.

    Returns
    -------
    labels : ndarray of shape (n_rows,), int32
        Ties go to the lowest index.
    squared : ndarray of shape (n_rows,), float64
    """
    dtype = np.result_type(operator.dtype, X.dtype)
    n_rows, n_features = X.shape
    nearest = operator._cached(
        ("nearest", dtype.str),
        lambda: NearestPoints(np.ascontiguousarray(operator.array, dtype=dtype)),
    )
    has_guess = guess is not None
    labels = np.array(guess, dtype=np.int32) if has_guess else np.empty(n_rows, "i4")
    squared = np.empty(n_rows if return_squared else 0)
    is_ready = isinstance(X, np.ndarray) and X.dtype == dtype and X.flags.c_contiguous
    step = n_rows if is_ready else max(64, _CAST_ENTRIES // max(1, n_features))
    for start in range(0, n_rows, max(1, step)):
        part = slice(start, start + step)
        x = X[part] if isinstance(X, np.ndarray) else X[part].toarray()
        x = np.ascontiguousarray(x, dtype=dtype)
        nearest.plan(x)
        nearest.search_all(x, labels[part], guess=has_guess)
        if return_squared:
            squared[part] = exact_squared_distances(
                x, nearest.points, labels[part], nearest.kernels
            )
    return (labels, squared) if return_squared else labels


def squared_distances_of(X, points, labels):
    """``|X[i] - points[labels[i]]|^2`` in float64, by differences, for dense rows."""
    kernels = _kernels.kernels
    is_ready = X.dtype == points.dtype and X.flags.c_contiguous
    if not (is_ready and points.flags.c_contiguous):
        kernels = None
    return exact_squared_distances(X, points, labels, kernels)


class MovingPoints:
    """The nearest of points that move between batches of rows.

    The choice of a tier and the frame of a filter are kept from batch to batch.

    Parameters
    ----------
    n_rows : int
        Rows that are expected in all batches together.
    """

    def __init__(self, n_rows):
        self._n_rows = n_rows
        self._nearest = None

    def labels(self, X, points):
        """Index of the nearest of the points, which have the dtype of `X`."""
        if self._nearest is None or not self._nearest.move(points):
            self._nearest = NearestPoints(points)
            self._nearest.plan(X, self._n_rows)
        labels = np.empty(len(X), dtype=np.int32)
        self._nearest.search_all(X, labels)
        return labels
