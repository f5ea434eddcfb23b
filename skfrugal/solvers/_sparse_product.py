"""Short sparse products: two or three factors whose entries share a budget."""

from dataclasses import replace
from functools import partial

import numpy as np

from skfrugal._validation import check_positive_int, check_rng
from skfrugal.solvers._iterate import iterate
from skfrugal.solvers._sparse_product_parts import Problem
from skfrugal.solvers._sparse_product_start import starting_parts
from skfrugal.solvers._sparse_product_state import (
    State,
    Trials,
    finish,
    resume,
    sizes_in_words,
)
from skfrugal.solvers._sum_terms import in_units
from skfrugal.solvers._sweeps import SweepStep
from skfrugal.solvers._target import check_matrix, standardise

# Rounds after which atoms that were replaced show what they are worth.
_TRIAL_ROUNDS = 2
# Rows without weight weigh this much of the heaviest: they take what others leave.
_LEAST_WEIGHT = 1e-9
# Entries under this part of the largest one add nothing to the error, but underflow.
_NOTHING = 2.0**-200


def sparse_product(  # noqa: PLR0913
    A,
    *,
    n_atoms,
    n_nonzero,
    row_weight=None,
    start=None,
    max_iter=100,
    tol=1e-3,
    random_state=None,
    on_step=None,
):
    """Approximate a matrix by two or three sparse factors of unknown supports.

    ``A ~ left @ middle @ right``: rows of `left` and columns of `right` have few
    entries.  They are codes, of the rows of `A` over the a rows of ``middle @ right``,
    and of the columns of `A` over the b columns of ``left @ middle``; one factor after
    the other is replaced by a better one.

    Parameters
    ----------
    A : array-like of shape (M, N)
        Real.

    n_atoms : int or (int, int)
        b for two factors (then a is b); (a, b) for three.

    n_nonzero : (int, int) or (int, int or None, int)
        Entries of each factor, in all of its rows together: where they go is part of
        the problem.  None, or as many as the middle has, makes it dense.

    row_weight : array-like of shape (M,), default=None
        Weights >= 0 of the rows in the squared error.  In the rounds they are 1e-9 of
        the largest at least: rows of weight zero get entries that others have no use
        for.

    start : Factorization, default=None
        Result of an earlier call with the same sizes and budgets, to start from; that
        for another matrix may do well.

    max_iter, tol : int and float, default=100 and 1e-3
        Rounds, which end when one lowers the error by less than `tol` of itself.

    random_state : int, RandomState instance or None, default=None
        Draws the rows and columns of `A` that the atoms start from.

    on_step : callable, default=None
        Called after each round with its ``Step``; true ends them.

    Returns
    -------
    result : Factorization
        `operator` is a `Product`.  The error never rises from round to round, nor
        above that of `start`; there are no bounds.  `state` is what `start` needs.

    See Also
    --------
    palm4msa : Longer products, a budget for each row or column.
    skfrugal.structures.SparseProduct : Chooses the sizes for a budget.

    Notes
    -----
    Codes are found by orthogonal least squares: the atom that lowers the error of a
    signal most, one after the other.  Entries go to the signals where they gain most;
    old supports are kept where they are better; then every signal may exchange one
    atom.  A dense middle is solved for, a sparse one is coded column after column.
    Atoms that nobody uses are replaced by what is missed most, and the result kept if
    two rounds later it is better.

    *Cost.* A round takes O(M nnz(right) + N nnz(left)) multiply-adds for the inner
    products and O((M a + N b) k^2) for codes of k entries: 15 ms for a 64 x 784
    matrix, 70 ms for 1024 x 784.  A product with the result costs ``operator.nnz``
    multiply-adds a vector instead of M N.

    References
    ----------
    L. Giffon, V. Emiya, H. Kadri, L. Ralaivola, "QuicK-means: accelerating inference
    for K-means by learning fast transforms", Machine Learning 110, 2021 (centroids as
    a product of sparse factors, there by palm4MSA).

    S. Chen, S. A. Billings, W. Luo, "Orthogonal least squares methods and their
    application to non-linear system identification", International Journal of Control
    50, 1989.

    Examples
    --------
    >>> import numpy as np
    >>> from skfrugal.solvers import sparse_product
    >>> rng = np.random.RandomState(0)
    >>> atoms = rng.standard_normal((4, 30))
    >>> A = np.repeat(np.eye(4), 5, axis=0) @ atoms
    >>> result = sparse_product(A, n_atoms=(4, 4), n_nonzero=(20, 16, 120))
    >>> result.error < 1e-6, result.operator.shape
    (True, (20, 30))
    """
    A = check_matrix(A)
    if A.dtype.kind == "c":
        raise ValueError(
            "A is complex; pass its real and imaginary parts side by side, for "
            "instance np.hstack([A.real, A.imag])."
        )
    n_atoms, n_nonzero = _checked_sizes(n_atoms, n_nonzero)
    weight, unit = _relative_weight(row_weight, len(A))
    target, exponent = standardise(A)
    target = np.where(np.abs(target) < _NOTHING, 0, target)
    problem = Problem(target, np.maximum(weight, _LEAST_WEIGHT), n_nonzero)
    trials = Trials()
    if start is None:
        rng = check_rng(random_state)
        improved = partial(_improved, problem, trials)
        parts = starting_parts(problem, n_atoms, rng, improved)
    else:
        parts = resume(start, A.shape, n_atoms, n_nonzero, exponent)
        trials = replace(start.state.trials)

    def told(error):
        return unit * in_units(error, exponent)

    def operator(parts):
        return finish(parts, exponent, A.dtype)[0]

    steps = _rounds(problem, trials, parts, (operator, told))
    run = iterate(
        steps, max_iter=max_iter, tol=tol, on_step=on_step, name="Sparse products"
    )
    parts = run.step.state
    finished, rounded = finish(parts, exponent, A.dtype)
    result = run.factorization(
        told(np.sqrt(problem.squared_error(rounded, weight))),
        operator=finished,
        message=f"{len(finished.factors)} factors of {sizes_in_words(parts)} entries; "
        "monotone, no bounds.",
    )
    return replace(result, state=State(parts, exponent, n_nonzero, trials))


