"""The values of a chain, learnt by gradient: of a matrix, or of a regression."""

import math

import numpy as np
from scipy import linalg

from skfrugal.operators._patterns import chain_shape, check_product
from skfrugal.solvers._chain_least_squares import (
    ChainLeastSquares,
    best_run,
    starting_values,
)
from skfrugal.solvers._target import check_matrix, scale, standardise


def gradient_factorization(  # noqa: PLR0913
    A,
    chain,
    *,
    init="orthogonal",
    n_init=3,
    max_iter=1000,
    tol=1e-8,
    random_state=None,
    on_step=None,
    verbose=0,
):
    r"""Approximate a matrix by a chain whose values are learnt by L-BFGS.

    Minimises :math:`\tfrac12 \|A - X_1 \cdots X_L\|_F^2` over the values of the
    factors.

    Parameters
    ----------
    A : array-like of shape (M, N)
        The matrix, real or complex.
    chain : sequence of patterns (a, b, c, d)
        Patterns whose shapes fit together; they need not be chainable: a butterfly
        times a transposed one is a convolution, for example.
    init : {"orthogonal", "normal", "closed_form"} or ndarray, default="orthogonal"
        Where the values start: blocks with orthonormal rows or columns, normal
        numbers, or what `butterfly_factorization` gives, which is then improved.
        An array is the `state` of an earlier result, resumed.
    n_init : int, default=3
        Number of random starts, of which the best result is kept.  They end when one
        reaches the matrix, to rounding.
    max_iter : int, default=1000
        Iterations of each start, at most.
    tol : float, default=1e-8
        A start ends when an iteration lowers the objective by less than this,
        relatively.
    random_state : int, RandomState instance or None, default=None
        Draws the starts.
    on_step : callable or None, default=None
        Called with each `Step`; returns something true to stop this start.
    verbose : int, default=0
        Print a line an iteration.

    Returns
    -------
    result : Factorization
        `objectives` are those of the start that was kept, for `A` scaled to entries
        of order one; `lower_bound` and `upper_bound` are None.

    See Also
    --------
    butterfly_factorization : Closed form with certificate, for the same chains.
    butterfly_regression : The same for rows of inputs and outputs.

    Notes
    -----
    *Guarantee.*  The objective never rises.  The minimum that is found is a local one;
    orthogonal starts reach a matrix of the class far more often than normal ones.

    *Cost* of an iteration: four products of the chain with N vectors, instead of the
    three dense products, N^3 each, that the gradient of a dense factor takes.

    References
    ----------
    T. Dao, A. Gu, M. Eichhorn, A. Rudra, C. Ré, "Learning fast algorithms for linear
    transforms using butterfly factorizations", ICML 2019, section 4.

    Examples
    --------
    >>> from skfrugal.operators import hadamard, square_dyadic
    >>> from skfrugal.solvers import gradient_factorization
    >>> A = hadamard(16).toarray()
    >>> result = gradient_factorization(A, square_dyadic(16), random_state=0)
    >>> bool(result.error < 1e-5)
    True
    """
    A = check_matrix(A)
    chain = check_product(chain)
    if A.shape != chain_shape(chain):
        raise ValueError(
            f"A has shape {A.shape} but chain is for matrices of shape "
            f"{chain_shape(chain)}; pass a chain made for the shape of A."
        )
    target, exponent = standardise(A)
    problem = ChainLeastSquares(chain, np.eye(A.shape[1]), target.T)
    starts = starting_values(problem, init, n_init, random_state, target)
    run = best_run(
        problem, starts, max_iter=max_iter, tol=tol, on_step=on_step, verbose=verbose
    )
    operator = problem.operator(run.step.state, exponent, A.dtype)
    error = math.sqrt(2 * run.step.objective())
    return run.factorization(
        float(scale(np.float64(error), exponent)),
        operator=operator,
        message="Values learnt by gradient; no bound is known.",
    )


