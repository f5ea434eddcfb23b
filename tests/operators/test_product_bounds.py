"""Which products have their nearest row found by the kernel, and its bounds."""

import numpy as np
import pytest
import scipy.sparse as sp
from short_products import random_sparse, three_factors

from skfrugal import _kernels
from skfrugal._kernels._product_packing import longest_sums
from skfrugal.operators import (
    Dense,
    Diagonal,
    KroneckerSparse,
    LowRank,
    Permutation,
    Product,
    SparseFactor,
    hadamard,
)
from skfrugal.operators import _fused_product_nearest as fused
from skfrugal.operators._fused_product_nearest import product_nearest
from skfrugal.operators._product_bounds import ProductBounds

TABLES = _kernels.tables()


def test_it_is_for_short_products_of_sparse_and_dense_factors():
    rng = np.random.RandomState(5)
    sparse = three_factors(rng, k=300, d=300)
    assert product_nearest(sparse) is product_nearest(sparse)
    low_rank = LowRank(rng.standard_normal((300, 9)), rng.standard_normal((9, 300)))
    monarch = Product(
        KroneckerSparse(rng.randn(1, 16, 16, 16)),
        KroneckerSparse(rng.randn(16, 16, 16, 1)),
    )
    for operator in (
        sparse,
        low_rank,
        monarch,
        Product(low_rank, SparseFactor(sp.eye(300))),
    ):
        assert product_nearest(operator) is not None
    dense = rng.standard_normal((300, 400))
    for operator in (
        Dense(dense),
        Product(dense, dense.T),
        hadamard(256),
        sparse.astype(np.complex64),
        sparse + low_rank,
        Diagonal(np.ones(300)),
    ):
        assert product_nearest(operator) is None


def test_diagonals_and_permutations_are_multiplied_in():
    rng = np.random.RandomState(6)
    left, right = random_sparse(rng, 40, 12, 0.4), random_sparse(rng, 12, 80, 0.2)
    operator = Product(
        Diagonal(rng.uniform(1, 2, 40)),
        left,
        Diagonal(rng.uniform(1, 2, 12)),
        Permutation(rng.permutation(12)),
        right,
        Permutation(rng.permutation(80)),
        Diagonal(rng.uniform(1, 2, 80)),
    )
    matrices = fused._matrices(operator)
    assert len(matrices) == 2
    product = (matrices[0] @ matrices[1]).toarray()
    np.testing.assert_allclose(product, operator.toarray(), rtol=1e-12, atol=1e-12)


def test_bounds_hold():
    rng = np.random.RandomState(7)
    for operator in (three_factors(rng), LowRank(rng.randn(9, 3), rng.randn(3, 50))):
        matrices = fused._matrices(operator)
        bounds = ProductBounds.of(matrices, longest_sums(matrices, TABLES["baseline"]))
        dense = operator.toarray()
        np.testing.assert_allclose(bounds.squared_norms, np.sum(dense**2, axis=1))
        points, most = None, None
        for matrix in reversed(matrices):
            points = matrix.astype(np.float32) if points is None else matrix @ points
            most = abs(matrix) if most is None else abs(matrix) @ most
        most = most.toarray() if sp.issparse(most) else most
        radius = np.sqrt(np.sum(most**2, axis=1).max())
        assert bounds.radius == pytest.approx(radius)
        assert bounds.largest >= 1
        slope, offset, limit = bounds.trust(dense.shape[1], np.dtype(np.float32))
        X = rng.standard_normal((200, dense.shape[1])).astype(np.float32)
        y = X.T
        for matrix in reversed(matrices):
            y = matrix.astype(np.float32) @ y
        error = np.abs(y.T - X.astype(np.longdouble) @ dense.T).max(axis=1)
        size = np.linalg.norm(X.astype(float), axis=1)
        assert np.all(2 * error <= slope * size + offset)
        assert np.all(size**2 < limit)
