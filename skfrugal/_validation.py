"""Checks that are not scikit-learn's, and the sentences that they raise."""

import numbers

import numpy as np
import scipy.sparse as sp


def as_inexact(array, name="X"):
    """Array with a floating dtype: integers become float64, float16 float32."""
    array = np.asarray(array)
    if array.dtype.kind not in "biufc":
        raise TypeError(
            f"{name} must be an array of numbers; got dtype {array.dtype}. "
            f"Pass {name} as float32 or float64, or convert it first."
        )
    return array.astype(inexact_dtype(array.dtype), copy=False)


def as_inexact_sparse(matrix):
    """Sparse matrix as CSR with a floating dtype."""
    return sp.csr_array(matrix, dtype=inexact_dtype(matrix.dtype))


def inexact_dtype(dtype):
    """The dtype in which values of ``dtype`` are computed with."""
    dtype = np.dtype(dtype)
    if dtype.kind in "biu":
        return np.dtype(np.float64)
    if dtype == np.float16:
        return np.dtype(np.float32)
    return dtype


def check_positive_int(value, name):
    """``value`` as an int, at least 1."""
    if not isinstance(value, numbers.Integral) or isinstance(value, bool) or value < 1:
        raise ValueError(f"{name} must be a positive integer; got {value!r}.")
    return int(value)


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
