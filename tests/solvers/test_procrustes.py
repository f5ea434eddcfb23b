"""Orthogonal factors by Procrustes sweeps: monotone, orthogonal, exact if planted."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skfrugal.operators import (
    KroneckerSparse,
    Product,
    chain_from_factors,
    hadamard,
    radix,
    random_butterfly,
    square_dyadic,
)
from skfrugal.solvers import procrustes_sweeps
from skfrugal.solvers._procrustes import polar


def _gaussian(n, seed, is_complex=False):
    rng = np.random.RandomState(seed)
    A = rng.standard_normal((n, n))
    return A + 1j * rng.standard_normal((n, n)) if is_complex else A


@pytest.mark.parametrize("is_complex", [False, True])
@pytest.mark.parametrize(
    "chain", [square_dyadic(16), radix(16, 4), chain_from_factors((2, 4, 2), (2, 4, 2))]
)
def test_procrustes_never_raises_the_error_and_stays_orthogonal(chain, is_complex):
    A = _gaussian(16, 0, is_complex)
    result = procrustes_sweeps(A, chain, max_iter=40, tol=0, random_state=0)
    errors = np.array(result.objectives)
    total = np.linalg.norm(A) ** 2 + 16
    assert (np.diff(errors**2) <= 1e-14 * total).all()
    for factor in result.operator.factors:
        Q = factor.toarray()
        assert_allclose(Q @ Q.conj().T, np.eye(16), atol=1e-13)
    distance = np.linalg.norm(A - result.operator.toarray())
    assert_allclose(result.error, distance, rtol=1e-12)
    assert result.lower_bound <= result.error
    assert result.upper_bound is None


def test_procrustes_of_one_dense_block_is_the_polar_factor():
    A = _gaussian(12, 1)
    u, s, v = np.linalg.svd(A)
    result = procrustes_sweeps(A, [(1, 12, 12, 1)])
    assert_allclose(result.operator.toarray(), u @ v, atol=1e-13)
    assert_allclose(result.error, result.lower_bound, rtol=1e-12)
    assert_allclose(result.lower_bound, np.linalg.norm(s - 1), rtol=1e-12)


def test_procrustes_update_is_the_best_of_the_factor():
    # Against a slow twin: the polar factor of each block of L^T A R^T, cut out.
    chain, A = square_dyadic(8), _gaussian(8, 2)
    result = procrustes_sweeps(A, chain, max_iter=3, tol=0, n_init=1, random_state=0)
    *others, last = [factor.toarray() for factor in result.operator.factors]
    inner = np.linalg.multi_dot(others).T @ A
    expected = np.zeros((8, 8))
    for i in range(0, 8, 2):
        u, _, v = np.linalg.svd(inner[i : i + 2, i : i + 2])
        expected[i : i + 2, i : i + 2] = u @ v
    assert_allclose(last, expected, atol=1e-12)


@pytest.mark.parametrize("n", [16, 64])
def test_procrustes_recovers_orthogonal_butterflies(n):
    targets = [hadamard(n).toarray() / np.sqrt(n)]
    targets.append(random_butterfly(n, orthogonal=True, random_state=0).toarray())
    for target in targets:
        result = procrustes_sweeps(
            target, square_dyadic(n), max_iter=500, tol=1e-14, random_state=0
        )
        assert result.error <= 1e-5 * np.sqrt(n)


def test_procrustes_of_a_haar_matrix_is_nearer_than_a_stranger():
    Q = np.linalg.qr(_gaussian(64, 3))[0]
    result = procrustes_sweeps(Q, square_dyadic(64), random_state=0, tol=1e-4)
    # Two strangers are sqrt(2) sqrt(N) apart; the handbook reaches 1.11.
    assert result.error / 8 == pytest.approx(1.11, abs=0.03)


def test_procrustes_projection_of_blocks_is_the_nearest():
    rng = np.random.RandomState(4)
    values = rng.standard_normal((2, 3, 3, 4))
    near = polar(values)
    dense = KroneckerSparse(near).toarray()
    assert_allclose(dense @ dense.T, np.eye(24), atol=1e-13)
    for _ in range(50):
        other = polar(rng.standard_normal((2, 3, 3, 4)))
        assert np.linalg.norm(values - near) < np.linalg.norm(values - other)


@pytest.mark.parametrize("dtype", [np.float32, np.complex64, np.float64])
@pytest.mark.parametrize("size", [0.0, 1e-30, 1e30])
def test_procrustes_takes_any_scale(size, dtype):
    A = (size * _gaussian(16, 5)).astype(dtype)
    A.flags.writeable = False
    result = procrustes_sweeps(
        A, square_dyadic(16), max_iter=5, tol=0, n_init=1, random_state=0
    )
    assert isinstance(result.operator, Product)
    assert result.operator.dtype == dtype
    Q = result.operator.toarray()
    assert_allclose(Q @ Q.conj().T, np.eye(16), atol=1e-5)
    distance = np.linalg.norm(A.astype(np.complex128) - Q)
    assert_allclose(result.error, distance, rtol=1e-5)


@pytest.mark.parametrize(
    "A, chain, words",
    [
        (np.eye(4), [(1, 2, 4, 2), (2, 4, 2, 1)], "blocks of 2 x 4, which cannot be"),
        (np.eye(4), square_dyadic(8), r"A has shape \(4, 4\) but chain"),
        (np.full((4, 4), np.inf), square_dyadic(4), "NaN or infinity"),
        (np.eye(4), [(2, 2, 2, 1), (1, 2, 2, 2)], "not chainable"),
    ],
)
def test_procrustes_refuses_bad_input_with_one_sentence(A, chain, words):
    with pytest.raises(ValueError, match=words):
        procrustes_sweeps(A, chain)
