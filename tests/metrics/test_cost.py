"""Costs against a slow twin: predictions computed number by number, and counted."""

import math

import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.cluster import DBSCAN, KMeans
from sklearn.compose import TransformedTargetRegressor
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.exceptions import NotFittedError
from sklearn.kernel_approximation import Nystroem, RBFSampler
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skfrugal.metrics import Cost, model_cost
from skfrugal.operators import Dense, Product, random_butterfly

RNG = np.random.RandomState(0)
X = RNG.standard_normal((40, 6))
Y = X @ RNG.standard_normal((6, 2)) + 0.1 * RNG.standard_normal((40, 2))


class Counter:
    """Arithmetic one number at a time; remembers what it read and what it did."""

    def __init__(self):
        self.multiply_adds = 0
        self.read = set()

    def fma(self, total, factor, weight, key):
        self.multiply_adds += 1
        self.read.add(key)
        return total + factor * weight

    def product(self, matrix, x, label):
        return np.array([self._dot(row, x, (label, i)) for i, row in enumerate(matrix)])

    def _dot(self, row, x, key):
        total = 0.0
        for j, weight in enumerate(row):
            total = self.fma(total, x[j], weight, (*key, j))
        return total

    def add(self, x, vector, label):
        return np.array(
            [self.fma(a, 1.0, b, (label, i)) for i, (a, b) in _pairs(x, vector)]
        )

    def multiply(self, x, vector, label):
        return np.array(
            [self.fma(0.0, a, b, (label, i)) for i, (a, b) in _pairs(x, vector)]
        )

    def function(self, f, x):
        self.multiply_adds += len(x)
        return np.array([f(value) for value in x])


def _pairs(x, vector):
    return enumerate(zip(x, np.broadcast_to(vector, np.shape(x)), strict=True))


def slow_pca(model, x, count):
    y = count.product(model.components_, count.add(x, -model.mean_, "mean"), "V")
    if model.whiten:
        y = count.multiply(y, model.explained_variance_**-0.5, "scale")
    return y


def slow_svd(model, x, count):
    return count.product(model.components_, x, "V")


def slow_kmeans(model, x, count):
    products = count.product(-2 * model.cluster_centers_, x, "C")
    norms = (model.cluster_centers_**2).sum(axis=1)
    return np.argmin(count.add(products, norms, "norms"))


def slow_linear(model, x, count):
    y = count.product(np.atleast_2d(model.coef_), x, "coef")
    return count.add(y, model.intercept_, "intercept")


def slow_scaler(model, x, count):
    return count.multiply(count.add(x, -model.mean_, "m"), 1 / model.scale_, "s")


def slow_kernel(landmarks, gamma, x, count):
    """exp(-gamma ||x - z||^2); norms come with the exponential, as documented."""
    norms = dict(zip(range(len(landmarks)), (landmarks**2).sum(axis=1), strict=True))
    products = count.product(landmarks, x, "Z")
    squares = [p * -2 + norms[i] + x @ x for i, p in enumerate(products)]
    return count.function(lambda square: math.exp(-gamma * square), squares)


def slow_kernel_ridge(model, x, count):
    kernel = slow_kernel(model.X_fit_, model.gamma, x, count)
    return count.product(np.atleast_2d(model.dual_coef_.T), kernel, "dual")


def slow_nystroem(model, x, count):
    kernel = slow_kernel(model.components_, model.gamma, x, count)
    return count.product(model.normalization_, kernel, "N")


def slow_sampler(model, x, count):
    z = count.product(model.random_weights_.T, x, "W")
    z = count.add(z, model.random_offset_, "offset")
    return count.function(math.cos, z) * math.sqrt(2 / len(z))


def slow_network(model, x, count):
    last = len(model.coefs_) - 1
    for i, (weights, bias) in enumerate(
        zip(model.coefs_, model.intercepts_, strict=True)
    ):
        x = count.add(count.product(weights.T, x, f"W{i}"), bias, f"b{i}")
        x = x if i == last else np.maximum(x, 0)
    return x


MODELS = {
    "PCA": (PCA(3), slow_pca),
    "PCA whitened": (PCA(3, whiten=True), slow_pca),
    "TruncatedSVD": (TruncatedSVD(3), slow_svd),
    "KMeans": (KMeans(5, random_state=0), slow_kmeans),
    "Ridge": (Ridge(), slow_linear),
    "StandardScaler": (StandardScaler(), slow_scaler),
    "KernelRidge": (KernelRidge(kernel="rbf", gamma=0.1), slow_kernel_ridge),
    "Nystroem": (Nystroem(gamma=0.1, n_components=7, random_state=0), slow_nystroem),
    "RBFSampler": (RBFSampler(n_components=9, random_state=0), slow_sampler),
    "MLPRegressor": (
        MLPRegressor(hidden_layer_sizes=(4, 3), max_iter=1000, tol=1e-2),
        slow_network,
    ),
}


