"""Inputs of SparseProductTransformer, taken and refused."""

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose
from scipy.linalg import hadamard
from scipy.sparse.linalg import aslinearoperator
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.decomposition import NMF, PCA, FactorAnalysis, FastICA, TruncatedSVD
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skfrugal.decomposition import SparseProductTransformer
from skfrugal.operators import random_butterfly
from skfrugal.structures import LowRank


@pytest.fixture(scope="module")
def X():
    return load_digits().data[:300]


@pytest.mark.parametrize(
    "twin",
    [
        PCA(6),
        PCA(6, whiten=True),
        FastICA(6, random_state=0),
        TruncatedSVD(6, random_state=0),
        FactorAnalysis(6, random_state=0),
        StandardScaler(),
    ],
    ids=lambda twin: type(twin).__name__,
)
def test_dense_structure_is_the_transformer(X, twin):
    model = SparseProductTransformer(twin, structure="dense").fit(X)
    assert not hasattr(twin, "n_features_in_")
    expected = clone(twin).fit(X).transform(X)
    assert_allclose(model.transform(X), expected, atol=1e-10 * abs(expected).max())
    frozen = FrozenEstimator(clone(twin).fit(X))
    model = SparseProductTransformer(frozen, structure="dense").fit(X[:20])
    assert_allclose(model.transform(X), expected, atol=1e-10 * abs(expected).max())


def test_pca_with_a_shift_far_from_zero(X):
    shifted = X + 1e6
    model = SparseProductTransformer(PCA(6), structure="dense").fit(shifted)
    expected = PCA(6).fit(X).transform(X)
    assert_allclose(model.transform(shifted), expected, atol=1e-7)


def test_transformers_that_are_not_linear_are_refused(X):
    model = SparseProductTransformer(NMF(3, max_iter=2, tol=1e9))
    with pytest.raises(ValueError, match=r"NMF.* is not linear around its mean"):
        model.fit(X)
    assert not hasattr(model, "operator_")


def test_operators_and_sparse_matrices_are_the_array(X):
    A = random_butterfly(64, random_state=0)
    dense = A.toarray()
    expected = SparseProductTransformer(dense, structure="butterfly").fit(X)
    for matrix in (A, aslinearoperator(dense), sp.csr_array(dense), dense.tolist()):
        model = SparseProductTransformer(matrix, structure="butterfly").fit(X)
        assert_allclose(model.transform(X), expected.transform(X), atol=1e-10)
        assert clone(model).fit(X).relative_error_ < 1e-13


def test_grid_search_reaches_into_structures(X):
    y = load_digits().target[: len(X)]
    model = make_pipeline(
        SparseProductTransformer(PCA(32), structure=LowRank(1)), Ridge()
    )
    grid = {"sparseproducttransformer__structure__rank": [1, 20]}
    search = GridSearchCV(model, grid, cv=3).fit(X, y)
    assert search.best_params_ == {"sparseproducttransformer__structure__rank": 20}


@pytest.mark.parametrize(
    "parameters, words",
    [
        ({"matrix": np.ones((2, 3))}, r"shape \(2, 3\), but X has 64 features"),
        ({"matrix": 1j * np.eye(64)}, "matrix is complex"),
        ({"matrix": np.full((2, 64), np.nan)}, "matrix contains NaN"),
        ({"max_error": 0.1, "budget": 0.5}, "pass one of them"),
        ({"solver": "palm4msa"}, "needs a chain of two factors"),
        ({"solver": "gradient", "structure": "low_rank"}, "needs a chain"),
        ({"structure": LowRank(60), "budget": 0.1}, "raise the budget"),
    ],
)
def test_what_does_not_fit_is_refused_and_leaves_the_model(X, parameters, words):
    model = SparseProductTransformer(budget=0.5).fit(X)
    before = model.operator_
    with pytest.raises(ValueError, match=words):
        model.set_params(**{"budget": None, **parameters}).fit(X)
    assert model.operator_ is before


def test_constant_rows_have_no_metric(X):
    with pytest.raises(ValueError, match="data_aware=True weighs features"):
        SparseProductTransformer(np.eye(3), data_aware=True).fit(np.zeros((5, 3)))


def test_large_maps_have_no_dense_forms(monkeypatch, X):
    model = SparseProductTransformer(hadamard(64), structure="butterfly").fit(X)
    assert hasattr(model, "inverse_transform") and hasattr(model, "components_")
    module = "skfrugal.decomposition._operator_transformer"
    monkeypatch.setattr(f"{module}._MAX_DENSE_ENTRIES", 64 * 64 - 1)
    assert not hasattr(model, "inverse_transform")
    assert not hasattr(model, "components_")
