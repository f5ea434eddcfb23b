"""One battery for every operator class and builder: the dense matrix is the oracle."""

import copy
import pickle
import threading

import numpy as np
import pytest
import scipy.sparse as sp
import scipy.sparse.linalg as spla
from operator_cases import CASES

from skfrugal import operators as ops

DTYPES = [np.float32, np.float64, np.complex64, np.complex128]


@pytest.fixture(params=CASES.values(), ids=CASES.keys())
def op(request, instruction_set):
    return pickle.loads(pickle.dumps(request.param))


def assert_close(actual, desired, op, depth=1):
    """Normwise error of at most 32 eps of the result's dtype, a factor."""
    eps = np.finfo(actual.dtype).eps
    assert actual.shape == desired.shape
    error = np.linalg.norm(actual - desired)
    assert error <= 32 * eps * depth * max(np.linalg.norm(desired), 1e-300)


def exact(op):
    """Dense matrix of the operator's values, computed in double precision."""
    return op.astype(np.result_type(op.dtype, np.float64)).toarray()


def n_factors(op):
    if isinstance(op, ops.Rotations):
        return max(1, op.n_levels)
    return sum(n_factors(leaf) for leaf in op._leaves() if leaf is not op) or 1


def rows(op, n_rows=5, dtype=np.float64, seed=2):
    rng = np.random.RandomState(seed)
    X = rng.standard_normal((n_rows, op.shape[1]))
    if np.dtype(dtype).kind == "c":
        X = X + 1j * rng.standard_normal(X.shape)
    return X.astype(dtype)


def test_toarray_is_the_matrix_of_matvec(op):
    columns = [op.matvec(e) for e in np.eye(op.shape[1])]
    dense = np.array(columns).reshape(op.shape[1], op.shape[0]).T
    assert_close(op.toarray(), dense.astype(op.dtype), op, n_factors(op))
    assert op.toarray().dtype == op.dtype
    assert op.toarray().flags.c_contiguous


@pytest.mark.parametrize("dtype", DTYPES)
def test_rows_equal_the_dense_product(op, dtype):
    for n_rows in (0, 1, 5, 70):
        check_rows(op, rows(op, n_rows, dtype))


def check_rows(op, X):
    dtype = X.dtype
    Y = X @ op.T
    assert Y.dtype == np.result_type(op.dtype, dtype)
    assert Y.dtype == np.result_type(op, X)
    assert type(Y) is np.ndarray
    assert Y.flags.writeable
    desired = X.astype(np.result_type(X, np.float64)) @ exact(op).T
    assert_close(Y, desired, op, n_factors(op))


def test_every_product_agrees_with_the_dense_one(op):
    dense = exact(op)
    X = rows(op)
    left = rows(op.T)
    depth = n_factors(op)
    assert_close(left @ op, left @ dense, op, depth)
    assert_close(op @ X.T, dense @ X.T, op, depth)
    assert_close(op @ X[0], dense @ X[0], op, depth)
    assert_close(left[0] @ op, left[0] @ dense, op, depth)
    assert_close(op.matmat(X.T), dense @ X.T, op, depth)
    assert_close(op.rmatmat(left.T), dense.conj().T @ left.T, op, depth)
    assert_close(op.rmatvec(left[0]), dense.conj().T @ left[0], op, depth)
    assert op.matvec(X[0][:, np.newaxis]).shape == (op.shape[0], 1)


def test_adjoint_identity(op):
    x = rows(op, 1, np.complex128)[0]
    y = rows(op.T, 1, np.complex128, seed=3)[0]
    scale = np.linalg.norm(exact(op)) * np.linalg.norm(x) * np.linalg.norm(y)
    gap = abs(np.vdot(y, op @ x) - np.vdot(op.H @ y, x))
    assert gap <= 32 * np.finfo(np.float64).eps * n_factors(op) * max(scale, 1e-300)


def test_transposes_and_conjugates_are_views_of_each_other(op):
    assert op.T.T is op
    assert op.T is op.T
    assert op.T.shape == op.shape[::-1]
    assert_close(op.T.toarray(), op.toarray().T, op, n_factors(op))
    assert_close(op.H.toarray(), op.toarray().conj().T, op, n_factors(op))
    assert_close(op.conj().toarray(), op.toarray().conj(), op, n_factors(op))
    assert op.conj().conj() is op


@pytest.mark.parametrize("dtype", DTYPES)
def test_astype_changes_the_dtype_and_nothing_else(op, dtype):
    if op.dtype.kind == "c" and np.dtype(dtype).kind == "f":
        with pytest.raises(TypeError, match="drop imaginary"):
            op.astype(dtype)
        return
    cast = op.astype(dtype)
    assert cast.dtype == dtype
    assert cast.shape == op.shape
    assert cast.nnz == op.nnz
    assert cast.toarray().dtype == dtype
    desired = op.toarray().astype(np.complex128)
    low = np.dtype(dtype) if np.finfo(dtype).eps > np.finfo(op.dtype).eps else op.dtype
    # A product of cast factors is as exact as its factors are, not as their product.
    bound = 32 * np.finfo(low).eps * n_factors(op) * max(np.linalg.norm(desired), 1e-9)
    magnitude = 40.0 if isinstance(op, ops.Product) else 4.0
    assert np.linalg.norm(cast.toarray() - desired) <= magnitude * bound


