"""Coefficients for the kernels with rows in the lanes: rotations and sparse factors."""

import numpy as np

from skfrugal._kernels._bindings import PackedRotations, PackedSparse
from skfrugal._kernels._rotation_paths import rotation_paths, unit_rotations

# A scale of the unit form is multiplied in before it falls below this.
SMALLEST_SCALE = {np.dtype(np.float32): 2.0**-20, np.dtype(np.float64): 2.0**-100}


def _panel(table, dtype):
    return table.panel_bytes // dtype.itemsize


def pack_rotations(n, pairs, angles, table, dtype, outputs=None):
    """A sequence of plane rotations, for one table.

    Parameters
    ----------
    n : int
    pairs : ndarray of shape (n_rotations, 2)
        The first is applied first.
    angles : ndarray of shape (n_rotations,)
        (x_i, x_j) becomes (cos x_i + sin x_j, cos x_j - sin x_i).
    table : Table
    dtype : float32 or float64
    outputs : ndarray of int, default=None
        Coordinates that are wanted, in this order; None wants all of them.

    Returns
    -------
    PackedRotations
    """
    dtype = np.dtype(dtype)
    panel = _panel(table, dtype)
    pairs = np.ascontiguousarray(pairs, dtype=np.int64).reshape(-1, 2)
    angles = np.asarray(angles, dtype=np.float64).ravel()
    slots, weights, restarts, slot, scale = unit_rotations(
        n, pairs, np.cos(angles), np.sin(angles), SMALLEST_SCALE[dtype]
    )
    groups, all_slots, all_weights = [], [], []
    start = 0
    for stop, factors in [*restarts, (len(pairs), None)]:
        g, s, w = _paths(n, slots[start:stop], weights[start:stop])
        groups.append(g)
        all_slots.append(s)
        all_weights.append(w)
        if factors is not None:
            groups.append(np.array([0, n]))
            all_weights.append(factors)
        start = stop
    if outputs is not None:
        slot, scale = slot[outputs], scale[outputs]
    return PackedRotations(
        n,
        np.concatenate(groups).astype(np.int32),
        np.concatenate(all_slots).astype(np.int32) * np.int32(panel),
        np.concatenate(all_weights).astype(dtype),
        slot * np.int32(panel),
        scale.astype(dtype),
        n * panel,
    )


def _paths(n, slots, weights):
    """Groups (length, count), slots and coefficients, in the order of rotations.h."""
    order, flipped, lengths, stages = rotation_paths(n, np.ascontiguousarray(slots))
    flip = flipped.astype(bool)[:, None]
    slots, weights = slots[order], weights[order]
    slots = np.where(flip, slots[:, ::-1], slots)
    weights = np.where(flip, weights[:, ::-1], weights)
    starts = np.cumsum(lengths) - lengths
    sequence = np.lexsort((lengths, stages))
    groups, all_slots, all_weights = [], [], []
    keys = stages[sequence] * 8 + lengths[sequence]
    for group in np.split(sequence, np.flatnonzero(np.diff(keys)) + 1):
        if group.size == 0:
            continue
        length = lengths[group[0]]
        rotations = starts[group][:, None] + np.arange(length)
        first = slots[rotations[:, :1], 0]
        all_slots.append(np.hstack([first, slots[rotations, 1]]).ravel())
        all_weights.append(weights[rotations].ravel())
        groups.append([length, len(group)])
    empty = np.empty(0)
    return (
        np.array(groups, dtype=np.int64).ravel(),
        np.concatenate([empty, *all_slots]),
        np.concatenate([empty, *all_weights]),
    )


def pack_sparse(matrices, table, dtype):
    """A product of sparse matrices, for one table.

    Parameters
    ----------
    matrices : sequence of CSR arrays
        The first is applied first (the last factor of a product).
    table : Table
    dtype : float32 or float64

    Returns
    -------
    PackedSparse
    """
    dtype = np.dtype(dtype)
    panel = _panel(table, dtype)
    n_in, n_out = matrices[0].shape[1], matrices[-1].shape[0]
    position = np.arange(n_in)  # of each intermediate feature in the panel
    factors = []
    for matrix in matrices:
        columns = position[matrix.indices]
        size = np.diff(matrix.indptr)
        smallest = np.full(matrix.shape[0], n_in)
        full = size > 0
        if full.any():
            smallest[full] = np.minimum.reduceat(columns, matrix.indptr[:-1][full])
        order = np.lexsort((smallest, size))
        sizes, counts = np.unique(size, return_counts=True)
        ends = np.cumsum(size[order])
        take = np.repeat(matrix.indptr[:-1][order] - (ends - size[order]), size[order])
        take = take + np.arange(ends[-1] if len(ends) else 0)
        factors.append(
            (
                np.stack([sizes, counts], axis=1).astype(np.int32).ravel(),
                (columns[take] * panel).astype(np.int32),
                matrix.data[take].astype(dtype),
            )
        )
        position = np.empty(matrix.shape[0], dtype=np.int64)
        position[order] = np.arange(matrix.shape[0])
    width = max(n_in, *(m.shape[0] for m in matrices))
    return PackedSparse(
        n_in,
        n_out,
        width,
        factors,
        (position * panel).astype(np.int32),
        np.ones(n_out, dtype=dtype),
        2 * width * panel,
    )
