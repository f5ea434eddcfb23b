"""Nearest rows, beside scikit-learn's function and float64 differences."""

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.metrics import pairwise_distances_argmin_min

from skfrugal.metrics import pairwise_argmin_min


@pytest.mark.parametrize("container", [np.asarray, sp.csr_array, sp.csr_matrix])
@pytest.mark.parametrize("dtypes", [(np.float32,) * 2, (np.float64, np.float32)])
def test_nearest_rows_are_those_of_scikit_learn(container, dtypes):
    rng = np.random.RandomState(0)
    X = (rng.randn(900, 40) * (rng.rand(900, 40) < 0.5)).astype(dtypes[0])
    Y = rng.randn(70, 40).astype(dtypes[1])
    labels, distances = pairwise_argmin_min(container(X), container(Y))
    expected, least = pairwise_distances_argmin_min(
        X.astype(np.float64), Y.astype(np.float64)
    )
    assert_array_equal(labels, expected)
    assert labels.dtype == expected.dtype
    assert_allclose(distances, least, rtol=1e-12)


def test_ties_go_to_the_first_row():
    rng = np.random.RandomState(1)
    Y = rng.randint(3, size=(50, 4))
    X = rng.randint(3, size=(300, 4))
    squared = ((X[:, None] - Y) ** 2).sum(axis=2)
    labels, distances = pairwise_argmin_min(X, Y)
    assert_array_equal(labels, squared.argmin(axis=1))
    assert_array_equal(distances, np.sqrt(squared.min(axis=1)))


@pytest.mark.parametrize("scale", [1e-300, 1e-170, 1e160, 1e300])
def test_distances_cover_the_range_of_float64(scale):
    rng = np.random.RandomState(2)
    X, Y = rng.randn(40, 5), rng.randn(8, 5)
    X[3] = Y[2]
    expected, least = pairwise_distances_argmin_min(X, Y)
    labels, distances = pairwise_argmin_min(X * scale, Y * scale)
    assert_array_equal(labels, expected)
    assert_allclose(distances, least * scale, rtol=1e-10, atol=0)
    assert distances[3] == 0


def test_bad_input_raises():
    with pytest.raises(ValueError, match="Incompatible dimension"):
        pairwise_argmin_min(np.zeros((3, 2)), np.zeros((3, 4)))
    with pytest.raises(ValueError, match="NaN"):
        pairwise_argmin_min([[np.nan]], [[0.0]])


def test_arguments_are_left_alone():
    X, Y = np.eye(4), np.arange(8.0).reshape(2, 4)
    pairwise_argmin_min(X, Y)
    Y[0, 0] = 5  # still writeable
    assert_array_equal(X, np.eye(4))
