"""The factors of a short sparse product, and the exact update of each of them.

The product is ``left @ middle @ right``: few entries in the rows of `left` and in the
columns of `right`; `middle` is dense, sparse or absent (the identity).  Squared errors
are weighted by rows.  `Parts` never change: an update returns others.
"""

from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp

from skfrugal.operators import Dense, Product, SparseFactor
from skfrugal.solvers._sparse_coding import shared_codes
from skfrugal.solvers._sparse_product_updates import (
    balanced,
    gram,
    middle_fitted,
    regularised_solve,
    right_coded,
)


@dataclass(frozen=True)
class Parts:
    """Factors, the sparse ones as codes (one row a signal).

    Attributes
    ----------
    left : csr_array of shape (M, a)
    middle : ndarray of shape (a, b), csr_array of shape (b, a) or None
        Sparse, it is the transpose.  None is the identity.
    right : csr_array of shape (N, b)
        The transpose of the last factor.
    """

    left: sp.csr_array
    middle: object
    right: sp.csr_array

    @classmethod
    def of_factors(cls, factors):
        """Of two or three `SparseFactor` or `Dense`, the middle one."""
        left, *middle, right = (
            factor.array if isinstance(factor, Dense) else factor.matrix
            for factor in factors
        )
        middle = middle[0] if middle else None
        if sp.issparse(middle):
            middle = middle.T.tocsr()
        return cls(sp.csr_array(left), middle, sp.csr_array(right.T))

    def product(self):
        """The operator."""
        factors = [SparseFactor(self.left), SparseFactor(self.right.T.tocsr())]
        if sp.issparse(self.middle):
            factors.insert(1, SparseFactor(self.middle.T.tocsr()))
        elif self.middle is not None:
            factors.insert(1, Dense(self.middle))
        return Product(*factors)

    @property
    def values(self):
        """The numbers of the factors that there are, first, middle, last."""
        middle = self.middle.data if sp.issparse(self.middle) else self.middle
        found = (self.left.data, middle, self.right.data)
        return [values for values in found if values is not None]

    def with_values(self, values):
        """The same supports with other numbers, as `values` lists them."""
        left, *middle, right = values
        middle = middle[0] if middle else None
        if sp.issparse(self.middle):
            middle = _filled(self.middle, middle)
        return Parts(_filled(self.left, left), middle, _filled(self.right, right))

    @property
    def dense_middle(self):
        """The middle as a dense array (a, b), or None."""
        return self.middle.toarray().T if sp.issparse(self.middle) else self.middle

    def toarray(self):
        """The product."""
        middle = self.dense_middle
        rows = self.left.toarray() if middle is None else self.left @ middle
        return (self.right @ rows.T).T


