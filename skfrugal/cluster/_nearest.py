"""Nearest centroid of each row, exactly.

Dense rows go through kernels of `skfrugal.operators`: with dense centroids through a
filter, with those that are a product of few sparse and dense factors through the
product.  Sparse rows and other centroids, and iterations that follow scikit-learn's, go
through blocked products.

A block of rows `x` is scored against all centroids by ``|c|^2 - 2 x c``, one matrix
product.  Rounding can make two scores change places, so that a row whose best scores
lie within the rounding bound of each other is decided again, among the centroids
concerned, from ``sum (x - c)^2`` in float64.
"""

import numpy as np
import scipy.sparse as sp

from skfrugal.cluster._table import (
    Table,
    exponents,
    scaled_squared_norms,
    squared_norms,
)
from skfrugal.operators import CosineTransform, Dense, Product, Rotations
from skfrugal.operators._fused_product_nearest import product_nearest
from skfrugal.operators._nearest_rows import nearest_rows, squared_distances_of

# Scores of a block of rows, or differences of a chunk of pairs: about this many
# numbers, so that they stay in cache.
_BLOCK_ENTRIES = 2**18


def row_blocks(n_rows, n_columns, *, least=16):
    """Slices that cover `n_rows` rows of `n_columns` numbers block by block."""
    step = max(least, _BLOCK_ENTRIES // max(1, n_columns))
    return [slice(i, min(i + step, n_rows)) for i in range(0, n_rows, step)]


def _blocks(X, operator):
    n_columns = operator.shape[0] if sp.issparse(X) else max(operator.shape)
    return row_blocks(X.shape[0], n_columns)


def nearest_labels(X, operator, *, shift=True, exact=True, guess=None):
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

    guess : ndarray of shape (n_samples,) or None, default=None
        Labels that are right for most rows, which may make the search faster.

    Returns
    -------
    labels : ndarray of shape (n_samples,), dtype int32
        Ties go to the lowest index.
    """
    if exact and not sp.issparse(X):
        if isinstance(operator, Dense):
            return nearest_rows(X, operator, guess=guess)
        inner, turned = _without_turn(operator)
        if turned is not None and product_nearest(inner) is not None:
            labels = np.empty(X.shape[0], dtype=np.int32)
            for rows in row_blocks(X.shape[0], 4 * X.shape[1]):
                labels[rows] = nearest_labels(X[rows] @ turned.T, inner)
            return labels
        fused = product_nearest(operator)
        if fused is not None:
            labels = fused.labels(X)
            left = np.flatnonzero(labels < 0)
            if len(left):
                operator = operator.astype(np.float64)
                labels[left] = _nearest_by_table(X[left], operator, shift, exact)
            return labels
    return _nearest_by_table(X, operator, shift, exact)


def finds_not_finite(operator):
    """Whether `nearest_labels` of dense rows raises where a number is not finite."""
    inner, _ = _without_turn(operator)
    return isinstance(operator, Dense) or product_nearest(inner) is not None


def _without_turn(operator):
    """The product without an orthogonal last factor, and that factor or None.

    Rows turned by it are as far from the rows of the first as they were from those of
    the product, but for the rounding of their coordinates.
    """
    factors = operator.factors if isinstance(operator, Product) else ()
    if len(factors) > 1 and isinstance(factors[-1], CosineTransform | Rotations):
        if factors[-1].dtype.kind == "f":
            return operator._cached(
                "without turn", lambda: (Product(*factors[:-1]), factors[-1])
            )
    return operator, None


def _nearest_by_table(X, operator, shift, exact):
    with np.errstate(over="ignore", invalid="ignore"):
        shift = shift and not sp.issparse(X)
        table = Table.of(operator, X.dtype, shift=shift, exact=exact)
        range_ = np.finfo(table.dtype)
        exact = exact or table.squared_norms.max() < range_.tiny / range_.eps**2
        labels = np.empty(X.shape[0], dtype=np.int32)
        for rows in _blocks(X, operator):
            labels[rows] = _nearest_in_block(X[rows], table, exact)
    return labels


def _nearest_in_block(X, table, exact):
    x = table.local(X)
    scores = table.scores(x)
    labels = scores.argmin(axis=1)
    bound = scores[np.arange(len(labels)), labels]
    bound += 2 * table.slack(x)
    # Scores that overflowed compare false, and so stay in question.
    if exact:
        far = scores > bound[:, np.newaxis]
        unclear = np.flatnonzero(np.count_nonzero(far, axis=1) < far.shape[1] - 1)
        far = far[unclear]
    else:
        unclear = np.flatnonzero(~np.isfinite(bound))
        far = scores[unclear] > bound[unclear, np.newaxis]
    if len(unclear) == 0:
        return labels
    if sp.issparse(X) and table.refined is not None:
        labels[unclear] = _nearest_in_block(X[unclear], table.refined, True)
        return labels
    first_copy = table.first_copy
    near = ~far
    near &= first_copy == np.arange(len(first_copy))
    near[np.arange(len(unclear)), first_copy[labels[unclear]]] = True
    labels[unclear] = _decide(X[unclear], table, near)
    return labels


def _decide(X, table, near):
    """Nearest of the centroids marked in `near`, from float64 differences."""
    labels = np.empty(X.shape[0], dtype=np.intp)
    n_pairs = np.cumsum(np.count_nonzero(near, axis=1))
    at_once = _BLOCK_ENTRIES // max(1, table.n_entries(X))
    start = 0
    while start < len(labels):
        done = n_pairs[start - 1] if start else 0
        stop = int(np.searchsorted(n_pairs, done + at_once, side="right"))
        stop = max(start + 1, stop)
        rows, columns = np.nonzero(near[start:stop])
        difference = table.differences(X, start + rows, columns)
        labels[start:stop] = _least_per_row(rows, columns, difference)
        start = stop
    return labels


def _least_per_row(rows, columns, difference):
    """Column of the shortest difference of each row; `rows` is sorted."""
    starts = np.flatnonzero(np.diff(rows, prepend=-1))
    n_pairs = np.diff(starts, append=len(rows))
    exponent = np.repeat(np.minimum.reduceat(exponents(difference), starts), n_pairs)
    distance = scaled_squared_norms(difference, exponent)
    least = np.minimum.reduceat(distance, starts)
    hits = np.flatnonzero(distance == np.repeat(least, n_pairs))
    return columns[hits[np.unique(rows[hits], return_index=True)[1]]]


def distances(X, operator):
    """Euclidean distances of the rows of `X` to those of `operator`.

    Computed in float64 and returned with dtype ``np.result_type(operator, X)``.
    Distances so small that the expanded square would lose half of the digits, or so
    large that it overflows, are summed from differences; a row equal to a centroid
    has distance 0.
    """
    out = np.empty((X.shape[0], operator.shape[0]), np.result_type(operator, X.dtype))
    with np.errstate(over="ignore", invalid="ignore"):
        table = Table.of(operator, np.float64, shift=not sp.issparse(X))
        for rows in _blocks(X, operator):
            out[rows] = _distances_in_block(X[rows], table)
    return out


def _distances_in_block(X, table):
    x = table.local(X)
    norms = squared_norms(x)[:, np.newaxis]
    squared = table.scores(x)
    squared += norms
    in_question = squared <= 1e-6 * (norms + table.squared_norms)
    in_question |= ~np.isfinite(squared)
    result = np.sqrt(squared)
    i, k = np.nonzero(in_question)
    for pairs in row_blocks(len(i), table.n_entries(X)):
        difference = table.differences(X, i[pairs], k[pairs])
        exponent = exponents(difference)
        length = np.sqrt(scaled_squared_norms(difference, exponent))
        result[i[pairs], k[pairs]] = np.ldexp(length, exponent)
    return result


def squared_distances_to(X, centers, labels):
    """``|x_i - centers[labels_i]|^2`` in float64, from differences."""
    if not sp.issparse(X):
        return squared_distances_of(X, centers, labels)
    centers = centers.astype(np.float64, copy=False)
    row = np.repeat(np.arange(X.shape[0]), np.diff(X.indptr))
    center = centers[labels[row], X.indices]
    excess = (X.data - center) ** 2 - center**2
    out = np.bincount(row, weights=excess, minlength=X.shape[0])
    return np.maximum(out + squared_norms(centers)[labels], 0)


def inertia(X, sample_weight, operator, labels):
    """Weighted sum of squared distances to the assigned centroids, in float64.

    Raises
    ------
    ValueError
        When it leaves the range of float64.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        is_dense = isinstance(operator, Dense)
        centers = operator.array if is_dense else operator.toarray()
        squared = squared_distances_to(X, centers, labels)
        value = float(squared @ sample_weight.astype(np.float64, copy=False))
    check_in_range(value, "inertia")
    return value


def check_in_range(value, name):
    """Raise unless `value`, a sum of squares of the entries of `X`, is finite."""
    if not np.isfinite(value):
        raise ValueError(
            f"The {name} of X is {value}: squares of its entries, or sample_weight "
            f"times them, leave the range of float64. Divide X by its largest "
            f"magnitude, for instance with sklearn.preprocessing.MaxAbsScaler, and "
            f"sample_weight likewise if its values are huge."
        )
