"""Ridge regressions for every penalty from one diagonalised Gram matrix."""

from dataclasses import dataclass

import numpy as np
from scipy import linalg

_EPS = np.finfo(np.float64).eps


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
