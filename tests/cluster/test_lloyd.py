"""Means, relocation and iterations, against their obvious definitions."""

import itertools

import numpy as np
import pytest
import scipy.sparse as sp
from cluster_cases import means_of_clusters
from numpy.testing import assert_allclose, assert_array_equal

from skfrugal.cluster._lloyd import lloyd_steps
from skfrugal.cluster._nearest import inertia, nearest_labels
from skfrugal.cluster._structured import Projection, structured_steps
from skfrugal.operators import Dense
from skfrugal.structures import LowRank as LowRankStructure

DTYPES = [np.float32, np.float64]


@pytest.mark.parametrize("container", [np.asarray, sp.csr_array])
def test_empty_clusters_take_the_farthest_samples(container):
    # The case of scikit-learn's test_relocate_empty_clusters.
    X = np.array([-10, -9.5, -9, -8.5, -8, -1, 1, 9, 9.5, 10]).reshape(-1, 1)
    centers = np.full((3, 1), -10.0)
    labels = np.zeros(10, dtype=np.int32)
    means, counts = means_of_clusters(container(X), np.ones(10), labels, centers)
    assert_array_equal(counts, [8, 1, 1])
    assert_allclose(means, [[-36 / 8], [10], [9.5]])
    means, counts = means_of_clusters(
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
    means, counts = means_of_clusters(
        container(X), weight, labels, np.zeros((6, 5), dtype)
    )
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
    project = Projection(LowRankStructure(rank=2), rng)
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

    def worse_each_time(means, *, row_weight, **_):
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
    means, counts = means_of_clusters(X, weight, labels, centers)
    result = LowRankStructure(rank=2).project(means, row_weight=counts)
    total = inertia(X, weight, result.operator, labels)
    within = inertia(X, weight, Dense(means), labels)
    assert_allclose(total, within + result.error**2, rtol=1e-10)
