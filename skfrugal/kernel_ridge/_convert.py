"""Fitted kernel machines of scikit-learn, read as sums over landmarks.

Every function here is pure: it reads a fitted model and returns a `KernelSum`, or
raises a `TypeError` that names what cannot be read.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse
from sklearn.base import is_classifier, is_regressor
from sklearn.gaussian_process import GaussianProcessRegressor, kernels
from sklearn.kernel_approximation import Nystroem
from sklearn.kernel_ridge import KernelRidge
from sklearn.metrics.pairwise import KERNEL_PARAMS
from sklearn.pipeline import Pipeline
from sklearn.svm import SVC, SVR, NuSVC, NuSVR
from sklearn.utils.validation import check_is_fitted

from skfrugal._sklearn import gaussian_process_scale, support_vector_gamma
from skfrugal.kernel_approximation import FrugalNystroem
from skfrugal.solvers._rows import fingerprint

REGRESSORS = (
    "KernelRidge, SVR, NuSVR, GaussianProcessRegressor, a Pipeline of Nystroem and a "
    "linear regressor, or a Pipeline that ends in one of these"
)
CLASSIFIERS = (
    "SVC, NuSVC, a Pipeline of Nystroem and a linear classifier, or a Pipeline that "
    "ends in one of these"
)
GAUSSIAN_PROCESS_KERNELS = (
    "RBF and Matern (nu 0.5, 1.5, 2.5 or inf), times constants, plus ConstantKernel "
    "and WhiteKernel"
)
# nu of Matern -> (name here, factor of gamma over 1 / length scale)
MATERN = {
    0.5: ("matern12", 1.0),
    1.5: ("matern32", 1.0),
    2.5: ("matern52", 1.0),
    np.inf: ("rbf", 0.5),
}


@dataclass(frozen=True)
class OneVersusOne:
    """How the decisions on pairs of classes become labels, as libsvm does it."""

    n_classes: int
    shape: str  # "ovr" or "ovo": what `decision_function` returns
    break_ties: bool

    def _sides(self):
        """Which class wins (columns) where a pair's decision is > 0, and where not."""
        first, second = np.triu_indices(self.n_classes, 1)
        unit = np.eye(self.n_classes)
        return unit[first], unit[second]

    def decision(self, pairs):
        """Return what `decision_function` returns for the decisions on pairs."""
        if self.shape == "ovo":
            return pairs
        first, second = self._sides()
        votes = (pairs >= 0) @ first + (pairs < 0) @ second
        confidence = pairs @ (first - second)
        # Below 1/3 in size: it breaks ties and overturns no vote.
        return votes + confidence / (3 * (np.abs(confidence) + 1))

    def labels(self, pairs):
        """Return the positions of the classes with most votes, the first of equals."""
        if self.break_ties:
            return self.decision(pairs).argmax(axis=1)
        first, second = self._sides()
        return ((pairs > 0) @ first + (pairs <= 0) @ second).argmax(axis=1)


@dataclass(frozen=True)
class Linear:
    """The end of a pipeline: a kernel map, and what stands on its features."""

    features: object  # Nystroem or FrugalNystroem
    last: object


@dataclass(frozen=True)
class KernelSum:
    """``f(x) = sum_j k(x, z_j) a_j + b``, of x behind a projection if there is one."""

    landmarks: np.ndarray  # (m, d), float64: the z_j
    dual_coef: np.ndarray  # (m,) or (m, t): the a_j
    intercept: float | np.ndarray  # b: a number or (t,)
    kernel: object  # name or callable
    parameters: dict  # gamma, degree and coef0, those that the kernel has
    kernel_params: dict | None = None  # of a callable kernel
    # k(x, z) is the kernel of x sqrt(w) and z sqrt(w).
    feature_weights: np.ndarray | None = None
    projection: object = None  # fitted transformer
    classes: np.ndarray | None = None
    votes: OneVersusOne | None = None  # with it, the t outputs are pairs of classes


def convert_regressor(fitted):
    """Read a fitted regressor as a `KernelSum`.

    Parameters
    ----------
    fitted : estimator
        One of `REGRESSORS`.

    Returns
    -------
    kernel_sum : KernelSum

    Raises
    ------
    TypeError
        If the model, or its kernel, is none that can be read.
    sklearn.exceptions.NotFittedError
        If the model is not fitted.
    """
    readers = {
        KernelRidge: _kernel_ridge,
        (SVR, NuSVR): _support_vector_regressor,
        GaussianProcessRegressor: _gaussian_process,
        Linear: _linear_regressor,
    }
    return _merged(_convert(fitted, readers, REGRESSORS))


