"""The digits, some of them held out."""

import numpy as np
import pytest
from sklearn.datasets import load_digits


@pytest.fixture(scope="module")
def digits():
    """1,200 training rows and 597 held-out rows."""
    X = load_digits().data
    order = np.random.RandomState(0).permutation(len(X))
    return X[order[:1200]], X[order[1200:]]
