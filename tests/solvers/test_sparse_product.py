"""Products of two or three sparse factors of unknown supports."""

import numpy as np
import pytest

from skfrugal.operators import Dense, SparseFactor
from skfrugal.solvers import sparse_product

SIZES = [(6, (60, 70)), ((5, 6), (40, 15, 70)), ((5, 6), (40, None, 70))]
IDS = ["two", "three", "dense middle"]


def smooth(m=30, n=40, seed=0, noise=0.05):
    rng = np.random.RandomState(seed)
    A = rng.standard_normal((m, 5)) @ rng.standard_normal((5, n))
    return A + noise * rng.standard_normal((m, n))


def fitted(A, sizes, **options):
    n_atoms, n_nonzero = sizes
    options = {"random_state": 0, "tol": 0, "max_iter": 8} | options
    return sparse_product(A, n_atoms=n_atoms, n_nonzero=n_nonzero, **options)


@pytest.mark.parametrize("sizes", SIZES, ids=IDS)
def test_the_error_falls_and_is_that_of_the_operator(sizes):
    A = smooth()
    result = fitted(A, sizes)
    path = np.array(result.objectives)
    assert (np.diff(path) <= 1e-12 * path[0]).all()
    distance = np.linalg.norm(A - result.operator.toarray())
    np.testing.assert_allclose(result.error, distance, rtol=1e-12)
    np.testing.assert_allclose(result.objectives[-1], distance, rtol=1e-9)


@pytest.mark.parametrize("sizes", SIZES, ids=IDS)
def test_budgets_hold_factor_by_factor(sizes):
    factors = fitted(smooth(), sizes).operator.factors
    for factor, allowed in zip(factors, sizes[1], strict=True):
        assert isinstance(factor, Dense if allowed is None else SparseFactor)
        assert allowed is None or factor.nnz <= allowed


@pytest.mark.parametrize("sizes", SIZES, ids=IDS)
@pytest.mark.parametrize("exponent", [-900, -40, 40, 900])
def test_scale_does_not_matter(sizes, exponent):
    A = smooth()
    plain, scaled = fitted(A, sizes), fitted(np.ldexp(A, exponent), sizes)
    assert scaled.error == np.ldexp(plain.error, exponent)


@pytest.mark.parametrize("sizes", SIZES, ids=IDS)
def test_weights_are_those_of_the_squared_error(sizes):
    A, weight = smooth(), np.random.RandomState(1).uniform(0, 9, 30)
    result = fitted(A, sizes, row_weight=weight)
    squares = np.square(A - result.operator.toarray()).sum(axis=1)
    np.testing.assert_allclose(result.error**2, weight @ squares, rtol=1e-9)
    # And they are what is made small: equal weights do worse by that measure.
    equal = np.square(A - fitted(A, sizes).operator.toarray()).sum(axis=1)
    assert weight @ squares < weight @ equal


@pytest.mark.parametrize("sizes", SIZES, ids=IDS)
def test_a_run_goes_on_where_it_ended(sizes):
    A = smooth()
    first = fitted(A, sizes, max_iter=3)
    rest = fitted(A, sizes, max_iter=5, start=first)
    whole = fitted(A, sizes)
    assert rest.error <= first.error
    np.testing.assert_allclose(rest.error, whole.error, rtol=1e-8)
    # For another matrix it is no worse than where it starts, whatever its scale.
    for other in (A + 0.01, 20 * A):
        apart = np.linalg.norm(other - first.operator.toarray())
        assert fitted(other, sizes, max_iter=1, start=first).error <= apart


@pytest.mark.parametrize("sizes", [(10, (100, 200)), ((10, 10), (100, 10, 200))])
@pytest.mark.parametrize("seed", range(3))
def test_planted_blocks_in_any_order_are_found(sizes, seed):
    rng = np.random.RandomState(seed)
    left, right = np.zeros((100, 10)), np.zeros((10, 200))
    left[np.arange(100), rng.randint(10, size=100)] = rng.standard_normal(100)
    right[rng.randint(10, size=200), np.arange(200)] = rng.standard_normal(200)
    result = fitted(left @ right, sizes, max_iter=60, random_state=seed)
    assert result.error < 1e-12 * np.linalg.norm(left @ right)


def test_it_beats_what_it_contains():
    # A product of rank 5 with as many entries is one of its candidates.
    A = smooth(noise=0.0)
    whole = fitted(A, (5, (150, 200)), max_iter=30)
    assert whole.error < 1e-6 * np.linalg.norm(A)


