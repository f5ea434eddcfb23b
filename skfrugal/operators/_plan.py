"""How a product of factors is computed, and why: a fixed cost model, never a clock.

Costs are in nanoseconds of a nominal core.  They need only be right relative to each
other, and being constants they make choices reproducible.
"""

from typing import NamedTuple

# NumPy's dense product: a call, then flops.  The first rows are bound by reading the
# matrix from memory, later ones run at the speed of BLAS.
DENSE_CALL = 1000.0
DENSE_FIRST_ROWS = 16
DENSE_FIRST_FLOP = 0.03
DENSE_FLOP = 0.011

# One pass of the NumPy path: its calls for each tile of rows, then arithmetic (a
# batched product of small blocks) and traffic.
PASS_CALL = 3500.0
PASS_FLOP = 0.05
PASS_VALUE_MOVED = 0.3

# Neighbouring Kronecker-sparse factors are multiplied up to blocks of this side: the
# NumPy path is bound by passes, not by flops.
LARGEST_FUSED_BLOCK = 32

# Rows computed together: intermediates of a tile stay in the L2 cache.
TILE_ENTRIES = 2**16

# A dense form is kept beside the factors only up to this many entries.
MAX_DENSE_ENTRIES = 2**20


class Pass(NamedTuple):
    """One sweep over a tile of rows: what it is, its flops, columns in and out."""

    name: str
    flops: int
    n_in: int
    n_out: int


def rows_per_tile(n_columns):
    """Rows computed together when the widest intermediate has `n_columns`."""
    return max(16, TILE_ENTRIES // max(1, n_columns))


def dense_cost(shape, n_rows):
    """Nanoseconds of the dense product with `n_rows` rows."""
    flops = 2 * shape[0] * shape[1]
    first = min(n_rows, DENSE_FIRST_ROWS)
    return DENSE_CALL + flops * (
        first * DENSE_FIRST_FLOP + (n_rows - first) * DENSE_FLOP
    )


def factored_cost(passes, n_rows):
    """Nanoseconds of the passes, one after the other, with `n_rows` rows."""
    width = max(max(p.n_in, p.n_out) for p in passes)
    n_tiles = -(-n_rows // rows_per_tile(width))
    calls = len(passes) * n_tiles * PASS_CALL
    return calls + n_rows * sum(
        p.flops * PASS_FLOP + (p.n_in + p.n_out) * PASS_VALUE_MOVED for p in passes
    )


def choose_dense(shape, passes, n_rows):
    """Whether the dense form is the cheaper one for `n_rows` rows."""
    if shape[0] * shape[1] > MAX_DENSE_ENTRIES:
        return False
    return dense_cost(shape, n_rows) < factored_cost(passes, n_rows)


def explain(operator, n_rows):
    """What ``operator.explain`` says."""
    m, n = operator.shape
    itemsize = operator.dtype.itemsize
    passes = operator._passes()
    is_dense = operator._is_dense_cheaper(n_rows)
    lines = [
        f"{type(operator).__name__} {m} x {n}, {operator.dtype}, "
        f"for {n_rows:,} row{'s' if n_rows != 1 else ''}:"
    ]
    lines += [
        f"  pass {number}: {one.name}, {one.n_in} -> {one.n_out}, "
        f"{one.flops:,} flops a row"
        for number, one in enumerate(passes, start=1)
    ]
    flops = sum(p.flops for p in passes)
    moved = sum(p.n_in + p.n_out for p in passes) * itemsize
    lines += [
        f"  in all {flops:,} flops a row (dense: {2 * m * n:,}), "
        f"{moved:,} bytes moved a row, {operator.nbytes:,} bytes stored "
        f"(dense: {m * n * itemsize:,})",
        f"  computed {_how(passes, is_dense)}: {_estimates(operator, passes, n_rows)}",
    ]
    kept = operator._bytes_kept(n_rows)
    if kept:
        lines.append(f"  {kept:,} bytes more are kept after the first product")
    return "\n".join(lines)


def _how(passes, is_dense):
    if is_dense:
        return "as one dense product instead"
    return "in these passes" if len(passes) > 1 else "in this one pass"


def _estimates(operator, passes, n_rows):
    dense = dense_cost(operator.shape, n_rows) / n_rows
    factored = factored_cost(passes, n_rows) / n_rows
    return f"estimated {factored:,.0f} ns a row, {dense:,.0f} ns as a dense product"
