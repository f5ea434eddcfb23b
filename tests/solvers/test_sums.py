"""Sums of low-rank, sparse and structured matrices: monotone, exact where planted."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from skfrugal.operators import (
    LowRank,
    SparseFactor,
    Sum,
    monarch,
    radix,
    random_chain,
    square_dyadic,
)
from skfrugal.solvers import butterfly_factorization, sum_factorization

CHAINS = (radix(16, 4), square_dyadic(16))


def _gaussian(shape, seed, is_complex=False):
    rng = np.random.RandomState(seed)
    A = rng.standard_normal(shape)
    return A + 1j * rng.standard_normal(shape) if is_complex else A


@pytest.mark.parametrize("is_complex", [False, True])
@pytest.mark.parametrize(
    "terms",
    [
        {"rank": 2, "n_nonzero": 30},
        {"rank": 2, "chains": CHAINS[:1]},
        {"chains": CHAINS},
        {"rank": 1, "n_nonzero": 10, "chains": CHAINS},
    ],
)
def test_sums_never_rise_and_stay_below_their_bound(terms, is_complex):
    A = _gaussian((16, 16), 0, is_complex)
    result = sum_factorization(A, **terms, max_iter=30, tol=0)
    errors = np.array(result.objectives)
    assert (np.diff(errors) <= 1e-14 * np.linalg.norm(A)).all()
    assert result.error <= result.upper_bound
    assert result.lower_bound is None
    distance = np.linalg.norm(A - result.operator.toarray())
    assert_allclose(result.error, distance, rtol=1e-12)
    assert isinstance(result.operator, Sum)


def test_sums_beat_each_term_alone():
    A = _gaussian((20, 30), 1)
    result = sum_factorization(A, rank=3, n_nonzero=60)
    tail = np.linalg.svd(A, compute_uv=False)[3:]
    small = np.sort(np.abs(A).ravel())[:-60]
    assert_allclose(result.upper_bound, min(map(np.linalg.norm, (tail, small))))
    assert result.error < 0.95 * result.upper_bound
    low_rank, sparse = result.operator.terms
    assert isinstance(low_rank, LowRank) and low_rank.rank == 3
    assert isinstance(sparse, SparseFactor) and sparse.nnz == 60


@pytest.mark.parametrize("shape", [(40, 40), (30, 60), (60, 30)])
def test_sums_recover_planted_low_rank_plus_sparse(shape):
    rng = np.random.RandomState(2)
    low_rank = rng.standard_normal((shape[0], 2)) @ rng.standard_normal((2, shape[1]))
    sparse = np.zeros(shape)
    cells = rng.choice(sparse.size, 40, replace=False)
    sparse.ravel()[cells] = 10 * rng.choice([-1, 1], 40)
    result = sum_factorization(low_rank + sparse, rank=2, n_nonzero=40, tol=1e-9)
    assert result.error <= 1e-6 * np.linalg.norm(sparse)
    found = result.operator.terms[1].toarray()
    assert_allclose(found, sparse, atol=1e-4)


def test_sums_recover_planted_low_rank_plus_chain():
    rng = np.random.RandomState(3)
    chain = monarch(36, 36)
    A = np.outer(rng.standard_normal(36), rng.standard_normal(36))
    A += random_chain(chain, random_state=3).toarray()
    result = sum_factorization(A, rank=1, chains=[chain], max_iter=300, tol=1e-7)
    assert result.error <= 1e-5 * np.linalg.norm(A)
    assert butterfly_factorization(A, chain).lower_bound > 0.05 * np.linalg.norm(A)


def test_sums_of_one_term_are_its_projection():
    A = _gaussian((16, 16), 4)
    tail = np.linalg.svd(A, compute_uv=False)[5:]
    assert_allclose(sum_factorization(A, rank=5).error, np.linalg.norm(tail))
    small = np.sort(np.abs(A).ravel())[:-7]
    assert_allclose(sum_factorization(A, n_nonzero=7).error, np.linalg.norm(small))
    chain = monarch(16, 16)
    found, best = (
        sum_factorization(A, chains=[chain]),
        butterfly_factorization(A, chain),
    )
    assert_allclose(found.error, best.error)


@settings(max_examples=100, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 8), st.integers(1, 8)),
    rank=st.integers(0, 3),
    n_nonzero=st.integers(1, 20),
    dtype=st.sampled_from([np.float32, np.float64, np.complex64, np.complex128]),
    exponent=st.sampled_from([-300, 0, 300]),
    kind=st.sampled_from(["normal", "zero", "rank one", "sparse"]),
    seed=st.integers(0, 2**32 - 1),
)
def test_sums_take_any_matrix(shape, rank, n_nonzero, dtype, exponent, kind, seed):
    rng = np.random.RandomState(seed)
    A = rng.standard_normal(shape)
    if np.issubdtype(dtype, np.complexfloating):
        A = A + 1j * rng.standard_normal(shape)
    if kind == "rank one":
        A = np.outer(A[:, 0], A[0])
    A = A * {"zero": 0, "sparse": rng.uniform(size=shape) < 0.3}.get(kind, 1)
    single = np.finfo(dtype).bits == 32
    A = (A * 10.0 ** (exponent / 10 if single else exponent)).astype(dtype)
    A.flags.writeable = False
    result = sum_factorization(A, rank=rank, n_nonzero=n_nonzero, max_iter=5, tol=0)
    assert result.operator.shape == shape
    assert result.operator.dtype == dtype
    unit = float(np.abs(A).max()) or 1.0
    norm = np.linalg.norm((A / unit).astype(np.complex128))
    slack = (2e-6 if single else 1e-13) * norm
    distance = np.linalg.norm((A - result.operator.toarray()) / unit)
    assert result.error / unit == pytest.approx(distance, abs=slack)
    assert result.error / unit <= result.upper_bound / unit + slack


@pytest.mark.parametrize(
    "options, words",
    [
        ({}, "no terms; pass rank >= 1"),
        ({"rank": -1}, "rank must be an integer >= 0"),
        ({"n_nonzero": 1.5}, "n_nonzero must be an integer >= 0"),
        ({"chains": [square_dyadic(8)]}, r"A has shape \(4, 4\) but a chain"),
    ],
)
def test_sums_refuse_bad_input_with_one_sentence(options, words):
    with pytest.raises(ValueError, match=words):
        sum_factorization(np.eye(4), **options)
    with pytest.raises(ValueError, match="NaN"):
        sum_factorization(np.eye(4) * np.nan, rank=1)
