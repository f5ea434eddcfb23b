"""What structured centroids must beat: simpler ways to store fewer numbers."""

import math

import numpy as np
from sklearn.decomposition import PCA
from structured_models import DENSE_ITERATIONS, Measured

from skfrugal.cluster import QuickKMeans

# Sums over groups of features: how many groups, for so many clusters.
GROUPS = {64: (2, 3), 256: (2, 4), 1024: (2, 5)}


def twins(fits, k, values):
    """Measures of the twins that store `values` numbers, or bytes as few."""
    yield fewer_clusters(fits, k, values)
    yield from [pca(fits, k, values), pca(fits, k, fits.dense(k).operator_.nnz // 6)]
    for n_groups in GROUPS.get(k, (2,)):
        yield product_quantiser(fits, k, n_groups)
    for bits in (8, 4):
        yield integers(fits, k, bits)


def fewer_clusters(fits, k, values):
    """Exact k-means with fewer clusters."""
    fewer = max(1, values // fits.rows.train.shape[1])
    return fits.measured(f"dense, {fewer} clusters", fits.dense(fewer))


def pca(fits, k, values):
    """K-means in principal components; basis, mean and reduced centroids count."""
    rows, d = fits.rows, fits.rows.train.shape[1]
    rank = int(np.clip((values - d) // (d + k), 1, min(k, d)))
    basis = PCA(rank, svd_solver="covariance_eigh").fit(rows.train)
    reduced = fitted(k, basis.transform(rows.train), basis.transform(rows.start(k)))
    centers = basis.inverse_transform(reduced.cluster_centers_)
    stored = rank * (k + d) + d
    return of_centers(fits, f"PCA to {rank}, k-means", centers, stored, 4 * stored)


def product_quantiser(fits, k, n_groups):
    """The k combinations of one centroid for each group of features."""
    rows = fits.rows
    q = round(k ** (1 / n_groups))
    groups = np.array_split(np.arange(rows.train.shape[1]), n_groups)
    start, models = rows.start(k), []
    for group in groups:
        columns = np.ascontiguousarray(rows.train[:, group])
        models.append(fitted(q, columns, np.ascontiguousarray(start[:q, group])))
    train, held = (
        sum(
            -model.score(np.ascontiguousarray(X[:, group]))
            for model, group in zip(models, groups, strict=True)
        )
        for X in (rows.train, rows.held)
    )
    values = q * rows.train.shape[1]
    name = f"product quantiser, {n_groups} x {q}"
    return Measured(name, train, held, values, 4 * values)


def integers(fits, k, bits):
    """Dense centroids in few bits: a least value and a step for each row."""
    centers = fits.dense(k).cluster_centers_
    low, high = (f(centers, axis=1, keepdims=True) for f in (np.min, np.max))
    step = (high - low) / (2**bits - 1)
    codes = np.rint(np.divide(centers - low, step, where=step > 0, out=0 * centers))
    nbytes = math.ceil(centers.size * bits / 8) + 8 * len(centers)
    name = f"dense, int{bits}"
    return of_centers(fits, name, low + step * codes, centers.size, nbytes)


def fitted(k, X, start):
    """Exact k-means of some columns."""
    return QuickKMeans(k, init=start, n_init=1, max_iter=DENSE_ITERATIONS).fit(X)


def of_centers(fits, name, centers, values, nbytes):
    """Measures of dense centroids that something else stands for."""
    model = QuickKMeans.from_estimator(np.asarray(centers, fits.rows.train.dtype))
    return fits.measured(name, model, values, nbytes)
