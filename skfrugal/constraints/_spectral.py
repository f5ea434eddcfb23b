"""Constraints on singular values."""

import numpy as np

from skfrugal._validation import check_positive_int
from skfrugal.constraints._base import Constraint, from_unit, to_unit
from skfrugal.constraints._supports import (
    check_pattern,
    check_same_shape,
    pattern_shape,
)


class MaxRank(Constraint):
    """Matrices of rank `rank` at most.

    Parameters
    ----------
    rank : int

    Notes
    -----
    Of equal singular values those are kept that LAPACK lists first.

    *Cost*: one singular value decomposition.

    Examples
    --------
    >>> import numpy as np
    >>> from skfrugal.constraints import MaxRank
    >>> MaxRank(1).project(np.diag([3.0, 1.0])).round(12)
    array([[3., 0.],
           [0., 0.]])
    """

    def __init__(self, rank):
        self.rank = check_positive_int(rank, "rank")

    def check_shape(self, shape):
        """Raise ValueError where the rank is more than a side."""
        if self.rank > min(shape):
            raise ValueError(
                f"rank={self.rank} is more than the shorter side of shape "
                f"{tuple(shape)}; pass at most {min(shape)}."
            )

    def _project(self, values):
        unit, exponent = to_unit(values)
        left, singular, right = np.linalg.svd(unit, full_matrices=False)
        kept = (left[:, : self.rank] * singular[: self.rank]) @ right[: self.rank]
        return from_unit(kept, exponent, values.dtype)


class OrthogonalBlocks(Constraint):
    """Matrices of a Kronecker-sparse pattern whose blocks are orthogonal.

    Parameters
    ----------
    pattern : (a, b, c, d)
        Each of the ``a d`` blocks of shape (b, c) has orthonormal columns, or
        orthonormal rows where it has more columns than rows.  ``(1, n, n, 1)`` means
        orthogonal (unitary) matrices.

    Notes
    -----
    Each block is replaced by its polar factor.  Where that is not unique, in a block
    that is rank deficient, LAPACK's singular vectors choose.

    *Cost*: the singular value decompositions of the blocks.

    Examples
    --------
    >>> from skfrugal.constraints import OrthogonalBlocks
    >>> OrthogonalBlocks((1, 2, 2, 1)).project([[0.0, 2.0], [-3.0, 0.0]]).round(12)
    array([[ 0.,  1.],
           [-1.,  0.]])
    """

    is_cone = False

    def __init__(self, pattern):
        self.pattern = check_pattern(pattern)

    def check_shape(self, shape):
        """Raise ValueError where the shape is not that of the pattern."""
        check_same_shape(shape, pattern_shape(self.pattern), "pattern")

    def _project(self, values):
        a, b, c, d = self.pattern
        projected = np.zeros((a, b, d, a, c, d), values.dtype)
        i, j = np.arange(a)[:, np.newaxis], np.arange(d)
        blocks = to_unit(values)[0].reshape(projected.shape)[i, :, j, i, :, j]
        left, _, right = np.linalg.svd(blocks, full_matrices=False)
        projected[i, :, j, i, :, j] = left @ right
        return projected.reshape(values.shape)
