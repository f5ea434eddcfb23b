"""Structures: weighted projection, sizes, budgets, the automatic choice."""

import math
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from sklearn.base import BaseEstimator, clone

from skfrugal import operators
from skfrugal.structures import (
    STRUCTURES,
    Auto,
    Butterfly,
    Dense,
    LowRank,
    LowRankPlusSparse,
    Monarch,
    budget_in_values,
    check_structure,
)

ALL = [
    Butterfly(),
    Butterfly(block_size=2, rank=2),
    Butterfly(block_size=16),
    Monarch(),
    Monarch(rank=3),
    LowRank(rank=3),
    LowRankPlusSparse(rank=2, density=0.1),
    Dense(),
    Auto(budget=1.0),
]
SHAPES = [(16, 16), (12, 40), (40, 12), (7, 30), (13, 11), (1, 6), (6, 1), (64, 27)]


def _weighted_norm(difference, weight):
    return float(np.linalg.norm(np.sqrt(weight)[:, None] * difference))


def _random(shape, seed=0, dtype=np.float64):
    rng = np.random.RandomState(seed)
    A = rng.standard_normal(shape)
    if np.issubdtype(dtype, np.complexfloating):
        A = A + 1j * rng.standard_normal(shape)
    return A.astype(dtype)


@pytest.mark.parametrize("structure", ALL, ids=repr)
@pytest.mark.parametrize("shape", SHAPES)
def test_structure_size_is_that_of_its_operators(structure, shape):
    A = _random(shape)
    result = structure.project(A)
    drawn = structure.random(shape, random_state=0)
    assert result.operator.shape == drawn.shape == shape
    needed = structure.n_parameters(shape)
    if isinstance(structure, Auto | LowRankPlusSparse):
        # The choice, or a sparse term of zeros, may store less.
        assert max(result.operator.nnz, drawn.nnz) <= needed
    else:
        assert result.operator.nnz == drawn.nnz == needed
    distance = np.linalg.norm(A - result.operator.toarray())
    slack = 1e-13 * np.linalg.norm(A)
    assert result.error == pytest.approx(distance, abs=slack)
    assert (result.lower_bound or 0) <= result.error + slack
    assert result.error <= result.upper_bound + slack


@pytest.mark.parametrize(
    "structure",
    [one for one in ALL if not isinstance(one, LowRankPlusSparse)],
    ids=repr,
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128])
def test_structure_recovers_its_own_operators(structure, dtype):
    shape = (12, 40)
    A = structure.random(shape, random_state=1).toarray().astype(dtype)
    weight = np.random.RandomState(0).uniform(0.1, 10, size=shape[0])
    tolerance = 2e-6 if dtype == np.float32 else 1e-13
    for row_weight in (None, weight):
        result = structure.project(A, row_weight=row_weight)
        assert result.operator.dtype == dtype
        assert result.error <= tolerance * math.sqrt(10) * np.linalg.norm(A)


@pytest.mark.parametrize("structure", ALL, ids=repr)
def test_structure_random_follows_its_seed_and_has_unit_gain(structure):
    shape = (48, 64)
    one, two, other = (structure.random(shape, random_state=s) for s in (0, 0, 1))
    assert (one.toarray() == two.toarray()).all()
    assert not np.allclose(one.toarray(), other.toarray())
    draws = [structure.random(shape, random_state=s).toarray() for s in range(40)]
    # Mean squared norm of a row is 1; 40 draws of 48 dependent rows: within 25 %.
    assert np.mean(np.square(draws)) * shape[1] == pytest.approx(1, rel=0.25)


@pytest.mark.parametrize("structure", ALL, ids=repr)
def test_structure_is_cloned_pickled_and_set(structure):
    twin = pickle.loads(pickle.dumps(clone(structure)))
    assert twin.get_params() == structure.get_params()
    assert repr(twin) == repr(structure)
    for name, value in structure.get_params().items():
        assert clone(structure).set_params(**{name: value}).get_params()[name] == value


