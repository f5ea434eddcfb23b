"""The nearest row of a product under every table, against a slow twin."""

import numpy as np
import pytest
import scipy.sparse as sp
from kernel_reference import TABLES
from skfrugal._kernels._bindings import aligned_empty

from skfrugal._kernels._product_packing import pack_product

BATCHES = [0, 1, 2, 3, 15, 16, 17, 31, 32, 33, 64, 100]
# Sizes from the data to the points, and "s" (sparse) or "d" for each factor.
PROGRAMS = [
    ((1, 1), "d"),
    ((1, 1), "s"),
    ((5, 3), "s"),
    ((129, 40), "d"),
    ((20, 8, 33), "dd"),
    ((140, 13, 30), "ds"),
    ((300, 17, 29), "sd"),
    ((257, 30, 25, 70), "sss"),
    ((130, 24, 25, 70), "sds"),
    ((64, 70, 9, 8, 41), "ddsd"),
    ((31, 16, 15, 14, 13), "ssss"),
]
DTYPES = [np.float32, np.float64]


def random_program(sizes, kinds, rng, density=0.3, integers=False):
    """Matrices, the last of which is applied first."""
    matrices = []
    for n_in, n_out, kind in zip(sizes, sizes[1:], kinds, strict=False):
        matrix = rng.standard_normal((n_out, n_in))
        if integers:
            matrix = rng.randint(-2, 3, size=(n_out, n_in)) * 1.0
        if kind == "s":
            matrix = matrix * (rng.uniform(size=matrix.shape) < density)
            matrix[rng.randint(n_out)] = 0
        matrices.insert(0, sp.csr_array(matrix) if kind == "s" else matrix)
    return matrices


def dense_product(matrices, high):
    product = None
    for matrix in matrices:
        matrix = matrix.toarray() if sp.issparse(matrix) else matrix
        matrix = matrix.astype(high)
        product = matrix if product is None else product @ matrix
    return product


def pack(matrices, table, dtype, slope=0.0, offset=0.0, limit=np.inf):
    squared_norms = np.sum(dense_product(matrices, np.float64) ** 2, axis=1)
    packed = pack_product(matrices, squared_norms, table, dtype)
    packed.trust(slope, offset, limit)
    return packed


