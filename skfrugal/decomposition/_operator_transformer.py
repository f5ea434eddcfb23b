"""What every transformer answers whose linear map is an operator."""

from abc import ABC

import numpy as np
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
)
from sklearn.utils import assert_all_finite, check_array
from sklearn.utils.validation import check_is_fitted

from skfrugal.operators._fused_shift import shifted_rows

# Above this many entries a dense form would be a surprise, not a convenience.
_MAX_DENSE_ENTRIES = 2**24


def check_small(operator, name, instead):
    """Raise AttributeError, so that hasattr tells, of what would be too large."""
    m, n = operator.shape
    if m * n > _MAX_DENSE_ENTRIES:
        raise AttributeError(
            f"{name} would need a dense {m} x {n} array; use {instead}."
        )


class OperatorTransformer(
    ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator, ABC
):
    """Abstract transformer whose fitted state is `operator_`, a row for each output."""

    @property
    def components_(self):
        """`operator_` as a dense array."""
        check_is_fitted(self)
        instead = "X @ operator_.T, or operator_.toarray() if it must be"
        check_small(self.operator_, "components_", instead)
        return self.operator_.toarray()

    def _outputs(self, X):
        """``X @ operator_.T + _shift``; the rows are checked to be finite as well.

        Shifting the outputs instead of the rows avoids a copy of them.
        """
        outputs = shifted_rows(X, self.operator_, self._shift)
        if outputs is None:
            name = type(self).__name__
            assert_all_finite(X, input_name="X", estimator_name=name)
            outputs = X @ self.operator_.T
            outputs += self._shift
        return outputs

    def _checked_outputs(self, X):
        """Rows that `transform` may have returned."""
        check_is_fitted(self)
        X = check_array(X, dtype=[np.float64, np.float32], input_name="X")
        if X.shape[1] != self.operator_.shape[0]:
            raise ValueError(
                f"X has {X.shape[1]} columns, but this {type(self).__name__} has "
                f"{self.operator_.shape[0]} outputs. Pass what transform returned."
            )
        return X

    @property
    def _n_features_out(self):
        """Number of names that ClassNamePrefixFeaturesOutMixin makes."""
        return self.operator_.shape[0]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
