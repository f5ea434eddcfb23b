"""Ranking of chains: the bounds are those of the factorization, the best is found."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skfrugal.operators import (
    chain_from_factors,
    hadamard,
    is_chainable,
    n_degrees_of_freedom,
    radix,
    random_chain,
    square_dyadic,
)
from skfrugal.operators._patterns import chain_n_values, chain_shape
from skfrugal.solvers import butterfly_factorization, select_chain


@pytest.mark.parametrize(
    "shape", [(16, 16), (12, 40), (7, 9), (13, 13), (1, 6), (6, 1)]
)
@pytest.mark.parametrize("is_complex", [False, True])
def test_ranking_holds_the_bounds_of_the_factorization(shape, is_complex):
    rng = np.random.RandomState(0)
    A = rng.standard_normal(shape) + 1j * is_complex * rng.standard_normal(shape)
    A = A if is_complex else A.real
    ranking = select_chain(A)
    assert len({row.chain for row in ranking}) == len(ranking)
    assert ((1, *shape, 1),) in {row.chain for row in ranking}
    for row in ranking:
        assert is_chainable(row.chain)
        assert chain_shape(row.chain) == shape
        result = butterfly_factorization(A, row.chain)
        assert_allclose(row.lower_bound, result.lower_bound, rtol=1e-10)
        assert_allclose(row.upper_bound, result.upper_bound, rtol=1e-10)
        assert row.n_values == chain_n_values(row.chain) == result.operator.nnz
        assert row.n_degrees_of_freedom == n_degrees_of_freedom(row.chain)
        kept = 1 - row.upper_bound**2 / np.linalg.norm(A) ** 2
        assert_allclose(row.score, kept * A.size / row.n_degrees_of_freedom, atol=1e-9)
    scores = [row.score for row in ranking]
    assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize(
    "chain",
    [
        radix(64, 4),
        radix(64, 8),
        chain_from_factors((4, 4, 4), (4, 4, 4), rank=(1, 2)),
        chain_from_factors((4, 3), (4, 6), rank=2),
        ((1, 32, 3, 1), (1, 3, 32, 1)),
    ],
)
def test_ranking_finds_a_planted_chain(chain):
    A = random_chain(chain, random_state=1).toarray()
    ranking = select_chain(A, max_error=1e-10)
    assert ranking[0].n_values <= chain_n_values(chain)
    assert ranking[0].upper_bound <= 1e-10 * np.linalg.norm(A)
    result = butterfly_factorization(A, ranking.chain)
    assert result.error <= 1e-10 * np.linalg.norm(A)


def test_ranking_within_a_budget_is_by_upper_bound():
    rng = np.random.RandomState(2)
    A = random_chain(square_dyadic(32), random_state=2).toarray()
    A += 0.1 * rng.standard_normal(A.shape) / 32
    ranking = select_chain(A, budget=0.5)
    bounds = [row.upper_bound for row in ranking]
    assert bounds == sorted(bounds)
    assert all(row.n_values <= 512 for row in ranking)
    assert [r.chain for r in select_chain(A, budget=512)] == [r.chain for r in ranking]
    low_rank = [row for row in ranking if row.chain[0][:2] == (1, 32) != row.chain[0]]
    assert low_rank
    assert "upper bound" in repr(ranking)


def test_ranking_is_free_of_the_scale():
    A = np.random.RandomState(3).standard_normal((16, 16))
    chains = [row.chain for row in select_chain(A)]
    for exponent in (-1000, 1000):
        ranking = select_chain(A * 2.0**exponent)
        assert [row.chain for row in ranking] == chains
        assert np.isfinite(ranking[0].upper_bound)


def test_ranking_of_zero_is_the_smallest_chain():
    ranking = select_chain(np.zeros((16, 16)))
    assert ranking[0].n_degrees_of_freedom == min(
        r.n_degrees_of_freedom for r in ranking
    )
    assert ranking[0].upper_bound == 0


@pytest.mark.parametrize(
    "options, words",
    [
        ({"budget": 3}, "No chain of shape .* budget=3"),
        ({"budget": 0}, "budget .* integer >= 1; got 0"),
        ({"budget": 1.5}, "budget .* integer >= 1; got 1.5"),
        ({"max_error": -1}, "max_error=-1"),
        ({"max_error": 1e-3, "budget": 200}, "raise one of them"),
    ],
)
def test_ranking_refuses_bad_input_with_one_sentence(options, words):
    A = np.random.RandomState(4).standard_normal((16, 16))
    with pytest.raises(ValueError, match=words):
        select_chain(A, **options)
    with pytest.raises(ValueError, match="NaN"):
        select_chain(hadamard(4).toarray() * np.nan)
