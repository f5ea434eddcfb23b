"""Closed-form factorization: scales, dtypes, redundant chains, bad input."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skfrugal.operators import (
    KroneckerSparse,
    Product,
    chain_from_factors,
    chain_from_shape,
    hadamard,
    radix,
    remove_redundancy,
    square_dyadic,
)
from skfrugal.solvers import (
    Factorization,
    butterfly_factorization,
)

ORDERS = ["l2r", "r2l", "balanced"]


@pytest.mark.parametrize("order", ORDERS)
def test_butterfly_is_equivariant_under_powers_of_two(order):
    A = np.random.RandomState(6).standard_normal((16, 24))
    chain = chain_from_shape(16, 24)
    one = butterfly_factorization(A, chain, order=order)
    two = butterfly_factorization(A * 2.0**-900, chain, order=order)
    assert two.error == one.error * 2.0**-900
    assert two.lower_bound == one.lower_bound * 2.0**-900
    assert two.upper_bound == one.upper_bound * 2.0**-900
    expected = one.operator.toarray()
    error = np.linalg.norm(two.operator.toarray() * 2.0**900 - expected)
    assert error <= 32 * np.finfo(float).eps * np.linalg.norm(expected)


@pytest.mark.parametrize("dtype, size", [(np.float32, 1e38), (np.float64, 1e300)])
def test_butterfly_balances_the_factors(dtype, size):
    A = (size * hadamard(16).toarray()).astype(dtype)
    result = butterfly_factorization(A, square_dyadic(16))
    largest = [np.abs(factor.values).max() for factor in result.operator.factors]
    assert max(largest) <= 4 * min(largest)
    assert_allclose(result.operator.toarray(), A, rtol=1e-6)


@pytest.mark.parametrize(
    "given_dtype, expected",
    [
        (bool, np.float64),
        (np.int8, np.float64),
        (np.float16, np.float32),
        (np.float32, np.float32),
        (np.longdouble, np.float64),
        (np.complex64, np.complex64),
        (np.complex128, np.complex128),
    ],
)
def test_butterfly_dtype_follows_the_table(given_dtype, expected):
    A = np.eye(8).astype(given_dtype)
    result = butterfly_factorization(A, square_dyadic(8))
    assert result.operator.dtype == expected
    assert result.operator.toarray().dtype == expected
    assert result.error <= 1e-6


@pytest.mark.parametrize("order", ORDERS)
def test_butterfly_of_zero_is_zero(order):
    result = butterfly_factorization(np.zeros((9, 9)), radix(9, 3), order=order)
    assert result.error == result.lower_bound == result.upper_bound == 0
    assert (result.operator.toarray() == 0).all()


def test_butterfly_takes_read_only_strided_and_fortran_matrices():
    A = np.random.RandomState(7).standard_normal((16, 16))
    expected = butterfly_factorization(A, square_dyadic(16)).operator.toarray()
    A.flags.writeable = False
    big = np.zeros((32, 48))
    big[::2, ::3] = A
    for same in (A, np.asfortranarray(A), big[::2, ::3], A.tolist()):
        found = butterfly_factorization(same, square_dyadic(16)).operator.toarray()
        assert_allclose(found, expected, rtol=1e-13, atol=1e-15)


def test_butterfly_merges_redundant_neighbours_and_says_so():
    chain = [(1, 2, 9, 3), (3, 9, 2, 1)]
    A = np.random.RandomState(8).standard_normal((6, 6))
    result = butterfly_factorization(A, chain)
    assert isinstance(result.operator, KroneckerSparse)
    assert result.error == 0
    assert "merged chain ((1, 6, 6, 1),)" in result.message


def test_butterfly_order_counts_the_junctions_of_the_chain_given():
    # Junction 0 is redundant; an order of the three given ones must still be taken.
    chain = chain_from_factors((2, 2, 2, 2), (2, 2, 2, 2), rank=(2, 1, 1))
    merged = remove_redundancy(chain)
    assert len(merged) == 3
    A = np.random.RandomState(9).standard_normal((16, 16))
    whole = butterfly_factorization(A, chain, order=(2, 0, 1))
    part = butterfly_factorization(A, merged, order=(1, 0))
    assert (whole.operator.toarray() == part.operator.toarray()).all()


def test_butterfly_of_one_pattern_is_one_factor():
    A = np.arange(12.0).reshape(3, 4)
    result = butterfly_factorization(A, [(1, 3, 4, 1)])
    assert isinstance(result.operator, KroneckerSparse)
    assert (result.operator.toarray() == A).all()
    assert result.error == 0


def test_butterfly_operator_has_the_chain_asked_for():
    chain = chain_from_shape(12, 40)
    result = butterfly_factorization(np.ones((12, 40)), chain)
    assert isinstance(result.operator, Product)
    assert tuple(factor.pattern for factor in result.operator.factors) == chain


@pytest.mark.parametrize(
    "A, chain, order, words",
    [
        ([[1.0, np.nan], [0, 1]], [(1, 2, 2, 1)], "l2r", "A contains NaN or infinity"),
        ([[1.0, np.inf], [0, 1]], [(1, 2, 2, 1)], "l2r", "A contains NaN or infinity"),
        (np.ones(4), [(1, 2, 2, 1)], "l2r", r"A has shape \(4,\)"),
        (np.ones((0, 4)), [(1, 2, 2, 1)], "l2r", r"A has shape \(0, 4\)"),
        (np.array([["a"]]), [(1, 1, 1, 1)], "l2r", "A has dtype <U1"),
        (np.ones((4, 4)), square_dyadic(8), "l2r", r"A has shape \(4, 4\) but chain"),
        (
            np.eye(4),
            [(2, 2, 2, 1), (1, 2, 2, 2)],
            "l2r",
            "not chainable: factors 0 and",
        ),
        (np.eye(4), [], "l2r", "chain must be a sequence"),
        (np.eye(4), square_dyadic(4), "left", "order='left' is not an order for 1"),
        (np.eye(4), square_dyadic(4), (0, 1), "permutation of range"),
        (np.eye(4), square_dyadic(4), None, "order=None"),
    ],
)
def test_butterfly_refuses_bad_input_with_one_sentence(A, chain, order, words):
    with pytest.raises(ValueError, match=words):
        butterfly_factorization(A, chain, order=order)


def test_factorization_survives_pickle_and_explains_itself():
    A = np.random.RandomState(10).standard_normal((16, 16))
    result = butterfly_factorization(A, radix(16, 4))
    twin = pickle.loads(pickle.dumps(result))
    assert (twin.operator.toarray() == result.operator.toarray()).all()
    assert (twin.error, twin.message) == (result.error, result.message)
    text = repr(result)
    for words in (
        "16 x 16",
        "128 stored values, 2.0 times",
        f"{result.error:.6g}",
        "than",
    ):
        assert words in text
    assert result.message in text
    with pytest.raises(AttributeError):
        result.error = 0.0


def test_factorization_without_bounds_says_that_it_has_none():
    result = Factorization(hadamard(4), 1.0, None, None, 3, False, "Stopped early.")
    assert "no certificate" in repr(result)
    assert "not converged after 3 iterations" in repr(result)
