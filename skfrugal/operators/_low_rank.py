"""A matrix of low rank."""

from skfrugal._validation import as_inexact
from skfrugal.operators._base import Operator, frozen


class LowRank(Operator):
    """A product of a tall and a wide dense matrix.

    Parameters
    ----------
    left : array-like of shape (M, r)
    right : array-like of shape (r, N)

    Attributes
    ----------
    left, right : ndarray
        As given, read-only; the matrix is ``left @ right``.
    rank : int
        r, the inner dimension.

    Examples
    --------
    >>> import numpy as np
    >>> from skfrugal.operators import LowRank
    >>> op = LowRank(np.ones((100, 1)), np.ones((1, 50)))
    >>> op.nnz, op.flops
    (150, 300)
    """

    def __init__(self, left, right):
        left, right = as_inexact(left, "left"), as_inexact(right, "right")
        if left.ndim != 2 or right.ndim != 2 or left.shape[1] != right.shape[0]:
            raise ValueError(
                f"left and right must have shapes (M, r) and (r, N); "
                f"got {left.shape} and {right.shape}."
            )
        dtype = (left[:0, :0] @ right[:0, :0]).dtype
        super().__init__((left.shape[0], right.shape[1]), dtype)
        self.left, self.right = frozen(left), frozen(right)

    @property
    def rank(self):
        """Inner dimension."""
        return self.left.shape[1]

    @property
    def nnz(self):
        """Numbers stored: r (M + N)."""
        return self.left.size + self.right.size

    @property
    def flops(self):
        """Twice the numbers stored."""
        return 2 * self.nnz

    def toarray(self):
        """Dense matrix."""
        return self.left @ self.right

    def _detail(self):
        return f" of rank {self.rank}"

    def _arrays(self):
        return (self.left, self.right)

    def _rows(self, X):
        return (X @ self.right.T) @ self.left.T

    def _sparse_rows(self, X):
        return self._rows(X)

    def _transposed(self):
        return LowRank(self.right.T, self.left.T)

    def _mapped(self, function):
        return LowRank(function(self.left), function(self.right))

    def _scaled(self, scalar):
        return LowRank(self.left * scalar, self.right)
