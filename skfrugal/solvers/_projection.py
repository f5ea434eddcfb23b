"""The certified projection on a chain: scaled, weighted, split, refined, and told."""

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from skfrugal.operators import KroneckerSparse, Product
from skfrugal.operators._blocks import restrict, support_view
from skfrugal.solvers._iterate import iterate
from skfrugal.solvers._result import Factorization
from skfrugal.solvers._splits import (
    fuse_chain,
    is_outside_in,
    join,
    junction_energies,
    refit_first,
    split_chain,
    without_redundancy,
)
from skfrugal.solvers._sweeps import sweep
from skfrugal.solvers._target import energy, in_common_scale, scale, standardise
from skfrugal.solvers._weights import Norm

# Squares of entries between 2**-128 and 2**128 are safe in float64.
SAFE_EXPONENT = 128
# Times eps: squared errors from which rounding changes an error by 1e-5 of itself.
ROUNDING = 1e5


@dataclass(frozen=True)
class Target:
    """A matrix and a norm, brought to a scale where squares are safe.

    Attributes
    ----------
    A : ndarray of shape (M, N)
    norm : Norm
    """

    A: np.ndarray
    norm: Norm

    @cached_property
    def _scaled(self):
        return standardise(self.A, within=SAFE_EXPONENT)

    @cached_property
    def _weighted(self):
        scaled, exponent = self._scaled
        if self.norm.is_plain:
            return scaled, exponent
        weighted, shift = standardise(self.norm.weigh(scaled))
        return weighted, exponent + shift

    @property
    def matrix(self):
        """What is projected: weighted and masked, of a safe size."""
        return self._weighted[0]

    @property
    def exponent(self):
        """The weighted matrix is ``matrix * 2**exponent * norm.unit``."""
        return self._weighted[1]

    @property
    def shift(self):
        """Power of two that the weights took off."""
        return self._weighted[1] - self._scaled[1]

    def in_units(self, square):
        """The length, in the units of `A`, whose square is `square` in ours."""
        length = np.float64(self.norm.unit * math.sqrt(square))
        return float(scale(length, self.exponent))

    def energy_left(self, rounded, chain):
        """Squared error on the support of unweighted factors, from the residual."""
        pattern = join(chain, 0, len(chain))
        residual = restrict(self._scaled[0], pattern) - fuse_chain(rounded, chain)
        return energy(scale(self.norm.weigh_values(residual, pattern), -self.shift))


def project(target, chain, splits, *, sweeps=None, refit=False, certify=True):
    """Project a `Target` on the products of a chain.

    Parameters
    ----------
    target : Target
    chain : tuple of patterns
        Chainable.
    splits : sequence of int
        Order of the junctions.
    sweeps : Sweeps or None
        Refine, or not.  A mask needs it.
    refit : bool
        Fit the first factor again, row by row, instead of dividing by weights of the
        rows; for an order that leaves the other factors orthonormal.
    certify : bool
        Compute both bounds; else the lower one may be small, and the upper one is None.
    """
    merged, splits = without_redundancy(chain, splits)
    pattern = join(merged, 0, len(merged))
    values = restrict(target.matrix, pattern)
    lost, run = [], None
    factors = split_chain(values, merged, splits, lost)
    outside = _energy_outside(target.matrix, pattern)
    whole = energy(values) if certify or None in lost else sum(lost) + _kept(factors)
    if certify:
        energies = junction_energies(values, merged, factors)
        bounds = _bounds(outside, energies, whole, is_outside_in(splits))
    else:
        bounds = outside + (lost[0] or 0.0 if lost else 0.0), None
    if sweeps is not None and len(merged) > 1:
        run = _refine(target, values, merged, factors, sweeps, outside)
        factors = run.step.state
    operator, rounded = _finish(target, merged, factors, refit)
    left = None
    if run is None and target.norm.is_plain and is_outside_in(splits):
        left = _sum_if_large(lost, whole, target.A.dtype)
    if left is None:
        left = target.energy_left(rounded, merged)
    return _report(target, chain, merged, operator, (outside, left, whole), bounds, run)


def _kept(factors):
    """Squared norm of a product whose factors but the last have orthonormal columns."""
    return energy(factors[-1])


