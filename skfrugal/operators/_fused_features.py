"""Cosines of the outputs of an operator, a tile of rows at a time."""

import numpy as np
from scipy import sparse

from skfrugal import _kernels
from skfrugal._kernels._bindings import output_rows
from skfrugal._kernels._features import cosine
from skfrugal._parallel import run_rows
from skfrugal.operators._plan import plan_of
from skfrugal.operators._steps import STREAMED_BYTES

# Products of a tile, which stay in the second cache until their cosines are taken: of
# the factored form, whose coefficients are there as well, and of the dense one.
_TILE_ENTRIES = 2**16
_DENSE_TILE_ENTRIES = 2**18
# Larger arguments, in turns, are left to NumPy; as in cosine.h.
_LIMITS = {"f": 2.0**16, "d": 2.0**45}
# Nanoseconds a cosine takes, about.
_COSINE = 0.2


def cosine_features(X, operator, offset, scale, *, kernels=_kernels.kernels):
    """Return ``scale * cos(2 pi (X @ operator.T + offset))``.

    Parameters
    ----------
    X : {ndarray, CSR matrix} of shape (n, N)
        Rows, float32 or float64, finite.
    operator : Operator of shape (M, N)
        In turns: a product of 1 is a whole period.
    offset : ndarray of shape (M,)
        In turns, in [0, 1).
    scale : float
    kernels : Table or None
        None runs NumPy.

    Returns
    -------
    Y : ndarray of shape (n, M)
        In the dtype of X.  The error is a few units in the last place of `scale`, and
        2 pi times that of the products.
    """
    operator = operator.astype(X.dtype)
    offset = np.ascontiguousarray(offset, dtype=X.dtype)
    n_rows, n_outputs = X.shape[0], operator.shape[0]
    if kernels is None:
        return _plain(X @ operator.T, offset, scale)
    if sparse.issparse(X):
        Y = X @ operator.T
        into, entries, cost = None, _TILE_ENTRIES, 0.0
    else:
        X = np.ascontiguousarray(X)
        Y = output_rows(X, n_outputs)
        into, entries, cost = _products(operator, n_rows, X.dtype)
    rows = max(8, entries // max(1, n_outputs))
    stream = Y.nbytes > STREAMED_BYTES

    def block(start, stop):
        # A thread that works alone is given all rows at once.
        buffer = into and output_rows(X[start : min(stop, start + rows)], n_outputs)
        for begin in range(start, stop, rows):
            end = min(stop, begin + rows)
            turns = Y[begin:end]
            if into:
                turns = buffer[: end - begin]
                into(X[begin:end], turns, 0, end - begin)
            if cosine(kernels, turns, Y[begin:end], offset, scale, stream):
                _replace_large(X, operator, offset, scale, Y, begin, end)

    run_rows(block, n_rows, rows, cost + _COSINE * n_outputs)
    return Y


def _products(operator, n_rows, dtype):
    """What computes rows of products, entries of a tile, and nanoseconds a row."""
    plan = plan_of(operator, dtype)
    if not plan.is_dense_cheaper(n_rows):
        return plan.into, _TILE_ENTRIES, plan.cost(n_rows) / max(1, n_rows)
    dense = plan.multiplied()

    def into(X, Y, start, stop):
        np.matmul(X[start:stop], dense, out=Y[start:stop])

    return into, _DENSE_TILE_ENTRIES, dense.size / 16


def _replace_large(X, operator, offset, scale, Y, start, stop):
    """Rows whose arguments are too large for the kernel, through NumPy."""
    for row in range(start, stop):
        turns = X[[row]] @ operator.T
        if np.abs(turns).max() > _LIMITS[X.dtype.char]:
            Y[row] = _plain(turns, offset, scale)[0]


def _plain(turns, offset, scale):
    # Whole turns are taken off exactly, before anything is rounded again.
    part = turns.astype(np.float64) + offset
    part -= np.rint(part)
    return (scale * np.cos(2 * np.pi * part)).astype(turns.dtype)
