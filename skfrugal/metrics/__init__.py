"""What a fitted model costs."""

from skfrugal.metrics._cost import Cost, model_cost

__all__ = ["Cost", "model_cost"]
