"""FrugalNystroem against its dense twin and against kernels written out."""

from contextlib import nullcontext

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import linalg, sparse
from scipy.spatial.distance import cdist
from sklearn.kernel_approximation import Nystroem
from sklearn.metrics.pairwise import pairwise_kernels, rbf_kernel

from skfrugal.kernel_approximation import FrugalNystroem
from skfrugal.metrics import model_cost
from skfrugal.operators import Dense, Operator
from skfrugal.structures import LowRank

NAMED = ["rbf", "laplacian", "poly", "polynomial", "linear", "cosine", "chi2"]


@pytest.fixture(scope="module")
def rows():
    return np.random.RandomState(0).uniform(size=(300, 8))


@pytest.mark.parametrize("kernel", NAMED)
@pytest.mark.parametrize("as_rows", [np.asarray, sparse.csr_array])
def test_uniform_landmarks_give_nystroem_itself(rows, kernel, as_rows):
    if kernel == "chi2" and as_rows is not np.asarray:
        as_rows = np.asfortranarray  # chi2 takes no sparse rows
    # As many landmarks as the linear kernel has directions: nothing is dropped.
    parameters = {"kernel": kernel, "n_components": 8, "random_state": 3}
    twin = Nystroem(**parameters).fit(rows)
    ours = FrugalNystroem(**parameters, landmarks="uniform").fit(as_rows(rows))
    assert_array_equal(ours.components_, twin.components_)
    assert_array_equal(ours.component_indices_, twin.component_indices_)
    scale = np.abs(twin.normalization_).max()
    assert_allclose(ours.normalization_ / scale, twin.normalization_ / scale, atol=1e-9)
    # Rounding of the kernel is multiplied by the normalization.
    features = ours.transform(as_rows(rows))
    assert_allclose(features, twin.transform(rows), atol=1e-12 * (1 + scale))


def test_parameters_reach_the_kernel(rows):
    parameters = {"kernel": "poly", "gamma": 0.3, "degree": 2, "coef0": 0.5}
    ours = FrugalNystroem(n_components=60, **parameters).fit(rows)
    features = ours.transform(rows)
    expected = (0.3 * rows @ rows.T + 0.5) ** 2
    # Polynomials of degree 2 in 8 features span 45 dimensions: the map is exact.
    assert_allclose(features @ features.T, expected, rtol=1e-5)
    given = {name: parameters[name] for name in ("gamma", "degree", "coef0")}
    also = FrugalNystroem("poly", n_components=60, kernel_params=given).fit(rows)
    features = also.transform(rows)
    assert_allclose(features @ features.T, expected, rtol=1e-5)


@pytest.mark.parametrize("landmarks", ["lloyd", "kmeans", "leverage", "rpcholesky"])
def test_all_rows_as_landmarks_reproduce_the_kernel(rows, landmarks):
    model = FrugalNystroem(n_components=300, landmarks=landmarks, gamma=2.0)
    features = model.fit_transform(rows)
    assert_allclose(features @ features.T, rbf_kernel(rows, gamma=2.0), atol=1e-6)


@pytest.mark.parametrize("kernel, formula", [("matern12", 1), ("matern32", 3)])
def test_matern_kernel_has_length_scale_one_over_gamma(rows, kernel, formula):
    s = 0.7 * formula**0.5 * cdist(rows, rows)
    expected = np.exp(-s) * (1 + s * (formula == 3))
    features = FrugalNystroem(
        kernel, n_components=300, gamma=0.7, landmarks="uniform"
    ).fit_transform(rows)
    assert_allclose(features @ features.T, expected, atol=1e-6)


@pytest.mark.parametrize("landmarks", ["uniform", "leverage", "rpcholesky"])
@pytest.mark.parametrize("as_rows", [np.asarray, sparse.csr_array])
def test_component_indices_are_the_rows_that_were_drawn(rows, landmarks, as_rows):
    model = FrugalNystroem(n_components=20, landmarks=landmarks, random_state=0)
    model.fit(as_rows(rows))
    assert_array_equal(model.components_, rows[model.component_indices_])


def test_component_indices_are_not_there_for_means_and_structures(rows):
    model = FrugalNystroem(n_components=20, landmarks="uniform").fit(rows)
    assert hasattr(model, "component_indices_")
    assert not hasattr(
        model.set_params(landmarks="lloyd").fit(rows), "component_indices_"
    )
    model.set_params(landmarks="uniform", structure="low_rank").fit(rows)
    assert not hasattr(model, "component_indices_")


