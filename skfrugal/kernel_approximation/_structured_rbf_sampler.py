"""Random Fourier features that cost O(N log N) a block."""

from numbers import Integral, Real

import numpy as np
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
)
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from skfrugal._sklearn import Interval, StrOptions, _fit_context
from skfrugal.operators import structured_gaussian
from skfrugal.operators._fused_features import cosine_features


class StructuredRBFSampler(
    ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator
):
    r"""Random features of the Gaussian kernel by products of Hadamard matrices.

    Features :math:`\sqrt{2/D} \cos(w_j^T x + b_j)` whose products approximate
    :math:`\exp(-\gamma \|x - z\|^2)`; the :math:`w_j` are rows of a structured matrix
    instead of independent normal vectors.

    Parameters
    ----------
    n_components : int, default=100
        Number of features, D.

    gamma : "scale" or float, default=1.0
        Parameter of the kernel.  "scale" is 1 / (n_features * X.var()).

    random_state : int, RandomState instance or None, default=None
        Draws the signs, norms and offsets.

    Attributes
    ----------
    operator_ : Product of shape (n_components, n_features_in_)
        The structured matrix, in turns: its products times 2 pi are angles.

    random_offset_ : ndarray of shape (n_components,)
        Offsets :math:`b_j`, in [0, 2 pi).

    n_features_in_ : int
        Number of features seen in `fit`.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of features seen in `fit`, if `X` has string names for all.

    See Also
    --------
    sklearn.kernel_approximation.RBFSampler : The dense twin.

    Notes
    -----
    *Cost*, for N features, padded to the power of two p: (p + D) log2(p) multiply-adds
    and D cosines a row, and as many stored numbers; the twin takes N D multiply-adds,
    N D numbers, and D cosines outside the product.

    Rows of a block of p are orthogonal, which makes the kernel values more precise
    than with independent rows [2]_.

    References
    ----------
    .. [1] Rahimi & Recht (2007). "Random features for large-scale kernel machines".
       Advances in Neural Information Processing Systems 20.
    .. [2] Yu, Suresh, Choromanski, Holtmann-Rice & Kumar (2016). "Orthogonal random
       features". Advances in Neural Information Processing Systems 29, theorem 1.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.metrics.pairwise import rbf_kernel
    >>> from skfrugal.kernel_approximation import StructuredRBFSampler
    >>> X = np.random.RandomState(0).standard_normal((50, 20))
    >>> sampler = StructuredRBFSampler(
    ...     n_components=4096, gamma=0.02, random_state=0
    ... )
    >>> Z = sampler.fit_transform(X)
    >>> bool(abs(Z @ Z.T - rbf_kernel(X, gamma=0.02)).max() < 0.1)
    True
    """

    _parameter_constraints: dict = {
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "gamma": [StrOptions({"scale"}), Interval(Real, 0.0, None, closed="left")],
        "random_state": ["random_state"],
    }

    def __init__(self, *, n_components=100, gamma=1.0, random_state=None):
        self.n_components = n_components
        self.gamma = gamma
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Draw features for rows of this width.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Only the shape and the dtype are used, and the variance for
            gamma="scale".

        y : Ignored
            Present for API consistency.

        Returns
        -------
        self : object
            The fitted transformer.
        """
        X = validate_data(self, X, accept_sparse="csr", dtype=[np.float64, np.float32])
        rng = check_random_state(self.random_state)
        operator = structured_gaussian(self.n_components, X.shape[1], random_state=rng)
        turns = np.sqrt(2.0 * self._resolved_gamma(X)) / (2.0 * np.pi)
        self.operator_ = (turns * operator).astype(X.dtype)
        offset = rng.uniform(0, 2 * np.pi, size=self.n_components)
        self.random_offset_ = offset.astype(X.dtype)
        return self

    def transform(self, X):
        """Features of rows.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        X_new : ndarray of shape (n_samples, n_components)
            Features.
        """
        check_is_fitted(self)
        X = validate_data(
            self, X, accept_sparse="csr", dtype=[np.float64, np.float32], reset=False
        )
        offset = self.random_offset_.astype(np.float64) / (2 * np.pi)
        scale = (2.0 / self.n_components) ** 0.5
        return cosine_features(X, self.operator_, offset, scale)

    def _resolved_gamma(self, X):
        if self.gamma != "scale":
            return self.gamma
        mean = X.mean()
        square = X.multiply(X).mean() if hasattr(X, "multiply") else np.mean(X**2)
        variance = square - mean**2
        return 1.0 / (X.shape[1] * variance) if variance > 0 else 1.0

    @property
    def _n_features_out(self):
        return self.n_components

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
