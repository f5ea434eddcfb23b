"""What a bug report needs to know."""

import sklearn
from threadpoolctl import threadpool_info

from skfrugal import _kernels, _parallel


def show_versions():
    """Print versions and the parts of the machine that results and speed depend on.

    scikit-learn's report, then the instruction set that skfrugal's kernels use, the
    number of threads, and each BLAS in the process with its kernel.
    """
    sklearn.show_versions()
    print("\nskfrugal:")
    for name, value in report().items():
        print(f"{name:>16}: {value}")


def report():
    """Name -> value of what is skfrugal's own in `show_versions`."""
    blas = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
    return {
        "instruction set": _kernels.instruction_set,
        "available": ", ".join(_kernels.AVAILABLE),
        "threads": _parallel.effective_n_threads(),
        "BLAS": ", ".join(_describe(pool) for pool in blas) or "not found",
    }


def _describe(pool):
    kernel = pool.get("architecture", "unknown kernel")
    return (
        f"{pool['internal_api']} {pool['version']}, {kernel}, "
        f"{pool['num_threads']} threads"
    )
