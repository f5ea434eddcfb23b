"""Structured centroids: inertia, storage and time, beside dense k-means and twins.

    python benchmarks/bench_structured_kmeans.py [--sections pareto predict ...]
                 [--data fashion patches synthetic] [--sizes 64 256 1024] [--rows N]
                 [--published-up-to K] [--data-home DIR] [--quick] [--json FILE]

Inertias are divided by those of exact k-means (50 iterations; structured models take 20
at most) from the same start, rows drawn at random: of the rows of the fit / of rows
that no fit saw.  "values" and "bytes" say how many times fewer of them are stored than
the K x d float32 numbers of dense centroids; indices count as bytes only.  All
on one thread.

pareto         Structured centroids at the budgets of the goals and at 1/6, and the
               twins that cost as little: fewer dense clusters, k-means in principal
               components, product quantisers, dense centroids in 8 and 4 bits.  The
               chain of QuicK-means by its published update runs up to K = 64 unless
               told otherwise, as it takes minutes.  "the same in 8 bits" rounds the
               factors of a model after the fit; the loss is what that adds.
more_clusters  The inertia of K dense clusters by 2 K and 4 K structured ones.
predict        Unseen rows: times scikit-learn's `KMeans`, and labels that agree with
               the dense product of the same centroids in float64.
fit            Time over that of `KMeans` for as many iterations from the same start.
published      The experiment of QuicK-means: inertia, storage, time of assignment,
               nearest neighbours by inverted lists, Nystroem; beside its update.

Figures of the same model are of one fit, shared by the sections.  Fashion-MNIST is read
from DIR/fashion-mnist (default: the variable SKFRUGAL_DATA) and left out if it is not
there.  ``structured_tables.py`` makes the tables of the user guide from the JSON file.
"""

import argparse
import math
import os
import time
import warnings
from dataclasses import asdict

import numpy as np
from kmeans_peers import Truth
from sklearn.cluster import KMeans
from structured_data import DATA, digits
from structured_models import (
    GOALS,
    GOALS_OF_8_BITS,
    Fits,
    goal,
    others,
    rounded,
    sparse_products,
)
from structured_twins import twins
from structured_uses import all_nearest_accuracy, kernel_error, one_nearest_accuracy
from timing import fixed_threads, least, print_machine, write_json

from skfrugal.cluster import QuickKMeans
from skfrugal.structures import SparseProduct

SECTIONS = ("pareto", "more_clusters", "predict", "fit", "published")
SIZES = (64, 256, 1024)
# Times fewer values, times scikit-learn's predict.
GOALS_OF_MORE = {64: 13, 256: 16, 1024: 18}
GOALS_OF_PREDICT = {64: 4, 256: 10, 1024: 25}
AGREEMENT = 0.9998
FIT_ITERATIONS = 10
# Clusters of the published experiment, which its update affords.
SIZES_OF_PUBLISHED = {"Fashion-MNIST": 64, "photograph patches": 64, "digits": 32}


def verdict(is_met):
    return "met" if is_met else "MISSED"


class Report:
    """Prints and keeps figures relative to the dense model of a size."""

    def __init__(self, fits, k):
        self.fits, self.k, self.figures = fits, k, []
        self.dense = fits.measured("dense", fits.dense(k))
        self.size = k * fits.rows.train.shape[1]

    def add(self, found, goal=None, **more):
        """A figure; `goal` is (training, held-out, times fewer values)."""
        figure = asdict(found) | more | {"data": self.fits.rows.title}
        figure |= {
            "n_clusters": self.k,
            "train": found.train / self.dense.train,
            "held": found.held / self.dense.held,
            "fewer_values": self.size / found.values,
            "fewer_bytes": 4 * self.size / found.nbytes,
        }
        line = "{name:>32} {train:7.3f} / {held:.3f}  values {fewer_values:6.1f} x"
        line = (line + "  bytes {fewer_bytes:6.1f} x").format(**figure)
        if goal is not None:
            train, held, fewer = goal
            figure |= {"goal": goal, "met": self._is_met(figure, goal)}
            line += f"   goal {train} / {held} at {fewer} x: {verdict(figure['met'])}"
        print(line, flush=True)
        self.figures.append(figure)
        return figure

    @staticmethod
    def _is_met(figure, goal):
        train, held, fewer = goal
        return bool(
            figure["train"] <= train
            and figure["held"] <= held
            and figure["fewer_values"] >= fewer * (1 - 1e-3)
        )


