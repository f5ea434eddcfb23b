"""Dictionaries fitted to codes: against dense least squares and planted truths."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import minimize

from skfrugal.constraints import KSparse
from skfrugal.decomposition._atoms import AtomFit, with_unit_atoms
from skfrugal.operators import Dense, Diagonal, LowRank, Product, SparseFactor
from skfrugal.solvers import palm4msa
from skfrugal.structures import Butterfly, LowRankPlusSparse, Monarch
from skfrugal.structures import Dense as DenseStructure
from skfrugal.structures import LowRank as LowRankStructure

SHAPE = (12, 8)
STRUCTURES = [
    Butterfly(2),
    Monarch(),
    LowRankStructure(2),
    LowRankPlusSparse(1, 0.2),
    DenseStructure(),
]


def sparse_operator(seed):
    rng = np.random.RandomState(seed)
    left, right = rng.standard_normal((12, 8)), rng.standard_normal((8, 8))
    left[rng.uniform(size=left.shape) < 0.6] = 0
    right[rng.uniform(size=right.shape) < 0.6] = 0
    return Product(SparseFactor(left), SparseFactor(right))


def start(structure, seed=0):
    if structure is None:
        return sparse_operator(seed)
    return structure.random(SHAPE, seed)


def problem(seed=0, n=40, penalty=0.0):
    """Rows, codes, and the least squares of a dictionary."""
    rng = np.random.RandomState(seed)
    codes = rng.standard_normal((n, SHAPE[0])) * (rng.uniform(size=(n, 12)) < 0.3)
    X = rng.standard_normal((n, SHAPE[1]))
    gram = codes.T @ codes + np.diag(penalty * np.abs(codes).sum(axis=0))
    return X, codes, AtomFit.of_codes(gram, codes.T @ X)


@pytest.mark.parametrize("structure", [*STRUCTURES, None], ids=repr)
def test_atoms_become_units_in_as_many_values(structure):
    operator = start(structure)
    dense = operator.toarray()
    scaled, norms = with_unit_atoms(operator)
    assert scaled.nnz == operator.nnz
    assert_allclose(norms, np.linalg.norm(dense, axis=1), rtol=1e-12)
    assert_allclose(scaled.toarray() * norms[:, None], dense, atol=1e-12)


def test_atoms_of_unknown_operators_are_scaled_by_one_diagonal():
    operator = Product(Diagonal([2.0, 0.0, 1.0]), np.eye(3) + 1)
    for _ in range(2):
        operator, norms = with_unit_atoms(operator)
        assert operator.nnz <= 3 + 9
    assert_allclose(norms, 1, rtol=1e-12)  # also of the atom that is zero


@pytest.mark.parametrize("penalty", [0.0, 0.7])
def test_error_is_that_of_the_rows_but_for_a_constant(penalty):
    X, codes, fit = problem(penalty=penalty)

    def direct(D):
        weights = penalty * np.abs(codes).sum(axis=0)
        return np.sum((X - codes @ D) ** 2) + weights @ np.sum(D**2, axis=1)

    pairs = [np.random.RandomState(s).standard_normal(SHAPE) for s in (1, 2)]
    ours = fit.error(Dense(pairs[0])) - fit.error(Dense(pairs[1]))
    assert ours == pytest.approx(direct(pairs[0]) - direct(pairs[1]))


@pytest.mark.parametrize("n", [5, 40])
def test_dense_dictionary_is_the_least_squares_one(n):
    X, codes, fit = problem(n=n)
    operator = fit.fitted(start(DenseStructure()), DenseStructure())
    best = codes @ np.linalg.lstsq(codes, X)[0]
    assert_allclose(codes @ operator, best, atol=1e-10)


def test_low_rank_dictionary_is_the_best_of_its_rank():
    X, codes, fit = problem()
    operator = fit.fitted(start(LowRankStructure(2)), LowRankStructure(2))
    assert isinstance(operator, LowRank) and operator.rank == 2

    def objective(values):
        D = values[:24].reshape(12, 2) @ values[24:].reshape(2, 8)
        residual = codes @ D - X
        slope = 2 * codes.T @ residual
        left = slope @ values[24:].reshape(2, 8).T
        right = values[:24].reshape(12, 2).T @ slope
        return np.sum(residual**2), np.append(left, right)

    starts = np.random.RandomState(3).standard_normal((3, 40))
    best = min(minimize(objective, s, jac=True, tol=1e-10).fun for s in starts)
    found = np.sum((X - codes @ operator) ** 2)
    assert found <= best * (1 + 1e-6)


@pytest.mark.parametrize("structure", [*STRUCTURES, None], ids=repr)
def test_fits_never_raise_the_error_and_keep_the_size(structure):
    operator, (_, _, fit) = start(structure), problem()
    errors = [fit.error(operator)]
    for _ in range(6):
        new = fit.fitted(operator, structure)
        assert new.nnz <= operator.nnz
        errors.append(fit.error(new))
        operator = new
    assert errors[1] < errors[0]
    assert all(np.diff(errors) <= 1e-12 * errors[0])


@pytest.mark.parametrize(
    "structure, scale",
    [(Butterfly(2), 1.0), (Monarch(), 1e-9), (Monarch(), 1e9), (None, 1.0)],
)
def test_planted_values_are_found_nearby(structure, scale):
    truth = start(structure, 1) * scale
    codes = np.random.RandomState(2).standard_normal((60, SHAPE[0]))
    X = codes @ truth
    fit = AtomFit.of_codes(codes.T @ codes, codes.T @ X)
    rng = np.random.RandomState(3)
    operator = truth._mapped(lambda v: v * (1 + 0.1 * rng.standard_normal(v.shape)))
    before = fit.error(operator)
    for _ in range(60):
        operator = fit.fitted(operator, structure)
    assert fit.error(operator) < 1e-5 * before


def test_supports_of_sparse_factors_stay():
    D = np.random.RandomState(0).standard_normal(SHAPE)
    operator = palm4msa(D, [KSparse(30), KSparse(20)]).operator
    _, _, fit = problem()
    new = fit.fitted(operator, None)
    assert [f.nnz for f in new.factors] == [f.nnz for f in operator.factors]
    for factor, old in zip(new.factors, operator.factors, strict=True):
        assert not np.any((old.toarray() == 0) & (factor.toarray() != 0))
