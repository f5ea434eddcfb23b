"""FrugalKernelRidge against dense solves, brute-force refits and its dense twin."""

import numpy as np
import pytest
from kernel_noise import noise_of
from numpy.testing import assert_allclose
from scipy import linalg, sparse
from sklearn.base import clone
from sklearn.datasets import make_friedman1
from sklearn.kernel_ridge import KernelRidge
from sklearn.metrics.pairwise import pairwise_kernels
from sklearn.model_selection import GridSearchCV, cross_validate

from skfrugal.kernel_ridge import FrugalKernelRidge
from skfrugal.solvers import _landmark_search, _rows


def _bordered(X, y, Z, gamma, alpha, weight, fit_intercept=True):
    """Solve the normal equations densely, intercept as a free unknown."""
    K, K_mm = (
        pairwise_kernels(X, Z, "rbf", gamma=gamma),
        pairwise_kernels(Z, metric="rbf", gamma=gamma),
    )
    design = np.hstack([K, np.ones((len(X), 1))])[:, : len(Z) + fit_intercept]
    penalty = np.zeros((design.shape[1],) * 2)
    penalty[: len(Z), : len(Z)] = alpha * K_mm
    normal = design.T @ (weight[:, None] * design) + penalty
    coef = linalg.lstsq(normal, design.T @ (weight * y))[0]
    return lambda rows: (
        pairwise_kernels(rows, Z, "rbf", gamma=gamma) @ coef[: len(Z)]
        + (coef[-1] if fit_intercept else 0.0)
    )


@pytest.mark.parametrize("fit_intercept", [True, False])
def test_kernel_ridge_solves_the_bordered_system(table, fit_intercept):
    X, y = table
    weight = np.random.RandomState(1).uniform(0.1, 3, len(y))
    model = FrugalKernelRidge(
        landmarks=X[:9], alpha=0.1, gamma=0.4, fit_intercept=fit_intercept
    ).fit(X, y, weight)
    expected = _bordered(X, y, X[:9], 0.4, 0.1, weight, fit_intercept)
    assert_allclose(model.predict(X), expected(X), rtol=1e-9)
    assert model.dual_coef_.shape == (9,)
    assert (model.intercept_ != 0) == fit_intercept


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("weighted", [False, True])
def test_kernel_ridge_loo_error_equals_refits(table, fit_intercept, weighted):
    X, y = table
    Z, rows = X[:9], np.arange(9, 60)
    weight = np.ones(60)
    if weighted:
        weight = np.random.RandomState(1).choice([0.3, 1, 2, 3], 60)
    model = FrugalKernelRidge(
        landmarks=Z, alpha=0.05, gamma=0.4, fit_intercept=fit_intercept
    ).fit(X, y, weight)
    squares = []
    for row in rows:
        # One copy of the row is left out, or all that there is of it.
        left = weight.copy()
        left[row] -= min(1.0, left[row])
        refit = _bordered(X, y, Z, 0.4, 0.05, left, fit_intercept)
        squares.append((y[row] - refit(X[[row]])[0]) ** 2)
    expected = np.sqrt(np.average(squares, weights=weight[rows]))
    assert_allclose(model.loo_error_, expected, rtol=1e-8)


def test_kernel_ridge_alpha_and_gamma_are_the_best_of_a_wider_grid(table):
    X, y = table
    auto = FrugalKernelRidge(landmarks=X[:20], random_state=0).fit(X, y)
    for gamma in auto.gamma_ * np.array([0.1, 1.0, 10.0]):
        for alpha in auto.alpha_ * np.logspace(-4, 4, 9):
            model = FrugalKernelRidge(landmarks=X[:20], alpha=alpha, gamma=gamma)
            # Within the tenth of a percent that goes to the smoother model, and what
            # the grid's steps (a factor 3.3 in gamma, 3.8 in alpha) may miss.
            assert model.fit(X, y).loo_error_ > 0.99 * auto.loo_error_