@pytest.mark.parametrize("name", MODELS)
def test_cost_is_what_a_prediction_reads_and_computes(name):
    model, slow = MODELS[name]
    model.fit(X, Y)
    counts = []
    for x in X[:3]:
        count = Counter()
        call = model.predict if hasattr(model, "predict") else model.transform
        np.testing.assert_allclose(
            slow(model, x, count), call(x[None])[0], rtol=1e-9, atol=1e-12
        )
        counts.append((len(count.read), count.multiply_adds))
    cost = model_cost(model)
    assert counts == [(cost.stored_values, cost.multiply_adds)] * 3
    assert cost.nbytes == 8 * cost.stored_values


@pytest.mark.parametrize("y", [Y, Y[:, 0]], ids=["two outputs", "one output"])
def test_cost_of_kernel_ridge_counts_outputs(y):
    cost = model_cost(KernelRidge(kernel="rbf").fit(X, y))
    n_outputs = y.size // len(y)
    assert cost.multiply_adds == 40 * (6 + 1 + n_outputs)
    assert cost.stored_values == 40 * (6 + n_outputs)


def test_cost_of_a_pipeline_is_the_sum_of_its_steps():
    model = make_pipeline(StandardScaler(), "passthrough", PCA(3), None, Ridge())
    model.fit(X, Y)
    steps = [model_cost(model[i]) for i in (0, 2, 4)]
    assert model_cost(model) == steps[0] + steps[1] + steps[2]


def test_cost_of_a_search_is_that_of_the_model_it_chose():
    search = GridSearchCV(make_pipeline(PCA(2), Ridge()), {"pca__n_components": [1, 4]})
    search.fit(X, Y)
    assert model_cost(search) == model_cost(search.best_estimator_)
    outer = TransformedTargetRegressor(LinearRegression()).fit(X, Y)
    assert model_cost(outer) == model_cost(outer.regressor_)


def test_cost_counts_the_bytes_of_the_dtype_and_of_sparse_indices():
    assert model_cost(KMeans(3).fit(X.astype(np.float32))).nbytes == 4 * 3 * 7
    linear = LinearRegression(fit_intercept=False).fit(X, Y[:, 0])
    assert model_cost(linear) == Cost(7, 56, 7)


class Twin(BaseEstimator):
    """A model as skfrugal's are: only its fitted attributes matter."""

    def __init__(self, **attributes):
        self.__dict__.update(attributes)

    @classmethod
    def _get_param_names(cls):
        return []

    def fit(self, X, y=None):
        return self

    @property
    def components_(self):
        raise AttributeError("too large to look at")

    cluster_centers_ = components_


def test_cost_reads_operators_and_never_the_dense_view():
    op = Product(Dense(np.ones((3, 8))), random_butterfly(8, random_state=0))
    mean = np.zeros(8)
    product = Cost(op.nnz, op.nbytes, op.flops // 2)
    assert op.nnz == 24 + 8 * 3 * 2
    assert op.flops == 2 * op.nnz
    assert model_cost(Twin(operator_=op, mean_=mean)) == product + Cost(8, 64, 8)
    # A clusterer needs the squared norms too.
    assert model_cost(Twin(operator_=op, inertia_=1.0)) == product + Cost(3, 24, 3)
    whitened = Twin(operator_=op, mean_=mean, whiten=True, explained_variance_=mean[:3])
    assert model_cost(whitened) == product + Cost(11, 88, 11)
    network = Twin(operators_=[op, Dense(np.ones((2, 3)))], intercepts_=[mean[:3]])
    assert model_cost(network) == product + Cost(9, 72, 9)


def test_cost_of_landmarks_counts_their_product_and_the_kernel_function():
    landmarks, dual = np.ones((5, 8)), np.ones((5, 2))
    model = Twin(landmarks_=landmarks, dual_coef_=dual, intercept_=np.zeros(2))
    assert model_cost(model) == Cost(40 + 10 + 2, 8 * 52, 5 * (8 + 1) + 10 + 2)


def test_cost_of_a_structured_twin_follows_the_rule_of_the_dense_one():
    kmeans = KMeans(5, random_state=0).fit(X)
    frugal = Twin(operator_=Dense(kmeans.cluster_centers_), inertia_=kmeans.inertia_)
    assert model_cost(frugal) == model_cost(kmeans)
    pca = PCA(3).fit(X)
    assert model_cost(
        Twin(operator_=Dense(pca.components_), mean_=pca.mean_)
    ) == model_cost(pca)


def test_cost_refuses_what_it_cannot_count():
    with pytest.raises(TypeError, match=r"DBSCAN.*operator_.*components_ with mean_"):
        model_cost(DBSCAN(min_samples=100).fit(X))
    with pytest.raises(NotFittedError):
        model_cost(PCA())
    with pytest.raises(TypeError):
        model_cost("PCA")
    with pytest.raises(TypeError):
        Cost(1, 1, 1) + 1
