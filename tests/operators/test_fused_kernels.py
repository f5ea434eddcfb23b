"""Fused kernels against scikit-learn's, at any scale, layout, dtype and table."""

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.gaussian_process.kernels import Matern
from sklearn.metrics.pairwise import pairwise_kernels

from skfrugal.operators._fused_kernels import (
    FUSED_KERNELS,
    SHIFT_INVARIANT,
    FusedKernel,
)

GAMMA = 0.3
NU = {"matern12": 0.5, "matern32": 1.5, "matern52": 2.5}


def oracle(X, Z, kernel, gamma=GAMMA, degree=3, coef0=1):
    X, Z = X.astype(np.float64), Z.astype(np.float64)
    if kernel in NU:
        return Matern(1 / gamma, nu=NU[kernel])(X, Z)
    parameters = {"gamma": gamma, "degree": degree, "coef0": coef0}
    return pairwise_kernels(X, Z, kernel, filter_params=True, **parameters)


def data(n=60, m=37, d=5, dtype=np.float64, seed=0):
    rng = np.random.RandomState(seed)
    return (rng.standard_normal((k, d)).astype(dtype) for k in (n, m))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kernel", FUSED_KERNELS)
def test_values_are_those_of_scikit_learn(instruction_set, kernel, dtype):
    X, Z = data(dtype=dtype)
    values = FusedKernel(Z, kernel, gamma=GAMMA).values(X)
    assert values.dtype == dtype
    rtol = 2e-5 if dtype == np.float32 else 1e-12  # 30 eps times the cubes' condition
    expected = oracle(X, Z, kernel)
    np.testing.assert_allclose(values, expected, rtol=rtol, atol=rtol / 10)


@pytest.mark.parametrize("kernel", ["rbf", "laplacian", "poly", "sigmoid"])
def test_default_parameters_are_those_of_scikit_learn(instruction_set, kernel):
    X, Z = data()
    expected = pairwise_kernels(X, Z, kernel)
    np.testing.assert_allclose(FusedKernel(Z, kernel).values(X), expected, rtol=1e-12)


@pytest.mark.parametrize("degree", [0, 1, 2, 5, 2.5, 70])
def test_polynomials_of_any_degree(instruction_set, degree):
    X, Z = (np.abs(A) for A in data())
    kernel = FusedKernel(Z, "poly", gamma=0.1, degree=degree, coef0=0.5)
    expected = oracle(X, Z, "poly", 0.1, degree, 0.5)
    np.testing.assert_allclose(kernel.values(X), expected, rtol=1e-12)
    coef = np.random.RandomState(0).standard_normal((len(Z), 2))
    scale = expected @ np.abs(coef)
    np.testing.assert_allclose(
        kernel.predict(X, coef) / scale, expected @ coef / scale, atol=1e-12
    )


@pytest.mark.parametrize("kernel", SHIFT_INVARIANT)
def test_offsets_do_not_spoil_kernels_of_differences(instruction_set, kernel):
    X, Z = data(dtype=np.float32)
    shifted = [(A + np.float32(1e4)).astype(np.float32) for A in (X, Z)]
    values = FusedKernel(shifted[1], kernel, gamma=GAMMA).values(shifted[0])
    # the same float32 numbers, and differences of them in float64
    expected = oracle(shifted[0] - 1e4, shifted[1] - 1e4, kernel)
    np.testing.assert_allclose(values, expected, rtol=2e-5)


@pytest.mark.parametrize("scale", [1e-150, 1e-30, 1e-10, 1e10, 1e18, 1e150])
@pytest.mark.parametrize("kernel", ["rbf", "laplacian", *NU])
def test_scale_of_the_features_and_gamma_cancel(instruction_set, kernel, scale):
    X, Z = data()
    power = 2 if kernel == "rbf" else 1
    values = FusedKernel(Z * scale, kernel, gamma=GAMMA / scale**power).values(
        X * scale
    )
    np.testing.assert_allclose(values, oracle(X, Z, kernel), rtol=1e-11)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kernel", SHIFT_INVARIANT)
def test_far_rows_have_kernel_values_of_zero(instruction_set, kernel, dtype):
    X, Z = data(dtype=dtype, d=40)
    X[3], X[4], X[5, 7] = np.finfo(dtype).max / 2, -1e15, 1e20
    fused = FusedKernel(Z, kernel, gamma=GAMMA)
    np.testing.assert_array_equal(fused.values(X)[3:6], 0)
    np.testing.assert_array_equal(fused.predict(X, np.ones((len(Z), 1)))[3:6], 0)


def test_float32_overflow_names_the_parameter_to_change(instruction_set):
    X, Z = data(dtype=np.float32)
    X[2] = 1e20
    fused = FusedKernel(Z, "poly", gamma=GAMMA)
    for call in (fused.values, lambda X: fused.predict(X, np.ones((len(Z), 1)))):
        with pytest.raises(ValueError, match="smaller gamma or degree"):
            call(X)
    X[2] = np.nan
    with pytest.raises(ValueError, match="NaN or infinity"):
        FusedKernel(Z).predict(X, np.ones((len(Z), 1)))


