"""A sparse matrix of any support."""

import numpy as np
import scipy.sparse as sp

from skfrugal._validation import as_inexact, inexact_dtype
from skfrugal.operators._base import Operator, frozen


class SparseFactor(Operator):
    """A sparse matrix of any support, stored by compressed rows.

    Parameters
    ----------
    matrix : sparse matrix, sparse array or array-like of shape (M, N)
        Explicit zeros are kept: they belong to the support.

    Attributes
    ----------
    matrix : scipy.sparse.csr_array of shape (M, N)
        Canonical: sorted, without duplicates.  Its arrays are read-only.

    Examples
    --------
    >>> import numpy as np
    >>> from skfrugal.operators import SparseFactor
    >>> op = SparseFactor([[0.0, 2.0, 0.0], [1.0, 0.0, 0.0]])
    >>> op.nnz
    2
    >>> np.array([1.0, 2.0, 3.0]) @ op.T
    array([4., 1.])
    """

    def __init__(self, matrix):
        if not sp.issparse(matrix):
            matrix = as_inexact(matrix, "matrix")
        if len(matrix.shape) != 2:
            raise ValueError(
                f"matrix must have 2 dimensions; got shape {matrix.shape}."
            )
        matrix = sp.csr_array(matrix, dtype=inexact_dtype(matrix.dtype))
        if not matrix.has_canonical_format:
            matrix = matrix.copy()
            matrix.sum_duplicates()
        super().__init__(matrix.shape, matrix.dtype)
        self.matrix = sp.csr_array(
            tuple(map(frozen, (matrix.data, matrix.indices, matrix.indptr))),
            shape=matrix.shape,
        )
        self.matrix.has_canonical_format = True

    @property
    def nnz(self):
        """Numbers stored, explicit zeros included."""
        return int(self.matrix.nnz)

    @property
    def flops(self):
        """Twice the numbers stored."""
        return 2 * self.nnz

    def toarray(self):
        """Dense matrix."""
        return self.matrix.toarray()

    def _arrays(self):
        return (self.matrix.data, self.matrix.indices, self.matrix.indptr)

    def _factors(self):
        return (self,)

    def _rows(self, X):
        return np.ascontiguousarray((self.matrix @ X.T).T)

    def _csr(self):
        return self.matrix

    def _transposed(self):
        return SparseFactor(self.matrix.T.tocsr())

    def _mapped(self, function):
        data = function(self.matrix.data)
        return SparseFactor(
            sp.csr_array(
                (data, self.matrix.indices, self.matrix.indptr), shape=self.shape
            )
        )
