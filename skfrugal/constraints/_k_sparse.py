"""The largest entries: of the matrix, of each row, of each column, or of both."""

import numpy as np

from skfrugal._validation import check_positive_int
from skfrugal.constraints._base import Constraint, check_at_most


class KSparse(Constraint):
    """Matrices with at most `k` entries other than zero.

    Parameters
    ----------
    k : int
        How many of the largest entries are kept.  Of equal ones, those that come first,
        row by row.

    Notes
    -----
    *Cost*: linear in the number of entries, without sorting them.

    Examples
    --------
    >>> from skfrugal.constraints import KSparse
    >>> KSparse(2).project([[1.0, -3.0], [2.0, 0.0]])
    array([[ 0., -3.],
           [ 2.,  0.]])
    """

    def __init__(self, k):
        self.k = check_positive_int(k, "k")

    def check_shape(self, shape):
        """Raise ValueError where the matrix has fewer than `k` entries."""
        check_at_most(self.k, shape[0] * shape[1], "the matrix")

    def selected(self, values):
        """Mask of the entries that are kept."""
        return largest(values.reshape(1, -1), self.k).reshape(values.shape)

    def _project(self, values):
        return np.where(self.selected(values), values, 0)


class KSparseRows(Constraint):
    """Matrices with at most `k` entries other than zero in each row.

    Parameters
    ----------
    k : int
        How many of the largest entries of a row are kept.  Of equal ones, the first.

    Examples
    --------
    >>> from skfrugal.constraints import KSparseRows
    >>> KSparseRows(1).project([[1.0, -3.0], [2.0, 0.0]])
    array([[ 0., -3.],
           [ 2.,  0.]])
    """

    def __init__(self, k):
        self.k = check_positive_int(k, "k")

    def check_shape(self, shape):
        """Raise ValueError where a row has fewer than `k` entries."""
        check_at_most(self.k, shape[1], "a row")

    def selected(self, values):
        """Mask of the entries that are kept."""
        return largest(values, self.k)

    def _project(self, values):
        return np.where(self.selected(values), values, 0)


class KSparseColumns(Constraint):
    """Matrices with at most `k` entries other than zero in each column.

    Parameters
    ----------
    k : int
        How many of the largest entries of a column are kept.  Of equal ones, the first.

    Examples
    --------
    >>> from skfrugal.constraints import KSparseColumns
    >>> KSparseColumns(1).project([[1.0, -3.0], [2.0, 0.0]])
    array([[ 0., -3.],
           [ 2.,  0.]])
    """

    def __init__(self, k):
        self.k = check_positive_int(k, "k")

    def check_shape(self, shape):
        """Raise ValueError where a column has fewer than `k` entries."""
        check_at_most(self.k, shape[0], "a column")

    def selected(self, values):
        """Mask of the entries that are kept."""
        return largest(values.T, self.k).T

    def _project(self, values):
        return np.where(self.selected(values), values, 0)


class KSparseRowsColumnsUnion(Constraint):
    """Keep what is among the `k` largest of its row *or* of its column.

    The heuristic of the literature for sparse rows and columns ("splincol"), for
    comparison.  It is not a projection: a row of the result may have many more than `k`
    entries, and there is no set of which the result is the nearest matrix.

    Parameters
    ----------
    k : int
        How many of the largest entries of each row and of each column are kept.  Of
        equal ones, the first.

    See Also
    --------
    KSparseRowsColumns : The exact projection.

    Examples
    --------
    >>> from skfrugal.constraints import KSparseRowsColumnsUnion
    >>> KSparseRowsColumnsUnion(1).project([[3.0, 2.0], [2.5, 1.0]])
    array([[3. , 2. ],
           [2.5, 0. ]])
    """

    is_exact = False

    def __init__(self, k):
        self.k = check_positive_int(k, "k")

    def check_shape(self, shape):
        """Raise ValueError where a row or column has fewer than `k` entries."""
        check_at_most(self.k, min(shape), "the shorter side")

    def _project(self, values):
        kept = largest(values, self.k) | largest(values.T, self.k).T
        return np.where(kept, values, 0)


def largest(values, k):
    """Mask of the `k` largest moduli of each row; of equal ones the first."""
    modulus = np.abs(values)
    n_columns = modulus.shape[1]
    if k == n_columns:
        return np.ones(modulus.shape, dtype=bool)
    smallest = np.partition(modulus, n_columns - k, axis=1)[:, n_columns - k, None]
    kept = modulus > smallest
    tied = modulus == smallest
    room = k - np.count_nonzero(kept, axis=1)
    crowded = np.count_nonzero(tied, axis=1) > room
    tied[crowded] &= np.cumsum(tied[crowded], axis=1) <= room[crowded, None]
    return kept | tied
