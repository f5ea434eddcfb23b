"""Lloyd's iterations with structured centroids."""

from dataclasses import replace
from functools import partial

import numpy as np
from sklearn.base import clone

from skfrugal.cluster._cluster_means import cluster_means, weighted_sums
from skfrugal.cluster._lloyd import Step
from skfrugal.cluster._nearest import (
    check_in_range,
    inertia,
    nearest_labels,
    squared_distances_to,
)
from skfrugal.operators import Dense
from skfrugal.structures import SparseProduct

# Rounds of the first projection, and of those that go on from it: the means change
# anyway.  More gain less than another iteration does.
_FIRST_ROUNDS, _ROUNDS = 2, 1
# Under this fraction of the spread of the rows the expanded sum of squares would lose
# half of its digits.
_SMALLEST_FRACTION = 1e-8
# A cluster left with less of the weight it had is summed anew: the rest is rounding.
_THIN = 1e-6


def structured_steps(X, sample_weight, centers, *, project, tol):
    """Steps of Lloyd's algorithm whose centroids keep a structure.

    The means of the clusters are projected on the structure, weighted by the
    weights of the clusters, as the inertia is

        within + sum_k n_k |m_k - c_k|^2,

    and the rows are assigned to the projected centroids.  The inertia never rises:
    a projection that raises it is refused, and ends the iterations.

    Parameters
    ----------
    X, sample_weight, centers
        As in `lloyd_steps`, but rows need not be centred.

    project : callable
        ``project(means, row_weight=counts, start=result, within=inertia)`` returns a
        `Factorization`; `result` is that of the step before, or None; `inertia` what
        the means themselves leave.

    tol : float
        The iterations have converged when the inertia falls by `tol` at most,
        relatively, or when no label changes.
    """
    rows = _AssignedSums(X, sample_weight, nearest_labels(X, Dense(centers)), centers)
    step = result = None
    value = np.inf
    while True:
        found = _projected(rows, centers, project, result, value)
        if found is None:
            yield replace(step, message="no projection lowers the inertia.")
            continue
        result, moved, centers, value_new = found
        message = None
        if step is not None and np.array_equal(moved.labels, rows.labels):
            message = "strict convergence."
        elif step is not None and value - value_new <= tol * value:
            message = f"inertia fell by {value - value_new}, tolerance {tol} of it."
        rows, value = moved, value_new
        step = Step(
            result.operator,
            partial(_identity, value),
            partial(_settled, rows, result.operator),
            message,
            float(result.error),
        )
        yield step


def _projected(rows, centers, project, start, value):
    """Projection, rows assigned to it, dense centroids and inertia; None if it exceeds.

    Empty clusters are first relocated, then, if the inertia exceeds `value`, left.
    """
    has_empty = rows.counts.min() <= 0
    for relocate in (True, False) if has_empty else (False,):
        means, counts = rows.means(centers, relocate=relocate)
        result = project(
            means.astype(rows.dtype, copy=False),
            row_weight=np.maximum(counts, 0),
            start=start,
            within=rows.within(),
        )
        moved = rows.assigned(nearest_labels(rows.X, result.operator))
        dense = result.operator.toarray()
        value_new = moved.inertia(result.operator, dense)
        if value_new <= value:
            return result, moved, dense, value_new
    return None


def _identity(value):
    return value


def _settled(rows, operator):
    return rows.labels, inertia(rows.X, rows.sample_weight, operator, rows.labels)


