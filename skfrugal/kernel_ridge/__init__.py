"""Kernel ridge regression that keeps a few landmarks instead of all rows."""

from skfrugal.kernel_ridge._frugal_kernel_ridge import FrugalKernelRidge
from skfrugal.kernel_ridge._frugal_kernel_ridge_classifier import (
    FrugalKernelRidgeClassifier,
)

__all__ = ["FrugalKernelRidge", "FrugalKernelRidgeClassifier"]
