"""Choosing a structure by name, by budget, or by its error on the matrix."""

import math
from dataclasses import replace

import numpy as np
from sklearn.base import BaseEstimator, clone

from skfrugal.solvers._target import check_matrix
from skfrugal.structures._budget import budget_in_values
from skfrugal.structures._chained import Butterfly, Chained, Monarch
from skfrugal.structures._checks import check_row_weight, check_shape
from skfrugal.structures._low_rank import Dense, LowRank
from skfrugal.structures._sparse_product import SparseProduct
from skfrugal.structures._sums import LowRankPlusSparse, within_budget

# Sides of blocks that "auto" tries for butterflies; 2 stores as much as 4.
BLOCK_SIZES = (2, 4, 8, 16)

# What also stores indices is chosen where its error is below this part of all others'.
_MARGIN = 0.9
_WITH_INDICES = (LowRankPlusSparse, SparseProduct)


class Auto(BaseEstimator):
    """Whichever structure is closest to the matrix within a budget.

    Parameters
    ----------
    budget : int or float, default=None
        Stored values (int) or fraction of the dense matrix (float); None means 1/6.

    See Also
    --------
    check_structure : Resolves a structure given by name, and a budget.

    Notes
    -----
    `project` projects on every class, each with the largest rank that the budget
    allows (`Butterfly` with blocks of side 2, 4, 8 and 16; `LowRankPlusSparse` with a
    quarter, a half and three quarters of it for the rank; the index of a sparse entry
    counts as a value), and keeps the smallest error, of equal ones that with the
    fewest values: no guess is involved.  `LowRankPlusSparse` and `SparseProduct` take
    sparse products and have no certificate: they are kept where their error is a
    tenth smaller than all others.  *Cost.*  That of all the projections; the last one
    is left out where another is exact, and for complex matrices.

    Examples
    --------
    >>> from skfrugal.operators import hadamard
    >>> from skfrugal.structures import Auto
    >>> result = Auto(budget=0.25).project(hadamard(64).toarray())
    >>> result.operator.nnz, result.error < 1e-12
    (768, True)
    """

    def __init__(self, budget=None):
        self.budget = budget

    def candidates(self, shape):
        """The structures compared for this shape, each as large as the budget allows.

        Raises ValueError, with the smallest possible budget, if nothing fits.
        """
        budget = budget_in_values(self.budget, shape)
        names = ("dense", "low_rank", "monarch", "butterfly")
        smallest = [start for name in names for start in _family(name)]
        fitting, seen = [], set()
        for structure in smallest:
            structure = _largest(structure, shape, budget)
            key = structure and _identity(structure, shape)
            if structure is not None and key not in seen:
                seen.add(key)
                fitting.append(structure)
        fitting += within_budget(shape, budget, entry=2)
        sparse = SparseProduct(max(budget // 2, 1))
        if sparse.smallest(shape) <= sparse.budget:
            fitting.append(sparse)
        if not fitting:
            raise _nothing_fits("auto", smallest, shape, self.budget, budget)
        return fitting

    def project(self, matrix, *, row_weight=None, random_state=None):
        """The closest projection within the budget; see `Butterfly.project`."""
        compared, best = self._compared(matrix, row_weight, random_state)
        errors = ", ".join(
            f"{one!r} {result.error:.4g} ({result.operator.nnz} values)"
            for one, result in compared
        )
        best = compared[best][1]
        message = f"{best.message} Chosen for its error among: {errors}."
        return replace(best, message=message)

    def choose(self, matrix, *, row_weight=None, random_state=None):
        """The structure whose projection `project` returns, and the projection."""
        compared, best = self._compared(matrix, row_weight, random_state)
        return compared[best]

    def _compared(self, matrix, row_weight, random_state):
        """Candidates with their projections, and the number of the best one."""
        matrix = check_matrix(matrix, "matrix")
        row_weight = check_row_weight(row_weight, matrix)
        # Errors that differ by rounding are equal.
        heaviest = 1.0 if row_weight is None else float(row_weight.max())
        slack = 16 * np.finfo(matrix.dtype).eps * float(np.abs(matrix).max())
        slack *= math.sqrt(heaviest) * math.sqrt(matrix.size)
        compared, scores = [], []
        for one in self.candidates(matrix.shape):
            if isinstance(one, SparseProduct) and (
                matrix.dtype.kind == "c" or min(scores, default=math.inf) <= slack
            ):
                continue
            result = one.project(
                matrix, row_weight=row_weight, random_state=random_state
            )
            compared.append((one, result))
            margin = _MARGIN if isinstance(one, _WITH_INDICES) else 1
            scores.append(result.error / margin)
        equal = np.flatnonzero(np.array(scores) <= min(scores) + slack)
        return compared, int(min(equal, key=lambda k: compared[k][1].operator.nnz))

    def random(self, shape, random_state=None):
        """A random operator of the candidate with the most values."""
        largest = max(self.candidates(shape), key=lambda one: one.n_parameters(shape))
        return largest.random(shape, random_state)

    def n_parameters(self, shape):
        """The budget: an upper limit, since the choice depends on the matrix."""
        return budget_in_values(self.budget, shape)


STRUCTURES = {
    "auto": Auto,
    "butterfly": Butterfly,
    "dense": Dense,
    "low_rank": LowRank,
    "low_rank_plus_sparse": LowRankPlusSparse,
    "monarch": Monarch,
    "sparse_product": SparseProduct,
}


def check_structure(structure, shape, budget=None):
    """Resolve a structure given by name or object, within a budget.

    Parameters
    ----------
    structure : str or structure
        "auto", "butterfly", "dense", "low_rank", "low_rank_plus_sparse", "monarch",
        "sparse_product".
        A name stands for the largest rank of that class that fits in the budget,
        "auto" for the class that turns out closest (see `Auto`).
    shape : (int, int)
        Shape of the matrices to be approximated.
    budget : int, float or None, default=None
        See `budget_in_values`.  None, which means 1/6, does not restrict an object;
        of a name that does not fit in 1/6 it takes the smallest structure.

    Returns
    -------
    structure : structure
        An object with `project`, `random` and `n_parameters`; an object given comes
        back as it is.

    Examples
    --------
    >>> from skfrugal.structures import check_structure
    >>> check_structure("low_rank", (64, 784), budget=6000)
    LowRank(rank=7)
    """
    if isinstance(structure, str):
        if structure not in STRUCTURES:
            raise ValueError(
                f"structure={structure!r} is unknown; pass one of "
                f"{', '.join(map(repr, STRUCTURES))} or an object such as Butterfly()."
            )
        return _named_structure(structure, shape, budget)
    missing = [n for n in ("project", "n_parameters") if not hasattr(structure, n)]
    if missing or isinstance(structure, type):
        raise ValueError(
            f"structure={structure!r} is not a structure; pass one of "
            f"{', '.join(map(repr, STRUCTURES))} or an object such as Butterfly()."
        )
    if budget is not None:
        needed, allowed = structure.n_parameters(shape), budget_in_values(budget, shape)
        if needed > allowed:
            raise ValueError(
                f"{structure!r} stores {needed} values for shape {tuple(shape)}, but "
                f"budget={budget!r} allows {allowed}; raise the budget or pass a "
                f"smaller structure, or its name to have the largest that fits."
            )
    return structure


def _named_structure(name, shape, budget):
    if name == "auto":
        structure = Auto(budget=budget)
        structure.candidates(shape)
        return structure
    family = _family(name)
    allowed = budget_in_values(budget, shape)
    for start in family:
        structure = _largest(start, shape, allowed)
        if structure is not None:
            return structure
    if budget is None:
        return min(family, key=lambda smallest: smallest.n_parameters(shape))
    raise _nothing_fits(name, family, shape, budget, allowed)


def _family(name):
    """The smallest structures of a class, in order of preference."""
    if name == "butterfly":
        return [Butterfly(), *(Butterfly(side) for side in BLOCK_SIZES if side != 4)]
    if name == "low_rank_plus_sparse":
        return [LowRankPlusSparse(rank=1, density=0.0)]
    if name == "sparse_product":
        return [SparseProduct()]
    return [Dense() if name == "dense" else STRUCTURES[name](rank=1)]


def _largest(structure, shape, budget):
    """The largest structure of a class that fits, or None if the smallest does not."""
    if _smallest_size(structure, shape) > budget:
        return None
    if isinstance(structure, SparseProduct):
        return SparseProduct(budget)
    if isinstance(structure, LowRank):
        return LowRank(rank=min(budget // sum(shape), *shape))
    if isinstance(structure, LowRankPlusSparse):
        filling = within_budget(shape, budget)
        return filling[len(filling) // 2]
    while hasattr(structure, "rank"):
        larger = clone(structure).set_params(rank=structure.rank + 1)
        grown = _identity(larger, shape) != _identity(structure, shape)
        if not grown or larger.n_parameters(shape) > budget:
            break
        structure = larger
    return structure


def _identity(structure, shape):
    """Equal for structures that hold the same matrices in the same way."""
    if isinstance(structure, Chained):
        return structure.chain(shape)
    if isinstance(structure, Dense):
        return ((1, *check_shape(shape), 1),)
    return repr(structure)


def _smallest_size(structure, shape):
    """Values that a structure needs, or needs at least where it has a budget."""
    if isinstance(structure, SparseProduct):
        return structure.smallest(shape)
    return structure.n_parameters(shape)


def _nothing_fits(name, structures, shape, budget, allowed):
    needed = min(_smallest_size(structure, shape) for structure in structures)
    return ValueError(
        f"budget={budget!r} allows {allowed} stored values, but the smallest that "
        f"structure={name!r} needs for shape {tuple(shape)} is {needed}; pass a budget "
        f"of {needed} or more."
    )
