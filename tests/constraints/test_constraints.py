"""Projections against exhaustive search, and what all of them must do."""

from itertools import product

import numpy as np
import pytest
from scipy.linalg import circulant, hankel, toeplitz

from skfrugal.constraints import (
    AntiCirculant,
    BlockDiagonal,
    Circulant,
    Fixed,
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
    Unconstrained,
)
from skfrugal.operators import KroneckerSparse

HALF = np.array([[1, 0, 1, 1], [0, 1, 1, 0], [1, 1, 0, 1]], dtype=bool)

# Every constraint, for matrices of shape (4, 4).
ALL = [
    Unconstrained(),
    KSparse(5),
    KSparseRows(2),
    KSparseColumns(2),
    KSparseRowsColumns(2),
    KSparseRowsColumns(2, exactly=True),
    KSparseRowsColumnsUnion(2),
    Support(np.tri(4)),
    NonNegative(),
    BlockDiagonal([(1, 2), (3, 2)]),
    KroneckerSparsePattern((1, 2, 2, 2)),
    OrthogonalBlocks((1, 2, 2, 2)),
    Circulant(),
    AntiCirculant(),
    Toeplitz(),
    Hankel(),
    MaxRank(2),
    Normalized(),
    Normalized(axis=0),
    Normalized(axis=1),
    Fixed(np.eye(4)),
    Intersection(KSparse(6), KSparseRows(2), NonNegative(), Normalized()),
    Intersection(Toeplitz(), Support(np.tri(4))),
]
CONES = [constraint for constraint in ALL if constraint.is_cone]


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


@pytest.mark.parametrize("constraint", ALL, ids=str)
@pytest.mark.parametrize("kind", ["real", "complex"])
def test_projection_is_idempotent_keeps_dtype_and_leaves_values_alone(constraint, kind):
    for dtype in (np.float32, np.float64):
        values = random_matrix((4, 4), 6, kind)
        values = values.astype(
            np.result_type(
                dtype,
                values[:0, :0].astype(np.complex64) if kind == "complex" else dtype,
            )
        )
        values.flags.writeable = False
        before = values.copy()
        projected = constraint.project(values)
        assert projected.dtype == values.dtype
        assert not np.shares_memory(projected, values)
        projected[...] = constraint.project(np.asfortranarray(values))
        np.testing.assert_array_equal(values, before)
        again = constraint.project(projected)
        eps = np.finfo(dtype).eps
        np.testing.assert_allclose(again, projected, atol=32 * eps)


@pytest.mark.parametrize("unit", [2.0**-1000, 2.0**1000])
@pytest.mark.parametrize("kind", ["real", "complex", "tied"])
@pytest.mark.parametrize("constraint", CONES, ids=str)
def test_projection_scales_with_the_matrix(constraint, kind, unit):
    values = random_matrix((4, 4), 7, kind)
    scaled = constraint.project(values * unit)
    np.testing.assert_array_equal(scaled, constraint.project(values) * unit)


@pytest.mark.parametrize("unit", [2.0**-900, 2.0**1000])
@pytest.mark.parametrize("axis", [None, 0, 1])
def test_norm_does_not_depend_on_scale(axis, unit):
    values = random_matrix((4, 4), 8)
    values[1] *= 2.0**-40
    np.testing.assert_array_equal(
        Normalized(axis).project(values * unit), Normalized(axis).project(values)
    )
    norms = np.linalg.norm(Normalized(axis).project(values * unit), axis=axis)
    np.testing.assert_allclose(norms, 1, rtol=1e-14)


@pytest.mark.parametrize("constraint", ALL, ids=str)
def test_zero_matrix_is_projected_on_zero_or_on_what_is_fixed(constraint):
    projected = constraint.project(np.zeros((4, 4)))
    assert np.isfinite(projected).all()
    if isinstance(constraint, OrthogonalBlocks):
        np.testing.assert_allclose(projected @ projected.T, np.eye(4), atol=1e-15)
    elif isinstance(constraint, Fixed):
        np.testing.assert_array_equal(projected, np.eye(4))
    else:
        assert not projected.any()


@pytest.mark.parametrize("constraint", ALL, ids=str)
def test_integers_become_floats(constraint):
    values = np.arange(16).reshape(4, 4)
    projected = constraint.project(values)
    assert projected.dtype == np.float64
    np.testing.assert_array_equal(projected, constraint.project(values.astype(float)))


@pytest.mark.parametrize(
    "constraint, kept",
    [
        (KSparse(2), [[1, 1], [0, 0]]),
        (KSparseRows(1), [[1, 0], [1, 0]]),
        (KSparseColumns(1), [[1, 1], [0, 0]]),
        (KSparseRowsColumns(1), [[1, 0], [0, 1]]),
    ],
    ids=str,
)
def test_ties_go_where_the_docstring_says(constraint, kept):
    np.testing.assert_array_equal(constraint.project(np.ones((2, 2))), kept)


@pytest.mark.parametrize("constraint", ALL, ids=str)
@pytest.mark.parametrize(
    "values, words",
    [
        (np.full((4, 4), np.nan), "NaN or infinity"),
        (np.full((4, 4), np.inf), "NaN or infinity"),
        (np.ones(4), r"shape \(4,\)"),
        (np.ones((0, 4)), r"shape \(0, 4\)"),
        (np.full((4, 4), "a"), "dtype"),
    ],
)
def test_bad_values_are_refused(constraint, values, words):
    with pytest.raises(ValueError, match=words):
        constraint.project(values)


