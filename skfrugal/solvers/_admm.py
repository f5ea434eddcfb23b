"""Alternating directions, for factors whose supports are unknown."""

import math

import numpy as np
import scipy.linalg

from skfrugal._validation import check_positive_int, check_rng
from skfrugal.solvers._factors import (
    adjoint,
    between,
    gram_of_left,
    gram_of_right,
    multiplied,
    shapes_of,
)
from skfrugal.solvers._iterate import iterate
from skfrugal.solvers._palm import (
    check_constraints,
    check_loop,
    check_shapes,
    finished,
    polished,
    random_factors,
    start_from,
    to_norm_one,
)
from skfrugal.solvers._palm_sweep import PalmStep, Start, rank_one_scale
from skfrugal.solvers._target import check_matrix, standardise

LOOP = {"max_iter": 300, "tol": 1e-5, "on_step": None, "verbose": 0}


def admm(
    A,
    constraints,
    *,
    inner_sizes=None,
    penalty=0.1,
    init=None,
    n_init=4,
    random_state=None,
    **loop,
):
    r"""Approximate a matrix by a product of factors of unknown supports.

    Each factor has a twin in the set of its constraint.  The factor minimises the error
    plus a penalty on the distance to its twin, exactly; the twin is the projection of
    the factor; multipliers draw the two together.  Unlike those of `palm4msa`, supports
    go on changing.

    Parameters
    ----------
    A : array-like of shape (M, N)
        The matrix, real or complex.  Integers are taken as float64.
    constraints : sequence of Constraint
        One for each factor, left to right; two at least.  All of them cones: scales are
        free.
    inner_sizes : sequence of int or None, default=None
        Columns of each factor but the last.  None means ``min(M, N)``.
    penalty : float, default=0.1
        Weight of the distance, relative to the largest curvature of the error.
    init : sequence of arrays, Product, state of a Factorization or None, default=None
        Factors of the first start, for example the result of `hierarchical_palm4msa`;
        the result is never worse.  None means that the first is random, too.
    n_init : int, default=4
        Number of starts, the best of which is returned.  The others have random
        orthogonal factors.
    random_state : int, RandomState or None, default=None
        Of the starts.
    **loop
        Of each start: `max_iter` (default 300), `tol` (1e-5, of the largest relative
        distance between a factor and its twin), `on_step` (None; called with each step,
        stops the start where it returns true), `verbose` (0).

    Returns
    -------
    result : Factorization
        `operator` is the best product of twins of all iterations of the best start,
        each factor then fitted by least squares on its support; no bounds.
        `objectives` are the smallest errors so far.  `state` can be passed as `init`
        of `palm4msa`.

    See Also
    --------
    palm4msa : Monotone, and cheaper a sweep; supports freeze early.
    hierarchical_palm4msa : A start that is often better than random ones.

    Notes
    -----
    The problem is not convex and neither convergence nor recovery is guaranteed.

    *Cost.* An iteration takes two eigenvalue decompositions of order n a factor:
    :math:`O(J n^3)` with a large constant.

    References
    ----------
    S. Boyd, N. Parikh, E. Chu, B. Peleato, J. Eckstein, "Distributed optimization and
    statistical learning via the alternating direction method of multipliers",
    Found. Trends Mach. Learn. 3(1), 2011, section 9.

    Examples
    --------
    >>> import numpy as np
    >>> from skfrugal.constraints import KSparseRowsColumns
    >>> from skfrugal.solvers import admm
    >>> A = np.eye(6)[[2, 0, 1, 5, 3, 4]] @ np.diag([1.0, 2, 3, 4, 5, 6])
    >>> result = admm(A, [KSparseRowsColumns(1)] * 2, random_state=0)
    >>> bool(result.error < 1e-12)
    True
    """
    A = check_matrix(A)
    constraints = check_constraints(constraints)
    if not all(constraint.is_cone for constraint in constraints):
        raise ValueError(
            f"constraints={constraints!r} prescribe norms or values; pass cones, such "
            f"as numbers of entries and supports, or use palm4msa."
        )
    if not penalty > 0:
        raise ValueError(f"penalty must be positive; got {penalty!r}.")
    loop = check_loop(loop, LOOP, "admm")
    shapes = shapes_of(A.shape, len(constraints), inner_sizes)
    check_shapes(constraints, shapes)
    unit, exponent = standardise(A)
    unit, norm = to_norm_one(unit)
    rng, n_init = check_rng(random_state), check_positive_int(n_init, "n_init")
    best = None
    for number in range(n_init):
        if number or init is None:
            start = Start(random_factors(shapes, unit.dtype, rng), 1.0)
        else:
            start = start_from(init, unit, shapes)
        steps = _steps(unit, start, constraints, penalty)
        run = iterate(steps, name="admm", warn=False, **loop)
        factors, lam = polished(unit, *run.step.state, constraints)
        error = float(np.linalg.norm(unit - lam * multiplied(factors)))
        if best is None or error < best[0]:
            best = error, factors, lam, run
    error, factors, lam, run = best
    return finished(A.dtype, run, (factors, lam), (error, norm, exponent), n_init)


