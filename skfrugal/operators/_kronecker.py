"""A Kronecker product of operators."""

import numpy as np

from skfrugal.operators._base import Operator, unique_leaves
from skfrugal.operators._product import as_operator


class Kronecker(Operator):
    """A Kronecker product ``A (x) B (x) ...``, never formed.

    Parameters
    ----------
    *factors : Operator, sparse matrix or array-like
        At least one.

    Attributes
    ----------
    factors : tuple of Operator

    Notes
    -----
    *Cost*: the numbers of the factors, against their product for the dense matrix.

    Examples
    --------
    >>> import numpy as np
    >>> from skfrugal.operators import Kronecker
    >>> Kronecker([[1.0, 2.0]], [[3.0, 4.0]]).toarray()
    array([[3., 4., 6., 8.]])
    """

    def __init__(self, *factors):
        if not factors:
            raise ValueError("Kronecker needs at least one factor.")
        factors = tuple(as_operator(f) for f in factors)
        shape = np.prod([f.shape for f in factors], axis=0, dtype=int)
        super().__init__(shape, np.result_type(*(f.dtype for f in factors)))
        self.factors = factors

    @property
    def nnz(self):
        """Numbers stored by the factors."""
        return sum(leaf.nnz for leaf in unique_leaves(self.factors))

    @property
    def flops(self):
        """Flops of each factor along its axis, the last axis first."""
        return sum(one.flops for one in self._passes())

    def _arrays(self):
        return tuple(a for f in unique_leaves(self.factors) for a in f._arrays())

    def _leaves(self):
        return tuple(leaf for f in self.factors for leaf in f._leaves())

    def _passes(self):
        passes = []
        sizes = [f.shape[1] for f in self.factors]
        for axis in reversed(range(len(sizes))):
            factor = self.factors[axis]
            times = int(np.prod(sizes)) // sizes[axis]
            for one in factor._passes():
                passes.append(
                    one._replace(
                        name=f"{one.name} along axis {axis}",
                        flops=one.flops * times,
                        n_in=one.n_in * times,
                        n_out=one.n_out * times,
                    )
                )
            sizes[axis] = factor.shape[0]
        return tuple(passes)

    def _rows(self, X):
        Y = X.reshape(X.shape[0], *(f.shape[1] for f in self.factors))
        for axis in reversed(range(len(self.factors))):
            Y = np.moveaxis(Y, axis + 1, -1)
            rows = np.ascontiguousarray(Y).reshape(-1, Y.shape[-1])
            rotated = self.factors[axis]._rows(rows)
            shape = (*Y.shape[:-1], rotated.shape[1])
            Y = np.moveaxis(rotated.reshape(shape), -1, axis + 1)
        return np.ascontiguousarray(Y).reshape(X.shape[0], self.shape[0])

    def _transposed(self):
        return Kronecker(*(f.T for f in self.factors))

    def _mapped(self, function):
        return Kronecker(*(f._mapped(function) for f in self.factors))

    def _scaled(self, scalar):
        first, *others = self.factors
        return Kronecker(first._scaled(scalar), *others)
