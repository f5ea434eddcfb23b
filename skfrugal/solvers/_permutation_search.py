"""A butterfly whose rows and columns were moved: which order makes it one?"""

from itertools import product

import numpy as np

from skfrugal.operators import (
    Permutation,
    Product,
    even_odd,
    recursive_halving,
    square_dyadic,
)
from skfrugal.operators._chains import prime_factors
from skfrugal.operators._patterns import chain_shape, check_chain
from skfrugal.operators._reorderings import digit_reversed
from skfrugal.solvers._butterfly import butterfly_factorization
from skfrugal.solvers._peel import peel
from skfrugal.solvers._result import Factorization
from skfrugal.solvers._target import check_matrix, energy, standardise

METHODS = ("auto", "known", "peel")


def find_permutations(A, chain=None, *, method="auto", n_candidates=3):
    r"""Approximate a matrix by a butterfly whose rows and columns are reordered.

    A fast transform is often a butterfly times a permutation: the DFT needs the bit
    reversal of its inputs.  Without it, the distance to the butterflies is large.

    Parameters
    ----------
    A : array-like of shape (M, N)
        The matrix, real or complex.
    chain : sequence of patterns (a, b, c, d), default=None
        A chainable sequence; None means `square_dyadic(N)`.
    method : {"auto", "known", "peel"}, default="auto"
        "known" tries a list on the rows, on the columns and on both: no permutation,
        the digit reversal, the eight of Dao et al. (powers of two), and those of the
        cosine transforms.  It keeps the smallest error.

        "peel" looks for any permutation of the rows and of the columns of a dyadic
        butterfly.  It pairs the columns whose rows lie on two lines, half of them on
        each, and goes on with one column a pair.

        "auto" peels where the size allows, unless one of the known ones is exact.
    n_candidates : int, default=3
        How many splits of the rows "peel" compares at each level.

    Returns
    -------
    result : Factorization
        `operator` is a `Product` of a `Permutation`, the factors and a `Permutation`;
        those that are the identity are left out.  `lower_bound` is None: the bound
        of a closed form holds for one order only.

    Raises
    ------
    ValueError
        When `A` is not finite, does not have the shape of the chain, or cannot be
        peeled.

    See Also
    --------
    butterfly_factorization : When the order is known.

    Notes
    -----
    *Guarantee.*  None; the error says how good the result is.  Without noise, and where
    no value of the factors is zero, the DFT, Hadamard matrices, and orthogonal and
    random butterflies are recovered to rounding (tested up to N = 256).  Factors with
    many zeros often fail.  A butterfly has many orders: compare products, not
    permutations.

    *Cost.*  "known": up to a hundred closed forms, :math:`O(N^2)` each.  "peel":
    :math:`O(N^3)`, in products of matrices.

    References
    ----------
    L. Zheng, G. Puy, E. Riccietti, P. Pérez, R. Gribonval, "Butterfly factorization
    by algorithmic identification of rank-one blocks", GRETSI 2023 (the problem; its
    method, spectral clustering of each level, is another).

    T. Dao, A. Gu, M. Eichhorn, A. Rudra, C. Ré, "Learning fast algorithms for linear
    transforms using butterfly factorizations", ICML 2019, section 4.2 (the eight).

    Examples
    --------
    >>> import numpy as np
    >>> from skfrugal.operators import hadamard
    >>> from skfrugal.solvers import find_permutations
    >>> rng = np.random.RandomState(0)
    >>> A = hadamard(32).toarray()[rng.permutation(32)][:, rng.permutation(32)]
    >>> result = find_permutations(A)
    >>> bool(result.error < 1e-13), result.operator.nnz
    (True, 320)
    """
    A = check_matrix(A)
    if method not in METHODS:
        raise ValueError(f"method must be one of {METHODS}; got {method!r}.")
    chain = _dyadic(A.shape) if chain is None else check_chain(chain)
    if A.shape != chain_shape(chain):
        raise ValueError(
            f"A has shape {A.shape} but chain is for matrices of shape "
            f"{chain_shape(chain)}; pass a chain made for the shape of A."
        )
    fault = _peel_fault(A.shape, chain)
    if method == "peel" and fault:
        raise ValueError(f"method='peel' {fault}; pass method='known'.")
    best = None
    if method != "peel":
        best = _best_known(A, chain)
    if method == "peel" or (fault is None and not _is_exact(best, A)):
        best = _better(best, _peeled(A, chain, n_candidates))
    return best


