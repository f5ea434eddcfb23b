"""scikit-learn's own checks, strictly, and the places where estimators meet others."""

import importlib
import pickle

import numpy as np
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.compose import ColumnTransformer, make_column_transformer
from sklearn.datasets import load_diabetes, load_digits
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import parametrize_with_checks

from skfrugal.cluster import MiniBatchQuickKMeans, QuickKMeans
from skfrugal.decomposition import (
    ButterflyTransformer,
    SparseProductDictionaryLearning,
    SparseProductTransformer,
)
from skfrugal.kernel_approximation import FrugalNystroem, StructuredRBFSampler
from skfrugal.kernel_ridge import FrugalKernelRidge, FrugalKernelRidgeClassifier
from skfrugal.random_projection import StructuredRandomProjection

ESTIMATORS = [
    ButterflyTransformer(),
    ButterflyTransformer(pairing="fixed", whiten=True),
    ButterflyTransformer(n_components=1, decoder="least_squares"),
    ButterflyTransformer(n_components=1, core=1),
    ButterflyTransformer(n_components=1, depth="cv"),
    SparseProductDictionaryLearning(max_iter=5),
    SparseProductDictionaryLearning(5, structure="butterfly", fit_algorithm="cd"),
    SparseProductDictionaryLearning(structure="palm4msa", max_iter=5),
    SparseProductDictionaryLearning(structure="sparse_product", max_iter=3),
    SparseProductTransformer(),
    SparseProductTransformer(structure="sparse_product"),
    SparseProductTransformer(structure="low_rank", data_aware=True),
    SparseProductTransformer(structure="butterfly", max_error=0.3),
    QuickKMeans(n_clusters=3, max_iter=50, n_init=2),
    QuickKMeans(n_clusters=3, assignment="structured", n_init=2),
    QuickKMeans(n_clusters=3, assignment="structured", structure="dense", n_init=2),
    MiniBatchQuickKMeans(n_clusters=3),
    MiniBatchQuickKMeans(n_clusters=3, assignment="structured", structure="low_rank"),
    FrugalNystroem(n_components=5),
    FrugalNystroem(n_components=5, structure="low_rank", landmarks="uniform"),
    FrugalKernelRidge(),
    FrugalKernelRidge(20, landmarks="uniform", alpha=1e-3, gamma=None),
    FrugalKernelRidge(12, kernel="linear", fit_intercept=False),
    StructuredRBFSampler(),
    StructuredRBFSampler(gamma="scale"),
    StructuredRandomProjection(n_components=2),
    FrugalKernelRidgeClassifier(),
    FrugalKernelRidgeClassifier(20, kernel="matern32", alpha=1e-3),
]


def expected_failures(estimator):
    """What scikit-learn declares for the dense twin, and nothing else."""
    if not isinstance(estimator, (QuickKMeans, MiniBatchQuickKMeans)):
        return {}
    reason = "sample_weight is not equivalent to removing/repeating samples."
    return {
        "check_sample_weight_equivalence_on_dense_data": reason,
        "check_sample_weight_equivalence_on_sparse_data": reason,
    }


@parametrize_with_checks(ESTIMATORS, expected_failed_checks=expected_failures)
def test_scikit_learn_checks(estimator, check, monkeypatch):
    # Without it scikit-learn skips its checks of arrays from other libraries.
    monkeypatch.setenv("SCIPY_ARRAY_API", "1")
    check(estimator)


SMALL = [
    ButterflyTransformer(n_components=3),
    SparseProductDictionaryLearning(5, max_iter=5, random_state=0),
    SparseProductTransformer(structure="butterfly"),
    QuickKMeans(n_clusters=3, random_state=0, n_init=1),
    MiniBatchQuickKMeans(n_clusters=3, random_state=0),
    FrugalNystroem(n_components=20, random_state=0),
    FrugalKernelRidge(n_components=20, random_state=0),
    StructuredRBFSampler(n_components=7, random_state=0),
    StructuredRandomProjection(n_components=3, random_state=0),
]


@pytest.fixture(params=SMALL, ids=lambda e: type(e).__name__)
def estimator(request):
    return clone(request.param)


