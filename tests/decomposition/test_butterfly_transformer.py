"""ButterflyTransformer: beside PCA, at the edges, inside scikit-learn."""

import numpy as np
import pytest
from correlated_rows import random_rows
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.decomposition import PCA

from skfrugal.decomposition import ButterflyTransformer
from skfrugal.operators import Dense, Rotations

EPS = np.finfo(float).eps


def autoregressive_rows(n_samples, n, seed):
    C = 0.95 ** abs(np.subtract.outer(np.arange(n), np.arange(n)))
    rows = np.random.RandomState(seed).randn(n_samples, n)
    return rows @ np.linalg.cholesky(C).T


def error_over_pca(transformer, X_train, X_test):
    """Held-out squared reconstruction error over PCA's, with as many components."""
    transformer.fit(X_train)
    pca = PCA(transformer.n_components_).fit(X_train)
    errors = [
        np.sum((X_test - model.inverse_transform(model.transform(X_test))) ** 2)
        for model in (transformer, pca)
    ]
    return errors[0] / errors[1]


# -- beside PCA ------------------------------------------------------------------


@pytest.mark.parametrize(
    "parameters, bound",
    [
        # Measured 1.056, 1.012, 1.002.
        ({"n_components": 16}, 1.06),
        ({"n_components": 8}, 1.02),
        ({"n_components": 4}, 1.005),
        # Measured 1.023 and 1.010: what a dense finish wins back.
        ({"n_components": 16, "decoder": "least_squares"}, 1.03),
        ({"n_components": 16, "core": 32}, 1.015),
    ],
)
def test_butterfly_transformer_reconstructs_digits_nearly_as_pca(
    digits, parameters, bound
):
    ratio = error_over_pca(ButterflyTransformer(**parameters), *digits)
    assert 0.999 < ratio <= bound


def test_butterfly_transformer_reconstructs_autoregressive_rows_nearly_as_pca():
    rows = autoregressive_rows(6000, 64, seed=0)
    ratio = error_over_pca(ButterflyTransformer(16), rows[:4000], rows[4000:])
    # Measured 1.029.
    assert ratio <= 1.04
    fixed = ButterflyTransformer(16, pairing="fixed")
    # Measured 0.998: it is made for neighbours on a strip.
    assert error_over_pca(fixed, rows[:4000], rows[4000:]) <= 1.005


def test_butterfly_transformer_deeper_is_better(digits):
    excess = [
        ButterflyTransformer(16, depth=depth).fit(digits[0]).excess_
        for depth in (0.0, 0.5, 1.0, 2.0, 4.0)
    ]
    assert (np.diff(excess) < 0).all()
    assert excess[-1] > 0


@pytest.mark.parametrize("k", [1, 5, 12])
def test_butterfly_transformer_with_many_rotations_is_pca(k):
    X = random_rows(60, 12)
    transformer = ButterflyTransformer(k, depth=50).fit(X)
    pca = PCA(k).fit(X)
    assert_allclose(transformer.explained_variance_, pca.explained_variance_)
    assert_allclose(
        transformer.explained_variance_ratio_, pca.explained_variance_ratio_
    )
    assert_allclose(transformer.noise_variance_, pca.noise_variance_, rtol=1e-9)
    assert_allclose(
        abs(transformer.transform(X)), abs(pca.transform(X)), atol=1e-6 * abs(X).max()
    )
    assert transformer.excess_ < 1e-9


def test_butterfly_transformer_finds_planted_rotations():
    levels = [[[0, 1], [2, 3], [4, 5], [6, 7]], [[1, 2], [5, 6]], [[3, 4]]]
    angles = [[0.6, 0.5, -0.6, 0.7], [0.05, -0.04], [0.002]]
    Q = Rotations(8, levels, angles)
    # Rows whose covariance is Q^T D Q, exactly: orthonormal columns of mean zero.
    rows = np.random.RandomState(0).randn(30, 8)
    U = np.linalg.qr(rows - rows.mean(axis=0))[0]
    X = (U * 2.0 ** (-np.arange(8) / 2)) @ Q
    transformer = ButterflyTransformer(3).fit(X)
    assert transformer.operator_.nnz <= 7
    assert transformer.excess_ < 1e-12


# -- the operator -----------------------------------------------------------------


