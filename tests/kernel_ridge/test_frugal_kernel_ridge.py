"""FrugalKernelRidge against dense solves, brute-force refits and its dense twin."""

import inspect
import pickle
import tracemalloc
import warnings

import numpy as np
import pandas as pd
import pytest
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from scipy import linalg, sparse
from sklearn.base import clone
from sklearn.datasets import make_friedman1
from sklearn.exceptions import NotFittedError
from sklearn.kernel_ridge import KernelRidge
from sklearn.metrics.pairwise import pairwise_kernels
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skfrugal.kernel_approximation import _landmarks
from skfrugal.kernel_ridge import FrugalKernelRidge, _learning
from skfrugal.solvers import _landmark_search, _rows


@pytest.fixture
def table():
    rng = np.random.RandomState(0)
    X = rng.standard_normal((60, 3))
    y = np.sin(2 * X[:, 0]) + X[:, 1] ** 2 + 0.2 * rng.standard_normal(60) + 3
    return X, y


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


def _noise(model):
    """What rounding to float32 may do to a prediction, four times over."""
    return 4 * 2.0**-24 * np.sqrt(np.square(model.dual_coef_).sum())


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
    assert_allclose(prediction, here.predict(X), rtol=1e-14 * offset, atol=_noise(here))
    assert _noise(here) < 0.05 * here.loo_error_


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


def test_kernel_ridge_auto_alpha_never_predicts_noise():
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
    assert_allclose(scaled.predict(1000 * X), unit.predict(X), atol=_noise(unit))


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


def _tanimoto(x, z, *, shift):
    return (x @ z + shift) / (x @ x + z @ z - x @ z + shift)


@pytest.mark.parametrize("landmarks", ["lloyd", "leverage", "rpcholesky"])
def test_kernel_ridge_takes_a_function_of_two_rows(table, landmarks):
    X, y = table
    parameters = {"kernel": _tanimoto, "kernel_params": {"shift": 1.0}}
    model = FrugalKernelRidge(20, landmarks=landmarks, **parameters, random_state=0)
    assert model.fit(X, y).score(X, y) > 0.5
    assert model.gamma_ is None
    model.set_params(n_components=60, alpha=0.1, fit_intercept=False).fit(X, y)
    dense = KernelRidge(alpha=0.1, **parameters).fit(X, y)
    assert_allclose(model.predict(X), dense.predict(X), rtol=1e-8)


@pytest.mark.parametrize("kernel", ["rbf", "laplacian", "poly", "cosine", "linear"])
def test_kernel_ridge_sparse_rows_give_the_dense_model(table, kernel):
    X, y = table
    X = np.where(np.abs(X) > 0.7, X, 0.0)
    model = FrugalKernelRidge(15, kernel=kernel, random_state=0)
    dense = clone(model).fit(X, y)
    for container in (sparse.csr_matrix, sparse.csc_array):
        rows = container(X)
        fitted = clone(model).fit(rows, y)
        assert isinstance(fitted.landmarks_, np.ndarray)
        expected = dense.predict(X)
        assert_allclose(fitted.predict(rows), expected, rtol=1e-6, atol=_noise(dense))


@pytest.mark.parametrize(
    ("gamma", "fault"), [(1e-12, "1 .too small"), (1e6, "0 .too large"), (0, "1")]
)
def test_kernel_ridge_warns_of_a_degenerate_gamma(table, gamma, fault):
    X, y = table
    model = FrugalKernelRidge(30, gamma=gamma, random_state=0)
    with pytest.warns(UserWarning, match=rf"{fault}.*Pass gamma=0\.\d+") as record:
        model.fit(X, y)
    assert record[0].filename == __file__
    better = float(str(record[0].message).split("Pass gamma=")[1].split(",")[0])
    assert model.set_params(gamma=better).fit(X, y).score(X, y) > 0.5


def test_kernel_ridge_warns_of_an_indefinite_kernel(table):
    X, y = table
    match = "kernel='sigmoid' is not positive semidef"
    with pytest.warns(UserWarning, match=match) as record:
        FrugalKernelRidge(20, kernel="sigmoid", gamma=2.0).fit(X, y)
    assert record[0].filename == __file__


