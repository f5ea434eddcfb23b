"""Nystroem's kernel map on chosen landmarks, dense or structured."""

import warnings
from functools import partial
from numbers import Integral, Real

import numpy as np
from scipy import sparse
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
)
from sklearn.metrics.pairwise import (
    KERNEL_PARAMS,
    PAIRWISE_KERNEL_FUNCTIONS,
    pairwise_kernels,
)
from sklearn.utils import check_array, check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from skfrugal._sklearn import HasMethods, Interval, StrOptions, _fit_context
from skfrugal.kernel_approximation._landmarks import METHODS, select_landmarks
from skfrugal.operators import Dense
from skfrugal.operators._fused_kernels import FUSED_KERNELS, FusedKernel
from skfrugal.solvers._landmark_ridge import whiten
from skfrugal.solvers._rows import canonical_rows, fingerprint
from skfrugal.structures import STRUCTURES, check_structure

# Kernel values of so many rows are kept until they are multiplied.
_TILE = 1024
# Directions of the kernel between landmarks below this fraction of the largest are
# dropped. They matter where features are few and the penalty behind the map is small,
# until their rounding, multiplied by the normalization, does more harm.
_RCOND = {np.dtype(np.float32): 1e-9, np.dtype(np.float64): 1e-12}
# Negative eigenvalues beyond this fraction of the largest are not rounding.
_NEGATIVE = 1e-8


