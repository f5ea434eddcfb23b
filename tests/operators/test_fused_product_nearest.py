"""The nearest row of a product is that of float64."""

import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from short_products import random_sparse, three_factors

from skfrugal import _kernels
from skfrugal.cluster._nearest import nearest_labels
from skfrugal.operators import (
    LowRank,
    Product,
    SparseFactor,
)
from skfrugal.operators import _fused_product_nearest as fused
from skfrugal.operators._fused_product_nearest import ProductNearest, product_nearest

TABLES = _kernels.tables()
DTYPES = [np.float32, np.float64]


def squared_distances(X, operator):
    """To the rows of the product of the stored factors, in long double."""
    points = operator.astype(np.float64).toarray().astype(np.longdouble)
    X = X.astype(np.longdouble)
    return np.sum(X**2, 1)[:, None] - 2 * X @ points.T + np.sum(points**2, axis=1)


def assert_nearest(labels, X, operator):
    squared = squared_distances(X, operator)
    best = squared.argmin(axis=1)
    other = np.flatnonzero(labels != best)
    assert len(other) <= 2e-4 * len(X)
    size = np.sum(X.astype(np.longdouble) ** 2, axis=1) + squared.max(axis=1)
    allowed = squared[other, best[other]] + 1e-13 * size[other]
    assert np.all(squared[other, labels[other]] <= allowed)


def direct(operator, name):
    return ProductNearest(fused._matrices(operator), TABLES[name])


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("offset", [0.0, 30.0])
def test_labels_are_those_of_float64(name, dtype, offset):
    rng = np.random.RandomState(0)
    for operator in (
        three_factors(rng, dtype=dtype),
        LowRank(*(rng.standard_normal(s).astype(dtype) for s in [(70, 5), (5, 90)])),
        SparseFactor(random_sparse(rng, 30, 200, 0.05).astype(dtype)),
    ):
        X = rng.standard_normal((1000, operator.shape[1])) + offset
        X = X.astype(dtype)
        labels = direct(operator, name).labels(X)
        sure = labels >= 0
        assert np.count_nonzero(sure) >= 0.999 * len(X)
        assert_nearest(labels[sure], X[sure], operator)
        assert_nearest(nearest_labels(X, operator), X, operator)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**16), st.sampled_from(sorted(TABLES)), st.sampled_from(DTYPES))
def test_integers_times_a_power_of_two_are_exact(seed, name, dtype):
    rng = np.random.RandomState(seed)
    k, a, d = rng.randint(1, 40, size=3)
    left = rng.randint(-1, 2, size=(k, a)) * rng.randint(0, 2, size=(k, 1))
    right = sp.csr_array(rng.randint(-1, 2, size=(a, d)).astype(dtype))
    operator = Product(left.astype(dtype) * dtype(2.0 ** rng.randint(-9, 9)), right)
    X = rng.randint(-2, 3, size=(40, d)).astype(dtype)
    expected = squared_distances(X, operator).argmin(axis=1)
    labels = direct(operator, name).labels(X)
    sure = labels >= 0
    np.testing.assert_array_equal(labels[sure], expected[sure])
    np.testing.assert_array_equal(nearest_labels(X, operator), expected)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "scale", [1e-300, 1e-40, 1e-25, 1e-12, 1e12, 1e18, 1e30, 1e150]
)
def test_labels_are_nearest_at_any_scale(dtype, scale):
    if not 1e-36 < scale < 1e30:
        dtype = np.float64
    rng = np.random.RandomState(1)
    left, right = random_sparse(rng, 25, 8, 0.5), random_sparse(rng, 8, 60, 0.3)
    X = rng.standard_normal((200, 60))
    expected = nearest_labels(X, Product(left, right))
    for first, second in ((scale, 1.0), (1.0, scale)):
        operator = Product((left * first).astype(dtype), (right * second).astype(dtype))
        for name in TABLES:
            labels = direct(operator, name).labels((X * scale).astype(dtype))
            sure = labels >= 0
            wrong = np.count_nonzero(labels[sure] != expected[sure])
            assert wrong <= 0.02 * len(X)
        found = nearest_labels((X * scale).astype(dtype), operator)
        assert np.mean(found == expected) > 0.98  # rounded to float32


