"""A product of operators."""

from itertools import pairwise

import numpy as np

from skfrugal.operators._base import BLOCK_ENTRIES, Operator
from skfrugal.operators._composite import Composite, flatten
from skfrugal.operators._diagonal import scaled_by_diagonal
from skfrugal.operators._permutation import Permutation
from skfrugal.operators._plan import plan_of
from skfrugal.operators._rotations import Rotations

# Sparse rows are multiplied as such up to this share of non-zeros.
LARGEST_DENSITY = 0.1


class Product(Composite):
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
        self._parts = flatten(Product, factors)
        for position, (left, right) in enumerate(pairwise(self._parts)):
            if left.shape[1] != right.shape[0]:
                raise ValueError(
                    f"Shapes do not match in a product: {left.shape} of factor "
                    f"{position} and {right.shape} of factor {position + 1}."
                )
        shape = (self._parts[0].shape[0], self._parts[-1].shape[1])
        super().__init__(shape, np.result_type(*(f.dtype for f in self._parts)))

    @property
    def factors(self):
        """The factors, left to right."""
        return self._parts

    @property
    def flops(self):
        """Flops of the factors, one after the other."""
        return sum(factor.flops for factor in self._parts)

    def _detail(self):
        count = len(self._parts)
        return f" of {count} factor{'s' if count != 1 else ''}"

    def _factors(self):
        return self._parts

    def _rows(self, X):
        for factor in reversed(self._parts):
            X = np.ascontiguousarray(factor._compute(X))
        return X

    def _sparse_rows(self, X):
        # Sparse factors are applied while that keeps rows sparse.
        count = len(self._parts)
        while count and X.nnz <= LARGEST_DENSITY * X.shape[0] * X.shape[1]:
            matrix = self._parts[count - 1]._csr()
            if matrix is None:
                break
            X = X @ matrix.T
            count -= 1
        if not count:
            return X.toarray()
        head = self
        if count < len(self._parts):
            head = self._cached(f"first {count}", lambda: Product(self._parts[:count]))
        return head._rows_made_dense(X)

    def _rows_made_dense(self, X):
        last = self._parts[-1]
        if len(self._parts) == 1:
            return last._sparse_rows(X)
        # By the last factor, where that makes them much shorter, or before it.
        shortens = 2 * last.shape[0] <= last.shape[1]
        head = self._cached("head", lambda: Product(self._parts[:-1]))
        width = max(head.shape[1], self.shape[0]) if shortens else self.shape[1]
        Y = np.empty((X.shape[0], self.shape[0]), X.dtype)
        step = max(1, BLOCK_ENTRIES // max(1, width))
        for start in range(0, X.shape[0], step):
            rows = slice(start, start + step)
            if shortens:
                Y[rows] = head._compute(
                    np.ascontiguousarray(last._sparse_rows(X[rows]))
                )
            else:
                Y[rows] = self._compute(X[rows].toarray())
        return Y

    def toarray(self):
        """Dense matrix."""
        return np.ascontiguousarray(plan_of(self, self.dtype).multiplied().T)

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


Operator._product_class = Product
