"""Rows whose features are correlated."""

import numpy as np


def random_rows(n_samples, n, seed=0, dtype=np.float64):
    rng = np.random.RandomState(seed)
    mixing = rng.randn(n, n) * rng.uniform(0.1, 2.0, n)
    return (rng.randn(n_samples, n) @ mixing + 3 * rng.randn(n)).astype(dtype)
