"""Rows of a large table: in blocks, and which of them are equal."""

import numpy as np
from scipy import sparse

# Values in one block of rows: 16 MB in float64.
BLOCK_VALUES = 2**21

_SEED = np.uint64(0x9E3779B97F4A7C15)


def _mix(bits):
    """Scramble 64-bit words (the finaliser of splitmix64)."""
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))


def fingerprint(X):
    """Hash the rows of a dense or CSR matrix: equal rows, and only they, agree.

    Zeros count nothing, so that a sparse row (without repeated entries) and its
    dense copy agree, and so do 0.0 and -0.0. Two different rows agree with
    probability 2^-64.
    """
    columns = _mix(np.arange(1, X.shape[1] + 1, dtype=np.uint64) * _SEED)
    if sparse.issparse(X):
        hashes = _hash_values(X.data, columns[X.indices])
        table = sparse.csr_array((hashes, X.indices, X.indptr), shape=X.shape)
        return table @ np.ones(X.shape[1], dtype=np.uint64)
    result = np.empty(X.shape[0], dtype=np.uint64)
    for rows in batches(X.shape[0], X.shape[1]):
        result[rows] = _hash_values(X[rows], columns).sum(axis=1, dtype=np.uint64)
    return result


def _hash_values(values, columns):
    bits = np.ascontiguousarray(values, dtype=np.float64).view(np.uint64)
    return np.where(values == 0, np.uint64(0), _mix(bits + columns))


def ordinate(X):
    """Project the rows on one fixed random axis, to sort them.

    Unlike the fingerprint this is continuous: rows that are all shifted, or rounded
    to float32, keep their order.
    """
    axis = np.random.RandomState(0).standard_normal(X.shape[1])
    if sparse.issparse(X):
        return X @ axis
    result = np.empty(X.shape[0])
    for rows in batches(X.shape[0], X.shape[1]):
        # Not a matrix product, which may round equal rows differently.
        result[rows] = (X[rows] * axis).sum(axis=1)
    return result


def batches(n_rows, n_columns):
    """Yield slices of rows such that a block has about BLOCK_VALUES values."""
    size = max(1, BLOCK_VALUES // max(1, n_columns))
    for start in range(0, n_rows, size):
        yield slice(start, min(start + size, n_rows))


def row_values(X):
    """Return how many numbers a row stores (of a sparse matrix: on average)."""
    return -(-X.nnz // max(1, X.shape[0])) if sparse.issparse(X) else X.shape[1]


def canonical_rows(X):
    """Return a CSR matrix without repeated entries, which norms count wrongly."""
    if sparse.issparse(X) and not X.has_canonical_format:
        X = X.copy()
        X.sum_duplicates()
    return X


def positive_rows(X, weight):
    """Return the rows with a positive weight, their weights, and which they are.

    Rows of weight zero are dropped before anything looks at them, so that they have
    no influence whatsoever.
    """
    positive = weight > 0
    if not positive.any():
        raise ValueError(
            "sample_weight is zero for every row; give at least one a positive weight."
        )
    if positive.all():
        return X, weight, slice(None)
    return X[positive], weight[positive], positive
