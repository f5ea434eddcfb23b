"""Exact updates of the last factor and of the middle of a short sparse product.

All that they see of the rows is the Gram matrix W of the columns of `left`, in the
metric of the rows, and ``cross``, the matrix times that metric.
"""

from dataclasses import replace

import numpy as np
import scipy.sparse as sp
from scipy.linalg import cho_factor, cho_solve

from skfrugal.solvers._sparse_coding import codes_in_turn, shared_codes

# Added to the diagonal of Gram matrices of unit atoms: those that are unused or
# dependent get coefficients of zero, or finite ones.
_RIDGE = 1e-8


def right_coded(parts, cross, W, n_nonzero):
    """The columns of the matrix coded over those of ``left @ middle``."""
    B, middle = (parts.left.T @ cross).T, parts.dense_middle
    if middle is not None:
        B, W = B @ middle, middle.T @ W @ middle
    right, _ = shared_codes(B, W, n_nonzero, old=parts.right)
    return replace(parts, right=right)


def middle_fitted(parts, cross, W):
    """The best dense middle of balanced parts, or a sparse one column by column."""
    if parts.middle is None:
        return parts
    H, C = gram(parts.right), (parts.right.T @ (parts.left.T @ cross).T).T
    if sp.issparse(parts.middle):
        return replace(parts, middle=codes_in_turn(C.T, W, H, parts.middle))
    middle = regularised_solve(H, regularised_solve(W, C).T).T
    before, after = (np.vdot(W @ D @ H - 2 * C, D) for D in (parts.middle, middle))
    return replace(parts, middle=middle) if after < before else parts


def balanced(parts, W):
    """The same product with columns and rows of norm 1 outside the middle."""
    right = np.sqrt(np.diagonal(gram(parts.right)))
    shrunk = parts.right @ sp.diags_array(_inverse(right))
    if parts.middle is None:
        return replace(parts, left=parts.left @ sp.diags_array(right), right=shrunk)
    norms = np.sqrt(np.diagonal(W))
    left = parts.left @ sp.diags_array(_inverse(norms))
    if sp.issparse(parts.middle):
        middle = sp.diags_array(right) @ parts.middle @ sp.diags_array(norms)
    else:
        middle = norms[:, np.newaxis] * parts.middle * right
    return replace(parts, left=left, middle=middle, right=shrunk)


def gram(codes):
    """Inner products of the columns of sparse codes."""
    return (codes.T @ codes).toarray()


def regularised_solve(matrix, right_side):
    """Solution of a positive semidefinite system, zero where it says nothing."""
    ridge = _RIDGE * (np.trace(matrix) / len(matrix) or 1.0)
    factor = cho_factor(matrix + ridge * np.eye(len(matrix)), check_finite=False)
    return cho_solve(factor, right_side)


def _inverse(lengths):
    return np.divide(1.0, lengths, out=np.ones_like(lengths), where=lengths > 0)
