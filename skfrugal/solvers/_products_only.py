"""A chain from products with a matrix that nobody needs to form."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from skfrugal._validation import inexact_dtype
from skfrugal.operators._blocks import adjoint, left_from, right_from
from skfrugal.operators._patterns import chain_shape, pair_rank
from skfrugal.solvers._projection import Target, as_operator, project
from skfrugal.solvers._result import Factorization
from skfrugal.solvers._splits import join, split_nodes, without_redundancy
from skfrugal.solvers._target import (
    check_matrix,
    energy,
    in_common_scale,
    scale,
    standardise,
)
from skfrugal.solvers._weights import Norm

# Random vectors beyond the rank of a block: with two, and twice as many on the other
# side, the small least-squares problems are well conditioned.
OVERSAMPLING = 2
# Products for the estimate of the error.
N_PROBES = 8


@dataclass(frozen=True)
class Products:
    """A matrix known by its products.

    Attributes
    ----------
    forward, adjoint : callable
        ``A @ X`` and ``A^* @ Y`` of two-dimensional arrays.
    shape : (int, int)
    dtype : dtype or None
        None where only the products tell.
    """

    forward: Callable
    adjoint: Callable
    shape: tuple
    dtype: np.dtype | None = None

    def __call__(self, X, *, adjoint=False):
        function, rows = self.forward, self.shape[0]
        if adjoint:
            function, rows = self.adjoint, self.shape[1]
        product = check_matrix(function(X), "a product with A")
        if product.shape != (rows, X.shape[1]):
            raise ValueError(
                f"A product with A has shape {product.shape} instead of "
                f"{(rows, X.shape[1])}; pass functions (A @ X, A^* @ Y) of arrays of "
                f"columns, for a chain of the shape of A."
            )
        return product


def as_products(A, chain):
    """`Products` of an operator or of a pair of callables; None for an array."""
    if isinstance(A, tuple | list) and len(A) == 2 and all(map(callable, A)):
        return Products(*A, shape=chain_shape(chain))
    if hasattr(A, "matmat") and hasattr(A, "rmatmat"):
        dtype = None if A.dtype is None else inexact_dtype(A.dtype)
        return Products(A.matmat, A.rmatmat, tuple(A.shape), dtype)
    return None


def from_products(products, chain, splits, rng):
    """Factorize a matrix from products; see `butterfly_factorization`."""
    merged, kept = without_redundancy(chain, splits)
    pattern = join(merged, 0, len(merged))
    if pattern[0] != 1 or pattern[3] != 1:
        raise ValueError(
            f"The products of chain fill only the pattern {pattern}; from products "
            f"with A only chains of full matrices can be found. Pass A as an array."
        )
    n_products, middle = _middle(merged)
    if middle is None or n_products + N_PROBES >= products.shape[1]:
        return _all_columns(products, chain, splits)
    left, right, dtype = _split_middle(products, merged, middle, rng)
    right, exponent = standardise(right)
    nodes = [(0, middle + 1, left), (middle + 1, len(merged), right)]
    others = tuple(split for split in kept if split != middle)
    factors = split_nodes(nodes, 1, merged, others) if others else [left, right]
    stored, _ = in_common_scale(factors, exponent, products.dtype or dtype)
    operator = as_operator(stored)
    message = (
        f"From {n_products} products with the matrix and its adjoint, exact where the "
        f"matrix is a product of this chain; the error is an estimate from "
        f"{N_PROBES} more. No certificate without the entries."
    )
    error = _estimate(products, operator, rng)
    return Factorization(
        operator, error, None, None, 1, True, message, n_products=n_products + N_PROBES
    )


def _middle(chain):
    """The junction that the fewest products split, and their number."""
    counts = [
        (sum(_n_vectors(chain, i)[j] * n for j, n in enumerate((right[0], left[3]))), i)
        for i, (left, right) in enumerate(pairwise(chain))
    ]
    return min(counts, default=(0, None))


def _n_vectors(chain, split):
    rank = pair_rank(chain[split], chain[split + 1])
    return rank + OVERSAMPLING, rank + 2 * OVERSAMPLING


def _all_columns(products, chain, splits):
    """So few columns that products with the identity cost no more."""
    n = products.shape[1]
    A = products(np.eye(n, dtype=products.dtype or np.float64))
    result = project(Target(A, Norm()), chain, splits)
    return replace(
        result, message=f"From its {n} columns. {result.message}", n_products=n
    )


def _split_middle(products, chain, split, rng):
    """Values left and right of a junction: generalised Nystrom of each block."""
    p1, p2 = join(chain, 0, split + 1), join(chain, split + 1, len(chain))
    (_, b, _, n_classes), (n_groups, _, c, _) = p1, p2
    rank, (n_right, n_left) = pair_rank(p1, p2), _n_vectors(chain, split)
    m, n = products.shape
    images = []
    for group in range(n_groups):
        X = np.zeros((n, n_right), products.dtype)
        X[group * c : (group + 1) * c] = rng.standard_normal((c, n_right))
        images.append(products(X).reshape(b, n_classes, n_right).swapaxes(0, 1))
    # The leading vectors only: those beyond the rank are noise, which the pseudo-
    # inverse below would amplify.
    images = np.stack(images)
    dtype = images.dtype
    images = images.astype(np.result_type(dtype, np.float64))
    left = np.linalg.svd(images, full_matrices=False)[0][..., :rank]
    right = np.empty((n_groups, n_classes, rank, c), left.dtype)
    for residue in range(n_classes):
        probe = rng.standard_normal((b, n_left))
        Y = np.zeros((m, n_left), products.dtype)
        Y[residue::n_classes] = probe
        # As rounded to the dtype of the products.
        probe = Y[residue::n_classes].real.astype(np.float64)
        image = products(Y, adjoint=True).reshape(n_groups, c, n_left)
        small = adjoint(probe) @ left[:, residue]
        right[:, residue] = np.linalg.pinv(small) @ adjoint(image)
    return left_from(left, p1, p2), right_from(right, p1, p2), dtype


def _estimate(products, operator, rng):
    """Norm of the error from random products: right on average, when squared."""
    X = rng.standard_normal((products.shape[1], N_PROBES))
    X = X.astype(products.dtype or np.float64)
    product, exponent = standardise(products(X))
    residual = product - scale(operator @ X, -exponent)
    length = np.float64(np.sqrt(energy(residual) / N_PROBES))
    return float(scale(length, exponent))
