"""Factors whose supports are given: closed form where there is one, else sweeps."""

import math

import numpy as np

from skfrugal._validation import check_positive_int, check_rng
from skfrugal.solvers._iterate import iterate
from skfrugal.solvers._result import Factorization
from skfrugal.solvers._support_sweeps import SupportProblem, as_sparse_product
from skfrugal.solvers._supports import check_supports, closed_form_parts
from skfrugal.solvers._target import (
    check_matrix,
    energy,
    in_common_scale,
    scale,
    standardise,
)


def fixed_support_factorization(
    A, *supports, n_init=10, max_iter=200, tol=1e-6, on_step=None, random_state=None
):
    """Approximate a matrix by a product of factors with given supports.

    Parameters
    ----------
    A : array-like of shape (M, N)
        Real or complex.

    *supports : array-like, sparse matrix or Operator
        One for each factor, ``left, right`` of shapes (M, r) and (r, N) or more of
        them: true, or not zero, where the factor may have values.

    n_init : int, default=10
        Random starts where there is no closed form: 20 sweeps each, then the best goes
        on.

    max_iter, tol : int and float, default=200 and 1e-6
        Sweeps of the best start, which end when the error falls by less than `tol`
        of itself.

    on_step : callable or None, default=None
        Called after each of them with its ``Step``; true ends the sweeps.

    random_state : int, RandomState or None, default=None
        For the starts.

    Returns
    -------
    result : Factorization
        `operator` is a `Product` of `SparseFactor`.  Where the supports of two factors
        are tractable (see `is_tractable`) it is the best product, and both bounds are
        the smallest possible error.  Elsewhere the bounds are what is outside of the
        product's support, which no choice can lower, and the norm of `A`; the message
        says so.

    See Also
    --------
    is_tractable : Whether there is a closed form.
    is_identifiable : Whether the factors are unique up to scaling.
    butterfly_factorization : For supports that are a chain: any number of factors,
        certified.

    Notes
    -----
    The problem is NP-hard in general, and a best product need not exist: with
    triangular supports the identity in reversed order is approached only by factors
    that grow without bound.  Outside of the tractable cases each factor in turn is
    fitted by least squares; the error never rises, and need not reach its minimum.

    *Cost.* Closed form: a singular value decomposition of each rectangle, together no
    more than one of `A`.  A sweep: for each factor a least-squares problem in its
    values, and products of the other factors with `A`.

    References
    ----------
    Q.-T. Le, E. Riccietti, R. Gribonval, "Spurious valleys, NP-hardness, and
    tractability of sparse matrix factorization with fixed support", SIAM J. Matrix
    Anal. Appl. 44(2), 2023.

    Examples
    --------
    >>> import numpy as np
    >>> from skfrugal.solvers import fixed_support_factorization
    >>> A = np.arange(16.0).reshape(4, 4) ** 2
    >>> blocks = np.kron(np.eye(2), np.ones((2, 1)))
    >>> result = fixed_support_factorization(A, blocks, blocks.T)
    >>> bool(np.isclose(result.lower_bound, result.error))
    True
    """
    A = check_matrix(A)
    supports = check_supports(*supports)
    shape = (len(supports[0]), supports[-1].shape[1])
    if A.shape != shape:
        raise ValueError(
            f"A has shape {A.shape} but the supports are of a product of shape "
            f"{shape}; pass supports made for the shape of A."
        )
    scaled, exponent = standardise(A)
    reason = f"no closed form is known for {len(supports)} factors"
    if len(supports) == 2:
        answer, complete, groups = closed_form_parts(*supports)
        if answer:
            factors, lost = _closed_form(scaled, supports, complete, groups)
            return _certified(A, scaled, exponent, factors, lost)
        reason = answer.reason
    problem = SupportProblem(A, scaled, exponent, supports)
    n_init, rng = check_positive_int(n_init, "n_init"), check_rng(random_state)
    start = problem.best_start(n_init, rng)
    run = iterate(
        problem.sweeps(start),
        max_iter=max_iter,
        tol=tol,
        on_step=on_step,
        name="Fixed supports",
    )
    message = (
        f"Not a tractable case ({reason}): block coordinate least squares, the best of "
        f"{n_init} starts, monotone; other starts may end lower, and a minimum need "
        f"not exist."
    )
    error = problem.in_units(run.step.lost)
    bounds = problem.in_units(problem.outside), problem.in_units(np.linalg.norm(scaled))
    return run.factorization(error, message=message, bounds=bounds)


def _closed_form(A, supports, complete, groups):
    """The best two factors, and the squared error that they must have."""
    left, right = (np.zeros(support.shape, A.dtype) for support in supports)
    reached = np.zeros(A.shape, bool)
    lost = 0.0
    for group in groups:
        cells = np.ix_(group.rows, group.columns)
        u, s, v = np.linalg.svd(A[cells], full_matrices=False)
        rank = min(len(group.terms), len(s))
        terms, root = group.terms[:rank], np.sqrt(s[:rank])
        left[np.ix_(group.rows, terms)] = u[:, :rank] * root
        right[np.ix_(terms, group.columns)] = root[:, np.newaxis] * v[:rank]
        lost += float(np.sum(s[rank:] ** 2))
        reached[cells] = True
    owned = np.zeros(A.shape, bool)
    for one in complete:
        cells = np.ix_(one.rows, one.columns)
        # Of complete rectangles that overlap the first one takes the entry.
        block = np.where(owned[cells], 0, A[cells])
        owned[cells] = True
        n_rows, n_columns = block.shape
        terms = one.terms[: min(n_rows, n_columns)]
        wide = n_rows <= n_columns
        pair = (np.eye(n_rows), block) if wide else (block, np.eye(n_columns))
        left[np.ix_(one.rows, terms)], right[np.ix_(terms, one.columns)] = pair
    return [left, right], lost + energy(np.where(reached | owned, 0, A))


def _certified(A, scaled, exponent, factors, lost):
    """`Factorization` of the best product."""
    stored, rounded = in_common_scale(factors, exponent, A.dtype)
    error, best = (
        float(scale(np.float64(math.sqrt(square)), exponent))
        for square in (energy(scaled - rounded[0] @ rounded[1]), lost)
    )
    message = "Tractable supports: closed form, no product of these supports is closer."
    return Factorization(as_sparse_product(stored), error, best, best, 1, True, message)
