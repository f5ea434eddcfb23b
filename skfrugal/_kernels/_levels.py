"""Square factors as levels of a butterfly, and their unit form."""

import numpy as np

# Beyond these the diagonals of the unit form are too far from 1: a coefficient or an
# intermediate value of ordinary rows could leave the range of the dtype.
UNIT_FORM_LIMIT = {np.dtype(np.float32): 1e15, np.dtype(np.float64): 1e100}


class Level:
    """A square factor (a, K, K, d), K and d powers of two, by exclusive or.

    y_i is the sum over t < K of ``weights[t, i] * x[i ^ t * stride]``.
    """

    def __init__(self, values):
        _, radix, _, d = values.shape
        self.radix, self.stride = radix, d
        # one precision above the kernel's: the unit form multiplies and divides
        high = np.longdouble if values.dtype == np.float64 else np.float64
        j = np.arange(radix)
        self.weights = np.stack(
            [values[:, j, j ^ t].astype(high).reshape(-1) for t in range(radix)]
        )

    def partner(self, t):
        return np.arange(self.weights.shape[1]) ^ t * self.stride


def unit_form(levels, position):
    """Coefficients with unit diagonals, and the one diagonal left.

    The product of the levels (the first is applied first) is that of
    ``x + sum over t of r[t] * x[partner(t)]``, with ``x *= scale`` before level
    `position`.

    Returns
    -------
    coefficients : list of ndarray of shape (radix, n)
    scale : ndarray of shape (n,)
    """
    coefficients = [np.ones_like(level.weights) for level in levels]
    before = np.ones_like(levels[0].weights[0])
    after = before.copy()
    with np.errstate(all="ignore"):
        for k in range(position):
            level = levels[k]
            moved = level.weights[0] * before
            for t in range(1, level.radix):
                ratio = before[level.partner(t)] / moved
                coefficients[k][t] = level.weights[t] * ratio
            before = moved
        for k in range(len(levels) - 1, position - 1, -1):
            level = levels[k]
            moved = after * level.weights[0]
            for t in range(1, level.radix):
                ratio = after / moved[level.partner(t)]
                coefficients[k][t] = level.weights[t] * ratio
            after = moved
        return coefficients, before * after


def is_unit_form_safe(coefficients, scale, dtype):
    """Whether no number of the unit form endangers the range of the dtype.

    Each path through the levels is the same product in both forms, so that the unit
    form is as accurate as the full one as long as nothing overflows or underflows.
    """
    limit = UNIT_FORM_LIMIT[np.dtype(dtype)]
    with np.errstate(all="ignore"):
        size = np.abs(scale)
        return bool(
            np.all((size >= 1 / limit) & (size <= limit))
            and all(np.all(np.abs(r) <= limit) for r in coefficients)
        )
