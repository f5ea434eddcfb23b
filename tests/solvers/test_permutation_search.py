"""Butterflies whose rows and columns were moved are put back in order."""

import numpy as np
import pytest
import scipy.fft
from numpy.testing import assert_allclose, assert_array_equal

from skfrugal.operators import (
    chain_from_factors,
    hadamard,
    random_butterfly,
    square_dyadic,
)
from skfrugal.solvers import butterfly_factorization, find_permutations
from skfrugal.solvers._peel import _matched, _pair_costs, _two_lines, stokes

FAMILIES = {
    "dft": lambda n, seed: np.fft.fft(np.eye(n)),
    "hadamard": lambda n, seed: hadamard(n).toarray().astype(float),
    "orthogonal": lambda n, seed: random_butterfly(
        n, orthogonal=True, random_state=seed
    ).toarray(),
    "random": lambda n, seed: random_butterfly(n, random_state=seed).toarray(),
}


def _shuffled(A, seed):
    rng = np.random.RandomState(seed)
    return A[rng.permutation(len(A))][:, rng.permutation(len(A))]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("n", [2, 4, 8, 32, 64, 256])
def test_peeling_recovers_shuffled_butterflies(family, n):
    for seed in range(3 if n <= 64 else 1):
        A = _shuffled(FAMILIES[family](n, seed).astype(complex), seed)
        if family != "dft":
            A = A.real
        result = find_permutations(A, method="peel")
        assert result.error <= 1e-11 * np.linalg.norm(A)
        assert_allclose(result.operator.toarray(), A, atol=1e-11 * abs(A).max())
        assert result.operator.nnz == 2 * n * (n.bit_length() - 1)


@pytest.mark.parametrize("family", ["dft", "hadamard"])
def test_peeling_removes_noise_from_shuffled_transforms(family):
    clean = _shuffled(FAMILIES[family](64, 0), 1)
    noise = np.random.RandomState(0).standard_normal(clean.shape)
    noise *= 0.05 * np.linalg.norm(clean) / np.linalg.norm(noise)
    operator = find_permutations(clean + noise).operator
    assert np.linalg.norm(operator.toarray() - clean) < 0.5 * np.linalg.norm(noise)


@pytest.mark.parametrize("dtype", [np.float32, np.complex64, np.int64])
@pytest.mark.parametrize("scale", [1, 10**9])
def test_peeling_is_free_of_scale_and_keeps_the_dtype(dtype, scale):
    A = _shuffled(hadamard(16).toarray(), 3).astype(dtype) * dtype(scale)
    before = A.copy()
    result = find_permutations(A, method="peel")
    assert_array_equal(A, before)
    assert result.error <= 1e-5 * np.linalg.norm(A.astype(complex))
    assert result.operator.dtype == (np.float64 if dtype is np.int64 else dtype)


@pytest.mark.parametrize("exponent", [-300, 300])
def test_peeling_survives_the_ends_of_the_range(exponent):
    A = _shuffled(hadamard(16).toarray().astype(float), 3) * 10.0**exponent
    assert find_permutations(A, method="peel").error <= 1e-12 * 10.0**exponent


def test_a_zero_matrix_is_a_butterfly():
    result = find_permutations(np.zeros((8, 8)), method="peel")
    assert result.error == 0
    assert not result.operator.toarray().any()


def test_known_orders_find_the_fourier_transform_of_any_size():
    dft = np.fft.fft(np.eye(30))
    result = find_permutations(dft, chain_from_factors([5, 3, 2], [5, 3, 2]))
    assert result.error < 1e-12
    assert "digit reversal" in result.message or "reversed" in result.message


def test_known_orders_find_the_cosine_transform():
    n = 32
    dct = scipy.fft.dct(np.eye(n), axis=0)
    middle = [2] * 3
    chain = chain_from_factors([4, *middle[1:], 2], [4, *middle[1:], 2], rank=2)
    plain = butterfly_factorization(dct, chain).error
    result = find_permutations(dct, chain, method="known")
    assert result.error < 1e-12 < 0.1 < plain / np.linalg.norm(dct)
    assert "cosine" in result.message


def test_auto_is_never_worse_than_the_given_order():
    A = np.random.RandomState(0).standard_normal((16, 16))
    given = butterfly_factorization(A, square_dyadic(16)).error
    assert find_permutations(A).error <= given


def test_two_lines_is_the_best_balanced_split_of_small_sets():
    from itertools import combinations

    rng = np.random.RandomState(0)
    for _ in range(20):
        lines = rng.standard_normal((2, 2))
        points = np.repeat(lines, 4, axis=0) * rng.standard_normal((8, 1))
        points += 0.01 * rng.standard_normal((8, 2))

        def missed(half, points=points):
            return sum(
                np.linalg.svd(points[list(rows)], compute_uv=False)[1] ** 2
                for rows in (half, sorted(set(range(8)) - set(half)))
            )

        best = min(missed(half) for half in combinations(range(8), 4))
        halves, found = _two_lines(stokes(points[:, 0], points[:, 1]))
        assert_allclose(found, missed(halves[0].tolist()), rtol=1e-9)
        assert found <= best * (1 + 1e-9)


def test_pair_costs_are_second_singular_values():
    rng = np.random.RandomState(0)
    stack = rng.standard_normal((2, 5, 4)) + 1j * rng.standard_normal((2, 5, 4))
    cost = _pair_costs(stack)
    for c in range(4):
        for d in range(c):
            sigma = np.linalg.svd(stack[:, :, [c, d]], compute_uv=False)[:, 1]
            assert_allclose(cost[c, d], np.sum(sigma**2))


def test_matched_pairs_cannot_be_improved_by_an_exchange():
    rng = np.random.RandomState(0)
    for _ in range(20):
        cost = rng.uniform(size=(10, 10))
        cost += cost.T
        pairs = _matched(cost)
        assert sorted(pairs.ravel()) == list(range(10))
        for i, (a, b) in enumerate(pairs):
            for c, d in pairs[:i]:
                now = cost[a, b] + cost[c, d]
                assert now <= min(cost[a, c] + cost[b, d], cost[a, d] + cost[b, c])


def test_bad_input_is_refused_with_what_to_pass():
    with pytest.raises(ValueError, match=r"chain_from_shape\(12, 12\)"):
        find_permutations(np.eye(12))
    with pytest.raises(ValueError, match="method='peel' needs the chain square_dyadic"):
        chain = chain_from_factors([3, 4], [3, 4])
        find_permutations(np.eye(12), chain, method="peel")
    with pytest.raises(ValueError, match="method must be one of"):
        find_permutations(np.eye(4), method="spectral")
    with pytest.raises(ValueError, match="NaN or infinity"):
        find_permutations(np.full((4, 4), np.nan))
    with pytest.raises(ValueError, match="A has shape"):
        find_permutations(np.eye(4), square_dyadic(8))
