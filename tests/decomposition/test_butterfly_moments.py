"""ButterflyTransformer from moments: partial_fit, few rows."""

import pickle

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from sklearn.decomposition import PCA

from skfrugal.decomposition import ButterflyTransformer
from skfrugal.decomposition._coordinates import spectrum
from skfrugal.decomposition._moments import extended, fold_moments, merged, moments

ATTRIBUTES = ("mean_", "explained_variance_", "noise_variance_", "excess_")


def mixed_rows(n_samples, n, seed=0):
    rng = np.random.RandomState(seed)
    mixing = rng.randn(n, n) * rng.uniform(0.1, 2.0, n)
    return rng.randn(n_samples, n) @ mixing + 3 * rng.randn(n)


def sparse_rows(n_samples, n, seed=0, density=0.2):
    rows = mixed_rows(n_samples, n, seed)
    rows[np.random.RandomState(seed + 1).uniform(size=rows.shape) > density] = 0
    return rows


def assert_same_model(one, other, rtol=1e-9):
    for name in ATTRIBUTES:
        assert_allclose(getattr(one, name), getattr(other, name), rtol=rtol, atol=1e-12)
    assert one.n_samples_ == other.n_samples_
    assert (one.pairing_, one.depth_) == (other.pairing_, other.depth_)
    assert_allclose(one.components_, other.components_, atol=1e-7)


# -- moments -----------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(
    cuts=st.lists(st.integers(0, 30), max_size=4),
    n_folds=st.sampled_from([1, 3]),
    exponent=st.integers(-300, 300),
)
def test_moments_do_not_depend_on_how_rows_are_cut(cuts, n_folds, exponent):
    X = mixed_rows(30, 4)
    X[10:20] *= 2.0**exponent
    cuts = sorted(cuts)
    first, *others = np.split(X, cuts)
    folds = fold_moments(first, n_folds)
    for rows in others:
        folds = extended(folds, rows)
    total, expected = merged(folds), moments(X)
    assert total.count == 30 and total.unit == expected.unit
    assert_allclose(total.mean, expected.mean, atol=1e-14)
    assert_allclose(total.covariance, expected.covariance, atol=1e-14)
    for fold, part in enumerate(folds):
        rows = X[fold::n_folds]
        assert part.count == len(rows)
        spread = part.in_unit(total.unit).around(np.zeros(4))
        scaled = rows / total.unit
        assert_allclose(spread, scaled.T @ scaled / len(rows), atol=1e-13)


@pytest.mark.parametrize("n_samples", [2, 5, 19, 20, 60])
def test_spectrum_is_that_of_the_covariance(n_samples):
    total = moments(mixed_rows(n_samples, 40))
    expected = np.linalg.eigvalsh(total.covariance)[::-1]
    found = spectrum(total.covariance, n_samples)
    assert_allclose(found, np.maximum(expected, 0), atol=1e-12 * expected[0])


# -- partial_fit -------------------------------------------------------------------


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"n_components": 3, "core": 5, "whiten": True},
        {"n_components": 0.8, "decoder": "least_squares"},
        {"depth": "cv"},
        {"n_components": 3, "feature_shape": (3, 4)},
    ],
)
@pytest.mark.parametrize("as_type", [np.asarray, sp.csr_array, sp.csc_matrix])
def test_partial_fit_is_fit_on_all_rows(parameters, as_type):
    X = sparse_rows(23, 12, density=0.7)
    whole = ButterflyTransformer(**parameters).fit(X)
    parts = ButterflyTransformer(**parameters)
    for rows in (X[:8], X[8:9], X[9:]):
        assert parts.partial_fit(as_type(rows)) is parts
    assert_same_model(parts, whole)
    assert_allclose(abs(parts.transform(X)), abs(whole.transform(X)), atol=1e-6)


