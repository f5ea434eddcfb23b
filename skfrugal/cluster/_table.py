"""Centroids made ready to be compared with rows, and how far to trust the result."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp

from skfrugal.operators import Dense, Operator


@dataclass(frozen=True)
class Table:
    """Centroids ready for products with rows of one dtype.

    ``origin`` (or None) is subtracted from rows and centroids before the product:
    distances do not change, but data far from zero lose no digits.  ``radius`` is the
    length of the longest centroid, then.  ``unit_roundoff`` is that of the product,
    ``norm_roundoff`` that of the sums in ``squared_norms``.
    """

    centers: np.ndarray
    origin: np.ndarray | None
    operator: Operator
    squared_norms: np.ndarray
    radius: float
    unit_roundoff: float
    norm_roundoff: float
    dtype: np.dtype

    @classmethod
    def of(cls, operator, dtype, *, shift, exact=True):
        """The table of `operator` for rows of `dtype`, centred or not.

        Norms are summed in float64, or, if not `exact`, rounded as scikit-learn's.
        """
        dtype = np.result_type(operator.dtype, dtype)
        if not isinstance(operator, Dense):
            # The product is kept; its rounding is that of the operator's own dtype.
            centers, origin = operator.toarray(), None
            local, roundoff = centers, np.finfo(operator.dtype).eps / 2
        else:
            centers, roundoff = operator.array, np.finfo(dtype).eps / 2
            local = centers.astype(dtype, copy=False)
            origin = local.mean(axis=0) if shift else None
            if shift:
                local = local - origin
                operator = Dense(local)
        norms = np.einsum("ij,ij->i", local, local, dtype=np.float64)
        lost = local.shape[1] * np.finfo(np.float64).tiny
        radius = float(np.sqrt(norms.max() + lost))
        norms = norms.astype(dtype) if exact else squared_norms(local).astype(dtype)
        return cls(
            centers=centers,
            origin=origin,
            operator=operator,
            squared_norms=norms,
            radius=radius,
            unit_roundoff=float(roundoff),
            norm_roundoff=float(np.finfo(np.float64 if exact else local.dtype).eps / 2),
            dtype=dtype,
        )

    @cached_property
    def first_copy(self):
        """Lowest index of a centroid with the same coordinates, for each centroid."""
        _, first, inverse = np.unique(
            self.centers, axis=0, return_index=True, return_inverse=True
        )
        return first[inverse.reshape(-1)]

    @cached_property
    def refined(self):
        """A table that decides more for sparse rows, or None where this one is it."""
        is_dense = isinstance(self.operator, Dense)
        if is_dense and self.centers.dtype == self.dtype == np.float64:
            return None
        centers = Dense(self.centers.astype(np.float64, copy=False))
        return Table.of(centers, np.float64, shift=False)

    @cached_property
    def subtrahend(self):
        """Centroids to be subtracted from sparse rows: sparse where that is less work.

        An entry of a sparse difference costs about eight of a dense one.
        """
        is_sparse = 8 * np.count_nonzero(self.centers) < self.centers.size
        return sp.csr_array(self.centers) if is_sparse else self.centers

    def local(self, X):
        """Rows in the coordinates of the table."""
        X = X.astype(self.dtype, copy=False)
        return X if self.origin is None else X - self.origin

    def scores(self, x):
        """``|c|^2 - 2 x c`` for local rows, in the dtype of the table."""
        scores = x @ self.operator.T
        scores *= -2
        scores += self.squared_norms
        return scores

    def slack(self, x):
        """Bound on the rounding error of the scores of each local row.

        Let r be the radius.  A product of m terms errs by ``m u |x| r`` at most, in
        any order and without terms in u^2 (Jeannerod and Rump, 2013); the sum
        ``|c|^2`` by ``d u' r^2``, u' being `norm_roundoff`.  The eights cover the
        rounding of coordinates, casts, sums and of this bound, the factor that of |x|.
        Dense rows have m = d, sparse ones as many terms as they store, but for
        structured centroids, whose factors mix the features.

        What underflows counts as `tiny`.  Where a score could overflow, so does the
        bound.
        """
        n_features, u = self.centers.shape[1], self.unit_roundoff
        tiny = np.finfo(self.dtype).tiny
        n_terms = n_features
        if sp.issparse(x) and isinstance(self.operator, Dense):
            n_terms = np.diff(x.indptr).astype(self.dtype)
        length = np.sqrt(squared_norms(x) + n_terms * tiny)
        twice = 4 * self.radius * length
        products = (n_terms + 8) * (u / 2 * (1 + n_terms * u) * twice + tiny)
        norms = (8 * u + n_features * self.norm_roundoff) * self.radius * self.radius
        return products + norms

    def differences(self, X, rows, columns):
        """``X[rows] - centers[columns]`` in float64; sparse only where both are."""
        if sp.issparse(X):
            return sp.csr_array(X)[rows].astype(np.float64) - self.subtrahend[columns]
        return np.subtract(X[rows], self.centers[columns], dtype=np.float64)

    def n_entries(self, X):
        """Numbers that a row of `differences` stores, at most."""
        if sp.issparse(X) and sp.issparse(self.subtrahend):
            return sum(np.diff(A.indptr).max() for A in (X, self.subtrahend))
        return X.shape[1]


def squared_norms(x):
    """Squared lengths of dense or sparse rows, in their dtype."""
    if sp.issparse(x):
        return np.asarray(x.multiply(x).sum(axis=1)).ravel()
    return np.einsum("ij,ij->i", x, x)


def exponents(x):
    """Exponent of two of the largest entry of each row."""
    largest = abs(x).max(axis=1)
    return np.frexp(largest.toarray().ravel() if sp.issparse(x) else largest)[1]


def scaled_squared_norms(x, exponent):
    """Squared lengths of the rows times ``2**-exponent``.

    Powers of two that bring the rows near one: no square overflows or underflows
    where it matters, and no digit changes.
    """
    if sp.issparse(x):
        x = x.copy()
        x.data = np.ldexp(x.data, -np.repeat(exponent, np.diff(x.indptr)))
        return squared_norms(x)
    return squared_norms(np.ldexp(x, -exponent[:, np.newaxis]))
