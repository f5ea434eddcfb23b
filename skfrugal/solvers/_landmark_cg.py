"""Kernel ridge regression on landmarks by preconditioned conjugate gradients.

The unknowns are those of the direct solver, coefficients of whitened rows, and so are
the directions that it drops: float32 and Cholesky factors of a kernel matrix that is
nearly singular are what makes such iterations go wrong.  A sample of the rows, solved
directly, gives the penalty, the leave-one-out error, the start and the preconditioner.
"""

import warnings
from dataclasses import replace

import numpy as np

from skfrugal.solvers._landmark_ridge import landmark_ridge, whiten, whitened_path
from skfrugal.solvers._rows import batches

# Rows of the sample, or as many times the landmarks if that is more.
N_SAMPLE, SAMPLE_FACTOR = 4096, 4
MAX_ITER = 100
# The norm of the preconditioned residual, as a part of what it was, is brought to this.
TOL = 1e-9


def landmark_ridge_cg(
    kernel_matrix, kernel, targets, alpha, *, rows, loo_rows, fit_intercept
):
    """Fit as `landmark_ridge` does, to all rows without their Gram matrix.

    For arguments see there.  The penalty is chosen, and the leave-one-out error
    measured, on the sample.  Few rows, and rows that are all landmarks, are solved
    directly; so are, with a warning, those of which iterations do not converge.

    Notes
    -----
    *Cost.*  A step takes the kernel values of n rows with m landmarks and 4 n m
    operations a target, where the Gram matrix takes n m^2: it pays for n several
    times the sample.

    References
    ----------
    .. [1] Rudi, Carratino & Rosasco (2017). "FALKON: an optimal large scale kernel
       method". Advances in Neural Information Processing Systems 30, Algorithm 1 (there
       the preconditioner is m rows, by Cholesky factors).
    """
    options = {"loo_rows": loo_rows, "fit_intercept": fit_intercept}
    n_rows, n_landmarks = len(targets.y), len(kernel_matrix)
    n_sample = max(N_SAMPLE, SAMPLE_FACTOR * n_landmarks)
    direct = isinstance(kernel, np.ndarray) or rows is not None
    if direct or n_rows <= 2 * n_sample:
        return landmark_ridge(
            kernel_matrix, kernel, targets, alpha, rows=rows, **options
        )
    sample = np.union1d(loo_rows, np.arange(0, n_rows, n_rows // n_sample))
    solution = landmark_ridge(
        kernel_matrix, kernel, targets, alpha, rows=sample, **options
    )
    white = whiten(kernel_matrix)
    path = whitened_path(
        white,
        kernel,
        targets,
        rows=sample,
        first=(loo_rows, kernel(loo_rows) @ white.basis),
        fit_intercept=fit_intercept,
    )
    system = _NormalEquations(
        kernel, white.basis, targets, solution.alpha, fit_intercept
    )
    ratio = targets.weight.sum() / targets.weight[sample].sum()
    inverse = 1.0 / np.maximum(
        ratio * path.eigenvalues[:, None] + solution.alpha, np.finfo(float).tiny
    )

    def precondition(residual):
        return path.vectors @ (inverse * (path.vectors.T @ residual))

    start = path.coef(solution.alpha / ratio)
    coef, converged = _conjugate_gradients(system, start, precondition)
    if not converged:
        warnings.warn(
            f"conjugate gradients did not converge in {MAX_ITER} steps; the system is "
            "solved directly. Pass solver='eigen', or a larger alpha.",
            stacklevel=2,
        )
        return landmark_ridge(
            kernel_matrix, kernel, targets, solution.alpha, rows=None, **options
        )
    return replace(
        solution,
        dual_coef=white.basis @ coef,
        intercept=system.y_mean - system.row_mean @ coef,
    )


class _NormalEquations:
    """``(P^T W P + alpha) beta = P^T W y``, rows and targets centred if asked."""

    def __init__(self, kernel, basis, targets, alpha, fit_intercept):
        self._kernel, self._basis, self._alpha = kernel, basis, alpha
        self._weight = targets.weight
        self.y_mean = np.zeros(targets.y.shape[1])
        self.row_mean = np.zeros(basis.shape[1])
        if fit_intercept:
            self.y_mean = np.average(targets.y, axis=0, weights=targets.weight)
            ones = np.ones((len(targets.y), 1))
            self.row_mean = self._adjoint(lambda K, part: ones[part])[:, 0]
            self.row_mean /= targets.weight.sum()
        self.right = self._adjoint(lambda K, part: targets.y[part] - self.y_mean)

    def __call__(self, coef):
        """Return the left side at `coef`, (r, t)."""
        dual, shift = self._basis @ coef, self.row_mean @ coef
        return self._adjoint(lambda K, part: K @ dual - shift) + self._alpha * coef

    def _adjoint(self, values):
        """Sum of weight times row times ``values(K, part)``, rows minus their mean."""
        total, mass = 0.0, 0.0
        for part in batches(len(self._weight), len(self._basis)):
            K = self._kernel(part)
            weighted = self._weight[part, None] * values(K, part)
            total, mass = total + K.T @ weighted, mass + weighted.sum(axis=0)
        return self._basis.T @ total - np.outer(self.row_mean, mass)


def _conjugate_gradients(system, coef, precondition):
    """Solve for all targets at once; return coefficients and whether they converged."""
    residual = system.right - system(coef)
    direction = z = precondition(residual)
    size = np.sum(residual * z, axis=0)
    first = np.sum(system.right * precondition(system.right), axis=0)
    for _ in range(MAX_ITER):
        if not (size > TOL**2 * first).any():
            return coef, True
        image = system(direction)
        curvature = np.sum(direction * image, axis=0)
        step = np.divide(size, curvature, out=np.zeros_like(size), where=curvature > 0)
        coef = coef + step * direction
        residual = residual - step * image
        z = precondition(residual)
        previous, size = size, np.sum(residual * z, axis=0)
        turn = np.divide(size, previous, out=np.zeros_like(size), where=previous > 0)
        direction = z + turn * direction
    return coef, False
