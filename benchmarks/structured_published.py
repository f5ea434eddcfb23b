"""Centroids by the update that was published: a chain of factors by palm4MSA."""

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import scipy.sparse as sp
from sklearn.base import BaseEstimator

from skfrugal.constraints import KSparseRows, KSparseRowsColumnsUnion
from skfrugal.operators import Product, SparseFactor
from skfrugal.solvers import Schedule, hierarchical_palm4msa, palm4msa

# Sweeps of a stage and of an update.
SWEEPS = 100
# A cluster without rows counts as this part of one row.
_LIGHTEST = 1e-3


class PublishedChain(BaseEstimator):
    """Structure of QuicK-means: J factors, k entries in each row and column, about.

    The first call splits factors off one after the other; later ones go on from the
    factors of the last by plain palm4MSA, both in the published variant.  Rows are
    weighted by the roots of the counts, which the first factor absorbs.

    Parameters
    ----------
    n_factors : int or None, default=None
        None means the base-2 logarithm of the shorter side, rounded.
    k : int, default=3
    sweeps : int, default=100
        Of a stage of the first call, and of each later one.
    """

    def __init__(self, n_factors=None, k=3, sweeps=SWEEPS):
        self.n_factors = n_factors
        self.k = k
        self.sweeps = sweeps

    def project(self, matrix, *, row_weight=None, random_state=None, start=None):
        """Factors of the row-weighted matrix; the weights are then divided out."""
        roots = np.ones(len(matrix))
        if row_weight is not None:
            roots = np.sqrt(np.maximum(row_weight, _LIGHTEST))
        target = matrix.astype(np.float64) * roots[:, np.newaxis]
        schedule = self._schedule(matrix.shape)
        loop = {"variant": "published", "max_iter": self.sweeps}
        if getattr(self, "_last", None) is None:
            result = hierarchical_palm4msa(target, schedule, **loop)
        else:
            (first, *others), lam = self._last
            first = first * roots[:, np.newaxis]
            norm = np.linalg.norm(first)
            result = palm4msa(
                target,
                schedule.constraints,
                order="l2r" if schedule.side == "left" else "r2l",
                inner_sizes=[min(matrix.shape)] * schedule.n_levels,
                init=([first / norm, *others], lam * norm),
                **loop,
            )
        factors, lam = result.state
        self._last = ([factors[0] / roots[:, np.newaxis], *factors[1:]], lam)
        first, *others = (factor.toarray() for factor in result.operator.factors)
        sparse = [
            SparseFactor(sp.csr_array(factor.astype(matrix.dtype)))
            for factor in (first / roots[:, np.newaxis], *others)
        ]
        return replace(result, operator=Product(*sparse))

    def n_parameters(self, shape):
        """About: rows and columns choose entries of their own."""
        sizes = [shape[0], *[min(shape)] * (self._n_factors(shape) - 1), shape[1]]
        return sum(self.k * (m + n) for m, n in pairwise(sizes))

    def _n_factors(self, shape):
        return self.n_factors or max(2, round(math.log2(min(shape))))

    def _schedule(self, shape):
        """The oblong factor first; a residual loses half of its entries each time."""
        size = min(shape)
        n_factors = self._n_factors(shape)
        factor = KSparseRowsColumnsUnion(self.k)
        left = [
            KSparseRows(max(self.k, math.ceil(size / 2**level)))
            for level in range(1, n_factors - 1)
        ]
        side = "right" if shape[0] <= shape[1] else "left"
        return Schedule((factor,) * (n_factors - 1), (*left, factor), side=side)
