"""The compiled closed forms against LAPACK."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from skfrugal._kernels._closed_form import leading_pairs, residual_energies
from skfrugal._kernels._eigenvalue import largest_eigenvalues

from skfrugal.solvers._truncation import tail_energy, truncate


def _random(shape, is_complex, seed=0):
    rng = np.random.RandomState(seed)
    array = rng.standard_normal(shape)
    return array + 1j * rng.standard_normal(shape) if is_complex else array


def _pairs(blocks):
    n, _, m = blocks.shape
    left, right = np.empty((n, 2), blocks.dtype), np.empty((n, m), blocks.dtype)
    energies = np.empty(n)
    leading_pairs(blocks, left, right)
    residual_energies(blocks, energies)
    return left, right, energies


def _two_row_blocks(kind, is_complex):
    blocks = _random((40, 2, 9), is_complex)
    if kind == "parallel rows":
        blocks[:, 1] = blocks[:, 0] * _random((40, 1), is_complex, 1)
    if kind == "orthogonal rows of equal norm":
        blocks[:, :, :] = 0
        blocks[:, 0, 0] = blocks[:, 1, 1] = 1
    if kind == "first row zero":
        blocks[:, 0] = 0
    if kind == "second row zero":
        blocks[:, 1] = 0
    if kind == "zero":
        blocks[:] = 0
    if kind == "nearly parallel":
        blocks[:, 1] = blocks[:, 0] + 1e-9 * blocks[:, 1]
    if kind == "rows of very different scale":
        blocks[:, 1] *= 1e-12
    return blocks


KINDS = [
    "random",
    "parallel rows",
    "orthogonal rows of equal norm",
    "first row zero",
    "second row zero",
    "zero",
    "nearly parallel",
    "rows of very different scale",
]


@pytest.mark.parametrize("is_complex", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_closed_form_is_the_truncated_svd(kind, is_complex):
    blocks = _two_row_blocks(kind, is_complex)
    left, right, energies = _pairs(blocks)
    largest = np.linalg.norm(blocks, axis=(1, 2))
    singular_values = np.linalg.svd(blocks, compute_uv=False)
    residual = blocks - left[:, :, None] * right[:, None]
    errors = np.linalg.norm(residual, axis=(1, 2))
    slack = 16 * np.finfo(float).eps * largest
    assert_allclose(np.linalg.norm(left, axis=1), 1, rtol=1e-15)
    assert (np.abs(errors - singular_values[:, 1]) <= slack).all()
    assert (np.abs(np.sqrt(energies) - singular_values[:, 1]) <= slack).all()


@pytest.mark.parametrize("is_complex", [False, True])
@pytest.mark.parametrize("exponent", [-300, -200, -170, -100, 100, 150])
def test_closed_form_finds_the_direction_of_blocks_whose_squares_underflow(
    exponent, is_complex
):
    blocks = _random((10, 2, 5), is_complex)
    left = _pairs(blocks)[0]
    scaled_left = _pairs(blocks * 10.0**exponent)[0]
    assert_allclose(scaled_left, left, rtol=1e-12)


def test_closed_form_of_a_subnormal_block_is_exact():
    blocks = np.zeros((1, 2, 3))
    blocks[0, 1, 2] = 5e-324
    left, right, _ = _pairs(blocks)
    assert (left[:, :, None] * right[:, None] == blocks).all()


@pytest.mark.parametrize("side", [1, 2, 3, 5, 16, 33])
@pytest.mark.parametrize(
    "kind", ["random", "rank one", "identity", "zero", "clustered"]
)
def test_largest_eigenvalue_is_that_of_lapack(side, kind):
    rows = _random((20, side, 2 * side), False)
    if kind == "rank one":
        rows[:, 1:] = rows[:, :1]
    grams = rows @ rows.swapaxes(1, 2)
    if kind in ("identity", "zero"):
        grams[:] = np.eye(side) * (kind == "identity")
    if kind == "clustered":
        q = np.linalg.qr(grams)[0]
        eigenvalues = 1 + 1e-9 * np.arange(side)
        grams = (q * eigenvalues) @ q.swapaxes(1, 2)
        grams = (grams + grams.swapaxes(1, 2)) / 2
    expected = np.linalg.eigvalsh(grams)[:, -1]
    found = np.empty(20)
    largest_eigenvalues(grams.copy(), np.empty((3, side)), found)
    assert_allclose(found, expected, rtol=1e-13)


@pytest.mark.parametrize("is_complex", [False, True])
@pytest.mark.parametrize("shape", [(2, 7), (7, 2), (5, 5), (3, 8), (8, 3), (1, 4)])
@pytest.mark.parametrize("rank", [1, 2, 3])
def test_truncation_keeps_what_the_svd_keeps(shape, rank, is_complex):
    rank = min(rank, *shape)
    grid = _random((3, 4, *shape), is_complex)
    left, right = truncate(grid, rank)
    gram = left.conj().swapaxes(-1, -2) @ left
    assert_allclose(gram, np.broadcast_to(np.eye(rank), gram.shape), atol=1e-14)
    expected = np.linalg.norm(np.linalg.svd(grid, compute_uv=False)[..., rank:])
    slack = 1e-14 * np.linalg.norm(grid)
    assert abs(np.linalg.norm(grid - left @ right) - expected) <= slack
    assert abs(np.sqrt(tail_energy(grid, rank)) - expected) <= slack


@pytest.mark.parametrize("is_complex", [False, True])
@pytest.mark.parametrize("noise", [1e-16, 1e-12, 1e-8, 1e-4, 1e-2, 0.2, 1.0])
def test_tail_energy_has_no_floor_near_rank_one(noise, is_complex):
    # Differences of squares would stop at 1e-8 times the norm.
    rng_left, rng_right = (_random((4, 5, 6), is_complex, seed) for seed in (1, 2))
    grid = rng_left[..., None] * rng_right[..., None, :]
    grid = grid / np.linalg.norm(grid, axis=(-2, -1), keepdims=True)
    grid = grid + noise * _random(grid.shape, is_complex, 3)
    singular_values = np.linalg.svd(grid, compute_uv=False)
    expected = np.sqrt(np.sum(singular_values[..., 1:] ** 2))
    slack = 1e-14 * np.linalg.norm(grid)
    assert abs(np.sqrt(tail_energy(grid, 1)) - expected) <= slack
