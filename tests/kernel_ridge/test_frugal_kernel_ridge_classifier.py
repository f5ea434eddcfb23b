"""FrugalKernelRidgeClassifier against the regressions that it stands for."""

import inspect

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import make_blobs, make_circles, make_multilabel_classification
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import RidgeClassifier
from sklearn.pipeline import make_pipeline

from skfrugal.kernel_ridge import FrugalKernelRidge, FrugalKernelRidgeClassifier

GIVEN = {"alpha": 0.1, "gamma": 0.5, "random_state": 0}


@pytest.fixture
def blobs():
    X, y = make_blobs(150, centers=4, n_features=3, cluster_std=2.0, random_state=0)
    return X, np.array(["d", "a", "c", "b"])[y]


@pytest.mark.parametrize("class_weight", [None, "balanced", {0: 3.0, 1: 0.5}])
@pytest.mark.parametrize("n_classes", [2, 4])
def test_classifier_is_ridge_classifier_on_all_features_of_nystroem(
    n_classes, class_weight
):
    X, y = make_blobs(80, centers=n_classes, cluster_std=3.0, random_state=0)
    weight = np.random.RandomState(0).uniform(0.5, 2, 80)
    # With every row a landmark the two span the same functions.
    dense = make_pipeline(
        Nystroem(gamma=0.5, n_components=80),
        RidgeClassifier(alpha=0.1, class_weight=class_weight),
    ).fit(X, y, ridgeclassifier__sample_weight=weight)
    model = FrugalKernelRidgeClassifier(80, **GIVEN, class_weight=class_weight)
    model.fit(X, y, weight)
    decision = dense.decision_function(X)
    assert_allclose(model.decision_function(X), decision, rtol=1e-5, atol=1e-6)
    assert_array_equal(model.predict(X), dense.predict(X))


def test_classifier_is_one_regression_a_class(blobs):
    X, y = blobs
    model = FrugalKernelRidgeClassifier(30, **GIVEN).fit(X, y)
    assert_array_equal(model.classes_, ["a", "b", "c", "d"])
    targets = np.where(y[:, None] == model.classes_, 1.0, -1.0)
    regression = FrugalKernelRidge(30, **GIVEN).fit(X, targets)
    decision = regression.predict(X)
    assert_array_equal(model.decision_function(X), decision)
    assert_array_equal(model.predict(X), model.classes_[decision.argmax(axis=1)])
    assert model.alpha_.shape == model.loo_error_.shape == (4,)


def test_classifier_of_two_classes_is_one_regression():
    X, y = make_circles(200, noise=0.1, factor=0.4, random_state=0)
    model = FrugalKernelRidgeClassifier(20, **GIVEN).fit(X, y)
    regression = FrugalKernelRidge(20, **GIVEN).fit(X, 2.0 * y - 1)
    assert_array_equal(model.decision_function(X), regression.predict(X))
    assert_array_equal(model.predict(X), (regression.predict(X) > 0).astype(int))
    assert model.score(X, y) > 0.97


def test_classifier_of_several_labels_is_one_regression_a_label():
    X, y = make_multilabel_classification(150, 5, n_classes=3, random_state=0)
    model = FrugalKernelRidgeClassifier(40, alpha=1.0, random_state=0).fit(X, y)
    for k in range(3):
        single = FrugalKernelRidgeClassifier(
            40, alpha=1.0, gamma=model.gamma_, random_state=0
        ).fit(X, y[:, k])
        assert_allclose(
            model.decision_function(X)[:, k], single.decision_function(X), atol=1e-4
        )
    assert_array_equal(model.predict(X), model.decision_function(X) > 0)


def test_classifier_class_weights_are_no_copies_of_rows():
    # Leaving out one of a thousand copies of a row would say that any alpha is good.
    X, y = make_blobs(100, centers=2, cluster_std=20, random_state=0)
    model = FrugalKernelRidgeClassifier(class_weight={0: 1000, 1: 1e-4}, random_state=0)
    assert (model.fit(X, y).predict(X) == 0).mean() > 0.9


def test_classifier_refines():
    X, y = make_circles(800, noise=0.1, factor=0.4, random_state=0)
    X = np.hstack([X, np.random.RandomState(0).standard_normal((800, 6))])
    model = FrugalKernelRidgeClassifier(8, refine=True, random_state=0)
    model.fit(X[:400], y[:400])
    plain = clone(model).set_params(refine=False).fit(X[:400], y[:400])
    assert model.score(X[400:], y[400:]) > plain.score(X[400:], y[400:]) + 0.1
    assert model.validation_score_ < 1


def test_classifier_projects(blobs):
    model = FrugalKernelRidgeClassifier(8, projection=2, random_state=0).fit(*blobs)
    assert model.landmarks_.shape == (8, 2)
    by_hand = FrugalKernelRidgeClassifier(8, random_state=0)
    rows = model.projection_.transform(blobs[0])
    assert_array_equal(
        by_hand.fit(rows, blobs[1]).predict(rows), model.predict(blobs[0])
    )


def test_classifier_of_one_class_predicts_it():
    X = np.arange(6.0)[:, None]
    model = FrugalKernelRidgeClassifier().fit(X, np.full(6, "only"))
    assert set(model.predict(X)) == {"only"}


def test_classifier_refuses_continuous_targets(blobs):
    with pytest.raises(ValueError, match="Unknown label type"):
        FrugalKernelRidgeClassifier().fit(blobs[0], np.linspace(0, 1, 150))


def test_classifier_has_the_parameters_of_the_regressor_and_class_weight():
    ours = list(inspect.signature(FrugalKernelRidgeClassifier).parameters)
    assert ours == [*inspect.signature(FrugalKernelRidge).parameters, "class_weight"]
