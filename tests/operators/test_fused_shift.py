"""Shifted outputs and the check of rows in one pass, against the three steps."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

from skfrugal import _parallel
from skfrugal.operators import Dense, Permutation, Product, Rotations, _plan
from skfrugal.operators._fused_shift import shifted_rows

DTYPES = [np.float32, np.float64]


@pytest.fixture(autouse=True)
def never_dense(monkeypatch):
    monkeypatch.setattr(_plan.Plan, "is_dense_cheaper", lambda plan, n_rows: False)


def rotations(n, n_levels, dtype=np.float64):
    rng = np.random.RandomState(0)
    pairs = [rng.permutation(n)[: n // 2 * 2].reshape(-1, 2) for _ in range(n_levels)]
    angles = [rng.uniform(-4, 4, len(p)).astype(dtype) for p in pairs]
    return Rotations(n, pairs, angles)


def selected(n, k, dtype):
    order = np.random.RandomState(k).permutation(n)
    return Product(Permutation(order[:k], n=n), rotations(n, 3)).astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n, k", [(5, 5), (64, 3), (64, 64), (77, 40)])
@pytest.mark.parametrize("n_rows", [0, 1, 17, 64, 101])
def test_shifted_rows_are_products_plus_the_shift(instruction_set, dtype, n, k, n_rows):
    rng = np.random.RandomState(k)
    X, shift = rng.standard_normal((n_rows, n)).astype(dtype), rng.standard_normal(k)
    found = shifted_rows(X, selected(n, k, dtype), shift)
    if instruction_set == "reference":
        assert found is None
        return
    assert found.dtype == dtype
    expected = X @ selected(n, k, np.float64).toarray().T + shift
    atol = 16 * np.sqrt(n) * np.finfo(dtype).eps
    assert_allclose(found, expected, rtol=0, atol=atol)
    again = shifted_rows(np.asfortranarray(X), selected(n, k, dtype), shift)
    assert_array_equal(again, found)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", [7, 64, 77])
def test_shifted_rows_finds_every_number_that_is_not_finite(instruction_set, dtype, n):
    rng = np.random.RandomState(0)
    operator, shift = selected(n, 1, dtype), np.zeros(1)
    X = rng.standard_normal((45, n)).astype(dtype)
    for index in rng.permutation(X.size)[:200]:
        broken = X.copy()
        broken.flat[index] = [np.nan, np.inf, -np.inf][index % 3]
        assert shifted_rows(broken, operator, shift) is None


@pytest.mark.parametrize("dtype", DTYPES)
def test_shifted_rows_takes_the_largest_numbers(instruction_set, dtype):
    operator = Rotations(70, [[[0, 1]]], [np.zeros(1, dtype)])
    X = np.full((50, 70), np.finfo(dtype).max, dtype)
    X[::2, 1::3] *= -1
    found = shifted_rows(X, operator, np.zeros(70))
    if instruction_set != "reference":
        assert_array_equal(found, X)


@pytest.mark.parametrize(
    "operator", [Dense(np.eye(64)), Product(Dense(np.ones((2, 64))), rotations(64, 2))]
)
def test_shifted_rows_leaves_other_operators_to_the_caller(instruction_set, operator):
    shift = np.zeros(operator.shape[0])
    assert shifted_rows(np.ones((30, 64)), operator, shift) is None


def test_shifted_rows_leaves_sparse_rows_to_the_caller(instruction_set):
    X = sparse.csr_array(np.eye(64))
    assert shifted_rows(X, rotations(64, 2), np.zeros(64)) is None


def test_shifted_rows_do_not_depend_on_threads(instruction_set, monkeypatch):
    monkeypatch.setattr(_plan, "SMALLEST_SHARED_WORK", 0.0)
    monkeypatch.setattr(_parallel, "SMALLEST_SHARED_WORK", 0.0)
    monkeypatch.setattr(_plan, "BLOCK_ENTRIES", 2**10)
    X = np.random.RandomState(0).standard_normal((333, 64)).astype(np.float32)
    broken, shift = X.copy(), np.arange(64.0)
    broken[100, 3] = np.nan
    results = []
    for n_threads in (1, 3):
        monkeypatch.setattr(_parallel, "effective_n_threads", lambda n=n_threads: n)
        operator = rotations(64, 10, np.float32)
        assert shifted_rows(broken, operator, shift) is None
        results.append(shifted_rows(X, operator, shift))
    if instruction_set != "reference":
        assert_array_equal(*results)
