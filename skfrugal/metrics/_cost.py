"""What a fitted model costs: numbers kept, bytes, multiply-adds a row."""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import issparse
from sklearn.utils.validation import check_is_fitted

from skfrugal.operators import Operator


@dataclass(frozen=True)
class Cost:
    """What a fitted model needs to serve one row.

    Costs add up, as the steps of a pipeline do.

    Parameters
    ----------
    stored_values : int
        Floating-point numbers that `predict` (or `transform`) reads; a permutation
        and the indices of a sparse factor store none.
    nbytes : int
        Bytes of these numbers in the dtype in which they are kept, and of the indices
        that go with them.
    multiply_adds : int
        Multiply-adds for one row.

    Examples
    --------
    >>> from skfrugal.metrics import Cost
    >>> Cost(10, 80, 10) + Cost(2, 16, 4)
    Cost(stored_values=12, nbytes=96, multiply_adds=14)
    """

    stored_values: int
    nbytes: int
    multiply_adds: int

    def __add__(self, other):
        if not isinstance(other, Cost):
            return NotImplemented
        return Cost(
            self.stored_values + other.stored_values,
            self.nbytes + other.nbytes,
            self.multiply_adds + other.multiply_adds,
        )


def model_cost(estimator):
    """Count what a fitted model stores and computes for one row.

    The model is known by its fitted attributes, not by its class, so that a frugal
    model and its dense twin are counted by the same rule.

    Parameters
    ----------
    estimator : estimator
        A fitted model that has one of these: `operator_` or `operators_` (the models
        of skfrugal); `components_` with `mean_` (`PCA`), with `explained_variance_`
        (`TruncatedSVD`) or with `normalization_` (`Nystroem`); `cluster_centers_`
        (`KMeans`); `X_fit_` with `dual_coef_` (`KernelRidge`); `landmarks_` with
        `dual_coef_` (`FrugalKernelRidge`); `coef_` (linear models); `coefs_` with
        `intercepts_` (`MLPRegressor`); `random_weights_` (`RBFSampler`); `scale_`
        (`StandardScaler`); or a pipeline of such models, or a search over them.

    Returns
    -------
    cost : Cost
        Stored values, bytes and multiply-adds of one row of `predict`, or of
        `transform` for a model that only transforms.

    Raises
    ------
    TypeError
        If none of the attributes above is there.
    sklearn.exceptions.NotFittedError
        If the model is not fitted.

    Notes
    -----
    The rule, the same for all models:

    - a row times a dense matrix costs one multiply-add for each entry of the matrix; a
      row times an operator costs half its `flops`;
    - a vector that is added to the row or multiplies it (a mean, a scale, an intercept)
      costs one for each entry;
    - the nearest of `K` centroids costs one more for each centroid, for its squared
      norm, which counts as stored; finding the least is not counted;
    - one kernel value costs the `d` multiply-adds of the product of the row and the
      landmark, and one for the function of that product (an exponential is counted as
      one multiply-add, though it takes longer).

    Counts are not times: see :func:`skfrugal.inspection.predict_microseconds`.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.decomposition import PCA
    >>> from skfrugal.metrics import model_cost
    >>> X, _ = load_digits(return_X_y=True)
    >>> model_cost(PCA(n_components=8).fit(X))
    Cost(stored_values=576, nbytes=4608, multiply_adds=576)
    """
    steps = getattr(estimator, "steps", None)
    if steps is not None:
        return sum(
            (
                model_cost(step)
                for _, step in steps
                if step is not None and not isinstance(step, str)
            ),
            start=Cost(0, 0, 0),
        )
    check_is_fitted(estimator)
    for attributes, count in RULES.items():
        if all(hasattr(estimator, name) for name in attributes):
            return count(estimator)
    understood = "; ".join(" with ".join(attributes) for attributes in RULES)
    raise TypeError(
        f"model_cost does not know how to count {type(estimator).__name__}: it "
        f"understands fitted models that have one of: {understood}; pass such a model "
        "or a Pipeline of them"
    )


