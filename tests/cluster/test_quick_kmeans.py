"""QuickKMeans beside scikit-learn's KMeans, and as an estimator."""

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.datasets import make_blobs
from sklearn.exceptions import ConvergenceWarning

from skfrugal.cluster import QuickKMeans

DTYPES = [np.float32, np.float64]


NAMES = ["digits", "iris", "blobs", "normal", "integers"]


def assert_same_fit(X, *, sample_weight=None, rtol=1e-7, **params):
    """Labels, iterations, centres and inertia are those of scikit-learn."""
    expected = KMeans(n_init=params.pop("n_init", "auto"), **params)
    ours = QuickKMeans(n_init=expected.n_init, **params)
    expected.fit(X, sample_weight=sample_weight)
    ours.fit(X, sample_weight=sample_weight)
    assert_array_equal(ours.labels_, expected.labels_)
    assert ours.n_iter_ == expected.n_iter_
    assert_allclose(ours.inertia_, expected.inertia_, rtol=rtol, atol=1e-14)
    scale = np.abs(expected.cluster_centers_).max()
    assert_allclose(
        ours.cluster_centers_, expected.cluster_centers_, rtol=rtol, atol=rtol * scale
    )
    assert ours.cluster_centers_.dtype == expected.cluster_centers_.dtype
    assert ours.labels_.dtype == expected.labels_.dtype
    # Labels and inertia are those of predict and score, bit for bit.
    assert_array_equal(ours.predict(X), ours.labels_)
    assert ours.score(X, sample_weight=sample_weight) == -ours.inertia_
    return expected, ours


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("container", [np.asarray, sp.csr_matrix, sp.csr_array])
@pytest.mark.parametrize("is_weighted", [False, True])
def test_fit_equals_kmeans(data, name, container, is_weighted):
    X = data[name]
    weight = np.random.RandomState(3).rand(len(X)) if is_weighted else None
    for seed in range(2):
        assert_same_fit(
            container(X), sample_weight=weight, n_clusters=9, random_state=seed
        )


@pytest.mark.parametrize("name", NAMES)
def test_fit_equals_kmeans_in_float32(data, name):
    # scikit-learn sums the inertia in float32.
    X = data[name].astype(np.float32)
    assert_same_fit(X, n_clusters=9, random_state=0, rtol=1e-4)


@pytest.mark.parametrize("params", [{"tol": 0}, {"max_iter": 2}, {"n_clusters": 1}])
@pytest.mark.parametrize("init, n_init", [("random", "auto"), ("k-means++", 3)])
def test_fit_equals_kmeans_over_several_runs(data, params, init, n_init):
    params = {"n_clusters": 7, "random_state": 5} | params
    assert_same_fit(data["normal"], init=init, n_init=n_init, **params)


@pytest.mark.parametrize("container", [np.asarray, sp.csr_array])
@pytest.mark.parametrize("name", NAMES)
def test_fit_equals_kmeans_from_given_centers(data, name, container):
    X, centers = data[name], data[name][5:11].copy()
    before = centers.copy()
    assert_same_fit(container(X), n_clusters=6, init=centers)
    assert_array_equal(centers, before)
    assert_same_fit(container(X), n_clusters=6, init=centers.tolist())


def test_fit_equals_kmeans_from_a_callable(data):
    def init(X, n_clusters, random_state):
        return X[random_state.permutation(len(X))[:n_clusters]]

    for n_init in ("auto", 2):
        assert_same_fit(
            data["iris"], n_clusters=4, init=init, n_init=n_init, random_state=1
        )


def test_fit_equals_kmeans_with_a_generator_as_random_state(data):
    rngs = [np.random.RandomState(8), np.random.RandomState(8)]
    models = [KMeans(5, n_init=2), QuickKMeans(5, n_init=2)]
    for model, rng in zip(models, rngs, strict=True):
        model.set_params(random_state=rng).fit(data["normal"])
    assert_array_equal(models[0].labels_, models[1].labels_)
    assert rngs[0].randint(2**31) == rngs[1].randint(2**31)


