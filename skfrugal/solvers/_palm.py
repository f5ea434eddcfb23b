"""palm4MSA: a product of constrained factors, one projected gradient step a factor."""

from dataclasses import replace

import numpy as np

from skfrugal._validation import check_positive_int, check_rng
from skfrugal.constraints import Constraint
from skfrugal.solvers._factors import as_operator, check_factors, multiplied, shapes_of
from skfrugal.solvers._iterate import iterate
from skfrugal.solvers._palm_sweep import Start, palm_steps, rank_one_scale
from skfrugal.solvers._refit import refit_steps
from skfrugal.solvers._target import check_matrix, scale, standardise

VARIANTS = ("balanced", "published")
# Sweeps of exact least squares that polish a result, and what they must gain.
N_POLISH, POLISH_TOL = 30, 1e-3
LOOP = {"max_iter": 200, "tol": 1e-6, "on_step": None, "verbose": 0}


def palm4msa(
    A,
    constraints,
    *,
    variant="balanced",
    order="l2r",
    inner_sizes=None,
    init=None,
    n_init=1,
    random_state=None,
    **loop,
):
    r"""Approximate a matrix by a product of factors in given sets.

    Minimises :math:`\|A - \lambda S_1 S_2 \cdots S_J\|_F` over real :math:`\lambda`
    and :math:`S_j` in the set of ``constraints[j]``, by proximal alternating
    linearised minimisation: each factor in turn takes a gradient step and is projected.

    Parameters
    ----------
    A : array-like of shape (M, N)
        The matrix, real or complex.  Integers are taken as float64.
    constraints : sequence of Constraint
        One for each factor, left to right; two at least.
    variant : {"balanced", "published"}, default="balanced"
        "published" is the algorithm of the paper, to the letter.  "balanced" adds the
        best scale after every factor, momentum with restart, steps that are shortened
        where the error would rise, and the exact least-squares fit of each factor on
        its final support.
    order : {"l2r", "r2l"}, default="l2r"
        Which factor is updated first: the leftmost or the rightmost.
    inner_sizes : sequence of int or None, default=None
        Columns of each factor but the last.  None means ``min(M, N)``.
    init : sequence of arrays, Product, state of a Factorization or None, default=None
        Factors to start from.  None means those of the paper: the factor updated first
        is zero, the others are (rectangular) identities.
    n_init : int, default=1
        Number of starts, the best of which is returned.  All but the first have random
        orthogonal factors: supports are frozen after a few sweeps, and only another
        start leads to others.
    random_state : int, RandomState or None, default=None
        Of the starts but the first.
    **loop
        `max_iter` (default 200), `tol` (1e-6, of the relative decrease of the error in
        a sweep), `on_step` (None; called with each step, stops where it returns true),
        `verbose` (0).

    Returns
    -------
    result : Factorization
        `operator` is a `Product`, in the dtype of `A`, of factors that share the scale;
        `objectives` are errors after each sweep; no bounds.  `state` can be passed as
        `init`.

    See Also
    --------
    hierarchical_palm4msa : Factors found one after the other, which finds better ones.
    butterfly_factorization : Closed form where the supports are known.

    Notes
    -----
    With exact projections the error does not rise from one sweep to the next, and the
    iterates approach a critical point; nothing is said of its distance from the
    optimum.  ``A`` and ``c A`` give the same factors.

    *Cost.* A sweep takes about :math:`J (n^3 + n \sum_j \mathrm{nnz}_j)` multiply-adds
    for n x n factors, in double precision: dense products of Gram matrices, sparse
    ones of factors.

    References
    ----------
    L. Le Magoarou, R. Gribonval, "Flexible multilayer sparse approximations of matrices
    and applications", IEEE J. Sel. Topics Signal Process. 10(4), 2016, algorithm 4.

    Examples
    --------
    >>> import numpy as np
    >>> from skfrugal.constraints import KSparseRowsColumns
    >>> from skfrugal.solvers import palm4msa
    >>> H = np.kron([[1, 1], [1, -1]], [[1, 1], [1, -1]])
    >>> result = palm4msa(H, [KSparseRowsColumns(2)] * 2)
    >>> result.operator.nnz, bool(result.error < 1e-12)
    (16, True)
    """
    A = check_matrix(A)
    constraints = check_constraints(constraints)
    check_choice(variant, VARIANTS, "variant")
    check_choice(order, ("l2r", "r2l"), "order")
    loop = check_loop(loop, LOOP, "palm4msa")
    shapes = shapes_of(A.shape, len(constraints), inner_sizes)
    check_shapes(constraints, shapes)
    unit, exponent = standardise(A)
    unit, norm = to_norm_one(unit)
    rng, n_init = check_rng(random_state), check_positive_int(n_init, "n_init")
    best = None
    for number in range(n_init):
        if number:
            factors = random_factors(shapes, unit.dtype, rng)
            start = Start(factors, rank_one_scale(unit, multiplied(factors)))
        else:
            start = _start(init, unit, shapes, order)
        steps = palm_steps(
            unit, start, constraints, order=order, published=variant == "published"
        )
        run = iterate(steps, name="palm4msa", **loop)
        factors, lam = run.step.state
        if variant == "balanced":
            factors, lam = polished(unit, factors, lam, constraints)
        error = float(np.linalg.norm(unit - lam * multiplied(factors)))
        if best is None or error < best[0]:
            best = error, factors, lam, run
    error, factors, lam, run = best
    return finished(A.dtype, run, (factors, lam), (error, norm, exponent), n_init)


