"""QuickKMeans with structured centroids."""

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_digits, make_blobs
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV

from skfrugal.cluster import QuickKMeans
from skfrugal.cluster._structured import _AssignedSums
from skfrugal.structures import Butterfly, LowRank, SparseProduct


@pytest.fixture(scope="module")
def planted():
    """Rows around 32 centroids that make a rank-two matrix."""
    rng = np.random.RandomState(0)
    centers = 4 * rng.randn(32, 2) @ rng.randn(2, 24)
    return centers, centers[rng.randint(32, size=1500)] + 0.1 * rng.randn(1500, 24)


STRUCTURES = [
    ("auto", None),
    ("auto", 0.4),
    ("low_rank", 200),
    ("monarch", 0.9),
    ("butterfly", 0.9),
    ("dense", 1.0),
    ("sparse_product", 200),
    (LowRank(rank=3), None),
    (Butterfly(), None),
    (SparseProduct(250, transform="dct", feature_shape=(4, 6)), None),
    (SparseProduct(300, transform="rotations", quantize=True), None),
    (SparseProduct(250, n_factors=3), None),
]


# Few parameters cannot keep 32 clusters apart.
@pytest.mark.filterwarnings("ignore:Number of distinct clusters")
@pytest.mark.parametrize("structure, budget", STRUCTURES)
@pytest.mark.parametrize("container", [np.asarray, sp.csr_array])
def test_structured_fit_is_consistent(planted, structure, budget, container):
    X = planted[1][:600]
    weight = np.random.RandomState(1).rand(600)
    ours = QuickKMeans(
        32,
        assignment="structured",
        structure=structure,
        budget=budget,
        max_iter=10,
        random_state=0,
    ).fit(container(X), sample_weight=weight)
    size = 32 * 24
    if budget is not None or structure == "auto":
        allowed = budget or 1 / 6
        allowed = allowed if isinstance(allowed, int) else allowed * size
        assert ours.operator_.nnz <= allowed
    if structure != "dense" and not isinstance(structure, Butterfly):
        assert ours.operator_.nnz < size
    assert len(ours.objectives_) == ours.n_iter_
    assert np.all(np.diff(ours.objectives_) <= 0)
    # The reported inertia and labels are those of the structured centroids.
    centers = ours.operator_.toarray()
    squared = np.sum((X[:, None] - centers) ** 2, axis=2)
    assert_array_equal(ours.labels_, squared.argmin(axis=1))
    assert_array_equal(ours.predict(container(X)), ours.labels_)
    assert_allclose(ours.inertia_, weight @ squared.min(axis=1), rtol=1e-9)
    assert_allclose(ours.inertia_, ours.objectives_[-1], rtol=1e-12)
    assert_allclose(ours.transform(container(X)), np.sqrt(squared), rtol=1e-9)
    assert_array_equal(ours.cluster_centers_, centers)
    assert not ours.cluster_centers_.flags.writeable


def test_structured_fit_finds_planted_structure(planted):
    centers, X = planted
    dense = QuickKMeans(32, init=centers).fit(X)
    ours = QuickKMeans(
        32, init=centers, assignment="structured", structure=LowRank(rank=2)
    ).fit(X)
    assert ours.operator_.nnz == 2 * (32 + 24)
    assert ours.inertia_ < 1.05 * dense.inertia_
    # Structure that the centroids do not have costs: the guarantee is not trivial.
    worse = clone(ours).set_params(structure=LowRank(rank=1)).fit(X)
    assert worse.inertia_ > 2 * ours.inertia_
    assert worse.projection_error_ > ours.projection_error_


def test_structured_dense_fit_is_lloyd():
    # The projection on "dense" is the identity.
    X = np.random.RandomState(0).randn(1000, 8)
    params = {"n_clusters": 6, "random_state": 0, "tol": 0}
    exact = QuickKMeans(**params).fit(X)
    ours = QuickKMeans(**params, assignment="structured", structure="dense").fit(X)
    assert_array_equal(ours.labels_, exact.labels_)
    assert_allclose(ours.inertia_, exact.inertia_)
    assert ours.projection_error_ < 1e-10


def test_structured_runs_keep_the_best(planted):
    X = planted[1]
    # Low rank draws nothing, so that all starts come from one sequence.
    params = {"n_clusters": 32, "assignment": "structured", "init": "random"}
    params["structure"] = "low_rank"
    rng = np.random.RandomState(4)
    singles = [
        QuickKMeans(**params, n_init=1, random_state=rng).fit(X).inertia_
        for _ in range(3)
    ]
    several = QuickKMeans(**params, n_init=3, random_state=4).fit(X)
    assert len(set(singles)) > 1
    assert_allclose(several.inertia_, min(singles))


def test_structured_empty_clusters_are_relocated():
    rng = np.random.RandomState(0)
    X = make_blobs(200, 8, centers=6, random_state=0)[0]
    init = np.vstack([X[:5], 1e3 + rng.randn(1, 8)])
    ours = QuickKMeans(
        6, init=init, assignment="structured", structure="low_rank", budget=60
    ).fit(X)
    assert len(set(ours.labels_)) == 6


def test_structured_warning_names_the_budget():
    ours = QuickKMeans(
        8, assignment="structured", structure="butterfly", budget=0.5, random_state=0
    )
    # The samples are distinct: it is the centroids that are too few values.
    X = load_digits().data[200:600]
    assert len(np.unique(X, axis=0)) == 400
    with pytest.warns(ConvergenceWarning, match="structured centroids; pass a larger"):
        ours.fit(X)
    assert len(set(ours.labels_)) < 8


def test_structure_parameters_can_be_searched(planted):
    X = planted[1][:400]
    search = GridSearchCV(
        QuickKMeans(
            16, assignment="structured", structure=LowRank(), max_iter=5, random_state=0
        ),
        {"structure__rank": [1, 2]},
        cv=2,
    ).fit(X)
    assert search.best_params_ == {"structure__rank": 2}
    search = GridSearchCV(
        QuickKMeans(16, assignment="structured", max_iter=5, random_state=0),
        {"budget": [60, 0.5]},
        cv=2,
    ).fit(X)
    assert search.best_params_ == {"budget": 0.5}


def test_sums_of_clusters_that_lose_their_weight_are_exact():
    X = np.random.RandomState(0).standard_normal((40, 3))
    weight, labels = np.ones(40), np.full(40, 2, dtype=np.int32)
    # Cluster 0 keeps a row of little weight, cluster 1 one of none.
    weight[[1, 6]], weight[3:6] = (1e-15, 0), (0.1, 0.2, 0.3)
    labels[[0, 1]], labels[3:7] = 0, 1
    rows = _AssignedSums(X, weight, labels, X[:3])
    labels = labels.copy()
    labels[[0, 3, 4, 5]] = 2
    moved = rows.assigned(labels)
    assert moved.counts[0] == 1e-15
    assert_array_equal(moved.sums[0], 1e-15 * X[1])
    assert moved.counts[1] == 0
    assert not moved.sums[1].any()
