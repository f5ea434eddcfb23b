"""The plainest way to save multiply-adds in PCA: most entries become zero."""

import numpy as np
from scipy.sparse import csr_array
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression

from skfrugal.operators import SparseFactor


class ThresholdedPCA(TransformerMixin, BaseEstimator):
    """PCA that keeps the largest entries of its components, and regresses back.

    Parameters
    ----------
    n_components : int
        Number of components.
    n_entries : int
        Entries of all components together that are kept.
    random_state : int, RandomState instance or None, default=None
        Seed of PCA.
    """

    def __init__(self, n_components, n_entries, *, random_state=None):
        self.n_components = n_components
        self.n_entries = n_entries
        self.random_state = random_state

    def fit(self, X, y=None):
        """Threshold the components; find the best way back, by least squares."""
        pca = PCA(self.n_components, random_state=self.random_state).fit(X)
        size = -abs(pca.components_)
        kept = np.argsort(size, axis=None, kind="stable")[: self.n_entries]
        where = np.unravel_index(kept, size.shape)
        entries = csr_array((pca.components_[where], where), size.shape)
        self.mean_, self.operator_ = pca.mean_, SparseFactor(entries)
        self.decoder_ = LinearRegression().fit(self.transform(X), X)
        return self

    def transform(self, X):
        """Coordinates of rows."""
        return (X - self.mean_) @ self.operator_.T

    def inverse_transform(self, X):
        """Rows of coordinates."""
        return self.decoder_.predict(X)