def test_scalars_and_sums_act_on_the_matrix(op):
    dense = op.toarray()
    depth = n_factors(op) + 1
    assert_close((2.5 * op).toarray(), 2.5 * dense, op, depth)
    assert_close((op * np.float32(0.5)).toarray(), 0.5 * dense, op, depth)
    assert_close((op / 4).toarray(), dense / 4, op, depth)
    assert_close((-op).toarray(), -dense, op, depth)
    assert_close((1j * op).toarray(), 1j * dense, op, depth)
    assert (1.5 * op).dtype == op.dtype
    assert_close((op + op).toarray(), 2 * dense, op, depth)
    assert_close((op - op).toarray() + dense, dense, op, depth)
    assert isinstance(op + op, ops.Sum)
    assert (op + op).nnz == op.nnz


def test_compositions_are_flat_products(op):
    both = op @ op.T
    assert isinstance(both, ops.Product)
    assert not any(isinstance(f, ops.Product) for f in both.factors)
    dense = op.toarray()
    scale = np.linalg.norm(dense) ** 2
    error = np.linalg.norm(both.toarray() - dense @ dense.T)
    assert error <= 64 * np.finfo(op.dtype).eps * n_factors(op) * max(scale, 1e-300)
    assert both.nnz == op.nnz


def test_sparse_rows_equal_dense_rows(op):
    X = sp.random(6, op.shape[1], 0.4, random_state=0, format="csr")
    desired = X.toarray() @ op.T
    for container in (sp.csr_matrix, sp.csr_array, sp.csc_array, sp.coo_array):
        Y = container(X) @ op.T
        assert type(Y) is np.ndarray
        assert Y.dtype == desired.dtype
        assert_close(Y, desired, op, n_factors(op))
    assert_close(op @ sp.csc_array(X.T), desired.T, op, n_factors(op))
    assert (X[:0] @ op.T).shape == (0, op.shape[0])


@pytest.mark.parametrize(
    "layout", ["F", "strided", "reversed", "readonly", "memmap", "big_endian"]
)
def test_odd_layouts_give_the_same_result_and_stay_as_they_are(op, layout, tmp_path):
    X = rows(op, 6)
    desired = X @ op.T
    if layout == "F":
        odd = np.asfortranarray(X)
    elif layout == "strided":
        odd = np.repeat(np.repeat(X, 2, axis=0), 3, axis=1)[::2, ::3]
    elif layout == "reversed":
        odd = np.ascontiguousarray(X[::-1, ::-1])[::-1, ::-1]
    elif layout == "readonly":
        odd = X.copy()
        odd.flags.writeable = False
    elif layout == "memmap":
        (tmp_path / "X").write_bytes(X.tobytes() + b"one byte, for empty X")
        odd = np.memmap(tmp_path / "X", X.dtype, "r", shape=X.shape)
    else:
        odd = X.astype(X.dtype.newbyteorder(">"))
    before = np.array(odd)
    Y = odd @ op.T
    assert type(Y) is np.ndarray
    assert_close(Y, desired, op, n_factors(op))
    np.testing.assert_array_equal(odd, before)


@pytest.mark.parametrize("dtype", [bool, np.int8, np.uint64, np.float16])
def test_integers_become_float64_and_float16_float32(op, dtype):
    X = np.abs(rows(op) > 0.3).astype(dtype)
    wide = X.astype(np.float32 if dtype is np.float16 else np.float64)
    Y = X @ op.T
    assert Y.dtype == (wide @ op.T).dtype
    np.testing.assert_array_equal(Y, wide @ op.T)


def test_lists_are_arrays(op):
    X = rows(op)
    np.testing.assert_array_equal(op @ X[0].tolist(), op @ X[0])


def test_pickle_and_copies_give_an_equal_operator_without_its_cache(op):
    X = rows(op)
    desired = X @ op.T
    assert op.T is not None
    for twin in (
        pickle.loads(pickle.dumps(op)),
        copy.copy(op),
        copy.deepcopy(op),
    ):
        assert type(twin) is type(op)
        assert twin._cache == {}
        assert (twin.shape, twin.dtype, twin.nnz) == (op.shape, op.dtype, op.nnz)
        np.testing.assert_array_equal(X @ twin.T, desired)
        assert twin.T.T is twin


def test_scipy_linear_algebra_takes_the_operator_as_it_is(op):
    linear = spla.aslinearoperator(op)
    assert linear.shape == op.shape
    assert linear.dtype == op.dtype
    X = rows(op, 3)
    assert_close(linear.matmat(X.T), op @ X.T, op, n_factors(op))
    left = rows(op.T, 3)
    assert_close(linear.H @ left.T, op.H @ left.T, op, n_factors(op))


