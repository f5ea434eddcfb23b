"""What a fitted model costs, and which rows are nearest."""

from skfrugal.metrics._cost import Cost, model_cost
from skfrugal.metrics._nearest import pairwise_argmin_min

__all__ = ["Cost", "model_cost", "pairwise_argmin_min"]
