"""An operator of each class and builder."""

import numpy as np
import scipy.sparse as sp

from skfrugal import operators as ops

RNG = np.random.RandomState(0)


def _normal(*shape, complex_=False):
    values = RNG.standard_normal(shape)
    return values + 1j * RNG.standard_normal(shape) if complex_ else values


def _rotations(n=12, n_levels=9):
    order = [RNG.permutation(n) for _ in range(n_levels)]
    pairs = [o[: 2 * (n // 3)].reshape(-1, 2) for o in order]
    return ops.Rotations(n, pairs, [RNG.uniform(-9, 9, len(p)) for p in pairs])


def _cases():
    """Name -> operator: every class, real and complex, square, wide and tall."""
    sparse = sp.random(9, 12, 0.3, random_state=1, format="coo")
    kron = ops.KroneckerSparse
    cases = {
        "dense": ops.Dense(_normal(7, 12)),
        "dense_complex": ops.Dense(_normal(12, 5, complex_=True)),
        "dense_float32": ops.Dense(_normal(6, 6).astype(np.float32)),
        "dense_one_by_one": ops.Dense([[2.5]]),
        "dense_without_rows": ops.Dense(np.empty((0, 5))),
        "diagonal": ops.Diagonal(_normal(12)),
        "diagonal_complex": ops.Diagonal(_normal(5, complex_=True)),
        "permutation": ops.Permutation(RNG.permutation(12)),
        "permutation_selection": ops.Permutation([4, 0, 7], 12),
        "permutation_with_zeros": ops.Permutation([3, -1, 0, -1, -1], 4),
        "cosine_transform": ops.CosineTransform((3, 4)),
        "cosine_transform_scaled": 2.0 * ops.CosineTransform(5, dtype=np.float64),
        "product_of_cosine_transform": ops.SparseFactor(sparse)
        @ ops.CosineTransform((2, 6)),
        "quantized": ops.Quantized(_normal(7, 5)),
        "quantized_sparse": ops.Quantized(sparse),
        "quantized_by_columns": ops.Quantized(sp.random(3, 300, 0.1, random_state=0)),
        "product_quantized": ops.Quantized(_normal(6, 9)) @ ops.Quantized(sparse),
        "sparse": ops.SparseFactor(sparse),
        "sparse_complex": ops.SparseFactor(sparse.tocsc() * (1 + 2j)),
        "low_rank": ops.LowRank(_normal(12, 3), _normal(3, 9)),
        "low_rank_complex": ops.LowRank(_normal(4, 2, complex_=True), _normal(2, 9)),
        "kronecker_sparse_strided": kron(_normal(1, 2, 3, 8)),
        "kronecker_sparse_blocks": kron(_normal(4, 3, 2, 1)),
        "kronecker_sparse_large_blocks": kron(_normal(2, 6, 5, 3)),
        "kronecker_sparse_complex": kron(_normal(2, 2, 2, 3, complex_=True)),
        "kronecker_sparse_float32": kron(_normal(2, 5, 4, 2).astype(np.float32)),
        "rotations": _rotations(),
        "rotations_selected": ops.Permutation([7, 3, 11], 12) @ _rotations(),
        "rotations_none": ops.Rotations(5, [], []),
        "rotations_complex": _rotations().astype(np.complex128),
        "kronecker": ops.Kronecker(_normal(3, 2), sp.eye_array(4), _normal(1, 5)),
        "kronecker_complex": ops.Kronecker(ops.dft(3), ops.Diagonal([1.0, 2.0])),
        "product_one": ops.Product(_normal(3, 4)),
        "product_mixed": ops.Product(
            ops.Diagonal(_normal(9)), sparse, ops.Permutation(RNG.permutation(12))
        ),
        "product_large": ops.random_chain(ops.chain_from_shape(200, 300, rank=2)),
        "product_of_permutations": ops.Permutation([1, 0]) @ ops.Permutation([1, 0]),
        "sum": ops.LowRank(_normal(9, 1), _normal(1, 12)) + ops.SparseFactor(sparse),
        "sum_complex": ops.Dense(_normal(4, 4)) + ops.dft(4),
        "product_of_sum": (ops.Dense(_normal(4, 4)) + ops.hadamard(4)) @ ops.dct(4),
        "scaled": 2.0 * ops.hadamard(8),
        "scaled_rotations": 3.0 * _rotations(),
        "scaled_by_complex": ops.Permutation([2, 1, 0]) * 1j,
        "hadamard": ops.hadamard(32),
        "dft": ops.dft(30),
        "dct1": ops.dct(9, type=1),
        "dct2": ops.dct(16),
        "dct3": ops.dct(12, type=3),
        "dct4": ops.dct(7, type=4, norm="ortho"),
        "circulant": ops.circulant(_normal(12)),
        "circulant_complex": ops.circulant(_normal(10, complex_=True)),
        "circulant_float32": ops.circulant(_normal(8).astype(np.float32)),
        "random_butterfly": ops.random_butterfly(64, random_state=0),
        "random_orthogonal": ops.random_butterfly(64, orthogonal=True, random_state=0),
        "random_chain": ops.random_chain(ops.monarch(12, 20, rank=2), random_state=0),
    }
    transposed = {f"{name}_transposed": op.T for name, op in cases.items()}
    return cases | transposed


CASES = _cases()