def test_structure_parameters_are_reached_through_an_estimator():
    class Model(BaseEstimator):
        def __init__(self, structure=None):
            self.structure = structure

    model = clone(Model(Butterfly())).set_params(structure__block_size=8)
    assert model.structure.block_size == 8
    assert model.get_params()["structure__rank"] == 1


@pytest.mark.parametrize(
    "structure", [LowRank(rank=3), Monarch(), Monarch(rank=2)], ids=repr
)
@pytest.mark.parametrize("dtype", [np.float64, np.complex128])
def test_weighted_projection_of_two_factors_is_the_scaled_svd(structure, dtype):
    A = _random((12, 30), dtype=dtype)
    weight = np.random.RandomState(1).uniform(0.01, 9, size=12)
    scaled = np.sqrt(weight)[:, None] * A
    if isinstance(structure, LowRank):
        rest = [scaled]
        rank = 3
    else:
        # monarch(12, 30): row classes i % 4, column groups of 6.
        chain = structure.chain((12, 30))
        d1, groups, rank = chain[0][3], chain[1][0], structure.rank
        width = 30 // groups
        rest = [
            scaled[residue::d1, width * group : width * (group + 1)]
            for residue in range(d1)
            for group in range(groups)
        ]
    tails = [np.linalg.svd(block, compute_uv=False)[rank:] for block in rest]
    expected = math.sqrt(sum(np.sum(tail**2) for tail in tails))
    result = structure.project(A, row_weight=weight)
    assert_allclose(result.error, expected, rtol=1e-12)
    assert_allclose(result.lower_bound, expected, rtol=1e-12)
    assert_allclose(result.upper_bound, expected, rtol=1e-12)
    difference = A - result.operator.toarray()
    assert_allclose(_weighted_norm(difference, weight), expected, rtol=1e-12)


@pytest.mark.parametrize(
    "structure", [Butterfly(), Butterfly(2), Monarch(), LowRank(2)], ids=repr
)
def test_rows_of_weight_zero_change_nothing_and_get_their_own_best_fit(structure):
    A = _random((16, 24))
    weight = np.ones(16)
    weight[[0, 5, 6]] = 0
    result = structure.project(A, row_weight=weight)
    fitted = result.operator.toarray()
    assert np.isfinite(fitted).all()
    assert_allclose(_weighted_norm(A - fitted, weight), result.error, rtol=1e-12)
    # Other values in the free rows: the same error, the same other rows.
    changed = A.copy()
    changed[weight == 0] *= -17
    other = structure.project(changed, row_weight=weight)
    assert_allclose(other.error, result.error, rtol=1e-12)
    assert_allclose(
        other.operator.toarray()[weight > 0], fitted[weight > 0], atol=1e-12
    )
    # The best fit of a row is linear in the row, and no longer than it.
    assert_allclose(other.operator.toarray()[0], -17 * fitted[0], atol=1e-11)
    residual = np.linalg.norm((A - fitted)[weight == 0], axis=1)
    assert (residual < np.linalg.norm(A[weight == 0], axis=1)).all()


def test_tiny_weights_approach_zero_weights():
    A = _random((16, 24))
    weight = np.ones(16)
    weight[3] = 0
    limit = Butterfly().project(A, row_weight=weight)
    for tiny in (1e-30, 1e-200, 5e-324):
        weight[3] = tiny
        close = Butterfly().project(A, row_weight=weight)
        assert_allclose(close.operator.toarray(), limit.operator.toarray(), atol=1e-12)