@pytest.mark.parametrize(
    "constraint, words",
    [
        (KSparse(7), "k=7 is more than the 6 entries of the matrix"),
        (KSparseRows(4), "k=4 is more than the 3 entries of a row"),
        (KSparseColumns(3), "k=3 is more than the 2 entries of a column"),
        (KSparseRowsColumnsUnion(3), "k=3 is more than the 2 entries"),
        (KSparseRowsColumns(3), "k=3 entries are asked of a column, which has 2"),
        (KSparseRowsColumns(1, exactly=True), "2 x 1 is not 3 x 1"),
        (Support(np.ones((3, 2))), r"shape \(2, 3\) but the support .* \(3, 2\)"),
        (Fixed(np.ones((3, 2))), r"shape \(2, 3\) but the matrix"),
        (BlockDiagonal([(1, 1)]), r"sum of shapes of the constraint"),
        (KroneckerSparsePattern((1, 2, 2, 2)), "pattern of the constraint"),
        (OrthogonalBlocks((1, 2, 2, 2)), "pattern of the constraint"),
        (Circulant(), "circulant matrices are square"),
        (AntiCirculant(), "anticirculant matrices are square"),
        (MaxRank(3), "rank=3 is more than the shorter side"),
        (Intersection(NonNegative(), KSparse(7)), "k=7 is more than the 6"),
    ],
    ids=str,
)
def test_shape_that_cannot_be_is_refused(constraint, words):
    with pytest.raises(ValueError, match=words):
        constraint.project(np.ones((2, 3)))


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda: KSparse(0), "k must be an integer >= 1"),
        (lambda: KSparseRows(1.5), "k must be an integer >= 1"),
        (lambda: KSparseRowsColumns((1, 2, 3)), "integer or a pair"),
        (lambda: KSparseRowsColumns(1, tie_resolution=-1), "tie_resolution"),
        (lambda: Support([1, 0]), "1 dimensions"),
        (lambda: BlockDiagonal([]), "pairs"),
        (lambda: BlockDiagonal([(1, 0)]), "side of a block"),
        (lambda: KroneckerSparsePattern((1, 2)), "four integers"),
        (lambda: KroneckerSparsePattern((1, 2, 2.5, 1)), "entry of pattern"),
        (lambda: Normalized(2), "axis=2"),
        (lambda: Fixed([[np.nan]]), "NaN"),
    ],
)
def test_meaningless_parameters_are_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()


REFUSED = [
    (KSparseRows(1), KSparseColumns(2), r"Pass KSparseRowsColumns\(\(1, 2\)\)"),
    (KSparseRowsColumns(1), KSparse(2), "no room for a further count"),
    (KSparseRowsColumns(1), KSparseRowsColumns(2), "no room for a further count"),
    (KSparse(2), Normalized(axis=1), "Pass KSparseRows"),
    (KSparseRowsColumns(2), Normalized(axis=0), "Pass KSparseColumns"),
    (KSparse(2), Toeplitz(), "knapsack"),
    (Circulant(), Hankel(), "undo"),
    (Circulant(), Normalized(axis=1), "unequally"),
    (Normalized(), Normalized(axis=1), "two norms"),
    (MaxRank(1), NonNegative(), "a support and a rank"),
    (MaxRank(1), Normalized(axis=1), "a support and a rank"),
    (Fixed(np.eye(2)), NonNegative(), "nothing to choose"),
    (OrthogonalBlocks((1, 2, 2, 1)), NonNegative(), "orthogonality"),
    (KSparseRowsColumnsUnion(1), Normalized(), "heuristic"),
]


@pytest.mark.parametrize("first, second, words", REFUSED)
def test_composition_that_is_not_exact_is_refused_with_its_reason(first, second, words):
    for pair in ((first, second), (second, first)):
        with pytest.raises(ValueError, match=words):
            Intersection(*pair)


def test_composition_of_three_may_be_refused_where_pairs_are_not():
    with pytest.raises(ValueError, match="lengths of the diagonals"):
        Intersection(Toeplitz(), NonNegative(), Normalized())
    with pytest.raises(TypeError, match="not a Constraint"):
        Intersection(KSparse(1), "nonnegative")


def test_composition_is_flat_and_knows_whether_it_is_a_cone():
    inner = Intersection(KSparse(2), NonNegative())
    assert inner.is_cone and inner.is_exact
    outer = Intersection(inner, Normalized())
    assert len(outer.constraints) == 3 and not outer.is_cone


def test_refused_compositions_are_not_exact_one_after_the_other():
    """What is refused deserves it: the sequence is not nearest, for some matrix."""
    values = np.array([[3.0, 2.0], [2.5, 1.0]])
    in_turn = KSparseColumns(1).project(KSparseRows(1).project(values))
    exact = KSparseRowsColumns(1).project(values)
    assert np.linalg.norm(values - exact) < np.linalg.norm(values - in_turn)
    values = np.array([[10.0, 2.0], [1.9, 1.9]])
    unit = Normalized(axis=1)
    in_turn = unit.project(KSparse(3).project(values))
    better = unit.project(Support([[1, 0], [1, 1]]).project(values))
    assert np.linalg.norm(values - better) < np.linalg.norm(values - in_turn)
