"""Lower bounds of distances between rows: rotated coordinates, and a copy in bytes.

    |x - c|^2  >=  |P (x - c)|^2 + (r_x - r_c)^2,     |P|_2 <= 1,
    r_x        =   sqrt(|x|^2 - |P x|^2),

as products in float32, and

    |x - c|    >=  step |u_x - u_c| - e_x - e_c

for rows rounded to a grid, u = (x - offset) / step, of which rounding took e.
"""

from dataclasses import dataclass

import numpy as np

N_COLUMNS = 64
_SAMPLE_ROWS = 1024
# Numbers of a block of rows in float64, so that it stays in cache.
_BLOCK_ENTRIES = 2**17
# Inflation of the squared radius of a row: pays for errors in the coordinates of the
# candidate, as (a + e)^2 <= (1 + t) a^2 + (1 + 1 / t) e^2.
_INFLATION = 1e-3


@dataclass(frozen=True)
class Rotated:
    """Float32 coordinates whose distances bound those of the rows from below.

    Attributes
    ----------
    coordinates : ndarray of shape (m, n_rows), float32
    scale : float
        The coordinates are those of the rows times this power of two.
    squared_norms : ndarray of shape (n_rows,)
        Of the coordinates, in float64.
    errors : ndarray of shape (n_rows,)
        Length of what rounding took from the coordinates, at most.
    """

    coordinates: np.ndarray
    scale: float
    squared_norms: np.ndarray
    errors: np.ndarray

    def scores(self, ids):
        """``|a_c|^2 - 2 a_c a_x``, to be compared with `limits`: without the norms,
        and these."""
        A = self.coordinates
        own = self._kept * self.squared_norms[ids]
        own -= (1 + 1 / _INFLATION) * np.square(self.errors[ids])
        return (-2 * A[:, ids].T) @ A, own.astype(A.dtype)

    def limits(self, distances):
        """Scores from which on a row is not within its distance.

        It is not if ``|a_x - a_c| >= distance + e_x + e_c``.  Products and sums in
        float32 move the two sides by ``(m + 16) eps (|a_x|^2 + |a_c|^2)`` at most, and
        by what underflows.
        """
        A = self.coordinates
        lost = (len(A) + 16) * float(np.finfo(A.dtype).tiny)
        radius = distances * self.scale + self.errors
        limits = (1 + _INFLATION) * np.square(radius) + lost
        limits -= self._kept * self.squared_norms
        return limits.astype(A.dtype)

    @property
    def _kept(self):
        A = self.coordinates
        return 1 - (len(A) + 16) * np.finfo(A.dtype).eps


@dataclass(frozen=True)
class Bytes:
    """Rows on a grid.

    Attributes
    ----------
    copy : ndarray of shape (n_rows, n_features), uint8
    step : float
    errors : ndarray of shape (n_rows,)
        Length of what rounding took from a row, in steps.
    """

    copy: np.ndarray
    step: float
    errors: np.ndarray


def blocks(X, shift):
    """Slices and their rows less `shift`, in float64."""
    step = max(16, _BLOCK_ENTRIES // max(1, X.shape[1]))
    for i in range(0, len(X), step):
        rows = slice(i, i + step)
        yield rows, X[rows] - shift


def grid_of(X):
    """Rows as bytes: 255 steps over the range of the widest column, or of less if
    clipping costs less than a coarser step."""
    sample = X[:: -(-len(X) // _SAMPLE_ROWS)].astype(np.float64)
    low, high = (end.astype(np.float64) for end in (X.min(axis=0), X.max(axis=0)))
    widest = float((high - low).max()) or 1.0
    middle = np.clip(np.median(sample, axis=0), low, high)
    best = np.inf
    for step in widest / 255 * 0.5 ** np.arange(8):
        # The whole range if it fits, else what lies around the median.
        offset = np.where(high - low <= 255.5 * step, low, middle - 127 * step)
        error = float(np.mean(_rounded(sample, offset, step)[1])) * step
        if error >= best:
            break
        best, chosen = error, (offset, step)
    copy, errors = np.empty(X.shape, dtype=np.uint8), np.empty(len(X))
    for rows, x in blocks(X, np.zeros(X.shape[1])):
        copy[rows], errors[rows] = _rounded(x, *chosen)
    # What rounding moved these errors by.
    size = np.abs(np.array([low, high]) - chosen[0]).max() / chosen[1] + 1
    lost = (
        8
        * X.shape[1]
        * np.finfo(np.float64).eps
        * (size + np.abs(chosen[0]).max() / chosen[1])
    )
    return Bytes(copy, float(chosen[1]), errors * (1 + 1e-9) + lost)


def _rounded(x, offset, step):
    """Nearest grid points of rows, and how far they are, in steps."""
    exact = (x - offset) / step
    grid = np.clip(np.rint(exact), 0, 255)
    exact -= grid
    return grid, np.sqrt(np.einsum("ij,ij->i", exact, exact))


def rotated(X, mean):
    """The leading directions of a sample of centred rows."""
    sample = X[:: -(-len(X) // _SAMPLE_ROWS)] - mean
    P = _leading_directions(sample, N_COLUMNS)
    coordinates = np.empty((len(P) + 1, len(X)))
    norms = np.empty(len(X))
    for rows, x in blocks(X, mean):
        z = np.matmul(P, x.T, out=coordinates[:-1, rows])
        np.einsum("ij,ij->i", x, x, out=norms[rows])
        rest = norms[rows] - np.einsum("ij,ij->j", z, z)
        coordinates[-1, rows] = np.sqrt(np.maximum(rest, 0))
    largest = float(np.sqrt(norms.max()))
    scale = float(np.ldexp(1.0, -int(np.frexp(largest)[1])))
    # Rounding to float32, and in the residual: of squares, in float64, then rooted.
    error = np.finfo(np.float32).eps
    error += np.sqrt(8 * X.shape[1] * np.finfo(np.float64).eps)
    single = (coordinates * scale).astype(np.float32)
    return Rotated(
        single,
        scale,
        np.einsum("ij,ij->j", single, single, dtype=np.float64),
        error * scale * np.sqrt(norms) + 1e-18,
    )


def _leading_directions(A, n_columns):
    """Rows near the leading right singular vectors of `A`, of spectral norm 1 at most:
    two steps of subspace iteration from random columns."""
    size = min(n_columns + 8, *A.shape)
    Q = np.random.RandomState(0).standard_normal((A.shape[1], size))
    for _ in range(2):
        Q = np.linalg.qr(A.T @ (A @ Q))[0]
    _, _, V = np.linalg.svd(A @ Q, full_matrices=False)
    P = (Q @ V.T).T[:n_columns]
    return P / max(1.0, np.sqrt(np.linalg.eigvalsh(P @ P.T)[-1]) * (1 + 1e-12))
