"""select_landmarks: where landmarks come from, for every method."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.metrics import pairwise_distances
from sklearn.metrics.pairwise import rbf_kernel

from skfrugal.kernel_approximation import select_landmarks
from skfrugal.kernel_approximation._landmarks import METHODS
from skfrugal.solvers import _rows
from skfrugal.solvers._rows import fingerprint

ROWS = ("uniform", "leverage", "rpcholesky")
MEANS = ("lloyd", "kmeans")

every_method = pytest.mark.parametrize("method", sorted(METHODS))


def _is_row_of(landmarks, X):
    return (landmarks[:, None, :] == X[None]).all(axis=2).any(axis=1)


@pytest.fixture
def X():
    return np.random.RandomState(0).standard_normal((300, 4))


@every_method
def test_landmarks_have_shape_and_dtype_of_rows(X, method):
    for dtype in (np.float64, np.float32):
        Z = select_landmarks(X.astype(dtype), 20, method=method, random_state=0)
        assert Z.shape == (20, 4)
        assert Z.dtype == dtype


@pytest.mark.parametrize("method", ROWS)
def test_landmarks_are_distinct_rows(X, method):
    repeated = np.vstack([X[:40]] * 50)
    Z = select_landmarks(repeated, 30, method=method, random_state=0)
    assert _is_row_of(Z, X[:40]).all()
    assert len(np.unique(Z, axis=0)) == 30


@every_method
def test_landmarks_of_few_rows_are_all_of_them(X, method):
    repeated = np.vstack([X[:8], X[3:8], -0.0 * X[:1], 0.0 * X[:1]])
    Z = select_landmarks(repeated, 9, method=method, random_state=0)
    expected = np.unique(repeated + 0.0, axis=0)
    assert_array_equal(np.unique(Z + 0.0, axis=0), expected)
    assert len(Z) == 9


@every_method
def test_landmarks_do_not_depend_on_the_order_of_rows(X, method):
    order = np.random.RandomState(1).permutation(len(X))
    Z = select_landmarks(X, 20, method=method, random_state=0)
    shuffled = select_landmarks(X[order], 20, method=method, random_state=0)
    assert_allclose(shuffled, Z, rtol=1e-12, atol=1e-12)


@every_method
def test_landmarks_of_weighted_rows_are_those_of_repeated_rows(X, method):
    weight = np.random.RandomState(1).randint(0, 4, len(X))
    Z = select_landmarks(X, 20, method=method, sample_weight=weight, random_state=0)
    repeated = np.repeat(X, weight, axis=0)
    expected = select_landmarks(repeated, 20, method=method, random_state=0)
    assert_allclose(Z, expected, rtol=1e-10, atol=1e-12)


@every_method
def test_landmarks_move_with_the_rows(X, method):
    X = np.round(X, 3)
    Z = select_landmarks(X, 20, method=method, random_state=0)
    moved = select_landmarks(X + 1e4, 20, method=method, random_state=0)
    assert_allclose(moved - 1e4, Z, atol=1e-10)


@every_method
def test_landmarks_of_sparse_rows_are_those_of_dense_rows(X, method):
    X = np.where(np.abs(X) > 0.5, X, 0.0)
    dense = select_landmarks(X, 20, method=method, random_state=0)
    for container in (sparse.csr_matrix, sparse.csr_array):
        Z = select_landmarks(container(X), 20, method=method, random_state=0)
        assert isinstance(Z, np.ndarray)
        assert_allclose(Z, dense, rtol=1e-10, atol=1e-12)


def test_landmarks_lloyd_is_one_step_of_lloyds_algorithm(X, monkeypatch):
    monkeypatch.setattr(_rows, "BLOCK_VALUES", 100)
    weight = np.random.RandomState(1).uniform(0.5, 2, len(X))
    start = select_landmarks(
        X, 15, method="uniform", sample_weight=weight, random_state=0
    )
    label = pairwise_distances(X, start).argmin(axis=1)
    expected = [
        np.average(X[label == k], axis=0, weights=weight[label == k]) for k in range(15)
    ]
    Z = select_landmarks(X, 15, sample_weight=weight, random_state=0)
    assert_allclose(Z, expected, rtol=1e-12)


@pytest.mark.parametrize("method", MEANS)
def test_landmarks_that_are_means_lower_the_inertia(X, method):
    def inertia(Z):
        return (pairwise_distances(X, Z).min(axis=1) ** 2).sum()

    uniform = select_landmarks(X, 20, method="uniform", random_state=0)
    assert inertia(select_landmarks(X, 20, method=method, random_state=0)) < inertia(
        uniform
    )


def test_landmarks_are_drawn_by_weight(X):
    weight = np.where(np.arange(300) < 150, 9.0, 1.0)
    counts = [
        _is_row_of(
            select_landmarks(
                X, 10, method="uniform", sample_weight=weight, random_state=seed
            ),
            X[:150],
        ).sum()
        for seed in range(100)
    ]
    # 1,000 draws, nine in ten expected from the first half (a little less, since
    # rows are not replaced): four standard deviations.
    assert 0.85 < np.mean(counts) / 10 < 0.94


@pytest.mark.parametrize("method", ["leverage", "rpcholesky"])
def test_landmarks_of_kernel_methods_favour_isolated_rows(method):
    rng = np.random.RandomState(0)
    X = np.vstack(
        [0.05 * rng.standard_normal((990, 2)), 10 + np.arange(20).reshape(10, 2)]
    )
    found = [
        (select_landmarks(X, 20, method=method, gamma=1.0, random_state=seed) > 5).sum()
        for seed in range(10)
    ]
    # Uniform draws find .2 of the ten isolated rows.
    assert np.mean(found) / 2 > 8


def test_landmarks_rpcholesky_leaves_a_small_nystroem_error(X):
    K = rbf_kernel(X, gamma=0.1)

    def error(method, seed):
        Z = select_landmarks(X, 60, method=method, gamma=0.1, random_state=seed)
        K_nm, K_mm = rbf_kernel(X, Z, gamma=0.1), rbf_kernel(Z, gamma=0.1)
        return np.trace(K - K_nm @ np.linalg.pinv(K_mm, 1e-12) @ K_nm.T)

    rpcholesky = np.mean([error("rpcholesky", seed) for seed in range(5)])
    uniform = np.mean([error("uniform", seed) for seed in range(5)])
    assert rpcholesky < 0.8 * uniform


def test_landmarks_rpcholesky_stops_when_the_kernel_is_reproduced(X):
    Z = select_landmarks(X, 60, method="rpcholesky", kernel="linear", random_state=0)
    assert np.linalg.matrix_rank(Z) == 4
    assert len(Z) < 60


@pytest.mark.parametrize("method", ["leverage", "rpcholesky"])
def test_landmarks_of_kernel_methods_take_the_parameters_of_the_kernel(X, method):
    named = {"kernel": "poly", "gamma": 0.5, "kernel_params": {"degree": 2, "coef0": 3}}

    def kernel(a, b, *, offset):
        return (0.5 * (a @ b) + offset) ** 2

    Z = select_landmarks(X[:100], 12, method=method, random_state=0, **named)
    twin = {"kernel": kernel, "kernel_params": {"offset": 3.0}}
    expected = select_landmarks(X[:100], 12, method=method, random_state=0, **twin)
    assert_array_equal(Z, expected)


@pytest.mark.parametrize("method", ["leverage", "rpcholesky"])
def test_landmarks_of_kernel_methods_need_a_positive_kernel(X, method):
    for kernel in ("additive_chi2", lambda a, b: 0.0, lambda a, b: -1.0):
        with pytest.raises(ValueError, match=f"'{method}'.* kernel=.*pass 'lloyd'"):
            select_landmarks(np.abs(X), 10, method=method, kernel=kernel)
    with pytest.raises(ValueError, match=r"kernel=.*NaN"):
        select_landmarks(X, 10, method=method, kernel=lambda a, b: np.nan)


@pytest.mark.parametrize("method", ["leverage", "rpcholesky"])
def test_landmarks_of_kernel_methods_find_the_few_positive_rows(X, method):
    # A uniform pilot sees none of them.
    X = np.where(np.arange(300)[:, None] < 2, X, -np.abs(X))
    X[:2] = np.abs(X[:2])

    def kernel(a, b):
        return max(a[0], 0.0) * max(b[0], 0.0)

    Z = select_landmarks(X, 2, method=method, kernel=kernel, random_state=0)
    assert len(Z) > 0
    assert (Z[:, 0] > 0).all()


def test_landmarks_refuse_what_they_cannot_use(X):
    with pytest.raises(ValueError, match="zero"):
        select_landmarks(X, 5, sample_weight=np.zeros(300))
    with pytest.raises(ValueError, match=r"[Nn]egative"):
        select_landmarks(X, 5, sample_weight=-np.ones(300))
    with pytest.raises(ValueError, match="NaN"):
        select_landmarks(np.full((4, 2), np.nan), 2)
    with pytest.raises(ValueError, match="method"):
        select_landmarks(X, 5, method="farthest")
    with pytest.raises(ValueError, match="n_components"):
        select_landmarks(X, 0)


def test_fingerprint_tells_rows_apart():
    # Small integers, whose low bits are all zero, are where weak hashes fail.
    axis = np.arange(-10, 11.0)
    X = np.stack(np.meshgrid(axis, axis, axis), axis=-1).reshape(-1, 3)
    assert len(np.unique(fingerprint(X))) == len(X)
    assert_array_equal(fingerprint(sparse.csr_array(X)), fingerprint(X))
    assert_array_equal(fingerprint(X.astype(np.float32)), fingerprint(X))
