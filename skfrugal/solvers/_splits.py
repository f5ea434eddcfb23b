"""Splitting a matrix along the junctions of a chain, one optimal split at a time."""

import numpy as np

from skfrugal.operators import remove_redundancy
from skfrugal.operators._blocks import (
    adjoint,
    blocks,
    fuse,
    left_from,
    left_to,
    right_from,
    right_to,
)
from skfrugal.operators._patterns import compose, pair_rank
from skfrugal.solvers._target import energy
from skfrugal.solvers._truncation import tail_energy, truncate, truncate_rows


def _balanced(n_splits):
    """Halving; a half is split after the junction that separates it (preorder)."""
    order, intervals = [], [(0, n_splits)]
    while intervals:
        start, stop = intervals.pop()
        if start < stop:
            middle = (start + stop - 1) // 2
            order.append(middle)
            intervals += [(middle + 1, stop), (start, middle)]
    return tuple(order)


ORDERS = {
    "l2r": lambda n_splits: tuple(range(n_splits)),
    "r2l": lambda n_splits: tuple(reversed(range(n_splits))),
    "balanced": _balanced,
}


def is_outside_in(splits):
    """Whether each split is the first or the last left: then errors are orthogonal."""
    first, last = 0, len(splits) - 1
    for split in splits:
        if split == first:
            first += 1
        elif split == last:
            last -= 1
        else:
            return False
    return True


def join(chain, start, stop):
    """Pattern of the product of the factors start, ..., stop - 1."""
    pattern = chain[start]
    for following in chain[start + 1 : stop]:
        pattern = compose(pattern, following)
    return pattern


def without_redundancy(chain, splits):
    """The merged chain, and the splits that survive, renumbered, in their order."""
    merged = tuple(remove_redundancy(chain))
    return merged, surviving(chain, merged, splits)


def surviving(chain, merged, splits):
    """Numbers that the junctions `splits` of a chain have after a merge of factors."""
    if len(merged) == len(chain):
        return splits
    prefixes = [join(chain, 0, i + 1) for i in range(len(chain))]
    kept = [prefixes.index(join(merged, 0, i + 1)) for i in range(len(merged) - 1)]
    return tuple(kept.index(split) for split in splits if split in kept)


def junction_energies(values, chain, factors):
    """Squared distance, on the support, to the pairs of factors of each junction.

    `factors` is what `split_chain` returned: where there is one junction their
    residual is that distance, and a second singular value decomposition is saved.
    """
    if len(chain) == 2:
        return [energy(values - fuse_chain(factors, chain))]
    energies = []
    for split in range(1, len(chain)):
        left, right = join(chain, 0, split), join(chain, split, len(chain))
        rank = pair_rank(left, right)
        energies.append(tail_energy(blocks(values, left, right), rank))
    return energies


def split_chain(values, chain, splits, lost=None):
    """Values of the factors, from the values of the product's pattern.

    All the factors are kept in an orthonormal gauge (blocks with orthonormal columns
    left of the node that is split, orthonormal rows right of it), so that an optimal
    split of the node is an optimal split of the whole product.  Returns a list;
    factors after the last node split have orthonormal rows, those before it columns.
    To the list `lost` the squared error of each split is appended, None if unknown.
    """
    return split_nodes([(0, len(chain), values)], 0, chain, splits, lost)


def split_nodes(nodes, centre, chain, splits, lost=None):
    """`split_chain` from nodes ``(start, stop, values)`` that are split already.

    Nodes left of number `centre` have orthonormal columns, those right of it rows.
    """
    nodes = list(nodes)
    for step, split in enumerate(splits):
        target = next(
            i for i, (start, stop, _) in enumerate(nodes) if start <= split < stop - 1
        )
        _move_centre(nodes, chain, centre, target)
        start, stop, node = nodes[target]
        p1, p2 = join(chain, start, split + 1), join(chain, split + 1, stop)
        # The half that is split next keeps the singular values: no QR is needed then.
        # After the last split they stay where a single factor can be refitted.
        following = splits[step + 1] if step + 1 < len(splits) else len(chain)
        leftwards = following < split or (len(nodes) == len(chain) - 1 and split == 0)
        left, right, square = split_and_lose(node, p1, p2, leftwards)
        if lost is not None:
            lost.append(square)
        nodes[target : target + 1] = [
            (start, split + 1, left),
            (split + 1, stop, right),
        ]
        centre = target if leftwards else target + 1
    return [node for _, _, node in nodes]


def with_orthonormal_rows(factors, chain):
    """The same product, all factors but the first with orthonormal rows."""
    nodes = [(i, i + 1, factor) for i, factor in enumerate(factors)]
    _move_centre(nodes, chain, len(nodes) - 1, 0)
    return [factor for _, _, factor in nodes]


def split_pair(values, p1, p2, leftwards):
    """Optimal pair; the right factor is orthonormal if `leftwards`, else the left."""
    return split_and_lose(values, p1, p2, leftwards)[:2]


def split_and_lose(values, p1, p2, leftwards):
    """`split_pair`, and the squared error if it is known, else None."""
    rank = pair_rank(p1, p2)
    in_place = p1[1] == 2 and p2[3] == rank == 1 and values.flags.c_contiguous
    if in_place and not leftwards:
        left, right, lost = truncate_rows(values, p2[0] // p1[0])
        return left_from(left, p1, p2), right, lost
    grid = blocks(values, p1, p2)
    if leftwards:
        right, left = map(adjoint, truncate(adjoint(grid), rank))
    else:
        left, right = truncate(grid, rank)
    return left_from(left, p1, p2), right_from(right, p1, p2), None


def _move_centre(nodes, chain, centre, target):
    """Make all nodes but `target` orthonormal, in place; the product stays."""
    step = 1 if target > centre else -1
    for position in range(centre, target, step):
        i, j = min(position, position + step), max(position, position + step)
        (start, middle, left), (_, stop, right) = nodes[i], nodes[j]
        p1, p2 = join(chain, start, middle), join(chain, middle, stop)
        left, right = left_to(left, p1, p2), right_to(right, p1, p2)
        if step > 0:
            left, triangle = np.linalg.qr(left)
            right = triangle @ right
        else:
            q, triangle = np.linalg.qr(adjoint(right))
            left, right = left @ adjoint(triangle), adjoint(q)
        nodes[i] = (start, middle, left_from(left, p1, p2))
        nodes[j] = (middle, stop, right_from(right, p1, p2))


def refit_first(values, factors, chain):
    """Replace the first factor by the best one for `values`, row by row.

    The other factors must have orthonormal rows; then the best one is the restriction
    of ``values @ (their product)^*``, contracted here one factor at a time.
    """
    for i in range(len(chain) - 1, 0, -1):
        values = contract_right(values, factors[i], join(chain, 0, i), chain[i])
    return [values, *factors[1:]]


def contract_right(values, factor, left, pattern):
    """``values @ factor^*`` on pattern `left`; values are on ``left * pattern``."""
    grid = blocks(values, left, pattern) @ adjoint(right_to(factor, left, pattern))
    return left_from(grid, left, pattern)


def contract_left(values, factor, pattern, right):
    """``factor^* @ values`` on pattern `right`; values are on ``pattern * right``."""
    grid = adjoint(left_to(factor, pattern, right)) @ blocks(values, pattern, right)
    return right_from(grid, pattern, right)


def fuse_chain(factors, chain):
    """Values of the product of the factors."""
    values, pattern = factors[-1], chain[-1]
    for factor, left in zip(factors[-2::-1], chain[-2::-1], strict=True):
        values = fuse(factor, values, left, pattern)
        pattern = compose(left, pattern)
    return values
