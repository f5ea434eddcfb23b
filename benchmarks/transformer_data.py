"""The rows that `bench_transformers.py` learns transforms of: training and held out."""

import gzip
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits, load_sample_images
from sklearn.feature_extraction.image import extract_patches_2d
from sklearn.neighbors import radius_neighbors_graph


def patches(n_train, n_test, side=16):
    """Grey patches: of the left halves of two photographs, and of the right ones."""
    halves = {"train": [], "test": []}
    for image in load_sample_images().images:
        left, right = np.array_split(image.mean(axis=2) / 255, 2, axis=1)
        for name, half, count in (("train", left, n_train), ("test", right, n_test)):
            found = extract_patches_2d(
                half, (side, side), max_patches=count // 2, random_state=0
            )
            halves[name].append(found.reshape(len(found), -1))
    return tuple(np.vstack(parts).astype(np.float32) for parts in halves.values())


def digits():
    """1,200 and 597 scanned digits of 8 x 8."""
    X = load_digits().data.astype(np.float32)
    X = X[np.random.RandomState(0).permutation(len(X))]
    return X[:1200], X[1200:]


def graph_signals(n_train, n_test, n=256):
    """Smooth Gaussian signals on a random geometric graph.

    Their covariance is (L + I / 10)^-1, L the Laplacian of points in the unit square
    which are joined up to a distance of 0.12.
    """
    rng = np.random.RandomState(0)
    points = rng.uniform(size=(n, 2))
    joined = radius_neighbors_graph(points, 0.12).toarray()
    laplacian = np.diag(joined.sum(axis=1)) - joined
    factor = np.linalg.cholesky(np.linalg.inv(laplacian + np.eye(n) / 10))
    rows = rng.standard_normal((n_train + n_test, n)) @ factor.T
    rows = rows.astype(np.float32)
    return rows[:n_train], rows[n_train:]


def fashion(home, n_train, n_test):
    """Fashion-MNIST padded to 32 x 32, in [0, 1]; None if it is not there."""
    files = ("train-images-idx3-ubyte.gz", "t10k-images-idx3-ubyte.gz")
    paths = [Path(home or ".") / "fashion-mnist" / name for name in files]
    if not all(path.exists() for path in paths):
        return None
    sets = []
    for path, count in zip(paths, (n_train, n_test), strict=True):
        with gzip.open(path) as file:
            pixels = np.frombuffer(file.read(), np.uint8, offset=16)
        images = pixels.reshape(-1, 28, 28)[:count].astype(np.float32) / 255
        sets.append(np.pad(images, ((0, 0), (2, 2), (2, 2))).reshape(-1, 1024))
    return tuple(sets)


def wide_rows(home, n_rows, n=1024):
    """Fashion-MNIST, or smooth rows as wide."""
    rows = fashion(home, n_rows, 1)
    if rows is not None:
        return rows[0]
    rng = np.random.RandomState(0)
    basis = rng.standard_normal((n, n)) * np.arange(1, n + 1)[:, None] ** -1.0
    return (rng.standard_normal((n_rows, n)) @ basis).astype(np.float32)