class _AssignedSums:
    """Rows with their labels, and the sums and weights of their clusters.

    The inertia of any centroids follows from them without another pass over the rows:
    with the mean m of all rows,

        sum_i w_i |x_i - m|^2 - 2 sum_k (c_k - m) (s_k - n_k m) + sum_k n_k |c_k - m|^2.
    """

    def __init__(self, X, sample_weight, labels, centers):
        self.X, self.sample_weight, self.labels = X, sample_weight, labels
        self.dtype = centers.dtype
        with np.errstate(over="ignore", invalid="ignore"):
            self.sums, self.counts = weighted_sums(
                X, sample_weight, labels, len(centers)
            )
            self.mean = self.sums.sum(axis=0) / (self.counts.sum() or 1.0)
            whole = np.zeros(X.shape[0], np.intp)
            squared = squared_distances_to(X, self.mean[np.newaxis], whole)
            self.spread = float(squared @ sample_weight.astype(np.float64, copy=False))
        check_in_range(self.spread, "inertia")
        self.heaviest = self.counts

    def assigned(self, labels):
        """The same rows with other labels."""
        moved = object.__new__(_AssignedSums)
        vars(moved).update(vars(self), labels=labels)
        changed = np.flatnonzero(labels != self.labels)
        if len(changed) > len(labels) // 4:
            moved.sums, moved.counts = weighted_sums(
                self.X, self.sample_weight, labels, len(self.sums)
            )
            moved.heaviest = moved.counts
            return moved
        out, lost = self._of(changed, self.labels)
        sums, gained = self._of(changed, labels)
        sums += self.sums
        sums -= out
        counts = self.counts + gained - lost
        thin = counts <= _THIN * self.heaviest
        anew, weights = self._of(np.flatnonzero(thin[labels]), labels)
        sums[thin], counts[thin] = anew[thin], weights[thin]
        moved.sums, moved.counts = sums, counts
        moved.heaviest = np.where(thin, counts, np.maximum(self.heaviest, counts))
        return moved

    def _of(self, rows, labels):
        """Sums and weights of the clusters, of some rows alone."""
        return weighted_sums(
            self.X[rows], self.sample_weight[rows], labels[rows], len(self.sums)
        )

    def means(self, centers, *, relocate):
        """`cluster_means` of these labels."""
        return cluster_means(
            self.X,
            self.sample_weight,
            self.labels,
            centers,
            self.sums.copy(),
            self.counts.copy(),
            relocate=relocate,
        )

    def within(self):
        """Inertia of the means of the clusters."""
        filled = self.counts > 0
        counts = self.counts[filled, np.newaxis]
        shift = self.sums[filled] / counts - self.mean
        return max(self.spread - float(np.vdot(counts * shift, shift)), 0.0)

    def inertia(self, operator, centers):
        """Inertia of the labels, `centers` being the operator's array."""
        shift = centers.astype(np.float64, copy=False) - self.mean
        inner = self.sums - self.counts[:, np.newaxis] * self.mean
        inner -= 0.5 * self.counts[:, np.newaxis] * shift
        value = self.spread - 2 * float(np.vdot(shift, inner))
        if value <= _SMALLEST_FRACTION * self.spread or not np.isfinite(value):
            return inertia(self.X, self.sample_weight, operator, self.labels)
        return value


class Projection:
    """``project(means, row_weight=..., start=..., within=...)`` of a structure.

    Parameters
    ----------
    structure : structure or callable
        A structure, or ``choose(means, row_weight, within)`` that returns one: the
        first means decide, once and for all.
    rng : RandomState
    is_alone : bool, default=False
        Whether no iterations follow the first projection, which then takes as many
        rounds as the structure asks for.
    """

    def __init__(self, structure, rng, *, is_alone=False):
        self.structure, self.rng, self.is_alone = structure, rng, is_alone

    def __call__(self, means, *, row_weight, start=None, within=0.0):
        if not hasattr(self.structure, "project"):
            self.structure = self.structure(means, row_weight, within)
        if not isinstance(self.structure, SparseProduct):
            return self.structure.project(
                means, row_weight=row_weight, random_state=self.rng
            )
        structure, most = self.structure, _ROUNDS if start else _FIRST_ROUNDS
        if start or not self.is_alone:
            rounds = min(most, structure.max_iter)
            structure = clone(structure).set_params(max_iter=rounds)
        return structure.project(
            means, row_weight=row_weight, random_state=self.rng, start=start
        )
