"""The only door to scikit-learn's private names.

Everything that scikit-learn does not document but that a well-behaved estimator
needs is imported here and nowhere else, so that a new release of scikit-learn can
break one file at most.
"""

import numpy as np
import sklearn.cluster._kmeans
from sklearn.base import _fit_context
from sklearn.utils._param_validation import (
    HasMethods,
    Interval,
    RealNotInt,
    StrOptions,
    validate_params,
)
from sklearn.utils.validation import _check_sample_weight, _is_arraylike_not_scalar

try:
    from sklearn.callback import CallbackSupportMixin
except ImportError:

    class CallbackSupportMixin:
        """Stand-in before scikit-learn 1.9: estimators run without callbacks."""

        def _init_callback_context(self, **_):
            return _NoCallbacks()

    class _NoCallbacks:
        def subcontext(self, **_):
            return self

        def call_on_fit_task_begin(self, **_):
            return self

        def call_on_fit_task_end(self, **_):
            return False


# How the draws of k-means++ are looked up: in float64 before scikit-learn 1.8 or so.
cumulated_for_draws = getattr(sklearn.cluster._kmeans, "stable_cumsum", np.cumsum)


def support_vector_gamma(fitted):
    """The number that "scale" or "auto" became in a fitted support vector machine."""
    return fitted._gamma


def gaussian_process_scale(fitted):
    """Mean and deviation of the targets that a Gaussian process was fitted without."""
    return fitted._y_train_mean, fitted._y_train_std


__all__ = [
    "CallbackSupportMixin",
    "HasMethods",
    "Interval",
    "RealNotInt",
    "StrOptions",
    "_check_sample_weight",
    "_fit_context",
    "_is_arraylike_not_scalar",
    "cumulated_for_draws",
    "gaussian_process_scale",
    "support_vector_gamma",
    "validate_params",
]
