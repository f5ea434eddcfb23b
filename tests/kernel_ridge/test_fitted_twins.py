"""FrugalKernelRidge.from_estimator predicts as the fitted model does."""

import importlib
import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import make_friedman1
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, Matern, WhiteKernel
from sklearn.kernel_approximation import Nystroem
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR, NuSVR

from skfrugal.kernel_ridge import FrugalKernelRidge

X, y = make_friedman1(160, n_features=6, noise=0.1, random_state=0)
NEW = np.random.RandomState(1).uniform(-0.2, 1.2, size=(90, 6))


def min_kernel(x, z, power=1):
    return np.minimum(x, z).sum() ** power


MODELS = [
    KernelRidge(alpha=0.1, kernel="rbf"),
    KernelRidge(alpha=0.1, kernel="laplacian", gamma=0.4),
    KernelRidge(alpha=0.1, kernel="poly", degree=2, coef0=0.5),
    KernelRidge(alpha=0.1, kernel="cosine"),
    KernelRidge(alpha=0.1, kernel=min_kernel, kernel_params={"power": 2}),
    SVR(C=10),
    SVR(kernel="linear"),
    NuSVR(kernel="poly", gamma=0.3, coef0=1.0),
    make_pipeline(Nystroem(n_components=50, random_state=0), Ridge(alpha=0.1)),
    make_pipeline(Nystroem("poly", degree=2, n_components=9), LinearRegression()),
    GaussianProcessRegressor(
        2.0 * (RBF(0.7) + 0.5) + WhiteKernel(0.1), optimizer=None, normalize_y=True
    ),
    GaussianProcessRegressor(
        RBF([0.5, 1.0, 2.0, 4.0, 8.0, 9.0]) + WhiteKernel(0.1), optimizer=None
    ),
    GaussianProcessRegressor(Matern(nu=1.5) + WhiteKernel(0.1), optimizer=None),
    make_pipeline(StandardScaler(), SVR(C=10)),
    make_pipeline(StandardScaler(), Nystroem(n_components=50), Ridge(alpha=0.1)),
]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("model", MODELS, ids=str)
def test_twin_predicts_as_the_fitted_model(model, dtype):
    # Rows that float32 holds exactly: what differs is the arithmetic.
    rows, new = (A.astype(np.float32).astype(np.float64) for A in (X, NEW))
    desired = model.fit(rows, y).predict(new)
    twin = FrugalKernelRidge.from_estimator(model)
    found = twin.predict(new.astype(dtype))
    assert found.dtype == dtype
    assert np.abs(found - desired).max() < 1e-5 * np.ptp(desired)
    again = pickle.loads(pickle.dumps(twin)).predict(new.astype(dtype))
    assert_array_equal(again, found)


def test_twin_of_several_targets_predicts_as_the_fitted_model():
    model = KernelRidge(alpha=[0.1, 1.0], kernel="rbf").fit(
        X, np.stack([y, -(y**2)], 1)
    )
    twin = FrugalKernelRidge.from_estimator(model)
    desired = model.predict(NEW)
    error = np.abs(twin.predict(NEW) - desired).max(axis=0)
    assert (error < 1e-5 * np.ptp(desired, axis=0)).all()
    assert twin.score(NEW, desired) > 1 - 1e-9


def test_twin_of_huge_coefficients_stays_in_float64():
    small = KernelRidge(alpha=0.1, kernel="rbf").fit(X, y)
    assert FrugalKernelRidge.from_estimator(small).landmarks_.dtype == np.float32
    huge = KernelRidge(alpha=1e-9, kernel="rbf", gamma=0.01).fit(X, y)
    assert np.linalg.norm(huge.dual_coef_) > 1e6
    twin = FrugalKernelRidge.from_estimator(huge)
    assert twin.landmarks_.dtype == np.float64
    rows = NEW.astype(np.float32)
    desired = huge.predict(rows.astype(np.float64))
    assert np.abs(twin.predict(rows) - desired).max() < 1e-5 * np.ptp(desired)


def test_twin_can_be_fitted_again_with_the_same_kernel():
    model = KernelRidge(alpha=0.1, kernel="poly", degree=2, gamma=0.3).fit(X, y)
    twin = FrugalKernelRidge.from_estimator(model)
    refitted = clone(twin).set_params(alpha=0.1).fit(X, y)
    assert_allclose(refitted.predict(NEW), model.predict(NEW), rtol=1e-6)


def test_twin_knows_the_names_of_features_and_their_number():
    frames = importlib.import_module("pandas")
    names = [f"column_{i}" for i in range(6)]
    model = SVR().fit(frames.DataFrame(X, columns=names), y)
    twin = FrugalKernelRidge.from_estimator(model)
    assert twin.feature_names_in_.tolist() == names
    with pytest.raises(ValueError, match="5 features"):
        FrugalKernelRidge.from_estimator(SVR().fit(X, y)).predict(X[:, :5])


def test_classifier_is_refused_by_the_regressor():
    with pytest.raises(TypeError, match="SVC cannot be read"):
        FrugalKernelRidge.from_estimator(SVC().fit(X, y > y.mean()))
