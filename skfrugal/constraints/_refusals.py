"""Which pairs of constraints are not projected on exactly, and why."""

from skfrugal.constraints._k_sparse import (
    KSparse,
    KSparseColumns,
    KSparseRows,
    KSparseRowsColumnsUnion,
)
from skfrugal.constraints._matching import KSparseRowsColumns
from skfrugal.constraints._normalized import AXES, Normalized
from skfrugal.constraints._spectral import MaxRank, OrthogonalBlocks
from skfrugal.constraints._supports import (
    BlockDiagonal,
    Fixed,
    KroneckerSparsePattern,
    Support,
)
from skfrugal.constraints._tied import (
    AntiCirculant,
    Circulant,
    Hankel,
    Toeplitz,
)

SUPPORTS = (Support, BlockDiagonal, KroneckerSparsePattern)
TIED = (Circulant, AntiCirculant, Toeplitz, Hankel)
SELECTIONS = (KSparse, KSparseRows, KSparseColumns, KSparseRowsColumns)


def check_pair(first, second):
    """Raise where the two together cannot be projected on exactly."""
    for one, other in ((first, second), (second, first)):
        reason = _refusal(one, other)
        if reason:
            raise ValueError(f"{one} together with {other} is refused: {reason}")


def _refusal(one, other):
    """Why a pair, seen from its first, is refused; None where it is not."""
    if isinstance(one, KSparseRowsColumnsUnion):
        return "it is a heuristic, not a projection. Pass KSparseRowsColumns."
    if isinstance(one, Fixed):
        return "it leaves nothing to choose. Pass it alone."
    if isinstance(one, OrthogonalBlocks):
        return "orthogonality does not survive another projection. Pass it alone."
    if isinstance(one, MaxRank):
        is_norm = isinstance(other, Normalized) and other.axis is None
        return None if is_norm else "a support and a rank cannot both be kept."
    if isinstance(one, TIED):
        return _refusal_of_tied(other)
    if isinstance(one, Normalized):
        return _refusal_of_norm(one.axis, other)
    return _refusal_of_selection(one, other)


def _refusal_of_tied(other):
    if isinstance(other, TIED):
        return "averages along the one undo those along the other."
    if isinstance(other, SELECTIONS):
        return (
            "diagonals of different lengths that share a number of entries are a "
            "knapsack problem. Choose a Support instead."
        )
    if isinstance(other, Normalized) and other.axis is not None:
        return "norms of rows or columns change the entries of a diagonal unequally."
    return None


def _refusal_of_norm(axis, other):
    if isinstance(other, Normalized):
        return "two norms are prescribed. Pass one of them."
    separable = {0: KSparseColumns, 1: KSparseRows, None: SELECTIONS}[axis]
    if isinstance(other, SELECTIONS) and not isinstance(other, separable):
        return (
            f"once {AXES[axis]} has norm 1, the largest entries are not those that "
            f"bring it nearest. Pass {separable.__name__}, or normalise the matrix."
        )
    return None


def _refusal_of_selection(one, other):
    if not (isinstance(one, SELECTIONS) and isinstance(other, SELECTIONS)):
        return None
    if isinstance(one, KSparseRowsColumns):
        return "the assignment problem has no room for a further count."
    if isinstance(one, KSparseRows) and isinstance(other, KSparseColumns):
        return (
            f"the one after the other is not exact. Pass KSparseRowsColumns(({one.k}, "
            f"{other.k}))."
        )
    return None
