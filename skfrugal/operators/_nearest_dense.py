"""The nearest of a set of points through the dense product, exactly.

Rounding moves a score ``|c|^2 - 2 x c`` by ``(d + 8) u |c| (|c| + 2 |x|)`` at most:
where a second point comes within twice that of the best, float64 differences decide.
"""

from functools import partial

import numpy as np

from skfrugal._kernels._bindings import aligned_empty
from skfrugal._parallel import run_rows

# Numbers in a block of scores, so that it stays in cache.
_BLOCK_ENTRIES = 2**18
# Magnitudes whose squares, and their sums, are numbers of float32; of float64.
_ORDINARY = 1e-12, 1e15
_SQUARES = 1e-140, 1e150
# Rows whose distances one thread sums.
_BLOCK_ROWS = 2048


def exact_squared_distances(X, points, labels, kernels=None):
    """``|X[i] - points[labels[i]]|^2`` in float64, by differences."""
    squared = np.empty(len(X))
    if kernels is not None:
        labels = np.ascontiguousarray(labels, dtype=np.int32)
        work = partial(kernels.nearest_distance, X, points, labels, squared)
        run_rows(work, len(X), _BLOCK_ROWS, 0.1 * X.shape[1])
        return squared
    step = max(1, _BLOCK_ENTRIES // max(1, X.shape[1]))
    for i in range(0, len(X), step):
        block = slice(i, i + step)
        difference = X[block].astype(np.float64) - points[labels[block]]
        np.einsum("ij,ij->i", difference, difference, out=squared[block])
    return squared


class DenseNearest:
    """Labels through the dense product; see the module.

    Parameters
    ----------
    points : ndarray of shape (n_points, n_features), float32 or float64
    kernels : kernel table or None
    """

    def __init__(self, points, kernels):
        self.points = points
        self.kernels = kernels
        self._packed = {}

    def labels(self, X):
        """Index of the nearest point of each row."""
        out = np.empty(len(X), dtype=np.int32)
        largest = _largest(X, self.points)
        if largest == 0 or _is_ordinary(largest):
            self._label(X, out, X.dtype)
            return out
        # 0: ordinary; 1: squares need float64; 2: squares leave its range
        own = np.maximum(X.max(axis=1), -X.min(axis=1)).astype(np.float64)
        kind = np.where(own < _ORDINARY[1], 0, np.where(own < _SQUARES[1], 1, 2))
        points = _largest(self.points)
        if not _SQUARES[0] < points < _SQUARES[1]:
            kind[:] = 2
        elif not _is_ordinary(points):
            kind = np.maximum(kind, 1)
        for one in np.unique(kind):
            rows = np.flatnonzero(kind == one)
            found = np.empty(len(rows), dtype=np.int32)
            if one == 2:
                found = _extreme_labels(X[rows], self.points)
            else:
                work = np.dtype(np.float64) if one else X.dtype
                self._label(X[rows], found, work, in_numpy=bool(one))
            out[rows] = found
        return out

    def _label(self, X, out, work, *, in_numpy=False):
        """Labels through products in the dtype `work`, in which squares fit.

        Kernels bound in float32, NumPy in `work`.
        """
        step = int(np.clip(_BLOCK_ENTRIES // len(self.points), 64, 2048))
        points, twice, norms, largest = self._pack(work)
        scores = np.empty((step, len(norms)), dtype=work)
        scratch = aligned_empty(2 * len(norms) + 32, np.int32)
        for i in range(0, len(X), step):
            x = X[i : i + step].astype(work, copy=False)
            block = np.matmul(x, twice, out=scores[: len(x)])
            rows = slice(i, i + len(x))
            if self.kernels is None or in_numpy:
                out[rows] = _decide(x, points, block, norms, largest)
            else:
                counts = np.zeros(5, dtype=np.int64)
                self.kernels.nearest_dense(
                    points, x, norms, largest, block, out[rows], counts, scratch
                )

    def _pack(self, work):
        if work not in self._packed:
            points = np.ascontiguousarray(self.points, dtype=work)
            n_points, n_features = points.shape
            twice = np.zeros((n_features, -(-n_points // 16) * 16), dtype=work)
            twice[:, :n_points] = -2 * points.T
            norms = np.full(twice.shape[1], np.inf, dtype=work)
            np.einsum("ij,ij->i", points, points, out=norms[:n_points])
            largest = float(np.sqrt(norms[:n_points].max()))
            self._packed[work] = points, twice, norms, largest
        return self._packed[work]


class DirectNearest:
    """Labels by differences alone: for few columns.

    Parameters
    ----------
    points : ndarray of shape (n_points, n_features), float32 or float64
    kernels : kernel table
    """

    def __init__(self, points, kernels):
        self.points = points
        self.kernels = kernels
        n_points, n_features = points.shape
        shape = n_features, -(-n_points // 16) * 16
        self._columns = np.full(shape, np.inf, dtype=points.dtype)
        self._columns[:, :n_points] = points.T

    def labels(self, X):
        """Index of the nearest point of each row."""
        out = np.empty(len(X), dtype=np.int32)
        scratch = aligned_empty(2 * self._columns.shape[1] + 32, np.int32)
        counts = np.zeros(5, dtype=np.int64)
        self.kernels.nearest_direct(
            self.points, X, self._columns, out, counts, scratch, 0, len(X)
        )
        if counts[-1]:
            left = np.flatnonzero(out < 0)
            out[left] = DenseNearest(self.points, self.kernels).labels(X[left])
        return out


def _is_ordinary(largest):
    return _ORDINARY[0] < largest < _ORDINARY[1]


def _largest(*arrays):
    """Largest magnitude of finite numbers."""
    ends = [end for a in arrays for end in (a.max(initial=0), -a.min(initial=0))]
    largest = float(np.max(ends))
    if not np.isfinite(largest):
        raise ValueError("Input X contains NaN or infinity.")
    return largest


def _extreme_labels(X, points):
    """Labels of rows whose squares leave the range of float64, row by row.

    Differences are divided by the power of two that brings the least of them near one.
    """
    labels = np.empty(len(X), dtype=np.int32)
    quarter = points.astype(np.float64) / 4  # differences of the largest numbers fit
    for i, x in enumerate(X):
        difference = quarter - x.astype(np.float64) / 4
        exponents = np.frexp(np.abs(difference).max(axis=1))[1]
        with np.errstate(over="ignore"):
            scaled = np.ldexp(difference, -exponents.min())
            labels[i] = np.einsum("ij,ij->i", scaled, scaled).argmin()
    return labels


def _decide(x, points, scores, norms, largest, chunk=4096):
    """What `Table.nearest_dense` does, in NumPy."""
    scores += norms
    labels = scores.argmin(axis=1)
    size = np.sqrt(np.einsum("ij,ij->i", x, x, dtype=np.float64))
    info = np.finfo(x.dtype)
    slack = (x.shape[1] + 8) * (
        info.eps / 2 * largest * (largest + 2 * size) + float(info.tiny)
    )
    least = np.take_along_axis(scores, labels[:, None], axis=1)[:, 0]
    limit = np.nextafter((least + 2.01 * slack).astype(x.dtype), np.inf, dtype=x.dtype)
    close = ~(scores > limit[:, None])
    close[:, len(points) :] = False
    doubtful = np.flatnonzero(np.count_nonzero(close, axis=1) != 1)
    if not doubtful.size:
        return labels
    row, k = np.nonzero(close[doubtful])
    squared = np.empty(len(row))
    for i in range(0, len(row), chunk):
        part = slice(i, i + chunk)
        squared[part] = exact_squared_distances(x[doubtful[row[part]]], points, k[part])
    order = np.lexsort((k, squared, row))
    labels[doubtful] = k[order][np.flatnonzero(np.diff(row[order], prepend=-1))]
    return labels
