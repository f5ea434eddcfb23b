"""How rows and points are rounded and rotated for the nearest-point kernels.

The kernels (csrc/nearest.h) compare small integers.  A *frame* says which: the step and
the offset of each column, and perhaps a rotation to a few columns.  It is chosen from
the points and a sample of rows, and holds for any rows and any points: what does not
fit has a larger error, which is measured, or is left to the caller.
"""

from dataclasses import dataclass

import numpy as np

from skfrugal._kernels._bindings import NearestFilter, NearestRows, aligned_empty
from skfrugal._parallel import run_rows

COARSE_WIDTH, FINE_WIDTH = 32, 64
# Counts of a search, in the order of csrc/kernels.h.
COUNTS = ("coarse", "fine", "copy", "exact", "left")
_FARTHEST = np.int32(np.iinfo(np.int32).max)
_NOWHERE = np.int32(-(2**30))
# Above this many columns 8-bit distances could leave 31 bits.
MAX_FEATURES = 8192
_ROTATED_ARRAYS = ("coarse", "coarse_norms", "coarse_begin", "fine", "fine_norms")
# Rows that one thread prepares, a multiple of every table's row tile.
_ROWS_PER_BLOCK = 1536


def aligned(array, dtype=None):
    """A C-contiguous copy whose first element is 64-byte aligned."""
    out = aligned_empty(array.size, dtype or array.dtype).reshape(array.shape)
    out[...] = array
    return out


def panels(rows, n_units, panel):
    """Rows of 32-bit units, transposed panel by panel (csrc/nearest_panel.h)."""
    units = np.ascontiguousarray(rows).view(np.int32)[:, :n_units]
    return aligned(units.reshape(-1, panel, n_units).transpose(0, 2, 1))


