"""Lloyd's iterations with dense centroids, and what all iterations report.

Iterations are generators of `Step`: the caller owns ``max_iter``, the report and the
callbacks, and stops at the first step that bears a message.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
import scipy.sparse as sp

from skfrugal.cluster._cluster_means import moved_means, squared_move, weighted_sums
from skfrugal.cluster._nearest import inertia, nearest_labels
from skfrugal.operators import Dense, Operator
from skfrugal.operators._assigned_rows import AssignedRows


@dataclass(frozen=True)
class Step:
    """Where an iteration ended.

    Attributes
    ----------
    operator : Operator of shape (n_clusters, n_features)
        The new centroids.
    objective : callable
        Returns the inertia that the iteration found.
    settle : callable
        Returns the labels and the inertia that match `operator`.
    message : str or None
        Why the iterations have converged, or None.
    error : float
        Frobenius norm of the part of the cluster means that the structure misses,
        rows weighted by the weights of the clusters.
    report : callable or None
        Returns what found the nearest centroids.
    is_exact : bool
        Whether `settle` gives what `predict` would give.
    """

    operator: Operator
    objective: Callable[[], float]
    settle: Callable[[], tuple[np.ndarray, float]]
    message: str | None = None
    error: float = 0.0
    report: Callable[[], dict] | None = None
    is_exact: bool = False


@dataclass(frozen=True)
class Run:
    """Outcome of the iterations from one start."""

    step: Step
    n_iter: int
    objectives: list[float]

    @cached_property
    def settled(self):
        """Labels and inertia that match the last step."""
        return self.step.settle()

    def improves_on(self, other):
        """Whether the inertia is lower and the clustering another one.

        The same clusters in another order may differ in inertia by rounding.
        """
        if other is None:
            return True
        (labels, value), (labels_other, value_other) = self.settled, other.settled
        renamed = np.zeros(self.step.operator.shape[0], dtype=labels.dtype)
        renamed[labels] = labels_other
        is_same = np.array_equal(renamed[labels], labels_other)
        return value < value_other and not is_same


def filtered_rows(X, sample_weight, centers):
    """Rows that an exact filter assigns again and again, None where none pays."""
    if sp.issparse(X):
        return None
    weight = sample_weight.astype(np.float64, copy=False)
    rows = AssignedRows(X, centers, sample_weight=weight)
    return rows if rows.start(centers) else None


def lloyd_steps(X, sample_weight, centers, *, origin, tol, rows=None):
    """Steps of Lloyd's algorithm.

    Parameters
    ----------
    X : {ndarray, CSR matrix} of shape (n_samples, n_features)
        Centred rows (sparse rows are not centred).

    sample_weight : ndarray of shape (n_samples,)

    centers : ndarray of shape (n_clusters, n_features)

    origin : ndarray of shape (n_features,)
        What was subtracted from the rows; the centroids of a step have it added.

    tol : float
        The iterations have converged when the squares of the moves of the centres
        sum to `tol` at most, or when no label changes.

    rows : AssignedRows or None, default=None
        `filtered_rows`, which need not be centred and may have served other starts.
    """
    labels_old = None
    find = _Finder(X, sample_weight, rows)
    while True:
        before = Dense(centers)
        labels, sums, counts = find.labels_and_sums(before)
        after = Dense(moved_means(X, sample_weight, labels, centers, sums, counts))
        move = squared_move(after.array, centers)
        is_strict = labels_old is not None and np.array_equal(labels, labels_old)
        message = None
        if is_strict:
            message = "strict convergence."
        elif move <= tol:
            message = f"center shift {move} within tolerance {tol}."
        yield Step(
            Dense(after.array + origin) if np.any(origin) else after,
            partial(inertia, X, sample_weight, before, labels),
            partial(find.settle, after, labels if is_strict else None),
            message,
            report=rows and rows.report,
            is_exact=rows is not None,
        )
        centers, labels_old = after.array, labels


class _Finder:
    """Nearest centroids of the same rows, iteration after iteration.

    Through the exact filter where it pays.  Elsewhere through plain products with the
    rounding of scikit-learn, so that its iterations can be followed through ties.
    """

    def __init__(self, X, sample_weight, rows):
        self.X, self.sample_weight, self.rows = X, sample_weight, rows

    def labels(self, operator):
        if self.rows is None:
            return nearest_labels(self.X, operator, shift=False, exact=False)
        self.rows.assign(operator.array)
        return self.rows.labels

    def labels_and_sums(self, operator):
        """Labels, and sums and weights of their clusters, not to be changed."""
        labels = self.labels(operator)
        if self.rows is not None:
            return labels, self.rows.sums, self.rows.weights
        n_clusters = operator.shape[0]
        return labels, *weighted_sums(self.X, self.sample_weight, labels, n_clusters)

    def settle(self, operator, labels):
        """Labels of the centroids, which may be known, and the inertia."""
        if labels is None or self.rows is not None:
            labels = self.labels(operator)
        return labels, inertia(self.X, self.sample_weight, operator, labels)
