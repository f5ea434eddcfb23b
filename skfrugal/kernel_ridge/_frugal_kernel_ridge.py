"""Kernel ridge regression that keeps a few landmarks instead of all rows."""

import warnings
from functools import partial
from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator, MultiOutputMixin, RegressorMixin
from sklearn.metrics.pairwise import (
    KERNEL_PARAMS,
    PAIRWISE_KERNEL_FUNCTIONS,
    pairwise_kernels,
)
from sklearn.utils import check_array, check_random_state, check_X_y
from sklearn.utils.validation import check_is_fitted, validate_data

from skfrugal._sklearn import (
    Interval,
    StrOptions,
    _check_sample_weight,
    _fit_context,
)
from skfrugal.kernel_approximation import select_landmarks
from skfrugal.kernel_ridge._convert import convert_regressor
from skfrugal.kernel_ridge._from_estimator import fitted_twin
from skfrugal.solvers._landmark_kernel import (
    LandmarkKernel,
    PairwiseKernel,
)
from skfrugal.solvers._landmark_ridge import landmark_ridge
from skfrugal.solvers._landmark_search import (
    best_gamma,
    candidate_gammas,
    check_alpha,
    kernel_faults,
    sample_rows,
    unit_scale,
)
from skfrugal.solvers._rows import batches, canonical_rows, positive_rows

SOLVERS = {"eigen": landmark_ridge}
LANDMARKS = {"lloyd", "uniform", "kmeans", "leverage", "rpcholesky"}


