"""K-means with exact labels, beside scikit-learn's and peers.

    python benchmarks/bench_kmeans.py [--data-home DIR] [--isa avx512 avx2 baseline]
                                      [--sections predict fit others threads large]
                                      [--quick] [--json FILE]

How many times faster than scikit-learn's `KMeans` from the same start, in one process
and on one thread: ratios of the least times of interleaved repeats, as other work on
the machine only ever adds.  "wrong" counts rows whose label is not the nearest
centroid, ``d > d_min (1 + 1e-6) + 1e-12 (|x|^2 + |c|^2)`` by float64 differences.

Fashion-MNIST is read from DIR/fashion-mnist (default: the variable SKFRUGAL_DATA), and
images are imitated if it is not there.  Instruction sets run one after the other, a
process each.
"""

import argparse
import gzip
import importlib.util
import os
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
from sklearn.cluster import KMeans
from timing import fixed_threads, print_machine, write_json

from skfrugal.cluster import MiniBatchQuickKMeans, QuickKMeans

SECTIONS = ("predict", "fit", "others", "threads", "large")
SIZES = (64, 256, 1024)


def least(functions, repeats):
    """Least seconds of each function, called in turn."""
    taken = {name: np.inf for name in functions}
    for _ in range(repeats):
        for name, function in functions.items():
            start = time.perf_counter()
            function()
            taken[name] = min(taken[name], time.perf_counter() - start)
    return taken


def images(home, n_rows):
    """Fashion-MNIST in [0, 1], or low-rank images with as many columns."""
    path = Path(home or ".") / "fashion-mnist" / "train-images-idx3-ubyte.gz"
    if path.exists():
        with gzip.open(path) as file:
            pixels = np.frombuffer(file.read(), np.uint8, offset=16)
        X = pixels.reshape(-1, 784)[:n_rows]
        return "Fashion-MNIST", X.astype(np.float32) / np.float32(255)
    rng = np.random.RandomState(0)
    basis = rng.standard_normal((784, 784)) * np.arange(1, 785)[:, None] ** -1.0
    X = np.clip(0.3 + rng.standard_normal((n_rows, 784)) @ basis / 3, 0, 1)
    return "imitated images", X.astype(np.float32)


def embeddings(n_rows, n_features=384, n_groups=200):
    """Unit rows around centres, with a slowly falling spectrum: sentences, about."""
    rng = np.random.RandomState(0)
    spectrum = np.arange(1, n_features + 1) ** -0.35
    centers = rng.standard_normal((n_groups, n_features)) * spectrum * 0.7
    X = rng.standard_normal((n_rows, n_features)) * spectrum
    X += centers[rng.randint(n_groups, size=n_rows)]
    X = X @ np.linalg.qr(rng.standard_normal((n_features, n_features)))[0] + 0.1
    return (X / np.linalg.norm(X, axis=1, keepdims=True)).astype(np.float32)


def blobs(n_rows, n_features=128, n_groups=100):
    rng = np.random.RandomState(0)
    centers = rng.uniform(-10, 10, size=(n_groups, n_features))
    X = centers[rng.randint(n_groups, size=n_rows)]
    return (X + rng.standard_normal(X.shape)).astype(np.float32)


def standardised(X):
    scale = X.std(axis=0)
    scale[scale == 0] = 1
    return (X - X.mean(axis=0)) / scale


def n_wrong(labels, X, centers):
    """Labels that are not the nearest centroid's; see the module."""
    centers = centers.astype(np.float64)
    norms = np.einsum("ij,ij->i", centers, centers)
    wrong = 0
    for i in range(0, len(X), 2000):
        x = X[i : i + 2000].astype(np.float64)
        own = np.einsum("ij,ij->i", x, x)
        rough = own[:, None] - 2 * x @ centers.T + norms
        # Direct differences with the label and the least of the rough distances.
        found, best = labels[i : i + 2000], rough.argmin(axis=1)
        d, d_min = (
            np.einsum("ij,ij->i", x - centers[k], x - centers[k]) for k in (found, best)
        )
        allowed = d_min * (1 + 1e-6) + 1e-12 * (own + norms[best])
        wrong += int(np.count_nonzero(d > allowed))
    return wrong


