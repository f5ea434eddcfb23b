"""Matrices that vanish outside a given support, or that are given whole."""

import numpy as np

from skfrugal._validation import check_positive_int
from skfrugal.constraints._base import Constraint, check_values


class Unconstrained(Constraint):
    """All matrices.

    Examples
    --------
    >>> from skfrugal.constraints import Unconstrained
    >>> Unconstrained().project([[1.0, -2.0]])
    array([[ 1., -2.]])
    """

    def _project(self, values):
        return values.copy()


class Support(Constraint):
    """Matrices that are zero outside a support.

    Parameters
    ----------
    support : array-like of bool of shape (M, N)
        Where entries may differ from zero.  Numbers are taken as "not zero".

    Examples
    --------
    >>> from skfrugal.constraints import Support
    >>> Support([[1, 0], [1, 1]]).project([[3.0, 4.0], [5.0, 6.0]])
    array([[3., 0.],
           [5., 6.]])
    """

    def __init__(self, support):
        self.support = np.array(support) != 0
        if self.support.ndim != 2:
            raise ValueError(
                f"support has {self.support.ndim} dimensions; pass a matrix of "
                f"booleans."
            )
        self.support.flags.writeable = False

    def mask(self):
        """Where entries may differ from zero."""
        return self.support

    def check_shape(self, shape):
        """Raise ValueError where the shape is not that of the support."""
        check_same_shape(shape, self.support.shape, "support")

    def _project(self, values):
        return np.where(self.support, values, 0)


class BlockDiagonal(Constraint):
    """Matrices of dense blocks along the diagonal.

    Parameters
    ----------
    shapes : sequence of (int, int)
        Rows and columns of each block; they add up to those of the matrix.

    Examples
    --------
    >>> import numpy as np
    >>> from skfrugal.constraints import BlockDiagonal
    >>> BlockDiagonal([(1, 2), (1, 1)]).project(np.ones((2, 3)))
    array([[1., 1., 0.],
           [0., 0., 1.]])
    """

    def __init__(self, shapes):
        self.shapes = tuple(
            tuple(check_positive_int(side, "a side of a block") for side in shape)
            for shape in shapes
        )
        if not self.shapes or {len(shape) for shape in self.shapes} != {2}:
            raise ValueError(
                f"shapes={shapes!r} is not a sequence of pairs; pass the rows and "
                f"columns of each block, for example [(2, 3), (2, 3)]."
            )
        rows, columns = np.transpose(self.shapes)
        self._rows = np.repeat(np.arange(len(rows)), rows)
        self._columns = np.repeat(np.arange(len(rows)), columns)

    def mask(self):
        """Where entries may differ from zero."""
        return np.equal.outer(self._rows, self._columns)

    def check_shape(self, shape):
        """Raise ValueError where the blocks do not add up to the shape."""
        check_same_shape(shape, (len(self._rows), len(self._columns)), "sum of shapes")

    def _project(self, values):
        return np.where(self.mask(), values, 0)


class KroneckerSparsePattern(Constraint):
    """Matrices with the support of a Kronecker-sparse factor.

    Parameters
    ----------
    pattern : (a, b, c, d)
        The support is ``kron(eye(a), ones((b, c)), eye(d))``.

    See Also
    --------
    skfrugal.operators.KroneckerSparse : Operator that stores such a matrix.

    Examples
    --------
    >>> import numpy as np
    >>> from skfrugal.constraints import KroneckerSparsePattern
    >>> KroneckerSparsePattern((1, 1, 2, 2)).project(np.ones((2, 4)))
    array([[1., 0., 1., 0.],
           [0., 1., 0., 1.]])
    """

    def __init__(self, pattern):
        self.pattern = check_pattern(pattern)

    def mask(self):
        """Where entries may differ from zero."""
        a, b, c, d = self.pattern
        blocks = np.kron(np.eye(a, dtype=bool), np.ones((b, c), dtype=bool))
        return np.kron(blocks, np.eye(d, dtype=bool))

    def check_shape(self, shape):
        """Raise ValueError where the shape is not that of the pattern."""
        check_same_shape(shape, pattern_shape(self.pattern), "pattern")

    def _project(self, values):
        return np.where(self.mask(), values, 0)


class Fixed(Constraint):
    """One matrix.

    Parameters
    ----------
    matrix : array-like of shape (M, N)
        What every matrix is projected on.

    Examples
    --------
    >>> from skfrugal.constraints import Fixed
    >>> Fixed([[1.0, 2.0]]).project([[5.0, 5.0]])
    array([[1., 2.]])
    """

    is_cone = False

    def __init__(self, matrix):
        self.matrix = check_values(matrix).copy()
        self.matrix.flags.writeable = False

    def check_shape(self, shape):
        """Raise ValueError where the shape is not that of the matrix."""
        check_same_shape(shape, self.matrix.shape, "matrix")

    def _project(self, values):
        if self.matrix.dtype.kind != "c":
            return self.matrix.astype(values.dtype)
        return self.matrix.astype(np.result_type(values, np.complex64))


class NonNegative(Constraint):
    """Real matrices without negative entries.

    Of a complex entry the real part is taken: it is the nearest real number.

    Examples
    --------
    >>> from skfrugal.constraints import NonNegative
    >>> NonNegative().project([[1.0, -2.0]])
    array([[1., 0.]])
    """

    def _project(self, values):
        return np.maximum(values.real, 0).astype(values.dtype)


def check_pattern(pattern):
    """`pattern` as a tuple of four positive integers."""
    if np.ndim(pattern) != 1 or len(pattern) != 4:
        raise ValueError(
            f"pattern={pattern!r} is not a pattern; pass four integers (a, b, c, d)."
        )
    return tuple(check_positive_int(side, "an entry of pattern") for side in pattern)


def pattern_shape(pattern):
    """Shape of the matrices of a pattern."""
    a, b, c, d = pattern
    return a * b * d, a * c * d


def check_same_shape(shape, expected, what):
    """Raise where a matrix has another shape than a constraint is made for."""
    if tuple(shape) != tuple(expected):
        raise ValueError(
            f"values has shape {tuple(shape)} but the {what} of the constraint has "
            f"shape {tuple(expected)}; make the two the same."
        )
