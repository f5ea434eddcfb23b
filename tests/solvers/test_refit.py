"""Least squares on a support: the normal equations are the oracle."""

import numpy as np
import pytest

from skfrugal.constraints import Support
from skfrugal.solvers import _refit
from skfrugal.solvers._refit import fit_on_support, refit_steps


def problem(kind, m=6, n=7, seed=0):
    rng = np.random.RandomState(seed)

    def draw(*shape):
        values = rng.standard_normal(shape)
        return values + 1j * rng.standard_normal(shape) if kind == "complex" else values

    L, R, A = draw(9, m), draw(n, 8), draw(9, 8)
    S = draw(m, n) * (rng.random_sample((m, n)) < 0.4)
    return L, R, A, S


@pytest.mark.parametrize("kind", ["real", "complex"])
@pytest.mark.parametrize("n_direct", [10**9, 0])
@pytest.mark.parametrize("n_gathered", [10**9, 0])
def test_fit_is_the_least_squares_solution(kind, n_direct, n_gathered, monkeypatch):
    """Found directly and by conjugate gradients."""
    monkeypatch.setattr(_refit, "N_DIRECT", n_direct)
    monkeypatch.setattr(_refit, "N_GATHERED", n_gathered)
    monkeypatch.setattr(_refit, "N_CONJUGATE", 100)
    L, R, A, S = problem(kind)
    X = fit_on_support(S, L.conj().T @ L, R @ R.conj().T, L.conj().T @ A @ R.conj().T)
    rows, columns = np.nonzero(S)
    design = np.einsum("ai,ib->iab", L[:, rows], R[columns]).reshape(len(rows), -1)
    expected = np.linalg.lstsq(design.T, A.ravel(), rcond=None)[0]
    np.testing.assert_allclose(X[rows, columns], expected, rtol=1e-7)
    assert not X[S == 0].any()


@pytest.mark.parametrize("n_direct", [10**9, 0])
def test_fit_with_identities_is_the_target_itself(n_direct, monkeypatch):
    monkeypatch.setattr(_refit, "N_DIRECT", n_direct)
    _, _, _, S = problem("real")
    target = np.random.RandomState(1).standard_normal(S.shape)
    X = fit_on_support(S, None, None, target)
    np.testing.assert_allclose(X, np.where(S != 0, target, 0), atol=1e-14)


def test_fit_of_an_empty_support_is_zero():
    assert not fit_on_support(np.zeros((3, 4)), None, None, np.ones((3, 4))).any()


def test_sweeps_never_raise_the_error_and_end_where_the_gradient_vanishes():
    L, R, A, S = problem("real")
    A = A / np.linalg.norm(A)
    factors = [L, S, R]
    constraints = [Support(np.abs(F) > 0) for F in factors]
    steps = refit_steps(A, factors, 1.0, constraints)
    errors = [next(steps).error for _ in range(200)]
    assert (np.diff(errors) <= 0).all()
    (F, X, G), lam = next(steps).state
    gradient = F.T @ (A - lam * F @ X @ G) @ G.T
    scale = np.linalg.norm(F, 2) * np.linalg.norm(G, 2)
    assert np.abs(gradient[X != 0]).max() <= 1e-4 * scale
