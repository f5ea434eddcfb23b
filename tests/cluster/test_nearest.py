"""Nearest centroids and distances, against their obvious definitions."""

import itertools

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal

from skfrugal.cluster._nearest import (
    distances,
    inertia,
    nearest_labels,
    squared_distances_to,
)
from skfrugal.cluster._table import Table
from skfrugal.operators import Dense, KroneckerSparse, LowRank, Product

DTYPES = [np.float32, np.float64]


def squared_distances(X, centers):
    """All squared distances, from float64 differences."""
    X, centers = X.astype(np.float64), centers.astype(np.float64)
    return np.array([[np.sum((x - c) ** 2) for c in centers] for x in X])


def assert_nearest(labels, X, centers):
    """Each label is nearest but for the rounding of a float64 sum of squares."""
    squared = squared_distances(X, centers)
    chosen = squared[np.arange(len(X)), labels]
    assert np.all(chosen <= squared.min(axis=1) * (1 + 1e-14 * X.shape[1]))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("offset", [0, 1e3, 1e6])
def test_labels_are_nearest_for_data_far_from_zero(dtype, offset):
    rng = np.random.RandomState(0)
    X = (rng.randn(500, 12) + offset).astype(dtype)
    centers = (rng.randn(30, 12) + offset).astype(dtype)
    for shift in (True, False):
        labels = nearest_labels(X, Dense(centers), shift=shift)
        assert labels.dtype == np.int32
        assert_nearest(labels, X, centers)


@pytest.mark.parametrize("dtype", DTYPES)
def test_labels_are_nearest_on_near_ties(dtype):
    # Rows half way between two centroids, moved by a few units in the last place.
    rng = np.random.RandomState(1)
    centers = rng.randn(20, 7).astype(dtype)
    i, j = rng.randint(20, size=(2, 400))
    X = ((centers[i] + centers[j]) / 2).astype(dtype)
    X *= (1 + rng.randint(-3, 4, size=X.shape) * np.finfo(dtype).eps).astype(dtype)
    assert_nearest(nearest_labels(X, Dense(centers)), X, centers)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("container", [np.asarray, sp.csr_array])
def test_ties_go_to_the_lowest_index(dtype, container):
    grid = np.array(list(itertools.product([0, 2], repeat=4)), dtype=dtype)
    X = np.array(list(itertools.product([0, 1, 2], repeat=4)), dtype=dtype)
    expected = squared_distances(X, grid).argmin(axis=1)
    assert_array_equal(nearest_labels(container(X), Dense(grid)), expected)


def test_copies_of_a_centroid_lose_to_the_first():
    rng = np.random.RandomState(2)
    centers = rng.randn(9, 33)[[3, 1, 3, 3, 5, 1, 8]]
    X = rng.randn(300, 33)
    labels = nearest_labels(X, Dense(centers))
    assert_array_equal(labels, squared_distances(X, centers).argmin(axis=1))
    assert set(labels) <= {0, 1, 4, 6}


@pytest.mark.parametrize("scale", [1e-30, 1e-20, 1e15, 1e25, 1e30])
@pytest.mark.parametrize("exact", [True, False])
def test_labels_are_nearest_when_float32_squares_leave_the_range(scale, exact):
    rng = np.random.RandomState(3)
    X = (rng.randn(100, 5) * scale).astype(np.float32)
    centers = (rng.randn(6, 5) * scale).astype(np.float32)
    labels = nearest_labels(X, Dense(centers), exact=exact)
    assert_nearest(labels, X, centers)


def test_labels_are_nearest_for_denormal_and_huge_float64():
    rng = np.random.RandomState(4)
    X, centers = rng.randn(60, 5), rng.randn(6, 5)
    for scale in (2.0**-1000, 2.0**-1060, 2.0**1000):
        # Powers of two: the scaled problem has the same answer (denormals are
        # rounded, so that it is asked of the rounded data).
        x, c = X * scale, centers * scale
        expected = squared_distances(x / scale, c / scale).argmin(axis=1)
        assert_array_equal(nearest_labels(x, Dense(c)), expected)


def test_one_huge_coordinate_does_not_blur_other_rows():
    rng = np.random.RandomState(5)
    X = rng.randn(200, 6)
    X[0, 0] = 1e200
    centers = np.vstack([X[:1], rng.randn(9, 6)])
    labels = nearest_labels(X, Dense(centers))
    assert labels[0] == 0
    with np.errstate(over="ignore"):
        assert_nearest(labels[1:], X[1:], centers)


@settings(deadline=None, max_examples=60)
@given(
    arrays(np.float32, (12, 3), elements=st.integers(-4, 4)),
    arrays(np.float32, (7, 3), elements=st.integers(-4, 4)),
    st.integers(-10, 10),
)
def test_labels_equal_brute_force_on_integers(X, centers, exponent):
    # Integers times a power of two: every distance is exact, ties are frequent.
    scale = np.float32(2.0**exponent)
    labels = nearest_labels(X * scale, Dense(centers * scale))
    assert_array_equal(labels, squared_distances(X, centers).argmin(axis=1))


@pytest.mark.parametrize("container", [np.asarray, sp.csr_array])
def test_labels_of_structured_centroids_are_nearest(container):
    rng = np.random.RandomState(6)
    butterfly = Product(
        KroneckerSparse(rng.randn(1, 4, 4, 4)), KroneckerSparse(rng.randn(4, 4, 4, 1))
    )
    for operator in (butterfly, LowRank(rng.randn(10, 3), rng.randn(3, 16))):
        X = rng.randn(300, 16)
        labels = nearest_labels(container(X), operator)
        assert_nearest(labels, X, operator.toarray())


