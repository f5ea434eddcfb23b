"""Chains of Kronecker-sparse patterns: building, checking, counting.

A chain is a plain tuple of patterns (a, b, c, d), one a factor, left to right.  Two
patterns are chainable when the supports multiply to a support of the same kind, every
entry of which is reached by the same number r of paths (their rank).
"""

import math
from itertools import pairwise
from typing import NamedTuple

from skfrugal._validation import check_positive_int


class Chainability(NamedTuple):
    """Whether a chain is chainable, and if not, why; usable as a truth value."""

    chainable: bool
    reason: str

    def __bool__(self):
        return self.chainable


def _pair_fault(left, right):
    """Why a pair is not chainable, or an empty string."""
    a1, _, c1, d1 = left
    a2, b2, _, d2 = right
    if a1 * c1 * d1 != a2 * b2 * d2:
        return f"{left} has {a1 * c1 * d1} columns but {right} has {a2 * b2 * d2} rows"
    if a2 % a1:
        return f"a = {a1} of {left} does not divide a = {a2} of {right}"
    if d1 % d2:
        return f"d = {d2} of {right} does not divide d = {d1} of {left}"
    if (a1 * c1) % a2:
        return f"the rank a1 c1 / a2 = {a1 * c1}/{a2} of the pair is not an integer"
    return ""


def pair_rank(left, right):
    """Rank r of the blocks of a product of two chainable patterns."""
    return left[0] * left[2] // right[0]


