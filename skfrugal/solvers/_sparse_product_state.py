"""What a short sparse product is made into, and what a later one starts from."""

from dataclasses import dataclass, replace

import scipy.sparse as sp

from skfrugal.operators import Dense, Product, SparseFactor
from skfrugal.solvers._sparse_product_parts import Parts
from skfrugal.solvers._target import in_common_scale, scale


@dataclass
class Trials:
    """When atoms that nobody uses are to be replaced: the rarer, the less it helps."""

    pause: int = 0
    waited: int = 0

    def is_due(self):
        self.waited += 1
        return self.waited > self.pause

    def note(self, helped):
        self.pause, self.waited = 0 if helped else 2 * self.pause + 1, 0


@dataclass(frozen=True)
class State:
    """Parts of ``2**-exponent`` times a matrix, their budgets, when to try others."""

    parts: Parts
    exponent: int
    n_nonzero: tuple
    trials: Trials


def finish(parts, exponent, dtype):
    """The operator, and parts in the scale of the problem as they were rounded."""
    is_sparse = sp.issparse(parts.middle)
    left, middle, right = parts.left, parts.middle, parts.right.T.tocsr()
    values = [left.data, right.data]
    if middle is not None:
        middle = middle.T.tocsr() if is_sparse else middle
        values.insert(1, middle.data if is_sparse else middle)
    stored, rounded = in_common_scale(values, exponent, dtype)

    def with_values(values):
        factors = [_filled(left, values[0]), _filled(right, values[-1])]
        if middle is not None:
            inner = _filled(middle, values[1]) if is_sparse else values[1]
            factors.insert(1, inner)
        return factors

    factors = [
        SparseFactor(factor) if sp.issparse(factor) else Dense(factor)
        for factor in with_values(stored)
    ]
    left, *inner, right = with_values(rounded)
    inner = inner[0] if inner else None
    as_stored = Parts(left, inner.T.tocsr() if is_sparse else inner, right.T.tocsr())
    return Product(*factors), as_stored


def _filled(matrix, values):
    return sp.csr_array((values, matrix.indices, matrix.indptr), shape=matrix.shape)


def sizes_in_words(parts):
    middle = parts.middle
    sizes = [parts.left.nnz, parts.right.nnz]
    if middle is not None:
        sizes.insert(1, middle.nnz if sp.issparse(middle) else middle.size)
    return " + ".join(f"{size:,}" for size in sizes)


def resume(start, shape, n_atoms, n_nonzero, exponent):
    """The parts of an earlier result, in the scale of this matrix."""
    state = getattr(start, "state", None)
    if not isinstance(state, State):
        raise ValueError(
            f"start={start!r} is not a result of sparse_product; pass one, or None."
        )
    parts = state.parts
    here = (*shape, n_atoms, n_nonzero)
    there = (
        parts.left.shape[0],
        parts.right.shape[0],
        (parts.left.shape[1], parts.right.shape[1]),
        state.n_nonzero,
    )
    if here != there:
        raise ValueError(
            f"start is for a {there[0]} x {there[1]} matrix with {there[2]} atoms and "
            f"{there[3]} entries, not for {here[0]} x {here[1]} with {here[2]} and "
            f"{here[3]}; pass a result of the same sizes, or None."
        )
    values = scale(parts.left.data, state.exponent - exponent)
    return replace(parts, left=_filled(parts.left, values))
