"""solver="cg" gives what the direct solver gives, hard kernels included."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skfrugal.kernel_ridge import FrugalKernelRidge
from skfrugal.solvers import _landmark_cg


@pytest.fixture(autouse=True)
def small_sample(monkeypatch):
    monkeypatch.setattr(_landmark_cg, "N_SAMPLE", 150)


@pytest.fixture
def table():
    rng = np.random.RandomState(0)
    X = rng.standard_normal((1500, 4))
    Y = np.column_stack([np.sin(2 * X[:, 0]) + X[:, 1] ** 2, X[:, 2] * X[:, 3]])
    return X, Y + 0.1 * rng.standard_normal(Y.shape)


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("alpha", [1e-4, [1e-2, 1.0]])
def test_cg_solution_is_the_direct_one(table, alpha, fit_intercept):
    X, Y = table
    weight = np.random.RandomState(1).uniform(0.2, 2, len(X))
    model = FrugalKernelRidge(
        landmarks=X[:30], alpha=alpha, gamma=0.2, fit_intercept=fit_intercept
    )
    direct = model.fit(X, Y, weight).predict(X)
    iterated = model.set_params(solver="cg").fit(X, Y, weight).predict(X)
    assert_allclose(iterated, direct, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("alpha", [1e-6, "auto"])
def test_cg_bears_a_kernel_matrix_that_is_nearly_singular(table, alpha):
    # Wide kernel, landmarks twice: what made iterations in float32 wrong.
    X, Y = table
    Z = np.vstack([X[:40], X[:20], X[:20] + 1e-7])
    model = FrugalKernelRidge(landmarks=Z, alpha=alpha, gamma=0.01, random_state=0)
    model.fit(X, Y)
    direct, alpha = model.predict(X), model.alpha_
    model.set_params(solver="cg", alpha=alpha).fit(X, Y)
    error = np.sqrt(np.mean((model.predict(X) - direct) ** 2, axis=0))
    assert (error < 1e-4 * model.loo_error_).all()


def test_cg_chooses_alpha_and_gamma_on_the_sample(table):
    X, Y = table
    model = FrugalKernelRidge(40, random_state=0)
    direct = model.fit(X[:1000], Y[:1000]).score(X[1000:], Y[1000:])
    model.set_params(solver="cg").fit(X[:1000], Y[:1000])
    assert model.score(X[1000:], Y[1000:]) > direct - 0.01
    assert np.isfinite(model.loo_error_).all()


def test_cg_that_does_not_converge_is_replaced_with_a_warning(table, monkeypatch):
    X, Y = table
    model = FrugalKernelRidge(landmarks=X[:30], alpha=1e-3, gamma=0.2)
    direct = model.fit(X, Y).predict(X)
    monkeypatch.setattr(_landmark_cg, "MAX_ITER", 1)
    with pytest.warns(UserWarning, match="did not converge.*solver='eigen'"):
        model.set_params(solver="cg").fit(X, Y)
    assert_allclose(model.predict(X), direct, rtol=1e-8)
