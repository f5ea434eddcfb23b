"""Refined landmarks: derivatives, what held-out rows decide, and what is learnt."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.metrics.pairwise import laplacian_kernel, rbf_kernel

from skfrugal.kernel_ridge import FrugalKernelRidge, _refining
from skfrugal.kernel_ridge._refining import _improves
from skfrugal.solvers._feature_weights import feature_scales
from skfrugal.solvers._landmark_refinement import (
    Projected,
    Refined,
    _positive_solve,
    refine_landmarks,
    working_dtype,
)


def _ridge(n_rows, n_features=6, noise=0.05, seed=0):
    """A function of two features, the others noise."""
    rng = np.random.RandomState(seed)
    X = rng.standard_normal((n_rows, n_features))
    return X, np.sin(2 * X[:, 0]) + X[:, 1] ** 2 + noise * rng.standard_normal(n_rows)


@pytest.fixture
def problem():
    X, y = _ridge(80, 3)
    Y = np.column_stack([y, np.cos(X[:, 2])])
    weight = np.random.RandomState(1).uniform(0.5, 2, 80)
    return lambda kernel, **options: Projected(X, Y, weight, 0.3, kernel, **options)


def _theta(n_landmarks=7, n_features=3):
    rng = np.random.RandomState(2)
    scale = 0.3 * rng.standard_normal(n_features) - 0.5
    return np.append(rng.standard_normal(n_landmarks * n_features), scale)


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize(
    "kernel", ["rbf", "laplacian", "matern12", "matern32", "matern52"]
)
def test_refinement_gradient_is_that_of_finite_differences(
    problem, kernel, fit_intercept
):
    objective, theta = problem(kernel, fit_intercept=fit_intercept), _theta()
    gradient = objective(theta)[1]
    step = 1e-5
    for k in range(theta.size):
        move = step * (np.arange(theta.size) == k)
        slope = (objective(theta + move)[0] - objective(theta - move)[0]) / (2 * step)
        # Central differences are wrong by step^2 times a third derivative.
        assert gradient[k] == pytest.approx(slope, rel=1e-5, abs=1e-7)


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize(
    ("kernel", "dense"), [("rbf", rbf_kernel), ("laplacian", laplacian_kernel)]
)
def test_refinement_objective_is_the_least_over_coefficients(
    problem, kernel, dense, fit_intercept
):
    objective, theta = problem(kernel, fit_intercept=fit_intercept), _theta()
    value = objective(theta)[0]
    X, y, w, alpha = objective.X, objective.y, objective.weight, objective.alpha
    Z, s = objective.split(theta)
    K, K_mm = dense(X * s, Z * s, gamma=1.0), dense(Z * s, gamma=1.0)
    root = np.sqrt(w)[:, None]
    ones = root if fit_intercept else root[:, :0]
    below = np.linalg.cholesky(alpha * K_mm).T
    design = np.block([[root * K, ones], [below, np.zeros((7, ones.shape[1]))]])
    target = np.vstack([root * y, np.zeros((7, 2))])
    coef = np.linalg.lstsq(design, target)[0]
    least = np.square(target - design @ coef).sum() / w.sum()
    assert value == pytest.approx(least, rel=1e-9)


def test_refinement_lowers_the_objective_and_keeps_the_best_held_out_step(problem):
    objective, steps = problem("rbf"), []
    X, y = _ridge(40, 3, seed=5)
    held = X, np.column_stack([y, np.cos(X[:, 2])]), np.ones(40)
    Z, s = objective.split(_theta())
    best = refine_landmarks(
        objective, Refined(Z, s), held, max_iter=40, tol=0.0, on_step=steps.append
    )
    objectives = [step.objective for step in steps]
    assert (np.diff(objectives) <= 0).all()
    assert objectives[-1] < 0.7 * objective(_theta())[0]
    assert best.score == min(step.score for step in steps)
    assert best.n_iter == len(steps) == 40


def test_refinement_stops_at_a_callbacks_wish_and_at_its_tolerance(problem):
    objective = problem("rbf")
    held = objective.X, objective.y, objective.weight
    start = Refined(*objective.split(_theta()))
    options = {"max_iter": 200, "tol": 0.0}
    stopped = refine_landmarks(
        objective, start, held, **options, on_step=lambda step: step.n_iter == 3
    )
    assert stopped.n_iter == 3
    options["tol"] = 1.0
    slow = refine_landmarks(objective, start, held, **options, on_step=lambda s: False)
    assert slow.n_iter == 21


def test_refinement_works_in_single_precision_where_the_penalty_drowns_rounding():
    weight = np.ones(1000)
    assert working_dtype(0.1, weight) == np.float32
    assert working_dtype(1e-3, weight) == np.float64


def test_refinement_solves_singular_systems():
    matrix = np.ones((5, 5)) - 1e-13 * np.eye(5)
    x = _positive_solve(matrix.copy(), np.ones((5, 1)), 0.0)
    assert_allclose(matrix @ x, np.ones((5, 1)), rtol=1e-6)


def test_feature_scales_find_the_features_that_matter():
    X, y = _ridge(600)
    scale, alpha = feature_scales(
        X, y[:, None], np.ones(600), 0.5, "rbf", power=1.0, rng=np.random.RandomState(0)
    )
    assert scale[:2].min() > 5 * scale[2:].max()
    assert np.mean(scale**2) == pytest.approx(0.25, rel=1e-3)
    assert alpha > 0


@pytest.mark.parametrize("kernel", ["rbf", "matern52", "laplacian"])
def test_refined_kernel_ridge_does_with_few_landmarks_what_many_do_not(kernel):
    X, y = _ridge(1200)
    few = FrugalKernelRidge(12, kernel=kernel, refine=True, random_state=0)
    many = FrugalKernelRidge(120, kernel=kernel, random_state=0)
    few.fit(X[:800], y[:800])
    many.fit(X[:800], y[:800])
    assert few.score(X[800:], y[800:]) > many.score(X[800:], y[800:])
    weights = few.feature_weights_
    assert weights[:2].min() > 5 * weights[2:].max()
    assert weights.mean() == pytest.approx(1.0)
    assert 1 < few.n_iter_ <= 150


def test_refined_kernel_ridge_starts_on_few_rows_of_many(monkeypatch):
    monkeypatch.setattr(_refining, "_N_WARM", 100)
    X, y = _ridge(1000)
    model = FrugalKernelRidge(12, refine=True, max_iter=5, random_state=0)
    warm = clone(model).fit(X, y)
    monkeypatch.setattr(_refining, "_N_WARM", 1000)
    cold = clone(model).fit(X, y)
    assert warm.validation_score_ < cold.validation_score_
    assert warm.n_iter_ == cold.n_iter_ == 5


def test_refined_kernel_ridge_validation_score_is_an_error_of_new_rows():
    X, y = _ridge(1600, noise=0.5)
    model = FrugalKernelRidge(20, refine=True, validation_fraction=0.5, random_state=0)
    model.fit(X[:800], y[:800])
    error = np.sqrt(np.mean((model.predict(X[800:]) - y[800:]) ** 2))
    # 400 and 800 rows: the errors are known to 4 and 3 %; fitted on 400 and 800.
    assert model.validation_score_ == pytest.approx(error, rel=0.15)


def test_refined_kernel_ridge_is_the_unrefined_one_where_there_is_nothing_to_learn():
    rng = np.random.RandomState(0)
    X, y = rng.standard_normal((300, 4)), rng.standard_normal(300)
    plain = FrugalKernelRidge(15, landmarks=X[:15]).fit(X, y)
    model = FrugalKernelRidge(15, landmarks=X[:15], refine=True, random_state=0)
    model.fit(X, y)
    assert_array_equal(model.feature_weights_, np.ones(4))
    assert_array_equal(model.landmarks_, X[:15])
    assert_allclose(model.predict(X), plain.predict(X), rtol=1e-10)


def test_refined_kernel_ridge_improves_by_more_than_chance_or_not_at_all():
    before = np.ones(100)
    gain = np.where(np.arange(100) < 50, 1.0, -0.9)
    assert not _improves(before, before - gain, np.ones(100))
    assert _improves(before, before - gain - 0.2, np.ones(100))
    assert not _improves(before, before, np.ones(100))


def test_refined_kernel_ridge_predicts_what_it_says():
    X, y = _ridge(300)
    model = FrugalKernelRidge(12, refine=True, random_state=0).fit(X + 5, y)
    root = np.sqrt(model.feature_weights_)
    K = rbf_kernel((X + 5) * root, model.landmarks_ * root, gamma=model.gamma_)
    noise = 4 * 2.0**-24 * np.linalg.norm(model.dual_coef_)
    expected = K @ model.dual_coef_ + model.intercept_
    assert_allclose(model.predict(X + 5), expected, atol=noise)


def test_refined_kernel_ridge_takes_several_targets_weights_and_sparse_rows():
    X, y = _ridge(300)
    X = np.where(np.abs(X) > 0.3, X, 0.0)
    Y = np.column_stack([y, 1e3 * np.cos(X[:, 0])])
    weight = np.random.RandomState(0).randint(1, 4, 300)
    model = FrugalKernelRidge(30, refine=True, random_state=0)
    dense = clone(model).fit(X, Y, weight)
    rows = clone(model).fit(sparse.csr_array(X), Y, weight)
    assert dense.validation_score_.shape == (2,)
    assert dense.score(X, Y) > 0.95
    assert_allclose(rows.predict(sparse.csr_array(X)), dense.predict(X), rtol=0.05)


def test_refined_kernel_ridge_needs_a_kernel_with_derivatives_and_enough_rows():
    X, y = _ridge(50)
    for kernel in ("poly", lambda a, b: a @ b):
        with pytest.raises(ValueError, match=r"refine=True with kernel=.*Pass one of"):
            FrugalKernelRidge(refine=True, kernel=kernel).fit(X, y)
    with pytest.raises(ValueError, match="leaves none of 1 rows"):
        FrugalKernelRidge(refine=True).fit(X[:1], y[:1])


def test_refined_kernel_ridge_reports_its_steps_only_when_asked(capsys):
    X, y = _ridge(100)
    model = FrugalKernelRidge(5, refine=True, max_iter=4, gamma=0.3, random_state=0)
    model.fit(X, y)
    assert capsys.readouterr().out == ""
    model.set_params(verbose=1).fit(X, y)
    assert capsys.readouterr().out.count("Iteration") == 4
