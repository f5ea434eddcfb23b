"""A diagonal matrix."""

import numpy as np
import scipy.sparse as sp

from skfrugal._validation import as_inexact
from skfrugal.operators._base import Operator, frozen


class Diagonal(Operator):
    """A square diagonal matrix.

    Parameters
    ----------
    values : array-like of shape (N,)
        The diagonal.

    Attributes
    ----------
    values : ndarray of shape (N,)
        The diagonal, read-only.

    Examples
    --------
    >>> import numpy as np
    >>> from skfrugal.operators import Diagonal
    >>> np.ones((1, 3)) @ Diagonal([1.0, 2.0, 3.0]).T
    array([[1., 2., 3.]])
    """

    def __init__(self, values):
        values = as_inexact(values, "values")
        if values.ndim != 1:
            raise ValueError(f"values must have 1 dimension; got shape {values.shape}.")
        super().__init__(2 * values.shape, values.dtype)
        self.values = frozen(values)

    @property
    def nnz(self):
        """Numbers stored: N."""
        return self.values.size

    @property
    def flops(self):
        """One multiplication for each number stored."""
        return self.values.size

    def toarray(self):
        """Dense matrix."""
        return np.diag(self.values)

    def _arrays(self):
        return (self.values,)

    def _rows(self, X):
        return X * self.values

    def _csr(self):
        return sp.diags_array(self.values, format="csr")

    def _transposed(self):
        return Diagonal(self.values)

    def _mapped(self, function):
        return Diagonal(function(self.values))


def scaled_by_diagonal(operator, scalar):
    """``scalar * operator`` for an operator without values that could be scaled."""
    dtype = np.result_type(operator.dtype, scalar)
    values = np.full(operator.shape[0], scalar, dtype)
    return operator._product_class(Diagonal(values), operator)
