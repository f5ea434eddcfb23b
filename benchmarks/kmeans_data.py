"""The rows that `bench_kmeans.py` looks for the nearest centroids of."""

import gzip
from pathlib import Path

import numpy as np


def images(home, n_rows):
    """Title and rows: Fashion-MNIST in [0, 1], or low-rank images as wide."""
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
    """Gaussian balls of unit variance around uniform centres."""
    rng = np.random.RandomState(0)
    centers = rng.uniform(-10, 10, size=(n_groups, n_features))
    X = centers[rng.randint(n_groups, size=n_rows)]
    return (X + rng.standard_normal(X.shape)).astype(np.float32)


def standardised(X):
    """Columns of mean 0 and variance 1: heavy tails where pixels were mostly dark."""
    scale = X.std(axis=0)
    scale[scale == 0] = 1
    return (X - X.mean(axis=0)) / scale


def other_data(home, n_rows, sizes):
    """Title -> rows and numbers of clusters."""
    rng = np.random.RandomState(0)
    uniform = rng.uniform(size=(n_rows, 784)).astype(np.float32)
    narrow = rng.uniform(size=(n_rows, 32)).astype(np.float32)
    plane = rng.standard_normal((5 * n_rows, 2)).astype(np.float32)
    return {
        "embeddings d=384": (embeddings(n_rows), sizes),
        "uniform d=784": (uniform, sizes),
        "blobs d=128": (blobs(n_rows), sizes),
        "standardised images": (standardised(images(home, n_rows)[1]), sizes),
        "uniform d=32": (narrow, sizes),
        "normal d=2": (plane, (8,)),
    }


def halves(X):
    """Rows to fit, and rows that the fit does not see."""
    half = len(X) // 2
    return X[:half], np.ascontiguousarray(X[half:])


def write_rows(path, n_rows, n_features):
    """Write float32 rows of a rank-12 signal with noise, a block at a time."""
    rows = np.memmap(path, np.float32, "w+", shape=(n_rows, n_features))
    basis = np.random.RandomState(0).standard_normal((12, n_features))
    for i in range(0, n_rows, 10**5):
        rng = np.random.RandomState(i)
        part = rows[i : i + 10**5]
        part[:] = rng.standard_normal((len(part), 12)) @ basis
        part += 0.3 * rng.standard_normal(part.shape)
    rows.flush()
