"""K-means with exact labels, beside scikit-learn's and its rivals.

    python benchmarks/bench_kmeans.py [--sections predict fit others threads large]
                                      [--isa avx512 avx2 baseline] [--data-home DIR]
                                      [--rows N ...] [--quick] [--json FILE]

Every "x" says how many times faster than scikit-learn's `KMeans` something is, with the
same centroids or from the same start, on the same float32 rows, on one thread (but for
the section "threads"), in one process (but for "large"): the ratio of the least times
of repeats that take turns, as other work on the machine only ever adds.

predict   Rows that the fit did not see.  "first" is a new model's first call, which
          chooses a tier and packs the centroids for it; the other figure that of a
          model in use.
fit       10 iterations from the same start, and k-means++ alone.
others    predict on data that suit a filter less than images.
threads   predict on two threads against one; scikit-learn's scaling beside ours.
large     Rows of a memory map in a temporary file (TMPDIR), fits in a process each:
          one epoch of mini-batches, and three iterations on all rows.  "own" is memory
          allocated beside the file; "peak" counts the pages of the file, too, which
          the system may drop.  Both are growth over what imports took.

"wrong" counts rows whose label is not the nearest centroid's,
``d > d_min (1 + 1e-6) + 1e-12 (|x|^2 + |c|^2)`` by float64 differences.  Fashion-MNIST
is read from DIR/fashion-mnist (default: the variable SKFRUGAL_DATA), and images are
imitated if it is not there.  scikit-learn-intelex and faiss (exact: Flat; approximate:
HNSW, IVF, PQ) run if they are installed.  Without --isa the best instruction set of the
machine is used; those that are named run one after the other, a process each.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
from kmeans_data import halves, images, other_data, write_rows
from kmeans_memory import MODELS, measured_fit
from kmeans_peers import Truth, missing_peers, peers
from sklearn.cluster import KMeans
from sklearn.cluster import kmeans_plusplus as dense_kmeans_plusplus
from timing import fixed_threads, least, print_machine, write_json

from skfrugal.cluster import QuickKMeans, kmeans_plusplus

SECTIONS = ("predict", "fit", "others", "threads", "large")
SIZES = (64, 256, 1024)
LARGE_ROWS = (10**6, 3 * 10**6, 10**7)
# Up to so many rows, dense models are fitted beside ours.
DENSE_ROWS = 10**6


def in_use(dense, X):
    """Our twin of a fitted model, asked often enough to have built its filter."""
    ours = QuickKMeans.from_estimator(dense)
    for _ in range(12):
        ours.predict(X)
    return ours


def compare_predict(title, A, B, sizes, repeats):
    """Print and return the ratios of predict, ours and those of the peers."""
    figures = []
    for k in sizes:
        dense = KMeans(k, n_init=1, max_iter=4, init="random", random_state=0).fit(A)
        ours = in_use(dense, B)
        centers = np.array(ours.cluster_centers_)
        calls = {
            "KMeans": lambda m=dense: m.predict(B),
            "QuickKMeans": lambda m=ours: m.predict(B),
            "first": lambda m=dense: QuickKMeans.from_estimator(m).predict(B),
            **peers(centers, A, B),
        }
        taken = least(calls, repeats)
        truth = Truth(B, centers)
        print(f"{title}, K={k}: {taken['KMeans'] / len(B) * 1e6:.2f} us a row")
        figure = {"data": title, "n_clusters": k, "dense_s": taken["KMeans"]}
        for name, function in calls.items():
            ratio = taken["KMeans"] / taken[name]
            wrong = truth.n_wrong(function())
            share = f"{wrong / len(B):.3%}" if wrong else "none"
            print(f"{name:>32} {ratio:6.2f} x   wrong {share}", flush=True)
            figure[name] = {"ratio": ratio, "wrong": wrong}
        figures.append(figure)
    return figures


def compare_fit(title, A, sizes, repeats):
    """Print and return the ratios of ten iterations, and of k-means++."""
    figures = []
    for k in sizes:
        start = A[np.random.RandomState(1).permutation(len(A))[:k]].copy()
        params = {"init": start, "n_init": 1, "max_iter": 10, "tol": 0}
        dense, ours = KMeans(k, **params), QuickKMeans(k, **params)
        calls = {"dense": lambda m=dense: m.fit(A), "ours": lambda m=ours: m.fit(A)}
        taken = least(calls, repeats)
        figure = {
            "data": title,
            "n_clusters": k,
            "dense_s": taken["dense"],
            "ratio": taken["dense"] / taken["ours"],
            "tier": ours.filter_report_["tier"],
            "wrong": Truth(A, ours.cluster_centers_).n_wrong(ours.labels_),
            "inertia": ours.inertia_ / dense.inertia_ - 1,
        }
        line = "{data}, K={n_clusters:<5} {dense_s:7.3f} s  {ratio:6.2f} x   "
        line += "wrong {wrong}, inertia {inertia:+.1e}, tier {tier}"
        print(line.format(**figure), flush=True)
        figures.append(figure | compare_start(A, k, repeats))
    return figures


def compare_start(A, k, repeats):
    """Print and return the ratio of k-means++ alone."""
    draws = {"dense": dense_kmeans_plusplus, "ours": kmeans_plusplus}
    chosen = {}

    def draw(name):
        chosen[name] = draws[name](A, k, random_state=0)[1]

    taken = least({name: lambda n=name: draw(n) for name in draws}, repeats)
    ratio = taken["dense"] / taken["ours"]
    same = np.array_equal(chosen["dense"], chosen["ours"])
    print(f"{'k-means++ alone':>22} {taken['dense']:7.3f} s  {ratio:6.2f} x   ", end="")
    print("the same draws" if same else "OTHER DRAWS", flush=True)
    return {"init_s": taken["dense"], "init_ratio": ratio, "init_same": same}


def two_threads(A, B, repeats):
    """Print and return how predict scales, ours and scikit-learn's."""
    figures = []
    for k in SIZES:
        taken = {}
        for n_threads in (1, 2):
            with fixed_threads(n_threads):
                dense = KMeans(k, n_init=1, max_iter=2, init="random", random_state=0)
                ours = in_use(dense.fit(A), B)
                # Not in turn: OpenMP's threads spin for a while after they were used.
                mine = least({"ours": lambda m=ours: m.predict(B)}, repeats)
                theirs = least({"dense": lambda m=dense: m.predict(B)}, repeats)
                taken[n_threads] = mine | theirs
        figure = {name: taken[1][name] / taken[2][name] for name in ("ours", "dense")}
        print(f"K={k:<5} ours {figure['ours']:.2f} x,", end=" ")
        print(f"scikit-learn {figure['dense']:.2f} x", flush=True)
        figures.append(figure | {"n_clusters": k})
    return figures