def _dyadic(shape):
    m, n = shape
    if m != n or n & (n - 1) or n < 2:
        raise ValueError(
            f"A has shape {shape}, and without a chain a square matrix of a power of "
            f"two is expected; pass a chain, for example chain_from_shape{shape}."
        )
    return square_dyadic(n)


def _peel_fault(shape, chain):
    """Why the chain cannot be peeled, or None."""
    n = shape[1]
    if shape[0] == n and n > 1 and not n & (n - 1) and chain == square_dyadic(n):
        return None
    return "needs the chain square_dyadic(N), N a power of two"


def known_orders(n):
    """Name -> indices of the permutations worth trying on an axis of length n."""
    orders = {"identity": np.arange(n)}
    digits = prime_factors(n)
    for name, factors in (("digit reversal", digits), ("reversed", digits[::-1])):
        if len(factors) > 1:
            orders[name] = digit_reversed(factors)
    cosine = even_odd(n, reverse_odd=True).indices
    for name in list(orders):
        orders[f"cosine, {name}"] = cosine[orders[name]]
    if n > 1 and not n & (n - 1):
        names = ("separate", "reverse_first", "reverse_second")
        for choices in product((False, True), repeat=3):
            options = dict(zip(names, choices, strict=True))
            name = ", ".join(option for option in names if options[option])
            orders[f"halving: {name}"] = recursive_halving(n, **options).indices
    distinct = {}
    for name, order in orders.items():
        if not any(np.array_equal(order, other) for other in distinct.values()):
            distinct[name] = order
    return distinct


def _best_known(A, chain):
    best = None
    rows, columns = known_orders(A.shape[0]), known_orders(A.shape[1])
    # One side first: most transforms are found before both are tried.
    pairs = sorted(
        product(rows, columns),
        key=lambda pair: sum(name != "identity" for name in pair),
    )
    for row, column in pairs:
        found = _reordered(A, chain, rows[row], columns[column])
        words = f"Order of the rows: {row}; of the columns: {column}."
        best = _better(best, _with_message(found, words))
        if _is_exact(best, A):
            break
    return best


def _peeled(A, chain, n_candidates):
    rows, columns = peel(standardise(A)[0], n_candidates=n_candidates)
    found = _reordered(A, chain, rows, columns)
    return _with_message(found, "The orders of rows and columns were found by peeling.")


def _reordered(A, chain, rows, columns):
    """Closed form of ``A[rows][:, columns]``, moved back."""
    found = butterfly_factorization(A[rows][:, columns], chain)
    factors = [found.operator]
    dtype = found.operator.dtype
    # A[rows] = P A, so that A = P^T (P A Q) Q^T.
    if not np.array_equal(rows, np.arange(len(rows))):
        factors.insert(0, Permutation(rows, dtype=_real(dtype)).T)
    if not np.array_equal(columns, np.arange(len(columns))):
        factors.append(Permutation(columns, dtype=_real(dtype)))
    operator = factors[0] if len(factors) == 1 else Product(factors)
    return Factorization(operator, found.error, None, None, 1, True, found.message)


def _real(dtype):
    return np.empty(0, dtype).real.dtype


def _with_message(found, words):
    exact = "up to rounding" in found.message
    words += " The reordered matrix is such a product, up to rounding." * exact
    return Factorization(found.operator, found.error, None, None, 1, True, words)


def _better(first, second):
    return second if first is None or second.error < first.error else first


def _is_exact(found, A):
    scaled, exponent = standardise(A)
    size = np.ldexp(np.sqrt(energy(scaled)), exponent)
    return found.error <= 64 * np.finfo(A.dtype).eps * size
