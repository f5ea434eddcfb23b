"""Solvers: a target matrix in, an operator out."""

from skfrugal.solvers._admm import admm
from skfrugal.solvers._butterfly import butterfly_factorization
from skfrugal.solvers._butterfly_projection import butterfly_projection
from skfrugal.solvers._chain_ranking import ChainRanking, RankedChain
from skfrugal.solvers._fixed_support import fixed_support_factorization
from skfrugal.solvers._fold import fold_rotations
from skfrugal.solvers._gradient import butterfly_regression, gradient_factorization
from skfrugal.solvers._hierarchical import hierarchical_palm4msa
from skfrugal.solvers._orthogonal import greedy_jacobi, prune_rotations
from skfrugal.solvers._palm import palm4msa
from skfrugal.solvers._permutation_search import find_permutations
from skfrugal.solvers._polish import polish_rotations
from skfrugal.solvers._procrustes import procrustes_sweeps
from skfrugal.solvers._result import Factorization
from skfrugal.solvers._schedules import (
    Schedule,
    dictionary,
    rectangular_operator,
    square_transform,
)
from skfrugal.solvers._select_chain import select_chain
from skfrugal.solvers._sparse_product import sparse_product
from skfrugal.solvers._sums import sum_factorization
from skfrugal.solvers._supports import is_identifiable, is_tractable
from skfrugal.solvers._sweeps import Sweeps

__all__ = [
    "ChainRanking",
    "Factorization",
    "RankedChain",
    "Schedule",
    "Sweeps",
    "admm",
    "butterfly_factorization",
    "butterfly_projection",
    "butterfly_regression",
    "dictionary",
    "find_permutations",
    "fixed_support_factorization",
    "fold_rotations",
    "gradient_factorization",
    "greedy_jacobi",
    "hierarchical_palm4msa",
    "is_identifiable",
    "is_tractable",
    "palm4msa",
    "polish_rotations",
    "procrustes_sweeps",
    "prune_rotations",
    "rectangular_operator",
    "select_chain",
    "sparse_product",
    "square_transform",
    "sum_factorization",
]