@pytest.mark.parametrize("alpha", [1e-6, 1e-2, 1.0])
@pytest.mark.parametrize(
    "kernel", ["rbf", "laplacian", "linear", "poly", "cosine", "chi2"]
)
def test_kernel_ridge_with_all_rows_is_kernel_ridge(table, kernel, alpha):
    X, y = np.abs(table[0]), table[1]
    weight = np.random.RandomState(1).uniform(0.1, 3, len(y))
    parameters = {"alpha": alpha, "kernel": kernel, "gamma": 0.3}
    dense = KernelRidge(**parameters).fit(X, y, weight)
    frugal = FrugalKernelRidge(60, fit_intercept=False, **parameters)
    frugal.fit(X, y, weight)
    grid = np.abs(np.random.RandomState(2).standard_normal((20, 3)))
    # The dense solve itself has condition ||K|| / alpha.
    rtol = 1e-9 if alpha > 1e-3 else 1e-6
    assert_allclose(frugal.predict(grid), dense.predict(grid), rtol=rtol)


def test_kernel_ridge_all_rows_leave_one_out_is_that_of_kernel_ridge(table):
    X, y = table
    frugal = FrugalKernelRidge(60, alpha=0.1, gamma=0.5, fit_intercept=False)
    frugal.fit(X, y)
    dense = KernelRidge(alpha=0.1, kernel="rbf", gamma=0.5)
    scores = cross_validate(dense, X, y, cv=60, scoring="neg_mean_squared_error")
    assert_allclose(frugal.loo_error_**2, -scores["test_score"].mean(), rtol=1e-8)


def test_kernel_ridge_weights_are_repetition_counts(table):
    X, y = table
    weight = np.random.RandomState(1).randint(0, 4, len(y))
    model = FrugalKernelRidge(12, random_state=0)
    weighted = clone(model).fit(X, y, weight)
    repeated = clone(model).fit(np.repeat(X, weight, axis=0), np.repeat(y, weight))
    assert_allclose(weighted.landmarks_, repeated.landmarks_, rtol=1e-10, atol=1e-12)
    assert weighted.alpha_ == pytest.approx(repeated.alpha_)
    assert weighted.gamma_ == pytest.approx(repeated.gamma_)
    assert weighted.loo_error_ == pytest.approx(repeated.loo_error_, rel=1e-8)
    assert_allclose(weighted.predict(X), repeated.predict(X), rtol=1e-8)


def test_kernel_ridge_refuses_weights_that_are_all_zero_or_negative(table):
    X, y = table
    for weight in (np.zeros(60), -np.ones(60)):
        with pytest.raises(ValueError, match=r"[Ww]eight"):
            FrugalKernelRidge(5).fit(X, y, weight)


def test_kernel_ridge_targets_are_independent(table):
    X, y = table
    Y = np.column_stack([y, 1000 * np.cos(X[:, 2]), np.zeros(60)])
    joint = FrugalKernelRidge(15, gamma=0.3, random_state=0).fit(X, Y)
    assert (
        joint.alpha_.shape == joint.loo_error_.shape == joint.intercept_.shape == (3,)
    )
    for k in range(3):
        single = FrugalKernelRidge(15, gamma=0.3, random_state=0).fit(X, Y[:, k])
        assert_allclose(joint.predict(X)[:, k], single.predict(X), rtol=1e-9)
        assert joint.alpha_[k] == pytest.approx(single.alpha_)
        assert joint.loo_error_[k] == pytest.approx(single.loo_error_)


def test_kernel_ridge_takes_one_alpha_a_target(table):
    X, y = table
    Y, alpha = np.column_stack([y, -2 * y]), [0.01, 10.0]
    dense = KernelRidge(alpha=alpha, kernel="rbf", gamma=0.3).fit(X, Y)
    frugal = FrugalKernelRidge(60, alpha=alpha, gamma=0.3, fit_intercept=False)
    assert_allclose(frugal.fit(X, Y).predict(X), dense.predict(X), rtol=1e-8)
    with pytest.raises(ValueError, match=r"alpha has shape \(2,\) for 1 target"):
        frugal.fit(X, y)
    for wrong in ([1.0, -1.0], ["a", 1.0], [np.inf], [None]):
        with pytest.raises(ValueError, match=r"alpha=\[.*than finite numbers >= 0"):
            FrugalKernelRidge(alpha=wrong).fit(X, Y)


