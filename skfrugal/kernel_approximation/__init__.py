"""Approximate kernel maps and the landmarks that they stand on."""

from skfrugal.kernel_approximation._frugal_nystroem import FrugalNystroem
from skfrugal.kernel_approximation._landmarks import select_landmarks
from skfrugal.kernel_approximation._structured_rbf_sampler import StructuredRBFSampler

__all__ = ["FrugalNystroem", "StructuredRBFSampler", "select_landmarks"]
