"""Tables of the user guide from the figures of `bench_structured_kmeans.py`.

    python benchmarks/structured_tables.py FIGURES.json ... [--folder DIR]

writes ``<data>_<K>.csv`` for each data set and number of clusters of the section
"pareto" to DIR (default: ``doc/user_guide/structured_kmeans``); of figures that are in
two files, the last.
"""

import argparse
import csv
import json
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "doc" / "user_guide" / "structured_kmeans"
HEADER = ("centroids", "training", "held out", "values", "bytes")
SHORT = {"Fashion-MNIST": "fashion", "photograph patches": "patches"}


def rows_of(figures):
    """A row for each figure: name, inertias over dense, how many times fewer."""
    for figure in figures:
        yield (
            figure["name"],
            f"{figure['train']:.3f}",
            f"{figure['held']:.3f}",
            f"{figure['fewer_values']:.1f}",
            f"{figure['fewer_bytes']:.1f}",
        )


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("figures", nargs="+", type=Path)
    parser.add_argument("--folder", type=Path, default=FOLDER)
    arguments = parser.parse_args()
    tables = {}
    for path in arguments.figures:
        found = {}
        for figure in json.loads(path.read_text())["figures"].get("pareto", ()):
            data = SHORT.get(figure["data"], "synthetic")
            found.setdefault((data, figure["n_clusters"]), []).append(figure)
        tables |= found
    arguments.folder.mkdir(exist_ok=True)
    for (data, k), figures in tables.items():
        path = arguments.folder / f"{data}_{k}.csv"
        with path.open("w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(HEADER)
            writer.writerows(rows_of(figures))
        print(path)


if __name__ == "__main__":
    main()
