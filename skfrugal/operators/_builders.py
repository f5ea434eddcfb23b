"""Known matrices as products of sparse factors, exact."""

import numpy as np

from skfrugal._validation import as_inexact, check_positive_int
from skfrugal.operators._chains import prime_factors, square_dyadic
from skfrugal.operators._kronecker_sparse import KroneckerSparse
from skfrugal.operators._permutation import Permutation
from skfrugal.operators._product import Product
from skfrugal.operators._reorderings import digit_reversed, even_odd


def hadamard(n):
    """The Hadamard matrix of Sylvester, equal to ``scipy.linalg.hadamard(n)``.

    Parameters
    ----------
    n : int
        A power of two.

    Returns
    -------
    operator : Product of shape (n, n)
        Of log2(n) factors; 2 n log2(n) numbers instead of n^2.

    Examples
    --------
    >>> from skfrugal.operators import hadamard
    >>> hadamard(2).toarray()
    array([[ 1.,  1.],
           [ 1., -1.]])
    """
    block = np.array([[1.0, 1.0], [1.0, -1.0]])[np.newaxis, :, :, np.newaxis]
    chain = square_dyadic(n)
    if chain == ((1, 1, 1, 1),):
        return Product(KroneckerSparse(np.ones((1, 1, 1, 1))))
    return Product(KroneckerSparse(np.broadcast_to(block, p)) for p in chain)


def dft(n, scale=None):
    """The discrete Fourier transform, equal to ``scipy.linalg.dft(n, scale)``.

    Parameters
    ----------
    n : int
        Size; the factors are its prime factors, so that a prime makes one dense block.
    scale : {None, "sqrtn", "n"}, default=None
        Whether to divide by sqrt(n) or by n.

    Returns
    -------
    operator : Product of shape (n, n), complex128
        Factors and a permutation; n times twice the sum of the prime factors in
        numbers and flops, instead of n^2.

    References
    ----------
    Cooley & Tukey 1965, decimation in time.

    Examples
    --------
    >>> import numpy as np
    >>> from skfrugal.operators import dft
    >>> x = np.arange(12.0)
    >>> np.allclose(x @ dft(12).T, np.fft.fft(x))
    True
    """
    n = check_positive_int(n, "n")
    if scale is not None and scale not in ("sqrtn", "n"):
        raise ValueError(f"scale must be None, 'sqrtn' or 'n'; got {scale!r}.")
    factors, order = _fourier(n)
    factors[0] *= {None: 1.0, "sqrtn": n**-0.5, "n": 1.0 / n}[scale]
    return Product(*map(KroneckerSparse, factors), Permutation(order))


def dct(n, type=2, norm=None):
    """A discrete cosine transform, equal to ``scipy.fft.dct(eye(n), type, axis=0)``.

    Parameters
    ----------
    n : int
        Size, at least 2 for type 1.
    type : {1, 2, 3, 4}, default=2
        As in SciPy.
    norm : {None, "backward", "ortho", "forward"}, default=None
        As in SciPy; None means "backward".

    Returns
    -------
    operator : Product of shape (n, n), float64
        A real product: the real part of a product of complex factors is a product of
        real ones of twice the rank.

    References
    ----------
    Makhoul 1980, "A fast cosine transform in one and two dimensions".

    Examples
    --------
    >>> import numpy as np, scipy.fft
    >>> from skfrugal.operators import dct
    >>> x = np.arange(16.0)
    >>> np.allclose(x @ dct(16, norm="ortho").T, scipy.fft.dct(x, norm="ortho"))
    True
    """
    n = check_positive_int(n, "n")
    norm = "backward" if norm is None else norm
    if type not in (1, 2, 3, 4):
        raise ValueError(f"type must be 1, 2, 3 or 4; got {type!r}.")
    if norm not in ("backward", "ortho", "forward"):
        raise ValueError(
            f"norm must be None, 'backward', 'ortho' or 'forward'; got {norm!r}."
        )
    if type == 1 and n < 2:
        raise ValueError(f"n must be at least 2 for type 1; got {n}.")
    return {1: _dct1, 2: _dct2, 3: _dct3, 4: _dct4}[type](n, norm)


def _dct2(n, norm):
    weights = np.full(n, 2.0 * {"backward": 1, "forward": 0.5 / n}.get(norm, 1))
    if norm == "ortho":
        weights[:] = np.sqrt(2.0 / n)
        weights[0] = np.sqrt(1.0 / n)
    return _dct2_weighted(n, weights)


def _dct3(n, norm):
    weights = np.full(n, 2.0)
    weights[0] = 1.0
    if norm == "forward":
        weights /= 2 * n
    elif norm == "ortho":
        return _dct2(n, norm).T
    return _dct2_weighted(n, weights).T


def _dct2_weighted(n, weights):
    """Matrix of ``weights_k cos(pi k (2 j + 1) / (2 n))``."""
    k = np.arange(n)
    rows = weights * _unit_circle(-k, 4 * n)
    return _real_part(n, rows, np.ones(n), even_odd(n, reverse_odd=True).indices)


