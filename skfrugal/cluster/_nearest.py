"""Nearest centroid of each row, exactly, through blocked products.

A block of rows `x` is scored against all centroids by ``|c|^2 - 2 x c``, one matrix
product.  Rounding can make two scores change places, so that a row whose best scores
lie within the rounding bound of each other is decided again, among the centroids
concerned, from ``sum (x - c)^2`` in float64.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp

from skfrugal.operators import Dense, Operator

# Scores of a block of rows, or differences of a chunk of pairs: about this many
# numbers, so that they stay in cache.
_BLOCK_ENTRIES = 2**18


def row_blocks(n_rows, n_columns, *, least=16):
    """Slices that cover `n_rows` rows of `n_columns` numbers block by block."""
    step = max(least, _BLOCK_ENTRIES // max(1, n_columns))
    return [slice(i, min(i + step, n_rows)) for i in range(0, n_rows, step)]


@dataclass(frozen=True)
class _Table:
    """Centroids ready for products with rows of one dtype.

    ``origin`` (or None) is subtracted from rows and centroids before the product:
    distances do not change, but data far from zero lose no digits.
    """

    centers: np.ndarray
    origin: np.ndarray | None
    operator: Operator
    squared_norms: np.ndarray
    unit_roundoff: float
    dtype: np.dtype

    @cached_property
    def first_copy(self):
        """Lowest index of a centroid with the same coordinates, for each centroid."""
        _, first, inverse = np.unique(
            self.centers, axis=0, return_index=True, return_inverse=True
        )
        return first[inverse.reshape(-1)]

    def local(self, X):
        """Rows in the coordinates of the table."""
        X = X.astype(self.dtype, copy=False)
        return X if self.origin is None else X - self.origin

    def scores(self, x):
        """``|c|^2 - 2 x c`` for local rows, in the dtype of the table."""
        scores = x @ self.operator.T
        scores *= -2
        scores += self.squared_norms
        return scores

    def slack(self, x_squared_norms):
        """Bound on the rounding error of the scores of each row.

        Products of length d: ``(d + 2) u (|c|^2 + 2 |x| |c|)``; the rest of the
        constant covers the rounding of coordinates, norms, sums and of this bound.
        """
        n_features = self.centers.shape[1]
        largest = np.sqrt(self.squared_norms.max())
        size = largest * (largest + 2 * np.sqrt(x_squared_norms))
        tiny = np.finfo(self.dtype).tiny
        return (n_features + 8) * (self.unit_roundoff * size + tiny)


def _blocks(X, operator):
    n_columns = operator.shape[0] if sp.issparse(X) else max(operator.shape)
    return row_blocks(X.shape[0], n_columns)


def _table(operator, dtype, shift):
    dtype = np.result_type(operator.dtype, dtype)
    if not isinstance(operator, Dense):
        # The product is kept; its rounding is that of the operator's own dtype.
        centers, origin = operator.toarray(), None
        local, roundoff = centers, np.finfo(operator.dtype).eps / 2
    else:
        centers, roundoff = operator.array, np.finfo(dtype).eps / 2
        local = centers.astype(dtype, copy=False)
        origin = local.mean(axis=0) if shift else None
        if shift:
            local = local - origin
            operator = Dense(local)
    norms = _squared_norms(local).astype(dtype, copy=False)
    return _Table(centers, origin, operator, norms, roundoff, dtype)


def nearest_labels(X, operator, *, shift=True, exact=True):
    """Index of the row of `operator` nearest to each row of `X`.

    Parameters
    ----------
    X : {ndarray, CSR matrix} of shape (n_samples, n_features)
        Rows, validated.

    operator : Operator of shape (n_clusters, n_features)
        Centroids.

    shift : bool, default=True
        Whether dense rows and centroids are centred before the product; False for
        rows that are centred already.

    exact : bool, default=True
        Whether rows whose choice rounding could have changed are decided again.
        False leaves them to the rounding of the product, as scikit-learn does, so
        that its iterations can be followed through ties; what overflows or underflows
        is decided again in any case.

    Returns
    -------
    labels : ndarray of shape (n_samples,), dtype int32
        Ties go to the lowest index.
    """
    table = _table(operator, X.dtype, shift and not sp.issparse(X))
    range_ = np.finfo(table.dtype)
    exact = exact or table.squared_norms.max() < range_.tiny / range_.eps**2
    labels = np.empty(X.shape[0], dtype=np.int32)
    with np.errstate(over="ignore", invalid="ignore"):
        for rows in _blocks(X, operator):
            labels[rows] = _nearest_in_block(X[rows], table, exact)
    return labels


def _nearest_in_block(X, table, exact):
    x = table.local(X)
    scores = table.scores(x)
    labels = scores.argmin(axis=1)
    bound = scores[np.arange(len(labels)), labels]
    bound += 2 * table.slack(_squared_norms(x))
    # Scores that overflowed compare false, and so stay in question.
    if exact:
        far = scores > bound[:, np.newaxis]
        unclear = np.flatnonzero(np.count_nonzero(far, axis=1) < far.shape[1] - 1)
        far = far[unclear]
    else:
        unclear = np.flatnonzero(~np.isfinite(bound))
        far = scores[unclear] > bound[unclear, np.newaxis]
    if len(unclear):
        first_copy = table.first_copy
        near = ~far
        near &= first_copy == np.arange(len(first_copy))
        near[np.arange(len(unclear)), first_copy[labels[unclear]]] = True
        labels[unclear] = _decide(_dense_rows(X, unclear), table.centers, near)
    return labels


def _decide(X, centers, near):
    """Nearest of the centroids marked in `near`, from float64 differences."""
    labels = np.empty(len(X), dtype=np.intp)
    n_pairs = np.cumsum(np.count_nonzero(near, axis=1))
    start = 0
    while start < len(X):
        done = n_pairs[start - 1] if start else 0
        limit = done + _BLOCK_ENTRIES // max(1, X.shape[1])
        stop = max(start + 1, int(np.searchsorted(n_pairs, limit, side="right")))
        rows, columns = np.nonzero(near[start:stop])
        difference = X[start:stop][rows].astype(np.float64)
        difference -= centers[columns]
        labels[start:stop] = _least_per_row(rows, columns, difference)
        start = stop
    return labels


def _least_per_row(rows, columns, difference):
    """Column of the shortest difference of each row; `rows` is sorted."""
    starts = np.flatnonzero(np.diff(rows, prepend=-1))
    n_pairs = np.diff(starts, append=len(rows))
    # A power of two per row brings the candidate distances near one: no square
    # overflows or underflows where it matters, and no digit changes.
    size = np.abs(difference).max(axis=1)
    exponent = np.frexp(np.minimum.reduceat(size, starts))[1]
    difference = np.ldexp(difference, -np.repeat(exponent, n_pairs)[:, np.newaxis])
    distance = np.einsum("ij,ij->i", difference, difference)
    least = np.minimum.reduceat(distance, starts)
    hits = np.flatnonzero(distance == np.repeat(least, n_pairs))
    return columns[hits[np.unique(rows[hits], return_index=True)[1]]]


def distances(X, operator):
    """Euclidean distances of the rows of `X` to those of `operator`.

    Computed in float64 and returned with dtype ``np.result_type(operator, X)``.
    Distances so small that the expanded square would lose half of the digits are
    summed from differences; a row equal to a centroid has distance 0.
    """
    table = _table(operator, np.float64, not sp.issparse(X))
    out = np.empty((X.shape[0], operator.shape[0]), np.result_type(operator, X.dtype))
    for rows in _blocks(X, operator):
        x = table.local(X[rows])
        norms = _squared_norms(x)[:, np.newaxis]
        squared = table.scores(x)
        squared += norms
        close = squared <= 1e-6 * (norms + table.squared_norms)
        i, k = np.nonzero(close)
        for pairs in row_blocks(len(i), X.shape[1]):
            difference = _dense_rows(X[rows], i[pairs]).astype(np.float64)
            difference -= table.centers[k[pairs]]
            squared[i[pairs], k[pairs]] = _squared_norms(difference)
        out[rows] = np.sqrt(squared)
    return out


def squared_distances_to(X, centers, labels):
    """``|x_i - centers[labels_i]|^2`` in float64, from differences."""
    out = np.empty(X.shape[0])
    centers = centers.astype(np.float64, copy=False)
    if sp.issparse(X):
        row = np.repeat(np.arange(X.shape[0]), np.diff(X.indptr))
        center = centers[labels[row], X.indices]
        excess = (X.data - center) ** 2 - center**2
        out = np.bincount(row, weights=excess, minlength=X.shape[0])
        return np.maximum(out + _squared_norms(centers)[labels], 0)
    for rows in row_blocks(*X.shape):
        out[rows] = _squared_norms(X[rows] - centers[labels[rows]])
    return out


def inertia(X, sample_weight, operator, labels):
    """Weighted sum of squared distances to the assigned centroids, in float64."""
    squared = squared_distances_to(X, operator.toarray(), labels)
    return float(squared @ sample_weight.astype(np.float64, copy=False))


def _squared_norms(x):
    if sp.issparse(x):
        return np.asarray(x.multiply(x).sum(axis=1)).ravel()
    return np.einsum("ij,ij->i", x, x)


def _dense_rows(X, rows):
    return X[rows].toarray() if sp.issparse(X) else X[rows]
