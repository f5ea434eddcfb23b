"""Projections against exhaustive search and least squares."""

from itertools import product

import numpy as np
import pytest
from scipy.linalg import circulant, hankel, toeplitz

from skfrugal.constraints import (
    AntiCirculant,
    Circulant,
    Hankel,
    Intersection,
    KroneckerSparsePattern,
    KSparse,
    KSparseColumns,
    KSparseRows,
    KSparseRowsColumns,
    KSparseRowsColumnsUnion,
    MaxRank,
    NonNegative,
    Normalized,
    OrthogonalBlocks,
    Support,
    Toeplitz,
)
from skfrugal.operators import KroneckerSparse

HALF = np.array([[1, 0, 1, 1], [0, 1, 1, 0], [1, 1, 0, 1]], dtype=bool)


def random_matrix(shape, seed, kind="real"):
    rng = np.random.RandomState(seed)
    values = rng.standard_normal(shape)
    if kind == "complex":
        values = values + 1j * rng.standard_normal(shape)
    if kind == "tied":
        values = np.round(values)
    return values


def supports(shape, is_allowed):
    """All masks of a shape that are allowed."""
    masks = product([False, True], repeat=shape[0] * shape[1])
    for mask in masks:
        mask = np.reshape(mask, shape)
        if is_allowed(mask):
            yield mask


def smallest_distance(values, masks, after=lambda kept: kept):
    return min(
        np.linalg.norm(values - after(np.where(mask, values, 0))) for mask in masks
    )


def distance(values, constraint):
    return np.linalg.norm(values - constraint.project(values))


COUNTED = {
    "matrix": (KSparse(4), lambda s: s.sum() <= 4),
    "rows": (KSparseRows(2), lambda s: s.sum(1).max() <= 2),
    "columns": (KSparseColumns(1), lambda s: s.sum(0).max() <= 1),
    "rows and columns": (
        KSparseRowsColumns(2),
        lambda s: max(s.sum(0).max(), s.sum(1).max()) <= 2,
    ),
    "rows and columns, pair": (
        KSparseRowsColumns((2, 1)),
        lambda s: s.sum(1).max() <= 2 and s.sum(0).max() <= 1,
    ),
    "exactly": (
        KSparseRowsColumns((4, 3), exactly=True),
        lambda s: s.all(),
    ),
    "rows and matrix": (
        Intersection(KSparse(3), KSparseRows(2)),
        lambda s: s.sum() <= 3 and s.sum(1).max() <= 2,
    ),
    "columns and matrix": (
        Intersection(KSparseColumns(2), KSparse(3)),
        lambda s: s.sum() <= 3 and s.sum(0).max() <= 2,
    ),
    "rows, columns and support": (
        Intersection(KSparseRowsColumns(1), Support(HALF)),
        lambda s: not (s & ~HALF).any() and max(s.sum(0).max(), s.sum(1).max()) <= 1,
    ),
}


@pytest.mark.parametrize("kind", ["real", "complex", "tied"])
@pytest.mark.parametrize("name", COUNTED)
def test_sparse_projection_is_nearest_of_all_supports(name, kind):
    constraint, is_allowed = COUNTED[name]
    masks = list(supports((3, 4), is_allowed))
    for seed in range(5):
        values = random_matrix((3, 4), seed, kind)
        projected = constraint.project(values)
        assert is_allowed(projected != 0) or name == "exactly"
        best = smallest_distance(values, masks)
        assert distance(values, constraint) == pytest.approx(best, rel=1e-9)


@pytest.mark.parametrize("kind", ["real", "complex", "tied"])
@pytest.mark.parametrize(
    "name, axis",
    [
        ("matrix", None),
        ("rows", None),
        ("rows", 1),
        ("columns", 0),
        ("rows and columns", None),
        ("rows and matrix", None),
        ("rows, columns and support", None),
    ],
)
def test_sparse_unit_projection_is_nearest_of_all_supports(name, axis, kind):
    constraint, is_allowed = COUNTED[name]
    unit = Normalized(axis)
    both = Intersection(unit, constraint)
    masks = list(supports((3, 4), is_allowed))
    for seed in range(3):
        values = random_matrix((3, 4), seed, kind) * 3
        best = smallest_distance(values, masks, unit.project)
        assert distance(values, both) == pytest.approx(best, rel=1e-9)


@pytest.mark.parametrize("axis", [None, 0, 1])
@pytest.mark.parametrize("sign", [1, -1])
def test_nonnegative_unit_projection_is_nearest(axis, sign):
    """Of all unit vectors on the grid of a circle, where nothing is positive, too."""
    constraint = Intersection(NonNegative(), Normalized(axis))
    angles = np.linspace(0, np.pi / 2, 20001)
    circle = np.stack([np.cos(angles), np.sin(angles)])
    for seed in range(5):
        pair = random_matrix((2,), seed)
        pair = -np.abs(pair) if sign < 0 else pair
        values = pair[:, None] if axis == 0 else pair[None]
        nearest = np.linalg.norm(circle - pair[:, None], axis=0).min()
        found = distance(values, constraint)
        assert found == pytest.approx(nearest, abs=1e-6)
        assert np.linalg.norm(constraint.project(values)) == pytest.approx(1)


