"""What follows fused kernel values: predictions, adjoints, gradients, structure."""

import pickle

import numpy as np
import pytest

from skfrugal import _parallel
from skfrugal import operators as ops
from skfrugal.operators._fused_kernels import (
    FUSED_KERNELS,
    SHIFT_INVARIANT,
    FusedKernel,
)

GAMMA = 0.3
SMOOTH = ("rbf", "matern12", "matern32", "matern52")


def data(n=60, m=37, d=5, dtype=np.float64, seed=0):
    rng = np.random.RandomState(seed)
    return (rng.standard_normal((k, d)).astype(dtype) for k in (n, m))


def oracle(X, Z, kernel):
    """Kernels of differences, from their formulas."""
    apart = X[:, np.newaxis] - Z
    if kernel == "laplacian":
        return np.exp(-GAMMA * np.abs(apart).sum(axis=2))
    squared = np.square(apart).sum(axis=2)
    if kernel == "rbf":
        return np.exp(-GAMMA * squared)
    nu = {"matern12": 0.5, "matern32": 1.5, "matern52": 2.5}[kernel]
    s = np.sqrt(2 * nu * squared) * GAMMA
    polynomial = {0.5: 1, 1.5: 1 + s, 2.5: 1 + s + s**2 / 3}[nu]
    return polynomial * np.exp(-s)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kernel", FUSED_KERNELS)
@pytest.mark.parametrize(("n", "m", "t"), [(0, 4, 1), (1, 1, 1), (50, 90, 3)])
def test_predictions_and_adjoints_are_products_with_the_values(
    instruction_set, kernel, dtype, n, m, t
):
    X, Z = data(n, m, dtype=dtype)
    rng = np.random.RandomState(1)
    coef, residual = rng.standard_normal((m, t)), rng.standard_normal((n, t))
    intercept = rng.standard_normal(t)
    fused = FusedKernel(Z, kernel, gamma=GAMMA)
    K = fused.values(X).astype(np.float64)
    y = fused.predict(X, coef, intercept)
    assert y.dtype == dtype
    eps = np.finfo(dtype).eps
    bound = np.abs(K) @ np.abs(coef) + 3
    assert np.all(np.abs(y - K @ coef - intercept) <= eps * bound * 4)
    sums = fused.adjoint(X, residual)
    assert sums.dtype == np.float64
    scale = (np.abs(K).T @ np.abs(residual)).max(initial=1)
    np.testing.assert_allclose(sums, K.T @ residual, atol=1e-14 * scale)
    # <K c, r> = <c, K^T r>
    left, right = np.vdot(y - intercept, residual), np.vdot(coef, sums)
    assert abs(left - right) <= 4 * eps * np.vdot(bound, np.abs(residual)) + 1e-12


@pytest.mark.parametrize("kernel", SHIFT_INVARIANT)
def test_gradients_agree_with_finite_differences(instruction_set, kernel):
    X, Z = data(40, 7, 4)
    weights = np.random.RandomState(1).standard_normal((40, 7))
    X[0] = Z[0]
    weights[0, 0] = 0 if kernel in ("laplacian", "matern12") else 1  # a cone's tip

    def loss(scale, Z):
        return np.vdot(oracle(X * scale, Z * scale, kernel), weights)

    def numeric(function, at, step=1e-5):
        result = np.empty(at.shape)
        for index in np.ndindex(at.shape):
            ends = [at.copy(), at.copy()]
            ends[0][index] += step
            ends[1][index] -= step
            result[index] = (function(ends[0]) - function(ends[1])) / (2 * step)
        return result

    one = np.ones(4)
    by_landmarks, by_scales = FusedKernel(Z, kernel, gamma=GAMMA).gradients(X, weights)
    expected = numeric(lambda Z: loss(one, Z), Z)
    np.testing.assert_allclose(by_landmarks, expected, atol=1e-8)
    expected = numeric(lambda scale: loss(scale, Z), one)
    np.testing.assert_allclose(by_scales, expected, atol=1e-7)


# without laplacian: its derivative jumps where a rounded number passes a landmark's
@pytest.mark.parametrize("kernel", SMOOTH)
def test_gradients_in_float32_have_its_accuracy(instruction_set, kernel):
    X, Z = data(300, 20, 6)
    weights = np.random.RandomState(1).standard_normal((300, 20))
    exact = FusedKernel(Z, kernel, gamma=GAMMA).gradients(X, weights)
    X, Z = X.astype(np.float32) + np.float32(1e3), Z + 1e3
    for single, double in zip(
        FusedKernel(Z, kernel, gamma=GAMMA).gradients(X, weights), exact, strict=True
    ):
        # rows moved by 1e3 are rounded to 3e-5, which sums of 300 numbers hide
        assert np.abs(single - double).max() <= 1e-3 * np.abs(double).max()


@pytest.mark.parametrize("kernel", FUSED_KERNELS)
def test_landmarks_may_be_an_operator(instruction_set, kernel):
    op = ops.random_butterfly(16, random_state=0)
    X = np.random.RandomState(0).standard_normal((40, 16))
    dense = FusedKernel(op.toarray(), kernel, gamma=GAMMA)
    fused = FusedKernel(op, kernel, gamma=GAMMA)
    np.testing.assert_allclose(fused.values(X), dense.values(X), rtol=1e-10)
    coef = np.random.RandomState(1).standard_normal((16, 2))
    np.testing.assert_allclose(
        fused.predict(X, coef), dense.predict(X, coef), rtol=1e-9, atol=1e-10
    )
    np.testing.assert_allclose(
        fused.adjoint(X, X[:, :2]), dense.adjoint(X, X[:, :2]), rtol=1e-9, atol=1e-10
    )
    if kernel in SHIFT_INVARIANT:
        weights = np.random.RandomState(2).standard_normal((40, 16))
        for one, other in zip(
            fused.gradients(X, weights), dense.gradients(X, weights), strict=True
        ):
            np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kernel", ["rbf", "matern52", "sigmoid"])
def test_results_do_not_depend_on_the_number_of_threads(
    instruction_set, monkeypatch, kernel, dtype
):
    monkeypatch.setattr(_parallel, "SMALLEST_SHARED_WORK", 0.0)
    X, Z = data(2300, 500, dtype=dtype)
    coef = np.random.RandomState(0).standard_normal((500, 2))
    results = []
    for n_threads in (1, 2, 3):
        monkeypatch.setattr(_parallel, "effective_n_threads", lambda n=n_threads: n)
        fused = FusedKernel(Z, kernel, gamma=GAMMA)
        K = fused.values(X)
        results.append((K, fused.predict(X, coef), fused.adjoint(X, X[:, :2])))
    for other in results[1:]:
        for one, first in zip(other, results[0], strict=True):
            np.testing.assert_array_equal(one, first)


def test_only_the_landmarks_are_pickled(instruction_set):
    X, Z = data(m=200, d=30, dtype=np.float32)
    fused = FusedKernel(Z, gamma=0.1, precision="single")
    y = fused.predict(X, np.ones((200, 1)))
    assert len(pickle.dumps(fused)) < Z.nbytes + 500
    copy = pickle.loads(pickle.dumps(fused))
    np.testing.assert_array_equal(copy.predict(X, np.ones((200, 1))), y)
