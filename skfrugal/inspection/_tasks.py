"""The three comparisons of the main job: which models stand beside which."""

import math

import numpy as np
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.kernel_approximation import Nystroem
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, ShuffleSplit
from sklearn.pipeline import make_pipeline
from threadpoolctl import threadpool_limits

from skfrugal.cluster import QuickKMeans
from skfrugal.decomposition import ButterflyTransformer
from skfrugal.inspection._compare import compare
from skfrugal.inspection._datasets import InputError
from skfrugal.inspection._thresholded_pca import ThresholdedPCA
from skfrugal.kernel_ridge import FrugalKernelRidge
from skfrugal.metrics import model_cost

N_CLUSTERS = 64
N_LANDMARKS = 300
KEPT = 4  # one component for so many features
# What the dense twins are tuned over; gamma in units of one over the features.
GRID = {"gamma": (0.1, 0.3, 1.0, 3.0), "alpha": (1e-3, 1e-2, 1e-1)}


def compare_transformers(rows, *, budget=None, random_state=None, progress=None):
    """Compare `ButterflyTransformer` with `PCA`, and PCA at the same multiply-adds.

    PCA gets there in two ways: with fewer components, or with as many of which only
    the largest entries are kept, and a least-squares decoder.

    Parameters
    ----------
    rows : Rows
        Rows of at least two features.
    budget : int, float or None, default=None
        Rotations to store, or their number as a fraction of the entries of PCA's
        components; None is the transformer's own choice.
    random_state : int, RandomState instance or None, default=None
        Seed.
    progress : callable, default=None
        As in :func:`compare`.

    Returns
    -------
    comparison : Comparison
        The score is the fraction of the variance of the held-out rows, about the mean
        of the training rows, that `inverse_transform` brings back.
    """
    n_features = rows.X_train.shape[1]
    largest = min(rows.X_train.shape)
    n_components = min(max(n_features // KEPT, min(2, n_features - 1)), largest)
    settings = {"feature_shape": rows.feature_shape, "random_state": random_state}
    if budget is not None:
        # Any rotation of the space is a product of so many plane rotations.
        most = n_features * (n_features - 1) // 2
        n_rotations = min(_values(budget, n_components * n_features), most)
        settings["depth"] = n_rotations / (n_features / 2 * math.log2(n_features))

    def affordable(fitted):
        # Multiply-adds without those of the mean, which PCA takes, too.
        return model_cost(fitted["ButterflyTransformer"]).multiply_adds - n_features

    def shorter(fitted):
        kept = affordable(fitted) // n_features
        return PCA(min(max(kept, 1), largest), random_state=random_state)

    def thresholded(fitted):
        kept = min(max(affordable(fitted), 1), n_components * n_features)
        return ThresholdedPCA(n_components, kept, random_state=random_state)

    mean = rows.X_train.mean(axis=0)
    return compare(
        [
            ("PCA", PCA(n_components, random_state=random_state)),
            ("ButterflyTransformer", ButterflyTransformer(n_components, **settings)),
            ("PCA (same multiply-adds)", shorter),
            ("PCA (thresholded)", thresholded),
        ],
        rows.X_train,
        rows.X_test,
        scoring=lambda model, X, y: _fraction_kept(model, X, mean),
        progress=progress,
    )


def compare_clusterers(rows, *, budget=None, random_state=None, progress=None):
    """Compare `QuickKMeans`, exact and structured, with `KMeans`.

    Parameters
    ----------
    rows : Rows
        Rows to cluster.
    budget : int, float or None, default=None
        Stored values of the structured centroids, or their fraction of the dense
        ones; None is 1/6, and more where that has no room for two vectors.
    random_state : int, RandomState instance or None, default=None
        Seed, the same for all models.
    progress : callable, default=None
        As in :func:`compare`.

    Returns
    -------
    comparison : Comparison
        The score is the fraction of the variance of the held-out rows that the nearest
        centroids explain: one minus inertia over total.
    """
    n_features = rows.X_train.shape[1]
    n_clusters = max(2, min(N_CLUSTERS, len(rows.X_train) // 10))
    smallest = n_clusters + n_features  # a product of two vectors
    if budget is None and n_clusters * n_features < 6 * smallest:
        budget = smallest
    structured = QuickKMeans(
        n_clusters, assignment="structured", budget=budget, random_state=random_state
    )

    def equally_large(fitted):
        # A dense centroid stores its features and its squared norm.
        affordable = model_cost(fitted["QuickKMeans (structured)"]).stored_values
        kept = min(max(affordable // (n_features + 1), 1), n_clusters)
        return KMeans(kept, random_state=random_state)

    total = np.sum((rows.X_test - rows.X_train.mean(axis=0)) ** 2)
    return compare(
        [
            ("KMeans", KMeans(n_clusters, random_state=random_state)),
            ("QuickKMeans", QuickKMeans(n_clusters, random_state=random_state)),
            ("QuickKMeans (structured)", structured),
            ("KMeans (same storage)", equally_large),
        ],
        rows.X_train,
        rows.X_test,
        scoring=lambda model, X, y: 1 + model.score(X) / total,
        progress=progress,
    )


def compare_regressors(rows, *, budget=None, random_state=None, progress=None):
    """Compare `FrugalKernelRidge` with `KernelRidge`, and `Nystroem` with `Ridge`.

    The twins are tuned on a third of the training rows held out, `FrugalKernelRidge`
    tunes itself; the fit seconds include it.

    Parameters
    ----------
    rows : Rows
        Standardised rows with a target.
    budget : int, float or None, default=None
        Stored values of the landmarks, or their fraction of `KernelRidge`'s training
        rows; None is 300 landmarks, or half the rows where they are fewer than 600.
    random_state : int, RandomState instance or None, default=None
        Seed.
    progress : callable, default=None
        As in :func:`compare`.

    Returns
    -------
    comparison : Comparison
        The score is R^2.
    """
    n_rows, n_features = rows.X_train.shape
    if budget is None:
        n_landmarks = min(N_LANDMARKS, n_rows // 2)
    else:
        n_landmarks = max(_values(budget, n_rows * n_features) // n_features, 1)
        n_landmarks = min(n_landmarks, n_rows)
    gamma = [c / n_features for c in GRID["gamma"]]
    # One split, not three: the main job must end soon.
    split = ShuffleSplit(1, test_size=1 / 3, random_state=random_state)
    dense = GridSearchCV(
        KernelRidge(kernel="rbf"), {"gamma": gamma, "alpha": GRID["alpha"]}, cv=split
    )
    frugal = FrugalKernelRidge(n_landmarks, random_state=random_state)
    nystroem = Nystroem(n_components=n_landmarks, random_state=random_state)
    uniform = GridSearchCV(
        make_pipeline(nystroem, Ridge()),
        {"nystroem__gamma": gamma, "ridge__alpha": GRID["alpha"]},
        cv=split,
    )
    return compare(
        [
            ("KernelRidge", dense),
            ("FrugalKernelRidge", frugal),
            ("Nystroem + Ridge", uniform),
            ("Ridge (no kernel)", Ridge()),
        ],
        rows.X_train,
        rows.X_test,
        rows.y_train,
        rows.y_test,
        progress=progress,
    )


TASKS = {
    "transform": compare_transformers,
    "cluster": compare_clusterers,
    "regress": compare_regressors,
}


def compare_tasks(data, task="all", *, budget=None, random_state=None, progress=None):
    """Run the comparisons of the main job, on one thread.

    Parameters
    ----------
    data : JobData
        Rows, from `load_default_data` or `load_table`.
    task : {"transform", "cluster", "regress", "all"}, default="all"
        Which comparison; "all" is every one for which the data have rows.
    budget : int, float or None, default=None
        An int counts stored values, a float is a fraction of the dense matrix.
    random_state : int, RandomState instance or None, default=None
        Seed.
    progress : callable, default=None
        Called with one sentence before each step.

    Returns
    -------
    comparison : Comparison
        The rows of the tasks, one task after the other.

    Raises
    ------
    InputError
        If the task cannot be done with these data, or a model cannot be fitted.
    """
    tasks = list(data.rows) if task == "all" else [task]
    for name in tasks:
        if name not in data.rows:
            raise InputError(data.unavailable[name])
    try:
        # Times of one thread can be compared, and do not depend on what else runs.
        with threadpool_limits(1):
            comparisons = [
                TASKS[name](
                    data.rows[name],
                    budget=budget,
                    random_state=random_state,
                    progress=progress,
                )
                for name in tasks
            ]
    except ValueError as error:
        raise InputError(" ".join(str(error).split())) from error
    return sum(comparisons[1:], start=comparisons[0])


def _values(budget, n_dense):
    """Stored values that a budget allows beside a dense matrix of `n_dense` entries."""
    return budget if isinstance(budget, int) else max(int(budget * n_dense), 1)


def _fraction_kept(model, X, mean):
    error = np.sum((X - model.inverse_transform(model.transform(X))) ** 2)
    return 1 - error / np.sum((X - mean) ** 2)