def pareto(fits, k, published_up_to):
    """Structured centroids and their twins."""
    report = Report(fits, k)
    first = None
    for name, structure, kind in sparse_products(fits.rows, k):
        model = fits.structured(k, structure)
        wanted = goal(kind, k) if kind in GOALS else None
        figure = report.add(fits.measured(name, model), wanted, family="structured")
        first = first or figure
        if kind in ("plain", "turned", "bytes") and structure.transform != "rotations":
            eight_bits(fits, report, model, figure)
    for name, structure, budget in others(fits.rows, k):
        model = fits.structured(k, structure, budget)
        report.add(fits.measured(name, model), family="structured")
    if k <= published_up_to:
        measured = fits.measured("published chain, palm4MSA", fits.published(k))
        report.add(measured, family="published")
    for measured in twins(fits, k, first["values"]):
        report.add(measured, family="twin")
    return report.figures


def eight_bits(fits, report, model, figure):
    """The factors of a model rounded, and what this adds."""
    operator, twin = rounded(model)
    name = figure["name"].replace("sparse product", "the same in 8 bits")
    measured = fits.measured(name, twin, operator.nnz, operator.nbytes)
    found = report.add(measured, family="structured")
    loss = max(found[part] - figure[part] for part in ("train", "held"))
    fewer, most, _ = GOALS_OF_8_BITS.get(report.k, (0, 1e-3, 0))
    is_met = bool(found["fewer_bytes"] >= fewer and loss <= most)
    found |= {"loss": loss, "goal_bytes": fewer, "goal_loss": most, "met": is_met}
    print(
        f"{'':>32} loss {loss:+.5f}   goal {most} at {fewer} x bytes:", verdict(is_met)
    )


def more_clusters(fits, k):
    """The inertia of k dense clusters by more structured ones."""
    report, wanted = Report(fits, k), GOALS_OF_MORE.get(k, 16)
    for times in (2, 4):
        if times * k > len(fits.rows.train) // 4:
            continue
        for transform in (None, "dct") if fits.rows.grid else (None,):
            structure = SparseProduct(
                report.size // wanted,
                transform=transform,
                feature_shape=fits.rows.grid if transform else None,
            )
            model = fits.structured(times * k, structure)
            name = f"{times * k} for {k}, {transform or 'no transform'}"
            measured = fits.measured(name, model)
            report.add(measured, (1.0, 1.0, wanted), n_structured=times * k)
    return report.figures


def compare_predict(fits, k, repeats):
    """Seconds of unseen rows, ours and scikit-learn's; labels that agree."""
    figures, rows, wanted = [], fits.rows, GOALS_OF_PREDICT.get(k)
    dense = KMeans(k, init=fits.dense(k).cluster_centers_, n_init=1, max_iter=1)
    dense.fit(rows.train[: 4 * k])
    models = {"exact": fits.dense(k)}
    for name, structure, kind in sparse_products(rows, k):
        if kind in ("plain", "turned"):
            models[name] = fits.structured(k, structure)
    calls = {"KMeans": lambda: dense.predict(rows.held)}
    calls |= {name: lambda m=m: m.predict(rows.held) for name, m in models.items()}
    taken = least(calls, repeats)
    for name, model in models.items():
        ratio = taken["KMeans"] / taken[name]
        centers = model.operator_.toarray().astype(np.float64)
        truth, labels = Truth(rows.held, centers), model.predict(rows.held)
        agreement = float(np.mean(labels == dense_labels(rows.held, centers)))
        figure = {"data": rows.title, "n_clusters": k, "name": name, "ratio": ratio}
        figure |= {"dense_s": taken["KMeans"], "agreement": agreement}
        figure["wrong"] = truth.n_wrong(labels)
        line = f"{name:>32} {ratio:6.2f} x   agree {agreement:.3%}, "
        line += f"beyond rounding {figure['wrong']}"
        if wanted and name != "exact":
            figure["goal"] = wanted
            figure["met"] = bool(ratio >= wanted and agreement >= AGREEMENT)
            line += f"   goal {wanted} x, {AGREEMENT:.2%}: {verdict(figure['met'])}"
        print(line, flush=True)
        figures.append(figure)
    return figures


def dense_labels(X, centers):
    """Least of the dense product in float64."""
    return (np.square(centers).sum(axis=1) - 2 * X @ centers.T).argmin(axis=1)


def compare_fit(fits, k):
    """Seconds of a structured fit over a dense one of as many iterations."""
    figures, rows = [], fits.rows
    for name, structure, kind in sparse_products(rows, k):
        if kind not in ("plain", "turned", "default"):
            continue
        ours = QuickKMeans(
            k,
            assignment="structured",
            structure=structure,
            init=rows.start(k),
            n_init=1,
            max_iter=FIT_ITERATIONS,
            tol=0,
            random_state=0,
        )
        seconds = timed(lambda model=ours: model.fit(rows.train))
        dense = KMeans(k, init=rows.start(k), n_init=1, max_iter=ours.n_iter_, tol=0)
        seconds_dense = timed(lambda model=dense: model.fit(rows.train))
        ratio = seconds / seconds_dense
        figure = {"data": rows.title, "n_clusters": k, "name": name, "ratio": ratio}
        figure |= {"dense_s": seconds_dense, "n_iter": ours.n_iter_, "goal": 1}
        figure["met"] = ratio <= 1
        line = f"{name:>32} {ratio:6.2f} of {seconds_dense:.2f} s, {ours.n_iter_} iter."
        print(f"{line}   goal 1: {verdict(figure['met'])}", flush=True)
        figures.append(figure)
    return figures


