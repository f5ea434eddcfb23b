"""The algebra of patterns: which chain, what they multiply to, what they count.

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
    # Before the name is made: writing the chain out costs more than a small projection.
    if all(type(n) is int and n > 0 for pattern in patterns for n in pattern):
        return patterns
    name = f"every entry of the chain {chain!r}"
    return tuple(tuple(check_positive_int(n, name) for n in p) for p in patterns)


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


def check_product(chain):
    """`chain` as a tuple of tuples, or ValueError saying which shapes do not fit.

    Weaker than `check_chain`: the product exists, chainable or not.
    """
    patterns = _patterns(chain)
    for i, ((a, _, c, d), right) in enumerate(pairwise(patterns)):
        if a * c * d != right[0] * right[1] * right[3]:
            raise ValueError(
                f"factors {i} and {i + 1} of the chain cannot be multiplied: "
                f"{patterns[i]} has {a * c * d} columns and {right} has "
                f"{right[0] * right[1] * right[3]} rows."
            )
    return patterns


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
