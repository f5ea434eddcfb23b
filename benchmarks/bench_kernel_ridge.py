"""Kernel ridge regression on landmarks, beside scikit-learn's estimators.

    python benchmarks/bench_kernel_ridge.py [--data-home DIR] [--quick] [--json FILE]
        [--sections accuracy refine predict fit pickle convert fashion large]

One thread, one process (but for peaks of memory), rows of one dtype on both sides.
Times are the least of interleaved repeats, as other work on the machine only ever
adds.  Errors are root mean squares in units of the standard deviation of the target,
on the test rows of splits 0 to 2 of each table, standardised by the training rows.

Tables are read from DIR/uci (NAME.data.csv.gz, the target in the last column, and
NAME.test_mask.csv.gz; from treforevans/uci_datasets) and images from
DIR/fashion-mnist; the default of DIR is the variable SKFRUGAL_DATA.  A section says
which file it lacks, or which feature the installed version lacks.
"""

import argparse
import gzip
import json
import os
import pickle
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from functools import cache
from pathlib import Path

import numpy as np
from scipy import linalg
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.kernel_approximation import Nystroem
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import Ridge, RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC, SVR
from timing import fixed_threads, print_machine, write_json

from skfrugal import kernel_ridge
from skfrugal.kernel_ridge import FrugalKernelRidge

TABLES = (
    "airfoil concrete energy elevators bike pol kin40k pumadyn32nm tamielectric"
).split()
REFINED = ("kin40k", "pol", "bike", "elevators", "pumadyn32nm")
# What the tuned dense twin chooses from: gamma is c / d.
GRID = {
    "c": (0.03, 0.1, 0.3, 1.0, 3.0),
    "alpha": (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1.0, 10.0),
}
N_TUNE = 8000
N_PREDICT = 10_000


class Missing(Exception):
    """A file or a feature that a section needs is not there."""


def least(functions, repeats):
    """Least seconds of each function, called in turn."""
    taken = {name: np.inf for name in functions}
    for function in functions.values():
        function()
    for _ in range(repeats):
        for name, function in functions.items():
            start = time.perf_counter()
            function()
            taken[name] = min(taken[name], time.perf_counter() - start)
    return taken


def need(**parameters):
    """Raise `Missing` unless FrugalKernelRidge fits with the parameters."""
    X = np.random.RandomState(0).standard_normal((300, 3))
    try:
        FrugalKernelRidge(20, **parameters).fit(X, X[:, 0])
    except (TypeError, ValueError) as error:
        raise Missing(f"this version refuses {parameters}: {error}") from error


def need_name(owner, name):
    """Return what has the name, or raise `Missing`."""
    if not hasattr(owner, name):
        raise Missing(f"this version has no {owner.__name__}.{name}")
    return getattr(owner, name)


def read(path, what):
    if not path.exists():
        raise Missing(f"{path} is not there: {what}")
    return gzip.open(path)


@cache
def table(home, name):
    folder, origin = Path(home or ".") / "uci", "see treforevans/uci_datasets"
    with read(folder / f"{name}.data.csv.gz", origin) as file:
        data = np.loadtxt(file, delimiter=",")
    with read(folder / f"{name}.test_mask.csv.gz", origin) as file:
        return data, np.loadtxt(file, delimiter=",").astype(bool)


def split(home, name, k):
    """Training and test rows of a split, standardised by the training rows."""
    data, mask = table(home, name)
    train, test = data[~mask[:, k]], data[mask[:, k]]
    mean, scale = train.mean(axis=0), train.std(axis=0)
    scale[scale == 0] = 1
    train, test = ((part - mean) / scale for part in (train, test))
    return train[:, :-1], train[:, -1], test[:, :-1], test[:, -1]


def rmse(model, X, y):
    return float(np.sqrt(np.mean((model.predict(X) - y) ** 2)))


def twin(n_components, gamma, alpha, last=Ridge):
    features = Nystroem(n_components=n_components, gamma=gamma, random_state=0)
    return make_pipeline(features, last(alpha=alpha))


