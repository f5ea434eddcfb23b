"""A Kronecker product of operators."""

import numpy as np

from skfrugal.operators._composite import Composite, as_operator


class Kronecker(Composite):
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
        self._parts = tuple(as_operator(f) for f in factors)
        shape = np.prod([f.shape for f in self._parts], axis=0, dtype=int)
        super().__init__(shape, np.result_type(*(f.dtype for f in self._parts)))

    @property
    def factors(self):
        """The factors, left to right."""
        return self._parts

    @property
    def flops(self):
        """Flops of each factor along its axis, the last axis first."""
        return sum(one.flops for one in self._passes())

    def _passes(self):
        passes = []
        sizes = [f.shape[1] for f in self._parts]
        for axis in reversed(range(len(sizes))):
            factor = self._parts[axis]
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
        Y = X.reshape(X.shape[0], *(f.shape[1] for f in self._parts))
        for axis in reversed(range(len(self._parts))):
            Y = np.moveaxis(Y, axis + 1, -1)
            rows = np.ascontiguousarray(Y).reshape(-1, Y.shape[-1])
            rotated = self._parts[axis]._compute(rows)
            shape = (*Y.shape[:-1], rotated.shape[1])
            Y = np.moveaxis(rotated.reshape(shape), -1, axis + 1)
        return np.ascontiguousarray(Y).reshape(X.shape[0], self.shape[0])

    def _transposed(self):
        return Kronecker(*(f.T for f in self._parts))

    def _mapped(self, function):
        return Kronecker(*(f._mapped(function) for f in self._parts))

    def _scaled(self, scalar):
        first, *others = self._parts
        return Kronecker(first._scaled(scalar), *others)