@pytest.fixture(scope="module")
def data():
    X, y = load_diabetes(return_X_y=True)
    return X[:120], y[:120]


def output(estimator, X):
    method = "transform" if hasattr(estimator, "transform") else "predict"
    return getattr(estimator, method)(X)


def test_clones_and_pickles_give_the_same_output(estimator, data):
    X, y = data
    fitted = clone(estimator).fit(X, y)
    desired = output(fitted, X)
    np.testing.assert_array_equal(output(clone(estimator).fit(X, y), X), desired)
    twin = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(output(twin, X), desired)


def test_constructor_parameters_survive_fit(estimator, data):
    before = estimator.get_params()
    assert estimator.fit(*data).get_params() == before


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_frames_go_in_and_come_out(estimator, data, library):
    frames = importlib.import_module(library)
    X, y = data
    names = [f"column_{i}" for i in range(X.shape[1])]
    frame = frames.DataFrame(dict(zip(names, X.T.copy(), strict=True)))
    fitted = clone(estimator).fit(frame, y)
    assert fitted.feature_names_in_.tolist() == names
    desired = output(clone(estimator).fit(X, y), X)
    np.testing.assert_allclose(output(fitted, frame), desired, rtol=1e-10)
    if hasattr(estimator, "transform"):
        estimator.set_output(transform=library)
        out = estimator.fit(frame, y).transform(frame)
        assert isinstance(out, frames.DataFrame)
        assert list(out.columns) == estimator.get_feature_names_out().tolist()


def test_estimators_fit_in_pipelines_and_column_transformers(data):
    X, y = data
    columns = make_column_transformer(
        (ButterflyTransformer(n_components=4), slice(0, 7)),
        (QuickKMeans(n_clusters=5, n_init=1, random_state=0), slice(7, 10)),
    )
    assert isinstance(columns, ColumnTransformer)
    model = make_pipeline(StandardScaler(), columns, FrugalKernelRidge(50))
    assert model.fit(X, y).score(X, y) > 0.3
    assert len(columns.fit(X).get_feature_names_out()) == 9


def test_grid_search_reaches_every_estimator(data):
    X, y = data
    pipeline = make_pipeline(StandardScaler(), ButterflyTransformer(), Ridge())
    grid = {
        "butterflytransformer__n_components": [2, 5],
        "butterflytransformer__depth": [1.0, 2.0],
    }
    search = GridSearchCV(pipeline, grid, cv=3).fit(X, y)
    assert search.best_params_["butterflytransformer__n_components"] == 5
    search = GridSearchCV(FrugalKernelRidge(30), {"alpha": [1e-3, "auto"]}, cv=3)
    assert np.isfinite(search.fit(X, y).best_score_)
    digits = load_digits().data[:150]
    search = GridSearchCV(QuickKMeans(n_init=1), {"n_clusters": [2, 8]}, cv=3)
    assert search.fit(digits).best_params_ == {"n_clusters": 8}


@pytest.mark.parametrize(
    "estimator", [QuickKMeans(n_clusters=3, n_init=1), FrugalKernelRidge(20)]
)
def test_sample_weight_is_routed_through_pipelines(estimator, data):
    X, y = data
    weight = np.random.RandomState(0).uniform(0.1, 3.0, len(X))
    with config_context(enable_metadata_routing=True):
        step = clone(estimator).set_params(random_state=0)
        step.set_fit_request(sample_weight=True)
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        pipeline = make_pipeline(scaler, step)
        pipeline.fit(X, y, sample_weight=weight)
    alone = clone(estimator).set_params(random_state=0)
    scaled = StandardScaler().fit_transform(X)
    alone.fit(scaled, y, sample_weight=weight)
    np.testing.assert_array_equal(pipeline.predict(X), alone.predict(scaled))


def test_tags_say_what_the_dense_twins_say():
    assert get_tags(QuickKMeans()).input_tags.sparse
    assert get_tags(FrugalKernelRidge()).input_tags.sparse
    assert get_tags(ButterflyTransformer()).transformer_tags.preserves_dtype == [
        "float64",
        "float32",
    ]


def test_html_view_reads_every_attribute_of_a_fitted_model(estimator, data):
    assert type(estimator).__name__ in estimator.fit(*data)._repr_html_()
