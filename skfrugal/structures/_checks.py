"""Checks that structures share."""

import numpy as np

from skfrugal._validation import check_positive_int


def check_shape(shape):
    """Numbers of rows and columns as two positive ints."""
    if np.shape(shape) != (2,):
        raise ValueError(f"shape={shape!r} is not the shape of a matrix; pass (M, N).")
    m, n = shape
    return check_positive_int(m, "M, the rows,"), check_positive_int(
        n, "N, the columns,"
    )


def check_row_weight(row_weight, matrix):
    """Weights of the rows as a float64 array, or None for equal ones."""
    if row_weight is None:
        return None
    row_weight = np.asarray(row_weight, dtype=np.float64)
    valid = row_weight.shape == matrix.shape[:1] and np.isfinite(row_weight).all()
    if not valid or (row_weight < 0).any() or not row_weight.any():
        raise ValueError(
            f"row_weight must hold one finite weight >= 0 for each of the "
            f"{matrix.shape[0]} rows, not all zero; got {row_weight!r}."
        )
    return row_weight
