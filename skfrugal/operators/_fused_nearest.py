"""The nearest of a set of points, exactly, for rows of a matrix.

``|x - c|^2`` is compared through a filter in small integers with a rigorous bound
(csrc/nearest.h), and in float64 by direct differences where the bound cannot tell; so
the labels are those of the float64 comparison, whatever the tier.
"""

from functools import partial

import numpy as np

from skfrugal import _kernels
from skfrugal._parallel import run_rows
from skfrugal.operators import _base
from skfrugal.operators import _nearest_cost as cost
from skfrugal.operators import _nearest_filter as filters
from skfrugal.operators import _nearest_frames as frames
from skfrugal.operators._nearest_dense import (
    DenseNearest,
    DirectNearest,
    exact_squared_distances,
)

TIERS = ("rotated", "rotated32", "copy8", "copy16", "direct", "dense")
# Rows that one thread takes: whole blocks of every stage (6, 24 and 64 rows).
_ROWS_PER_BLOCK = 1536
_NANOSECONDS_PER_CYCLE = 0.3


class NearestPoints:
    """Nearest point of each row, exactly: labels of the float64 comparison.

    Parameters
    ----------
    points : ndarray of shape (n_points, n_features), float32 or float64
        C-contiguous.
    kernels : kernel table or None, default=the table in use
        None: the dense product alone, in NumPy.
    tier : str or None, default=None
        One of `TIERS`.  None chooses by counting survivors of a sample of rows, and
        builds a filter once enough rows were asked for to pay for it.

    Attributes
    ----------
    tier : str
        The tier in use; "dense" if the integers of another one cannot hold the points.

    Notes
    -----
    *Cost.*  Of n rows, d columns and K points the dense product takes n d K
    multiply-adds.  With 64 rotated columns the filter takes n (64 d + 32 K), most of
    them of 8 bits, and d for each of the few points that survive.  Memory: the points
    twice over, K scores, no copy of the rows.
    """

    def __init__(self, points, *, kernels=_kernels.kernels, tier=None):
        self.points = points
        self.kernels = kernels
        self.frame = self.filter = None
        self._n_asked = 0
        self._n_built = 2 if tier or kernels is None else 0  # 1: copies, 2: rotations
        self._frames = {}
        self._totals = np.zeros(len(filters.COUNTS) + 1, dtype=np.int64)  # and rows
        self._prepared = False
        self._dense = DenseNearest(points, kernels)
        self._forced = tier
        self._choose_plain("dense" if kernels is None else tier)

    def labels(self, X, *, return_squared=False):
        """Index of the nearest point of each row of `X`, ties to the lowest.

        Parameters
        ----------
        X : ndarray of shape (n_rows, n_features)
            C-contiguous rows of the points' dtype.
        return_squared : bool, default=False
            Return squared distances (float64) as well.

        Raises
        ------
        ValueError
            If a number of X is not finite; no pass over X is spent on that.
        """
        self.plan(X)
        labels = np.empty(len(X), dtype=np.int32)
        self.search_all(X, labels)
        if not return_squared:
            return labels
        return labels, exact_squared_distances(X, self.points, labels, self.kernels)

    def search_all(self, X, labels, rows=None, *, guess=False):
        """`search` of all rows, perhaps in threads; the labels are the same."""
        search = partial(self.search, X, labels, rows=rows, guess=guess)
        if self.filter is None and self.tier == "dense":
            search(0, len(X))  # BLAS has threads of its own
            return
        nanoseconds = self._cost * _NANOSECONDS_PER_CYCLE
        run_rows(search, len(X), _ROWS_PER_BLOCK, nanoseconds)

    def search(self, X, labels, start, stop, rows=None, *, guess=False):
        """Label rows [start, stop) in place, with the tier that `plan` chose.

        Calls for disjoint rows may run in several threads.  `rows` are the prepared
        rows of X, if there are; `guess` says that the labels hold a guess.
        """
        if self.filter is None:
            labels[start:stop] = self._plain.labels(X[start:stop])
            return
        counts = filters.search(
            self.kernels, self.filter, X, labels, start, stop, rows, guess=guess
        )
        left = start + np.flatnonzero(labels[start:stop] < 0)
        if left.size:
            labels[left] = self._dense.labels(X[left])
        self._totals += np.append(counts, stop - start)

    def move(self, points):
        """Other points in the same tier and frame; False if the frame cannot hold them.

        What depends on the rows (`frame.prepare`) stays valid.
        """
        if self.filter is not None:
            filter = self.frame.pack(points)
            if filter is None:
                return False
            self.filter = filter
        self.points = points
        self._dense = DenseNearest(points, self.kernels)
        self._plain = self._dense
        if self.tier == "direct":
            self._plain = DirectNearest(points, self.kernels)
        return True

    def report(self):
        """What the filter did, in a dict.

        The tier; the points a row that reached each stage, on average; multiply-adds a
        row, all stages together, and those of the dense product.
        """
        n_rows = max(1, self._totals[-1])
        per_row = (self._totals[:-1] / n_rows).tolist()
        stages = dict(zip(filters.COUNTS, per_row, strict=True))
        dense = self.points.size
        operations = dense
        if self.filter is not None:
            operations = cost.operations(
                stages, *self.points.shape, self.frame.n_columns, self._prepared
            )
        return {
            "tier": self.tier,
            "n_points": len(self.points),
            **stages,
            "operations": round(operations),
            "dense_operations": dense,
        }

    def plan(self, X, n_rows=None, *, prepared=False):
        """Choose the tier, and pack the points for it.

        Parameters
        ----------
        X : ndarray of shape (n, n_features)
            Where the sample comes from.
        n_rows : int or None, default=None
            Rows to be searched, len(X) if None.  A filter is built once what it could
            have saved exceeds what building costs.
        prepared : bool, default=False
            Whether rows will be prepared once and searched again and again.
        """
        with _base._lock:
            self._plan(X, n_rows, prepared)

    def _plan(self, X, n_rows, prepared):
        self._prepared = prepared
        self._n_asked += len(X) if n_rows is None else n_rows
        n_points, n_features = shape = self.points.shape
        if len(X) == 0 or n_features > filters.MAX_FEATURES:
            return
        if self._forced in TIERS[:4] and self.filter is None:
            self._consider((self._forced,), frames.sample_rows(X))
        if self._n_built == 0 and (
            self._n_asked * self._cost > 2 * cost.copy_build_cost(*shape)
        ):
            self._n_built = 1
            eight = ("copy8",) if self.kernels.dot8 else ()
            self._consider((*eight, "copy16"), frames.sample_rows(X))
        if (
            self._n_built == 1
            and n_features >= 96
            and n_points >= 48
            and self._n_asked * self._cost > 2 * cost.rotated_build_cost(*shape)
        ):
            self._n_built = 2
            self._consider(("rotated32", "rotated"), frames.sample_rows(X))

    def _choose_plain(self, tier):
        shape = self.points.shape
        dense = cost.dense_cost(*shape, self.kernels)
        direct = np.inf
        largest = float(np.abs(self.points).max(initial=0))
        ordinary = 1e-100 < largest < 1e100
        if self.kernels is not None and ordinary:  # squares do not vanish
            direct = cost.direct_cost(*shape, self.kernels)
        self.tier = (
            tier if tier in TIERS[4:] else "direct" if direct < dense else "dense"
        )
        self._cost = min(dense, direct)
        self._plain = self._dense
        if self.tier == "direct":
            self._plain = DirectNearest(self.points, self.kernels)

    def _consider(self, tiers, sample):
        """Count survivors of the sample in each tier; keep the cheapest."""
        for tier in tiers:
            frame = self._frame(tier, sample)
            filter = frame and frame.pack(self.points)
            if filter is None:
                continue
            labels = np.empty(len(sample), dtype=np.int32)
            counts = filters.search(
                self.kernels, filter, sample, labels, 0, len(sample)
            )
            per_row = counts / len(sample)
            cycles = cost.filter_cost(
                tier, per_row, *self.points.shape, self.kernels, prepared=self._prepared
            )
            if cycles < self._cost or self._forced:
                self.tier, self.frame, self.filter = tier, frame, filter
                self._cost = cycles
        self._frames.pop("directions", None)  # large

    def _frame(self, tier, sample):
        bits = 8 if self.kernels.dot8 and tier != "copy16" else 16
        if bits not in self._frames:
            make = frames.frame_8bit if bits == 8 else frames.frame_16bit
            self._frames[bits] = make(self.kernels, self.points, sample)
        frame = self._frames[bits]
        if frame is None or tier.startswith("copy"):
            return frame
        if "directions" not in self._frames:
            found = frames.leading_directions(frame, self.points, sample)
            self._frames["directions"] = found
        n_columns = 32 if tier == "rotated32" else 64
        return frames.rotated(
            frame, len(self.points), *self._frames["directions"], n_columns
        )
