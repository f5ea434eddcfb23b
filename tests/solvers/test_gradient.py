"""Values of chains learnt by gradient: descent, recovery, resuming, statistics."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import check_grad

from skfrugal.operators import (
    bit_reversal,
    chain_from_shape,
    hadamard,
    monarch,
    random_butterfly,
    random_chain,
    square_dyadic,
)
from skfrugal.solvers import (
    butterfly_factorization,
    butterfly_regression,
    gradient_factorization,
)
from skfrugal.solvers._chain_least_squares import ChainLeastSquares


def _fourier(n):
    return np.fft.fft(np.eye(n))[:, bit_reversal(n).indices] / np.sqrt(n)


TRANSFORMS = {
    "fourier": _fourier,
    "hadamard": lambda n: hadamard(n).toarray() / np.sqrt(n),
    "orthogonal": lambda n: random_butterfly(
        n, orthogonal=True, random_state=0
    ).toarray(),
}


@pytest.mark.parametrize("name", TRANSFORMS)
@pytest.mark.parametrize("n", [8, 32, 128])
def test_transforms_are_learnt_to_rounding(name, n):
    A = TRANSFORMS[name](n)
    result = gradient_factorization(A, square_dyadic(n), random_state=0)
    # Dao et al. print root mean squares of 4e-6 to 4e-5.
    assert result.error / n < 1e-9
    assert_allclose(result.error, np.linalg.norm(A - result.operator.toarray()),
                    rtol=1e-6, atol=1e-13 * n)  # fmt: skip


@pytest.mark.parametrize("kind", ["real", "complex"])
def test_least_squares_gradient_is_that_of_finite_differences(kind):
    rng = np.random.RandomState(0)
    chain = chain_from_shape(6, 8, rank=1)
    X, Y = rng.standard_normal((5, 8)), rng.standard_normal((5, 6))
    if kind == "complex":
        X, Y = X + 1j * rng.standard_normal(X.shape), Y - 1j * Y[::-1]
    problem = ChainLeastSquares(chain, X, Y)
    size = problem.function.n_values * (2 if kind == "complex" else 1)
    vector = rng.standard_normal(size)
    value = problem.value_and_gradient
    gap = check_grad(lambda v: value(v)[0], lambda v: value(v)[1], vector)
    assert gap < 1e-5 * np.linalg.norm(value(vector)[1])


def test_closed_form_is_improved_and_objectives_never_rise():
    A = np.random.RandomState(0).standard_normal((16, 16))
    closed = butterfly_factorization(A, square_dyadic(16))
    result = gradient_factorization(A, square_dyadic(16), init="closed_form")
    assert closed.lower_bound <= result.error < closed.error
    assert np.all(np.diff(result.objectives) <= 0)


def test_a_result_is_resumed_from_its_state():
    A = np.random.RandomState(0).standard_normal((12, 18))
    chain = chain_from_shape(12, 18)
    first = gradient_factorization(
        A, chain, n_init=1, max_iter=5, tol=0, random_state=0
    )
    assert first.n_iter == 5
    second = gradient_factorization(A, chain, init=first.state, max_iter=30, tol=0)
    assert second.objectives[0] < first.objectives[-1]
    assert second.error < first.error


@pytest.mark.parametrize("factor", [1e-300, 1e-8, 1e300])
def test_gradient_is_free_of_scale(factor):
    A = np.random.RandomState(0).standard_normal((8, 8))
    one, other = (
        gradient_factorization(B, square_dyadic(8), random_state=0, max_iter=20, tol=0)
        for B in (A, A * factor)
    )
    assert_allclose(other.error, factor * one.error, rtol=0.05)


@pytest.mark.parametrize("dtype", [np.float32, np.complex64, np.int64])
def test_gradient_keeps_the_dtype_and_the_matrix(dtype):
    A = hadamard(8).toarray().astype(dtype)
    A.flags.writeable = False
    result = gradient_factorization(A, square_dyadic(8), random_state=0)
    assert result.operator.dtype == (np.float64 if dtype is np.int64 else dtype)
    assert_allclose(result.operator.toarray(), A, atol=1e-5)


def test_a_zero_matrix_is_reached():
    result = gradient_factorization(np.zeros((8, 8)), square_dyadic(8), random_state=0)
    assert result.error < 1e-6


def test_on_step_stops_and_sees_operators():
    seen = []
    A = hadamard(8).toarray()
    result = gradient_factorization(
        A, square_dyadic(8), n_init=1, random_state=0,
        on_step=lambda step: seen.append(step.operator.shape) or len(seen) == 3,
    )  # fmt: skip
    assert seen == [(8, 8)] * 3
    assert result.n_iter == 3 and not result.converged


@pytest.mark.parametrize("n_rows", [20, 200])
def test_regression_beats_the_dense_least_squares_where_the_truth_is_a_chain(n_rows):
    rng = np.random.RandomState(0)
    truth = random_chain(monarch(16, 16), random_state=1).toarray()
    X = rng.standard_normal((n_rows, 16))
    Y = X @ truth.T + 0.3 * rng.standard_normal((n_rows, 16))
    result = butterfly_regression(X, Y, monarch(16, 16))
    dense = np.linalg.lstsq(X, Y, rcond=None)[0].T
    found = result.operator.toarray()
    assert np.linalg.norm(found - truth) < 0.8 * np.linalg.norm(dense - truth)
    assert_allclose(result.error, np.linalg.norm(Y - X @ found.T))


def test_regression_penalty_is_that_of_more_rows():
    rng = np.random.RandomState(0)
    X, Y = rng.standard_normal((30, 8)), rng.standard_normal((30, 8))
    alpha = 3.0
    one = butterfly_regression(X, Y, square_dyadic(8), alpha=alpha, tol=1e-12)
    more = np.vstack([X, np.sqrt(alpha) * np.eye(8)]), np.vstack([Y, np.zeros((8, 8))])
    other = butterfly_regression(*more, square_dyadic(8), tol=1e-12)
    assert_allclose(one.operator.toarray(), other.operator.toarray(), rtol=1e-4)


def test_regression_on_one_pattern_is_the_ridge():
    rng = np.random.RandomState(0)
    X, Y = rng.standard_normal((30, 5)), rng.standard_normal((30, 4))
    chain = ((1, 4, 5, 1),)
    result = butterfly_regression(X, Y, chain, alpha=2.0, init="normal", tol=1e-14)
    ridge = np.linalg.solve(X.T @ X + 2.0 * np.eye(5), X.T @ Y).T
    assert_allclose(result.operator.toarray(), ridge, rtol=1e-5)


def test_bad_input_is_refused_with_what_to_pass():
    A = np.eye(8)
    chain = square_dyadic(8)
    with pytest.raises(ValueError, match="init must be one of"):
        gradient_factorization(A, chain, init="zeros")
    with pytest.raises(ValueError, match="init has 3 numbers and the chain 48"):
        gradient_factorization(A, chain, init=np.zeros(3))
    with pytest.raises(ValueError, match="A has shape"):
        gradient_factorization(A, square_dyadic(16))
    with pytest.raises(ValueError, match="as many rows of X as of Y"):
        butterfly_regression(A, np.eye(7), chain)
    with pytest.raises(ValueError, match="alpha must be a number >= 0; got -1"):
        butterfly_regression(A, A, chain, alpha=-1)
    with pytest.raises(ValueError, match="NaN or infinity"):
        gradient_factorization(np.full((8, 8), np.inf), chain)
    before = A.copy()
    butterfly_regression(A, A, chain)
    assert_array_equal(A, before)
