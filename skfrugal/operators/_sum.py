"""A sum of operators."""

import numpy as np

from skfrugal.operators._base import Operator
from skfrugal.operators._composite import Composite, flatten


class Sum(Composite):
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
        self._parts = flatten(Sum, terms)
        shape = self._parts[0].shape
        for position, term in enumerate(self._parts):
            if term.shape != shape:
                raise ValueError(
                    f"Shapes do not match in a sum: {shape} of term 0 and "
                    f"{term.shape} of term {position}."
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
        return _total(term._compute(X) for term in self._parts)

    def _sparse_rows(self, X):
        return _total(term._sparse_rows(X) for term in self._parts)

    def toarray(self):
        """Dense matrix."""
        return _total(term.toarray() for term in self._parts)

    def _transposed(self):
        return Sum(term.T for term in self._parts)

    def _mapped(self, function):
        return Sum(term._mapped(function) for term in self._parts)

    def _scaled(self, scalar):
        return Sum(term._scaled(scalar) for term in self._parts)


def _total(arrays):
    """Sum of arrays, the first of which may be someone else's."""
    total, *others = arrays
    for array in others:
        total = total + array
    return total


Operator._sum_class = Sum
