"""What a short sparse product is made into, and what a later one starts from."""

from dataclasses import dataclass

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
    stored, rounded = in_common_scale(parts.values, exponent, dtype)
    return parts.with_values(stored).product(), parts.with_values(rounded)


def sizes_in_words(parts):
    return " + ".join(f"{values.size:,}" for values in parts.values)


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
    first, *others = parts.values
    return parts.with_values([scale(first, state.exponent - exponent), *others])
