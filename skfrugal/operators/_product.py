"""Products and sums of operators."""

from itertools import pairwise

import numpy as np
import scipy.sparse as sp

from skfrugal.operators._base import Operator, unique_leaves
from skfrugal.operators._dense import Dense
from skfrugal.operators._diagonal import scaled_by_diagonal
from skfrugal.operators._kronecker_sparse import fuse_neighbours
from skfrugal.operators._permutation import Permutation
from skfrugal.operators._plan import LARGEST_FUSED_BLOCK, choose_dense, rows_per_tile
from skfrugal.operators._rotations import Rotations
from skfrugal.operators._sparse import SparseFactor


def as_operator(matrix):
    """An operator as it is; a sparse matrix or an array as one."""
    if isinstance(matrix, Operator):
        return matrix
    if sp.issparse(matrix):
        return SparseFactor(matrix)
    return Dense(matrix)


def _flatten(cls, attribute, parts):
    """Operators of a flat product or sum, from arguments or one iterable."""
    if len(parts) == 1 and not isinstance(parts[0], Operator):
        if not sp.issparse(parts[0]) and not isinstance(parts[0], np.ndarray):
            parts = parts[0]
    flat = []
    for part in map(as_operator, parts):
        flat.extend(getattr(part, attribute) if isinstance(part, cls) else (part,))
    if not flat:
        raise ValueError(f"{cls.__name__} needs at least one operator.")
    return tuple(flat)


class _Composite(Operator):
    """What products and sums have in common: parts that store everything."""

    @property
    def nnz(self):
        """Numbers stored by the parts; a part used twice counts once."""
        return sum(leaf.nnz for leaf in unique_leaves(self._parts))

    def _arrays(self):
        return tuple(a for leaf in unique_leaves(self._parts) for a in leaf._arrays())

    def _leaves(self):
        return tuple(leaf for part in self._parts for leaf in part._leaves())


class Product(_Composite):
    """A product of operators, kept as its factors.

    Parameters
    ----------
    *factors : Operator, sparse matrix or array-like
        The matrix is ``factors[0] @ factors[1] @ ...``.  One iterable of factors is
        accepted, too.  Products among them are flattened.

    Attributes
    ----------
    factors : tuple of Operator

    Notes
    -----
    *Cost*: the numbers and flops of the factors.  Neighbouring Kronecker-sparse factors
    of small blocks are multiplied on first use, and small products are computed through
    their dense form where a fixed cost model finds that cheaper; `explain` says so.

    Examples
    --------
    >>> import numpy as np
    >>> from skfrugal.operators import Product, hadamard
    >>> hadamard(1024)
    <Product 1024 x 1024 of 10 factors, float64: 20,480 stored values,
    51.2 times fewer than dense>
    >>> np.ones((1, 4)) @ Product([[1.0, 2.0]], np.ones((2, 4))).T
    array([[12.]])
    """

    def __init__(self, *factors):
        self._parts = _flatten(Product, "factors", factors)
        for left, right in pairwise(self._parts):
            if left.shape[1] != right.shape[0]:
                raise ValueError(
                    f"Shapes do not match in a product: {left.shape} and {right.shape}."
                )
        shape = (self._parts[0].shape[0], self._parts[-1].shape[1])
        super().__init__(shape, np.result_type(*(f.dtype for f in self._parts)))

    @property
    def factors(self):
        """The factors, left to right."""
        return self._parts

    def _detail(self):
        count = len(self._parts)
        return f" of {count} factor{'s' if count != 1 else ''}"

    @property
    def flops(self):
        """Flops of the factors, one after the other."""
        return sum(factor.flops for factor in self._parts)

    def _computed(self, dtype):
        """The factors that are applied: neighbours of small blocks are one.

        They are multiplied in the precision of the rows that they will meet.
        """

        def build():
            wider = dtype if np.can_cast(self.dtype, dtype) else self.dtype
            parts = [factor.astype(wider) for factor in self._parts]
            return fuse_neighbours(parts, LARGEST_FUSED_BLOCK)

        return self._cached(f"computed {dtype}", build)

    def _passes(self):
        factors = self._computed(self.dtype)
        return tuple(one for f in reversed(factors) for one in f._passes())

    def _rows(self, X):
        if choose_dense(self, X.shape[0]):
            return X @ self._dense_form(X.dtype).T
        return self._factored_rows(X)

    def _factored_rows(self, X):
        Y = np.empty((X.shape[0], self.shape[0]), X.dtype)
        factors = self._computed(X.dtype)
        step = rows_per_tile(max(max(factor.shape) for factor in factors))
        for start in range(0, X.shape[0], step):
            Z = X[start : start + step]
            for factor in reversed(factors):
                Z = factor._rows(Z)
            Y[start : start + step] = Z
        return Y

    def _dense_form(self, dtype):
        def build():
            return self._factored_rows(np.eye(self.shape[1], dtype=dtype)).T.copy()

        return self._cached(f"dense {dtype}", build)

    def toarray(self):
        """Dense matrix."""
        identity = np.eye(self.shape[1], dtype=self.dtype)
        return np.ascontiguousarray(self._factored_rows(identity).T)

    def _sparse_rows(self, X):
        Y = self._parts[-1]._sparse_rows(X)
        dtype = np.result_type(self.dtype, X.dtype)
        Y = np.ascontiguousarray(Y, dtype)
        if len(self._parts) == 1:
            return Y
        return Product(self._parts[:-1])._factored_rows(Y)

    def _transposed(self):
        return Product(f.T for f in reversed(self._parts))

    def _mapped(self, function):
        return Product(f._mapped(function) for f in self._parts)

    def _scaled(self, scalar):
        parts = list(self._parts)
        scalable = [
            i
            for i, f in enumerate(parts)
            if not isinstance(f, (Permutation, Rotations))
        ]
        if not scalable:
            return scaled_by_diagonal(self, scalar)
        smallest = min(scalable, key=lambda i: parts[i].nnz)
        parts[smallest] = parts[smallest]._scaled(scalar)
        return Product(parts)


