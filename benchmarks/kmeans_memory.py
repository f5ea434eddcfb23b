"""One fit to rows of a memory map, in a process of its own.

    python benchmarks/kmeans_memory.py MODEL FILE N_ROWS N_FEATURES N_CLUSTERS

prints seconds and memory as JSON; `bench_kmeans.py` runs it and watches it.
"""

import json
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
from sklearn.cluster import KMeans, MiniBatchKMeans
from timing import fixed_threads

from skfrugal.cluster import MiniBatchQuickKMeans, QuickKMeans

MINI_BATCH = {
    "init": "random",
    "n_init": 1,
    "batch_size": 4096,
    "max_iter": 1,
    "max_no_improvement": None,
    "compute_labels": False,
    "random_state": 0,
}
FULL = {"n_init": 1, "max_iter": 3, "tol": 0}
MODELS = {
    "MiniBatchQuickKMeans": (MiniBatchQuickKMeans, MINI_BATCH),
    "QuickKMeans": (QuickKMeans, FULL),
    "MiniBatchKMeans": (MiniBatchKMeans, MINI_BATCH),
    "KMeans": (KMeans, FULL),
}
# Seconds between two looks at the memory of a process.
_PAUSE = 0.01


def measured_fit(name, path, n_rows, n_features, n_clusters):
    """Seconds, the growth of memory and other figures of a fit in a child, a dict.

    ``peak`` is the growth of the largest resident set (VmHWM; ``ru_maxrss`` would begin
    with the parent's) over what it was before the fit.  Pages of the file that were
    read count in it, and the system drops them when memory is short.  ``own`` is what
    the child allocated beside (RssAnon), looked at every 10 ms.  Both are None where
    there is no Linux.
    """
    arguments = [name, path, n_rows, n_features, n_clusters]
    command = [sys.executable, __file__, *map(str, arguments)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    largest = 0
    while child.poll() is None:
        largest = max(largest, resident("RssAnon", child.pid) or 0)
        time.sleep(_PAUSE)
    if child.returncode:
        raise RuntimeError(f"{' '.join(command)} failed")
    figures = json.loads(child.stdout.read())
    before = figures.pop("own_before")
    figures["own"] = None if before is None else max(0, largest - before)
    return figures


def resident(name, process="self"):
    """A line of a process's status in bytes, None if there is none."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return None
    found = [line for line in lines if line.startswith(name)]
    return int(found[0].split()[1]) * 1024 if found else None


def main():
    warnings.simplefilter("ignore")
    name, path, *shape = sys.argv[1:]
    n_rows, n_features, n_clusters = map(int, shape)
    rows = np.memmap(path, np.float32, "r", shape=(n_rows, n_features))
    make, params = MODELS[name]
    if params is FULL:
        # Not through the map, whose pages would count in the baseline.
        first = np.fromfile(path, np.float32, n_clusters * n_features)
        params = FULL | {"init": first.reshape(n_clusters, n_features)}
    with fixed_threads(1):
        # What is loaded and allocated at first use belongs to the baseline.
        few = np.random.RandomState(0).standard_normal((64, 8)).astype(np.float32)
        make(4, n_init=1, random_state=0).fit(few).predict(few)
        own, before = resident("RssAnon"), resident("VmHWM")
        start = time.perf_counter()
        model = make(n_clusters, **params).fit(rows)
        seconds = time.perf_counter() - start
    tier = getattr(model, "filter_report_", {}).get("tier")
    peak = None if before is None else resident("VmHWM") - before
    figures = {"seconds": seconds, "peak": peak, "own_before": own, "tier": tier}
    print(json.dumps(figures | {"n_iter": model.n_iter_}))


if __name__ == "__main__":
    main()
