"""Minorise-maximise sweeps over the angles of a sequence of plane rotations."""

from itertools import pairwise

import numpy as np
from scipy.linalg.lapack import dpstrf

from skfrugal._kernels._jacobi import rotate_rows, sweep
from skfrugal.operators import Rotations
from skfrugal.solvers._orthogonal import (
    VARIANCE_FLOOR,
    check_rotations,
    normalized,
    off_diagonal_norm,
    rotated,
)
from skfrugal.solvers._result import Factorization

# Sweeps over at least so many coordinates are in float32, twice as fast: angles are
# stored in float64, so that Q is as orthogonal as ever.
_SINGLE_PRECISION_FROM = 512


def polish_rotations(covariance, rotations, *, max_iter=20, tol=1e-4, verbose=0):
    """Improve the angles of a sequence of rotations, all pairs kept.

    Maximises ``f = mean(c log c)``, c the diagonal of Q C Q^T over its mean: the
    larger, the fewer coordinates hold the variance.  A sweep replaces the convex f
    by its tangent at the current Q and maximises that over one angle after the
    other, exactly, back and forth through the sequence: f never decreases.

    Parameters
    ----------
    covariance : array-like of shape (N, N)
        Symmetric positive semidefinite matrix C.

    rotations : Rotations
        Operator Q of shape (N, N) to start from.

    max_iter : int, default=20
        Number of sweeps, at most.

    tol : float, default=1e-4
        Sweeps end when one gains at most this fraction of what all of Q has gained
        over the identity.

    verbose : int, default=0
        Print the objective after each sweep.

    Returns
    -------
    factorization : Factorization
        `operator` is the new Q; `error` the Frobenius norm of the off-diagonal part
        of Q C Q^T, without bounds; `n_iter` the number of sweeps.

    See Also
    --------
    greedy_jacobi : Chooses the pairs and the first angles.

    Notes
    -----
    *Cost.*  A sweep costs about 40 r flops a rotation, r the rank of C: O(N^2 log N)
    for N log2(N) rotations.  Memory: three N x r arrays.

    Examples
    --------
    >>> import numpy as np
    >>> from skfrugal.solvers import greedy_jacobi, polish_rotations
    >>> C = 0.9 ** abs(np.subtract.outer(np.arange(16), np.arange(16)))
    >>> greedy = greedy_jacobi(C, 64)
    >>> polished = polish_rotations(C, greedy.operator)
    >>> polished.n_iter > 0
    True
    """
    S, scale = normalized(covariance)
    check_rotations(rotations, len(S))
    identity = _compaction(np.diagonal(S))
    sweeps = _sweeps(S, rotations)
    angles, objective = next(sweeps)
    first, n_iter, converged = objective, 0, rotations.n_rotations == 0
    while n_iter < max_iter and not converged:
        angles, new_objective = next(sweeps)
        n_iter += 1
        converged = new_objective - objective <= tol * (new_objective - identity)
        objective = new_objective
        if verbose:
            print(f"Polish sweep {n_iter}, compaction {objective:.6f}.")
    error = scale * off_diagonal_norm(rotated(S, rotations.pairs, angles))
    return Factorization(
        operator=_with_angles(rotations, angles),
        error=error,
        lower_bound=None,
        upper_bound=None,
        n_iter=n_iter,
        converged=converged,
        message=f"{n_iter} sweeps; compaction {first:.6f} -> {objective:.6f}.",
    )


def _sweeps(S, rotations):
    """Yield (angles, objective): those of `rotations`, then those after each sweep."""
    pairs = np.ascontiguousarray(rotations.pairs, np.intp)
    angles = np.array(rotations.angles, np.float64)
    single = len(S) >= _SINGLE_PRECISION_FROM
    F = _square_root(S).astype(np.float32 if single else np.float64)
    Y = F.copy()
    rotate_rows(Y, pairs, angles)
    while True:
        variances = np.einsum("ij,ij->i", Y, Y, dtype=np.float64)
        yield angles.copy(), _compaction(variances)
        weights = 1.0 + np.log(variances + VARIANCE_FLOOR)
        # The variances have a fixed sum, so that a constant may be added to make
        # the tangent a convex quadratic, and its tangent in turn a minorant.
        weights -= min(0.0, weights.min())
        T = weights.astype(Y.dtype)[:, np.newaxis] * Y
        sweep(F, Y, T, pairs, angles)


def _compaction(variances):
    """Mean of c log c; the floor keeps the derivative finite at constant columns."""
    variances = np.maximum(variances, 0.0) + VARIANCE_FLOOR
    return float(np.mean(variances * np.log(variances)))


def _square_root(S):
    """F of full column rank with F F^T = S, by Cholesky's method with pivots."""
    factor, pivots, rank, _ = dpstrf(S, lower=1)
    rank = max(1, rank)  # the zero matrix has a column, too
    F = np.zeros((len(S), rank))
    F[pivots - 1] = np.tril(factor[:, :rank])
    missing = np.trace(S) - np.einsum("ij,ij->", F, F)
    if abs(missing) > 1e-6 * len(S):
        raise ValueError(
            f"covariance is not positive semidefinite: {missing / len(S):.1e} of its "
            f"trace is not a sum of squares. Pass a covariance or Gram matrix."
        )
    return F


def _with_angles(rotations, angles):
    """The same pairs with other angles."""
    starts = rotations.level_starts
    return Rotations(
        rotations.shape[0],
        [pairs for pairs, _ in rotations.levels()],
        [angles[start:stop] for start, stop in pairwise(starts)],
    )
