"""ButterflyTransformer as a Gaussian: covariance and precision as operators."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.decomposition import PCA

from skfrugal.decomposition import ButterflyTransformer
from skfrugal.operators import Operator


def mixed_rows(n_samples, n, seed=0):
    rng = np.random.RandomState(seed)
    mixing = rng.randn(n, n) * rng.uniform(0.1, 2.0, n)
    return rng.randn(n_samples, n) @ mixing + 3 * rng.randn(n)


@pytest.mark.parametrize("k", [1, 5, 11, None])
@pytest.mark.parametrize("n", [12, 16])
@pytest.mark.parametrize("core", [None, "all"])
@pytest.mark.parametrize("depth", [0.5, 2.0])
def test_covariance_and_precision_are_inverse(k, n, core, depth):
    X = mixed_rows(60, n)
    model = ButterflyTransformer(k, core=core and n, depth=depth).fit(X)
    covariance, precision = model.get_covariance(), model.get_precision()
    assert isinstance(covariance, Operator) and isinstance(precision, Operator)
    C, P = covariance.toarray(), precision.toarray()
    condition = np.linalg.norm(C, 2) * np.linalg.norm(P, 2)
    tolerance = n * np.finfo(float).eps * condition
    assert_allclose(C @ P, np.eye(n), atol=tolerance)
    rows = mixed_rows(5, n, seed=1)
    assert_allclose((rows @ covariance) @ precision, rows, atol=1e2 * tolerance)
    # The definition, densely.
    W, noise = model.components_, model.noise_variance_
    expected = W.T @ np.diag(model.explained_variance_ - noise) @ W + noise * np.eye(n)
    assert_allclose(C, expected, atol=32 * n * np.finfo(float).eps * abs(C).max())
    assert_allclose(C, C.T, atol=1e-13 * abs(C).max())
    assert np.linalg.eigvalsh(C)[0] > 0


@pytest.mark.parametrize("k", [1, 5, None])
def test_covariance_with_many_rotations_is_that_of_pca(k):
    X = mixed_rows(60, 12)
    model = ButterflyTransformer(k, depth=50, max_iter=100, tol=0).fit(X)
    pca = PCA(k).fit(X)
    C = pca.get_covariance()
    assert_allclose(model.get_covariance().toarray(), C, atol=1e-8 * abs(C).max())
    P = pca.get_precision()
    assert_allclose(model.get_precision().toarray(), P, atol=1e-6 * abs(P).max())
    if k is None:
        assert_allclose(C, np.cov(X.T), rtol=1e-10)


def test_covariance_keeps_the_variances_of_all_coordinates():
    X = mixed_rows(60, 16)
    model = ButterflyTransformer().fit(X)
    Q = model.operator_.toarray()
    rotated = Q @ model.get_covariance().toarray() @ Q.T
    assert_allclose(rotated, np.diag(model.explained_variance_), atol=1e-12)
    assert model.get_covariance().nnz < 16**2


def test_precision_exists_where_columns_are_constant_or_rows_are_few():
    X = mixed_rows(6, 20)
    X[:, 3] = 7.0
    for k in (2, None):
        P = ButterflyTransformer(k).fit(X).get_precision().toarray()
        assert np.isfinite(P).all()
        assert np.linalg.eigvalsh((P + P.T) / 2)[0] > 0


@pytest.mark.parametrize("scale", [0.0, 1e-170, 1e170])
def test_precision_says_where_there_is_none(scale):
    model = ButterflyTransformer(2).fit(mixed_rows(20, 4) * scale)
    with pytest.raises(ValueError, match="The largest variance is"):
        model.get_precision()
    if scale > 1:
        with pytest.raises(ValueError, match="beyond the range of float64"):
            model.get_covariance()
    else:
        assert_allclose(model.get_covariance().toarray(), 0, atol=1e-300)


def test_covariance_of_single_precision_rows_is_in_double():
    X = mixed_rows(60, 16).astype(np.float32)
    model = ButterflyTransformer(5).fit(X)
    C, P = model.get_covariance(), model.get_precision()
    assert C.dtype == P.dtype == np.float64
    assert_allclose(C.toarray() @ P.toarray(), np.eye(16), atol=1e-10)
