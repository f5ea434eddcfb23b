"""The matrix to factorize: checked, and brought to a scale where squares are safe."""

import math

import numpy as np

from skfrugal._validation import inexact_dtype


def check_matrix(A, name="A"):
    """Return `A` as a finite, non-empty, two-dimensional floating-point array."""
    A = np.asarray(A)
    if A.dtype.kind not in "biufc":
        raise ValueError(
            f"{name} has dtype {A.dtype}; pass a dense array of real or complex "
            f"numbers (for a sparse matrix or an operator, its toarray())."
        )
    if A.ndim != 2 or 0 in A.shape:
        raise ValueError(
            f"{name} has shape {A.shape}; pass a matrix with at least one row and one "
            f"column."
        )
    A = A.astype(inexact_dtype(A.dtype), copy=False)
    if not np.isfinite(A).all():
        raise ValueError(
            f"{name} contains NaN or infinity; pass finite values, for example after "
            f"imputing what is missing."
        )
    return A


def scale(array, exponent):
    """``array * 2**exponent``, exact short of overflow and underflow."""
    array = np.asarray(array)
    with np.errstate(over="ignore", under="ignore"):
        if array.dtype.kind == "c":
            array = np.ascontiguousarray(array)
            return np.ldexp(array.view(np.float64), exponent).view(array.dtype)
        return np.ldexp(array, exponent)


def standardise(A, within=0):
    """Bring the largest part of an entry to [0.5, 1): ``A = result * 2**exponent``.

    In float64, where squares of single precision neither overflow nor underflow.  With
    `within`, a largest part of ``2**-within`` to ``2**within`` stays what it is: a copy
    is saved, and the result may be `A` itself.
    """
    A = A.astype(np.result_type(A, np.float64), copy=False)
    exponent = binary_exponent(A)
    if abs(exponent) <= within:
        return A, 0
    return scale(A, -exponent), exponent


def in_common_scale(factors, exponent, dtype):
    """Factors of ``2**exponent * (product of the factors)``, and what they round to.

    Powers of two are moved between the factors until their largest entries agree, so
    that no factor overflows where the matrix does not.  First in `dtype`; then again as
    given, without the common scale, but as rounded.
    """
    own = [binary_exponent(values) for values in factors]
    share, rest = divmod(exponent + sum(own), len(own))
    shifts = [share + (i < rest) - e for i, e in enumerate(own)]
    stored = [
        scale(values, shift).astype(dtype)
        for values, shift in zip(factors, shifts, strict=True)
    ]
    rounded = [
        scale(values.astype(factors[0].dtype), -shift)
        for values, shift in zip(stored, shifts, strict=True)
    ]
    return stored, rounded


def binary_exponent(A):
    """Exponent e with ``2**(e-1) <= largest part of an entry < 2**e``, or 0."""
    parts = np.ascontiguousarray(A).view(np.float64)
    return math.frexp(float(max(parts.max(initial=0.0), -parts.min(initial=0.0))))[1]


def energy(array):
    """Sum of squared moduli."""
    flat = np.ascontiguousarray(array).view(np.float64).ravel()
    return float(flat @ flat)
