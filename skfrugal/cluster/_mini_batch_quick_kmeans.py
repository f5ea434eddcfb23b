"""Mini-batch k-means whose centroids are an operator."""

import warnings
from numbers import Integral, Real

import numpy as np
from sklearn.utils import check_random_state

from skfrugal._sklearn import (
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
    resolve_n_init,
    scaled_tolerance,
)
from skfrugal.cluster._mini_batch import Convergence, Starts, Updater
from skfrugal.cluster._nearest import inertia, nearest_labels
from skfrugal.cluster._structured import Projection
from skfrugal.operators import Dense
from skfrugal.structures import STRUCTURES

# What `partial_fit` goes on from, beside the fitted attributes.
_RESUMED = ("_rng", "_state", "_projected")


class MiniBatchQuickKMeans(CentroidModel):
    """Mini-batch k-means whose centroids are an operator.

    Twin of :class:`sklearn.cluster.MiniBatchKMeans`: the same steps from the same
    draws, the nearest centroids found exactly through the filter of
    :class:`QuickKMeans`.

    Parameters
    ----------
    n_clusters : int, default=8
        Number of clusters.

    structure : str or structure, default="auto"
        Structure of the centroids, only with ``assignment="structured"``; see
        :class:`QuickKMeans`.

    budget : int, float or None, default=None
        Stored values allowed to the centroids, only with
        ``assignment="structured"``; see :class:`QuickKMeans`.

    assignment : {"exact", "structured"}, default="exact"
        "structured": the centroids, once found, are projected on the structure,
        weighted by the rows that they have seen.

    init : {"k-means++", "random"}, callable or array-like of shape \
            (n_clusters, n_features), default="k-means++"
        Start, from `init_size` samples; a callable is called as
        ``init(X, n_clusters, random_state=...)``.

    n_init : "auto" or int, default="auto"
        Number of starts, of which the best on a validation sample is taken.
        "auto": 3 for "random" or a callable, 1 for "k-means++" or an array.

    batch_size : int, default=1024
        Samples in a batch.

    max_iter : int, default=100
        Passes over as many samples as there are, at most.

    tol : float, default=0.0
        Stop when the squares of the moves of the centroids in a step sum to no more
        than `tol` times the mean variance of the features; 0 never does.

    max_no_improvement : int or None, default=10
        Stop after so many steps in which the smoothed inertia did not fall; None
        never does.

    init_size : int or None, default=None
        Samples from which a start is drawn; None means three batches, or
        ``3 * n_clusters`` if that is more.

    reassignment_ratio : float, default=0.01
        Centroids that have seen less than this fraction of what the one that has
        seen most has, are put on random samples now and then.

    compute_labels : bool, default=True
        Whether `labels_` and `inertia_` are computed for all samples in the end.

    random_state : int, RandomState instance or None, default=None
        Seed of the starts, batches and reassignments; the draws are those of
        scikit-learn (since 1.7, which draws batches by weight).

    verbose : int, default=0
        Whether steps are reported on the standard output.

    Attributes
    ----------
    operator_ : Operator of shape (n_clusters, n_features)
        The centroids.

    cluster_centers_ : ndarray of shape (n_clusters, n_features)
        Read-only dense view of `operator_`; assigning centres to it replaces
        `operator_` by a dense one.

    labels_ : ndarray of shape (n_samples,), dtype int32
        Index of the nearest centroid of each sample (of the last batch after
        `partial_fit`), with ``compute_labels=True``.

    inertia_ : float
        Weighted sum of the squared distances of these samples to their centroids;
        an estimate with ``compute_labels=False``.

    n_iter_ : int
        Passes made over as many samples as there are.

    n_steps_ : int
        Batches seen.

    n_features_in_ : int
        Number of features seen during `fit`.

    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, if `X` had names that are all strings.

    See Also
    --------
    sklearn.cluster.MiniBatchKMeans : The dense twin.
    QuickKMeans : Iterates on all samples.

    Notes
    -----
    *Cost.*  A step looks for the nearest centroids of a batch, through the same
    filter as :class:`QuickKMeans`, and packs the K x d centroids anew.  Dense data
    are not copied: a batch at a time is read, so that they may be a memory map larger
    than the memory.  Beside a batch, memory holds three times the centroids, and a
    float64 number a sample for the draws.  A structured model, and its pickle, keep
    the dense centroids as well: `partial_fit` goes on from them.

    References
    ----------
    .. [1] D. Sculley, "Web-scale k-means clustering", WWW 2010.

    Examples
    --------
    >>> import numpy as np
    >>> from skfrugal.cluster import MiniBatchQuickKMeans
    >>> X = np.array([[1.0, 2], [1, 4], [1, 0], [10, 2], [10, 4], [10, 0]])
    >>> km = MiniBatchQuickKMeans(n_clusters=2, random_state=0, batch_size=6).fit(X)
    >>> bool(km.predict([[0, 0]]) == km.labels_[0])
    True
    """

    _parameter_constraints: dict = {
        "n_clusters": [Interval(Integral, 1, None, closed="left")],
        "structure": [StrOptions({"auto", *STRUCTURES}), HasMethods("project")],
        "budget": [
            Interval(Integral, 1, None, closed="left"),
            Interval(RealNotInt, 0, 1, closed="right"),
            None,
        ],
        "assignment": [StrOptions({"exact", "structured"})],
        "init": [StrOptions({"k-means++", "random"}), callable, "array-like"],
        "n_init": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "max_no_improvement": [Interval(Integral, 0, None, closed="left"), None],
        "init_size": [Interval(Integral, 1, None, closed="left"), None],
        "reassignment_ratio": [Interval(Real, 0, None, closed="left")],
        "compute_labels": ["boolean"],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
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
        batch_size=1024,
        max_iter=100,
        tol=0.0,
        max_no_improvement=10,
        init_size=None,
        reassignment_ratio=0.01,
        compute_labels=True,
        random_state=None,
        verbose=0,
    ):
        self.n_clusters = n_clusters
        self.structure = structure
        self.budget = budget
        self.assignment = assignment
        self.init = init
        self.n_init = n_init
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.tol = tol
        self.max_no_improvement = max_no_improvement
        self.init_size = init_size
        self.reassignment_ratio = reassignment_ratio
        self.compute_labels = compute_labels
        self.random_state = random_state
        self.verbose = verbose

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, sample_weight=None):
        """Find the clusters.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples; not copied if they are a C-contiguous array of float32 or
            float64 (a memory map for instance), or CSR.

        y : Ignored
            Present for API consistency.

        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the samples; None weighs all equally.

        Returns
        -------
        self : MiniBatchQuickKMeans
            The fitted estimator.
        """
        with self._whole_or_unchanged(), np.errstate(over="ignore", invalid="ignore"):
            X = self._validated(X, reset=True)
            n_init = self._check_against(X)
            rng = check_random_state(self.random_state)
            structure = self._resolve_structure(X.shape[1], rng)
            sample_weight = check_weights(sample_weight, X)
            init = self._resolve_init(X)

            tol = scaled_tolerance(X, column_means(X), self.tol) if self.tol else 0.0
            starts = self._starts(X, sample_weight, init, rng)
            centers = starts.best(n_init, self.verbose)
            n_rows = min(self.max_iter, 10) * X.shape[0]
            counts = np.zeros(self.n_clusters)
            updater = Updater(centers, counts, n_rows=n_rows)
            n_steps, smoothed = self._iterate(X, sample_weight, updater, tol, rng)

            project = structure and Projection(structure, rng, is_alone=True)
            self._store(updater, project)
            self.n_steps_ = n_steps
            self.n_iter_ = int(np.ceil(n_steps * self._n_batch(X) / X.shape[0]))
            self._store_labels(X, sample_weight)
            if not self.compute_labels and smoothed is not None:
                self.inertia_ = float(smoothed * sample_weight.sum())
        return self

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y=None, sample_weight=None):
        """Move the centroids by one batch, from a start drawn in the first.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The batch.

        y : Ignored
            Present for API consistency.

        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the samples; None weighs all equally.

        Returns
        -------
        self : MiniBatchQuickKMeans
            The estimator.
        """
        is_first = not hasattr(self, "operator_")
        with self._whole_or_unchanged(), np.errstate(over="ignore", invalid="ignore"):
            X = self._validated(X, reset=is_first)
            if is_first or not hasattr(self, "_rng"):
                self._rng = check_random_state(self.random_state)
            structure = self._resolve_structure(X.shape[1], self._rng)
            sample_weight = check_weights(sample_weight, X)
            updater = self._resumed(X, sample_weight, is_first)
            self._step(updater, X, sample_weight, self._rng, self._n_batch(X))
            self._store(updater, *self._projection(structure))
            self.n_steps_ = getattr(self, "n_steps_", 0) + 1
            self._store_labels(X, sample_weight)
        return self

    def _n_batch(self, X):
        return min(self.batch_size, X.shape[0])

    def _check_against(self, X):
        """Number of starts, once the parameters agree with the data."""
        if X.shape[0] < self.n_clusters:
            raise ValueError(
                f"n_samples={X.shape[0]} should be >= n_clusters={self.n_clusters}; "
                f"pass fewer clusters or more samples."
            )
        if self.init_size is not None and self.init_size < self.n_clusters:
            warnings.warn(
                f"init_size={self.init_size} should be larger than "
                f"n_clusters={self.n_clusters}. Setting it to "
                f"min(3*n_clusters, n_samples)",
                RuntimeWarning,
                stacklevel=4,
            )
        name = type(self).__name__
        return resolve_n_init(self.init, self.n_init, n_draws=3, name=name)

    def _starts(self, X, sample_weight, init, rng):
        """What draws starts from a sample of the rows."""
        size = 3 * self._n_batch(X) if self.init_size is None else self.init_size
        if size < self.n_clusters:
            size = 3 * self.n_clusters
        size = min(size, X.shape[0])
        return Starts(X, sample_weight, self.n_clusters, size, init, rng)

    def _resumed(self, X, sample_weight, is_first):
        """The updater of the next batch."""
        if is_first:
            self._check_against(X)
            init = self._resolve_init(X)
            centers = self._starts(X, sample_weight, init, self._rng).draw()
            return Updater(centers, np.zeros(self.n_clusters), n_rows=X.shape[0])
        centers, counts, n_since, operator = getattr(self, "_state", (None,) * 4)
        if operator is not self.operator_:  # assigned by the user, or not by fitting
            centers, n_since = self.operator_.toarray(), 0
            if counts is None or len(counts) != len(centers):
                counts = np.zeros(len(centers))
        centers = centers.astype(X.dtype)
        return Updater(centers, counts, n_rows=X.shape[0], n_since_reassigned=n_since)

    def _projection(self, structure):
        """The projection of the next batch, and the result that it goes on from.

        A new one where centroids or parameters are not those of the last batch.
        """
        if structure is None:
            return None, None
        project, before, asked = getattr(self, "_projected", (None,) * 3)
        known = getattr(self, "_state", (None,))[-1]
        if known is getattr(self, "operator_", self) and asked == self._asked():
            return project, before
        return Projection(structure, self._rng), None

    def _asked(self):
        return repr(self.structure), self.budget

    def _fitted(self):
        resumed = {name: vars(self)[name] for name in _RESUMED if name in vars(self)}
        return super()._fitted() | resumed

    def _iterate(self, X, sample_weight, updater, tol, rng):
        """Number of steps made, and the smoothed inertia of a sample."""
        n_samples, n_batch = X.shape[0], self._n_batch(X)
        n_steps = max(1, self.max_iter * n_samples // n_batch)
        # What `rng.choice(n_samples, n_batch, p=...)` does, without a pass for each.
        cumulated = np.cumsum((sample_weight / sample_weight.sum()).astype(np.float64))
        cumulated /= cumulated[-1]
        unit = np.ones(n_batch, dtype=X.dtype)
        convergence = Convergence(tol, self.max_no_improvement, n_batch, n_samples)
        for i in range(1, n_steps + 1):
            rows = cumulated.searchsorted(rng.random_sample(n_batch), side="right")
            before = updater.centers
            value = self._step(updater, X[rows], unit, rng, n_batch)
            move = float(np.sum((updater.centers - before) ** 2)) if tol > 0 else 0.0
            message = convergence.message(i, move, value)
            if self.verbose:
                ewa = convergence.smoothed
                smoothed = "" if ewa is None else f", ewa inertia: {ewa}"
                print(
                    f"Minibatch step {i}/{n_steps}: mean batch inertia: "
                    f"{value / n_batch}{smoothed}"
                )
            if message is not None:
                if self.verbose:
                    print(f"Converged ({message}) at step {i}/{n_steps}")
                break
        return i, convergence.smoothed

    def _step(self, updater, X, sample_weight, rng, n_batch):
        value, n_reassigned = updater.step(
            X,
            sample_weight,
            reassignment_ratio=self.reassignment_ratio,
            batch_size=n_batch,
            rng=rng,
        )
        if self.verbose and n_reassigned:
            name = type(self).__name__
            print(f"[{name}] Reassigning {n_reassigned} cluster centers.")
        return value

    def _store(self, updater, project, before=None):
        """`operator_`, and what `partial_fit` goes on from."""
        operator = Dense(updater.centers)
        vars(self).pop("_projected", None)
        if project is not None:
            result = project(updater.centers, row_weight=updater.counts, start=before)
            operator = result.operator
            self._projected = (project, result, self._asked())
        self.operator_ = operator
        state = updater.centers, updater.counts, updater.n_since_reassigned, operator
        self._state = state

    def _store_labels(self, X, sample_weight):
        if not self.compute_labels:
            vars(self).pop("labels_", None)
            vars(self).pop("inertia_", None)
            return
        self.labels_ = nearest_labels(X, self.operator_)
        self.inertia_ = inertia(X, sample_weight, self.operator_, self.labels_)
