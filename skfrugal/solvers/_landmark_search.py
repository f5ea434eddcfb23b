"""What a landmark ridge regression is compared on, and which kernel width wins."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from skfrugal.solvers._landmark_ridge import SLACK
from skfrugal.solvers._rows import batches, fingerprint

# gamma is sought at these values over the scale of the features; the third one is
# what landmarks that depend on the kernel are chosen with.
GAMMA_FACTORS = (0.03, 0.1, 0.3, 1.0, 3.0)
# Leave-one-out residuals of this many rows choose alpha and gamma as well as all do.
N_LOO = 4096
# gamma is sought on this many rows, or four for each landmark.
N_SEARCH = 4096
# Kernel values this close to 0 (or to 1) for all pairs are an identity (a constant).
DEGENERATE = 1e-6
# Negative eigenvalues beyond this fraction of the largest are not rounding.
NEGATIVE = 1e-8

# By kernel, from mean and variance of each feature: the scale s for which the
# argument of the kernel is of order one at gamma = 1 / s.
FEATURE_SCALES = {
    "rbf": lambda mean, var: var.sum(),
    "laplacian": lambda mean, var: np.sqrt(var).sum(),
    **dict.fromkeys(
        ("matern12", "matern32", "matern52"), lambda mean, var: np.sqrt(var.sum())
    ),
    "poly": lambda mean, var: (var + mean**2).sum(),
    "polynomial": lambda mean, var: (var + mean**2).sum(),
    "sigmoid": lambda mean, var: (var + mean**2).sum(),
    "chi2": lambda mean, var: (var / np.where(mean > 0, mean, 1.0)).sum(),
}


@dataclass(frozen=True)
class RowSample:
    """Rows drawn once, so that all candidates are compared on the same."""

    landmark: np.ndarray | None  # (n,): which landmark each row is, if all rows are one
    loo: np.ndarray  # rows whose residuals are compared
    search: np.ndarray | None  # rows on which gamma is sought; None for all


def sample_rows(X, landmarks, rng):
    """Draw the rows on which candidates are fitted and compared.

    The residual of a row that is a landmark says little: the landmark was chosen to
    fit it. Such rows are not compared, unless they are the majority (with every row a
    landmark their residuals are those of kernel ridge regression, and honest).
    """
    n_rows, n_landmarks = X.shape[0], len(landmarks)
    marks, index = np.unique(fingerprint(landmarks), return_index=True)
    hashes = fingerprint(X)
    position = np.minimum(np.searchsorted(marks, hashes), marks.size - 1)
    coincides = marks[position] == hashes
    others = np.flatnonzero(~coincides)
    compared = others if 2 * others.size >= n_rows else np.arange(n_rows)
    loo, search = _draw(compared, N_LOO, rng), None
    n_search = max(N_SEARCH, 4 * n_landmarks)
    if n_search < n_rows:
        # A residual is a leave-one-out residual only of a row that was fitted.
        rest = np.setdiff1d(np.arange(n_rows), loo, assume_unique=True)
        search = np.union1d(loo, _draw(rest, n_search - loo.size, rng))
    return RowSample(index[position] if others.size == 0 else None, loo, search)


def _draw(index, n_draws, rng):
    if index.size <= n_draws:
        return index
    return np.sort(rng.choice(index, n_draws, replace=False))


@np.errstate(over="ignore", invalid="ignore")
def feature_scale(X, weight, kernel):
    """Return the scale of weighted rows in the kernel's own terms, positive."""
    total, columns = weight.sum(), X.shape[1]
    if sparse.issparse(X):
        X = X.astype(np.float64)
        mean = weight @ X / total
        variance = np.maximum(weight @ X.multiply(X) / total - mean**2, 0.0)
    else:
        mean, variance = np.zeros(columns), np.zeros(columns)
        for rows in batches(len(X), columns):
            mean += weight[rows] @ X[rows] / total
        for rows in batches(len(X), columns):
            variance += weight[rows] @ np.square(X[rows] - mean) / total
    scale = FEATURE_SCALES[kernel](mean, variance)
    # Where all rows are equal, to rounding, no width is better than another.
    noise = np.finfo(np.float64).eps * np.abs(mean).sum()
    return scale if np.isfinite(scale) and scale > noise**2 else float(columns)