def _dct4(n, norm):
    k = np.arange(n)
    scale = {"backward": 2.0, "forward": 1.0 / n, "ortho": np.sqrt(2.0 / n)}[norm]
    rows = scale * _unit_circle(-(2 * k + 1), 8 * n)
    return _real_part(2 * n, rows, _unit_circle(-k, 4 * n), k)


def _dct1(n, norm):
    weights = np.full(n, 2.0)
    weights[[0, -1]] = 1.0
    rows = np.ones(n)
    if norm == "forward":
        rows /= 2 * (n - 1)
    elif norm == "ortho":
        ends = np.sqrt([0.5] + [1.0] * (n - 2) + [0.5])
        weights = ends
        rows = ends * np.sqrt(2.0 / (n - 1))
    return _real_part(2 * (n - 1), rows, weights, np.arange(n))


def _real_part(m, rows, columns, inputs):
    """``Re(diag(rows) F diag(columns))``, F the first rows of the m-point DFT.

    Column j of the result is column ``inputs[j]``'s place in the DFT: coordinate
    ``inputs[i]`` of a vector is the i-th input of the DFT, later inputs are zero.
    """
    n = len(rows)
    factors, order = _fourier(m)
    _, _, _, d = factors[0].shape
    factors[0] *= np.concatenate([rows, np.zeros(m - n)]).reshape(1, -1, 1, d)
    padded = np.concatenate([columns, np.zeros(m - n)])[order]
    a, _, c, _ = factors[-1].shape
    factors[-1] = factors[-1] * padded.reshape(a, 1, c, 1)
    indices = np.concatenate([inputs, np.full(m - n, -1)])[order]
    chain = _as_real(factors, row_parts=1, column_parts=1)
    gather = Permutation(indices, n)
    if m == n:
        return Product(*chain, gather)
    return Product(Permutation(np.arange(n), m), *chain, gather)


def circulant(c):
    """The circulant matrix with first column `c`, as ``scipy.linalg.circulant(c)``.

    Parameters
    ----------
    c : array-like of shape (n,)
        First column; a real one makes a real operator.

    Returns
    -------
    operator : Product of shape (n, n)
        A DFT and an inverse one that has the spectrum of `c` merged into it.

    Examples
    --------
    >>> import numpy as np
    >>> from skfrugal.operators import circulant
    >>> np.round(circulant([1.0, 2.0, 3.0]).toarray(), 12)
    array([[1., 3., 2.],
           [2., 1., 3.],
           [3., 2., 1.]])
    """
    c = as_inexact(c, "c")
    if c.ndim != 1 or c.size == 0:
        raise ValueError(f"c must be a non-empty vector; got shape {c.shape}.")
    n = c.size
    factors, order = _fourier(n)
    _, radix, _, d = factors[0].shape
    spectrum = np.fft.fft(c.astype(np.complex128)).reshape(1, radix, 1, d) / n
    weighted = [factors[0] * np.conj(spectrum)]
    weighted += factors[1:]
    if c.dtype.kind == "f":
        chains = [_as_real(f, row_parts=2, column_parts=1) for f in (weighted, factors)]
    else:
        chains = [list(map(KroneckerSparse, f)) for f in (weighted, factors)]
    left, right = (Product(*chain, Permutation(order)) for chain in chains)
    return (left.H @ right).astype(c.dtype)


def _fourier(n):
    """Values of the factors of the n-point DFT, and the order of its inputs."""
    digits = prime_factors(n) or [1]
    factors, size, repeats = [], n, 1
    for radix in digits:
        d = size // radix
        j, k, offset = np.ogrid[:radix, :radix, :d]
        values = _unit_circle(-(k * (j * d + offset)), size)
        factors.append(np.tile(values, (repeats, 1, 1, 1)))
        size, repeats = d, repeats * radix
    return factors, digit_reversed(digits)


def _unit_circle(numerator, denominator):
    """``exp(2 pi i numerator / denominator)``, reduced before it is multiplied."""
    turns = (np.asarray(numerator) % denominator) / denominator
    return np.exp(2j * np.pi * turns)


def _as_real(factors, row_parts, column_parts):
    """Real factors of a product of complex ones.

    Every number becomes a 2 x 2 block [[re, -im], [im, re]], whose index stands
    between the digits of columns and those of rows, so that the factors stay
    Kronecker-sparse with twice the rank.  `row_parts` and `column_parts` say whether
    the ends of the product carry the real part only (1) or both parts (2).
    """
    chain = []
    for i, values in enumerate(factors):
        a, b, c, d = values.shape
        n_rows = row_parts if i == 0 else 2
        n_columns = column_parts if i == len(factors) - 1 else 2
        parts = np.empty((a, 2, b, c, 2, d))
        parts[:, 0, :, :, 0] = parts[:, 1, :, :, 1] = values.real
        parts[:, 1, :, :, 0] = values.imag
        parts[:, 0, :, :, 1] = -values.imag
        parts = parts[:, :n_rows, :, :, :n_columns]
        chain.append(KroneckerSparse(parts.reshape(a, n_rows * b, c * n_columns, d)))
    return chain
