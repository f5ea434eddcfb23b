"""Lloyd's iterations, with dense or with structured centroids.

Both are generators of `Step`: the caller owns ``max_iter``, the report and the
callbacks, and stops at the first step that bears a message.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np
import scipy.sparse as sp

from skfrugal.cluster._nearest import (
    inertia,
    nearest_labels,
    row_blocks,
    squared_distances_to,
)
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
        after = Dense(_moved(X, sample_weight, labels, centers, sums, counts))
        move = _squared_move(after.array, centers)
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


def _moved(X, sample_weight, labels, centers, sums, counts):
    """The means of the clusters in the dtype of the centres."""
    if np.all(counts > 0):
        means = np.empty_like(centers)
        np.divide(sums, counts[:, np.newaxis], out=means, casting="same_kind")
        return means
    sums, counts = sums.copy(), counts.copy()
    means, counts = _means(X, sample_weight, labels, centers, sums, counts)
    # Clusters that stay empty wait at the largest one.
    means[counts <= 0] = means[counts.argmax()]
    return means.astype(centers.dtype, copy=False)


def _squared_move(after, before):
    """Sum of the squares of the moves of all centres, in float64."""
    total = 0.0
    for rows in row_blocks(*after.shape):
        part = np.subtract(after[rows], before[rows], dtype=np.float64).reshape(-1)
        total += float(part @ part)
    return total


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
        ``project(means, row_weight=counts)`` returns a `Factorization`.

    tol : float
        The iterations have converged when the inertia falls by `tol` at most,
        relatively, or when no label changes.
    """
    labels, value = nearest_labels(X, Dense(centers)), np.inf
    step = None
    while True:
        new = _projected(X, sample_weight, labels, centers, project, value)
        if new is None:
            yield replace(step, message="no projection lowers the inertia.")
            continue
        operator, labels_new, value_new, error = new
        message = None
        if step is not None and np.array_equal(labels_new, labels):
            message = "strict convergence."
        elif step is not None and value - value_new <= tol * value:
            message = f"inertia fell by {value - value_new}, tolerance {tol} of it."
        labels, value, centers = labels_new, value_new, operator.toarray()
        step = Step(
            operator,
            partial(_identity, value),
            partial(_identity, (labels, value)),
            message,
            error,
        )
        yield step


def _identity(value):
    return value


def _projected(X, sample_weight, labels, centers, project, value):
    """Operator, labels, inertia and error of projected means; None if it exceeds.

    Empty clusters are first relocated, then, if the inertia exceeds `value`, left.
    """
    has_empty = len(np.unique(labels)) < len(centers)
    for relocate in (True, False) if has_empty else (False,):
        means, counts = cluster_means(
            X, sample_weight, labels, centers, relocate=relocate
        )
        result = project(
            means.astype(centers.dtype, copy=False), row_weight=np.maximum(counts, 0)
        )
        labels_new = nearest_labels(X, result.operator)
        value_new = inertia(X, sample_weight, result.operator, labels_new)
        if value_new <= value:
            return result.operator, labels_new, value_new, float(result.error)
    return None


def cluster_means(X, sample_weight, labels, centers, *, relocate=True):
    """Weighted means of the clusters in float64, and their weights.

    Parameters
    ----------
    centers : ndarray of shape (n_clusters, n_features)
        Centroids that gave `labels`; clusters without weight keep theirs.

    relocate : bool, default=True
        Whether empty clusters are moved to the samples that lie farthest from
        their centroids, by scikit-learn's rule.
    """
    sums, counts = weighted_sums(X, sample_weight, labels, len(centers))
    return _means(X, sample_weight, labels, centers, sums, counts, relocate=relocate)


def _means(X, sample_weight, labels, centers, sums, counts, *, relocate=True):
    """`cluster_means` from the sums and the weights of the clusters, overwritten."""
    if relocate:
        _relocate_empty(X, sample_weight, labels, centers, sums, counts)
    filled = counts > 0
    sums /= np.where(filled, counts, 1)[:, np.newaxis]
    sums[~filled] = centers[~filled]
    return sums, counts


def weighted_sums(X, sample_weight, labels, n_clusters):
    """Weighted sums and weights of the clusters, in float64."""
    sums = np.zeros((n_clusters, X.shape[1]))
    counts = np.bincount(labels, weights=sample_weight, minlength=n_clusters)
    # A block adds a whole (n_clusters, n_features) array, hence not fewer rows.
    blocks = row_blocks(*X.shape, least=4 * n_clusters)
    for rows in [slice(None)] if sp.issparse(X) else blocks:
        weight = sample_weight[rows].astype(np.float64, copy=False)
        membership = sp.csr_array(
            (weight, (labels[rows], np.arange(len(weight)))),
            shape=(n_clusters, len(weight)),
        )
        part = membership @ X[rows].astype(np.float64, copy=False)
        sums += part.toarray() if sp.issparse(part) else part
    return sums, counts


def _relocate_empty(X, sample_weight, labels, centers, sums, counts):
    """Give each empty cluster the sample farthest from its centroid, in place."""
    empty = np.flatnonzero(counts == 0)
    if len(empty) == 0:
        return
    distance = squared_distances_to(X, centers, labels)
    if distance.max() == 0:
        # More clusters than distinct samples: there is nowhere to go.
        return
    farthest = np.argpartition(distance, -len(empty))[: -len(empty) - 1 : -1]
    for cluster, i in zip(empty, farthest, strict=True):
        row = X[[i]].toarray()[0] if sp.issparse(X) else X[i]
        part = row * np.float64(sample_weight[i])
        sums[labels[i]] -= part
        counts[labels[i]] -= sample_weight[i]
        sums[cluster] = part
        counts[cluster] = sample_weight[i]
