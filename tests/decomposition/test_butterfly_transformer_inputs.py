"""ButterflyTransformer and rows, parameters, scales and tools of many kinds."""

import importlib
import pickle

import numpy as np
import pytest
from correlated_rows import random_rows
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

import skfrugal.decomposition._operator_transformer as module
from skfrugal.decomposition import ButterflyTransformer


@pytest.mark.parametrize(
    "parameters, message",
    [
        ({"n_components": 9}, "n_components=9 must be at most the number of features"),
        ({"feature_shape": (3, 3)}, "product is the number of features, 8"),
        ({"feature_shape": (2, 4), "pairing": "learned"}, "has no effect with pairing"),
        ({"feature_shape": (-2, -4)}, "positive integers"),
        ({"feature_shape": (2.0, 4)}, "positive integers"),
        ({"n_components": 4, "core": 3}, "core=3 must lie between n_components=4"),
        ({"core": 4}, "n_components=None keeps all"),
        ({"n_components": 4, "core": 9}, "number of features, 8"),
        ({"n_components": 0.99999, "core": 1}, "core=1 is less than"),
        ({"max_excess": 0.1}, "pass n_components below 8"),
        ({"n_components": 8, "max_excess": 0.1}, "pass n_components below 8"),
    ],
)
def test_butterfly_transformer_says_what_is_wrong_with_a_parameter(parameters, message):
    with pytest.raises(ValueError, match=message):
        ButterflyTransformer(**parameters).fit(random_rows(50, 8))


@pytest.mark.parametrize("failure", ["core", "names"])
def test_butterfly_transformer_that_fails_to_fit_stays_as_it_was(failure):
    X, wrong = random_rows(50, 8), random_rows(50, 5)
    frames = importlib.import_module("pandas")
    columns = ["a", 0, 1, 2, 3]
    wrong, core, message = {
        "core": (wrong, 1, "core=1 is less than"),
        "names": (frames.DataFrame(wrong, columns=columns), None, "string names"),
    }[failure]
    transformer = ButterflyTransformer(0.99, core=core)
    with pytest.raises((ValueError, TypeError), match=message):
        transformer.fit(wrong)
    with pytest.raises(NotFittedError):
        transformer.transform(wrong)
    # The old model is left whole, its number of features included.
    transformer.set_params(core=None).fit(X)
    fitted, Z = vars(transformer).copy(), transformer.transform(X)
    with pytest.raises((ValueError, TypeError), match=message):
        transformer.set_params(core=core).fit(wrong)
    assert vars(transformer) == {**fitted, "core": core}
    assert_array_equal(transformer.transform(X), Z)


def test_butterfly_transformer_says_what_is_wrong_with_the_rows():
    with pytest.raises(ValueError, match="minimum of 2"):
        ButterflyTransformer().fit(np.ones((1, 3)))
    transformer = ButterflyTransformer(2).fit(random_rows(50, 8))
    with pytest.raises(ValueError, match="X has 3 columns"):
        transformer.inverse_transform(np.ones((4, 3)))


# -- edges --------------------------------------------------------------------------


def test_butterfly_transformer_takes_one_feature():
    X = np.array([[1.0], [2.0], [4.0]])
    transformer = ButterflyTransformer().fit(X)
    assert_allclose(transformer.transform(X), X - X.mean(), rtol=1e-15)
    assert_allclose(transformer.explained_variance_, X.var(ddof=1))


def test_butterfly_transformer_takes_constant_and_duplicated_columns():
    rows = random_rows(40, 5)
    X = np.hstack([rows, np.full((40, 2), 7.0), rows])
    transformer = ButterflyTransformer(whiten=True).fit(X)
    Z = transformer.transform(X)
    assert np.isfinite(Z).all()
    assert_allclose(Z[:, -2:], 0, atol=1e-12)
    assert_allclose(transformer.inverse_transform(Z), X, rtol=1e-10)
    # Five coordinates hold what five columns and their copies hold.
    assert_allclose(transformer.explained_variance_[5:], 0, atol=1e-12)
    assert ButterflyTransformer(5).fit(X).excess_ == 0