@dataclass(frozen=True)
class Frame:
    """Offset, step and rotation; see the module.

    Attributes
    ----------
    bits : int
        8 or 16, of a number of the copy.
    offset : ndarray of shape (n_features,), or more
    inverse_step : float
        ``copy = round((x - offset) * inverse_step)`` of 16 bits,
        ``round(x * inverse_step - offset)`` of 8.
    clip : bool
        Whether some numbers of the sample leave the range of the copy.
    n_columns : int
        Of the rotation, 0 for none; the other attributes are those of
        ``struct nearest`` (csrc/kernels.h).
    """

    kernels: object
    bits: int
    offset: np.ndarray
    n_features: int
    inverse_step: float
    clip: bool
    n_columns: int
    basis: np.ndarray | None
    basis_norms: np.ndarray | None
    scale: np.ndarray | None
    shift: np.ndarray | None
    steps_to_grid: float
    grid_to_coarse: float
    residual_shift: tuple

    @property
    def n_units(self):
        """32-bit units of a copy which hold columns."""
        per_unit = 32 // self.bits
        # 8-bit copies interleave the columns of whole vectors only
        return -(-self.n_features // 16) * 16 // per_unit

    @property
    def width(self):
        """Bytes of a copy, padded to a whole vector."""
        return -(-self.n_features * self.bits // 512) * 64

    def filter(self, points, arrays=None, errors=(0.0, 0.0, 0.0)):
        """The kernels' view of this frame, with packed points or without."""
        n_padded = (
            -(-len(points) // self.kernels.point_panel) * self.kernels.point_panel
        )
        point_error, largest_error, coarse_error = errors
        empty = dict.fromkeys(
            ("copy", "norms", "errors", "panels", "outliers", "panel_norms")
            + _ROTATED_ARRAYS
        )
        names = ("offset", "basis", "basis_norms", "scale", "shift")
        return NearestFilter(
            {
                "bits": self.bits,
                "n_columns": self.n_columns,
                "n_points": len(points),
                "n_padded": n_padded,
                "n_features": self.n_features,
                "width": self.width,
                "units": self.n_units,
                "block": self.block,
                "clip": self.clip,
            },
            {
                "inverse_step": self.inverse_step,
                # float32 sums of n squares, and the rounding of the result
                "error_factor": 1 + 3.1e-8 * (self.n_features + 64),
                "point_error": point_error,
                "largest_error": largest_error,
                "steps_to_grid": self.steps_to_grid,
                "residual_shift": self.residual_shift,
                "grid_to_coarse": self.grid_to_coarse,
                "coarse_error": coarse_error,
            },
            {name: getattr(self, name) for name in names}
            | {"points": points}
            | (arrays or empty),
        )

    @property
    def block(self):
        """Rows which go through a stage together."""
        return self.kernels.row_tile if self.n_columns else 24

    def prepare(self, X):
        """Copies and rotated coordinates of all rows of `X`."""
        tile = self.kernels.row_tile
        filter = self.filter(X[:1])
        rows = NearestRows(filter, -(-len(X) // tile) * tile)

        def work(start, stop):
            scratch = aligned_empty(filter.n_scratch, np.int32)
            self.kernels.nearest_prepare(filter, X, rows, scratch, start, stop)

        nanoseconds = 0.1 * self.n_features * (1 + self.n_columns / 16)
        run_rows(work, len(X), _ROWS_PER_BLOCK, nanoseconds)
        return rows

    def pack(self, points):
        """The filter of these points, None if the frame cannot hold one of them."""
        n_points = len(points)
        rows = self.prepare(points).arrays
        rows = {name: array[:n_points] for name, array in rows.items()}
        errors = rows["errors"] * np.float32(1 + 1e-6)
        if not np.all(np.isfinite(errors)):
            return None
        far = _outliers(errors)
        copy, norms = rows["copy"], rows["norms"]
        if self.bits == 8:  # points unsigned, rows signed: u - 128
            copy = copy.view(np.uint8) ^ np.uint8(128)
            norms = norms - 256 * rows["sums"]
        arrays = {
            "copy": self._padded(copy),
            "norms": self._padded(norms, _FARTHEST),
            "errors": self._padded(errors),
            "outliers": np.flatnonzero(far).astype(np.int32) if far.any() else None,
        }
        arrays |= dict.fromkeys(("panels", "panel_norms"))
        arrays |= dict.fromkeys(_ROTATED_ARRAYS)
        coarse_error = 0.0
        if self.n_columns:
            arrays |= self._pack_rotated(rows, far)
            coarse_error = float(rows["coarse_errors"][~far].max()) * (1 + 1e-6)
        else:
            arrays["panels"] = self._panels(copy, self.n_units, far)
            arrays["panel_norms"] = self._padded(
                np.where(far, _FARTHEST, norms), _FARTHEST
            )
        largest = float(errors[~far].max()), float(errors.max()), coarse_error
        return self.filter(points, arrays, largest)

    def _pack_rotated(self, rows, far):
        coarse = rows["coarse"]
        # Down to even numbers: a bound that is lower by less than a unit of its square.
        norms = np.einsum("ij,ij->i", coarse, coarse, dtype=np.int32) & ~np.int32(1)
        if self.bits == 8:
            coarse = coarse.view(np.uint8) ^ np.uint8(128)
        arrays = {
            "coarse": self._panels(coarse, COARSE_WIDTH * self.bits // 32, far),
            "coarse_norms": self._padded(np.where(far, _FARTHEST, norms), _FARTHEST),
            "coarse_begin": self._padded(
                np.where(far, _NOWHERE, -(norms >> 1)), _NOWHERE
            ),
        }
        if self.n_columns > COARSE_WIDTH:
            arrays["fine"] = self._padded(rows["fine"])
            arrays["fine_norms"] = self._padded(rows["fine_norms"], _FARTHEST)
        return arrays

    def _panels(self, rows, n_units, far):
        """Panels of padded rows, nothing in the place of what is far."""
        rows = self._padded(rows)
        rows[: len(far)][far] = 0
        return panels(rows, n_units, self.kernels.point_panel)

    def _padded(self, array, fill=0):
        """Rows up to a whole panel."""
        n_rows, panel = len(array), self.kernels.point_panel
        shape = (-(-n_rows // panel) * panel, *array.shape[1:])
        out = aligned_empty(int(np.prod(shape)), array.dtype).reshape(shape)
        out[:n_rows] = array
        out[n_rows:] = fill
        return out


def _outliers(errors):
    """A few points whose copies are much worse than the others'."""
    far = errors > 2 * np.median(errors)
    return far if np.count_nonzero(far) <= len(errors) // 32 else np.zeros_like(far)


def search(kernels, filter, X, labels, start, stop, rows=None, *, guess=False):
    """Labels of rows [start, stop), -1 where the filter cannot tell; returns counts.

    `rows` are the prepared rows of X, if there are; `guess` says that the labels hold
    a guess.
    """
    counts = np.zeros(len(COUNTS), dtype=np.int64)
    prepared = rows is not None
    if not prepared:
        rows = NearestRows(filter, 64)
    scratch = aligned_empty(filter.n_scratch, np.int32)
    kernels.nearest_search(
        filter, X, rows, labels, counts, scratch, start, stop, prepared, guess
    )
    return counts
