"""Rotations and sparse chains under every table, against slow twins."""

import numpy as np
import pytest
import scipy.sparse as sp
from kernel_reference import TABLES
from skfrugal._kernels._bindings import aligned_empty

from skfrugal._kernels._panels import pack_rotations, pack_sparse

BATCHES = [0, 1, 2, 3, 5, 16, 17, 33, 64, 100]


def random_rotations(n, n_levels, rng, kind="uniform"):
    pairs = []
    for _ in range(n_levels):
        pairs.append(rng.permutation(n)[: n // 2 * 2].reshape(-1, 2))
    pairs = np.concatenate(pairs)
    if kind == "uniform":
        angles = rng.uniform(-np.pi, np.pi, len(pairs))
    elif kind == "quarter":
        angles = rng.randint(8, size=len(pairs)) * (np.pi / 4)
    else:
        angles = rng.standard_normal(len(pairs)) * 10.0 ** rng.uniform(
            -12, 1, len(pairs)
        )
    return pairs, angles


def rotate_reference(x, pairs, angles, high):
    y, bound = x.astype(high), np.abs(x).astype(high)
    for (i, j), t in zip(pairs, angles, strict=True):
        c, s = np.cos(high(t)), np.sin(high(t))
        y[:, i], y[:, j] = c * y[:, i] + s * y[:, j], c * y[:, j] - s * y[:, i]
        c, s = abs(c), abs(s)
        bound[:, i], bound[:, j] = (
            c * bound[:, i] + s * bound[:, j],
            c * bound[:, j] + s * bound[:, i],
        )
    return y, bound


def apply(function, packed, x):
    wide = np.full((len(x), packed.shape[0] + 3), 7, x.dtype)
    y = wide[:, :-3]
    scratch = aligned_empty(packed.scratch_size, x.dtype)
    scratch[:] = np.nan
    function(packed, x, y, scratch, 0, len(x))
    assert np.all(wide[:, -3:] == 7)
    parts = np.empty((len(x), packed.shape[0]), x.dtype)
    function(packed, x, parts, scratch, 0, len(x) // 3)
    function(packed, x, parts, scratch, len(x) // 3, len(x))
    np.testing.assert_array_equal(parts, y)
    return y


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", ["uniform", "quarter", "wide"])
@pytest.mark.parametrize("n, n_levels", [(2, 1), (5, 7), (16, 3), (37, 300), (64, 10)])
def test_rotations_error_is_below_32_eps(name, dtype, kind, n, n_levels):
    rng = np.random.RandomState(n)
    pairs, angles = random_rotations(n, n_levels, rng, kind)
    packed = pack_rotations(n, pairs, angles, TABLES[name], dtype)
    high = np.float64 if dtype == np.float32 else np.longdouble
    x = rng.standard_normal((max(BATCHES), n)).astype(dtype)
    expected, bound = rotate_reference(x, pairs, angles, high)
    for batch in BATCHES:
        y = apply(TABLES[name].rotations, packed, x[:batch])
        error = np.abs(y - expected[:batch])
        assert np.all(error <= 32 * np.finfo(dtype).eps * bound[:batch])
        # orthogonal: rounding grows with the square root of the levels
        size = np.linalg.norm(x[:batch], axis=1)
        slack = 4 * np.finfo(dtype).eps * np.sqrt(n_levels * n)
        assert np.all(np.linalg.norm(error.astype(float), axis=1) <= slack * size)


@pytest.mark.parametrize("name", TABLES)
def test_rotations_of_no_pair_copy(name):
    packed = pack_rotations(5, np.empty((0, 2)), np.empty(0), TABLES[name], np.float32)
    x = np.arange(15, dtype=np.float32).reshape(3, 5)
    np.testing.assert_array_equal(apply(TABLES[name].rotations, packed, x), x)


@pytest.mark.parametrize("name", TABLES)
def test_rotations_repeated_on_one_pair(name):
    pairs = np.tile([[0, 2]], (50, 1))
    angles = np.full(50, 0.3)
    packed = pack_rotations(3, pairs, angles, TABLES[name], np.float64)
    x = np.eye(3)
    expected, _ = rotate_reference(x, pairs, angles, np.float64)
    np.testing.assert_allclose(
        apply(TABLES[name].rotations, packed, x), expected, atol=1e-14
    )


def random_sparse_chain(shapes, rng, density):
    chain = []
    for m, n in shapes:
        matrix = rng.standard_normal((m, n)) * (rng.uniform(size=(m, n)) < density)
        chain.append(sp.csr_array(matrix))
    return chain


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("density", [0, 0.02, 0.2, 1])
@pytest.mark.parametrize(
    "shapes", [[(1, 1)], [(30, 20), (7, 30)], [(16, 64), (50, 16), (33, 50)]]
)
def test_sparse_error_is_below_32_eps(name, dtype, density, shapes):
    rng = np.random.RandomState(0)
    chain = [m.astype(dtype) for m in random_sparse_chain(shapes, rng, density)]
    packed = pack_sparse(chain, TABLES[name], dtype)
    high = np.float64 if dtype == np.float32 else np.longdouble
    for batch in BATCHES:
        x = rng.standard_normal((batch, shapes[0][1])).astype(dtype)
        y, bound = x.astype(high), np.abs(x).astype(high)
        for m in chain:
            dense = m.toarray().astype(high)
            y, bound = y @ dense.T, bound @ np.abs(dense).T
        error = np.abs(apply(TABLES[name].sparse, packed, x) - y)
        assert np.all(error <= 32 * np.finfo(dtype).eps * bound)
