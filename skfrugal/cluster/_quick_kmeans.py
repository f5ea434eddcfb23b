"""K-means whose centroids are an operator."""

import warnings
from functools import partial
from numbers import Integral, Real

import numpy as np
import scipy.sparse as sp
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from skfrugal._sklearn import (
    CallbackSupportMixin,
    HasMethods,
    Interval,
    RealNotInt,
    StrOptions,
    _fit_context,
)
from skfrugal.cluster._centroid_model import CentroidModel
from skfrugal.cluster._init import (
    check_weights,
    column_means,
    initial_centers,
    resolve_n_init,
    scaled_tolerance,
)
from skfrugal.cluster._nearest import inertia, nearest_labels
from skfrugal.cluster._runs import Runs, dense_report, exact_steps
from skfrugal.cluster._structure_choice import Choice
from skfrugal.cluster._structured import Projection, structured_steps
from skfrugal.structures import STRUCTURES

# Attributes of structured models alone.
_OF_STRUCTURES = ("objectives_", "projection_error_", "structure_report_")


class QuickKMeans(CallbackSupportMixin, CentroidModel):
    """K-means clustering whose centroids are an operator.

    Twin of :class:`sklearn.cluster.KMeans`.  With ``assignment="exact"`` the same
    problem is solved by the same iterations from the same draws: labels, centroids
    and inertia are those of ``KMeans(algorithm="lloyd")`` up to rounding.  With
    ``assignment="structured"`` the centroids are kept as a product of few sparse or
    thin factors, learnt within the iterations: the model stores and computes a
    fraction of the numbers, for a somewhat higher inertia.

    Parameters
    ----------
    n_clusters : int, default=8
        Number of clusters.

    structure : str or structure, default="auto"
        Structure of the centroids, only with ``assignment="structured"``: an object
        of :mod:`skfrugal.structures` or its name ("sparse_product", "low_rank",
        "monarch", "butterfly", "dense"); "auto" takes the one whose projection of the
        first means has the least inertia within the budget; a sparse product if it is
        3 % less than that of all others.

    budget : int, float or None, default=None
        Stored values allowed to the centroids, only with
        ``assignment="structured"``: a number of values (int), a fraction of
        ``n_clusters * n_features`` (float), or 1/6 of it (None).  With None and
        "auto", centroids too small to be structured in 1/6 stay dense.

    assignment : {"exact", "structured"}, default="exact"
        Whether rows are assigned to unconstrained centroids or to structured ones.

    init : {"k-means++", "random"}, callable or array-like of shape \
            (n_clusters, n_features), default="k-means++"
        Start: greedy k-means++, samples drawn at random, the centres given, or what
        ``init(X, n_clusters, random_state=...)`` returns.  As in scikit-learn, a
        callable receives dense data centred and returns centres for them.

    n_init : "auto" or int, default="auto"
        Number of runs from different starts, of which that with the lowest inertia
        is kept.  "auto": 10 for "random" or a callable, 1 for "k-means++" or an
        array.

    max_iter : int, default=300
        Maximum number of iterations of a run.

    tol : float, default=1e-4
        Exact: a run has converged when the squares of the moves of the centroids
        sum to no more than `tol` times the mean variance of the features.
        Structured: when the inertia falls by no more than `tol` times itself.

    random_state : int, RandomState instance or None, default=None
        Seed of the starts; the draws are those of scikit-learn.

    verbose : int, default=0
        Whether each iteration is reported on the standard output.

    copy_x : bool, default=True
        Whether dense data are centred in a copy.  If False, `X` is centred in place
        and put back before `fit` returns, up to rounding.

    Attributes
    ----------
    operator_ : Operator of shape (n_clusters, n_features)
        The centroids: :class:`~skfrugal.operators.Dense`, or what the structure
        gave.

    cluster_centers_ : ndarray of shape (n_clusters, n_features)
        Read-only dense view of `operator_`.  Assigning centres to it replaces
        `operator_` by a dense one.

    labels_ : ndarray of shape (n_samples,), dtype int32
        Index of the nearest centroid of each sample, as `predict` gives it.

    inertia_ : float
        Weighted sum of the squared distances of the samples to these centroids.

    n_iter_ : int
        Number of iterations of the best run.

    objectives_ : list of float
        Inertia after each iteration of the best run; it never rises.  Only with
        ``assignment="structured"``.

    projection_error_ : float
        Frobenius norm of the part of the cluster means that the structure misses,
        rows weighted by the weights of the clusters.  Only with
        ``assignment="structured"``.

    structure_report_ : dict of str to dict
        What ``structure="auto"`` compared: "n_values" of each structure, and the
        "inertia" of its projection of the first means; beside them "fewer_clusters",
        as many dense centroids as the largest of them has room for.  Of "dense" alone
        where the budget has room for it.

    filter_report_ : dict
        What found the nearest centroids in the iterations: "tier" ("rotated",
        "rotated32", "copy8", "copy16": filters in small integers; "direct",
        "dense": floating point); centroids a row that were left after each stage
        ("coarse", "fine", "copy"), whose distance was summed in float64 ("exact");
        the share of rows that the integers could not hold ("left"); "operations" a
        row, in multiply-adds, and "dense_operations".  Only with
        ``assignment="exact"`` and dense data.

    n_features_in_ : int
        Number of features seen during `fit`.

    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, if `X` had names that are all strings.

    See Also
    --------
    sklearn.cluster.KMeans : The dense twin.

    Notes
    -----
    *Cost.*  With n samples, d features and K clusters, scikit-learn takes 2 n K d
    operations an iteration.  Exact iterations on dense data go through a filter in
    small integers with a rigorous bound (see the user guide), and `filter_report_`
    says what was left of them; where it does not pay, and for sparse data, they
    take the dense product.  The model stores K d values.  Dense data are copied
    once (`copy_x`) to draw a start by k-means++ or by a callable and where no filter
    is used; the filter keeps about one byte (two without 8-bit products) for each
    of their values while it is fitted.  A structured model stores
    ``operator_.nnz`` values; `predict` takes ``operator_.flops`` operations a row in
    place of 2 K d, and each iteration adds the projection of the K x d matrix of
    means.

    The label of a row is that of the nearest centroid, ties to the lowest index:
    rows whose choice rounding could have changed are decided again from float64
    differences.  (Where the centroids end in a cosine transform or in rotations, in
    the coordinates that these turn the rows to, as they are rounded.)  Structured
    centroids are learnt and kept in the coordinates of the data, as a mean would be
    one more row to store.

    Structured iterations project the means of the clusters, weighted by the weights
    of the clusters, and assign the rows to the projection; sparse products go on from
    that of the iteration before, a round an iteration (two in the first), whatever
    their `max_iter`.  An iteration that would raise the inertia is
    refused, and is the last one.  `random_state` also draws where sparse products
    start from.  Further parameters belong to the structure: `transform`,
    `feature_shape` and `quantize` of :class:`~skfrugal.structures.SparseProduct`, for
    example, which a grid search reaches as ``structure__transform``.

    References
    ----------
    .. [1] S. P. Lloyd, "Least squares quantization in PCM", IEEE Transactions on
       Information Theory 28 (2), 1982.

    .. [2] L. Giffon, V. Emiya, H. Kadri and L. Ralaivola, "QuicK-means: accelerating
       inference for K-means by learning fast transforms", Machine Learning 110,
       2021.

    Examples
    --------
    >>> import numpy as np
    >>> from skfrugal.cluster import QuickKMeans
    >>> X = np.array([[1.0, 2], [1, 4], [1, 0], [10, 2], [10, 4], [10, 0]])
    >>> km = QuickKMeans(n_clusters=2, random_state=0).fit(X)
    >>> km.labels_
    array([1, 1, 1, 0, 0, 0], dtype=int32)
    >>> km.predict([[0, 0], [12, 3]])
    array([1, 0], dtype=int32)
    >>> km.cluster_centers_
    array([[10.,  2.],
           [ 1.,  2.]])
    """

    _parameter_constraints: dict = {
        "n_clusters": [Interval(Integral, 1, None, closed="left")],
        "structure": [
            StrOptions(set(STRUCTURES)),
            HasMethods(["project", "n_parameters"]),
        ],
        "budget": [
            Interval(Integral, 1, None, closed="left"),
            Interval(RealNotInt, 0, 1, closed="right"),
            None,
        ],
        "assignment": [StrOptions({"exact", "structured"})],
        "init": [StrOptions({"k-means++", "random"}), callable, "array-like"],
        "n_init": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
        "copy_x": ["boolean"],
    }

    def __init__(  # noqa: PLR0913
        self,
        n_clusters=8,
        *,
        structure="auto",
        budget=None,
        assignment="exact",
        init="k-means++",
        n_init="auto",
        max_iter=300,
        tol=1e-4,
        random_state=None,
        verbose=0,
        copy_x=True,
    ):
        self.n_clusters = n_clusters
        self.structure = structure
        self.budget = budget
        self.assignment = assignment
        self.init = init
        self.n_init = n_init
        self.max_iter = max_iter
        self.tol = tol
        self.random_state = random_state
        self.verbose = verbose
        self.copy_x = copy_x

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, sample_weight=None):
        """Find the clusters.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.  Data that are not C-contiguous, or sparse but not CSR with
            sorted, unrepeated indices, are copied.

        y : Ignored
            Present for API consistency.

        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the samples; None weighs all equally.

        Returns
        -------
        self : QuickKMeans
            The fitted estimator.
        """
        with self._whole_or_unchanged(), np.errstate(over="ignore", invalid="ignore"):
            X = self._validated(X, reset=True)
            n_init = self._check_against(X)
            rng = check_random_state(self.random_state)
            structure = self._resolve_structure(X.shape[1], rng)
            sample_weight = check_weights(sample_weight, X)
            init = self._resolve_init(X)

            task = self._init_callback_context(max_subtasks=n_init)
            hook = {"estimator": self, "X": X, "y": y}
            task.call_on_fit_task_begin(**hook)

            mean = column_means(X)
            tol = scaled_tolerance(X, mean, self.tol)
            starts = initial_centers(
                X,
                sample_weight,
                self.n_clusters,
                init=init,
                n_init=n_init,
                origin=mean,
                rng=rng,
                copy=self.copy_x,
            )
            runs = Runs(self, task)
            if structure is None:
                with exact_steps(
                    X, sample_weight, starts, mean, tol, copy=self.copy_x
                ) as (steps, starts_there, seen):
                    best = runs.best(steps, starts_there, hook | {"X": seen})
            else:
                starts = [start + mean for start in starts]
                project = Projection(structure, rng)
                steps = partial(
                    structured_steps, X, sample_weight, project=project, tol=self.tol
                )
                best = runs.best(steps, starts, hook)

            self._store(best, X, sample_weight)
            if isinstance(structure, Choice):
                self.structure_report_ = structure.table
            hook["X"] = X
            task.call_on_fit_task_end(**hook, reconstruction_attributes=dict)
        return self

    @classmethod
    def from_estimator(cls, fitted):
        """The exact, faster twin of a fitted model, without fitting again.

        Parameters
        ----------
        fitted : estimator or array-like of shape (n_clusters, n_features)
            A fitted :class:`~sklearn.cluster.KMeans`,
            :class:`~sklearn.cluster.MiniBatchKMeans` or
            :class:`~sklearn.cluster.BisectingKMeans` (its leaves: `predict` answers
            with the nearest of all, not with the one found by descending the tree),
            any other with `cluster_centers_`, or the centroids themselves.

        Returns
        -------
        model : QuickKMeans
            `predict`, `transform` and `score` work; there are no `labels_`.

        Examples
        --------
        >>> from sklearn.cluster import KMeans
        >>> from skfrugal.cluster import QuickKMeans
        >>> dense = KMeans(n_clusters=2, n_init=1).fit([[0.0], [1.0], [9.0], [10.0]])
        >>> QuickKMeans.from_estimator(dense).cluster_centers_.shape
        (2, 1)
        """
        is_model = isinstance(fitted, BaseEstimator)
        if is_model:
            check_is_fitted(fitted)
            if not hasattr(fitted, "cluster_centers_"):
                raise TypeError(
                    f"{type(fitted).__name__} has no cluster_centers_; pass a fitted "
                    f"model that has, or an array of centroids."
                )
        model = cls()
        model.cluster_centers_ = fitted.cluster_centers_ if is_model else fitted
        n_clusters, model.n_features_in_ = model.operator_.shape
        shared = fitted.get_params(deep=False) if is_model else {}
        names = {"random_state", "verbose", "max_iter"} & set(shared)
        model.set_params(**{name: shared[name] for name in names})
        if hasattr(fitted, "feature_names_in_"):
            model.feature_names_in_ = fitted.feature_names_in_
        return model.set_params(n_clusters=n_clusters)

    def _check_against(self, X):
        """Number of runs, once the parameters agree with the data."""
        if X.shape[0] < self.n_clusters:
            raise ValueError(
                f"n_samples={X.shape[0]} should be >= n_clusters={self.n_clusters}; "
                f"pass fewer clusters or more samples."
            )
        return resolve_n_init(
            self.init, self.n_init, n_draws=10, name=type(self).__name__
        )

    def _store(self, run, X, sample_weight):
        """Fitted attributes; labels and inertia are what `predict` would give."""
        operator = run.step.operator
        if run.step.is_exact:
            labels, value = run.settled
        else:
            labels = nearest_labels(X, operator)
            value = inertia(X, sample_weight, operator, labels)
        self.inertia_ = value
        self.operator_ = operator
        self.labels_ = labels
        self.n_iter_ = run.n_iter
        # Those of an earlier fit with other parameters would not be true any more.
        for name in (*_OF_STRUCTURES, "filter_report_"):
            vars(self).pop(name, None)
        if self.assignment == "structured":
            self.objectives_ = run.objectives
            self.projection_error_ = run.step.error
        elif not sp.issparse(X):
            report = run.step.report
            self.filter_report_ = report() if report else dense_report(operator)
        n_found = len(np.unique(labels))
        if n_found < self.n_clusters:
            warnings.warn(
                f"Number of distinct clusters ({n_found}) found smaller than "
                f"n_clusters ({self.n_clusters}). {self._why_fewer()}",
                ConvergenceWarning,
                stacklevel=4,
            )

    def _why_fewer(self):
        if self.assignment == "exact":
            return "Possibly due to duplicate points in X."
        return (
            "No sample is nearest to some of the structured centroids; pass a larger "
            "budget (or a structure with more values), or fewer clusters."
        )
