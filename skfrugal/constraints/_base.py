"""What all constraints share: one method, and the checks before it."""

import math
from abc import ABC, abstractmethod

import numpy as np

from skfrugal._validation import inexact_dtype


class Constraint(ABC):
    """A set of matrices, known by the projection on it.

    Attributes
    ----------
    is_exact : bool
        Whether `project` returns a nearest matrix of the set, always.
    is_cone : bool
        Whether the set is closed under multiplication by positive numbers.  Solvers
        then keep the scale of a factor apart from the factor.
    """

    is_exact = True
    is_cone = True

    def project(self, values):
        """A nearest matrix of the set, in the Frobenius norm.

        Parameters
        ----------
        values : array-like of shape (M, N)
            Real or complex, finite.  It is not changed.

        Returns
        -------
        projected : ndarray of shape (M, N)
            New array, of the dtype of `values` (integers become float64).
        """
        values = check_values(values)
        self.check_shape(values.shape)
        return self._project(values)

    def projector(self):
        """A callable that does what `project` does, for a sequence of matrices.

        It may remember what helps with the next matrix, if that resembles the last.
        """
        return self.project

    def check_shape(self, shape):  # noqa: B027
        """Raise ValueError where no matrix of this shape can be projected."""

    @abstractmethod
    def _project(self, values):
        """Project a finite matrix of floats, of a shape that was checked."""

    def __repr__(self):
        words = [
            f"{name}={value!r}"
            for name, value in vars(self).items()
            if not name.startswith("_") and not isinstance(value, np.ndarray)
        ]
        return f"{type(self).__name__}({', '.join(words)})"


def check_values(values):
    """`values` as a finite matrix of floats."""
    values = np.asarray(values)
    if values.dtype.kind not in "biufc":
        raise ValueError(
            f"values has dtype {values.dtype}; pass a dense matrix of real or complex "
            f"numbers."
        )
    if values.ndim != 2 or 0 in values.shape:
        raise ValueError(
            f"values has shape {values.shape}; pass a matrix with at least one row and "
            f"one column."
        )
    values = values.astype(inexact_dtype(values.dtype), copy=False)
    if not np.isfinite(values).all():
        raise ValueError(
            "values contains NaN or infinity; pass finite values: nothing is nearest "
            "to them."
        )
    return values


def check_at_most(k, largest, of_what):
    """Raise where `k` entries are asked of fewer."""
    if k > largest:
        raise ValueError(
            f"k={k} is more than the {largest} entries of {of_what}; pass at most "
            f"{largest}."
        )


def to_unit(values):
    """``(result, exponent)``: values times ``2**-exponent``, entries below 1, exactly.

    In double precision, in which squares of the result are safe.
    """
    dtype = np.result_type(values, np.float64)
    parts = np.ascontiguousarray(values, dtype).view(np.float64)
    exponent = math.frexp(float(np.abs(parts).max()))[1]
    return np.ldexp(parts, -exponent).view(dtype), exponent


def from_unit(values, exponent, dtype):
    """Undo `to_unit`."""
    parts = np.ascontiguousarray(values).view(np.float64)
    scaled = np.ldexp(parts, exponent).view(values.dtype)
    return scaled.astype(dtype, copy=False)
