"""Sums of matrices of several structures: low rank, sparse, Kronecker-sparse."""

from itertools import islice

import numpy as np

from skfrugal._validation import check_int
from skfrugal.operators import Sum
from skfrugal.operators._patterns import chain_shape, check_chain
from skfrugal.solvers._iterate import iterate
from skfrugal.solvers._sum_terms import (
    ChainTerm,
    LowRankTerm,
    SparseTerm,
    in_units,
    weighted_norm,
)
from skfrugal.solvers._sweeps import SweepStep
from skfrugal.solvers._target import check_matrix, standardise

# Rounds from each start before the better one goes on.
N_TRIAL_ROUNDS = 3


def sum_factorization(
    A, *, rank=0, n_nonzero=0, chains=(), max_iter=100, tol=1e-4, on_step=None
):
    """Approximate a matrix by a low-rank, plus a sparse, plus structured matrices.

    One term after the other is replaced by the best approximation of what the others
    leave, round after round.

    Parameters
    ----------
    A : array-like of shape (M, N)
        Real or complex.

    rank : int, default=0
        Rank of the low-rank term; 0 for none.

    n_nonzero : int, default=0
        Entries of the sparse term; 0 for none.

    chains : sequence of chains, default=()
        One for each term that is a product of Kronecker-sparse factors.

    max_iter, tol : int and float, default=100 and 1e-4
        Rounds, which end when the error falls by less than `tol` of itself.

    on_step : callable or None, default=None
        Called after each round with its ``Step``; true ends them.

    Returns
    -------
    result : Factorization
        `operator` is a `Sum` of a `LowRank`, a `SparseFactor` and a `Product` for each
        chain, those that were asked for.  There is no lower bound.  `upper_bound` is
        the smallest error of the first and of the last term alone, in the order just
        told.

    See Also
    --------
    skfrugal.structures.LowRankPlusSparse : Low rank and sparse, chosen by name.
    butterfly_factorization : One chain, certified.

    Notes
    -----
    The updates of the low-rank term (a truncated singular value decomposition), of
    the sparse one (the largest entries) and of a chain of at most two factors are exact
    projections; a longer chain is split, then swept.  So every term is corrected for
    all the others, the error never rises, and it converges; not always to the smallest
    one, for the problem is not convex.  Two starts are tried: the terms in the order
    above and in reverse.

    *Cost.* A round with a low-rank term costs a singular value decomposition of `A`,
    with a chain :math:`O(M N)` times its ranks; all keep a few dense matrices.  A
    product with the result costs ``operator.nnz`` multiply-adds a vector instead of
    :math:`M N`.

    References
    ----------
    T. Zhou, D. Tao, "GoDec: randomized low-rank & sparse matrix decomposition in noisy
    case", ICML 2011 (alternating projections for low rank plus sparse).

    Examples
    --------
    >>> import numpy as np
    >>> from skfrugal.solvers import sum_factorization
    >>> A = np.outer(np.arange(1.0, 9.0), np.ones(8))
    >>> A[2, 3] += 10
    >>> result = sum_factorization(A, rank=1, n_nonzero=1, tol=1e-12)
    >>> result.error < 1e-6, result.operator.nnz
    (True, 17)
    """
    A = check_matrix(A)
    terms = make_terms(A.shape, rank, n_nonzero, chains)
    return fit_terms(A, terms, max_iter=max_iter, tol=tol, on_step=on_step)


def make_terms(shape, rank=0, n_nonzero=0, chains=(), root=None):
    """The terms of a sum for matrices of a shape."""
    rank, n_nonzero = check_int(rank, "rank", 0), check_int(n_nonzero, "n_nonzero", 0)
    terms = []
    if rank:
        terms.append(LowRankTerm(min(rank, *shape), root))
    for chain in chains:
        chain = check_chain(chain)
        if chain_shape(chain) != shape:
            raise ValueError(
                f"A has shape {shape} but a chain is for shape {chain_shape(chain)}; "
                f"pass chains made for the shape of A."
            )
        terms.append(ChainTerm(chain))
    if n_nonzero:
        terms.append(SparseTerm(min(n_nonzero, shape[0] * shape[1]), root))
    if not terms:
        raise ValueError(
            "The sum has no terms; pass rank >= 1, n_nonzero >= 1 or a chain."
        )
    return terms


def fit_terms(A, terms, *, root=None, unit=1.0, max_iter, tol, on_step=None):
    """`Factorization` by a sum of terms, in the norm ``unit * |root * matrix|``."""
    target, exponent = standardise(A)

    def told(error):
        return unit * in_units(error, exponent)

    def operator(states):
        return _finish(terms, states, exponent, A.dtype)[0]

    def rounds(states, order):
        return _rounds(target, terms, states, order, root, (operator, told))

    orders = [list(range(len(terms)))]
    if len(terms) > 1:
        orders.append(orders[0][::-1])
    alone, trials = [], []
    for order in orders:
        first = terms[order[0]]
        state = first.fit(target, None)
        alone.append(weighted_norm(target - first.dense(state), root))
        *_, step = islice(rounds([None] * len(terms), order), N_TRIAL_ROUNDS)
        trials.append((step.lost, step.state, order))
    _, states, order = min(trials, key=lambda trial: trial[0])
    run = iterate(
        rounds(states, order), max_iter=max_iter, tol=tol, on_step=on_step, name="Sums"
    )
    summed, dense = _finish(terms, run.step.state, exponent, A.dtype)
    return run.factorization(
        told(weighted_norm(target - dense, root)),
        operator=summed,
        message="Alternating projections, monotone, the better of two starts; no lower "
        "bound.",
        bounds=(None, told(min(alone))),
    )


def _rounds(target, terms, states, order, root, views):
    """Yield a step after each round over the terms; None is a term of zero."""
    states = list(states)
    parts = [
        np.zeros_like(target) if state is None else term.dense(state)
        for term, state in zip(terms, states, strict=True)
    ]
    residual = target - sum(parts)
    last = weighted_norm(residual, root)
    while True:
        for i in order:
            residual = residual + parts[i]
            states[i] = terms[i].fit(residual, states[i])
            parts[i] = terms[i].dense(states[i])
            residual = residual - parts[i]
        # Afresh, or the rounding of all rounds would add up.
        residual = target - sum(parts)
        error = weighted_norm(residual, root)
        gain = (last - error) / last if last > 0 else 0.0
        yield SweepStep(list(states), gain, error, *views)
        last = error


def _finish(terms, states, exponent, dtype):
    """The operator, and its matrix without the scale."""
    finished = [
        term.finish(state, exponent, dtype)
        for term, state in zip(terms, states, strict=True)
    ]
    operators = [operator for operator, _ in finished]
    dense = sum(matrix for _, matrix in finished)
    return Sum(operators) if len(operators) > 1 else operators[0], dense