def convert_classifier(fitted):
    """Read a fitted classifier, one of `CLASSIFIERS`, as a `KernelSum` with classes.

    Parameters, result and errors are those of `convert_regressor`.
    """
    readers = {(SVC, NuSVC): _support_vector_classifier, Linear: _linear_classifier}
    return _merged(_convert(fitted, readers, CLASSIFIERS))


def _merged(kernel_sum):
    """Add the coefficients of landmarks that are equal."""
    marks = fingerprint(kernel_sum.landmarks)
    _, first, kind = np.unique(marks, return_index=True, return_inverse=True)
    if first.size == marks.size:
        return kernel_sum
    coef = np.zeros((first.size, *kernel_sum.dual_coef.shape[1:]))
    np.add.at(coef, kind, kernel_sum.dual_coef)
    return replace(kernel_sum, landmarks=kernel_sum.landmarks[first], dual_coef=coef)


def _convert(fitted, readers, supported):
    model, before = fitted, []
    if isinstance(fitted, Pipeline):
        check_is_fitted(fitted)
        *before, (_, model) = (
            step for step in fitted.steps if step[1] not in (None, "passthrough")
        )
        if before and isinstance(before[-1][1], (Nystroem, FrugalNystroem)):
            model = Linear(before.pop()[1], model)
    for kinds, read in readers.items():
        if isinstance(model, kinds):
            kernel_sum = read(model)
            projection = Pipeline(before) if before else None
            return replace(kernel_sum, projection=projection)
    names = [type(step).__name__ for _, step in (*before, ("", model))]
    raise TypeError(
        f"{' + '.join(names)} cannot be read as a sum over landmarks; pass a fitted "
        f"{supported}."
    )


def _kernel(model, n_features, gamma):
    """Return name or function of a kernel, its parameters, and those of a function."""
    kernel = model.kernel
    if callable(kernel):
        return kernel, {}, dict(model.kernel_params or {})
    if kernel == "precomputed":
        raise TypeError(
            f"{type(model).__name__} has kernel='precomputed', which knows no "
            "landmarks; pass a model fitted on rows, with a named kernel."
        )
    # Of what is None, the kernel function has a default.
    defaults = {"gamma": 1.0 / n_features, "degree": 3, "coef0": 1}
    if kernel == "chi2":
        defaults["gamma"] = 1.0
    given = {"gamma": gamma, "degree": model.degree, "coef0": model.coef0}
    given = {name: value for name, value in given.items() if value is not None}
    given = {**defaults, **(getattr(model, "kernel_params", None) or {}), **given}
    names = KERNEL_PARAMS.get(kernel, {"gamma"})
    return kernel, {name: given[name] for name in names if name in given}, None


def _rows(X):
    X = X.toarray() if sparse.issparse(X) else X
    return np.array(X, dtype=np.float64)


def _kernel_ridge(model):
    check_is_fitted(model)
    kernel = _kernel(model, model.n_features_in_, model.gamma)
    return KernelSum(_rows(model.X_fit_), model.dual_coef_, 0.0, *kernel)


def _check_support_vectors(model):
    check_is_fitted(model)
    if callable(model.kernel) or model.kernel == "precomputed":
        raise TypeError(
            f"{type(model).__name__} has kernel={model.kernel!r}, of which single "
            "values are not known; pass a model with kernel 'linear', 'poly', 'rbf' or "
            "'sigmoid'."
        )
    return _kernel(model, model.n_features_in_, support_vector_gamma(model))


def _support_vector_regressor(model):
    kernel = _check_support_vectors(model)
    coef, landmarks = _rows(model.dual_coef_)[0], _rows(model.support_vectors_)
    return KernelSum(landmarks, coef, model.intercept_.item(), *kernel)


def _support_vector_classifier(model):
    kernel = _check_support_vectors(model)
    dual, landmarks = _rows(model.dual_coef_), _rows(model.support_vectors_)
    n_classes, votes = len(model.classes_), None
    if n_classes == 2:
        coef, intercept = dual[0], model.intercept_.item()
    else:
        first, second = np.triu_indices(n_classes, 1)
        own = np.repeat(np.arange(n_classes), model.n_support_)[:, None]
        # Row k of dual_coef_: against the k-th of the other classes.
        coef = np.where(own == first, dual.T[:, second - 1], 0.0)
        coef += np.where(own == second, dual.T[:, first], 0.0)
        intercept = model.intercept_
        shape, ties = model.decision_function_shape, model.break_ties
        if ties and shape == "ovo":
            raise TypeError(
                "break_ties=True with decision_function_shape='ovo' cannot predict; "
                "set break_ties=False or decision_function_shape='ovr' first."
            )
        votes = OneVersusOne(n_classes, shape, ties)
    read = KernelSum(landmarks, coef, intercept, *kernel)
    return replace(read, classes=model.classes_, votes=votes)