def polished(A, factors, lam, constraints):
    """Factors of the same supports, each fitted exactly in turn."""
    steps = refit_steps(A, factors, lam, constraints)
    return iterate(steps, max_iter=N_POLISH, tol=POLISH_TOL, warn=False).step.state


def finished(dtype, run, state, units, n_starts):
    """The `Factorization` of a run on a matrix of norm one."""
    (error, norm, exponent), (factors, lam) = units, state

    def in_units_of_A(value):
        return float(scale(np.float64(value) * norm, exponent))

    shared = float(scale(np.float64(lam * norm), exponent))
    operator = as_operator(factors, shared, dtype)
    start = "" if n_starts == 1 else f", the best of {n_starts} starts"
    message = f"Relative error {error:.3g}{start}; a local method, without a bound."
    result = run.factorization(in_units_of_A(error), operator=operator, message=message)
    objectives = tuple(map(in_units_of_A, result.objectives))
    return replace(result, objectives=objectives, state=(tuple(factors), float(lam)))


def random_factors(shapes, dtype, rng):
    """Factors with orthonormal rows or columns."""
    factors = []
    for m, n in shapes:
        draw = rng.standard_normal((max(m, n), min(m, n)))
        if dtype.kind == "c":
            draw = draw + 1j * rng.standard_normal(draw.shape)
        Q = np.linalg.qr(draw)[0].astype(dtype)
        factors.append(Q if m >= n else Q.T)
    return factors


def to_norm_one(A):
    """``(A / norm, norm)``; the zero matrix has norm one."""
    norm = float(np.linalg.norm(A)) or 1.0
    return A / norm, norm


def check_constraints(constraints):
    """`constraints` as a tuple."""
    constraints = tuple(constraints)
    wrong = [c for c in constraints if not isinstance(c, Constraint)]
    if wrong or len(constraints) < 2:
        raise ValueError(
            f"constraints={constraints!r} must be two constraints at least, for "
            f"example [KSparseRowsColumns(2)] * 3; see skfrugal.constraints."
        )
    return constraints


def check_shapes(constraints, shapes):
    """Raise where a constraint cannot be satisfied by a factor, saying which."""
    for number, (constraint, shape) in enumerate(zip(constraints, shapes, strict=True)):
        try:
            constraint.check_shape(shape)
        except ValueError as error:
            raise ValueError(f"Factor {number} of shape {shape}: {error}") from error


def check_choice(value, choices, name):
    """Raise where `value` is not one of the choices."""
    if value not in choices:
        words = " or ".join(map(repr, choices))
        raise ValueError(f"{name}={value!r} is unknown; pass {words}.")


def check_loop(loop, defaults, name):
    """Loop parameters with their defaults filled in."""
    unknown = sorted(set(loop) - set(defaults))
    if unknown:
        raise TypeError(
            f"{name} got unexpected parameters {unknown}; pass {sorted(defaults)}."
        )
    return {**defaults, **loop}


def _start(init, A, shapes, order):
    if init is None:
        factors = [np.eye(*shape, dtype=A.dtype) for shape in shapes]
        factors[0 if order == "l2r" else -1][...] = 0
        return Start(factors, 1.0)
    return start_from(init, A, shapes)


def start_from(init, A, shapes):
    """`Start` of the factors that a user gives."""
    if isinstance(init, tuple) and len(init) == 2 and np.ndim(init[1]) == 0:
        init = init[0]
    factors = check_factors(init, shapes, A.dtype)
    return Start(factors, rank_one_scale(A, multiplied(factors)), is_given=True)
