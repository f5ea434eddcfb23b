"""What every projection must do, and what none accepts."""

import numpy as np
import pytest

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
