"""ButterflyTransformer of sparse rows."""

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal

from skfrugal.decomposition import ButterflyTransformer


def sparse_rows(n_samples, n, seed=0, density=0.2):
    rng = np.random.RandomState(seed)
    rows = rng.randn(n_samples, n) @ rng.randn(n, n) + 3 * rng.randn(n)
    rows[rng.uniform(size=rows.shape) > density] = 0
    return rows


@pytest.mark.parametrize("as_type", [sp.csr_array, sp.csr_matrix, sp.csc_array])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_sparse_rows_give_the_model_of_dense_ones(as_type, dtype):
    X = sparse_rows(200, 16).astype(dtype)
    parameters = {"n_components": 5, "whiten": True}
    dense = ButterflyTransformer(**parameters).fit(X)
    sparse = ButterflyTransformer(**parameters).fit(as_type(X))
    # The moments are in float64 in both cases.
    assert_allclose(sparse.components_, dense.components_, atol=1e-6)
    for name in ("explained_variance_", "noise_variance_", "excess_"):
        assert_allclose(getattr(sparse, name), getattr(dense, name), rtol=1e-9)
    Z = sparse.transform(as_type(X))
    assert isinstance(Z, np.ndarray) and Z.dtype == dtype
    eps = np.finfo(dtype).eps
    assert_allclose(Z, sparse.transform(X), atol=256 * eps * abs(Z).max())
    assert_allclose(sparse.score(as_type(X)), sparse.score(X), rtol=1e-6)


def test_sparse_rows_are_never_made_dense_by_fit(monkeypatch):
    X = sp.csr_array(sparse_rows(50, 16))
    products = sp.csr_array((X.T @ X).shape).shape
    toarray = sp.csr_array.toarray

    def watched(matrix, *args, **kwargs):
        assert matrix.shape == products
        return toarray(matrix, *args, **kwargs)

    monkeypatch.setattr(sp.csr_array, "toarray", watched)
    ButterflyTransformer(5).fit(X)


def test_sparse_rows_with_constant_columns():
    X = sparse_rows(50, 8)
    X[:, 2], X[:, 5] = 1e3, 0.0
    model = ButterflyTransformer(6, whiten=True).fit(sp.csr_array(X))
    assert_allclose(model.components_[:, [2, 5]], 0, atol=1e-15)
    constant = sp.csr_array(np.full((7, 4), 0.1))
    model = ButterflyTransformer(0.5).fit(constant)
    assert_array_equal(model.explained_variance_, [0.0])
    assert_allclose(model.transform(constant), 0, atol=1e-16)
    model = ButterflyTransformer(2).fit(sp.csr_array((7, 4)))
    assert_array_equal(model.transform(sp.csr_array((2, 4))), np.zeros((2, 2)))
