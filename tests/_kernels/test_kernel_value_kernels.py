"""Kernel values under every table, against longer arithmetic."""

import numpy as np
import pytest
from kernel_reference import TABLES
from skfrugal._kernels._kernel_values import KernelTable

from skfrugal.operators import _kernel_landmarks
from skfrugal.operators._kernel_functions import FUSED_KERNELS, KernelFunction
from skfrugal.operators._kernel_landmarks import PackedKernel

DTYPES = [np.float32, np.float64]
DIFFERENCES = ("rbf", "laplacian", "matern12", "matern32", "matern52")
# One landmark, vectors and panels that are not full, several panels.
SHAPES = [(0, 3, 1), (1, 1, 5), (7, 2, 16), (8, 40, 49), (65, 9, 100)]


def powers_of_two(table, x):
    y = np.full_like(x, 7)
    KernelTable(table).powers_of_two(x, y)
    return y


def long_values(function, X, Z):
    """Kernel values of float64 numbers in long double."""
    X, Z = X.astype(np.longdouble), Z.astype(np.longdouble)
    if function.name == "cosine":
        X, Z = (A / np.sqrt(np.sum(A * A, axis=1, keepdims=True)) for A in (X, Z))
    if function.name not in DIFFERENCES:
        return function.of_products(np.array([[x @ z for z in Z] for x in X]))
    apart = X[:, np.newaxis] - Z
    if function.name == "laplacian":
        return np.exp(-function.gamma * np.abs(apart).sum(axis=2))
    return function.of_squares(np.square(apart).sum(axis=2))


def bound_of(function, X, Z, values, eps):
    """What rounding may change: stated in FusedKernel's docstring."""
    d = X.shape[1]
    if function.name in ("cosine", "linear"):
        sizes = np.abs(X) @ np.abs(Z).T if function.name == "linear" else 1
        return (d + 6) * eps * sizes
    if function.name not in DIFFERENCES:
        affine = np.abs(X) @ np.abs(Z).T * function.gamma + abs(function.coef0)
        slope = 1
        if function.name != "sigmoid":
            slope = function.degree * affine ** (function.degree - 1)
        return (d + 2 * function.degree + 6) * eps * affine * slope
    squared = [np.square(A.astype(float)).sum(axis=1) for A in (X, Z)]
    exponent = function.gamma * np.add.outer(*squared)
    if function.name == "laplacian":
        exponent = function.gamma * np.abs(X[:, np.newaxis] - Z).sum(axis=2)
    elif function.name != "rbf":
        apart = np.square(X[:, np.newaxis].astype(float) - Z).sum(axis=2)
        exponent = 3 * function.gamma * np.sqrt(apart)
    return ((d + 6) / 2 * exponent + 4) * eps * values


def packed_kernel(table, function, Z, dtype, **options):
    origin = np.zeros(Z.shape[1])
    return PackedKernel(table, function, Z.astype(float), origin, dtype, **options)


def block(packed, X):
    out = np.full((len(X), packed.n_landmarks + 3), 7, dtype=packed.dtype)
    packed.block(X, out[:, :-3])
    assert np.all(out[:, -3:] == 7)
    return out[:, :-3]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", TABLES)
def test_power_of_two_error_is_below_its_bound_for_every_exponent(name, dtype):
    info = np.finfo(dtype)
    lowest = int(np.log2(float(info.smallest_subnormal))) - 3
    rng = np.random.RandomState(0)
    whole = np.arange(lowest, 1)[:, np.newaxis]
    x = (whole + rng.uniform(-0.5, 0.5, (len(whole), 300))).ravel()
    x = np.concatenate([x, whole.ravel(), whole.ravel() - 0.5]).astype(dtype)
    x = np.minimum(x, 0)
    expected = np.exp2(x.astype(np.longdouble))
    # np.spacing of the nearest number, which for denormals is the smallest of them
    ulp = np.spacing(expected.astype(dtype)).astype(np.longdouble)
    error = np.abs(powers_of_two(TABLES[name], x) - expected) / ulp
    assert error.max() < 1.25


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", TABLES)
def test_power_of_two_of_special_numbers(name, dtype):
    x = np.array([0, -1, -np.inf, np.nan, -1e30, -(2.0**-140)], dtype=dtype)
    y = powers_of_two(TABLES[name], x)
    np.testing.assert_array_equal(y, np.array([1, 0.5, 0, np.nan, 0, 1], dtype=dtype))


@pytest.mark.parametrize("name", TABLES)
def test_powers_of_two_of_any_number_of_elements(name):
    x = -np.random.RandomState(0).uniform(0, 30, 70).astype(np.float32)
    whole = powers_of_two(TABLES[name], x)
    for n in (0, 1, 15, 16, 17, 70):
        np.testing.assert_array_equal(powers_of_two(TABLES[name], x[:n]), whole[:n])


