"""QuickKMeans whose rows go through the filter: many enough, and wide enough."""

import pickle
import threading

import numpy as np
import pytest
from cluster_cases import means_of_clusters
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits

from skfrugal import _parallel
from skfrugal._kernels import kernels
from skfrugal.cluster import QuickKMeans
from skfrugal.operators._assigned_rows import AssignedRows

FLOATING = {"direct", "dense"}


def images(n, *, dtype=np.float32, seed=0):
    """Rows of low intrinsic dimension in 112 columns, with noise."""
    rng = np.random.RandomState(seed)
    basis = np.random.RandomState(99).randn(8, 112)
    X = rng.standard_normal((n, 8)) @ basis + 0.3 * rng.standard_normal((n, 112))
    return X.astype(dtype)


def assert_nearest(labels, X, centers):
    X, centers = X.astype(np.float64), centers.astype(np.float64)
    squared = np.stack([((X - c) ** 2).sum(axis=1) for c in centers], axis=1)
    chosen = squared[np.arange(len(X)), labels]
    assert np.all(chosen <= squared.min(axis=1) * (1 + 1e-13))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("is_weighted", [False, True])
@pytest.mark.parametrize("init", ["k-means++", "random"])
def test_filtered_fit_equals_kmeans(dtype, is_weighted, init):
    X = images(5000, dtype=dtype)
    weight = np.random.RandomState(1).rand(len(X)) if is_weighted else None
    params = {"n_clusters": 70, "n_init": 1, "random_state": 0, "init": init}
    # In float64: in float32 scikit-learn rounds the products that decide.
    expected = KMeans(**params).fit(X.astype(np.float64), sample_weight=weight)
    ours = QuickKMeans(**params).fit(X, sample_weight=weight)
    is_filtered = ours.filter_report_["tier"] not in FLOATING
    assert is_filtered == (kernels is not None)
    if dtype == np.float64:
        assert_array_equal(ours.labels_, expected.labels_)
        assert ours.n_iter_ == expected.n_iter_
        assert_allclose(ours.cluster_centers_, expected.cluster_centers_, atol=1e-10)
    assert_allclose(ours.inertia_, expected.inertia_, rtol=1e-3)
    assert_nearest(ours.labels_, X, ours.cluster_centers_)
    unseen = images(2000, dtype=dtype, seed=7)
    assert_nearest(ours.predict(unseen), unseen, ours.cluster_centers_)


def test_labels_and_centres_do_not_depend_on_threads(monkeypatch):
    X = images(8000)
    results = []
    for n_threads in (1, 2, 5):
        monkeypatch.setattr(_parallel, "_available", lambda n=n_threads: n)
        monkeypatch.setattr(_parallel, "_pool", None)
        monkeypatch.setattr(_parallel, "SMALLEST_SHARED_WORK", 0)
        with threadpool_limits(limits=n_threads):
            ours = QuickKMeans(64, random_state=0, max_iter=8).fit(X)
        results.append((ours.labels_, ours.cluster_centers_, ours.predict(X[::-1])))
    for result in results[1:]:
        for got, expected in zip(result, results[0], strict=True):
            assert_array_equal(got, expected)


def test_report_counts_what_was_left():
    ours = QuickKMeans(70, random_state=0, max_iter=5).fit(images(5000))
    report = ours.filter_report_
    assert report["n_points"] == 70
    assert report["dense_operations"] == 70 * 112
    if kernels is not None:
        assert 0 < report["exact"] < 3
        assert 0 < report["operations"]
    ours.set_params(assignment="structured").fit(images(500))
    assert not hasattr(ours, "filter_report_")


def test_new_centres_replace_the_filter():
    X = images(6000)
    ours = QuickKMeans(70, random_state=0, max_iter=3).fit(X)
    for centers in (X[:90], X[100:103].astype(np.float64)):
        ours.cluster_centers_ = centers
        assert_nearest(ours.predict(X), X, centers)
    twin = QuickKMeans.from_estimator(X[:90])
    assert_nearest(twin.predict(X), X, X[:90])


def test_filter_is_not_pickled():
    X = images(6000)
    ours = QuickKMeans(70, random_state=0, max_iter=3).fit(X)
    labels = ours.predict(X)
    assert ours.operator_._cache
    text = pickle.dumps(ours)
    assert len(text) < ours.cluster_centers_.nbytes + ours.labels_.nbytes + 10_000
    assert_array_equal(pickle.loads(text).predict(X), labels)


def test_many_threads_may_predict_at_once():
    X = images(4000)
    twin = QuickKMeans.from_estimator(X[:100])
    expected = QuickKMeans.from_estimator(X[:100]).predict(X)
    found = [None] * 6

    def work(i):
        found[i] = twin.predict(X)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(len(found))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for labels in found:
        assert_array_equal(labels, expected)


def test_sums_forget_a_huge_row_that_left():
    # What 1e9 took from the digits of a sum must not stay in it.
    X = images(4000)
    X[5] = 1e9
    first, second = X[10:80].copy(), X[10:80].copy()
    first[3] += 2
    second[4] += 2
    rows = AssignedRows(X, first)
    assert rows.start(first) == (kernels is not None)
    owners = []
    for points in (first, second):
        rows.assign(points)
        owners.append(rows.labels[5])
    assert owners == [3, 4]
    weight = np.ones(len(X))
    means, counts = means_of_clusters(X, weight, rows.labels, second, relocate=False)
    assert_array_equal(rows.weights, counts)
    filled = counts > 0
    found = rows.sums[filled] / rows.weights[filled, None]
    assert_allclose(found, means[filled], rtol=1e-10, atol=1e-10)