@settings(max_examples=150, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 24), st.integers(1, 24)),
    structure=st.sampled_from(ALL[:-1]),
    dtype=st.sampled_from([np.float32, np.float64, np.complex64, np.complex128]),
    spread=st.sampled_from([0, 3, 12]),
    exponent=st.sampled_from([-250, 0, 250]),
    seed=st.integers(0, 2**32 - 1),
)
def test_weighted_certificate_holds(shape, structure, dtype, spread, exponent, seed):
    rng = np.random.RandomState(seed)
    single = np.finfo(dtype).bits == 32
    A = _random(shape, seed) * 10.0 ** (0 if single else exponent)
    A = A * rng.choice([1, 1j]) if np.issubdtype(dtype, np.complexfloating) else A
    A = A.astype(dtype)
    weight = 10.0 ** rng.uniform(-spread, spread, size=shape[0])
    weight[rng.uniform(size=shape[0]) < 0.2] = 0
    weight[0] = 1.0
    before = A.copy(), weight.copy()
    result = structure.project(A, row_weight=weight)
    assert (A == before[0]).all() and (weight == before[1]).all()
    scale = float(np.abs(A).max())
    norm = _weighted_norm(A / scale, weight)
    lower, error, upper = (
        value / scale / norm
        for value in (result.lower_bound or 0, result.error, result.upper_bound)
    )
    slack = 2e-6 if single else 1e-13
    assert lower <= error + slack
    assert error <= upper + slack
    difference = (A - result.operator.toarray()) / scale
    assert error == pytest.approx(_weighted_norm(difference, weight) / norm, abs=slack)


@pytest.mark.parametrize("kind", [LowRank, Monarch, Butterfly])
@pytest.mark.parametrize("shape", [(16, 16), (32, 20), (18, 50)])
def test_more_rank_is_never_worse(kind, shape):
    A = _random(shape)
    # The lower bound is the distance to a growing set; it is the error itself where
    # the projection is optimal.
    bounds = [kind(rank=rank).project(A).lower_bound for rank in range(1, 9)]
    assert (np.diff(bounds) <= 1e-12).all()
    if kind is not Butterfly:
        errors = [kind(rank=rank).project(A).error for rank in range(1, 9)]
        assert (np.diff(errors) <= 1e-12).all()


@pytest.mark.parametrize("kind", [Monarch, Butterfly])
@pytest.mark.parametrize("shape", [(16, 16), (32, 20), (64, 64), (60, 84)])
def test_no_rank_stores_more_than_the_dense_matrix(kind, shape):
    sizes = [kind(rank=rank).n_parameters(shape) for rank in range(1, 40)]
    assert max(sizes) <= math.prod(shape)
    assert kind(rank=40).project(_random(shape)).error <= 1e-12


def test_rank_above_the_smaller_side_is_exact_and_says_so():
    A = _random((5, 9))
    for matrix in (A, A.T):
        result = LowRank(rank=8).project(matrix)
        assert result.error == 0
        assert (result.operator.toarray() == matrix).all()
        assert "rank 5 is that of any" in result.message


@pytest.mark.parametrize(
    "shape, block_size, n_factors",
    [
        ((64, 64), 2, 6),
        ((64, 64), 4, 3),
        ((64, 64), 8, 2),
        ((64, 64), 64, 1),
        ((64, 784), 4, 4),
        ((64, 784), 16, 2),
        ((1024, 784), 28, 2),
        ((13, 64), 4, 1),
        ((13, 17), 2, 1),
        ((26, 64), 4, 2),
    ],
)
def test_butterfly_has_blocks_of_about_the_side_asked_for(shape, block_size, n_factors):
    chain = Butterfly(block_size).chain(shape)
    assert len(chain) == n_factors
    assert chain[0][0] == chain[-1][3] == 1
    if not set(shape) & {13, 17, 26}:
        areas = [math.sqrt(b * c) for _, b, c, _ in chain]
        assert all(block_size / 2 <= area <= 2 * block_size for area in areas)


def test_structures_have_names():
    names = {
        "auto",
        "butterfly",
        "dense",
        "low_rank",
        "low_rank_plus_sparse",
        "monarch",
        "sparse_product",
    }
    assert set(STRUCTURES) == names
    for name in STRUCTURES:
        structure = check_structure(name, (64, 64), budget=1.0)
        assert isinstance(structure, STRUCTURES[name])


def test_budget_is_a_count_a_fraction_or_a_sixth():
    assert budget_in_values(500, (30, 20)) == 500
    assert budget_in_values(np.int64(500), (30, 20)) == 500
    assert budget_in_values(1.0, (30, 20)) == 600
    assert budget_in_values(0.29, (10, 10)) == 29
    assert budget_in_values(None, (30, 20)) == 100


