"""Structures that are products of Kronecker-sparse factors."""

import math
from dataclasses import replace
from itertools import pairwise

from sklearn.base import BaseEstimator

from skfrugal import operators
from skfrugal._validation import check_positive_int
from skfrugal.operators._patterns import chain_n_values, pair_rank
from skfrugal.solvers._accuracy import without_waste
from skfrugal.solvers._butterfly import row_weighted_factorization
from skfrugal.solvers._target import check_matrix
from skfrugal.structures._checks import check_row_weight, check_shape


class Chained(BaseEstimator):
    """Products of Kronecker-sparse factors; subclasses say which chain."""

    def project(self, matrix, *, row_weight=None, random_state=None):
        """Approximate a matrix by a product of this structure, certified.

        Parameters
        ----------
        matrix : array-like of shape (M, N)
        row_weight : array-like of shape (M,), default=None
            Weights >= 0 of the rows in the squared norm.  Rows of weight zero are
            free: they get the best fit of their own row given all the others.
        random_state : ignored
            Here for structures whose projection draws numbers.

        Returns
        -------
        result : Factorization
            `error` and the bounds are absolute, in the weighted norm.
        """
        matrix = check_matrix(matrix, "matrix")
        chain = self.chain(matrix.shape)
        row_weight = check_row_weight(row_weight, matrix)
        result = row_weighted_factorization(matrix, chain, row_weight)
        return replace(result, message=f"{self._describe(chain)} {result.message}")

    def random(self, shape, random_state=None):
        """A random operator of this structure; entries of variance about 1 / N."""
        return operators.random_chain(self.chain(shape), random_state=random_state)

    def n_parameters(self, shape):
        """Number of values stored for a matrix of this shape."""
        return chain_n_values(self.chain(shape))

    def _describe(self, chain):
        ranks = sorted({pair_rank(*pair) for pair in pairwise(chain)})
        if not ranks:
            return f"{self!r}: blocks of this size or rank are the dense matrix."
        clipped = "" if max(ranks) == self.rank else f", not {self.rank}: more is idle"
        return f"{self!r}: {len(chain)} factors, blocks of rank {ranks[-1]}{clipped}."


class Butterfly(Chained):
    """Products of several factors with small dense blocks (butterflies).

    Parameters
    ----------
    block_size : int, default=4
        Side, about, of the blocks of the factors.  The number of factors is
        ``log(M N) / log(block_size**2)``, rounded, and at most the number of prime
        factors of M and of N: sizes with large primes have larger blocks, and a
        prime M or N makes one dense block.
    rank : int, default=1
        Rank of the blocks of every partial product; the sides of the inner blocks are
        multiplied by it.  Where that would store more than the product of two
        neighbours they are kept as one factor, which loses nothing.

    See Also
    --------
    Monarch : Two factors, large blocks.
    skfrugal.solvers.butterfly_factorization : The projection, for any chain.

    Notes
    -----
    *Cost.* About ``rank**2 * block_size * N * log(N) / log(block_size)`` stored values
    for a square matrix, as many multiply-adds a product with a vector, against N**2.
    A projection costs O(N**2.5) multiply-adds, a dense singular value decomposition
    O(N**3).

    Examples
    --------
    >>> from skfrugal.operators import hadamard
    >>> from skfrugal.structures import Butterfly
    >>> result = Butterfly().project(hadamard(64).toarray())
    >>> result.operator.nnz, result.error < 1e-12
    (768, True)
    """

    def __init__(self, block_size=4, rank=1):
        self.block_size = block_size
        self.rank = rank

    def chain(self, shape):
        """The patterns of the factors for a matrix of this shape."""
        m, n = check_shape(shape)
        block_size = check_positive_int(self.block_size, "block_size")
        if block_size < 2:
            raise ValueError("block_size=1 leaves no blocks; pass at least 2.")
        n_factors = max(1, round(math.log(m * n) / math.log(block_size**2)))
        chain = operators.chain_from_shape(m, n, n_factors=n_factors, rank=self.rank)
        return without_waste(chain)


class Monarch(Chained):
    """Products of two factors with blocks of about square-root sides.

    Parameters
    ----------
    rank : int, default=1
        Rank of the blocks of the product.  From the rank on at which two factors
        store more than the dense matrix, the dense matrix is kept.

    See Also
    --------
    Butterfly : More factors, smaller blocks.

    Notes
    -----
    The projection is the best one: `lower_bound` is `error` up to rounding.  *Cost.*
    ``2 * rank * N**1.5`` stored values for a square matrix, and as many multiply-adds
    a product with a vector, against N**2.

    References
    ----------
    T. Dao et al., "Monarch: expressive structured matrices for efficient and
    accurate training", ICML 2022.

    Examples
    --------
    >>> from skfrugal.structures import Monarch
    >>> Monarch().n_parameters((64, 64)), Monarch(rank=2).n_parameters((64, 64))
    (1024, 2048)
    """

    def __init__(self, rank=1):
        self.rank = rank

    def chain(self, shape):
        """The patterns of the two factors for a matrix of this shape."""
        chain = operators.monarch(*check_shape(shape), rank=self.rank)
        return without_waste(operators.remove_redundancy(chain))
