"""Means of the clusters, and where empty ones go."""

import numpy as np
import scipy.sparse as sp

from skfrugal.cluster._nearest import row_blocks, squared_distances_to


def cluster_means(X, sample_weight, labels, centers, sums, counts, *, relocate=True):
    """Weighted means of the clusters in float64, and their weights.

    Parameters
    ----------
    centers : ndarray of shape (n_clusters, n_features)
        Centroids that gave `labels`; clusters without weight keep theirs.

    sums, counts : ndarray
        `weighted_sums` of the clusters; overwritten, and returned.

    relocate : bool, default=True
        Whether empty clusters are moved to the samples that lie farthest from
        their centroids, by scikit-learn's rule.
    """
    if relocate:
        _relocate_empty(X, sample_weight, labels, centers, sums, counts)
    filled = counts > 0
    sums /= np.where(filled, counts, 1)[:, np.newaxis]
    sums[~filled] = centers[~filled]
    return sums, counts


def moved_means(X, sample_weight, labels, centers, sums, counts):
    """The means of the clusters in the dtype of the centres."""
    if np.all(counts > 0):
        means = np.empty_like(centers)
        np.divide(sums, counts[:, np.newaxis], out=means, casting="same_kind")
        return means
    sums, counts = sums.copy(), counts.copy()
    means, counts = cluster_means(X, sample_weight, labels, centers, sums, counts)
    # Clusters that stay empty wait at the largest one.
    means[counts <= 0] = means[counts.argmax()]
    return means.astype(centers.dtype, copy=False)


def squared_move(after, before):
    """Sum of the squares of the moves of all centres, in float64."""
    total = 0.0
    for rows in row_blocks(*after.shape):
        part = np.subtract(after[rows], before[rows], dtype=np.float64).reshape(-1)
        total += float(part @ part)
    return total


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
