"""palm4MSA against its definition, and what every result must satisfy."""

import numpy as np
import pytest
from scipy.linalg import hadamard

from skfrugal.constraints import (
    Fixed,
    Intersection,
    KroneckerSparsePattern,
    KSparse,
    KSparseColumns,
    KSparseRows,
    KSparseRowsColumns,
    NonNegative,
    Normalized,
    OrthogonalBlocks,
    Support,
    Toeplitz,
    Unconstrained,
)
from skfrugal.operators import square_dyadic
from skfrugal.solvers import palm4msa

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def gaussian(shape, seed=0, kind="real"):
    rng = np.random.RandomState(seed)
    values = rng.standard_normal(shape)
    return values + 1j * rng.standard_normal(shape) if kind == "complex" else values


def published_palm(A, constraints, n_sweeps, order):
    """The algorithm as the paper prints it: every product anew, norms by SVD."""
    A = A / np.linalg.norm(A)
    n = len(A)
    factors = [np.eye(n) for _ in constraints]
    numbers = range(len(constraints))
    numbers = numbers if order == "l2r" else numbers[::-1]
    factors[numbers[0]] = np.zeros((n, n))
    lam, errors = 1.0, []
    for _ in range(n_sweeps):
        for j in numbers:
            L = np.linalg.multi_dot([np.eye(n), np.eye(n), *factors[:j]])
            R = np.linalg.multi_dot([*factors[j + 1 :], np.eye(n), np.eye(n)])
            c = 1.001 * lam**2 * np.linalg.norm(L, 2) ** 2 * np.linalg.norm(R, 2) ** 2
            gradient = lam * L.T @ (lam * L @ factors[j] @ R - A) @ R.T
            S = constraints[j].project(factors[j] - gradient / c)
            factors[j] = S / np.linalg.norm(S)
        P = np.linalg.multi_dot([np.eye(n), *factors])
        lam = np.sum(A * P) / np.sum(P * P)
        errors.append(np.linalg.norm(A - lam * P))
    return errors


@pytest.mark.parametrize("order", ["l2r", "r2l"])
@pytest.mark.parametrize("n_factors", [2, 3])
def test_published_variant_is_the_published_algorithm(order, n_factors):
    A = gaussian((12, 12))
    constraints = [KSparseRows(4), KSparse(60), KSparseColumns(5)][:n_factors]
    result = palm4msa(
        A, constraints, variant="published", order=order, max_iter=8, tol=0
    )
    expected = published_palm(A, constraints, 8, order)
    found = np.array(result.objectives) / np.linalg.norm(A)
    # Norms by power iteration are known to about 1e-4.
    np.testing.assert_allclose(found, expected, rtol=1e-4)


@pytest.mark.parametrize("kind", ["real", "complex"])
@pytest.mark.parametrize("order", ["l2r", "r2l"])
@pytest.mark.parametrize(
    "constraints",
    [
        [KSparseRowsColumns(2)] * 3,
        [KSparse(30), Unconstrained()],
        [Toeplitz(), Intersection(KSparseRows(3), NonNegative())],
        [OrthogonalBlocks((1, 8, 8, 1)), KSparseColumns(2)],
        [Intersection(KSparseRows(2), Normalized(axis=1)), Unconstrained()],
    ],
    ids=str,
)
def test_error_never_rises_and_every_factor_keeps_its_constraint(
    constraints, order, kind
):
    A = gaussian((8, 8), 1, kind)
    result = palm4msa(A, constraints, order=order, max_iter=40)
    assert (np.diff(result.objectives) <= 1e-12 * np.linalg.norm(A)).all()
    # Least squares on the supports come after the last sweep.
    assert result.error <= result.objectives[-1] * (1 + 1e-12)
    product = result.operator.toarray()
    assert result.error == pytest.approx(np.linalg.norm(A - product))
    factors, lam = result.state
    for constraint, factor in zip(constraints, factors, strict=True):
        np.testing.assert_allclose(constraint.project(factor), factor, atol=1e-12)
    # The scale is the best one.
    assert abs(np.vdot(A - product, product).real) <= 1e-10 * np.linalg.norm(A) ** 2
    assert lam != 0 and result.lower_bound is None and result.upper_bound is None


