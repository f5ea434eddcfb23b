"""Projection on products of Kronecker-sparse factors, in closed form, certified."""

import numpy as np

from skfrugal._validation import check_rng
from skfrugal.operators._patterns import chain_n_values, chain_shape, check_chain
from skfrugal.solvers._accuracy import (
    accurate_chain,
    check_max_error,
    dense_instead,
    told_ranks,
)
from skfrugal.solvers._products_only import as_products, from_products
from skfrugal.solvers._projection import Target, project, with_words
from skfrugal.solvers._splits import ORDERS
from skfrugal.solvers._sweeps import Sweeps, check_sweeps
from skfrugal.solvers._target import check_matrix, energy
from skfrugal.solvers._weights import Norm, check_mask, check_norm, row_norm


def butterfly_factorization(
    A,
    chain,
    *,
    order="l2r",
    sweeps=None,
    weights=None,
    mask=None,
    max_error=None,
    random_state=None,
):
    r"""Approximate a matrix by a product of Kronecker-sparse factors.

    The matrix is split in two factors, each factor again, until the chain is reached;
    each split is an optimal one (truncated singular value decompositions of blocks),
    taken in an orthonormal gauge, which is what makes the result certified.

    Parameters
    ----------
    A : array-like of shape (M, N), LinearOperator or pair of callables
        The matrix, real or complex.  Integers are taken as float64.  An operator (of
        SciPy or of this package), or a pair of functions that return ``A @ X`` and
        ``A^* @ Y`` of two-dimensional arrays, is asked for :math:`O(\sqrt N)`
        products only: `error` is then an estimate, and there is no certificate.
    chain : sequence of patterns (a, b, c, d)
        A chainable sequence, see :func:`~skfrugal.operators.chain_from_shape`.
        Redundant neighbours (whose products are all the matrices of one pattern) are
        merged, and the message says so.
    order : {"l2r", "r2l", "balanced"} or array-like of int, default="l2r"
        In which order the ``len(chain) - 1`` junctions between factors are split: from
        left to right, from right to left, halving, or as a permutation of their
        numbers says.
    sweeps : int or Sweeps, default=None
        Refine the closed form by this many sweeps over the factors, or until
        `Sweeps.tol`; each is made of optimal updates, so that the error never rises.
        None means none without a `mask`, and ``Sweeps()`` with one.
    weights : pair of array-like, default=None
        Weights >= 0 of the M rows and of the N columns, either of which may be None:
        error and bounds are those of ``rows[:, None] * A * columns``.  The reduction
        is exact.  A weight of zero masks its row or column.
    mask : array-like of bool of shape (M, N), default=None
        True where an entry of `A` counts; the others may be NaN.  They are filled by
        majorise-minimise, one sweep at a time.
    max_error : float, default=None
        Relative error that must not be exceeded.  The ranks of `chain` are replaced
        by the smallest ones whose bound ensures it.  Where that would store as much
        as the matrix, there is no structure: the operator is the dense matrix, and
        the message says so.
    random_state : int, RandomState or None, default=None
        For the random vectors that are multiplied with an operator `A`.

    Returns
    -------
    result : Factorization
        `operator` is a `Product` of `KroneckerSparse` factors of comparable entries
        (one `KroneckerSparse` if the chain is a single pattern), in the dtype of `A`.
        With :math:`E_s` the distance of `A` to the products of two factors that
        junction `s` allows, `lower_bound` is :math:`\max_s E_s`: no product of this
        chain is closer to `A`.  `upper_bound` is
        :math:`\min((\sum_s E_s^2)^{1/2}, \|A\|)`, hence at most
        :math:`\sqrt{L - 1}` times the optimum, for "l2r", "r2l" and every order
        that always splits the first or the last junction left; for other orders it
        is :math:`\sum_s E_s`.  With a `mask` the lower bound is None, and the upper
        one that of the matrix with zeros for what does not count.

    Raises
    ------
    ValueError
        For a matrix, a chain or an option that does not fit, saying what would.

    See Also
    --------
    butterfly_projection : Without the certificate, several times faster.
    select_chain : Ranks all chains of a shape by their certificates.
    skfrugal.structures.Butterfly : The same, with the chain chosen by size.

    Notes
    -----
    A matrix that is such a product is recovered up to rounding, whatever the order,
    also from products only: these take ``(r + 2)`` products for each group of columns
    and ``(r + 4)`` with the adjoint for each class of rows of the junction that needs
    fewest (352 for the dyadic chain of size 1024), and 8 for the error.

    *Cost.* For rank 1 and blocks of side 2 in order "l2r" or "r2l",
    :math:`O(N^2)` without LAPACK; the certificate adds :math:`O(N^{2.5})`
    multiply-adds at most, as the singular values for `max_error` do.  A sweep is
    :math:`O(N^2)`.  One dense singular value decomposition costs :math:`O(N^3)`.  A
    product with the result costs ``operator.nnz`` multiply-adds a vector instead of
    :math:`M N`.  Arithmetic is done in float64 or complex128.

    References
    ----------
    L. Zheng, E. Riccietti, R. Gribonval, "Efficient identification of butterfly
    sparse matrix factorizations", SIAM J. Math. Data Sci. 5(1), 2023.

    Q.-T. Le, L. Zheng, E. Riccietti, R. Gribonval, "Butterfly factorization with
    error guarantees", arXiv:2411.04506.

    Y. Liu, X. Xing, H. Guo, E. Michielssen, P. Ghysels, X. S. Li, "Butterfly
    factorization via randomized matrix-vector multiplications", SIAM J. Sci. Comput.
    43(2), 2021 (from products only).

    Examples
    --------
    >>> import numpy as np
    >>> from skfrugal.operators import square_dyadic
    >>> from skfrugal.solvers import butterfly_factorization
    >>> A = np.outer(np.arange(1.0, 9.0), np.ones(8))
    >>> A[0, 0] += 1e-3
    >>> result = butterfly_factorization(A, square_dyadic(8))
    >>> result.operator.nnz
    48
    >>> bool(result.lower_bound <= result.error <= result.upper_bound)
    True
    """
    chain = check_chain(chain)
    splits = check_order(order, len(chain) - 1)
    products = as_products(A, chain)
    sweeps = None if sweeps is None else check_sweeps(sweeps)
    if products is not None:
        _check_products(products, chain, sweeps, weights, mask, max_error)
        return from_products(products, chain, splits, check_rng(random_state))
    if mask is not None:
        mask, A = check_mask(mask, A)
        sweeps = sweeps or Sweeps()
    A = check_matrix(A)
    check_shape(A.shape, chain)
    target = Target(A, check_norm(weights, mask, A.shape))
    if target.norm.mask is not None:
        sweeps = sweeps or Sweeps()
    if max_error is not None:
        return _accurate(target, chain, splits, sweeps, check_max_error(max_error))
    return project(target, chain, splits, sweeps=sweeps)


