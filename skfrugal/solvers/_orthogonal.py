"""Orthogonal products of plane rotations that nearly diagonalise a covariance."""

import numpy as np

from skfrugal._kernels._jacobi import greedy_level, rotate_rows
from skfrugal._validation import check_int
from skfrugal.operators import Rotations
from skfrugal.solvers._result import Factorization

# Variances are measured against this fraction of their mean: two coordinates that
# are both nearly constant are not worth a rotation, however correlated.
VARIANCE_FLOOR = 1e-6


def greedy_jacobi(
    covariance, n_rotations, *, start=None, pairs_per_level=None, floor=None, stop=None
):
    """Parallel Jacobi rotations of the most correlated pairs, a given number of them.

    With S the covariance rotated so far, a level takes disjoint pairs by decreasing
    ``S_ij^2 / ((S_ii + floor) (S_jj + floor))`` and rotates each by the angle that
    makes its covariance zero, which is the best one for every objective that
    rewards unequal variances.

    Parameters
    ----------
    covariance : array-like of shape (N, N)
        Symmetric positive semidefinite matrix C.

    n_rotations : int
        Rotations to choose.  Fewer are chosen once nothing is correlated any more.

    start : Rotations, default=None
        Orthogonal operator of shape (N, N) to apply first; it is part of the result
        and not counted in `n_rotations`.

    pairs_per_level : int, default=None
        Most pairs in one level; None means N / 8.  With fewer pairs every rotation
        sees the effect of more others, with N / 2 many of them are wasted.

    floor : float, default=None
        Variance that counts as small, in the units of `covariance`; None means 1e-6
        of the mean variance.

    stop : callable, default=None
        Called before every level as ``stop(variances)`` with the diagonal of S;
        True ends the search.

    Returns
    -------
    factorization : Factorization
        `operator` is Q, a `Rotations`; `error` the Frobenius norm of the
        off-diagonal part of Q C Q^T; `upper_bound` the one it started from, since a
        rotation never increases it; `n_iter` the number of levels; `converged` is
        True where nothing was left to rotate, or `stop` said so.

    See Also
    --------
    polish_rotations : Improves all the angles together.
    fold_rotations : Pairs that are fixed instead of chosen.

    Notes
    -----
    *Cost.*  A level costs 2 N^2 flops to find its pairs and 12 N for a rotation;
    N log2(N) rotations cost O(N^2 log N) in all, the dense eigendecomposition
    O(N^3).  Memory: one N x N array.

    References
    ----------
    G. Cao, L. R. Bachega, C. A. Bouman, "The sparse matrix transform for covariance
    estimation and analysis of high dimensional signals", IEEE Transactions on Image
    Processing 20(3), 2011 (one pair at a time, floor 0).

    Examples
    --------
    >>> import numpy as np
    >>> from skfrugal.solvers import greedy_jacobi
    >>> result = greedy_jacobi(np.array([[2.0, 1.0], [1.0, 2.0]]), 1)
    >>> Q = result.operator.toarray()
    >>> (Q @ [[2.0, 1.0], [1.0, 2.0]] @ Q.T).round(6) + 0.0
    array([[3., 0.],
           [0., 1.]])
    """
    S, scale = normalized(covariance)
    n = len(S)
    n_rotations = check_int(n_rotations, "n_rotations", 0)
    pairs_per_level = max(1, n // 8) if pairs_per_level is None else pairs_per_level
    pairs_per_level = check_int(pairs_per_level, "pairs_per_level", 1)
    if floor is not None and not floor >= 0:
        raise ValueError(f"floor must be a variance, at least 0; got {floor!r}.")
    floor = VARIANCE_FLOOR if floor is None else floor / scale
    levels = []
    if start is not None:
        check_rotations(start, n)
        levels.extend(start.levels())
        S = rotated(S, start.pairs, start.angles)
    n_start = len(levels)
    first_error = off_diagonal_norm(S)
    search = _greedy_levels(S, n_rotations, min(pairs_per_level, n // 2), floor)
    while stop is None or not stop(scale * np.diagonal(S)):
        level = next(search, None)
        if level is None:
            break
        levels.append(level)
    error = off_diagonal_norm(S)
    found = sum(len(angles) for _, angles in levels[n_start:])
    return Factorization(
        operator=Rotations(n, [p for p, _ in levels], [a for _, a in levels]),
        error=scale * error,
        lower_bound=None,
        upper_bound=scale * max(first_error, error),
        n_iter=len(levels) - n_start,
        converged=found < n_rotations,
        message=(
            f"{found} rotations in {len(levels) - n_start} levels; off-diagonal norm "
            f"{scale * first_error:.3g} -> {scale * error:.3g}."
        ),
    )


def prune_rotations(rotations, outputs):
    """Leave out the rotations that only feed coordinates which nobody reads.

    Parameters
    ----------
    rotations : Rotations
        Operator of shape (N, N).

    outputs : array-like of int
        Rows of the operator that are wanted.

    Returns
    -------
    pruned : Rotations
        Operator of shape (N, N) with the same rows `outputs`, to the last bit; the
        other rows differ.

    Examples
    --------
    >>> from skfrugal.operators import Rotations
    >>> from skfrugal.solvers import prune_rotations
    >>> rotations = Rotations(4, [[[0, 1], [2, 3]], [[0, 2]]], [[0.1, 0.2], [0.3]])
    >>> prune_rotations(rotations, [3]).pairs.tolist()
    [[2, 3]]
    """
    outputs = np.asarray(outputs)
    if outputs.size and outputs.dtype.kind not in "iu":
        raise ValueError(
            f"outputs must be integers, the rows that are wanted; got dtype "
            f"{outputs.dtype}. Of a mask pass np.flatnonzero(mask)."
        )
    needed = np.zeros(rotations.shape[0], bool)
    needed[outputs.astype(np.intp)] = True
    pruned = []
    for pairs, angles in reversed(list(rotations.levels())):
        kept = needed[pairs].any(axis=1)
        needed[pairs[kept]] = True
        if kept.any():
            pruned.append((pairs[kept], angles[kept]))
    pruned.reverse()
    return Rotations(rotations.shape[0], [p for p, _ in pruned], [a for _, a in pruned])


def _greedy_levels(S, n_rotations, pairs_per_level, floor):
    """Yield the levels (pairs, angles), each one after having rotated S by it."""
    n = len(S)
    # A floor of zero is allowed, but a variance of zero then still has to divide.
    floor = max(floor, np.finfo(float).tiny)
    # Rounding leaves covariances of about eps * trace, and the trace is N.
    negligible = n * np.finfo(float).eps
    weight, partner, gain = np.empty(n), np.empty(n, np.intp), np.empty(n)
    while n_rotations > 0:
        pairs = np.empty((min(pairs_per_level, n_rotations), 2), np.intp)
        angles = np.empty(len(pairs))
        n_found = greedy_level(
            S, len(pairs), floor, negligible, weight, partner, gain, pairs, angles
        )
        if n_found == 0:
            return
        n_rotations -= n_found
        yield pairs[:n_found], angles[:n_found]


def normalized(covariance):
    """Symmetric float64 copy with mean variance 1 (zero stays), and the scale."""
    if np.iscomplexobj(covariance):
        raise ValueError(
            "covariance must be real. Pass its real part, or the covariance of real "
            "and imaginary parts side by side."
        )
    S = np.array(covariance, dtype=np.float64, order="C")
    if S.ndim != 2 or S.shape[0] != S.shape[1] or not S.size:
        raise ValueError(
            f"covariance must be a square matrix; got shape {S.shape}. "
            f"Pass X.T @ X / n_samples of the centred rows X."
        )
    largest = np.abs(S).max()
    if not np.isfinite(largest):
        raise ValueError(
            "covariance contains NaN or infinity. Pass finite values; rows with "
            "huge entries can be divided by a constant."
        )
    if largest == 0:
        return S, 1.0
    S /= largest
    if np.abs(S - S.T).max() > 1e-8 or np.diagonal(S).min() < -1e-8:
        raise ValueError(
            "covariance must be symmetric with a nonnegative diagonal. "
            "Pass (C + C.T) / 2 of a covariance or Gram matrix."
        )
    S = (S + S.T) / 2
    trace = np.trace(S)
    if trace < 0.5:
        raise ValueError(
            f"covariance is not positive semidefinite: its trace is {trace:.1e} times "
            f"its largest entry. Pass a covariance or Gram matrix."
        )
    mean = trace / len(S)
    return S / mean, float(mean * largest)


def check_rotations(rotations, n):
    """Raise unless `rotations` is a `Rotations` on n coordinates."""
    if not isinstance(rotations, Rotations) or rotations.shape[0] != n:
        raise ValueError(
            f"Rotations of shape ({n}, {n}) are needed for this covariance; got "
            f"{rotations!r}. Pass the operator of greedy_jacobi or fold_rotations."
        )


def rotated(S, pairs, angles):
    """Q S Q^T for a symmetric S, as a new array."""
    angles = np.asarray(angles, np.float64)
    S = np.array(S, order="C")
    rotate_rows(S, pairs, angles)
    S = np.ascontiguousarray(S.T)
    rotate_rows(S, pairs, angles)
    return S


def off_diagonal_norm(S):
    """Frobenius norm of S without its diagonal."""
    return float(np.linalg.norm(S - np.diag(np.diagonal(S))))
