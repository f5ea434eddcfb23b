"""ButterflyTransformer's "auto" and "cv": depth, pairing, core; and odd rows."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import multivariate_normal

from skfrugal.decomposition import ButterflyTransformer
from skfrugal.decomposition._choices import DEPTHS
from skfrugal.operators import Dense
from skfrugal.solvers import fold_rotations


def field_rows(n_samples, n, seed, noise=0.0):
    """Smooth on a strip."""
    C = 0.95 ** abs(np.subtract.outer(np.arange(n), np.arange(n)))
    rng = np.random.RandomState(seed)
    rows = rng.randn(n_samples, n) @ np.linalg.cholesky(C).T
    return rows + noise * rng.randn(n_samples, n)


def planted_rows(n_samples, n, seed):
    """Gaussian rows whose covariance one butterfly diagonalises."""
    rows = np.random.RandomState(seed).randn(n_samples, n)
    return (rows * 0.8 ** np.arange(n)) @ fold_rotations(n)


def train_and_test(X, n_folds=3):
    fold = np.arange(len(X)) % n_folds
    return [(X[fold != i], X[fold == i]) for i in range(n_folds)]


# -- depth -------------------------------------------------------------------------


def test_depth_cv_leaves_uncorrelated_features_alone():
    for n_samples in (10, 100, 1000):
        X = np.random.RandomState(0).randn(n_samples, 16)
        model = ButterflyTransformer(depth="cv").fit(X)
        assert model.depth_ == 0 and model.operator_.nnz == 0


def test_depth_cv_grows_with_the_number_of_rows():
    X = planted_rows(2000, 16, seed=0)
    depths = [ButterflyTransformer(depth="cv").fit(X[:n]).depth_ for n in (6, 30, 2000)]
    assert depths[0] < depths[1] <= depths[2]
    assert depths[2] >= 1
    assert set(depths) <= set(DEPTHS)


def test_depth_cv_is_the_fit_at_the_depth_that_it_chose():
    X = planted_rows(100, 16, seed=1)
    chosen = ButterflyTransformer(5, depth="cv").fit(X)
    fixed = ButterflyTransformer(5, depth=chosen.depth_).fit(X)
    assert_allclose(chosen.components_, fixed.components_, atol=1e-9)
    assert fixed.depth_ == chosen.depth_ and fixed.pairing_ == "learned"


@pytest.mark.parametrize("k", [3, 8])
def test_depth_cv_compares_the_likelihood_of_held_out_rows(k, capsys):
    X = planted_rows(60, 8, seed=2) + 5
    ButterflyTransformer(k, depth="cv", verbose=1).fit(X)
    unit = 2.0 ** np.frexp(abs(X).max())[1]
    printed = {}
    for line in capsys.readouterr().out.splitlines():
        if line.startswith("Held-out rows, pairing 'learned', depth"):
            depth, value = line.split("depth ")[1].rstrip(".").split(": likelihood ")
            printed[float(depth)] = float(value)
    assert len(printed) >= 3
    for depth, value in printed.items():
        logs = []
        for train, test in train_and_test(X):
            model = ButterflyTransformer(k, depth=depth).fit(train)
            covariance = model.get_covariance().toarray() / unit**2
            gaussian = multivariate_normal(model.mean_ / unit, covariance)
            logs.extend(gaussian.logpdf(test / unit))
        # Six digits are printed.
        assert_allclose(value, np.mean(logs), rtol=1e-5)


def test_depth_cv_chooses_the_pairing_with_the_depth():
    X = field_rows(40, 32, seed=0)
    model = ButterflyTransformer(4, depth="cv", feature_shape=(32,)).fit(X)
    assert model.pairing_ == "fixed" and model.depth_ >= 1
    X = planted_rows(300, 32, seed=0)[:, np.random.RandomState(0).permutation(32)]
    model = ButterflyTransformer(4, depth="cv", feature_shape=(32,)).fit(X)
    assert model.pairing_ == "learned"


def test_depth_cv_says_how_many_rows_it_needs():
    X = planted_rows(3, 8, seed=0)
    with pytest.raises(ValueError, match="at least 3 rows; got 2"):
        ButterflyTransformer(depth="cv").fit(X[:2])
    assert ButterflyTransformer(depth="cv").fit(X).depth_ in DEPTHS
    with pytest.raises(ValueError, match="depth"):
        ButterflyTransformer(depth="loo").fit(X)


# -- pairing -----------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(6))
def test_pairing_of_few_rows_is_the_better_on_held_out_rows(seed):
    X = field_rows(30, 16, seed, noise=1.0)
    held = {}
    for pairing in ("learned", "fixed"):
        held[pairing] = 0.0
        for train, test in train_and_test(X):
            model = ButterflyTransformer(3, pairing=pairing).fit(train)
            held[pairing] += np.sum(model.transform(test) ** 2)
    auto = ButterflyTransformer(3, feature_shape=(4, 4)).fit(X)
    flat = ButterflyTransformer(3, feature_shape=(16,)).fit(X)
    assert flat.pairing_ == max(held, key=held.get)
    same = ButterflyTransformer(3, pairing=flat.pairing_).fit(X)
    assert_allclose(flat.components_, same.components_, atol=1e-9)
    assert auto.pairing_ in held


def test_pairing_of_two_rows_is_chosen_on_them():
    X = field_rows(2, 16, seed=0)
    model = ButterflyTransformer(1, feature_shape=(16,)).fit(X)
    assert model.pairing_ in ("learned", "fixed") and model.depth_ == 2.0


# -- core --------------------------------------------------------------------------


@pytest.mark.parametrize("n, k", [(128, 4), (128, 8), (200, 5), (64, 4), (16, 1)])
@pytest.mark.parametrize("depth", [0.0, 0.02, 0.04, 2.0])
def test_core_auto_costs_at_most_an_eighth_of_the_dense_matrix(n, k, depth):
    X = field_rows(60, n, seed=0)
    auto = ButterflyTransformer(k, depth=depth, max_iter=1).fit(X)
    core = ButterflyTransformer(k, depth=depth, max_iter=1, core=2 * k).fit(X)
    assert core.operator_.factors[0].shape == (k, 2 * k)
    if 8 * core.operator_.flops <= 2 * k * n:
        assert_array_equal(auto.components_, core.components_)
        assert auto.excess_ == core.excess_
    else:
        assert not isinstance(auto.operator_.factors[0], Dense)


def test_core_auto_is_used_for_few_components_of_many_features():
    X = field_rows(60, 128, seed=0)
    auto = ButterflyTransformer(4, depth=0.02).fit(X)
    none = ButterflyTransformer(4, depth=0.02, core=None).fit(X)
    assert isinstance(auto.operator_.factors[0], Dense)
    assert auto.excess_ < none.excess_


# -- odd rows ----------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 2, 3, 5, 7, 12, 33])
@pytest.mark.parametrize("pairing", ["learned", "fixed"])
def test_any_number_of_features_is_taken(n, pairing):
    X = field_rows(50, n, seed=0)
    model = ButterflyTransformer(pairing=pairing).fit(X)
    W = model.components_
    assert_allclose(W @ W.T, np.eye(n), atol=1e-14)
    assert_allclose(model.inverse_transform(model.transform(X)), X, atol=1e-13)


@pytest.mark.parametrize("depth", [2.0, "cv"])
def test_duplicated_and_constant_columns_are_taken(depth):
    rows = field_rows(50, 4, seed=0)
    X = np.hstack([rows, rows, np.full((50, 1), 3.0), rows, np.zeros((50, 1))])
    model = ButterflyTransformer(depth=depth, feature_shape=(7, 2)).fit(X)
    assert_allclose(model.explained_variance_.sum(), X.var(axis=0, ddof=1).sum())
    assert_allclose(model.inverse_transform(model.transform(X)), X, atol=1e-13)
    constant = ButterflyTransformer(depth=depth).fit(np.full((9, 5), 2.0))
    assert_array_equal(constant.explained_variance_, np.zeros(5))


def test_integers_booleans_and_half_precision_are_taken():
    X = np.random.RandomState(0).randint(0, 2, (50, 6))
    expected = ButterflyTransformer(3).fit(X.astype(float))
    for dtype in (np.int8, np.uint16, bool, np.int64):
        model = ButterflyTransformer(3).fit(X.astype(dtype))
        assert_array_equal(model.components_, expected.components_)
        assert model.transform(X.astype(dtype)).dtype == np.float64
    half = ButterflyTransformer(3).fit(np.asfortranarray(X.astype(np.float16)))
    assert_allclose(half.components_, expected.components_, atol=1e-12)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_refused(value):
    X = field_rows(20, 4, seed=0)
    model = ButterflyTransformer(2).fit(X)
    wrong = X.copy()
    wrong[3, 1] = value
    for call in (model.fit, model.transform, model.score):
        with pytest.raises(ValueError, match=r"X contains (NaN|infinity)"):
            call(wrong)
    with pytest.raises(ValueError, match=r"X contains (NaN|infinity)"):
        model.inverse_transform(wrong[:, :2])