def test_nonnegative_sparse_projection_is_nearest_of_all_supports():
    constraint = Intersection(NonNegative(), KSparseRowsColumns(1))
    for seed in range(10):
        values = random_matrix((3, 3), seed)
        masks = supports((3, 3), lambda s: max(s.sum(0).max(), s.sum(1).max()) <= 1)
        best = smallest_distance(values, masks, lambda kept: np.maximum(kept, 0))
        assert distance(values, constraint) == pytest.approx(best)


def basis_of(constraint, shape, mask=None):
    """Unit vectors of a linear set, found from the definition of SciPy's builders."""
    n_rows, n_columns = shape
    unit = np.eye(n_rows + n_columns)
    make = {
        Circulant: lambda e: circulant(e[:n_rows]),
        AntiCirculant: lambda e: circulant(e[:n_rows])[:, ::-1],
        Toeplitz: lambda e: toeplitz(e[:n_rows], np.r_[e[0], e[n_rows:-1]]),
        Hankel: lambda e: hankel(e[:n_rows], np.r_[e[n_rows - 1], e[n_rows:-1]]),
    }[type(constraint)]
    vectors = [make(e) for e in unit]
    vectors = [v for v in vectors if v.any() and (mask is None or not v[~mask].any())]
    return np.reshape(vectors, (-1, n_rows * n_columns)).T


@pytest.mark.parametrize("kind", ["real", "complex"])
@pytest.mark.parametrize("mask", [None, np.tri(4, dtype=bool)])
@pytest.mark.parametrize(
    "constraint", [Circulant(), AntiCirculant(), Toeplitz(), Hankel()], ids=str
)
def test_tied_projection_is_the_least_squares_fit(constraint, mask, kind):
    values = random_matrix((4, 4), 0, kind)
    basis = basis_of(constraint, (4, 4), mask)
    fit = basis @ np.linalg.pinv(basis) @ values.ravel()
    if mask is not None:
        constraint = Intersection(Support(mask), constraint)
    np.testing.assert_allclose(constraint.project(values).ravel(), fit, atol=1e-14)


def test_toeplitz_and_hankel_need_not_be_square():
    values = random_matrix((3, 5), 1)
    for constraint in (Toeplitz(), Hankel()):
        basis = basis_of(constraint, (3, 5))
        fit = basis @ np.linalg.pinv(basis) @ values.ravel()
        np.testing.assert_allclose(constraint.project(values).ravel(), fit, atol=1e-14)


def test_nonnegative_toeplitz_is_the_nearest():
    values = random_matrix((3, 3), 2)
    constraint = Intersection(Toeplitz(), NonNegative())
    projected = constraint.project(values)
    basis = basis_of(Toeplitz(), (3, 3))
    # Optimality: the gradient over coefficients vanishes, or pushes against zero.
    gradient = basis.T @ (projected - values).ravel()
    active = basis.T @ projected.ravel() > 0
    assert active.any() and not active.all()
    np.testing.assert_allclose(gradient[active], 0, atol=1e-14)
    assert (gradient[~active] >= 0).all()


def test_rank_projection_has_the_distance_of_the_theorem():
    values = random_matrix((5, 7), 3, "complex")
    tail = np.linalg.svd(values, compute_uv=False)[2:]
    assert distance(values, MaxRank(2)) == pytest.approx(np.linalg.norm(tail))
    assert np.linalg.matrix_rank(MaxRank(2).project(values)) == 2


@pytest.mark.parametrize("kind", ["real", "complex"])
@pytest.mark.parametrize("pattern", [(1, 4, 4, 1), (2, 2, 3, 2), (1, 3, 1, 2)])
def test_orthogonal_blocks_have_the_distance_of_the_theorem(pattern, kind):
    a, b, c, d = pattern
    values = random_matrix((a * b * d, a * c * d), 4, kind)
    mask = KroneckerSparsePattern(pattern).mask()
    projected = OrthogonalBlocks(pattern).project(values)
    assert not projected[~mask].any()
    gram = projected.conj().T @ projected if b >= c else projected @ projected.conj().T
    np.testing.assert_allclose(gram, np.eye(len(gram)), atol=1e-13)
    # Singular values of the blocks, which the mask makes those of the whole.
    singular = np.linalg.svd(np.where(mask, values, 0), compute_uv=False)
    singular = np.sort(singular)[::-1][: a * d * min(b, c)]
    inside = np.linalg.norm(np.where(mask, values, 0) - projected)
    assert inside == pytest.approx(np.linalg.norm(singular - 1))


def test_pattern_is_that_of_the_operator():
    for pattern in product([1, 2], [1, 3], [2], [1, 2]):
        dense = KroneckerSparse(np.ones(pattern)).toarray()
        mask = KroneckerSparsePattern(pattern).mask()
        np.testing.assert_array_equal(mask, dense != 0)


def test_union_keeps_more_than_it_says():
    values = random_matrix((64, 64), 5)
    kept = KSparseRowsColumnsUnion(2).project(values) != 0
    rows = KSparseRows(2).project(values) != 0
    columns = KSparseColumns(2).project(values) != 0
    np.testing.assert_array_equal(kept, rows | columns)
    assert kept.sum() > 1.2 * 2 * 64 and kept.sum(1).max() > 2
