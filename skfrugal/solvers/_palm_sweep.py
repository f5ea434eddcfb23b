"""The sweeps of palm4MSA, over a matrix of norm one."""

import math
from dataclasses import dataclass

import numpy as np

from skfrugal.solvers._factors import (
    adjoint,
    as_operator,
    between,
    gram_of_left,
    gram_of_right,
    inner,
    multiplied,
    slim,
)

# Steps are that much shorter than the bound on the curvature asks for.
MARGIN = 1.001
# Power iteration: how often, and which relative change ends it.
N_POWER, POWER_TOL = 100, 1e-6
# Errors, of a matrix of norm one, that are all rounding.
ROUNDING_ERROR = 1e-12
# A sweep that lowers the error by a smaller share makes slow progress.
SLOW = 0.1
# Relative differences of errors that mean nothing.
ROUNDING = 1e-12
# Margins are doubled that often before a method gives up.
N_DOUBLINGS = 20


@dataclass(frozen=True)
class Start:
    """Factors, their scale, and whether they are worth keeping."""

    factors: list
    lam: float
    is_given: bool = False


@dataclass(frozen=True)
class PalmStep:
    """The `Step` of factors; the operator is built where somebody looks at it."""

    state: tuple
    error: float
    criterion: float

    @property
    def operator(self):
        return as_operator(*self.state, self.state[0][0].dtype)

    def objective(self):
        return self.error


def palm_steps(A, start, constraints, *, order, published):
    """Steps of palm4MSA; `A` has norm one, states are (factors, lam)."""
    if order == "r2l":
        start = Start(_mirrored(start.factors), start.lam, start.is_given)
        for step in _sweeps(_Sweep(adjoint(A), constraints, published, True), start):
            factors, lam = step.state
            yield PalmStep((_mirrored(factors), lam), step.error, step.criterion)
    else:
        yield from _sweeps(_Sweep(A, constraints, published, False), start)


def _mirrored(factors):
    return [adjoint(factor) for factor in reversed(factors)]


def _sweeps(sweep, start):
    factors, lam = start.factors, start.lam
    last = math.inf
    if start.is_given and not sweep.published:
        last = sweep.error(factors, lam)
    before, age, doublings = factors, 0, 0
    while doublings <= N_DOUBLINGS:
        beta = 0.0 if sweep.published else max(0.0, (age - 1) / (age + 2))
        new_factors, new_lam = sweep(factors, lam, before, beta)
        error = sweep.error(new_factors, new_lam)
        if error > last and not sweep.published:
            if beta == 0.0 and error <= last * (1 + ROUNDING):
                break
            # Momentum has led uphill, or else the norms were underestimated.
            if beta == 0.0:
                sweep.margin *= 2
                doublings += 1
            before, age = factors, 0
            continue
        criterion = (last - error) / last if 0 < last < math.inf else math.inf
        if error <= ROUNDING_ERROR:
            criterion = 0.0
        # Momentum is for slow progress: elsewhere it only overshoots.
        age = age + 1 if criterion < SLOW else 0
        before, factors, lam, last = factors, new_factors, new_lam, error
        yield PalmStep((factors, lam), error, abs(criterion))
    # Nothing was gained since the last step.
    yield PalmStep((factors, lam), last, 0.0)


class _Sweep:
    """One update of each factor, left to right."""

    def __init__(self, A, constraints, published, mirrored):
        self.A, self.published = A, published
        self.margin = MARGIN
        if mirrored:
            constraints = constraints[::-1]
        self.cones = [constraint.is_cone for constraint in constraints]
        projections = [constraint.projector() for constraint in constraints]
        self.project = (
            [_seen_mirrored(p) for p in projections] if mirrored else projections
        )
        self.vectors = {}

    def __call__(self, factors, lam, before, beta):
        """New factors and their scale."""
        factors, slims = list(factors), [slim(S) for S in factors]
        grams = [None] * len(factors)
        for j in range(len(factors) - 1, 0, -1):
            grams[j - 1] = gram_of_right(slims[j], grams[j])
        # What is left of the factor: its Gram matrix, and A seen through it.
        left, seen = None, self.A
        for j, gram in enumerate(grams):
            target = seen
            for S in slims[:j:-1]:
                target = target @ adjoint(S)
            S = factors[j]
            S = S + beta * (S - before[j]) if beta else S
            curvature = (
                lam**2 * self._norm(left, "left", j) * self._norm(gram, "right", j)
            )
            new = self._step(j, S, lam, (left, gram), target, curvature)
            if new is not None:
                factors[j], slims[j] = new, slim(new)
            left = gram_of_left(slims[j], left)
            if not self.published:
                lam = _best_scale(inner(target, factors[j]), _trace(left, gram), lam)
            seen = adjoint(slims[j]) @ seen
        if self.published:
            lam = rank_one_scale(self.A, multiplied(slims))
        return factors, lam

    def error(self, factors, lam):
        """Distance to `A`, from the difference itself."""
        product = multiplied([slim(S) for S in factors])
        return float(np.linalg.norm(self.A - lam * product))

    def _step(self, j, S, lam, grams, target, curvature):
        """Projected gradient step, or None where nothing is left of the factor."""
        step = lam / (self.margin * curvature) if curvature > 0 else lam or 1.0
        left, right = grams
        if S.any():
            target = target - lam * between(left, S, right)
        new = self.project[j](S + step * target)
        if not self.cones[j]:
            return new
        norm = float(np.linalg.norm(new))
        if norm == 0:
            return None
        # An orthogonal factor has unit singular values, so that Gram matrices keep
        # their size; the paper's factors have norm one.
        size = 1.0 if self.published else math.sqrt(min(new.shape))
        return new * (size / norm)

    def _norm(self, gram, side, j):
        """Largest eigenvalue; power iteration goes on where it ended last time."""
        if gram is None:
            return 1.0
        v = self.vectors.get((side, j))
        if v is None or self.published or len(v) != len(gram):
            # Not ones: many structured matrices map those to zero.
            v = np.random.RandomState(0).standard_normal(len(gram))
        value = 0.0
        for _ in range(N_POWER):
            w = gram @ v
            norm = float(np.linalg.norm(w))
            if norm == 0:
                return 0.0
            norm /= np.linalg.norm(v)
            v = w / np.linalg.norm(w)
            if abs(norm - value) <= POWER_TOL * norm:
                break
            value = norm
        self.vectors[side, j] = v
        return norm


def rank_one_scale(A, product):
    """The real scale that brings a product nearest to `A`; 1 for the product zero."""
    return _best_scale(inner(product, A), inner(product, product), 1.0)


def _best_scale(along, energy, otherwise):
    return along / energy if energy > 0 else otherwise


def _trace(left, right):
    """Energy of the product of which these are the Gram matrices."""
    if right is None:
        return float(np.trace(left).real)
    return inner(left, right)


def _seen_mirrored(project):
    return lambda values: adjoint(project(adjoint(values)))
