"""A matrix without structure."""

import numpy as np

from skfrugal._validation import as_inexact
from skfrugal.operators._base import Operator, frozen


class Dense(Operator):
    """A dense matrix as an operator.

    Parameters
    ----------
    array : array-like of shape (M, N)
        The matrix, kept without a copy if it is float32, float64, complex64 or
        complex128.

    Attributes
    ----------
    array : ndarray of shape (M, N)
        The matrix, read-only.

    Examples
    --------
    >>> import numpy as np
    >>> from skfrugal.operators import Dense
    >>> op = Dense([[1.0, 2.0], [3.0, 4.0]])
    >>> np.array([1.0, 1.0]) @ op.T
    array([3., 7.])
    """

    def __init__(self, array):
        array = as_inexact(array, "array")
        if array.ndim != 2:
            raise ValueError(f"array must have 2 dimensions; got shape {array.shape}.")
        super().__init__(array.shape, array.dtype)
        self.array = frozen(array)

    @property
    def nnz(self):
        """Numbers stored: M * N."""
        return self.array.size

    @property
    def flops(self):
        """Twice the numbers stored."""
        return 2 * self.array.size

    def toarray(self):
        """A copy of the matrix."""
        return np.array(self.array, order="C")

    def _arrays(self):
        return (self.array,)

    def _rows(self, X):
        return X @ self.array.T

    def _sparse_rows(self, X):
        return X @ self.array.T

    def _transposed(self):
        return Dense(self.array.T)

    def _mapped(self, function):
        return Dense(function(self.array))