def test_numpy_functions_are_refused_with_a_sentence(op):
    with pytest.raises(TypeError, match=r"toarray\(\)"):
        np.asarray(op, dtype=float)
    with pytest.raises(TypeError, match=r"toarray\(\)"):
        np.asarray(op, dtype=complex)
    with pytest.raises(TypeError, match=r"toarray\(\)"):
        np.linalg.norm(op)
    with pytest.raises(TypeError, match=r"toarray\(\)"):
        np.concatenate([op, op])
    with pytest.raises(TypeError):
        np.exp(op)
    assert np.asanyarray(op).ndim == 0
    assert np.shape(op) == op.shape
    assert np.ndim(op) == op.ndim == 2
    assert np.iscomplexobj(op) == (op.dtype.kind == "c") == (not np.isrealobj(op))


def test_shape_errors_show_both_shapes(op):
    m, n = op.shape
    for bad in (np.ones((3, n + 1)), sp.csr_array(np.ones((3, n + 1)))):
        with pytest.raises(ValueError, match=rf"\(3, {n + 1}\) and \({n}, {m}\)"):
            bad @ op.T
    with pytest.raises(ValueError, match=rf"\({m}, {n}\) and \({n + 1}, 3\)"):
        op @ np.ones((n + 1, 3))
    with pytest.raises(ValueError, match=rf"\({n + 1},\)"):
        op @ np.ones(n + 1)
    with pytest.raises(ValueError, match="1 or 2 dimensions"):
        np.ones((2, 3, n)) @ op.T
    with pytest.raises(ValueError, match="1 or 2 dimensions"):
        op @ 3.0
    with pytest.raises(ValueError, match="x must have shape"):
        op.matvec(np.ones((n, 2)))
    with pytest.raises(ValueError, match="Shapes do not match"):
        op @ ops.Dense(np.ones((n + 1, 2)))
    with pytest.raises(ValueError, match="Shapes do not match"):
        op + ops.Dense(np.ones((m + 1, n)))


def test_things_that_are_not_numbers_are_refused(op):
    with pytest.raises(TypeError, match="array of numbers"):
        np.full((1, op.shape[1]), "a") @ op.T
    with pytest.raises(TypeError):
        op * "a"
    with pytest.raises(TypeError):
        op + 1
    with pytest.raises(TypeError, match="float32, float64"):
        op.astype(int)


def test_repr_and_explain_tell_shape_and_cost(op):
    text = repr(op)
    assert text.startswith(f"<{type(op).__name__} {op.shape[0]} x {op.shape[1]}")
    assert f"{op.nnz:,} stored values" in text
    explanation = op.explain()
    assert str(op.dtype) in explanation
    assert f"{op.shape[0]} x {op.shape[1]}" in explanation
    assert f"{op.nbytes:,} bytes stored" in explanation


def test_counts_are_consistent(op):
    assert op.T.nnz == op.nnz
    assert op.density == op.nnz / max(1, op.shape[0] * op.shape[1])
    assert isinstance(op.nnz, int)
    assert isinstance(op.flops, int)
    is_quantized = any(isinstance(leaf, ops.Quantized) for leaf in op._leaves())
    assert op.nbytes >= op.nnz * (1 if is_quantized else op.dtype.itemsize / 2)


def test_threads_share_an_operator_that_builds_itself_once():
    op = ops.random_butterfly(256, random_state=0)
    X = rows(op, 50)
    desired = X @ pickle.loads(pickle.dumps(op)).T
    barrier = threading.Barrier(8)
    found = []

    def work():
        barrier.wait()
        found.append((op.T, X @ op.T))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(transpose) for transpose, _ in found}) == 1
    for _, Y in found:
        np.testing.assert_array_equal(Y, desired)


def test_iterative_methods_of_scipy_solve_with_operators():
    op = ops.random_butterfly(64, random_state=1)
    dense = op.toarray()
    singular = spla.svds(op, k=3, return_singular_vectors=False)
    np.testing.assert_allclose(
        np.sort(singular), np.sort(np.linalg.svd(dense)[1][:3]), rtol=1e-9
    )
    gram = op.H @ op + ops.Diagonal(np.full(64, 0.5))
    largest = spla.eigsh(gram, k=2, return_eigenvectors=False)
    np.testing.assert_allclose(
        np.sort(largest), np.linalg.eigvalsh(gram.toarray())[-2:], rtol=1e-9
    )
    x = np.random.RandomState(0).standard_normal(64)
    np.testing.assert_allclose(spla.cg(gram, gram @ x, rtol=1e-12)[0], x, rtol=1e-6)
    orthogonal = ops.random_butterfly(64, orthogonal=True, random_state=0)
    solution = spla.lsqr(orthogonal, orthogonal @ x, atol=1e-13, btol=1e-13)[0]
    np.testing.assert_allclose(solution, x, rtol=1e-9)
