"""Nearest centroids, means and relocation, against their obvious definitions."""

import itertools

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal

from skfrugal.cluster._lloyd import cluster_means, lloyd_steps, structured_steps
from skfrugal.cluster._nearest import (
    distances,
    inertia,
    nearest_labels,
    squared_distances_to,
)
from skfrugal.operators import Dense, KroneckerSparse, LowRank, Product
from skfrugal.structures import LowRank as LowRankStructure

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


@pytest.mark.parametrize("container", [np.asarray, sp.csr_array])
def test_empty_clusters_take_the_farthest_samples(container):
    # The case of scikit-learn's test_relocate_empty_clusters.
    X = np.array([-10, -9.5, -9, -8.5, -8, -1, 1, 9, 9.5, 10]).reshape(-1, 1)
    centers = np.full((3, 1), -10.0)
    labels = np.zeros(10, dtype=np.int32)
    means, counts = cluster_means(container(X), np.ones(10), labels, centers)
    assert_array_equal(counts, [8, 1, 1])
    assert_allclose(means, [[-36 / 8], [10], [9.5]])
    means, counts = cluster_means(
        container(X), np.ones(10), labels, centers, relocate=False
    )
    assert_array_equal(counts, [10, 0, 0])
    assert_allclose(means, [[X.mean()], [-10], [-10]])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("container", [np.asarray, sp.csr_array])
def test_means_are_weighted_averages(dtype, container):
    rng = np.random.RandomState(9)
    X, weight = rng.randn(700, 5).astype(dtype), rng.rand(700).astype(dtype)
    labels = rng.randint(6, size=700).astype(np.int32)
    means, counts = cluster_means(container(X), weight, labels, np.zeros((6, 5), dtype))
    for k in range(6):
        mask = labels == k
        expected = np.average(
            X[mask].astype(np.float64), axis=0, weights=weight[mask].astype(np.float64)
        )
        assert_allclose(means[k], expected, rtol=1e-10, atol=1e-14)
        assert_allclose(counts[k], weight[mask].astype(np.float64).sum(), rtol=1e-12)


def _planted(rng, n, rank):
    """Rows around 12 centroids whose matrix has the given rank."""
    centers = 5 * rng.randn(12, rank) @ rng.randn(rank, 10)
    return centers, centers[rng.randint(12, size=n)] + 0.05 * rng.randn(n, 10)


def test_lloyd_never_raises_the_inertia():
    rng = np.random.RandomState(10)
    X = rng.randn(400, 6)
    steps = lloyd_steps(X, rng.rand(400), X[:9].copy(), origin=np.zeros(6), tol=0)
    objectives = []
    for step in steps:
        objectives.append(step.objective())
        if step.message is not None:
            break
    assert step.message == "strict convergence."
    assert len(objectives) > 3
    assert np.all(np.diff(objectives) <= 1e-12 * objectives[0])
    assert step.settle()[1] == objectives[-1]


def test_structured_steps_find_planted_structure():
    rng = np.random.RandomState(11)
    centers, X = _planted(rng, 600, 2)
    project = LowRankStructure(rank=2).project
    steps = structured_steps(
        X, np.ones(600), centers + 0.1 * rng.randn(12, 10), project=project, tol=0
    )
    for step in itertools.islice(steps, 50):
        if step.message is not None:
            break
    noise = 0.05**2 * 600 * 10
    assert step.settle()[1] < 1.1 * noise
    assert_allclose(step.operator.toarray(), centers, atol=0.05)


def test_structured_steps_refuse_a_projection_that_raises_the_inertia():
    rng = np.random.RandomState(12)
    X = rng.randn(200, 6)
    calls = itertools.count()

    def worse_each_time(means, *, row_weight):
        structure = LowRankStructure(rank=5 if next(calls) == 0 else 1)
        return structure.project(means, row_weight=row_weight)

    steps = structured_steps(
        X, np.ones(200), X[:8].copy(), project=worse_each_time, tol=0
    )
    first, second = next(steps), next(steps)
    assert second.operator is first.operator
    assert second.objective() == first.objective()
    assert "no projection" in second.message


def test_structured_objective_is_within_plus_projection_error():
    # inertia of the labels before = within + sum_k n_k |m_k - c_k|^2
    rng = np.random.RandomState(13)
    X, weight = rng.randn(300, 8), rng.rand(300)
    centers = X[:10].copy()
    labels = nearest_labels(X, Dense(centers))
    means, counts = cluster_means(X, weight, labels, centers)
    result = LowRankStructure(rank=2).project(means, row_weight=counts)
    total = inertia(X, weight, result.operator, labels)
    within = inertia(X, weight, Dense(means), labels)
    assert_allclose(total, within + result.error**2, rtol=1e-10)
