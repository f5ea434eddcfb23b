"""SparseProductTransformer against dense matrices, their twins and brute force."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.linalg import hadamard
from scipy.optimize import minimize
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

from skfrugal.decomposition import SparseProductTransformer
from skfrugal.structures import (
    Butterfly,
    Dense,
    LowRank,
    LowRankPlusSparse,
    Monarch,
)


@pytest.fixture(scope="module")
def X():
    return load_digits().data[:300]


def matrix_of(model):
    return model.operator_.toarray()


def error_in_outputs(model, A, X):
    """Root mean square of what the outputs are wrong by."""
    wrong = (X - model.mean_) @ (A - matrix_of(model)).T
    return np.sqrt(np.mean(np.sum(wrong**2, axis=1)))


@pytest.mark.parametrize(
    "structure", [Butterfly(), Monarch(2), LowRank(5), LowRankPlusSparse(), Dense()]
)
def test_transform_is_the_structures_projection(X, structure):
    A = np.random.RandomState(0).standard_normal((32, 64))
    model = SparseProductTransformer(A, structure=structure).fit(X)
    expected = structure.project(A)
    assert_allclose(matrix_of(model), expected.operator.toarray(), atol=1e-12)
    assert_allclose(model.transform(X), X @ matrix_of(model).T, atol=1e-10)
    assert model.factorization_.error == pytest.approx(expected.error)
    relative = np.linalg.norm(A - matrix_of(model)) / np.linalg.norm(A)
    assert model.relative_error_ == pytest.approx(relative, abs=1e-14)


@pytest.mark.parametrize("solver", ["auto", "closed_form", "hierarchical_palm4msa"])
def test_hadamard_is_recovered(X, solver):
    H = hadamard(64)
    model = SparseProductTransformer(H, structure="butterfly", solver=solver).fit(X)
    assert model.relative_error_ < 1e-12
    assert model.operator_.nnz <= 768
    assert_allclose(model.transform(X), X @ H.T, atol=1e-9)
    assert_allclose(model.inverse_transform(model.transform(X)), X, atol=1e-9)


@pytest.mark.parametrize("data_aware", [False, True])
@pytest.mark.parametrize("solver", ["auto", "gradient"])
@pytest.mark.parametrize("structure", ["butterfly", "monarch"])
def test_certificate_is_kept(X, structure, solver, data_aware):
    model = SparseProductTransformer(
        structure=structure,
        solver=solver,
        data_aware=data_aware,
        max_iter=100,
        tol=2e-2,
    ).fit(X)
    result = model.factorization_
    if data_aware and solver == "gradient":
        assert result.lower_bound is None and result.upper_bound is None
        A = PCA().fit(X).components_
        assert result.error == pytest.approx(error_in_outputs(model, A, X))
        return
    assert result.lower_bound <= result.error <= result.upper_bound * (1 + 1e-12)


def test_low_rank_is_the_best_for_the_outputs(X):
    A = np.random.RandomState(0).standard_normal((4, 6))
    rows = np.random.RandomState(1).standard_normal((50, 6)) @ np.diag(
        2.0 ** -np.r_[:6]
    )
    rows = rows @ np.random.RandomState(2).standard_normal((6, 6))
    rows[:, 3] = 0.0  # the second moments have no inverse
    model = SparseProductTransformer(A, structure=LowRank(2), data_aware=True).fit(rows)
    error = error_in_outputs(model, A, rows)
    assert model.factorization_.error == pytest.approx(error)

    def objective(values):
        B = values[:8].reshape(4, 2) @ values[8:].reshape(2, 6)
        return np.sum((rows @ (A - B).T) ** 2) / len(rows)

    starts = np.random.RandomState(3).standard_normal((20, 20))
    best = min(minimize(objective, s, tol=1e-12).fun for s in starts)
    assert error == pytest.approx(np.sqrt(best), rel=1e-5)


@pytest.mark.parametrize("structure", ["butterfly", "low_rank", "auto"])
def test_data_aware_is_better_on_the_data(X, structure):
    A = PCA().fit(X).components_
    plain, aware = (
        SparseProductTransformer(A, structure=structure, data_aware=flag).fit(X)
        for flag in (False, True)
    )
    assert error_in_outputs(aware, A, X) < error_in_outputs(plain, A, X)


@pytest.mark.parametrize("structure", ["butterfly", "low_rank_plus_sparse"])
def test_diagonal_metric_is_that_of_the_certificate(X, structure):
    A = PCA(16).fit(X).components_
    model = SparseProductTransformer(A, structure=structure, data_aware=True).fit(X)
    columns = np.sqrt(np.mean(X**2, axis=0))
    error = np.linalg.norm((A - matrix_of(model)) * columns)
    assert model.factorization_.error == pytest.approx(error, rel=1e-6)
    norm = np.linalg.norm(A * columns)
    assert model.relative_error_ == pytest.approx(error / norm, rel=1e-6)


@pytest.mark.parametrize("data_aware", [False, True])
@pytest.mark.parametrize("structure", ["auto", "low_rank", "butterfly", Monarch()])
@pytest.mark.parametrize("max_error", [0.0, 0.2, 0.7])
def test_prescribed_error_is_kept(X, structure, max_error, data_aware):
    model = SparseProductTransformer(
        PCA(16), structure=structure, max_error=max_error, data_aware=data_aware
    ).fit(X)
    assert model.relative_error_ <= max_error
    if model.operator_.nnz >= 16 * 64:
        assert model.relative_error_ == 0
        assert "dense matrix is kept" in model.factorization_.message


def test_prescribed_error_takes_the_smallest_rank():
    A = np.diag(0.5 ** np.arange(32.0))
    tails = np.sqrt(np.cumsum(np.diagonal(A)[::-1] ** 2)[::-1])
    model = SparseProductTransformer(A, structure="low_rank", max_error=0.05)
    rank = model.fit(np.eye(32)).operator_.rank
    allowed = 0.05 * np.linalg.norm(A)
    assert tails[rank] <= allowed < tails[rank - 1]


@pytest.mark.parametrize("scale", [1e-150, 1e150])
def test_scales_do_not_matter(X, scale):
    A = PCA(16).fit(X).components_
    plain = SparseProductTransformer(A, data_aware=True).fit(X)
    scaled = SparseProductTransformer(A * scale, data_aware=True).fit(X * scale)
    assert scaled.relative_error_ == pytest.approx(plain.relative_error_, rel=1e-6)
    assert_allclose(matrix_of(scaled) / scale, matrix_of(plain), atol=1e-9)
