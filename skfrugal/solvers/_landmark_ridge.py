"""Ridge regression on whitened landmark features, with exact leave-one-out.

With landmarks ``Z``, ``K_mm = U S U^T`` and ``P = K_nm U S^(-1/2)``, the model
``f(x) = k(x, Z) a + b`` that minimises ::

    sum_i w_i (y_i - f(x_i))^2 + alpha a^T K_mm a

is an ordinary ridge regression on the rows of ``P``, with ``a = U S^(-1/2) beta``.
Whitening *before* the Gram matrix is what keeps it right when landmarks nearly
coincide or alpha is tiny; ``P`` is never stored, only one block of its rows.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy import linalg

from skfrugal.solvers._ridge_path import leave_one_out, ridge_path
from skfrugal.solvers._rows import batches

# Directions of K_mm below this fraction of its largest eigenvalue carry more
# rounding than information once they are divided by their root.
RCOND = 1e-11
N_ALPHAS = 25
# An alpha is refused where the rounding of a prediction, 2^-53 ||a||, exceeds this
# fraction of the leave-one-out error.
MAX_NOISE = 0.01
# The largest alpha is taken whose error is within this fraction of the least.
SLACK = 1e-3

_EPS = np.finfo(np.float64).eps


@dataclass(frozen=True)
class Whitening:
    """``K_mm = roots roots^T`` on the kept directions; ``basis`` maps k to P."""

    basis: np.ndarray  # (m, r): U S^(-1/2)
    roots: np.ndarray  # (m, r): U S^(1/2), the whitened landmarks
    negative: float  # -S_min / S_max, zero for a positive semidefinite kernel


@dataclass(frozen=True)
class LandmarkRidge:
    """A solution: ``f(x) = k(x, Z) @ dual_coef + intercept``."""

    dual_coef: np.ndarray  # (m, t)
    intercept: np.ndarray  # (t,)
    alpha: np.ndarray  # (t,)
    loo_error: np.ndarray  # (t,): root mean squared leave-one-out residual
    negative: float  # weight of the negative part of the kernel that was dropped

    def scaled(self, exponent):
        """Return the solution for targets times 2^exponent, (t,)."""
        parts = self.dual_coef, self.intercept, self.loo_error
        with np.errstate(over="ignore"):
            coef, intercept, error = (np.ldexp(part, exponent) for part in parts)
        if not (np.isfinite(coef).all() and np.isfinite(intercept + error).all()):
            raise ValueError("coefficients overflow; pass a smaller y.")
        return replace(self, dual_coef=coef, intercept=intercept, loo_error=error)


def whiten(kernel_matrix, rcond=RCOND):
    """Eigendecompose K_mm and drop the directions that are rounding."""
    values, vectors = linalg.eigh(kernel_matrix)
    largest = max(values[-1], 0.0)
    keep = values > rcond * largest
    roots = np.sqrt(values[keep])
    negative = max(-values[0], 0.0) / largest if largest else 0.0
    return Whitening(vectors[:, keep] / roots, vectors[:, keep] * roots, negative)


def choose_alpha(path, white, Z, targets):
    """Choose one alpha a target, (t,), by leave-one-out, refusing those of noise."""
    largest = path.eigenvalues.max(initial=0.0) or 1.0
    grid = largest * np.logspace(-13, 1, N_ALPHAS)
    # Where a leverage is one, to rounding, noise over noise shall not win.
    doubt = 64 * len(path.moments) * _EPS
    error = np.sqrt([leave_one_out(path, Z, targets, a, doubt=doubt) for a in grid])
    size = [linalg.norm(white.basis @ path.coef(alpha), axis=0) for alpha in grid]
    # Where nothing is precise enough the smallest of noise and error decides.
    noise = np.array(size) * 2.0**-53 / MAX_NOISE
    score = np.where(noise > error, np.inf, error)
    hopeless = np.isinf(score).all(axis=0)
    score[:, hopeless] = np.maximum(noise, error)[:, hopeless]
    # Towards zero the error is often flat, and rounding would choose among equals.
    good = score <= (1 + SLACK) * score.min(axis=0)
    best = N_ALPHAS - 1 - np.argmax(good[::-1], axis=0)
    return grid[best]


def landmark_ridge(
    kernel_matrix, kernel, targets, alpha, *, rows, loo_rows, fit_intercept
):
    """Fit a kernel ridge regression on landmarks, streaming the rows.

    Parameters
    ----------
    kernel_matrix : ndarray of shape (m, m)
        Kernel between the landmarks.

    kernel : callable or ndarray of shape (n,)
        `kernel(rows)` returns the kernel values of the rows (a slice or an integer
        array) with the landmarks. An integer array says that row i *is* landmark
        `kernel[i]`: the solution is then kernel ridge regression itself.

    targets : Targets
        Of all n rows.

    alpha : ndarray of shape (1,) or (t,), or None
        None chooses it by leave-one-out.

    rows : ndarray or None
        The rows to fit on; None for all.

    loo_rows : ndarray
        The rows whose leave-one-out residuals are measured.

    fit_intercept : bool

    Returns
    -------
    solution : LandmarkRidge
    """
    exact = isinstance(kernel, np.ndarray)
    interpolates = alpha is not None and not np.all(alpha)
    # Whitened landmarks are not divided by small roots: nothing need be dropped.
    sharp = exact and not interpolates
    rcond = 10 * len(kernel_matrix) * _EPS if sharp else RCOND
    white = whiten(kernel_matrix, rcond)
    # Looked at twice, so computed first and kept.
    P = _features(white, kernel, loo_rows)
    path = whitened_path(
        white,
        kernel,
        targets,
        rows=rows,
        first=(loo_rows, P),
        fit_intercept=fit_intercept,
    )
    held = path.rotate(P), targets.take(loo_rows)
    if alpha is None:
        alpha = choose_alpha(path, white, *held)
    coef = path.coef(alpha)
    return LandmarkRidge(
        white.basis @ coef,
        path.y_mean - path.row_mean @ coef,
        np.broadcast_to(alpha, targets.y.shape[1:]),
        np.sqrt(leave_one_out(path, *held, alpha)),
        white.negative,
    )


def whitened_path(white, kernel, targets, *, rows, first, fit_intercept):
    """Return the `RidgePath` of rows.

    For other arguments see `landmark_ridge`.

    Parameters
    ----------
    white : Whitening

    first : tuple of ndarray
        Some of the rows, and what they are whitened: (k,) and (k, r).
    """
    y, weight = targets.y, targets.weight
    known, P = first
    rest = np.arange(len(y)) if rows is None else rows
    rest = np.setdiff1d(rest, known, assume_unique=True)

    def blocks():
        yield P, y[known] - y_mean, weight[known]
        for part in batches(len(rest), white.basis.shape[0]):
            index = rest[part]
            yield _features(white, kernel, index), y[index] - y_mean, weight[index]

    if fit_intercept:
        y_mean = np.average(y, axis=0, weights=weight)
        shift = white.roots.mean(axis=0)
    else:
        y_mean, shift = np.zeros(y.shape[1]), np.zeros(white.roots.shape[1])
    return ridge_path(blocks(), shift, y_mean, fit_intercept=fit_intercept)


def _features(white, kernel, index):
    """Whitened rows, (k, r); of rows that are landmarks without rounding twice."""
    if isinstance(kernel, np.ndarray):
        return white.roots[kernel[index]]
    return kernel(index) @ white.basis