def large(sizes, n_features=64, k=1024):
    """Print and return seconds and memory of fits to rows of a memory map."""
    figures = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.dat"
        write_rows(path, max(sizes), n_features)
        for n_rows in sorted(sizes):
            size = 4 * n_rows * n_features
            print(f"{n_rows:,} x {n_features}, a file of {size / 2**20:,.0f} MiB")
            for name in MODELS:
                if n_rows > DENSE_ROWS and not name.endswith("QuickKMeans"):
                    continue
                found = measured_fit(name, path, n_rows, n_features, k)
                us = found["seconds"] / n_rows * 1e6
                line = f"{name:>22} {found['seconds']:8.2f} s {us:7.2f} us a row"
                if found["own"] is not None:
                    line += f"   peak {found['peak'] / 2**20:,.0f} MiB"
                    line += f", own {found['own'] / 2**20:,.0f} MiB"
                    line += f" ({4 * found['own'] / size:.2f} bytes a value)"
                tier = found["tier"]
                print(line + (f", tier {tier}" if tier else ""), flush=True)
                figures.append({"name": name, "n_rows": n_rows, "file": size} | found)
    return figures


def run(arguments):
    """The sections asked for, on the instruction set in use."""
    warnings.simplefilter("ignore")
    quick, home, sections = arguments.quick, arguments.data_home, arguments.sections
    n_rows, repeats = (4000, 4) if quick else (20_000, 9)
    title, X = images(home, 2 * n_rows)
    A, B = halves(X)
    figures = {}
    print_machine()
    for package in missing_peers():
        print(f"{package} is not installed, and left out")
    with fixed_threads(1):
        if "predict" in sections:
            print("\npredict, unseen rows: times KMeans")
            figures["predict"] = compare_predict(title, A, B, SIZES, repeats)
        if "fit" in sections:
            print("\nfit, 10 iterations from the same start: times KMeans")
            figures["fit"] = compare_fit(title, A, SIZES, 1 if quick else 3)
        if "others" in sections:
            print("\npredict on other data: times KMeans")
            figures["others"] = []
            data = other_data(home, 2 * min(n_rows, 6000), SIZES)
            for name, (rows, sizes) in data.items():
                found = compare_predict(name, *halves(rows), sizes, repeats)
                figures["others"] += found
    if "threads" in sections:
        print("\npredict, two threads: times one thread")
        figures["threads"] = two_threads(A, B, repeats)
    if "large" in sections:
        print("\nfit to a memory map")
        figures["large"] = large([10**5] if quick else arguments.rows)
    if arguments.json:
        write_json(arguments.json, figures)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sections", nargs="+", choices=SECTIONS, default=SECTIONS)
    parser.add_argument("--isa", nargs="+", help="one process for each")
    parser.add_argument("--data-home", default=os.environ.get("SKFRUGAL_DATA"))
    parser.add_argument("--rows", nargs="+", type=int, default=LARGE_ROWS)
    parser.add_argument("--quick", action="store_true", help="few rows and repeats")
    parser.add_argument("--json", help="file for all figures; its name takes the isa")
    arguments = parser.parse_args()
    if arguments.isa is None:
        run(arguments)
        return
    options = ["--sections", *arguments.sections]
    options += ["--rows", *map(str, arguments.rows)]
    options += ["--quick"] if arguments.quick else []
    options += ["--data-home", arguments.data_home] if arguments.data_home else []
    for isa in arguments.isa:
        print(f"\n===== {isa}", flush=True)
        own = []
        if arguments.json:
            path = Path(arguments.json)
            own = ["--json", str(path.with_stem(f"{path.stem}-{isa}"))]
        command = [sys.executable, __file__, *options, *own]
        subprocess.run(command, check=True, env=os.environ | {"SKFRUGAL_ISA": isa})


if __name__ == "__main__":
    main()
