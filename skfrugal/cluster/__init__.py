"""Clustering with few operations or few stored values."""

from skfrugal.cluster._init import kmeans_plusplus
from skfrugal.cluster._mini_batch_quick_kmeans import MiniBatchQuickKMeans
from skfrugal.cluster._quick_kmeans import QuickKMeans

__all__ = ["MiniBatchQuickKMeans", "QuickKMeans", "kmeans_plusplus"]
