"""The labels of the filter are those of the float64 comparison by differences."""

import numpy as np
import pytest

from skfrugal import _kernels
from skfrugal.operators._assigned_rows import AssignedRows
from skfrugal.operators._fused_nearest import TIERS, NearestPoints
from skfrugal.operators._nearest_dense import DenseNearest

TABLES = _kernels.tables()
TABLES_AND_NONE = {"reference": None} | TABLES
TIERS_OF = [("reference", "dense")] + [
    (name, tier)
    for name, table in TABLES.items()
    for tier in TIERS
    if tier != "copy8" or table.dot8
]


def reference_distances(X, points):
    """Slow and obvious: long double differences."""
    out = np.empty((len(X), len(points)), dtype=np.longdouble)
    for k, point in enumerate(points):
        difference = X.astype(np.longdouble) - point.astype(np.longdouble)
        out[:, k] = np.sum(difference**2, axis=1)
    return out


def assert_nearest(labels, X, points):
    distances = reference_distances(X, points)
    rows = np.arange(len(X))
    best = distances.argmin(axis=1)
    # two sums of d squares in float64 may differ from these by d roundings
    allowed = distances[rows, best] * (1 + 4e-16 * (X.shape[1] + 8))
    assert np.all(distances[rows, labels] <= allowed)
    same = np.all(distances[rows, labels] == distances[rows, best])
    if same and np.array_equal(X, np.rint(X)) and np.abs(X).max(initial=0) < 2**20:
        np.testing.assert_array_equal(labels, best)  # exact sums: ties to the lowest


def _near_ties(rng, n, d, k):
    points = rng.standard_normal((k, d))
    a, b = points[rng.randint(k, size=n)], points[rng.randint(k, size=n)]
    return (a + b) / 2 + 1e-7 * rng.standard_normal((n, d)), points


