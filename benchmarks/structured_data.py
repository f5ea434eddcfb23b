"""The rows that `bench_structured_kmeans.py` clusters: training and held out."""

import gzip
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from kmeans_data import embeddings
from sklearn.datasets import load_digits, load_sample_images
from sklearn.feature_extraction.image import extract_patches_2d

HELD_OUT = 10_000
SIDE = 8


@dataclass(frozen=True)
class Rows:
    """Rows to fit and rows held out, float32.

    Attributes
    ----------
    title : str
    train, held : ndarray of shape (n_rows, n_features)
    grid : tuple of int or None
        Grid of the features.
    labels : (ndarray, ndarray) or None
        Classes of the rows, where there are some.
    """

    title: str
    train: np.ndarray
    held: np.ndarray
    grid: tuple | None = None
    labels: tuple | None = None

    def start(self, n_clusters):
        """Rows drawn at random, that every model begins with."""
        drawn = np.random.RandomState(1).permutation(len(self.train))[:n_clusters]
        return self.train[drawn].copy()


def fashion(home, n_rows):
    """Fashion-MNIST in [0, 1], None if it is not there."""
    folder, found = Path(home or ".") / "fashion-mnist", []
    for part, count in (("train", n_rows), ("t10k", HELD_OUT)):
        for kind, offset in (("images-idx3", 16), ("labels-idx1", 8)):
            path = folder / f"{part}-{kind}-ubyte.gz"
            if not path.exists():
                return None
            with gzip.open(path) as file:
                values = np.frombuffer(file.read(), np.uint8, offset=offset)
            shape = (-1, 784) if offset == 16 else (-1,)
            found.append(values.reshape(shape)[:count])
    train, y_train, held, y_held = found
    train, held = (part.astype(np.float32) / np.float32(255) for part in (train, held))
    return Rows("Fashion-MNIST", train, held, (28, 28), (y_train, y_held))


def patches(home, n_rows):
    """Colour patches of the left halves of two photographs; held out: the right."""
    sides = ([], [])
    for image in load_sample_images().images:
        halves = np.array_split(image, 2, axis=1)
        for found, half, count in zip(sides, halves, (n_rows, HELD_OUT), strict=True):
            drawn = extract_patches_2d(
                half, (SIDE, SIDE), max_patches=count // 2, random_state=0
            )
            found.append(drawn.reshape(len(drawn), -1).astype(np.float32) / 255)
    train, held = map(np.concatenate, sides)
    return Rows("photograph patches", train, held, (SIDE, SIDE, 3))


def synthetic(home, n_rows):
    """Unit rows of 384 features around 200 centres, as embeddings of sentences are."""
    X = embeddings(n_rows + HELD_OUT)
    return Rows("synthetic embeddings", X[:n_rows], X[n_rows:])


def digits(home, n_rows):
    """1,200 and 597 scanned digits of 8 x 8, in [0, 1]."""
    X, y = load_digits(return_X_y=True)
    order = np.random.RandomState(0).permutation(len(X))
    X, y = X[order].astype(np.float32) / 16, y[order]
    return Rows("digits", X[:1200], X[1200:], (8, 8), (y[:1200], y[1200:]))


DATA = {"fashion": fashion, "patches": patches, "synthetic": synthetic}
