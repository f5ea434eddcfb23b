"""Landmarks and feature weights that are learnt, if held-out rows confirm them."""

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from scipy import sparse

from skfrugal.kernel_ridge._learning import choose_landmarks, learn, pairwise
from skfrugal.operators._fused_kernels import SHIFT_INVARIANT
from skfrugal.solvers._feature_weights import feature_scales
from skfrugal.solvers._landmark_kernel import LandmarkKernel
from skfrugal.solvers._landmark_refinement import (
    Projected,
    Refined,
    refine_landmarks,
    working_dtype,
)
from skfrugal.solvers._landmark_search import candidate_gammas
from skfrugal.solvers._rows import batches

# More rows would hardly move the landmarks.
MAX_ROWS = 40_000
# The first steps, on this many rows, cost little and bring landmarks near.
_N_WARM = 4000
# A model with such a leave-one-out error, in units of std(y), has learnt nothing.
_BLIND = 0.95
# Weights found are tempered by these powers: refinement sharpens them, but does not
# bring back a feature that was given up.  The second is for blind starts, whose first
# weights see few of the features that matter.
_TEMPER, _TEMPER_BLIND = 0.5, 0.125


def check_refinable(kernel):
    """Raise if landmarks of the kernel cannot be refined."""
    if kernel not in SHIFT_INVARIANT:
        raise ValueError(
            f"refine=True with kernel={kernel!r} is not possible: landmarks move along "
            "derivatives, which are known of kernels of differences. Pass one of "
            f"{sorted(SHIFT_INVARIANT)} as kernel, or refine=False."
        )


@dataclass(frozen=True)
class _Units:
    """The origin of the rows, and origin and spread of the targets."""

    row: np.ndarray
    target: np.ndarray
    spread: np.ndarray

    @classmethod
    def of(cls, table):
        """Return those of the rows of a table, with means and spreads weighted."""
        y, weight = table.y, table.weight
        target = np.average(y, axis=0, weights=weight)
        spread = np.sqrt(np.average((y - target) ** 2, axis=0, weights=weight))
        row = np.average(_dense(table.X), axis=0, weights=weight)
        return cls(row, target, np.where(spread > 0, spread, 1.0))

    def __call__(self, table):
        """Return dense rows, targets and weights in these units."""
        y = (table.y - self.target) / self.spread
        return _dense(table.X) - self.row, y, table.weight


def learn_refined(model, table, rng, on_step):
    """Learn landmarks and weights on a part of the rows, and compare on the rest.

    Parameters
    ----------
    model : estimator
        Whose parameters apply.

    table : Table

    rng : RandomState

    on_step : callable
        ``on_step(Refined) -> stop``.

    Returns
    -------
    machine : Machine
        Fitted on all rows; the unrefined one unless the refined one predicts
        held-out rows better.
    """
    n_rows = len(table.y)
    order = rng.permutation(n_rows)[:MAX_ROWS]
    n_held = int(np.ceil(model.validation_fraction * order.size))
    if n_held >= order.size:
        raise ValueError(
            f"validation_fraction={model.validation_fraction} leaves none of "
            f"{n_rows} rows to fit; pass more rows, a smaller fraction or refine=False."
        )
    held, train = table.take(order[:n_held]), table.take(np.sort(order[n_held:]))
    units = _Units.of(train)

    before = learn(model, train, rng, dense=True)
    refined = _refine(model, train, held, before, units, rng, on_step)
    found = _in_weights(model.kernel, refined)
    after = learn(model, train, rng, dense=True, **found)
    errors = [_squared_errors(model, m, held, units) for m in (before, after)]

    is_better = _improves(*(e.mean(axis=1) for e in errors), held.weight)
    machine = learn(model, table, rng, **(found if is_better else {}))
    if not is_better:
        machine = replace(machine, scale=None)
    score = np.sqrt(np.average(errors[is_better], axis=0, weights=held.weight))
    return replace(machine, n_iter=refined.n_iter, score=score * units.spread)


def _refine(model, train, held, before, units, rng, on_step):
    """Weights, landmarks of the weighted rows, then both improved together."""
    X, y, weight = units(train)
    gamma = before.gamma
    is_blind = (before.solution.loo_error > _BLIND * units.spread).all()
    if is_blind and isinstance(model.gamma, str):
        # Nothing was learnt, so gamma was not either.  Narrow kernels find features.
        gamma = candidate_gammas(train.X, weight, model.kernel, "auto")[-2]
    width = np.sqrt(gamma) if model.kernel == "rbf" else gamma
    power = _TEMPER_BLIND if is_blind else _TEMPER
    scale, alpha = feature_scales(
        X, y, weight, width, model.kernel, power=power, rng=rng
    )
    if train.alpha is not None:
        alpha = float(np.mean(train.alpha))
    if isinstance(model.landmarks, str):
        landmarks = choose_landmarks(model, X * scale, weight, 1.0, rng) / scale
    else:
        landmarks = before.landmarks - units.row
    dtype = working_dtype(alpha, weight)
    problem = Projected(
        X.astype(dtype),
        y,
        weight,
        alpha,
        model.kernel,
        fit_intercept=model.fit_intercept,
    )
    rows, *rest = units(held)
    run = partial(
        refine_landmarks,
        held=(rows.astype(dtype), *rest),
        max_iter=model.max_iter,
        tol=model.tol,
    )
    start = Refined(landmarks, scale)
    if len(y) > 2 * _N_WARM:
        few = problem.thinned(-(-len(y) // _N_WARM))
        warm = run(few, start, on_step=lambda step: False)
        start = Refined(warm.landmarks, warm.scale)
    best = run(problem, start, on_step=on_step)
    return replace(best, landmarks=best.landmarks + units.row)


def _in_weights(kernel, refined):
    """Landmarks, gamma and scales whose squares are one on average."""
    size = np.mean(refined.scale**2)
    gamma = size if kernel == "rbf" else np.sqrt(size)
    return {
        "landmarks": refined.landmarks,
        "gamma": float(gamma),
        "scale": refined.scale / np.sqrt(size),
    }


def _squared_errors(model, machine, held, units):
    """Squared errors of held-out rows, (v, t), in units of the targets' variances."""
    seen = machine.landmarks
    seen = seen if machine.scale is None else seen * machine.scale
    kernel = LandmarkKernel(pairwise(model, machine.gamma), seen, held.X, machine.scale)
    coef, intercept = machine.solution.dual_coef, machine.solution.intercept
    errors = np.empty(held.y.shape)
    for rows in batches(len(errors), len(seen)):
        errors[rows] = held.y[rows] - kernel(rows) @ coef - intercept
    return np.square(errors / units.spread)


def _improves(before, after, weight):
    """Whether errors fell by more than one standard error of the difference."""
    gain = before - after
    mean = np.average(gain, weights=weight)
    variance = np.average((gain - mean) ** 2, weights=weight)
    return bool(mean > np.sqrt(variance / len(gain)) and mean > 0)


def _dense(X):
    return X.toarray() if sparse.issparse(X) else np.asarray(X, dtype=np.float64)