def _rounds(problem, trials, parts, views):
    """Yield a step after each round."""
    last = np.sqrt(problem.squared_error(parts))
    while True:
        found = _improved(problem, trials, parts, 1)
        error = np.sqrt(problem.squared_error(found))
        gain = (last - error) / last if error < last else 0.0
        if gain > 0:  # rounding, and the ridge of solutions, could raise it
            parts, last = found, error
        yield SweepStep(parts, gain, last, *views)


def _improved(problem, trials, parts, n_rounds):
    """Parts after some rounds, all factors anew in each of them."""
    for _ in range(n_rounds):
        others = None
        if problem.n_unused(parts) and trials.is_due():
            others = problem.with_used_atoms(parts)
            for _ in range(_TRIAL_ROUNDS):
                others = _round(problem, others)
        parts = _round(problem, parts)
        if others is not None:
            is_better = problem.squared_error(others) < problem.squared_error(parts)
            parts = others if is_better else parts
            trials.note(is_better)
    return parts


def _round(problem, parts):
    parts = problem.with_left(problem.with_middle(parts))
    return problem.with_right(problem.with_middle(parts))


def _checked_sizes(n_atoms, n_nonzero):
    """(a, b), and the budgets of two or three factors."""
    sizes = np.atleast_1d(np.asarray(n_atoms, dtype=object))
    n_factors = {(1,): 2, (2,): 3}.get(sizes.shape)
    if n_factors is None or np.ndim(n_nonzero) != 1 or len(n_nonzero) != n_factors:
        raise ValueError(
            f"n_atoms={n_atoms!r} and n_nonzero={n_nonzero!r} do not fit; pass an int "
            f"and two numbers of entries, or a pair and three."
        )
    a, b = (check_positive_int(size, "n_atoms") for size in (sizes[0], sizes[-1]))
    left, *middle, right = n_nonzero
    n_nonzero = [check_positive_int(count, "n_nonzero") for count in (left, right)]
    if middle:
        count = a * b if middle[0] is None else middle[0]
        count = check_positive_int(count, "n_nonzero")
        n_nonzero.insert(1, None if count >= a * b else count)
    return (a, b), tuple(n_nonzero)


def _relative_weight(row_weight, n_rows):
    """Weights in [0, 1], and the square root of what they are multiplied by."""
    if row_weight is None:
        return np.ones(n_rows), 1.0
    weight = np.asarray(row_weight, dtype=np.float64)
    valid = weight.shape == (n_rows,) and np.isfinite(weight).all()
    if not valid or (weight < 0).any() or not weight.any():
        raise ValueError(
            f"row_weight must hold one finite weight >= 0 for each of the {n_rows} "
            f"rows, not all zero; got {row_weight!r}."
        )
    largest = weight.max()
    return weight / largest, float(np.sqrt(largest))
