"""What stands in front of the kernel, and landmarks that are an operator."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.frozen import FrozenEstimator
from sklearn.gaussian_process.kernels import Matern
from sklearn.kernel_ridge import KernelRidge
from sklearn.metrics.pairwise import rbf_kernel

from skfrugal.decomposition import ButterflyTransformer
from skfrugal.kernel_ridge import FrugalKernelRidge
from skfrugal.kernel_ridge._landmark_model import _PACKED
from skfrugal.structures import LowRank


@pytest.fixture
def table():
    rng = np.random.RandomState(0)
    X = rng.standard_normal((200, 3)) @ rng.standard_normal((3, 16))
    return X + 0.01 * rng.standard_normal((200, 16)), np.sin(X[:, 0]) + X[:, 1]


def test_projection_of_an_int_is_principal_axes(table):
    X, y = table
    model = FrugalKernelRidge(20, projection=3, landmarks="uniform", random_state=0)
    model.fit(X, y)
    axes = PCA(3, random_state=0).fit(X)
    rows = axes.transform(X)
    assert_allclose(model.projection_.components_, axes.components_, rtol=1e-10)
    distance = np.abs(model.landmarks_[:, None] - rows).max(axis=2)
    assert distance.min(axis=1).max() < 1e-5
    assert model.score(X, y) > 0.9
    assert model.n_features_in_ == 16


@pytest.mark.parametrize("projection", [PCA(4), ButterflyTransformer(n_components=4)])
def test_projection_is_cloned_and_fitted(table, projection):
    X, y = table
    given = clone(projection)
    model = FrugalKernelRidge(20, projection=given, random_state=0).fit(X, y)
    assert not hasattr(given, "components_")
    rows = model.projection_.transform(X)
    alone = FrugalKernelRidge(20, random_state=0).fit(rows, y)
    assert_allclose(model.predict(X), alone.predict(rows), rtol=1e-6)
    refined = FrugalKernelRidge(5, projection=given, refine=True, random_state=0)
    assert refined.fit(X, y).feature_weights_.shape == (4,)


def test_projection_that_is_frozen_is_not_fitted_again(table):
    X, y = table
    axes = PCA(2).fit(X[:50])
    model = FrugalKernelRidge(20, projection=FrozenEstimator(axes)).fit(X, y)
    assert_array_equal(model.projection_.transform(X), axes.transform(X))


def test_projection_refuses_more_axes_than_there_are(table):
    with pytest.raises(ValueError, match=r"projection=17 axes .*<= 16"):
        FrugalKernelRidge(projection=17).fit(*table)


@pytest.mark.parametrize("structure", ["butterfly", "low_rank", LowRank(rank=2)])
def test_structure_replaces_the_landmarks_before_solving(table, structure):
    X, y = table
    model = FrugalKernelRidge(32, structure=structure, random_state=0).fit(X, y)
    Z = model.operator_.toarray()
    assert_allclose(model.landmarks_, Z, rtol=1e-6, atol=1e-6)
    assert model.operator_.nnz < Z.size
    same = FrugalKernelRidge(
        landmarks=Z.astype(np.float64), alpha=model.alpha_, gamma=model.gamma_
    ).fit(X, y)
    # The operator is kept in float32.
    noise = 8 * 2.0**-24 * np.linalg.norm(model.dual_coef_)
    assert_allclose(model.predict(X), same.predict(X), rtol=1e-4, atol=noise)


def test_structure_follows_refinement(table):
    X, y = table
    model = FrugalKernelRidge(
        16, structure="low_rank", refine=True, max_iter=20, random_state=0
    ).fit(X, y)
    root = np.sqrt(model.feature_weights_)
    seen = model.operator_.toarray()
    assert_allclose(model.landmarks_ * root, seen, rtol=1e-4, atol=1e-5)
    K = rbf_kernel(X * root, seen, gamma=model.gamma_)
    noise = 8 * 2.0**-24 * np.linalg.norm(model.dual_coef_)
    expected = K @ model.dual_coef_ + model.intercept_
    assert_allclose(model.predict(X), expected, atol=noise)


def test_structure_needs_a_kernel_of_inner_products(table):
    with pytest.raises(ValueError, match=r"structure='low_rank' with kernel='chi2'"):
        FrugalKernelRidge(structure="low_rank", kernel="chi2").fit(*table)


@pytest.mark.parametrize(
    ("kernel", "nu"), [("matern12", 0.5), ("matern32", 1.5), ("matern52", 2.5)]
)
def test_matern_kernels_are_those_of_gaussian_processes(table, kernel, nu):
    X, y = table
    K = Matern(length_scale=4.0, nu=nu)(X)
    dense = KernelRidge(alpha=0.1, kernel="precomputed").fit(K, y)
    model = FrugalKernelRidge(
        200, alpha=0.1, kernel=kernel, gamma=0.25, fit_intercept=False
    ).fit(X, y)
    assert_allclose(model.predict(X), dense.predict(K), rtol=1e-8, atol=1e-10)
    auto = FrugalKernelRidge(40, kernel=kernel, landmarks="leverage", random_state=0)
    assert auto.fit(X, y).score(X, y) > 0.9


def test_landmarks_are_packed_once_and_never_pickled(table):
    X, y = table
    model = FrugalKernelRidge(20, random_state=0).fit(X, y)
    size = len(pickle.dumps(model))
    model.predict(X)
    packed = _PACKED[model][1]
    model.predict(X)
    assert _PACKED[model][1] is packed
    assert len(pickle.dumps(model)) == size < 4 * 20 * 17 + 8 * 20 + 2500
    model.fit(X[:100], y[:100]).predict(X)
    assert _PACKED[model][1] is not packed
