"""Estimators of this module from fitted models of scikit-learn."""

import numpy as np
from sklearn.metrics.pairwise import PAIRWISE_KERNEL_FUNCTIONS


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
        Fitted; its parameters are such that `fit` would use the same kernel.
    """
    _refuse_unavailable(kernel_sum)
    model = cls(
        len(kernel_sum.landmarks),
        kernel=kernel_sum.kernel,
        kernel_params=kernel_sum.kernel_params,
        fit_intercept=bool(np.any(kernel_sum.intercept)),
        **kernel_sum.parameters,
    )
    model.landmarks_ = kernel_sum.landmarks
    model.dual_coef_ = kernel_sum.dual_coef
    model.intercept_ = kernel_sum.intercept
    model.gamma_ = kernel_sum.parameters.get("gamma")
    model.n_features_in_ = fitted.n_features_in_
    if hasattr(fitted, "feature_names_in_"):
        model.feature_names_in_ = fitted.feature_names_in_
    return model


def _refuse_unavailable(kernel_sum):
    known = callable(kernel_sum.kernel) or kernel_sum.kernel in (
        PAIRWISE_KERNEL_FUNCTIONS
    )
    parts = {
        "steps in front of the kernel": kernel_sum.projection is not None,
        "a length scale for each feature": kernel_sum.feature_weights is not None,
        f"kernel={kernel_sum.kernel!r}": not known,
    }
    refused = [name for name, is_there in parts.items() if is_there]
    if refused:
        raise ValueError(
            f"the fitted model has {' and '.join(refused)}, which from_estimator does "
            "not carry over in this version; pass a model without."
        )
