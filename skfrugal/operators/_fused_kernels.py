"""Kernel values of rows with landmarks, and what follows them, tile by tile."""

from dataclasses import asdict
from functools import partial

import numpy as np

from skfrugal._parallel import run_rows
from skfrugal._validation import inexact_dtype
from skfrugal.operators._kernel_blocks import KernelBlocks
from skfrugal.operators._kernel_functions import (
    FUSED_KERNELS,
    SHIFT_INVARIANT,
    KernelFunction,
)
from skfrugal.operators._kernel_gradients import landmark_gradients
from skfrugal.operators._kernel_rows import (
    check_columns,
    check_rows,
    pieces,
    refuse_overflow,
)

__all__ = ["FUSED_KERNELS", "SHIFT_INVARIANT", "FusedKernel"]

_ROWS_PER_BLOCK, _PANELS_PER_BLOCK = 512, 4  # what a thread takes
_BLOCK_ENTRIES = 2**18  # kernel values that NumPy takes together, in cache
_NANOSECONDS = 0.5, 0.04  # estimated, of a value, and for each feature


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

    Attributes
    ----------
    landmarks : {ndarray, Operator} of shape (m, d)
        As they were passed.
    shape : tuple of int
        (m, d).

    Raises
    ------
    ValueError
        If a parameter is out of range, or gamma times the landmarks is; later, if
        kernel values of rows leave the range of their dtype.

    Notes
    -----
    Kernels of differences are centred on the mean landmark first.  With eps the spacing
    of the dtype of computation, values are those of rows and landmarks moved by eps / 2
    of their centred size, with exponents wrong by ``(d + 6) eps / 2`` of themselves;
    those of "rbf" by that part of ``gamma (|x|^2 + |z|^2)`` where products take the
    place of differences (float64, or more than 32 features, unless gamma |z|^2 is
    large).  The exponential adds two ulp.  Sums over landmarks or rows are taken in
    float64, in an order that does not depend on threads.

    *Cost.*  Of n rows and t targets: n m (d + 15 + t) instructions on numbers, against
    several passes over (n, m) values by NumPy, and n m^2 more by Nystroem and Ridge.
    Memory: the landmarks in float64, and once more for each dtype of rows; no values.

    Examples
    --------
    >>> import numpy as np
    >>> from skfrugal.operators._fused_kernels import FusedKernel
    >>> kernel = FusedKernel(np.array([[0.0, 0.0], [3.0, 4.0]]), gamma=0.1)
    >>> kernel.values(np.zeros((1, 2))).round(4)
    array([[1.    , 0.0821]])
    >>> kernel.predict(np.zeros((1, 2)), np.array([[1.0], [10.0]]), 0.5).round(4)
    array([[2.3208]])
    """

    def __init__(
        self, landmarks, kernel="rbf", *, gamma=None, degree=3, coef0=1, precision=None
    ):
        gamma = 1 / max(1, landmarks.shape[-1]) if gamma is None else float(gamma)
        self.landmarks = landmarks
        self.function = KernelFunction(kernel, gamma, degree, coef0)
        self._blocks = KernelBlocks(self.function, landmarks, precision)
        self.shape = self._blocks.landmarks.shape

    def __reduce__(self):
        parameters = asdict(self.function)
        name = parameters.pop("name")
        make = partial(FusedKernel, precision=self._blocks.precision, **parameters)
        return make, (self.landmarks, name)

    def values(self, X, out=None):
        """Kernel values of the rows of `X` with the landmarks.

        Parameters
        ----------
        X : {ndarray, sparse matrix} of shape (n, d)
            Finite numbers; NaN gives NaN.
        out : ndarray of shape (n, m) or None, default=None
            Where to write; of any dtype.

        Returns
        -------
        values : ndarray of shape (n, m)
            In the dtype of `X`: float32 or float64.
        """
        X = check_rows(X, self.shape[1])
        shape = X.shape[0], self.shape[0]
        if out is None:
            out = np.empty(shape, dtype=inexact_dtype(X.dtype))
        elif out.shape != shape:
            raise ValueError(f"out has shape {out.shape}; pass one of shape {shape}.")

        def fill(start, stop):
            for first, x in pieces(X, start, stop):
                self._blocks.fill(x, out[first : first + len(x)])

        self._run(fill, X, self._blocks.packed(X.dtype))
        if not self.function.bounded:
            refuse_overflow(self.function.name, X, out)
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
        """
        X = check_rows(X, self.shape[1])
        coef = check_columns(coef, "coef", self.shape[0], "landmark")
        y = np.zeros((X.shape[0], coef.shape[1]))
        if intercept is not None:
            y += intercept
        packed = self._blocks.fused(X.dtype)
        targets = coef if packed is None else packed.pack_targets(coef)

        def add(start, stop):
            for first, x in pieces(X, start, stop, self._step(packed)):
                part = y[first : first + len(x)]
                if packed is not None:
                    packed.predict(x, targets, part)
                    continue
                with np.errstate(over="ignore", invalid="ignore"):
                    part += self._blocks.values(x).astype(np.float64) @ coef

        self._run(add, X, packed)
        with np.errstate(over="ignore"):
            y = y.astype(inexact_dtype(X.dtype), copy=False)
        refuse_overflow(self.function.name, X, y)
        return y

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
        X = check_rows(X, self.shape[1])
        residual = check_columns(residual, "residual", X.shape[0], "row of X")
        n_targets = residual.shape[1]
        packed = self._blocks.fused(X.dtype)
        sums = np.zeros((self.shape[0], n_targets))
        if packed is not None:
            sums = np.zeros(packed.n_padded * n_targets)
        for first, x in pieces(X, 0, X.shape[0], self._step(packed)):
            part = residual[first : first + len(x)]
            if packed is None:
                sums += self._blocks.values(x).T.astype(np.float64) @ part
            else:
                # each thread takes landmarks, so that no sum is shared
                add = partial(packed.adjoint, x, part, sums)
                work = len(x) * packed.panel * self._nanoseconds
                run_rows(add, packed.n_panels, _PANELS_PER_BLOCK, work)
        if packed is not None:
            sums = packed.unpack_targets(sums, n_targets)
        refuse_overflow(self.function.name, X, sums)
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
        X = check_rows(X, self.shape[1])
        return landmark_gradients(self._blocks, X, weights, self._step(None))

    def _step(self, packed):
        """Rows of a piece; NumPy takes a few, whatever the rows."""
        return max(16, _BLOCK_ENTRIES // max(self.shape)) if packed is None else None

    @property
    def _nanoseconds(self):
        value, feature = _NANOSECONDS
        return value + feature * self.shape[1]

    def _run(self, function, X, packed):
        """All rows; NumPy's products have threads of their own."""
        if packed is None:
            function(0, X.shape[0])
            return
        work = self.shape[0] * self._nanoseconds
        run_rows(function, X.shape[0], _ROWS_PER_BLOCK, work)
