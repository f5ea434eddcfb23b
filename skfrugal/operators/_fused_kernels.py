"""Kernel values of rows with landmarks, and what follows them, block by block."""

import numpy as np

from skfrugal._validation import as_inexact, inexact_dtype
from skfrugal.operators._base import Operator

MATERN = {"matern12": 1.0, "matern32": 3.0**0.5, "matern52": 5.0**0.5}
SHIFT_INVARIANT = ("rbf", "laplacian", *MATERN)
FUSED_KERNELS = (*SHIFT_INVARIANT, "poly", "polynomial", "sigmoid", "cosine", "linear")
_ROWS = 256


class FusedKernel:
    """Kernel values of rows with landmarks, and what follows them, tile by tile.

    Parameters
    ----------
    landmarks : ndarray or Operator of shape (m, d)
    kernel : str, default="rbf"
        One of `FUSED_KERNELS`.
    gamma : float or None, default=None
        None means 1 / d.
    degree, coef0 : float
    precision : {None, "single"}, default=None
        "single": float64 rows are centred in float64 and then computed in float32.
    """

    def __init__(
        self, landmarks, kernel="rbf", *, gamma=None, degree=3, coef0=1, precision=None
    ):
        self.landmarks = landmarks
        self.kernel = kernel
        self.gamma = 1.0 / landmarks.shape[1] if gamma is None else gamma
        self.degree = degree
        self.coef0 = coef0
        self.precision = precision
        Z = landmarks.toarray() if isinstance(landmarks, Operator) else landmarks
        Z = np.asarray(Z, dtype=np.float64)
        self._origin = Z.mean(axis=0) if kernel in SHIFT_INVARIANT else 0.0
        self._Z = Z - self._origin

    def values(self, X, out=None):
        """Kernel values, (n, m), in the dtype of `X`."""
        X = as_inexact(X)
        if out is None:
            out = np.empty((len(X), len(self._Z)), dtype=inexact_dtype(X.dtype))
        for i in range(0, len(X), _ROWS):
            out[i : i + _ROWS] = self._block(X[i : i + _ROWS] - self._origin)
        return out

    def predict(self, X, coef, intercept=None):
        """``K(X, landmarks) @ coef + intercept``, (n, t), in the dtype of `X`."""
        X = as_inexact(X)
        y = np.empty((len(X), coef.shape[1]), dtype=X.dtype)
        for i in range(0, len(X), _ROWS):
            block = self.values(X[i : i + _ROWS]).astype(np.float64) @ coef
            y[i : i + _ROWS] = block if intercept is None else block + intercept
        return y

    def adjoint(self, X, residual):
        """``K(X, landmarks).T @ residual``, (m, t), in float64."""
        X = as_inexact(X)
        result = np.zeros((len(self._Z), residual.shape[1]))
        for i in range(0, len(X), _ROWS):
            result += self.values(X[i : i + _ROWS]).T.astype(float) @ residual[i : i + _ROWS]
        return result

    def gradients(self, X, weights):
        """Derivatives of a loss by landmarks, (m, d), and feature scales, (d,).

        `weights` are its derivatives by the kernel values, (n, m); the scales multiply
        the columns of both `X` and the landmarks and are 1 here.
        """
        if self.kernel not in SHIFT_INVARIANT:
            raise ValueError(
                f"kernel={self.kernel!r} has no gradients; pass one of {SHIFT_INVARIANT}."
            )
        X = as_inexact(X).astype(float) - self._origin
        difference = X[:, None] - self._Z
        if self.kernel == "laplacian":
            H = -self.gamma * weights * self._block(X)
            by_rows = np.sign(difference)
            along = np.abs(difference)
        else:
            H = 2 * weights * self._slope((difference**2).sum(axis=2))
            by_rows, along = difference, difference**2
        dz = -np.einsum("ij,ijk->jk", H, by_rows)
        return dz, np.einsum("ij,ijk->k", H, along)

    def _slope(self, squared):
        """Derivative of the kernel by the squared distance."""
        if self.kernel == "rbf":
            return -self.gamma * np.exp(-self.gamma * squared)
        s = MATERN[self.kernel] * self.gamma * np.sqrt(squared)
        e = np.exp(-s) * self.gamma**2
        if self.kernel == "matern12":
            return -0.5 * np.divide(e, s, out=np.zeros_like(s), where=s > 0)
        return -1.5 * e if self.kernel == "matern32" else -5 / 6 * (1 + s) * e

    def _block(self, X):
        Z, gamma = self._Z, self.gamma
        if self.kernel == "laplacian":
            return np.exp(-gamma * np.abs(X[:, None] - Z).sum(axis=2))
        if self.kernel in SHIFT_INVARIANT:
            squared = (X**2).sum(axis=1)[:, None] + (Z**2).sum(axis=1) - 2 * (X @ Z.T)
            np.maximum(squared, 0, out=squared)
            if self.kernel == "rbf":
                return np.exp(-gamma * squared)
            s = MATERN[self.kernel] * gamma * np.sqrt(squared)
            tail = {"matern12": 0, "matern32": s, "matern52": s + s**2 / 3}
            return (1 + tail[self.kernel]) * np.exp(-s)
        if self.kernel == "cosine":
            X, Z = (A / np.maximum(np.linalg.norm(A, axis=1)[:, None], 1e-300) for A in (X, Z))
        product = X @ Z.T
        if self.kernel in ("poly", "polynomial"):
            return (gamma * product + self.coef0) ** self.degree
        if self.kernel == "sigmoid":
            return np.tanh(gamma * product + self.coef0)
        return product