@pytest.mark.parametrize("unit", [2.0**-900, 2.0**-30, 2.0**900])
def test_factors_do_not_depend_on_the_unit_of_the_matrix(unit):
    A = gaussian((8, 8), 2)
    constraints = [KSparseRowsColumns(2)] * 3
    one, other = palm4msa(A, constraints), palm4msa(A * unit, constraints)
    assert other.n_iter == one.n_iter
    assert other.error == pytest.approx(one.error * unit, rel=1e-9)
    for ours, theirs in zip(one.state[0], other.state[0], strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-9)


@pytest.mark.parametrize("variant", ["balanced", "published"])
@pytest.mark.parametrize("n_factors", [2, 3, 4])
def test_hadamard_is_found_through_its_ties(variant, n_factors):
    H = hadamard(2**n_factors)
    result = palm4msa(H, [KSparseRowsColumns(2)] * n_factors, variant=variant)
    assert result.converged
    assert result.error <= 1e-11 * np.linalg.norm(H)
    assert result.operator.nnz == 2 * n_factors * 2**n_factors


def test_mirrored_problem_has_the_mirrored_result():
    A = gaussian((6, 9), 3, "complex")
    constraints = [KSparseRows(3), KSparse(20), KSparseColumns(2)]
    mirrored = [KSparseRows(2), KSparse(20), KSparseColumns(3)]
    one = palm4msa(A, constraints, order="r2l")
    other = palm4msa(A.conj().T, mirrored, order="l2r")
    # Before the fit on the final supports, which goes from left to right.
    np.testing.assert_allclose(one.objectives, other.objectives, rtol=1e-9)


def test_butterfly_supports_are_fitted_in_the_complex_numbers():
    n = 8
    reversal = [int(f"{i:03b}"[::-1], 2) for i in range(n)]
    F = np.fft.fft(np.eye(n))[:, reversal]
    constraints = [KroneckerSparsePattern(p) for p in square_dyadic(n)]
    result = palm4msa(F, constraints, n_init=2, random_state=0, max_iter=500, tol=1e-9)
    assert result.error <= 1e-9 * np.linalg.norm(F)
    assert result.operator.dtype == np.complex128


def test_more_starts_are_never_worse_and_are_reproducible():
    A = gaussian((10, 10), 4)
    constraints = [KSparseRowsColumns(3)] * 2
    one = palm4msa(A, constraints)
    many = palm4msa(A, constraints, n_init=5, random_state=7)
    again = palm4msa(A, constraints, n_init=5, random_state=7)
    assert many.error <= one.error
    assert many.error == again.error
    assert "best of 5 starts" in many.message


def test_run_goes_on_from_its_state_and_from_its_operator():
    A = gaussian((10, 10), 5)
    constraints = [KSparse(30), KSparse(30), KSparse(30)]
    first = palm4msa(A, constraints, max_iter=3, tol=0)
    for init in (first.state, first.operator):
        second = palm4msa(A, constraints, init=init, max_iter=20, tol=0)
        assert second.objectives[0] <= first.error * (1 + 1e-9)
        assert second.error < first.error


def test_rectangular_sizes_are_the_shorter_side_or_what_is_asked():
    A = gaussian((5, 12), 6)
    shapes = [f.shape for f in palm4msa(A, [KSparse(9)] * 3).operator.factors]
    assert shapes == [(5, 5), (5, 5), (5, 12)]
    result = palm4msa(A, [KSparse(9)] * 3, inner_sizes=[7, 4])
    assert [f.shape for f in result.operator.factors] == [(5, 7), (7, 4), (4, 12)]


