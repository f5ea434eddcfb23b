"""Dictionaries that are sparse products: their supports are learnt with their codes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits

from skfrugal.decomposition import SparseProductDictionaryLearning
from skfrugal.decomposition._atoms import AtomFit, with_unit_atoms
from skfrugal.operators import Product, SparseFactor
from skfrugal.solvers._sparse_product_regression import sparse_product_regression
from skfrugal.structures import SparseProduct

# Two factors; a dense and a sparse middle; coordinates.
STRUCTURES = [
    SparseProduct(0.3),
    SparseProduct(0.3, n_atoms=(4, 5)),
    SparseProduct(0.3, n_atoms=(12, 14)),
    SparseProduct(0.3, transform="dct", feature_shape=(4, 4)),
    SparseProduct(0.4, transform="rotations"),
]
SHAPE = (24, 16)

pytestmark = [
    pytest.mark.filterwarnings("ignore:Orthogonal matching pursuit:RuntimeWarning"),
    pytest.mark.filterwarnings("ignore:Objective did not converge"),
]


def problem(seed=0, n=80, density=0.15):
    """The least squares of a dictionary, for random rows and codes."""
    rng = np.random.RandomState(seed)
    codes = rng.standard_normal((n, SHAPE[0]))
    codes *= rng.uniform(size=codes.shape) < density
    X = rng.standard_normal((n, SHAPE[1]))
    return AtomFit.of_codes(codes.T @ codes, codes.T @ X)


def projected(structure, seed=0):
    atoms = np.random.RandomState(seed).standard_normal(SHAPE)
    return structure.project(atoms, random_state=seed).operator


def supports(operator):
    return [f.toarray() != 0 for f in operator.factors[:2]]


@pytest.mark.parametrize("structure", STRUCTURES, ids=repr)
def test_fits_lower_the_error_with_other_supports_in_the_budget(structure):
    fit, operator = problem(), projected(structure)
    allowed = structure.n_parameters(SHAPE)
    errors, before = [fit.error(operator)], supports(operator)
    for _ in range(4):
        operator = fit.fitted(operator, structure)
        errors.append(fit.error(operator))
        assert operator.nnz <= allowed
    assert (np.diff(errors) <= 0).all()
    assert errors[1] < 0.9 * errors[0]
    changed = zip(before, supports(operator), strict=True)
    assert any((a != b).any() for a, b in changed)


@pytest.mark.parametrize("structure", STRUCTURES[:3], ids=repr)
def test_other_supports_are_better_than_other_values(structure):
    fit, operator = problem(), projected(structure)
    kept = moving = operator
    for _ in range(5):
        kept, moving = fit.fitted(kept, None), fit.fitted(moving, structure)
    assert_array_equal(supports(kept)[0], supports(operator)[0])
    assert fit.error(moving) < 0.95 * fit.error(kept)


@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 1000),
    which=st.sampled_from(STRUCTURES),
    n=st.integers(1, 60),
    density=st.sampled_from([0.02, 0.1, 1.0]),
)
def test_no_round_raises_the_error(seed, which, n, density):
    fit, operator = problem(seed, n, density), projected(which, seed)
    if not fit.R.size:
        return
    fitted = fit.fitted(operator, which)
    assert np.isfinite(fitted.toarray()).all()
    assert fit.error(fitted) <= fit.error(operator)
    assert fitted.nnz <= which.n_parameters(SHAPE)


@pytest.mark.parametrize("structure", STRUCTURES[3:], ids=repr)
def test_coordinates_are_the_plain_product_of_turned_rows(structure):
    fit, operator = problem(), projected(structure)
    *factors, turn = operator.factors
    turned = AtomFit(fit.R, fit.Y @ turn.T, fit.back)
    budget = sum(factor.nnz for factor in factors)
    plain = SparseProduct(budget)
    assert plain.n_nonzero(SHAPE) == structure.n_nonzero(SHAPE)
    desired = turned.fitted(Product(*factors), plain)
    actual = fit.fitted(operator, structure)
    assert actual.factors[-1] is turn
    assert_allclose(actual.toarray(), desired.toarray() @ turn, rtol=0, atol=1e-9)


def test_diagonal_metric_is_a_weighted_projection():
    rng = np.random.RandomState(0)
    A, weight = rng.standard_normal(SHAPE), rng.uniform(0.1, 1.0, SHAPE[0])
    structure = SparseProduct(0.3, max_iter=30, tol=0)
    result = structure.project(A, row_weight=weight, random_state=0)
    root = np.sqrt(weight)[:, np.newaxis]
    run = sparse_product_regression(
        np.diag(root[:, 0]), root * A, result.operator.factors,
        structure.n_nonzero(SHAPE), max_iter=5, tol=0,
    )  # fmt: skip
    assert 0.9 * result.error**2 < run.step.objective() <= result.error**2


def planted(seed=0, n=600):
    """Rows of three atoms of a sparse product, and the product."""
    rng = np.random.RandomState(seed)
    operator, _ = with_unit_atoms(STRUCTURES[0].random(SHAPE, seed))
    codes = np.zeros((n, SHAPE[0]))
    for row in codes:
        atoms = rng.choice(SHAPE[0], 3, replace=False)
        row[atoms] = rng.uniform(1, 2, 3) * rng.choice([-1, 1], 3)
    return codes, codes @ operator + 0.1 * rng.standard_normal((n, SHAPE[1])), operator


def misplaced(factor, rng):
    """A factor with a tenth of its entries somewhere else."""
    array = factor.toarray()
    cells = rng.permutation(np.flatnonzero(array))[: np.count_nonzero(array) // 10]
    free = rng.permutation(np.flatnonzero(array == 0))[: len(cells)]
    array.flat[free], array.flat[cells] = array.flat[cells], 0
    return SparseFactor(array)


@pytest.mark.parametrize("seed", range(3))
def test_planted_supports_are_found_from_their_codes(seed):
    codes, X, operator = planted(seed)
    fit = AtomFit.of_codes(codes.T @ codes, codes.T @ X)
    rng = np.random.RandomState(seed)
    start = Product(*(misplaced(factor, rng) for factor in operator.factors))

    def error(structure):
        dictionary = start
        for _ in range(10):
            dictionary = fit.fitted(dictionary, structure)
        return np.sum((X - codes @ dictionary) ** 2)

    planted_error = np.sum((X - codes @ operator) ** 2)
    # One entry in a local optimum costs more than the noise of ten.
    found = error(STRUCTURES[0])
    assert found < 1.25 * planted_error
    assert found < 0.5 * error(None)


@pytest.mark.parametrize("fit_algorithm", ["omp", "cd"])
@pytest.mark.parametrize(
    "structure",
    [
        "sparse_product",
        SparseProduct(0.3, transform="dct", feature_shape=(8, 8)),
        SparseProduct(0.3, transform="rotations"),
    ],
    ids=repr,
)
def test_objective_of_learning_never_rises(structure, fit_algorithm):
    X = load_digits().data[:150]
    model = SparseProductDictionaryLearning(
        80, structure=structure, fit_algorithm=fit_algorithm, alpha=5.0, max_iter=4,
        tol=0, random_state=0,
    ).fit(X - X.mean(axis=0))  # fmt: skip
    assert (np.diff(model.error_) <= 1e-12 * model.error_[0]).all()
    assert model.error_[-1] < 0.98 * model.error_[0]
    norms = np.linalg.norm(model.components_, axis=1)
    assert_allclose(norms[norms > 0], 1.0, rtol=1e-12)


def test_rounded_products_learn_in_their_budget():
    X, structure = load_digits().data[:100, 16:32], SparseProduct(0.6, quantize=True)
    model = SparseProductDictionaryLearning(
        24, structure=structure, max_iter=3, tol=0, random_state=0
    ).fit(X)
    assert model.operator_.nnz <= structure.n_parameters(SHAPE)
    assert (np.diff(model.error_) <= 1e-12 * model.error_[0]).all()
