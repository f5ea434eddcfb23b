"""What supports alone decide: whether a factorization is easy, whether it is unique.

Column j of the left factor times row j of the right one is a rank-one matrix on a
rectangle, (rows of column j) x (columns of row j).  Everything follows from how these
rectangles meet.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp

from skfrugal.operators import KroneckerSparse
from skfrugal.operators._patterns import check_chain


class Answer(NamedTuple):
    """Yes or no, and why; usable as a truth value."""

    holds: bool
    reason: str

    def __bool__(self):
        return self.holds


@dataclass(frozen=True)
class Rectangle:
    """Rank-one terms that share a rectangle.

    Attributes
    ----------
    rows, columns : ndarray of bool of shape (M,) and (N,)
    terms : list of int
        Which columns of the left factor, and rows of the right one.
    """

    rows: np.ndarray
    columns: np.ndarray
    terms: list

    @property
    def is_complete(self):
        """Whether the terms make every matrix on the rectangle."""
        return len(self.terms) >= min(self.rows.sum(), self.columns.sum())

    @property
    def cells(self):
        """The rectangle as a matrix of bool."""
        return np.outer(self.rows, self.columns)


def is_tractable(left, right):
    """Whether the best product of two factors with these supports is a closed form.

    Parameters
    ----------
    left, right : array-like, sparse matrix or Operator
        Supports, of shapes (M, r) and (r, N): true, or not zero, where a value may
        be.

    Returns
    -------
    answer : Answer
        True or false in a condition; `reason` says why.  False does not say that an
        instance is hard, only that no closed form is known here.

    See Also
    --------
    fixed_support_factorization : Uses it.

    References
    ----------
    Q.-T. Le, E. Riccietti, R. Gribonval, "Spurious valleys, NP-hardness, and
    tractability of sparse matrix factorization with fixed support", SIAM J. Matrix
    Anal. Appl. 44(2), 2023.

    Examples
    --------
    >>> import numpy as np
    >>> from skfrugal.solvers import is_tractable
    >>> bool(is_tractable(np.ones((4, 2)), np.ones((2, 4))))
    True
    >>> is_tractable(np.tril(np.ones((3, 3))), np.triu(np.ones((3, 3)))).reason
    'what complete terms leave of term 0 is no rectangle'
    """
    left, right = check_supports(left, right)
    return closed_form_parts(left, right)[0]


def is_identifiable(*supports):
    """Whether the factors of a product are unique up to scaling.

    Scaling means that a diagonal matrix and its inverse can always be moved between
    two neighbours.

    Parameters
    ----------
    *supports : array-like, sparse matrix or Operator
        Supports of two or more factors; or one chain of patterns.

    Returns
    -------
    answer : Answer
        True if uniqueness is proved, for all products none of whose rank-one terms is
        zero.  The condition is sufficient: at each factor the rank-one terms with the
        product of all that follow have pairwise disjoint supports.

    References
    ----------
    L. Zheng, E. Riccietti, R. Gribonval, "Efficient identification of butterfly
    sparse matrix factorizations", SIAM J. Math. Data Sci. 5(1), 2023.

    Examples
    --------
    >>> import numpy as np
    >>> from skfrugal.operators import monarch, square_dyadic
    >>> from skfrugal.solvers import is_identifiable
    >>> bool(is_identifiable(square_dyadic(16)))
    True
    >>> is_identifiable(monarch(16, 16, rank=2)).reason
    'factor 0: terms 0 and 4 overlap in 16 entries'
    """
    if len(supports) == 1:
        chain = check_chain(supports[0])
        supports = [KroneckerSparse(np.ones(pattern)) for pattern in chain]
    supports = check_supports(*supports)
    for position in range(len(supports) - 1):
        left, right = supports[position], supports[-1]
        for factor in supports[-2:position:-1]:
            right = _meets(factor, right) > 0
        if (_meets(left, right) > 1).any():
            i, j, n_shared = _first_overlap(left, right)
            reason = f"terms {i} and {j} overlap in {n_shared} entries"
            return Answer(False, f"factor {position}: {reason}")
    return Answer(True, "rank-one terms are disjoint at every factor")


def check_supports(*supports):
    """Supports as matrices of bool that can be multiplied."""
    if len(supports) < 2:
        raise ValueError(
            f"{len(supports)} support given; pass one for each of two or more factors."
        )
    arrays = []
    for support in supports:
        dense = support.toarray() if hasattr(support, "toarray") else support
        array = np.asarray(dense)
        if array.ndim != 2 or 0 in array.shape or array.dtype.kind not in "biufc":
            raise ValueError(
                f"A support has shape {array.shape} and dtype {array.dtype}; pass a "
                f"non-empty matrix of numbers, not zero where a value may be."
            )
        arrays.append(array != 0)
    for i, (left, right) in enumerate(pairwise(arrays)):
        if left.shape[1] != right.shape[0]:
            raise ValueError(
                f"Supports {i} and {i + 1} have shapes {left.shape} and {right.shape}; "
                f"pass as many columns as the next one has rows."
            )
    return arrays


def closed_form_parts(left, right):
    """``(answer, complete, groups)`` of two supports.

    `complete` are rectangles on which every matrix can be made, whatever the other
    terms do.  `groups` are pairwise disjoint rectangles that are left of the others;
    they are as far as the supports are tractable.
    """
    rectangles = _rectangles(left, right)
    complete = [one for one in rectangles if one.is_complete]
    covered = np.zeros((len(left), right.shape[1]), bool)
    for one in complete:
        covered |= one.cells
    groups, taken = {}, np.full(covered.shape, -1)
    for one in rectangles:
        if one.is_complete:
            continue
        cells = one.cells & ~covered
        rows, columns = cells.any(axis=1), cells.any(axis=0)
        if not rows.any():
            continue
        if not cells[np.ix_(rows, columns)].all():
            reason = f"what complete terms leave of term {one.terms[0]} is no rectangle"
            return Answer(False, reason), complete, []
        key = rows.tobytes(), columns.tobytes()
        if key in groups:
            groups[key].terms.extend(one.terms)
            continue
        met = taken[cells].max()
        if met >= 0:
            reason = (
                f"terms {met} and {one.terms[0]} meet in {(taken[cells] == met).sum()} "
                f"entries, in neither none nor all of their rectangles"
            )
            return Answer(False, reason), complete, []
        taken[cells] = one.terms[0]
        groups[key] = Rectangle(rows, columns, list(one.terms))
    reason = "rectangles are disjoint or identical, but for complete ones"
    return Answer(True, reason), complete, list(groups.values())


def _rectangles(left, right):
    """The rectangles of all terms, equal ones once; empty ones left out."""
    rectangles = {}
    for j, (rows, columns) in enumerate(zip(left.T, right, strict=True)):
        if rows.any() and columns.any():
            key = rows.tobytes(), columns.tobytes()
            if key not in rectangles:
                rectangles[key] = Rectangle(rows, columns, [])
            rectangles[key].terms.append(j)
    return list(rectangles.values())


def _meets(left, right):
    """How many rank-one terms have each entry in their rectangle."""
    counts = sp.csr_array(left, dtype=np.int64) @ sp.csr_array(right, dtype=np.int64)
    return counts.toarray()


def _first_overlap(left, right):
    i, j = np.argwhere(_meets(left, right) > 1)[0]
    first, second = map(int, np.flatnonzero(left[i] & right[:, j])[:2])
    n_rows = np.sum(left[:, first] & left[:, second])
    return first, second, int(n_rows * np.sum(right[first] & right[second]))
