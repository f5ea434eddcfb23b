"""Frugal models beside their dense twins, on held-out rows."""

from skfrugal.inspection._compare import (
    ComparedModel,
    Comparison,
    compare,
    predict_microseconds,
)
from skfrugal.inspection._datasets import (
    InputError,
    JobData,
    Rows,
    load_default_data,
)
from skfrugal.inspection._report import check_writable, conclusions, save, to_text
from skfrugal.inspection._tables import load_table
from skfrugal.inspection._tasks import (
    compare_clusterers,
    compare_regressors,
    compare_tasks,
    compare_transformers,
)

__all__ = [
    "ComparedModel",
    "Comparison",
    "InputError",
    "JobData",
    "Rows",
    "check_writable",
    "compare",
    "compare_clusterers",
    "compare_regressors",
    "compare_tasks",
    "compare_transformers",
    "conclusions",
    "load_default_data",
    "load_table",
    "predict_microseconds",
    "save",
    "to_text",
]
