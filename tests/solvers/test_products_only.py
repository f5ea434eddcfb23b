"""A chain from products with the matrix; refusals of options."""

import itertools

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.sparse.linalg import LinearOperator, aslinearoperator

from skfrugal.operators import (
    Dense,
    chain_from_factors,
    chain_from_shape,
    dft,
    radix,
    random_chain,
    square_dyadic,
)
from skfrugal.solvers import butterfly_factorization

RAGGED = chain_from_factors((2, 3, 2, 2), (3, 2, 2, 3), rank=(1, 2, 1))


def _gaussian(shape, seed=0, is_complex=False):
    rng = np.random.RandomState(seed)
    A = rng.standard_normal(shape)
    return A + 1j * rng.standard_normal(shape) if is_complex else A


class _Counted(LinearOperator):
    """A matrix that counts the products it is asked for."""

    def __init__(self, A):
        super().__init__(A.dtype, A.shape)
        self.A, self.count = A, 0

    def _matmat(self, X):
        self.count += X.shape[1]
        return self.A @ X

    def _rmatmat(self, X):
        self.count += X.shape[1]
        return self.A.conj().T @ X


def _bit_reversed_dft(n):
    digits = np.arange(n).reshape([2] * (n.bit_length() - 1))
    return dft(n).toarray()[:, digits.transpose().ravel()]


@pytest.mark.parametrize(
    "A, chain",
    [
        (
            random_chain(square_dyadic(256), random_state=0).toarray(),
            square_dyadic(256),
        ),
        (_bit_reversed_dft(128), square_dyadic(128)),
        (random_chain(radix(243, 3), random_state=1).toarray(), radix(243, 3)),
        (
            random_chain(chain_from_shape(120, 360), random_state=2).toarray(),
            chain_from_shape(120, 360),
        ),
        (
            random_chain(chain_from_shape(256, 256, rank=2), random_state=3).toarray(),
            chain_from_shape(256, 256, rank=2),
        ),
    ],
)
@pytest.mark.parametrize("single", [False, True])
def test_products_only_recovers_a_product_from_few_of_them(A, chain, single):
    if single:
        A = A.astype(np.complex64 if np.iscomplexobj(A) else np.float32)
    counted = _Counted(A)
    result = butterfly_factorization(counted, chain, random_state=0)
    assert result.n_products == counted.count < A.shape[1]
    assert result.operator.dtype == A.dtype
    error = np.linalg.norm(A - result.operator.toarray()) / np.linalg.norm(A)
    assert error <= (2e-6 if single else 1e-13)
    assert result.lower_bound is result.upper_bound is None
    assert "estimate" in result.message
    assert f"{counted.count:,} products" in repr(result)


def test_products_only_takes_as_many_products_as_the_handbook_counts():
    chain = square_dyadic(1024)
    operator = random_chain(chain, random_state=0)
    result = butterfly_factorization(operator, chain, random_state=0)
    # Groups of 32 columns, 3 vectors each; 32 classes of rows, 5 each; 8 probes.
    assert result.n_products == 32 * 3 + 32 * 5 + 8
    x = np.random.RandomState(1).standard_normal(1024)
    assert_allclose(result.operator @ x, operator @ x, atol=1e-11)


def test_products_only_is_near_the_closed_form_with_noise():
    chain = square_dyadic(256)
    A = random_chain(chain, random_state=4).toarray()
    noise = _gaussian(A.shape, 4)
    A += 1e-2 * np.linalg.norm(A) / np.linalg.norm(noise) * noise
    closed = butterfly_factorization(A, chain)
    pair = (lambda X: A @ X, lambda Y: A.T @ Y)
    result = butterfly_factorization(pair, chain, random_state=0)
    distance = np.linalg.norm(A - result.operator.toarray())
    assert distance < 2 * closed.error
    # Eight probes of a residual without structure tell its norm to a few per cent.
    assert result.error == pytest.approx(distance, rel=0.1)


def test_products_only_takes_all_columns_where_that_is_cheaper():
    A = _gaussian((16, 16), 13)
    result = butterfly_factorization(aslinearoperator(A), square_dyadic(16))
    closed = butterfly_factorization(A, square_dyadic(16))
    assert result.n_products == 16
    assert result.error == closed.error
    assert result.lower_bound == closed.lower_bound


@pytest.mark.parametrize(
    "options, words",
    [
        ({"sweeps": -1}, "sweeps .* integer >= 0; got -1"),
        ({"sweeps": 1.5}, "sweeps .* integer"),
        ({"weights": np.ones(8)}, "weights must be a pair"),
        ({"weights": (np.ones(7), None)}, "weights of the rows must be 8 finite"),
        ({"weights": (None, -np.ones(8))}, "weights of the columns must be 8 finite"),
        ({"weights": (np.zeros(8), None)}, "not all zero"),
        ({"mask": np.ones((8, 8))}, "mask must be a boolean array .* float64"),
        ({"mask": np.zeros((8, 8), bool)}, "true somewhere"),
        ({"mask": np.ones((8, 7), bool)}, r"of shape \(8, 8\)"),
        ({"max_error": 1.5}, "max_error=1.5 is not a relative accuracy"),
        ({"max_error": np.nan}, "max_error=nan"),
        ({"max_error": 0.1, "mask": np.ones((8, 8), bool)}, "cannot be promised"),
    ],
)
def test_options_refuse_bad_input_with_one_sentence(options, words):
    with pytest.raises(ValueError, match=words):
        butterfly_factorization(np.eye(8), square_dyadic(8), **options)


def test_options_that_need_entries_refuse_products_only():
    operator = aslinearoperator(np.eye(8))
    with pytest.raises(ValueError, match="sweeps needs the entries of A"):
        butterfly_factorization(operator, square_dyadic(8), sweeps=1)
    with pytest.raises(ValueError, match=r"A has shape \(8, 8\)"):
        butterfly_factorization(operator, square_dyadic(16))
    wrong = (lambda X: X[:3], lambda Y: Y)
    with pytest.raises(ValueError, match=r"has shape \(3, 8\) instead of"):
        butterfly_factorization(wrong, square_dyadic(8))


@pytest.mark.parametrize("options", [{"sweeps": 3}, {"max_error": 0.1}, {}])
@pytest.mark.parametrize("size", [0.0, 1e-300, 1e300])
def test_options_take_any_scale(options, size):
    A = size * _gaussian((16, 16), 14)
    masks = [None] if "max_error" in options else [None, np.eye(16) == 0]
    for mask, weighted in itertools.product(masks, [False, True]):
        weights = (np.arange(1.0, 17.0), np.arange(1.0, 17.0)) if weighted else None
        result = butterfly_factorization(
            A, square_dyadic(16), mask=mask, weights=weights, **options
        )
        assert np.isfinite(result.operator.toarray()).all()
        assert np.isfinite(result.error)
        assert (result.error == 0) == (size == 0 or isinstance(result.operator, Dense))
