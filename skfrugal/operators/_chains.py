"""Chains of Kronecker-sparse patterns, built by size."""

import math

from skfrugal._validation import check_int, check_positive_int
from skfrugal.operators._patterns import remove_redundancy


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
    n, k = check_positive_int(n, "n"), check_int(k, "k", 2)
    digits, rest = [], n
    while rest % k == 0:
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
