"""Least squares for one factor after the other, on supports that are given."""

import math
from itertools import islice

import numpy as np
import scipy.sparse as sp

from skfrugal.operators import Product, SparseFactor
from skfrugal.solvers._factors import (
    adjoint,
    gram_of_left,
    gram_of_right,
    multiplied,
    slim,
)
from skfrugal.solvers._refit import fit_on_support
from skfrugal.solvers._sweeps import SweepStep
from skfrugal.solvers._target import (
    in_common_scale,
    scale,
)

# Sweeps of each start before the best one goes on.
N_TRIAL_SWEEPS = 20


def as_sparse_product(factors):
    """The product of sparse factors; zeros are not stored."""
    return Product(SparseFactor(sp.csr_array(factor)) for factor in factors)


class SupportProblem:
    """A matrix of largest entry about one, and the supports of its factors."""

    def __init__(self, A, scaled, exponent, supports):
        self.A, self.scaled, self.exponent = A, scaled, exponent
        self.supports = supports
        reached = multiplied([support.astype(np.float64) for support in supports]) > 0
        self.outside = float(np.linalg.norm(np.where(reached, 0, scaled)))

    def in_units(self, length):
        return float(scale(np.float64(length), self.exponent))

    def operator(self, factors):
        return as_sparse_product(
            in_common_scale(factors, self.exponent, self.A.dtype)[0]
        )

    def error(self, factors):
        return float(np.linalg.norm(self.scaled - multiplied(factors)))

    def best_start(self, n_init, rng):
        """Factors after a few sweeps from the best of several random starts."""
        starts = [self._random(rng) for _ in range(n_init)]
        best, smallest = None, math.inf
        for start in starts:
            *_, step = islice(self.sweeps(start), N_TRIAL_SWEEPS)
            error = self.error(step.state)
            if best is None or error < smallest:
                best, smallest = step.state, error
        return best

    def _random(self, rng):
        """Values whose products have entries of about the size of those of `A`."""
        factors = []
        for support in self.supports:
            factor = rng.standard_normal(support.shape)
            if np.iscomplexobj(self.scaled):
                factor = factor + 1j * rng.standard_normal(support.shape)
            per_row = max(1.0, support.sum() / len(support))
            factors.append(np.where(support, factor, 0) / math.sqrt(per_row))
        return factors

    def sweeps(self, factors):
        """Yield a step after each sweep; a factor that gets no better stays."""
        factors = _balanced(factors)
        error = self.error(factors)
        while True:
            last = error
            for position in range(len(factors)):
                trial = list(factors)
                trial[position] = self._fit(factors, position)
                new = self.error(trial)
                if new < error:
                    factors, error = trial, new
            factors = _balanced(factors)
            gain = (last - error) / last if last > 0 else 0.0
            yield SweepStep(factors, gain, error, self.operator, self.in_units)

    def _fit(self, factors, position):
        slims = [slim(factor) for factor in factors]
        left = right = None
        target = self.scaled
        for factor in slims[:position]:
            left = gram_of_left(factor, left)
            target = adjoint(factor) @ target
        for factor in slims[:position:-1]:
            right = gram_of_right(factor, right)
            target = target @ adjoint(factor)
        start = factors[position]
        # Where a value has become zero it may still change.
        tiny = np.finfo(np.float64).tiny
        start = np.where(self.supports[position] & (start == 0), tiny, start)
        return fit_on_support(start, left, right, target)


def _balanced(factors):
    """The same product, factors of equal norms."""
    norms = [float(np.linalg.norm(factor)) for factor in factors]
    if not all(norms):
        return list(factors)
    common = math.exp(sum(map(math.log, norms)) / len(norms))
    return [
        factor * (common / norm) for factor, norm in zip(factors, norms, strict=True)
    ]
