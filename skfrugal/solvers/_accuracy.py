"""Ranks for a prescribed accuracy, or the answer that there is no structure."""

import math
import numbers
from itertools import pairwise

import numpy as np

from skfrugal.operators import Dense
from skfrugal.operators._blocks import adjoint, blocks, restrict
from skfrugal.operators._patterns import chain_n_values, compose, pair_rank
from skfrugal.solvers._result import Factorization
from skfrugal.solvers._splits import is_outside_in, join, surviving
from skfrugal.solvers._target import energy

# Rounding in the singular values of a block, relative to its largest.
ROUNDING = 1e-13


def check_max_error(max_error):
    is_number = isinstance(max_error, numbers.Real) and not isinstance(max_error, bool)
    if not is_number or not 0 <= max_error < 1:
        raise ValueError(
            f"max_error={max_error!r} is not a relative accuracy; pass a number in "
            f"[0, 1), 0.01 for one per cent of the norm of A."
        )
    return float(max_error)


def with_ranks(chain, ranks):
    """The chain with other ranks at its junctions.

    Parameters
    ----------
    chain : tuple of patterns
    ranks : sequence of int
        One for each junction.
    """
    patterns = [list(pattern) for pattern in chain]
    for i, rank in enumerate(ranks):
        left, right = patterns[i], patterns[i + 1]
        right[1] = chain[i][3] // right[3] * rank
        left[2] = right[0] // left[0] * rank
    return tuple(map(tuple, patterns))


def tails(values, chain, split):
    """Squared distances to the blocks of rank 0, 1, 2, ... of a junction."""
    left, right = join(chain, 0, split + 1), join(chain, split + 1, len(chain))
    grid = blocks(values, left, right)
    if grid.shape[-2] < grid.shape[-1]:
        grid = adjoint(grid)
    if grid.shape[-2] > 2 * grid.shape[-1]:
        grid = np.linalg.qr(grid, mode="r")
    singular = np.linalg.svd(grid, compute_uv=False)
    squares = np.sum(singular**2, axis=(0, 1))
    return np.append(np.cumsum(squares[::-1])[::-1], 0.0)


def accurate_chain(matrix, chain, splits, max_error):
    """The chain whose ranks suffice for a relative error and its splits, or None.

    With a share of the allowed energy for each of the L - 1 junctions the bound on
    the error is `max_error`: equal shares of squares where errors are orthogonal,
    else of lengths.
    """
    pattern = join(chain, 0, len(chain))
    values = restrict(matrix, pattern)
    whole, inside = energy(matrix), energy(values)
    outside = 0.0 if pattern[0] == pattern[3] == 1 else max(0.0, whole - inside)
    allowed = max_error**2 * whole - outside
    if allowed < 0 or len(chain) == 1:
        return None if allowed < 0 else (chain, splits)
    n_splits = len(chain) - 1
    share = allowed / (n_splits if is_outside_in(splits) else n_splits**2)
    floor = ROUNDING**2 * whole
    ranks = []
    for split in range(n_splits):
        lost = tails(values, chain, split)
        ranks.append(max(1, int(np.argmax(lost <= max(share, floor)))))
    chain = with_ranks(chain, ranks)
    merged = without_waste(chain)
    return merged, surviving(chain, merged, splits)


def without_waste(chain):
    """Merge neighbours that store more than their product, the most wasteful first."""
    chain = list(chain)
    while len(chain) > 1:
        waste = [
            chain_n_values(pair) - chain_n_values([compose(*pair)])
            for pair in pairwise(chain)
        ]
        worst = max(range(len(waste)), key=waste.__getitem__)
        if waste[worst] <= 0:
            break
        chain[worst : worst + 2] = [compose(*chain[worst : worst + 2])]
    return tuple(chain)


def dense_instead(A, reason):
    """The matrix itself, and why."""
    message = f"{reason} The dense matrix is kept: nothing saved, nothing lost."
    return Factorization(Dense(A.copy()), 0.0, 0.0, 0.0, 1, True, message)


def told_ranks(chain, merged):
    """Words on the ranks that were chosen."""
    ranks = [pair_rank(*pair) for pair in pairwise(merged)]
    share = chain_n_values(merged) / math.prod(join(merged, 0, len(merged)))
    factors = f"{len(merged)} factors" if len(merged) > 1 else "one factor"
    merging = " (neighbours that would store more apart are merged)"
    return (
        f"{factors} of ranks {ranks}, {100 * share:.3g} % of the values"
        f"{merging if len(merged) < len(chain) else ''}."
    )
