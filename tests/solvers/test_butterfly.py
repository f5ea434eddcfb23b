"""Closed-form factorization: exactness, optimality, certificates, odd inputs."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from skfrugal.operators import (
    KroneckerSparse,
    chain_from_factors,
    dft,
    hadamard,
    monarch,
    n_degrees_of_freedom,
    random_chain,
    remove_redundancy,
    square_dyadic,
)
from skfrugal.operators._blocks import (
    blocks,
    left_from,
    left_to,
    restrict,
    right_from,
    right_to,
    unblocks,
)
from skfrugal.operators._patterns import compose, pair_rank
from skfrugal.solvers import (
    butterfly_factorization,
    butterfly_projection,
)

ORDERS = ["l2r", "r2l", "balanced"]


def _join(chain):
    pattern = chain[0]
    for following in chain[1:]:
        pattern = compose(pattern, following)
    return pattern


def _distance_to_junction(A, chain, split):
    """E_s by brute force: cut out every block by its row and column numbers."""
    left, right = _join(chain[:split]), _join(chain[split:])
    a1, _, _, d1 = left
    a2, _, c2, d2 = right
    rank, (m, n) = pair_rank(left, right), A.shape
    inside, energy = np.zeros((m, n), bool), 0.0
    for group, residue in itertools.product(range(a2), range(d1)):
        # A group is one interval of the digits of the columns; rows of one class
        # share their last digits, and first digits where the left factor has a > 1.
        columns = [j for j in range(n) if j // (c2 * d2) == group]
        columns = [j for j in columns if j % d2 == residue % d2]
        rows = [i for i in range(m) if i % d1 == residue]
        rows = [i for i in rows if i // (m // a1) == group // (a2 // a1)]
        block = A[np.ix_(rows, columns)]
        inside[np.ix_(rows, columns)] = True
        energy += np.sum(np.linalg.svd(block, compute_uv=False)[rank:] ** 2)
    return math.sqrt(energy + np.sum(np.abs(A[~inside]) ** 2))


def _norm(A):
    return float(np.linalg.norm(np.asarray(A, dtype=np.result_type(A, np.float64))))


def _digit_reversal(n):
    bits = n.bit_length() - 1
    return [int(f"{i:0{bits}b}"[::-1], 2) for i in range(n)]


@pytest.mark.parametrize(
    "p1, p2", [((1, 2, 6, 4), (3, 8, 5, 1)), ((2, 3, 4, 6), (4, 6, 5, 2))]
)
def test_block_views_reproduce_the_product(p1, p2):
    rng = np.random.RandomState(0)
    k1, k2 = rng.standard_normal(p1), rng.standard_normal(p2)
    dense = KroneckerSparse(k1).toarray() @ KroneckerSparse(k2).toarray()
    values = restrict(dense, compose(p1, p2))
    assert_allclose(KroneckerSparse(values).toarray(), dense, atol=1e-14)
    grid = blocks(values, p1, p2)
    assert_allclose(grid, left_to(k1, p1, p2) @ right_to(k2, p1, p2), atol=1e-13)
    assert (unblocks(grid, p1, p2) == values).all()
    assert (left_from(left_to(k1, p1, p2), p1, p2) == k1).all()
    assert (right_from(right_to(k2, p1, p2), p1, p2) == k2).all()


@pytest.mark.parametrize("n", [8, 16])
@pytest.mark.parametrize("dtype", [np.float64, np.complex128])
def test_butterfly_recovers_products_in_every_order(n, dtype):
    chain = square_dyadic(n)
    A = random_chain(chain, random_state=n).toarray().astype(dtype)
    if dtype == np.complex128:
        A = A * np.exp(1j * np.arange(n))
    for order in itertools.permutations(range(len(chain) - 1)):
        result = butterfly_factorization(A, chain, order=order)
        assert result.error <= 1e-13 * _norm(A)
        assert_allclose(result.operator.toarray(), A, atol=1e-13 * _norm(A))
        assert "up to rounding" in result.message


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("n", [8, 64])
def test_butterfly_of_known_transforms_is_exact(n, order):
    chain = square_dyadic(n)
    H = hadamard(n).toarray()
    assert butterfly_factorization(H, chain, order=order).error <= 1e-13 * _norm(H)
    F = dft(n).toarray()[:, _digit_reversal(n)]
    assert butterfly_factorization(F, chain, order=order).error <= 1e-12 * _norm(F)


def test_butterfly_of_the_dft_without_its_permutation_is_not_exact():
    F = dft(16).toarray()
    result = butterfly_factorization(F, square_dyadic(16))
    assert result.lower_bound > 0.7 * _norm(F)


def test_butterfly_agrees_with_an_independent_implementation():
    # Figure of a 25-line NumPy version and of lazylinop's ksd on another seed: a
    # Gaussian matrix of order 64 keeps about 0.906 of its norm as error.
    A = np.random.RandomState(0).randn(64, 64)
    result = butterfly_factorization(A, square_dyadic(64))
    assert result.error / _norm(A) == pytest.approx(0.90577, abs=1e-5)


@pytest.mark.parametrize("order", ["l2r", "r2l", (0, 3, 1, 2)])
def test_butterfly_residuals_of_outside_in_orders_are_orthogonal(order):
    # Pythagoras: ||A||^2 = ||A - product||^2 + ||product||^2.
    rng = np.random.RandomState(1)
    A = rng.standard_normal((32, 32))
    A /= _norm(A)
    result = butterfly_factorization(A, square_dyadic(32), order=order)
    kept = _norm(result.operator.toarray())
    assert abs(result.error**2 + kept**2 - 1) <= 1e-13


@pytest.mark.parametrize("is_complex", [False, True])
@pytest.mark.parametrize("rank", [1, 2, (1, 2, 2), (2, 1, 2)])
def test_butterfly_bounds_are_the_distances_to_the_junctions(rank, is_complex):
    rng = np.random.RandomState(2)
    chain = chain_from_factors((2, 3, 2, 2), (3, 2, 2, 3), rank=rank)
    A = rng.standard_normal((24, 36)) + 1j * is_complex * rng.standard_normal((24, 36))
    A = A if is_complex else A.real
    kept = remove_redundancy(chain)
    distances = [_distance_to_junction(A, kept, s) for s in range(1, len(kept))]
    result = butterfly_factorization(A, chain)
    assert_allclose(result.lower_bound, max(distances), rtol=1e-13)
    expected = min(math.sqrt(sum(e**2 for e in distances)), _norm(A))
    assert_allclose(result.upper_bound, expected, rtol=1e-13)


def test_butterfly_orders_without_orthogonal_residuals_are_bounded_by_the_sum():
    A = np.random.RandomState(11).standard_normal((32, 32))
    chain, order = square_dyadic(32), (1, 0, 2, 3)
    result = butterfly_factorization(A, chain, order=order)
    distances = [_distance_to_junction(A, chain, s) for s in range(1, 5)]
    assert_allclose(result.upper_bound, sum(distances), rtol=1e-13)
    # Errors are not orthogonal here, so this is no restatement of "l2r".
    kept = _norm(result.operator.toarray())
    assert abs(result.error**2 + kept**2 - _norm(A) ** 2) > 1e-6 * _norm(A) ** 2
    assert result.error <= sum(2.0 ** (3 - s) * e for s, e in enumerate(distances))


def test_butterfly_of_one_junction_is_optimal():
    A = np.random.RandomState(3).standard_normal((12, 20))
    result = butterfly_factorization(A, monarch(12, 20))
    assert_allclose(result.error, result.lower_bound, rtol=1e-13)
    assert_allclose(result.error, result.upper_bound, rtol=1e-13)
    low_rank = butterfly_factorization(A, [(1, 12, 3, 1), (1, 3, 20, 1)])
    tail = np.linalg.svd(A, compute_uv=False)[3:]
    assert_allclose(low_rank.error, _norm(tail), rtol=1e-13)


def test_butterfly_counts_what_is_off_the_support_from_the_residual():
    # A difference of squares would give 0 here, and break the lower bound.
    A = np.array([[0.1257302210933393, 1e-9], [0, -0.1321048632913019]])
    result = butterfly_factorization(A, [(2, 1, 1, 1)])
    assert result.error == result.lower_bound == result.upper_bound == 1e-9


@pytest.mark.parametrize("order", [*ORDERS, (1, 0)])
def test_butterfly_certificate_includes_what_is_off_the_support_once(order):
    rng = np.random.RandomState(4)
    chain = [(2, 2, 2, 8), (4, 2, 2, 4), (8, 2, 2, 2)]
    A = rng.standard_normal((32, 32))
    outside = _norm(A - KroneckerSparse(restrict(A, _join(chain))).toarray())
    result = butterfly_factorization(A, chain, order=order)
    distances = [_distance_to_junction(A, chain, s) for s in (1, 2)]
    assert_allclose(result.lower_bound, max(distances), rtol=1e-13)
    square = outside**2 + sum(e**2 - outside**2 for e in distances)
    assert_allclose(result.upper_bound, min(math.sqrt(square), _norm(A)), rtol=1e-13)
    assert outside < result.lower_bound <= result.error <= result.upper_bound


@pytest.mark.parametrize("n, expected", [(64, 0.0331), (128, 0.0250)])
def test_butterfly_denoises_the_dft_by_its_degrees_of_freedom(n, expected):
    rng = np.random.RandomState(5)
    F = dft(n).toarray()[:, _digit_reversal(n)] / math.sqrt(n)
    F /= _norm(F)
    noise = rng.standard_normal((n, n)) + 1j * rng.standard_normal((n, n))
    noise *= 0.1 / _norm(noise)
    chain = square_dyadic(n)
    result = butterfly_factorization(F + noise, chain)
    distance = _norm(result.operator.toarray() - F)
    predicted = 0.1 * math.sqrt(n_degrees_of_freedom(chain)) / n
    assert predicted == pytest.approx(expected, abs=1e-4)
    # The prediction is to first order in the noise; 5 % covers one draw of it.
    assert distance == pytest.approx(predicted, rel=0.05)


FACTORS = st.lists(
    st.tuples(st.integers(1, 4), st.integers(1, 4)), min_size=1, max_size=4
)
KINDS = ["normal", "rank one", "zero blocks", "sparse", "integer", "wild", "structured"]


def _matrix(kind, chain, shape, rng, is_complex):
    A = rng.standard_normal(shape)
    if kind == "rank one":
        A = np.outer(A[:, 0], A[0])
    if kind == "zero blocks":
        A[: (shape[0] + 1) // 2, : (shape[1] + 1) // 2] = 0
    if kind == "sparse":
        A *= rng.uniform(size=shape) < 0.15
    if kind == "integer":
        A = np.round(2 * A)
    if kind == "wild":
        A *= 10.0 ** rng.uniform(-6, 6, size=shape)
    if kind == "structured":
        A = random_chain(chain, random_state=rng).toarray() + 1e-3 * A
    return A * np.exp(2j * np.pi * rng.uniform(size=shape)) if is_complex else A


@settings(max_examples=300, deadline=None)
@given(
    factors=FACTORS,
    ranks=st.lists(st.integers(1, 2), min_size=3, max_size=3),
    kind=st.sampled_from(KINDS),
    dtype=st.sampled_from([np.float32, np.float64, np.complex64, np.complex128]),
    exponent=st.sampled_from([-300, -200, -30, 0, 30, 200, 300]),
    seed=st.integers(0, 2**32 - 1),
    data=st.data(),
)
def test_butterfly_certificate_holds(factors, ranks, kind, dtype, exponent, seed, data):
    rows, columns = zip(*factors, strict=True)
    chain = chain_from_factors(rows, columns, rank=ranks[: len(factors) - 1])
    order = data.draw(
        st.one_of(st.sampled_from(ORDERS), st.permutations(range(len(chain) - 1)))
    )
    shape = (math.prod(rows), math.prod(columns))
    is_complex = np.issubdtype(dtype, np.complexfloating)
    single = np.finfo(dtype).bits == 32
    A = _matrix(kind, chain, shape, np.random.RandomState(seed), is_complex)
    # Single precision ends at 1e38; 1e-30 leaves its smallest entries normal.
    A = (A * 10.0 ** (exponent / 10 if single else exponent)).astype(dtype)
    before = A.copy()
    result = butterfly_factorization(A, chain, order=order)
    assert (A == before).all()
    assert result.operator.shape == shape
    assert result.operator.dtype == dtype
    scale = float(np.abs(A).max()) or 1.0
    norm = _norm(A / scale) or 1.0
    lower, error, upper = (
        value / scale / norm
        for value in (result.lower_bound, result.error, result.upper_bound)
    )
    slack = 2e-6 if single else 1e-13
    assert 0 <= lower <= error + slack
    assert error <= upper + slack
    distance = _norm((A - result.operator.toarray()) / scale) / norm
    assert error == pytest.approx(distance, abs=slack)


@settings(max_examples=100, deadline=None)
@given(
    factors=FACTORS,
    kind=st.sampled_from(KINDS),
    dtype=st.sampled_from([np.float32, np.float64, np.complex64, np.complex128]),
    exponent=st.sampled_from([-300, -30, 0, 30, 300]),
    order=st.sampled_from(ORDERS),
    seed=st.integers(0, 2**32 - 1),
)
def test_projection_is_the_factorization_without_its_certificate(
    factors, kind, dtype, exponent, order, seed
):
    rows, columns = zip(*factors, strict=True)
    chain = chain_from_factors(rows, columns)
    shape = (math.prod(rows), math.prod(columns))
    is_complex = np.issubdtype(dtype, np.complexfloating)
    single = np.finfo(dtype).bits == 32
    A = _matrix(kind, chain, shape, np.random.RandomState(seed), is_complex)
    A = (A * 10.0 ** (exponent / 10 if single else exponent)).astype(dtype)
    before = A.copy()
    certified = butterfly_factorization(A, chain, order=order)
    result = butterfly_projection(A, chain, order=order)
    assert (A == before).all()
    assert (result.operator.toarray() == certified.operator.toarray()).all()
    assert result.upper_bound is None
    scale = float(np.abs(A).max()) or 1.0
    norm = _norm(A / scale) or 1.0
    slack = scale * norm * (2e-6 if single else 1e-13)
    assert result.lower_bound <= certified.lower_bound + slack
    assert result.error == pytest.approx(certified.error, abs=slack)
    assert "Not certified" in result.message


def test_projection_of_the_dyadic_chain_agrees_with_its_split_by_split_twin():
    # Each split by the singular value decompositions of its blocks, cut out one by one.
    n = 16
    rng = np.random.RandomState(12)
    A = rng.standard_normal((n, n)) + 1j * rng.standard_normal((n, n))
    node, lost = A.copy(), 0.0
    for level in range(3):
        width, half = n >> (level + 1), n >> (level + 1)
        rest = np.zeros((n, n), complex)
        for part, row, group in itertools.product(range(2**level), range(half), (0, 1)):
            rows = [part * 2 * half + row, part * 2 * half + half + row]
            start = (2 * part + group) * width
            block = node[np.ix_(rows, range(start, start + width))]
            _, s, v = np.linalg.svd(block)
            lost += s[1] ** 2
            rest[(2 * part + group) * half + row, start : start + width] = s[0] * v[0]
        node = rest
    result = butterfly_projection(A, square_dyadic(n))
    assert_allclose(result.error, math.sqrt(lost), rtol=1e-12)