def test_partial_fit_goes_on_after_a_pickle():
    X = mixed_rows(40, 6)
    model = ButterflyTransformer(2).partial_fit(X[:20])
    again = pickle.loads(pickle.dumps(model)).partial_fit(X[20:])
    assert_same_model(again, ButterflyTransformer(2).fit(X))


def test_partial_fit_follows_batches_of_other_scales_and_dtypes():
    X = mixed_rows(40, 6)
    X[20:] *= 1e150
    parts = ButterflyTransformer(2).partial_fit(X[:20]).partial_fit(X[20:])
    assert_same_model(parts, ButterflyTransformer(2).fit(X), rtol=1e-8)
    Y = mixed_rows(40, 6).astype(np.float32)
    model = ButterflyTransformer(2).partial_fit(Y)
    assert model.operator_.dtype == np.float32
    assert model.partial_fit(Y.astype(int)).operator_.dtype == np.float64


@pytest.mark.parametrize(
    "wrong, message",
    [
        (np.ones((3, 5)), "X has 5 features, but ButterflyTransformer is expecting 6"),
        (np.full((3, 6), np.nan), "NaN"),
        (np.full((3, 6), np.inf), "infinity"),
        (sp.csr_array(np.full((3, 6), np.inf)), "infinity"),
        (np.ones((0, 6)), "minimum of 1"),
    ],
)
def test_partial_fit_that_raises_leaves_the_model_as_it_was(wrong, message):
    X = mixed_rows(40, 6)
    model = ButterflyTransformer(2).partial_fit(X[:20])
    before = vars(model).copy()
    with pytest.raises(ValueError, match=message):
        model.partial_fit(wrong)
    assert vars(model) == before
    assert_same_model(model.partial_fit(X[20:]), ButterflyTransformer(2).fit(X))
    fresh = ButterflyTransformer(2)
    if wrong.shape[0] == 3 and "features" not in message:
        with pytest.raises(ValueError, match=message):
            fresh.partial_fit(wrong)
        assert not hasattr(fresh, "n_features_in_")


def test_partial_fit_says_what_it_cannot_go_on_from():
    X = mixed_rows(20, 6)
    with pytest.raises(ValueError, match="minimum of 2"):
        ButterflyTransformer().partial_fit(X[:1])
    model = ButterflyTransformer(2).partial_fit(X).set_params(depth="cv")
    with pytest.raises(ValueError, match="Set them before the first call"):
        model.partial_fit(X)
    model = ButterflyTransformer(2).fit(X)
    with pytest.warns(UserWarning, match="starts anew"):
        model.partial_fit(X + 1)
    assert_allclose(model.mean_, X.mean(axis=0) + 1)
    model.fit(X)
    assert not hasattr(model, "_seen")


# -- few rows ----------------------------------------------------------------------


@pytest.mark.parametrize("n_samples", [3, 10, 40])
def test_few_rows_have_the_excess_of_their_reconstruction(n_samples):
    X = mixed_rows(n_samples, 64)
    model = ButterflyTransformer(2).fit(X)
    pca = PCA(2).fit(X)
    errors = [
        np.sum((X - m.inverse_transform(m.transform(X))) ** 2) for m in (model, pca)
    ]
    if n_samples == 3:  # two components leave nothing, and rotations find them
        assert model.excess_ == 0
        rounding = 64 * np.finfo(float).eps * np.sum((X - X.mean(axis=0)) ** 2)
        assert errors[0] <= 8 * rounding
    else:
        assert_allclose(model.excess_, errors[0] / errors[1] - 1, rtol=1e-9)


def test_few_rows_need_no_large_decomposition(monkeypatch):
    sizes = []

    def watched(matrix):
        sizes.append(len(matrix))
        return np.linalg.eigvalsh(matrix)

    monkeypatch.setattr("skfrugal.decomposition._coordinates.eigvalsh", watched)
    ButterflyTransformer(2, depth="cv").fit(mixed_rows(12, 64))
    assert sizes and max(sizes) <= 12