def peers(centers, X):
    """Name -> labels of X by each peer that is installed."""
    found = {}
    if importlib.util.find_spec("sklearnex"):
        from sklearnex.cluster import KMeans as IntelKMeans

        model = IntelKMeans(len(centers), init=centers, n_init=1, max_iter=1)
        model.fit(X[: 4 * len(centers)])
        found["scikit-learn-intelex"] = lambda: model.predict(X)
    if importlib.util.find_spec("faiss"):
        import faiss

        n_features = centers.shape[1]
        indices = {
            "faiss Flat": faiss.IndexFlatL2(n_features),
            "faiss HNSW16": faiss.IndexHNSWFlat(n_features, 16),
        }
        for name, index in indices.items():
            index.add(centers)
            found[name] = lambda index=index: index.search(X, 1)[1][:, 0]
    return found


def compare_predict(title, A, B, sizes, repeats):
    """Rows of a table: K, tier, ratio, wrong labels, and the peers."""
    figures = []
    for k in sizes:
        dense = KMeans(k, n_init=1, max_iter=4, init="random", random_state=0).fit(A)
        ours = QuickKMeans.from_estimator(dense)
        centers = np.array(ours.cluster_centers_)
        for _ in range(12):  # a filter is built once enough rows were asked for
            labels = ours.predict(B)
        others = peers(centers, B)
        calls = {"dense": lambda m=dense: m.predict(B)}
        calls["ours"] = lambda m=ours: m.predict(B)
        taken = least(calls | others, repeats)
        figure = {
            "data": title,
            "n_clusters": k,
            "dense_us": taken["dense"] / len(B) * 1e6,
            "ratio": taken["dense"] / taken["ours"],
            "wrong": n_wrong(labels, B, centers),
        }
        line = "{data:>22} K={n_clusters:<5} {dense_us:7.2f} us  {ratio:6.2f} x  "
        print((line + "wrong {wrong}").format(**figure), flush=True)
        for name, function in others.items():
            figure[name] = taken["dense"] / taken[name]
            share = np.mean(function() != labels)
            print(f"{name:>40} {figure[name]:6.2f} x  {share:.3%} other labels")
        figures.append(figure)
    return figures


def compare_fit(title, A, sizes, repeats):
    figures = []
    for k in sizes:
        start = A[np.random.RandomState(1).permutation(len(A))[:k]].copy()
        params = {"init": start, "n_init": 1, "max_iter": 10, "tol": 0}
        models = {"dense": KMeans(k, **params), "ours": QuickKMeans(k, **params)}
        calls = {name: (lambda m=model: m.fit(A)) for name, model in models.items()}
        taken = least(calls, repeats)
        ours = models["ours"]
        figure = {
            "data": title,
            "n_clusters": k,
            "dense_s": taken["dense"],
            "ratio": taken["dense"] / taken["ours"],
            "tier": ours.filter_report_["tier"],
            "wrong": n_wrong(ours.labels_, A, ours.cluster_centers_),
            "inertia": ours.inertia_ / models["dense"].inertia_ - 1,
        }
        line = "{data:>22} K={n_clusters:<5} {dense_s:7.3f} s   {ratio:6.2f} x  "
        line += "wrong {wrong}, inertia {inertia:+.1e}, {tier}"
        print(line.format(**figure), flush=True)
        figures.append(figure)
    return figures


def other_data(home, n_rows):
    """Title -> rows and numbers of clusters."""
    rng = np.random.RandomState(0)
    n = 2 * n_rows
    return {
        "embeddings d=384": (embeddings(n), SIZES),
        "uniform d=784": (rng.uniform(size=(n, 784)).astype(np.float32), SIZES),
        "blobs d=128": (blobs(n), SIZES),
        "standardised images": (standardised(images(home, n)[1]), SIZES),
        "uniform d=32": (rng.uniform(size=(n, 32)).astype(np.float32), SIZES),
        "normal d=2": (rng.standard_normal((5 * n, 2)).astype(np.float32), (8,)),
    }


def halves(X):
    half = len(X) // 2
    return X[:half], np.ascontiguousarray(X[half:])


