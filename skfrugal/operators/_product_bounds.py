"""Squared norms of the rows of a product, and how far rounding can move its scores."""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

_U = np.finfo(np.float64).eps / 2


@dataclass(frozen=True)
class ProductBounds:
    """What the factors of ``C = A_1 ... A_J`` say about products ``C x``.

    Let ``P`` be ``|A_1| ... |A_J|`` and m_j the most roundings of a sum of A_j's.  The
    products of the factors, one after the other, err by
    ``(m_1 + ... + m_J) u (P |x|)_k``
    at most, without terms in u^2.

    Attributes
    ----------
    squared_norms : ndarray of shape (n_rows,), float64
        Of the rows of C, from the Gram matrix of ``A_2 ... A_J``.
    radius : float
        Length of the longest row of P.
    largest : float
        The same of ``|A_j| ... |A_J|``, j > 1, and at least 1: what an intermediate can
        reach for ``|x| = 1``.
    gain : float
        What an underflow of 1 in each number that is computed can add to a score.
    least, most : float
        Of the numbers of the factors but zero, by magnitude.
    n_terms, n_last : int
        ``m_1 + ... + m_J + J``, for their numbers may be rounded as well, and m_1.
    """

    squared_norms: np.ndarray
    radius: float
    largest: float
    gain: float
    least: float
    most: float
    n_terms: int
    n_last: int

    @classmethod
    def of(cls, matrices, sums):
        """Bounds of CSR arrays and ndarrays of float64, given m_1, ..., m_J."""
        absolute = [abs(matrix) for matrix in matrices]
        squared, _ = _squared_norms(matrices)
        above, largest = _squared_norms(absolute)
        added = np.zeros(matrices[-1].shape[1])
        for matrix, size in zip(reversed(absolute), reversed(sums), strict=True):
            added = matrix @ added + size
        values = np.concatenate([_values(matrix) for matrix in absolute])
        values = values[values > 0]
        return cls(
            squared_norms=np.maximum(squared, 0),
            radius=float(np.sqrt(above.max(initial=0.0))),
            largest=max(1.0, largest),
            gain=float(added.max()),
            least=values.min(initial=1.0),
            most=values.max(initial=1.0),
            n_terms=sum(sums) + len(sums),
            n_last=sums[0],
        )

    def trust(self, n_features, dtype):
        """(slope, offset, limit): scores ``|c|^2 / 2 - c x`` are in order if they
        differ by more than ``slope |x| + offset`` and ``|x|^2 < limit``.

        None where squares leave the range of `dtype`.
        """
        info = np.finfo(dtype)
        u, tiny, huge = float(info.eps) / 2, float(info.tiny), float(info.max) / 8
        half = float(self.squared_norms.max(initial=0.0)) / 2
        reach = max(self.largest, self.radius)
        in_range = self.radius == 0 or tiny / u**2 < half < huge
        in_range &= tiny < self.least and self.most < huge
        if not in_range or not reach < np.sqrt(huge):
            return None
        m = self.n_terms + 4
        slope = m * u * self.radius
        offset = (self.n_last + 4) * u * half
        offset += (n_features + m) * _U * self.radius**2
        offset += 2 * tiny * (self.gain + m)
        offset += slope * np.sqrt(n_features * tiny)
        # Twice, for both scores; the rest for the rounding of |x| and of this bound.
        factor = 2 * (1 + 2 * (m + n_features) * u)
        limit = min(huge / reach, np.sqrt(huge)) ** 2
        return factor * slope, factor * offset, limit


def _squared_norms(matrices):
    """Of the rows of a product, and the largest length of rows of its right parts."""
    first, *others = matrices
    right, largest = None, 0.0
    for matrix in reversed(others):
        right = matrix if right is None else matrix @ right
        if sp.issparse(right):
            right = right.toarray()
        rows = np.einsum("ij,ij->i", right, right)
        largest = max(largest, float(np.sqrt(rows.max(initial=0.0))))
    left = first if right is None else first @ (right @ right.T)
    if sp.issparse(first):
        return np.asarray(first.multiply(left).sum(axis=1)).ravel(), largest
    return np.einsum("ij,ij->i", first, left), largest


def _values(matrix):
    return matrix.data if sp.issparse(matrix) else matrix.ravel()
