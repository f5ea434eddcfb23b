"""Scikit-learn estimators whose linear maps are products of a few sparse factors.

Submodules are imported when first asked for:

>>> import skfrugal
>>> skfrugal.operators.hadamard(4).nnz
16
"""

import importlib

__version__ = "0.1.0.dev0"

_SUBMODULES = (
    "cluster",
    "constraints",
    "decomposition",
    "inspection",
    "kernel_approximation",
    "kernel_ridge",
    "metrics",
    "operators",
    "random_projection",
    "solvers",
    "structures",
)

__all__ = (*_SUBMODULES, "__version__", "show_versions")


def __getattr__(name):
    if name in _SUBMODULES:
        return importlib.import_module(f"skfrugal.{name}")
    if name == "show_versions":
        return importlib.import_module("skfrugal._show_versions").show_versions
    raise AttributeError(f"module 'skfrugal' has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *__all__})