def timed(function):
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def published(fits, repeats):
    """The uses of centroids: dense, as a sparse product, as the published chain."""
    rows, figures = fits.rows, []
    k = SIZES_OF_PUBLISHED[rows.title]
    size = k * rows.train.shape[1]
    chain = fits.published(k)
    models = {"dense": fits.dense(k), "published chain, palm4MSA": chain}
    # As few values as the chain, which chooses how many, and as the goal asks.
    models["sparse product, as large"] = fits.structured(
        k, SparseProduct(int(chain.operator_.nnz))
    )
    if size > 20 * (k + rows.train.shape[1]):
        models["sparse product"] = fits.structured(
            k, SparseProduct(1 / goal("plain", k)[2])
        )
    sides = sorted((k, rows.train.shape[1]))
    claim = size / (sides[0] * math.log2(sides[1]) + sides[1])
    print(f"{rows.title}, K={k}: the paper's A log B + B is {claim:.1f} x fewer")
    calls = {name: lambda m=m: m.predict(rows.held) for name, m in models.items()}
    dense = KMeans(k, init=rows.start(k), n_init=1, max_iter=1).fit(rows.train)
    taken = least(calls | {"KMeans": lambda: dense.predict(rows.held)}, repeats)
    report = Report(fits, k)
    if rows.labels:
        print(f"{'all rows compared':>32} 1-NN {all_nearest_accuracy(rows):.4f}")
    for name, model in models.items():
        figure = report.add(fits.measured(name, model), claimed=claim)
        figure["predict_ratio"] = taken["KMeans"] / taken[name]
        figure["kernel_error"] = kernel_error(model, rows)
        line = f"{'':>32} predict {figure['predict_ratio']:.2f} x KMeans,"
        line += f" Nystroem error {figure['kernel_error']:.4f}"
        if rows.labels:
            figure["one_nearest"] = one_nearest_accuracy(model, rows)
            line += f", 1-NN in a list {figure['one_nearest']:.4f}"
        print(line, flush=True)
        figures.append(figure)
    return figures


def run_sections(fits, arguments, figures):
    """The sections asked for, on rows of one kind."""
    sections, title = arguments.sections, fits.rows.title
    repeats = 3 if arguments.quick else 9
    for k in arguments.sizes:
        shape = f"{title} {fits.rows.train.shape}, K={k}"
        if "pareto" in sections:
            print(f"\npareto, {shape}: training / held-out inertia over dense")
            figures["pareto"] += pareto(fits, k, arguments.published_up_to)
        if "more_clusters" in sections:
            print(f"\nmore clusters, {shape}: inertia over K dense clusters")
            figures["more_clusters"] += more_clusters(fits, k)
        if "predict" in sections:
            print(f"\npredict, {shape}: times KMeans")
            figures["predict"] += compare_predict(fits, k, repeats)
        if "fit" in sections:
            print(f"\nfit, {shape}: time over KMeans")
            figures["fit"] += compare_fit(fits, k)
    if "published" in sections and title in SIZES_OF_PUBLISHED:
        print()
        figures["published"] += published(fits, repeats)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sections", nargs="+", choices=SECTIONS, default=SECTIONS)
    parser.add_argument("--data", nargs="+", choices=DATA, default=tuple(DATA))
    parser.add_argument("--data-home", default=os.environ.get("SKFRUGAL_DATA"))
    parser.add_argument("--sizes", nargs="+", type=int, default=SIZES)
    parser.add_argument("--rows", type=int, default=60_000)
    parser.add_argument("--published-up-to", type=int, default=64, metavar="K")
    parser.add_argument("--quick", action="store_true", help="K=64 of 6,000 rows")
    parser.add_argument("--json", help="file for all figures")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.rows, arguments.sizes = min(arguments.rows, 6000), [64]
    warnings.simplefilter("ignore")
    print_machine()
    figures = {section: [] for section in arguments.sections}
    with fixed_threads(1):
        for name in arguments.data:
            rows = DATA[name](arguments.data_home, arguments.rows)
            if rows is None:
                print(f"\n{name} is not there, and left out")
                continue
            run_sections(Fits(rows), arguments, figures)
        if "published" in arguments.sections:
            rows = digits(arguments.data_home, arguments.rows)
            print()
            figures["published"] += published(Fits(rows), 9)
    if arguments.json:
        write_json(arguments.json, figures)


if __name__ == "__main__":
    main()
