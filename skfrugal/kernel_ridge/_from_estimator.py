"""Estimators of this module from fitted models of scikit-learn."""

import numpy as np
from sklearn.frozen import FrozenEstimator

# Single precision serves where it changes predictions by less than this fraction of
# their range: between the rows that are looked at they may be a few times worse.
_SINGLE_ERROR = 2e-6
# Rows that are looked at.
_N_PROBES = 1024


def fitted_twin(cls, fitted, kernel_sum):
    """Build a `cls` that predicts as `fitted` does.

    Parameters
    ----------
    cls : type
        `FrugalKernelRidge` or its classifier.

    fitted : estimator
        The model that was read.

    kernel_sum : KernelSum
        What was read of it, see `skfrugal.kernel_ridge._convert`.

    Returns
    -------
    model : cls
        Fitted; its parameters are such that `fit` would use the same kernel, but for
        feature weights.
    """
    projection = kernel_sum.projection
    model = cls(
        len(kernel_sum.landmarks),
        kernel=kernel_sum.kernel,
        kernel_params=kernel_sum.kernel_params,
        fit_intercept=bool(np.any(kernel_sum.intercept)),
        projection=None if projection is None else FrozenEstimator(projection),
        **kernel_sum.parameters,
    )
    model.landmarks_ = kernel_sum.landmarks
    model.dual_coef_ = kernel_sum.dual_coef
    model.intercept_ = kernel_sum.intercept
    model.gamma_ = kernel_sum.parameters.get("gamma")
    model.n_iter_ = 0
    if kernel_sum.feature_weights is not None:
        model.feature_weights_ = kernel_sum.feature_weights
    model.landmarks_ = _rounded(model)
    # Probes are rows behind the projection, so it comes last.
    if projection is not None:
        model.projection_ = projection
    model.n_features_in_ = fitted.n_features_in_
    if hasattr(fitted, "feature_names_in_"):
        model.feature_names_in_ = fitted.feature_names_in_
    if kernel_sum.classes is not None:
        model.classes_ = kernel_sum.classes
        model.votes_, model._multilabel = kernel_sum.votes, False
    return model


def _rounded(model):
    """Return the landmarks in float32 where predictions hardly notice."""
    exact = model.landmarks_
    some = exact[:_N_PROBES]
    rows = np.vstack([some, (some + np.roll(some, 1, axis=0)) / 2])
    desired = model._sums(rows)
    with np.errstate(over="ignore"):
        model.landmarks_ = narrow = exact.astype(np.float32)
    if not np.isfinite(narrow).all():
        return exact
    error = np.abs(model._sums(rows) - desired).max(axis=0)
    return narrow if (error <= _SINGLE_ERROR * np.ptp(desired, axis=0)).all() else exact
