"""Hierarchical palm4MSA: factors split off one after the other."""

import numpy as np

from skfrugal.solvers._factors import multiplied
from skfrugal.solvers._iterate import iterate
from skfrugal.solvers._palm import (
    VARIANTS,
    check_choice,
    check_constraints,
    check_loop,
    check_shapes,
    finished,
    polished,
    to_norm_one,
)
from skfrugal.solvers._palm_sweep import Start, palm_steps
from skfrugal.solvers._schedules import Schedule
from skfrugal.solvers._target import check_matrix, standardise

LOOP = {"max_iter": 30, "tol": 1e-4, "on_step": None, "verbose": 0}
# Below this relative error there is nothing to learn from sweeps over all factors.
NEGLIGIBLE = 1e-12


def hierarchical_palm4msa(A, schedule, *, variant="balanced", **loop):
    """Approximate a matrix by a product of factors, found one after the other.

    The matrix is split in a sparse factor and a denser residual, then the residual in
    its turn, and so on; after each split all factors found so far are improved
    together.

    Parameters
    ----------
    A : array-like of shape (M, N)
        The matrix, real or complex.  Integers are taken as float64.
    schedule : Schedule
        Constraints of the factors and of the residual at each level, and from which
        side factors are split off: `square_transform`, `rectangular_operator` and
        `dictionary` make usual ones.
    variant : {"balanced", "published"}, default="balanced"
        As in `palm4msa`.
    **loop
        Of each stage, of which a schedule of J factors has 2 J - 2: `max_iter`
        (default 30), `tol` (1e-4, of the relative decrease of the error in a sweep),
        `on_step` (None; called with each step, ends all where it returns true),
        `verbose` (0).

    Returns
    -------
    result : Factorization
        `operator` is a `Product`, in the dtype of `A`, of factors that share the scale;
        `objectives` are the errors of the stages over all factors; no bounds.  `state`
        can be passed as `init` of `palm4msa`, and of `admm`, which may find better
        supports.

    See Also
    --------
    palm4msa : All factors at once.
    butterfly_factorization : Closed form where the supports are known.

    Notes
    -----
    It finds Hadamard matrices in their natural order exactly.  This is a matter of
    breaking ties: where all entries are equal, `KSparseRowsColumns` prefers supports of
    blocks within blocks, which is what later levels need.  Of a Hadamard matrix whose
    rows and columns were permuted at random the first level cannot know the order:
    find the permutations first.  With noise, a `tie_resolution` of a hundred times the
    noise keeps the preference.  This is no guarantee of recovery.

    *Cost.* Each level sweeps over two factors, then over all found so far, see
    `palm4msa`: about :math:`J^2 / 2` factors for each of the sweeps of a stage.

    References
    ----------
    L. Le Magoarou, R. Gribonval, "Flexible multilayer sparse approximations of matrices
    and applications", IEEE J. Sel. Topics Signal Process. 10(4), 2016, algorithm 5.

    Examples
    --------
    >>> from scipy.linalg import hadamard
    >>> from skfrugal.solvers import hierarchical_palm4msa, square_transform
    >>> result = hierarchical_palm4msa(hadamard(16), square_transform(16))
    >>> result.operator.nnz, bool(result.error < 1e-12)
    (128, True)
    """
    A = check_matrix(A)
    if not isinstance(schedule, Schedule):
        raise TypeError(
            f"schedule={schedule!r} is not a Schedule; pass for example "
            f"square_transform({A.shape[1]})."
        )
    check_choice(variant, VARIANTS, "variant")
    loop = check_loop(loop, LOOP, "hierarchical_palm4msa")
    check_constraints(schedule.constraints)
    shapes = schedule.shapes(A.shape)
    for level in range(1, schedule.n_levels + 1):
        check_shapes(schedule.at(level), schedule.shapes_at(level, shapes))
    unit, exponent = standardise(A)
    unit, norm = to_norm_one(unit)
    run, factors, lam, errors = _levels(unit, schedule, shapes, variant, loop)
    if variant == "balanced":
        factors, lam = polished(unit, factors, lam, schedule.constraints)
    error = float(np.linalg.norm(unit - lam * multiplied(factors)))
    run = run.with_objectives(errors)
    return finished(A.dtype, run, (factors, lam), (error, norm, exponent), 1)


def _levels(A, schedule, shapes, variant, loop):
    """(last run, factors, scale, errors) after splitting at each level."""
    stages = _Stages(A, variant == "published", loop)
    residual, factors, lam, errors = A, [], 1.0, []
    for level in range(1, schedule.n_levels + 1):
        pair = schedule.pair_at(level)
        pair_shapes = schedule.pair_shapes_at(level, shapes)
        start = Start([np.eye(*shape, dtype=A.dtype) for shape in pair_shapes], 1.0)
        # The sparse factor is chosen first, in sight of the whole residual.
        order = "l2r" if schedule.side == "left" else "r2l"
        start.factors[0 if order == "l2r" else -1][...] = 0
        run = stages(residual, start, pair, order, f"level {level}, split")
        split, scale = run.step.state
        kept = factors[:-1] if schedule.side == "left" else factors[1:]
        factors = [*kept, *split] if schedule.side == "left" else [*split, *kept]
        lam *= scale
        error = float(np.linalg.norm(A - lam * multiplied(factors)))
        if level > 1 and error > NEGLIGIBLE and not stages.is_stopped:
            start = Start(factors, lam, is_given=True)
            constraints = schedule.at(level)
            run = stages(A, start, constraints, order, f"level {level}, all")
            factors, lam = run.step.state
            error = run.step.error
        errors.append(error)
        where = -1 if schedule.side == "left" else 0
        residual, size = to_norm_one(factors[where])
        factors[where], lam = residual, lam * size
    return run, factors, lam, errors


class _Stages:
    """Loops of one method, which end together."""

    def __init__(self, A, published, loop):
        self.A, self.published, self.loop = A, published, loop
        self.is_stopped = False

    def __call__(self, A, start, constraints, order, name):
        steps = palm_steps(A, start, constraints, order=order, published=self.published)
        return iterate(
            steps,
            name=f"hierarchical_palm4msa, {name}",
            warn=False,
            **{**self.loop, "on_step": self.on_step},
        )

    def on_step(self, step):
        """Once stopped, every stage takes one step: the factors must be made."""
        on_step = self.loop["on_step"]
        if not self.is_stopped and on_step is not None:
            self.is_stopped = bool(on_step(step))
        return self.is_stopped
