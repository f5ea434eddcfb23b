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

from skfrugal.solvers._rows import batches

# Directions of K_mm below this fraction of its largest eigenvalue carry more
# rounding than information once they are divided by their root.
RCOND = 1e-9
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
class RidgePath:
    """Everything that the solution needs, for every alpha at once."""

    eigenvalues: np.ndarray  # (r,): of the (centred) weighted Gram matrix of P
    vectors: np.ndarray  # (r, r)
    moments: np.ndarray  # (r, t): vectors^T P^T W y
    row_mean: np.ndarray  # (r,): weighted mean of P, zero without intercept
    y_mean: np.ndarray  # (t,): weighted mean of y, zero without intercept
    weight: float  # total weight; inf without intercept

    def shrink(self, alpha):
        """Return 1 / (eigenvalue + alpha), (r, n_alpha), null directions zero."""
        total = self.eigenvalues[:, None] + np.atleast_1d(alpha)
        floor = total.shape[0] * _EPS * self.eigenvalues.max(initial=0.0)
        return np.divide(1.0, total, out=np.zeros_like(total), where=total > floor)

    def rotate(self, P):
        """Return whitened rows in the coordinates of `moments`."""
        return (P - self.row_mean) @ self.vectors

    def coef(self, alpha):
        """Return the ridge coefficients on the columns of P, (r, t)."""
        return self.vectors @ (self.shrink(alpha) * self.moments)


@dataclass(frozen=True)
class Targets:
    """What is fitted, and how much each row counts."""

    y: np.ndarray  # (n, t)
    weight: np.ndarray  # (n,)
    # (n,): what is left out of a row of more weight; a copy, where weights are counts.
    unit: np.ndarray | None = None

    def take(self, index):
        """Return those of some rows."""
        unit = None if self.unit is None else self.unit[index]
        return Targets(self.y[index], self.weight[index], unit)


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


def ridge_path(blocks, shift, y_mean, *, fit_intercept):
    """Accumulate the Gram matrix of whitened rows and diagonalise it.

    Parameters
    ----------
    blocks : iterable of (P, y, w)
        Whitened rows (k, r), targets (k, t) minus `y_mean`, weights (k,).

    shift : ndarray of shape (r,)
        A guess of the mean row. The rows are accumulated minus this, since their
        mean subtracted afterwards from a Gram matrix would cancel: for a wide
        kernel the rows are nearly constant.

    y_mean : ndarray of shape (t,)
        Weighted mean of the targets, zero without intercept.

    fit_intercept : bool
        Whether the unpenalised intercept is eliminated.

    Returns
    -------
    path : RidgePath
    """
    gram = np.zeros((shift.size, shift.size))
    moments = np.zeros((shift.size, y_mean.size))
    row_sum, y_sum, total = np.zeros(shift.size), np.zeros(y_mean.size), 0.0
    for P, y, w in blocks:
        rows = (P - shift) * np.sqrt(w)[:, None]
        gram += rows.T @ rows
        moments += rows.T @ (y * np.sqrt(w)[:, None])
        row_sum += np.sqrt(w) @ rows
        y_sum += w @ y
        total += w.sum()
    if fit_intercept:
        offset = row_sum / total
        gram -= np.outer(offset, row_sum)
        moments -= np.outer(offset, y_sum)
        y_mean = y_mean + y_sum / total
    else:
        offset, total = np.zeros(shift.size), np.inf
    if not np.isfinite(gram).all():
        raise ValueError("the weighted rows overflow; pass a smaller sample_weight.")
    values, vectors = linalg.eigh(gram) if shift.size else (np.zeros(0), gram)
    return RidgePath(
        np.maximum(values, 0.0),
        vectors,
        vectors.T @ moments,
        shift + offset,
        y_mean,
        total,
    )


def leave_one_out(path, Z, targets, alpha, *, doubt=0.0):
    """Return the mean squared leave-one-out residual of each target, exactly.

    A row of weight w stands for w copies of which one is left out (the whole row
    where w < 1): the residual becomes r / (1 - min(w, 1) h), h the leverage of one
    copy. With other units than 1 these take the place of 1. The landmarks stay where
    they are. Z are rows that `path` rotated. What is left of a row, 1 - min(w, 1) h, is
    taken as smaller by `doubt`.
    """
    y, w = targets.y, targets.weight
    out = np.minimum(w, 1.0 if targets.unit is None else targets.unit)
    shrink = path.shrink(alpha)
    leverage = 1.0 / path.weight + np.square(Z) @ shrink
    left = 1.0 - doubt - out[:, None] * leverage
    left = np.maximum(left, 4 * _EPS)
    residual = (y - path.y_mean - Z @ (shrink * path.moments)) / left
    return w @ np.square(residual) / w.sum()


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
    y, weight = targets.y, targets.weight
    exact = isinstance(kernel, np.ndarray)
    interpolates = alpha is not None and not np.all(alpha)
    # Whitened landmarks are not divided by small roots: nothing need be dropped.
    sharp = exact and not interpolates
    white = whiten(kernel_matrix, 10 * len(kernel_matrix) * _EPS if sharp else RCOND)

    def features(index):
        return white.roots[kernel[index]] if exact else kernel(index) @ white.basis

    def blocks():
        n_rows = len(y) if rows is None else len(rows)
        for part in batches(n_rows, len(kernel_matrix)):
            index = part if rows is None else rows[part]
            yield features(index), y[index] - y_mean, weight[index]

    if fit_intercept:
        y_mean = np.average(y, axis=0, weights=weight)
        shift = white.roots.mean(axis=0)
    else:
        y_mean, shift = np.zeros(y.shape[1]), np.zeros(white.roots.shape[1])
    path = ridge_path(blocks(), shift, y_mean, fit_intercept=fit_intercept)

    held = path.rotate(features(loo_rows)), targets.take(loo_rows)
    if alpha is None:
        alpha = choose_alpha(path, white, *held)
    coef = path.coef(alpha)
    return LandmarkRidge(
        white.basis @ coef,
        path.y_mean - path.row_mean @ coef,
        np.broadcast_to(alpha, y.shape[1:]),
        np.sqrt(leave_one_out(path, *held, alpha)),
        white.negative,
    )
