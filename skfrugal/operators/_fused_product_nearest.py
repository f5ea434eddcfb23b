"""The nearest row of a product of few sparse and dense factors.

Rows go through the factors in a tile that stays in cache, and of the scores
``|c|^2 / 2 - c x`` only the least two are kept (csrc/nearest_product.h).  Where
rounding could have changed their order a row is asked for again in float64; where that
cannot tell either, the caller is told.
"""

from functools import partial

import numpy as np
import scipy.sparse as sp

from skfrugal import _kernels
from skfrugal._kernels._bindings import aligned_empty
from skfrugal._kernels._product_packing import longest_sums, pack_product
from skfrugal._parallel import run_rows
from skfrugal.operators import _base
from skfrugal.operators._dense import Dense
from skfrugal.operators._kronecker_sparse import KroneckerSparse
from skfrugal.operators._low_rank import LowRank
from skfrugal.operators._plan import plan_of
from skfrugal.operators._product import Product
from skfrugal.operators._product_bounds import ProductBounds
from skfrugal.operators._sparse import SparseFactor
from skfrugal.operators._steps import dense_cost

MOST_FACTORS = 4
# More numbers would be read again from far for every tile of rows.
MOST_VALUES = 2**19
# Float32 holds the indices of the rows.
MOST_ROWS = 2**24

# Nanoseconds, float32: of a number of a sparse and of a dense factor, of a row of the
# product, and of a column of the data.
_COSTS = {
    "avx512": (0.025, 0.011, 0.06, 0.12),
    "avx2": (0.05, 0.022, 0.12, 0.24),
    "baseline": (0.1, 0.08, 0.4, 0.5),
}
# Of a score that NumPy compares.
_SCORE = 1.5

# Numbers of rows that are cast, or copied, together; rows that one thread takes.
_CAST_ENTRIES = 2**21
_ROWS_PER_BLOCK = 1024


def product_nearest(operator):
    """The `ProductNearest` of an operator, or None where it is not for it.

    The operator keeps it.  It is for real products of at most four sparse and dense
    factors that the kernel multiplies, and compares, in less time than NumPy.
    """
    return operator._cached("product nearest", lambda: _build(operator)) or None


@np.errstate(over="ignore", invalid="ignore")  # what leaves the range is not trusted
def _build(operator):
    kernels = _kernels.kernels
    if kernels is None or operator.dtype.kind != "f" or 0 in operator.shape:
        return False
    matrices = _matrices(operator)
    if matrices is None or operator.shape[0] >= MOST_ROWS:
        return False
    n_rows, n_features = operator.shape
    sparse, dense, row, column = _COSTS[kernels.name]
    cost = row * n_rows + column * n_features
    cost += sum(_size(m) * (sparse if sp.issparse(m) else dense) for m in matrices)
    other = dense_cost(operator.shape, 1024, np.float32)
    if any(isinstance(factor, KroneckerSparse) for factor in operator._factors()):
        other = min(other, plan_of(operator, np.dtype(np.float32)).cost(1024))
    if cost >= other / 1024 + _SCORE * n_rows:
        return False
    return ProductNearest(matrices, kernels, nanoseconds=cost)


def _matrices(operator):
    """Float64 arrays and CSR arrays whose product the operator is; None if too many.

    Diagonals and permutations are multiplied into their neighbours.
    """
    is_product = isinstance(operator, Product)
    if not is_product and not isinstance(operator, (LowRank, SparseFactor)):
        return None
    found = []
    for factor in operator.factors if is_product else (operator,):
        if isinstance(factor, Dense):
            parts = (factor.array,)
        elif isinstance(factor, LowRank):
            parts = (factor.left, factor.right)
        else:
            parts = (factor._csr(),)
        if parts[0] is None:
            return None
        for part in parts:
            part = part.astype(np.float64)
            if found and (_is_scaling(found[-1]) or _is_scaling(part)):
                part = _product(found.pop(), part)
            found.append(part)
    if len(found) > MOST_FACTORS or sum(map(_size, found)) > MOST_VALUES:
        return None
    return found


def _is_scaling(matrix):
    """Whether at most one number stands in each row and each column."""
    return (
        sp.issparse(matrix)
        and np.diff(matrix.indptr).max(initial=0) <= 1
        and np.bincount(matrix.indices).max(initial=0) <= 1
    )


def _product(left, right):
    both = left @ right
    if sp.issparse(both):
        both = sp.csr_array(both)
        both.sort_indices()
    return both


def _size(matrix):
    return matrix.nnz if sp.issparse(matrix) else matrix.size


