"""Kernel ridge regression that keeps a few landmarks instead of all rows."""

import numpy as np
from sklearn.base import MultiOutputMixin, RegressorMixin
from sklearn.utils import check_X_y
from sklearn.utils.validation import check_is_fitted, validate_data

from skfrugal._sklearn import _check_sample_weight, _fit_context
from skfrugal.kernel_ridge._convert import convert_regressor
from skfrugal.kernel_ridge._from_estimator import fitted_twin
from skfrugal.kernel_ridge._landmark_model import CONSTRAINTS, LandmarkModel
from skfrugal.solvers._ridge_path import Targets


class FrugalKernelRidge(MultiOutputMixin, RegressorMixin, LandmarkModel):
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

    structure : None, str or structure, default=None
        None keeps the landmarks dense. Otherwise the matrix of landmarks is replaced
        by the operator that `structure.project` finds for it, before solving; a name
        ("butterfly", "monarch", "low_rank", "auto", ...) stands for a structure of
        :mod:`skfrugal.structures` with a sixth of the values.

    alpha : float, array-like of shape (n_targets,) or "auto", default="auto"
        Regularization strength, as in `KernelRidge`; an array has one value a
        target. "auto" takes the best of 25 values by leave-one-out, for each target;
        rows that are landmarks themselves are left out of the comparison while they
        are the minority, and values of alpha with which predictions would be
        rounding noise are refused. 0 gives the least squares solution of least norm.

    kernel : str or callable, default="rbf"
        A name known to :func:`~sklearn.metrics.pairwise.pairwise_kernels`, "matern12",
        "matern32" or "matern52" (1 / gamma is the length scale), or a function of two
        rows that returns a number. "precomputed" is not possible: landmarks are
        points, not rows of a matrix. Of a kernel that is not positive semidefinite,
        the negative part is dropped, with a warning.

    gamma : float, None or "auto", default="auto"
        Parameter of the RBF, laplacian, Matern, polynomial, sigmoid and chi2 kernels.
        None leaves the default to the kernel, as in `KernelRidge`: 1 / n_features.
        "auto" takes the best, by leave-one-out, of five values over the scale of the
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

    projection : None, int or transformer, default=None
        What stands in front of the kernel, fitted to the rows: an int is a number of
        principal axes; a transformer is cloned and fitted (wrap a fitted one in
        :class:`~sklearn.frozen.FrozenEstimator`). With many features it makes
        landmarks and predictions cheaper, often at no loss.

    solver : {"auto", "eigen", "cg"}, default="auto"
        "eigen" diagonalises the kernel between landmarks, then the Gram matrix of
        the rows whitened by it. "cg", for many rows and thousands of landmarks, does
        so on a sample (4,096 rows, or four for each landmark), which chooses alpha,
        and goes on with preconditioned conjugate gradients on all rows; where these
        do not converge "eigen" follows, with a warning. "auto" is "eigen".

    refine : bool, default=False
        Whether landmarks are moved, and features weighted, so as to lower the error
        of the fit; for "rbf", "laplacian" and Matern kernels. 100 landmarks often do
        then what 1,000 others do. Rows that are held out decide: unless the refined
        model predicts them better, by more than a standard error, the model is what it
        is without.

    validation_fraction : float, default=0.1
        Fraction of rows held out by `refine`; unused without it.

    max_iter : int, default=150
        Largest number of steps of `refine`, which from 8,000 rows on are preceded by
        as many on 4,000 of them; unused without it.

    tol : float, default=1e-4
        `refine` stops when steps lower its objective by no more than this fraction of
        it, on average over 20; unused without it.

    random_state : int, RandomState instance or None, default=None
        Determines the landmarks, the rows of the leave-one-out comparison and those
        that `refine` holds out.

    verbose : int, default=0
        If positive, prints the leave-one-out error of each `gamma` tried, and the
        progress of `refine`.

    Attributes
    ----------
    landmarks_ : ndarray of shape (n_landmarks, n_features)
        The landmarks, behind the projection if there is one. Chosen ones are float32,
        and kernel values are computed in it, where this is harmless: it adds less than
        1 % of the leave-one-out error to predictions.

    operator_ : Operator of shape (n_landmarks, n_features)
        What the kernel sees of the landmarks. Only with a `structure`.

    projection_ : transformer
        Fitted, in front of the kernel. Only with a `projection`.

    feature_weights_ : ndarray of shape (n_features,)
        Weights w, one on average: the kernel sees rows and landmarks times sqrt(w).
        Only with `refine`.

    validation_score_ : float or ndarray of shape (n_targets,)
        Root mean squared error of the model on the rows held out. Only with `refine`.

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
        Steps of `refine`; 1 without, as the solution is direct.

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
    model keeps m (d + 1) numbers and predicts in O(m d) a row without storing kernel
    values. A step of `refine` takes O(n m (m + d)), on 40,000 rows at most, which are
    then dense and in memory with their kernel values.

    Directions of the kernel between landmarks that are rounding (below 1e-11 of the
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
       Learning 110, section 4 (landmarks that are centroids, and structured).
    .. [4] Golub & Pereyra (1973). "The differentiation of pseudo-inverses and nonlinear
       least squares problems whose variables separate". SIAM Journal on Numerical
       Analysis 10 (variable projection, of `refine`).

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

    _parameter_constraints: dict = dict(CONSTRAINTS)

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
        weight = _check_sample_weight(
            sample_weight, X, dtype=np.float64, ensure_non_negative=True
        )
        return self._learn(given, X, Targets(y.reshape(len(y), -1), weight), fitted_y=y)

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
        result = self._sums(X)
        return result[:, 0] if self.dual_coef_.ndim == 1 else result

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
