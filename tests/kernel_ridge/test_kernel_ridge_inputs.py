"""FrugalKernelRidge and rows, kernels, scales and tools of many kinds."""

import inspect
import pickle
import tracemalloc
import warnings

import numpy as np
import pandas as pd
import pytest
import sklearn
from kernel_noise import noise_of
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.kernel_ridge import KernelRidge
from sklearn.metrics.pairwise import pairwise_kernels
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skfrugal.kernel_approximation import _landmarks
from skfrugal.kernel_ridge import FrugalKernelRidge, _learning
from skfrugal.solvers import _rows


def _tanimoto(x, z, *, shift):
    return (x @ z + shift) / (x @ x + z @ z - x @ z + shift)


@pytest.mark.parametrize("landmarks", ["lloyd", "leverage", "rpcholesky"])
def test_kernel_ridge_takes_a_function_of_two_rows(table, landmarks):
    X, y = table
    parameters = {"kernel": _tanimoto, "kernel_params": {"shift": 1.0}}
    model = FrugalKernelRidge(20, landmarks=landmarks, **parameters, random_state=0)
    assert model.fit(X, y).score(X, y) > 0.5
    assert model.gamma_ is None
    model.set_params(n_components=60, alpha=0.1, fit_intercept=False).fit(X, y)
    dense = KernelRidge(alpha=0.1, **parameters).fit(X, y)
    assert_allclose(model.predict(X), dense.predict(X), rtol=1e-8)


@pytest.mark.parametrize("kernel", ["rbf", "laplacian", "poly", "cosine", "linear"])
def test_kernel_ridge_sparse_rows_give_the_dense_model(table, kernel):
    X, y = table
    X = np.where(np.abs(X) > 0.7, X, 0.0)
    model = FrugalKernelRidge(15, kernel=kernel, random_state=0)
    dense = clone(model).fit(X, y)
    for container in (sparse.csr_matrix, sparse.csc_array):
        rows = container(X)
        fitted = clone(model).fit(rows, y)
        assert isinstance(fitted.landmarks_, np.ndarray)
        expected = dense.predict(X)
        assert_allclose(fitted.predict(rows), expected, rtol=1e-6, atol=noise_of(dense))


@pytest.mark.parametrize(
    ("gamma", "fault"), [(1e-12, "1 .too small"), (1e6, "0 .too large"), (0, "1")]
)
def test_kernel_ridge_warns_of_a_degenerate_gamma(table, gamma, fault):
    X, y = table
    model = FrugalKernelRidge(30, gamma=gamma, random_state=0)
    with pytest.warns(UserWarning, match=rf"{fault}.*Pass gamma=0\.\d+") as record:
        model.fit(X, y)
    assert record[0].filename == __file__
    better = float(str(record[0].message).split("Pass gamma=")[1].split(",")[0])
    assert model.set_params(gamma=better).fit(X, y).score(X, y) > 0.5


def test_kernel_ridge_warns_of_an_indefinite_kernel(table):
    X, y = table
    match = "kernel='sigmoid' is not positive semidef"
    with pytest.warns(UserWarning, match=match) as record:
        FrugalKernelRidge(20, kernel="sigmoid", gamma=2.0).fit(X, y)
    assert record[0].filename == __file__


def test_kernel_ridge_says_why_not_precomputed(table):
    X, y = table
    with pytest.raises(ValueError, match="landmarks are points"):
        FrugalKernelRidge(kernel="precomputed").fit(X @ X.T, y)


@pytest.mark.parametrize(
    ("kernel", "gamma", "degree", "scale", "words"),
    [
        ("poly", 1.0, 3, 1e120, "'poly', gamma=1.0, degree=3, .*overflow; scale the"),
        ("rbf", 1.0, 3, 1e200, "'rbf', gamma=1.0: .*overflow; scale the features"),
        ("rbf", "auto", 3, 1e200, "'rbf', gamma=.*overflow; scale the features"),
        ("poly", 1.0, 1.5, 1, "'poly', gamma=1.0, degree=1.5, .*are NaN; pass par"),
    ],
)
def test_kernel_ridge_says_why_kernel_values_are_not_finite(
    table, kernel, gamma, degree, scale, words
):
    X, y = table
    model = FrugalKernelRidge(5, kernel=kernel, gamma=gamma, degree=degree)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ValueError, match=f"kernel={words}"):
            model.fit(scale * X, y)


def test_kernel_ridge_failed_fit_leaves_the_model_as_it_was(table):
    X, y = table

    def broken(a, b):
        raise ZeroDivisionError

    model = FrugalKernelRidge(10, random_state=0).fit(X, y)
    before, expected = set(vars(model)), model.predict(X)
    frame = pd.DataFrame(X[:30, :2], columns=["a", "b"])
    model.set_params(kernel=broken)
    with pytest.raises(ZeroDivisionError):
        model.fit(frame, y[:30])
    model.set_params(kernel="rbf")
    assert set(vars(model)) == before
    assert_array_equal(model.predict(X), expected)
    fresh = FrugalKernelRidge(kernel=broken)
    with pytest.raises(ZeroDivisionError):
        fresh.fit(X, y)
    with pytest.raises(NotFittedError):
        fresh.predict(X)


