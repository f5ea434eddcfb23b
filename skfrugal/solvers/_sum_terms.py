"""The terms of a sum: each knows its best, or a better, approximation of a matrix.

``fit(matrix, state)`` returns a state no farther from the matrix than `state` (None at
the start), ``dense(state)`` its matrix, and ``finish(state, exponent, dtype)`` the
operator of ``2**exponent`` times it and that operator's matrix without the scale.
"""

import numpy as np
import scipy.sparse as sp

from skfrugal.operators import KroneckerSparse, LowRank, SparseFactor
from skfrugal.operators._blocks import adjoint, restrict
from skfrugal.operators._patterns import chain_n_values
from skfrugal.solvers._projection import as_operator
from skfrugal.solvers._splits import (
    fuse_chain,
    join,
    split_chain,
    with_orthonormal_rows,
    without_redundancy,
)
from skfrugal.solvers._sweeps import half_sweep
from skfrugal.solvers._target import in_common_scale, scale


class LowRankTerm:
    """Matrices of a rank, in a norm with weights of the rows (their roots)."""

    def __init__(self, rank, root):
        self.rank, self.root = rank, root

    def fit(self, matrix, state):
        """Truncated singular value decomposition: the nearest one."""
        weighted = matrix if self.root is None else self.root * matrix
        m, n = weighted.shape
        if m > n:
            weighted = np.linalg.qr(weighted, mode="r")
        elif n > m:
            # The rows of the matrix are combinations of those of q^*.
            q, r = np.linalg.qr(adjoint(weighted))
            return self._rows(matrix, np.linalg.svd(adjoint(r))[2] @ adjoint(q))
        return self._rows(matrix, np.linalg.svd(weighted)[2])

    def _rows(self, matrix, right):
        right = right[: self.rank]
        return matrix @ adjoint(right), right

    def dense(self, state):
        return state[0] @ state[1]

    def finish(self, state, exponent, dtype):
        (left, right), (one, two) = in_common_scale(state, exponent, dtype)
        return LowRank(left, right), one @ two


class SparseTerm:
    """Matrices with a number of entries, in a norm with weights of the rows."""

    def __init__(self, n_nonzero, root):
        self.n_nonzero, self.root = n_nonzero, root

    def fit(self, matrix, state):
        """The largest entries: the nearest one."""
        size = np.abs(matrix if self.root is None else self.root * matrix).ravel()
        kept = np.argpartition(-size, self.n_nonzero - 1)[: self.n_nonzero]
        sparse = np.zeros(matrix.size, matrix.dtype)
        sparse[kept] = matrix.ravel()[kept]
        return sparse.reshape(matrix.shape)

    def dense(self, state):
        return state

    def finish(self, state, exponent, dtype):
        (stored,), (rounded,) = in_common_scale([state], exponent, dtype)
        return SparseFactor(sp.csr_array(stored)), rounded


class ChainTerm:
    """Products of a chain: split first, then swept."""

    def __init__(self, chain):
        self.chain, self.splits = without_redundancy(chain, range(len(chain) - 1))
        self.pattern = join(self.chain, 0, len(self.chain))
        self.n_values = chain_n_values(self.chain)

    def fit(self, matrix, state):
        values = restrict(matrix, self.pattern)
        if state is None or len(self.chain) < 3:
            # One junction at most: this is the nearest product.
            return split_chain(values, self.chain, self.splits)
        factors = with_orthonormal_rows(state, self.chain)
        for rightwards in (True, False):
            factors = half_sweep(values, self.chain, factors, 2, rightwards)
        return factors

    def dense(self, state):
        return KroneckerSparse(fuse_chain(state, self.chain)).toarray()

    def finish(self, state, exponent, dtype):
        stored, rounded = in_common_scale(state, exponent, dtype)
        return as_operator(stored), self.dense(rounded)


def weighted_norm(matrix, root):
    """Norm of the rows times their weights."""
    return float(np.linalg.norm(matrix if root is None else root * matrix))


def in_units(length, exponent):
    """A length in the units before the scale was taken off."""
    return float(scale(np.float64(length), exponent))