@pytest.mark.parametrize("container", [np.asarray, sp.csr_array])
def test_empty_clusters_are_relocated_as_in_kmeans(container):
    X = np.array([[0, 0], [0.5, 0], [0.5, 1], [1, 1]])
    init = np.array([[0.5, 0.5], [3, 3]])
    _, ours = assert_same_fit(container(X), n_clusters=2, init=init)
    assert ours.n_iter_ == 3
    assert_allclose(ours.inertia_, 0.25)
    X, init = np.array([[-1.0], [1.0]]), np.array([[-1.0], [10.0]])
    _, ours = assert_same_fit(
        container(X), n_clusters=2, init=init, sample_weight=[1.9, 0.1]
    )
    assert_allclose(ours.cluster_centers_, [[-1], [1]])


def test_transform_equals_kmeans(data):
    for X in (data["digits"], data["digits"].astype(np.float32)):
        expected, ours = assert_same_fit(X, n_clusters=6, random_state=0, rtol=1e-4)
        result = ours.transform(X)
        assert result.dtype == X.dtype
        assert_allclose(result, expected.transform(X), rtol=1e-4)
        assert_allclose(clone(ours).fit_transform(X), result)
        assert_array_equal(clone(ours).fit_predict(X), ours.labels_)
        assert_array_equal(result.argmin(axis=1), ours.labels_)


@pytest.mark.parametrize("dtype", DTYPES)
def test_predict_is_exact_far_from_zero(dtype):
    rng = np.random.RandomState(0)
    X = (rng.randn(600, 6) + 1e6).astype(dtype)
    ours = QuickKMeans(12, random_state=0).fit(X)
    difference = X.astype(float)[:, None] - ours.cluster_centers_.astype(float)
    squared = np.sum(difference**2, axis=2)
    for labels in (ours.labels_, ours.predict(X), ours.predict(X.copy(order="F"))):
        chosen = squared[np.arange(600), labels]
        assert np.all(chosen <= squared.min(axis=1) * (1 + 1e-13))
    assert_allclose(ours.inertia_, squared.min(axis=1).sum(), rtol=1e-12)
    assert_allclose(ours.transform(X), np.sqrt(squared), rtol=1e-4)


def test_tiny_and_huge_data_are_clustered_as_their_multiple():
    X = make_blobs(300, 3, centers=5, random_state=0)[0].astype(np.float32)
    ours = QuickKMeans(5, random_state=0).fit(X)
    for scale in np.float32([2.0**-100, 2.0**90]):
        scaled = QuickKMeans(5, random_state=0).fit(X * scale)
        assert_array_equal(scaled.labels_, ours.labels_)
        assert scaled.n_iter_ == ours.n_iter_


def test_duplicates_give_the_warning_of_kmeans():
    X = np.asarray([[0, 0], [0, 1], [1, 0], [1, 0]])
    message = r"distinct clusters \(3\) found smaller than n_clusters \(4\)"
    with pytest.warns(ConvergenceWarning, match=message):
        ours = QuickKMeans(4, random_state=0).fit(X)
    assert len(set(ours.labels_)) == 3
    assert ours.inertia_ == 0


def test_repeated_entries_of_sparse_rows_are_added(data):
    dense = data["digits"][:200]
    halves = sp.csr_array(dense)
    repeated = sp.csr_array(
        (
            np.repeat(halves.data, 2) / 2,
            np.repeat(halves.indices, 2),
            2 * halves.indptr,
        ),
        shape=dense.shape,
    )
    before = repeated.copy()
    expected = QuickKMeans(8, random_state=0).fit(halves)
    ours = QuickKMeans(8, random_state=0).fit(repeated)
    assert_allclose(ours.inertia_, expected.inertia_)
    assert_array_equal(ours.labels_, expected.labels_)
    assert_array_equal(ours.predict(repeated), expected.labels_)
    assert_allclose(ours.transform(repeated), expected.transform(dense), atol=1e-6)
    assert_allclose(ours.score(repeated), -expected.inertia_)
    # The array passed keeps its entries.
    assert_array_equal(repeated.data, before.data)
    assert_array_equal(repeated.indices, before.indices)
