"""Kernel values of rows with landmarks: in blocks, from the best origin, finite."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from skfrugal.solvers._rows import batches, row_values

# Kernels that depend on x - z alone: they may be computed from any origin.
SHIFT_INVARIANT = ("rbf", "laplacian")
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
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            values = self.pairwise(A, B, metric=self.metric, **self.parameters)
        if not np.isfinite(values).all():
            raise ValueError(f"{self}: {_fault(values, A)}")
        return values

    def __str__(self):
        parameters = {"kernel": self.metric, **self.parameters}
        return ", ".join(f"{name}={value!r}" for name, value in parameters.items())

    @property
    def shift_invariant(self):
        return self.metric in SHIFT_INVARIANT


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

    landmarks : ndarray of shape (m, d)

    X : ndarray or CSR matrix of shape (n, d)
    """

    def __init__(self, kernel, landmarks, X):
        self.kernel = kernel
        self._X = X
        self._landmarks = landmarks.astype(np.float64, copy=False)
        self._origin = None
        # Sparse rows stay where their zeros are.
        if kernel.shift_invariant and not sparse.issparse(X):
            self._origin = self._landmarks.mean(axis=0)
            self._landmarks = self._landmarks - self._origin

    def of_landmarks(self):
        """Return the kernel matrix between the landmarks, (m, m)."""
        return self.kernel(self._landmarks)

    def __call__(self, index):
        """Return the kernel values of rows, a slice or integers, with landmarks.

        Only a block of the rows is copied at a time, however many are asked for.
        """
        if isinstance(index, slice):
            index = range(self._X.shape[0])[index]
        n_landmarks = len(self._landmarks)
        result = np.empty((len(index), n_landmarks))
        for part in batches(len(index), max(n_landmarks, row_values(self._X))):
            result[part] = self.kernel(self._rows(index[part]), self._landmarks)
        return result

    def _rows(self, index):
        if isinstance(index, range):
            index = slice(index.start, index.stop)
        rows = self._X[index]
        if self._origin is None:
            return rows.astype(np.float64, copy=False)
        return rows - self._origin
