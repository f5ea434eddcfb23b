"""Kernel values of a few rows: compiled, through an operator, or by NumPy."""

import numpy as np

from skfrugal import _kernels
from skfrugal._validation import as_inexact, inexact_dtype
from skfrugal.operators import _base
from skfrugal.operators._kernel_functions import unit_rows
from skfrugal.operators._kernel_landmarks import PackedKernel
from skfrugal.operators._kernel_rows import has_rows


class KernelBlocks:
    """Landmarks, and the ways to kernel values of a block of rows with them.

    Parameters
    ----------
    function : KernelFunction
    landmarks : {ndarray, Operator} of shape (m, d)
    precision : {"single", None}

    Attributes
    ----------
    kernels : kernel table or None
        That in use; None: NumPy.
    origin : ndarray of shape (d,), float64
        What is subtracted from rows and landmarks.
    landmarks : ndarray of shape (m, d), float64
        Less the origin.
    operator : Operator or None
        Where inner products with the landmarks come from, if not from `landmarks`.
    """

    def __init__(self, function, landmarks, precision):
        if precision not in (None, "single"):
            raise ValueError(f"precision must be 'single' or None; got {precision!r}.")
        self.function = function
        self.precision = precision
        self.kernels = _kernels.kernels
        self.operator = None
        is_operator = isinstance(landmarks, _base.Operator)
        dense = landmarks.toarray() if is_operator else as_inexact(landmarks)
        dense = np.asarray(dense, dtype=np.float64)
        if dense.ndim != 2 or dense.size == 0 or not np.isfinite(dense).all():
            raise ValueError(
                f"landmarks has shape {dense.shape}; pass finite numbers of shape "
                "(m, d), with m and d at least 1."
            )
        self.origin = np.zeros(dense.shape[1])
        if function.shift_invariant:
            self.origin = (dense / len(dense)).sum(axis=0)
        self.landmarks = dense - self.origin
        # Sums of absolute differences need the entries.
        if is_operator and function.name != "laplacian":
            self.operator = landmarks
            self._squares = np.einsum("ij,ij->i", self.landmarks, self.landmarks)
        self._packed = {}

    def dtype(self, dtype):
        """In which rows of a dtype are computed."""
        dtype = inexact_dtype(dtype)
        return np.dtype(np.float32) if self.precision == "single" else dtype

    def packed(self, dtype, *, slope=False):
        """Landmarks packed for rows of a dtype; None where the kernels do not serve."""
        if self.kernels is None or (self.operator is not None and not slope):
            return None
        key = self.dtype(dtype), slope
        with _base._lock:
            if key not in self._packed:
                self._packed[key] = PackedKernel(
                    self.kernels,
                    self.function,
                    self.landmarks,
                    self.origin,
                    key[0],
                    slope=slope,
                )
            return self._packed[key]

    def fused(self, dtype):
        """Packed landmarks that need no block of values, or None."""
        packed = self.packed(dtype)
        return None if packed is None or packed.finish is not None else packed

    def fill(self, x, out):
        """Kernel values of rows that a kernel can read into `out`, of any dtype."""
        packed = self.packed(x.dtype)
        if (
            packed is not None
            and out.dtype == packed.dtype
            and has_rows(out)
            and out.flags.aligned
            and out.flags.writeable
            and out.strides[0] % out.itemsize == 0
        ):
            packed.block(x, out)
            return
        step = max(16, 2**18 // len(self.landmarks))
        for i in range(0, len(x), step):
            out[i : i + step] = self.values(x[i : i + step])

    def values(self, x):
        """Kernel values of few rows that a kernel can read."""
        packed = self.packed(x.dtype)
        if packed is not None:
            out = np.empty((len(x), len(self.landmarks)), dtype=packed.dtype)
            packed.block(x, out)
            return out
        work = self.dtype(x.dtype)
        x = x - self.origin  # in float64
        with np.errstate(over="ignore", invalid="ignore"):
            if self.operator is not None:
                return self._through_operator(x).astype(work)
            return self.function.values(x, self.landmarks).astype(work)

    def _through_operator(self, x):
        """Kernel values of centred float64 rows."""
        if self.function.name == "cosine":
            norms = np.sqrt(self._squares)
            products = unit_rows(x) @ self.operator.T
            return products / np.where(norms > 0, norms, 1)
        products = x @ self.operator.T
        if not self.function.shift_invariant:
            return self.function.of_products(products)
        # (x - o)(z - o) = (x - o) z - (x - o) o
        products -= (x @ self.origin)[:, np.newaxis]
        squared = np.einsum("ij,ij->i", x, x)[:, np.newaxis] + self._squares
        squared -= 2 * products
        return self.function.of_squares(np.maximum(squared, 0, out=squared))
