"""What a budget of stored values means."""

import math
import numbers

from skfrugal.structures._checks import check_shape

# The fraction of the dense matrix that budget=None stands for.
DEFAULT_BUDGET = 1 / 6


def budget_in_values(budget, shape):
    """Number of stored values that a budget allows for a matrix of this shape.

    Parameters
    ----------
    budget : int, float or None
        An int counts stored values, a float in (0, 1] is a fraction of the dense
        matrix, None means 1/6.
    shape : (int, int)

    Returns
    -------
    n_values : int

    Examples
    --------
    >>> from skfrugal.structures import budget_in_values
    >>> [budget_in_values(budget, (30, 20)) for budget in (None, 0.5, 50)]
    [100, 300, 50]
    """
    size = math.prod(check_shape(shape))
    if budget is None:
        budget = DEFAULT_BUDGET
    if isinstance(budget, numbers.Integral) and not isinstance(budget, bool):
        if budget >= 1:
            return int(budget)
    elif isinstance(budget, numbers.Real) and not isinstance(budget, bool):
        if 0 < budget <= 1:
            return math.floor(budget * size * (1 + 1e-12))
    raise ValueError(
        f"budget={budget!r} is not a budget; pass a positive int (stored values), a "
        f"float in (0, 1] (fraction of the dense matrix) or None (1/6)."
    )
