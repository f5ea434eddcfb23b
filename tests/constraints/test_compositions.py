"""Several constraints at once: what is accepted, and what is refused and why."""

import numpy as np
import pytest

from skfrugal.constraints import (
    Circulant,
    Fixed,
    Hankel,
    Intersection,
    KSparse,
    KSparseColumns,
    KSparseRows,
    KSparseRowsColumns,
    KSparseRowsColumnsUnion,
    MaxRank,
    NonNegative,
    Normalized,
    OrthogonalBlocks,
    Support,
    Toeplitz,
)

REFUSED = [
    (KSparseRows(1), KSparseColumns(2), r"Pass KSparseRowsColumns\(\(1, 2\)\)"),
    (KSparseRowsColumns(1), KSparse(2), "no room for a further count"),
    (KSparseRowsColumns(1), KSparseRowsColumns(2), "no room for a further count"),
    (KSparse(2), Normalized(axis=1), "Pass KSparseRows"),
    (KSparseRowsColumns(2), Normalized(axis=0), "Pass KSparseColumns"),
    (KSparse(2), Toeplitz(), "knapsack"),
    (Circulant(), Hankel(), "undo"),
    (Circulant(), Normalized(axis=1), "unequally"),
    (Normalized(), Normalized(axis=1), "two norms"),
    (MaxRank(1), NonNegative(), "a support and a rank"),
    (MaxRank(1), Normalized(axis=1), "a support and a rank"),
    (Fixed(np.eye(2)), NonNegative(), "nothing to choose"),
    (OrthogonalBlocks((1, 2, 2, 1)), NonNegative(), "orthogonality"),
    (KSparseRowsColumnsUnion(1), Normalized(), "heuristic"),
]


@pytest.mark.parametrize("first, second, words", REFUSED)
def test_composition_that_is_not_exact_is_refused_with_its_reason(first, second, words):
    for pair in ((first, second), (second, first)):
        with pytest.raises(ValueError, match=words):
            Intersection(*pair)


def test_composition_of_three_may_be_refused_where_pairs_are_not():
    with pytest.raises(ValueError, match="lengths of the diagonals"):
        Intersection(Toeplitz(), NonNegative(), Normalized())
    with pytest.raises(TypeError, match="not a Constraint"):
        Intersection(KSparse(1), "nonnegative")


def test_composition_is_flat_and_knows_whether_it_is_a_cone():
    inner = Intersection(KSparse(2), NonNegative())
    assert inner.is_cone and inner.is_exact
    outer = Intersection(inner, Normalized())
    assert len(outer.constraints) == 3 and not outer.is_cone


def test_refused_compositions_are_not_exact_one_after_the_other():
    """What is refused deserves it: the sequence is not nearest, for some matrix."""
    values = np.array([[3.0, 2.0], [2.5, 1.0]])
    in_turn = KSparseColumns(1).project(KSparseRows(1).project(values))
    exact = KSparseRowsColumns(1).project(values)
    assert np.linalg.norm(values - exact) < np.linalg.norm(values - in_turn)
    values = np.array([[10.0, 2.0], [1.9, 1.9]])
    unit = Normalized(axis=1)
    in_turn = unit.project(KSparse(3).project(values))
    better = unit.project(Support([[1, 0], [1, 1]]).project(values))
    assert np.linalg.norm(values - better) < np.linalg.norm(values - in_turn)
