"""Steps of mini-batch k-means, and when to stop: scikit-learn's rules and draws."""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from skfrugal.cluster._cluster_means import weighted_sums
from skfrugal.cluster._init import initial_centers
from skfrugal.cluster._nearest import inertia, nearest_labels
from skfrugal.operators import Dense
from skfrugal.operators._nearest_rows import MovingPoints


@dataclass
class Starts:
    """Draws starts, each from a sample of `size` rows."""

    X: object
    sample_weight: np.ndarray
    n_clusters: int
    size: int
    init: object
    rng: np.random.RandomState

    def draw(self):
        """Centroids to start from."""
        X, sample_weight = self.X, self.sample_weight
        if self.size < X.shape[0]:
            X, sample_weight = self._sample()
        (centers,) = initial_centers(
            X,
            sample_weight,
            self.n_clusters,
            init=self.init,
            n_init=1,
            origin=np.zeros(X.shape[1], dtype=X.dtype),
            rng=self.rng,
        )
        return np.array(centers, order="C")

    def best(self, n_init, verbose):
        """Of several starts that of lowest inertia on a validation sample."""
        X, sample_weight = self._sample()
        best, least = None, np.inf
        for i in range(n_init):
            if verbose:
                print(f"Init {i + 1}/{n_init} with method {self.init}")
            centers = self.draw()
            operator = Dense(centers)
            labels = nearest_labels(X, operator)
            value = inertia(X, sample_weight, operator, labels)
            if verbose:
                print(f"Inertia for init {i + 1}/{n_init}: {value}")
            if best is None or value < least:
                best, least = centers, value
        return best

    def _sample(self):
        chosen = self.rng.randint(0, self.X.shape[0], self.size)
        return self.X[chosen], self.sample_weight[chosen]


class Updater:
    """Centroids that follow batches of rows.

    Parameters
    ----------
    centers : ndarray of shape (n_clusters, n_features)
    counts : ndarray of shape (n_clusters,)
        Weights that the centroids have seen.
    n_rows : int
        Rows expected in all batches together.
    """

    def __init__(self, centers, counts, *, n_rows, n_since_reassigned=0):
        self.centers = centers
        self.counts = counts
        self.n_since_reassigned = n_since_reassigned
        self._points = MovingPoints(n_rows)

    def step(self, X, sample_weight, *, reassignment_ratio, batch_size, rng):
        """Move the centroids towards their rows of a batch.

        Returns
        -------
        value : float
            Inertia of the batch before the move.
        n_reassigned : int
            Centroids of little weight that were put on rows of the batch.
        """
        before = self.centers
        if sp.issparse(X):
            labels = nearest_labels(X, Dense(before))
        else:
            labels = self._points.labels(X, before)
        value = inertia(X, sample_weight, Dense(before), labels)
        sums, weights = weighted_sums(X, sample_weight, labels, len(before))
        is_due = self._is_due(batch_size)
        seen = weights > 0
        total = self.counts + weights
        centers = before.copy()
        old = before[seen].astype(np.float64) * self.counts[seen, np.newaxis]
        centers[seen] = (old + sums[seen]) / total[seen, np.newaxis]
        self.centers, self.counts = centers, total
        n_reassigned = 0
        if is_due and reassignment_ratio > 0:
            n_reassigned = self._reassign(X, reassignment_ratio, rng)
        return value, n_reassigned

    def _is_due(self, batch_size):
        """Whether ten rows a cluster have gone by, or a cluster has none."""
        self.n_since_reassigned += batch_size
        if np.any(self.counts == 0) or self.n_since_reassigned >= 10 * len(self.counts):
            self.n_since_reassigned = 0
            return True
        return False

    def _reassign(self, X, ratio, rng):
        """Put centroids of little weight on rows of the batch, half of them at most."""
        most = int(0.5 * X.shape[0])
        poor = self.counts < ratio * self.counts.max()
        if poor.sum() > 0.5 * X.shape[0]:
            poor[np.argsort(self.counts)[most:]] = False
        n_poor = int(poor.sum())
        if n_poor:
            rows = X[rng.choice(X.shape[0], replace=False, size=n_poor)]
            self.centers[poor] = rows.toarray() if sp.issparse(rows) else rows
        # Not so little that they would be moved again at once.
        self.counts[poor] = self.counts[~poor].min()
        return n_poor


@dataclass
class Convergence:
    """When the inertia of batches, smoothed, has stopped falling."""

    tol: float
    max_no_improvement: int | None
    batch_size: int
    n_samples: int
    smoothed: float | None = None
    least: float | None = None
    n_without: int = 0

    def message(self, step, move, value):
        """Why to stop after step number `step` (from 1), or None.

        `move` is the sum of the squared moves of the centroids, `value` the inertia of
        the batch.
        """
        value /= self.batch_size
        if step == 1:  # the inertia of the start
            return None
        alpha = min(1, self.batch_size * 2.0 / (self.n_samples + 1))
        before = value if self.smoothed is None else self.smoothed
        self.smoothed = before * (1 - alpha) + value * alpha
        if self.tol > 0 and move <= self.tol:
            return "small centers change"
        if self.least is None or self.smoothed < self.least:
            self.least, self.n_without = self.smoothed, 0
        else:
            self.n_without += 1
        limit = self.max_no_improvement
        if limit is not None and self.n_without >= limit:
            return "lack of improvement in inertia"
        return None
