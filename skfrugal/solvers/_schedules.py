"""Constraints for each level of a hierarchical factorization."""

import math
from dataclasses import dataclass
from itertools import pairwise

from skfrugal._validation import check_int, check_positive_int
from skfrugal.constraints import (
    KSparse,
    KSparseColumns,
    KSparseRows,
    KSparseRowsColumns,
)


@dataclass(frozen=True)
class Schedule:
    """Which constraints hold at which level, and on which side factors are split off.

    Attributes
    ----------
    factors : tuple of Constraint
        Those of the J - 1 factors that are split off, in the order in which they are.
    residuals : tuple of Constraint
        That of what is left after each; the last one is the last factor's.
    side : {"left", "right"}
        Where factors are split off: with "right", the residual is on the left.
    inner_size : int or None
        Columns of every factor but the last; None means the shorter side of the matrix.

    See Also
    --------
    square_transform, rectangular_operator, dictionary : Builders.

    Examples
    --------
    >>> from skfrugal.constraints import KSparseRows
    >>> from skfrugal.solvers import Schedule
    >>> schedule = Schedule((KSparseRows(2),), (KSparseRows(4),))
    >>> schedule.constraints
    (KSparseRows(k=2), KSparseRows(k=4))
    """

    factors: tuple
    residuals: tuple
    side: str = "left"
    inner_size: int | None = None

    def __post_init__(self):
        if len(self.factors) != len(self.residuals) or not self.factors:
            raise ValueError(
                f"factors has {len(self.factors)} constraints and residuals "
                f"{len(self.residuals)}; pass one of each for every level, 1 at least."
            )
        if self.side not in ("left", "right"):
            raise ValueError(f"side={self.side!r} is unknown; pass 'left' or 'right'.")

    @property
    def n_levels(self):
        """Number of splits, one less than that of factors."""
        return len(self.factors)

    @property
    def constraints(self):
        """Those of the final factors, left to right."""
        return self.at(self.n_levels)

    def at(self, level):
        """Constraints of all factors after `level` splits, left to right."""
        found = (*self.factors[:level], self.residuals[level - 1])
        return found if self.side == "left" else found[::-1]

    def pair_at(self, level):
        """Constraints of the two factors of a split, left to right."""
        pair = (self.factors[level - 1], self.residuals[level - 1])
        return pair if self.side == "left" else pair[::-1]

    def shapes(self, shape):
        """Shapes of the final factors, left to right."""
        size = min(shape) if self.inner_size is None else self.inner_size
        return list(pairwise([shape[0], *[size] * self.n_levels, shape[1]]))

    def shapes_at(self, level, shapes):
        """Shapes of all factors after `level` splits, of those of the final ones."""
        if self.side == "left":
            return [*shapes[:level], (shapes[level][0], shapes[-1][1])]
        return [(shapes[0][0], shapes[-level][0]), *shapes[len(shapes) - level :]]

    def pair_shapes_at(self, level, shapes):
        """Shapes of the two factors of a split."""
        whole = self.shapes_at(level, shapes)
        return whole[-2:] if self.side == "left" else whole[:2]


def square_transform(n, *, k=2, n_factors=None, tie_resolution=1e-9):
    """Schedule for square matrices like fast transforms: k entries a row and column.

    Parameters
    ----------
    n : int
        Side of the matrix.
    k : int, default=2
        Entries of a row and of a column of each factor.
    n_factors : int or None, default=None
        None means ``log(n) / log(k)``, rounded up: the fewest with which the product
        can be full.
    tie_resolution : float, default=1e-9
        See `KSparseRowsColumns`; a hundred times the noise of a noisy transform, that
        of an entry relative to the largest one.

    Returns
    -------
    schedule : Schedule
        The residual has ``n / k^l`` entries a row after l splits.

    Examples
    --------
    >>> from skfrugal.solvers import square_transform
    >>> square_transform(8, k=4).residuals
    (KSparseRowsColumns(k=(4, 4), exactly=False, tie_resolution=1e-09),)
    >>> square_transform(64).residuals[:3]
    (KSparseRows(k=32), KSparseRows(k=16), KSparseRows(k=8))
    """
    check_int(n, "n", 2)
    check_int(k, "k", 2)
    if n_factors is None:
        n_factors = 2
        while k**n_factors < n:
            n_factors += 1
    check_int(n_factors, "n_factors", 2)
    k = min(k, n)
    factor = KSparseRowsColumns(k, tie_resolution=tie_resolution)
    sizes = [max(k, math.ceil(n / k**level)) for level in range(1, n_factors)]
    residuals = [KSparseRows(size) for size in sizes[:-1]]
    return Schedule((factor,) * (n_factors - 1), (*residuals, factor))


def rectangular_operator(m, n, *, n_factors=4, k=5, s=8, rho=0.8, density=1.4):
    """Schedule for wide matrices: one wide factor, the others of m rows and columns.

    Parameters
    ----------
    m, n : int
        Shape of the matrix; ``m <= n`` (transpose a tall one).
    n_factors : int, default=4
    k : int, default=5
        Entries of a column of the wide factor, which is the rightmost.
    s : int, default=8
        Entries of a row of each square factor, on average.
    rho : float, default=0.8
        By what the number of entries of the residual shrinks from level to level.
    density : float, default=1.4
        ``density m^2 rho^(l - 1)`` entries are left to the residual after l splits, the
        last of which is the leftmost factor.

    Returns
    -------
    schedule : Schedule
        That of the paper for its rectangular operators.

    Examples
    --------
    >>> from skfrugal.solvers import rectangular_operator
    >>> rectangular_operator(10, 50, n_factors=3).constraints
    (KSparse(k=100), KSparse(k=80), KSparseColumns(k=5))
    """
    m, n = check_positive_int(m, "m"), check_positive_int(n, "n")
    check_int(n_factors, "n_factors", 2)
    check_int(k, "k", 1)
    check_int(s, "s", 1)
    if m > n or k > m or s > m:
        raise ValueError(
            f"m={m}, n={n}, k={k}, s={s} do not fit: m is at most n, k and s are at "
            f"most m. Pass the transpose of a tall matrix."
        )
    sparse = KSparse(s * m)
    sizes = [
        min(m * m, max(s * m, round(density * m * m * rho**level)))
        for level in range(n_factors - 1)
    ]
    return Schedule(
        (KSparseColumns(k), *[sparse] * (n_factors - 2)),
        tuple(map(KSparse, sizes)),
        side="right",
    )


def dictionary(m, n_atoms, *, n_factors=6, k=5, s=4):
    """Schedule for over-complete dictionaries, atoms in columns.

    Parameters
    ----------
    m : int
        Length of an atom.
    n_atoms : int
        Number of atoms, at least `m`.
    n_factors : int, default=6
    k : int, default=5
        Entries of a column of the wide factor.
    s : int, default=4
        Entries of a row of each square factor, on average.

    Returns
    -------
    schedule : Schedule
        `rectangular_operator` with more and sparser factors.

    Examples
    --------
    >>> from skfrugal.solvers import dictionary
    >>> dictionary(16, 64, n_factors=3).constraints
    (KSparse(k=256), KSparse(k=64), KSparseColumns(k=5))
    """
    return rectangular_operator(m, n_atoms, n_factors=n_factors, k=k, s=s)
