"""QuickKMeans whose centroids are short sparse products."""

import pickle

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV

from skfrugal.cluster import MiniBatchQuickKMeans, QuickKMeans
from skfrugal.cluster._nearest import inertia, nearest_labels
from skfrugal.cluster._structured import _AssignedSums
from skfrugal.operators import Dense, Quantized
from skfrugal.structures import LowRank, SparseProduct


@pytest.fixture(scope="module")
def digits():
    return load_digits().data


def structured(n_clusters=64, structure="sparse_product", **params):
    params = {"max_iter": 15, "random_state": 0} | params
    return QuickKMeans(
        n_clusters, assignment="structured", structure=structure, **params
    )


@pytest.mark.parametrize("budget", [0.15, 0.3])
def test_it_beats_fewer_dense_clusters_and_low_rank(digits, budget):
    ours = structured(budget=budget).fit(digits)
    low_rank = structured(structure="low_rank", budget=budget).fit(digits)
    fewer = QuickKMeans(int(64 * budget), random_state=0).fit(digits)
    assert ours.operator_.nnz <= budget * 64 * 64
    assert ours.inertia_ < low_rank.inertia_
    assert ours.inertia_ < fewer.inertia_
    dense = QuickKMeans(64, random_state=0).fit(digits)
    assert dense.inertia_ < ours.inertia_ < 1.35 * dense.inertia_


@pytest.mark.parametrize("container", [np.asarray, sp.csr_array])
@pytest.mark.parametrize("offset", [0.0, 1e4])
def test_the_inertia_of_sums_is_that_of_differences(container, offset):
    rng = np.random.RandomState(0)
    X, weight = rng.standard_normal((400, 7)) + offset, rng.uniform(0, 2, 400)
    labels = rng.randint(9, size=400).astype(np.int32)
    # Squares are as large as that of the offset, which is what rounding knows.
    rtol = 1e-9 + 10 * np.finfo(float).eps * offset**2
    X, start = container(X), rng.standard_normal((9, 7)) + offset
    rows = _AssignedSums(X, weight, labels, start)
    # Few labels change, then most of them; a cluster becomes empty.
    for share in (0.1, 0.9, 0.2):
        changed = rng.uniform(size=400) < share
        labels = np.where(changed, rng.randint(8, size=400), labels).astype(np.int32)
        labels[labels == 8] = 0
        rows = rows.assigned(labels)
        centers = Dense(start + 0.3 * rng.standard_normal(start.shape))
        expected = inertia(X, weight, centers, labels)
        assert_allclose(rows.inertia(centers, centers.array), expected, rtol=rtol)
        fresh = _AssignedSums(X, weight, labels, start)
        assert_allclose(rows.sums, fresh.sums, rtol=1e-9, atol=1e-9 * (1 + offset))
        assert_allclose(rows.counts, fresh.counts, rtol=1e-9, atol=1e-12)
        assert rows.counts[8] == 0