@pytest.mark.parametrize("budget", [0, -3, 0.0, 1.5, -0.1, np.nan, "large", True])
def test_budget_of_another_kind_is_refused(budget):
    with pytest.raises(ValueError, match="is not a budget; pass"):
        budget_in_values(budget, (30, 20))


@pytest.mark.parametrize("shape", [(64, 64), (60, 84), (256, 784), (64, 27), (40, 36)])
@pytest.mark.parametrize("budget", [0.45, 0.6, 0.97, 1.0])
@pytest.mark.parametrize("name", ["butterfly", "monarch", "low_rank", "auto"])
def test_named_structure_is_the_largest_within_the_budget(name, budget, shape):
    allowed = budget_in_values(budget, shape)
    structure = check_structure(name, shape, budget=budget)
    assert structure.n_parameters(shape) <= allowed
    if name != "auto":
        larger = clone(structure).set_params(rank=structure.rank + 1)
        idle = name != "low_rank" and larger.chain(shape) == structure.chain(shape)
        idle = idle or larger.n_parameters(shape) == structure.n_parameters(shape)
        assert idle or larger.n_parameters(shape) > allowed


@pytest.mark.parametrize("name", ["butterfly", "monarch", "low_rank", "dense", "auto"])
@pytest.mark.parametrize("shape", [(64, 64), (13, 64), (8, 10), (13, 11)])
def test_budget_below_the_smallest_structure_is_refused_with_its_size(name, shape):
    with pytest.raises(ValueError, match="pass a budget of") as caught:
        check_structure(name, shape, budget=2)
    needed = int(str(caught.value).rsplit("budget of ")[1].split()[0])
    assert check_structure(name, shape, budget=needed).n_parameters(shape) == needed
    with pytest.raises(ValueError, match="allows"):
        check_structure(name, shape, budget=needed - 1)


def test_explicit_structure_comes_back_or_is_refused_with_both_numbers():
    structure = Monarch(rank=2)
    assert check_structure(structure, (64, 64)) is structure
    assert check_structure(structure, (64, 64), budget=2048) is structure
    with pytest.raises(ValueError, match=r"stores 2048 values .* allows 2047"):
        check_structure(structure, (64, 64), budget=2047)
    assert isinstance(check_structure("dense", (64, 64)), Dense)


@pytest.mark.parametrize("structure", ["fft", "Butterfly", Butterfly, None, 3])
def test_unknown_structure_is_refused_with_the_names(structure):
    with pytest.raises(ValueError, match="pass one of 'auto', 'butterfly'"):
        check_structure(structure, (64, 64))


@pytest.mark.parametrize("row_weight", [None, "varied"])
@pytest.mark.parametrize(
    "planted, kind",
    [
        (LowRank(rank=2), operators.LowRank),
        (Monarch(), operators.Product),
        (Butterfly(block_size=2), operators.Product),
    ],
)
def test_auto_finds_the_planted_structure(planted, kind, row_weight):
    shape = (64, 64)
    A = planted.random(shape, random_state=0).toarray()
    A = A + 1e-3 * _random(shape, 1) / 8
    if row_weight is not None:
        row_weight = np.random.RandomState(0).uniform(0.5, 2, size=64)
    structure = check_structure("auto", shape, budget=planted.n_parameters(shape))
    result = structure.project(A, row_weight=row_weight)
    assert isinstance(result.operator, kind)
    assert result.error <= 2e-2
    assert repr(planted).split("(")[0] in result.message.split("Chosen")[0]
    others = [
        one.project(A, row_weight=row_weight) for one in structure.candidates(shape)
    ]
    assert result.error == min(other.error for other in others)
    assert "Chosen for its error among" in result.message


