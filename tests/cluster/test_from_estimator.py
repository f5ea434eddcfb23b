"""Frugal twins of fitted models, and draws of centres."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import sklearn.cluster
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.cluster import BisectingKMeans, KMeans, MiniBatchKMeans
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import Ridge

from skfrugal.cluster import QuickKMeans, kmeans_plusplus


@pytest.fixture(scope="module")
def digits():
    return load_digits().data


@pytest.mark.parametrize("dense", [KMeans(9), MiniBatchKMeans(9), BisectingKMeans(9)])
def test_twin_predicts_the_nearest_centre(dense, digits):
    dense = clone(dense).set_params(random_state=0).fit(digits)
    twin = QuickKMeans.from_estimator(dense)
    centers = dense.cluster_centers_
    squared = ((digits[:, None] - centers) ** 2).sum(axis=2)
    assert_array_equal(twin.predict(digits), squared.argmin(axis=1))
    assert_array_equal(twin.cluster_centers_, centers)
    assert not np.shares_memory(twin.cluster_centers_, centers)
    assert twin.n_clusters == 9
    assert twin.random_state == 0
    np.testing.assert_allclose(twin.score(digits), -squared.min(axis=1).sum())
    np.testing.assert_allclose(twin.transform(digits) ** 2, squared, atol=1e-8)
    assert twin.fit(digits).labels_.shape == (len(digits),)


def test_twin_of_an_array_and_of_a_model_with_names(digits):
    twin = QuickKMeans.from_estimator(digits[:3].tolist())
    assert_array_equal(twin.predict(digits[:3]), [0, 1, 2])
    with pytest.raises(ValueError, match="64 features"):
        twin.predict(digits[:, :3])
    frame = pd.DataFrame(digits[:50, 20:23], columns=list("abc"))
    twin = QuickKMeans.from_estimator(KMeans(2, random_state=0).fit(frame))
    with pytest.raises(ValueError, match="feature names"):
        twin.predict(frame[["c", "b", "a"]])


def test_what_is_no_clustering_is_refused(digits):
    with pytest.raises(NotFittedError):
        QuickKMeans.from_estimator(KMeans(3))
    with pytest.raises(TypeError, match="Ridge has no cluster_centers_"):
        QuickKMeans.from_estimator(Ridge().fit(digits, digits[:, 0]))
    with pytest.raises(ValueError, match="2D"):
        QuickKMeans.from_estimator(digits[0])


@pytest.mark.parametrize("container", [np.asarray, sp.csr_array])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_draws_are_those_of_scikit_learn(container, dtype, digits):
    X = container(digits.astype(dtype))
    weight = np.random.RandomState(0).rand(len(digits))
    for kwargs in ({}, {"sample_weight": weight}, {"n_local_trials": 1}):
        expected = sklearn.cluster.kmeans_plusplus(X, 12, random_state=3, **kwargs)
        centers, indices = kmeans_plusplus(X, 12, random_state=3, **kwargs)
        assert_array_equal(indices, expected[1])
        assert_array_equal(centers, digits[indices])
        assert centers.dtype == dtype


def test_draws_do_not_depend_on_the_unit(digits):
    X = digits.astype(np.float32)
    _, expected = kmeans_plusplus(X, 12, random_state=3)
    for scale in np.float32([2.0**-90, 2.0**110]):
        _, indices = kmeans_plusplus(X * scale, 12, random_state=3)
        assert_array_equal(indices, expected)


def test_more_centres_than_samples_are_refused(digits):
    with pytest.raises(ValueError, match="n_samples=5 should be >= n_clusters=6"):
        kmeans_plusplus(digits[:5], 6)
