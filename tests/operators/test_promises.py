"""What operators promise beyond the right product: memory, precision, forks."""

import gc
import pickle
import subprocess
import sys
import tracemalloc
import weakref

import numpy as np
import pytest
import scipy.sparse as sp
import scipy.sparse.linalg as spla

from skfrugal import operators as ops


def peak_of(function):
    """Bytes allocated at most while `function` runs."""
    tracemalloc.start()
    try:
        function()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_wide_products_make_no_square_of_their_width():
    op = ops.Product(np.ones((8, 100)), ops.Permutation(np.arange(100), 100_000))
    X = np.ones((64, 100_000))
    assert peak_of(lambda: X @ op.T) < 80e6
    assert peak_of(op.toarray) < 80e6
    kron = ops.Kronecker(np.ones((1, 400)), np.ones((2, 300)))
    assert peak_of(kron.toarray) < 80e6


@pytest.mark.parametrize("left", ["dense", "sparse", "low rank"])
def test_wide_sparse_rows_are_never_dense_all_at_once(left):
    n_rows, n = 20_000, 50_000
    rng = np.random.RandomState(0)
    columns = rng.randint(n, size=5 * n_rows)
    starts = np.arange(0, 5 * n_rows + 1, 5)
    X = sp.csr_array((np.ones(5 * n_rows), columns, starts), shape=(n_rows, n))
    head = {
        "dense": ops.Dense(np.ones((4, n))),
        "sparse": ops.SparseFactor(sp.csr_array(np.ones((4, n)))),
        "low rank": ops.LowRank(np.ones((4, 2)) / 2, np.ones((2, n))),
    }[left]
    op = ops.Product(head, ops.Permutation(rng.permutation(n)))
    assert peak_of(lambda: X @ op.T) < 50e6  # all dense: 8 GB
    np.testing.assert_allclose(X @ op.T, np.full((n_rows, 4), 5.0))


def test_sparse_rows_are_computed_in_the_dtype_of_the_result():
    rng = np.random.RandomState(0)
    left, right = rng.standard_normal((2, 6, 6))
    right = right.astype(np.float32)
    X = rng.uniform(size=(5, 6)).astype(np.float32)
    for op in (
        ops.LowRank(left, right),
        ops.Product(left, ops.SparseFactor(right)),
        ops.Dense(left) + ops.SparseFactor(right),
    ):
        exact = X.astype(float) @ op.astype(float).toarray().T
        np.testing.assert_allclose(
            sp.csr_array(X) @ op.T, exact, rtol=1e-13, atol=1e-13
        )


def test_nothing_waits_for_the_garbage_collector():
    gc.disable()
    try:
        op = ops.random_chain(ops.monarch(64, 64), random_state=0).astype(complex)
        np.ones((3, 64)) @ op.T
        op.conj().T.conj()
        op.rmatvec(np.ones(64))
        watched = [weakref.ref(op), weakref.ref(op.T), weakref.ref(op.T.factors[0])]
        del op
        assert [watch() for watch in watched] == [None, None, None]
    finally:
        gc.enable()


def test_a_transpose_outlives_what_it_came_from():
    transpose = ops.Dense(np.arange(6.0).reshape(2, 3)).T
    assert transpose.T.T is transpose
    assert transpose.T is transpose.T
    np.testing.assert_array_equal([1.0, 1.0] @ transpose.T, [3.0, 5.0, 7.0])


def test_ties_are_counted_once_also_after_pickle_and_by_conjugates():
    op = ops.random_butterfly(8, random_state=0)
    gram = op @ op.T
    assert gram.nnz == op.nnz
    assert pickle.loads(pickle.dumps(gram)).nnz == op.nnz
    fourier = ops.dft(8)
    assert (fourier.H @ fourier).nnz == fourier.nnz
    assert (op @ pickle.loads(pickle.dumps(op))).nnz == 2 * op.nnz


def test_unpickled_arrays_are_read_only_like_those_pickled():
    for op in (ops.Dense(np.eye(2)), ops.SparseFactor(np.eye(2)), ops.hadamard(4)):
        twin = pickle.loads(pickle.dumps(op))
        assert not any(array.flags.writeable for array in twin._arrays())
    with pytest.raises(AttributeError):
        op.shape = (3, 3)


