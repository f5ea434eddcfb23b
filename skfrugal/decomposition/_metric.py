"""Norms in which a matrix is approximated: its own, or that of its outputs on data."""

import math
from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh

from skfrugal.decomposition._moments import moments, power_of_two

# Columns count at least this fraction of the one that counts most: the values of a
# feature that is constant do not matter, but must be some numbers.
_LEAST_WEIGHT = 1e-8


@dataclass(frozen=True, eq=False)
class Metric:
    """The norm ``||A root||_F``: root mean square of what `A` makes of centred rows.

    Attributes
    ----------
    root : ndarray of shape (n_features, n_features) or None
        A square root of the second moments of the rows; None for the identity.
    columns : ndarray of shape (n_features,) or None
        Root mean squares of the features, the diagonal part of the metric.
    """

    root: np.ndarray | None = None
    columns: np.ndarray | None = None

    @classmethod
    def of_rows(cls, X, mean):
        """The metric of the outputs on the training rows."""
        seen = moments(X)
        unit = max(seen.unit, power_of_two(mean))
        outer = seen.in_unit(unit).around(mean / unit)
        values, vectors = eigh(outer)
        columns = np.sqrt(np.diagonal(outer))
        if not columns.any():
            raise ValueError(
                f"data_aware=True weighs features by their second moments, which are "
                f"all zero on X (n_samples={len(X)}); pass data_aware=False, or rows "
                f"that vary."
            )
        columns = np.maximum(columns, _LEAST_WEIGHT * columns.max())
        return cls(vectors * np.sqrt(np.maximum(values, 0.0)) * unit, columns * unit)

    def full(self, matrix):
        """Norm of the outputs."""
        return norm(matrix if self.root is None else matrix @ self.root)

    def diagonal(self, matrix):
        """Norm that counts every feature on its own."""
        return norm(matrix if self.columns is None else matrix * self.columns)


def norm(matrix):
    """Frobenius norm, also where squares overflow or underflow."""
    largest = float(np.abs(matrix).max())
    if largest == 0 or not math.isfinite(largest):
        return largest
    return largest * float(np.linalg.norm(matrix / largest))
