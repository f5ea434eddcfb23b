"""Matrices that know their structure, and the patterns that they are made of."""

from skfrugal.operators._base import Operator
from skfrugal.operators._builders import (
    circulant,
    dct,
    dft,
    hadamard,
)
from skfrugal.operators._chains import (
    chain_from_factors,
    chain_from_shape,
    monarch,
    radix,
    square_dyadic,
)
from skfrugal.operators._cosine_transform import CosineTransform
from skfrugal.operators._dense import Dense
from skfrugal.operators._diagonal import Diagonal
from skfrugal.operators._kronecker import Kronecker
from skfrugal.operators._kronecker_sparse import KroneckerSparse
from skfrugal.operators._low_rank import LowRank
from skfrugal.operators._patterns import (
    is_chainable,
    n_degrees_of_freedom,
    remove_redundancy,
)
from skfrugal.operators._permutation import Permutation
from skfrugal.operators._product import Product
from skfrugal.operators._quantized import Quantized
from skfrugal.operators._random import random_butterfly, random_chain
from skfrugal.operators._random_projections import (
    structured_gaussian,
    subsampled_hadamard,
)
from skfrugal.operators._reorderings import (
    bit_reversal,
    digit_reversal,
    even_odd,
    recursive_halving,
)
from skfrugal.operators._rotations import Rotations
from skfrugal.operators._sparse import SparseFactor
from skfrugal.operators._sum import Sum

__all__ = [
    "CosineTransform",
    "Dense",
    "Diagonal",
    "Kronecker",
    "KroneckerSparse",
    "LowRank",
    "Operator",
    "Permutation",
    "Product",
    "Quantized",
    "Rotations",
    "SparseFactor",
    "Sum",
    "bit_reversal",
    "chain_from_factors",
    "chain_from_shape",
    "circulant",
    "dct",
    "dft",
    "digit_reversal",
    "even_odd",
    "hadamard",
    "is_chainable",
    "monarch",
    "n_degrees_of_freedom",
    "radix",
    "random_butterfly",
    "random_chain",
    "recursive_halving",
    "remove_redundancy",
    "square_dyadic",
    "structured_gaussian",
    "subsampled_hadamard",
]
