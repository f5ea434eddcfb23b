"""Codes of many signals with one budget, against slow obvious twins."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skfrugal._kernels import _sparse_coding
from skfrugal.solvers._sparse_coding import _table, codes_in_turn, shared_codes


def problem(seed, n=12, a=7, d=15):
    rng = np.random.RandomState(seed)
    signals, atoms = rng.standard_normal((n, d)), rng.standard_normal((a, d))
    return signals, atoms, signals @ atoms.T, atoms @ atoms.T


def squared_errors(signals, atoms, codes):
    return np.square(signals - codes @ atoms).sum(axis=1)


def best_error(signal, atoms, support):
    chosen = atoms[list(support)].T
    values = np.linalg.lstsq(chosen, signal, rcond=None)[0]
    return np.sum((signal - chosen @ values) ** 2)


@pytest.mark.parametrize("seed", range(5))
def test_pursuit_takes_the_atom_that_lowers_the_error_most(seed):
    signals, atoms, B, G = problem(seed)
    order, gains = np.empty((12, 5), np.intc), np.empty((12, 5))
    _sparse_coding.pursue(_table(), B, G, order, gains, np.empty(200))
    for signal, chosen, gain in zip(signals, order, gains, strict=True):
        support, error = [], signal @ signal
        for atom, step in zip(chosen, gain, strict=True):
            left = [j for j in range(7) if j not in support]
            errors = [best_error(signal, atoms, [*support, j]) for j in left]
            assert left[int(np.argmin(errors))] == atom
            np.testing.assert_allclose(error - min(errors), step, atol=1e-10)
            support, error = [*support, atom], min(errors)


@given(seed=st.integers(0, 10_000), total=st.integers(1, 40), weighted=st.booleans())
@settings(deadline=None, max_examples=60)
def test_the_gain_is_what_the_error_falls_by(seed, total, weighted):
    signals, atoms, B, G = problem(seed)
    weight = np.random.RandomState(seed).uniform(size=12) if weighted else None
    codes, gain = shared_codes(B, G, total, weight=weight)
    assert codes.nnz <= total
    lowered = np.square(signals).sum(axis=1) - squared_errors(signals, atoms, codes)
    expected = lowered.sum() if weight is None else lowered @ weight
    np.testing.assert_allclose(gain, expected, rtol=1e-9, atol=1e-9)


@given(seed=st.integers(0, 10_000), total=st.integers(1, 30))
@settings(deadline=None, max_examples=60)
def test_old_codes_are_never_made_worse(seed, total):
    _, _, B, G = problem(seed)
    rng = np.random.RandomState(seed)
    other, _ = shared_codes(rng.standard_normal(B.shape), G, total)
    # What the old supports reach with their best values.
    alone = 0.0
    for b, start, stop in zip(B, other.indptr, other.indptr[1:], strict=False):
        support = other.indices[start:stop]
        inner = G[np.ix_(support, support)]
        alone += b[support] @ np.linalg.solve(inner, b[support])
    codes, gain = shared_codes(B, G, total, old=other)
    assert codes.nnz <= total
    assert gain >= alone * (1 - 1e-10)


def test_over_orthonormal_atoms_the_largest_products_are_kept():
    B = np.random.RandomState(0).standard_normal((20, 9))
    codes, _ = shared_codes(B, np.eye(9), 50, most=9)
    kept = np.where(np.abs(B) >= np.sort(np.abs(B).ravel())[-50], B, 0)
    np.testing.assert_allclose(codes.toarray(), kept, atol=1e-14)


@pytest.mark.parametrize("seed", range(4))
def test_an_exchange_is_the_best_of_all(seed):
    signals, atoms, B, G = problem(seed, n=6)
    indptr = np.arange(0, 19, 3, dtype=np.intc)
    indices = np.tile(np.array([0, 1, 2], np.intc), 6)
    values, gains = np.empty(18), np.empty(6)
    work = np.empty(_sparse_coding.work_size(3, 7))
    _sparse_coding.solve(B, G, indptr, indices, values, gains, work)
    _sparse_coding.exchange(_table(), B, G, indptr, indices, values, gains, work)
    for i, signal in enumerate(signals):
        near = [s for s in combinations(range(7), 3) if len({0, 1, 2} & set(s)) >= 2]
        least = min(best_error(signal, atoms, support) for support in near)
        np.testing.assert_allclose(signal @ signal - gains[i], least, rtol=1e-9)
        reached = signal - values[3 * i : 3 * i + 3] @ atoms[indices[3 * i : 3 * i + 3]]
        np.testing.assert_allclose(reached @ reached, least, rtol=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_columns_in_turn_lower_their_quadratic(seed):
    rng = np.random.RandomState(seed)
    left, right = rng.standard_normal((20, 6)), rng.standard_normal((8, 25))
    A = rng.standard_normal((20, 25))
    W, H, C = left.T @ left, right @ right.T, left.T @ A @ right.T
    codes, _ = shared_codes(rng.standard_normal((8, 6)), np.eye(6), 16)
    before = np.linalg.norm(A - left @ codes.toarray().T @ right)
    lengths = np.diff(codes.indptr)
    for _ in range(200):
        codes = codes_in_turn(np.ascontiguousarray(C.T), W, H, codes)
        after = np.linalg.norm(A - left @ codes.toarray().T @ right)
        assert after <= before * (1 + 1e-12)
        before = after
    np.testing.assert_array_equal(np.diff(codes.indptr), lengths)
    # At the end no column can do better on its support.
    D = codes.toarray().T
    gradient = W @ D @ H - C
    assert np.abs(gradient[D != 0]).max() < 1e-9 * np.abs(C).max()


def test_dependent_and_zero_atoms_do_no_harm():
    signals, atoms, _, _ = problem(0)
    atoms[3] = atoms[2]
    atoms[5] = 0
    B, G = signals @ atoms.T, atoms @ atoms.T
    codes, gain = shared_codes(B, G, 12 * 7)
    assert np.isfinite(codes.data).all()
    assert 5 not in codes.indices
    whole = sum(
        s @ s - best_error(s, atoms[[0, 1, 2, 4, 6]], range(5)) for s in signals
    )
    np.testing.assert_allclose(gain, whole, rtol=1e-9)