class FrugalNystroem(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Approximate a kernel map with a few chosen landmarks.

    The twin of :class:`~sklearn.kernel_approximation.Nystroem`: the features are
    ``K(X, Z) N^T`` with landmarks `Z` and `N` the inverse square root of ``K(Z, Z)``,
    so that their products approximate the kernel. Kernel values are computed a tile
    of rows at a time; landmarks may be chosen better than at random, and replaced by
    a structured matrix, which is smaller and, with many features, faster.

    Parameters
    ----------
    kernel : str or callable, default="rbf"
        A name known to :func:`~sklearn.metrics.pairwise.pairwise_kernels`, "matern12",
        "matern32" or "matern52" (with length scale 1 / `gamma`), or a function of two
        rows that returns a number. "precomputed" is not possible: landmarks are
        points, not rows of a matrix.

    n_components : int, default=100
        Number of landmarks, and of features. Fewer, with a warning, if there are fewer
        rows (distinct rows unless `landmarks` is "uniform"). Ignored if `landmarks` is
        an array.

    structure : None, str or structure, default=None
        None keeps the landmarks dense. Otherwise they are replaced by the operator to
        which `structure.project` takes them, see :mod:`skfrugal.structures`; a name
        has a budget of 1/6 of the dense matrix.

    gamma : float, default=None
        Parameter of the RBF, laplacian, polynomial, sigmoid, chi2 and Matern kernels.
        None is the kernel's default (1 / n_features; 1 for chi2).

    degree : float, default=None
        Degree of the polynomial kernel; None is 3.

    coef0 : float, default=None
        Offset of the polynomial and sigmoid kernels; None is 1.

    kernel_params : dict, default=None
        Further keyword arguments of the kernel.

    landmarks : {"lloyd", "uniform", "kmeans", "leverage", "rpcholesky"} or \
            array-like of shape (n_landmarks, n_features), default="lloyd"
        How landmarks are chosen, see
        :func:`~skfrugal.kernel_approximation.select_landmarks`, or the landmarks. For
        one integer `random_state`, "uniform" draws exactly the rows that `Nystroem`
        draws.

    random_state : int, RandomState instance or None, default=None
        Determines the landmarks, and the projection on `structure`.

    n_jobs : int, default=None
        Number of jobs of :func:`~sklearn.metrics.pairwise.pairwise_kernels`, which
        serves sparse rows, callables and the chi2 kernels. Unused by the others.

    Attributes
    ----------
    operator_ : Operator of shape (n_landmarks, n_features)
        The landmarks: :class:`~skfrugal.operators.Dense` without `structure`.

    components_ : ndarray of shape (n_landmarks, n_features)
        The same as a read-only dense array.

    normalization_ : ndarray of shape (n_landmarks, n_landmarks)
        The inverse square root of the kernel between landmarks, in the dtype of `X`.

    component_indices_ : ndarray of shape (n_landmarks,)
        Rows of `X` that are the landmarks. Only there with the landmarks "uniform",
        "leverage" and "rpcholesky" and without `structure`: means of rows are no rows.

    n_features_in_ : int
        Number of features seen in `fit`.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of features seen in `fit`, if `X` has string names for all.

    See Also
    --------
    sklearn.kernel_approximation.Nystroem : The dense twin, on uniform landmarks.
    skfrugal.kernel_ridge.FrugalKernelRidge : Regression on landmarks, which needs
        no normalization to predict and is much cheaper.
    skfrugal.kernel_approximation.select_landmarks : Chooses the landmarks.

    Notes
    -----
    *Cost*, for n rows, m landmarks and d features. `fit` chooses the landmarks
    ("lloyd": O(n m d); "uniform": nothing, as `Nystroem`) and diagonalises an (m, m)
    matrix, O(m^3), as `Nystroem`. `transform` takes O(m d + m^2) a row: the kernel
    values are faster, the product with `normalization_` is the same, so that for
    m much larger than d little is gained; a linear model behind the map is better
    written as :class:`~skfrugal.kernel_ridge.FrugalKernelRidge`, which saves that
    product. Both keep m (m + d) numbers; a structure stores fewer than m d.

    What equals `Nystroem`: with landmarks="uniform" and one seed `components_` and
    `component_indices_` are the same, and so is `normalization_` as long as
    ``K(Z, Z)`` is well conditioned. Directions with an eigenvalue below 1e-12 of the
    largest (1e-9 for float32 rows), which are rounding, are dropped here (`Nystroem`
    divides them by 1e-6), so that repeated landmarks are harmless. The negative part of
    a kernel that is not positive semidefinite is dropped, with a warning.

    References
    ----------
    .. [1] Williams & Seeger (2001). "Using the Nystroem method to speed up kernel
       machines". Advances in Neural Information Processing Systems 13.
    .. [2] Giffon, Lamprier, Artieres, Ralaivola & Kadri (2021). "QuicK-means:
       accelerating inference for K-means by learning fast transforms". Machine
       Learning 110, section 4 (structured landmarks).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.metrics.pairwise import rbf_kernel
    >>> from skfrugal.kernel_approximation import FrugalNystroem
    >>> X = np.random.RandomState(0).uniform(size=(500, 3))
    >>> features = FrugalNystroem(n_components=50, random_state=0).fit_transform(X)
    >>> features.shape
    (500, 50)
    >>> bool(np.abs(features @ features.T - rbf_kernel(X)).max() < 1e-3)
    True
    """

    _parameter_constraints: dict = {
        "kernel": [
            StrOptions({*PAIRWISE_KERNEL_FUNCTIONS, *FUSED_KERNELS, "precomputed"}),
            callable,
        ],
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "structure": [
            StrOptions(set(STRUCTURES)),
            HasMethods(["project", "n_parameters"]),
            None,
        ],
        "gamma": [Interval(Real, 0, None, closed="left"), None],
        "degree": [Interval(Real, 0, None, closed="left"), None],
        "coef0": [Interval(Real, None, None, closed="neither"), None],
        "kernel_params": [dict, None],
        "landmarks": [StrOptions(set(METHODS)), "array-like"],
        "random_state": ["random_state"],
        "n_jobs": [Integral, None],
    }

    def __init__(  # noqa: PLR0913
        self,
        kernel="rbf",
        *,
        n_components=100,
        structure=None,
        gamma=None,
        degree=None,
        coef0=None,
        kernel_params=None,
        landmarks="lloyd",
        random_state=None,
        n_jobs=None,
    ):
        self.kernel = kernel
        self.n_components = n_components
        self.structure = structure
        self.gamma = gamma
        self.degree = degree
        self.coef0 = coef0
        self.kernel_params = kernel_params
        self.landmarks = landmarks
        self.random_state = random_state
        self.n_jobs = n_jobs

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Choose the landmarks and compute the normalization.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        y : ignored
            For pipelines.

        Returns
        -------
        self : object
            The fitted estimator.
        """
        parameters = self._kernel_parameters()
        X = validate_data(self, X, accept_sparse="csr", dtype=[np.float64, np.float32])
        rng = check_random_state(self.random_state)

        landmarks, indices = self._choose_landmarks(canonical_rows(X), parameters, rng)
        if self.structure is None:
            operator = Dense(landmarks)
        else:
            structure = check_structure(self.structure, shape=landmarks.shape)
            result = structure.project(landmarks, random_state=rng)
            operator, indices = result.operator.astype(X.dtype), None

        between = self._values_of(operator)(operator.toarray().astype(np.float64))
        if not np.isfinite(between).all():
            raise ValueError(
                f"kernel={self.kernel!r} with {parameters} is not finite between "
                "landmarks; scale the features of X, or pass other parameters."
            )
        rcond = max(_RCOND[X.dtype], 10 * len(between) * np.finfo(float).eps)
        white = whiten(between, rcond)
        if white.negative > _NEGATIVE:
            # Past this method and scikit-learn's wrapper of it: the user's line.
            warnings.warn(
                f"kernel={self.kernel!r} is not positive semidefinite on the "
                "landmarks: its negative part is dropped. Pass a positive "
                "semidefinite kernel, for example 'rbf'.",
                stacklevel=3,
            )

        self.operator_ = operator
        # With roots = U S^(1/2) and basis = U S^(-1/2): U S^(-1/2) U^T.
        size = np.square(white.roots).sum(axis=0) ** 0.25
        half = white.basis * size
        self.normalization_ = (half @ half.T).astype(X.dtype, copy=False)
        if indices is not None:
            self.component_indices_ = indices
        elif hasattr(self, "component_indices_"):
            del self.component_indices_
        return self

    def transform(self, X):
        """Compute the features, a tile of rows at a time.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        features : ndarray of shape (n_samples, n_landmarks)
            In the dtype of `X` if that is a floating dtype.
        """
        check_is_fitted(self)
        X = validate_data(
            self, X, accept_sparse="csr", dtype=[np.float64, np.float32], reset=False
        )
        X = canonical_rows(X)
        values = self._values_of(self.operator_, is_sparse=sparse.issparse(X))
        normalization = self.normalization_.astype(X.dtype, copy=False)
        features = np.empty((X.shape[0], len(normalization)), dtype=X.dtype)
        for start in range(0, X.shape[0], _TILE):
            tile = slice(start, start + _TILE)
            # The normalization is symmetric.
            np.matmul(values(X[tile]), normalization, out=features[tile])
        return features

    @property
    def components_(self):
        """The landmarks as a read-only dense array."""
        try:
            operator = self.operator_
        except AttributeError:
            raise AttributeError(
                f"{type(self).__name__} has components_ once it is fitted; call fit."
            ) from None
        landmarks = (
            operator.array if isinstance(operator, Dense) else operator.toarray()
        )
        landmarks = landmarks.view()
        landmarks.flags.writeable = False
        return landmarks

    @property
    def _n_features_out(self):
        return len(self.normalization_)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def _kernel_parameters(self):
        """Return the keyword arguments of the kernel that it knows."""
        named = {"gamma": self.gamma, "degree": self.degree, "coef0": self.coef0}
        given = {name: value for name, value in named.items() if value is not None}
        if callable(self.kernel):
            if given:
                raise ValueError(
                    f"{', '.join(given)} given beside a callable kernel, which would "
                    "not receive them; pass them in kernel_params."
                )
            return dict(self.kernel_params or {})
        if self.kernel == "precomputed":
            raise ValueError(
                "kernel='precomputed' is not possible: landmarks are points of the "
                "feature space, which a matrix of kernel values does not give. Pass "
                "the rows and a kernel name or function, or use Nystroem."
            )
        known = KERNEL_PARAMS.get(self.kernel, {"gamma"})
        given = {**(self.kernel_params or {}), **given}
        return {name: value for name, value in given.items() if name in known}

    def _choose_landmarks(self, X, parameters, rng):
        """Return landmarks and the rows of X that they are, or None."""
        if not isinstance(self.landmarks, str):
            landmarks = check_array(self.landmarks, dtype=X.dtype, copy=True)
            if landmarks.shape[1] != X.shape[1]:
                raise ValueError(
                    f"landmarks has {landmarks.shape[1]} features and X has "
                    f"{X.shape[1]}; pass an array of shape (n_landmarks, "
                    f"{X.shape[1]}) or one of {sorted(METHODS)}."
                )
            return landmarks, None
        if self.landmarks == "uniform":
            indices = rng.permutation(X.shape[0])[: self.n_components]
            landmarks = X[indices]
            landmarks = landmarks.toarray() if sparse.issparse(X) else landmarks
        else:
            looks_at_kernel = self.landmarks in ("leverage", "rpcholesky")
            landmarks = select_landmarks(
                X,
                self.n_components,
                method=self.landmarks,
                kernel=self.kernel if looks_at_kernel else "rbf",
                kernel_params=parameters if looks_at_kernel else None,
                random_state=rng,
            )
            indices = _positions(landmarks, X) if looks_at_kernel else None
        if len(landmarks) < self.n_components and self.landmarks != "rpcholesky":
            warnings.warn(
                f"n_components={self.n_components} is more than the {len(landmarks)} "
                f"rows to choose from, which are all landmarks now; pass "
                f"n_components={len(landmarks)} or less.",
                stacklevel=4,
            )
        return landmarks, indices

    def _values_of(self, operator, *, is_sparse=False):
        """Return the function that computes kernel values of rows with landmarks."""
        parameters = self._kernel_parameters()
        if not is_sparse and not callable(self.kernel) and self.kernel in FUSED_KERNELS:
            dense = isinstance(operator, Dense)
            landmarks = operator.array if dense else operator
            return FusedKernel(landmarks, self.kernel, **parameters).values
        landmarks = operator.toarray()
        options = {"metric": self.kernel, "n_jobs": self.n_jobs, **parameters}
        return partial(pairwise_kernels, Y=landmarks, **options)


def _positions(landmarks, X):
    """Return the first row of X that each landmark is."""
    marks, first = np.unique(fingerprint(X), return_index=True)
    return first[np.searchsorted(marks, fingerprint(landmarks))]
