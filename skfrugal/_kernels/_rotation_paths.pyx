"""Plane rotations in unit form, ordered into paths that share a register.

See csrc/rotations.h for what the kernel does with them.
"""

import numpy as np

cdef enum:
    LONGEST = 4  # rotations in a path: what the kernel has
    WINDOW = 64  # ready rotations that compete for the next path


def unit_rotations(Py_ssize_t n, const long long[:, ::1] pairs,
                   const double[::1] cosines, const double[::1] sines, double smallest):
    """Two coefficients a rotation, scales kept aside.

    Rotation r maps (x_i, x_j) to (c x_i + s x_j, c x_j - s x_i).  Coordinate k is
    ``scale[k] * z[slot[k]]``; the rotation becomes ``z_a += p z_b; z_b += q z_a`` (both
    of the old values) on the slots a, b of the pair.  The larger of |c| and |s| is
    divided out, so that a scale shrinks by 1 / sqrt 2 at most; before one falls below
    `smallest`, all are multiplied into z and start again from 1.

    Returns
    -------
    slots : ndarray of shape (n_rotations, 2)
    weights : ndarray of shape (n_rotations, 2)
        p and q.
    restarts : list of (int, ndarray of shape (n,))
        Before that rotation, slot k is multiplied by the k-th number.
    slot, scale : ndarrays of shape (n,)
    """
    cdef Py_ssize_t r, i, j, a, b, n_rotations = pairs.shape[0]
    cdef double c, s, t, big
    slots_ = np.empty((n_rotations, 2), dtype=np.int32)
    weights_ = np.empty((n_rotations, 2))
    slot_ = np.arange(n, dtype=np.int32)
    by_slot_ = np.ones(n)
    cdef int[:, ::1] slots = slots_
    cdef double[:, ::1] weights = weights_
    cdef int[::1] slot = slot_
    cdef double[::1] d = by_slot_
    restarts = []
    for r in range(n_rotations):
        i, j, c, s = pairs[r, 0], pairs[r, 1], cosines[r], sines[r]
        a, b = slot[i], slot[j]
        big = max(abs(c), abs(s))
        if min(abs(d[a]), abs(d[b])) * big < smallest:
            restarts.append((r, by_slot_.copy()))
            by_slot_[:] = 1
        slots[r, 0], slots[r, 1] = a, b
        if abs(c) >= abs(s):
            t = s / c
            weights[r, 0] = t * (d[b] / d[a])
            weights[r, 1] = -t * (d[a] / d[b])
            d[a] *= c
            d[b] *= c
        else:
            t = c / s
            weights[r, 0] = -t * (d[b] / d[a])
            weights[r, 1] = t * (d[a] / d[b])
            d[a] *= -s
            d[b] *= s
            slot[i], slot[j] = b, a
    return slots_, weights_, restarts, slot_, by_slot_[slot_]


cdef struct Graph:
    const int *slots           # (n_rotations, 2)
    const long long *follower  # (n_rotations, 2): the slot's next rotation, or -1
    int *waits                 # how many of a rotation's two predecessors are left


cdef int extension(Graph *g, Py_ssize_t r, int side, int most) noexcept nogil:
    """How many rotations can follow r on the slot of this side, at most `most`."""
    cdef Py_ssize_t k = g.follower[2 * r + side]
    if most == 0 or k < 0 or g.waits[k] != 1:
        return 0
    return 1 + extension(g, k, g.slots[2 * k] == g.slots[2 * r + side], most - 1)


cdef Py_ssize_t longest(Graph *g, const long long *ready, Py_ssize_t n_ready,
                        int *side) noexcept nogil:
    """The position of a start of a longest path, among the last to become ready."""
    cdef Py_ssize_t i, best = n_ready - 1
    cdef int length, s, best_length = -1
    for i in range(n_ready - 1, max(-1, n_ready - 1 - WINDOW), -1):
        for s in range(2):
            length = extension(g, ready[i], s, LONGEST - 1)
            if length > best_length:
                best, best_length, side[0] = i, length, s
        if best_length == LONGEST - 1:
            break
    return best


def rotation_paths(Py_ssize_t n, const int[:, ::1] slots):
    """An order of the rotations that keeps every slot's own order, in paths.

    A path is a run of rotations, each sharing a slot with the one before; paths of one
    stage touch disjoint slots, so that they may be sorted by length.

    Returns
    -------
    order : ndarray of shape (n_rotations,)
        The rotations, path after path.
    flipped : ndarray of shape (n_rotations,)
        1 where the path comes from the second slot and leaves by the first.
    lengths, stages : ndarrays of shape (n_paths,)
    """
    cdef Py_ssize_t n_rotations = slots.shape[0], r, k, i, first, done = 0
    cdef Py_ssize_t n_ready = 0, n_paths = 0
    cdef int side, stage, out = 0
    cdef Graph graph
    order_ = np.empty(n_rotations, dtype=np.int64)
    flipped_ = np.empty(n_rotations, dtype=np.int32)
    lengths_ = np.empty(n_rotations, dtype=np.int32)
    stages_ = np.empty(n_rotations, dtype=np.int32)
    cdef long long[::1] order = order_
    cdef int[::1] flipped = flipped_, lengths = lengths_, stages = stages_
    cdef long long[:, ::1] follower = np.full((n_rotations, 2), -1, dtype=np.int64)
    cdef int[::1] waits = np.zeros(n_rotations, dtype=np.int32)
    cdef long long[::1] last = np.full(n, -1, dtype=np.int64)
    cdef int[::1] slot_stage = np.zeros(n, dtype=np.int32)
    cdef long long[::1] ready = np.empty(n + 2, dtype=np.int64)
    if n_rotations == 0:
        return order_, flipped_, lengths_, stages_
    for r in range(n_rotations):
        for side in range(2):
            k = last[slots[r, side]]
            if k >= 0:
                follower[k, slots[k, 0] != slots[r, side]] = r
                waits[r] += 1
            last[slots[r, side]] = r
        if waits[r] == 0:
            ready[n_ready] = r
            n_ready += 1
    graph.slots, graph.follower, graph.waits = &slots[0, 0], &follower[0, 0], &waits[0]
    while n_ready:
        i = longest(&graph, &ready[0], n_ready, &out)
        r = ready[i]
        n_ready -= 1
        ready[i] = ready[n_ready]
        first, stage = done, 0
        while r >= 0:
            order[done] = r
            flipped[done] = out == 0
            done += 1
            for side in range(2):
                stage = max(stage, slot_stage[slots[r, side]] + 1)
            k = -1
            if extension(&graph, r, out, 1) and done - first < LONGEST:
                k = follower[r, out]
            for side in range(2):
                i = follower[r, side]
                if i >= 0:
                    waits[i] -= 1
                    if waits[i] == 0 and i != k:
                        ready[n_ready] = i
                        n_ready += 1
            if k >= 0:
                out = slots[k, 0] == slots[r, out]
            r = k
        for i in range(first, done):
            slot_stage[slots[order[i], 0]] = slot_stage[slots[order[i], 1]] = stage
        lengths[n_paths] = done - first
        stages[n_paths] = stage
        n_paths += 1
    return order_, flipped_, lengths_[:n_paths].copy(), stages_[:n_paths].copy()
