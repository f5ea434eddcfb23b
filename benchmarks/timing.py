"""What every benchmark here shares: times in turns, fixed threads, the machine."""

import contextlib
import io
import json
import os
import platform
import time
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

import skfrugal


def medians(functions, *, seconds=0.4, least=7, most=2000, turn=0.005):
    """Median seconds of each function, in turns, in one process.

    Parameters
    ----------
    functions : dict of str to callable
    seconds : float
        Time spent on all of them together, about.
    turn : float
        A function is called again and again in its turn, for about this long (at
        least once), so that it finds the caches as it left them; 0 makes every turn
        one call, on caches that the others have filled.
    """
    bursts = {}
    for name, function in functions.items():
        function()
        start = time.perf_counter()
        function()
        once = max(time.perf_counter() - start, 1e-7)
        bursts[name] = (int(np.clip(turn / once, 1, 1000)), once)
    round_ = sum(burst * once for burst, once in bursts.values())
    repeats = int(np.clip(seconds / round_, least, most))
    taken = {name: np.empty(repeats) for name in functions}
    for i in range(repeats):
        for name, function in functions.items():
            burst, _ = bursts[name]
            start = time.perf_counter()
            for _ in range(burst):
                function()
            taken[name][i] = (time.perf_counter() - start) / burst
    return {name: float(np.median(times)) for name, times in taken.items()}


def least(functions, repeats):
    """Least seconds of each function, called in turn."""
    taken = {name: np.inf for name in functions}
    for _ in range(repeats):
        for name, function in functions.items():
            start = time.perf_counter()
            function()
            taken[name] = min(taken[name], time.perf_counter() - start)
    return taken


def fixed_threads(n_threads):
    """Context in which BLAS, OpenMP and skfrugal use `n_threads` threads."""
    return threadpool_limits(limits=n_threads)


def describe_machine():
    """The processor, and what `skfrugal.show_versions` says of threads and kernels."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [x for x in info.read_text().splitlines() if x.startswith("model name")]
        model = names[0].split(":")[1].strip() if names else model
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        skfrugal.show_versions()
    ours = printed.getvalue().split("skfrugal:")[1].strip().splitlines()
    found = {"processor": model, "cores": os.cpu_count(), "numpy": np.__version__}
    return found | dict(map(str.strip, line.split(":", 1)) for line in ours)


def print_machine():
    """Print `describe_machine`, one line each."""
    for name, value in describe_machine().items():
        print(f"{name:>16}: {value}")


def write_json(path, figures):
    """Figures and the machine that they are of."""
    payload = {"machine": describe_machine(), "figures": figures}
    Path(path).write_text(json.dumps(payload, indent=1) + "\n")
