"""The folded butterfly: its pairs, its order, and what it does to flat data."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from skfrugal.solvers import fold_rotations


def test_fold_rotations_of_8_pairs_what_a_folded_strip_brings_together():
    rotations = fold_rotations(8)
    levels = np.split(rotations.pairs, rotations.level_starts[1:-1])
    as_sets = [{frozenset(p) for p in level.tolist()} for level in levels]
    fold = [{(0, 7), (1, 6), (2, 5), (3, 4)}, {(0, 3), (1, 2), (4, 7), (5, 6)}]
    fold.append({(0, 1), (2, 3), (4, 5), (6, 7)})
    assert as_sets == [{frozenset(p) for p in level} for level in fold]
    assert_array_equal(rotations.angles, np.pi / 4)


@pytest.mark.parametrize("shape", [16, (4, 8), (2, 2, 4), (8, 1)])
def test_fold_rotations_gathers_a_constant_in_one_coordinate(shape):
    n = int(np.prod(shape))
    y = fold_rotations(shape) @ np.ones(n)
    expected = np.zeros(n)
    expected[0] = np.sqrt(n)
    assert_allclose(y, expected, atol=32 * np.finfo(float).eps * np.sqrt(n))


def test_fold_rotations_on_a_grid_alternate_rows_and_columns():
    rotations = fold_rotations((4, 4))
    levels = np.split(rotations.pairs, rotations.level_starts[1:-1])
    same_column = [bool((p[:, 0] % 4 == p[:, 1] % 4).all()) for p in levels]
    same_row = [bool((p[:, 0] // 4 == p[:, 1] // 4).all()) for p in levels]
    assert same_column == [True, False, True, False]
    assert same_row == [False, True, False, True]


@settings(max_examples=30, deadline=None)
@given(shape=st.lists(st.integers(1, 7), min_size=1, max_size=3), data=st.data())
def test_fold_rotations_are_orthogonal_for_any_shape(shape, data):
    n = int(np.prod(shape))
    whole = fold_rotations(tuple(shape))
    count = data.draw(st.integers(0, whole.n_rotations + 3))
    part = fold_rotations(tuple(shape), count)
    assert part.n_rotations == min(count, whole.n_rotations)
    assert_array_equal(part.pairs, whole.pairs[:count])
    Q = part.toarray()
    assert_allclose(Q @ Q.T, np.eye(n), atol=32 * np.finfo(float).eps)
    # Every feature has a partner in some level, but on a single point.
    assert len(np.unique(whole.pairs)) == (n if n > 1 else 0)


@pytest.mark.parametrize("shape", [np.int64(6), np.array([2, 3]), [np.uint8(6)]])
def test_fold_rotations_takes_numpy_integers(shape):
    plain = fold_rotations(tuple(int(side) for side in np.atleast_1d(shape)), 4)
    rotations = fold_rotations(shape, np.int32(4))
    assert_array_equal(rotations.pairs, plain.pairs)


@pytest.mark.parametrize(
    "parameters, message",
    [
        ((2.5,), "shape must be an integer >= 1; got 2.5"),
        (((4, 0),), "shape must be an integer >= 1; got 0"),
        ((4, -1), "n_rotations must be an integer >= 0; got -1"),
    ],
)
def test_fold_rotations_says_what_is_wrong_with_a_parameter(parameters, message):
    with pytest.raises(ValueError, match=message):
        fold_rotations(*parameters)
