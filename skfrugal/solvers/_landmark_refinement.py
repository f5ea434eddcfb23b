"""Landmarks and feature scales learnt by variable projection.

With rows scaled to ``x * s``, landmarks ``z * s`` and ``K = k(X s, Z s)`` the model
``f(x) = k(x s, Z s) a + b`` is fitted by minimising ::

    J(Z, log s) = min_{a, b} |W^(1/2) (Y - K a - b)|^2 + alpha tr a^T K_mm a

whose inner problem is solved exactly; its derivatives by Z and log s are then those
of the outer terms with a and b held (Golub & Pereyra 1973).  L-BFGS does the rest.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy import linalg, optimize

from skfrugal.operators._fused_kernels import FusedKernel
from skfrugal.solvers._rows import batches

# A ridge on the coefficients, for each row: what rounding of the Gram matrix may do
# to its smallest eigenvalues.
JITTER = {np.dtype(np.float32): 1e-6, np.dtype(np.float64): 1e-14}
# Single precision serves while alpha exceeds the jitter that it needs by this factor.
SINGLE_MARGIN = 10.0
# Pairs of vectors from which L-BFGS knows the curvature.
N_PAIRS = 30
PATIENCE = 20


@dataclass(frozen=True)
class Refined:
    """Landmarks in the coordinates of the rows, scales, and what they achieve."""

    landmarks: np.ndarray  # (m, d)
    scale: np.ndarray  # (d,): the kernel sees rows and landmarks times this
    objective: float = np.inf
    score: float = np.inf  # root mean squared error of the held-out rows
    n_iter: int = 0


def working_dtype(alpha, weight):
    """Return the dtype in which the regularization drowns what rounding does."""
    single, double = np.dtype(np.float32), np.dtype(np.float64)
    return single if alpha > SINGLE_MARGIN * JITTER[single] * weight.sum() else double


class Projected:
    """The objective and its derivatives, the coefficients eliminated.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        Rows, whose dtype is that of the kernel values.  Centred rows round best.

    y : ndarray of shape (n, t)
        Targets of about unit variance.

    weight : ndarray of shape (n,)

    alpha : float

    kernel : str
        A shift-invariant kernel, taken with gamma = 1: the scales hold the width.

    fit_intercept : bool
    """

    def __init__(self, X, y, weight, alpha, kernel, *, fit_intercept=True):
        self.X, self.y, self.weight = X, y, weight
        self.alpha, self.kernel = alpha, kernel
        self.fit_intercept = fit_intercept
        self.jitter = JITTER[X.dtype] * weight.sum()
        root = np.sqrt(weight)[:, None]  # in one dtype: a product would copy K
        self._root = None if (weight == 1).all() else root.astype(X.dtype)
        self._weighted = np.hstack([y * root, root]).astype(X.dtype)

    def thinned(self, step):
        """Return the problem of every `step`-th row, the penalty scaled down."""
        few = self.weight[::step]
        alpha = self.alpha * few.sum() / self.weight.sum()
        parts = self.X[::step], self.y[::step], few
        return Projected(*parts, alpha, self.kernel, fit_intercept=self.fit_intercept)

    def split(self, theta):
        """Return landmarks and scales of a vector of parameters."""
        d = self.X.shape[1]
        return theta[:-d].reshape(-1, d), np.exp(theta[-d:])

    def solve(self, K, K_mm):
        """Return the coefficients (m, t) and the intercept (t,)."""
        w, y = self.weight, self.y
        gram, sums = np.zeros_like(K_mm), np.zeros((len(K_mm), y.shape[1] + 1))
        y_mean = np.zeros(y.shape[1])
        for rows in batches(len(K), K.shape[1]):
            block = K[rows] if self._root is None else K[rows] * self._root[rows]
            gram += block.T @ block
            sums += block.T @ self._weighted[rows]
        moments, mean = sums[:, :-1], sums[:, -1]
        if self.fit_intercept:
            y_mean = w @ y / w.sum()
            gram -= np.outer(mean, mean) / w.sum()
            moments -= np.outer(mean, y_mean)
            mean = mean / w.sum()
        system = gram + self.alpha * K_mm
        coef = _positive_solve(system, moments, self.jitter)
        return coef, y_mean - mean @ coef if self.fit_intercept else y_mean

    def __call__(self, theta):
        """Return J and its gradient, both a unit of weight."""
        Z, s = self.split(theta)
        X = self.X * s.astype(self.X.dtype)
        landmarks = Z * s
        fused = FusedKernel(landmarks, self.kernel, gamma=1.0)
        K, K_mm = fused.values(X), fused.values(landmarks)
        self.coef, self.intercept = coef, intercept = self.solve(K, K_mm)
        narrow = coef.astype(K.dtype)
        predicted = K @ narrow
        residual = self.y - predicted - intercept
        pull = K_mm @ coef
        value = (
            self.weight @ np.square(residual).sum(axis=1)
            + self.alpha * np.sum(coef * pull)
            + self.jitter * np.sum(coef**2)
        )
        residual = (-2 * self.weight[:, None] * residual).astype(K.dtype)
        dz, ds = self._gradients(fused, X, K, residual, narrow, predicted)
        # K_mm moves with its rows and with its columns, alike.
        pair = self.alpha * coef, coef
        own, own_s = self._gradients(fused, landmarks, K_mm, *pair, pull)
        gradient = np.append(((dz + 2 * own) * s).ravel(), ds + own_s)
        total = self.weight.sum()
        return value / total, gradient / total

    def _gradients(self, fused, X, K, left, right, product):
        """Derivatives of sum_ij left_i right_j K_ij by landmarks and log scales.

        `product` is K times `right`.
        """
        if self.kernel != "rbf":
            return fused.gradients(X, left @ right.T)
        # exp(-|x - z|^2): products of matrices do it all.
        Z = fused.landmarks
        by_row = np.sum(product * left, axis=1, dtype=np.float64)
        moved, by_landmark = _weighted_products(K, left, right, X)
        dz = 2 * (moved - by_landmark[:, None] * Z)
        ds = by_row @ np.square(X, dtype=np.float64)
        ds += by_landmark @ Z**2 - 2 * np.sum(Z * moved, axis=0)
        return dz, -2 * ds


def _weighted_products(K, left, right, X):
    """``M.T @ X`` and the sums of the columns of M = K * (left @ right.T), in float64.

    Without M, in one pass over K a target, where that is cheaper.
    """
    n_targets = left.shape[1]
    if n_targets * X.shape[1] > 2 * K.shape[1]:
        M = left @ right.T
        M *= K
        return (M.T @ X).astype(np.float64), M.sum(axis=0, dtype=np.float64)
    whole = np.zeros((K.shape[1], X.shape[1] + 1))
    for t in range(n_targets):
        own = left[:, [t]]
        whole += right[:, [t]] * (K.T @ np.hstack([own * X, own])).astype(np.float64)
    return whole[:, :-1], whole[:, -1]


def _positive_solve(system, moments, jitter):
    """Solve a symmetric system whose smallest eigenvalues may be rounding."""
    diagonal = np.diag_indices(len(system))
    system[diagonal] += jitter
    largest = system[diagonal].max()
    extra = 0.0
    while True:
        try:
            factor = linalg.cho_factor(system, check_finite=False)
        except linalg.LinAlgError:
            added = max(10 * extra, jitter, 1e-14 * largest)
            system[diagonal] += added - extra
            extra = added
        else:
            return linalg.cho_solve(factor, moments)


def refine_landmarks(problem, start, held, *, max_iter, tol, on_step):
    """Improve landmarks and scales, and keep those best on held-out rows.

    Parameters
    ----------
    problem : Projected
        The rows fitted.

    start : Refined
        Landmarks and scales to start from.

    held : tuple of ndarray
        Held-out rows (v, d), targets (v, t) and weights (v,).

    max_iter : int
        Steps allowed.

    tol : float
        Stop when the last `PATIENCE` steps lowered the objective by no more than this
        fraction of it each, on average.

    on_step : callable
        ``on_step(Refined) -> stop``, after each step.

    Returns
    -------
    best : Refined
        Its `n_iter` counts all steps taken.
    """
    X, y, weight = held
    best, n_iter, objectives = start, 0, []

    def step(intermediate_result):
        nonlocal best, n_iter
        n_iter += 1
        Z, s = problem.split(intermediate_result.x)
        kernel = FusedKernel(Z * s, problem.kernel, gamma=1.0)
        scaled = X * s.astype(X.dtype)
        error = y - kernel.predict(scaled, problem.coef, problem.intercept)
        score = np.sqrt(np.average(np.square(error).mean(axis=1), weights=weight))
        now = Refined(Z, s, intermediate_result.fun, score, n_iter=n_iter)
        if score < best.score:
            best = now
        objectives.append(now.objective)
        is_slow = n_iter > PATIENCE and (
            objectives[-1 - PATIENCE] - now.objective <= PATIENCE * tol * now.objective
        )
        if on_step(now) or is_slow:
            raise StopIteration

    theta = np.append(start.landmarks.ravel(), np.log(start.scale))
    reach = 4 * np.abs(problem.X).max(axis=0) + np.abs(start.landmarks).max(axis=0)
    bound = np.append(np.tile(reach, len(start.landmarks)), np.full(reach.size, 7.0))
    middle = np.append(np.zeros(start.landmarks.size), theta[-reach.size :])
    bounds = optimize.Bounds(middle - bound, middle + bound)
    options = {"maxiter": max_iter, "maxcor": N_PAIRS, "ftol": 0.0, "gtol": 0.0}
    optimize.minimize(
        problem,
        theta,
        jac=True,
        method="L-BFGS-B",
        bounds=bounds,
        callback=step,
        options=options,
    )
    return replace(best, n_iter=n_iter)
