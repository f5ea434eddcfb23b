"""Short sparse products behind a linear map: their supports and values fitted to it.

``||Y - R left middle right||^2`` is the squared error of a matrix in the metric
``R^T R`` of its rows.  Columns do not see it: `middle` and `right` are updated as they
are without it.  Rows do: those of `left` are coded in turn, each given all others.
"""

from dataclasses import replace

import numpy as np

from skfrugal.solvers._iterate import iterate
from skfrugal.solvers._sparse_coding import codes_in_turn
from skfrugal.solvers._sparse_product_parts import Parts, Problem
from skfrugal.solvers._sparse_product_updates import (
    balanced,
    middle_fitted,
    right_coded,
)
from skfrugal.solvers._sweeps import SweepStep

# Rows whose squared norm in R is below this part of the largest one's are not seen.
_RCOND = 1e-10
# Where entries move between rows, each counts at least this part of the mean: steps of
# rows that are hardly seen are no longer than that.
_LEAST_WEIGHT = 1e-2


def sparse_product_regression(R, Y, factors, n_nonzero, *, max_iter, tol):
    """Lower ``||Y - R @ Product(*factors)||^2``, supports included.

    Parameters
    ----------
    R : ndarray of shape (r, M)
    Y : ndarray of shape (r, N)
    factors : sequence of two or three SparseFactor or Dense
        The product to start from.
    n_nonzero : tuple
        Entries of each factor, at most; see `sparse_product`.
    max_iter, tol : int and float
        Rounds, which end when one lowers the squared error by less than `tol` of
        itself.

    Returns
    -------
    run : Run
        Its squared error is never above that of the start.
    """
    steps = _rounds(_Regression(R, Y, n_nonzero), Parts.of_factors(factors))
    return iterate(steps, max_iter=max_iter, tol=tol, warn=False)


class _Regression:
    """The least squares of a product, and what lowers it factor by factor."""

    def __init__(self, R, Y, n_nonzero):
        squares = np.square(R).sum(axis=0)
        self.R = R * (squares > _RCOND * squares.max())
        self.Y, self.n_nonzero = Y, n_nonzero
        self.metric, self.cross = self.R.T @ self.R, self.R.T @ Y
        weight = np.abs(self.metric).sum(axis=1)
        self.weight = np.maximum(weight, _LEAST_WEIGHT * weight.mean())
        self.updates = (
            self.with_middle,
            self.with_moved_entries,
            self.with_left,
            self.with_middle,
            self.with_right,
        )

    def squared_error(self, parts):
        """``||Y - R P||^2`` of the product P."""
        return float(np.sum((self.Y - self.R @ parts.toarray()) ** 2))

    def with_left(self, parts):
        """The rows coded over those of ``middle @ right``, one after the other."""
        atoms, middle = parts.right.T.toarray(), parts.dense_middle
        if middle is not None:
            atoms = middle @ atoms
        C, W = self.cross @ atoms.T, atoms @ atoms.T
        return replace(parts, left=codes_in_turn(C, W, self.metric, parts.left))

    def with_moved_entries(self, parts):
        """All rows coded at once, which share their entries.

        They approximate a gradient step, with lengths so short that the squared error
        in the metric of their weights is above the true one, and touches it here.
        """
        product = parts.toarray()
        gradient = self.metric @ product - self.cross
        target = product - gradient / self.weight[:, np.newaxis]
        weight = self.weight / self.weight.max()
        return Problem(target, weight, self.n_nonzero).with_left(parts)

    def with_middle(self, parts):
        """The best dense middle, or a sparse one coded column by column."""
        parts = balanced(parts, self._left_gram(parts))
        return middle_fitted(parts, self.cross, self._left_gram(parts))

    def with_right(self, parts):
        """The columns coded over those of ``R left middle``."""
        W = self._left_gram(parts)
        return right_coded(parts, self.cross, W, self.n_nonzero[-1])

    def _left_gram(self, parts):
        seen = (parts.left.T @ self.R.T).T
        return seen.T @ seen


def _rounds(regression, parts):
    """Yield a step after each round; updates that raise the error are left out."""
    error = regression.squared_error(parts)
    while True:
        last = error
        for update in regression.updates:
            new = update(parts)
            new_error = regression.squared_error(new)
            if new_error <= error:
                parts, error = new, new_error
        gain = (last - error) / last if last > 0 else 0.0
        yield SweepStep(parts, gain, error, Parts.product, float)
