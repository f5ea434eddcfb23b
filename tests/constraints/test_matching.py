"""Sparse rows and columns: linear programming is the oracle, duality the proof."""

import math

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment, linprog

from skfrugal.constraints import KSparseRowsColumns

KINDS = ("dense", "few values", "sparse", "zero", "uneven")


def weights(kind, shape, rng):
    values = rng.random_sample(shape)
    if kind == "few values":
        return rng.randint(0, 3, shape) / 2.0
    if kind == "sparse":
        return values * (rng.random_sample(shape) < 0.3)
    return {"dense": values, "zero": 0 * values, "uneven": values**8}[kind]


def best_by_linear_programming(weight, k, exactly):
    m, n = weight.shape
    rows = sp.kron(sp.eye_array(m), np.ones((1, n)))
    columns = sp.kron(np.ones((1, m)), sp.eye_array(n))
    A = sp.vstack([rows, columns]).tocsr()
    b = np.repeat(k, (m, n))
    limits = {"A_eq": A, "b_eq": b} if exactly else {"A_ub": A, "b_ub": b}
    return -linprog(-weight.ravel(), bounds=(0, 1), method="highs-ds", **limits).fun


def random_case(rng, exactly):
    m, n = rng.randint(1, 11, 2)
    if exactly:
        common = math.gcd(m, n)
        q = rng.randint(1, common + 1)
        return (m, n), (n // common * q, m // common * q)
    return (m, n), (rng.randint(1, n + 1), rng.randint(1, m + 1))


@pytest.mark.parametrize("exactly", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_matching_keeps_what_linear_programming_keeps(kind, exactly):
    rng = np.random.RandomState(KINDS.index(kind))
    for _ in range(45):
        shape, k = random_case(rng, exactly)
        weight = weights(kind, shape, rng)
        matching = KSparseRowsColumns(k, exactly=exactly).solve(np.sqrt(weight))
        rows, columns = matching.support.sum(1), matching.support.sum(0)
        if exactly:
            assert (rows == k[0]).all() and (columns == k[1]).all()
        else:
            assert rows.max() <= k[0] and columns.max() <= k[1]
        best = best_by_linear_programming(weight, k, exactly)
        # Three ties of 1e-9 an edge is what the preference may cost.
        slack = 3e-9 * weight.size * weight.max() + 1e-12
        assert np.sum(weight, where=matching.support) >= best - slack


@given(st.integers(0, 2**32 - 1), st.booleans(), st.sampled_from(KINDS), st.booleans())
@settings(max_examples=150, deadline=None)
def test_certificate_proves_the_choice_optimal(seed, exactly, kind, is_warm):
    rng = np.random.RandomState(seed)
    shape, k = random_case(rng, exactly)
    constraint = KSparseRowsColumns(k, exactly=exactly)
    values = np.sqrt(weights(kind, shape, rng))
    # Prices of another matrix may cost time, never the optimum.
    prices = -rng.random_sample(shape[1]) if is_warm else None
    matching = constraint.solve(values, prices=prices)
    assert matching.kept <= matching.bound + 1e-12
    n_edges = shape[0] * k[0] + shape[1] * k[1]
    share = (values.max() ** 2) / max(np.sum(values**2), 1e-300)
    assert matching.bound - matching.kept <= 4e-9 * n_edges * share + 1e-12


def test_matching_has_complementary_slackness():
    """Chosen edges cost at most their prices, the others at least."""
    rng = np.random.RandomState(0)
    weight = rng.random_sample((30, 40))
    constraint = KSparseRowsColumns(3, tie_resolution=0)
    support, u, v, count = constraint._match(weight, 0.0, np.zeros(40))
    reduced = 1 - weight - u[:, None] - v
    assert reduced[support].max() <= 1e-14
    assert reduced[~support].min() >= -1e-14
    assert (v <= 0).all() and not v[count < 3].any()


def test_one_a_row_and_column_is_the_assignment_problem():
    values = np.random.RandomState(1).standard_normal((60, 80))
    rows, columns = linear_sum_assignment(values**2, maximize=True)
    support = KSparseRowsColumns(1).selected(values)
    np.testing.assert_array_equal(np.argwhere(support), np.c_[rows, columns])


def test_at_most_and_exactly_differ():
    weight = np.ones((3, 3))
    weight[[0, 0, 1, 2], [0, 1, 2, 2]] = 0
    for exactly, kept in ((False, 5), (True, 4)):
        projected = KSparseRowsColumns(2, exactly=exactly).project(weight)
        assert projected.sum() == kept


@pytest.mark.parametrize("n, k", [(8, 1), (8, 2), (8, 4), (12, 2)])
def test_ties_prefer_the_xor_ultrametric(n, k):
    """Blocks within blocks: for powers of two ``i xor j < k``."""
    support = KSparseRowsColumns(k).selected(np.ones((n, n)))
    distance = np.bitwise_xor.outer(np.arange(n), np.arange(n))
    np.testing.assert_array_equal(support, distance < k)


@pytest.mark.parametrize("dtype, noise", [(np.float64, 1e-13), (np.float32, 6e-8)])
def test_ties_up_to_rounding_are_ties(dtype, noise):
    rng = np.random.RandomState(2)
    values = (1 + noise * rng.standard_normal((16, 16))).astype(dtype)
    support = KSparseRowsColumns(2).selected(values)
    np.testing.assert_array_equal(support, np.kron(np.eye(8), np.ones((2, 2))))


def test_tie_resolution_sees_through_noise_where_asked_to():
    rng = np.random.RandomState(3)
    values = 1 + 1e-3 * rng.standard_normal((16, 16))
    blocks = np.kron(np.eye(8), np.ones((2, 2)))
    seeing = KSparseRowsColumns(2, tie_resolution=0.5).selected(values)
    np.testing.assert_array_equal(seeing, blocks)
    assert (KSparseRowsColumns(2).selected(values) != blocks).any()


@pytest.mark.parametrize("exactly", [False, True])
def test_projector_repeats_what_project_does(exactly):
    """Over matrices that drift, among them a sudden change and zero."""
    rng = np.random.RandomState(4)
    constraint = KSparseRowsColumns(2, exactly=exactly)
    project = constraint.projector()
    values = rng.standard_normal((24, 24))
    for step in range(12):
        np.testing.assert_array_equal(project(values), constraint.project(values))
        values = values + 0.05 * rng.standard_normal(values.shape)
        if step == 5:
            values = rng.standard_normal(values.shape) ** 9
        if step == 8:
            np.testing.assert_array_equal(project(np.zeros((24, 24))), 0)
    wide = rng.standard_normal((10, 24))
    project = KSparseRowsColumns(2).projector()
    for _ in range(6):
        np.testing.assert_array_equal(
            project(wide), KSparseRowsColumns(2).project(wide)
        )
        wide = wide + 0.3 * rng.standard_normal(wide.shape)
