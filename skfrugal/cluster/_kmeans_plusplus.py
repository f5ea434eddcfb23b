"""Greedy k-means++ with the draws of scikit-learn, most distances ruled out."""

import numpy as np
import scipy.sparse as sp
from sklearn.cluster import kmeans_plusplus as dense_kmeans_plusplus
from sklearn.utils.extmath import row_norms

from skfrugal._sklearn import cumulated_for_draws
from skfrugal.operators._fused_seeding import SeedingRows, is_worth_bounds


class PlusplusDraws:
    """Draws of greedy k-means++ among the same rows, of any magnitude.

    Where bounds do not pay (few columns, few candidates, sparse rows) scikit-learn
    draws.  Else each step computes the distances of the rows that may come nearer, as
    scikit-learn does in float64; its distances of float32 rows are rounded once more,
    so that a draw may differ where two numbers agree to rounding.

    Parameters
    ----------
    X : {ndarray, CSR matrix} of shape (n_samples, n_features)

    norms : ndarray of shape (n_samples,), default=None
        Squared lengths of the rows, if they are known.
    """

    def __init__(self, X, norms=None):
        norms = row_norms(X, squared=True) if norms is None else norms
        self.scale = _scale(X, norms)
        if self.scale != 1:
            X = X * X.dtype.type(self.scale)
            norms = row_norms(X, squared=True)
        self.X, self.norms = X, norms
        self._rows = None

    def __call__(self, n_clusters, sample_weight, rng, n_local_trials=None):
        """Indices of the rows that are the centres, (n_clusters,)."""
        if n_local_trials is None:
            n_local_trials = _default_trials(n_clusters)
        if not uses_bounds(self.X, n_clusters, n_local_trials):
            _, indices = dense_kmeans_plusplus(
                self.X,
                n_clusters,
                sample_weight=sample_weight,
                x_squared_norms=self.norms,
                random_state=rng,
                n_local_trials=n_local_trials,
            )
            return indices
        if self._rows is None:
            self._rows = SeedingRows(np.ascontiguousarray(self.X))
        self._rows.restart()
        return _drawn(self._rows, n_clusters, sample_weight, rng, n_local_trials)


def uses_bounds(X, n_clusters, n_local_trials=None):
    """Whether most distances of these rows are ruled out by bounds."""
    n_local_trials = n_local_trials or _default_trials(n_clusters)
    n_candidates = (n_clusters - 1) * n_local_trials
    return not sp.issparse(X) and is_worth_bounds(X.shape, n_candidates)


def _default_trials(n_clusters):
    return 2 + int(np.log(n_clusters))


def _drawn(rows, n_clusters, sample_weight, rng, n_local_trials):
    """Step by step as scikit-learn's `_kmeans_plusplus`."""
    n_samples = len(rows.X)
    indices = np.empty(n_clusters, dtype=int)
    indices[0] = rng.choice(n_samples, p=sample_weight / sample_weight.sum())
    closest = rows.squared_distances(indices[:1])[0]
    potential = closest[np.newaxis] @ sample_weight
    for c in range(1, n_clusters):
        drawn = rng.uniform(size=n_local_trials) * potential
        ids = np.searchsorted(cumulated_for_draws(sample_weight * closest), drawn)
        # Rounding may lead past the last row.
        np.clip(ids, None, n_samples - 1, out=ids)
        lowered = rows.lowered(ids, closest)
        potentials = lowered @ sample_weight.reshape(-1, 1)
        best = np.argmin(potentials)
        potential, closest, indices[c] = potentials[best], lowered[best], ids[best]
    return indices


def _scale(X, x_squared_norms):
    """Power of two that brings squares into range, 1 where they are."""
    info = np.finfo(X.dtype)
    largest = x_squared_norms.max()
    if info.tiny / info.eps**2 < largest < info.max * info.eps:
        return 1.0
    exponent = np.frexp(float(abs(X).max()))[1]
    return float(np.ldexp(1.0, min(-exponent, info.maxexp - 1)))
