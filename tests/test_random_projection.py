"""StructuredRandomProjection beside scikit-learn's random projections."""

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose
from sklearn.metrics import euclidean_distances
from sklearn.random_projection import (
    GaussianRandomProjection,
    johnson_lindenstrauss_min_dim,
)

from skfrugal.random_projection import StructuredRandomProjection


@pytest.fixture(scope="module")
def rows():
    return np.random.RandomState(0).standard_normal((60, 2000))


def _distortions(X, Y):
    above = np.triu_indices(len(X), 1)
    before, after = (euclidean_distances(Z, squared=True)[above] for Z in (X, Y))
    return after / before


def test_auto_keeps_distances_within_eps(rows):
    projection = StructuredRandomProjection(eps=0.3, random_state=0).fit(rows)
    expected = johnson_lindenstrauss_min_dim(len(rows), eps=0.3)
    assert projection.n_components_ == expected
    ratios = _distortions(rows, projection.transform(rows))
    assert 1 - 0.3 <= ratios.min() and ratios.max() <= 1 + 0.3


@pytest.mark.parametrize("kind", ["dense", "one-hot", "smooth"])
def test_distortion_is_at_most_that_of_the_gaussian_twin(rows, kind):
    X = rows
    if kind == "one-hot":
        X = np.eye(60, 2000)
    elif kind == "smooth":
        X = np.cumsum(rows, axis=1)
    ours, theirs = (
        np.mean(
            [
                _distortions(X, cls(300, random_state=s).fit_transform(X)).std()
                for s in range(8)
            ]
        )
        for cls in (StructuredRandomProjection, GaussianRandomProjection)
    )
    assert ours <= 1.1 * theirs


def test_eps_that_asks_for_more_columns_than_there_are_is_refused(rows):
    with pytest.raises(ValueError, match="target dimension of 3"):
        StructuredRandomProjection(eps=0.1).fit(rows)
    with pytest.raises(ValueError, match="eps"):
        StructuredRandomProjection(eps=1.5).fit(rows)


def test_inverse_transform_is_the_least_squares_solution():
    X = np.random.RandomState(0).standard_normal((10, 64))
    projection = StructuredRandomProjection(20, random_state=0).fit(X)
    Y = projection.transform(X)
    dense = projection.operator_.toarray()
    assert_allclose(projection.inverse_transform(Y), Y @ np.linalg.pinv(dense).T)
    assert_allclose(projection.transform(projection.inverse_transform(Y)), Y)
    square = StructuredRandomProjection(64, random_state=0).fit(X)
    assert_allclose(square.inverse_transform(square.transform(X)), X)
    with pytest.raises(ValueError, match="20 features"):
        projection.inverse_transform(X)


def test_sparse_rows_are_projected_as_dense_ones():
    X = sp.random(30, 500, density=0.02, random_state=0, format="csr")
    projection = StructuredRandomProjection(40, random_state=0).fit(X)
    for rows in (X, X.tocsc()):
        assert_allclose(projection.transform(rows), projection.transform(X.toarray()))


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64, np.float16])
def test_dtype_is_kept_or_made_floating(rows, dtype):
    X = (10 * rows[:, :100]).astype(dtype)
    expected = {np.int64: np.float64, np.float16: np.float64}.get(dtype, dtype)
    Y = StructuredRandomProjection(7, random_state=0).fit_transform(X)
    assert Y.dtype == expected
    assert list(StructuredRandomProjection(2).fit(X).get_feature_names_out()) == [
        "structuredrandomprojection0",
        "structuredrandomprojection1",
    ]