def search(table, packed, x):
    labels = np.full(len(x) + 3, 99, dtype=np.int32)
    scratch = aligned_empty(packed.scratch_size, x.dtype)
    scratch[:] = np.nan
    table.nearest_product(packed, x, labels[:-3], scratch, 0, len(x))
    assert np.all(labels[-3:] == 99)
    parts = np.full(len(x), 99, dtype=np.int32)
    for start, stop in ((len(x) // 3, len(x)), (0, len(x) // 3)):
        table.nearest_product(packed, x, parts, scratch, start, stop)
    np.testing.assert_array_equal(parts, labels[:-3])
    return labels[:-3]


def index_of(labels):
    return np.where(labels < 0, ~labels, labels)


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("density", [0.02, 0.3, 1])
@pytest.mark.parametrize("sizes, kinds", PROGRAMS)
def test_labels_are_nearest_within_rounding(name, dtype, density, sizes, kinds):
    rng = np.random.RandomState(len(kinds))
    matrices = random_program(sizes, kinds, rng, density)
    matrices = [m.astype(dtype).astype(np.float64) for m in matrices]
    packed = pack(matrices, TABLES[name], dtype)
    high = np.float64 if dtype == np.float32 else np.longdouble
    points = dense_product(matrices, high)
    bound = dense_product([abs(m) for m in matrices], high)
    half = np.sum(points**2, axis=1) / 2
    n_terms = sum(sizes[:-1]) + 8
    for batch in BATCHES:
        x = rng.standard_normal((batch, sizes[0])).astype(dtype)
        scores = half - x.astype(high) @ points.T
        slack = np.abs(x).astype(high) @ bound.T + half
        slack = n_terms * np.finfo(dtype).eps * slack.max(axis=1, initial=0)
        found = index_of(search(TABLES[name], packed, x))
        least = scores[np.arange(batch), found]
        assert np.all(least <= scores.min(axis=1) + slack)


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("sizes, kinds", PROGRAMS)
def test_integers_are_exact_and_ties_are_told(name, dtype, sizes, kinds):
    rng = np.random.RandomState(3)
    sizes = tuple(min(size, 12) for size in sizes[:-1]) + sizes[-1:]
    matrices = random_program(sizes, kinds, rng, integers=True)
    packed = pack(matrices, TABLES[name], dtype)
    points = dense_product(matrices, np.float64)
    x = rng.randint(-2, 3, size=(200, sizes[0])).astype(dtype)
    scores = np.sum(points**2, axis=1) - 2 * x.astype(np.float64) @ points.T
    least = np.sort(scores, axis=1)
    has_tie = np.zeros(len(x), dtype=bool)
    if len(points) > 1:
        has_tie = least[:, 0] == least[:, 1]
    labels = search(TABLES[name], packed, x)
    np.testing.assert_array_equal(labels < 0, has_tie)
    np.testing.assert_array_equal(labels[~has_tie], scores[~has_tie].argmin(axis=1))
    rows = np.flatnonzero(has_tie)
    np.testing.assert_array_equal(scores[rows, ~labels[rows]], least[rows, 0])


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_gap_within_slope_and_offset_is_told(name, dtype):
    # Points -1 and 1 on a line: half of the scores differ by 2 |x|.
    matrices = [np.array([[-1.0], [1.0]]), np.array([[1.0]])]
    x = np.array([[3.0], [0.25], [-0.5], [-8.0]], dtype=dtype)
    for slope, offset, is_sure in (
        (0.0, 0.0, [1, 1, 1, 1]),
        (0.0, 0.5, [1, 0, 1, 1]),
        (0.0, 1.5, [1, 0, 0, 1]),
        (1.75, 0.0, [1, 1, 1, 1]),
        (1.75, 0.1, [1, 0, 1, 1]),
        (2.25, 0.0, [0, 0, 0, 0]),
    ):
        labels = search(
            TABLES[name], pack(matrices, TABLES[name], dtype, slope, offset), x
        )
        np.testing.assert_array_equal(labels >= 0, np.array(is_sure, dtype=bool))
        np.testing.assert_array_equal(index_of(labels), [1, 1, 0, 0])
    packed = pack(matrices, TABLES[name], dtype, limit=8.0)
    np.testing.assert_array_equal(
        search(TABLES[name], packed, x) >= 0, [False, True, True, False]
    )


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_rows_that_are_not_finite_are_told_and_do_not_spread(name, dtype, value):
    rng = np.random.RandomState(1)
    matrices = random_program((150, 20, 30), "sd", rng)
    packed = pack(matrices, TABLES[name], dtype)
    x = rng.standard_normal((70, 150)).astype(dtype)
    expected = search(TABLES[name], packed, x)
    bad = np.arange(0, 70, 3)
    x[bad, rng.randint(150, size=len(bad))] = value
    labels = search(TABLES[name], packed, x)
    assert np.all(labels[bad] < 0)
    good = np.setdiff1d(np.arange(70), bad)
    np.testing.assert_array_equal(labels[good], expected[good])


@pytest.mark.parametrize("name", TABLES)
def test_rows_may_be_strided(name):
    rng = np.random.RandomState(2)
    packed = pack(random_program((40, 9, 20), "ss", rng), TABLES[name], np.float32)
    wide = rng.standard_normal((50, 53)).astype(np.float32)
    x = wide[:, 5:45]
    labels = search(TABLES[name], packed, x)
    expected = search(TABLES[name], packed, np.ascontiguousarray(x))
    np.testing.assert_array_equal(labels, expected)
