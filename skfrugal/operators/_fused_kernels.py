"""Kernel values of rows with landmarks, and what follows them, tile by tile."""

from functools import partial

import numpy as np
import scipy.sparse as sp

from skfrugal import _kernels
from skfrugal._parallel import run_rows
from skfrugal._validation import as_inexact, inexact_dtype
from skfrugal.operators import _base
from skfrugal.operators._kernel_functions import (
    FUSED_KERNELS,
    SHIFT_INVARIANT,
    KernelFunction,
    unit_rows,
)
from skfrugal.operators._kernel_gradients import landmark_gradients
from skfrugal.operators._kernel_landmarks import PackedKernel

__all__ = ["FUSED_KERNELS", "SHIFT_INVARIANT", "FusedKernel"]

# Rows that a thread takes; rows that NumPy takes, or that are cast, together.
_ROWS_PER_BLOCK = 512
_PANELS_PER_BLOCK = 4
_BLOCK_ENTRIES = 2**18
# Estimated cost of a kernel value, which decides whether threads are worth it.
_NANOSECONDS = 0.5, 0.04


class FusedKernel:
    """Kernel values of rows with landmarks, and what follows them, tile by tile.

    Parameters
    ----------
    landmarks : {ndarray, Operator} of shape (m, d)
        Finite numbers.  With an operator, inner products are ``X @ landmarks.T``.
    kernel : str, default="rbf"
        One of `FUSED_KERNELS`; values and parameters are those of
        :func:`sklearn.metrics.pairwise.pairwise_kernels`, and for "matern12",
        "matern32" and "matern52" those of
        :class:`sklearn.gaussian_process.kernels.Matern` with ``nu`` 1/2, 3/2 and 5/2.
    gamma : float or None, default=None
        At least 0; None means 1 / d.  1 / length_scale for Matern kernels.
    degree : float, default=3
        Of polynomials, at least 0.
    coef0 : float, default=1
        Of polynomials and the sigmoid.
    precision : {"single", None}, default=None
        "single" computes the values of float64 rows in float32, after centring and
        scaling in float64; None in the dtype of the rows.
    kernels : kernel table or None, default=the table in use
        None: NumPy.

    Raises
    ------
    ValueError
        If a parameter is out of range, or gamma times the landmarks is.

    Notes
    -----
    Rows and landmarks are centred on the mean landmark first where the kernel depends
    on differences only.  With eps the spacing of the dtype of computation, exponents
    of "rbf" are wrong by ``(d + 6) eps / 2 gamma (|x|^2 + |z|^2)`` at most (centred),
    and by ``(d + 4) eps / 2`` of themselves where gamma |z|^2 is large, and in the
    other kernels of differences; the exponential adds two ulp.  Sums over landmarks or
    rows are taken in float64, in an order that does not depend on threads.

    *Cost.*  Of n rows: n m (d + 25) operations and no block of kernel values; against
    n m (2 d + 25) operations and several passes over an (n, m) block by NumPy, and a
    product with an (m, m) matrix more by scikit-learn's Nystroem.  Memory: the
    landmarks twice, and once more for each other dtype of rows.
    """

    def __init__(
        self,
        landmarks,
        kernel="rbf",
        *,
        gamma=None,
        degree=3,
        coef0=1,
        precision=None,
        kernels=_kernels.kernels,
    ):
        if precision not in (None, "single"):
            raise ValueError(f"precision must be 'single' or None; got {precision!r}.")
        m, d = landmarks.shape
        if m == 0 or d == 0:
            raise ValueError(
                f"landmarks has shape {landmarks.shape}; pass at least one landmark of "
                "at least one feature."
            )
        gamma = 1 / d if gamma is None else gamma
        self.function = KernelFunction(kernel, float(gamma), degree, coef0)
        self.precision = precision
        self.kernels = kernels
        self.shape = m, d
        is_operator = isinstance(landmarks, _base.Operator)
        dense = landmarks.toarray() if is_operator else as_inexact(landmarks)
        dense = np.asarray(dense, dtype=np.float64)
        if not np.isfinite(dense).all():
            raise ValueError("landmarks contains NaN or infinity; pass finite numbers.")
        self._origin = np.zeros(d)
        if self.function.shift_invariant:
            self._origin = (dense / m).sum(axis=0)
            dense = dense - self._origin
        self._landmarks = dense
        # What a structure is good for; sums of absolute differences need the entries.
        self._operator = None
        if is_operator and kernel != "laplacian":
            self._operator = landmarks
            self._squares = np.einsum("ij,ij->i", dense, dense)
        self._packed = {}

    def __getstate__(self):
        return self.__dict__ | {"_packed": {}, "kernels": None}

    def __setstate__(self, state):
        self.__dict__.update(state, kernels=_kernels.kernels)

    def values(self, X, out=None):
        """Kernel values of the rows of `X` with the landmarks.

        Parameters
        ----------
        X : {ndarray, sparse matrix} of shape (n, d)
        out : ndarray of shape (n, m) or None, default=None
            Where to write; of any dtype.

        Returns
        -------
        values : ndarray of shape (n, m)
            In the dtype of `X`: float32 or float64.

        Raises
        ------
        ValueError
            If values leave the range of the dtype, or X is not finite.
        """
        X = self._check(X)
        if out is None:
            out = np.empty((X.shape[0], self.shape[0]), dtype=inexact_dtype(X.dtype))

        def fill(start, stop):
            for first, x in self._pieces(X, start, stop):
                rows = slice(first, first + len(x))
                self._fill(x, out[rows])

        self._run(fill, X)
        if not self.function.bounded:
            self._refuse_overflow(X, out)
        return out

    def predict(self, X, coef, intercept=None):
        """``values(X) @ coef + intercept``, without storing the values.

        Parameters
        ----------
        X : {ndarray, sparse matrix} of shape (n, d)
        coef : ndarray of shape (m, t)
        intercept : ndarray of shape (t,), float or None, default=None

        Returns
        -------
        predictions : ndarray of shape (n, t)
            In the dtype of `X`; summed in float64.

        Raises
        ------
        ValueError
            If kernel values leave the range of the dtype, or X is not finite.
        """
        X = self._check(X)
        coef = np.asarray(coef, dtype=np.float64)
        y = np.zeros((X.shape[0], coef.shape[1]))
        if intercept is not None:
            y += intercept
        packed = self._packed_for(X.dtype)
        is_fused = packed is not None and packed.finish is None
        targets = packed.pack_targets(coef) if is_fused else coef

        def add(start, stop):
            for first, x in self._pieces(X, start, stop, is_fused):
                part = y[first : first + len(x)]
                if is_fused:
                    packed.predict(x, targets, part)
                else:
                    part += self._wide_values(x) @ coef

        self._run(add, X)
        self._refuse_overflow(X, y)
        return y.astype(inexact_dtype(X.dtype), copy=False)

    def adjoint(self, X, residual):
        """``values(X).T @ residual``, summed in float64.

        Parameters
        ----------
        X : {ndarray, sparse matrix} of shape (n, d)
        residual : ndarray of shape (n, t)

        Returns
        -------
        sums : ndarray of shape (m, t), float64
        """
        X = self._check(X)
        residual = np.ascontiguousarray(residual, dtype=np.float64)
        n_targets = residual.shape[1]
        packed = self._packed_for(X.dtype)
        if packed is None or packed.finish is not None:
            sums = np.zeros((self.shape[0], n_targets))
            for first, x in self._pieces(X, 0, X.shape[0], False):
                sums += self._wide_values(x).T @ residual[first : first + len(x)]
        else:
            sums = np.zeros(packed.n_padded * n_targets)
            for first, x in self._pieces(X, 0, X.shape[0]):
                part = residual[first : first + len(x)]
                add = partial(packed.adjoint, x, part, sums)
                work = len(x) * packed.panel * self._nanoseconds(X)
                run_rows(add, packed.n_panels, _PANELS_PER_BLOCK, work)
            sums = packed.unpack_targets(sums, n_targets)
        self._refuse_overflow(X, sums)
        return sums

    def gradients(self, X, weights):
        """Derivatives of a loss by the landmarks and by scales of the features.

        Parameters
        ----------
        X : {ndarray, sparse matrix} of shape (n, d)
        weights : ndarray of shape (n, m)
            The derivatives of the loss by the kernel values.

        Returns
        -------
        by_landmarks : ndarray of shape (m, d), float64
        by_scales : ndarray of shape (d,), float64
            Of numbers, 1 here, that multiply the columns of `X` and of the landmarks.

        Raises
        ------
        ValueError
            If the kernel does not depend on differences only.
        """
        if not self.function.shift_invariant:
            raise ValueError(
                f"kernel={self.function.name!r} has no derivatives here; pass one of "
                f"{', '.join(SHIFT_INVARIANT)}."
            )
        X = self._check(X)
        packed = None
        if self.function.name != "laplacian" and self.kernels is not None:
            packed = self._packed_for(X.dtype, slope=True)
        work = self._dtype(X.dtype)
        blocks = (
            (x, (x - self._origin).astype(work), weights[first : first + len(x)])
            for first, x in self._pieces(X, 0, X.shape[0], False)
        )
        return landmark_gradients(self.function, packed, self._landmarks, blocks)

    def _check(self, X):
        if not sp.issparse(X):
            X = np.asarray(X)
        if X.ndim != 2 or X.shape[1] != self.shape[1]:
            raise ValueError(
                f"X has shape {X.shape}; pass rows of {self.shape[1]} features, as the "
                "landmarks have."
            )
        if X.dtype.kind not in "biuf":
            raise TypeError(f"X must be an array of real numbers; got dtype {X.dtype}.")
        return X if sp.issparse(X) and X.format == "csr" else _indexable(X)

    def _dtype(self, dtype):
        """In which rows of a dtype are computed."""
        dtype = inexact_dtype(dtype)
        return np.dtype(np.float32) if self.precision == "single" else dtype

    def _packed_for(self, dtype, *, slope=False):
        if self.kernels is None or (self._operator is not None and not slope):
            return None
        key = self._dtype(dtype), slope
        with _base._lock:
            if key not in self._packed:
                self._packed[key] = PackedKernel(
                    self.kernels,
                    self.function,
                    self._landmarks,
                    self._origin,
                    key[0],
                    slope=slope,
                )
            return self._packed[key]

    def _pieces(self, X, start, stop, whole=True):
        """(first row, rows that kernels can read), of blocks unless all can be."""
        dtype = inexact_dtype(X.dtype)
        is_ready = (
            isinstance(X, np.ndarray)
            and X.dtype == dtype
            and X.flags.aligned
            and (X.strides[1] == X.itemsize or X.shape[1] == 1)
            and X.strides[0] % X.itemsize == 0
        )
        step = max(1, stop - start)
        if not (is_ready and whole):
            step = max(16, _BLOCK_ENTRIES // max(self.shape))
        for first in range(start, stop, step):
            x = X[first : min(stop, first + step)]
            if not isinstance(x, np.ndarray):
                x = x.toarray()
            if not is_ready:
                x = np.ascontiguousarray(x, dtype=dtype)
            yield first, x

    def _fill(self, x, out):
        """Kernel values of ready rows into `out`, of any dtype."""
        packed = self._packed_for(x.dtype)
        if packed is not None and out.dtype == packed.dtype and _has_rows(out):
            packed.block(x, out)
            return
        step = max(16, _BLOCK_ENTRIES // self.shape[0])
        for i in range(0, len(x), step):
            out[i : i + step] = self._values_of(x[i : i + step])

    def _values_of(self, x):
        """Kernel values of few ready rows."""
        packed = self._packed_for(x.dtype)
        if packed is not None:
            out = np.empty((len(x), self.shape[0]), dtype=packed.dtype)
            packed.block(x, out)
            return out
        x = x - self._origin  # in float64
        with np.errstate(over="ignore", invalid="ignore"):
            if self._operator is None:
                work = self._dtype(x.dtype)
                return self.function.values(x.astype(work), self._landmarks)
            return self._operator_values(x)

    def _operator_values(self, x):
        """Kernel values of centred rows through products with the operator."""
        if self.function.name == "cosine":
            x = unit_rows(x)
        products = x @ self._operator.T
        if self.function.name == "cosine":
            norms = np.sqrt(self._squares)
            return products / np.where(norms > 0, norms, 1)
        if not self.function.shift_invariant:
            return self.function.of_products(products)
        products -= (x @ self._origin)[:, np.newaxis]
        squared = np.einsum("ij,ij->i", x, x)[:, np.newaxis] + self._squares
        squared -= 2 * products
        return self.function.of_squares(np.maximum(squared, 0, out=squared))

    def _wide_values(self, x):
        return self._values_of(x).astype(np.float64, copy=False)

    def _nanoseconds(self, X):
        value, feature = _NANOSECONDS
        return value + feature * X.shape[1]

    def _run(self, function, X):
        work = self.shape[0] * self._nanoseconds(X)
        if self._operator is not None:
            function(0, X.shape[0])  # products have threads of their own
            return
        run_rows(function, X.shape[0], _ROWS_PER_BLOCK, work)

    def _refuse_overflow(self, X, result):
        if np.isfinite(result).all():
            return
        numbers = X.data if sp.issparse(X) else X
        if not np.isfinite(numbers).all():
            raise ValueError("Input X contains NaN or infinity.")
        raise ValueError(
            f"kernel={self.function.name!r} of these rows leaves the range of numbers; "
            "scale the features of X, or pass a smaller gamma or degree."
        )


def _indexable(X):
    return X.tocsr() if sp.issparse(X) else X


def _has_rows(array):
    return array.shape[1] == 1 or array.strides[1] == array.itemsize