def test_fixed_factor_stays_and_the_rest_is_least_squares():
    B = gaussian((9, 4), 7)
    A = gaussian((9, 6), 8)
    result = palm4msa(A, [Fixed(B), Unconstrained()], inner_sizes=[4])
    np.testing.assert_array_equal(result.state[0][0], B)
    best = A - B @ np.linalg.lstsq(B, A, rcond=None)[0]
    assert result.error == pytest.approx(np.linalg.norm(best))


@pytest.mark.parametrize("variant", ["balanced", "published"])
def test_zero_matrix_has_the_product_zero(variant):
    result = palm4msa(np.zeros((4, 6)), [KSparse(3)] * 3, variant=variant)
    assert result.error == 0 and result.converged
    assert not result.operator.toarray().any()


@pytest.mark.parametrize("dtype", [np.int64, np.float32, np.float64, np.complex64])
def test_dtype_is_that_of_the_matrix_which_is_not_changed(dtype):
    A = hadamard(8).astype(dtype)
    A.flags.writeable = False
    result = palm4msa(A, [KSparseRowsColumns(2)] * 3)
    expected = np.float64 if dtype == np.int64 else dtype
    assert result.operator.dtype == expected
    eps = np.finfo(expected).eps
    assert np.linalg.norm(result.operator.toarray() - hadamard(8)) <= 64 * eps


def test_loop_parameters_reach_the_loop(capsys):
    A = gaussian((6, 6), 9)
    seen = []
    result = palm4msa(
        A,
        [KSparse(9)] * 2,
        on_step=lambda step: seen.append(step.operator.shape) or len(seen) == 3,
        verbose=1,
    )
    assert seen == [(6, 6)] * 3 and result.n_iter == 3
    assert capsys.readouterr().out.count("palm4msa: iteration") == 3


@pytest.mark.parametrize(
    "wrong, words",
    [
        ({"A": np.full((6, 6), np.nan)}, "NaN or infinity"),
        ({"A": np.ones(6)}, r"shape \(6,\)"),
        ({"constraints": [KSparse(3)]}, "two constraints at least"),
        ({"constraints": [KSparse(3), "sparse"]}, "two constraints at least"),
        ({"constraints": [KSparse(3), KSparse(37)]}, r"Factor 1 of shape \(6, 6\)"),
        ({"variant": "new"}, "variant='new'"),
        ({"order": "out"}, "order='out'"),
        ({"inner_sizes": [6, 6]}, "inner_sizes"),
        ({"n_init": 0}, "n_init"),
        ({"max_iter": 0}, "max_iter"),
        ({"init": [np.eye(6), np.eye(5)]}, "init has factors of shapes"),
        ({"init": [np.eye(6), np.full((6, 6), np.nan)]}, "init contains NaN"),
    ],
)
def test_what_cannot_be_is_refused(wrong, words):
    arguments = {"A": np.eye(6), "constraints": [KSparse(9)] * 2, **wrong}
    with pytest.raises(ValueError, match=words):
        palm4msa(**arguments)
    with pytest.raises(TypeError, match="unexpected parameters"):
        palm4msa(np.eye(6), [KSparse(9)] * 2, n_iter=3)


def test_planted_supports_are_kept():
    rng = np.random.RandomState(10)
    masks = [np.eye(6) + np.eye(6, k=1), np.eye(6) + np.eye(6, k=-1)]
    A = (masks[0] * rng.rand(6, 6)) @ (masks[1] * rng.rand(6, 6))
    result = palm4msa(A, [Support(m) for m in masks], n_init=3, random_state=0)
    for mask, factor in zip(masks, result.state[0], strict=True):
        assert not factor[mask == 0].any()
    # The valley is flat near the optimum: a percent is what sweeps reach.
    assert result.error <= 1e-2 * np.linalg.norm(A)