@pytest.mark.parametrize("kernel", FUSED_KERNELS)
def test_layout_and_dtype_of_the_rows_do_not_matter(instruction_set, kernel):
    rng = np.random.RandomState(0)
    X = rng.randint(-3, 4, size=(50, 6))
    Z = rng.standard_normal((20, 6))
    wide = np.zeros((100, 9))
    wide[::2, 1:7] = X
    frozen = X.astype(float)
    frozen.flags.writeable = False
    fused = FusedKernel(Z, kernel, gamma=0.05)
    expected = fused.values(X.astype(float))
    coef = rng.standard_normal((20, 2))
    y, sums = fused.predict(frozen, coef), fused.adjoint(frozen, expected[:, :2])
    reversed_rows = X[::-1].astype(float)[::-1]
    variants = [X, X.astype(">f8"), np.asfortranarray(X, dtype=float)]
    variants += [wide[::2, 1:7], frozen, reversed_rows, sp.csr_array(X)]
    variants += [sp.coo_matrix(X.astype(float))]
    for variant in variants:
        np.testing.assert_array_equal(fused.values(variant), expected)
        np.testing.assert_array_equal(fused.predict(variant, coef), y)
        np.testing.assert_array_equal(fused.adjoint(variant, expected[:, :2]), sums)
    half = fused.values(X.astype(np.float16))
    assert half.dtype == np.float32
    np.testing.assert_allclose(half, expected, rtol=1e-4, atol=1e-5)


def test_values_fill_any_output(instruction_set):
    X, Z = data()
    fused = FusedKernel(Z)
    expected = fused.values(X)
    for out in (
        np.empty(expected.shape),
        np.empty(expected.shape, order="F"),
        np.empty((len(X), 2 * len(Z)))[:, ::2],
        np.empty((len(X), 2 * len(Z)))[::-1, :37],
    ):
        assert fused.values(X, out=out) is out
        np.testing.assert_array_equal(out, expected)
    single = fused.values(X, out=np.empty(expected.shape, dtype=np.float32))
    np.testing.assert_array_equal(single, expected.astype(np.float32))
    frozen = np.empty(expected.shape)
    frozen.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        fused.values(X, out=frozen)


@pytest.mark.parametrize("kernel", ["rbf", "matern32", "laplacian", "poly"])
def test_single_precision_is_that_of_float32_rows(instruction_set, kernel):
    X, Z = data(d=4)
    shift = 1e6 if kernel != "poly" else 0  # centring comes first, in float64
    fused = FusedKernel(Z + shift, kernel, gamma=GAMMA, precision="single")
    values = fused.values(X + shift)
    assert values.dtype == np.float64
    expected = oracle(X, Z, kernel)
    np.testing.assert_allclose(values, expected, rtol=1e-5, atol=1e-6)
    assert np.abs(values - expected).max() > 1e-10  # it was float32
    coef = np.random.RandomState(0).standard_normal((len(Z), 1))
    y = fused.predict(X + shift, coef)
    np.testing.assert_allclose(y, values @ coef, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"kernel": "chi2"}, "pairwise_kernels"),
        ({"gamma": -1.0}, "gamma must be"),
        ({"gamma": np.inf}, "gamma must be"),
        ({"degree": -1}, "degree must be"),
        ({"coef0": np.nan}, "coef0 must be"),
        ({"precision": "half"}, "precision must be"),
        ({"landmarks": np.empty((0, 3))}, "at least 1"),
        ({"landmarks": np.full((2, 3), np.nan)}, "finite"),
    ],
)
def test_bad_parameters_are_refused_by_name(arguments, message):
    with pytest.raises(ValueError, match=message):
        FusedKernel(**({"landmarks": np.eye(3)} | arguments))


def test_bad_rows_and_coefficients_are_refused(instruction_set):
    fused = FusedKernel(np.eye(3))
    with pytest.raises(ValueError, match="X has shape"):
        fused.values(np.ones((4, 2)))
    with pytest.raises(TypeError, match="real numbers"):
        fused.values(np.ones((4, 3), dtype=complex))
    with pytest.raises(ValueError, match="coef has shape"):
        fused.predict(np.ones((4, 3)), np.ones(3))
    with pytest.raises(ValueError, match="residual has shape"):
        fused.adjoint(np.ones((4, 3)), np.ones((3, 1)))
    with pytest.raises(ValueError, match="out has shape"):
        fused.values(np.ones((4, 3)), out=np.ones((3, 3)))
    with pytest.raises(ValueError, match="weights has shape"):
        fused.gradients(np.ones((4, 3)), np.ones((5, 3)))
    with pytest.raises(ValueError, match="no derivatives"):
        FusedKernel(np.eye(3), "linear").gradients(np.ones((4, 3)), np.ones((4, 3)))
    huge = FusedKernel(np.eye(3) * 1e300, "laplacian", gamma=1e300)
    if instruction_set != "reference":
        with pytest.raises(ValueError, match="smaller gamma"):
            huge.values(np.ones((4, 3)))