def _gaussian_process(model):
    check_is_fitted(model, "X_train_")
    scale, constant, form = _covariance(model.kernel_)
    mean, deviation = gaussian_process_scale(model)
    dual = np.asarray(model.alpha_, dtype=np.float64)
    # A constant in the kernel is a constant in the prediction.
    intercept = mean + deviation * constant * dual.sum(axis=0)
    if dual.ndim == 1:
        intercept = np.asarray(intercept).item()
    landmarks = _rows(model.X_train_)
    if form is None:
        form, scale = ("linear", {}, None), 0.0
    kernel, parameters, weights = form
    read = KernelSum(landmarks, deviation * scale * dual, intercept, kernel, parameters)
    return replace(read, feature_weights=weights)


def _covariance(kernel):
    """Read a kernel as ``scale k(x, z) + constant``, where x is not a training row.

    Returns
    -------
    scale, constant : float
    form : tuple of str, dict and ndarray, or None
        Name, parameters and feature weights of k; None for k = 0.
    """
    if isinstance(kernel, kernels.ConstantKernel):
        return 0.0, kernel.constant_value, None
    if isinstance(kernel, kernels.WhiteKernel):
        return 0.0, 0.0, None
    if isinstance(kernel, (kernels.Sum, kernels.Product)):
        one, two = _covariance(kernel.k1), _covariance(kernel.k2)
        if one[2] is None:
            one, two = two, one
        if isinstance(kernel, kernels.Sum) and two[2] is None:
            return one[0], one[1] + two[1], one[2]
        # White noise times something is white noise still.
        if isinstance(kernel, kernels.Product) and two[2] is None:
            return one[0] * two[1], one[1] * two[1], one[2]
    if type(kernel) is kernels.RBF or (
        type(kernel) is kernels.Matern and kernel.nu in MATERN
    ):
        name, factor = MATERN[getattr(kernel, "nu", np.inf)]
        inverse = 1.0 / np.atleast_1d(np.asarray(kernel.length_scale, dtype=float))
        power = 2 if name == "rbf" else 1
        if inverse.size == 1:
            return 1.0, 0.0, (name, {"gamma": factor * inverse.item() ** power}, None)
        return 1.0, 0.0, (name, {"gamma": factor}, inverse**2)
    raise TypeError(
        f"the kernel {kernel} of a Gaussian process cannot be read; possible are "
        f"{GAUSSIAN_PROCESS_KERNELS}."
    )


def _linear_regressor(model):
    return _linear(model, is_regressor, "predict", REGRESSORS)


def _linear_classifier(model):
    read = _linear(model, is_classifier, "decision_function", CLASSIFIERS)
    return replace(read, classes=model.last.classes_)


def _linear(model, is_kind, outputs, supported):
    """Read a linear model of features ``K N^T`` as coefficients of the landmarks.

    Whether it is linear is seen from the `outputs` that it gives, not from its class.
    """
    features, last = model.features, model.last
    check_is_fitted(last)
    shape = np.shape(features.normalization_)
    linear = is_kind(last) and hasattr(last, "coef_") and hasattr(last, outputs)
    if linear:
        coef = _rows(last.coef_).reshape(-1, shape[0])
        intercept = np.asarray(last.intercept_, dtype=np.float64)
        probe = np.random.RandomState(0).standard_normal((8, shape[1]))
        probe = probe.astype(features.normalization_.dtype)
        desired = getattr(last, outputs)(probe)
        found = (probe @ coef.T + intercept).reshape(desired.shape)
        # A model that was fitted in float32 rounds in float32.
        tolerance = shape[0] * np.finfo(np.float32).eps * np.abs(desired).max()
        linear = np.abs(found - desired).max() <= tolerance
        linear &= np.ndim(getattr(last, "classes_", [])) == 1
    # Of several labels a row `classes_` are no classes of which one is right.
    if not linear or (is_kind is is_classifier and last.predict(probe).ndim > 1):
        raise TypeError(
            f"{type(last).__name__} behind {type(features).__name__} is not read as a "
            f"linear model of one kind of label; pass a fitted {supported}."
        )
    dual = features.normalization_.astype(np.float64).T @ coef.T
    single = desired.ndim == 1
    intercept = intercept.item() if single else np.resize(intercept, dual.shape[1])
    kernel = _kernel(features, features.n_features_in_, features.gamma)
    landmarks = _rows(features.components_)
    return KernelSum(landmarks, dual[:, 0] if single else dual, intercept, *kernel)
