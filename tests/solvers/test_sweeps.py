"""Sweeps over the factors of a chain: monotone, isometric, with a mask."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skfrugal.operators import (
    chain_from_factors,
    monarch,
    random_chain,
    square_dyadic,
)
from skfrugal.solvers import Sweeps, butterfly_factorization
from skfrugal.solvers._splits import fuse_chain, split_chain, with_orthonormal_rows
from skfrugal.solvers._sweeps import half_sweep

RAGGED = chain_from_factors((2, 3, 2, 2), (3, 2, 2, 3), rank=(1, 2, 1))


def _gaussian(shape, seed=0, is_complex=False):
    rng = np.random.RandomState(seed)
    A = rng.standard_normal(shape)
    return A + 1j * rng.standard_normal(shape) if is_complex else A


@pytest.mark.parametrize("order", ["l2r", "r2l", "balanced"])
@pytest.mark.parametrize("sites", [1, 2])
@pytest.mark.parametrize("is_complex", [False, True])
def test_sweeps_never_raise_the_error(sites, order, is_complex):
    A = _gaussian((24, 36), 1, is_complex)
    A /= np.linalg.norm(A)
    once = butterfly_factorization(A, RAGGED, order=order)
    sweeps = Sweeps(max_iter=8, tol=0, sites=sites)
    swept = butterfly_factorization(A, RAGGED, order=order, sweeps=sweeps)
    errors = np.array([once.error, *swept.objectives])
    assert (np.diff(errors**2) <= 1e-14).all()
    assert errors[-1] < 0.999 * errors[0]
    assert swept.lower_bound == once.lower_bound <= swept.error
    assert swept.error == pytest.approx(swept.objectives[-1], abs=1e-14)
    distance = np.linalg.norm(A - swept.operator.toarray())
    assert swept.error == pytest.approx(distance, abs=1e-13)


@pytest.mark.parametrize("sites", [1, 2])
@pytest.mark.parametrize("rightwards", [True, False])
def test_sweeps_leave_a_centre_that_holds_all_of_the_kept_energy(sites, rightwards):
    # ||A||^2 - ||centre||^2 is the squared error only if all gauges are orthonormal.
    A = _gaussian((24, 36), 2)
    A /= np.linalg.norm(A)
    values = A.reshape(1, 24, 36, 1)
    factors = split_chain(values, RAGGED, (1, 0, 2))
    factors = with_orthonormal_rows(factors, RAGGED)
    factors = half_sweep(values, RAGGED, factors, sites, True)
    if not rightwards:
        factors = half_sweep(values, RAGGED, factors, sites, False)
    centre = factors[-1 if rightwards else 0]
    error = np.linalg.norm(values - fuse_chain(factors, RAGGED))
    assert abs(error**2 - (1 - np.linalg.norm(centre) ** 2)) <= 1e-13


def test_sweeps_end_at_a_point_where_no_factor_can_be_improved():
    A = _gaussian((16, 16), 3)
    chain = square_dyadic(16)
    result = butterfly_factorization(A, chain, sweeps=Sweeps(max_iter=3000, tol=1e-15))
    assert result.converged
    residual = A - result.operator.toarray()
    for i, factor in enumerate(result.operator.factors):
        left, right = np.eye(16), np.eye(16)
        for other in result.operator.factors[:i]:
            left = left @ other.toarray()
        for other in result.operator.factors[i + 1 :]:
            right = right @ other.toarray()
        gradient = left.T @ residual @ right.T
        support = factor.toarray() != 0
        # The last decrease was 1e-15 of ||A||^2: gradients are as its root.
        assert np.abs(gradient[support]).max() <= 1e-6 * np.linalg.norm(A)


def test_sweeps_of_two_sites_reach_the_published_gain():
    # The handbook's figure for a Gaussian matrix of order 64: from .899 to .870.
    A = _gaussian((64, 64), 0)
    A /= np.linalg.norm(A)
    once = butterfly_factorization(A, square_dyadic(64))
    swept = butterfly_factorization(A, square_dyadic(64), sweeps=10)
    assert swept.error < once.error - 0.02


def test_sweeps_call_back_and_stop_when_told():
    seen = []
    sweeps = Sweeps(on_step=lambda step: seen.append(step) or len(seen) == 2)
    A = _gaussian((16, 16), 4)
    result = butterfly_factorization(A, square_dyadic(16), sweeps=sweeps)
    assert result.n_iter == len(seen) == 2
    assert "on_step" in result.message
    assert_allclose(seen[1].operator.toarray(), result.operator.toarray())


@pytest.mark.parametrize("sites", [1, 2])
def test_mask_lowers_the_error_on_the_mask_in_every_sweep(sites):
    rng = np.random.RandomState(8)
    A, mask = _gaussian((24, 36), 8), rng.uniform(size=(24, 36)) < 0.7
    A[~mask] = np.nan
    before = A.copy()
    sweeps = Sweeps(max_iter=20, tol=0, sites=sites)
    result = butterfly_factorization(A, RAGGED, mask=mask, sweeps=sweeps)
    assert np.array_equal(A, before, equal_nan=True)
    total = np.linalg.norm(A[mask])
    errors = np.array(result.objectives)
    assert (np.diff(errors**2) <= 1e-14 * total**2).all()
    distance = np.linalg.norm((A - result.operator.toarray())[mask])
    assert_allclose(result.error, distance, rtol=1e-12)
    assert result.lower_bound is None
    assert result.error <= result.upper_bound <= total
    assert "no lower bound" in result.message


def test_mask_completes_a_product():
    chain = monarch(36, 36)
    A = random_chain(chain, random_state=9).toarray()
    mask = np.random.RandomState(9).uniform(size=A.shape) < 0.8
    sweeps = Sweeps(max_iter=400, tol=0)
    result = butterfly_factorization(A, chain, mask=mask, sweeps=sweeps)
    hidden = np.linalg.norm((A - result.operator.toarray())[~mask])
    assert hidden <= 1e-6 * np.linalg.norm(A)


def test_mask_of_all_entries_is_the_plain_problem():
    A = _gaussian((16, 16), 10)
    everything = butterfly_factorization(
        A, square_dyadic(16), mask=np.ones((16, 16), bool), sweeps=3
    )
    plain = butterfly_factorization(A, square_dyadic(16), sweeps=3)
    assert_allclose(everything.objectives, plain.objectives, rtol=1e-12)
