"""Rows that are assigned again and again to moving points: Lloyd's iterations."""

from functools import partial

import numpy as np

from skfrugal import _kernels
from skfrugal._parallel import run_rows
from skfrugal.operators._fused_nearest import NearestPoints

# Iterations over which the choice of a tier is amortised.
_EXPECTED_ITERATIONS = 10
# Columns of the sums that one thread takes.
_COLUMNS_PER_BLOCK = 192
# Rows whose copies err so much more than the median are not like the others.
_UNLIKE = 100


class AssignedRows:
    """Rows that are assigned again and again to moving points, exactly.

    Lloyd's iterations ask for the nearest points of the same rows.  Rows are rounded
    and rotated once, the last label of a row bounds its next search, and the float64
    sums of the rows of each point change by the rows that moved.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_features), float32 or float64
        C-contiguous, without NaN, not changed meanwhile.
    points : ndarray of shape (n_points, n_features)
        Of the same dtype; where the rows start from.
    sample_weight : ndarray of shape (n_rows,) or None, default=None
        Float64.
    kernels, tier
        As for `NearestPoints`.

    Attributes
    ----------
    labels : ndarray of shape (n_rows,), int32
        Nearest points after the last `assign`; -1 before.
    sums : ndarray of shape (n_points, n_features), float64
        Weighted sums of the rows of each point.
    weights : ndarray of shape (n_points,), float64
        Their weights.
    """

    def __init__(
        self, X, points, *, sample_weight=None, kernels=_kernels.kernels, tier=None
    ):
        self.X = X
        self.sample_weight = sample_weight
        self.kernels = kernels
        self.labels = np.full(len(X), -1, dtype=np.int32)
        self.sums = np.zeros(points.shape)
        self.weights = np.zeros(len(points))
        self._tier = tier
        self._nearest = None
        self._rows = None
        self._unlike = None

    def assign(self, points):
        """Label each row by the nearest of the points; returns how many labels changed.

        Parameters
        ----------
        points : ndarray of shape (n_points, n_features)
            C-contiguous, of the dtype of X; not changed until the next call.
        """
        before = self.labels
        nearest = self._nearest
        is_there = nearest is not None and nearest.points is points
        if not is_there and (nearest is None or not nearest.move(points)):
            self.start(points)
        self.labels = self._search(self._nearest)
        n_moved = int(np.count_nonzero(before != self.labels))
        if n_moved:
            self._move(before, n_moved)
        return n_moved

    def start(self, points):
        """Choose a tier for the points and prepare the rows.

        Returns
        -------
        is_filtered : bool
            Whether a filter pays.
        """
        nearest = NearestPoints(points, kernels=self.kernels, tier=self._tier)
        nearest.plan(self.X, _EXPECTED_ITERATIONS * len(self.X), prepared=True)
        self._nearest = nearest
        self._rows = self._unlike = None
        if nearest.frame is not None:
            self._rows = nearest.frame.prepare(self.X)
            errors = self._rows.arrays["errors"][: len(self.X)]
            self._unlike = errors > _UNLIKE * np.median(errors)
        return nearest.filter is not None

    def report(self):
        """The tier, and points a row that reached each stage, in a dict."""
        return self._nearest.report()

    def _search(self, nearest):
        labels = self.labels.copy()
        guess = bool(labels.min(initial=0) >= 0)
        nearest.search_all(self.X, labels, self._rows, guess=guess)
        return labels

    def _move(self, before, n_moved):
        """Bring the sums from the labels `before` to the present ones.

        What a sum loses to rounding while an unusually large row is in it would stay
        when that row leaves: then all are summed anew.
        """
        after = self.labels
        if self._is_unlike(before != after):
            before = np.full_like(after, -1)
            self.sums[:] = 0
            n_moved = len(after)
        if self.kernels is None:
            self._move_plainly(before)
        else:
            move = partial(
                self.kernels.nearest_move,
                self.X, self.sample_weight, before, after, self.sums,
            )  # fmt: skip
            run_rows(move, self.X.shape[1], _COLUMNS_PER_BLOCK, n_moved)
        weights = np.bincount(after, self.sample_weight, len(self.sums))
        self.weights = weights.astype(np.float64)
        self.sums[self.weights == 0] = 0  # not what rounding left of it

    def _is_unlike(self, moved):
        return self._unlike is None or bool(np.any(moved & self._unlike))

    def _move_plainly(self, before):
        weight, after = self.sample_weight, self.labels
        scale = np.ones(len(after)) if weight is None else weight
        moved = before != after
        for labels, sign in ((after, 1.0), (before, -1.0)):
            rows = np.flatnonzero(moved & (labels >= 0))
            scaled = self.X[rows] * (sign * scale[rows, None])
            np.add.at(self.sums, labels[rows], scaled)
