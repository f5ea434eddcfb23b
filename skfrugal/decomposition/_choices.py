"""Pairing and depth chosen on the training rows, or on rows held out of them."""

import math
from itertools import product

import numpy as np

from skfrugal.decomposition._coordinates import (
    gathered,
    learn_rotations,
    spectrum,
    variances_along,
)
from skfrugal.decomposition._moments import merged

N_FOLDS = 3

# Depths that depth="cv" tries, in this order.
DEPTHS = (0.0, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)

# It ends after so many depths, from 1 on, that were no better than one before.
_PATIENCE = 2

# Variances below this fraction of their mean count as this large in a likelihood.
_VARIANCE_FLOOR = 1e-3


def needs_folds(transformer, n_samples, n_features):
    """Whether rows will be held out; n_samples=None where more may follow."""
    if transformer.depth == "cv":
        return True
    few = n_samples is None or n_samples < 2 * n_features
    return few and len(pairings_of(transformer)) > 1


def pairings_of(transformer):
    """The pairings that the parameters leave open."""
    if transformer.pairing != "auto":
        return (transformer.pairing,)
    return ("learned",) if transformer.feature_shape is None else ("learned", "fixed")


def choose_rotations(transformer, folds, total, eigenvalues, k):
    """Rotations for k coordinates, the sweeps over them, their pairing and depth.

    Parameters
    ----------
    transformer : ButterflyTransformer
        Its parameters.
    folds : tuple of Moments
        Of parts of the rows.
    total, eigenvalues : Moments and ndarray
        Of all rows.
    k : int
        Coordinates wanted.
    """
    sweeps = {name: getattr(transformer, name) for name in ("max_iter", "tol")}
    settings = {
        "shape": transformer.feature_shape,
        "max_excess": transformer.max_excess,
        "sweeps": {**sweeps, "verbose": transformer.verbose},
    }
    pairings, depth = pairings_of(transformer), transformer.depth
    can_hold_out = total.count >= N_FOLDS
    if depth == "cv":
        if not can_hold_out:
            raise ValueError(
                f"depth='cv' needs at least {N_FOLDS} rows; got {total.count}. Pass "
                f"more rows, or depth as a number."
            )
        search = _CrossValidation(folds, total, k, settings)
        pairing, depth = search.best_depth(pairings)
    elif can_hold_out and needs_folds(transformer, total.count, len(eigenvalues)):
        search = _CrossValidation(folds, total, k, settings)
        pairing = max(pairings, key=lambda name: search.gathered(name, depth))
    else:
        return _best_on_training_rows(pairings, depth, total, eigenvalues, k, settings)
    rotations, n_iter = learn_rotations(
        total.covariance, eigenvalues, k, pairing=pairing, depth=depth, **settings
    )
    return rotations, n_iter, pairing, depth


def _best_on_training_rows(pairings, depth, total, eigenvalues, k, settings):
    covariance = total.covariance
    results = [
        (
            *learn_rotations(
                covariance, eigenvalues, k, pairing=name, depth=depth, **settings
            ),
            name,
            depth,
        )
        for name in pairings
    ]
    if len(results) == 1:
        return results[0]
    # max keeps the first among equals.
    return max(results, key=lambda result: gathered(result[0], covariance, k))


class _CrossValidation:
    """What rotations learnt on all folds but one do on that one.

    Parameters
    ----------
    folds : tuple of Moments
        Brought to the unit of `total`.
    total : Moments
        Of all folds.
    k : int
        Coordinates wanted.
    settings : dict
        Parameters of `learn_rotations`.
    """

    def __init__(self, folds, total, k, settings):
        self.k, self.verbose = k, settings["sweeps"]["verbose"]
        sweeps = {**settings["sweeps"], "verbose": 0}
        self.settings = {**settings, "sweeps": sweeps}
        mean_variance = np.trace(total.covariance) / len(total.mean)
        self.floor = max(_VARIANCE_FLOOR * mean_variance, np.finfo(float).tiny)
        folds = [fold.in_unit(total.unit) for fold in folds]
        self.parts = []
        for i, fold in enumerate(folds):
            training = merged(folds[:i] + folds[i + 1 :])
            covariance = training.covariance
            held_out = fold.around(training.mean)
            eigenvalues = spectrum(covariance, training.count)
            self.parts.append((covariance, eigenvalues, held_out, fold.count))

    def best_depth(self, pairings):
        """Pairing and depth of the largest held-out likelihood."""
        best = dict.fromkeys(pairings, (-math.inf, DEPTHS[0]))
        failures = dict.fromkeys(pairings, 0)
        for depth, name in product(DEPTHS, pairings):
            if failures[name] >= _PATIENCE:
                continue
            found = self.likelihood(name, depth), depth
            # A part of a butterfly may do worse than none, and the whole better.
            if found[0] <= best[name][0] and depth >= 1:
                failures[name] += 1
            best[name] = max(best[name], found, key=lambda pair: pair[0])
        chosen = max(pairings, key=lambda name: best[name][0])
        return chosen, best[chosen][1]

    def likelihood(self, pairing, depth):
        """Mean Gaussian log-likelihood of a held-out row, in the unit of the folds."""
        value = self._mean(pairing, depth, self._log_likelihood)
        self._report(f"Pairing {pairing!r}, depth {depth:g}: likelihood {value:.6g}.")
        return value

    def gathered(self, pairing, depth):
        """What the k coordinates hold of held-out rows; of all, the likelihood."""
        if self.k == len(self.parts[0][0]):
            return self.likelihood(pairing, depth)
        value = self._mean(pairing, depth, self._held)
        self._report(f"Pairing {pairing!r}: held-out variance {value:.6g}.")
        return value

    def _mean(self, pairing, depth, measure):
        values, counts = [], []
        for covariance, eigenvalues, held_out, count in self.parts:
            rotations, _ = learn_rotations(
                covariance,
                eigenvalues,
                self.k,
                pairing=pairing,
                depth=depth,
                **self.settings,
            )
            learnt = variances_along(rotations, covariance)
            values.append(measure(learnt, variances_along(rotations, held_out)))
            counts.append(count)
        return float(np.average(values, weights=counts))

    def _log_likelihood(self, learnt, seen):
        order = np.argsort(-learnt, kind="stable")
        variances, seen = learnt[order], seen[order]
        if self.k < len(variances):
            variances[self.k :] = variances[self.k :].mean()
        variances = np.maximum(variances, self.floor)
        return -0.5 * np.sum(np.log(2 * np.pi * variances) + seen / variances)

    def _held(self, learnt, seen):
        return seen[np.argsort(-learnt, kind="stable")[: self.k]].sum()

    def _report(self, text):
        if self.verbose:
            print(f"Held-out rows, {text[0].lower()}{text[1:]}")