class Sum(_Composite):
    """A sum of operators, kept as its terms.

    Parameters
    ----------
    *terms : Operator, sparse matrix or array-like
        All of one shape.  One iterable of terms is accepted, too.  Sums among them
        are flattened.

    Attributes
    ----------
    terms : tuple of Operator

    Notes
    -----
    *Cost*: the numbers and flops of the terms, and their addition.

    Examples
    --------
    >>> import numpy as np
    >>> from skfrugal.operators import Diagonal, LowRank
    >>> op = LowRank(np.ones((3, 1)), np.ones((1, 3))) + Diagonal([1.0, 2.0, 3.0])
    >>> op.toarray()
    array([[2., 1., 1.],
           [1., 3., 1.],
           [1., 1., 4.]])
    """

    def __init__(self, *terms):
        self._parts = _flatten(Sum, "terms", terms)
        shape = self._parts[0].shape
        for term in self._parts:
            if term.shape != shape:
                raise ValueError(
                    f"Shapes do not match in a sum: {shape} and {term.shape}."
                )
        super().__init__(shape, np.result_type(*(t.dtype for t in self._parts)))

    @property
    def terms(self):
        """The terms, in order."""
        return self._parts

    @property
    def flops(self):
        """Flops of the terms and of their addition."""
        additions = (len(self._parts) - 1) * self.shape[0]
        return sum(term.flops for term in self._parts) + additions

    def _detail(self):
        count = len(self._parts)
        return f" of {count} term{'s' if count != 1 else ''}"

    def _passes(self):
        return tuple(one for term in self._parts for one in term._passes())

    def _rows(self, X):
        Y = self._parts[0]._rows(X)
        for term in self._parts[1:]:
            Y = Y + term._rows(X)
        return Y

    def _sparse_rows(self, X):
        return sum(
            (term._sparse_rows(X) for term in self._parts[1:]),
            start=self._parts[0]._sparse_rows(X),
        )

    def toarray(self):
        """Dense matrix."""
        return sum(term.toarray() for term in self._parts)

    def _transposed(self):
        return Sum(term.T for term in self._parts)

    def _mapped(self, function):
        return Sum(term._mapped(function) for term in self._parts)

    def _scaled(self, scalar):
        return Sum(term._scaled(scalar) for term in self._parts)


Operator._product_class = Product
Operator._sum_class = Sum
