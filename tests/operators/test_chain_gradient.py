"""Gradients of chains, under every table, against dense derivatives."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skfrugal import _kernels
from skfrugal.operators import (
    KroneckerSparse,
    Product,
    chain_from_factors,
    chain_from_shape,
    monarch,
    radix,
    square_dyadic,
)
from skfrugal.operators._chain_gradient import ChainFunction

TABLES = {"reference": None, **_kernels.tables()}
# Every layout of every vector length: whole vectors, neighbours, tails, odd sizes.
CHAINS = {
    "dyadic 2": square_dyadic(2),
    "dyadic 8": square_dyadic(8),
    "dyadic 64": square_dyadic(64),
    "radix 4, 64": radix(64, 4),
    "radix 4, 256": radix(256, 4),
    "radix 8": radix(64, 8),
    "monarch": monarch(32, 24),
    "one dense": ((1, 5, 7, 1),),
    "rectangular": chain_from_shape(24, 36),
    "rank 2": chain_from_shape(48, 20, rank=2),
    "wide, odd sides": chain_from_factors([3, 48], [5, 32]),
    "reversed": tuple((a, c, b, d) for a, b, c, d in square_dyadic(32)[::-1]),
}


def _problem(chain, dtype, n_rows=37):
    rng = np.random.RandomState(0)
    function = ChainFunction(chain, dtype)
    m, n = function.shape

    def normal(*shape):
        numbers = rng.standard_normal(shape)
        if np.dtype(dtype).kind == "c":
            numbers = numbers + 1j * rng.standard_normal(shape)
        return numbers.astype(dtype)

    return normal(function.n_values), normal(n_rows, n), normal(n_rows, m)


def _dense_gradients(chain, values, X, G):
    """By the product rule, on dense matrices."""
    wide = np.result_type(values, np.float64)
    parts = ChainFunction(chain, wide).factors(values.astype(wide))
    dense = [KroneckerSparse(part).toarray() for part in parts]
    X, G = X.astype(wide), G.astype(wide)
    gradients = []
    for s, (a, b, c, d) in enumerate(chain):
        left = np.linalg.multi_dot([np.eye(G.shape[1])] * 2 + dense[:s])
        right = np.linalg.multi_dot(dense[s + 1 :] + [np.eye(X.shape[1])] * 2)
        whole = left.conj().T @ (G.T @ X.conj()) @ right.conj().T
        view = whole.reshape(a, b, d, a, c, d)
        i, j, k, m = np.ogrid[:a, :b, :c, :d]
        gradients.append(view[i, j, m, i, k, m].ravel())
    product = np.linalg.multi_dot([np.eye(G.shape[1])] + dense + [np.eye(X.shape[1])])
    return X @ product.T, np.concatenate(gradients), G @ product.conj()


def _relative(found, expected):
    return np.linalg.norm(found - expected) / np.linalg.norm(expected)


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128])
@pytest.mark.parametrize("name", CHAINS)
def test_chain_gradients_are_those_of_the_dense_product(name, dtype, table):
    chain = CHAINS[name]
    values, X, G = _problem(chain, dtype)
    function = ChainFunction(chain, dtype, kernels=TABLES[table])
    outputs, d_values, d_X = _dense_gradients(chain, values, X, G)
    found_values, found_X = function.backward(values, X, G)
    # Sums over 37 rows of products of up to 6 levels.
    bound = 64 * np.finfo(dtype).eps
    assert _relative(function.forward(values, X), outputs) < bound
    assert _relative(found_values, d_values) < bound
    assert _relative(found_X, d_X) < bound
    assert found_values.dtype == found_X.dtype == dtype


@pytest.mark.parametrize("table", _kernels.tables())
def test_chain_gradients_do_not_depend_on_threads(table, monkeypatch):
    chain = square_dyadic(32)
    values, X, G = _problem(chain, np.float32, n_rows=1500)
    function = ChainFunction(chain, np.float32, kernels=TABLES[table])
    results = []
    for n_threads in (1, 2, 5):
        monkeypatch.setattr(
            "skfrugal._parallel.effective_n_threads", lambda n=n_threads: n
        )
        monkeypatch.setattr("skfrugal._parallel.SMALLEST_SHARED_WORK", 0)
        results.append((function.forward(values, X), *function.backward(values, X, G)))
    for result in results[1:]:
        for found, expected in zip(result, results[0], strict=True):
            assert_array_equal(found, expected)


def test_chain_gradients_of_many_rows_are_sums_of_those_of_few():
    chain = radix(64, 4)
    values, X, G = _problem(chain, np.float64, n_rows=1100)
    function = ChainFunction(chain, np.float64)
    whole, d_X = function.backward(values, X, G)
    parts = [function.backward(values, X[rows], G[rows]) for rows in
             (slice(0, 3), slice(3, 700), slice(700, None))]  # fmt: skip
    assert_allclose(whole, sum(part[0] for part in parts), rtol=1e-11, atol=1e-11)
    assert_allclose(d_X, np.vstack([part[1] for part in parts]), rtol=1e-12)


def test_chain_function_leaves_its_arguments_and_takes_any_layout():
    chain = square_dyadic(16)
    values, X, G = _problem(chain, np.float64)
    function = ChainFunction(chain, np.float64)
    expected = function.backward(values, X, G)
    for array in (values, X, G):
        array.flags.writeable = False
    other = function.backward(values, np.asfortranarray(X), np.repeat(G, 2, 0)[::2])
    for found, want in zip(other, expected, strict=True):
        assert_array_equal(found, want)


def test_no_rows_have_no_gradient():
    function = ChainFunction(square_dyadic(16), np.float32)
    values = np.ones(function.n_values, np.float32)
    nothing = np.zeros((0, 16), np.float32)
    d_values, d_X = function.backward(values, nothing, nothing)
    assert d_X.shape == function.forward(values, nothing).shape == (0, 16)
    assert_array_equal(d_values, 0)


def test_factors_are_views_in_the_order_of_the_chain():
    chain = chain_from_shape(12, 18)
    function = ChainFunction(chain, np.float64)
    values = np.arange(float(function.n_values))
    factors = function.factors(values)
    assert [part.shape for part in factors] == list(chain)
    assert all(np.shares_memory(part, values) for part in factors)
    operator = Product([KroneckerSparse(part) for part in factors])
    X = np.eye(function.shape[1])
    assert_allclose(function.forward(values, X), operator.toarray().T)
