"""The steps of a product: runs of factors that one kernel computes, or one by NumPy.

A step maps rows to rows.  Which kernel serves which factors depends on their classes,
sizes and dtype only.  Steps hold packed coefficients, which depend on this machine:
they are built on first use and never pickled.
"""

import threading
from itertools import groupby

import numpy as np

from skfrugal import _kernels
from skfrugal._kernels import _bindings, _packing, _panels
from skfrugal.operators._dense import Dense
from skfrugal.operators._kronecker_sparse import KroneckerSparse, fuse_neighbours
from skfrugal.operators._low_rank import LowRank
from skfrugal.operators._permutation import Permutation
from skfrugal.operators._rotations import Rotations
from skfrugal.operators._sparse import SparseFactor

# Kronecker-sparse blocks from this side on are left to BLAS.
LARGEST_BLOCK = 64

# The NumPy path is bound by passes, not by flops: it multiplies neighbouring
# Kronecker-sparse factors up to blocks of this side.
LARGEST_FUSED_BLOCK = 32

# BLAS: a call, then nanoseconds a flop (one thread, float32).  The first rows are bound
# by reading the matrix, unless it is small.
DENSE_CALL = 1000.0
DENSE_FIRST_ROWS = 16
DENSE_FIRST_FLOP = 0.03
DENSE_SMALL_FLOP = 0.015
DENSE_SMALL_ENTRIES = 2**14
DENSE_FLOP = 0.011

# The same of the other steps: NumPy's batched products and, by instruction set, the
# kernels.
NUMPY_CALL = 3000.0
NUMPY_FLOP = 0.05
NUMPY_VALUE_MOVED = 0.3
KERNEL_FLOP = {
    "chain": {"baseline": 0.024, "avx2": 0.012, "avx512": 0.01},
    "blocks": {"baseline": 0.05, "avx2": 0.015, "avx512": 0.012},
    "rotations": {"baseline": 0.045, "avx2": 0.022, "avx512": 0.02},
    "sparse": {"baseline": 0.06, "avx2": 0.034, "avx512": 0.032},
}

BLOCK_VALUE_MOVED = 0.25

# Outputs beyond this many bytes leave the last pass around the caches.
STREAMED_BYTES = 2**23
STREAMED_WIDTH = 1024

_local = threading.local()


def dense_cost(shape, n_rows, dtype):
    """Estimated nanoseconds of a dense product with `n_rows` rows."""
    entries = shape[0] * shape[1]
    flops = 2 * entries * (np.dtype(dtype).itemsize / 4)
    is_small = entries <= DENSE_SMALL_ENTRIES
    first_flop = DENSE_SMALL_FLOP if is_small else DENSE_FIRST_FLOP
    first = min(n_rows, DENSE_FIRST_ROWS)
    return DENSE_CALL + flops * (first * first_flop + (n_rows - first) * DENSE_FLOP)


