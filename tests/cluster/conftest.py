"""Rows of many kinds."""

import numpy as np
import pytest
from sklearn.datasets import load_digits, load_iris, make_blobs


@pytest.fixture(scope="module")
def data():
    rng = np.random.RandomState(0)
    return {
        "digits": load_digits().data[:900],
        "iris": load_iris().data,
        "blobs": make_blobs(800, 10, centers=15, random_state=1)[0],
        "normal": rng.randn(1000, 8),
        "integers": rng.randint(0, 5, (700, 4)).astype(np.float64),
    }