def test_kernel_ridge_does_not_depend_on_blocks(table, monkeypatch):
    X, y = table
    model = FrugalKernelRidge(12, random_state=0)
    whole = clone(model).fit(X, y)
    expected = whole.predict(X)
    monkeypatch.setattr(_rows, "BLOCK_VALUES", 40)
    blocked = clone(model).fit(X, y)
    assert_allclose(blocked.dual_coef_, whole.dual_coef_, rtol=1e-6)
    assert_allclose(blocked.predict(X), expected, rtol=1e-10)


def test_kernel_ridge_search_on_a_sample_finds_the_same_gamma(monkeypatch):
    X, y = make_friedman1(1500, noise=0.5, random_state=0)
    model = FrugalKernelRidge(40, random_state=0)
    whole = clone(model).fit(X, y)
    monkeypatch.setattr(_landmark_search, "N_LOO", 400)
    monkeypatch.setattr(_landmark_search, "N_SEARCH", 500)
    sampled = clone(model).fit(X, y)
    assert sampled.gamma_ == whole.gamma_
    assert sampled.loo_error_ == pytest.approx(whole.loo_error_, rel=0.1)
    assert_allclose(sampled.landmarks_, whole.landmarks_)


@pytest.mark.parametrize("offset", [1e4, 1e6])
@pytest.mark.parametrize("kernel", ["rbf", "laplacian"])
def test_kernel_ridge_does_not_depend_on_the_origin(table, kernel, offset):
    X, y = table
    X = np.round(X, 3)  # so that the shifted rows lose little
    model = FrugalKernelRidge(15, kernel=kernel, random_state=0)
    here = clone(model).fit(X, y)
    there = clone(model).fit(X + offset, y)
    # Far from the origin float32 cannot hold the landmarks.
    assert here.landmarks_.dtype == np.float32
    assert there.landmarks_.dtype == np.float64
    prediction = there.predict(X + offset)
    # The shifted rows themselves are rounded to eps * offset.
    assert_allclose(
        prediction, here.predict(X), rtol=1e-14 * offset, atol=noise_of(here)
    )
    assert noise_of(here) < 0.05 * here.loo_error_


def test_kernel_ridge_keeps_float32_precise_at_an_offset(table):
    X, y = table
    X = np.round(X * 64) / 64 + 1000  # exact in float32
    model = FrugalKernelRidge(landmarks=X[::4], random_state=0)
    wide = clone(model).fit(X, y)
    narrow = clone(model).fit(X.astype(np.float32), y)
    prediction = narrow.predict(X.astype(np.float32))
    assert prediction.dtype == np.float32
    assert_allclose(prediction, wide.predict(X), rtol=1e-6)


@pytest.mark.parametrize("alpha", [0.0, 1e-12, 1e-6])
def test_kernel_ridge_float32_rows_bear_a_tiny_alpha(table, alpha):
    X, y = table
    X = np.round(X * 64) / 64
    model = FrugalKernelRidge(landmarks=X[:30], alpha=alpha, gamma=0.01)
    wide = clone(model).fit(X, y).predict(X)
    narrow = clone(model).fit(X.astype(np.float32), y).predict(X.astype(np.float32))
    assert_allclose(narrow, wide, rtol=1e-5)


@pytest.mark.parametrize("alpha", ["auto", 1e-8])
def test_kernel_ridge_bears_duplicate_landmarks(table, alpha):
    X, y = table
    Z = X[:20]
    twice = np.vstack([Z, Z, Z + 1e-9])
    once = FrugalKernelRidge(landmarks=Z, alpha=alpha, gamma=0.3).fit(X, y)
    model = FrugalKernelRidge(landmarks=twice, alpha=alpha, gamma=0.3).fit(X, y)
    # Directions below 1e-11 of the kernel may fall on either side of the cut.
    assert_allclose(model.predict(X), once.predict(X), rtol=1e-4)
    assert model.loo_error_ == pytest.approx(once.loo_error_, rel=1e-3)


def test_kernel_ridge_alpha_zero_is_least_squares(table):
    X, y = table
    model = FrugalKernelRidge(landmarks=X[:10], alpha=0, gamma=0.5).fit(X, y)
    design = np.column_stack(
        [pairwise_kernels(X, X[:10], "rbf", gamma=0.5), np.ones(60)]
    )
    expected = design @ linalg.lstsq(design, y)[0]
    assert_allclose(model.predict(X), expected, rtol=1e-8)


