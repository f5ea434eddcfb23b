"""Random matrices of Hadamard type: what Gaussian ones do, in O(N log N)."""

import numpy as np

from skfrugal._validation import check_positive_int, check_rng
from skfrugal.operators._kronecker_sparse import KroneckerSparse
from skfrugal.operators._permutation import Permutation
from skfrugal.operators._product import Product

# Up to this size blocks are dense: signs make too few different Hadamard matrices.
_SMALL = 16


def subsampled_hadamard(m, n, *, random_state=None):
    r"""A random projection: rows of a Hadamard matrix whose columns have random signs.

    Parameters
    ----------
    m, n : int
        Shape.
    random_state : int, RandomState instance or None, default=None

    Returns
    -------
    operator : Product of shape (m, n)
        :math:`\sqrt{p/m}\, R H D P`: zeros up to the power of two :math:`p \geq n`,
        random signs, the orthogonal Hadamard matrix, m of its rows.  Where m > p, rows
        of several such matrices.  Squared norms are kept on average.

    References
    ----------
    N. Ailon, B. Chazelle, "The fast Johnson-Lindenstrauss transform and approximate
    nearest neighbors", SIAM J. Comput. 39(1), 2009.

    J. Tropp, "Improved analysis of the subsampled randomized Hadamard transform",
    Adv. Adapt. Data Anal. 3, 2011.

    Examples
    --------
    >>> import numpy as np
    >>> from skfrugal.operators import subsampled_hadamard
    >>> op = subsampled_hadamard(256, 1000, random_state=0)
    >>> x = np.random.RandomState(0).standard_normal(1000)
    >>> bool(abs(np.linalg.norm(x @ op.T) / np.linalg.norm(x) - 1) < 0.1)
    True
    """
    m, n = check_positive_int(m, "m"), check_positive_int(n, "n")
    rng = check_rng(random_state)
    p = _power_of_two(n)
    n_blocks = -(-m // p)
    signs = _signs(rng, (n_blocks, p)) * np.sqrt(p / m)
    rows = rng.permutation(n_blocks * p)[:m]
    factors = [
        _selection(np.sort(rows), n_blocks * p),
        *_hadamard_blocks(signs),
        *_copies(n_blocks, p),
        *_padding(n, p),
    ]
    return Product(factor for factor in factors if factor is not None)


def structured_gaussian(m, n, *, random_state=None):
    r"""A random matrix whose rows are distributed nearly as a Gaussian matrix's.

    Parameters
    ----------
    m, n : int
        Shape.
    random_state : int, RandomState instance or None, default=None

    Returns
    -------
    operator : Product of shape (m, n)
        Blocks :math:`C_k H D_k H D P` of p rows: zeros up to the power of two
        :math:`p \geq n`, signs, Hadamard matrices, and norms :math:`C_k` drawn
        from the chi distribution with p degrees of freedom.  Rows of a block are
        orthogonal, which makes random features more precise than independent ones.
        The first two factors are shared by all blocks.  For p <= 16 the blocks are
        random orthogonal matrices instead.

    References
    ----------
    F. Yu, A. Suresh, K. Choromanski, D. Holtmann-Rice, S. Kumar, "Orthogonal random
    features", Advances in Neural Information Processing Systems 29, 2016 (without the
    norms and with a third factor).

    Examples
    --------
    >>> import numpy as np
    >>> from skfrugal.operators import structured_gaussian
    >>> op = structured_gaussian(2048, 256, random_state=0)
    >>> bool(abs(op.toarray().std() - 1) < 0.02), op.nnz < 0.1 * 2048 * 256
    (True, True)
    """
    m, n = check_positive_int(m, "m"), check_positive_int(n, "n")
    rng = check_rng(random_state)
    p = _power_of_two(n)
    n_blocks = -(-m // p)
    norms = np.sqrt(rng.chisquare(p, size=(n_blocks, p)))
    if p <= _SMALL:
        blocks = [
            KroneckerSparse(_orthogonal_blocks(n_blocks, p, rng) * _column(norms))
        ]
        shared = []
    else:
        blocks = _hadamard_blocks(_signs(rng, (n_blocks, p)), norms)
        shared = _hadamard_blocks(_signs(rng, (1, p)))
    factors = [
        _selection(np.arange(m), n_blocks * p),
        *blocks,
        *_copies(n_blocks, p),
        *shared,
        *_padding(n, p),
    ]
    return Product(factor for factor in factors if factor is not None)


def _power_of_two(n):
    return 1 << (n - 1).bit_length()


def _signs(rng, shape):
    return rng.choice([-1.0, 1.0], size=shape)


def _column(norms):
    return norms[:, :, np.newaxis, np.newaxis]


def _hadamard_blocks(signs, norms=None):
    """Factors of the block-diagonal matrix of ``norms_k H diag(signs_k)``, (K, p)."""
    n_blocks, p = signs.shape
    factors = []
    half = np.array([[1.0, 1.0], [1.0, -1.0]])[:, :, np.newaxis] * 0.5**0.5
    d = p // 2
    while d:
        factors.append(np.tile(half, (n_blocks * p // (2 * d), 1, 1, d)))
        d //= 2
    if not factors:  # p = 1
        factors.append(np.ones((n_blocks, 1, 1, 1)))
    a, _, c, d = factors[-1].shape
    factors[-1] = factors[-1] * signs.reshape(a, 1, c, d)
    if norms is not None:
        a, b, _, d = factors[0].shape
        factors[0] = factors[0] * norms.reshape(a, b, 1, d)
    return [KroneckerSparse(values) for values in factors]


def _orthogonal_blocks(n_blocks, p, rng):
    """Values (K, p, p, 1) of random orthogonal blocks."""
    blocks, triangle = np.linalg.qr(rng.standard_normal((n_blocks, p, p)))
    signs = np.sign(np.diagonal(triangle, axis1=1, axis2=2))
    return (blocks * signs[:, np.newaxis])[..., np.newaxis]


def _copies(n_blocks, p):
    """A factor that repeats its p inputs, where there are several blocks."""
    return [KroneckerSparse(np.ones((1, n_blocks, 1, p)))] if n_blocks > 1 else []


def _padding(n, p):
    order = np.full(p, -1)
    order[:n] = np.arange(n)
    return [Permutation(order, n=n)] if n < p else []


def _selection(rows, n):
    return Permutation(rows, n=n) if len(rows) < n else None
