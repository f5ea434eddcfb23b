"""Structures without patterns: low rank, and no structure at all."""

import math
from dataclasses import replace

import numpy as np
from sklearn.base import BaseEstimator

from skfrugal import operators
from skfrugal._validation import check_positive_int, check_rng
from skfrugal.solvers import Factorization
from skfrugal.solvers._butterfly import row_weighted_factorization
from skfrugal.solvers._target import check_matrix
from skfrugal.structures._checks import check_row_weight, check_shape


class LowRank(BaseEstimator):
    """Products of a tall and a wide dense matrix.

    Parameters
    ----------
    rank : int, default=8
        Columns of the tall, rows of the wide matrix; clipped to the smaller side of
        the matrix, where the product is exact.

    Notes
    -----
    The projection is the truncated singular value decomposition, of the row-weighted
    matrix if there are weights: the best one.  *Cost.* ``rank * (M + N)`` stored
    values and multiply-adds a product with a vector, against M * N.

    Examples
    --------
    >>> import numpy as np
    >>> from skfrugal.structures import LowRank
    >>> result = LowRank(rank=1).project(np.diag([3.0, 2.0, 1.0]))
    >>> round(result.error**2, 6), result.operator.nnz
    (5.0, 6)
    """

    def __init__(self, rank=8):
        self.rank = rank

    def project(self, matrix, *, row_weight=None, random_state=None):
        """Best approximation of this rank; see `Butterfly.project`."""
        matrix = check_matrix(matrix, "matrix")
        m, n = matrix.shape
        row_weight = check_row_weight(row_weight, matrix)
        rank = self._rank(matrix.shape)
        if rank == min(m, n):
            eye = np.eye(rank, dtype=matrix.dtype)
            pair = (eye, matrix.copy()) if m <= n else (matrix.copy(), eye)
            message = f"{self!r}: rank {rank} is that of any {m} x {n} matrix; exact."
            operator = operators.LowRank(*pair)
            return Factorization(operator, 0.0, 0.0, 0.0, 1, True, message)
        chain = ((1, m, rank, 1), (1, rank, n, 1))
        result = row_weighted_factorization(matrix, chain, row_weight)
        left, right = (f.values.reshape(f.shape) for f in result.operator.factors)
        message = f"{self!r}: singular values from number {rank + 1} on are lost."
        return replace(result, operator=operators.LowRank(left, right), message=message)

    def random(self, shape, random_state=None):
        """A random operator of this structure; entries of variance 1 / N."""
        m, n = check_shape(shape)
        rank, rng = self._rank(shape), check_rng(random_state)
        left = rng.standard_normal((m, rank)) / math.sqrt(rank)
        return operators.LowRank(left, rng.standard_normal((rank, n)) / math.sqrt(n))

    def n_parameters(self, shape):
        """Number of values stored for a matrix of this shape."""
        return self._rank(shape) * sum(shape)

    def _rank(self, shape):
        return min(check_positive_int(self.rank, "rank"), *check_shape(shape))


class Dense(BaseEstimator):
    """All matrices: nothing saved, nothing lost.

    Examples
    --------
    >>> from skfrugal.structures import Dense
    >>> Dense().project([[1.0, 2.0]]).error
    0.0
    """

    def project(self, matrix, *, row_weight=None, random_state=None):
        """The matrix itself; see `Butterfly.project`."""
        matrix = check_matrix(matrix, "matrix")
        check_row_weight(row_weight, matrix)
        operator = operators.Dense(matrix.copy())
        return Factorization(operator, 0.0, 0.0, 0.0, 1, True, "Dense(): exact.")

    def random(self, shape, random_state=None):
        """A random matrix; entries of variance 1 / N."""
        m, n = check_shape(shape)
        values = check_rng(random_state).standard_normal((m, n))
        return operators.Dense(values / math.sqrt(n))

    def n_parameters(self, shape):
        """Number of values stored for a matrix of this shape."""
        return math.prod(check_shape(shape))