@pytest.mark.parametrize("kernel", FUSED_KERNELS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", TABLES)
def test_values_are_within_their_bound(name, dtype, kernel):
    rng = np.random.RandomState(0)
    for n, d, m in SHAPES:
        X, Z = (rng.standard_normal((k, d)).astype(dtype) for k in (n, m))
        X[: n // 4] = Z[rng.randint(m, size=n // 4)]
        function = KernelFunction(kernel, 0.3)
        packed = packed_kernel(TABLES[name], function, Z, dtype)
        values = block(packed, X)
        expected = long_values(function, X, Z).reshape(n, m)
        bound = bound_of(function, X, Z, expected, np.finfo(dtype).eps)
        assert np.all(np.abs(values - expected) <= bound)


@pytest.mark.parametrize("form", ["product", "squares"])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", TABLES)
def test_rbf_of_products_and_of_differences_keep_their_bounds(
    name, dtype, form, monkeypatch
):
    features = 0 if form == "product" else 100
    most = dict.fromkeys((4, 8), features)
    monkeypatch.setattr(_kernel_landmarks, "MOST_DIFFERENCES", most)
    rng = np.random.RandomState(1)
    X, Z = (rng.standard_normal((k, 20)).astype(dtype) for k in (33, 70))
    X[5], X[6] = 1e18, np.finfo(dtype).max / 4  # so far that all values are 0
    function = KernelFunction("rbf", 0.2)
    values = block(packed_kernel(TABLES[name], function, Z, dtype), X)
    assert np.all(values[5:7] == 0)
    X[5:7] = 0
    values[5:7] = long_values(function, X[5:7], Z)
    expected = long_values(function, X, Z)
    eps = np.finfo(dtype).eps
    relative = np.abs(values - expected) / expected
    if form == "product":
        assert np.all(relative <= bound_of(function, X, Z, 1, eps))
    else:
        assert np.all(relative <= (13 * -np.log(expected) + 4) * eps)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", TABLES)
def test_a_value_does_not_depend_on_its_neighbours(name, dtype):
    rng = np.random.RandomState(2)
    X, Z = (rng.standard_normal((k, 6)).astype(dtype) for k in (150, 110))
    for kernel in ("rbf", "matern32", "poly", "laplacian"):
        function = KernelFunction(kernel, 0.3)
        whole = block(packed_kernel(TABLES[name], function, Z, dtype), X)
        some = packed_kernel(TABLES[name], function, Z[40:45], dtype)
        np.testing.assert_array_equal(block(some, X[70:83]), whole[70:83, 40:45])


@pytest.mark.parametrize("kernel", ["rbf", "matern12", "matern32", "matern52"])
@pytest.mark.parametrize("name", TABLES)
def test_slopes_are_the_derivatives_by_the_squared_distance(name, kernel):
    rng = np.random.RandomState(3)
    X, Z = rng.standard_normal((9, 4)), rng.standard_normal((30, 4))
    X[0] = Z[0]
    function = KernelFunction(kernel, 0.7)
    packed = packed_kernel(TABLES[name], function, Z, np.float64, slope=True)
    squared = np.square(X[:, np.newaxis] - Z).sum(axis=2)
    slopes = block(packed, X)
    np.testing.assert_allclose(slopes, function.slopes(squared), rtol=1e-12)
    away = squared > 0.1
    step = 1e-5
    ahead, behind = (function.of_squares(squared[away] + s) for s in (step, -step))
    numeric = (ahead - behind) / (2 * step)
    slopes = function.slope_factor * slopes[away]
    np.testing.assert_allclose(slopes, numeric, rtol=1e-6)


@pytest.mark.parametrize("n_targets", [1, 3, 40])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", TABLES)
def test_sums_over_landmarks_and_rows_are_those_of_float64(name, dtype, n_targets):
    rng = np.random.RandomState(4)
    for n, d, m in SHAPES:
        X, Z = (rng.standard_normal((k, d)).astype(dtype) for k in (n, m))
        packed = packed_kernel(TABLES[name], KernelFunction("rbf", 0.3), Z, dtype)
        values = block(packed, X).astype(np.float64)
        coef = rng.standard_normal((m, n_targets))
        y = np.ones((n, n_targets))
        packed.predict(X, packed.pack_targets(coef), y)
        bound = 1e-15 * m * (values @ np.abs(coef) + 1)
        assert np.all(np.abs(y - 1 - values @ coef) <= bound)
        residual = rng.standard_normal((n, n_targets))
        sums = np.zeros(packed.n_padded * n_targets)
        packed.adjoint(X, residual, sums, 0, packed.n_panels)
        sums = packed.unpack_targets(sums, n_targets)
        bound = 1e-15 * (n + 1) * (values.T @ np.abs(residual) + 1e-300)
        assert np.all(np.abs(sums - values.T @ residual) <= bound)