@pytest.mark.parametrize("n", [2, 3, 7, 8, 30])
@pytest.mark.parametrize("core", [None, "all"])
def test_butterfly_transformer_rows_are_orthonormal(n, core):
    X = random_rows(50, n)
    transformer = ButterflyTransformer(max(1, n // 2), core=core and n).fit(X)
    W = transformer.operator_.toarray()
    assert_allclose(W @ W.T, np.eye(len(W)), atol=32 * EPS)
    assert_array_equal(transformer.components_, W)
    assert_allclose(
        transformer.transform(X),
        (X - transformer.mean_) @ W.T,
        atol=1e-12 * abs(X).max(),
    )


def test_butterfly_transformer_variances_are_those_of_the_coordinates():
    X = random_rows(80, 20)
    transformer = ButterflyTransformer().fit(X)
    Z = transformer.transform(X)
    assert_allclose(Z.mean(axis=0), 0, atol=1e-12 * abs(X).max())
    assert_allclose(Z.var(axis=0, ddof=1), transformer.explained_variance_, rtol=1e-9)
    assert (np.diff(transformer.explained_variance_) <= 0).all()
    # The trace is preserved by an orthogonal matrix.
    assert_allclose(transformer.explained_variance_ratio_.sum(), 1, rtol=1e-12)
    assert_allclose(transformer.inverse_transform(Z), X, rtol=1e-10)
    assert transformer.noise_variance_ == 0 and transformer.excess_ == 0


def test_butterfly_transformer_pruning_changes_rounding_only():
    X = random_rows(80, 32)
    # The search does not depend on n_components when that is above N / 8.
    whole, part = ButterflyTransformer().fit(X), ButterflyTransformer(5).fit(X)
    assert part.operator_.nnz < whole.operator_.nnz
    error = np.abs(part.components_ - whole.components_[:5]).max()
    assert error <= 32 * np.finfo(float).eps
    assert_array_equal(part.explained_variance_, whole.explained_variance_[:5])


def test_butterfly_transformer_does_not_depend_on_the_order_of_the_features():
    X = random_rows(200, 10)
    order = np.random.RandomState(1).permutation(10)
    Z = ButterflyTransformer().fit_transform(X)
    shuffled = ButterflyTransformer().fit_transform(X[:, order])
    assert_allclose(abs(shuffled), abs(Z), atol=1e-8 * abs(Z).max())


def test_butterfly_transformer_core_decorrelates():
    X = random_rows(100, 24)
    Z = ButterflyTransformer(6, core=12).fit_transform(X)
    C = np.cov(Z.T)
    assert_allclose(C, np.diag(np.diagonal(C)), atol=1e-12 * C.max())
    transformer = ButterflyTransformer(6, core=12).fit(X)
    assert isinstance(transformer.operator_.factors[0], Dense)
    dense = transformer.operator_.factors[0].toarray()
    assert (dense[np.arange(6), abs(dense).argmax(axis=1)] > 0).all()
    assert_allclose(transformer.explained_variance_, np.diagonal(C), rtol=1e-9)
    assert transformer.excess_ < ButterflyTransformer(6).fit(X).excess_


def test_butterfly_transformer_core_of_all_features_is_pca():
    X = random_rows(100, 9)
    transformer = ButterflyTransformer(4, core=9, depth=0.5).fit(X)
    pca = PCA(4).fit(X)
    assert_allclose(transformer.explained_variance_, pca.explained_variance_)
    assert transformer.excess_ < 1e-12


@pytest.mark.parametrize("decoder", ["transpose", "least_squares"])
@pytest.mark.parametrize("core", [None, 10])
def test_butterfly_transformer_excess_is_that_of_the_reconstruction(decoder, core):
    X = random_rows(100, 24)
    transformer = ButterflyTransformer(6, decoder=decoder, core=core).fit(X)
    excess = error_over_pca(clone(transformer), X, X) - 1
    assert_allclose(transformer.excess_, excess, rtol=1e-9)
    centred = X - X.mean(axis=0)
    error = X - transformer.inverse_transform(transformer.transform(X))
    expected = 1 - np.sum(error**2) / np.sum(centred**2)
    assert_allclose(transformer.score(X), expected, rtol=1e-12)


def test_butterfly_transformer_least_squares_decoder_is_the_regression():
    X = random_rows(100, 24)
    transformer = ButterflyTransformer(6, decoder="least_squares").fit(X)
    Z = transformer.transform(X)
    coefficients = np.linalg.lstsq(Z, X - X.mean(axis=0), rcond=None)[0]
    assert_allclose(transformer.decoder_.toarray().T, coefficients, atol=1e-10)


@pytest.mark.parametrize("decoder", ["transpose", "least_squares"])
def test_butterfly_transformer_whiten_is_undone(decoder):
    X = random_rows(100, 12)
    plain = ButterflyTransformer(5, decoder=decoder).fit(X)
    white = ButterflyTransformer(5, decoder=decoder, whiten=True).fit(X)
    assert_allclose(white.transform(X).std(axis=0, ddof=1), 1, rtol=1e-10)
    assert_allclose(
        white.inverse_transform(white.transform(X)),
        plain.inverse_transform(plain.transform(X)),
        rtol=1e-10,
    )
    assert_allclose(white.score(X), plain.score(X), rtol=1e-12)


# -- parameters ---------------------------------------------------------------------


def test_butterfly_transformer_fraction_keeps_as_few_as_explain_it(digits):
    transformer = ButterflyTransformer(0.9).fit(digits[0])
    whole = ButterflyTransformer().fit(digits[0])
    cumulated = np.cumsum(whole.explained_variance_ratio_)
    k = transformer.n_components_
    assert cumulated[k - 2] < 0.9 <= cumulated[k - 1]
    assert transformer.explained_variance_ratio_.sum() >= 0.9


def test_butterfly_transformer_max_excess_stops_the_search(digits):
    excess = {}
    for bound in (None, 0.1, 0.5):
        transformer = ButterflyTransformer(16, max_excess=bound, max_iter=0)
        excess[bound] = transformer.fit(digits[0]).excess_
        if bound is not None:
            assert excess[bound] <= bound
    # A level before, the excess was still above the bound: little is wasted.
    assert excess[None] < 0.08 < excess[0.1] and 0.4 < excess[0.5]


def test_butterfly_transformer_polish_reduces_the_excess(digits):
    raw = ButterflyTransformer(16, max_iter=0).fit(digits[0])
    polished = ButterflyTransformer(16).fit(digits[0])
    assert raw.n_iter_ == 0 < polished.n_iter_ <= 20
    assert polished.excess_ < raw.excess_


def test_butterfly_transformer_auto_takes_the_better_pairing(digits):
    shape = (8, 8)
    auto = ButterflyTransformer(feature_shape=shape).fit(digits[0])
    learned = ButterflyTransformer(pairing="learned").fit(digits[0])
    assert_array_equal(auto.components_, learned.components_)
    rows = autoregressive_rows(2000, 64, seed=1)
    auto = ButterflyTransformer(feature_shape=(64,)).fit(rows)
    fixed = ButterflyTransformer(pairing="fixed").fit(rows)
    assert_array_equal(auto.components_, fixed.components_)


def test_butterfly_transformer_auto_is_the_better_at_the_size_asked_for():
    rng = np.random.RandomState(5)
    grid = rng.randn(500, 8, 8).cumsum(axis=1).cumsum(axis=2)
    X = grid.reshape(500, 64) + 5 * rng.randn(500, 64)
    explained = {
        pairing: ButterflyTransformer(2, pairing=pairing, feature_shape=shape)
        .fit(X)
        .explained_variance_.sum()
        for pairing, shape in [("auto", (8, 8)), ("learned", None), ("fixed", (8, 8))]
    }
    # At all 64 coordinates the learned ones are the better.
    assert explained["auto"] == explained["fixed"] > explained["learned"]


def test_butterfly_transformer_takes_a_shape_of_numpy_integers():
    X = random_rows(30, 6)
    fits = [
        ButterflyTransformer(3, pairing="fixed", feature_shape=shape).fit(X)
        for shape in ((2, 3), np.array([2, 3]), [np.int64(2), np.uint8(3)])
    ]
    for fit in fits[1:]:
        assert_array_equal(fit.components_, fits[0].components_)


@pytest.mark.parametrize("depth", [0.5, 1.0, 4.0])
@pytest.mark.parametrize("max_iter", [0, 1, 20])
def test_butterfly_transformer_sweeps_at_most_max_iter_times(depth, max_iter):
    X = random_rows(100, 16)
    transformer = ButterflyTransformer(
        pairing="fixed", depth=depth, max_iter=max_iter, tol=0
    )
    assert transformer.fit(X).n_iter_ == max_iter


def test_butterfly_transformer_depth_counts_rotations():
    X = random_rows(100, 16)
    for pairing in ("learned", "fixed"):
        for depth, expected in [(0, 0), (0.25, 8), (1, 32), (2, 64)]:
            transformer = ButterflyTransformer(depth=depth, pairing=pairing).fit(X)
            assert transformer.operator_.nnz == expected
