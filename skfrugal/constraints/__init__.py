"""Sets of matrices, known by the projection on them."""

from skfrugal.constraints._base import Constraint
from skfrugal.constraints._intersection import Intersection
from skfrugal.constraints._k_sparse import (
    KSparse,
    KSparseColumns,
    KSparseRows,
    KSparseRowsColumnsUnion,
)
from skfrugal.constraints._matching import KSparseRowsColumns, Matching
from skfrugal.constraints._normalized import Normalized
from skfrugal.constraints._spectral import MaxRank, OrthogonalBlocks
from skfrugal.constraints._supports import (
    BlockDiagonal,
    Fixed,
    KroneckerSparsePattern,
    NonNegative,
    Support,
    Unconstrained,
)
from skfrugal.constraints._tied import AntiCirculant, Circulant, Hankel, Toeplitz

__all__ = [
    "AntiCirculant",
    "BlockDiagonal",
    "Circulant",
    "Constraint",
    "Fixed",
    "Hankel",
    "Intersection",
    "KSparse",
    "KSparseColumns",
    "KSparseRows",
    "KSparseRowsColumns",
    "KSparseRowsColumnsUnion",
    "KroneckerSparsePattern",
    "Matching",
    "MaxRank",
    "NonNegative",
    "Normalized",
    "OrthogonalBlocks",
    "Support",
    "Toeplitz",
    "Unconstrained",
]
