"""Section on `ButterflyTransformer`, beside PCA and its frugal forms."""

import numpy as np
from sklearn.decomposition import PCA
from timing import least
from transformer_data import digits, fashion, graph_signals, patches, wide_rows
from transformers_goals import Goal, report

from skfrugal.decomposition import ButterflyTransformer


def squared_error(model, X):
    """Of the reconstruction of the rows."""
    decoded = model.inverse_transform(model.transform(X))
    return float(np.sum((X - decoded) ** 2, dtype=np.float64))


class ThresholdedPCA:
    """PCA with the largest entries of its components, and a regression back."""

    def __init__(self, n_components, n_entries):
        self.n_components, self.n_entries = n_components, n_entries

    def fit(self, X):
        """Keep `n_entries` of the components; regress the rows on the coordinates."""
        components = PCA(self.n_components, svd_solver="covariance_eigh").fit(X)
        components = components.components_
        size = abs(components).ravel()
        smallest = np.partition(size, -self.n_entries)[-self.n_entries]
        self.mean = X.mean(axis=0)
        self.components = np.where(abs(components) >= smallest, components, 0)
        coordinates = self.transform(X)
        self.decoder = np.linalg.lstsq(coordinates, X - self.mean, rcond=None)[0]
        return self

    def transform(self, X):
        return (X - self.mean) @ self.components.T

    def inverse_transform(self, Z):
        return Z @ self.decoder + self.mean


def compare_errors(title, train, test, variants):
    """Held-out errors over PCA's; variants: (parameters, goal), the first one first."""
    n = train.shape[1]
    k = n // 8
    print(f"\n{title}: {len(train):,} + {len(test):,} rows, N={n}, k={k}")
    least = squared_error(PCA(k, svd_solver="covariance_eigh").fit(train), test)
    figures = []
    for position, (parameters, goal) in enumerate(variants):
        model = ButterflyTransformer(k, **parameters).fit(train)
        label = ", ".join(f"{name}={value}" for name, value in parameters.items())
        error = squared_error(model, test) / least
        n_adds = model.operator_.flops // 2
        name = f"{label} ({n_adds / (k * n):.2f} of the flops)"
        figures.append(report(name, error, goal))
        if position == 0:
            equal = PCA(max(1, n_adds // n)).fit(train)
            thresholded = ThresholdedPCA(k, min(n_adds, k * n)).fit(train)
            peers = {"PCA, as many flops": equal, "thresholded PCA": thresholded}
            for name, peer in peers.items():
                figures.append(report(name, squared_error(peer, test) / least))
    return {"data": title, "n_components": k, "figures": figures}


def pca_errors(home, quick):
    """Print and return held-out errors on four kinds of rows."""
    n_train, n_test = (2000, 1000) if quick else (20_000, 5000)
    found = [
        compare_errors(
            "patches of photographs, 16 x 16",
            *patches(n_train, n_test),
            [
                ({"depth": 2, "feature_shape": (16, 16)}, Goal(1.00)),
                ({"depth": 1, "feature_shape": (16, 16)}, None),
                ({"depth": 2}, None),
            ],
        ),
        compare_errors(
            "digits, 8 x 8",
            *digits(),
            [
                ({"depth": 2}, Goal(1.03)),
                ({"depth": 2, "decoder": "least_squares"}, None),
                ({"depth": 2, "feature_shape": (8, 8)}, None),
            ],
        ),
        compare_errors(
            "signals on a random geometric graph",
            *graph_signals(n_train, n_test),
            [({"depth": 2}, Goal(1.01)), ({"depth": 1}, None)],
        ),
    ]
    rows = fashion(home, n_train, n_test)
    if rows is None:
        print("\nFashion-MNIST is not there, and left out")
        return found
    shape = {"feature_shape": (32, 32)}
    variants = [
        ({"depth": 2, **shape}, Goal(1.12)),
        ({"depth": 2, **shape, "decoder": "least_squares"}, Goal(1.05)),
        ({"depth": 2, **shape, "core": 256}, Goal(1.05)),
        ({"depth": 3, **shape}, Goal(1.08)),
        ({"depth": 5, **shape}, Goal(1.05)),
        ({"depth": 2}, None),
        ({"depth": 3}, None),
        ({"depth": 5}, None),
    ]
    return [*found, compare_errors("Fashion-MNIST, 32 x 32", *rows, variants)]


def pca_few_rows():
    """Print and return errors of models that saw 200 patches."""
    train, test = patches(200, 5000)
    shape = {"feature_shape": (16, 16)}
    variants = [
        ({"depth": "cv", **shape}, Goal(0.95)),
        ({"depth": 2, **shape}, None),
        ({"depth": "cv"}, None),
        ({"depth": 2}, None),
    ]
    return compare_errors("200 patches of photographs", train, test, variants)


def pca_times(home, quick):
    """Print and return how much faster transforms are, and how much slower fits."""
    X = wide_rows(home, 2000 if quick else 10_000)
    rows = X[:1000].copy()
    n = X.shape[1]
    figures = []
    print(f"\ntransform of 1,000 float32 rows, N={n}, depth 2: times faster than PCA")
    for k, bound in ((n, 15), (n // 4, 4), (n // 8, 2)):
        dense = PCA(k, svd_solver="covariance_eigh").fit(X)
        ours = ButterflyTransformer(k).fit(X)
        calls = {
            "dense": lambda m=dense: m.transform(rows),
            "ours": lambda m=ours: m.transform(rows),
            "dense product": lambda m=dense: rows @ m.components_.T,
            "product": lambda m=ours: rows @ m.operator_.T,
        }
        taken = least(calls, 20 if quick else 200)
        ratio = taken["dense"] / taken["ours"]
        name = f"k={k}, {taken['ours'] * 1e6 / len(rows):.2f} us a row"
        figures.append(report(name, ratio, Goal(bound, is_least=True)))
        ratio = taken["dense product"] / taken["product"]
        figures.append(report("the product alone", ratio))
    print(f"\nfit, {len(X):,} rows, N={n}, depth 2: times as long as PCA")
    dense = PCA(n // 8, svd_solver="covariance_eigh")
    ours = ButterflyTransformer(n // 8)
    calls = {"dense": lambda: dense.fit(X), "ours": lambda: ours.fit(X)}
    seconds = least(calls, 2 if quick else 5)
    name = f"{seconds['ours']:.2f} s against {seconds['dense']:.2f} s"
    figures.append(report(name, seconds["ours"] / seconds["dense"], Goal(3)))
    return figures


def pca(home, quick):
    """Print and return all of the section."""
    return {
        "errors": pca_errors(home, quick),
        "few_rows": pca_few_rows(),
        "times": pca_times(home, quick),
    }
