"""Structures that are sums of simpler ones."""

import math
import numbers
from dataclasses import replace

import numpy as np
import scipy.sparse as sp
from sklearn.base import BaseEstimator

from skfrugal import operators
from skfrugal._validation import check_positive_int, check_rng
from skfrugal.solvers._sums import fit_terms, make_terms
from skfrugal.solvers._target import check_matrix
from skfrugal.structures._checks import check_row_weight, check_shape

# Rounds of a projection: the first ones gain nearly everything.
MAX_ROUNDS = 30
TOL = 1e-3


class LowRankPlusSparse(BaseEstimator):
    """Sums of a matrix of low rank and one with few entries.

    Parameters
    ----------
    rank : int, default=4
        Rank of the first term; clipped to the smaller side of the matrix.
    density : float, default=0.02
        Entries of the second term as a fraction of all; at least one entry.

    See Also
    --------
    LowRank : The first term alone.
    skfrugal.solvers.sum_factorization : The projection, and other sums.

    Notes
    -----
    The projection alternates the best first term and the best second one: the error
    never rises, and is at most that of either term alone, but nothing bounds it from
    below.  *Cost.* ``rank * (M + N) + density * M * N`` stored values (and an index
    for each entry of the second term) against M * N; a projection is at most 40
    singular value decompositions.

    Examples
    --------
    >>> import numpy as np
    >>> from skfrugal.structures import LowRankPlusSparse
    >>> A = np.outer(np.arange(1.0, 11.0), np.ones(10)) + 9 * np.eye(10)
    >>> result = LowRankPlusSparse(rank=1, density=0.1).project(A)
    >>> result.operator.nnz, result.error < 0.1
    (30, True)
    """

    def __init__(self, rank=4, density=0.02):
        self.rank = rank
        self.density = density

    def project(self, matrix, *, row_weight=None, random_state=None):
        """A sum of this structure near a matrix; see `Butterfly.project`."""
        matrix = check_matrix(matrix, "matrix")
        row_weight = check_row_weight(row_weight, matrix)
        root, unit = None, 1.0
        if row_weight is not None:
            unit = math.sqrt(row_weight.max())
            root = np.sqrt(row_weight)[:, np.newaxis] / unit
        rank, n_nonzero = self._sizes(matrix.shape)
        terms = make_terms(matrix.shape, rank, n_nonzero, root=root)
        # Whether the last rounds gain a thousandth is nobody's concern here.
        result = fit_terms(
            matrix,
            terms,
            root=root,
            unit=unit,
            max_iter=MAX_ROUNDS,
            tol=0,
            on_step=lambda step: step.criterion <= TOL,
        )
        message = f"{self!r}: alternating projections, monotone; no lower bound."
        return replace(
            result, converged=True, message=message, state=None, objectives=()
        )

    def random(self, shape, random_state=None):
        """A random operator of this structure; entries of variance about 1 / N."""
        m, n = check_shape(shape)
        (rank, n_nonzero), rng = self._sizes(shape), check_rng(random_state)
        left = rng.standard_normal((m, rank)) / math.sqrt(2 * rank)
        right = rng.standard_normal((rank, n)) / math.sqrt(n)
        cells = rng.choice(m * n, n_nonzero, replace=False)
        values = rng.standard_normal(n_nonzero) * math.sqrt(m / (2 * n_nonzero))
        sparse = sp.csr_array((values, np.divmod(cells, n)), shape=(m, n))
        return operators.Sum(
            operators.LowRank(left, right), operators.SparseFactor(sparse)
        )

    def n_parameters(self, shape):
        """Number of values stored for a matrix of this shape."""
        rank, n_nonzero = self._sizes(shape)
        return rank * sum(shape) + n_nonzero

    def _sizes(self, shape):
        """Rank, and number of entries of the sparse term."""
        m, n = check_shape(shape)
        is_number = isinstance(self.density, numbers.Real)
        if not is_number or not 0 <= self.density <= 1:
            raise ValueError(
                f"density={self.density!r} is not a fraction of the entries; pass a "
                f"float in [0, 1]."
            )
        rank = min(check_positive_int(self.rank, "rank"), m, n)
        return rank, max(1, math.floor(self.density * m * n * (1 + 1e-12)))


def within_budget(shape, budget, *, entry=1):
    """The sums that fill a budget: a quarter, a half, three quarters of low rank.

    `entry` is what an entry of the sparse term takes of the budget: 2 with its index.
    """
    m, n = check_shape(shape)
    ranks = {
        max(1, min(int(share * budget) // (m + n), m, n)) for share in (0.25, 0.5, 0.75)
    }
    sizes = [
        (rank, min((budget - rank * (m + n)) // entry, m * n)) for rank in sorted(ranks)
    ]
    return [
        LowRankPlusSparse(rank=rank, density=n_nonzero / (m * n))
        for rank, n_nonzero in sizes
        if n_nonzero >= 1
    ]