@pytest.mark.parametrize("row_weight", [None, "varied"])
def test_low_rank_plus_sparse_recovers_and_auto_finds_it(row_weight):
    rng = np.random.RandomState(3)
    A = np.outer(rng.standard_normal(48), rng.standard_normal(40))
    cells = rng.choice(A.size, 60, replace=False)
    A.ravel()[cells] += 10
    if row_weight is not None:
        row_weight = rng.uniform(0, 2, size=48) * (np.arange(48) != 5)
    result = LowRankPlusSparse(1, 60 / A.size).project(A, row_weight=row_weight)
    weight = np.ones(48) if row_weight is None else row_weight
    distance = np.sqrt(weight)[:, np.newaxis] * (A - result.operator.toarray())
    assert result.error == pytest.approx(np.linalg.norm(distance), abs=1e-10)
    assert result.error <= 1e-2 * np.linalg.norm(A)
    assert result.lower_bound is None
    # Of the budget, a quarter for rank 1 leaves enough for all the entries.
    found = Auto(budget=4 * 88).project(A, row_weight=row_weight)
    assert isinstance(found.operator, operators.Sum)
    assert "LowRankPlusSparse" in found.message.split("Chosen")[0]
    assert found.error <= 1e-2 * np.linalg.norm(A)


def test_low_rank_plus_sparse_is_no_worse_than_either_alone():
    for seed in range(20):
        A = _random((24, 18), seed)
        result = LowRankPlusSparse(2, 30 / A.size).project(A)
        tail = np.linalg.svd(A, compute_uv=False)[2:]
        small = np.sort(np.abs(A).ravel())[:-30]
        alone = min(np.linalg.norm(tail), np.linalg.norm(small))
        assert result.error < result.upper_bound
        assert result.upper_bound == pytest.approx(alone)


def test_auto_prefers_fewer_values_where_errors_are_equal():
    # Exact in every butterfly and in Monarch(): those of sides 2 and 4 are smallest.
    result = Auto(budget=0.25).project(operators.hadamard(64).toarray())
    assert result.error <= 1e-12
    assert result.operator.nnz == 768


def test_auto_keeps_what_it_chose():
    rng = np.random.RandomState(0)
    A = rng.standard_normal((20, 3)) @ rng.standard_normal((3, 30))
    chosen = Auto(budget=0.3).chosen(A)
    assert chosen.project(A).error == Auto(budget=0.3).project(A).error
    assert isinstance(chosen, LowRank)


def test_auto_takes_a_sum_only_where_it_is_a_tenth_better():
    rng = np.random.RandomState(0)
    smooth = rng.standard_normal((40, 2)) @ rng.standard_normal((2, 40))
    smooth += 0.1 * rng.standard_normal((40, 40))
    spiked = smooth.copy()
    spiked[rng.randint(0, 40, 30), rng.randint(0, 40, 30)] += 50
    assert isinstance(Auto(budget=0.25).chosen(smooth), LowRank)
    assert isinstance(Auto(budget=0.25).chosen(spiked), LowRankPlusSparse)


def test_auto_with_the_whole_matrix_as_budget_is_exact():
    A = _random((20, 30))
    result = Auto(budget=1.0).project(A)
    assert result.error == 0
    assert isinstance(result.operator, operators.Dense)


@pytest.mark.parametrize("structure", ALL, ids=repr)
@pytest.mark.parametrize(
    "matrix, row_weight, words",
    [
        (np.full((8, 8), np.nan), None, "matrix contains NaN"),
        (np.ones((0, 3)), None, r"matrix has shape \(0, 3\)"),
        (np.ones(3), None, r"matrix has shape \(3,\)"),
        (np.eye(8), np.ones(7), "row_weight must hold one finite weight"),
        (np.eye(8), -np.ones(8), "row_weight must hold one finite weight"),
        (np.eye(8), np.zeros(8), "row_weight must hold one finite weight"),
        (np.eye(8), np.full(8, np.nan), "row_weight must hold one finite weight"),
    ],
)
def test_projection_refuses_bad_input(structure, matrix, row_weight, words):
    with pytest.raises(ValueError, match=words):
        structure.project(matrix, row_weight=row_weight)


@pytest.mark.parametrize(
    "structure",
    [Butterfly(block_size=1), Butterfly(rank=0), Monarch(rank=1.5), LowRank(rank=-1)],
)
def test_structure_refuses_bad_parameters(structure):
    with pytest.raises(ValueError, match=r"block_size|rank"):
        structure.project(np.eye(8))
