"""MiniBatchQuickKMeans beside scikit-learn's MiniBatchKMeans."""

import copy
import pickle

import numpy as np
import pytest
import scipy.sparse as sp
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.cluster import MiniBatchKMeans
from sklearn.datasets import load_digits
from sklearn.utils.fixes import parse_version

from skfrugal.cluster import MiniBatchQuickKMeans, QuickKMeans
from skfrugal.operators import Dense

# Older releases draw batches without weights, and weigh the steps.
DRAWS_BY_WEIGHT = parse_version(sklearn.__version__) >= parse_version("1.7.0")


@pytest.fixture(scope="module")
def digits():
    return load_digits().data


def assert_same_model(ours, expected):
    assert ours.n_steps_ == expected.n_steps_
    assert_allclose(ours.cluster_centers_, expected.cluster_centers_, atol=1e-10)
    assert_allclose(ours.inertia_, expected.inertia_)


@pytest.mark.parametrize("container", [np.asarray, sp.csr_array])
@pytest.mark.parametrize("is_weighted", [False, True])
@pytest.mark.parametrize(
    "params",
    [
        {},
        {"init": "random"},
        {"tol": 1e-2, "max_no_improvement": None},
        {"batch_size": 100, "n_clusters": 40, "max_iter": 3},
        {"reassignment_ratio": 0.0, "init_size": 300},
        {"compute_labels": False, "n_init": 2},
    ],
)
def test_fit_equals_mini_batch_kmeans(digits, container, is_weighted, params):
    X = container(digits)
    weight = np.random.RandomState(3).rand(len(digits)) if is_weighted else None
    params = {"n_clusters": 10, "random_state": 0} | params
    expected = MiniBatchKMeans(**params).fit(X, sample_weight=weight)
    ours = MiniBatchQuickKMeans(**params).fit(X, sample_weight=weight)
    assert hasattr(ours, "labels_") == hasattr(expected, "labels_")
    if DRAWS_BY_WEIGHT:
        assert_same_model(ours, expected)
        assert ours.n_iter_ == expected.n_iter_
    else:
        assert_allclose(ours.score(X), expected.score(X), rtol=0.15)
    assert_array_equal(ours.predict(X[:50]), ours.transform(X[:50]).argmin(axis=1))


@pytest.mark.parametrize("container", [np.asarray, sp.csr_array])
def test_partial_fit_equals_mini_batch_kmeans(digits, container):
    params = {"n_clusters": 12, "random_state": 1}
    expected, ours = MiniBatchKMeans(**params), MiniBatchQuickKMeans(**params)
    weight = np.random.RandomState(3).rand(200)
    for i in range(8):
        batch = container(digits[200 * i : 200 * (i + 1)])[: 200 if i % 2 else 100]
        kwargs = {"sample_weight": weight[: batch.shape[0]]}
        expected.partial_fit(batch, **kwargs)
        ours.partial_fit(batch, **kwargs)
        assert_same_model(ours, expected)
        assert_array_equal(ours.labels_, expected.labels_)
        # Neither a copy nor a pickle forgets where it is.
        ours = copy.deepcopy(ours) if i % 2 else pickle.loads(pickle.dumps(ours))


def test_batches_are_searched_by_the_filter_exactly():
    rng = np.random.RandomState(0)
    X = rng.standard_normal((6000, 6)) @ rng.standard_normal((6, 128))
    X += 0.2 * rng.standard_normal(X.shape)
    params = {"n_clusters": 150, "random_state": 0, "max_iter": 3}
    expected = MiniBatchKMeans(**params).fit(X)
    ours = MiniBatchQuickKMeans(**params).fit(X)
    if DRAWS_BY_WEIGHT:
        assert_same_model(ours, expected)
    squared = np.stack([((X - c) ** 2).sum(axis=1) for c in ours.cluster_centers_])
    chosen = squared[ours.labels_, np.arange(len(X))]
    assert np.all(chosen <= squared.min(axis=0) * (1 + 1e-13))


def test_memory_maps_are_read_in_place(digits, tmp_path, monkeypatch):
    path = tmp_path / "digits.dat"
    rows = np.memmap(path, dtype=np.float32, mode="w+", shape=digits.shape)
    rows[:] = digits
    rows.flush()
    rows = np.memmap(path, dtype=np.float32, mode="r", shape=digits.shape)
    ours = MiniBatchQuickKMeans(10, random_state=0).fit(rows)
    expected = MiniBatchQuickKMeans(10, random_state=0).fit(digits.astype(np.float32))
    assert_array_equal(ours.labels_, expected.labels_)
    assert np.shares_memory(ours._validated(rows, reset=False), rows)


def test_structured_centroids_are_projected_at_the_end(digits):
    params = {"n_clusters": 10, "random_state": 0}
    exact = MiniBatchQuickKMeans(**params).fit(digits)
    ours = MiniBatchQuickKMeans(
        **params, assignment="structured", structure="low_rank", budget=0.5
    ).fit(digits)
    assert ours.operator_.nnz <= 0.5 * 10 * 64
    assert exact.inertia_ <= ours.inertia_ < 1.3 * exact.inertia_
    for i in range(4):
        ours.partial_fit(digits[400 * i : 400 * (i + 1)])
    assert ours.operator_.nnz <= 0.5 * 10 * 64
    with pytest.raises(ValueError, match="assignment='structured'"):
        MiniBatchQuickKMeans(structure="low_rank").fit(digits)


def test_assigned_centres_are_where_partial_fit_goes_on(digits):
    ours = MiniBatchQuickKMeans(5, random_state=0).partial_fit(digits[:300])
    centers = digits[[0, 100, 200, 300, 400]]
    ours.cluster_centers_ = centers
    assert isinstance(ours.operator_, Dense)
    ours.partial_fit(digits[300:400])
    moved = np.linalg.norm(ours.cluster_centers_ - centers, axis=1)
    assert np.all(moved < np.linalg.norm(centers, axis=1))
    twin = QuickKMeans.from_estimator(ours)
    assert_array_equal(twin.predict(digits), ours.predict(digits))


def test_verbose_reports_like_mini_batch_kmeans(digits, capsys):
    printed = []
    for model in (MiniBatchKMeans, MiniBatchQuickKMeans):
        model(5, random_state=0, verbose=1, max_iter=4).fit(digits)
        lines = capsys.readouterr().out.splitlines()
        printed.append([line.split(":")[0] for line in lines])
    if DRAWS_BY_WEIGHT:
        assert printed[0] == printed[1]
    clone(MiniBatchQuickKMeans(5, random_state=0)).fit(digits)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "params, match",
    [
        ({"n_clusters": 2000}, "n_samples=1797 should be >= n_clusters=2000"),
        ({"init": np.zeros((3, 64))}, "does not match the number of clusters 8"),
        ({"batch_size": 0}, "batch_size"),
        ({"reassignment_ratio": -1.0}, "reassignment_ratio"),
    ],
)
def test_bad_parameters_raise(digits, params, match):
    for method in ("fit", "partial_fit"):
        with pytest.raises(ValueError, match=match):
            getattr(MiniBatchQuickKMeans(**params), method)(digits)


def test_small_init_size_warns(digits):
    with pytest.warns(RuntimeWarning, match="init_size=3 should be larger"):
        MiniBatchQuickKMeans(8, init_size=3, random_state=0).fit(digits)
