"""Linear transforms learnt from data, as products of sparse factors."""

from skfrugal.decomposition._butterfly_transformer import ButterflyTransformer
from skfrugal.decomposition._sparse_product_dictionary_learning import (
    SparseProductDictionaryLearning,
)
from skfrugal.decomposition._sparse_product_transformer import (
    SparseProductTransformer,
)

__all__ = [
    "ButterflyTransformer",
    "SparseProductDictionaryLearning",
    "SparseProductTransformer",
]