def test_kernel_ridge_alpha_zero_with_repeated_rows_averages_them():
    X = np.repeat(np.arange(5.0), 3)[:, None]
    y = np.random.RandomState(0).standard_normal(15)
    model = FrugalKernelRidge(alpha=0, gamma=1.0).fit(X, y)
    mean = y.reshape(5, 3).mean(axis=1)
    assert_allclose(model.predict(X[::3]), mean, rtol=1e-8)


def test_kernel_ridge_auto_alpha_never_predictsnoise_of():
    # Noise-free and smooth: leave-one-out alone would take alpha to rounding.
    X = np.linspace(0, 1, 400)[:, None]
    y = np.sin(4 * X[:, 0])
    model = FrugalKernelRidge(50, landmarks="uniform", random_state=0).fit(X, y)
    noise = 2.0**-53 * linalg.norm(model.dual_coef_)
    assert noise <= 0.01 * model.loo_error_
    assert np.abs(model.predict(X) - y).max() < 1e-5


def test_kernel_ridge_auto_alpha_is_not_chosen_by_rounding():
    # Every row a landmark: towards alpha = 0 the error is flat, and what is left of a
    # row that is there once is rounding. Where rows are computed from only rounds.
    rng = np.random.RandomState(42)
    X, y = rng.rand(15, 30), rng.randint(0, 3, 15)
    weight = rng.randint(0, 5, 15)
    chosen = set()
    for rows in (X, X - 0.5, X + 1.0, sparse.csr_array(X), sparse.csr_array(X + 1.0)):
        model = FrugalKernelRidge(gamma=0.427, random_state=0).fit(rows, y, weight)
        chosen.add(float(f"{model.alpha_:.3e}"))
    assert len(chosen) == 1


def test_kernel_ridge_quality_is_that_of_tuned_kernel_ridge():
    X, y = make_friedman1(2000, noise=1.0, random_state=0)
    train, test = slice(1000), slice(1000, None)
    dense = GridSearchCV(
        KernelRidge(kernel="rbf"),
        {"alpha": np.logspace(-3, 1, 5), "gamma": np.logspace(-2, 0.5, 5)},
        cv=3,
    ).fit(X[train], y[train] - 14)

    def rmse(prediction):
        return np.sqrt(np.mean((prediction - y[test]) ** 2))

    best = rmse(dense.predict(X[test]) + 14)
    model = FrugalKernelRidge(random_state=0).fit(X[train], y[train])
    assert rmse(model.predict(X[test])) < 1.05 * best
    assert model.loo_error_ == pytest.approx(rmse(model.predict(X[test])), rel=0.1)


def test_kernel_ridge_gamma_auto_needs_no_standardised_features():
    X, y = make_friedman1(600, noise=0.1, random_state=0)
    model = FrugalKernelRidge(60, random_state=0)
    unit = clone(model).fit(X, y)
    scaled = clone(model).fit(1000 * X, y)
    assert scaled.gamma_ == pytest.approx(unit.gamma_ * 1e-6)
    assert_allclose(scaled.predict(1000 * X), unit.predict(X), atol=noise_of(unit))


@pytest.mark.parametrize("kernel", ["laplacian", "poly", "sigmoid", "chi2"])
@pytest.mark.filterwarnings("ignore:kernel='sigmoid' is not positive")
def test_kernel_ridge_gamma_auto_serves_every_kernel_with_gamma(kernel):
    X, y = make_friedman1(600, noise=0.1, random_state=0)
    model = FrugalKernelRidge(60, kernel=kernel, random_state=0).fit(50 * X, y)
    assert model.gamma_ > 0
    assert model.score(50 * X, y) > 0.7


def test_kernel_ridge_gamma_none_is_scikit_learns(table):
    X, y = np.abs(table[0]), table[1]
    for kernel, gamma in (("rbf", 1 / 3), ("poly", 1 / 3), ("linear", None)):
        model = FrugalKernelRidge(60, alpha=1, gamma=None, kernel=kernel)
        model.set_params(fit_intercept=False).fit(X, y)
        dense = KernelRidge(alpha=1, kernel=kernel).fit(X, y)
        assert model.gamma_ == gamma
        assert_allclose(model.predict(X), dense.predict(X), rtol=1e-8)
    assert FrugalKernelRidge(gamma=None, kernel="chi2").fit(X, y).gamma_ == 1.0
