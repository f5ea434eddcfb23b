"""Random products of Kronecker-sparse factors."""

import numpy as np

from skfrugal._validation import check_rng
from skfrugal.operators._chains import square_dyadic
from skfrugal.operators._kronecker_sparse import KroneckerSparse
from skfrugal.operators._patterns import check_chain
from skfrugal.operators._product import Product


def random_butterfly(n, *, orthogonal=False, random_state=None):
    """A random radix-2 butterfly.

    Parameters
    ----------
    n : int
        A power of two.
    orthogonal : bool, default=False
        Whether the 2 x 2 blocks are random orthogonal matrices, so that the product
        is orthogonal; otherwise values are normal with variance 1/2, which keeps the
        variance of what the product is applied to.
    random_state : int, RandomState instance or None, default=None

    Returns
    -------
    operator : Product of shape (n, n)

    Examples
    --------
    >>> import numpy as np
    >>> from skfrugal.operators import random_butterfly
    >>> q = random_butterfly(8, orthogonal=True, random_state=0)
    >>> np.allclose((q @ q.T).toarray(), np.eye(8))
    True
    """
    chain = square_dyadic(n)
    if not orthogonal:
        return random_chain(chain, random_state=random_state)
    rng = check_rng(random_state)
    return Product(_random_orthogonal(pattern, rng) for pattern in chain)


def _random_orthogonal(pattern, rng):
    """A factor with Haar-distributed orthogonal blocks."""
    a, b, c, d = pattern
    blocks, triangle = np.linalg.qr(rng.standard_normal((a, d, b, c)))
    signs = np.sign(np.diagonal(triangle, axis1=-2, axis2=-1))
    return KroneckerSparse((blocks * signs[..., np.newaxis, :]).transpose(0, 2, 3, 1))


def random_chain(chain, *, random_state=None):
    """A random product with the patterns of a chain.

    Parameters
    ----------
    chain : sequence of tuple of int
        A chainable chain.
    random_state : int, RandomState instance or None, default=None

    Returns
    -------
    operator : Product
        Values of a factor (a, b, c, d) are normal with variance 1/c.

    Examples
    --------
    >>> from skfrugal.operators import monarch, random_chain
    >>> random_chain(monarch(6, 4), random_state=0).shape
    (6, 4)
    """
    rng = check_rng(random_state)
    return Product(
        KroneckerSparse(rng.standard_normal(pattern) * pattern[2] ** -0.5)
        for pattern in check_chain(chain)
    )
