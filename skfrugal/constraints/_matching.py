"""Sparse rows and sparse columns at once: the assignment problem."""

import numbers
from dataclasses import dataclass, field

import numpy as np

from skfrugal._kernels._matching import fill_costs, match
from skfrugal._validation import check_positive_int
from skfrugal.constraints._base import Constraint, to_unit

# How often prices of another matrix are corrected before they are given up.
MAX_CORRECTIONS = 3


@dataclass(frozen=True)
class Matching:
    """The entries kept, and the proof that no others hold more.

    Attributes
    ----------
    support : ndarray of bool of shape (M, N)
        The entries kept.
    kept : float
        Their share of the sum of squares of the matrix; 1 for the zero matrix.
    bound : float
        No admissible support has a larger share, by duality.
    prices : ndarray of shape (N,)
        Dual variables of the columns, with which the next search may start.
    """

    support: np.ndarray = field(repr=False)
    kept: float
    bound: float
    prices: np.ndarray = field(repr=False)


class KSparseRowsColumns(Constraint):
    r"""Matrices with at most `k` entries other than zero in each row and each column.

    Parameters
    ----------
    k : int or (int, int)
        How many; a pair gives that of the rows and that of the columns.
    exactly : bool, default=False
        Keep exactly `k` positions in each row and column, whatever their values.  The
        supports are then those of k-regular graphs, and what is kept may be less.
    tie_resolution : float, default=1e-9
        Weights (squared moduli) that differ by less than about this share of the
        largest one may be taken as equal: it scales a preference for positions
        whose ``i xor j`` is small.  It is 256 units of rounding at least.

    See Also
    --------
    KSparseRowsColumnsUnion : The heuristic of the literature.

    Notes
    -----
    Which support keeps the largest sum of squares is an assignment problem with
    capacities, solved exactly by shortest augmenting paths: `solve` returns the dual
    certificate.  Equal weights go to small ``i xor j``: an ultrametric, which makes the
    choice reproducible and hierarchical (blocks within blocks), the opposite of what an
    arbitrary choice among equals leaves to later factors.

    *Cost*: :math:`O(k M N \max(M, N))` at worst; of random matrices of 1024 rows
    and columns the two largest take about as long as two matrix products.
    `projector` starts from the prices of the matrix before: several times faster
    where matrices change little.

    References
    ----------
    R. Jonker, A. Volgenant, "A shortest augmenting path algorithm for dense and
    sparse linear assignment problems", Computing 38, 1987.

    Examples
    --------
    >>> from skfrugal.constraints import KSparseRowsColumns
    >>> KSparseRowsColumns(1).project([[3.0, 2.0], [2.5, 1.0]])
    array([[0. , 2. ],
           [2.5, 0. ]])
    """

    def __init__(self, k, *, exactly=False, tie_resolution=1e-9):
        self.k = _check_pair(k)
        self.exactly = bool(exactly)
        if not 0 <= tie_resolution < 1:
            raise ValueError(
                f"tie_resolution must be in [0, 1); got {tie_resolution!r}. Pass a "
                f"share of the largest weight, for example 1e-9."
            )
        self.tie_resolution = float(tie_resolution)

    def check_shape(self, shape):
        """Raise ValueError where so many entries in rows and columns cannot be."""
        for k, side, what in zip(self.k, shape[::-1], ("row", "column"), strict=True):
            if k > side:
                raise ValueError(
                    f"k={k} entries are asked of a {what}, which has {side} only in a "
                    f"matrix of shape {tuple(shape)}; pass at most {side}."
                )
        if self.exactly and shape[0] * self.k[0] != shape[1] * self.k[1]:
            raise ValueError(
                f"exactly k={self.k} entries in each row and column do not exist in "
                f"shape {tuple(shape)}: {shape[0]} x {self.k[0]} is not {shape[1]} x "
                f"{self.k[1]}. Pass a pair (k_rows, k_columns) for which they are "
                f"equal, or exactly=False."
            )

    def projector(self):
        """A projection that starts from the prices of the matrix before."""
        return _Projector(self)

    def solve(self, values, *, prices=None):
        """The support, with its certificate.

        Parameters
        ----------
        values : ndarray of shape (M, N)
        prices : ndarray of shape (N,) or None, default=None
            Those of the matching of a similar matrix.

        Returns
        -------
        matching : Matching
        """
        unit = to_unit(values)[0]
        weight = unit.real**2 + unit.imag**2 if unit.dtype.kind == "c" else unit**2
        weight /= max(weight.max(), np.finfo(np.float64).tiny)
        tie = max(self.tie_resolution, 256 * np.finfo(values.dtype).eps)
        start = np.zeros(weight.shape[1])
        if prices is not None:
            start += prices - prices.max()
        for _ in range(MAX_CORRECTIONS):
            support, u, v, count = self._match(weight, tie, start)
            # A column with room has the price zero, or the dual proves nothing.
            wrong = (v < 0) & (count < self.k[1])
            if self.exactly or not wrong.any():
                break
            start = np.where(wrong, 0.0, start)
        else:
            support, u, v, count = self._match(weight, tie, np.zeros_like(v))
        whole = weight.sum()
        if whole == 0:
            return Matching(support, 1.0, 1.0, v)
        kept = np.sum(weight, where=support) / whole
        return Matching(support, float(kept), self._bound(weight, u, v) / whole, v)

    def _match(self, weight, tie, v):
        """(support, u, v, count) of a search that starts from prices `v`."""
        (m, n), (k_rows, k_columns) = weight.shape, self.k
        longest = max(m, n)
        cost, v = np.empty((m, n)), v.copy()
        fill_costs(weight, _preferences(longest, tie), cost)
        # Dearer than every edge: units are left out only where there is no room.
        outside = np.inf if self.exactly else 1.0 + 2.0 * tie
        u, count = np.empty(m), np.empty(n, np.intp)
        match(
            cost,
            k_rows,
            outside,
            u,
            v,
            np.empty((n, k_columns), np.intp),
            count,
            np.empty((3, max(longest, n * k_columns))),
            np.empty((4, max(longest, m * k_rows)), np.intp),
            np.empty((2, longest), np.int8),
        )
        return np.isinf(cost), u, v, count

    def _bound(self, weight, u, v):
        """Value of the dual of the weights without their preferences."""
        rows, columns = 1.0 - u, -v
        if not self.exactly:
            rows = np.maximum(rows, 0.0)
        excess = weight - rows[:, np.newaxis] - columns
        excess = np.sum(excess, where=excess > 0)
        return float(self.k[0] * rows.sum() + self.k[1] * columns.sum() + excess)

    def selected(self, values):
        """Mask of the entries that are kept."""
        return self.solve(values).support

    def _project(self, values):
        return np.where(self.selected(values), values, 0)


class _Projector:
    """Projects one matrix after another."""

    def __init__(self, constraint):
        self.constraint = constraint
        self.prices = None

    def __call__(self, values):
        self.constraint.check_shape(values.shape)
        matching = self.constraint.solve(values, prices=self.prices)
        self.prices = matching.prices
        return np.where(matching.support, values, 0)


def _preferences(longest, tie):
    """Cost of each ``i xor j``, from 0 to `tie`: the same from level to level."""
    levels = longest.bit_length()
    return tie / levels * np.log2(np.arange(1.0, 2**levels + 1))


def _check_pair(k):
    if isinstance(k, numbers.Integral):
        k = (k, k)
    if not isinstance(k, (tuple, list)) or len(k) != 2:
        raise ValueError(f"k={k!r} must be an integer or a pair of integers.")
    return tuple(check_positive_int(each, "k") for each in k)
