"""Rows and columns in the order of a butterfly, found by peeling pairs of columns.

The last factor of a dyadic butterfly mixes neighbouring columns: for a matrix in the
right order, two neighbours are proportional on the even rows, and on the odd rows.
So a pair of columns is known by its rows falling on two lines, half of them on each.
A pair of numbers (u, v) is seen as the vector of its *Stokes parameters*

    s = (|u|^2 - |v|^2, 2 Re u v*, 2 Im u v*),    |s| = |u|^2 + |v|^2,

which depends on the line through (u, v) only: what a set of rows misses of a line is
(sum |s| - |sum s|) / 2.  All arrays are stacks over the matrices of a level; a level
halves their rows, and replaces each pair of columns by the line's left factor.
"""

import numpy as np
from scipy.optimize import linear_sum_assignment

_LLOYD_STEPS = 12
_JOINT_STEPS = 4


def peel(A, *, n_candidates):
    """Orders of the rows and columns of a square matrix of a power of two.

    Returns
    -------
    rows, columns : ndarray of int of shape (N,)
        ``A[rows][:, columns]`` is nearly a dyadic butterfly, if `A` can be made one.
    """
    n = len(A)
    stack = A[np.newaxis]
    rows = np.arange(n)[np.newaxis]
    columns = [[c] for c in range(n)]
    bits = np.zeros(n, dtype=np.intp)
    for level in range(n.bit_length() - 1):
        halves, pairs = _best_split(stack, n_candidates)
        bits[np.take_along_axis(rows, halves[:, 1], axis=1)] |= 1 << level
        rows = np.take_along_axis(rows[:, np.newaxis], halves, axis=2)
        rows = rows.reshape(-1, halves.shape[2])
        stack = _left_factors(_halved(stack, halves), pairs)
        columns = [columns[c] + columns[d] for c, d in pairs]
    return np.argsort(bits), np.array(columns[0])


def _halved(stack, halves):
    """Rows of each half: (2 M, n/2, n) from (M, n, n) and row numbers (M, 2, n/2)."""
    part = np.take_along_axis(stack[:, np.newaxis], halves[..., np.newaxis], axis=2)
    return part.reshape(-1, *part.shape[2:])


def stokes(u, v):
    """Stokes parameters of pairs of numbers, on a new last axis, float64."""
    cross = 2 * u * np.conj(v)
    parts = [abs(u) ** 2 - abs(v) ** 2, cross.real]
    if np.iscomplexobj(u):
        parts.append(cross.imag)
    return np.stack(parts, axis=-1)


def _best_split(stack, n_candidates):
    """Halves of the rows of each matrix (M, 2, n/2), pairs of columns (n/2, 2)."""
    n = stack.shape[2]
    anchor = int(np.argmax(np.sum(abs(stack) ** 2, axis=(0, 1))))
    others = np.delete(np.arange(n), anchor)
    s = stokes(stack[:, :, [anchor]], stack[:, :, others])
    halves, missed = _two_lines(np.moveaxis(s, 2, 1))
    best = None
    for k in np.argsort(missed.sum(axis=0), kind="stable")[:n_candidates]:
        split = halves[:, k]
        pairs = _matched(_pair_costs(_halved(stack, split)))
        split, cost = _jointly_refined(stack, split, pairs)
        if best is None or cost < best[0]:
            best = cost, split, pairs
    return best[1:]


def _missed(s, halves):
    """Energy that the lines of the two halves miss, (...)."""
    part = np.take_along_axis(s[..., np.newaxis, :, :], halves[..., np.newaxis], -2)
    directions = part.sum(axis=-2)
    size = np.sqrt(np.sum(s**2, axis=-1)).sum(axis=-1)
    return (size - np.linalg.norm(directions, axis=-1).sum(axis=-1)) / 2, directions


def _two_lines(s):
    """Rows (..., n, p) in two equal halves, each near a line.

    Lloyd's iterations from the largest row and the one least like it.
    """
    size = np.sqrt(np.sum(s**2, axis=-1))
    first = np.take_along_axis(s, size.argmax(axis=-1)[..., None, None], axis=-2)
    first = first / np.maximum(np.linalg.norm(first, axis=-1, keepdims=True), 1e-300)
    apart = size - np.sum(s * first, axis=-1)
    second = np.take_along_axis(s, apart.argmax(axis=-1)[..., None, None], axis=-2)
    second = second / np.maximum(np.linalg.norm(second, axis=-1, keepdims=True), 1e-300)
    axis = (first - second)[..., 0, :]
    halves = _halves(np.einsum("...np,...p->...n", s, axis))
    missed, directions = _missed(s, halves)
    for _ in range(_LLOYD_STEPS):
        new = _halves(np.einsum("...np,...p->...n", s, _difference(directions)))
        missed_new, directions_new = _missed(s, new)
        better = missed_new < missed
        if not better.any():
            break
        missed = np.where(better, missed_new, missed)
        halves = np.where(better[..., None, None], new, halves)
        directions = np.where(better[..., None, None], directions_new, directions)
    return halves, missed


