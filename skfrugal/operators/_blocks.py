"""Block views of a chainable pair: how a product of two factors falls into blocks.

For a chainable pair ``p1 = (a1, b1, c1, d1)``, ``p2 = (a2, b2, c2, d2)`` of rank
``r``, a matrix of pattern ``p1 * p2`` is a grid of ``a2 * d1`` dense blocks of shape
``(b1, c2)`` (contiguous groups of columns, strided classes of rows), and it is a
product of the pair exactly when every block has rank ``r`` at most.  The left factor
holds the ``(b1, r)`` factors of the blocks, the right one the ``(r, c2)`` factors.
Values are arrays ``(a, b, c, d)``, blocks are arrays ``(a2, d1, rows, columns)``.
"""

import numpy as np


def support_view(matrix, pattern):
    """Index the entries of a dense `matrix` in the support: ``(view, index)``."""
    a, b, c, d = pattern
    view = matrix.reshape(a, b, d, a, c, d)
    i, stride = np.arange(a)[:, np.newaxis], np.arange(d)
    return view, (i, slice(None), stride, i, slice(None), stride)


def restrict(matrix, pattern):
    """Values ``(a, b, c, d)`` of a dense `matrix` on the support of `pattern`."""
    if pattern[0] == pattern[3] == 1:
        return matrix.reshape(pattern)
    view, index = support_view(matrix, pattern)
    return np.ascontiguousarray(view[index].transpose(0, 2, 3, 1))


def blocks(values, p1, p2):
    """Blocks ``(a2, d1, b1, c2)`` of `values` of pattern ``p1 * p2``.

    A view where possible, as it is for a whole chain, with rows that BLAS can read.
    """
    (a1, b1, _, d1), (a2, _, c2, d2) = p1, p2
    t, s = a2 // a1, d1 // d2
    view = values.reshape(a1, b1, s, t, c2, d2).transpose(0, 3, 2, 5, 1, 4)
    return view.reshape(a2, d1, b1, c2)


def unblocks(grid, p1, p2):
    """Inverse of `blocks`: values of pattern ``p1 * p2``."""
    (a1, b1, _, d1), (a2, _, c2, d2) = p1, p2
    t, s = a2 // a1, d1 // d2
    view = grid.reshape(a1, t, s, d2, b1, c2).transpose(0, 4, 2, 1, 5, 3)
    return np.ascontiguousarray(view).reshape(a1, b1 * s, t * c2, d2)


def left_from(grid, p1, p2):
    """Values of the left factor from its blocks ``(a2, d1, b1, r)``."""
    (a1, b1, _, d1), a2, r = p1, p2[0], grid.shape[-1]
    t = a2 // a1
    view = grid.reshape(a1, t, d1, b1, r).transpose(0, 3, 1, 4, 2)
    return np.ascontiguousarray(view).reshape(a1, b1, t * r, d1)


def left_to(values, p1, p2):
    """Blocks ``(a2, d1, b1, r)`` of the left factor."""
    (a1, b1, c1, d1), a2 = p1, p2[0]
    t = a2 // a1
    view = values.reshape(a1, b1, t, c1 // t, d1).transpose(0, 2, 4, 1, 3)
    return view.reshape(a2, d1, b1, c1 // t)


def right_from(grid, p1, p2):
    """Values of the right factor from its blocks ``(a2, d1, r, c2)``."""
    d1, (a2, _, c2, d2), r = p1[3], p2, grid.shape[-2]
    s = d1 // d2
    view = grid.reshape(a2, s, d2, r, c2).transpose(0, 3, 1, 4, 2)
    return np.ascontiguousarray(view).reshape(a2, r * s, c2, d2)


def right_to(values, p1, p2):
    """Blocks ``(a2, d1, r, c2)`` of the right factor."""
    d1, (a2, b2, c2, d2) = p1[3], p2
    s = d1 // d2
    view = values.reshape(a2, b2 // s, s, c2, d2).transpose(0, 2, 4, 1, 3)
    return view.reshape(a2, d1, b2 // s, c2)


def adjoint(grid):
    """Conjugate transpose of each block."""
    return grid.conj().swapaxes(-1, -2)


def fuse(left, right, p1, p2):
    """Values of the product of a chainable pair of factors."""
    return unblocks(left_to(left, p1, p2) @ right_to(right, p1, p2), p1, p2)