def _steps(A, start, constraints, penalty):
    """Steps whose states are the best twins so far; `A` has norm one."""
    # Orthogonal factors then fit without a scale.
    size = math.sqrt(min(A.shape))
    target = A * size
    projections = [constraint.projector() for constraint in constraints]
    factors = _evenly_scaled(start, size)
    twins = [project(X) for project, X in zip(projections, factors, strict=True)]
    duals = [np.zeros_like(X) for X in factors]
    smallest, best = _error_and_state(A, twins)
    while True:
        gaps = _sweep(target, factors, twins, duals, projections, penalty)
        error, state = _error_and_state(A, twins)
        if error < smallest:
            smallest, best = error, state
        yield PalmStep(best, smallest, max(gaps))


def _error_and_state(A, twins):
    product = multiplied(twins)
    lam = rank_one_scale(A, product)
    return float(np.linalg.norm(A - lam * product)), (list(twins), lam)


def _evenly_scaled(start, size):
    """Factors of like norms whose product has the scale of the start, times `size`."""
    norms = [
        float(np.linalg.norm(X)) / math.sqrt(min(X.shape)) or 1.0 for X in start.factors
    ]
    whole = abs(start.lam) * size * math.prod(norms) if start.is_given else 1.0
    share = (whole or 1.0) ** (1 / len(norms))
    factors = [X * (share / norm) for X, norm in zip(start.factors, norms, strict=True)]
    if start.lam < 0:
        factors[0] = -factors[0]
    return factors


def _sweep(A, factors, twins, duals, projections, penalty):
    """Update all in place, left to right; return the relative gaps."""
    grams = [None] * len(factors)
    for j in range(len(factors) - 1, 0, -1):
        grams[j - 1] = gram_of_right(factors[j], grams[j])
    left, seen, gaps = None, A, []
    for j, gram in enumerate(grams):
        target = seen
        for X in factors[:j:-1]:
            target = target @ adjoint(X)
        X = penalised_fit(left, gram, target, twins[j] - duals[j], penalty)
        twins[j] = projections[j](X + duals[j])
        duals[j] = duals[j] + X - twins[j]
        factors[j] = X
        norm = float(np.linalg.norm(X)) or 1.0
        gaps.append(float(np.linalg.norm(X - twins[j])) / norm)
        left = gram_of_left(X, left)
        seen = adjoint(X) @ seen
    return gaps


def penalised_fit(left, right, target, center, penalty):
    """The X with ``left X right + rho X = target + rho center``.

    `left` and `right` are Gram matrices, None for the identity; rho is `penalty` times
    the product of their largest eigenvalues.
    """
    (a, Q), (b, P) = _eigen(left), _eigen(right)
    rho = penalty * np.max(a) * np.max(b)
    if not rho > 0:
        return center
    C = between(None if Q is None else adjoint(Q), target + rho * center, P)
    X = C / (np.reshape(a, (-1, 1)) * b + rho)
    return between(Q, X, None if P is None else adjoint(P))


def _eigen(gram):
    if gram is None:
        return np.ones(1), None
    values, vectors = scipy.linalg.eigh(gram, check_finite=False)
    return np.maximum(values, 0.0), vectors
