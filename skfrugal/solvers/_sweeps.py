"""Sweeps over the factors of a chain: monotone refinement without a step size.

With orthonormal columns left and orthonormal rows right of a factor (or of two
neighbours), the map from its values to the product is an isometry: the best values are
the matrix contracted with the other factors.  Contractions stay on product patterns,
whose sizes shrink geometrically, so that a sweep costs as much as the first split.
"""

from dataclasses import dataclass, field

import numpy as np

from skfrugal._validation import check_int, check_positive_int
from skfrugal.operators._blocks import adjoint, left_from, left_to, right_from, right_to
from skfrugal.solvers._splits import (
    contract_left,
    contract_right,
    fuse_chain,
    join,
    split_pair,
    with_orthonormal_rows,
)
from skfrugal.solvers._target import energy


@dataclass(frozen=True)
class Sweeps:
    """How `butterfly_factorization` refines its closed form.

    Parameters
    ----------
    max_iter : int, default=100
        Sweeps, there and back, at most.

    tol : float, default=1e-6
        The end: a sweep lowers the squared error by at most this fraction of the
        squared norm of the matrix.  0 asks for `max_iter` sweeps.

    sites : {1, 2}, default=2
        How many neighbouring factors are replaced at a time by the best ones: two cost
        a singular value decomposition of small blocks and end lower, one costs a QR.

    on_step : callable or None, default=None
        Called after each sweep with its ``Step``; true ends the sweeps.

    verbose : int, default=0
        Print a line every sweep.

    See Also
    --------
    butterfly_factorization : Takes this, or an int, as `sweeps`.

    Examples
    --------
    >>> import numpy as np
    >>> from skfrugal.operators import square_dyadic
    >>> from skfrugal.solvers import Sweeps, butterfly_factorization
    >>> A = np.random.RandomState(0).standard_normal((16, 16))
    >>> once = butterfly_factorization(A, square_dyadic(16))
    >>> swept = butterfly_factorization(A, square_dyadic(16), sweeps=Sweeps(tol=1e-4))
    >>> bool(swept.lower_bound <= swept.error < once.error)
    True
    """

    max_iter: int = 100
    tol: float = 1e-6
    sites: int = 2
    on_step: object = field(default=None, repr=False)
    verbose: int = 0

    def __post_init__(self):
        check_positive_int(self.max_iter, "max_iter")
        if self.sites not in (1, 2):
            raise ValueError(f"sites must be 1 or 2; got {self.sites!r}.")


def check_sweeps(sweeps):
    """`Sweeps` of what a user passes, or None for no sweeps."""
    if isinstance(sweeps, Sweeps):
        return sweeps
    if check_int(sweeps, "sweeps (unless it is a Sweeps)", 0) == 0:
        return None
    return Sweeps(max_iter=int(sweeps), tol=0.0)


@dataclass(frozen=True)
class SweepStep:
    """The `Step` of a sweep; operator and objective are built where they are asked for.

    Attributes
    ----------
    state : list of ndarray
        Values of the factors.
    criterion : float
        Decrease of the squared error over the squared norm of the target.
    lost : float
        The squared error, in the units of the values; what `to_error` takes.
    """

    state: list
    criterion: float
    lost: float
    to_operator: object = field(repr=False)
    to_error: object = field(repr=False)

    @property
    def operator(self):
        return self.to_operator(self.state)

    def objective(self):
        return self.to_error(self.lost)


def sweep(values, chain, factors, *, sites, mask=None, views):
    """Yield a step after each sweep to the right and back.

    Parameters
    ----------
    values : ndarray of shape (a, b, c, d)
        The matrix on the pattern of the chain; zero where `mask` is false.
    chain : tuple of patterns
        Without redundancy.
    factors : list of ndarray
        Where to start.
    sites : {1, 2}
    mask : ndarray of bool of the shape of `values`, or None
        Entries that count.  The others are replaced, before each sweep, by those of
        the present product: what the sweep makes small is then, up to a constant,
        above the error on the mask and equal to it at the start.
    views : pair of callable
        The operator of a list of factors, and the error of a squared one.
    """
    factors = with_orthonormal_rows(factors, chain)
    sites, total = min(sites, len(chain)), energy(values) or 1.0
    before = _lost(values, factors, chain, mask)
    while True:
        filled = values
        if mask is not None:
            filled = np.where(mask, values, fuse_chain(factors, chain))
        for rightwards in (True, False):
            factors = half_sweep(filled, chain, factors, sites, rightwards)
        after = _lost(values, factors, chain, mask)
        yield SweepStep(factors, (before - after) / total, after, *views)
        before = after


def _lost(values, factors, chain, mask):
    residual = values - fuse_chain(factors, chain)
    return energy(residual if mask is None else np.where(mask, residual, 0))


def half_sweep(values, chain, factors, sites, rightwards):
    """Replace `sites` neighbours after another by the best ones for `values`.

    Rightwards the factors must have orthonormal rows but for the first; on return they
    have orthonormal columns but for the last.  Leftwards it is the other way round.
    """
    factors, last = list(factors), len(chain) - sites
    outer = _environments(values, chain, factors, sites, rightwards)
    for start in range(last + 1) if rightwards else range(last, -1, -1):
        stop = start + sites
        centre = outer[stop] if rightwards else outer[start]
        if rightwards:
            for i in range(start):
                right = join(chain, i + 1, stop)
                centre = contract_left(centre, factors[i], chain[i], right)
        else:
            for i in range(len(chain) - 1, stop - 1, -1):
                left = join(chain, start, i)
                centre = contract_right(centre, factors[i], left, chain[i])
        factors[start:stop] = _best(centre, chain, start, stop, rightwards)
    return factors


def _environments(values, chain, factors, sites, rightwards):
    """The matrix contracted with all the factors from a junction on, by junction."""
    n = len(chain)
    if rightwards:
        outer = {n: values}
        for i in range(n - 1, sites - 1, -1):
            left = join(chain, 0, i)
            outer[i] = contract_right(outer[i + 1], factors[i], left, chain[i])
    else:
        outer = {0: values}
        for i in range(n - sites):
            right = join(chain, i + 1, n)
            outer[i + 1] = contract_left(outer[i], factors[i], chain[i], right)
    return outer


def _best(centre, chain, start, stop, rightwards):
    """The neighbours whose product is nearest to `centre`, centre moved onwards."""
    if stop - start == 2:
        return split_pair(centre, chain[start], chain[start + 1], not rightwards)
    if rightwards and stop < len(chain):
        pair = chain[start], chain[stop]
        return [left_from(np.linalg.qr(left_to(centre, *pair))[0], *pair)]
    if not rightwards and start > 0:
        pair = chain[start - 1], chain[start]
        q = np.linalg.qr(adjoint(right_to(centre, *pair)))[0]
        return [right_from(adjoint(q), *pair)]
    return [centre]
