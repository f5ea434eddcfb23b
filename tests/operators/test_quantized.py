"""Eight bits an entry: the rounding bound, and what is stored."""

import pickle

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from skfrugal.operators import CosineTransform, Dense, Quantized, SparseFactor


@given(
    seed=st.integers(0, 10_000),
    exponent=st.integers(-300, 300),
    sparse=st.booleans(),
    dtype=st.sampled_from([np.float32, np.float64]),
)
@settings(deadline=None, max_examples=80)
def test_an_entry_is_off_by_at_most_half_a_unit_of_its_row(
    seed, exponent, sparse, dtype
):
    rng = np.random.RandomState(seed)
    exponent = exponent // 4 if dtype == np.float32 else exponent
    A = np.ldexp(rng.standard_normal((9, 14)), exponent).astype(dtype)
    A[2] = 0
    if sparse:
        A[rng.uniform(size=A.shape) < 0.7] = 0
    op = Quantized(sp.csr_array(A) if sparse else A)
    assert op.dtype == dtype
    largest = np.abs(A).max(axis=1, keepdims=True).astype(np.float64)
    error = np.abs(A.astype(np.float64) - op.toarray())
    assert (error <= largest * (1 / 254 + 8 * np.finfo(dtype).eps)).all()


def test_bytes_are_those_of_codes_indices_lengths_and_scales():
    wide = sp.random_array((96, 784), density=0.05, rng=np.random.default_rng(0))
    op = Quantized(sp.csr_array(wide, dtype=np.float32))
    # By columns an index takes one byte, and 784 lengths one byte each.
    assert op.nbytes == 2 * wide.nnz + 784 + 4 * 96
    assert op.nnz == wide.nnz + 96
    assert len(pickle.dumps(op)) < op.nbytes + 1500
    dense = Quantized(np.ones((10, 20)))
    assert (dense.nbytes, dense.nnz) == (200 + 80, 210)


def test_products_cost_what_they_do_without_rounding():
    matrix = sp.random_array((20, 30), density=0.3, rng=np.random.default_rng(0))
    op = Quantized(matrix)
    rounded = SparseFactor(sp.csr_array(op.toarray()))
    X = np.random.RandomState(0).standard_normal((50, 30))
    np.testing.assert_allclose(X @ op.T, X @ rounded.T, rtol=1e-14)
    assert op.flops == 2 * matrix.nnz
    assert not isinstance(pickle.loads(pickle.dumps(op)), Dense)


@pytest.mark.parametrize("matrix", [[[1.0, np.nan]], [[1.0, 1j]], [[np.inf]]])
def test_what_has_no_eight_bits_is_refused(matrix):
    with pytest.raises(ValueError, match="must be real and finite"):
        Quantized(np.array(matrix))


@pytest.mark.parametrize("feature_shape", [7, (3, 4), (2, 3, 2)])
def test_a_cosine_transform_is_separable_and_orthonormal(feature_shape):
    op = CosineTransform(feature_shape, dtype=np.float64)
    expected = np.eye(1)
    for side in np.atleast_1d(feature_shape):
        k, t = np.arange(side)[:, np.newaxis], np.arange(side)
        one = np.cos(np.pi * k * (2 * t + 1) / (2 * side)) * np.sqrt(2 / side)
        one[0] /= np.sqrt(2)
        expected = np.kron(expected, one)
    np.testing.assert_allclose(op.toarray(), expected, atol=1e-14)
    identity = op.toarray() @ op.T.toarray()
    np.testing.assert_allclose(identity, np.eye(len(identity)), atol=1e-14)
    assert (op.nnz, op.nbytes) == (0, 0)


@pytest.mark.parametrize("feature_shape", [0, (3, -1), (2.5,), (), "image"])
def test_what_is_no_grid_is_refused(feature_shape):
    with pytest.raises(ValueError, match="feature_shape"):
        CosineTransform(feature_shape)
