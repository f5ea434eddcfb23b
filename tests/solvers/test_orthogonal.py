"""Greedy Jacobi rotations: the slow twin, planted structure, degenerate covariances."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from skfrugal.operators import Rotations
from skfrugal.solvers import fold_rotations, greedy_jacobi, prune_rotations

EPS = np.finfo(float).eps


def random_covariance(n, seed, n_rows=None):
    rows = np.random.RandomState(seed).randn(n_rows or 2 * n, n)
    rows *= np.random.RandomState(seed + 1).uniform(0.1, 3.0, n)
    return rows.T @ rows / len(rows)


def off_diagonal(matrix):
    return matrix - np.diag(np.diagonal(matrix))


def plane_rotation(n, i, j, angle):
    matrix = np.eye(n)
    c, s = np.cos(angle), np.sin(angle)
    matrix[[i, i, j, j], [i, j, i, j]] = c, s, -s, c
    return matrix


def slow_greedy_jacobi(C, n_levels, pairs_per_level):
    """Every pair sorted by its gain, the rotations as dense matrices."""
    S, n, levels = C.copy(), len(C), []
    floor = 1e-6 * np.trace(C) / n
    for _ in range(n_levels):
        gains = [
            (-np.log1p(-(S[i, j] ** 2) / ((S[i, i] + floor) * (S[j, j] + floor))), i, j)
            for j in range(n)
            for i in range(j)
        ]
        taken, level = set(), []
        for _, i, j in sorted(gains, reverse=True):
            if len(level) < pairs_per_level and not taken & {i, j}:
                taken |= {i, j}
                angle = np.arctan2(2 * S[i, j], S[i, i] - S[j, j]) / 2
                level.append((i, j, angle))
        for i, j, angle in level:
            R = plane_rotation(n, i, j, angle)
            S = R @ S @ R.T
        levels.append(level)
    return levels, S


@pytest.mark.parametrize("n, pairs_per_level", [(16, None), (13, 3), (9, 4)])
def test_greedy_jacobi_equals_its_slow_twin(n, pairs_per_level):
    C = random_covariance(n, seed=n)
    width = pairs_per_level or n // 8
    result = greedy_jacobi(C, 5 * width, pairs_per_level=pairs_per_level)
    levels, S = slow_greedy_jacobi(C, 5, width)
    expected = [rotation for level in levels for rotation in level]
    assert_array_equal(result.operator.pairs, [(i, j) for i, j, _ in expected])
    assert_allclose(result.operator.angles, [a for _, _, a in expected], rtol=1e-9)
    assert_allclose(result.error, np.linalg.norm(off_diagonal(S)), rtol=1e-9)
    assert result.n_iter == result.operator.n_levels == 5


def test_greedy_jacobi_error_is_the_off_diagonal_norm():
    C = random_covariance(24, seed=0)
    result = greedy_jacobi(C, 60)
    Q = result.operator.toarray()
    assert_allclose(Q @ Q.T, np.eye(24), atol=32 * EPS)
    assert_allclose(result.error, np.linalg.norm(off_diagonal(Q @ C @ Q.T)), rtol=1e-9)
    assert result.error < result.upper_bound
    assert_allclose(result.upper_bound, np.linalg.norm(off_diagonal(C)), rtol=1e-12)


def test_greedy_jacobi_recovers_planted_disjoint_rotations():
    planted = Rotations(9, [[[0, 5], [7, 2], [3, 8]]], [[0.3, -0.5, 0.7]])
    Q = planted.toarray()
    C = Q.T @ np.diag(np.arange(1.0, 10.0) ** 2) @ Q
    result = greedy_jacobi(C, 100)
    assert result.converged
    assert result.operator.n_rotations == 3
    assert {frozenset(pair) for pair in result.operator.pairs.tolist()} == {
        frozenset(pair) for pair in planted.pairs.tolist()
    }
    assert result.error <= 32 * EPS * np.linalg.norm(C)


def test_greedy_jacobi_recovers_a_planted_sequence():
    # The later a rotation, the smaller: the largest gain is always the next one.
    levels = [[[0, 1], [2, 3], [4, 5], [6, 7]], [[1, 2], [5, 6]], [[3, 4]]]
    angles = [[0.6, 0.5, -0.6, 0.7], [0.05, -0.04], [0.002]]
    Q = Rotations(8, levels, angles).toarray()
    C = Q.T @ np.diag(2.0 ** -np.arange(8)) @ Q
    result = greedy_jacobi(C, 1000)
    assert result.converged
    assert result.operator.n_rotations == 7
    assert result.error <= 32 * EPS * np.linalg.norm(C)


@settings(max_examples=30, deadline=None)
@given(n=st.integers(2, 9), seed=st.integers(0, 10**6))
def test_greedy_jacobi_with_many_rotations_finds_the_eigenvalues(n, seed):
    C = random_covariance(n, seed)
    result = greedy_jacobi(C, 200 * n)
    variances = np.diagonal(result.operator.toarray() @ C @ result.operator.toarray().T)
    assert result.converged
    assert_allclose(np.sort(variances), np.linalg.eigvalsh(C), atol=1e-12 * np.trace(C))


@settings(max_examples=30, deadline=None)
@given(n=st.integers(2, 20), rows=st.integers(1, 30), seed=st.integers(0, 10**6))
def test_greedy_jacobi_never_decreases_the_sum_of_the_largest_variances(n, rows, seed):
    C = random_covariance(n, seed, n_rows=rows)
    history = []
    greedy_jacobi(C, 4 * n, stop=lambda v: history.append(np.sort(v)[::-1].cumsum()))
    assert (np.diff(history, axis=0) >= -1e-13 * np.trace(C)).all()


@settings(max_examples=50, deadline=None)
@given(
    a=st.floats(0, 10), b=st.floats(0, 10), r=st.floats(-1, 1), k=st.integers(-900, 900)
)
def test_greedy_jacobi_diagonalises_any_2_by_2(a, b, r, k):
    C = np.array([[a * a, r * a * b], [r * a * b, b * b]]) * 2.0**k
    result = greedy_jacobi(C, 1)
    assert result.error <= 8 * EPS * np.trace(C)


def test_greedy_jacobi_of_one_feature_is_the_identity():
    result = greedy_jacobi([[3.0]], 10)
    assert_array_equal(result.operator.toarray(), [[1.0]])
    assert result.converged and result.error == 0


@pytest.mark.parametrize("C", [np.zeros((5, 5)), np.diag([3.0, 0.0, 1.0, 1.0])])
def test_greedy_jacobi_leaves_a_diagonal_covariance_alone(C):
    result = greedy_jacobi(C, 10)
    assert result.operator.n_rotations == 0
    assert result.converged and result.error == 0


def test_greedy_jacobi_never_rotates_a_constant_column():
    C = random_covariance(10, seed=3)
    C[[2, 7]] = 0
    C[:, [2, 7]] = 0
    result = greedy_jacobi(C, 100)
    assert not np.isin(result.operator.pairs, [2, 7]).any()


def test_greedy_jacobi_merges_duplicated_columns():
    rows = np.random.RandomState(0).randn(40, 4)
    C = np.cov(np.hstack([rows, rows]).T)
    result = greedy_jacobi(C, 4)
    S = result.operator.toarray() @ C @ result.operator.toarray().T
    assert {frozenset(p) for p in result.operator.pairs.tolist()} == {
        frozenset((i, i + 4)) for i in range(4)
    }
    assert_allclose(np.sort(np.diagonal(S))[:4], 0, atol=8 * EPS * np.trace(C))


def test_greedy_jacobi_breaks_ties_the_same_way_twice():
    C = np.full((16, 16), 0.5) + 0.5 * np.eye(16)
    first, second = greedy_jacobi(C, 64), greedy_jacobi(C.copy(), 64)
    assert_array_equal(first.operator.pairs, second.operator.pairs)
    assert_array_equal(first.operator.angles, second.operator.angles)
    assert first.operator.pairs[0].tolist() == [0, 1]


@pytest.mark.parametrize("exponent", [-1000, -300, 300, 1000])
def test_greedy_jacobi_does_not_depend_on_the_scale(exponent):
    C = random_covariance(11, seed=1)
    plain = greedy_jacobi(C, 30)
    scaled = greedy_jacobi(C * 2.0**exponent, 30)
    assert_array_equal(plain.operator.pairs, scaled.operator.pairs)
    assert_array_equal(plain.operator.angles, scaled.operator.angles)
    assert_allclose(scaled.error, plain.error * 2.0**exponent, rtol=1e-12)


def test_greedy_jacobi_does_not_write_to_its_input():
    C = random_covariance(8, seed=2)
    kept = C.copy()
    C.flags.writeable = False
    greedy_jacobi(C, 20)
    assert_array_equal(C, kept)


def test_greedy_jacobi_goes_on_from_a_start():
    C = random_covariance(16, seed=5)
    whole = greedy_jacobi(C, 20)
    first = greedy_jacobi(C, 8)
    second = greedy_jacobi(C, 12, start=first.operator)
    assert_array_equal(second.operator.pairs, whole.operator.pairs)
    assert_allclose(second.operator.angles, whole.operator.angles, rtol=1e-9)
    assert second.n_iter == second.operator.n_levels - first.operator.n_levels


def test_greedy_jacobi_stops_when_told():
    C = random_covariance(16, seed=6)
    calls = []

    def stop(variances):
        assert_allclose(variances.sum(), np.trace(C), rtol=1e-12)
        calls.append(variances.copy())
        return len(calls) == 4

    result = greedy_jacobi(C, 1000, stop=stop)
    assert result.n_iter == 3 and result.converged
    assert_allclose(calls[0], np.diagonal(C), rtol=4 * EPS)


@pytest.mark.parametrize(
    "C, message",
    [
        (np.ones((2, 3)), "square"),
        (np.ones(3), "square"),
        (np.array([[1.0, 0.5], [0.1, 1.0]]), "symmetric"),
        (np.array([[1.0, np.nan], [np.nan, 1.0]]), "NaN"),
        (np.array([[-1.0, 0.0], [0.0, 1.0]]), "diagonal"),
        (np.array([[0.0, 1.0], [1.0, 0.0]]), "semidefinite"),
    ],
)
def test_greedy_jacobi_says_what_is_wrong_with_a_covariance(C, message):
    with pytest.raises(ValueError, match=message):
        greedy_jacobi(C, 3)


@pytest.mark.parametrize(
    "parameters, message",
    [
        ({"n_rotations": -1}, "n_rotations must be an integer >= 0; got -1"),
        ({"n_rotations": 2.5}, "n_rotations must be an integer"),
        ({"n_rotations": 1, "pairs_per_level": 0}, "pairs_per_level must be"),
        ({"n_rotations": 1, "start": fold_rotations(4)}, r"shape \(3, 3\)"),
        ({"n_rotations": 1, "start": np.eye(3)}, "greedy_jacobi or fold_rotations"),
    ],
)
def test_greedy_jacobi_says_what_is_wrong_with_a_parameter(parameters, message):
    with pytest.raises(ValueError, match=message):
        greedy_jacobi(np.eye(3), **parameters)


@settings(max_examples=30, deadline=None)
@given(n=st.integers(2, 20), seed=st.integers(0, 10**6), data=st.data())
def test_prune_rotations_keeps_the_wanted_rows_to_the_last_bit(n, seed, data):
    rotations = greedy_jacobi(random_covariance(n, seed), 3 * n).operator
    outputs = data.draw(st.lists(st.integers(0, n - 1), unique=True, max_size=n))
    pruned = prune_rotations(rotations, outputs)
    assert pruned.n_rotations <= rotations.n_rotations
    assert_array_equal(pruned.toarray()[outputs], rotations.toarray()[outputs])


def test_prune_rotations_leaves_out_all_that_is_not_read():
    rotations = fold_rotations(16)
    # One output of a butterfly reads a binary tree: 8 + 4 + 2 + 1 rotations.
    assert prune_rotations(rotations, [5]).n_rotations == 15
    assert prune_rotations(rotations, range(16)).n_rotations == 32
    assert prune_rotations(rotations, []).n_rotations == 0
