"""Cosines of products, under every table."""

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from skfrugal._kernels._features import cosine

from skfrugal import _kernels
from skfrugal.operators import Dense, Permutation, Product, random_butterfly
from skfrugal.operators._fused_features import cosine_features

TABLES = {"reference": None, **_kernels.tables()}
DTYPES = [np.float32, np.float64]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("table", _kernels.tables())
def test_cosine_is_within_units_of_one_over_many_periods(table, dtype):
    rng = np.random.RandomState(0)
    ends = np.linspace(-1, 1, 4097)  # every quarter, and both ends of the polynomial
    turns = np.concatenate(
        [ends, rng.uniform(-3, 3, 4000), rng.uniform(-1e4, 1e4, 999)]
    )
    turns = turns.astype(dtype)[np.newaxis]
    found = turns.copy()
    nothing = np.zeros(turns.shape[1], dtype)
    assert cosine(TABLES[table], found, found, nothing, 1.0) == 0
    part = turns.astype(np.longdouble)
    expected = np.cos(2 * np.pi * (part - np.rint(part)).astype(np.float64))
    # float64's own argument is rounded: 2 pi times half a unit of 1/2.
    assert abs(found - expected).max() <= 8 * np.finfo(dtype).eps


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("table", _kernels.tables())
@pytest.mark.parametrize("n_columns", [1, 16, 67, 256])
def test_cosine_is_the_same_in_place_and_around_the_caches(n_columns, table, dtype):
    turns = np.random.RandomState(0).standard_normal((5, n_columns)).astype(dtype)
    offset = np.linspace(0, 1, n_columns, dtype=dtype)
    place = turns.copy()
    assert cosine(TABLES[table], place, place, offset, 0.5) == 0
    for stream in (False, True):
        found = np.full(turns.shape, np.nan, dtype)
        assert cosine(TABLES[table], turns, found, offset, 0.5, stream) == 0
        assert_array_equal(found, place)


@pytest.mark.parametrize("table", _kernels.tables())
def test_cosine_counts_rows_with_large_arguments(table):
    turns = np.zeros((4, 67), np.float32)
    turns[1, 3] = turns[1, 66] = turns[3, 66] = -1e9
    assert cosine(TABLES[table], turns, turns, np.zeros(67, "f"), 1.0) == 2


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (70, 16), (300, 257)])
def test_cosine_features_are_cosines_of_products(shape, dtype, table):
    rng = np.random.RandomState(0)
    matrix = rng.standard_normal((shape[1], 9)).astype(dtype)
    X = rng.standard_normal((shape[0], 9)).astype(dtype)
    offset = rng.uniform(size=shape[1])
    operator = Product([Dense(matrix)])
    found = cosine_features(X, operator, offset, 0.25, kernels=TABLES[table])
    exact = X.astype(np.float64) @ matrix.T.astype(np.float64)
    expected = 0.25 * np.cos(2 * np.pi * (exact + offset))
    assert found.dtype == dtype
    assert_allclose(found, expected, rtol=0, atol=200 * np.finfo(dtype).eps)


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_large_arguments_are_cosines_too(dtype, table):
    operator = Product([Permutation(np.arange(3)), Dense(np.eye(3, dtype=dtype))])
    X = np.array([[1e20, 0.25, -3.5], [0.5, 1e9, 0.125], [1, 2, 3]], dtype)
    found = cosine_features(X, operator, np.zeros(3), 1.0, kernels=TABLES[table])
    part = X.astype(np.float64)
    assert_allclose(found, np.cos(2 * np.pi * (part - np.rint(part))), atol=1e-6)


@pytest.mark.parametrize("table", TABLES)
def test_cosine_features_of_sparse_rows_are_those_of_dense_ones(table):
    X = sp.random(40, 64, density=0.1, random_state=0, format="csr", dtype=np.float32)
    operator = random_butterfly(64, random_state=0)
    offset = np.linspace(0, 1, 64)
    found, expected = (
        cosine_features(rows, operator, offset, 1.0, kernels=TABLES[table])
        for rows in (X, X.toarray())
    )
    assert_allclose(found, expected, atol=1e-5)


def test_cosine_features_do_not_depend_on_threads(monkeypatch):
    X = np.random.RandomState(0).standard_normal((900, 256)).astype(np.float32)
    operator = random_butterfly(256, random_state=0)
    offset = np.linspace(0, 1, 256)
    results = []
    for n_threads in (1, 2, 3):
        monkeypatch.setattr(
            "skfrugal._parallel.effective_n_threads", lambda n=n_threads: n
        )
        monkeypatch.setattr("skfrugal._parallel.SMALLEST_SHARED_WORK", 0)
        results.append(cosine_features(X, operator, offset, 1.0))
    assert_array_equal(results[0], results[1])
    assert_array_equal(results[0], results[2])