def test_an_inertia_of_almost_nothing_is_summed_from_differences():
    X = np.repeat(np.random.RandomState(0).standard_normal((5, 3)), 4, axis=0)
    labels = np.repeat(np.arange(5), 4).astype(np.int32)
    rows = _AssignedSums(X, np.ones(20), labels, X[::4])
    assert rows.inertia(Dense(X[::4]), X[::4]) == 0
    near = X[::4] + 1e-9
    assert_allclose(rows.inertia(Dense(near), near), 60e-18, rtol=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_labels_are_those_of_the_dense_product(digits, dtype):
    X = digits.astype(dtype)
    model = structured(100, budget=0.2).fit(X[:1000])
    labels = model.predict(X[1000:])
    centers = model.operator_.toarray().astype(np.float64)
    squared = np.square(X[1000:, np.newaxis].astype(float) - centers).sum(axis=2)
    chosen = np.take_along_axis(squared, labels[:, np.newaxis].astype(int), axis=1)
    assert (labels == squared.argmin(axis=1)).mean() >= 0.9998
    assert (chosen[:, 0] <= squared.min(axis=1) * (1 + 1e-6)).all()


def test_eight_bits_report_their_own_inertia(digits):
    structure = SparseProduct(1200, quantize=True)
    model = structured(64, structure).fit(digits)
    assert all(isinstance(one, Quantized) for one in model.operator_.factors)
    twin = pickle.loads(pickle.dumps(model))
    assert_array_equal(twin.predict(digits), model.labels_)
    squared = np.square(digits[:, np.newaxis] - model.cluster_centers_).sum(axis=2)
    assert_allclose(model.inertia_, squared.min(axis=1).sum(), rtol=1e-9)
    exact = structured(64, SparseProduct(1200)).fit(digits)
    assert model.inertia_ < 1.1 * exact.inertia_


def test_auto_reports_what_it_compared(digits):
    model = structured(64, "auto", budget=0.15).fit(digits)
    report = model.structure_report_
    assert {"low_rank", "sparse_product", "fewer_clusters"} <= set(report)
    assert all(row["n_values"] <= 0.15 * 64 * 64 for row in report.values())
    least = min(row["inertia"] for name, row in report.items() if name[0] != "f")
    assert report["sparse_product"]["inertia"] == least
    assert model.n_clusters == len(model.cluster_centers_) == 64
    assert not hasattr(structured(8, "low_rank").fit(digits), "structure_report_")
    # Of centroids in a plane low rank says all there is to say.
    rng = np.random.RandomState(0)
    X = (5 * rng.standard_normal((30, 1)))[rng.randint(30, size=600)]
    X = X @ rng.standard_normal((1, 40)) + 0.01 * rng.standard_normal((600, 40))
    assert structured(30, "auto", budget=70).fit(X).operator_.nnz == 70


def test_structures_are_searched_by_their_parameters(digits):
    search = GridSearchCV(
        structured(20, SparseProduct(300), max_iter=3),
        {"structure__transform": [None, "dct"], "structure__n_factors": [2, 3]},
        cv=2,
    ).fit(digits[:500])
    assert set(search.best_params_) == {"structure__transform", "structure__n_factors"}


@pytest.mark.parametrize(
    ("n_clusters", "shape"), [(1, (30, 5)), (4, (30, 1)), (3, (3, 6)), (6, (40, 4))]
)
def test_small_problems_have_an_answer(n_clusters, shape):
    X = np.random.RandomState(0).standard_normal(shape)
    X[:, -1] = 2.0  # a constant column
    model = structured(n_clusters, SparseProduct(n_clusters + shape[1] + 6)).fit(X)
    assert_array_equal(model.predict(X), model.labels_)
    assert np.isfinite(model.inertia_)


def test_a_budget_without_room_for_the_clusters_is_refused(digits):
    with pytest.raises(ValueError, match=r"needs for shape \(64, 64\) is 128"):
        structured(64, budget=100).fit(digits)
    with pytest.raises(ValueError, match=r"SparseProduct\(budget=100\) needs 128"):
        structured(64, SparseProduct(100)).fit(digits)


def test_duplicates_and_means_of_low_rank(digits):
    X = np.tile(digits[:40], (10, 1))
    model = structured(40, budget=0.5, max_iter=30).fit(X)
    assert np.all(np.diff(model.objectives_) <= 0)
    flat = np.outer(np.arange(200.0), np.ones(9))
    model = structured(10, budget=30, max_iter=30).fit(flat)
    exact = QuickKMeans(10, random_state=0).fit(flat)
    assert model.inertia_ < 1.5 * exact.inertia_


@pytest.mark.parametrize("structure", ["auto", "sparse_product", "low_rank"])
def test_mini_batches_go_on_from_the_last_projection(digits, structure):
    model = MiniBatchQuickKMeans(
        32, assignment="structured", structure=structure, budget=0.2, random_state=0
    )
    for start in range(0, 1500, 300):
        model.partial_fit(digits[start : start + 300])
        assert model.operator_.nnz <= 0.2 * 32 * 64
        assert_array_equal(model.labels_, model.predict(digits[start : start + 300]))
    whole = MiniBatchQuickKMeans(
        32, assignment="structured", structure=structure, budget=0.2, random_state=0
    ).fit(digits)
    dense = QuickKMeans(32, random_state=0).fit(digits)
    labels = nearest_labels(digits, whole.operator_)
    value = inertia(digits, np.ones(len(digits)), whole.operator_, labels)
    assert_allclose(whole.inertia_, value, rtol=1e-9)
    assert dense.inertia_ < value < 1.8 * dense.inertia_
    assert -model.score(digits) < 2 * dense.inertia_


def test_low_rank_objects_are_left_alone(digits):
    model = structured(16, LowRank(rank=3)).fit(digits[:300])
    assert model.operator_.nnz == 3 * (16 + 64)


@pytest.mark.parametrize("shape", [(10, 24), (8, 64), (16, 16), (12, 200)])
def test_auto_keeps_to_the_budget_that_none_stands_for(shape):
    X = np.random.RandomState(0).standard_normal((4 * shape[0], shape[1]))
    model = structured(shape[0], "auto", max_iter=2).fit(X)
    assert model.operator_.nnz <= shape[0] * shape[1] / 6
    whole = structured(shape[0], "auto", budget=1.0, max_iter=2).fit(X)
    assert isinstance(whole.operator_, Dense)
    (dense,) = whole.structure_report_.items()
    assert dense[0] == "dense"
    assert dense[1]["n_values"] == shape[0] * shape[1]
    assert dense[1]["inertia"] >= whole.inertia_ * (1 - 1e-12)