def tuned_twin(X, y, n_components):
    """Nystroem + Ridge, the best of GRID on a fifth of (at most N_TUNE) rows."""
    order = np.random.RandomState(0).permutation(len(X))[:N_TUNE]
    held, kept = np.split(order, [len(order) // 5])
    best = np.inf, None
    for c in GRID["c"]:
        gamma = c / X.shape[1]
        features = Nystroem(
            n_components=min(n_components, len(kept)), gamma=gamma, random_state=0
        )
        F = features.fit_transform(X[kept])
        mean, offset = F.mean(axis=0), y[kept].mean()
        values, vectors = linalg.eigh((F - mean).T @ (F - mean))
        moments = vectors.T @ (F - mean).T @ (y[kept] - offset)
        rotated = (features.transform(X[held]) - mean) @ vectors
        for alpha in GRID["alpha"]:
            # As many rows more, as much more penalty.
            found = rotated @ (moments / (values + alpha * len(kept) / len(X)))
            error = np.mean((found + offset - y[held]) ** 2)
            best = min(best, (error, (gamma, alpha)))
    model = twin(min(n_components, len(X)), *best[1])
    return model.fit(X, y)


@cache
def uniform_error(home, name, k, n_components):
    X, y, X_test, y_test = split(home, name, k)
    return rmse(tuned_twin(X, y, n_components), X_test, y_test)


def accuracy(home, quick):
    """Default FrugalKernelRidge over the tuned twin with as many uniform landmarks."""
    print("gamma = c / d and alpha of the twin, chosen on held-out rows:", GRID)
    figures = []
    for n_components in (300,) if quick else (300, 1000):
        ratios = []
        for name in ("airfoil", "energy") if quick else TABLES:
            errors = []
            for k in range(1 if quick else 3):
                X, y, X_test, y_test = split(home, name, k)
                ours = FrugalKernelRidge(n_components, random_state=k).fit(X, y)
                dense = uniform_error(home, name, k, n_components)
                errors.append((rmse(ours, X_test, y_test), dense))
            ours, dense = np.mean(errors, axis=0)
            ratios.append(ours / dense)
            print(f"{name:>14} m={n_components:<5} {ours:.4f} / {dense:.4f} =", end=" ")
            print(f"{ratios[-1]:.3f} (goal 1.02)", flush=True)
            figures.append(
                {"table": name, "m": n_components, "ours": ours, "twin": dense}
            )
        mean = np.exp(np.mean(np.log(ratios)))
        print(f"{'all':>14} m={n_components:<5} geometric mean {mean:.3f} (goal 1.00)")
    return figures


def refine(home, quick):
    """Learnt landmarks: beside unrefined, uniform m = 1000 tuned, and boosting."""
    need(refine=True)
    figures = []
    many = 300 if quick else 1000
    print(f"errors of splits; uniform: m = {many}, tuned")
    for name in REFINED[:1] if quick else REFINED:
        for k in range(1 if quick else 3):
            X, y, X_test, y_test = split(home, name, k)
            models = {
                f"m={m}{' refined' * refined}": FrugalKernelRidge(
                    m, refine=refined, random_state=k
                )
                for m in (100, 300)
                for refined in (False, True)
            }
            models["boosting"] = HistGradientBoostingRegressor(random_state=0)
            models["boosting 500"] = HistGradientBoostingRegressor(
                max_iter=500, random_state=0
            )
            figure = {"table": name, "split": k}
            for title, model in models.items():
                figure[title] = rmse(model.fit(X, y), X_test, y_test)
            figure["uniform"] = uniform_error(home, name, k, many)
            errors = [f"{key} {figure[key]:.3f}" for key in (*models, "uniform")]
            print(f"{name:>12} {k}: " + ", ".join(errors), flush=True)
            figures.append(figure)
    for name in dict.fromkeys(figure["table"] for figure in figures):
        own = [figure for figure in figures if figure["table"] == name]
        small = np.mean([f["m=100 refined"] for f in own])
        worse = max(f[f"m={m} refined"] / f[f"m={m}"] for f in own for m in (100, 300))
        print(f"{name:>12}: refined m=100 over uniform m={many}", end=" ")
        print(f"{small / np.mean([f['uniform'] for f in own]):.3f},", end=" ")
        print(f"refined over unrefined at worst {worse:.3f} (goal 1.01)")
    return figures


def synthetic(n_rows, n_features, dtype=np.float64):
    rng = np.random.RandomState(0)
    X = rng.standard_normal((n_rows, n_features))
    y = np.sin(X[:, 0] * X[:, 1]) + X[:, 2] + 0.1 * rng.standard_normal(n_rows)
    return X.astype(dtype), y


def kernel_ridge_of(X, y):
    """A KernelRidge that holds X: coefficients do not matter to the time of predict."""
    model = KernelRidge(kernel="rbf", gamma=1 / X.shape[1]).fit(X[:10], y[:10])
    model.X_fit_, model.dual_coef_ = X, y
    return model


def images(home, part):
    folder = Path(home or ".") / "fashion-mnist"
    origin = "Fashion-MNIST, see zalandoresearch/fashion-mnist"
    with read(folder / f"{part}-images-idx3-ubyte.gz", origin) as file:
        pixels = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 784)
    with read(folder / f"{part}-labels-idx1-ubyte.gz", origin) as file:
        labels = np.frombuffer(file.read(), np.uint8, offset=8)
    return pixels.astype(np.float32) / np.float32(255), labels


def show(title, taken, ours, others, goals):
    """Print and return the ratios of `others` to ours."""
    ratios = {name: taken[name] / taken[ours] for name in others}
    text = ", ".join(
        f"{ratio:.1f} x {name}" + (f" (goal {goals[name]})" if name in goals else "")
        for name, ratio in ratios.items()
    )
    print(f"{title:>32}: {taken[ours] * 1e3:8.2f} ms, {text}", flush=True)
    return {"title": title, "ms": taken[ours] * 1e3, **ratios}


def predict(home, quick):
    """Times of 10,000 rows, m = 1000."""
    m, n_fit, n_kernel = (200, 500, 2000) if quick else (1000, 3000, 15_000)
    figures, repeats = [], 3 if quick else 7
    for dtype, goal in ((np.float64, 40), (np.float32, 20)):
        for d in (8, 18, 26):
            X, y = synthetic(n_kernel + N_PREDICT, d, dtype)
            rows = X[n_kernel:]
            ours = FrugalKernelRidge(m, gamma=1 / d, alpha=1e-3, random_state=0)
            models = {
                "ours": ours.fit(X[:n_fit], y[:n_fit]),
                "Nystroem + Ridge": twin(m, 1 / d, 1e-3).fit(X[:n_fit], y[:n_fit]),
            }
            if dtype is np.float64:
                models["KernelRidge"] = kernel_ridge_of(X[:n_kernel], y[:n_kernel])
            calls = {k: (lambda e=e, r=rows: e.predict(r)) for k, e in models.items()}
            goals = {"Nystroem + Ridge": goal, "KernelRidge": 100}
            taken = least(calls, repeats)
            title = f"{np.dtype(dtype).name}, d={d}, m={m}"
            figures.append(show(title, taken, "ours", list(calls)[1:], goals))
    return figures + _predict_images(home, m, n_fit, repeats)


def _predict_images(home, m, n_fit, repeats):
    (X, labels), (rows, _) = images(home, "train"), images(home, "t10k")
    X, y, figures = X[:n_fit], labels[:n_fit].astype(float), []
    dense = twin(m, 1 / 784, 1e-3).fit(X, y)
    for title, projection, goal in (("plain", None, 2.5), ("projection=64", 64, 8)):
        try:
            need(projection=None if projection is None else 2)
        except Missing as missing:
            print(f"{title}: {missing}")
            continue
        ours = FrugalKernelRidge(
            m, gamma=1 / 784, alpha=1e-3, projection=projection, random_state=0
        ).fit(X, y)
        calls = {
            "ours": lambda e=ours: e.predict(rows),
            "Nystroem + Ridge": lambda: dense.predict(rows),
        }
        taken = least(calls, repeats)
        goals = {"Nystroem + Ridge": goal}
        title = f"float32, d=784, m={m}, {title}"
        figures.append(show(title, taken, "ours", ["Nystroem + Ridge"], goals))
    return figures


def fit(home, quick):
    """Times of a fit over those of one Nystroem + Ridge with given parameters."""
    n, m, d = (3000, 200, 18) if quick else (15_000, 1000, 18)
    figures = []
    for dtype, goals in ((np.float64, (1.2, 0.9)), (np.float32, (1.7, 1.4))):
        X, y = synthetic(n, d, dtype)
        models = {
            "Nystroem + Ridge": twin(m, 1 / d, 1e-3),
            "alpha path": FrugalKernelRidge(m, gamma=1 / d),
            "alpha given": FrugalKernelRidge(m, gamma=1 / d, alpha=1e-3),
            "default": FrugalKernelRidge(m),
        }
        calls = {k: (lambda e=e, X=X, y=y: e.fit(X, y)) for k, e in models.items()}
        taken = least(calls, 1 if quick else 3)
        for name, goal in zip(list(models)[1:], (*goals, None), strict=True):
            ratio = taken[name] / taken["Nystroem + Ridge"]
            text = "" if goal is None else f" (goal {goal})"
            title = f"{np.dtype(dtype).name}, {name}"
            print(f"{title:>32}: {taken[name]:.2f} s, {ratio:.2f} x{text}", flush=True)
            figures.append({"title": title, "seconds": taken[name], "ratio": ratio})
    try:
        need(refine=True)
    except Missing as missing:
        print(f"refine: {missing}")
        return figures
    X, y = synthetic(n, d)
    model = FrugalKernelRidge(100, refine=True, random_state=0)
    seconds = least({"refine": lambda: model.fit(X, y)}, 1)["refine"]
    print(f"{'refine, m=100':>32}: {seconds:.2f} s (goal 3)")
    return [*figures, {"title": "refine, m=100", "seconds": seconds}]


def pickled(home, quick):
    """Bytes of a pickle."""
    m = 200 if quick else 1000
    X, y = synthetic(3000, 8)
    sizes = {
        "ours": FrugalKernelRidge(m, random_state=0).fit(X, y),
        "Nystroem + Ridge": twin(m, 1 / 8, 1e-3).fit(X, y),
    }
    sizes = {name: len(pickle.dumps(model)) for name, model in sizes.items()}
    ratio = sizes["Nystroem + Ridge"] / sizes["ours"]
    print(f"m={m}: {sizes}, 1/{ratio:.0f} (goal 1/40)")
    return sizes | {"ratio": ratio}


def convert(home, quick):
    """Fitted models of scikit-learn against their twins by from_estimator."""
    read = need_name(FrugalKernelRidge, "from_estimator")
    n = 1500 if quick else 5000
    X, y = synthetic(n + N_PREDICT, 8)
    rows, X, y = X[n:], X[:n], y[:n]
    labels = np.digitize(y, np.quantile(y, [0.2, 0.4, 0.6, 0.8]))
    models = {
        "SVR": (SVR(C=10), y, "predict", read, 5),
        "KernelRidge": (KernelRidge(0.1, kernel="rbf"), y, "predict", read, 20),
    }
    if hasattr(kernel_ridge, "FrugalKernelRidgeClassifier"):
        read = kernel_ridge.FrugalKernelRidgeClassifier.from_estimator
        outputs = "decision_function"
        models["SVC, 2 classes"] = SVC(C=10), y > 0, outputs, read, 5
        models["SVC, 5 classes"] = SVC(C=10), labels, outputs, read, 5
    else:
        print("SVC: this version has no FrugalKernelRidgeClassifier")
    figures = []
    for name, (dense, target, outputs, read, goal) in models.items():
        dense.fit(X, target)
        ours = read(dense)
        found, desired = (getattr(e, outputs)(rows) for e in (ours, dense))
        error = np.abs(found - desired).max() / np.ptp(desired)
        calls = {
            "ours": lambda e=ours: e.predict(rows),
            "dense": lambda e=dense: e.predict(rows),
        }
        taken = least(calls, 2 if quick else 3)
        title = f"{name}, {len(ours.landmarks_)} landmarks"
        figure = show(title, taken, "ours", ["dense"], {"dense": goal})
        other = np.mean(ours.predict(rows) != dense.predict(rows))
        others = f", {other:.3%} other labels" if "SVC" in name else ""
        print(f"{'error':>34} {error:.1e} of the range (goal 1e-5){others}", flush=True)
        figures.append(figure | {"error": error})
    return figures


def fashion(home, quick):
    """Accuracy of the classifier, and its time beside the twin's."""
    Classifier = need_name(kernel_ridge, "FrugalKernelRidgeClassifier")
    need(projection=2)
    n, m = (5000, 300) if quick else (60_000, 3000)
    (X, labels), (rows, held) = images(home, "train"), images(home, "t10k")
    model = Classifier(m, projection=64, random_state=0)
    start = time.perf_counter()
    model.fit(X[:n], labels[:n])
    seconds = time.perf_counter() - start
    accuracy = float(np.mean(model.predict(rows) == held))
    print(f"{n:,} rows, m={m}: {seconds:.1f} s, accuracy {accuracy:.4f} (goal .885)")
    # The time of predict depends on m alone, the twin's memory on n m.
    dense = twin(m, 1 / 784, 1e-3, RidgeClassifier).fit(X[: 2 * m], labels[: 2 * m])
    calls = {
        "ours": lambda: model.predict(rows),
        "Nystroem + RidgeClassifier": lambda: dense.predict(rows),
    }
    taken = least(calls, 3)
    name = "Nystroem + RidgeClassifier"
    figure = show("predict 10,000", taken, "ours", [name], {name: 10})
    return figure | {"accuracy": accuracy, "seconds": seconds}


def large(home, quick):
    """Seconds a row and peak of memory, rows from a memory map, a process each."""
    figures = []
    for n in (10**4, 3 * 10**4) if quick else (10**5, 3 * 10**5, 10**6):
        command = [sys.executable, __file__, "--child", str(n)]
        printed = subprocess.run(command, check=True, capture_output=True, text=True)
        figure = json.loads(printed.stdout)
        figures.append(figure)
        print("{n:>12,} rows: {us_a_row:6.1f} us a row, ".format(**figure), end="")
        text = "peak {peak_mib:.0f} MiB, of which {before_mib:.0f} before the fit"
        print((text + " (data {data_mib:.0f})").format(**figure), flush=True)
    return figures


def peak_mib():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


def large_child(n, n_features=20, m=1000):
    """Fit in this process alone, and print figures as JSON."""
    with tempfile.TemporaryDirectory() as folder, fixed_threads(1):
        path, shape = Path(folder) / "rows.dat", (n, n_features)
        rows, y = np.memmap(path, np.float32, "w+", shape=shape), np.empty(n)
        for i in range(0, n, 10**4):
            rng = np.random.RandomState(i)
            part = rng.standard_normal((min(10**4, n - i), n_features))
            rows[i : i + 10**4], y[i : i + 10**4] = (
                part,
                np.sin(part[:, :3]).sum(axis=1),
            )
        rows.flush()
        del rows
        rows = np.memmap(path, np.float32, "r", shape=shape)
        before, start = peak_mib(), time.perf_counter()
        FrugalKernelRidge(m, gamma=1 / n_features, random_state=0).fit(rows, y)
        seconds = time.perf_counter() - start
        figure = {"n": n, "us_a_row": seconds / n * 1e6, "seconds": seconds}
        # The pages of the map that were read count as this process's too.
        figure |= {"peak_mib": peak_mib(), "before_mib": before}
        print(json.dumps(figure | {"data_mib": rows.nbytes / 2**20}))


SECTIONS = {
    "accuracy": accuracy,
    "refine": refine,
    "predict": predict,
    "fit": fit,
    "pickle": pickled,
    "convert": convert,
    "fashion": fashion,
    "large": large,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data-home", default=os.environ.get("SKFRUGAL_DATA"))
    parser.add_argument("--sections", nargs="+", choices=SECTIONS, default=SECTIONS)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", default=None)
    parser.add_argument("--child", type=int, default=None, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    if arguments.child:
        large_child(arguments.child)
        return
    print_machine()
    figures = {}
    with fixed_threads(1):
        for name in arguments.sections:
            print(f"\n{name}: {SECTIONS[name].__doc__}", flush=True)
            try:
                figures[name] = SECTIONS[name](arguments.data_home, arguments.quick)
            except Missing as missing:
                print(f"left out: {missing}")
    if arguments.json:
        write_json(arguments.json, figures)


if __name__ == "__main__":
    main()
