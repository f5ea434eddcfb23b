"""What each operator class accepts, refuses and counts."""

import numpy as np
import pytest
import scipy.sparse as sp

from skfrugal import operators as ops


@pytest.mark.parametrize(
    "build, error, words",
    [
        (lambda: ops.Dense(np.ones(3)), ValueError, "2 dimensions"),
        (lambda: ops.Dense([["a"]]), TypeError, "array must be an array of numbers"),
        (lambda: ops.Diagonal(np.eye(2)), ValueError, "1 dimension"),
        (lambda: ops.Permutation([0, 0]), ValueError, "distinct"),
        (lambda: ops.Permutation([0, 2]), ValueError, r"\[0, 2\)"),
        (lambda: ops.Permutation([-2, 0]), ValueError, r"\[0, 2\)"),
        (lambda: ops.Permutation([0.0, 1.0]), ValueError, "1-D integers"),
        (lambda: ops.SparseFactor(np.ones(3)), ValueError, "2 dimensions"),
        (lambda: ops.LowRank(np.eye(2), np.eye(3)), ValueError, r"\(2, 2\)"),
        (lambda: ops.KroneckerSparse(np.eye(2)), ValueError, r"\(a, b, c, d\)"),
        (lambda: ops.KroneckerSparse(np.ones((1, 0, 1, 1))), ValueError, "none of"),
        (lambda: ops.Rotations(3, [[[0, 1]]], [[0.1, 0.2]]), ValueError, "as many"),
        (lambda: ops.Rotations(3, [[[0, 3]]], [[0.1]]), ValueError, "level 0"),
        (
            lambda: ops.Rotations(3, [[[0, 1], [1, 2]]], [[0.1, 0.2]]),
            ValueError,
            "disjoint",
        ),
        (lambda: ops.Rotations(3, [[[0, 1]]], [[1j]]), TypeError, "real"),
        (lambda: ops.Rotations(0, [], []), ValueError, "n must be"),
        (lambda: ops.Product([]), ValueError, "at least one"),
        (lambda: ops.Sum(), ValueError, "at least one"),
        (lambda: ops.Kronecker(), ValueError, "at least one"),
        (lambda: ops.Product(np.eye(2), np.eye(3)), ValueError, "do not match"),
        (lambda: ops.Sum(np.eye(2), np.eye(3)), ValueError, "do not match"),
    ],
)
def test_bad_parts_are_refused(build, error, words):
    with pytest.raises(error, match=words):
        build()


def test_arrays_are_shared_and_read_only():
    array = np.eye(3)
    op = ops.Dense(array)
    assert np.shares_memory(op.array, array)
    assert array.flags.writeable
    with pytest.raises(ValueError, match="read-only"):
        op.array[0, 0] = 2.0


def test_sparse_factor_keeps_its_input_and_sums_duplicates():
    rows, columns = np.array([0, 0, 1]), np.array([1, 1, 0])
    coo = sp.coo_array((np.array([1.0, 2.0, 4.0]), (rows, columns)), shape=(2, 2))
    csr = sp.csr_array((np.ones(3), [1, 1, 0], [0, 2, 3]), shape=(2, 2))
    assert ops.SparseFactor(coo).nnz == 2
    assert ops.SparseFactor(csr).nnz == 2
    assert csr.nnz == 3
    np.testing.assert_array_equal(ops.SparseFactor(csr).toarray(), csr.toarray())


def test_counts_follow_the_definitions():
    kron = ops.KroneckerSparse(np.ones((4, 2, 3, 5)))
    assert kron.shape == (40, 60)
    assert kron.nnz == 120
    assert kron.flops == 240
    assert kron.density == pytest.approx(1 / (4 * 5))
    assert ops.LowRank(np.ones((10, 2)), np.ones((2, 7))).nnz == 34
    assert ops.Permutation(np.arange(9)).nnz == 0
    assert ops.Permutation(np.arange(9)).nbytes == 72
    rotations = ops.Rotations(4, [[[0, 1], [2, 3]], [[1, 2]]], [[0.1, 0.2], [0.3]])
    assert (rotations.nnz, rotations.flops, rotations.n_levels) == (3, 18, 2)
    assert ops.Kronecker(np.eye(3), np.eye(4)).nnz == 25
    assert ops.Kronecker(np.eye(3), np.eye(4)).flops == 2 * (9 * 4 + 16 * 3)


def test_an_operator_used_twice_is_counted_once():
    op = ops.hadamard(8)
    assert (op @ op).nnz == op.nnz
    assert (op @ op).flops == 2 * op.flops
    assert (op @ op.T).nnz == op.nnz
    assert (op + op).nbytes == op.nbytes


def test_rotations_turn_by_their_angles_first_level_first():
    op = ops.Rotations(3, [[[0, 1]], [[1, 2]]], [[np.pi / 2], [np.pi / 2]])
    np.testing.assert_allclose(op @ [1.0, 2.0, 3.0], [2.0, 3.0, 1.0], atol=1e-15)
    np.testing.assert_allclose((op.T @ op).toarray(), np.eye(3), atol=1e-15)


def test_permutation_selects_and_embeds():
    op = ops.Permutation([2, 0], 4)
    np.testing.assert_array_equal(op @ np.arange(4.0), [2.0, 0.0])
    np.testing.assert_array_equal(op.T @ [5.0, 7.0], [7.0, 0.0, 5.0, 0.0])
    assert (np.ones((1, 4), np.float32) @ op.T).dtype == np.float32


def test_dense_form_is_chosen_for_small_products_and_gives_the_same_rows():
    op = ops.dct(8)
    assert "one dense product" in op.explain(1000)
    assert "one dense product" not in ops.hadamard(1024).explain(1000)
    X = np.random.RandomState(0).standard_normal((64, 8))
    np.testing.assert_allclose(X @ op.T, op._rows(X), rtol=1e-12, atol=1e-12)


def test_float32_factors_meet_float64_rows_in_double_precision():
    op = ops.random_butterfly(16, random_state=0).astype(np.float32)
    X = np.random.RandomState(0).standard_normal((40, 16))
    exact = X @ op.astype(np.float64).toarray().T
    np.testing.assert_allclose(X @ op.T, exact, rtol=1e-12, atol=1e-12)
