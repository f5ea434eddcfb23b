"""Sweeps over the angles: monotone, equal to their slow twin, harmless at the edges."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from skfrugal.operators import Rotations
from skfrugal.solvers import fold_rotations, greedy_jacobi, polish_rotations
from skfrugal.solvers._polish import _sweeps


def random_covariance(n, seed, n_rows=None):
    rows = np.random.RandomState(seed).randn(n_rows or 2 * n, n)
    rows = rows.cumsum(axis=1)
    C = rows.T @ rows
    return C * n / np.trace(C)


def compaction(operator, C):
    v = np.diagonal(operator.toarray() @ C @ operator.toarray().T) + 1e-6
    return np.mean(v * np.log(v))


def slow_sweep(C, pairs, angles):
    """One sweep with dense matrices: each angle maximises trace(B^T R)."""
    n, angles = len(C), angles.copy()

    def chain(start, stop):
        Q = np.eye(n)
        for (i, j), angle in zip(pairs[start:stop], angles[start:stop], strict=True):
            Q = Rotations(n, [[[i, j]]], [[angle]]).toarray() @ Q
        return Q

    Q = chain(0, len(pairs))
    weights = 1 + np.log(np.diagonal(Q @ C @ Q.T) + 1e-6)
    weights -= min(0.0, weights.min())
    target = np.diag(weights) @ Q @ C
    n_rotations = len(pairs)
    for p in [*reversed(range(n_rotations)), *range(n_rotations)]:
        i, j = pairs[p]
        # <T, after R before> = trace(R^T B)
        B = chain(p + 1, n_rotations).T @ target @ chain(0, p).T
        angles[p] = np.arctan2(B[i, j] - B[j, i], B[i, i] + B[j, j])
    return angles


def test_sweep_equals_its_slow_twin():
    C = random_covariance(7, seed=0)
    start = greedy_jacobi(C, 15, pairs_per_level=2).operator
    sweeps = _sweeps(C, start)
    next(sweeps)
    angles, objective = next(sweeps)
    expected = slow_sweep(C, start.pairs, start.angles)
    assert_allclose(np.cos(angles - expected), 1.0, atol=1e-12)
    polished = polish_rotations(C, start, max_iter=1)
    assert_allclose(objective, compaction(polished.operator, C), rtol=1e-9)


@settings(max_examples=30, deadline=None)
@given(n=st.integers(2, 20), rows=st.integers(1, 40), seed=st.integers(0, 10**6))
def test_sweeps_never_decrease_the_objective(n, rows, seed):
    C = random_covariance(n, seed, n_rows=rows)
    for start in (greedy_jacobi(C, 2 * n).operator, fold_rotations(n)):
        objectives = [f for _, f in itertools.islice(_sweeps(C, start), 8)]
        assert np.diff(objectives).min() >= -1e-12 * np.log(n)


def test_polish_rotations_improves_the_fold_much():
    C = 0.95 ** abs(np.subtract.outer(np.arange(64), np.arange(64)))
    start = fold_rotations(64)
    result = polish_rotations(C, start, max_iter=20)
    best = np.linalg.eigvalsh(C)
    optimum = np.mean(best * np.log(best))
    # Measured: 0.096 of the distance to the eigenvalues' objective is left.
    left = optimum - compaction(result.operator, C)
    assert left < 0.15 * (optimum - compaction(start, C))
    assert_array_equal(result.operator.pairs, start.pairs)
    assert_array_equal(result.operator.level_starts, start.level_starts)


def test_polish_rotations_error_is_the_off_diagonal_norm():
    C = 7.0 * random_covariance(12, seed=1)
    result = polish_rotations(C, greedy_jacobi(C, 20).operator)
    S = result.operator.toarray() @ C @ result.operator.toarray().T
    expected = np.linalg.norm(S - np.diag(np.diagonal(S)))
    assert_allclose(result.error, expected, rtol=1e-9)
    assert result.lower_bound is None and result.upper_bound is None


@pytest.mark.parametrize("exponent", [-1000, 1000])
def test_polish_rotations_does_not_depend_on_the_scale(exponent):
    C = random_covariance(9, seed=2)
    start = greedy_jacobi(C, 20).operator
    plain = polish_rotations(C, start)
    scaled = polish_rotations(C * 2.0**exponent, start)
    assert_array_equal(plain.operator.angles, scaled.operator.angles)


def test_polish_rotations_keeps_what_is_diagonal():
    Q = Rotations(4, [[[0, 1], [2, 3]]], [[0.4, 0.3]])
    C = Q.toarray().T @ np.diag([4.0, 3.0, 2.0, 1.0]) @ Q.toarray()
    result = polish_rotations(C, Q)
    assert result.converged and result.n_iter == 1
    assert_allclose(result.operator.angles, Q.angles, rtol=1e-12)


@pytest.mark.parametrize("n", [1, 5])
def test_polish_rotations_takes_zero_and_no_rotations(n):
    empty = Rotations(n, [], [])
    result = polish_rotations(np.eye(n), empty)
    assert result.n_iter == 0 and result.converged
    result = polish_rotations(np.zeros((n, n)), fold_rotations(n))
    assert result.converged and result.error == 0


def test_polish_rotations_without_sweeps_returns_the_start():
    C = random_covariance(6, seed=3)
    start = greedy_jacobi(C, 6).operator
    result = polish_rotations(C, start, max_iter=0)
    assert result.n_iter == 0 and not result.converged
    assert_array_equal(result.operator.angles, start.angles)


def test_polish_rotations_refuses_an_indefinite_matrix():
    C = np.array([[1.0, 2.0], [2.0, 1.0]])
    with pytest.raises(ValueError, match="not positive semidefinite"):
        polish_rotations(C, fold_rotations(2))


def test_polish_rotations_prints_only_when_asked(capsys):
    C = random_covariance(6, seed=4)
    polish_rotations(C, fold_rotations(6), max_iter=2, tol=0)
    assert capsys.readouterr().out == ""
    polish_rotations(C, fold_rotations(6), max_iter=2, tol=0, verbose=1)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(",")[0] for line in lines] == [
        "Polish sweep 1",
        "Polish sweep 2",
    ]


def test_polish_rotations_in_single_precision_finds_the_same(monkeypatch):
    n = 40
    rng = np.random.RandomState(0)
    F = rng.randn(n, n) * 0.8 ** np.arange(n)
    C = F @ F.T
    start = greedy_jacobi(C, 2 * n).operator
    double = polish_rotations(C, start, tol=0, max_iter=30)
    monkeypatch.setattr("skfrugal.solvers._polish._SINGLE_PRECISION_FROM", n)
    single = polish_rotations(C, start, tol=0, max_iter=30)
    # Both are within rounding of one optimum, at which errors count squared.
    Q = single.operator.toarray()
    variances = [np.diagonal(R @ C @ R.T) for R in (Q, double.operator.toarray())]
    assert_allclose(*variances, rtol=1e-4)
    assert_allclose(Q @ Q.T, np.eye(n), atol=1e-14)
    compactions = [np.mean(v * np.log(v)) for v in variances]
    assert_allclose(*compactions, rtol=1e-6)
