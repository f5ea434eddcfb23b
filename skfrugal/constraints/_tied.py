"""Matrices whose entries are equal along diagonals."""

import numpy as np

from skfrugal.constraints._base import Constraint, from_unit, to_unit


class Circulant(Constraint):
    """Square matrices of which each row is the one above, moved by one.

    Examples
    --------
    >>> from skfrugal.constraints import Circulant
    >>> Circulant().project([[1.0, 4.0], [2.0, 3.0]])
    array([[2., 3.],
           [3., 2.]])
    """

    def check_shape(self, shape):
        """Raise ValueError where the matrix is not square."""
        _check_square(shape, "circulant")

    def labels(self, shape):
        """Number of the class of each entry: all of a class are equal."""
        return np.subtract.outer(np.arange(shape[0]), np.arange(shape[1])) % shape[0]

    def _project(self, values):
        return averaged(values, self.labels(values.shape))


class AntiCirculant(Constraint):
    """Square matrices that are constant where ``(i + j) mod n`` is.

    Examples
    --------
    >>> import numpy as np
    >>> from skfrugal.constraints import AntiCirculant
    >>> AntiCirculant().project(np.diag([3.0, 0.0, 0.0]))
    array([[1., 0., 0.],
           [0., 0., 1.],
           [0., 1., 0.]])
    """

    def check_shape(self, shape):
        """Raise ValueError where the matrix is not square."""
        _check_square(shape, "anticirculant")

    def labels(self, shape):
        """Number of the class of each entry: all of a class are equal."""
        return np.add.outer(np.arange(shape[0]), np.arange(shape[1])) % shape[0]

    def _project(self, values):
        return averaged(values, self.labels(values.shape))


class Toeplitz(Constraint):
    """Matrices that are constant along diagonals.

    Examples
    --------
    >>> from skfrugal.constraints import Toeplitz
    >>> Toeplitz().project([[1.0, 4.0], [2.0, 3.0]])
    array([[2., 4.],
           [2., 2.]])
    """

    def labels(self, shape):
        """Number of the class of each entry: all of a class are equal."""
        return np.subtract.outer(
            np.arange(shape[0]), np.arange(shape[1]) - shape[1] + 1
        )

    def _project(self, values):
        return averaged(values, self.labels(values.shape))


class Hankel(Constraint):
    """Matrices that are constant along antidiagonals.

    Examples
    --------
    >>> from skfrugal.constraints import Hankel
    >>> Hankel().project([[1.0, 4.0], [2.0, 3.0]])
    array([[1., 3.],
           [3., 3.]])
    """

    def labels(self, shape):
        """Number of the class of each entry: all of a class are equal."""
        return np.add.outer(np.arange(shape[0]), np.arange(shape[1]))

    def _project(self, values):
        return averaged(values, self.labels(values.shape))


def averaged(values, labels):
    """Mean over each class, in place of its entries."""
    unit, exponent = to_unit(values)
    flat, unit = labels.ravel(), unit.ravel()
    means = np.bincount(flat, unit.real) / np.maximum(np.bincount(flat), 1)
    if unit.dtype.kind == "c":
        means = means + 1j * np.bincount(flat, unit.imag) / np.maximum(
            np.bincount(flat), 1
        )
    return from_unit(means[labels], exponent, values.dtype)


def _check_square(shape, what):
    if shape[0] != shape[1]:
        raise ValueError(
            f"values has shape {tuple(shape)}; {what} matrices are square. Toeplitz "
            f"and Hankel matrices need not be."
        )
