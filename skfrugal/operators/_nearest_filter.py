"""How rows and points are rounded and rotated for the nearest-point kernels.

The kernels (csrc/nearest.h) compare small integers.  A *frame* says which: the step and
the offset of each column, and perhaps a rotation to a few columns.  It is chosen from
the points and a sample of rows, and holds for any rows and any points: what does not
fit has a larger error, which is measured, or is left to the caller.
"""

from dataclasses import dataclass, replace

import numpy as np

from skfrugal._kernels._bindings import NearestFilter, NearestRows, aligned_empty
from skfrugal._parallel import run_rows

COARSE_WIDTH, FINE_WIDTH = 32, 64
_FARTHEST = np.int32(np.iinfo(np.int32).max)
# Squared norms of 16-bit rows stay below 2^29 (csrc/nearest_search.h): 23,170^2.
_NORM_16 = 22_500.0
# Above this many columns 8-bit distances could leave 31 bits.
MAX_FEATURES = 8192
# Rows that one thread prepares, a multiple of every table's row tile.
_ROWS_PER_BLOCK = 1536
_PLAIN = {
    "clip": False,
    "n_columns": 0,
    "basis": None,
    "basis_norms": None,
    "scale": None,
    "shift": None,
    "steps_to_grid": 1.0,
    "grid_to_coarse": 1.0,
    "residual_shift": (0.0, 0.0),
}


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
            + ("coarse", "coarse_norms", "fine", "fine_norms")
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
        arrays |= dict.fromkeys(("coarse", "coarse_norms", "fine", "fine_norms"))
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
        norms = np.einsum("ij,ij->i", coarse, coarse, dtype=np.int32)
        if self.bits == 8:
            coarse = coarse.view(np.uint8) ^ np.uint8(128)
        arrays = {
            "coarse": self._panels(coarse, COARSE_WIDTH * self.bits // 32, far),
            "coarse_norms": self._padded(np.where(far, _FARTHEST, norms), _FARTHEST),
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


def _finite_step(step, magnitude, dtype):
    """Whether differences, their products and their steps are ordinary numbers."""
    large = 1e30 if dtype == np.float32 else 1e120
    return 1 / large < step < large and magnitude < large


def frame_8bit(kernels, points, sample):
    """A frame of bytes: 255 steps over the range of the widest column, or of less if
    clipping a few values costs less than a coarser step.  None if there is none."""
    data = np.concatenate([sample, points])
    low, high = data.min(axis=0), data.max(axis=0)
    with np.errstate(over="ignore"):
        span = (high - low).astype(np.float64)
        magnitude = float(np.max(np.abs(data)))
    step = span.max() / 255
    if step == 0:
        step = 1.0
    if not _finite_step(step, magnitude, data.dtype):
        return None
    centre = points.mean(axis=0, dtype=np.float64)
    best, best_error = None, np.inf
    few = np.concatenate([sample, points[:: -(-len(points) // 256)]])
    for _ in range(6):
        frame = _frame_8bit(kernels, low, high, centre, step)
        errors = frame.prepare(few).arrays["errors"][: len(few)].astype(np.float64)
        error = errors[: len(sample)].mean()
        error += np.quantile(errors[len(sample) :], 0.97)
        if error * step >= best_error:
            break
        best, best_error = frame, error * step
        step *= 0.75
    return best


def _frame_8bit(kernels, low, high, centre, step):
    dtype = low.dtype
    inverse = float(dtype.type(1 / step))
    low, high, centre = (a.astype(np.float64) * inverse for a in (low, high, centre))
    if high.max() - low.min() < 255.25:  # one offset for all: pixels
        offset = np.full(len(low), np.rint(low.min()))
    else:  # whole steps, spare room on both sides
        spare = np.rint(low) - np.floor(np.maximum(255 - (high - low), 0) / 2)
        inside = np.clip(centre - 127.5, low, np.maximum(high - 255, low))
        offset = np.where(high - low < 255.25, spare, np.rint(inside))
    clip = bool(np.any(low < offset - 0.4) or np.any(high > offset + 255.4))
    padded = aligned(np.zeros(-(-len(low) // 64) * 64, dtype))
    padded[: len(low)] = offset
    frame = Frame(kernels, 8, padded, len(low), inverse, **_PLAIN)
    return replace(frame, clip=clip)


def frame_16bit(kernels, points, sample):
    """A frame of 16-bit numbers, centred; None if there is none."""
    dtype = points.dtype
    with np.errstate(over="ignore", invalid="ignore"):
        centre = points.mean(axis=0, dtype=np.float64).astype(dtype)
        sizes = [
            np.sqrt(np.sum((np.subtract(a, centre, dtype=np.float64)) ** 2, axis=1))
            for a in (points, sample)
        ]
        radius = max(sizes[0].max(), 2 * np.quantile(sizes[1], 0.95))
    step = radius / _NORM_16
    if radius == 0 and not (points.any() or sample.any()):
        step = 1.0
    if not _finite_step(step, float(np.max(np.abs(points))), dtype):
        return None
    inverse = float(dtype.type(1 / step))
    return Frame(kernels, 16, aligned(centre), len(centre), inverse, **_PLAIN)


def _orthonormal_columns(W):
    """Orthonormal columns spanning those of `W`, the longest direction first."""
    W = W.astype(np.float64)
    values, vectors = np.linalg.eigh(W.T @ W)
    kept = values > 1e-12 * values.max(initial=0)
    return W @ (vectors[:, kept] / np.sqrt(values[kept]))[:, ::-1]


def _leading_directions(A, n_columns):
    """Orthonormal rows near the leading right singular vectors of `A`: two steps of
    subspace iteration from random columns."""
    n_rows, n_features = A.shape
    A = A[:: -(-n_rows // 1024)]
    size = min(n_columns + 8, n_features, n_rows)
    Q = np.random.RandomState(0).standard_normal((n_features, size))
    for _ in range(2):
        Q = _orthonormal_columns(A.T @ (A @ Q.astype(np.float32)))
    V = np.zeros((n_columns, n_features))
    V[: Q.shape[1]] = Q.T[:n_columns]
    return V


def rotated(frame, points, sample, n_columns):
    """The same frame with a rotation to `n_columns` columns.

    The rotation need not be orthonormal: its rows are rounded, and its scale is divided
    by the largest singular value, so that it lengthens no vector.
    """
    kernels, bits = frame.kernels, frame.bits
    dtype = np.uint8 if bits == 8 else np.int16
    bias = 128 if bits == 8 else 0

    def columns(X):
        copy = frame.prepare(X).arrays["copy"][: len(X)]
        return (copy.view(dtype) ^ dtype(bias)).astype(np.float32)

    A = np.concatenate([columns(points), columns(sample)])
    V = _leading_directions(A, n_columns)
    if bits == 8:  # coarse coordinates of one range waste no bits
        mix = np.random.RandomState(0).standard_normal((COARSE_WIDTH - 1,) * 2)
        V[: COARSE_WIDTH - 1] = np.linalg.qr(mix)[0] @ V[: COARSE_WIDTH - 1]
    largest = np.abs(V).max(axis=1, keepdims=True)
    largest[largest == 0] = 1
    unit = largest / 127 if bits == 8 else np.full((n_columns, 1), 1 / 20_000)
    P = np.rint(V / unit)
    rotation = P * unit
    norm = np.sqrt(np.linalg.eigvalsh(rotation @ rotation.T)[-1]) * (1 + 1e-9) or 1.0
    used = frame.n_units * 32 // bits
    basis_norms = np.zeros(n_columns, dtype=np.int32)
    if bits == 8:
        basis_norms -= (256 * P.sum(axis=1)).astype(np.int32) + 32768 * used
    basis = (P + bias).astype(dtype)
    raw_to_steps = -unit[:, 0] / (2 * norm)
    out = replace(
        frame,
        n_columns=n_columns,
        basis=panels(basis, frame.n_units, min(kernels.point_panel, n_columns)),
        basis_norms=basis_norms,
        **_grid(A, rotation / norm, len(points)),
    )
    return replace(out, scale=aligned(raw_to_steps * out.steps_to_grid))


def _grid(A, rotation, n_points):
    """Grid and shifts under which points and nearly all rows fit 16 bits; the coarse
    grid holds all coordinates of the points in 8."""
    Z = (A @ rotation.T.astype(np.float32)).astype(np.float64)
    total = np.einsum("ij,ij->i", A, A)
    shift = Z[:n_points].mean(axis=0)
    sizes, residual_shift = [], []
    for width in (FINE_WIDTH, COARSE_WIDTH):
        kept = Z[:, : width - 1]
        rest = np.sqrt(np.maximum(total - np.sum(kept**2, axis=1), 0))
        residual_shift.append(float(rest[:n_points].mean()))
        centred = kept - shift[: width - 1]
        rest -= residual_shift[-1]
        sizes.append(np.sqrt(np.sum(centred**2, axis=1) + rest**2))
    largest = max(np.abs(centred[:n_points]).max(), np.abs(rest[:n_points]).max())
    size = np.max(sizes, axis=0)
    radius = max(size[:n_points].max(), 2 * np.quantile(size[n_points:], 0.95))
    to_grid = _NORM_16 / radius if radius > 0 else 1.0
    return {
        "steps_to_grid": to_grid,
        "grid_to_coarse": 127 / (largest * to_grid) if largest > 0 else 1.0,
        "shift": aligned(shift * to_grid),
        "residual_shift": tuple(r * to_grid for r in residual_shift[::-1]),
        "scale": None,
    }
