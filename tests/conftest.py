"""What tests of several files start from."""

import numpy as np
import pytest
from sklearn.datasets import load_digits, load_iris, make_blobs

from skfrugal import _kernels


@pytest.fixture(params=_kernels.AVAILABLE)
def instruction_set(request, monkeypatch):
    """Run a test under each table of kernels, and under NumPy.

    Operators keep what they packed for a table, so a test must make its own.
    """
    monkeypatch.setattr(_kernels, "instruction_set", request.param)
    monkeypatch.setattr(_kernels, "kernels", _kernels.tables().get(request.param))
    return request.param


@pytest.fixture
def table():
    """Rows and a target of a kernel regression."""
    rng = np.random.RandomState(0)
    X = rng.standard_normal((60, 3))
    y = np.sin(2 * X[:, 0]) + X[:, 1] ** 2 + 0.2 * rng.standard_normal(60) + 3
    return X, y


@pytest.fixture(scope="module")
def digits():
    """1,200 training rows and 597 held-out rows."""
    X = load_digits().data
    order = np.random.RandomState(0).permutation(len(X))
    return X[order[:1200]], X[order[1200:]]


@pytest.fixture(scope="module")
def data():
    """Rows to cluster, of several kinds."""
    rng = np.random.RandomState(0)
    return {
        "digits": load_digits().data[:900],
        "iris": load_iris().data,
        "blobs": make_blobs(800, 10, centers=15, random_state=1)[0],
        "normal": rng.randn(1000, 8),
        "integers": rng.randint(0, 5, (700, 4)).astype(np.float64),
    }