def check_alpha(alpha, n_targets):
    """Return alpha as an array of one or `n_targets` values; None for "auto"."""
    if isinstance(alpha, str):
        return None
    try:
        values = np.atleast_1d(np.asarray(alpha, dtype=np.float64))
    except (TypeError, ValueError):
        values = np.full(n_targets, np.nan)
    if values.shape not in ((1,), (n_targets,)):
        raise ValueError(
            f"alpha has shape {values.shape} for {n_targets} target(s); pass one "
            f"number, an array of shape ({n_targets},) or 'auto'."
        )
    if not (np.isfinite(values) & (values >= 0)).all():
        raise ValueError(
            f"alpha={alpha!r} holds something else than finite numbers >= 0; pass "
            "only such numbers, or 'auto'."
        )
    return values


def unit_scale(y):
    """Divide each target by a power of two, such that its values are below one.

    Their squares then neither overflow nor vanish; the division rounds nothing.

    Returns
    -------
    scaled : ndarray of shape (n, t)
    exponent : ndarray of shape (t,)
        The logarithms of the divisors, base 2.
    """
    _, exponent = np.frexp(np.abs(y).max(axis=0))
    return np.ldexp(y, -exponent), exponent


def candidate_gammas(X, weight, kernel, gamma):
    """Return the values of gamma to compare: one, or five for "auto"."""
    if kernel not in FEATURE_SCALES:
        return (None,)
    if gamma is None:
        return (1.0 if kernel == "chi2" else 1.0 / X.shape[1],)
    if gamma != "auto":
        return (float(gamma),)
    scale = feature_scale(X, weight, kernel)
    return tuple(factor / scale for factor in GAMMA_FACTORS)


def kernel_faults(kernel, X, weight, negative, *, chosen):
    """Return sentences on a kernel that is indefinite, or tells no rows apart, or all.

    Parameters
    ----------
    kernel : LandmarkKernel

    X, weight : rows and their weights

    negative : float
        The negative part of the kernel between landmarks that was dropped.

    chosen : bool
        Whether gamma was chosen here, rather than given.
    """
    faults, metric = [], kernel.kernel.metric
    if negative > NEGATIVE:
        faults.append(
            f"kernel={metric!r} is not positive semidefinite on the landmarks: its "
            "negative part is dropped. Pass a positive semidefinite kernel, for "
            "example 'rbf'."
        )
    if chosen or not kernel.kernel.shift_invariant:
        return faults
    matrix = kernel.of_landmarks()
    pairs, fault = matrix[~np.eye(len(matrix), dtype=bool)], ""
    if pairs.size and pairs.max() < DEGENERATE:
        fault = "0 (too large: the model knows nothing between landmarks)"
    elif pairs.size and pairs.min() > 1 - DEGENERATE:
        fault = "1 (too small: the model is nearly linear or constant)"
    if fault:
        faults.append(
            f"gamma={kernel.kernel.parameters['gamma']:.3g} makes every kernel value "
            f"between landmarks {fault}. Pass "
            f"gamma={1 / feature_scale(X, weight, metric):.3g}, or 'auto'."
        )
    return faults


def best_gamma(solve, gammas, variance, search, verbose):
    """Compare values of gamma by leave-one-out and solve for the best on all rows.

    Parameters
    ----------
    solve : callable
        `solve(gamma, rows)` returns a `LandmarkRidge`.

    gammas : tuple
        The candidates; a single one is taken as it is.

    variance : ndarray of shape (t,)
        Variances of the targets, in units of which their errors are averaged.

    search : ndarray or None
        Rows on which they are compared; None for all.

    verbose : int

    Returns
    -------
    gamma : float or None
    solution : LandmarkRidge
    """
    if len(gammas) == 1:
        return gammas[0], solve(gammas[0], None)
    variance = np.where(variance > 0, variance, 1.0)
    best = np.inf, gammas[0], None
    for gamma in gammas:
        solution = solve(gamma, search)
        error = np.sqrt(np.mean(solution.loo_error**2 / variance))
        if verbose:
            print(f"gamma={gamma:.3g}: leave-one-out error {error:.4g} std(y)")
        # From wide to narrow: a narrower kernel has to be better, not as good.
        if error < (1 - SLACK) * best[0]:
            best = error, gamma, solution
    _, gamma, solution = best
    if search is not None or solution is None:
        solution = solve(gamma, None)
    return gamma, solution
