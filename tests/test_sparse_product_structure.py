"""The structure of sparse products: budgets, coordinates, eight bits, resuming."""

import math

import numpy as np
import pytest

from skfrugal.operators import CosineTransform, Quantized, Rotations
from skfrugal.structures import LowRank, SparseProduct, check_structure

VARIANTS = [
    {},
    {"n_factors": 3},
    {"n_atoms": 5},
    {"n_atoms": (4, 6)},
    {"transform": "dct"},
    {"transform": "rotations"},
    {"quantize": True},
    {"n_factors": 3, "quantize": True, "transform": "rotations"},
]
SHAPES = [(16, 16), (12, 40), (40, 12), (7, 30), (13, 11), (200, 24)]


def smooth(shape, seed=0):
    rng = np.random.RandomState(seed)
    m, n = shape
    A = rng.standard_normal((m, 4)) @ rng.standard_normal((4, n))
    return A + 0.1 * rng.standard_normal(shape)


def distance(A, operator, weight=None):
    squares = np.square(A - operator.toarray()).sum(axis=1)
    return math.sqrt(squares.sum() if weight is None else squares @ weight)


@pytest.mark.parametrize("options", VARIANTS, ids=str)
@pytest.mark.parametrize("shape", SHAPES)
def test_a_budget_holds_and_the_error_is_that_of_the_operator(options, shape):
    A, weight = smooth(shape), np.random.RandomState(1).uniform(0, 3, shape[0])
    for budget in (0.9, 0.5, SparseProduct(**options).smallest(shape) + 30):
        structure = SparseProduct(budget, max_iter=3, **options)
        allowed = budget if isinstance(budget, int) else int(budget * A.size)
        if structure.smallest(shape) + 30 > allowed:
            continue
        result = structure.project(A, row_weight=weight, random_state=0)
        assert result.operator.nnz <= structure.n_parameters(shape) <= allowed
        assert structure.random(shape, 0).nnz == structure.n_parameters(shape)
        expected = distance(A, result.operator, weight)
        np.testing.assert_allclose(result.error, expected, rtol=1e-9)


@pytest.mark.parametrize("options", VARIANTS, ids=str)
def test_a_projection_goes_on_in_its_own_coordinates(options):
    A = smooth((30, 40))
    structure = SparseProduct(0.4, max_iter=2, **options)
    first = structure.project(A, random_state=0)
    again = structure.project(A, random_state=0, start=first)
    # Rounding to 8 bits comes after: it may take back what a round gained.
    slack = 0.01 * np.linalg.norm(A) if options.get("quantize") else 0
    assert again.error <= first.error * (1 + 1e-12) + slack
    last, other = first.operator.factors[-1], again.operator.factors[-1]
    if isinstance(last, Rotations):
        np.testing.assert_array_equal(last.angles, other.angles)


def test_coordinates_are_those_asked_for():
    A = smooth((20, 24))
    grid = SparseProduct(0.5, transform="dct", feature_shape=(4, 6)).project(A)
    assert isinstance(grid.operator.factors[-1], CosineTransform)
    assert grid.operator.factors[-1].feature_shape == (4, 6)
    turned = SparseProduct(0.5, transform="rotations").project(A).operator
    assert turned.factors[-1].n_rotations == 24
    with pytest.raises(ValueError, match=r"has 25 features, but the matrix has 24"):
        SparseProduct(0.5, transform="dct", feature_shape=(5, 5)).project(A)


def test_images_that_are_few_cosines_need_few_values():
    grid = CosineTransform((8, 8), dtype=np.float64)
    spectrum = np.zeros((40, 64))
    spectrum[:, :6] = np.random.RandomState(0).standard_normal((40, 6))
    A = spectrum @ grid.T.T
    options = {"transform": "dct", "feature_shape": (8, 8)}
    result = SparseProduct(560, **options).project(A, random_state=0)
    assert result.error < 1e-6 * np.linalg.norm(A)
    # Fewer values do there, and not without the cosines.
    few = SparseProduct(400, **options).project(A, random_state=0)
    plain = SparseProduct(400).project(A, random_state=0)
    assert few.error < 1e-3 * np.linalg.norm(A)
    assert plain.error > 1e-2 * np.linalg.norm(A)


def test_eight_bits_move_the_product_a_little():
    A = smooth((60, 80))
    result = SparseProduct(1680, quantize=True, n_atoms=80).project(A, random_state=0)
    exact = result.state.inner
    assert all(isinstance(one, Quantized) for one in result.operator.factors)
    moved = np.linalg.norm(result.operator.toarray() - exact.operator.toarray())
    assert 0 < moved < 0.02 * np.linalg.norm(A)
    assert result.error <= exact.error + moved
    assert result.operator.nbytes < 0.3 * exact.operator.nbytes


def test_the_name_stands_for_what_fits():
    structure = check_structure("sparse_product", (64, 784), budget=3346)
    assert structure.n_parameters((64, 784)) <= 3346
    assert structure.n_parameters((64, 784)) > 3300
    with pytest.raises(ValueError, match=r"needs for shape \(64, 784\) is 848"):
        check_structure("sparse_product", (64, 784), budget=500)
    with pytest.raises(ValueError, match="pass a budget of 848 or more"):
        SparseProduct(500).project(np.ones((64, 784)))


def test_it_is_closer_than_low_rank_on_sparse_atoms():
    rng = np.random.RandomState(0)
    atoms = np.where(
        rng.uniform(size=(20, 100)) < 0.1, rng.standard_normal((20, 100)), 0
    )
    codes = np.where(rng.uniform(size=(50, 20)) < 0.15, 1.0, 0)
    A = codes @ atoms
    budget = 450
    sparse = SparseProduct(budget, n_atoms=20).project(A, random_state=0)
    dense = LowRank(budget // 150).project(A)
    assert sparse.error < 0.5 * dense.error


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"transform": "fft"}, "transform='fft' is unknown"),
        ({"n_factors": 4}, "n_factors=4"),
        ({"n_factors": 2, "n_atoms": (3, 4)}, "n_factors=2 with n_atoms"),
        ({"n_atoms": 0}, "n_atoms"),
        ({"n_atoms": (1, 2, 3)}, "n_atoms"),
        ({"budget": 1.5}, "is not a budget"),
    ],
)
def test_bad_parameters_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        SparseProduct(**options).project(np.ones((20, 30)))


def test_a_start_of_another_kind_is_refused():
    with pytest.raises(ValueError, match="is not a projection on a SparseProduct"):
        SparseProduct(0.5).project(np.eye(9), start=LowRank(2).project(np.eye(9)))


def test_a_start_in_other_coordinates_is_refused():
    start = SparseProduct(40, transform="rotations").project(np.eye(9))
    with pytest.raises(ValueError, match="start has transform='rotations', not None"):
        SparseProduct(40).project(np.eye(9), start=start)


@pytest.mark.parametrize("n_atoms", [1, (1, 1), (2, 3)])
@pytest.mark.parametrize("quantize", [False, True])
def test_a_factor_of_one_entry_has_one(n_atoms, quantize):
    structure = SparseProduct(n_atoms=n_atoms, quantize=quantize)
    spare = sum(np.atleast_1d(n_atoms)) - 2 if quantize and n_atoms != 1 else 0
    structure.set_params(budget=int(structure.smallest((1, 1)) + spare))
    operator = structure.project([[2.0]]).operator
    assert operator.nnz <= structure.budget
    np.testing.assert_allclose(operator.toarray(), [[2.0]], rtol=1e-7)