def row_weighted_factorization(A, chain, row_weight):
    """`butterfly_factorization` in the norm ``sqrt(sum_i row_weight[i] |A_i|^2)``.

    Order "r2l", so that all factors but the first have orthonormal rows: the first
    is then the least-squares fit of each row of `A` on its own, whatever its weight.
    No division by a weight takes place, and rows of weight zero, which are free, get
    the best fit of their own row.  None means equal weights.
    """
    splits = ORDERS["r2l"](len(chain) - 1)
    norm = Norm() if row_weight is None else row_norm(row_weight)
    return project(Target(A, norm), chain, splits, refit=row_weight is not None)


def _accurate(target, chain, splits, sweeps, max_error):
    """The chain with ranks for `max_error`, or the dense matrix."""
    if target.norm.mask is not None:
        raise ValueError(
            "max_error cannot be promised on a mask, nor where weights are zero: "
            "entries that do not count have no bound. Pass one or the other."
        )
    wanted = f"a relative error of {max_error:.3g}"
    found = accurate_chain(target.matrix, chain, splits, max_error)
    if found is None or chain_n_values(found[0]) >= target.A.size:
        return dense_instead(
            target.A, f"No structure: this chain stores no less at {wanted}."
        )
    merged, splits = found
    result = project(target, merged, splits, sweeps=sweeps)
    if result.error > max_error * target.in_units(energy(target.matrix)):
        return dense_instead(target.A, f"Rounding alone is more than {wanted}.")
    return with_words(result, f"For {wanted}: {told_ranks(chain, merged)}")


def check_order(order, n_splits):
    if isinstance(order, str):
        if order in ORDERS:
            return ORDERS[order](n_splits)
    elif np.ndim(order) == 1 and sorted(order) == list(range(n_splits)):
        return tuple(int(split) for split in order)
    raise ValueError(
        f"order={order!r} is not an order for {n_splits} junctions; pass 'l2r', "
        f"'r2l', 'balanced' or a permutation of range({n_splits})."
    )


def check_shape(shape, chain):
    if shape != chain_shape(chain):
        raise ValueError(
            f"A has shape {shape} but chain is for matrices of shape "
            f"{chain_shape(chain)}; pass a chain made for the shape of A, for "
            f"example chain_from_shape{shape}."
        )


def _check_products(products, chain, sweeps, weights, mask, max_error):
    check_shape(products.shape, chain)
    options = {
        "sweeps": sweeps,
        "weights": weights,
        "mask": mask,
        "max_error": max_error,
    }
    given = [name for name, value in options.items() if value is not None]
    if given:
        raise ValueError(
            f"{given[0]} needs the entries of A, which is known by its products only; "
            f"pass A as an array (A.toarray() or A @ np.eye({products.shape[1]}))."
        )
