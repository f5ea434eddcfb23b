"""Which integers hold points and rows: steps, offsets and rotations of a `Frame`.

They are chosen from the points and a sample of rows.
"""

from dataclasses import replace

import numpy as np

from skfrugal.operators._nearest_filter import (
    COARSE_WIDTH,
    FINE_WIDTH,
    Frame,
    aligned,
    panels,
)

# Squared norms of 16-bit rows stay below 2^29 (csrc/nearest_search.h): 23,170^2.
_NORM_16 = 22_500.0
_SAMPLE_ROWS = 256
_PLAIN = {
    "clip": False,
    "n_columns": 0,
    "basis": None,
    "basis_norms": None,
    "scale": None,
    "shift": None,
    "steps_to_grid": 1.0,
    "grid_to_coarse": 1.0,
    "residual_shift": (0.0, 0.0),
}


def sample_rows(X):
    """Rows at equal distances, from which a tier and a frame are chosen."""
    return np.ascontiguousarray(X[:: -(-len(X) // _SAMPLE_ROWS)])


def _finite_step(step, magnitude, dtype):
    """Whether differences, their products and their steps are ordinary numbers."""
    large = 1e30 if dtype == np.float32 else 1e120
    return 1 / large < step < large and magnitude < large


def frame_8bit(kernels, points, sample):
    """A frame of bytes: 255 steps over the range of the widest column, or of less if
    clipping a few values costs less than a coarser step.  None if there is none."""
    data = np.concatenate([sample, points])
    low, high = data.min(axis=0), data.max(axis=0)
    with np.errstate(over="ignore"):
        span = (high - low).astype(np.float64)
        magnitude = float(np.max(np.abs(data)))
    step = span.max() / 255
    if step == 0:
        step = 1.0
    if not _finite_step(step, magnitude, data.dtype):
        return None
    centre = points.mean(axis=0, dtype=np.float64)
    best, best_error = None, np.inf
    few = np.concatenate([sample, points[:: -(-len(points) // 256)]])
    for _ in range(6):
        frame = _frame_8bit(kernels, low, high, centre, step)
        errors = frame.prepare(few).arrays["errors"][: len(few)].astype(np.float64)
        error = errors[: len(sample)].mean()
        error += np.quantile(errors[len(sample) :], 0.97)
        if error * step >= best_error:
            break
        best, best_error = frame, error * step
        step *= 0.75
    return best


def _frame_8bit(kernels, low, high, centre, step):
    dtype = low.dtype
    inverse = float(dtype.type(1 / step))
    low, high, centre = (a.astype(np.float64) * inverse for a in (low, high, centre))
    if high.max() - low.min() < 255.25:  # one offset for all: pixels
        offset = np.full(len(low), np.rint(low.min()))
    else:  # whole steps, spare room on both sides
        spare = np.rint(low) - np.floor(np.maximum(255 - (high - low), 0) / 2)
        inside = np.clip(centre - 127.5, low, np.maximum(high - 255, low))
        offset = np.where(high - low < 255.25, spare, np.rint(inside))
    clip = bool(np.any(low < offset - 0.4) or np.any(high > offset + 255.4))
    padded = aligned(np.zeros(-(-len(low) // 64) * 64, dtype))
    padded[: len(low)] = offset
    frame = Frame(kernels, 8, padded, len(low), inverse, **_PLAIN)
    return replace(frame, clip=clip)


def frame_16bit(kernels, points, sample):
    """A frame of 16-bit numbers, centred; None if there is none."""
    dtype = points.dtype
    with np.errstate(over="ignore", invalid="ignore"):
        centre = points.mean(axis=0, dtype=np.float64).astype(dtype)
        sizes = [
            np.sqrt(np.sum((np.subtract(a, centre, dtype=np.float64)) ** 2, axis=1))
            for a in (points, sample)
        ]
        radius = max(sizes[0].max(), 2 * np.quantile(sizes[1], 0.95))
    step = radius / _NORM_16
    if radius == 0 and not (points.any() or sample.any()):
        step = 1.0
    if not _finite_step(step, float(np.max(np.abs(points))), dtype):
        return None
    inverse = float(dtype.type(1 / step))
    return Frame(kernels, 16, aligned(centre), len(centre), inverse, **_PLAIN)


def _orthonormal_columns(W):
    """Orthonormal columns spanning those of `W`, the longest direction first."""
    W = W.astype(np.float64)
    values, vectors = np.linalg.eigh(W.T @ W)
    kept = values > 1e-12 * values.max(initial=0)
    return W @ (vectors[:, kept] / np.sqrt(values[kept]))[:, ::-1]


def leading_directions(frame, points, sample):
    """The copies of points and sample, and what most of them consists of.

    Returns
    -------
    A : ndarray of shape (n_points + n_sample, n_features), float32
        Copies.
    V : ndarray of shape (64, n_features)
        Orthonormal rows near the leading right singular vectors of `A`: two steps of
        subspace iteration from random columns.
    """
    A = np.concatenate([_copies(frame, points), _copies(frame, sample)])
    return A, _subspace(A[:: -(-len(A) // 1024)], FINE_WIDTH)


def _copies(frame, X):
    dtype, bias = (np.uint8, 128) if frame.bits == 8 else (np.int16, 0)
    copy = frame.prepare(X).arrays["copy"][: len(X)]
    return (copy.view(dtype) ^ dtype(bias)).astype(np.float32)


def _subspace(A, n_columns):
    n_rows, n_features = A.shape
    size = min(n_columns + 8, n_features, n_rows)
    Q = np.random.RandomState(0).standard_normal((n_features, size))
    for _ in range(2):
        Q = _orthonormal_columns(A.T @ (A @ Q.astype(np.float32)))
    V = np.zeros((n_columns, n_features))
    V[: Q.shape[1]] = Q.T[:n_columns]
    return V


def rotated(frame, n_points, A, V, n_columns):
    """The same frame with a rotation to the first `n_columns` of `leading_directions`.

    The rotation need not be orthonormal: its rows are rounded, and its scale is divided
    by the largest singular value, so that it lengthens no vector.
    """
    kernels, bits = frame.kernels, frame.bits
    dtype = np.uint8 if bits == 8 else np.int16
    bias = 128 if bits == 8 else 0
    V = V[:n_columns].copy()
    if bits == 8:  # coarse coordinates of one range waste no bits
        mix = np.random.RandomState(0).standard_normal((COARSE_WIDTH - 1,) * 2)
        V[: COARSE_WIDTH - 1] = np.linalg.qr(mix)[0] @ V[: COARSE_WIDTH - 1]
    largest = np.abs(V).max(axis=1, keepdims=True)
    largest[largest == 0] = 1
    unit = largest / 127 if bits == 8 else np.full((n_columns, 1), 1 / 20_000)
    P = np.rint(V / unit)
    rotation = P * unit
    norm = np.sqrt(np.linalg.eigvalsh(rotation @ rotation.T)[-1]) * (1 + 1e-9) or 1.0
    used = frame.n_units * 32 // bits
    basis_norms = np.zeros(n_columns, dtype=np.int32)
    if bits == 8:
        basis_norms -= (256 * P.sum(axis=1)).astype(np.int32) + 32768 * used
    basis = (P + bias).astype(dtype)
    raw_to_steps = -unit[:, 0] / (2 * norm)
    out = replace(
        frame,
        n_columns=n_columns,
        basis=panels(basis, frame.n_units, min(kernels.point_panel, n_columns)),
        basis_norms=basis_norms,
        **_grid(A, rotation / norm, n_points),
    )
    return replace(out, scale=aligned(raw_to_steps * out.steps_to_grid))


def _grid(A, rotation, n_points):
    """Grid and shifts under which points and nearly all rows fit 16 bits; the coarse
    grid holds all coordinates of the points in 8."""
    Z = (A @ rotation.T.astype(np.float32)).astype(np.float64)
    total = np.einsum("ij,ij->i", A, A)
    shift = Z[:n_points].mean(axis=0)
    sizes, residual_shift = [], []
    for width in (FINE_WIDTH, COARSE_WIDTH):
        kept = Z[:, : width - 1]
        rest = np.sqrt(np.maximum(total - np.sum(kept**2, axis=1), 0))
        residual_shift.append(float(rest[:n_points].mean()))
        centred = kept - shift[: width - 1]
        rest -= residual_shift[-1]
        sizes.append(np.sqrt(np.sum(centred**2, axis=1) + rest**2))
    largest = max(np.abs(centred[:n_points]).max(), np.abs(rest[:n_points]).max())
    size = np.max(sizes, axis=0)
    radius = max(size[:n_points].max(), 2 * np.quantile(size[n_points:], 0.95))
    to_grid = _NORM_16 / radius if radius > 0 else 1.0
    return {
        "steps_to_grid": to_grid,
        "grid_to_coarse": 127 / (largest * to_grid) if largest > 0 else 1.0,
        "shift": aligned(shift * to_grid),
        "residual_shift": tuple(r * to_grid for r in residual_shift[::-1]),
        "scale": None,
    }
