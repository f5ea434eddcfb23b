"""Linear transforms learnt from data, as products of sparse factors."""

from skfrugal.decomposition._butterfly_transformer import ButterflyTransformer

__all__ = ["ButterflyTransformer"]