def test_butterfly_transformer_takes_constant_rows():
    X = np.full((6, 4), 3.0)
    transformer = ButterflyTransformer(0.5, whiten=True).fit(X)
    assert transformer.n_components_ == 1
    assert_array_equal(transformer.transform(X), np.zeros((6, 1)))
    assert_array_equal(transformer.explained_variance_ratio_, [0.0])
    # There is nothing to explain; elsewhere one of the four axes is kept.
    assert transformer.score(X) == 1.0
    assert_allclose(transformer.score(X + 1), 0.25)


def test_butterfly_transformer_takes_fewer_rows_than_features():
    X = random_rows(6, 40)
    transformer = ButterflyTransformer().fit(X)
    assert transformer.n_components_ == 40
    assert_allclose(transformer.inverse_transform(transformer.transform(X)), X)
    few = ButterflyTransformer(3).fit(X)
    assert 0 <= few.excess_ < np.inf
    # PCA with 5 components is exact on 6 rows, a product of few rotations is not.
    assert ButterflyTransformer(5).fit(X).excess_ == np.inf


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("decoder", ["transpose", "least_squares"])
@pytest.mark.parametrize(
    "dtype, scale",
    [(np.float64, s) for s in (1e-300, 1e-200, 1e-150, 1e-9, 1e150, 1e200, 1e300)]
    + [(np.float32, s) for s in (1e-30, 1e-15, 1e15, 1e30)],
)
def test_butterfly_transformer_follows_the_scale(decoder, dtype, scale):
    X = random_rows(50, 16, dtype=dtype)
    scaled_X = X * dtype(scale)
    parameters = {"n_components": 4, "whiten": True, "decoder": decoder}
    plain = ButterflyTransformer(**parameters).fit(X)
    scaled = ButterflyTransformer(**parameters).fit(scaled_X)
    rtol = 2**10 * np.finfo(dtype).eps
    assert_allclose(scaled.components_, plain.components_, atol=rtol)
    assert_allclose(scaled.transform(scaled_X), plain.transform(X), atol=rtol)
    ratios = [m.explained_variance_ratio_ for m in (scaled, plain)]
    assert_allclose(*ratios, rtol=rtol)
    # The excess is a ratio of errors less one.
    assert_allclose(scaled.excess_, plain.excess_, atol=rtol)
    assert 0.5 < plain.score(X) < 0.9
    assert_allclose(scaled.score(scaled_X), plain.score(X), rtol=rtol)
    # Beyond float64 these two cannot follow, and are what it rounds them to.
    with np.errstate(over="ignore", under="ignore"):
        for name in ("explained_variance_", "noise_variance_"):
            expected = getattr(plain, name) * np.float64(scale) * np.float64(scale)
            assert_allclose(getattr(scaled, name), expected, rtol=rtol)


def test_butterfly_transformer_takes_the_smallest_and_largest_floats():
    X = random_rows(50, 4)
    X /= abs(X).max()
    expected = ButterflyTransformer(2).fit(X).score(X)
    # Of a subnormal 2 ** -1040, 34 bits are left.
    for scale in (2.0**-1040, 2.0**1021):
        score = ButterflyTransformer(2).fit(X * scale).score(X * scale)
        assert_allclose(score, expected, rtol=1e-8)


def test_butterfly_transformer_keeps_float32():
    X = random_rows(500, 16, dtype=np.float32)
    single = ButterflyTransformer(5, whiten=True).fit(X)
    double = ButterflyTransformer(5, whiten=True).fit(X.astype(np.float64))
    assert single.mean_.dtype == single.operator_.dtype == np.float32
    assert single.transform(X).dtype == np.float32
    # A variance may lie beyond the range of float32 where its root does not.
    for name in ("explained_variance_", "explained_variance_ratio_"):
        assert_array_equal(getattr(single, name), getattr(double, name))
        assert getattr(single, name).dtype == np.float64
    assert single.inverse_transform(single.transform(X)).dtype == np.float32
    assert_allclose(single.components_, double.components_, atol=1e-6)
    # The covariance is in float64 in both, so that the fits are the same.
    assert single.excess_ == double.excess_


