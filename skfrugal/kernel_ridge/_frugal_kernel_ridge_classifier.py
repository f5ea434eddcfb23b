"""The regularized least squares classifier on a few landmarks."""

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import check_X_y, column_or_1d, compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import check_is_fitted, validate_data

from skfrugal._sklearn import StrOptions, _check_sample_weight, _fit_context
from skfrugal.kernel_ridge._convert import convert_classifier
from skfrugal.kernel_ridge._from_estimator import fitted_twin
from skfrugal.kernel_ridge._landmark_model import CONSTRAINTS, LandmarkModel
from skfrugal.solvers._ridge_path import Targets


class FrugalKernelRidgeClassifier(ClassifierMixin, LandmarkModel):
    """Classification by kernel ridge regression on a few landmarks.

    The twin of :class:`~sklearn.linear_model.RidgeClassifier` on the features of
    :class:`~sklearn.kernel_approximation.Nystroem`: for each class (for two, for the
    second) a regression on targets 1, in the class, and -1, outside, as
    :class:`FrugalKernelRidge` does it; the largest prediction says the class.

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

    class_weight : dict or "balanced", default=None
        Weights of the classes, which multiply `sample_weight`; "balanced" weighs them
        by the inverse of their frequencies.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels.

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
    sklearn.linear_model.RidgeClassifier : The linear twin.
    sklearn.kernel_approximation.Nystroem : The kernel map on uniform landmarks.
    FrugalKernelRidge : The regression.

    Notes
    -----
    There is one target for two classes, one for each of more, and one for each label of
    a multilabel problem. *Cost*: that of :class:`FrugalKernelRidge` with so many
    targets; they share the kernel values, and the factorizations of `fit`. A Nystroem
    map and RidgeClassifier keep m (m + d + t) numbers and take O(m (m + d + t)) a
    prediction, where this takes O(m (d + t)).

    References
    ----------
    .. [1] Rifkin, Yeo & Poggio (2003). "Regularized least-squares classification".
       Advances in Learning Theory, NATO Science Series III 190, 131-154.

    Examples
    --------
    >>> from sklearn.datasets import make_moons
    >>> from skfrugal.kernel_ridge import FrugalKernelRidgeClassifier
    >>> X, y = make_moons(600, noise=0.1, random_state=0)
    >>> model = FrugalKernelRidgeClassifier(50, random_state=0).fit(X[:400], y[:400])
    >>> model.predict(X[400:404])
    array([0, 0, 1, 1])
    >>> bool(model.score(X[400:], y[400:]) > 0.98)
    True
    """

    _parameter_constraints: dict = {
        **CONSTRAINTS,
        "class_weight": [dict, StrOptions({"balanced"}), None],
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
        class_weight=None,
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
        self.class_weight = class_weight

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None):
        """Choose landmarks, alpha and gamma, and solve for the coefficients.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training rows.

        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            Labels, or for each label whether the row has it.

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
            estimator=self,
        )
        check_classification_targets(y)
        if not type_of_target(y).startswith("multilabel"):
            y = column_or_1d(y, warn=True)
        weight = _check_sample_weight(
            sample_weight, X, dtype=np.float64, ensure_non_negative=True
        )
        # Unlike the weight of a row, that of its class is no number of copies of it.
        unit = np.ones(len(y))
        if self.class_weight is not None:
            unit = compute_sample_weight(self.class_weight, y)
        binarizer = LabelBinarizer(neg_label=-1)
        targets = Targets(binarizer.fit_transform(y), weight * unit, unit)
        self._learn(given, X, targets, fitted_y=y)
        self.classes_, self.votes_ = binarizer.classes_, None
        self._multilabel = binarizer.y_type_.startswith("multilabel")
        return self

    def decision_function(self, X):
        """Predict how much each class is preferred.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        decision : ndarray of shape (n_samples,) or (n_samples, n_classes)
            Predictions of the targets, above 0 for members; of the second class alone
            if there are two.
        """
        result = self._decide(X)
        if self.votes_ is not None:
            result = self.votes_.decision(result)
        return result[:, 0] if result.shape[1] == 1 else result

    def predict(self, X):
        """Predict labels.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_labels)
            Labels, or whether the row has each label.
        """
        sums = self._decide(X)
        if self.votes_ is not None:
            return self.classes_[self.votes_.labels(sums)]
        if self._multilabel:
            return (sums > 0).astype(np.int64)
        if sums.shape[1] == 1:
            return self.classes_[(sums[:, 0] > 0).astype(np.intp)]
        return self.classes_[sums.argmax(axis=1)]

    def _decide(self, X):
        """Sums over the landmarks, (n, t)."""
        check_is_fitted(self)
        X = validate_data(
            self, X, accept_sparse="csr", dtype=[np.float64, np.float32], reset=False
        )
        return self._sums(X)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags

    @classmethod
    def from_estimator(cls, fitted):
        """Build the twin of a fitted kernel machine, without fitting again.

        Parameters
        ----------
        fitted : estimator
            A fitted :class:`~sklearn.svm.SVC`, :class:`~sklearn.svm.NuSVC`, or a
            :class:`~sklearn.pipeline.Pipeline` of
            :class:`~sklearn.kernel_approximation.Nystroem` and a linear classifier.

        Returns
        -------
        model : FrugalKernelRidgeClassifier
            Decides the same, to rounding: 1e-5 of the range of the decisions. It has no
            `alpha_` and no `loo_error_`.

        Raises
        ------
        TypeError
            If the model, or its kernel, is none that can be read.
        sklearn.exceptions.NotFittedError
            If the model is not fitted.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from sklearn.svm import SVC
        >>> from skfrugal.kernel_ridge import FrugalKernelRidgeClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> dense = SVC().fit(X, y)
        >>> model = FrugalKernelRidgeClassifier.from_estimator(dense)
        >>> bool((model.predict(X) == dense.predict(X)).all())
        True
        """
        return fitted_twin(cls, fitted, convert_classifier(fitted))
