"""A matrix in eight bits an entry."""

import numpy as np
import scipy.sparse as sp

from skfrugal._validation import as_inexact
from skfrugal.operators._base import Operator, frozen
from skfrugal.operators._dense import Dense
from skfrugal.operators._sparse import SparseFactor

_LARGEST = 127


class Quantized(Operator):
    """A dense or sparse matrix rounded to 8-bit integers, one scale a row.

    Row i is ``scales[i] * codes[i]``, with codes in [-127, 127]: an entry is off by at
    most 1 / 254 of the largest one of its row.

    Parameters
    ----------
    matrix : array-like or sparse array of shape (M, N)
        Real; rounded here.

    Attributes
    ----------
    codes : ndarray of int8 of shape (M, N), or of shape (n_entries,)
        The integers; of a sparse matrix, those of its entries, row after row.
    scales : ndarray of shape (M,)
        Their units.  A transpose keeps both as they are.

    Notes
    -----
    A sparse matrix keeps the column of each entry and the length of each row (or, where
    that is shorter, row and column changed over), in one byte where there are at most
    256 columns, in two up to 65,536.  That is what `nbytes` and a pickle hold; on first
    use the matrix is unpacked to the dtype of the scales, so that a product costs what
    it did before rounding.

    Examples
    --------
    >>> import numpy as np
    >>> from skfrugal.operators import Quantized
    >>> op = Quantized(np.array([[1.0, -0.5], [0.0, 3.0]]))
    >>> op.codes.tolist(), op.nbytes
    ([[127, -64], [0, 127]], 20)
    """

    def __init__(self, matrix):
        if sp.issparse(matrix):
            matrix = SparseFactor(matrix).matrix
            entries = matrix.data
            rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
        else:
            entries = matrix = as_inexact(matrix, "matrix")
            if matrix.ndim != 2:
                raise ValueError(
                    f"matrix must have 2 dimensions; got shape {matrix.shape}."
                )
            rows = np.broadcast_to(np.arange(matrix.shape[0])[:, None], matrix.shape)
        if entries.dtype.kind == "c" or not np.isfinite(entries).all():
            raise ValueError("matrix must be real and finite to be rounded to 8 bits.")
        super().__init__(matrix.shape, entries.dtype)
        self._is_transposed = False
        largest = np.zeros(matrix.shape[0])
        np.maximum.at(largest, rows, np.abs(entries))
        # Of a subnormal row the unit underflows; then its entries round to zero.
        self.scales = frozen((largest / _LARGEST).astype(entries.dtype))
        units = self.scales.astype(np.float64)[rows]
        codes = np.divide(entries, units, out=np.zeros(entries.shape), where=units > 0)
        codes = np.clip(np.rint(codes), -_LARGEST, _LARGEST).astype(np.int8)
        self._set(codes, *(_layout(matrix) if sp.issparse(matrix) else (None,) * 3))

    def _set(self, codes, by_columns, indices, lengths):
        self.codes = frozen(codes)
        self._by_columns, self._indices, self._lengths = by_columns, indices, lengths

    @property
    def nnz(self):
        """Integers and scales stored."""
        return self.codes.size + self.scales.size

    @property
    def flops(self):
        """Twice the integers stored."""
        return 2 * self.codes.size

    def toarray(self):
        """Dense matrix, of the scales' dtype."""
        return self._plain().toarray()

    def _arrays(self):
        layout = () if self._indices is None else (self._indices, self._lengths)
        return (self.codes, self.scales, *layout)

    def _plain(self):
        """The same matrix in the dtype of the scales."""
        return self._cached("plain", self._unpacked)

    def _unpacked(self):
        if self._is_transposed:
            return self.T._plain().T
        if self._indices is None:
            return Dense(self.scales[:, np.newaxis] * self.codes)
        starts = np.concatenate([[0], np.cumsum(self._lengths, dtype=np.intp)])
        shape = self.shape[::-1] if self._by_columns else self.shape
        # Entries are numbered from 1 as they lie row after row, so that none is zero.
        if self._by_columns:
            order = np.arange(1, len(self._indices) + 1)
            places = sp.csr_array((order, self._indices, starts), shape=shape)
            places = places.T.tocsr()
            indices, starts = places.indices, places.indptr
        else:
            indices = self._indices
        rows = np.repeat(np.arange(self.shape[0]), np.diff(starts))
        values = self.scales[rows] * self.codes
        matrix = sp.csr_array((values, indices, starts), shape=self.shape)
        return SparseFactor(matrix)

    def _factors(self):
        return (self._plain(),)

    def _rows(self, X):
        return self._plain()._compute(X)

    def _csr(self):
        return None if self._indices is None else self._plain().matrix

    def _transposed(self):
        return self._with(self.scales, self.shape[::-1], not self._is_transposed)

    def _mapped(self, function):
        return self._with(function(self.scales), self.shape, self._is_transposed)

    def _with(self, scales, shape, is_transposed):
        """The same codes in other units, or the other way round."""
        twin = object.__new__(Quantized)
        Operator.__init__(twin, shape, scales.dtype)
        twin.scales, twin._is_transposed = frozen(scales), is_transposed
        twin._set(self.codes, self._by_columns, self._indices, self._lengths)
        return twin


def _layout(matrix):
    """Whether entries are listed by columns, their indices, and how many a line has.

    The codes stay in the order of the rows in both cases.
    """
    layouts = []
    for by_columns in (False, True):
        lines = matrix.T.tocsr() if by_columns else matrix
        lengths = np.diff(lines.indptr)
        layouts.append(
            (
                by_columns,
                frozen(lines.indices.astype(_smallest(lines.shape[1] - 1))),
                frozen(lengths.astype(_smallest(lengths.max(initial=0)))),
            )
        )
    return min(layouts, key=lambda one: one[1].nbytes + one[2].nbytes)


def _smallest(largest):
    """The unsigned type of fewest bytes that holds a number."""
    return np.min_scalar_type(max(int(largest), 0))
