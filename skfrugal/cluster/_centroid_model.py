"""What every model of centroids answers, however its centroids were found."""

from abc import ABC
from contextlib import contextmanager

import numpy as np
import scipy.sparse as sp
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    ClusterMixin,
    TransformerMixin,
)
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted, validate_data

from skfrugal._sklearn import _check_sample_weight, _is_arraylike_not_scalar
from skfrugal.cluster._init import check_centers
from skfrugal.cluster._nearest import (
    distances,
    finds_not_finite,
    inertia,
    nearest_labels,
)
from skfrugal.cluster._structure_choice import Choice
from skfrugal.operators import Dense
from skfrugal.structures import LowRank, budget_in_values, check_structure

# A notebook's HTML view reads every attribute: above this, `cluster_centers_` of a
# structured model is not made dense.
_MAX_ENTRIES = 2**24


class CentroidModel(
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    ClusterMixin,
    BaseEstimator,
    ABC,
):
    """Abstract estimator whose fitted state is `operator_`, the centroids."""

    @contextmanager
    def _whole_or_unchanged(self):
        """Leave the fitted attributes as they were if fitting fails."""
        before = self._fitted()
        try:
            yield
        except BaseException:
            for name in self._fitted():
                delattr(self, name)
            vars(self).update(before)
            raise

    def _fitted(self):
        return {name: value for name, value in vars(self).items() if name[-1] == "_"}

    def _validated(self, X, *, reset, ensure_all_finite=True):
        X = validate_data(
            self,
            X,
            reset=reset,
            ensure_all_finite=ensure_all_finite,
            accept_sparse="csr",
            dtype=[np.float64, np.float32],
            order="C",
            accept_large_sparse=False,
        )
        if sp.issparse(X) and not X.has_canonical_format:
            # Entries that are repeated would be squared before they are added.
            X = X.copy()
            X.sum_duplicates()
        return X

    def _resolve_structure(self, n_features, rng):
        """Structure of the centroids, a `Choice`, or None for exact assignment."""
        is_auto = isinstance(self.structure, str) and self.structure == "auto"
        if self.assignment == "structured":
            structure, shape = self.structure, (self.n_clusters, n_features)
            if is_auto and self.budget is None:
                smallest = LowRank(rank=1).n_parameters(shape)
                if budget_in_values(None, shape) < smallest:
                    return check_structure("dense", shape, self.budget)
            structure = check_structure(structure, shape=shape, budget=self.budget)
            structure.n_parameters(shape)  # raises where its own budget has no room
            return Choice(self.budget, rng) if is_auto else structure
        if not is_auto or self.budget is not None:
            raise ValueError(
                f"structure={self.structure!r} and budget={self.budget!r} have no "
                f"effect with assignment='exact'; pass assignment='structured', or "
                f"leave structure='auto' and budget=None."
            )
        return None

    def _resolve_init(self, X):
        """`init`, an array-like checked and copied."""
        if not _is_arraylike_not_scalar(self.init):
            return self.init
        init = check_array(self.init, dtype=X.dtype, copy=True, order="C")
        check_centers(init, self.n_clusters, X.shape[1])
        return init

    @property
    def cluster_centers_(self):
        """Centroids as a read-only dense array of shape (n_clusters, n_features)."""
        check_is_fitted(self, "operator_")
        operator = self.operator_
        if isinstance(operator, Dense):
            return operator.array
        if operator.shape[0] * operator.shape[1] > _MAX_ENTRIES:
            raise AttributeError(
                f"cluster_centers_ would have {operator.shape[0]} x "
                f"{operator.shape[1]} entries; use operator_, or "
                f"operator_.toarray() if they fit in memory."
            )
        centers = operator.toarray()
        centers.flags.writeable = False
        return centers

    @cluster_centers_.setter
    def cluster_centers_(self, centers):
        centers = check_array(
            centers,
            dtype=[np.float64, np.float32],
            order="C",
            copy=True,
            input_name="cluster_centers_",
        )
        n_features = getattr(self, "n_features_in_", centers.shape[1])
        if centers.shape[1] != n_features:
            raise ValueError(
                f"cluster_centers_ has {centers.shape[1]} columns, but the data had "
                f"{n_features} features; pass an array of shape "
                f"(n_clusters, {n_features})."
            )
        self.operator_ = Dense(centers)

    @property
    def _n_features_out(self):
        return self.operator_.shape[0]

    def fit_predict(self, X, y=None, sample_weight=None):
        """Find the clusters and return the label of each sample.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.

        y : Ignored
            Present for API consistency.

        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the samples; None weighs all equally.

        Returns
        -------
        labels : ndarray of shape (n_samples,), dtype int32
            `labels_`.
        """
        return self.fit(X, sample_weight=sample_weight).labels_

    def fit_transform(self, X, y=None, sample_weight=None):
        """Find the clusters and return the distances to their centroids.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.

        y : Ignored
            Present for API consistency.

        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the samples; None weighs all equally.

        Returns
        -------
        X_new : ndarray of shape (n_samples, n_clusters)
            Euclidean distances.
        """
        return self.fit(X, sample_weight=sample_weight).transform(X)

    def predict(self, X):
        """Index of the nearest centroid of each row, ties to the lowest index.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            New data.

        Returns
        -------
        labels : ndarray of shape (n_samples,), dtype int32
            Indices of the clusters.
        """
        check_is_fitted(self)
        # The search for exact labels finds what is not finite without another pass.
        is_checked = sp.issparse(X) or not finds_not_finite(self.operator_)
        rows = self._validated(X, reset=False, ensure_all_finite=is_checked)
        try:
            return nearest_labels(rows, self.operator_)
        except ValueError:
            self._validated(X, reset=False)  # says more
            raise

    def transform(self, X):
        """Euclidean distances to the centroids.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            New data.

        Returns
        -------
        X_new : ndarray of shape (n_samples, n_clusters)
            Distances.
        """
        check_is_fitted(self)
        return distances(self._validated(X, reset=False), self.operator_)

    def score(self, X, y=None, sample_weight=None):
        """Minus the weighted sum of squared distances to the nearest centroids.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            New data.

        y : Ignored
            Present for API consistency.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples; None weighs all equally.

        Returns
        -------
        score : float
            Minus the inertia of `X`.
        """
        check_is_fitted(self)
        X = self._validated(X, reset=False)
        sample_weight = _check_sample_weight(sample_weight, X, dtype=X.dtype)
        labels = nearest_labels(X, self.operator_)
        return -inertia(X, sample_weight, self.operator_, labels)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
