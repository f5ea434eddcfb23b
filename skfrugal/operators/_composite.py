"""What products, sums and Kronecker products have in common: parts."""

import numpy as np
import scipy.sparse as sp

from skfrugal.operators._base import Operator
from skfrugal.operators._dense import Dense
from skfrugal.operators._sparse import SparseFactor


class Composite(Operator):
    """Abstract operator that stores nothing but its parts."""

    @property
    def nnz(self):
        """Numbers stored by the parts; a part used twice counts once."""
        return sum(leaf.nnz for leaf in self._unique_leaves())

    def _arrays(self):
        return tuple(a for leaf in self._unique_leaves() for a in leaf._arrays())

    def _leaves(self):
        return tuple(leaf for part in self._parts for leaf in part._leaves())

    def _unique_leaves(self):
        """Leaves, an operator, its transpose and its conjugate counted once."""
        return tuple({id(leaf._numbers): leaf for leaf in self._leaves()}.values())


def as_operator(matrix):
    """An operator as it is; a sparse matrix or an array as one."""
    if isinstance(matrix, Operator):
        return matrix
    if sp.issparse(matrix):
        return SparseFactor(matrix)
    return Dense(matrix)


def flatten(cls, parts):
    """Operators of a flat composite, from arguments or from one iterable of them."""
    if len(parts) == 1 and not isinstance(parts[0], (Operator, np.ndarray)):
        if not sp.issparse(parts[0]):
            parts = parts[0]
    flat = []
    for part in map(as_operator, parts):
        flat.extend(part._parts if isinstance(part, cls) else (part,))
    if not flat:
        raise ValueError(f"{cls.__name__} needs at least one operator.")
    return tuple(flat)
