"""Rows of any kind, in pieces that kernels can read."""

import numpy as np
import scipy.sparse as sp

from skfrugal._validation import inexact_dtype


def check_rows(X, n_features):
    """`X` as an array or a CSR matrix of real numbers, of `n_features` columns."""
    X = X.tocsr() if sp.issparse(X) else np.asarray(X)
    if X.ndim != 2 or X.shape[1] != n_features:
        raise ValueError(
            f"X has shape {X.shape}; pass rows of {n_features} features, as the "
            "landmarks have."
        )
    if X.dtype.kind not in "biuf":
        raise TypeError(
            f"X must be an array of real numbers; got dtype {X.dtype}. Pass float32 or "
            "float64."
        )
    return X


def check_columns(array, name, n_rows, of):
    """`array` as float64 of shape (n_rows, any), C-contiguous."""
    array = np.ascontiguousarray(array, dtype=np.float64)
    if array.ndim != 2 or len(array) != n_rows:
        raise ValueError(
            f"{name} has shape {array.shape}; pass {n_rows} rows, one for each {of}, "
            "and one column for each target."
        )
    return array


def pieces(X, start, stop, step=None):
    """(first row, rows that a kernel can read) of rows [start, stop).

    Parameters
    ----------
    X : ndarray or CSR matrix
    start, stop : int
    step : int or None, default=None
        Rows of a piece.  None: all, if they can be read where they are, and as many as
        are worth a copy if not.
    """
    dtype = inexact_dtype(X.dtype)
    is_ready = (
        isinstance(X, np.ndarray)
        and X.dtype == dtype
        and X.flags.aligned
        and has_rows(X)
        and X.strides[0] % X.itemsize == 0
    )
    if step is None:
        step = max(1, stop - start) if is_ready else max(16, 2**18 // X.shape[1])
    for first in range(start, stop, step):
        x = X[first : min(stop, first + step)]
        if not isinstance(x, np.ndarray):
            x = x.toarray()
        yield first, x if is_ready else np.ascontiguousarray(x, dtype=dtype)


def has_rows(array):
    """Whether the numbers of a row are contiguous."""
    return array.shape[1] == 1 or array.strides[1] == array.itemsize


def refuse_overflow(name, X, result):
    """Raise if numbers of the result are not finite, and say whose fault it is."""
    if np.isfinite(result).all():
        return
    if not np.isfinite(X.data if sp.issparse(X) else X).all():
        raise ValueError("Input X contains NaN or infinity; pass finite numbers.")
    raise ValueError(
        f"kernel={name!r} of these rows leaves the range of numbers; scale the "
        "features of X, or pass a smaller gamma or degree."
    )
