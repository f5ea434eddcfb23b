"""Several constraints at once."""

from itertools import combinations

import numpy as np

from skfrugal.constraints._base import Constraint
from skfrugal.constraints._k_sparse import (
    KSparse,
)
from skfrugal.constraints._normalized import Normalized
from skfrugal.constraints._refusals import SELECTIONS, SUPPORTS, TIED, check_pair
from skfrugal.constraints._spectral import MaxRank
from skfrugal.constraints._supports import (
    NonNegative,
)
from skfrugal.constraints._tied import (
    averaged,
)


class Intersection(Constraint):
    """Matrices that satisfy several constraints, where projecting on them is exact.

    Parameters
    ----------
    *constraints : Constraint
        Any of these, in any order: `NonNegative`; supports (`Support`,
        `BlockDiagonal`, `KroneckerSparsePattern`); one of `Circulant`,
        `AntiCirculant`, `Toeplitz`, `Hankel`, or else numbers of entries (`KSparse`
        with `KSparseRows` or `KSparseColumns`, or `KSparseRowsColumns`); `Normalized`
        where it keeps the rest exact; `MaxRank` with ``Normalized()`` only.

    Raises
    ------
    ValueError
        Where projecting on one after the other would not give a nearest matrix of the
        intersection; the message says why.

    Notes
    -----
    Negative parts are dropped first, then what is outside the supports, then diagonals
    are averaged or the largest entries kept, and norms come last: each of these
    maximises what the intersection can keep of the matrix, and a projection on a cone
    that is then divided by its norm is the projection on the unit vectors of the cone.

    Examples
    --------
    >>> from skfrugal.constraints import Intersection, KSparse, NonNegative
    >>> Intersection(KSparse(1), NonNegative()).project([[-3.0, 2.0], [1.0, 0.0]])
    array([[0., 2.],
           [0., 0.]])
    """

    def __init__(self, *constraints):
        flat = []
        for constraint in constraints:
            if not isinstance(constraint, Constraint):
                raise TypeError(
                    f"{constraint!r} is not a Constraint; pass constraints."
                )
            inner = getattr(constraint, "constraints", (constraint,))
            flat += inner
        self.constraints = tuple(flat)
        for pair in combinations(self.constraints, 2):
            check_pair(*pair)
        self._unit = next(iter(self._parts(Normalized)), None)
        self._clip = bool(self._parts(NonNegative))
        self._tied = next(iter(self._parts(TIED)), None)
        if self._unit and self._clip and self._tied:
            raise ValueError(
                f"{self} is refused: where nothing is positive, the nearest unit "
                f"matrix depends on the lengths of the diagonals. Leave one out."
            )

    @property
    def is_cone(self):
        """Whether no norm is prescribed."""
        return self._unit is None

    def __repr__(self):
        return f"Intersection{self.constraints!r}"

    def check_shape(self, shape):
        """Raise ValueError where one of the constraints does."""
        for constraint in self.constraints:
            constraint.check_shape(shape)

    def _parts(self, kind):
        return [part for part in self.constraints if isinstance(part, kind)]

    def _project(self, values):
        mask = np.ones(values.shape, dtype=bool)
        for part in self._parts(SUPPORTS):
            mask &= part.mask()
        kept = np.where(mask, values, 0)
        if self._clip:
            kept = np.maximum(kept.real, 0).astype(values.dtype)
        if self._tied:
            kept = _averaged_inside(np.where(mask, values, 0), mask, self._tied)
            kept = NonNegative().project(kept) if self._clip else kept
        # Those of a row or column first: what is left to the whole is then a choice
        # among the largest of each.
        for part in sorted(self._parts(SELECTIONS), key=lambda p: type(p) is KSparse):
            kept = np.where(part.selected(kept), kept, 0)
        for part in self._parts(MaxRank):
            kept = part.project(kept)
        if self._unit is None:
            return kept
        if self._clip:
            kept = _with_nearest_zero(kept, values.real, mask, self._unit.axis)
        return self._unit.project(kept)


def _averaged_inside(values, mask, constraint):
    """Means over the classes that lie in the support; the others must be zero."""
    labels = constraint.labels(values.shape)
    partial = np.zeros(labels.max() + 1, dtype=bool)
    partial[labels[~mask]] = True
    return np.where(partial[labels], 0, averaged(values, labels))


def _with_nearest_zero(kept, values, mask, axis):
    """Where a group has nothing positive, its entry that is least negative, as 1.

    Among nonnegative unit vectors u it has the largest product with the group.
    """
    shape = (1, -1) if axis is None else kept.shape
    order = (lambda array: array.T) if axis == 0 else lambda array: array
    rows = order(kept.reshape(shape)).copy()
    options = order(np.where(mask, values, -np.inf).reshape(shape))
    chosen = options.argmax(axis=1)
    peak = options[np.arange(len(rows)), chosen]
    bad = (~rows.any(axis=1)) & (peak < 0) & np.isfinite(peak)
    rows[bad, chosen[bad]] = 1
    return order(rows).reshape(kept.shape)
