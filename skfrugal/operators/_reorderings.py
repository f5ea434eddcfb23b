"""Permutations that fast transforms need, by name."""

import numpy as np

from skfrugal._validation import check_positive_int
from skfrugal.operators._permutation import Permutation


def bit_reversal(n):
    """The permutation that reads the binary digits of a number backwards.

    Parameters
    ----------
    n : int
        Size, a power of two.

    Returns
    -------
    op : Permutation of shape (n, n)

    See Also
    --------
    digit_reversal : The same for any factors.

    Examples
    --------
    >>> from skfrugal.operators import bit_reversal
    >>> bit_reversal(8).indices
    array([0, 4, 2, 6, 1, 5, 3, 7])
    """
    n = check_positive_int(n, "n")
    if n & (n - 1):
        raise ValueError(
            f"n={n} is not a power of two; pass one, or its factors to digit_reversal."
        )
    return digit_reversal([2] * (n.bit_length() - 1))


def digit_reversal(factors):
    """The order of the inputs of a DFT of size ``prod(factors)``, digit by digit.

    Parameters
    ----------
    factors : sequence of int
        Factors of the size, in the order of the stages of the transform.

    Returns
    -------
    op : Permutation of shape (n, n)
        ``dft(n)`` is a chain of the patterns ``chain_from_factors(factors, factors)``
        times this permutation.

    Examples
    --------
    >>> from skfrugal.operators import digit_reversal
    >>> digit_reversal([2, 3]).indices
    array([0, 2, 4, 1, 3, 5])
    """
    factors = [check_positive_int(factor, "factors") for factor in factors]
    return Permutation(digit_reversed(factors))


def digit_reversed(factors):
    """Indices of `digit_reversal`."""
    order = np.arange(int(np.prod(factors, dtype=np.intp)))
    parts = [order]
    for radix in factors:
        parts = [part[first::radix] for part in parts for first in range(radix)]
    return np.concatenate(parts)


def even_odd(n, *, reverse_odd=False):
    """The permutation that puts the even numbers before the odd ones.

    Parameters
    ----------
    n : int
        Size.
    reverse_odd : bool, default=False
        Whether the odd numbers come in descending order: then a DCT of size n is the
        real part of a weighted DFT of the permuted inputs.

    Returns
    -------
    op : Permutation of shape (n, n)

    References
    ----------
    J. Makhoul, "A fast cosine transform in one and two dimensions", IEEE Trans.
    Acoust. Speech Signal Process. 28(1), 1980.

    Examples
    --------
    >>> from skfrugal.operators import even_odd
    >>> even_odd(6, reverse_odd=True).indices
    array([0, 2, 4, 5, 3, 1])
    """
    order = np.arange(check_positive_int(n, "n"))
    odd = order[1::2]
    return Permutation(np.concatenate([order[::2], odd[::-1] if reverse_odd else odd]))


def recursive_halving(n, *, separate=True, reverse_first=False, reverse_second=False):
    """One of the eight permutations of Dao et al., done again within each half.

    Parameters
    ----------
    n : int
        Size, a power of two.
    separate : bool, default=True
        Whether the even positions of each block are put before the odd ones.
    reverse_first, reverse_second : bool, default=False
        Whether the first and the second half are then reversed.

    Returns
    -------
    op : Permutation of shape (n, n)
        The bit reversal by default.

    References
    ----------
    T. Dao, A. Gu, M. Eichhorn, A. Rudra, C. Ré, "Learning fast algorithms for linear
    transforms using butterfly factorizations", ICML 2019, section 4.2.

    Examples
    --------
    >>> from skfrugal.operators import recursive_halving
    >>> recursive_halving(8, separate=False, reverse_second=True).indices
    array([0, 1, 3, 2, 7, 6, 4, 5])
    """
    n = check_positive_int(n, "n")
    if n & (n - 1):
        raise ValueError(f"n={n} is not a power of two; pass one.")
    blocks = np.arange(n)[np.newaxis]
    while blocks.shape[1] > 1:
        if separate:
            blocks = np.concatenate([blocks[:, ::2], blocks[:, 1::2]], axis=1)
        halves = np.split(blocks, 2, axis=1)
        reverse = (reverse_first, reverse_second)
        halves = [h[:, ::-1] if r else h for h, r in zip(halves, reverse, strict=True)]
        blocks = np.stack(halves, axis=1).reshape(-1, halves[0].shape[1])
    return Permutation(blocks[:, 0])
