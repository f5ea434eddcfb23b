"""Separable weights of rows and columns, and masks: norms that a chain can follow."""

import math
from dataclasses import dataclass

import numpy as np

from skfrugal.operators._blocks import restrict


@dataclass(frozen=True, eq=False)
class Norm:
    """The norm ``||mask * row * matrix * column||``, over its unit.

    Attributes
    ----------
    row : ndarray of shape (M, 1) or None
        Weights, at most 1; None for equal ones.
    column : ndarray of shape (1, N) or None
    mask : ndarray of bool of shape (M, N), or None
        Entries that count.
    unit : float
        What `row` and `column` were divided by.
    """

    row: np.ndarray | None = None
    column: np.ndarray | None = None
    mask: np.ndarray | None = None
    unit: float = 1.0

    @property
    def is_plain(self):
        """Whether all entries count the same."""
        return self.row is None and self.column is None and self.mask is None

    def weigh(self, matrix):
        """The matrix whose Frobenius norm this is."""
        return self._weigh(matrix, self.row, self.column, self.mask)

    def weigh_values(self, values, pattern):
        """The same, of the values on the support of a pattern."""
        a, b, c, d = pattern
        row = None if self.row is None else self.row.reshape(a, b, 1, d)
        column = None if self.column is None else self.column.reshape(a, 1, c, d)
        return self._weigh(values, row, column, self.mask_values(pattern))

    def mask_values(self, pattern):
        """The mask on the support of a pattern, or None."""
        return None if self.mask is None else restrict(self.mask, pattern)

    def unweigh(self, factors, chain):
        """Factors of a weighted product, divided by the weights.

        Where a weight is zero every value is as good: none is divided by.
        """
        factors = list(factors)
        if self.row is not None:
            a, b, _, d = chain[0]
            factors[0] = factors[0] / _safe(self.row).reshape(a, b, 1, d)
        if self.column is not None:
            a, _, c, d = chain[-1]
            factors[-1] = factors[-1] / _safe(self.column).reshape(a, 1, c, d)
        return factors

    @staticmethod
    def _weigh(matrix, row, column, mask):
        for weight in (row, column):
            if weight is not None:
                matrix = weight * matrix
        return matrix if mask is None else np.where(mask, matrix, 0)


def _safe(weight):
    return np.where(weight > 0, weight, 1.0)


def row_norm(row_weight):
    """`Norm` of nonnegative weights of the *squared* rows, not all zero."""
    unit = math.sqrt(row_weight.max())
    return Norm(row=np.sqrt(row_weight)[:, np.newaxis] / unit, unit=unit)


def check_norm(weights, mask, shape):
    """`Norm` of what a user passes; a weight of zero masks its row or column."""
    row = column = None
    unit = 1.0
    if weights is not None:
        if isinstance(weights, np.ndarray) or len(weights) != 2:
            raise ValueError(
                f"weights must be a pair (of the rows, of the columns), either of "
                f"which may be None; got {weights!r}."
            )
        row, row_unit = _check_weight(weights[0], shape[0], "rows")
        column, column_unit = _check_weight(weights[1], shape[1], "columns")
        unit = row_unit * column_unit
        row = None if row is None else row[:, np.newaxis]
    for weight in (row, column):
        if weight is not None and not weight.all():
            mask = np.broadcast_to(weight > 0, shape) & (True if mask is None else mask)
    return Norm(row, column, mask, unit)


def _check_weight(weight, length, name):
    """The weights over the largest one, which is the unit."""
    if weight is None:
        return None, 1.0
    weight = np.array(weight, dtype=np.float64)
    valid = weight.shape == (length,) and np.isfinite(weight).all()
    if not valid or (weight < 0).any() or not weight.any():
        raise ValueError(
            f"weights of the {name} must be {length} finite numbers >= 0, not all "
            f"zero; got {weight!r}."
        )
    unit = float(weight.max())
    return weight / unit, unit


def check_mask(mask, A):
    """A mask, and the matrix with zeros where it is false, so that NaN may be there."""
    mask, A = np.asarray(mask), np.asarray(A)
    if mask.dtype != bool or mask.shape != A.shape or not mask.any():
        raise ValueError(
            f"mask must be a boolean array of shape {A.shape}, true where an entry of "
            f"A counts and true somewhere; got dtype {mask.dtype} and shape "
            f"{mask.shape}."
        )
    return mask, np.where(mask, A, np.zeros(1, A.dtype))
