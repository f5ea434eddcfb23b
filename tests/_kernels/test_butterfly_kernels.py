"""Fused butterfly passes of every table, against a slow twin one precision above."""

import numpy as np
import pytest
from kernel_reference import TABLES, apply_reference, random_values, run
from skfrugal._kernels._bindings import aligned_empty

from skfrugal._kernels._butterfly import pack_butterfly

BATCHES = [0, 1, 2, 3, 5, 64, 1000]


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("down", [False, True])
@pytest.mark.parametrize("form", ["unit", "full"])
@pytest.mark.parametrize("log", range(1, 15))
def test_butterfly_error_is_below_32_eps(name, dtype, down, form, log):
    n = 2**log
    rng = np.random.RandomState(log)
    values = [v.astype(dtype) for v in random_values(n, rng, "rotation", down)]
    packed = pack_butterfly(values, TABLES[name], dtype, form=form)
    for batch in BATCHES if log < 11 else [0, 1, 3, 35]:
        x = rng.standard_normal((batch, n)).astype(dtype)
        y = run(TABLES[name], packed, x)
        expected, bound = apply_reference(values, x)
        assert np.all(np.abs(y - expected) <= 32 * np.finfo(dtype).eps * bound)
        # padded rows on both sides, and a part of the rows
        wide_x = np.full((batch, n + 3), np.nan, dtype)
        wide_x[:, :n] = x
        wide_y = np.full((batch, n + 5), np.nan, dtype)
        scratch = aligned_empty(packed.scratch_size, dtype)
        TABLES[name].chain(packed, wide_x[:, :n], wide_y[:, :n], scratch, 0, batch // 2)
        TABLES[name].chain(
            packed, wide_x[:, :n], wide_y[:, :n], scratch, batch // 2, batch
        )
        np.testing.assert_array_equal(wide_y[:, :n], y)
        assert np.all(np.isnan(wide_y[:, n:]))


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_butterfly_accepts_levels_in_any_order(name, dtype):
    rng = np.random.RandomState(0)
    for n in [2, 8, 64, 256]:
        up = random_values(n, rng)
        for values in [
            up + up[::-1],
            up[::-1] + up,
            up[::2],
            [up[i] for i in rng.permutation(len(up))],
            [up[-1]],
            up[-2:] + up[:1],
        ]:
            values = [v.astype(dtype) for v in values]
            packed = pack_butterfly(values, TABLES[name], dtype)
            x = rng.standard_normal((7, n)).astype(dtype)
            expected, bound = apply_reference(values, x)
            error = np.abs(run(TABLES[name], packed, x) - expected)
            assert np.all(error <= 32 * np.finfo(dtype).eps * bound)


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("radix", [2, 4])
def test_butterfly_runs_any_part_of_its_levels(name, dtype, radix):
    # Without the smallest strides there is no pass inside vectors.
    rng = np.random.RandomState(0)
    for log in (9, 12) if radix == 2 else (4, 6):
        build = random_values if radix == 2 else _radix_4_of_size
        values = [v.astype(dtype) for v in build(radix**log, rng)]
        x = rng.standard_normal((3, radix**log)).astype(dtype)
        for start in range(log):
            for stop in range(start + 1, log + 1):
                part = values[start:stop]
                packed = pack_butterfly(part, TABLES[name], dtype)
                expected, bound = apply_reference(part, x)
                error = np.abs(run(TABLES[name], packed, x) - expected)
                assert np.all(error <= 32 * np.finfo(dtype).eps * bound)


def _radix_4_of_size(n, rng):
    return random_radix_4((n.bit_length() - 1) // 2, rng)


@pytest.mark.parametrize("diagonal", [0.0, 1e-30, 1e-7, 1e30])
@pytest.mark.parametrize("down", [False, True])
def test_butterfly_stays_accurate_with_extreme_diagonals(diagonal, down):
    n = 64
    rng = np.random.RandomState(0)
    values = [v.astype(np.float32) for v in random_values(n, rng, down=down)]
    values[1][1, 0, 0, 0] = diagonal
    values[4][0, 1, 1, -1] = diagonal
    for table in TABLES.values():
        packed = pack_butterfly(values, table, np.float32)
        x = rng.standard_normal((5, n)).astype(np.float32)
        expected, bound = apply_reference(values, x)
        error = np.abs(run(table, packed, x) - expected)
        assert np.all(error <= 32 * np.finfo(np.float32).eps * bound)
        full = packed.description[0]["kind"].endswith("full")
        assert full == (diagonal != 1e-7)


@pytest.mark.parametrize("name", TABLES)
def test_butterfly_stream_writes_the_same(name):
    n = 1024
    rng = np.random.RandomState(0)
    for form in ["unit", "full"]:
        values = [v.astype(np.float32) for v in random_values(n, rng)]
        packed = pack_butterfly(values, TABLES[name], np.float32, form=form)
        x = rng.standard_normal((37, n)).astype(np.float32)
        aligned = aligned_empty(37 * n, np.float32).reshape(37, n)
        plain = run(TABLES[name], packed, x)
        np.testing.assert_array_equal(
            run(TABLES[name], packed, x, aligned, stream=True), plain
        )
        run(TABLES[name], packed, x, np.empty(37 * n + 1, "f")[1:].reshape(37, n), True)


def random_radix_4(log, rng, down=False):
    n = 4**log
    values = [rng.standard_normal((n // 4 ** (k + 1), 4, 4, 4**k)) for k in range(log)]
    return values[::-1] if down else values


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("down", [False, True])
@pytest.mark.parametrize("form", ["unit", "full"])
@pytest.mark.parametrize("log", range(1, 7))
def test_radix_4_error_is_below_32_eps(name, dtype, down, form, log):
    rng = np.random.RandomState(log)
    values = [v.astype(dtype) for v in random_radix_4(log, rng, down)]
    packed = pack_butterfly(values, TABLES[name], dtype, form=form)
    for batch in [0, 1, 2, 3, 7, 64]:
        x = rng.standard_normal((batch, 4**log)).astype(dtype)
        expected, bound = apply_reference(values, x)
        error = np.abs(run(TABLES[name], packed, x) - expected)
        assert np.all(error <= 32 * np.finfo(dtype).eps * bound)
