"""Kernel values of rows with landmarks: in blocks, in float64, finite."""

from collections.abc import Callable
from contextlib import nullcontext, suppress
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from skfrugal.operators import Operator
from skfrugal.operators._fused_kernels import (
    FUSED_KERNELS,
    SHIFT_INVARIANT,
    FusedKernel,
)
from skfrugal.solvers._rows import batches, row_values

# Squares of larger features overflow, or nearly so.
_HUGE = 1e150


@dataclass(frozen=True)
class PairwiseKernel:
    """A kernel and its parameters, of which every value is finite."""

    pairwise: Callable  # as scikit-learn's `pairwise_kernels`
    metric: object  # str or callable
    parameters: dict

    def __call__(self, A, B=None):
        """Return the kernel matrix between rows; of A with itself without B."""
        return self.against(A if B is None else B)(A)

    def against(self, B, scale=None):
        """Return the function of rows that gives their kernel values with those of B.

        It computes in float64.  Kernels of ours take dense rows; sparse ones, with
        many features, are better off with scikit-learn, and callables are its own.

        Parameters
        ----------
        B : {ndarray, Operator, sparse matrix} of shape (m, d)

        scale : ndarray of shape (d,) or None, default=None
            Numbers that multiply the columns of the rows first, not those of B.
        """
        fused = None
        if self.metric in FUSED_KERNELS and _is_ordinary(B):
            with suppress(ValueError) if self._is_pairwise else nullcontext():
                fused = FusedKernel(B, self.metric, **self.parameters)

        @np.errstate(over="ignore", invalid="ignore", divide="ignore")
        def values(A):
            if scale is not None:
                A = A @ sparse.diags_array(scale) if sparse.issparse(A) else A * scale
            if fused is not None and not (self._is_pairwise and sparse.issparse(A)):
                with suppress(ValueError) if self._is_pairwise else nullcontext():
                    return fused.values(A.astype(np.float64, copy=False))
            # Also where the fused kernel refused: what is wrong shows in the values.
            rows = B.toarray() if isinstance(B, Operator) else B
            K = self.pairwise(A, rows, metric=self.metric, **self.parameters)
            if not np.isfinite(K).all():
                raise ValueError(f"{self}: {_fault(K, A)}")
            return K

        return values

    def __str__(self):
        parameters = {"kernel": self.metric, **self.parameters}
        return ", ".join(f"{name}={value!r}" for name, value in parameters.items())

    @property
    def shift_invariant(self):
        return self.metric in SHIFT_INVARIANT

    @property
    def _is_pairwise(self):
        return not str(self.metric).startswith("matern")


def _is_ordinary(B):
    """Whether squares of the landmarks are finite."""
    return isinstance(B, Operator) or abs(B).max() <= _HUGE


def _fault(values, rows):
    # Where squares overflow, the difference of two infinities is NaN.
    if np.isinf(values).any() or abs(rows).max() > _HUGE:
        return (
            "kernel values overflow; scale the features of X, or pass a smaller gamma "
            "or degree."
        )
    return (
        "kernel values are NaN; pass parameters for which the kernel is defined for "
        "all rows (a polynomial of negative numbers only for an integer degree)."
    )


class LandmarkKernel:
    """Kernel values of the rows of one table with the landmarks.

    Parameters
    ----------
    kernel : PairwiseKernel

    landmarks : ndarray or Operator of shape (m, d)
        As the kernel sees them.

    X : ndarray or CSR matrix of shape (n, d)

    scale : ndarray of shape (d,) or None, default=None
        The kernel sees the rows times this.
    """

    def __init__(self, kernel, landmarks, X, scale=None):
        self.kernel = kernel
        self._X, self._landmarks = X, landmarks.astype(np.float64)
        self._values = kernel.against(self._landmarks, scale)

    def of_landmarks(self):
        """Return the kernel matrix between the landmarks, (m, m)."""
        landmarks = self._landmarks
        if isinstance(landmarks, Operator):
            landmarks = landmarks.toarray()
        return self.kernel.against(self._landmarks)(landmarks)

    def __call__(self, index):
        """Return the kernel values of rows, a slice or integers, with landmarks.

        Only a block of the rows is copied at a time, however many are asked for.
        """
        if isinstance(index, slice):
            index = range(self._X.shape[0])[index]
        n_landmarks = self._landmarks.shape[0]
        result = np.empty((len(index), n_landmarks))
        for part in batches(len(index), max(n_landmarks, row_values(self._X))):
            rows = index[part]
            if isinstance(rows, range):
                rows = slice(rows.start, rows.stop)
            block = self._X[rows]
            result[part] = self._values(block.astype(np.float64, copy=False))
        return result