def _sum_if_large(lost, whole, dtype):
    """Squared error as the sum of what orthogonal splits lost, each a sum of squares.

    None where it is not known, or so small that rounding of the factors counts.
    """
    if None in lost or sum(lost) <= ROUNDING * float(np.finfo(dtype).eps) * whole:
        return None
    return sum(lost)


def _report(target, chain, merged, operator, squares, bounds, run):
    """`Factorization` of squared lengths."""
    outside, left, whole = squares
    lower, upper = bounds
    if target.norm.mask is not None:
        lower = None
    error = math.sqrt(outside + left)
    eps = float(np.finfo(target.A.dtype).eps)
    negligible = 64 * eps * math.sqrt(outside + whole)
    message = _message(chain, merged, error, lower, error <= negligible)
    if upper is None:
        message += " Not certified: the lower bound is that of the first split alone."
    return Factorization(
        operator,
        target.in_units(error**2),
        None if lower is None else target.in_units(lower),
        None if upper is None else target.in_units(upper),
        n_iter=1 if run is None else run.n_iter,
        converged=True if run is None else run.converged,
        message=message if run is None else f"{message} {run.message}",
        objectives=() if run is None else run.objectives,
    )


def _refine(target, values, chain, factors, sweeps, outside):
    """`Run` of the sweeps; its states are lists of factors."""
    views = (
        lambda factors: _finish(target, chain, factors, False)[0],
        lambda lost: target.in_units(outside + lost),
    )
    mask = target.norm.mask_values(join(chain, 0, len(chain)))
    steps = sweep(values, chain, factors, sites=sweeps.sites, mask=mask, views=views)
    return iterate(
        steps,
        max_iter=sweeps.max_iter,
        tol=sweeps.tol,
        on_step=sweeps.on_step,
        verbose=sweeps.verbose,
        name="Sweeps",
    )


def _finish(target, chain, factors, refit):
    """The operator, and the unweighted factors as it rounds them."""
    exponent = target.exponent
    if refit:
        exponent -= target.shift
        values = restrict(target._scaled[0], join(chain, 0, len(chain)))
        factors = refit_first(values, factors, chain)
    else:
        factors = target.norm.unweigh(factors, chain)
    stored, rounded = in_common_scale(factors, exponent, target.A.dtype)
    if not refit:
        rounded[0] = scale(rounded[0], target.shift)
    return as_operator(stored), rounded


def _bounds(outside, energies, whole, orthogonal):
    """Squares of the bounds; `outside`, lost by every product, is counted once."""
    lower = outside + max(energies, default=0.0)
    if orthogonal:
        return lower, outside + min(sum(energies), whole)
    return lower, outside + sum(map(math.sqrt, energies)) ** 2


def as_operator(values):
    """The product of Kronecker-sparse factors of these values."""
    operators = [KroneckerSparse(one) for one in values]
    return operators[0] if len(operators) == 1 else Product(operators)


def _energy_outside(matrix, pattern):
    """Energy of the entries outside the support, from these entries themselves."""
    if pattern[0] == pattern[3] == 1:
        return 0.0
    outside = matrix.copy()
    view, index = support_view(outside, pattern)
    view[index] = 0
    return energy(outside)


def with_words(result, words):
    """The result, its message after `words`."""
    return replace(result, message=f"{words} {result.message}")


def _message(chain, merged, error, lower, exact):
    parts = []
    if len(merged) < len(chain):
        parts.append(
            f"The chain of {len(chain)} patterns has redundant neighbours: the factors "
            f"are those of the merged chain {merged}, which has the same products."
        )
    ratio = math.inf if not lower else error / math.sqrt(lower)
    if lower is None:
        parts.append(
            "Majorise-minimise on the entries of the mask: monotone; no lower bound."
        )
    elif exact:
        parts.append("The matrix is a product of this chain, up to rounding.")
    elif ratio <= 1 + 1e-9:
        parts.append("Closed form: no product of this chain is closer.")
    else:
        parts.append(
            f"Closed form: the error is at most {ratio:.4g} times the smallest that a "
            f"product of this chain can have."
        )
    return " ".join(parts)