@pytest.mark.parametrize("structure", ["low_rank", "butterfly", LowRank(rank=2)])
def test_structured_landmarks_are_the_projection_of_the_dense_ones(rows, structure):
    model = FrugalNystroem(
        n_components=32, structure=structure, landmarks="uniform", random_state=0
    ).fit(rows)
    operator = model.operator_
    assert isinstance(operator, Operator) and not isinstance(operator, Dense)
    dense = Nystroem(n_components=32, random_state=0).fit(rows).components_
    kept = linalg.norm(operator.toarray() - dense) / linalg.norm(dense)
    assert 0 < kept < 0.6
    assert_array_equal(model.components_, operator.toarray())
    # The map stands on the structured landmarks: there it reproduces the kernel.
    features = model.transform(model.components_)
    assert_allclose(features @ features.T, rbf_kernel(model.components_), atol=1e-6)
    if isinstance(structure, LowRank):
        truncated = linalg.svdvals(dense)[2:]
        assert_allclose(kept * linalg.norm(dense), linalg.norm(truncated), rtol=1e-10)


def test_structure_lowers_the_cost_that_is_counted(rows):
    dense = FrugalNystroem(n_components=32).fit(rows)
    twin = Nystroem(n_components=32).fit(rows)
    assert model_cost(dense) == model_cost(twin)
    small = FrugalNystroem(n_components=32, structure=LowRank(rank=1)).fit(rows)
    saved = model_cost(dense).stored_values - model_cost(small).stored_values
    assert saved == 32 * 8 - (32 + 8)


def test_callable_kernel_gives_the_features_of_its_name(rows):
    named = FrugalNystroem(n_components=10, gamma=0.5, random_state=0).fit(rows)

    def kernel(x, z, width):
        return np.exp(-width * np.sum((x - z) ** 2))

    model = FrugalNystroem(
        kernel, n_components=10, kernel_params={"width": 0.5}, random_state=0
    ).fit(rows)
    assert_allclose(model.transform(rows), named.transform(rows), atol=1e-9)


@pytest.mark.parametrize("offset", [0.0, 1e4])
def test_float32_rows_give_the_float32_features_of_float64_rows(rows, offset):
    X = (rows + offset).astype(np.float32)
    model = FrugalNystroem(n_components=10, landmarks="uniform", random_state=0)
    wide = model.fit(X.astype(np.float64)).transform(X.astype(np.float64))
    narrow = model.fit(X)
    assert narrow.components_.dtype == narrow.normalization_.dtype == np.float32
    features = narrow.transform(X)
    assert features.dtype == np.float32
    # Kernel values within a few eps, times the normalization.
    size = linalg.norm(narrow.normalization_, 2)
    assert np.abs(features - wide).max() < 32 * np.finfo(np.float32).eps * size


def test_repeated_rows_and_constant_rows_do_no_harm(rows):
    X = np.repeat(rows[:10], 30, axis=0)
    for landmarks in ("uniform", "lloyd"):
        model = FrugalNystroem(n_components=50, landmarks=landmarks, random_state=0)
        announced = pytest.warns(UserWarning, match="more than the 10")
        with announced if landmarks == "lloyd" else nullcontext():
            features = model.fit(X).transform(X)
        assert_allclose(features @ features.T, rbf_kernel(X), atol=1e-6)


def test_too_many_components_are_announced(rows):
    for landmarks in ("uniform", "lloyd"):
        model = FrugalNystroem(n_components=301, landmarks=landmarks)
        with pytest.warns(UserWarning, match="n_components=301 is more than the 300"):
            model.fit(rows)
        assert model.transform(rows).shape == (300, 300)


def test_indefinite_kernel_is_announced(rows):
    model = FrugalNystroem("sigmoid", n_components=30, gamma=5.0, coef0=-3.0)
    with pytest.warns(UserWarning, match="not positive semidefinite"):
        model.fit(rows)
    assert np.isfinite(model.transform(rows)).all()


def test_given_landmarks_are_the_components(rows):
    model = FrugalNystroem(landmarks=rows[:7].tolist()).fit(rows)
    assert_array_equal(model.components_, rows[:7])
    assert not model.components_.flags.writeable
    assert model.get_feature_names_out().tolist() == [
        f"frugalnystroem{i}" for i in range(7)
    ]


@pytest.mark.parametrize(
    "parameters, words",
    [
        ({"kernel": "precomputed"}, "landmarks are points"),
        ({"kernel": pairwise_kernels, "gamma": 1.0}, "gamma given beside a callable"),
        ({"landmarks": np.ones((3, 5))}, "landmarks has 5 features and X has 8"),
        ({"kernel": "poly", "degree": 900, "coef0": 9.0}, "scale the features"),
        ({"structure": "square"}, "structure"),
    ],
)
def test_bad_parameters_are_refused(rows, parameters, words):
    with np.errstate(over="ignore"), pytest.raises(ValueError, match=words):
        FrugalNystroem(n_components=5, **parameters).fit(rows)


def test_components_before_fit_say_what_to_do():
    with pytest.raises(AttributeError, match="call fit"):
        FrugalNystroem().components_  # noqa: B018


def test_kernel_params_of_the_caller_are_not_changed(rows):
    given = {"degree": 2}
    FrugalNystroem("poly", gamma=0.1, n_components=5, kernel_params=given).fit(rows)
    assert given == {"degree": 2}