def test_kernel_ridge_says_why_not_precomputed(table):
    X, y = table
    with pytest.raises(ValueError, match="landmarks are points"):
        FrugalKernelRidge(kernel="precomputed").fit(X @ X.T, y)


@pytest.mark.parametrize(
    ("kernel", "gamma", "degree", "scale", "words"),
    [
        ("poly", 1.0, 3, 1e120, "'poly', gamma=1.0, degree=3, .*overflow; scale the"),
        ("rbf", 1.0, 3, 1e200, "'rbf', gamma=1.0: .*overflow; scale the features"),
        ("rbf", "auto", 3, 1e200, "'rbf', gamma=.*overflow; scale the features"),
        ("poly", 1.0, 1.5, 1, "'poly', gamma=1.0, degree=1.5, .*are NaN; pass par"),
    ],
)
def test_kernel_ridge_says_why_kernel_values_are_not_finite(
    table, kernel, gamma, degree, scale, words
):
    X, y = table
    model = FrugalKernelRidge(5, kernel=kernel, gamma=gamma, degree=degree)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ValueError, match=f"kernel={words}"):
            model.fit(scale * X, y)


def test_kernel_ridge_failed_fit_leaves_the_model_as_it_was(table):
    X, y = table

    def broken(a, b):
        raise ZeroDivisionError

    model = FrugalKernelRidge(10, random_state=0).fit(X, y)
    before, expected = set(vars(model)), model.predict(X)
    frame = pd.DataFrame(X[:30, :2], columns=["a", "b"])
    model.set_params(kernel=broken)
    with pytest.raises(ZeroDivisionError):
        model.fit(frame, y[:30])
    model.set_params(kernel="rbf")
    assert set(vars(model)) == before
    assert_array_equal(model.predict(X), expected)
    fresh = FrugalKernelRidge(kernel=broken)
    with pytest.raises(ZeroDivisionError):
        fresh.fit(X, y)
    with pytest.raises(NotFittedError):
        fresh.predict(X)


@pytest.mark.parametrize("power", [-1000, -560, 500, 530, 990])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_kernel_ridge_does_not_depend_on_the_scale_of_targets(
    table, power, fit_intercept
):
    X, y = table
    Y = np.column_stack([y, np.zeros(60)])
    model = FrugalKernelRidge(10, fit_intercept=fit_intercept, random_state=0)
    unit, scaled = clone(model).fit(X, Y), clone(model).fit(X, np.ldexp(Y, power))
    assert scaled.gamma_ == unit.gamma_
    assert_array_equal(scaled.alpha_, unit.alpha_)
    # Divided by a power of two: to the last bit.
    for name in ("dual_coef_", "intercept_", "loo_error_"):
        assert_array_equal(getattr(scaled, name), np.ldexp(getattr(unit, name), power))


def test_kernel_ridge_says_that_coefficients_overflow(table):
    X, y = table
    model = FrugalKernelRidge(60, alpha=1e-9, gamma=0.01, random_state=0)
    assert np.abs(model.fit(X, y).dual_coef_).max() > 1e3
    with pytest.raises(ValueError, match="coefficients overflow; pass a smaller y"):
        model.fit(X, 1e307 * y)


def test_kernel_ridge_copies_few_rows_at_a_time(monkeypatch):
    monkeypatch.setattr(_rows, "BLOCK_VALUES", 2**15)
    X = np.random.RandomState(0).standard_normal((3000, 500)).astype(np.float32)
    model = FrugalKernelRidge(5, gamma=0.001, random_state=0)
    tracemalloc.start()
    try:
        model.fit(X, X[:, 0]).predict(X)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < X.nbytes / 4