def _product(matrix):
    """Cost of a row times a matrix: an operator, a sparse matrix or an array."""
    if isinstance(matrix, Operator):
        return Cost(int(matrix.nnz), int(matrix.nbytes), -int(-matrix.flops // 2))
    if issparse(matrix):
        matrix = matrix.tocsr()
        indices = matrix.indices.nbytes + matrix.indptr.nbytes
        return Cost(matrix.nnz, matrix.data.nbytes + indices, matrix.nnz)
    matrix = np.asarray(matrix)
    return Cost(matrix.size, matrix.nbytes, matrix.size)


def _vectors(estimator, *names):
    """Cost of the vectors among `names` that the model has."""
    cost = Cost(0, 0, 0)
    for name in names:
        vector = getattr(estimator, name, None)
        if vector is not None:
            cost += _product(vector)
    return cost


def _nearest(centers):
    """Cost of the nearest row of `centers`: the product and the squared norms."""
    n_clusters = centers.shape[0]
    norms = Cost(n_clusters, n_clusters * centers.dtype.itemsize, n_clusters)
    return _product(centers) + norms


def _kernel_row(landmarks):
    """Cost of the kernel of one row with every landmark."""
    return _product(landmarks) + Cost(0, 0, landmarks.shape[0])


def _count_operator(estimator):
    if hasattr(estimator, "inertia_"):
        return _nearest(estimator.operator_)
    return (
        _product(estimator.operator_)
        + _vectors(estimator, "mean_", "intercept_")
        + _whitening(estimator)
    )


def _whitening(estimator):
    if getattr(estimator, "whiten", False) is True:
        return _vectors(estimator, "explained_variance_")
    return Cost(0, 0, 0)


def _count_network(estimator):
    layers = getattr(estimator, "operators_", None) or estimator.coefs_
    biases = getattr(estimator, "intercepts_", ())
    return sum(map(_product, [*layers, *biases]), start=Cost(0, 0, 0))


def _count_landmarks(estimator):
    landmarks = getattr(estimator, "operator_", estimator.landmarks_)
    return (
        _kernel_row(landmarks)
        + _product(estimator.dual_coef_)
        + _vectors(estimator, "intercept_")
    )


def _count_components(estimator):
    return (
        _product(estimator.components_)
        + _vectors(estimator, "mean_")
        + _whitening(estimator)
    )


def _count_nystroem(estimator):
    landmarks = getattr(estimator, "operator_", estimator.components_)
    return _kernel_row(landmarks) + _product(estimator.normalization_)


def _count_linear(estimator):
    return _product(estimator.coef_) + _vectors(estimator, "intercept_")


def _count_random_features(estimator):
    # The cosine counts as one multiply-add, as a kernel's exponential does.
    weights = estimator.random_weights_
    cosines = Cost(0, 0, weights.shape[1])
    return _product(weights) + cosines + _vectors(estimator, "random_offset_")


# Read from the top: the first line whose attributes are all there decides.
RULES = {
    ("best_estimator_",): lambda search: model_cost(search.best_estimator_),
    ("regressor_",): lambda outer: model_cost(outer.regressor_),
    ("landmarks_", "dual_coef_"): _count_landmarks,
    ("components_", "normalization_"): _count_nystroem,
    ("operator_",): _count_operator,
    ("operators_",): _count_network,
    ("X_fit_", "dual_coef_"): lambda ridge: (
        _kernel_row(ridge.X_fit_) + _product(ridge.dual_coef_)
    ),
    ("cluster_centers_",): lambda kmeans: _nearest(kmeans.cluster_centers_),
    ("components_", "mean_"): _count_components,
    ("components_", "explained_variance_"): _count_components,
    ("coefs_", "intercepts_"): _count_network,
    ("coef_",): _count_linear,
    ("random_weights_", "random_offset_"): _count_random_features,
    ("scale_",): lambda scaler: _vectors(scaler, "mean_", "scale_"),
}
