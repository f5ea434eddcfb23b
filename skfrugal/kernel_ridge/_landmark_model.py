"""What the regressor and the classifier share: fitting, storing, predicting."""

import warnings
from abc import ABC, abstractmethod
from contextlib import contextmanager
from dataclasses import replace
from numbers import Integral, Real
from weakref import WeakKeyDictionary

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, clone
from sklearn.decomposition import PCA
from sklearn.utils import check_array, check_random_state
from sklearn.utils.validation import validate_data

from skfrugal._sklearn import (
    CallbackSupportMixin,
    HasMethods,
    Interval,
    StrOptions,
)
from skfrugal.kernel_ridge._learning import (
    KERNELS,
    LANDMARKS,
    SOLVERS,
    Table,
    kernel_parameters,
    learn,
    pairwise,
)
from skfrugal.kernel_ridge._refining import check_refinable, learn_refined
from skfrugal.operators._fused_kernels import FUSED_KERNELS, FusedKernel
from skfrugal.solvers._landmark_kernel import LandmarkKernel
from skfrugal.solvers._landmark_search import check_alpha, unit_scale
from skfrugal.solvers._rows import batches, canonical_rows, positive_rows
from skfrugal.structures import STRUCTURES

# Landmarks packed for this machine, outside the estimators: neither pickled nor seen.
_PACKED = WeakKeyDictionary()

CONSTRAINTS = {
    "n_components": [Interval(Integral, 1, None, closed="left")],
    "structure": [
        StrOptions(set(STRUCTURES)),
        HasMethods(["project", "n_parameters"]),
        None,
    ],
    "alpha": [
        Interval(Real, 0, None, closed="left"),
        StrOptions({"auto"}),
        "array-like",
    ],
    "kernel": [StrOptions({*KERNELS, "precomputed"}), callable],
    "gamma": [Interval(Real, 0, None, closed="left"), StrOptions({"auto"}), None],
    "degree": [Interval(Real, 0, None, closed="left")],
    "coef0": [Interval(Real, None, None, closed="neither")],
    "kernel_params": [dict, None],
    "fit_intercept": ["boolean"],
    "landmarks": [StrOptions(LANDMARKS), "array-like"],
    "projection": [
        Interval(Integral, 1, None, closed="left"),
        HasMethods(["fit", "transform"]),
        None,
    ],
    "solver": [StrOptions({"auto", *SOLVERS})],
    "refine": ["boolean"],
    "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
    "max_iter": [Interval(Integral, 1, None, closed="left")],
    "tol": [Interval(Real, 0, None, closed="left")],
    "random_state": ["random_state"],
    "verbose": ["verbose"],
}