def butterfly_regression(  # noqa: PLR0913
    X,
    Y,
    chain,
    *,
    alpha=0.0,
    init="closed_form",
    n_init=1,
    max_iter=500,
    tol=1e-7,
    random_state=None,
    on_step=None,
    verbose=0,
):
    r"""Least squares for several outputs, the matrix of coefficients being a chain.

    Minimises :math:`\tfrac12 \|Y - X S^T\|_F^2 + \tfrac\alpha2 \|S\|_F^2` over the
    values of the factors of S.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
    Y : array-like of shape (n_samples, n_targets)
        Rows of inputs and of outputs; centre them for a model with an intercept.
    chain : sequence of patterns (a, b, c, d)
        For matrices of shape (n_targets, n_features); need not be chainable.
    alpha : float, default=0.0
        Penalty on the coefficients, those of the product.
    init : {"closed_form", "orthogonal", "normal"} or ndarray, default="closed_form"
        "closed_form" starts from the dense solution, projected on the chain.
    n_init, max_iter, tol, random_state, on_step, verbose
        As for `gradient_factorization`.

    Returns
    -------
    result : Factorization
        `operator` is S, so that predictions are ``X @ result.operator.T``; `error` is
        the norm of the residual ``Y - X S^T``, without the penalty.

    Notes
    -----
    *Cost*: a dense least squares, then O(min(n_samples, n_features) nnz) an iteration:
    more rows than features are replaced by the triangular factor of X.  A chain has
    fewer numbers to learn than a dense matrix, which is what halves the error where the
    truth is such a chain.

    Examples
    --------
    >>> import numpy as np
    >>> from skfrugal.operators import random_butterfly, square_dyadic
    >>> from skfrugal.solvers import butterfly_regression
    >>> rng = np.random.RandomState(0)
    >>> truth = random_butterfly(16, random_state=0)
    >>> X = rng.standard_normal((40, 16))
    >>> Y = X @ truth.T + 0.1 * rng.standard_normal((40, 16))
    >>> result = butterfly_regression(X, Y, square_dyadic(16))
    >>> dense = np.linalg.lstsq(X, Y)[0].T
    >>> def excess(S):
    ...     return np.linalg.norm(S - truth.toarray())
    >>> bool(excess(result.operator.toarray()) < excess(dense))
    True
    """
    X, Y = check_matrix(X, "X"), check_matrix(Y, "Y")
    chain = check_product(chain)
    if len(X) != len(Y) or (Y.shape[1], X.shape[1]) != chain_shape(chain):
        raise ValueError(
            f"X has shape {X.shape} and Y {Y.shape}, and chain is for matrices of "
            f"shape {chain_shape(chain)}; pass as many rows of X as of Y, and a chain "
            f"for shape (n_targets, n_features)."
        )
    if not alpha >= 0 or not math.isfinite(alpha):
        raise ValueError(f"alpha must be a number >= 0; got {alpha!r}.")
    dtype = np.result_type(X, Y)
    rows, x_exponent = standardise(X)
    outputs, y_exponent = standardise(Y)
    penalty = math.ldexp(math.sqrt(alpha), -x_exponent)
    rows, outputs = _penalised(rows, outputs, penalty)
    problem = ChainLeastSquares(chain, *_reduced(rows, outputs))
    dense = np.linalg.lstsq(rows, outputs, rcond=None)[0].T
    starts = starting_values(problem, init, n_init, random_state, dense)
    run = best_run(
        problem, starts, max_iter=max_iter, tol=tol, on_step=on_step, verbose=verbose
    )
    operator = problem.operator(run.step.state, y_exponent - x_exponent, dtype)
    return run.factorization(
        np.linalg.norm(Y - X @ operator.T),
        operator=operator,
        message="Values learnt by gradient; no bound is known.",
    )


def _penalised(X, Y, root):
    """Rows with those of a ridge penalty: ``root * I``, whose outputs are zero."""
    if root == 0:
        return X, Y
    n = X.shape[1]
    zeros = np.zeros((n, Y.shape[1]), Y.dtype)
    return np.vstack([X, root * np.eye(n)]), np.vstack([Y, zeros])


def _reduced(X, Y):
    """At most n_features rows with the same least squares, up to a constant."""
    if len(X) <= X.shape[1]:
        return X, Y
    basis, triangle = linalg.qr(X, mode="economic")
    return triangle, basis.conj().T @ Y
