"""Structures: weighted projection, sizes, budgets, the automatic choice."""

import math
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from sklearn.base import BaseEstimator, clone
from structure_cases import ALL, random_matrix

from skfrugal.structures import (
    Auto,
    Butterfly,
    LowRank,
    LowRankPlusSparse,
    Monarch,
)

SHAPES = [(16, 16), (12, 40), (40, 12), (7, 30), (13, 11), (1, 6), (6, 1), (64, 27)]


def _weighted_norm(difference, weight):
    return float(np.linalg.norm(np.sqrt(weight)[:, None] * difference))


@pytest.mark.parametrize("structure", ALL, ids=repr)
@pytest.mark.parametrize("shape", SHAPES)
def test_structure_size_is_that_of_its_operators(structure, shape):
    A = random_matrix(shape)
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
    A = random_matrix((12, 30), dtype=dtype)
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
    A = random_matrix((16, 24))
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
    A = random_matrix((16, 24))
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
    A = random_matrix(shape, seed) * 10.0 ** (0 if single else exponent)
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
    A = random_matrix(shape)
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
    assert kind(rank=40).project(random_matrix(shape)).error <= 1e-12


def test_rank_above_the_smaller_side_is_exact_and_says_so():
    A = random_matrix((5, 9))
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