def test_butterfly_transformer_takes_rows_in_blocks(monkeypatch):
    X = random_rows(100, 12)
    whole = ButterflyTransformer().fit(X)
    monkeypatch.setattr("skfrugal.decomposition._moments._BLOCK_ENTRIES", 100)
    blocks = ButterflyTransformer().fit(X)
    assert_allclose(blocks.components_, whole.components_, atol=1e-9)


def test_butterfly_transformer_components_are_capped(monkeypatch):
    transformer = ButterflyTransformer().fit(random_rows(20, 4))
    monkeypatch.setattr(module, "_MAX_DENSE_ENTRIES", 15)
    with pytest.raises(AttributeError, match="use X @ operator_"):
        _ = transformer.components_
    assert not hasattr(transformer, "components_")
    assert not hasattr(ButterflyTransformer(), "components_")


def test_butterfly_transformer_prints_only_when_asked(capsys):
    X = random_rows(30, 6)
    ButterflyTransformer().fit(X)
    assert capsys.readouterr().out == ""
    ButterflyTransformer(verbose=1).fit(X)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Pairing 'learned', all rotations:"
    assert lines[1].startswith("Polish sweep 1, ")
    ButterflyTransformer(pairing="fixed", verbose=1).fit(X)
    lines = capsys.readouterr().out.splitlines()
    starts = [i for i, line in enumerate(lines) if line.startswith("Polish sweep 1, ")]
    assert [lines[i - 1] for i in starts] == [
        "Pairing 'fixed', the butterfly alone:",
        "Pairing 'fixed', all rotations:",
    ]


# -- in scikit-learn ----------------------------------------------------------------


def test_butterfly_transformer_survives_pickle_and_clone():
    X = random_rows(30, 6)
    transformer = ButterflyTransformer(3, feature_shape=(2, 3)).fit(X)
    again = pickle.loads(pickle.dumps(transformer))
    assert_array_equal(again.transform(X), transformer.transform(X))
    fresh = clone(transformer)
    assert fresh.get_params() == transformer.get_params()
    assert_array_equal(fresh.fit_transform(X), transformer.transform(X))


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_butterfly_transformer_takes_and_gives_frames(library):
    frames = importlib.import_module(library)
    X = random_rows(30, 4)
    frame = frames.DataFrame({name: X[:, i] for i, name in enumerate("abcd")})
    transformer = ButterflyTransformer(2).set_output(transform=library)
    Z = transformer.fit_transform(frame)
    assert isinstance(Z, frames.DataFrame)
    assert list(Z.columns) == ["butterflytransformer0", "butterflytransformer1"]
    assert list(transformer.get_feature_names_out()) == list(Z.columns)
    assert_array_equal(transformer.feature_names_in_, list("abcd"))
    assert_allclose(Z.to_numpy(), ButterflyTransformer(2).fit_transform(X))


def test_butterfly_transformer_works_in_a_pipeline_and_a_search(digits):
    X, y = load_digits(return_X_y=True)
    pipeline = make_pipeline(
        ButterflyTransformer(16, whiten=True), LogisticRegression(max_iter=200)
    )
    search = GridSearchCV(
        pipeline, {"butterflytransformer__depth": [0.1, 2.0]}, cv=3
    ).fit(X[:600], y[:600])
    assert search.best_params_ == {"butterflytransformer__depth": 2.0}
    # Without labels, `score` is what the search maximises.
    search = GridSearchCV(ButterflyTransformer(16), {"depth": [0.5, 2.0]}, cv=3)
    search.fit(digits[0])
    assert search.best_params_ == {"depth": 2.0}
    assert 0.8 < search.best_score_ < 1.0


def test_butterfly_transformer_works_in_a_column_transformer():
    X = random_rows(30, 6)
    columns = ColumnTransformer(
        [("fast", ButterflyTransformer(2), [0, 1, 2, 3])], remainder="passthrough"
    )
    assert columns.fit_transform(X).shape == (30, 4)
