"""Unit norms."""

import numpy as np

from skfrugal.constraints._base import Constraint

AXES = {None: "the matrix", 0: "each column", 1: "each row"}


class Normalized(Constraint):
    """Matrices of Frobenius norm 1, or whose rows or columns have norm 1.

    Parameters
    ----------
    axis : {None, 0, 1}, default=None
        None: the whole matrix; 0: each column; 1: each row.

    Notes
    -----
    What is zero has no nearest neighbour, since all of norm 1 are equally far: it stays
    zero.

    Examples
    --------
    >>> from skfrugal.constraints import Normalized
    >>> Normalized().project([[3.0, 4.0], [0.0, 0.0]])
    array([[0.6, 0.8],
           [0. , 0. ]])
    """

    is_cone = False

    def __init__(self, axis=None):
        if axis not in AXES:
            raise ValueError(
                f"axis={axis!r} is not an axis; pass None (the matrix), 0 (each "
                f"column) or 1 (each row)."
            )
        self.axis = axis

    def _project(self, values):
        # Each group by its own largest entry: squares are safe whatever the scales.
        peak = np.abs(values).max(axis=self.axis, keepdims=True)
        exponent = np.frexp(peak.astype(np.float64))[1]
        dtype = np.result_type(values, np.float64)
        unit = values.astype(dtype)
        for part in (unit.real, unit.imag) if dtype.kind == "c" else (unit,):
            part[...] = np.ldexp(part, -exponent)
        norm = np.linalg.norm(unit, axis=self.axis, keepdims=True)
        return (unit / np.where(norm > 0, norm, 1)).astype(values.dtype)