def test_kernel_ridge_sparse_blocks_are_as_long_as_the_kernel_block(monkeypatch):
    X = sparse.random(500, 5000, density=1e-3, format="csr", random_state=0)
    model = FrugalKernelRidge(4, random_state=0).fit(X, np.arange(500.0))
    expected, calls = model.predict(X), []

    def counted(A, B, **parameters):
        calls.append((A.shape[0], B))
        return pairwise_kernels(A, B, **parameters)

    monkeypatch.setattr(_learning, "pairwise_kernels", counted)
    monkeypatch.setattr(_rows, "BLOCK_VALUES", 1000)
    assert_allclose(model.predict(X), expected, rtol=1e-12)
    # A row of kernel values is four numbers, a row of X five on average.
    assert [rows for rows, _ in calls] == [200, 50, 200, 50]
    assert len({id(landmarks) for _, landmarks in calls}) == 1


def test_kernel_ridge_adds_repeated_sparse_entries(table):
    X, y = table
    X = np.where(np.abs(X) > 0.7, X, 0.0)
    half = sparse.csr_array(X / 2)
    order = np.repeat(np.arange(half.nnz), 2)
    twice = sparse.csr_array(
        (half.data[order], half.indices[order], 2 * half.indptr), shape=X.shape
    )
    assert twice.nnz == 2 * half.nnz
    dense = FrugalKernelRidge(15, random_state=0).fit(X, y)
    model = FrugalKernelRidge(15, random_state=0).fit(twice, y)
    assert_allclose(model.predict(twice), dense.predict(X), atol=_noise(dense))
    assert twice.nnz == 2 * half.nnz


@pytest.mark.parametrize("landmarks", ["leverage", "rpcholesky"])
def test_kernel_ridge_landmarks_are_chosen_with_all_kernel_parameters(landmarks):
    X = np.random.RandomState(0).standard_normal((200, 3))
    model = FrugalKernelRidge(
        15, kernel="poly", degree=2, coef0=0.5, gamma=0.7, landmarks=landmarks
    )
    chosen = model.set_params(random_state=0).fit(X, X[:, 0]).landmarks_

    def kernel(a, b):
        return (0.7 * (a @ b) + 0.5) ** 2

    model.set_params(kernel=kernel)
    assert_array_equal(model.fit(X, X[:, 0]).landmarks_, chosen)


def test_kernel_ridge_checks_given_landmarks(table):
    X, y = table
    with pytest.raises(ValueError, match="landmarks has 2 features and X has 3"):
        FrugalKernelRidge(landmarks=X[:5, :2]).fit(X, y)
    with pytest.raises(ValueError, match="landmarks"):
        FrugalKernelRidge(landmarks=sparse.csr_array(X[:5])).fit(X, y)
    given = X[:5].copy()
    model = FrugalKernelRidge(landmarks=given).fit(X, y)
    assert_array_equal(model.landmarks_, X[:5])
    assert not np.shares_memory(model.landmarks_, given)


@pytest.mark.parametrize("dtype", [np.int64, np.uint8, np.float16, bool])
def test_kernel_ridge_takes_other_dtypes(dtype):
    rng = np.random.RandomState(0)
    X = rng.randint(0, 2 if dtype is bool else 5, (80, 6)).astype(dtype)
    y = X.astype(float).sum(axis=1)
    model = FrugalKernelRidge(20, random_state=0)
    wide = clone(model).fit(X.astype(np.float64), y).predict(X.astype(np.float64))
    assert_array_equal(clone(model).fit(X, y).predict(X), wide)


def test_kernel_ridge_constant_inputs_give_constant_predictions(table):
    X, y = table
    flat = FrugalKernelRidge(10, random_state=0).fit(X, np.full(60, 7.0))
    assert_allclose(flat.predict(X), 7.0, rtol=1e-14)
    same = FrugalKernelRidge(10, random_state=0).fit(np.ones((60, 3)), y)
    assert_allclose(same.predict(X[:5] * 0 + 1), y.mean(), rtol=1e-12)
    one = FrugalKernelRidge().fit([[1.0, 2.0]], [5.0])
    assert_allclose(one.predict([[1.0, 2.0], [8.0, 9.0]]), 5.0)


