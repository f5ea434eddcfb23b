"""Means of clusters, from their rows."""

from skfrugal.cluster._cluster_means import cluster_means, weighted_sums


def means_of_clusters(X, sample_weight, labels, centers, *, relocate=True):
    """`cluster_means` of sums made for them."""
    sums, counts = weighted_sums(X, sample_weight, labels, len(centers))
    return cluster_means(
        X, sample_weight, labels, centers, sums, counts, relocate=relocate
    )
