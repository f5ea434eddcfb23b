"""Fixed supports: closed form where tractable, monotone elsewhere, honest always."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from skfrugal.operators import (
    KroneckerSparse,
    hadamard,
    monarch,
    random_chain,
    square_dyadic,
)
from skfrugal.solvers import (
    butterfly_factorization,
    fixed_support_factorization,
    is_identifiable,
    is_tractable,
)


def _supports(chain):
    return [KroneckerSparse(np.ones(pattern)) for pattern in chain]


def _alternating(A, left, right, n_starts=8, n_sweeps=300):
    """Slow twin: row by row least squares from many random starts."""
    rng, best = np.random.RandomState(0), np.inf
    for _ in range(n_starts):
        Y = rng.standard_normal(right.shape) * right
        X = np.zeros(left.shape)
        for _ in range(n_sweeps):
            for i, used in enumerate(left):
                X[i, used] = np.linalg.lstsq(Y[used].T, A[i], rcond=None)[0]
            for j, used in enumerate(right.T):
                Y[used, j] = np.linalg.lstsq(X[:, used], A[:, j], rcond=None)[0]
        best = min(best, np.linalg.norm(A - X @ Y))
    return best


@pytest.mark.parametrize("rank", [1, 2])
def test_fixed_supports_of_a_chain_agree_with_the_chain(rank):
    chain = monarch(12, 20, rank=rank)
    A = np.random.RandomState(1).standard_normal((12, 20))
    supports = _supports(chain)
    assert is_tractable(*supports)
    result = fixed_support_factorization(A, *supports)
    assert_allclose(result.error, butterfly_factorization(A, chain).error, rtol=1e-12)
    assert_allclose(result.lower_bound, result.error, rtol=1e-12)
    for factor, support in zip(result.operator.factors, supports, strict=True):
        assert (factor.toarray()[support.toarray() == 0] == 0).all()


def test_fixed_supports_with_complete_terms_reach_the_best_of_many_descents():
    # Terms 0 and 1 make every matrix on rows 0-1; what is left of term 2, which
    # overlaps them, is rows 2-5 of columns 0-2.
    left = np.array([[1, 1, 1], [1, 1, 1], *[[0, 0, 1]] * 4], bool)
    right = np.array([[1, 1, 1, 1], [1, 1, 1, 1], [1, 1, 1, 0]], bool)
    A = np.random.RandomState(2).standard_normal((6, 4))
    assert is_tractable(left, right)
    result = fixed_support_factorization(A, left, right)
    tail = np.linalg.svd(A[2:, :3], compute_uv=False)[1:]
    expected = np.sqrt(np.sum(tail**2) + np.sum(A[2:, 3] ** 2))
    assert_allclose(result.error, expected, rtol=1e-12)
    assert_allclose(result.upper_bound, expected, rtol=1e-12)
    assert _alternating(A, left, right) >= expected * (1 - 1e-10)


@settings(max_examples=150, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 6), st.integers(1, 4), st.integers(1, 6)),
    density=st.sampled_from([0.2, 0.5, 0.9]),
    dtype=st.sampled_from([np.float32, np.float64, np.complex64, np.complex128]),
    exponent=st.sampled_from([-300, 0, 300]),
    seed=st.integers(0, 2**32 - 1),
)
def test_fixed_supports_keep_supports_and_bounds(shape, density, dtype, exponent, seed):
    rng = np.random.RandomState(seed)
    m, r, n = shape
    left = rng.uniform(size=(m, r)) < density
    right = rng.uniform(size=(r, n)) < density
    A = rng.standard_normal((m, n)) + 1j * rng.standard_normal((m, n))
    A = A if np.issubdtype(dtype, np.complexfloating) else A.real
    single = np.finfo(dtype).bits == 32
    A = (A * 10.0 ** (exponent / 10 if single else exponent)).astype(dtype)
    result = fixed_support_factorization(
        A, left, right, n_init=2, max_iter=5, tol=0, random_state=0
    )
    X, Y = (factor.toarray() for factor in result.operator.factors)
    assert X.dtype == Y.dtype == dtype
    assert (X[~left] == 0).all()
    assert (Y[~right] == 0).all()
    unit = float(np.abs(A).max())
    norm = np.linalg.norm((A / unit).astype(np.complex128))
    slack = (2e-6 if single else 1e-13) * norm
    error = result.error / unit
    distance = np.linalg.norm((A - result.operator.toarray()) / unit)
    assert error == pytest.approx(distance, abs=slack)
    assert result.lower_bound / unit - slack <= error
    assert error <= result.upper_bound / unit + slack
    if is_tractable(left, right):
        assert "no product of these supports is closer" in result.message
        assert error <= result.lower_bound / unit + slack
    else:
        assert "Not a tractable case" in result.message


def test_fixed_supports_find_no_worse_than_many_descents_where_tractable():
    rng, n_tested = np.random.RandomState(3), 0
    while n_tested < 6:
        left, right = rng.uniform(size=(5, 3)) < 0.6, rng.uniform(size=(3, 5)) < 0.6
        if not is_tractable(left, right):
            continue
        A = rng.standard_normal((5, 5))
        result = fixed_support_factorization(A, left, right)
        assert result.error <= _alternating(A, left, right) * (1 + 1e-10)
        n_tested += 1


def test_fixed_supports_without_a_minimum_say_so():
    # Triangular supports: [[0, 1], [1, 0]] is approached by factors that grow.
    A, lower = np.array([[0.0, 1], [1, 0]]), np.tril(np.ones((2, 2)))
    result = fixed_support_factorization(A, lower, lower.T, tol=0, random_state=0)
    assert not is_tractable(lower, lower.T)
    assert 0 == result.lower_bound < result.error < 0.1
    assert "need not exist" in result.message
    largest = max(np.abs(f.toarray()).max() for f in result.operator.factors)
    assert largest > 2


@pytest.mark.parametrize("is_complex", [False, True])
def test_fixed_supports_of_several_factors_never_rise_and_solve_least_squares(
    is_complex,
):
    rng = np.random.RandomState(4)
    supports = [rng.uniform(size=s) < 0.6 for s in ((8, 6), (6, 7), (7, 9))]
    A = rng.standard_normal((8, 9)) + 1j * is_complex * rng.standard_normal((8, 9))
    A = A if is_complex else A.real
    result = fixed_support_factorization(
        A, *supports, n_init=1, max_iter=60, tol=0, random_state=0
    )
    errors = np.array(result.objectives)
    assert (np.diff(errors) <= 1e-14 * np.linalg.norm(A)).all()
    # The factor that was fitted last: its values are a least-squares solution.
    residual = A - result.operator.toarray()
    first, second, _ = (factor.toarray() for factor in result.operator.factors)
    gradient = (first @ second).conj().T @ residual
    length = np.linalg.norm(first @ second, 2) * np.linalg.norm(A)
    assert np.abs(gradient[supports[2]]).max() <= 1e-10 * length
    assert errors[-1] < 0.99 * errors[0]


def test_fixed_supports_of_a_butterfly_recover_hadamard_from_random_values():
    supports = _supports(square_dyadic(16))
    result = fixed_support_factorization(
        hadamard(16).toarray(), *supports, n_init=2, random_state=0
    )
    assert result.error <= 1e-9 * 16


@pytest.mark.parametrize("dtype", [np.float64, np.complex64])
def test_fixed_supports_of_zero_are_zero(dtype):
    A, lower = np.zeros((3, 3), dtype), np.tril(np.ones((3, 3)))
    for supports in ((lower, lower.T), (np.eye(3), np.eye(3)), (np.eye(3) * 0, lower)):
        result = fixed_support_factorization(A, *supports, random_state=0)
        assert result.error == 0
        assert (result.operator.toarray() == 0).all()


# -- uniqueness ---------------------------------------------------------------


def test_identifiable_factors_are_recovered_up_to_scaling():
    chain = square_dyadic(8)
    assert is_identifiable(chain)
    assert is_identifiable(*_supports(chain))
    truth = random_chain(chain, random_state=5)
    result = butterfly_factorization(truth.toarray(), chain)
    # Compare what no scaling changes: each rank-one term of the first factor.
    first = truth.factors[0].toarray(), result.operator.factors[0].toarray()
    cosines = np.sum(first[0] * first[1], axis=0) / (
        np.linalg.norm(first[0], axis=0) * np.linalg.norm(first[1], axis=0)
    )
    assert_allclose(np.abs(cosines), 1, atol=1e-12)


def test_factors_that_can_be_rotated_are_not_identifiable():
    full = np.ones((4, 2)), np.ones((2, 4))
    assert not is_identifiable(*full)
    assert "overlap in 16 entries" in is_identifiable(*full).reason
    assert not is_identifiable(monarch(16, 16, rank=2))
    # A product of three is not unique as soon as its tail is not.
    assert not is_identifiable(np.eye(4), *full)


@pytest.mark.parametrize(
    "supports, words",
    [
        ([np.ones((4, 2))], "1 support given"),
        ([np.ones((4, 2)), np.ones((3, 4))], r"Supports 0 and 1 have shapes \(4, 2\)"),
        ([np.ones(4), np.ones((3, 4))], r"A support has shape \(4,\)"),
        ([np.ones((5, 2)), np.ones((2, 4))], r"A has shape \(4, 4\) but the supports"),
    ],
)
def test_fixed_supports_refuse_bad_input_with_one_sentence(supports, words):
    with pytest.raises(ValueError, match=words):
        fixed_support_factorization(np.eye(4), *supports)
    with pytest.raises(ValueError, match="NaN"):
        fixed_support_factorization(np.eye(4) * np.nan, *supports)
