"""Sections on what is drawn: random projections, and random Fourier features."""

import numpy as np
from scipy.optimize import brentq
from scipy.spatial.distance import pdist
from sklearn.datasets import load_sample_images
from sklearn.feature_extraction.image import extract_patches_2d
from sklearn.kernel_approximation import RBFSampler
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.random_projection import (
    GaussianRandomProjection,
    SparseRandomProjection,
    johnson_lindenstrauss_min_dim,
)
from timing import least
from transformer_data import wide_rows
from transformers_goals import Goal, report

from skfrugal.kernel_approximation import StructuredRBFSampler
from skfrugal.random_projection import StructuredRandomProjection

PROJECTIONS = {
    "structured": StructuredRandomProjection,
    "Gaussian": GaussianRandomProjection,
    "sparse": SparseRandomProjection,
}
# How many times faster than each of them `transform` should be.
FASTER = {"Gaussian": 10, "sparse": 2}


def allowed_eps(n_rows, n_components):
    """The eps for which Johnson and Lindenstrauss ask for so many components."""
    # Real numbers of components, where scikit-learn rounds down.
    return brentq(
        lambda eps: johnson_lindenstrauss_min_dim(n_rows, eps=eps) - n_components,
        1e-3,
        0.999,
    )


def held_out(n_rows, n=4096):
    """Name and float32 rows: noise, 64 x 64 patches of a photograph, single entries."""
    # A seed of its own: the Gaussian projection would draw the same numbers.
    rng = np.random.RandomState(1000)
    yield "normal rows", rng.standard_normal((n_rows, n)).astype(np.float32)
    image = load_sample_images().images[0].mean(axis=2) / 255
    found = extract_patches_2d(image, (64, 64), max_patches=n_rows, random_state=1)
    yield "patches of a photograph", found.reshape(n_rows, n).astype(np.float32)
    single = np.zeros((n_rows, n), np.float32)
    single[np.arange(n_rows), rng.permutation(n)[:n_rows]] = 1
    yield "rows of one entry", single


def distortion(model, rows):
    """Largest relative change of a squared distance."""
    # In double precision: neighbouring patches are close.
    projected = model.transform(rows).astype(np.float64)
    before = pdist(rows.astype(np.float64), "sqeuclidean")
    apart = before > 0  # some patches are the same
    ratio = pdist(projected, "sqeuclidean")[apart] / before[apart]
    return float(abs(ratio - 1).max())


def projection_times(n_repeats, n=4096, n_components=1024):
    """Print and return how much faster than each twin the projection is."""
    rows = np.random.RandomState(0).standard_normal((1000, n)).astype(np.float32)
    models = {
        name: made(n_components, random_state=0) for name, made in PROJECTIONS.items()
    }
    fits = {name: lambda m=model: m.fit(rows) for name, model in models.items()}
    seconds = least(fits, 3)
    calls = {name: lambda m=model: m.transform(rows) for name, model in models.items()}
    taken = least(calls, n_repeats)
    micro = taken["structured"] * 1e6 / len(rows)
    print(f"\n1,000 float32 rows, {n} -> {n_components}, {micro:.2f} us a row")
    figures = []
    for name, bound in FASTER.items():
        ratio = taken[name] / taken["structured"]
        goal = Goal(bound, is_least=True)
        figures.append(report(f"transform, times faster than {name}", ratio, goal))
    for name in FASTER:
        ratio = seconds[name] / seconds["structured"]
        figures.append(report(f"fit, times faster than {name}", ratio))
    return figures


def projection_distortions(n_seeds, n_rows=300, n_components=1024):
    """Print and return the largest distortions over `n_seeds` draws."""
    eps = allowed_eps(n_rows, n_components)
    print(f"\nlargest distortion over eps = {eps:.3f}, {n_rows} rows, {n_seeds} draws")
    figures = []
    for title, rows in held_out(n_rows):
        for name, made in PROJECTIONS.items():
            drawn = (
                made(n_components, random_state=seed).fit(rows)
                for seed in range(n_seeds)
            )
            worst = max(distortion(model, rows) for model in drawn)
            goal = Goal(1) if name == "structured" else None
            figures.append(report(f"{title}, {name}", worst / eps, goal))
    return figures


def projection(home, quick):
    """Print and return all of the section."""
    return {
        "times": projection_times(20 if quick else 200),
        "distortions": projection_distortions(2 if quick else 10),
    }


def feature_times(X, n_repeats):
    """Print and return how much faster than `RBFSampler` the features are."""
    rows = X[:1000].copy()
    figures = []
    for n_components in (4096, 8192):
        options = {"n_components": n_components, "gamma": "scale", "random_state": 0}
        dense = RBFSampler(**options).fit(X)
        ours = StructuredRBFSampler(**options).fit(X)
        calls = {
            "dense": lambda m=dense: m.transform(rows),
            "product": lambda m=dense: rows @ m.random_weights_,
            "ours": lambda m=ours: m.transform(rows),
            "our product": lambda m=ours: rows @ m.operator_.T,
        }
        taken = least(calls, n_repeats)
        micro = taken["ours"] * 1e6 / len(rows)
        print(
            f"\n1,000 float32 rows, {rows.shape[1]} -> {n_components}, "
            f"{micro:.2f} us a row"
        )
        for name, goal in (("dense", Goal(20, is_least=True)), ("product", None)):
            title = {"dense": "RBFSampler", "product": "its product alone"}[name]
            ratio = taken[name] / taken["ours"]
            figures.append(report(f"transform, times faster than {title}", ratio, goal))
        ratio = taken["product"] / taken["our product"]
        figures.append(report("product alone, times faster", ratio))
    return figures


def kernel_error(features, kernel):
    """Relative error of the kernel values, in the Frobenius norm."""
    return np.linalg.norm(features @ features.T - kernel) / np.linalg.norm(kernel)


def feature_errors(X, n_seeds, n_rows=500):
    """Print and return mean errors of kernel values over those of `RBFSampler`."""
    train, rows = X[n_rows:], X[:n_rows].astype(np.float64)
    scale = 1 / (train.shape[1] * train.var())
    print(f"\nerror over RBFSampler's, {n_rows} held-out rows, {n_seeds} draws")
    figures = []
    for times in (0.25, 1, 4):
        kernel = rbf_kernel(rows, gamma=times * scale)
        for n_components in (4096, 8192):
            options = {"n_components": n_components, "gamma": times * scale}
            errors = {}
            for made in (RBFSampler, StructuredRBFSampler):
                drawn = (made(random_state=i, **options) for i in range(n_seeds))
                found = [kernel_error(m.fit_transform(rows), kernel) for m in drawn]
                errors[made] = float(np.mean(found))
            ratio = errors[StructuredRBFSampler] / errors[RBFSampler]
            name = f"gamma = {times:g} scale, {n_components} features"
            name += f" ({errors[StructuredRBFSampler]:.4f})"
            figures.append(report(name, ratio, Goal(1)))
    return figures


def features(home, quick):
    """Print and return all of the section."""
    X = wide_rows(home, 2000)
    return {
        "times": feature_times(X, 5 if quick else 50),
        "errors": feature_errors(X, 2 if quick else 30),
    }
