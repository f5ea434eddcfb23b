"""Coefficients for the kernel that finds the nearest row of a product."""

import numpy as np
import scipy.sparse as sp

from skfrugal._kernels._bindings import PackedProduct, aligned_empty

# Columns of the data that are turned into lines together: with the sums they stay in
# the L1 cache.
BLOCK = 128


def pack_product(matrices, squared_norms, table, dtype):
    """A product of sparse and dense matrices, for one table.

    Parameters
    ----------
    matrices : sequence of CSR arrays and ndarrays
        The product is ``matrices[0] @ matrices[1] @ ...``.
    squared_norms : ndarray of shape (n_rows,)
        Of the rows of the product.
    table : Table
    dtype : float32 or float64

    Returns
    -------
    PackedProduct
    """
    dtype = np.dtype(dtype)
    line = table.product_line // dtype.itemsize
    n_in = matrices[-1].shape[1]
    panel = table.product_rows
    first, *others = matrices
    blocks = _blocks(others[-1]) if others else []
    inner = [*blocks, *reversed(others[:-1])]
    steps = [_step(matrix, line, panel, dtype, has_place=True) for matrix in inner]
    last, order = _last_step(-first, line, panel, dtype)
    heads = np.full((last[1], 2), np.inf)
    heads[: len(order), 0] = squared_norms[order] / 2
    heads[: len(order), 1] = order
    return PackedProduct(
        [*steps, last],
        heads.astype(dtype).ravel(),
        block=min(n_in, BLOCK) if others else n_in,
        width=max((step[1] for step in steps), default=0),
        n_blocks=len(blocks),
        line=line,
    )


def longest_sums(matrices, table):
    """Most roundings that a number goes through in the sums of each factor."""
    first, *others = matrices
    sums = [_longest_row(first) + 1]
    for position, matrix in enumerate(others, start=1):
        is_last = position == len(others)
        longest = pieces = 0
        for block in _blocks(matrix) if is_last else [matrix]:
            size = _longest_row(block)
            if not sp.issparse(block):
                pieces += -(-size // table.product_chunk) - 1
                size = min(size, table.product_chunk)
            longest, pieces = max(longest, size), pieces + 1
        sums.append(longest + pieces)
    return sums


def _blocks(matrix):
    """Blocks of columns of the factor next to the data."""
    return [matrix[:, i : i + BLOCK] for i in range(0, matrix.shape[1], BLOCK)]


def _longest_row(matrix):
    if sp.issparse(matrix):
        return int(np.diff(matrix.indptr).max(initial=0))
    return matrix.shape[1]


def _last_step(matrix, line, panel, dtype):
    if sp.issparse(matrix):
        return _sparse_step(sp.csr_array(matrix), line, dtype, has_place=False)
    step = _dense_step(matrix, panel, dtype)
    return step, np.arange(len(matrix))


def _step(matrix, line, panel, dtype, *, has_place):
    if sp.issparse(matrix):
        return _sparse_step(sp.csr_array(matrix), line, dtype, has_place=has_place)[0]
    return _dense_step(matrix, panel, dtype)


def _dense_step(matrix, panel, dtype):
    """Panels of rows, transposed, the last one filled with zeros."""
    n_out, n_in = matrix.shape
    padded = -(-n_out // panel) * panel
    rows = np.zeros((padded, n_in), dtype)
    rows[:n_out] = matrix
    values = _aligned(rows.reshape(-1, panel, n_in).transpose(0, 2, 1))
    return n_in, padded, None, None, values


def _sparse_step(matrix, line, dtype, *, has_place):
    """Rows sorted by size and smallest column, and their order."""
    size = np.diff(matrix.indptr)
    smallest = np.zeros(matrix.shape[0], dtype=np.intp)
    full = size > 0
    if full.any():
        starts = matrix.indptr[:-1][full]
        smallest[full] = np.minimum.reduceat(matrix.indices, starts)
    order = np.lexsort((smallest, size))
    if has_place:
        order = order[size[order] > 0]
    size = size[order]
    ends = np.cumsum(size)
    total = ends[-1] if len(ends) else 0
    take = np.repeat(matrix.indptr[:-1][order] - (ends - size), size)
    take = take + np.arange(total)
    offsets = matrix.indices[take]
    if has_place:
        offsets = np.insert(offsets, ends - size, order)
    groups = np.stack(np.unique(size, return_counts=True), axis=1)
    step = (
        matrix.shape[1],
        matrix.shape[0],
        groups.astype(np.int32).ravel(),
        (offsets * line).astype(np.int32),
        _aligned(matrix.data[take].astype(dtype)),
    )
    return step, order


def _aligned(array):
    out = aligned_empty(array.size, array.dtype).reshape(array.shape)
    out[...] = array
    return out
