"""Coordinates moved, selected or put into zeros."""

import numpy as np
import scipy.sparse as sp

from skfrugal._validation import check_int
from skfrugal.operators._base import Operator, check_dtype, frozen
from skfrugal.operators._diagonal import scaled_by_diagonal


class Permutation(Operator):
    """A permutation matrix, or a part of one: ``(op @ x)[i] = x[indices[i]]``.

    Parameters
    ----------
    indices : array-like of int of shape (M,)
        Column of the one of each row, distinct; -1 makes a row of zeros.
    n : int, default=None
        Number of columns; None means M.
    dtype : dtype, default=float32
        A permutation stores no values, so by default it does not change the dtype of
        what it is applied to.

    Attributes
    ----------
    indices : ndarray of int of shape (M,)
        As given, read-only.

    Notes
    -----
    A transpose of a selection of M < N coordinates puts M coordinates into N zeros.

    Examples
    --------
    >>> import numpy as np
    >>> from skfrugal.operators import Permutation
    >>> np.array([10.0, 20.0, 30.0]) @ Permutation([2, 0, 1]).T
    array([30., 10., 20.])
    """

    def __init__(self, indices, n=None, *, dtype=np.float32):
        indices = np.asarray(indices)
        if indices.ndim != 1 or (indices.size and indices.dtype.kind not in "iu"):
            raise ValueError(
                f"indices must be 1-D integers; got dtype {indices.dtype} "
                f"and shape {indices.shape}."
            )
        indices = indices.astype(np.intp, copy=False)
        n = indices.size if n is None else check_int(n, "n", 0)
        used = indices[indices != -1]
        if used.size and (used.min() < 0 or used.max() >= n):
            raise ValueError(f"indices must lie in [0, {n}), or be -1 for a zero row.")
        if np.unique(used).size != used.size:
            raise ValueError("indices must be distinct: each column is used once.")
        super().__init__((indices.size, n), check_dtype(dtype))
        self.indices = frozen(indices)

    @property
    def nnz(self):
        """0: no numbers are stored."""
        return 0

    @property
    def flops(self):
        """0: entries are moved, not computed with."""
        return 0

    def _arrays(self):
        return (self.indices,)

    def _rows(self, X):
        Y = np.take(X, self.indices, axis=1, mode="wrap")
        Y[:, self.indices == -1] = 0
        return Y

    def _csr(self):
        kept = self.indices != -1
        ones = np.ones(np.count_nonzero(kept), self.dtype)
        starts = np.concatenate([[0], np.cumsum(kept)])
        return sp.csr_array((ones, self.indices[kept], starts), shape=self.shape)

    def _transposed(self):
        inverse = np.full(self.shape[1], -1, np.intp)
        kept = np.flatnonzero(self.indices != -1)
        inverse[self.indices[kept]] = kept
        return Permutation(inverse, self.shape[0], dtype=self.dtype)

    def _mapped(self, function):
        dtype = function(np.empty(0, self.dtype)).dtype
        return Permutation(self.indices, self.shape[1], dtype=dtype)

    def _scaled(self, scalar):
        return scaled_by_diagonal(self, scalar)