def two_threads(A, B, repeats):
    """Times one thread, ours and scikit-learn's."""
    figures = []
    for k in SIZES:
        taken = {}
        for n_threads in (1, 2):
            with fixed_threads(n_threads):
                dense = KMeans(k, n_init=1, max_iter=2, init="random", random_state=0)
                dense.fit(A)
                ours = QuickKMeans.from_estimator(dense)
                ours.predict(B), ours.predict(B)
                # Not in turn: OpenMP's threads spin for a while after they were used.
                taken[n_threads] = least({"ours": lambda m=ours: m.predict(B)}, repeats)
                taken[n_threads] |= least(
                    {"dense": lambda m=dense: m.predict(B)}, repeats
                )
        figure = {name: taken[1][name] / taken[2][name] for name in ("ours", "dense")}
        print(f"K={k:<5} two threads: ours {figure['ours']:.2f} x", end=", ")
        print(f"scikit-learn {figure['dense']:.2f} x", flush=True)
        figures.append(figure | {"n_clusters": k})
    return figures


def large(n_rows, n_features=64, k=1024):
    """Rows of a memory map; seconds a million rows, and the peak of memory."""
    import resource

    figures = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.dat"
        shape = (n_rows, n_features)
        rows = np.memmap(path, np.float32, "w+", shape=shape)
        basis = np.random.RandomState(0).standard_normal((12, n_features))
        for i in range(0, n_rows, 10**5):
            rng = np.random.RandomState(i)
            part = rows[i : i + 10**5]
            part[:] = rng.standard_normal((len(part), 12)) @ basis
            part += 0.3 * rng.standard_normal(part.shape)
        rows = np.memmap(path, np.float32, "r", shape=shape)
        models = {
            "mini-batch": MiniBatchQuickKMeans(k, random_state=0),
            "full, 5 iterations": QuickKMeans(k, init="random", n_init=1, max_iter=5),
        }
        for name, model in models.items():
            start = time.perf_counter()
            model.set_params(random_state=0).fit(rows)
            seconds = time.perf_counter() - start
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
            print(f"{n_rows:,} rows, {name}: {seconds:.1f} s, ", end="")
            print(f"peak {peak:.2f} GiB (data {rows.nbytes / 2**30:.2f})", flush=True)
            figures.append({"name": name, "seconds": seconds, "peak_gib": peak})
    return figures


def run(arguments):
    """All sections on the instruction set in use."""
    warnings.simplefilter("ignore")
    quick, home = arguments.quick, arguments.data_home
    n_rows, repeats = (4000, 4) if quick else (20_000, 9)
    title, X = images(home, 2 * n_rows)
    A, B = halves(X)
    figures = {}
    print_machine()
    with fixed_threads(1):
        if "predict" in arguments.sections:
            print("\npredict, unseen rows: times scikit-learn")
            figures["predict"] = compare_predict(title, A, B, SIZES, repeats)
        if "fit" in arguments.sections:
            print("\nfit, 10 iterations from the same start: times scikit-learn")
            figures["fit"] = compare_fit(title, A, SIZES, 1 if quick else 3)
        if "others" in arguments.sections:
            print("\npredict on other data: times scikit-learn")
            figures["others"] = []
            for name, (data, sizes) in other_data(home, min(n_rows, 6000)).items():
                halved = halves(data)
                figures["others"] += compare_predict(name, *halved, sizes, repeats)
        if "large" in arguments.sections:
            print("\nlarge, from a memory map")
            figures["large"] = large(10**5 if quick else 10**7)
    if "threads" in arguments.sections:
        print()
        figures["threads"] = two_threads(A, B, repeats)
    if arguments.json:
        write_json(arguments.json, figures)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data-home", default=os.environ.get("SKFRUGAL_DATA"))
    parser.add_argument("--isa", nargs="+", default=None)
    parser.add_argument("--sections", nargs="+", choices=SECTIONS, default=SECTIONS)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", default=None)
    arguments = parser.parse_args()
    if arguments.isa is None:
        run(arguments)
        return
    options = ["--sections", *arguments.sections]
    options += ["--quick"] if arguments.quick else []
    options += ["--data-home", arguments.data_home] if arguments.data_home else []
    for isa in arguments.isa:
        print(f"\n===== {isa}", flush=True)
        own = [f"--json={isa}-{arguments.json}"] if arguments.json else []
        command = [sys.executable, __file__, *options, *own]
        subprocess.run(command, check=True, env=os.environ | {"SKFRUGAL_ISA": isa})


if __name__ == "__main__":
    main()
