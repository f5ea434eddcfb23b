"""What rounding may do to a kernel model."""

import numpy as np


def noise_of(model):
    """What rounding to float32 may do to a prediction, four times over."""
    return 4 * 2.0**-24 * np.sqrt(np.square(model.dual_coef_).sum())
