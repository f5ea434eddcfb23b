"""Products on several threads: the same bits as on one, under every table."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from skfrugal import _kernels, _parallel
from skfrugal import operators as ops
from skfrugal._kernels._packing import pack_chain
from skfrugal.operators import _plan
from skfrugal.operators._steps import make_steps


def operators():
    rng = np.random.RandomState(0)
    n = 96
    pairs = [rng.permutation(n)[:24].reshape(-1, 2) for _ in range(20)]
    rotations = ops.Rotations(n, pairs, [rng.uniform(-3, 3, 12) for _ in range(20)])
    sparse = [ops.SparseFactor(sp.random(n, n, 0.05, random_state=i)) for i in range(3)]
    return {
        "butterfly": ops.random_butterfly(128, random_state=0),
        "generic": ops.hadamard(64) @ ops.Diagonal(np.r_[0.0, np.ones(63)]),
        "blocks": ops.random_chain(ops.monarch(96, 84), random_state=0),
        "rotations": rotations,
        "sparse": ops.Product(sparse),
        "mixed": ops.Product(ops.Diagonal(np.arange(1.0, 97)), rotations, *sparse),
    }


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", operators())
def test_results_do_not_depend_on_the_number_of_threads(
    instruction_set, monkeypatch, name, dtype
):
    monkeypatch.setattr(_plan, "SMALLEST_SHARED_WORK", 0.0)
    monkeypatch.setattr(_parallel, "SMALLEST_SHARED_WORK", 0.0)
    monkeypatch.setattr(_plan, "BLOCK_ENTRIES", 2**10)
    results = []
    for n_threads in (1, 2, 3, 7):
        monkeypatch.setattr(_parallel, "effective_n_threads", lambda n=n_threads: n)
        op = operators()[name].astype(dtype)
        X = np.random.RandomState(1).standard_normal((333, op.shape[1])).astype(dtype)
        results.append(_plan.Plan(op._factors(), X.dtype).factored(X))
    for other in results[1:]:
        np.testing.assert_array_equal(other, results[0])


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(1, 6), st.integers(1, 6), st.integers(1, 3)),
        min_size=1,
        max_size=4,
    ),
    st.integers(0, 70),
    st.sampled_from([np.float32, np.float64]),
    st.integers(0, 2**16),
)
def test_random_chains_are_within_the_elementwise_bound(digits, n_rows, dtype, seed):
    q, p, r = zip(*digits, strict=True)
    op = ops.random_chain(
        ops.chain_from_factors(q, p, rank=r[1:]), random_state=seed
    ).astype(dtype)
    factors = getattr(op, "factors", (op,))
    high = np.float64 if dtype == np.float32 else np.longdouble
    X = np.random.RandomState(seed).standard_normal((n_rows, op.shape[1])).astype(dtype)
    exact, bound = X.astype(high), np.abs(X).astype(high)
    for factor in reversed(factors):
        dense = factor.toarray().astype(high)
        exact, bound = exact @ dense.T, bound @ np.abs(dense).T
    values = [factor.values for factor in reversed(factors)]
    for table in _kernels.tables().values():
        packed = pack_chain(values, table, dtype)
        Y = np.empty((n_rows, op.shape[0]), dtype)
        scratch = np.zeros(packed.scratch_size + 64, dtype)
        offset = -scratch.ctypes.data % 64 // scratch.itemsize
        table.chain(packed, X, Y, scratch[offset:], 0, n_rows)
        assert (np.abs(Y - exact) <= 32 * np.finfo(dtype).eps * bound).all()


def test_steps_of_one_kind_are_one_kernel(instruction_set):
    op = ops.random_butterfly(256, random_state=0)
    steps = make_steps(op.factors, np.float32)
    assert len(steps) == (2 if instruction_set == "reference" else 1)