def _duplicates(rng, n, d, k):
    points = np.repeat(rng.standard_normal((-(-k // 3), d)), 3, axis=0)[:k]
    X = points[rng.randint(k, size=n)] + 0.1 * rng.standard_normal((n, d))
    X[::3] = X[0]
    X[::5] = points[rng.randint(k, size=len(X[::5]))]
    return X, points


def _huge_coordinate(rng, n, d, k):
    X, points = rng.standard_normal((n, d)), rng.standard_normal((k, d))
    X[n // 2, d // 2] = 1e18
    X[n // 3, 0] = -1e30
    return X, points


def _huge_point(rng, n, d, k):
    X, points = rng.standard_normal((n, d)), rng.standard_normal((k, d))
    points[k // 2, d // 2] = 1e12
    return X, points


def _one_hot(rng, n, d, k):
    return np.eye(d)[rng.randint(d, size=n)], rng.uniform(size=(k, d)) / d


def _pixels(rng, n, d, k):
    return rng.randint(256, size=(n, d)) * 1.0, rng.randint(256, size=(k, d)) * 1.0


def _coarse_pixels(rng, n, d, k):
    return rng.randint(3, size=(n, d)) * 1.0, rng.randint(3, size=(k, d)) * 1.0


def _constant(rng, n, d, k):
    return np.full((n, d), 3.0), np.full((k, d), 3.0)


def _offset(rng, n, d, k):
    X, points = rng.standard_normal((n, d)), rng.standard_normal((k, d))
    return X + 1e4, points + 1e4


def _heavy_tails(rng, n, d, k):
    return rng.standard_cauchy((n, d)), rng.standard_cauchy((k, d))


def _low_rank(rng, n, d, k):
    basis = rng.standard_normal((3, d))
    return rng.standard_normal((n, 3)) @ basis, rng.standard_normal((k, 3)) @ basis


def _unit_norm(rng, n, d, k):
    points = rng.standard_normal((k, d))
    X = points[rng.randint(k, size=n)] + rng.standard_normal((n, d))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    return X / np.linalg.norm(X, axis=1, keepdims=True), points


def _mixed_scales(rng, n, d, k):
    X, points = rng.standard_normal((n, d)), rng.standard_normal((k, d))
    return X * 10.0 ** rng.uniform(-30, 30, size=(n, 1)), points


DATA = {
    f.__name__[1:]: f
    for f in (
        _near_ties, _duplicates, _huge_coordinate, _huge_point, _one_hot, _pixels,
        _coarse_pixels, _constant, _offset, _heavy_tails, _low_rank, _unit_norm,
        _mixed_scales,
    )
}  # fmt: skip
SHAPES = [(70, 1, 1), (61, 3, 5), (95, 17, 64), (50, 64, 65), (40, 100, 130)]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", DATA)
@pytest.mark.parametrize(("name", "tier"), TIERS_OF)
def test_labels_are_the_exact_nearest(name, tier, kind, dtype):
    rng = np.random.RandomState(0)
    for n, d, k in SHAPES:
        X, points = (a.astype(dtype) for a in DATA[kind](rng, n, d, k))
        nearest = NearestPoints(points, kernels=TABLES_AND_NONE[name], tier=tier)
        assert_nearest(nearest.labels(X), X, points)


@pytest.mark.parametrize("kind", DATA)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", TABLES)
def test_wrong_guesses_do_not_change_labels(name, kind, dtype):
    rng = np.random.RandomState(4)
    X, points = (a.astype(dtype) for a in DATA[kind](rng, 131, 67, 75))
    nearest = NearestPoints(points, kernels=TABLES[name], tier="rotated")
    expected = nearest.labels(X)
    for guess in (rng.randint(75, size=131), np.full(131, 37), expected):
        labels = guess.astype(np.int32)
        nearest.search_all(X, labels, guess=True)
        np.testing.assert_array_equal(labels, expected)


@pytest.mark.parametrize("scale", [1e-42, 1e-36, 1e-30, 1e-10, 1e10, 1e18, 1e30])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("name", "tier"), TIERS_OF)
def test_labels_are_exact_at_any_scale(name, tier, dtype, scale):
    rng = np.random.RandomState(1)
    X, points = (a * scale for a in _near_ties(rng, 60, 40, 70))
    X, points = X.astype(dtype), points.astype(dtype)
    nearest = NearestPoints(points, kernels=TABLES_AND_NONE[name], tier=tier)
    assert_nearest(nearest.labels(X), X, points)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("name", "tier"), TIERS_OF)
def test_rows_of_any_magnitude_are_exact_beside_each_other(name, tier, dtype):
    for seed in range(12):
        rng = np.random.RandomState(seed)
        for n, d, k in ((40, 1, 1), (40, 2, 5), (30, 20, 40)):
            X, points = (a.astype(dtype) for a in _mixed_scales(rng, n, d, k))
            points *= dtype(10.0 ** rng.randint(-18, 18))
            nearest = NearestPoints(points, kernels=TABLES_AND_NONE[name], tier=tier)
            assert_nearest(nearest.labels(X), X, points)


@pytest.mark.parametrize("scale", [1e-310, 1e-200, 1e200])
def test_labels_are_exact_for_extreme_float64(scale):
    rng = np.random.RandomState(2)
    X, points = (
        rng.standard_normal((50, 6)) * scale,
        rng.standard_normal((9, 6)) * scale,
    )
    expected = DenseNearest(points / scale, None).labels(X / scale)
    for table in TABLES.values():
        labels = NearestPoints(points, kernels=table).labels(X)
        np.testing.assert_array_equal(labels, expected)


@pytest.mark.parametrize("name", TABLES)
def test_rows_unlike_the_sample_are_exact(name):
    rng = np.random.RandomState(3)
    points = rng.uniform(size=(100, 48)).astype(np.float32)
    nearest = NearestPoints(points, kernels=TABLES[name], tier="rotated")
    nearest.labels(points[:50])
    for X in (10 * rng.standard_normal((99, 48)), rng.uniform(size=(99, 48)) + 5):
        X = X.astype(np.float32)
        assert_nearest(nearest.labels(X), X, points)


@pytest.mark.parametrize("name", TABLES)
def test_squared_distances_are_those_of_the_labels(name):
    rng = np.random.RandomState(4)
    X, points = _near_ties(rng, 77, 30, 20)
    labels, squared = NearestPoints(points, kernels=TABLES[name]).labels(
        X, return_squared=True
    )
    expected = np.sum((X - points[labels]) ** 2, axis=1)
    np.testing.assert_allclose(squared, expected, rtol=32 * np.finfo(float).eps)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("name", "tier"), TIERS_OF)
def test_assigned_rows_follow_moving_points(name, tier, weighted):
    rng = np.random.RandomState(5)
    X = rng.standard_normal((150, 33)).astype(np.float32)
    X[7] = 1e6  # not for the integers
    weight = rng.uniform(0.5, 2, size=len(X)) if weighted else None
    points = X[20:32].copy()
    rows = AssignedRows(
        X, points, sample_weight=weight, kernels=TABLES_AND_NONE[name], tier=tier
    )
    share = np.ones(len(X)) if weight is None else weight
    for step in range(6):
        before = rows.labels
        changed = rows.assign(points)
        assert_nearest(rows.labels, X, points)
        assert changed == np.count_nonzero(before != rows.labels)
        member = (rows.labels[:, None] == np.arange(len(points))) * share[:, None]
        expected = member.T @ X.astype(np.float64)
        np.testing.assert_allclose(rows.weights, member.sum(axis=0), rtol=1e-12)
        np.testing.assert_allclose(rows.sums, expected, rtol=1e-9, atol=1e-9)
        points = (
            points + rng.standard_normal(points.shape) * 10.0 ** (step - 3)
        ).astype(np.float32)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("name", "tier"), TIERS_OF)
def test_numbers_that_are_not_finite_raise(name, tier, dtype, value):
    rng = np.random.RandomState(6)
    X = rng.standard_normal((300, 40)).astype(dtype)
    nearest = NearestPoints(X[:50].copy(), kernels=TABLES_AND_NONE[name], tier=tier)
    nearest.labels(X)
    X[171, 23] = value
    with pytest.raises(ValueError, match="NaN or infinity"):
        nearest.labels(X)


@pytest.mark.parametrize("name", TABLES)
def test_tier_is_chosen_by_counts_and_labels_do_not_depend_on_it(name):
    rng = np.random.RandomState(7)
    basis = rng.standard_normal((8, 128)) / 8
    X = rng.standard_normal((4000, 8)) @ basis + 0.02 * rng.standard_normal((4000, 128))
    X = X.astype(np.float32)
    points = X[:600].copy()
    runs = [NearestPoints(points, kernels=TABLES[name]) for _ in range(2)]
    labels = [run.labels(X) for run in runs]
    assert runs[0].report() == runs[1].report()
    assert runs[0].tier not in ("dense", "direct")
    for tier in TIERS:
        if tier != "copy8" or TABLES[name].dot8:
            forced = NearestPoints(points, kernels=TABLES[name], tier=tier)
            np.testing.assert_array_equal(forced.labels(X), labels[0])


def test_no_filter_is_built_for_a_few_rows():
    points = np.random.RandomState(8).standard_normal((100, 100))
    nearest = NearestPoints(points, kernels=TABLES["baseline"])
    nearest.labels(points[:3])
    assert nearest.tier == "dense"
    assert nearest.filter is None


@pytest.mark.parametrize(("name", "tier"), TIERS_OF)
def test_points_far_from_the_others_are_candidates(name, tier):
    rng = np.random.RandomState(9)
    points = rng.uniform(size=(130, 100)).astype(np.float32)
    points[[3, 64, 129]] *= 30
    X = rng.uniform(size=(400, 100)).astype(np.float32)
    X[::7] = 10 * X[::7]
    X[::50] = points[64] + rng.uniform(size=(8, 100)).astype(np.float32)
    nearest = NearestPoints(points, kernels=TABLES_AND_NONE[name], tier=tier)
    assert_nearest(nearest.labels(X), X, points)
    rows = AssignedRows(X, points, kernels=TABLES_AND_NONE[name], tier=tier)
    for _ in range(3):
        rows.assign(points)
        assert_nearest(rows.labels, X, points)
        points = points[::-1].copy()