def test_kernel_ridge_ignores_constant_columns(table):
    X, y = table
    padded = np.hstack([X, np.full((60, 2), 1e3)])
    model = FrugalKernelRidge(10, random_state=3, landmarks=X[:10])
    plain = clone(model).fit(X, y).predict(X)
    model.set_params(landmarks=padded[:10])
    assert_allclose(model.fit(padded, y).predict(padded), plain, rtol=1e-8)


def test_kernel_ridge_fewer_rows_give_fewer_landmarks(table):
    X, y = table
    model = FrugalKernelRidge(300).fit(np.vstack([X, X[:5]]), np.append(y, y[:5]))
    assert model.landmarks_.shape == (60, 3)


def test_kernel_ridge_leaves_landmark_rows_out_of_the_comparison(table):
    X, y = table
    y = y.copy()
    y[:3] += 100.0  # outliers that are landmarks
    narrow = {"alpha": 1e-3, "gamma": 5.0}
    seen = FrugalKernelRidge(landmarks=X[:12] + 1e-3, **narrow).fit(X, y)
    unseen = FrugalKernelRidge(landmarks=X[:12], **narrow).fit(X, y)
    assert seen.loo_error_ > 5 * unseen.loo_error_


def test_kernel_ridge_does_not_touch_its_inputs(table):
    X, y = table
    weight = np.arange(60.0)
    copies = X.copy(), y.copy(), weight.copy()
    for array in (X, y, weight):
        array.setflags(write=False)
    FrugalKernelRidge(10).fit(X, y, weight).predict(X)
    for array, copy in zip((X, y, weight), copies, strict=True):
        assert_array_equal(array, copy)


def test_kernel_ridge_reads_a_memory_map(table, tmp_path):
    X, y = table
    np.save(tmp_path / "rows.npy", X)
    rows = np.load(tmp_path / "rows.npy", mmap_mode="r")
    model = FrugalKernelRidge(10, random_state=0)
    expected = clone(model).fit(X, y).predict(X)
    assert_array_equal(clone(model).fit(rows, y).predict(rows), expected)


def test_kernel_ridge_works_with_scikit_learn_tools(table):
    X, y = table
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    search = GridSearchCV(
        make_pipeline(StandardScaler(), FrugalKernelRidge(random_state=0)),
        {"frugalkernelridge__n_components": [5, 20]},
        cv=3,
    ).fit(frame, y)
    model = search.best_estimator_[-1]
    assert_allclose(
        pickle.loads(pickle.dumps(search)).predict(frame), search.predict(frame)
    )
    assert len(pickle.dumps(model)) < 8 * 20 * (3 + 1) + 4000
    named = FrugalKernelRidge(5).fit(frame, y)
    assert_array_equal(named.feature_names_in_, ["a", "b", "c"])
    with pytest.raises(ValueError, match="feature names"):
        named.predict(frame[["b", "a", "c"]])


def test_kernel_ridge_sample_weight_is_routed(table):
    X, y = table
    weight = np.random.RandomState(0).randint(1, 5, 60)
    with sklearn.config_context(enable_metadata_routing=True):
        scale = StandardScaler().set_fit_request(sample_weight=False)
        step = FrugalKernelRidge(10, random_state=0).set_fit_request(sample_weight=True)
        pipe = make_pipeline(scale, step).fit(X, y, sample_weight=weight)
    rows = StandardScaler().fit_transform(X)
    direct = FrugalKernelRidge(10, random_state=0).fit(rows, y, weight)
    assert_allclose(pipe.predict(X), direct.predict(rows))


def test_kernel_ridge_prints_only_when_asked(table, capsys):
    FrugalKernelRidge(5, verbose=0).fit(*table)
    assert capsys.readouterr().out == ""
    FrugalKernelRidge(5, verbose=1).fit(*table)
    assert capsys.readouterr().out.count("leave-one-out") == 5


def test_kernel_ridge_landmark_names_are_those_of_select_landmarks():
    assert set(_landmarks.METHODS) == _learning.LANDMARKS


def test_kernel_ridge_shares_its_parameters_with_the_dense_twin():
    ours = inspect.signature(FrugalKernelRidge).parameters
    assert set(inspect.signature(KernelRidge).parameters) <= set(ours)