@pytest.mark.parametrize("power", [-1000, -560, 500, 530, 990])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_kernel_ridge_does_not_depend_on_the_scale_of_targets(
    table, power, fit_intercept
):
    X, y = table
    Y = np.column_stack([y, np.zeros(60)])
    model = FrugalKernelRidge(10, fit_intercept=fit_intercept, random_state=0)
    unit, scaled = clone(model).fit(X, Y), clone(model).fit(X, np.ldexp(Y, power))
    assert scaled.gamma_ == unit.gamma_
    assert_array_equal(scaled.alpha_, unit.alpha_)
    # Divided by a power of two: to the last bit.
    for name in ("dual_coef_", "intercept_", "loo_error_"):
        assert_array_equal(getattr(scaled, name), np.ldexp(getattr(unit, name), power))


def test_kernel_ridge_says_that_coefficients_overflow(table):
    X, y = table
    model = FrugalKernelRidge(60, alpha=1e-9, gamma=0.01, random_state=0)
    assert np.abs(model.fit(X, y).dual_coef_).max() > 1e3
    with pytest.raises(ValueError, match="coefficients overflow; pass a smaller y"):
        model.fit(X, 1e307 * y)


def test_kernel_ridge_copies_few_rows_at_a_time(monkeypatch):
    monkeypatch.setattr(_rows, "BLOCK_VALUES", 2**15)
    X = np.random.RandomState(0).standard_normal((3000, 500)).astype(np.float32)
    model = FrugalKernelRidge(5, gamma=0.001, random_state=0)
    tracemalloc.start()
    try:
        model.fit(X, X[:, 0]).predict(X)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < X.nbytes / 4


def test_kernel_ridge_sparse_blocks_are_as_long_as_the_kernel_block(monkeypatch):
    X = sparse.random(500, 5000, density=1e-3, format="csr", random_state=0)
    model = FrugalKernelRidge(4, random_state=0).fit(X, np.arange(500.0))
    expected, calls = model.predict(X), []

    def counted(A, B, **parameters):
        calls.append((A.shape[0], B))
        return pairwise_kernels(A, B, **parameters)

    monkeypatch.setattr(_learning, "pairwise_kernels", counted)
    monkeypatch.setattr(_rows, "BLOCK_VALUES", 1000)
    assert_allclose(model.predict(X), expected, rtol=1e-12)
    # A row of kernel values is four numbers, a row of X five on average.
    assert [rows for rows, _ in calls] == [200, 50, 200, 50]
    assert len({id(landmarks) for _, landmarks in calls}) == 1


def test_kernel_ridge_adds_repeated_sparse_entries(table):
    X, y = table
    X = np.where(np.abs(X) > 0.7, X, 0.0)
    half = sparse.csr_array(X / 2)
    order = np.repeat(np.arange(half.nnz), 2)
    twice = sparse.csr_array(
        (half.data[order], half.indices[order], 2 * half.indptr), shape=X.shape
    )
    assert twice.nnz == 2 * half.nnz
    dense = FrugalKernelRidge(15, random_state=0).fit(X, y)
    model = FrugalKernelRidge(15, random_state=0).fit(twice, y)
    assert_allclose(model.predict(twice), dense.predict(X), atol=noise_of(dense))
    assert twice.nnz == 2 * half.nnz


@pytest.mark.parametrize("landmarks", ["leverage", "rpcholesky"])
def test_kernel_ridge_landmarks_are_chosen_with_all_kernel_parameters(landmarks):
    X = np.random.RandomState(0).standard_normal((200, 3))
    model = FrugalKernelRidge(
        15, kernel="poly", degree=2, coef0=0.5, gamma=0.7, landmarks=landmarks
    )
    chosen = model.set_params(random_state=0).fit(X, X[:, 0]).landmarks_

    def kernel(a, b):
        return (0.7 * (a @ b) + 0.5) ** 2

    model.set_params(kernel=kernel)
    assert_array_equal(model.fit(X, X[:, 0]).landmarks_, chosen)


def test_kernel_ridge_checks_given_landmarks(table):
    X, y = table
    with pytest.raises(ValueError, match="landmarks has 2 features and X has 3"):
        FrugalKernelRidge(landmarks=X[:5, :2]).fit(X, y)
    with pytest.raises(ValueError, match="landmarks"):
        FrugalKernelRidge(landmarks=sparse.csr_array(X[:5])).fit(X, y)
    given = X[:5].copy()
    model = FrugalKernelRidge(landmarks=given).fit(X, y)
    assert_array_equal(model.landmarks_, X[:5])
    assert not np.shares_memory(model.landmarks_, given)


@pytest.mark.parametrize("dtype", [np.int64, np.uint8, np.float16, bool])
def test_kernel_ridge_takes_other_dtypes(dtype):
    rng = np.random.RandomState(0)
    X = rng.randint(0, 2 if dtype is bool else 5, (80, 6)).astype(dtype)
    y = X.astype(float).sum(axis=1)
    model = FrugalKernelRidge(20, random_state=0)
    wide = clone(model).fit(X.astype(np.float64), y).predict(X.astype(np.float64))
    assert_array_equal(clone(model).fit(X, y).predict(X), wide)


