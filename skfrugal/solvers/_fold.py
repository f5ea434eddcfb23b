"""The classical butterfly as plane rotations, in the order of a folded strip."""

import itertools
import math

import numpy as np

from skfrugal._validation import check_int
from skfrugal.operators import Rotations


def fold_rotations(shape, n_rotations=None):
    """The classical butterfly, in an order made for neighbouring features.

    Feature i stands at position ``i ^ (i >> 1)`` (the Gray code: the order of a strip
    folded in half again and again), positions that differ in one bit are paired,
    the largest stride first, and every angle is pi/4.  On a grid each axis is
    folded by itself, and their strides alternate.

    Parameters
    ----------
    shape : int or tuple of int
        Number of features N, or the sides of the grid that they are read from in C
        order.  They need not be powers of two: a place without a partner is passed
        over.

    n_rotations : int, default=None
        Number of rotations at most; None means all, about N/2 log2(N).

    Returns
    -------
    rotations : Rotations
        Orthogonal operator of shape (N, N).

    Examples
    --------
    >>> from skfrugal.solvers import fold_rotations
    >>> fold_rotations(4).pairs.tolist()
    [[0, 3], [1, 2], [0, 1], [3, 2]]
    """
    sides = (shape,) if np.ndim(shape) == 0 else shape
    shape = tuple(check_int(side, "shape", 1) for side in sides)
    n = math.prod(shape)
    features = np.arange(n).reshape(shape)
    axes = [
        [
            np.column_stack([features.take(side, axis).ravel() for side in sides])
            for sides in _fold_pairs(length)
        ]
        for axis, length in enumerate(shape)
    ]
    levels = [
        level
        for strides in itertools.zip_longest(*axes)
        for level in strides
        if level is not None
    ]
    if n_rotations is not None:
        n_rotations = check_int(n_rotations, "n_rotations", 0)
        stops = np.cumsum([len(level) for level in levels])
        levels = [
            level[: max(0, len(level) - max(0, stop - n_rotations))]
            for level, stop in zip(levels, stops, strict=True)
        ]
    levels = [level for level in levels if len(level)]
    return Rotations(n, levels, [np.full(len(level), math.pi / 4) for level in levels])


def _fold_pairs(length):
    """Pairs (first, second) of index arrays along an axis, the largest stride first."""
    index = np.arange(length)
    position = index ^ (index >> 1)
    at = np.full(1 << (length - 1).bit_length(), -1)
    at[position] = index
    for bit in reversed(range((length - 1).bit_length())):
        first = index[(position >> bit) & 1 == 0]
        second = at[position[first] | (1 << bit)]
        yield first[second >= 0], second[second >= 0]
