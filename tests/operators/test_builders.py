"""Known matrices, against SciPy's."""

import numpy as np
import pytest
import scipy.fft
import scipy.linalg

from skfrugal import operators as ops

SIZES = [1, 2, 3, 4, 6, 8, 12, 17, 30, 49, 64]
EXACT = 1e-13


@pytest.mark.parametrize("n", [1, 2, 4, 8, 128])
def test_hadamard_equals_scipys(n):
    np.testing.assert_array_equal(ops.hadamard(n).toarray(), scipy.linalg.hadamard(n))


@pytest.mark.parametrize("scale", [None, "sqrtn", "n"])
@pytest.mark.parametrize("n", SIZES)
def test_dft_equals_scipys(n, scale):
    error = ops.dft(n, scale).toarray() - scipy.linalg.dft(n, scale)
    assert np.abs(error).max() <= EXACT


def test_dft_stores_n_times_twice_its_prime_factors():
    assert ops.dft(1024).nnz == 2 * 1024 * 10
    assert ops.dft(60).nnz == 60 * (2 + 2 + 3 + 5)


@pytest.mark.parametrize("norm", [None, "backward", "ortho", "forward"])
@pytest.mark.parametrize("type_", [1, 2, 3, 4])
@pytest.mark.parametrize("n", SIZES)
def test_dct_equals_scipys(n, type_, norm):
    if type_ == 1 and n == 1:
        with pytest.raises(ValueError, match="at least 2"):
            ops.dct(n, type_, norm)
        return
    op = ops.dct(n, type_, norm)
    expected = scipy.fft.dct(np.eye(n), type_, axis=0, norm=norm)
    assert op.dtype == np.float64
    assert np.abs(op.toarray() - expected).max() <= EXACT


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64, np.complex128])
def test_circulant_equals_scipys_in_its_dtype(n, dtype):
    rng = np.random.RandomState(0)
    c = (rng.standard_normal(n) + 1j * rng.standard_normal(n)).astype(np.complex128)
    c = c.astype(dtype) if np.dtype(dtype).kind == "c" else c.real.astype(dtype)
    op = ops.circulant(c)
    assert op.dtype == dtype
    error = np.linalg.norm(op.toarray() - scipy.linalg.circulant(c))
    assert error <= 32 * np.finfo(dtype).eps * np.linalg.norm(scipy.linalg.circulant(c))


def test_circulant_of_integers_is_float64():
    assert ops.circulant([1, 2, 3]).dtype == np.float64


def test_large_structured_matrices_store_far_less_than_dense_ones():
    n = 1024
    for op in (ops.hadamard(n), ops.dft(n), ops.dct(n), ops.circulant(np.ones(n))):
        assert op.nnz <= 0.2 * n * n


def test_random_butterflies_are_reproducible_and_keep_variance():
    op = ops.random_butterfly(512, random_state=3)
    assert op.nnz == 2 * 512 * 9
    twin = ops.random_butterfly(512, random_state=np.random.RandomState(3))
    np.testing.assert_array_equal(op.toarray(), twin.toarray())
    x = np.random.RandomState(0).standard_normal((200, 512))
    assert 0.5 < (x @ op.T).var() < 2.0


def test_random_orthogonal_butterfly_is_orthogonal():
    op = ops.random_butterfly(128, orthogonal=True, random_state=0)
    error = np.linalg.norm((op @ op.T).toarray() - np.eye(128))
    assert error <= 32 * np.finfo(float).eps * np.sqrt(128)


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: ops.hadamard(12), "power of 2"),
        (lambda: ops.dft(0), "n must be an integer >= 1"),
        (lambda: ops.dft(4, "ortho"), "scale must be"),
        (lambda: ops.dct(4, 5), "type must be"),
        (lambda: ops.dct(4, norm="l2"), "norm must be"),
        (lambda: ops.circulant([]), "non-empty"),
        (lambda: ops.circulant(np.eye(2)), "non-empty"),
        (lambda: ops.random_butterfly(8, random_state="a"), "random_state"),
        (lambda: ops.random_butterfly(6), "power of 2"),
    ],
)
def test_bad_arguments_are_named(call, words):
    with pytest.raises(ValueError, match=words):
        call()
