"""Any Kronecker-sparse chain under every table, against a slow twin."""

import numpy as np
import pytest
from kernel_reference import TABLES, apply_reference, run

from skfrugal._kernels._packing import pack_chain

CHAINS = {
    "784-1024": [(28, 32, 28, 1), (1, 32, 28, 32)],
    "256-1024": [(16, 32, 16, 1), (1, 32, 16, 32)],
    "16^3": [(256, 16, 16, 1), (16, 16, 16, 16), (1, 16, 16, 256)],
    "radix8": [(64, 8, 8, 1), (8, 8, 8, 8), (1, 8, 8, 64)],
    "radix3": [(27, 3, 3, 1), (9, 3, 3, 3), (3, 3, 3, 9), (1, 3, 3, 27)],
    "mixed": [(32, 2, 2, 1), (8, 4, 4, 2), (1, 8, 8, 8)],
    "mixed2": [(32, 4, 4, 1), (16, 2, 2, 4), (2, 8, 8, 8), (1, 2, 2, 64)],
    "radix4 at 2": [(8, 4, 4, 2), (2, 4, 4, 8), (1, 2, 2, 32)],
    "48": [(24, 2, 2, 1), (12, 2, 2, 2), (6, 2, 2, 4), (3, 2, 2, 8), (1, 3, 3, 16)],
    "200-2000": [(20, 5, 10, 1), (4, 2, 5, 5), (1, 20, 4, 10)],
    "dense": [(1, 7, 5, 1)],
    "one": [(1, 1, 1, 1)],
    "low rank": [(1, 3, 40, 1), (1, 50, 3, 1)],
    "wide d": [(3, 2, 5, 33)],
    "d=12": [(2, 3, 4, 12)],
    "d=2": [(5, 3, 2, 2)],
    "64": [(2, 64, 64, 2)],
    "tall": [(7, 1, 9, 3), (1, 9, 1, 21)],
    "diagonal": [(1, 1, 1, 37)],
    "diagonal a": [(37, 1, 1, 1)],
}


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("key", CHAINS)
def test_chain_error_is_below_32_eps(name, dtype, key):
    rng = np.random.RandomState(0)
    values = [rng.standard_normal(p).astype(dtype) for p in CHAINS[key]]
    packed = pack_chain(values, TABLES[name], dtype)
    a, _, c, d = CHAINS[key][0]
    for batch in [0, 1, 2, 3, 5, 7, 11, 64]:
        x = rng.standard_normal((batch, a * c * d)).astype(dtype)
        expected, bound = apply_reference(values, x)
        y = np.full((batch, packed.shape[0] + 3), 7, dtype)
        run(TABLES[name], packed, x, y[:, :-3])
        error = np.abs(y[:, :-3] - expected)
        assert np.all(error <= 32 * np.finfo(dtype).eps * bound)
        assert np.all(y[:, -3:] == 7)


def test_chain_matches_on_random_patterns():
    rng = np.random.RandomState(1)
    for _ in range(150):
        a, b, c, d = rng.randint(1, [5, 40, 40, 40])
        for name, table in TABLES.items():
            for dtype in (np.float32, np.float64):
                values = [rng.standard_normal((a, b, c, d)).astype(dtype)]
                packed = pack_chain(values, table, dtype)
                x = rng.standard_normal((3, a * c * d)).astype(dtype)
                expected, bound = apply_reference(values, x)
                error = np.abs(run(table, packed, x) - expected)
                assert np.all(error <= 32 * np.finfo(dtype).eps * bound), (
                    name,
                    a,
                    b,
                    c,
                    d,
                )
