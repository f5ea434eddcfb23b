"""Checks of parameters that depend on each other or on the number of features."""

import math
import warnings
from numbers import Integral

from skfrugal.decomposition._choices import needs_folds


def check_sizes(transformer, n):
    """Check the parameters that depend on the number of features."""
    k = transformer.n_components
    if isinstance(k, Integral) and k > n:
        raise ValueError(
            f"n_components={k} must be at most the number of features, {n}."
        )
    if transformer.max_excess is not None and k in (None, n):
        raise ValueError(
            f"max_excess={transformer.max_excess} bounds the error of fewer "
            f"coordinates than features; pass n_components below {n}, or a fraction."
        )
    shape = transformer.feature_shape
    if shape is not None and transformer.pairing == "learned":
        raise ValueError(
            f"feature_shape={shape} has no effect with pairing='learned'; pass "
            f"pairing='auto' or 'fixed', or leave feature_shape=None."
        )
    if shape is not None and not (
        all(isinstance(side, Integral) and side > 0 for side in shape)
        and math.prod(shape) == n
    ):
        raise ValueError(
            f"feature_shape={shape} must be positive integers whose product is "
            f"the number of features, {n}."
        )
    if isinstance(transformer.core, Integral):
        smallest = n if k is None else k if isinstance(k, Integral) else 1
        if not smallest <= transformer.core <= n:
            raise ValueError(
                f"core={transformer.core} must lie between n_components={k} and the "
                f"number of features, {n} (n_components=None keeps all of them)."
            )


def check_can_go_on(transformer):
    """Whether `partial_fit` goes on from calls before; an error if it cannot."""
    seen = getattr(transformer, "_seen", None)
    if seen is None:
        if hasattr(transformer, "operator_"):
            warnings.warn(
                "partial_fit starts anew: fit keeps no second moments to go on from. "
                "Pass the first rows to partial_fit instead of fit.",
                UserWarning,
                stacklevel=4,
            )
        return False
    folds, _ = seen
    if len(folds) == 1 and needs_folds(transformer, None, transformer.n_features_in_):
        raise ValueError(
            f"depth={transformer.depth!r} and pairing={transformer.pairing!r} may need "
            f"rows held out, but partial_fit began without. Set them before the first "
            f"call."
        )
    return True
