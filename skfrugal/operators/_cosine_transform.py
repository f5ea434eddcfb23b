"""The orthonormal cosine transform over a grid: a matrix that stores nothing."""

import math

import numpy as np
import scipy.fft

from skfrugal._validation import check_positive_int
from skfrugal.operators._base import Operator, check_dtype
from skfrugal.operators._diagonal import scaled_by_diagonal


class CosineTransform(Operator):
    """Orthonormal discrete cosine transform (type II) of features on a grid.

    Parameters
    ----------
    feature_shape : int or tuple of int
        Shape of the grid that the N features are read from in C order: (28, 28) for
        images of 784 pixels.  The transform is separable.
    inverse : bool, default=False
        The inverse, which is the transpose.
    dtype : dtype, default=float32
        No values are stored, so by default it does not change the dtype of what it is
        applied to.

    Attributes
    ----------
    feature_shape : tuple of int
    inverse : bool

    See Also
    --------
    dct : One dimension, all types and norms, as a product of sparse factors.

    Notes
    -----
    *Cost.* Through `scipy.fft`, about ``2.5 N log2(N)`` flops a row against ``2 N^2``.

    Examples
    --------
    >>> import numpy as np
    >>> from skfrugal.operators import CosineTransform
    >>> op = CosineTransform((4, 4))
    >>> (np.ones(16) @ op.T).round(6)[:2]
    array([4., 0.])
    """

    def __init__(self, feature_shape, *, inverse=False, dtype=np.float32):
        sides = np.atleast_1d(np.asarray(feature_shape, dtype=object))
        if sides.ndim != 1 or not sides.size:
            raise ValueError(
                f"feature_shape={feature_shape!r} is not the shape of a grid; pass an "
                f"int or a tuple of ints such as (28, 28)."
            )
        sides = [check_positive_int(side, "feature_shape") for side in sides]
        n = math.prod(sides)
        super().__init__((n, n), check_dtype(dtype))
        self.feature_shape, self.inverse = tuple(sides), bool(inverse)

    @property
    def nnz(self):
        """0: no numbers are stored."""
        return 0

    @property
    def flops(self):
        """About 2.5 N log2(N)."""
        n = self.shape[0]
        return round(2.5 * n * math.log2(max(n, 2)))

    def _arrays(self):
        return ()

    def _detail(self):
        return f" on {self.feature_shape}{', inverse' * self.inverse}"

    def _rows(self, X):
        if not len(X):
            return np.empty_like(X)
        transform = scipy.fft.idctn if self.inverse else scipy.fft.dctn
        grid = X.reshape(-1, *self.feature_shape)
        axes = tuple(range(1, grid.ndim))
        return transform(grid, axes=axes, norm="ortho").reshape(X.shape)

    def _transposed(self):
        return CosineTransform(
            self.feature_shape, inverse=not self.inverse, dtype=self.dtype
        )

    def _mapped(self, function):
        dtype = function(np.empty(0, self.dtype)).dtype
        return CosineTransform(self.feature_shape, inverse=self.inverse, dtype=dtype)

    def _scaled(self, scalar):
        return scaled_by_diagonal(self, scalar)
