"""Approximate kernel maps and the landmarks that they stand on."""

from skfrugal.kernel_approximation._landmarks import select_landmarks

__all__ = ["select_landmarks"]