@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.int64])
@pytest.mark.parametrize("sizes", SIZES, ids=IDS)
def test_dtypes(sizes, dtype):
    A = (10 * smooth()).astype(dtype)
    A.flags.writeable = False
    result = fitted(np.asfortranarray(A), sizes)
    assert result.operator.dtype == (np.float64 if dtype is np.int64 else np.float32)
    distance = np.linalg.norm(A.astype(float) - result.operator.toarray().astype(float))
    np.testing.assert_allclose(result.error, distance, rtol=1e-5)


@pytest.mark.parametrize("sizes", SIZES, ids=IDS)
@pytest.mark.parametrize(
    "A",
    [np.zeros((5, 4)), np.ones((1, 1)), np.ones((1, 9)), np.ones((9, 1)), np.eye(5)],
    ids=["zero", "one entry", "row", "column", "identity"],
)
def test_small_and_empty_matrices(sizes, A):
    result = fitted(A, sizes)
    assert result.error <= 1e-7
    np.testing.assert_allclose(result.operator.toarray(), A, atol=1e-7)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_nonzero": (3, 4, 5)}, "do not fit"),
        ({"n_atoms": (2, 3), "n_nonzero": (3, 4)}, "do not fit"),
        ({"n_nonzero": (0, 4)}, "n_nonzero"),
        ({"n_atoms": 0}, "n_atoms"),
        ({"row_weight": [1.0, -1.0]}, "row_weight"),
        ({"start": 3}, "start=3"),
        ({"A": [[1.0, np.nan]]}, "NaN"),
        ({"A": [[1.0, 1j]]}, "complex"),
    ],
)
def test_bad_input_is_named(options, message):
    options = {"A": np.eye(3), "n_atoms": 2, "n_nonzero": (3, 4)} | options
    with pytest.raises(ValueError, match=message):
        sparse_product(options.pop("A"), **options)


def test_a_start_of_other_sizes_is_refused():
    start = fitted(smooth(), SIZES[0])
    with pytest.raises(ValueError, match="start is for a 30 x 40 matrix"):
        fitted(smooth(31), SIZES[0], start=start)


def test_a_start_of_other_budgets_is_refused():
    n_atoms, (left, middle, right) = SIZES[1]
    start = fitted(smooth(), SIZES[1])
    for other in [(left - 1, middle, right), (left, None, right), (left, 15, 71)]:
        with pytest.raises(ValueError, match="same sizes"):
            fitted(smooth(), (n_atoms, other), start=start)
    # As many as the middle has is the dense middle.
    assert fitted(
        smooth(), (n_atoms, (left, 30, right)), start=fitted(smooth(), SIZES[2])
    )


@pytest.mark.parametrize("sizes", [(50, (100, 100)), ((50, 60), (100, 100, 100))])
def test_budgets_hold_where_entries_are_equal(sizes):
    A = np.random.RandomState(0).standard_normal((20, 30)) > 0
    result = fitted(A, sizes, row_weight=np.arange(20) % 3)
    for factor, allowed in zip(result.operator.factors, sizes[1], strict=True):
        assert factor.nnz <= allowed


@pytest.mark.parametrize("sizes", SIZES, ids=IDS)
def test_rows_without_weight_do_not_count(sizes):
    A, weight = smooth(noise=0.0), (np.arange(30) < 3).astype(float)
    result = fitted(A, sizes, row_weight=weight)
    squares = np.square(A - result.operator.toarray()).sum(axis=1)
    np.testing.assert_allclose(
        result.error, np.sqrt(weight @ squares), rtol=1e-6, atol=1e-12
    )


@pytest.mark.parametrize("sizes", [*SIZES, ((50, 60), (100, 100, 100))])
@pytest.mark.parametrize("kind", ["weights", "columns", "rows"])
def test_errors_never_rise_however_far_the_scales_are_apart(sizes, kind):
    A, weight = smooth(20, 30), None
    if kind == "weights":
        weight = 10.0 ** np.arange(-150, 150, 15)
    elif kind == "columns":
        A = A * 10.0 ** (10 * np.arange(30) - 150)
    else:
        A = A * 10.0 ** (-15 * np.arange(20))[:, np.newaxis]
    with np.errstate(all="raise", under="ignore"):
        result = fitted(A, sizes, row_weight=weight)
        again = fitted(A, sizes, row_weight=weight, start=result)
    path = [*result.objectives, *again.objectives]
    assert (np.diff(path) <= 1e-12 * path[0]).all()
