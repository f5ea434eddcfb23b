"""Structures by name and by budget, and the automatic choice."""

import numpy as np
import pytest
from sklearn.base import clone
from structure_cases import ALL, random_matrix

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
    A = A + 1e-3 * random_matrix(shape, 1) / 8
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
        A = random_matrix((24, 18), seed)
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
    chosen, result = Auto(budget=0.3).choose(A, random_state=0)
    assert chosen.project(A, random_state=0).error == result.error
    assert Auto(budget=0.3).project(A, random_state=0).error == result.error
    assert isinstance(chosen, LowRank)


def test_auto_takes_a_sum_only_where_it_is_a_tenth_better():
    rng = np.random.RandomState(0)
    smooth = rng.standard_normal((40, 2)) @ rng.standard_normal((2, 40))
    smooth += 0.1 * rng.standard_normal((40, 40))
    spiked = smooth.copy()
    spiked[rng.randint(0, 40, 30), rng.randint(0, 40, 30)] += 50
    assert isinstance(Auto(budget=0.25).choose(smooth)[0], LowRank)
    assert isinstance(Auto(budget=0.25).choose(spiked)[0], LowRankPlusSparse)


def test_auto_with_the_whole_matrix_as_budget_is_exact():
    A = random_matrix((20, 30))
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
