"""A long sequence of plane rotations."""

from itertools import pairwise

import numpy as np

from skfrugal._validation import as_inexact, check_positive_int
from skfrugal.operators._base import Operator, frozen
from skfrugal.operators._diagonal import scaled_by_diagonal

# Rows rotated together, as columns: they stay in the L2 cache.
TILE_ENTRIES = 2**16


class Rotations(Operator):
    """An orthogonal matrix: levels of disjoint plane rotations, one after the other.

    The matrix is ``R_L ... R_2 R_1``: the first level is applied first to a vector.
    A rotation of the pair (i, j) by the angle t replaces ``x_i`` by
    ``cos(t) x_i + sin(t) x_j`` and ``x_j`` by ``-sin(t) x_i + cos(t) x_j``.

    Parameters
    ----------
    n : int
        Number of rows and columns.
    pairs : sequence of array-like of int, of shapes (n_1, 2), (n_2, 2), ...
        Pairs of coordinates, level by level; disjoint within a level.
    angles : sequence of array-like of shapes (n_1,), (n_2,), ...
        Angles in radians, level by level.

    Attributes
    ----------
    pairs : ndarray of int of shape (n_rotations, 2)
        All pairs, in order.
    angles : ndarray of shape (n_rotations,)
        All angles, in order.
    level_starts : ndarray of int of shape (n_levels + 1,)
        Where each level begins in `pairs` and `angles`.
    n_levels, n_rotations : int

    Notes
    -----
    The transpose is the reversed sequence with opposite angles, and the inverse.
    *Cost*: 6 flops and one stored number a rotation, against N^2 numbers for a dense
    orthogonal matrix.

    Examples
    --------
    >>> import numpy as np
    >>> from skfrugal.operators import Rotations
    >>> op = Rotations(3, [[[0, 2]]], [[np.pi / 2]])
    >>> np.round(np.array([1.0, 2.0, 3.0]) @ op.T, 12)
    array([ 3.,  2., -1.])
    """

    def __init__(self, n, pairs, angles):
        n = check_positive_int(n, "n")
        pairs = [_as_pairs(p, level) for level, p in enumerate(pairs)]
        angles = [as_inexact(t, "angles").ravel() for t in angles]
        if [len(p) for p in pairs] != [len(t) for t in angles]:
            raise ValueError(
                f"pairs and angles must have as many rotations in every level; got "
                f"{[len(p) for p in pairs]} and {[len(t) for t in angles]}."
            )
        for level, pair in enumerate(pairs):
            _check_level(pair, n, level)
        flat = np.concatenate(angles) if angles else np.empty(0)
        if flat.dtype.kind == "c":
            raise TypeError("angles must be real; use astype for a complex dtype.")
        super().__init__((n, n), flat.dtype)
        self.pairs = frozen(np.concatenate([*pairs, np.empty((0, 2), np.intp)]))
        self.angles = frozen(flat)
        starts = np.cumsum([0, *map(len, pairs)], dtype=np.intp)
        self.level_starts = frozen(starts)

    @property
    def n_levels(self):
        """Number of levels."""
        return len(self.level_starts) - 1

    @property
    def n_rotations(self):
        """Number of rotations in all levels."""
        return len(self.angles)

    def levels(self):
        """Iterate over the levels: (pairs, angles) of each."""
        for start, stop in pairwise(self.level_starts):
            yield self.pairs[start:stop], self.angles[start:stop]

    @property
    def nnz(self):
        """Numbers stored: one angle a rotation."""
        return self.angles.size

    @property
    def flops(self):
        """Six a rotation."""
        return 6 * self.angles.size

    def _detail(self):
        return f" of {self.n_rotations} rotations in {self.n_levels} levels"

    def _arrays(self):
        return (self.pairs, self.angles, self.level_starts)

    def _factors(self):
        return (self,)

    def _rows(self, X):
        Y = np.empty_like(X)
        step = max(16, TILE_ENTRIES // self.shape[1])
        for start in range(0, X.shape[0], step):
            tile = slice(start, start + step)
            Y[tile] = self._columns(X[tile].T.copy()).T
        return Y

    def _columns(self, Z):
        """Rotate the rows of `Z`, one vector a column, in place."""
        dtype = np.empty(0, Z.dtype).real.dtype
        cosines, sines = self._cached("cos_sin", self._cos_sin)
        cosines = cosines.astype(dtype, copy=False)[:, np.newaxis]
        sines = sines.astype(dtype, copy=False)[:, np.newaxis]
        for start, stop in pairwise(self.level_starts):
            i, j = self.pairs[start:stop].T
            c, s = cosines[start:stop], sines[start:stop]
            left, right = Z[i], Z[j]
            Z[i] = c * left + s * right
            Z[j] = c * right - s * left
        return Z

    def _cos_sin(self):
        angles = self.angles.astype(np.float64)
        return np.cos(angles), np.sin(angles)

    def _transposed(self):
        return self._with(
            self.pairs[::-1],
            -self.angles[::-1],
            self.n_rotations - self.level_starts[::-1],
        )

    def _mapped(self, function):
        """The same matrix in the dtype that `function` maps ours to."""
        dtype = function(np.empty(0, self.dtype)).dtype
        real = np.empty(0, dtype).real.dtype
        angles = self.angles.astype(real, copy=False)
        operator = self._with(self.pairs, angles, self.level_starts)
        operator._dtype = dtype
        return operator

    def _with(self, pairs, angles, level_starts):
        """A sequence whose levels are known to be right."""
        operator = Rotations(self.shape[0], [], [])
        operator._dtype = self.dtype
        operator.pairs = frozen(np.ascontiguousarray(pairs))
        operator.angles = frozen(angles)
        operator.level_starts = frozen(level_starts)
        return operator

    def _scaled(self, scalar):
        return scaled_by_diagonal(self, scalar)


def _as_pairs(pairs, level):
    """Integers of shape (n_rotations, 2)."""
    pairs = np.asarray(pairs)
    if pairs.size == 0:
        return np.empty((0, 2), np.intp)
    if pairs.dtype.kind not in "iu" or pairs.ndim != 2 or pairs.shape[1] != 2:
        raise ValueError(
            f"pairs of level {level} must be integers of shape (n_rotations, 2); got "
            f"dtype {pairs.dtype} and shape {pairs.shape}."
        )
    return pairs.astype(np.intp, copy=False)


def _check_level(pairs, n, level):
    """Raise unless the pairs of a level are disjoint and in range."""
    if pairs.size and (pairs.min() < 0 or pairs.max() >= n):
        raise ValueError(
            f"pairs of level {level} must lie in [0, {n}); "
            f"got {pairs.min()} to {pairs.max()}."
        )
    if np.unique(pairs).size != pairs.size:
        raise ValueError(f"pairs of level {level} must be disjoint.")
