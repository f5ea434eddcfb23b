"""Permutations by name, against their definitions."""

from itertools import product

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skfrugal.operators import (
    bit_reversal,
    chain_from_factors,
    digit_reversal,
    even_odd,
    recursive_halving,
    square_dyadic,
)
from skfrugal.solvers import butterfly_factorization


def test_bit_reversal_reads_the_digits_backwards():
    expected = [int(f"{i:05b}"[::-1], 2) for i in range(32)]
    assert_array_equal(bit_reversal(32).indices, expected)
    assert_array_equal(bit_reversal(1).indices, [0])


@pytest.mark.parametrize("factors", [[2, 2, 3], [5, 3, 2], [4, 4], [7]])
def test_digit_reversal_makes_the_dft_a_chain(factors):
    n = int(np.prod(factors))
    dft = np.fft.fft(np.eye(n))
    chain = chain_from_factors(factors, factors)
    order = digit_reversal(factors).indices
    assert butterfly_factorization(dft[:, order], chain).error < 1e-12 * n


def test_even_odd_with_reversal_is_that_of_the_cosine_transform():
    from scipy.fft import dct

    n = 16
    x = np.random.RandomState(0).standard_normal(n)
    k = np.arange(n)
    spectrum = np.fft.fft(x @ even_odd(n, reverse_odd=True).T)
    expected = 2 * np.real(np.exp(-1j * np.pi * k / (2 * n)) * spectrum)
    assert_allclose(dct(x), expected, atol=1e-12)
    assert_array_equal(even_odd(7).indices, [0, 2, 4, 6, 1, 3, 5])


def _recursive(x, separate, first, second):
    if len(x) == 1:
        return x
    x = x[::2] + x[1::2] if separate else x
    a, b = x[: len(x) // 2], x[len(x) // 2 :]
    a, b = a[::-1] if first else a, b[::-1] if second else b
    return [
        *_recursive(a, separate, first, second),
        *_recursive(b, separate, first, second),
    ]


@pytest.mark.parametrize("choices", list(product((False, True), repeat=3)))
def test_recursive_halving_is_the_recursion(choices):
    options = dict(
        zip(("separate", "reverse_first", "reverse_second"), choices, strict=True)
    )
    op = recursive_halving(32, **options)
    assert_array_equal(op.indices, _recursive(list(range(32)), *choices))


def test_recursive_halving_is_the_bit_reversal_by_default():
    assert_array_equal(recursive_halving(64).indices, bit_reversal(64).indices)
    dft = np.fft.fft(np.eye(64))[:, recursive_halving(64).indices]
    assert butterfly_factorization(dft, square_dyadic(64)).error < 1e-12


@pytest.mark.parametrize("build", [bit_reversal, recursive_halving])
def test_halves_of_a_size_that_has_none_are_refused(build):
    with pytest.raises(ValueError, match="n=12 is not a power of two"):
        build(12)
