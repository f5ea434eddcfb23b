"""ADMM: its exact update, and products whose supports it has to find."""

import numpy as np
import pytest

from skfrugal.constraints import KSparse, KSparseRowsColumns, Normalized
from skfrugal.solvers import admm, dictionary, hierarchical_palm4msa
from skfrugal.solvers._admm import penalised_fit


def two_uniform_product(n, n_factors, seed):
    """Factors that are sums of two random scaled permutations."""
    rng = np.random.RandomState(seed)
    product = np.eye(n)
    for _ in range(n_factors):
        factor = np.zeros((n, n))
        for _ in range(2):
            factor[np.arange(n), rng.permutation(n)] += rng.standard_normal(n)
        product = product @ factor
    return product


@pytest.mark.parametrize("kind", ["real", "complex"])
@pytest.mark.parametrize("without", [None, "left", "right"])
def test_update_satisfies_its_normal_equation(kind, without):
    rng = np.random.RandomState(0)

    def draw(*shape):
        values = rng.standard_normal(shape)
        return values + 1j * rng.standard_normal(shape) if kind == "complex" else values

    L, R, target, center = draw(9, 5), draw(6, 9), draw(5, 6), draw(5, 6)
    left, right = L.conj().T @ L, R @ R.conj().T
    a = 1.0 if without == "left" else np.linalg.norm(left, 2)
    b = 1.0 if without == "right" else np.linalg.norm(right, 2)
    rho = 0.1 * a * b
    X = penalised_fit(
        None if without == "left" else left,
        None if without == "right" else right,
        target,
        center,
        0.1,
    )
    seen = X if without == "left" else left @ X
    seen = seen if without == "right" else seen @ right
    np.testing.assert_allclose(seen + rho * X, target + rho * center, atol=1e-11)


@pytest.mark.parametrize(
    "n, n_factors, largest",
    [(16, 2, 0.220), (16, 3, 0.139), (16, 4, 0.232), (32, 2, 0.220), (32, 3, 0.2)],
)
def test_two_uniform_products_are_as_near_as_in_the_published_experiments(
    n, n_factors, largest
):
    """Medians over matrices of the best of four starts."""
    errors = []
    for seed in range(3):
        A = two_uniform_product(n, n_factors, seed)
        result = admm(A, [KSparseRowsColumns(2)] * n_factors, random_state=seed)
        assert max((f.matrix != 0).sum(0).max() for f in result.operator.factors) <= 2
        assert result.error == pytest.approx(
            np.linalg.norm(A - result.operator.toarray())
        )
        errors.append(result.error / np.linalg.norm(A))
    assert np.median(errors) <= largest


def test_objectives_are_the_smallest_errors_so_far():
    A = two_uniform_product(12, 2, 5)
    result = admm(
        A, [KSparseRowsColumns(2)] * 2, n_init=1, random_state=0, max_iter=40, tol=0
    )
    assert len(result.objectives) == result.n_iter == 40
    assert (np.diff(result.objectives) <= 0).all()
    assert result.error <= result.objectives[-1] * (1 + 1e-12)


@pytest.mark.parametrize("sign", [1, -1])
def test_start_that_is_given_is_improved_and_never_lost(sign):
    """Over-complete cosines: below the error that pyfaust reaches with more values."""
    grid = np.pi * (np.arange(8)[:, None] + 0.5) * np.arange(16) / 16
    atoms = np.cos(grid)
    atoms[:, 1:] -= atoms[:, 1:].mean(axis=0)
    atoms /= np.linalg.norm(atoms, axis=0)
    D = sign * np.kron(atoms, atoms)
    schedule = dictionary(64, 256)
    first = hierarchical_palm4msa(D, schedule)
    constraints = schedule.constraints
    second = admm(D, constraints, init=first.state, n_init=1, max_iter=100)
    assert second.error < 0.30 * np.linalg.norm(D) < first.error
    assert second.operator.nnz <= first.operator.nnz
    # A penalty that is far too small spoils the iterates, not the result.
    spoilt = admm(
        D, constraints, init=first.operator, n_init=1, max_iter=3, penalty=1e-6
    )
    assert spoilt.error <= first.error * (1 + 1e-9)


@pytest.mark.parametrize("kind", ["real", "complex"])
def test_scaled_permutations_are_found(kind):
    rng = np.random.RandomState(1)
    values = rng.standard_normal(10) + (1j if kind == "complex" else 0)
    A = np.diag(values)[rng.permutation(10)]
    result = admm(A, [KSparseRowsColumns(1)] * 2, random_state=0)
    assert result.error <= 1e-12 * np.linalg.norm(A)


def test_result_depends_on_the_seed_only_and_scales_with_the_matrix():
    A = two_uniform_product(8, 2, 3)
    constraints = [KSparse(16), KSparse(16)]
    one = admm(A, constraints, random_state=3)
    assert one.error == admm(A, constraints, random_state=3).error
    tiny = admm(A * 2.0**-1000, constraints, random_state=3)
    assert tiny.error == pytest.approx(one.error * 2.0**-1000, rel=1e-6)


def test_zero_matrix_has_the_product_zero():
    result = admm(np.zeros((5, 7)), [KSparse(4)] * 2, random_state=0)
    assert result.error == 0
    assert not result.operator.toarray().any()


@pytest.mark.parametrize(
    "wrong, words",
    [
        ({"A": [[np.nan]]}, "NaN"),
        ({"constraints": [KSparse(2), Normalized()]}, "pass cones"),
        ({"penalty": 0.0}, "penalty"),
        ({"n_init": 0}, "n_init"),
        ({"constraints": [KSparse(2), KSparse(99)]}, "Factor 1"),
    ],
)
def test_what_cannot_be_is_refused(wrong, words):
    with pytest.raises(ValueError, match=words):
        admm(**{"A": np.eye(4), "constraints": [KSparse(4)] * 2, **wrong})
