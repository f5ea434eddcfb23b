"""Checks that are not scikit-learn's, and the sentences that they raise."""

import numbers

import numpy as np


def as_inexact(array, name="X"):
    """Array in the dtype that `inexact_dtype` tells."""
    array = np.asarray(array)
    if array.dtype.kind not in "biufc":
        raise TypeError(
            f"{name} must be an array of numbers; got dtype {array.dtype}. "
            f"Pass {name} as float32 or float64, or convert it first."
        )
    return array.astype(inexact_dtype(array.dtype), copy=False)


def inexact_dtype(dtype):
    """The dtype in which numbers of `dtype` are kept and computed with.

    float32, float64, complex64 or complex128 in native byte order: integers become
    float64, float16 float32, and extended precision double.
    """
    dtype = np.dtype(dtype)
    if dtype.kind in "biu":
        return np.dtype(np.float64)
    single = np.finfo(dtype).bits <= 32
    kind = np.complex64 if dtype.kind == "c" else np.float32
    return np.result_type(kind, np.float32 if single else np.float64)


def check_int(value, name, smallest):
    """`value` as an int, at least `smallest`."""
    is_int = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if not is_int or value < smallest:
        raise ValueError(f"{name} must be an integer >= {smallest}; got {value!r}.")
    return int(value)


def check_positive_int(value, name):
    """`value` as an int, at least 1."""
    return check_int(value, name, 1)


def check_rng(random_state):
    """NumPy RandomState of a seed, of None (the global one) or of itself."""
    if random_state is None or random_state is np.random:
        return np.random.mtrand._rand
    if isinstance(random_state, numbers.Integral):
        return np.random.RandomState(random_state)
    if isinstance(random_state, np.random.RandomState):
        return random_state
    raise ValueError(
        f"random_state must be None, an integer or a numpy.random.RandomState; "
        f"got {random_state!r}."
    )
