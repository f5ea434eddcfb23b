"""The rows of most tests of kernel ridge."""

import numpy as np
import pytest


@pytest.fixture
def table():
    rng = np.random.RandomState(0)
    X = rng.standard_normal((60, 3))
    y = np.sin(2 * X[:, 0]) + X[:, 1] ** 2 + 0.2 * rng.standard_normal(60) + 3
    return X, y