def test_copies_of_a_row_lose_to_the_first():
    rng = np.random.RandomState(2)
    left, right = random_sparse(rng, 6, 9, 0.6), random_sparse(rng, 9, 150, 0.2)
    order = [3, 1, 3, 3, 5, 1, 0]
    operator = Product(left[order], right)
    X = rng.standard_normal((500, 150)).astype(np.float32)
    expected = nearest_labels(X, Product(left[[3, 1, 5, 0]], right))
    labels = direct(operator, "baseline").labels(X)
    np.testing.assert_array_equal(labels, np.array([0, 1, 4, 6])[expected])


@pytest.mark.parametrize("n_rows", [0, 1, 2, 33, 3000])
@pytest.mark.parametrize("layout", ["C", "F", "read-only", "strided", "unaligned"])
def test_rows_of_any_layout(n_rows, layout, monkeypatch):
    monkeypatch.setattr(fused, "_CAST_ENTRIES", 2**14)
    rng = np.random.RandomState(3)
    operator = three_factors(rng, k=1 if n_rows == 2 else 60)
    plain = rng.standard_normal((n_rows, 150)).astype(np.float32)
    X = plain
    if layout == "F":
        X = np.asfortranarray(plain)
    elif layout == "read-only":
        X.flags.writeable = False
    elif layout == "strided":
        X = np.repeat(plain, 2, axis=0)[::2]
    elif layout == "unaligned":
        X = np.frombuffer(b"x" + plain.tobytes(), np.uint8)[1:].view(np.float32)
        X = X.reshape(plain.shape)
    labels = direct(operator, "baseline").labels(X)
    assert labels.dtype == np.int32
    expected = squared_distances(plain, operator).argmin(axis=1)
    np.testing.assert_array_equal(labels, expected)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_numbers_that_are_not_finite_are_refused(dtype, value):
    rng = np.random.RandomState(4)
    operator = three_factors(rng, k=300, d=300)
    assert product_nearest(operator) is not None
    X = rng.standard_normal((500, 300)).astype(dtype)
    X[123, 45] = value
    with pytest.raises(ValueError, match="NaN or infinity"):
        nearest_labels(X, operator)


def test_packed_forms_are_kept_and_not_pickled():
    rng = np.random.RandomState(8)
    operator = three_factors(rng, k=300, d=300)
    X = rng.standard_normal((2000, 300)).astype(np.float32)
    expected = nearest_labels(X, operator)
    nearest = product_nearest(operator)
    assert set(nearest._packed) >= {"f"}
    assert len(pickle.dumps(operator)) < 1.2 * operator.nbytes + 4000
    copy = pickle.loads(pickle.dumps(operator))
    assert product_nearest(copy) is not nearest
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: nearest_labels(X, copy), range(4)))
    for labels in found:
        np.testing.assert_array_equal(labels, expected)


def test_labels_do_not_depend_on_blocks(monkeypatch):
    rng = np.random.RandomState(9)
    operator = three_factors(rng)
    X = rng.standard_normal((3000, 150)).astype(np.float32)
    expected = direct(operator, "baseline").labels(X)
    for start in (1, 17, 2999):
        part = direct(operator, "baseline").labels(X[start:])
        np.testing.assert_array_equal(part, expected[start:])


@pytest.mark.parametrize("scale", [1e-300, 1e-160, 1e160, 1e300])
def test_what_leaves_the_range_is_left_without_a_warning(scale):
    left, right = three_factors(np.random.RandomState(0)).factors[::2]
    operator = Product([scale * left, right.toarray()[:20]])
    X = operator.toarray()
    with np.errstate(all="raise", under="ignore"):
        labels = product_nearest(operator).labels(X)
    assert (X[labels[labels >= 0]] == X[labels >= 0]).all()
