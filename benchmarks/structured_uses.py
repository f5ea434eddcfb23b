"""The experiment of QuicK-means: what structured centroids are used for.

Nearest neighbours: rows wait in the list of their nearest centroid, and a row's
neighbour is looked for in one list.  Nystroem: centroids serve as landmarks.
"""

import numpy as np
from kmeans_data import halves
from sklearn.metrics import pairwise_distances_argmin
from sklearn.metrics.pairwise import rbf_kernel

ROWS_OF_KERNEL = 1000


def one_nearest_accuracy(model, rows):
    """Share of held-out rows whose neighbour in one list has their class."""
    y_train, y_held = rows.labels
    lists, asked = model.predict(rows.train), model.predict(rows.held)
    n_right = 0
    for cluster in np.unique(asked):
        members = np.flatnonzero(lists == cluster)
        queries = np.flatnonzero(asked == cluster)
        if len(members) == 0:
            continue
        near = pairwise_distances_argmin(rows.held[queries], rows.train[members])
        n_right += np.count_nonzero(y_train[members[near]] == y_held[queries])
    return n_right / len(y_held)


def all_nearest_accuracy(rows):
    """The same by comparing all rows."""
    near = pairwise_distances_argmin(rows.held, rows.train)
    return float(np.mean(rows.labels[0][near] == rows.labels[1]))


def kernel_error(model, rows):
    """Relative Frobenius error of Nystroem's Gaussian kernel of held-out rows."""
    X, _ = halves(rows.held[: 2 * ROWS_OF_KERNEL].astype(np.float64))
    gamma = 1 / (2 * X.var(axis=0).sum())
    landmarks = model.operator_.toarray().astype(np.float64)
    K, C = rbf_kernel(X, gamma=gamma), rbf_kernel(X, landmarks, gamma=gamma)
    middle = np.linalg.pinv(rbf_kernel(landmarks, gamma=gamma), rcond=1e-12)
    return float(np.linalg.norm(K - C @ middle @ C.T) / np.linalg.norm(K))