class LandmarkModel(CallbackSupportMixin, BaseEstimator, ABC):
    """Abstract estimator whose predictions are sums over landmarks."""

    @abstractmethod
    def predict(self, X):
        """Predict for the rows of `X`."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def _learn(self, given, X, targets, *, fitted_y):
        """Fit `Targets` to rows, and store what was found.

        `given` is X as the user passed it, `fitted_y` what transformers are fitted to.
        """
        self._refuse_impossible()
        X = canonical_rows(X)
        rows, _, kept = positive_rows(X, targets.weight)
        targets = targets.take(kept)
        y, exponent = unit_scale(targets.y.astype(np.float64))
        alpha = check_alpha(self.alpha, y.shape[1])
        rng = check_random_state(self.random_state)
        projection = self._fit_projection(rows, fitted_y[kept], rng)
        table = Table(_project(projection, rows), replace(targets, y=y), alpha)
        with self._callback_task(given, fitted_y) as on_step:
            if self.refine:
                machine = learn_refined(self, table, rng, on_step)
            else:
                machine = learn(self, table, rng)
        machine = machine.scaled(exponent)
        for fault in machine.faults:
            # Past this method, `fit` and scikit-learn's wrapper: the user's line.
            warnings.warn(fault, stacklevel=4)
        # Only now, so that a fit that fails leaves the estimator as it was.
        validate_data(self, given, skip_check_array=True)
        self._store(machine, projection, single=fitted_y.ndim == 1 and y.shape[1] == 1)
        return self

    def _refuse_impossible(self):
        """Raise for what no landmarks can do."""
        if isinstance(self.kernel, str) and self.kernel == "precomputed":
            raise ValueError(
                "kernel='precomputed' is not possible: landmarks are points of the "
                "feature space, which a matrix of kernel values does not give. Pass "
                "the rows and a kernel name or function, or use KernelRidge."
            )
        if self.structure is not None and not self._is_fused:
            raise ValueError(
                f"structure={self.structure!r} with kernel={self.kernel!r} is not "
                "possible: structured landmarks serve kernels of inner products. Pass "
                f"one of {sorted(FUSED_KERNELS)} as kernel, or structure=None."
            )
        if self.refine:
            check_refinable(self.kernel)

    @property
    def _is_fused(self):
        return isinstance(self.kernel, str) and self.kernel in FUSED_KERNELS

    def _fit_projection(self, X, y, rng):
        """Fit what stands in front of the kernel, None for nothing."""
        if self.projection is None:
            return None
        if not isinstance(self.projection, Integral):
            return clone(self.projection).fit(X, y)
        if self.projection > min(X.shape):
            raise ValueError(
                f"projection={self.projection} axes are more than {X.shape[0]} rows of "
                f"{X.shape[1]} features have; pass a number <= {min(X.shape)}, or None."
            )
        return PCA(int(self.projection), random_state=rng).fit(X)

    @contextmanager
    def _callback_task(self, X, y):
        """Give the function that reports a step of the refinement."""
        task = self._init_callback_context(max_subtasks=self.max_iter)
        hook = {"estimator": self, "X": X, "y": y}
        task.call_on_fit_task_begin(**hook)

        def on_step(refined):
            step = task.subcontext(task_name="iteration")
            step.call_on_fit_task_begin(**hook)
            if self.verbose:
                print(
                    f"Iteration {refined.n_iter}: objective {refined.objective:.6g}, "
                    f"held-out error {refined.score:.4g} std(y)"
                )
            state = {"landmarks_": refined.landmarks}
            return step.call_on_fit_task_end(**hook, reconstruction_attributes=state)

        yield on_step
        task.call_on_fit_task_end(**hook, reconstruction_attributes=dict)

    def _store(self, machine, projection, *, single):
        """Set the fitted attributes; `single` targets are numbers."""
        solution = machine.solution
        for name in ("operator_", "projection_", "feature_weights_"):
            if hasattr(self, name):
                delattr(self, name)
        self.landmarks_, self.gamma_ = machine.landmarks, machine.gamma
        self.dual_coef_ = solution.dual_coef[:, 0] if single else solution.dual_coef
        self.intercept_, self.alpha_, self.loo_error_ = (
            value.item() if single else np.array(value)
            for value in (solution.intercept, solution.alpha, solution.loo_error)
        )
        if machine.operator is not None:
            self.operator_ = machine.operator.astype(self.landmarks_.dtype)
        if projection is not None:
            self.projection_ = projection
        if self.refine:
            n_features = self.landmarks_.shape[1]
            scale = np.ones(n_features) if machine.scale is None else machine.scale
            self.feature_weights_ = scale**2
            self.validation_score_ = machine.score.item() if single else machine.score
        elif hasattr(self, "validation_score_"):
            del self.validation_score_
        self.n_iter_ = machine.n_iter

    def _sums(self, X):
        """Predictions of validated rows, (n, t), in their dtype."""
        X = canonical_rows(X)
        dtype = X.dtype
        X = _project(getattr(self, "projection_", None), X)
        coef = self.dual_coef_.reshape(len(self.dual_coef_), -1)
        weights = getattr(self, "feature_weights_", None)
        scale = None if weights is None else np.sqrt(weights)
        if self._is_fused and not sparse.issparse(X):
            # In float64 where float32 would be noise, whatever the rows.
            single = self.landmarks_.dtype == np.float32
            X = X if single else X.astype(np.float64, copy=False)
            if scale is not None:
                X = X * scale.astype(X.dtype)
            fused = self._pack(scale, "single" if single else None)
            return fused.predict(X, coef, self.intercept_).astype(dtype, copy=False)
        seen = getattr(self, "operator_", self.landmarks_)
        if scale is not None and not hasattr(self, "operator_"):
            seen = seen * scale
        kernel = LandmarkKernel(pairwise(self, self.gamma_), seen, X, scale)
        result = np.empty((X.shape[0], coef.shape[1]), dtype=dtype)
        for rows in batches(X.shape[0], len(coef)):
            result[rows] = kernel(rows) @ coef + self.intercept_
        return result

    def _pack(self, scale, precision):
        """Return the landmarks packed for this machine, once for these landmarks."""
        seen = getattr(self, "operator_", self.landmarks_)
        key = seen, self.gamma_
        stored, fused = _PACKED.get(self, ((None, None), None))
        if stored[0] is not seen or stored[1] != self.gamma_:
            if scale is not None and seen is self.landmarks_:
                seen = seen * scale
            parameters = kernel_parameters(self, self.gamma_)
            fused = FusedKernel(seen, self.kernel, precision=precision, **parameters)
            _PACKED[self] = key, fused
        return fused


def _project(projection, X):
    """Return the rows that the kernel sees."""
    if projection is None:
        return X
    rows = projection.transform(X)
    if not sparse.issparse(rows):
        rows = np.asarray(rows)
    rows = check_array(rows, accept_sparse="csr", dtype=[np.float64, np.float32])
    return canonical_rows(rows)