class Problem:
    """A matrix, weights of its rows in (0, 1], and the budgets of the factors."""

    def __init__(self, A, weight, n_nonzero):
        self.A, self.weight, self.n_nonzero = A, weight, n_nonzero
        self.weighted = A * weight[:, np.newaxis]

    def squared_error(self, parts, weight=None):
        """Weighted sum of squares of what the product misses."""
        squares = np.square(self.A - parts.toarray()).sum(axis=1)
        return float(squares @ (self.weight if weight is None else weight))

    def with_left(self, parts):
        """The rows of the matrix coded over those of ``middle @ right``."""
        B, G = (parts.right.T @ self.A.T).T, gram(parts.right)
        middle = parts.dense_middle
        if middle is not None:
            B, G = B @ middle.T, middle @ G @ middle.T
        left, _ = shared_codes(
            B, G, self.n_nonzero[0], weight=self.weight, old=parts.left
        )
        return replace(parts, left=left)

    def with_right(self, parts):
        """The columns of the matrix coded over those of ``left @ middle``."""
        W = self.left_gram(parts)
        return right_coded(parts, self.weighted, W, self.n_nonzero[-1])

    def with_middle(self, parts):
        """The best dense middle, or a sparse one coded column by column."""
        parts = self.balanced(parts)
        return middle_fitted(parts, self.weighted, self.left_gram(parts))

    def left_gram(self, parts):
        """Inner products of the columns of `left`, rows weighted."""
        return (parts.left.T @ (sp.diags_array(self.weight) @ parts.left)).toarray()

    def balanced(self, parts):
        """The same product with columns and rows of norm 1 outside the middle."""
        return balanced(parts, self.left_gram(parts))

    def with_used_atoms(self, parts):
        """Atoms that nobody uses replaced by what the product misses most.

        That lowers the error at once where their coefficients cost nothing, and often
        raises it a little where other coefficients make room: it is for the caller to
        go on for a while, and to compare.
        """
        for side in ("left", "right"):
            codes = getattr(parts, side)
            unused = np.setdiff1d(np.arange(codes.shape[1]), codes.indices)
            if len(unused):
                parts = getattr(self, f"_with_new_{side}_atoms")(parts, unused)
                parts = getattr(self, f"with_{side}")(parts)
        return parts

    def n_unused(self, parts):
        """Number of atoms without coefficients."""
        codes = (parts.left, parts.right)
        return sum(c.shape[1] - len(np.unique(c.indices)) for c in codes)

    def _with_new_left_atoms(self, parts, unused):
        """Rows of ``middle @ right`` that stand for the worst rows."""
        residual = self.A - parts.toarray()
        worst = _largest_rows(residual * np.sqrt(self.weight)[:, np.newaxis], unused)
        unused, residual = unused[: len(worst)], residual[worst]
        if not len(worst):
            return parts
        if parts.middle is None:
            used = np.diagonal(self.left_gram(parts))
            right = _with_rows(
                parts.right.T.tocsr(), unused, residual, used, self.n_nonzero[-1]
            )
            return replace(parts, right=right.T.tocsr())
        B, W = (parts.right.T @ residual.T).T, self.left_gram(parts)
        rows = self._refilled(
            _turned(parts.middle), unused, B, gram(parts.right), np.diagonal(W)
        )
        return replace(parts, middle=_turned(rows))

    def _with_new_right_atoms(self, parts, unused):
        """Columns of ``left @ middle`` that stand for the worst columns."""
        residual = self.weighted - parts.toarray() * self.weight[:, np.newaxis]
        worst = _largest_rows((self.A - parts.toarray()).T, unused)
        unused, residual = unused[: len(worst)], residual[:, worst]
        if parts.middle is None or not len(worst):
            return parts
        B, H = (parts.left.T @ residual).T, gram(parts.right)
        columns = self._refilled(
            parts.middle, unused, B, self.left_gram(parts), np.diagonal(H)
        )
        return replace(parts, middle=columns)

    def _refilled(self, codes, unused, B, gram, used):
        """A middle with other codes for its `unused` atoms, by their inner products B.

        `gram` and `used` are of the atoms that it codes over, and of its own weights.
        """
        if not sp.issparse(codes):
            codes = codes.copy()
            codes[:, unused] = regularised_solve(gram, B.T)
            return codes
        share = max(1, self.n_nonzero[1] // codes.shape[0])
        rows, _ = shared_codes(B, gram, share * len(unused))
        columns = np.diagonal(gram)
        return _with_rows(
            codes, unused, rows.toarray(), used, self.n_nonzero[1], columns
        )


def _turned(middle):
    """The middle of the transposed product."""
    return middle.T.tocsr() if sp.issparse(middle) else middle.T


def _filled(matrix, values):
    return sp.csr_array((values, matrix.indices, matrix.indptr), shape=matrix.shape)


def _largest_rows(matrix, like):
    """Indices of the rows of largest norm, as many as `like` has, none of zero."""
    squares = np.square(matrix).sum(axis=1)
    worst = np.argsort(-squares, kind="stable")[: len(like)]
    return worst[squares[worst] > 0]


def _with_rows(codes, places, rows, weight, total, columns=1.0):
    """Sparse codes with other rows at `places`, within `total` entries.

    A dense row keeps its share of the largest entries; others lose those that matter
    least: value squared times the weights of row and column.
    """
    dense = codes.toarray()
    share = max(1, total // len(dense))
    places, rows = places[: total // share], rows[: total // share]
    dense[places] = 0
    if share < rows.shape[1]:
        lost = np.argpartition(np.abs(rows), -share, axis=1)[:, :-share]
        rows = rows.copy()
        np.put_along_axis(rows, lost, 0, axis=1)
    matters = np.square(dense) * weight[:, np.newaxis] * columns
    too_many = np.count_nonzero(dense) + np.count_nonzero(rows) - total
    if too_many > 0:
        matters[dense == 0] = np.inf
        dense.flat[np.argsort(matters, axis=None, kind="stable")[:too_many]] = 0
    dense[places] = rows
    return sp.csr_array(dense)
