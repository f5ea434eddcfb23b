"""What a user chooses: classes of frugal matrices, and the projection on each.

A structure is chosen by name, by object, or by its size in stored values; estimators
take any of the three in their `structure` and `budget` parameters.
"""

from skfrugal.structures._budget import budget_in_values
from skfrugal.structures._chained import Butterfly, Monarch
from skfrugal.structures._choice import (
    STRUCTURES,
    Auto,
    check_structure,
)
from skfrugal.structures._low_rank import Dense, LowRank
from skfrugal.structures._sparse_product import SparseProduct
from skfrugal.structures._sums import LowRankPlusSparse

__all__ = [
    "STRUCTURES",
    "Auto",
    "Butterfly",
    "Dense",
    "LowRank",
    "LowRankPlusSparse",
    "Monarch",
    "SparseProduct",
    "budget_in_values",
    "check_structure",
]
