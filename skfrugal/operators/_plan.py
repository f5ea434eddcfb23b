"""How a product is computed, and why: a fixed cost model, never a clock.

Costs are in nanoseconds of a nominal core.  They need only be right relative to each
other, and being constants they make choices reproducible.
"""

import math
from functools import partial

import numpy as np

from skfrugal._kernels._bindings import output_rows
from skfrugal._parallel import SMALLEST_SHARED_WORK, run_rows
from skfrugal.operators._base import Operator, Pass
from skfrugal.operators._steps import (
    KernelStep,
    dense_cost,
    has_kernel,
    make_steps,
)

# The calls around a product of steps, in Python.
CALL = 700.0

# Rows that go through several steps together: intermediates stay in the L2 cache.
TILE_ENTRIES = 2**16

# Rows of a block that one thread takes.
BLOCK_ENTRIES = 2**18

# A dense form is kept beside the factors only up to this many entries.
MAX_DENSE_ENTRIES = 2**20


class Plan:
    """The steps of a product for rows of one dtype, and when the dense form is better.

    Parameters
    ----------
    factors : tuple of Operator
        Left to right.
    dtype : dtype
        Of the rows.
    """

    def __init__(self, factors, dtype):
        self.steps = make_steps(factors, dtype)
        self.dtype = np.dtype(dtype)
        self.shape = (self.steps[-1].n_out, self.steps[0].n_in)
        self.width = max(max(step.n_in, step.n_out) for step in self.steps)
        # Rows that the calling thread computes alone; BLAS has threads of its own.
        self.most_alone = math.inf
        if all(isinstance(step, KernelStep) for step in self.steps):
            self.most_alone = SMALLEST_SHARED_WORK * 1024 / self.cost(1024)
        self._is_dense = {}
        self._dense = None

    def cost(self, n_rows):
        """Estimated nanoseconds of the steps, one after the other."""
        return CALL + sum(step.cost(n_rows) for step in self.steps)

    def is_dense_cheaper(self, n_rows):
        """Whether `n_rows` rows go through the dense form."""
        choice = self._is_dense.get(n_rows)
        if choice is None:
            small = self.shape[0] * self.shape[1] <= MAX_DENSE_ENTRIES
            dense = dense_cost(self.shape, n_rows, self.dtype)
            choice = self._is_dense[n_rows] = small and dense < self.cost(n_rows)
        return choice

    def rows(self, X):
        """``X @ product.T`` for C-contiguous rows of the plan's dtype."""
        if self.is_dense_cheaper(len(X)):
            if self._dense is None:
                self._dense = self.multiplied()
            return X @ self._dense
        return self.factored(X)

    def factored(self, X, into=None):
        """The same, through the steps whatever it costs, or a function like `into`."""
        n_rows = len(X)
        into = into or self.into
        Y = output_rows(X, self.shape[0])
        if n_rows <= self.most_alone:
            into(X, Y, 0, n_rows)
        else:
            rows_per_block = -(-BLOCK_ENTRIES // self.width // 64) * 64
            cost = self.cost(n_rows) / n_rows
            run_rows(partial(into, X, Y), n_rows, rows_per_block, cost)
        return Y

    def into(self, X, Y, start, stop):
        """Rows [start, stop) of the product, through the steps, on this thread."""
        if len(self.steps) == 1:
            self.steps[0].into(X, Y, start, stop)
        else:
            self._tiles(X, Y, start, stop)

    def _tiles(self, X, Y, start, stop):
        tile = max(64, TILE_ENTRIES // self.width)
        *first, last = self.steps
        for begin in range(start, stop, tile):
            end = min(stop, begin + tile)
            Z = X[begin:end]
            for step in first:
                wide = np.empty((end - begin, step.n_out), Z.dtype)
                step.into(Z, wide, 0, end - begin)
                Z = wide
            last.into(Z, Y[begin:end], 0, end - begin)

    def multiplied(self):
        """The transpose of the matrix, dense: the product with an identity."""
        n_out, n_in = self.shape
        dense = np.empty((n_in, n_out), self.dtype)
        size = max(1, min(n_in, 4 * MAX_DENSE_ENTRIES // max(1, n_in)))
        for start in range(0, n_in, size):
            count = min(size, n_in - start)
            identity = np.eye(count, n_in, start, self.dtype)
            dense[start : start + count] = self.factored(identity)
        return dense

    def bytes_kept(self, n_rows):
        """Bytes that products with `n_rows` rows keep besides the factors."""
        if self.is_dense_cheaper(n_rows):
            return self.shape[0] * self.shape[1] * self.dtype.itemsize
        return sum(step.nbytes for step in self.steps)


def plan_of(operator, dtype):
    """The plan of an operator that has one, built once for each dtype."""
    return operator._cached(dtype.char, lambda: _make_plan(operator, dtype))


def _make_plan(operator, dtype):
    factors = operator._factors()
    # A plan that does the operator's own arithmetic would keep it alive in a cycle.
    if factors == (operator,) and not (dtype.kind == "f" and has_kernel(operator)):
        return False
    return Plan(factors, dtype)


def passes_of(operator):
    """Passes of a planned operator in its own dtype."""
    plan = plan_of(operator, operator.dtype)
    if plan is False:
        m, n = operator.shape
        name = f"{type(operator).__name__}{operator._detail()}"
        return (Pass(name, operator.flops, n, m),)
    return tuple(Pass(s.name, s.flops, s.n_in, s.n_out) for s in plan.steps)


def explain(operator, n_rows):
    """What ``operator.explain`` says."""
    m, n = operator.shape
    itemsize = operator.dtype.itemsize
    passes = operator._passes()
    lines = [
        f"{type(operator).__name__} {m} x {n}, {operator.dtype}, "
        f"for {n_rows:,} row{'s' if n_rows != 1 else ''}:"
    ]
    lines += [
        f"  step {number}: {one.name}, {one.n_in} -> {one.n_out}, "
        f"{one.flops:,} flops a row"
        for number, one in enumerate(passes, start=1)
    ]
    flops = sum(p.flops for p in passes)
    moved = sum(p.n_in + p.n_out for p in passes) * itemsize
    lines.append(
        f"  in all {flops:,} flops a row (dense: {2 * m * n:,}), "
        f"{moved:,} bytes moved a row, {operator.nbytes:,} bytes stored "
        f"(dense: {m * n * itemsize:,})"
    )
    plan = plan_of(operator, operator.dtype) if operator._factors() else False
    return "\n".join(lines + _verdict(plan, n_rows, len(passes)))


def _verdict(plan, n_rows, n_passes):
    how = "in these steps" if n_passes > 1 else "in this one step"
    if plan is False:
        return [f"  computed {how}"]
    if plan.is_dense_cheaper(n_rows):
        how = "as one dense product instead"
    dense = dense_cost(plan.shape, n_rows, plan.dtype) / n_rows
    steps = plan.cost(n_rows) / n_rows
    return [
        f"  computed {how}: estimated {steps:,.0f} ns a row, {dense:,.0f} ns as a "
        f"dense product",
        f"  {plan.bytes_kept(n_rows):,} bytes more are kept after the first product",
    ]


def compute(operator, X):
    """``X @ operator.T``, by the plan of an operator that has one."""
    plan = operator._cache.get(X.dtype.char)
    if plan is None:
        plan = plan_of(operator, X.dtype) if operator._factors() else False
    return plan.rows(X) if plan else operator._rows(X)


Operator._compute = compute
Operator._explain = explain
Operator._passes_of = passes_of
