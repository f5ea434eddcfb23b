"""Landmarks packed for the kernels of a table: scales, forms, panels."""

import numpy as np

from skfrugal._kernels._bindings import aligned_empty
from skfrugal._kernels._kernel_values import KernelTable, PackedLandmarks
from skfrugal.operators._kernel_functions import MATERN, POLYNOMIAL, unit_rows

LOG2_E = 1.4426950408889634
# Squared distances of "rbf" come from products, or from differences, which are more
# accurate: up to this many features in float32 they cost at most a sixth more with
# AVX-512, and they halve the noise of predictions.
MOST_DIFFERENCES = {4: 32, 8: 0}
# Products serve up to this exponent of 2 at the farthest landmark; their rounding is
# (d + 6) eps / 2 times it.
LARGEST_EXPONENT = {4: 64.0, 8: 4096.0}
# Powers are taken by squaring up to this degree.
LARGEST_DEGREE = 64
_TILE_NUMBERS = 2**14
_LARGEST_TILE = 64


class PackedKernel:
    """A kernel function of rows and landmarks, ready for one table and dtype.

    Parameters
    ----------
    table : kernel table
    function : KernelFunction
    landmarks : ndarray of shape (m, d), float64
        Less `origin`.
    origin : ndarray of shape (d,), float64
        What is subtracted from rows.
    dtype : dtype
        In which values are computed.
    slope : bool, default=False
        Pack derivatives by the squared distance (without the constant factor) instead.
    """

    def __init__(self, table, function, landmarks, origin, dtype, *, slope=False):
        self.kernels = KernelTable(table)
        self.dtype = np.dtype(dtype)
        self.n_landmarks, self.n_features = landmarks.shape
        if function.name == "cosine":
            landmarks = unit_rows(landmarks)
        form, name, scale, starts, fields = _plan(function, landmarks, self.dtype)
        if slope and function.name != "rbf":
            name = "slope" + name.removeprefix("matern")
        # What the sums still lack, in NumPy
        self.finish = None
        if name == "identity" and function.name in ("sigmoid", *POLYNOMIAL):
            self.finish = function.of_affine
        with np.errstate(over="ignore", invalid="ignore"):
            scaled = (landmarks * scale).astype(self.dtype)
        if not np.isfinite(scaled).all():
            raise ValueError(
                f"gamma={function.gamma!r} times the landmarks leaves the range of "
                f"{self.dtype}; pass a smaller gamma or scale the features of X."
            )
        radius = -1.0
        if starts is None:  # halves of squared norms, those of the rounded numbers
            squared = np.einsum("ij,ij->i", scaled, scaled, dtype=np.float64)
            starts, radius = -squared / 2, float(np.sqrt(squared.max(initial=0)))
        self.packed = PackedLandmarks(
            form,
            name,
            origin,
            self._panels(scaled),
            self._starts(starts),
            n_landmarks=self.n_landmarks,
            scale=scale if function.shift_invariant else 1.0,
            radius=radius,
            **fields,
        )

    @property
    def panel(self):
        """Landmarks of a panel."""
        return self.kernels.n_vectors * self.kernels.lanes(self.dtype)

    @property
    def n_panels(self):
        return -(-self.n_landmarks // self.panel)

    def tile(self, n_targets=0):
        """Rows that are packed together: their numbers stay in L1 or L2."""
        room = _TILE_NUMBERS // max(1, self.n_features, 8 * n_targets)
        rows = self.kernels.n_rows
        return max(rows, min(_LARGEST_TILE, room) // rows * rows)

    def scratch(self, n_targets=0):
        tile = self.tile(n_targets)
        size = self.kernels.scratch_size(self.packed, tile, n_targets)
        return aligned_empty(size, np.float64)

    def block(self, X, out):
        """Kernel values of contiguous rows, into `out` of this dtype."""
        tile = self.tile()
        self.kernels.block(self.packed, X, out, self.scratch(), tile, 0, len(X))
        if self.finish is not None:
            out[:] = self.finish(out)

    def predict(self, X, coef, y):
        """Adds values times packed coefficients to `y`, float64."""
        tile, scratch = self.tile(y.shape[1]), self.scratch(y.shape[1])
        self.kernels.predict(self.packed, X, coef, y, scratch, tile, 0, len(X))

    def adjoint(self, X, residual, sums, first, last):
        """Adds values times residuals to panels [first, last) of packed `sums`."""
        tile, scratch = self.tile(residual.shape[1]), self.scratch(residual.shape[1])
        self.kernels.adjoint(self.packed, X, residual, sums, scratch, tile, first, last)

    def pack_targets(self, coef):
        """Coefficients (m, t) as the kernels read them, panel by panel."""
        return self._panels(np.asarray(coef, dtype=np.float64))

    def unpack_targets(self, packed, n_targets):
        """(m, t) of packed numbers."""
        parts = [
            part.reshape(n_targets, -1).T
            for part in np.split(packed, self._ends(n_targets))
        ]
        return np.concatenate(parts)[: self.n_landmarks]

    @property
    def n_padded(self):
        """Landmarks up to whole vectors."""
        lanes = self.kernels.lanes(self.dtype)
        return -(-self.n_landmarks // lanes) * lanes

    def _starts(self, starts):
        padded = aligned_empty(self.n_padded, self.dtype)
        padded[:] = 0
        padded[: self.n_landmarks] = starts
        return padded

    def _panels(self, rows):
        """Each panel's rows transposed, one after the other."""
        n_columns = rows.shape[1]
        padded = np.zeros((self.n_padded, n_columns), dtype=rows.dtype)
        padded[: len(rows)] = rows
        panels = aligned_empty(padded.size, rows.dtype)
        for start in range(0, self.n_padded, self.panel):
            part = padded[start : start + self.panel].T
            first = start * n_columns
            panels[first : first + part.size] = part.ravel()
        return panels

    def _ends(self, n_targets):
        return np.arange(1, self.n_panels) * self.panel * n_targets


def _plan(function, landmarks, dtype):
    """Form, function, scale of the landmarks, starts (None: norms), other fields."""
    name, gamma = function.name, function.gamma
    if name == "rbf":
        scale = np.sqrt(2 * gamma * LOG2_E)
        size = dtype.itemsize
        with np.errstate(over="ignore"):
            exponents = np.square(landmarks * scale).sum(axis=1)
        few = landmarks.shape[1] <= MOST_DIFFERENCES[size]
        if not few and exponents.max(initial=0) <= LARGEST_EXPONENT[size]:
            return "product", "exponential", scale, None, {}
        return "squares", "exponential", np.sqrt(gamma * LOG2_E), 0.0, {}
    if name == "laplacian":
        return "absolutes", "exponential", gamma * LOG2_E, 0.0, {}
    if name in MATERN:
        return "squares", name, MATERN[name] * gamma, 0.0, {}
    if name == "linear":
        return "product", "identity", 1.0, 0.0, {}
    if name == "cosine":
        return "product", "identity", 1.0, 0.0, {"normalise": True}
    degree = function.degree
    if name in POLYNOMIAL and degree == int(degree) <= LARGEST_DEGREE:
        fields = {"degree": int(degree)}
        return "product", "power", gamma, function.coef0, fields
    return "product", "identity", gamma, function.coef0, {}
