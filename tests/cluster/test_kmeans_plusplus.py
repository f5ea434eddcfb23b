"""Greedy k-means++: the draws of scikit-learn, with most distances ruled out."""

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.cluster import KMeans
from sklearn.cluster import kmeans_plusplus as dense_kmeans_plusplus
from sklearn.datasets import load_digits, make_blobs

from skfrugal.cluster import QuickKMeans, kmeans_plusplus
from skfrugal.cluster._kmeans_plusplus import uses_bounds

DIGITS = load_digits().data[:900]
BLOBS = make_blobs(900, 80, centers=40, random_state=0)[0]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("X", [DIGITS, BLOBS], ids=["digits", "blobs"])
def test_bounded_draws_are_those_of_scikit_learn(X, seed, dtype):
    X = X.astype(dtype)
    assert uses_bounds(X, 60)
    centers, indices = kmeans_plusplus(X, 60, random_state=seed)
    _, expected = dense_kmeans_plusplus(X, 60, random_state=seed)
    assert_array_equal(indices, expected)
    assert_array_equal(centers, X[indices])


def test_bounded_draws_follow_weights_and_trials():
    weight = np.random.RandomState(0).uniform(size=len(BLOBS))
    weight[::3] = 0
    options = dict(sample_weight=weight, n_local_trials=7, random_state=0)
    _, indices = kmeans_plusplus(BLOBS, 40, **options)
    assert_array_equal(indices, dense_kmeans_plusplus(BLOBS, 40, **options)[1])
    assert np.all(weight[indices] > 0)


@pytest.mark.parametrize("exponent", [-25, 25])
def test_bounded_draws_are_free_of_scale(exponent):
    X = DIGITS.astype(np.float32)
    scaled = X * np.float32(2.0 ** (3 * exponent))
    assert np.isfinite(scaled).all()
    _, indices = kmeans_plusplus(scaled, 60, random_state=0)
    assert_array_equal(indices, kmeans_plusplus(X, 60, random_state=0)[1])


def test_rows_far_from_the_origin_are_drawn_as_centred_ones():
    X = DIGITS + 1e6
    _, indices = kmeans_plusplus(X, 60, random_state=0)
    _, expected = dense_kmeans_plusplus(DIGITS, 60, random_state=0)
    assert_array_equal(indices, expected)


def test_duplicated_rows_are_drawn_once_while_there_are_others():
    X = np.repeat(BLOBS[:90], 10, axis=0)
    _, indices = kmeans_plusplus(X, 90, random_state=0)
    assert len(np.unique(indices // 10)) == 90


@pytest.mark.parametrize("kind", ["few columns", "sparse", "few candidates"])
def test_draws_without_bounds_are_scikit_learns(kind):
    X = sp.csr_array(DIGITS) if kind == "sparse" else DIGITS
    X = X[:, :10] if kind == "few columns" else X
    n_clusters = 5 if kind == "few candidates" else 60
    assert not uses_bounds(X, n_clusters)
    _, indices = kmeans_plusplus(X, n_clusters, random_state=0)
    _, expected = dense_kmeans_plusplus(X, n_clusters, random_state=0)
    assert_array_equal(indices, expected)


def test_fits_begin_where_those_of_scikit_learn_do():
    X = BLOBS.astype(np.float32)
    options = dict(n_clusters=60, n_init=2, max_iter=3, random_state=0)
    ours, theirs = QuickKMeans(**options).fit(X), KMeans(**options).fit(X)
    assert_array_equal(ours.labels_, theirs.labels_)
    assert_allclose(
        ours.cluster_centers_, theirs.cluster_centers_, rtol=1e-4, atol=1e-5
    )
    before = X.copy()
    X.flags.writeable = False
    QuickKMeans(**options).fit(X)
    assert_array_equal(X, before)
