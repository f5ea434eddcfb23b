"""Structured random matrices: exact structure, moments, shapes of every kind."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skfrugal.operators import structured_gaussian, subsampled_hadamard

SHAPES = [(1, 1), (1, 2), (3, 2), (5, 7), (8, 8), (20, 32), (100, 33), (64, 100)]


@pytest.mark.parametrize("shape", SHAPES)
def test_subsampled_hadamard_is_distinct_rows_of_one_size(shape):
    m, n = shape
    op = subsampled_hadamard(m, n, random_state=0)
    dense = op.toarray()
    assert op.shape == shape
    assert_allclose(abs(dense), 1 / np.sqrt(m))
    padded = 1 << (n - 1).bit_length()
    if n == padded and m <= n:
        assert_allclose(dense @ dense.T, np.eye(m) * n / m, atol=1e-12)


@pytest.mark.parametrize("build", [subsampled_hadamard, structured_gaussian])
def test_random_matrices_are_those_of_their_seed(build):
    one, same, other = (build(12, 20, random_state=s).toarray() for s in (0, 0, 1))
    assert_array_equal(one, same)
    assert np.any(one != other)
    assert build(12, 20, random_state=np.random.RandomState(0)).shape == (12, 20)


@pytest.mark.parametrize("build", [subsampled_hadamard, structured_gaussian])
@pytest.mark.parametrize("shape", [(0, 4), (4, 0), (2.5, 4)])
def test_random_matrices_refuse_shapes(build, shape):
    with pytest.raises((ValueError, TypeError)):
        build(*shape)


def test_subsampled_hadamard_keeps_squared_norms_on_average():
    x = np.random.RandomState(0).standard_normal(50)
    ratios = [
        np.sum((x @ subsampled_hadamard(16, 50, random_state=s).T) ** 2) / (x @ x)
        for s in range(400)
    ]
    assert abs(np.mean(ratios) - 1) < 4 * np.std(ratios) / 20


@pytest.mark.parametrize("n", [1, 2, 5, 16, 17, 64])
def test_structured_gaussian_has_the_moments_of_normal_numbers(n):
    parts = [
        structured_gaussian(3 * n, n, random_state=s).toarray() for s in range(300)
    ]
    entries = np.stack(parts)[:, 0]  # one row of each, independent
    assert abs(entries.mean()) < 4 / np.sqrt(entries.size)
    assert abs(np.mean(entries**2) - 1) < 4 * np.sqrt(2 / entries.size) * 2
    assert abs(np.mean(entries**4) / 3 - 1) < 0.25


def test_structured_gaussian_rows_of_a_block_are_orthogonal():
    for n in (8, 32):
        dense = structured_gaussian(2 * n, n, random_state=0).toarray()
        for block in (dense[:n], dense[n:]):
            gram = block @ block.T
            assert_allclose(gram, np.diag(np.diag(gram)), atol=1e-12 * n)