def compose(left, right):
    """Pattern of the product of two chainable patterns."""
    a1, b1, _, d1 = left
    a2, _, c2, d2 = right
    return (a1, b1 * d1 // d2, a2 * c2 // a1, d2)


def chain_shape(chain):
    """(M, N) of the product."""
    (a, b, _, d), (e, _, f, g) = chain[0], chain[-1]
    return (a * b * d, e * f * g)


def chain_n_values(chain):
    """Numbers stored by the factors of a chain."""
    return sum(math.prod(pattern) for pattern in chain)


def _patterns(chain):
    """`chain` as a tuple of tuples of positive ints."""
    try:
        patterns = tuple(tuple(pattern) for pattern in chain)
    except TypeError:
        patterns = ()
    if not patterns or any(len(pattern) != 4 for pattern in patterns):
        raise ValueError(
            f"chain must be a sequence of patterns (a, b, c, d); got {chain!r}."
        )
    return tuple(
        tuple(check_positive_int(n, f"every entry of the chain {chain!r}") for n in p)
        for p in patterns
    )


def is_chainable(chain):
    """Whether a chain of patterns is chainable, with the reason if it is not.

    Parameters
    ----------
    chain : sequence of tuple of int
        Patterns (a, b, c, d).

    Returns
    -------
    chainability : Chainability
        True or false in a condition; `reason` says in words which pair fails and why.

    References
    ----------
    Le, Zheng, Riccietti & Gribonval 2025, "Butterfly factorization with error
    guarantees".

    Examples
    --------
    >>> from skfrugal.operators import is_chainable
    >>> bool(is_chainable([(1, 2, 2, 2), (2, 2, 2, 1)]))
    True
    >>> is_chainable([(2, 2, 2, 1), (1, 2, 2, 2)]).reason
    'factors 0 and 1: a = 2 of (2, 2, 2, 1) does not divide a = 1 of (1, 2, 2, 2)'
    """
    patterns = _patterns(chain)
    for i, (left, right) in enumerate(pairwise(patterns)):
        fault = _pair_fault(left, right)
        if fault:
            return Chainability(False, f"factors {i} and {i + 1}: {fault}")
    return Chainability(True, "every consecutive pair is chainable")


def check_chain(chain):
    """`chain` as a tuple of tuples, or ValueError saying which pair fails and why."""
    patterns = _patterns(chain)
    answer = is_chainable(patterns)
    if not answer:
        raise ValueError(f"chain is not chainable: {answer.reason}.")
    return patterns


def square_dyadic(n):
    """The chain of the classical butterfly: log2(n) factors of 2 x 2 blocks.

    Parameters
    ----------
    n : int
        A power of two.

    Returns
    -------
    chain : tuple of tuple of int

    Examples
    --------
    >>> from skfrugal.operators import square_dyadic
    >>> square_dyadic(8)
    ((1, 2, 2, 4), (2, 2, 2, 2), (4, 2, 2, 1))
    """
    return radix(n, 2)


def radix(n, k):
    """The chain of a radix-k butterfly: log_k(n) factors of k x k blocks.

    Parameters
    ----------
    n : int
        A power of `k`.
    k : int
        Side of the blocks, at least 2.

    Returns
    -------
    chain : tuple of tuple of int

    Examples
    --------
    >>> from skfrugal.operators import radix
    >>> radix(16, 4)
    ((1, 4, 4, 4), (4, 4, 4, 1))
    """
    n, k = check_positive_int(n, "n"), check_positive_int(k, "k")
    digits, rest = [], n
    while k > 1 and rest % k == 0:
        digits.append(k)
        rest //= k
    if rest != 1:
        raise ValueError(
            f"n must be a power of {k}; got {n}. "
            f"Use chain_from_shape(n, n) for any size."
        )
    return chain_from_factors(digits or [1], digits or [1])


def monarch(m, n, *, rank=1):
    """A chain of two factors whose blocks have nearly square-root sides.

    Parameters
    ----------
    m, n : int
        Rows and columns of the product.
    rank : int, default=1
        Rank of the blocks of the product.

    Returns
    -------
    chain : tuple of tuple of int

    References
    ----------
    Dao et al. 2022, "Monarch: expressive structured matrices for efficient and
    accurate training".

    Examples
    --------
    >>> from skfrugal.operators import monarch
    >>> monarch(1024, 784)
    ((1, 32, 28, 32), (28, 32, 28, 1))
    """
    m, n = check_positive_int(m, "m"), check_positive_int(n, "n")
    q, p = _nearest_square_root(m), _nearest_square_root(n)
    return chain_from_factors((m // q, q), (p, n // p), rank=rank)


def _nearest_square_root(n):
    """Largest divisor of n up to its square root."""
    return next(d for d in range(math.isqrt(n), 0, -1) if n % d == 0)


def chain_from_factors(q, p, *, rank=1):
    """The chain of M = prod(q) rows and N = prod(p) columns, one factor a pair.

    Parameters
    ----------
    q, p : sequence of int
        Factors of the numbers of rows and of columns, equally many.
    rank : int or sequence of int, default=1
        Rank of the blocks at each of the ``len(q) - 1`` splits.

    Returns
    -------
    chain : tuple of tuple of int
        With pattern ``(p_1 ... p_{l-1}, q_l r_{l-1}, p_l r_l, q_{l+1} ... q_L)`` for
        factor l.

    Examples
    --------
    >>> from skfrugal.operators import chain_from_factors
    >>> chain_from_factors((2, 3), (5, 7), rank=2)
    ((1, 2, 10, 3), (5, 6, 7, 1))
    """
    q = [check_positive_int(value, "every entry of q") for value in q]
    p = [check_positive_int(value, "every entry of p") for value in p]
    if len(q) != len(p) or not q:
        raise ValueError(
            f"q and p must have as many entries, at least one; got {q} and {p}."
        )
    n_splits = len(q) - 1
    ranks = list(rank) if hasattr(rank, "__len__") else [rank] * n_splits
    if len(ranks) != n_splits:
        raise ValueError(
            f"rank must be an int or one int for each of the {n_splits} splits; "
            f"got {rank!r}."
        )
    ranks = [1] + [check_positive_int(r, "rank") for r in ranks] + [1]
    return tuple(
        (
            math.prod(p[:i]),
            q[i] * ranks[i],
            p[i] * ranks[i + 1],
            math.prod(q[i + 1 :]),
        )
        for i in range(len(q))
    )


def chain_from_shape(m, n, *, n_factors=None, rank=1):
    """A chain for any shape.

    Parameters
    ----------
    m, n : int
        Rows and columns of the product.
    n_factors : int, default=None
        Number of factors.  None takes as many as make blocks of about 4 x 4.  Sizes
        with few prime factors allow fewer: a prime becomes one dense block.
    rank : int, default=1
        Rank of the blocks, where they are large enough for it.

    Returns
    -------
    chain : tuple of tuple of int
        Without redundant pairs.

    Examples
    --------
    >>> from skfrugal.operators import chain_from_shape
    >>> chain_from_shape(64, 64)
    ((1, 4, 4, 16), (4, 4, 4, 4), (16, 4, 4, 1))
    >>> chain_from_shape(1024, 784, n_factors=2)
    ((1, 32, 28, 32), (28, 32, 28, 1))
    >>> chain_from_shape(13, 64)
    ((1, 13, 64, 1),)
    """
    m, n = check_positive_int(m, "m"), check_positive_int(n, "n")
    rank = check_positive_int(rank, "rank")
    rows, columns = prime_factors(m), prime_factors(n)
    most = max(1, min(len(rows), len(columns)))
    if n_factors is None:
        wanted = round(math.log(max(m, n), 4))
    else:
        wanted = check_positive_int(n_factors, "n_factors")
    count = max(1, min(wanted, most))
    q, p = _balanced_groups(rows, count), _balanced_groups(columns, count)
    ranks = [
        min(rank, math.prod(q[: i + 1]), math.prod(p[i + 1 :]))
        for i in range(count - 1)
    ]
    return remove_redundancy(chain_from_factors(q, p, rank=ranks))


def prime_factors(n):
    """Prime factors of n, ascending; an empty list for 1."""
    factors, divisor = [], 2
    while divisor * divisor <= n:
        while n % divisor == 0:
            factors.append(divisor)
            n //= divisor
        divisor += 1
    return factors + [n] * (n > 1)


def _balanced_groups(primes, count):
    """Products of `count` groups of primes, as equal as greedy filling makes them.

    The largest go to the middle, where blocks are of full rank on both sides.
    """
    groups = [1] * count
    for prime in reversed(primes):
        smallest = min(range(count), key=groups.__getitem__)
        groups[smallest] *= prime
    ascending = sorted(groups)
    return ascending[::2] + ascending[1::2][::-1]


def remove_redundancy(chain):
    """Merge pairs that together produce every matrix of the product's pattern.

    Parameters
    ----------
    chain : sequence of tuple of int
        A chainable chain.

    Returns
    -------
    chain : tuple of tuple of int
        A chain of the same set of products, without redundant pairs.

    Examples
    --------
    >>> from skfrugal.operators import remove_redundancy
    >>> remove_redundancy([(1, 2, 9, 3), (3, 9, 2, 1)])
    ((1, 6, 6, 1),)
    """
    patterns = list(check_chain(chain))
    i = 0
    while i < len(patterns) - 1:
        left, right = patterns[i : i + 2]
        if pair_rank(left, right) >= min(left[1], right[2]):
            patterns[i : i + 2] = [compose(left, right)]
            i = max(0, i - 1)
        else:
            i += 1
    return tuple(patterns)


def n_degrees_of_freedom(chain):
    """Dimension of the set of products of a chain.

    Parameters
    ----------
    chain : sequence of tuple of int
        A chainable chain.

    Returns
    -------
    n_degrees_of_freedom : int
        Stored numbers less those that only move scale between factors.

    Examples
    --------
    >>> from skfrugal.operators import n_degrees_of_freedom, square_dyadic
    >>> n_degrees_of_freedom(square_dyadic(16))
    80
    """
    chain = remove_redundancy(chain)
    gauge = sum(
        right[0] * left[3] * pair_rank(left, right) ** 2
        for left, right in pairwise(chain)
    )
    return chain_n_values(chain) - gauge