def test_kernel_ridge_constant_inputs_give_constant_predictions(table):
    X, y = table
    flat = FrugalKernelRidge(10, random_state=0).fit(X, np.full(60, 7.0))
    assert_allclose(flat.predict(X), 7.0, rtol=1e-14)
    same = FrugalKernelRidge(10, random_state=0).fit(np.ones((60, 3)), y)
    assert_allclose(same.predict(X[:5] * 0 + 1), y.mean(), rtol=1e-12)
    one = FrugalKernelRidge().fit([[1.0, 2.0]], [5.0])
    assert_allclose(one.predict([[1.0, 2.0], [8.0, 9.0]]), 5.0)


def test_kernel_ridge_ignores_constant_columns(table):
    X, y = table
    padded = np.hstack([X, np.full((60, 2), 1e3)])
    model = FrugalKernelRidge(10, random_state=3, landmarks=X[:10])
    plain = clone(model).fit(X, y).predict(X)
    model.set_params(landmarks=padded[:10])
    assert_allclose(model.fit(padded, y).predict(padded), plain, rtol=1e-8)


def test_kernel_ridge_fewer_rows_give_fewer_landmarks(table):
    X, y = table
    model = FrugalKernelRidge(300).fit(np.vstack([X, X[:5]]), np.append(y, y[:5]))
    assert model.landmarks_.shape == (60, 3)


def test_kernel_ridge_leaves_landmark_rows_out_of_the_comparison(table):
    X, y = table
    y = y.copy()
    y[:3] += 100.0  # outliers that are landmarks
    narrow = {"alpha": 1e-3, "gamma": 5.0}
    seen = FrugalKernelRidge(landmarks=X[:12] + 1e-3, **narrow).fit(X, y)
    unseen = FrugalKernelRidge(landmarks=X[:12], **narrow).fit(X, y)
    assert seen.loo_error_ > 5 * unseen.loo_error_


def test_kernel_ridge_does_not_touch_its_inputs(table):
    X, y = table
    weight = np.arange(60.0)
    copies = X.copy(), y.copy(), weight.copy()
    for array in (X, y, weight):
        array.setflags(write=False)
    FrugalKernelRidge(10).fit(X, y, weight).predict(X)
    for array, copy in zip((X, y, weight), copies, strict=True):
        assert_array_equal(array, copy)


def test_kernel_ridge_reads_a_memory_map(table, tmp_path):
    X, y = table
    np.save(tmp_path / "rows.npy", X)
    rows = np.load(tmp_path / "rows.npy", mmap_mode="r")
    model = FrugalKernelRidge(10, random_state=0)
    expected = clone(model).fit(X, y).predict(X)
    assert_array_equal(clone(model).fit(rows, y).predict(rows), expected)


def test_kernel_ridge_works_with_scikit_learn_tools(table):
    X, y = table
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    search = GridSearchCV(
        make_pipeline(StandardScaler(), FrugalKernelRidge(random_state=0)),
        {"frugalkernelridge__n_components": [5, 20]},
        cv=3,
    ).fit(frame, y)
    model = search.best_estimator_[-1]
    assert_allclose(
        pickle.loads(pickle.dumps(search)).predict(frame), search.predict(frame)
    )
    assert len(pickle.dumps(model)) < 8 * 20 * (3 + 1) + 4000
    named = FrugalKernelRidge(5).fit(frame, y)
    assert_array_equal(named.feature_names_in_, ["a", "b", "c"])
    with pytest.raises(ValueError, match="feature names"):
        named.predict(frame[["b", "a", "c"]])


def test_kernel_ridge_sample_weight_is_routed(table):
    X, y = table
    weight = np.random.RandomState(0).randint(1, 5, 60)
    with sklearn.config_context(enable_metadata_routing=True):
        scale = StandardScaler().set_fit_request(sample_weight=False)
        step = FrugalKernelRidge(10, random_state=0).set_fit_request(sample_weight=True)
        pipe = make_pipeline(scale, step).fit(X, y, sample_weight=weight)
    rows = StandardScaler().fit_transform(X)
    direct = FrugalKernelRidge(10, random_state=0).fit(rows, y, weight)
    assert_allclose(pipe.predict(X), direct.predict(rows))


def test_kernel_ridge_prints_only_when_asked(table, capsys):
    FrugalKernelRidge(5, verbose=0).fit(*table)
    assert capsys.readouterr().out == ""
    FrugalKernelRidge(5, verbose=1).fit(*table)
    assert capsys.readouterr().out.count("leave-one-out") == 5


def test_kernel_ridge_landmark_names_are_those_of_select_landmarks():
    assert set(_landmarks.METHODS) == _learning.LANDMARKS


def test_kernel_ridge_shares_its_parameters_with_the_dense_twin():
    ours = inspect.signature(FrugalKernelRidge).parameters
    assert set(inspect.signature(KernelRidge).parameters) <= set(ours)
