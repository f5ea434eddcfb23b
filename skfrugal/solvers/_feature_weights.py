"""Weights of features: a kernel ridge regression says which features matter."""

import numpy as np

from skfrugal.operators._fused_kernels import FusedKernel
from skfrugal.solvers._landmark_ridge import landmark_ridge
from skfrugal.solvers._ridge_path import Targets

N_ROUNDS = 5
# Rows of a fit, landmarks of it at most, and rows whose derivatives are averaged.
N_FIT, N_LANDMARKS, N_DERIVATIVES = 8192, 300, 2000
# Rows whose leave-one-out residuals choose the penalty, and the round.
N_LOO = 2000
# Features that do not matter keep this part of a mean weight.
FLOOR = 1e-4


def feature_scales(X, y, weight, width, kernel, *, power, rng):
    """Weigh features by the mean squared derivative of a fit, again and again.

    The diagonal recursive feature machine of [1]_: the weights of the next fit are
    proportional to the squared derivatives of this one.

    Parameters
    ----------
    X : ndarray of shape (n, d)
    y : ndarray of shape (n, t)
    weight : ndarray of shape (n,)

    width : float
        Scale of every feature to start from, for a kernel with gamma = 1; the root
        mean square of the scales stays what it is.

    kernel : str
        A shift-invariant kernel.

    power : float
        Of the weights found: 1 takes them as they are, 0 not at all.

    rng : RandomState

    Returns
    -------
    scale : ndarray of shape (d,)
        Of the round with the least leave-one-out error, to that `power`.

    alpha : float
        The regularization of that round, for all n rows.

    References
    ----------
    .. [1] Radhakrishnan, Beaglehole, Pandit & Belkin (2024). "Mechanism for feature
       learning in neural networks and backpropagation-free machine learning models".
       Science 383, eq. 2.
    """
    n_rows, n_features = X.shape
    size = min(N_LANDMARKS, n_rows)
    n_fit = min(n_rows, N_FIT)
    scale, best = np.full(n_features, width), (np.inf,)
    for _ in range(N_ROUNDS):
        rows = rng.choice(n_rows, n_fit, replace=False)
        landmarks = X[rows[:size]] * scale
        fused = FusedKernel(landmarks, kernel, gamma=1.0)
        solution = landmark_ridge(
            fused.values(landmarks),
            fused.values(X[rows] * scale).__getitem__,
            Targets(y[rows], weight[rows]),
            None,
            rows=None,
            loo_rows=np.arange(size if n_fit > size else 0, n_fit)[:N_LOO],
            fit_intercept=True,
        )
        error = np.sqrt(np.mean(solution.loo_error**2))
        if error < best[0]:
            alpha = np.exp(np.mean(np.log(solution.alpha))) * n_rows / n_fit
            best = error, scale, alpha
        points = X[rows[-N_DERIVATIVES:]] * scale
        slopes = _squared_derivatives(points, landmarks, solution.dual_coef, kernel)
        slopes *= scale**2
        if not slopes.sum() > 0:
            break
        share = np.maximum(slopes * n_features / slopes.sum(), FLOOR)
        scale = width * np.sqrt(share)
    _, scale, alpha = best
    scale = (scale / width) ** power
    return width * scale / np.sqrt(np.mean(scale**2)), alpha


def _squared_derivatives(points, landmarks, coef, kernel):
    """Mean squared derivatives of the predictions by the features, (d,)."""
    at_points = FusedKernel(points, kernel, gamma=1.0)
    total = np.zeros(points.shape[1])
    for column in coef.T:
        weights = np.repeat(column[:, None], len(points), axis=1)
        by_point, _ = at_points.gradients(landmarks, weights)
        total += np.square(by_point).mean(axis=0)
    return total
