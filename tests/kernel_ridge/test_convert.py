"""Fitted kernel machines, read as sums over landmarks, predict as before."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from scipy.spatial.distance import cdist
from sklearn.datasets import make_blobs, make_classification, make_friedman1
from sklearn.ensemble import RandomForestRegressor
from sklearn.exceptions import NotFittedError
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import (
    RBF,
    ConstantKernel,
    DotProduct,
    Matern,
    RationalQuadratic,
    WhiteKernel,
)
from sklearn.kernel_approximation import Nystroem
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import (
    LinearRegression,
    LogisticRegression,
    PoissonRegressor,
    Ridge,
    RidgeClassifier,
)
from sklearn.metrics.pairwise import pairwise_kernels
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR, LinearSVC, NuSVC, NuSVR

from skfrugal.kernel_approximation import FrugalNystroem
from skfrugal.kernel_ridge._convert import convert_classifier, convert_regressor

X, y = make_friedman1(160, n_features=6, noise=0.1, random_state=0)
Y = np.column_stack([y, X @ np.arange(6)])
NEW = np.random.RandomState(1).uniform(-0.2, 1.2, size=(90, 6))
FRAMES = make_classification(
    400, n_features=5, n_informative=4, n_redundant=0, n_classes=4, random_state=0
)
MATERN = {
    "matern12": lambda s: np.exp(-s),
    "matern32": lambda s: (1 + 3**0.5 * s) * np.exp(-(3**0.5) * s),
    "matern52": lambda s: (1 + 5**0.5 * s + 5 / 3 * s**2) * np.exp(-(5**0.5) * s),
}


def evaluated(read, X):
    """The sum over landmarks, written out."""
    if read.projection is not None:
        X = read.projection.transform(X)
    X, landmarks = X, read.landmarks
    if read.feature_weights is not None:
        X, landmarks = (A * np.sqrt(read.feature_weights) for A in (X, landmarks))
    if read.kernel in MATERN:
        K = MATERN[read.kernel](read.parameters["gamma"] * cdist(X, landmarks))
    else:
        parameters = {**read.parameters, **(read.kernel_params or {})}
        K = pairwise_kernels(X, landmarks, metric=read.kernel, **parameters)
    return K @ read.dual_coef + read.intercept


def min_kernel(x, z, power=1):
    return np.minimum(x, z).sum() ** power


LENGTHS = [0.5, 1.0, 2.0, 4.0, 8.0, 9.0]
COVARIANCES = [
    None,
    RBF(0.7),
    ConstantKernel(3.0) * RBF(0.7) + WhiteKernel(0.1),
    2.0 * (RBF(LENGTHS) + 0.5) + WhiteKernel(0.1) + 1.5,
    WhiteKernel(0.1) * 2.0 + Matern(1.3, nu=0.5) * 0.3,
    Matern(1.3, nu=1.5) + WhiteKernel(0.1),
    Matern(LENGTHS, nu=2.5) + WhiteKernel(0.1),
    Matern(0.9, nu=np.inf) + WhiteKernel(0.1),
    ConstantKernel(2.0) + WhiteKernel(0.1),
]
REGRESSORS = [
    KernelRidge(alpha=0.1, kernel="rbf"),
    KernelRidge(alpha=0.1, kernel="laplacian", gamma=0.4),
    KernelRidge(alpha=0.1, kernel="poly", degree=2, coef0=0.5),
    KernelRidge(alpha=0.1, kernel="sigmoid", gamma=0.01),
    KernelRidge(alpha=0.1, kernel="cosine"),
    KernelRidge(alpha=0.1, kernel=min_kernel, kernel_params={"power": 2}),
    SVR(C=10),
    SVR(kernel="poly", C=10, gamma=0.3, coef0=1.0),
    SVR(kernel="linear"),
    SVR(kernel="sigmoid", gamma="auto"),
    NuSVR(C=10),
    make_pipeline(Nystroem(n_components=50, random_state=0), Ridge(alpha=0.1)),
    make_pipeline(Nystroem("poly", degree=2, n_components=9), LinearRegression()),
    make_pipeline(
        Nystroem("laplacian", kernel_params={"gamma": 2.0}, n_components=9), Ridge()
    ),
    make_pipeline(FrugalNystroem(n_components=30, structure="low_rank"), Ridge()),
    make_pipeline(StandardScaler(), Nystroem(n_components=50), Ridge()),
    make_pipeline(StandardScaler(), "passthrough", SVR()),
    *(
        GaussianProcessRegressor(kernel, alpha=1e-3, optimizer=None, normalize_y=flag)
        for kernel, flag in zip(COVARIANCES, [True, False] * 5, strict=False)
    ),
]


@pytest.mark.parametrize("model", REGRESSORS, ids=str)
def test_regressor_that_was_read_predicts_as_before(model):
    model.fit(X, y)
    desired = model.predict(NEW)
    found = evaluated(convert_regressor(model), NEW)
    assert found.shape == desired.shape
    # Normalizations and dual coefficients of either sign multiply rounding.
    assert_allclose(found, desired, atol=1e-8 * np.abs(y).max())


@pytest.mark.parametrize(
    "model",
    [
        KernelRidge(alpha=[0.1, 1.0], kernel="rbf"),
        make_pipeline(Nystroem(n_components=20, random_state=0), Ridge()),
        make_pipeline(Nystroem(n_components=20), Ridge(fit_intercept=False)),
        GaussianProcessRegressor(alpha=0.1, optimizer=None, normalize_y=True),
        GaussianProcessRegressor(RBF() + 2.0, alpha=0.1, optimizer=None),
    ],
    ids=str,
)
def test_several_targets_are_read(model):
    desired = model.fit(X, Y).predict(NEW)
    found = evaluated(convert_regressor(model), NEW)
    assert found.shape == desired.shape == (90, 2)
    assert_allclose(found, desired, atol=1e-8 * np.abs(Y).max())


@pytest.mark.parametrize("model", [KernelRidge(kernel="rbf"), SVR(), SVC()], ids=str)
def test_models_of_sparse_rows_are_read(model):
    rows = np.where(X > 0.5, X, 0)
    labels = y > y.mean() if isinstance(model, SVC) else y
    model.fit(sparse.csr_matrix(rows), labels)
    convert = convert_classifier if isinstance(model, SVC) else convert_regressor
    read = convert(model)
    outputs = "decision_function" if isinstance(model, SVC) else "predict"
    desired = getattr(model, outputs)(sparse.csr_matrix(NEW))
    assert_allclose(evaluated(read, NEW), desired, atol=1e-9 * np.abs(y).max())


def labels_and_decisions(read, X):
    outputs = evaluated(read, X)
    if read.votes is not None:
        return read.classes[read.votes.labels(outputs)], read.votes.decision(outputs)
    index = outputs.argmax(axis=1) if outputs.ndim == 2 else (outputs > 0).astype(int)
    return read.classes[index], outputs


@pytest.mark.parametrize("shape", ["ovo", "ovr"])
@pytest.mark.parametrize("n_classes", [2, 3, 4])
@pytest.mark.parametrize(
    "model", [SVC(C=3), SVC(kernel="poly"), NuSVC(nu=0.2)], ids=str
)
def test_support_vector_classifier_that_was_read_decides_as_before(
    model, n_classes, shape
):
    rows, labels = FRAMES
    names = np.array(["d", "a", "c", "b"])[labels]
    chosen = np.isin(names, np.unique(names)[:n_classes])
    model.set_params(decision_function_shape=shape).fit(rows[chosen], names[chosen])
    new = np.random.RandomState(0).standard_normal((500, 5)) * 2
    found, decisions = labels_and_decisions(convert_classifier(model), new)
    assert_array_equal(found, model.predict(new))
    desired = model.decision_function(new)
    assert_allclose(decisions, desired, atol=1e-9 * np.abs(desired).max())


def test_broken_ties_are_broken_as_before():
    # Three groups in the plane: between them each class beats one of the others.
    rows, labels = make_blobs(20, n_features=2, random_state=0)
    new = np.stack(np.meshgrid(*[np.linspace(-5, 8, 60)] * 2), axis=-1).reshape(-1, 2)
    broken, plain = (
        SVC(kernel="linear", break_ties=ties).fit(rows, labels)
        for ties in (True, False)
    )
    assert np.any(broken.predict(new) != plain.predict(new))
    for model in (broken, plain):
        found, _ = labels_and_decisions(convert_classifier(model), new)
        assert_array_equal(found, model.predict(new))


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize(
    "last", [RidgeClassifier(), LogisticRegression(), LinearSVC()], ids=str
)
def test_linear_classifier_on_nystroem_is_read(last, n_classes):
    rows, labels = FRAMES
    model = make_pipeline(StandardScaler(), Nystroem(n_components=40), last)
    model.fit(rows, np.minimum(labels, n_classes - 1))
    found, decisions = labels_and_decisions(convert_classifier(model), rows)
    assert_array_equal(found, model.predict(rows))
    assert_allclose(decisions, model.decision_function(rows), atol=1e-9)


def test_equal_landmarks_are_merged():
    twice = np.vstack([X, X[:40]])
    model = SVR(epsilon=0.01).fit(twice, np.append(y, y[:40]))
    read = convert_regressor(model)
    vectors = model.support_vectors_
    assert len(read.landmarks) == len(np.unique(vectors, axis=0)) < len(vectors)
    assert_allclose(evaluated(read, NEW), model.predict(NEW), rtol=1e-10)


def test_reading_changes_nothing_and_keeps_no_view():
    model = KernelRidge(kernel="rbf").fit(X, y)
    before = model.predict(NEW)
    read = convert_regressor(model)
    read.landmarks[:] = 0
    assert_array_equal(model.predict(NEW), before)


def process(kernel):
    return GaussianProcessRegressor(kernel, alpha=1.0, optimizer=None)


@pytest.mark.parametrize(
    "convert, model, words",
    [
        (convert_regressor, RandomForestRegressor(), "RandomForestRegressor cannot"),
        (convert_regressor, SVC(), "SVC cannot be read.*pass a fitted KernelRidge"),
        (convert_classifier, SVR(), "SVR cannot be read.*pass a fitted SVC"),
        (convert_regressor, KernelRidge(kernel="precomputed"), "precomputed"),
        (convert_regressor, SVR(kernel="precomputed"), "precomputed"),
        (convert_regressor, SVR(kernel=lambda A, B: A @ B.T), "single values"),
        (convert_regressor, process(DotProduct()), "DotProduct"),
        (
            convert_regressor,
            process(RBF() + RationalQuadratic()),
            "RationalQuadratic",
        ),
        (convert_regressor, process(RBF() * RBF(2.0)), "possible are"),
        (convert_regressor, process(Matern(nu=0.8)), "nu=0.8"),
        (
            convert_regressor,
            make_pipeline(Nystroem(n_components=5), PoissonRegressor()),
            "PoissonRegressor behind Nystroem",
        ),
        (
            convert_regressor,
            make_pipeline(StandardScaler(), RandomForestRegressor(5)),
            r"StandardScaler \+ RandomForestRegressor",
        ),
        (
            convert_classifier,
            make_pipeline(Nystroem(n_components=5), Ridge()),
            "Ridge behind Nystroem",
        ),
    ],
)
def test_what_cannot_be_read_is_named(convert, model, words):
    square = "precomputed" in str(model)
    target = y > np.median(y) if isinstance(model, SVC) else y
    model.fit(X @ X.T if square else X, target)
    with pytest.raises(TypeError, match=words):
        convert(model)


def test_several_labels_a_row_are_refused():
    model = make_pipeline(Nystroem(n_components=5), RidgeClassifier())
    model.fit(X, Y > np.median(Y, axis=0))
    with pytest.raises(TypeError, match="one kind of label"):
        convert_classifier(model)


def test_broken_ties_of_pairs_are_refused():
    model = SVC(break_ties=True, decision_function_shape="ovo").fit(*FRAMES)
    with pytest.raises(TypeError, match="break_ties=True"):
        convert_classifier(model)


@pytest.mark.parametrize(
    "convert, model",
    [
        (convert_regressor, KernelRidge()),
        (convert_regressor, SVR()),
        (convert_regressor, GaussianProcessRegressor()),
        (convert_regressor, make_pipeline(Nystroem(), Ridge())),
        (convert_classifier, SVC()),
        (convert_classifier, NuSVC()),
    ],
    ids=str,
)
def test_model_that_is_not_fitted_is_refused(convert, model):
    with pytest.raises(NotFittedError):
        convert(model)
