"""The projection on a chain alone, for those who project often."""

from skfrugal.operators._patterns import check_chain
from skfrugal.solvers._butterfly import check_order, check_shape
from skfrugal.solvers._projection import Target, project
from skfrugal.solvers._target import check_matrix
from skfrugal.solvers._weights import Norm


def butterfly_projection(A, chain, *, order="l2r"):
    """The closed form of `butterfly_factorization` without its certificate.

    The certificate costs several times as much as the factors; this is for those who
    have many matrices to project, and look at the error only.

    Parameters
    ----------
    A : array-like of shape (M, N)
    chain : sequence of patterns (a, b, c, d)
    order : {"l2r", "r2l", "balanced"} or array-like of int, default="l2r"
        As in `butterfly_factorization`.

    Returns
    -------
    result : Factorization
        `operator` and `error` are those of `butterfly_factorization`.  `lower_bound` is
        what the first split loses, or zero where that is not known; `upper_bound` is
        None.

    See Also
    --------
    butterfly_factorization : With both bounds.

    Notes
    -----
    *Cost.* :math:`O(N^2)` for blocks of side 2 and rank 1 in order "l2r": two to three
    passes over the matrix.

    Examples
    --------
    >>> from skfrugal.operators import hadamard, square_dyadic
    >>> from skfrugal.solvers import butterfly_projection
    >>> butterfly_projection(hadamard(64).toarray(), square_dyadic(64)).error < 1e-12
    True
    """
    chain = check_chain(chain)
    splits = check_order(order, len(chain) - 1)
    A = check_matrix(A)
    check_shape(A.shape, chain)
    return project(Target(A, Norm()), chain, splits, certify=False)
