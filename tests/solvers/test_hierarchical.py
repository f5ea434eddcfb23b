"""Hierarchical palm4MSA: what it recovers, what it does not, and its schedules."""

import numpy as np
import pytest
from scipy.linalg import hadamard

from skfrugal.constraints import KSparse, KSparseRows
from skfrugal.solvers import (
    Schedule,
    dictionary,
    hierarchical_palm4msa,
    palm4msa,
    rectangular_operator,
    square_transform,
)


def relative(result, A):
    return result.error / np.linalg.norm(A)


@pytest.mark.parametrize("n", [4, 8, 16, 64])
@pytest.mark.parametrize("variant", ["balanced", "published"])
def test_hadamard_is_found_exactly(n, variant):
    H = hadamard(n)
    result = hierarchical_palm4msa(H, square_transform(n), variant=variant)
    assert relative(result, H) <= 2e-12
    assert result.operator.nnz == 2 * n * np.log2(n)
    assert [f.shape for f in result.operator.factors] == [(n, n)] * int(np.log2(n))


@pytest.mark.parametrize("unit", [1e-300, 1e-8, 1e300])
def test_hadamard_is_found_in_any_unit(unit):
    H = unit * hadamard(16)
    result = hierarchical_palm4msa(H, square_transform(16))
    assert result.error <= 1e-12 * 16 * unit


def test_noisy_hadamard_is_found_where_ties_are_seen_through_the_noise():
    H = hadamard(32)
    noise = 1e-3 * np.random.RandomState(0).standard_normal(H.shape)
    seeing = hierarchical_palm4msa(H + noise, square_transform(32, tie_resolution=0.5))
    assert seeing.error <= np.linalg.norm(noise)
    # The fit follows H, not the noise.
    assert np.linalg.norm(seeing.operator.toarray() - H) < np.linalg.norm(noise)
    assert relative(hierarchical_palm4msa(H + noise, square_transform(32)), H) > 0.1


def test_permuted_hadamard_is_not_found_without_its_permutations():
    """The honest limit: recovery is a matter of ties."""
    rng = np.random.RandomState(1)
    rows, columns = rng.permutation(32), rng.permutation(32)
    P = hadamard(32)[np.ix_(rows, columns)]
    assert relative(hierarchical_palm4msa(P, square_transform(32)), P) > 0.3
    undone = P[np.ix_(np.argsort(rows), np.argsort(columns))]
    assert relative(hierarchical_palm4msa(undone, square_transform(32)), P) <= 1e-12


def test_wide_matrix_is_split_from_the_right():
    rng = np.random.RandomState(2)
    A = rng.standard_normal((12, 5)) @ rng.standard_normal((5, 40))
    schedule = rectangular_operator(12, 40, n_factors=3, k=4, s=5)
    result = hierarchical_palm4msa(A, schedule)
    assert [f.shape for f in result.operator.factors] == [(12, 12), (12, 12), (12, 40)]
    factors, _ = result.state
    assert np.count_nonzero(factors[2], axis=0).max() <= 4
    assert np.count_nonzero(factors[1]) <= 60
    assert result.error == pytest.approx(np.linalg.norm(A - result.operator.toarray()))
    assert len(result.objectives) == 2
    # It goes on where it ended.
    more = palm4msa(A, schedule.constraints, init=result.state, max_iter=5, tol=0)
    assert more.error <= result.error * (1 + 1e-12)


def test_transposed_problem_has_the_transposed_result():
    A = np.random.RandomState(3).standard_normal((8, 8))
    left = Schedule((KSparse(30), KSparse(24)), (KSparse(40), KSparse(30)))
    right = Schedule(left.factors, left.residuals, side="right")
    one = hierarchical_palm4msa(A, left)
    other = hierarchical_palm4msa(A.T, right)
    # Before the fit on the final supports, which goes from left to right.
    np.testing.assert_allclose(one.objectives, other.objectives, rtol=1e-6)


def test_dictionary_beats_the_truncated_decomposition_of_as_many_values():
    """Over-complete cosines: sparse in products, of full rank."""
    grid = np.pi * (np.arange(4)[:, None] + 0.5) * np.arange(8) / 8
    D = np.kron(np.cos(grid), np.cos(grid))
    D /= np.linalg.norm(D, axis=0)
    result = hierarchical_palm4msa(D, dictionary(16, 64, n_factors=3))
    rank = result.operator.nnz // (16 + 64)
    singular = np.linalg.svd(D, compute_uv=False)
    assert result.error < np.linalg.norm(singular[rank:])


def test_zero_matrix_has_the_product_zero():
    result = hierarchical_palm4msa(np.zeros((8, 8)), square_transform(8))
    assert result.error == 0
    assert not result.operator.toarray().any()


def test_stopping_ends_every_stage():
    A = np.random.RandomState(4).standard_normal((16, 16))
    seen = []
    result = hierarchical_palm4msa(
        A, square_transform(16), on_step=lambda step: seen.append(1) or len(seen) == 2
    )
    assert len(seen) == 2
    assert len(result.operator.factors) == 4


def test_schedule_tells_the_constraints_of_each_level():
    schedule = Schedule(
        (KSparse(1), KSparse(2)), (KSparseRows(1), KSparseRows(2)), side="right"
    )
    assert repr(schedule.at(1)) == "(KSparseRows(k=1), KSparse(k=1))"
    assert repr(schedule.constraints) == (
        "(KSparseRows(k=2), KSparse(k=2), KSparse(k=1))"
    )
    shapes = schedule.shapes((3, 8))
    assert shapes == [(3, 3), (3, 3), (3, 8)]
    assert schedule.shapes_at(1, shapes) == [(3, 3), (3, 8)]
    assert schedule.pair_shapes_at(2, shapes) == [(3, 3), (3, 3)]


def test_square_transform_has_as_many_factors_as_fill_the_matrix():
    for n, k, count in ((8, 2, 3), (9, 3, 2), (100, 10, 2), (6, 2, 3)):
        assert len(square_transform(n, k=k).constraints) == count


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda: square_transform(1), "n must be an integer >= 2"),
        (lambda: square_transform(8, k=1), "k must be an integer >= 2"),
        (lambda: square_transform(8, n_factors=1), "n_factors"),
        (lambda: rectangular_operator(9, 5), "Pass the transpose"),
        (lambda: rectangular_operator(5, 9, k=6), "k=6"),
        (lambda: Schedule((), ()), "1 at least"),
        (lambda: Schedule((KSparse(1),), (KSparse(1),), side="up"), "side='up'"),
        (
            lambda: hierarchical_palm4msa(np.eye(8), square_transform(32)),
            "Factor 1",
        ),
        (
            lambda: hierarchical_palm4msa(np.full((4, 4), np.inf), square_transform(4)),
            "NaN or infinity",
        ),
    ],
)
def test_what_cannot_be_is_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_schedule_must_be_one():
    with pytest.raises(TypeError, match="not a Schedule"):
        hierarchical_palm4msa(np.eye(4), [KSparse(2)] * 2)