class FrugalKernelRidge(MultiOutputMixin, RegressorMixin, BaseEstimator):
    """Kernel ridge regression on a few landmarks.

    The twin of :class:`~sklearn.kernel_ridge.KernelRidge`: the same kernels, the
    same ridge penalty, but the prediction is a sum over `n_components` landmarks
    instead of all training rows, `f(x) = sum_j k(x, z_j) a_j + b`. The coefficients
    minimise ::

        sum_i w_i (y_i - f(x_i))^2 + alpha sum_jl a_j k(z_j, z_l) a_l

    With every distinct row a landmark (`n_components` at least their number) and
    `fit_intercept=False` this is `KernelRidge` itself. The regularization and the
    width of the kernel need not be tuned: "auto" chooses both by exact leave-one-out
    residuals, which cost no refit.

    Parameters
    ----------
    n_components : int, default=300
        Number of landmarks; with fewer distinct rows, all of these are landmarks.
        Ignored if `landmarks` is an array.

    structure : None, default=None
        Structure of the matrix of landmarks. Not available in this version: must be
        None (dense landmarks).

    alpha : float, array-like of shape (n_targets,) or "auto", default="auto"
        Regularization strength, as in `KernelRidge`; an array has one value a
        target. "auto" takes the best of 25 values by leave-one-out, for each target;
        rows that are landmarks themselves are left out of the comparison while they
        are the minority, and values of alpha with which predictions would be
        rounding noise are refused. 0 gives the least squares solution of least norm.

    kernel : str or callable, default="rbf"
        A name known to :func:`~sklearn.metrics.pairwise.pairwise_kernels`, or a
        function of two rows that returns a number. "precomputed" is not possible:
        landmarks are points, not rows of a matrix. Of a kernel that is not positive
        semidefinite, the negative part is dropped, with a warning.

    gamma : float, None or "auto", default="auto"
        Parameter of the RBF, laplacian, polynomial, sigmoid and chi2 kernels. None
        leaves the default to the kernel, as in `KernelRidge`: 1 / n_features. "auto"
        takes the best, by leave-one-out, of five values over the total scale of the
        features (for RBF the sum of their variances), which need not be
        standardised.

    degree : float, default=3
        Degree of the polynomial kernel.

    coef0 : float, default=1
        Offset of the polynomial and sigmoid kernels.

    kernel_params : dict, default=None
        Keyword arguments for a callable `kernel`.

    fit_intercept : bool, default=True
        Whether to add a constant that is not penalised. `KernelRidge` has none.

    landmarks : {"lloyd", "uniform", "kmeans", "leverage", "rpcholesky"} or \
            array-like of shape (n_landmarks, n_features), default="lloyd"
        How landmarks are chosen, see
        :func:`~skfrugal.kernel_approximation.select_landmarks`, or the landmarks.

    projection : None, default=None
        Not available in this version: must be None. Put a transformer in front, in a
        :class:`~sklearn.pipeline.Pipeline`, instead.

    solver : {"auto", "eigen"}, default="auto"
        "eigen" diagonalises the kernel between landmarks, then the Gram matrix of
        the rows whitened by it. "auto" is "eigen".

    refine : bool, default=False
        Not available in this version: must be False (landmarks stay where
        `landmarks` puts them).

    validation_fraction : float, default=0.1
        Fraction of rows held out by `refine`; unused without it.

    max_iter : int, default=150
        Number of steps of `refine`; unused without it.

    tol : float, default=1e-4
        Stopping rule of `refine`; unused without it.

    random_state : int, RandomState instance or None, default=None
        Determines the landmarks and the rows of the leave-one-out comparison.

    verbose : int, default=0
        If positive, prints the leave-one-out error of each `gamma` tried.

    Attributes
    ----------
    landmarks_ : ndarray of shape (n_landmarks, n_features)
        The landmarks, in the dtype of `X`.

    dual_coef_ : ndarray of shape (n_landmarks,) or (n_landmarks, n_targets)
        Coefficients of the landmarks.

    intercept_ : float or ndarray of shape (n_targets,)
        The constant, 0 if `fit_intercept=False`.

    alpha_ : float or ndarray of shape (n_targets,)
        Regularization used.

    gamma_ : float or None
        Kernel parameter used; None for kernels that have none.

    loo_error_ : float or ndarray of shape (n_targets,)
        Root mean squared leave-one-out residual, the landmarks kept, on the rows of
        the comparison (4,096 at most).

    n_iter_ : int
        1: the solution is direct.

    n_features_in_ : int
        Number of features seen in `fit`.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of features seen in `fit`, if `X` has string names for all.

    See Also
    --------
    sklearn.kernel_ridge.KernelRidge : The dense twin, which keeps all rows.
    sklearn.kernel_approximation.Nystroem : The kernel map on uniform landmarks alone.
    skfrugal.kernel_approximation.select_landmarks : Chooses the landmarks.

    Notes
    -----
    *Cost*, for n rows, m landmarks and d features. `KernelRidge` fits in O(n^3) time
    and O(n^2) memory for one value of alpha and gamma, keeps n (d + 1) numbers and
    predicts in O(n d) a row. Here `fit` takes O(n m (m + d)) for all values of alpha
    together, and the memory of a few m (m + d + 4096) numbers, of a few numbers a row
    and of a few blocks of 16 MB. Dense rows are streamed in float64 whatever their
    dtype, so a memory map will do; copied are sparse rows, the rows that are left if
    others have weight zero, and what `landmarks` "kmeans", "leverage" and
    "rpcholesky" look at. gamma="auto" adds five fits on max(4096, 4 m) rows. The
    model keeps m (d + 1) numbers and predicts in O(m d) a row, in blocks.

    Directions of the kernel between landmarks that are rounding (below 1e-9 of the
    largest eigenvalue) are dropped, so that duplicate or close landmarks are
    harmless. Sample weights are repetition counts, in leave-one-out too: of a row of
    weight 2, one copy is left out. For one `random_state` the order of the rows does
    not matter while there are no more than 4,096. Landmarks "leverage" and
    "rpcholesky" are chosen with the middle gamma if it is "auto".

    References
    ----------
    .. [1] Williams & Seeger (2001). "Using the Nystroem method to speed up kernel
       machines". Advances in Neural Information Processing Systems 13.
    .. [2] Rudi, Camoriano & Rosasco (2015). "Less is more: Nystroem computational
       regularization". Advances in Neural Information Processing Systems 28, eq. 6-7.
    .. [3] Giffon, Lamprier, Artieres, Ralaivola & Kadri (2021). "QuicK-means:
       accelerating inference for K-means by learning fast transforms". Machine
       Learning 110, section 4 (landmarks that are centroids).

    Examples
    --------
    >>> from sklearn.datasets import make_friedman1
    >>> from skfrugal.kernel_ridge import FrugalKernelRidge
    >>> X, y = make_friedman1(2000, noise=0.1, random_state=0)
    >>> model = FrugalKernelRidge(random_state=0).fit(X[:1500], y[:1500])
    >>> model.landmarks_.shape
    (300, 10)
    >>> bool(model.score(X[1500:], y[1500:]) > 0.95)
    True
    """

    _parameter_constraints: dict = {
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "structure": "no_validation",
        "alpha": [
            Interval(Real, 0, None, closed="left"),
            StrOptions({"auto"}),
            "array-like",
        ],
        "kernel": [StrOptions({*PAIRWISE_KERNEL_FUNCTIONS, "precomputed"}), callable],
        "gamma": [Interval(Real, 0, None, closed="left"), StrOptions({"auto"}), None],
        "degree": [Interval(Real, 0, None, closed="left")],
        "coef0": [Interval(Real, None, None, closed="neither")],
        "kernel_params": [dict, None],
        "fit_intercept": ["boolean"],
        "landmarks": [StrOptions(LANDMARKS), "array-like"],
        "projection": "no_validation",
        "solver": [StrOptions({"auto", *SOLVERS})],
        "refine": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init__(  # noqa: PLR0913
        self,
        n_components=300,
        *,
        structure=None,
        alpha="auto",
        kernel="rbf",
        gamma="auto",
        degree=3,
        coef0=1,
        kernel_params=None,
        fit_intercept=True,
        landmarks="lloyd",
        projection=None,
        solver="auto",
        refine=False,
        validation_fraction=0.1,
        max_iter=150,
        tol=1e-4,
        random_state=None,
        verbose=0,
    ):
        self.n_components = n_components
        self.structure = structure
        self.alpha = alpha
        self.kernel = kernel
        self.gamma = gamma
        self.degree = degree
        self.coef0 = coef0
        self.kernel_params = kernel_params
        self.fit_intercept = fit_intercept
        self.landmarks = landmarks
        self.projection = projection
        self.solver = solver
        self.refine = refine
        self.validation_fraction = validation_fraction
        self.max_iter = max_iter
        self.tol = tol
        self.random_state = random_state
        self.verbose = verbose

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None):
        """Choose landmarks, alpha and gamma, and solve for the coefficients.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training rows.

        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            Target values.

        sample_weight : float or array-like of shape (n_samples,), default=None
            Repetition counts of the rows; need not be integers.

        Returns
        -------
        self : object
            The fitted estimator.
        """
        self._refuse_unavailable()
        given = X
        X, y = check_X_y(
            X,
            y,
            accept_sparse="csr",
            dtype=[np.float64, np.float32],
            multi_output=True,
            y_numeric=True,
            estimator=self,
        )
        X = canonical_rows(X)
        weight = _check_sample_weight(
            sample_weight, X, dtype=np.float64, ensure_non_negative=True
        )
        X, weight, kept = positive_rows(X, weight)
        targets, exponent = unit_scale(y.reshape(len(y), -1)[kept].astype(np.float64))
        alpha = check_alpha(self.alpha, targets.shape[1])

        rng = check_random_state(self.random_state)
        gammas = candidate_gammas(X, weight, self.kernel, self.gamma)
        landmarks = self._choose_landmarks(X, weight, gammas, rng)
        sample = sample_rows(X, landmarks, rng)

        kernel_of = partial(self._kernel, X, landmarks)
        solve = partial(self._solve, kernel_of, targets, weight, alpha, sample)
        center = np.average(targets, axis=0, weights=weight)
        variance = np.average((targets - center) ** 2, axis=0, weights=weight)
        gamma, solution = best_gamma(
            solve, gammas, variance, sample.search, self.verbose
        )
        solution = solution.scaled(exponent)
        faults = kernel_faults(
            kernel_of(gamma), X, weight, solution.negative, chosen=self.gamma == "auto"
        )
        for fault in faults:
            # Past this method and scikit-learn's wrapper of it: the user's line.
            warnings.warn(fault, stacklevel=3)

        # Only now, so that a fit that fails leaves the estimator as it was.
        validate_data(self, given, skip_check_array=True)
        single = y.ndim == 1
        self.landmarks_, self.gamma_ = landmarks, gamma
        self.dual_coef_ = solution.dual_coef[:, 0] if single else solution.dual_coef
        self.intercept_, self.alpha_, self.loo_error_ = (
            value.item() if single else np.array(value)
            for value in (solution.intercept, solution.alpha, solution.loo_error)
        )
        self.n_iter_ = 1
        return self

    def predict(self, X):
        """Predict with the landmarks, in blocks of rows.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_targets)
            Predicted values, in the dtype of `X` if that is a floating dtype.
        """
        check_is_fitted(self)
        X = validate_data(
            self, X, accept_sparse="csr", dtype=[np.float64, np.float32], reset=False
        )
        kernel = self._kernel(canonical_rows(X), self.landmarks_, self.gamma_)
        result = np.empty((X.shape[0], *self.dual_coef_.shape[1:]), dtype=X.dtype)
        for rows in batches(X.shape[0], len(self.landmarks_)):
            result[rows] = kernel(rows) @ self.dual_coef_ + self.intercept_
        return result

    @classmethod
    def from_estimator(cls, fitted):
        """Build the twin of a fitted kernel machine, without fitting again.

        Its landmarks are the rows that the model kept, equal ones once.

        Parameters
        ----------
        fitted : estimator
            A fitted :class:`~sklearn.kernel_ridge.KernelRidge`,
            :class:`~sklearn.svm.SVR`, :class:`~sklearn.svm.NuSVR`,
            :class:`~sklearn.gaussian_process.GaussianProcessRegressor` (for its mean),
            or a :class:`~sklearn.pipeline.Pipeline` of
            :class:`~sklearn.kernel_approximation.Nystroem` and a linear regressor.

        Returns
        -------
        model : FrugalKernelRidge
            Predicts the same to rounding: 1e-5 of the range of the predictions. It has
            no `alpha_` and no `loo_error_`.

        Raises
        ------
        TypeError
            If the model, or its kernel, is none that can be read.
        sklearn.exceptions.NotFittedError
            If the model is not fitted.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn.svm import SVR
        >>> from skfrugal.kernel_ridge import FrugalKernelRidge
        >>> X = np.linspace(0, 6, 100)[:, None]
        >>> dense = SVR().fit(X, np.sin(X[:, 0]))
        >>> model = FrugalKernelRidge.from_estimator(dense)
        >>> bool(np.allclose(model.predict(X), dense.predict(X)))
        True
        """
        return fitted_twin(cls, fitted, convert_regressor(fitted))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def _refuse_unavailable(self):
        """Raise for what belongs to a later version, or to no version."""
        unavailable = {
            "structure": (self.structure is not None, "None"),
            "projection": (self.projection is not None, "None, and a Pipeline"),
            "refine": (self.refine, "False"),
        }
        for name, (wanted, instead) in unavailable.items():
            if wanted:
                raise ValueError(
                    f"{name}={getattr(self, name)!r} is not available in this "
                    f"version; pass {name}={instead}."
                )
        if isinstance(self.kernel, str) and self.kernel == "precomputed":
            raise ValueError(
                "kernel='precomputed' is not possible: landmarks are points of the "
                "feature space, which a matrix of kernel values does not give. Pass "
                "the rows and a kernel name or function, or use KernelRidge."
            )

    def _choose_landmarks(self, X, weight, gammas, rng):
        if not isinstance(self.landmarks, str):
            landmarks = check_array(self.landmarks, dtype=X.dtype, copy=True)
            if landmarks.shape[1] != X.shape[1]:
                raise ValueError(
                    f"landmarks has {landmarks.shape[1]} features and X has "
                    f"{X.shape[1]}; pass an array of shape (n_landmarks, "
                    f"{X.shape[1]}) or one of {sorted(LANDMARKS)}."
                )
            return landmarks
        return select_landmarks(
            X,
            self.n_components,
            method=self.landmarks,
            kernel=self.kernel,
            kernel_params=self._kernel_parameters(gammas[len(gammas) // 2]),
            sample_weight=weight,
            random_state=rng,
        )

    def _kernel_parameters(self, gamma):
        if callable(self.kernel):
            return self.kernel_params or {}
        parameters = {"gamma": gamma, "degree": self.degree, "coef0": self.coef0}
        allowed = KERNEL_PARAMS[self.kernel]
        return {name: parameters[name] for name in parameters if name in allowed}

    def _kernel(self, X, landmarks, gamma):
        parameters = self._kernel_parameters(gamma)
        kernel = PairwiseKernel(pairwise_kernels, self.kernel, parameters)
        return LandmarkKernel(kernel, landmarks, X)

    def _solve(self, kernel_of, y, weight, alpha, sample, gamma, rows):
        """Solve on `rows` (None: all); where every row is a landmark, exactly."""
        kernel = kernel_of(gamma)
        solver = SOLVERS["eigen" if self.solver == "auto" else self.solver]
        return solver(
            kernel.of_landmarks(),
            kernel if sample.landmark is None else sample.landmark,
            y,
            weight,
            alpha,
            rows=rows,
            loo_rows=sample.loo,
            fit_intercept=self.fit_intercept,
        )
