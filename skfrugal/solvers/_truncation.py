"""Rank truncation of stacks of small blocks, and the energy that it loses."""

import numpy as np

from skfrugal._kernels._closed_form import (
    leading_pairs,
    residual_energies,
    split_row_pairs,
)
from skfrugal._kernels._eigenvalue import largest_eigenvalues
from skfrugal.operators._blocks import adjoint

# Above this fraction of a block's energy, trace - largest eigenvalue keeps 13 digits
# of the tail; below it the tail is summed from the residual of the leading pair.
CANCELLATION = 1e-2
# The leading pair of such a block gains two digits a step, its residual four: a column
# of the Gram matrix and four steps more add 1e-16 of the tail for sides up to 64.
N_POWER_STEPS = 4


def truncate(grid, rank):
    """Best approximation of rank `rank` of each block.

    Parameters
    ----------
    grid : ndarray of shape (n, k, b, c), float64 or complex128
    rank : int, at most min(b, c)

    Returns
    -------
    left : ndarray of shape (n, k, b, rank)
        Orthonormal columns, also where a block is zero or of lower rank.
    right : ndarray of shape (n, k, rank, c)
        ``left^* grid``.
    """
    n, k, b, c = grid.shape
    if rank == 1 and b == 2:
        left = np.empty((n * k, 2), grid.dtype)
        right = np.empty((n * k, c), grid.dtype)
        leading_pairs(_flat(grid), left, right)
        return left.reshape(n, k, 2, 1), right.reshape(n, k, 1, c)
    left = _leading_vectors(grid, rank)
    return left, adjoint(left) @ grid


def truncate_rows(values, n_groups):
    """`truncate` to rank one of the blocks of a chain whose first factor has two rows.

    Parameters
    ----------
    values : ndarray of shape (a, 2 s, n_groups c, 1), C-contiguous
        Of the pattern of the whole chain.
    n_groups : int
        Groups of columns in each of the `a` parts.

    Returns
    -------
    left : ndarray of shape (a n_groups, s, 2, 1)
    right : ndarray of shape (a n_groups, s, c, 1)
        Values of the other factors' pattern.
    lost : float
        Squared error.
    """
    a, b, c, _ = values.shape
    grid = values.reshape(a, 2, b // 2, n_groups, c // n_groups)
    left = np.empty((a, n_groups, b // 2, 2), values.dtype)
    right = np.empty((a, n_groups, b // 2, c // n_groups), values.dtype)
    lost = split_row_pairs(grid, left, right)
    shape = (a * n_groups, b // 2, -1, 1)
    return left.reshape(shape), right.reshape(shape), lost


def _leading_vectors(grid, rank):
    """Leading left singular vectors; oblong blocks are first reduced by a QR."""
    b, c = grid.shape[-2:]
    if b > c:
        q, r = np.linalg.qr(grid)
        return q @ np.linalg.svd(r)[0][..., :rank]
    if c > b:
        grid = adjoint(np.linalg.qr(adjoint(grid), mode="r"))
    return np.linalg.svd(grid)[0][..., :rank]


def tail_energy(grid, rank):
    """Squared distance of the stack `grid` to the blocks of rank `rank`.

    Always a sum of squares, or of relative accuracy as good as one: differences of
    squares would put a floor of 1e-8 under the distance.
    """
    if grid.shape[-2] > grid.shape[-1]:
        grid = grid.swapaxes(-1, -2)
    n, k, b, _ = grid.shape
    if rank >= b:
        return 0.0
    if rank > 1:
        tails = np.linalg.svd(grid, compute_uv=False)[..., rank:]
        return float(np.sum(tails**2))
    if b == 2:
        energies = np.empty(n * k)
        residual_energies(_flat(grid), energies)
        return float(energies.sum())
    return _rank_one_tail(grid)


def _flat(grid):
    return np.ascontiguousarray(grid).reshape(-1, *grid.shape[-2:])


def _rank_one_tail(grid):
    # The Gram matrices of the short side cost one product; only their largest
    # eigenvalue is needed, which is three times cheaper than all of them.
    grams = _flat(grid @ adjoint(grid))
    traces = np.trace(grams, axis1=1, axis2=2).real
    tails = traces - _largest_eigenvalues(grams)
    small = tails < CANCELLATION * traces
    total = float(tails[~small].sum())
    if small.any():
        chosen = slice(None) if small.all() else small
        total += _residual_energy(_flat(grid)[chosen], grams[chosen])
    return total


def _largest_eigenvalues(grams):
    if np.iscomplexobj(grams):
        return np.linalg.eigvalsh(grams)[:, -1]
    n_blocks, side, _ = grams.shape
    eigenvalues = np.empty(n_blocks)
    largest_eigenvalues(grams.copy(), np.empty((3, side)), eigenvalues)
    return eigenvalues


def _residual_energy(flat, grams):
    """Energy left by the leading pairs of blocks whose tail is small."""
    largest = np.argmax(np.einsum("ijj->ij", grams).real, axis=1)
    vectors = grams[np.arange(len(grams)), :, largest][:, :, np.newaxis]
    for _ in range(N_POWER_STEPS):
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        vectors = grams @ (vectors / np.where(norms > 0, norms, 1))
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors = vectors / np.where(norms > 0, norms, 1)
    residual = flat - vectors @ (adjoint(vectors) @ flat)
    return float(np.sum(np.square(residual.view(np.float64))))
