"""Random projections that cost O(N log N)."""

from numbers import Integral, Real

import numpy as np
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
)
from sklearn.random_projection import johnson_lindenstrauss_min_dim
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from skfrugal._sklearn import Interval, StrOptions, _fit_context
from skfrugal.operators import subsampled_hadamard

__all__ = ["StructuredRandomProjection"]


class StructuredRandomProjection(
    ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator
):
    """Random projection by rows of a Hadamard matrix with random signs.

    Keeps distances between rows as a Gaussian random projection does, but applies in
    O(N log N) instead of O(N k).

    Parameters
    ----------
    n_components : int or "auto", default="auto"
        Number of columns of the projected rows.  "auto" is the bound of Johnson and
        Lindenstrauss for `eps` and the number of rows.

    eps : float, default=0.1
        Distortion of squared distances that `n_components="auto"` aims at, in (0, 1).

    random_state : int, RandomState instance or None, default=None
        Draws the signs and the rows.

    Attributes
    ----------
    n_components_ : int
        Number of columns of the projected rows.

    operator_ : Product of shape (n_components_, n_features_in_)
        The projection.

    n_features_in_ : int
        Number of features seen in `fit`.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of features seen in `fit`, if `X` has string names for all.

    See Also
    --------
    sklearn.random_projection.GaussianRandomProjection : The dense twin.
    sklearn.random_projection.SparseRandomProjection : The sparse twin.

    Notes
    -----
    *Cost*, for N features, padded to the power of two p, and k components: p log2(p)
    multiply-adds a row and 2 p log2(p) stored numbers (signs and ones), whatever k is;
    the dense twin takes N k of both.  Columns of few components are cheaper by a dense
    projection: `operator_.explain()` says which form is used.

    The bound of Johnson and Lindenstrauss holds for independent rows; a subsampled
    Hadamard matrix keeps it up to a logarithmic factor [2]_, and is as precise in
    practice.

    References
    ----------
    .. [1] Ailon & Chazelle (2009). "The fast Johnson-Lindenstrauss transform and
       approximate nearest neighbors". SIAM Journal on Computing 39(1).
    .. [2] Tropp (2011). "Improved analysis of the subsampled randomized Hadamard
       transform". Advances in Adaptive Data Analysis 3, theorem 1.3.

    Examples
    --------
    >>> import numpy as np
    >>> from skfrugal.random_projection import StructuredRandomProjection
    >>> X = np.random.RandomState(0).standard_normal((25, 3000))
    >>> projection = StructuredRandomProjection(n_components=500, random_state=0)
    >>> projection.fit_transform(X).shape
    (25, 500)
    """

    _parameter_constraints: dict = {
        "n_components": [
            Interval(Integral, 1, None, closed="left"),
            StrOptions({"auto"}),
        ],
        "eps": [Interval(Real, 0, 1, closed="neither")],
        "random_state": ["random_state"],
    }

    def __init__(self, n_components="auto", *, eps=0.1, random_state=None):
        self.n_components = n_components
        self.eps = eps
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Draw a projection for rows of this width.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Only the shape and the dtype are used.

        y : Ignored
            Present for API consistency.

        Returns
        -------
        self : object
            The fitted transformer.
        """
        X = validate_data(
            self, X, accept_sparse=["csr", "csc"], dtype=[np.float64, np.float32]
        )
        n_samples, n_features = X.shape
        n_components = self.n_components
        if n_components == "auto":
            n_components = int(johnson_lindenstrauss_min_dim(n_samples, eps=self.eps))
            if n_components > n_features:
                raise ValueError(
                    f"eps={self.eps} and n_samples={n_samples} lead to a target "
                    f"dimension of {n_components} which is larger than the original "
                    f"space with n_features={n_features}; pass a larger eps, or "
                    f"n_components."
                )
        rng = check_random_state(self.random_state)
        operator = subsampled_hadamard(n_components, n_features, random_state=rng)
        self.operator_ = operator.astype(X.dtype)
        self.n_components_ = n_components
        return self

    def transform(self, X):
        """Project rows.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        X_new : ndarray of shape (n_samples, n_components)
            Projected rows.
        """
        check_is_fitted(self)
        X = validate_data(
            self,
            X,
            accept_sparse=["csr", "csc"],
            dtype=[np.float64, np.float32],
            reset=False,
        )
        return X @ self.operator_.astype(X.dtype).T

    def inverse_transform(self, X):
        """Rows of which the projections are near, by the scaled transpose.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_components)
            Projected rows.

        Returns
        -------
        X_original : ndarray of shape (n_samples, n_features)
            The least-squares solution where n_features is a power of two and
            n_components at most that.
        """
        check_is_fitted(self)
        X = validate_data(
            _Components(self.n_components_),
            X,
            accept_sparse=["csr", "csc"],
            dtype=[np.float64, np.float32],
            reset=False,
        )
        padded = 1 << (self.n_features_in_ - 1).bit_length()
        scale = min(1.0, self.n_components_ / padded)
        return X @ self.operator_.astype(X.dtype) * X.dtype.type(scale)

    @property
    def _n_features_out(self):
        return self.n_components_

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        tags.input_tags.sparse = True
        return tags


class _Components(BaseEstimator):
    """Stands for the projected space where rows of it are checked."""

    def __init__(self, n_features_in_=None):
        self.n_features_in_ = n_features_in_
