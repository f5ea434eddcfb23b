"""Patterns and chains, against supports written out as dense matrices."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skfrugal.operators import (
    KroneckerSparse,
    chain_from_factors,
    chain_from_shape,
    is_chainable,
    monarch,
    n_degrees_of_freedom,
    radix,
    random_chain,
    remove_redundancy,
    square_dyadic,
)
from skfrugal.operators._kronecker_sparse import fused
from skfrugal.operators._patterns import chain_shape, compose, pair_rank


def support(pattern):
    a, b, c, d = pattern
    return np.kron(np.eye(a), np.kron(np.ones((b, c)), np.eye(d)))


SMALL = list(itertools.product((1, 2, 3), (1, 2, 3), (1, 2, 4), (1, 2, 4)))


def test_kronecker_sparse_fills_its_support_and_nothing_else():
    for pattern in SMALL:
        dense = KroneckerSparse(np.ones(pattern)).toarray()
        np.testing.assert_array_equal(dense, support(pattern))


def test_chainable_pairs_multiply_to_a_multiple_of_one_support():
    n_chainable = 0
    for left, right in itertools.product(SMALL, SMALL):
        if not is_chainable([left, right]):
            continue
        n_chainable += 1
        product = support(left) @ support(right)
        expected = pair_rank(left, right) * support(compose(left, right))
        np.testing.assert_array_equal(product, expected)
    assert n_chainable > 100


@pytest.mark.parametrize(
    "pair, words",
    [
        ([(1, 2, 2, 2), (2, 3, 2, 1)], "columns but"),
        ([(2, 2, 2, 1), (1, 2, 2, 2)], "does not divide a = 1"),
        ([(1, 2, 6, 1), (1, 2, 2, 3)], "does not divide d = 1"),
        ([(2, 4, 3, 4), (4, 3, 4, 2)], "not an integer"),
    ],
)
def test_is_chainable_tells_the_reason(pair, words):
    answer = is_chainable(pair)
    assert not answer
    assert words in answer.reason
    assert "factors 0 and 1" in answer.reason


@pytest.mark.parametrize("chain", [[], [(1, 2)], 3, [(1, 0, 2, 2)], [(1, 2.5, 2, 2)]])
def test_malformed_chains_are_refused(chain):
    with pytest.raises(ValueError, match="chain"):
        is_chainable(chain)


def test_unchainable_chain_is_refused_by_name():
    with pytest.raises(ValueError, match="factors 0 and 1"):
        random_chain([(2, 2, 2, 1), (1, 2, 2, 2)])


sizes = st.integers(1, 60)


@settings(max_examples=150, deadline=None)
@given(sizes, sizes, st.one_of(st.none(), st.integers(1, 5)), st.integers(1, 3))
def test_chain_from_shape_has_the_shape_and_is_not_redundant(m, n, n_factors, rank):
    chain = chain_from_shape(m, n, n_factors=n_factors, rank=rank)
    assert chain_shape(chain) == (m, n)
    assert is_chainable(chain)
    assert remove_redundancy(chain) == chain
    assert n_factors is None or len(chain) <= n_factors


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(1, 4), st.integers(1, 4), st.integers(1, 3)),
        min_size=1,
        max_size=4,
    )
)
def test_remove_redundancy_keeps_shape_support_and_degrees_of_freedom(digits):
    q, p, r = zip(*digits, strict=True)
    chain = chain_from_factors(q, p, rank=r[1:])
    merged = remove_redundancy(chain)
    assert chain_shape(merged) == chain_shape(chain) == (math.prod(q), math.prod(p))
    for left, right in itertools.pairwise(merged):
        assert pair_rank(left, right) < min(left[1], right[2])
    assert n_degrees_of_freedom(merged) == n_degrees_of_freedom(chain)


def jacobian_rank(chain, seed=0):
    """Dimension of the set of products at a generic point, by finite algebra."""
    factors = random_chain(chain, random_state=seed).factors
    dense = [factor.toarray() for factor in factors]
    columns = []
    for i, factor in enumerate(factors):
        left = np.eye(chain_shape(chain)[0])
        for other in dense[:i]:
            left = left @ other
        right = np.eye(dense[i].shape[1])
        for other in dense[i + 1 :]:
            right = right @ other
        for row, column in zip(*np.nonzero(support(factor.pattern)), strict=True):
            columns.append(np.outer(left[:, row], right[column]).ravel())
    singular = np.linalg.svd(np.array(columns), compute_uv=False)
    return int(np.sum(singular > 1e-9 * singular[0]))


@pytest.mark.parametrize(
    "chain",
    [
        square_dyadic(8),
        square_dyadic(16),
        radix(16, 4),
        monarch(16, 16, rank=2),
        monarch(6, 12),
        chain_from_factors((2, 3, 2), (3, 2, 2)),
        [(1, 2, 9, 3), (3, 9, 2, 1)],
        chain_from_factors((4, 2, 4), (4, 2, 4), rank=2),
    ],
)
def test_degrees_of_freedom_equal_the_rank_of_the_jacobian(chain):
    assert n_degrees_of_freedom(chain) == jacobian_rank(chain)


def test_degrees_of_freedom_of_known_chains():
    assert n_degrees_of_freedom(square_dyadic(16)) == 16 * 4 + 16
    assert n_degrees_of_freedom(radix(64, 4)) == 4 * 64 * 3 - 64 * 2
    assert n_degrees_of_freedom(monarch(16, 16, rank=2)) == 2 * 2 * 64 - 4 * 16


def test_powers_are_asked_for_by_name():
    assert square_dyadic(1) == radix(1, 5) == ((1, 1, 1, 1),)
    with pytest.raises(ValueError, match="power of 2; got 12"):
        square_dyadic(12)
    with pytest.raises(ValueError, match="n must be an integer >= 1; got 0"):
        square_dyadic(0)
    with pytest.raises(ValueError, match="as many entries"):
        chain_from_factors((2, 2), (4,))
    with pytest.raises(ValueError, match="one int for each of the 1 splits"):
        chain_from_factors((2, 2), (2, 2), rank=(1, 2))


def test_primes_become_one_dense_block():
    assert chain_from_shape(13, 8) == ((1, 13, 8, 1),)
    assert chain_from_shape(1, 7) == ((1, 1, 7, 1),)


def test_fused_pair_is_the_product_with_blocks_of_the_pairs_rank():
    rng = np.random.RandomState(0)
    for left, right in itertools.product(SMALL[::2], SMALL):
        if not is_chainable([left, right]):
            continue
        one = KroneckerSparse(rng.standard_normal(left))
        other = KroneckerSparse(rng.standard_normal(right))
        product = one.toarray() @ other.toarray()
        both = fused(one, other)
        assert both.pattern == compose(left, right)
        np.testing.assert_allclose(both.toarray(), product, rtol=1e-12, atol=1e-12)
