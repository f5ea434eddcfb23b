"""FrugalKernelRidgeClassifier.from_estimator decides as the fitted model does."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.datasets import make_classification
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR, NuSVC

from skfrugal.kernel_ridge import FrugalKernelRidgeClassifier

X, codes = make_classification(
    400, n_features=5, n_informative=4, n_redundant=0, n_classes=4, random_state=0
)
LABELS = np.array(["d", "a", "c", "b"])
NEW = np.random.RandomState(0).standard_normal((500, 5)) * 2

MODELS = [
    SVC(C=3),
    SVC(kernel="poly", decision_function_shape="ovo"),
    SVC(break_ties=True),
    NuSVC(nu=0.2),
    make_pipeline(StandardScaler(), SVC()),
    make_pipeline(Nystroem(n_components=40, random_state=0), RidgeClassifier()),
    make_pipeline(
        StandardScaler(),
        Nystroem(n_components=40, random_state=0),
        LogisticRegression(),
    ),
]


@pytest.mark.parametrize("n_classes", [2, 3, 4])
@pytest.mark.parametrize("model", MODELS, ids=str)
def test_twin_decides_as_the_fitted_model(model, n_classes):
    model.fit(X, LABELS[np.minimum(codes, n_classes - 1)])
    twin = FrugalKernelRidgeClassifier.from_estimator(model)
    assert_array_equal(twin.classes_, model.classes_)
    desired = model.decision_function(NEW)
    found = twin.decision_function(NEW)
    assert found.shape == desired.shape
    limit = 1e-5 * np.ptp(desired)
    # Where votes differ for a decision of zero, to rounding, decisions jump by one.
    near = np.abs(found - desired).reshape(len(NEW), -1).max(axis=1) > limit
    assert near.mean() < 0.005
    assert (twin.predict(NEW) == model.predict(NEW))[~near].all()
    again = pickle.loads(pickle.dumps(twin))
    assert_array_equal(again.decision_function(NEW), found)


def test_twin_of_two_classes_scores_as_the_fitted_model():
    model = SVC().fit(X, codes > 1)
    twin = FrugalKernelRidgeClassifier.from_estimator(model)
    assert twin.score(X, codes > 1) == model.score(X, codes > 1)


def test_twin_can_be_fitted_again():
    twin = FrugalKernelRidgeClassifier.from_estimator(SVC().fit(X, codes))
    assert twin.fit(X, codes).score(X, codes) > 0.8
    assert twin.decision_function(X).shape == (400, 4)


def test_regressor_is_refused_by_the_classifier():
    with pytest.raises(TypeError, match="SVR cannot be read"):
        FrugalKernelRidgeClassifier.from_estimator(SVR().fit(X, codes))
