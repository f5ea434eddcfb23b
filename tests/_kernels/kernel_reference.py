"""Slow twins of the kernels, and how a test runs one."""

import numpy as np
from skfrugal._kernels._bindings import aligned_empty

from skfrugal import _kernels

TABLES = _kernels.tables()


def random_values(n, rng, kind="normal", down=False):
    values = []
    d = 1
    while d < n:
        v = rng.standard_normal((n // (2 * d), 2, 2, d))
        if kind == "rotation":
            t = rng.uniform(0, 2 * np.pi, (n // (2 * d), d))
            v = np.stack(
                [
                    np.stack([np.cos(t), np.sin(t)], 1),
                    np.stack([-np.sin(t), np.cos(t)], 1),
                ],
                1,
            )
        values.append(v)
        d *= 2
    return values[::-1] if down else values


def rows_of(v, x):
    a, b, c, d = v.shape
    return np.einsum("ijkl,nikl->nijl", v, x.reshape(len(x), a, c, d)).reshape(
        len(x), a * b * d
    )


def apply_reference(values, x):
    high = np.float64 if x.dtype == np.float32 else np.longdouble
    y, bound = x.astype(high), np.abs(x).astype(high)
    for v in values:
        y, bound = rows_of(v.astype(high), y), rows_of(np.abs(v).astype(high), bound)
    return y, bound


def run(table, packed, x, y=None, stream=False):
    y = np.full((len(x), packed.shape[0]), np.nan, x.dtype) if y is None else y
    scratch = aligned_empty(packed.scratch_size, x.dtype)
    scratch[:] = np.nan
    table.chain(packed, x, y, scratch, 0, len(x), stream)
    return y
