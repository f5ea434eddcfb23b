"""Projection on products of Kronecker-sparse factors, in closed form, certified."""

import math

import numpy as np

from skfrugal.operators import KroneckerSparse, Product
from skfrugal.operators._blocks import restrict, support_view
from skfrugal.operators._patterns import chain_shape, check_chain
from skfrugal.solvers._result import Factorization
from skfrugal.solvers._splits import (
    ORDERS,
    fuse_chain,
    is_outside_in,
    join,
    junction_energies,
    refit_first,
    split_chain,
    without_redundancy,
)
from skfrugal.solvers._target import (
    binary_exponent,
    check_matrix,
    energy,
    scale,
    standardise,
)


def butterfly_factorization(A, chain, *, order="l2r"):
    r"""Approximate a matrix by a product of Kronecker-sparse factors.

    The matrix is split in two factors, each factor again, until the chain is reached;
    each split is an optimal one (truncated singular value decompositions of blocks),
    taken in an orthonormal gauge, which is what makes the result certified.

    Parameters
    ----------
    A : array-like of shape (M, N)
        The matrix, real or complex.  Integers are taken as float64.
    chain : sequence of patterns (a, b, c, d)
        A chainable sequence, see :func:`~skfrugal.operators.chain_from_shape`.
        Redundant neighbours (whose products are all the matrices of one pattern) are
        merged, and the message says so.
    order : {"l2r", "r2l", "balanced"} or array-like of int, default="l2r"
        In which order the ``len(chain) - 1`` junctions between factors are split: from
        left to right, from right to left, halving, or as a permutation of their
        numbers says.

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
        is :math:`\sum_s E_s`.

    See Also
    --------
    skfrugal.structures.Butterfly : The same, with the chain chosen by size.

    Notes
    -----
    A matrix that is such a product is recovered up to rounding, whatever the order.

    *Cost.* For rank 1 and blocks of side 2 in order "l2r" or "r2l",
    :math:`O(N^2)` without LAPACK; the certificate adds :math:`O(N^{2.5})`
    multiply-adds at most.  One dense singular value decomposition costs
    :math:`O(N^3)`.  A product with the result costs ``operator.nnz`` multiply-adds a
    vector instead of :math:`M N`.  Arithmetic is done in float64 or complex128.

    References
    ----------
    L. Zheng, E. Riccietti, R. Gribonval, "Efficient identification of butterfly
    sparse matrix factorizations", SIAM J. Math. Data Sci. 5(1), 2023.

    Q.-T. Le, L. Zheng, E. Riccietti, R. Gribonval, "Butterfly factorization with
    error guarantees", arXiv:2411.04506.

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
    A = check_matrix(A)
    chain = check_chain(chain)
    if A.shape != chain_shape(chain):
        raise ValueError(
            f"A has shape {A.shape} but chain is for matrices of shape "
            f"{chain_shape(chain)}; pass a chain made for the shape of A, for "
            f"example chain_from_shape{A.shape}."
        )
    splits = _check_order(order, len(chain) - 1)
    return _factorize(A, chain, splits)


def row_weighted_factorization(A, chain, row_weight):
    """`butterfly_factorization` in the norm ``sqrt(sum_i row_weight[i] |A_i|^2)``.

    Order "r2l", so that all factors but the first have orthonormal rows: the first
    is then the least-squares fit of each row of `A` on its own, whatever its weight.
    No division by a weight takes place, and rows of weight zero, which are free, get
    the best fit of their own row.  None means equal weights.
    """
    splits = ORDERS["r2l"](len(chain) - 1)
    return _factorize(A, chain, splits, row_weight)


def _check_order(order, n_splits):
    if isinstance(order, str):
        if order in ORDERS:
            return ORDERS[order](n_splits)
    elif np.ndim(order) == 1 and sorted(order) == list(range(n_splits)):
        return tuple(int(split) for split in order)
    raise ValueError(
        f"order={order!r} is not an order for {n_splits} junctions; pass 'l2r', "
        f"'r2l', 'balanced' or a permutation of range({n_splits})."
    )


def _factorize(A, chain, splits, row_weight=None):
    merged, splits = without_redundancy(chain, splits)
    pattern = join(merged, 0, len(merged))
    scaled, exponent = standardise(A)
    target, shift, root, unit = scaled, 0, 1.0, 1.0
    if row_weight is not None:
        unit = math.sqrt(row_weight.max())
        root = np.sqrt(row_weight)[:, np.newaxis] / unit
        target, shift = standardise(root * scaled)
        a, b, _, d = pattern
        root = root.reshape(a, b, 1, d)
    values = restrict(target, pattern)
    factors = split_chain(values, merged, splits)
    energies = junction_energies(values, merged, factors)
    if row_weight is not None:
        factors = refit_first(restrict(scaled, pattern), factors, merged)
    operator, factors = _in_common_scale(factors, exponent, A.dtype)
    residual = restrict(scaled, pattern) - fuse_chain(factors, merged)
    outside = _energy_outside(target, pattern)
    squares = (
        outside + energy(scale(root * residual, -shift)),
        *_bounds(outside, energies, energy(values), is_outside_in(splits)),
    )
    error, lower, upper = (
        float(scale(np.float64(unit * math.sqrt(square)), exponent + shift))
        for square in squares
    )
    negligible = 64 * np.finfo(A.dtype).eps * math.sqrt(outside + energy(values))
    exact = math.sqrt(squares[0]) <= negligible
    message = _message(chain, merged, exact, error / lower if lower > 0 else math.inf)
    return Factorization(operator, error, lower, upper, 1, True, message)


def _bounds(outside, energies, whole, orthogonal):
    """Squares of the bounds; `outside`, lost by every product, is counted once."""
    lower = outside + max(energies, default=0.0)
    if orthogonal:
        return lower, outside + min(sum(energies), whole)
    return lower, outside + sum(map(math.sqrt, energies)) ** 2


def _in_common_scale(factors, exponent, dtype):
    """The operator ``2**exponent * (product of the factors)``, and what it stores.

    Powers of two are moved between the factors until their largest entries agree, so
    that no factor overflows where the matrix does not.  The factors are returned
    as rounded to `dtype`, without the common scale.
    """
    own = [binary_exponent(values) for values in factors]
    share, rest = divmod(exponent + sum(own), len(own))
    shifts = [share + (i < rest) - e for i, e in enumerate(own)]
    stored = [
        scale(values, shift).astype(dtype)
        for values, shift in zip(factors, shifts, strict=True)
    ]
    rounded = [
        scale(values.astype(factors[0].dtype), -shift)
        for values, shift in zip(stored, shifts, strict=True)
    ]
    operators = [KroneckerSparse(values) for values in stored]
    return operators[0] if len(operators) == 1 else Product(operators), rounded


def _energy_outside(matrix, pattern):
    """Energy of the entries outside the support, from these entries themselves."""
    if pattern[0] == pattern[3] == 1:
        return 0.0
    outside = matrix.copy()
    view, index = support_view(outside, pattern)
    view[index] = 0
    return energy(outside)


def _message(chain, merged, exact, ratio):
    parts = []
    if len(merged) < len(chain):
        parts.append(
            f"The chain of {len(chain)} patterns has redundant neighbours: the factors "
            f"are those of the merged chain {merged}, which has the same products."
        )
    if exact:
        parts.append("The matrix is a product of this chain, up to rounding.")
    elif ratio <= 1 + 1e-9:
        parts.append("Closed form: no product of this chain is closer.")
    else:
        parts.append(
            f"Closed form: the error is at most {ratio:.4g} times the smallest that a "
            f"product of this chain can have."
        )
    return " ".join(parts)
