"""From rows to a sum over landmarks: what both estimators' `fit` do."""

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from sklearn.metrics.pairwise import (
    KERNEL_PARAMS,
    PAIRWISE_KERNEL_FUNCTIONS,
    pairwise_kernels,
)
from sklearn.utils import check_array

from skfrugal.kernel_approximation import select_landmarks
from skfrugal.operators import Operator
from skfrugal.solvers._landmark_cg import landmark_ridge_cg
from skfrugal.solvers._landmark_kernel import LandmarkKernel, PairwiseKernel
from skfrugal.solvers._landmark_ridge import LandmarkRidge, landmark_ridge
from skfrugal.solvers._landmark_search import (
    best_gamma,
    candidate_gammas,
    kernel_faults,
    sample_rows,
)
from skfrugal.solvers._ridge_path import Targets
from skfrugal.structures import check_structure

SOLVERS = {"eigen": landmark_ridge, "cg": landmark_ridge_cg}
LANDMARKS = {"lloyd", "uniform", "kmeans", "leverage", "rpcholesky"}
MATERN = ("matern12", "matern32", "matern52")
KERNELS = {*PAIRWISE_KERNEL_FUNCTIONS, *MATERN}
# Landmarks are rounded to float32 where that moves them by less than this fraction
# of their spread.
_ROUNDING = 1e-6
# Rounding of a prediction in float32 is 2^-24 ||a||; where it exceeds this fraction of
# the leave-one-out error, landmarks stay in float64, and predictions are computed so.
_MAX_NOISE = 0.01


@dataclass(frozen=True)
class Table:
    """Rows, targets, weights, and the penalty that they are fitted with."""

    X: object  # (n, d) ndarray or CSR
    targets: Targets  # of the n rows
    alpha: np.ndarray | None  # (1,) or (t,); None for "auto"

    @property
    def y(self):
        """Values, (n, t)."""
        return self.targets.y

    @property
    def weight(self):
        """Weights of the rows, (n,)."""
        return self.targets.weight

    def take(self, index):
        """Return the table of some rows."""
        return Table(self.X[index], self.targets.take(index), self.alpha)


@dataclass(frozen=True)
class Machine:
    """A sum over landmarks that was fitted."""

    landmarks: np.ndarray  # (m, d)
    gamma: float | None
    solution: LandmarkRidge
    scale: np.ndarray | None = None  # (d,): the kernel sees rows times this
    operator: Operator | None = None  # what the kernel sees of structured landmarks
    faults: tuple = ()
    n_iter: int = 1
    score: np.ndarray | None = None  # (t,): error on held-out rows, after refinement

    def scaled(self, exponent):
        """Return the machine for targets times 2^exponent, (t,)."""
        score = None if self.score is None else np.ldexp(self.score, exponent)
        return replace(self, solution=self.solution.scaled(exponent), score=score)


def learn(model, table, rng, *, landmarks=None, gamma=None, scale=None, dense=False):
    """Choose landmarks, gamma and alpha as `model` says, and solve.

    Parameters
    ----------
    model : estimator
        Whose parameters apply.

    table : Table

    rng : RandomState

    landmarks : ndarray of shape (m, d) or None, default=None
        None chooses them.

    gamma : float or None, default=None
        None chooses it.

    scale : ndarray of shape (d,) or None, default=None
        What the kernel multiplies the features by.

    dense : bool, default=False
        Whether to ignore `structure`.

    Returns
    -------
    machine : Machine
    """
    X, weight = table.X, table.weight
    auto = model.gamma if gamma is None else gamma
    gammas = candidate_gammas(X, weight, model.kernel, auto)
    if landmarks is None:
        landmarks = choose_landmarks(model, X, weight, gammas[len(gammas) // 2], rng)
    sample = sample_rows(X, landmarks, rng)
    if scale is not None or isinstance(model.landmarks, str):
        landmarks = _rounded(landmarks, sample)
    seen, operator = landmarks if scale is None else landmarks * scale, None
    if model.structure is not None and not dense:
        operator = structured(model.structure, seen, rng)
        landmarks = operator.toarray() if scale is None else operator.toarray() / scale
        seen, sample = operator, replace(sample, landmark=None)

    def kernel_of(gamma):
        return LandmarkKernel(pairwise(model, gamma), seen, X, scale)

    solve = partial(_solve, model, kernel_of, table, sample)
    center = np.average(table.y, axis=0, weights=weight)
    variance = np.average((table.y - center) ** 2, axis=0, weights=weight)
    gamma, solution = best_gamma(solve, gammas, variance, sample.search, model.verbose)
    faults = kernel_faults(
        kernel_of(gamma), X, weight, solution.negative, chosen=auto == "auto"
    )
    if _is_noisy(solution):
        landmarks = landmarks.astype(np.float64)
    return Machine(landmarks, gamma, solution, scale, operator, tuple(faults))


def _is_noisy(solution):
    """Whether predictions with float32 kernel values would be rounding noise."""
    size = np.linalg.norm(solution.dual_coef, axis=0)
    return (size * 2.0**-24 > _MAX_NOISE * solution.loo_error).any()


def _solve(model, kernel_of, table, sample, gamma, rows):
    """Solve on `rows` (None: all); where every row is a landmark, exactly."""
    kernel = kernel_of(gamma)
    solver = SOLVERS["eigen" if model.solver == "auto" else model.solver]
    return solver(
        kernel.of_landmarks(),
        kernel if sample.landmark is None else sample.landmark,
        table.targets,
        table.alpha,
        rows=rows,
        loo_rows=sample.loo,
        fit_intercept=model.fit_intercept,
    )


def choose_landmarks(model, X, weight, gamma, rng):
    """Return the landmarks that `model` names, or a copy of those it has."""
    if not isinstance(model.landmarks, str):
        landmarks = check_array(model.landmarks, dtype=X.dtype, copy=True)
        if landmarks.shape[1] != X.shape[1]:
            raise ValueError(
                f"landmarks has {landmarks.shape[1]} features and X has "
                f"{X.shape[1]}; pass an array of shape (n_landmarks, "
                f"{X.shape[1]}) or one of {sorted(LANDMARKS)}."
            )
        return landmarks
    return select_landmarks(
        X,
        model.n_components,
        method=model.landmarks,
        kernel=model.kernel,
        kernel_params=kernel_parameters(model, gamma),
        sample_weight=weight,
        random_state=rng,
    )


def _rounded(landmarks, sample):
    """Landmarks in float32 where they are free to move by as little as that."""
    if sample.landmark is not None:
        return landmarks
    with np.errstate(over="ignore", invalid="ignore"):
        narrow = landmarks.astype(np.float32)
        moved = np.abs(narrow - landmarks).max(axis=0)
    return (
        narrow if (moved <= _ROUNDING * np.ptp(landmarks, axis=0)).all() else landmarks
    )


def structured(structure, landmarks, rng):
    """Return the operator that `structure` takes for the landmarks."""
    structure = check_structure(structure, shape=landmarks.shape)
    return structure.project(landmarks, random_state=rng).operator


def kernel_parameters(model, gamma):
    """Return the keyword arguments of the kernel."""
    if callable(model.kernel):
        return model.kernel_params or {}
    parameters = {"gamma": gamma, "degree": model.degree, "coef0": model.coef0}
    allowed = KERNEL_PARAMS.get(model.kernel, ("gamma",))
    return {name: parameters[name] for name in parameters if name in allowed}


def pairwise(model, gamma):
    """Return the kernel of `model` at `gamma`."""
    return PairwiseKernel(
        pairwise_kernels, model.kernel, kernel_parameters(model, gamma)
    )
