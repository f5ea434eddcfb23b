"""Squared distances of rows to the nearest of a growing set of them.

Each step of k-means++ asks which rows come nearer to the set if a candidate joins it.
Two lower bounds (`_seeding_bounds`) rule most of them out, one after the other: rotated
coordinates, and a copy in bytes (_kernels/_seeding.pyx).  The distances of rows that
are left are summed from differences in float64.
"""

import numpy as np

from skfrugal import _kernels
from skfrugal._kernels._seeding import mark_near
from skfrugal._parallel import run_rows
from skfrugal.operators._nearest_dense import exact_squared_distances
from skfrugal.operators._seeding_bounds import N_COLUMNS, blocks, grid_of, rotated

# Rows that one thread marks.
_ROWS_PER_BLOCK = 1024
# Nanoseconds of a pair of row and candidate: rotated; its bytes, a column; its
# difference in float64, from memory, a column; the product in float64, with its casts.
_ROTATED, _BYTES, _DIFFERENCE, _DENSE = 4.0, 0.05, 0.5, 0.12


def is_worth_bounds(shape, n_candidates):
    """Whether copies of the rows cost less than they may save."""
    n_rows, n_features = shape
    is_wide = n_features >= N_COLUMNS and n_rows >= 4 * N_COLUMNS
    return is_wide and n_candidates >= 2 * N_COLUMNS


class SeedingRows:
    """Rows from which centres are drawn one after the other.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_features), float32 or float64
        C-contiguous; sums of squares of its entries are ordinary numbers.

    kernels : kernel table or None, default=the table in use

    Attributes
    ----------
    counts : dict
        Pairs of row and candidate whose distance was asked for ("asked"), bounded by
        bytes ("bytes") and summed in float64 ("exact").
    """

    def __init__(self, X, *, kernels=_kernels.kernels):
        self.X, self.kernels = X, kernels
        self._mean = X.mean(axis=0, dtype=np.float64)
        self._squared_norms = np.empty(len(X))
        for rows, x in blocks(X, self._mean):
            np.einsum("ij,ij->i", x, x, out=self._squared_norms[rows])
        self._bytes, self._rotated = grid_of(X), rotated(X, self._mean)
        self.restart()

    def restart(self):
        """Begin with an empty set."""
        self.counts = dict.fromkeys(("asked", "bytes", "exact"), 0)
        # Steps until which a bound that did not pay is left out: as centres come, it
        # rules out more.
        self._n_steps = 0
        self._resume = {"bytes": 0, "rotated": 0}

    def squared_distances(self, ids):
        """Squared distances of all rows to some of them, of shape (n_ids, n_rows).

        By ``|c|^2 - 2 c x + |x|^2`` of centred rows in float64, in the dtype of the
        rows.
        """
        out = np.empty((len(ids), len(self.X)), dtype=self.X.dtype)
        centers = self.X[ids] - self._mean
        norms = self._squared_norms
        for rows, x in blocks(self.X, self._mean):
            block = -2 * (centers @ x.T)
            block += norms[ids, np.newaxis]
            block += norms[rows]
            out[:, rows] = block
        return np.maximum(out, 0, out=out)

    def lowered(self, ids, closest):
        """Squared distances to the set, were one of some rows to join it.

        Parameters
        ----------
        ids : ndarray of shape (n_ids,), intp
            The candidates.

        closest : ndarray of shape (n_rows,)
            Squared distance of each row to the nearest of the set, in its dtype.

        Returns
        -------
        lowered : ndarray of shape (n_ids, n_rows)
            ``min(closest, |x - c|^2)``.
        """
        ids = np.ascontiguousarray(ids, dtype=np.intp)
        self._n_steps += 1
        self.counts["asked"] += len(ids) * len(self.X)
        if self._n_steps < self._resume["bytes"]:
            out = self.squared_distances(ids)
            return np.minimum(closest, out, out=out)
        near = self._near(ids, closest)
        out = np.empty((len(ids), len(closest)), dtype=closest.dtype)
        out[:] = closest
        for row, i, rows in zip(out, ids, near, strict=True):
            center = np.broadcast_to(self.X[i], (len(rows), self.X.shape[1]))
            squared = exact_squared_distances(center, self.X, rows, self.kernels)
            row[rows] = np.minimum(row[rows], squared.astype(row.dtype))
        return out

    def _near(self, ids, closest):
        """Rows that may lie within `closest` of each candidate; a list of arrays."""
        n_rows = len(self.X)
        # Rounded up, as everything that follows.
        distances = np.sqrt(closest, dtype=np.float64) * (1 + 1e-12)
        scores = own = limits = None
        if self._n_steps >= self._resume["rotated"]:
            scores, own = self._rotated.scores(ids)
            limits = self._rotated.limits(distances)
        copy, step, errors = self._bytes.copy, self._bytes.step, self._bytes.errors
        radii = distances / step + errors
        near = np.empty((len(ids), n_rows), dtype=np.uint8)
        counts = []

        def mark(start, stop):
            counts.append(
                mark_near(
                    scores, own, limits, copy, errors, radii, ids, near, start, stop
                )
            )

        run_rows(mark, n_rows, _ROWS_PER_BLOCK, _ROTATED * len(ids))
        near = [np.flatnonzero(row) for row in near.view(bool)]
        self._learn(len(ids) * n_rows, sum(counts), near)
        return near

    def _learn(self, n_pairs, n_compared, near):
        """Count, and leave bounds out that cost more than they save."""
        n_features, n_near = self.X.shape[1], sum(map(len, near))
        self.counts["bytes"] += n_compared
        self.counts["exact"] += n_near
        saved = (n_pairs - n_compared) * _BYTES * n_features
        if n_compared < n_pairs and saved < n_pairs * _ROTATED:
            self._resume["rotated"] = 2 * self._n_steps
        cost = n_compared * _BYTES + n_near * _DIFFERENCE
        if cost > n_pairs * _DENSE:
            self._resume["bytes"] = 2 * self._n_steps