@pytest.mark.parametrize("n_rows", [1, 1000])
def test_explain_says_dense_only_where_the_dense_form_is_used(n_rows):
    small, kron = ops.dct(8), ops.Kronecker(np.eye(8), np.eye(8))
    total = ops.Dense(np.eye(8)) + ops.LowRank(np.ones((8, 1)), np.ones((1, 8)))
    for op in (kron, total, ops.Dense(np.eye(3))):
        assert "as one dense product instead" not in op.explain(n_rows)
    assert "as one dense product instead" in small.explain(n_rows)
    np.ones((n_rows, 8)) @ small.T
    assert small._cache["d"]._dense is not None
    large = ops.hadamard(1024)
    np.ones((n_rows, 1024)) @ large.T
    assert "as one dense product instead" not in large.explain(1000)


@pytest.mark.parametrize("n_rows", [0, -1, 2.5])
def test_explain_wants_a_number_of_rows(n_rows):
    with pytest.raises(ValueError, match="n_rows must be an integer >= 1"):
        ops.hadamard(4).explain(n_rows)


def test_shape_errors_name_what_the_user_wrote():
    op = ops.random_chain(ops.monarch(12, 8), random_state=0)
    with pytest.raises(ValueError, match=r"op @ op: \(12, 8\) and \(12, 8\)"):
        op @ op
    with pytest.raises(ValueError, match=r"of factor 1 and .* of factor 2"):
        ops.Product(np.eye(2), np.eye(2), np.eye(3))


def test_sums_take_arrays_sparse_matrices_and_python_sum():
    op, array = ops.hadamard(4), np.arange(16.0).reshape(4, 4)
    dense = op.toarray()
    for other in (array, sp.csr_array(array)):
        np.testing.assert_array_equal((op + other).toarray(), dense + array)
        np.testing.assert_array_equal((other + op).toarray(), dense + array)
        np.testing.assert_array_equal((op - other).toarray(), dense - array)
        np.testing.assert_array_equal((other - op).toarray(), array - dense)
    np.testing.assert_array_equal(sum([op, op]).toarray(), 2 * dense)


@pytest.mark.parametrize("dtype", [">f8", ">f4", np.longdouble, np.clongdouble])
def test_operators_have_native_single_or_double_precision(dtype):
    array = np.eye(3).astype(dtype)
    expected = {">f4": "float32", np.clongdouble: "complex128"}.get(dtype, "float64")
    assert ops.Dense(array).dtype == np.dtype(expected)
    assert ops.Dense(array).dtype.isnative
    assert (array @ ops.Permutation([2, 0, 1]).T).dtype == np.dtype(expected)


@pytest.mark.parametrize(
    "build, error, words",
    [
        (lambda: ops.Permutation([1, 0], dtype=int), TypeError, "float32, float64"),
        (lambda: ops.Permutation([1, 0], dtype="f2"), TypeError, "float32, float64"),
        (lambda: ops.Permutation([1, 0], n=2.7), ValueError, "n must be an integer"),
        (lambda: ops.Rotations(3, [[[0.7, 1.2]]], [[1]]), ValueError, "integers of"),
        (lambda: ops.Rotations(4, [[0, 1, 2]], [[1.0]]), ValueError, "shape"),
        (lambda: ops.dft(4, scale=["n"]), ValueError, "scale must be"),
        (lambda: ops.radix(8, 1), ValueError, "k must be an integer >= 2"),
        (
            lambda: ops.hadamard(2) @ spla.aslinearoperator(np.eye(2)),
            ValueError,
            "array of 1 or 2 dimensions",
        ),
        (lambda: np.linalg.norm(ops.hadamard(2)), TypeError, "numpy.linalg.norm"),
    ],
)
def test_refusals_are_sentences(build, error, words):
    with pytest.raises(error, match=words):
        build()


FORK = """
import os, sys, threading, warnings
warnings.simplefilter("ignore")
import numpy as np
from skfrugal.operators import _base, hadamard
held, done = threading.Event(), threading.Event()
def hold():
    with _base._lock:
        held.set()
        done.wait()
threading.Thread(target=hold).start()
held.wait()
child = os.fork()
if child == 0:
    np.ones((2, 64)) @ hadamard(64).T
    os._exit(0)
_, status = os.waitpid(child, 0)
done.set()
sys.exit(os.waitstatus_to_exitcode(status))
"""


def test_a_child_forked_while_an_operator_is_built_does_not_hang():
    done = subprocess.run([sys.executable, "-c", FORK], timeout=60, check=False)
    assert done.returncode == 0