class ProductNearest:
    """Nearest row of a product of sparse and dense factors, exactly.

    Parameters
    ----------
    matrices : list of {ndarray, CSR array} of float64
        The points are the rows of ``matrices[0] @ matrices[1] @ ...``.
    kernels : kernel table
    nanoseconds : float, default=100.0
        Estimated cost of a row.

    Notes
    -----
    *Cost.*  Of n rows n times the numbers of the factors, in multiply-adds, against
    n d K of a dense product; no score is stored.  Rows whose nearest two points float32
    cannot tell apart take it again in float64.
    """

    def __init__(self, matrices, kernels, *, nanoseconds=100.0):
        self.matrices = matrices
        self.kernels = kernels
        self._nanoseconds = nanoseconds
        self._bounds = ProductBounds.of(matrices, longest_sums(matrices, kernels))
        self._kept = _first_copies(matrices[0])
        self._packed = {}

    def labels(self, X):
        """Index k of the nearest point of each row, ``~k`` where float64 cannot tell.

        Parameters
        ----------
        X : ndarray of shape (n_rows, n_features), float32 or float64

        Returns
        -------
        labels : ndarray of shape (n_rows,), int32
            Of rows with a tie, or nearly one, a negative number.

        Raises
        ------
        ValueError
            If a number of X is not finite; no pass over X is spent on that.
        """
        labels = np.empty(len(X), dtype=np.int32)
        self._search(X, labels)
        if X.dtype == np.float64:
            self._check_finite(X, labels)
            return labels
        left = np.flatnonzero(labels < 0)
        for part in self._parts(left):
            x = X[part]
            again = np.empty(len(part), dtype=np.int32)
            self._search(x.astype(np.float64), again)
            self._check_finite(x, again)
            labels[part] = again
        return labels

    def _search(self, X, labels):
        packed = self._pack(X.dtype)
        if packed is None:
            labels.fill(-1)
            return
        is_ready = X.flags.c_contiguous and X.flags.aligned
        for part in [slice(None)] if is_ready else self._parts(np.arange(len(X))):
            x = X if is_ready else np.ascontiguousarray(X[part])
            found = labels[part] if is_ready else np.empty(len(x), dtype=np.int32)
            nanoseconds = self._nanoseconds * X.itemsize / 4
            work = partial(self._work, packed, x, found)
            run_rows(work, len(x), _ROWS_PER_BLOCK, nanoseconds)
            labels[part] = found
        if self._kept is not None:
            sure = labels >= 0
            labels[sure] = self._kept[labels[sure]]
            labels[~sure] = ~self._kept[~labels[~sure]]

    def _work(self, packed, x, labels, start, stop):
        scratch = aligned_empty(packed.scratch_size, x.dtype)
        self.kernels.nearest_product(packed, x, labels, scratch, start, stop)

    def _parts(self, rows):
        step = max(64, _CAST_ENTRIES // self.matrices[-1].shape[1])
        return [rows[i : i + step] for i in range(0, len(rows), step)]

    @staticmethod
    def _check_finite(X, labels):
        if not np.isfinite(X[labels < 0]).all():
            raise ValueError("Input X contains NaN or infinity.")

    def _pack(self, dtype):
        """The packed factors for rows of a dtype; None if it cannot hold squares."""
        if dtype.char not in self._packed:
            with _base._lock:
                self._packed[dtype.char] = self._packed_for(dtype)
        return self._packed[dtype.char]

    def _packed_for(self, dtype):
        first, *others = self.matrices
        trust = self._bounds.trust(self.matrices[-1].shape[1], dtype)
        if trust is None:
            return None
        squared_norms = self._bounds.squared_norms
        if self._kept is not None:
            first, squared_norms = first[self._kept], squared_norms[self._kept]
        packed = pack_product([first, *others], squared_norms, self.kernels, dtype)
        packed.trust(*trust)
        return packed


def _first_copies(matrix):
    """Indices of the rows that repeat none before them; None if none does."""
    rows = {}
    for index in range(matrix.shape[0]):
        if sp.issparse(matrix):
            part = slice(*matrix.indptr[index : index + 2])
            used = matrix.data[part] != 0
            key = (
                matrix.data[part][used].tobytes(),
                matrix.indices[part][used].tobytes(),
            )
        else:
            key = (matrix[index] + 0.0).tobytes()
        rows.setdefault(key, index)
    if len(rows) == matrix.shape[0]:
        return None
    return np.fromiter(rows.values(), dtype=np.int32)