@pytest.mark.parametrize("offset", [0, 1e6])
@pytest.mark.parametrize("container", [np.asarray, sp.csr_array])
def test_distances_keep_their_digits(offset, container):
    rng = np.random.RandomState(7)
    X = rng.randn(80, 9) + offset
    centers = rng.randn(5, 9) + offset
    centers[2] = X[17]
    centers[3] = X[18] + 1e-9 * max(offset, 1)
    result = distances(container(X), Dense(centers))
    assert_allclose(result, np.sqrt(squared_distances(X, centers)), rtol=1e-9)
    assert result[17, 2] == 0


@pytest.mark.parametrize("container", [np.asarray, sp.csr_array])
def test_inertia_is_the_weighted_sum_of_squares(container):
    rng = np.random.RandomState(8)
    X, weight = rng.randn(50, 6) * (rng.rand(50, 6) < 0.4), rng.rand(50)
    centers, labels = rng.randn(4, 6), rng.randint(4, size=50)
    squared = squared_distances(X, centers)[np.arange(50), labels]
    assert_allclose(squared_distances_to(container(X), centers, labels), squared)
    assert_allclose(
        inertia(container(X), weight, Dense(centers), labels), weight @ squared
    )


def _wide_sparse(rng, n_rows, n_features, n_terms, dtype):
    """Rows of small integers, `n_terms` of them not zero."""
    indices = np.sort(rng.rand(n_rows, n_features).argpartition(n_terms)[:, :n_terms])
    return sp.csr_array(
        (
            rng.randint(1, 4, n_rows * n_terms).astype(dtype),
            indices.ravel(),
            np.arange(0, n_rows * n_terms + 1, n_terms),
        ),
        shape=(n_rows, n_features),
    )


@pytest.mark.parametrize("dtype", DTYPES)
def test_slack_bounds_the_error_of_the_scores(dtype):
    rng = np.random.RandomState(14)
    centers = (rng.randn(20, 3000) * (rng.rand(20, 1) + 0.1)).astype(dtype)
    sparse = _wide_sparse(rng, 100, 3000, 30, dtype) * dtype(0.7)
    for X in (sparse, sparse.toarray(), rng.randn(100, 3000).astype(dtype)):
        table = Table.of(Dense(centers), dtype, shift=False)
        x = X.toarray() if sp.issparse(X) else X
        x, c = x.astype(np.longdouble), centers.astype(np.longdouble)
        error = np.abs(table.scores(X) - ((c * c).sum(axis=1) - 2 * x @ c.T))
        slack = table.slack(X)
        assert np.all(error <= slack[:, np.newaxis])
        # What a row stores counts, not the number of features.
        if sp.issparse(X):
            length = np.sqrt((x * x).sum(axis=1).astype(float))
            size = table.radius * (table.radius + 2 * length)
            u_64 = np.finfo(np.float64).eps / 2
            assert np.all(slack <= (40 * np.finfo(dtype).eps / 2 + 3000 * u_64) * size)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("is_sparse", [True, False])
def test_wide_sparse_rows_are_not_made_dense(dtype, is_sparse, monkeypatch):
    # Rows as centroids tie in nearly every pair; random ones in none.
    rng = np.random.RandomState(15)
    X = _wide_sparse(rng, 1500, 2000, 5, dtype)
    centers = X[:30].toarray() if is_sparse else rng.rand(30, 2000).astype(dtype)
    expected = squared_distances(X[:300].toarray(), centers)
    n_entries = []

    def recorded(self, X, rows, columns):
        result = differences(self, X, rows, columns)
        n_entries.append(result.nnz if sp.issparse(result) else result.size)
        return result

    differences = Table.differences
    monkeypatch.setattr(Table, "differences", recorded)
    labels = nearest_labels(X, Dense(centers))
    assert bool(n_entries) == is_sparse
    assert sum(n_entries) <= 1500 * 30 * 10
    assert max(n_entries, default=0) <= 2**18
    chosen = expected[np.arange(300), labels[:300]]
    assert_allclose(chosen, expected.min(axis=1), rtol=1e-13)
    if is_sparse:
        # Integers: distances are exact, and so are their ties.
        assert_array_equal(labels[:300], expected.argmin(axis=1))


def test_sparse_rows_of_structured_centroids_are_decided_in_float64(monkeypatch):
    # The factors mix the features, so that in float32 the bound leaves many rows open.
    rng = np.random.RandomState(16)
    operator = LowRank(*(rng.rand(*s).astype(np.float32) for s in [(20, 2), (2, 3000)]))
    X = _wide_sparse(rng, 200, 3000, 30, np.float32)
    monkeypatch.delattr(Table, "differences")
    assert_nearest(nearest_labels(X, operator), X.toarray(), operator.toarray())


@pytest.mark.parametrize("container", [np.asarray, sp.csr_array])
def test_tiny_distance_is_not_taken_for_zero(container):
    centers = np.array([[1e-200, 0], [0, 0]])
    assert_array_equal(nearest_labels(container(np.zeros((1, 2))), Dense(centers)), [1])


@pytest.mark.parametrize("container", [np.asarray, sp.csr_array])
@pytest.mark.parametrize("scale", [1e-200, 1e160, 1e300])
def test_distances_cover_the_range_of_float64(container, scale):
    rng = np.random.RandomState(17)
    X, centers = rng.randn(40, 6), rng.randn(5, 6)
    result = distances(container(X * scale), Dense(centers * scale))
    assert_allclose(result, np.sqrt(squared_distances(X, centers)) * scale, rtol=1e-13)


def test_inertia_out_of_range_raises():
    X = np.array([[1e154, 0], [0, 1e160]])
    with pytest.raises(ValueError, match=r"inertia of X is inf.*MaxAbsScaler"):
        inertia(X, np.ones(2), Dense(np.zeros((1, 2))), np.zeros(2, dtype=int))