def _difference(directions):
    """Difference of the unit vectors along two directions (..., 2, p)."""
    norm = np.linalg.norm(directions, axis=-1, keepdims=True)
    unit = directions / np.maximum(norm, 1e-300)
    return unit[..., 0, :] - unit[..., 1, :]


def _halves(score):
    """Numbers of the rows of the larger and of the smaller scores (..., 2, n/2)."""
    order = np.argsort(-score, axis=-1, kind="stable")
    return np.sort(order.reshape(*score.shape[:-1], 2, -1), axis=-1)


def _pair_costs(stack):
    """What a line misses of each pair of columns, summed over matrices: (n, n)."""
    n = stack.shape[2]
    cost = np.zeros((n, n))
    for part in stack:
        gram = part.conj().T @ part
        own = gram.diagonal().real
        half = np.subtract.outer(own, own) / 2
        cost += np.add.outer(own, own) / 2 - np.sqrt(half**2 + abs(gram) ** 2)
    return cost


def _matched(cost):
    """Disjoint pairs of small cost, (n/2, 2).

    The optimal assignment of columns to columns where it is made of pairs; elsewhere
    its pairs, and the others by increasing cost, improved by exchanges of partners.
    """
    n = len(cost)
    cost = cost + np.diag(np.full(n, np.inf))
    bound = abs(cost[np.isfinite(cost)]).max(initial=1.0)
    finite = np.where(np.isfinite(cost), cost, 4 * n * bound)
    partner = linear_sum_assignment(finite)[1]
    is_pair = partner[partner] == np.arange(n)
    pairs = [(c, partner[c]) for c in range(n) if is_pair[c] and c < partner[c]]
    free = np.flatnonzero(~is_pair)
    left, right = np.triu_indices(len(free), 1)
    order = np.argsort(cost[free[left], free[right]], kind="stable")
    taken = np.zeros(n, dtype=bool)
    for c, d in zip(free[left[order]], free[right[order]], strict=True):
        if not (taken[c] or taken[d]):
            pairs.append((c, d))
            taken[[c, d]] = True
    return _exchanged(cost, np.array(sorted(pairs)))


def _exchanged(cost, pairs):
    """Pairs after exchanges of partners that lower the cost, until none does."""
    improved = True
    while improved:
        improved = False
        for i in range(len(pairs) - 1):
            a, b = pairs[i]
            c, d = pairs[i + 1 :].T
            now = cost[a, b] + cost[c, d]
            for e, f in ((c, d), (d, c)):
                gain = now - cost[a, e] - cost[b, f]
                j = int(gain.argmax())
                if gain[j] > 1e-12 * abs(now[j]):
                    pairs[i], pairs[i + 1 + j] = (a, e[j]), (b, f[j])
                    improved = True
                    break
    return pairs


def _jointly_refined(stack, halves, pairs):
    """Halves that serve all pairs of columns, and the energy that they miss."""
    u, v = stack[:, :, pairs[:, 0]], stack[:, :, pairs[:, 1]]
    s = np.moveaxis(stokes(u, v), 2, 1)  # (M, pairs, n, p)

    def missed(halves):
        spread = np.broadcast_to(
            halves[:, np.newaxis], (*s.shape[:2], *halves.shape[1:])
        )
        each, directions = _missed(s, spread)
        return each.sum(axis=1), directions

    cost, directions = missed(halves)
    for _ in range(_JOINT_STEPS):
        score = np.einsum("mknp,mkp->mn", s, _difference(directions))
        new = _halves(score)
        cost_new, directions_new = missed(new)
        better = cost_new < cost
        if not better.any():
            break
        cost = np.where(better, cost_new, cost)
        halves = np.where(better[:, None, None], new, halves)
        directions = np.where(better[:, None, None, None], directions_new, directions)
    return halves, float(cost.sum())


def _left_factors(stack, pairs):
    """Best column for each pair of columns, times its singular value."""
    blocks = stack[:, :, pairs].swapaxes(1, 2)  # (M, pairs, n, 2)
    u, sigma, _ = np.linalg.svd(blocks, full_matrices=False)
    return np.ascontiguousarray((u[..., 0] * sigma[..., :1]).swapaxes(1, 2))
