"""The structured factor of butterflies: dense blocks repeated at a stride."""

import numpy as np
import scipy.sparse as sp

from skfrugal._validation import as_inexact
from skfrugal.operators._base import Operator, frozen
from skfrugal.operators._blocks import fuse, support_view
from skfrugal.operators._patterns import compose, is_chainable


class KroneckerSparse(Operator):
    """A Kronecker-sparse factor: support ``I_a (x) 1_{b x c} (x) I_d``.

    Entry ``(i b d + j d + l, i c d + k d + l)`` of the matrix is
    ``values[i, j, k, l]``; all others are zero.

    Parameters
    ----------
    values : array-like of shape (a, b, c, d)

    Attributes
    ----------
    values : ndarray of shape (a, b, c, d)
        As given, read-only and C-contiguous.
    pattern : tuple of int
        (a, b, c, d).

    Notes
    -----
    After a permutation of rows and one of columns the matrix is block-diagonal, with
    a d dense blocks of b x c.  *Cost*: a b c d numbers and twice as many flops for a
    vector, against (a b d) (a c d) numbers for a dense matrix: a d times fewer.

    References
    ----------
    Le, Zheng, Riccietti & Gribonval 2025, "Butterfly factorization with error
    guarantees", Definition of Kronecker-sparse factors.

    Examples
    --------
    >>> import numpy as np
    >>> from skfrugal.operators import KroneckerSparse
    >>> op = KroneckerSparse(np.arange(8.0).reshape(1, 2, 2, 2))
    >>> op.toarray()
    array([[0., 0., 2., 0.],
           [0., 1., 0., 3.],
           [4., 0., 6., 0.],
           [0., 5., 0., 7.]])
    """

    def __init__(self, values):
        values = as_inexact(values, "values")
        if values.ndim != 4 or values.size == 0:
            raise ValueError(
                f"values must have shape (a, b, c, d), none of them 0; "
                f"got {values.shape}."
            )
        a, b, c, d = values.shape
        super().__init__((a * b * d, a * c * d), values.dtype)
        self.values = frozen(np.ascontiguousarray(values))

    @property
    def pattern(self):
        """(a, b, c, d)."""
        return self.values.shape

    @property
    def nnz(self):
        """Numbers stored: a b c d."""
        return self.values.size

    @property
    def flops(self):
        """Twice the numbers stored."""
        return 2 * self.values.size

    def toarray(self):
        """Dense matrix."""
        dense = np.zeros(self.shape, self.dtype)
        view, index = support_view(dense, self.pattern)
        view[index] = self.values.transpose(0, 3, 1, 2)
        return dense

    def _detail(self):
        return f" with pattern {self.pattern}"

    def _arrays(self):
        return (self.values,)

    def _factors(self):
        return (self,)

    def _rows(self, X):
        a, b, c, d = self.pattern
        blocks = self.values.transpose(0, 3, 2, 1)
        Y = np.matmul(X.reshape(-1, a, c, d).transpose(1, 3, 0, 2), blocks)
        return np.ascontiguousarray(Y.transpose(2, 0, 3, 1)).reshape(-1, a * b * d)

    def _csr(self):
        return self._cached("csr", self._as_csr)

    def _as_csr(self):
        a, b, c, d = self.pattern
        i, stride, k = np.ogrid[:a, :d, :c]
        columns = (i * c + k) * d + stride
        columns = np.broadcast_to(columns[:, np.newaxis], (a, b, d, c))
        values = self.values.transpose(0, 1, 3, 2).ravel()
        starts = np.arange(0, self.values.size + 1, c)
        return sp.csr_array((values, columns.ravel(), starts), shape=self.shape)

    def _transposed(self):
        return KroneckerSparse(self.values.transpose(0, 2, 1, 3))

    def _mapped(self, function):
        return KroneckerSparse(function(self.values))


def fused(left, right):
    """The product of two chainable factors as one factor, exact up to rounding."""
    patterns = (left.pattern, right.pattern)
    return KroneckerSparse(fuse(left.values, right.values, *patterns))


def fuse_neighbours(factors, largest):
    """Factors with chainable neighbours multiplied, up to blocks of side `largest`."""
    done = []
    for factor in factors:
        last = done[-1] if done else None
        if _may_fuse(last, factor, largest):
            done[-1] = fused(last, factor)
        else:
            done.append(factor)
    return tuple(done)


def _may_fuse(left, right, largest):
    if not (isinstance(left, KroneckerSparse) and isinstance(right, KroneckerSparse)):
        return False
    pair = (left.pattern, right.pattern)
    if not is_chainable(pair):
        return False
    _, b, c, _ = compose(*pair)
    return max(b, c) <= largest