class KernelStep:
    """Rows through one compiled kernel."""

    def __init__(self, kind, name, packed, flops, *, panel=1):
        self.kind, self.name, self.packed, self.flops = kind, name, packed, flops
        self.n_out, self.n_in = packed.shape
        self.panel = panel
        self.factor = None
        self.nbytes = packed.nbytes
        # Blocks of any sizes are bound by the passes that rearrange them as well.
        passes = packed.description if kind == "blocks" else ()
        moved = sum(one["n_in"] + one["n_out"] for one in passes)
        self.nanoseconds = (packed.dtype.itemsize / 4) * (
            flops * KERNEL_FLOP[kind][_kernels.instruction_set]
            + moved * BLOCK_VALUE_MOVED
        )
        method = "chain" if kind in ("chain", "blocks") else kind
        self._kernel = getattr(_kernels.kernels, method)

    def cost(self, n_rows):
        """Estimated nanoseconds for `n_rows` rows, which a kernel takes by panels."""
        return -(-n_rows // self.panel) * self.panel * self.nanoseconds

    def into(self, X, Y, start, stop):
        """Write rows [start, stop) of the product with `X` into `Y`."""
        scratch = _scratch(self.packed)
        if self.kind == "chain" and self.n_out >= STREAMED_WIDTH:
            stream = Y.nbytes > STREAMED_BYTES
            self._kernel(self.packed, X, Y, scratch, start, stop, stream)
        else:
            self._kernel(self.packed, X, Y, scratch, start, stop)

    def into_shifted(self, X, Y, shift, start, stop):
        """The same plus `shift`, by rotations; whether the rows of `X` are finite."""
        scratch = _scratch(self.packed)
        return self._kernel(self.packed, X, Y, scratch, start, stop, shift)


class PlainStep:
    """Rows through an operator's own NumPy code."""

    def __init__(self, factor):
        self.factor = factor
        self.name = f"{type(factor).__name__}{factor._detail()}"
        self.flops = factor.flops
        self.n_out, self.n_in = factor.shape
        self.nbytes = 0

    def cost(self, n_rows):
        """Estimated nanoseconds for `n_rows` rows."""
        factor = self.factor
        if isinstance(factor, Dense):
            return dense_cost(factor.shape, n_rows, factor.dtype)
        if isinstance(factor, LowRank):
            inner, outer = factor.right.shape, factor.left.shape
            return sum(dense_cost(s, n_rows, factor.dtype) for s in (inner, outer))
        moved = (self.n_in + self.n_out) * NUMPY_VALUE_MOVED
        return NUMPY_CALL + n_rows * (self.flops * NUMPY_FLOP + moved)

    def into(self, X, Y, start, stop):
        """Write rows [start, stop) of the product with `X` into `Y`."""
        Y[start:stop] = self.factor._compute(X[start:stop])


def make_steps(factors, dtype):
    """Steps of a product, the first applied first.

    Parameters
    ----------
    factors : tuple of Operator
        Left to right.
    dtype : dtype
        Of the rows.
    """
    dtype = np.dtype(dtype)
    if _kernels.kernels is None or dtype.kind == "c":
        factors = [factor.astype(dtype) for factor in factors]
        fused = fuse_neighbours(factors, LARGEST_FUSED_BLOCK)
        return [PlainStep(factor) for factor in reversed(fused)]
    steps = []
    for kind, run in groupby(reversed(factors), key=_kind):
        run = list(run)
        if kind == "plain" and _selects_outputs(run[0], steps):
            steps[-1] = _rotation_step(steps[-1].factor, dtype, run.pop(0))
        steps += _STEPS[kind](run, dtype)
    return steps


def _selects_outputs(factor, steps):
    """Whether a factor says which outputs of the rotations before it are wanted."""
    return (
        isinstance(factor, Permutation)
        and (factor.indices >= 0).all()
        and bool(steps)
        and isinstance(steps[-1], KernelStep)
        and isinstance(steps[-1].factor, Rotations)
    )


def has_kernel(factor):
    """Whether a single factor of a real dtype is computed by a kernel."""
    return _kernels.kernels is not None and _kind(factor) != "plain"


def _kind(factor):
    """The kernel that can compute a factor, perhaps with its neighbours."""
    if isinstance(factor, KroneckerSparse):
        _, b, c, _ = factor.pattern
        return "chain" if max(b, c) < LARGEST_BLOCK else "plain"
    if isinstance(factor, Rotations):
        return "rotations"
    if isinstance(factor, SparseFactor):
        return "sparse"
    return "plain"


def _plain_steps(run, dtype):
    return [PlainStep(factor) for factor in run]


def _chain_step(run, dtype):
    values = [factor.values for factor in run]
    packed = _packing.pack_chain(values, _kernels.kernels, dtype)
    flops = sum(factor.flops for factor in run)
    kinds = {one["kind"] for one in packed.description}
    kind = "blocks" if kinds & {"blocks", "regroup"} else "chain"
    name = f"{len(run)} Kronecker-sparse factor{'s' * (len(run) > 1)} in "
    name += (
        f"{len(packed.description)} fused pass{'es' * (len(packed.description) > 1)}"
    )
    if kind == "chain":
        is_unit = kinds <= {"base", "outer"}
        name += ", unit form" if is_unit else ", generic form"
    return [KernelStep(kind, name, packed, flops)]


def _rotation_steps(run, dtype):
    return [_rotation_step(factor, dtype) for factor in run]


def _rotation_step(factor, dtype, selection=None):
    packed = _panels.pack_rotations(
        factor.shape[0],
        factor.pairs,
        factor.angles,
        _kernels.kernels,
        dtype,
        None if selection is None else selection.indices,
    )
    name = f"Rotations{factor._detail()}, rows in lanes"
    step = KernelStep("rotations", name, packed, factor.flops, panel=_panel(dtype))
    step.factor = factor
    return step


def _sparse_step(run, dtype):
    matrices = [factor._csr() for factor in run]
    packed = _panels.pack_sparse(matrices, _kernels.kernels, dtype)
    flops = sum(factor.flops for factor in run)
    name = f"{len(run)} sparse factor{'s' * (len(run) > 1)}, rows in lanes"
    return [KernelStep("sparse", name, packed, flops, panel=_panel(dtype))]


_STEPS = {
    "chain": _chain_step,
    "plain": _plain_steps,
    "rotations": _rotation_steps,
    "sparse": _sparse_step,
}


def _panel(dtype):
    return _kernels.kernels.panel_bytes // np.dtype(dtype).itemsize


def _scratch(packed):
    """Aligned scratch of this thread, large enough; kernels do not nest."""
    name = packed.dtype.char
    found = getattr(_local, name, None)
    if found is None or found.size < packed.scratch_size:
        found = _bindings.aligned_empty(packed.scratch_size, packed.dtype)
        setattr(_local, name, found)
    return found
