"""Closed form with weights, and with ranks for a prescribed accuracy."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from skfrugal.operators import (
    Dense,
    chain_from_factors,
    monarch,
    radix,
    random_chain,
    square_dyadic,
)
from skfrugal.operators._patterns import chain_n_values
from skfrugal.solvers import Sweeps, butterfly_factorization

RAGGED = chain_from_factors((2, 3, 2, 2), (3, 2, 2, 3), rank=(1, 2, 1))


def _gaussian(shape, seed=0, is_complex=False):
    rng = np.random.RandomState(seed)
    A = rng.standard_normal(shape)
    return A + 1j * rng.standard_normal(shape) if is_complex else A


@pytest.mark.parametrize("is_complex", [False, True])
def test_weights_are_those_of_the_weighted_matrix(is_complex):
    rng = np.random.RandomState(5)
    A = _gaussian((24, 36), 5, is_complex)
    u, v = rng.uniform(0.1, 3, 24), rng.uniform(0.1, 3, 36)
    result = butterfly_factorization(A, RAGGED, weights=(u, v))
    twin = butterfly_factorization(u[:, np.newaxis] * A * v, RAGGED)
    for name in ("error", "lower_bound", "upper_bound"):
        assert_allclose(getattr(result, name), getattr(twin, name), rtol=1e-12)
    weighted = u[:, np.newaxis] * result.operator.toarray() * v
    assert_allclose(weighted, twin.operator.toarray(), atol=1e-12)


def test_weights_change_the_optimum_of_two_factors():
    rng = np.random.RandomState(6)
    A, u = _gaussian((16, 16), 6), rng.uniform(0.1, 10, 16)
    plain = butterfly_factorization(A, monarch(16, 16)).operator.toarray()
    result = butterfly_factorization(A, monarch(16, 16), weights=(u, None))
    assert result.error < np.linalg.norm(u[:, np.newaxis] * (A - plain))
    assert_allclose(result.error, result.lower_bound, rtol=1e-12)


def test_weights_of_zero_mask_rows_and_columns():
    A = random_chain(RAGGED, random_state=7).toarray()
    spoilt = A.copy()
    spoilt[3], spoilt[:, 5] = 100, -100
    u, v = np.ones(24), np.ones(36)
    u[3] = v[5] = 0
    sweeps = Sweeps(max_iter=3000, tol=0)
    result = butterfly_factorization(spoilt, RAGGED, weights=(u, v), sweeps=sweeps)
    assert result.lower_bound is None
    distance = u[:, np.newaxis] * (A - result.operator.toarray()) * v
    assert np.linalg.norm(distance) == pytest.approx(result.error, abs=1e-10)
    assert result.error < 1e-3 * np.linalg.norm(A)


@settings(max_examples=150, deadline=None)
@given(
    rows=st.lists(st.integers(1, 4), min_size=1, max_size=4),
    max_error=st.sampled_from([0.0, 1e-10, 1e-6, 1e-3, 0.1, 0.5, 0.9]),
    smooth=st.booleans(),
    order=st.sampled_from(["l2r", "r2l", "balanced"]),
    dtype=st.sampled_from([np.float32, np.float64, np.complex64, np.complex128]),
    seed=st.integers(0, 2**32 - 1),
)
def test_accuracy_prescribed_is_reached(rows, max_error, smooth, order, dtype, seed):
    rng = np.random.RandomState(seed)
    columns = rng.randint(1, 5, size=len(rows))
    shape = (math.prod(rows), int(columns.prod()))
    A = rng.standard_normal(shape)
    if smooth:
        x, y = np.sort(rng.uniform(size=shape[0])), np.sort(rng.uniform(size=shape[1]))
        A = 1 / (1 + 5 * np.abs(x[:, np.newaxis] - y))
    A = A.astype(dtype)
    chain = chain_from_factors(rows, columns.tolist())
    result = butterfly_factorization(A, chain, order=order, max_error=max_error)
    norm = np.linalg.norm(A.astype(np.complex128))
    distance = np.linalg.norm(A - result.operator.toarray().astype(np.complex128))
    # The reader's own rounding, once more.
    assert distance <= max_error * norm * (1 + 1e-6) + 1e-13 * norm
    assert result.operator.nnz <= A.size
    if isinstance(result.operator, Dense):
        assert "dense matrix is kept" in result.message


def test_accuracy_finds_the_ranks_of_a_product():
    fine = chain_from_factors((4, 4, 4), (4, 4, 4), rank=(1, 2))
    A = random_chain(fine, random_state=11).toarray()
    result = butterfly_factorization(A, radix(64, 4), max_error=1e-10)
    assert result.operator.nnz == chain_n_values(fine)
    assert result.error <= 1e-10 * np.linalg.norm(A)
    assert "ranks [1, 2]" in result.message


def test_accuracy_of_an_oscillating_kernel_saves_most_of_the_values():
    # Helmholtz-like: the handbook stores 6 % of 256 x 256 at 0.1, ranks all one.
    x = np.linspace(0, 1, 256)
    distances = np.abs(x[:, np.newaxis] - x - 2)
    A = np.exp(100j * distances) / distances
    digits = np.arange(256).reshape([2] * 8).transpose().ravel()
    result = butterfly_factorization(A[digits], square_dyadic(256), max_error=0.1)
    assert result.operator.nnz <= 0.0625 * A.size
    assert result.error <= 0.1 * np.linalg.norm(A)


def test_accuracy_without_structure_is_the_dense_matrix():
    A = _gaussian((64, 64), 12)
    result = butterfly_factorization(A, square_dyadic(64), max_error=0.1)
    assert (result.operator.toarray() == A).all()
    assert result.error == result.upper_bound == 0
    assert result.message.startswith("No structure")
