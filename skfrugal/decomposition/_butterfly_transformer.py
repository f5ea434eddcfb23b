"""Principal components whose transform costs O(N log N) a row."""

from numbers import Integral, Real

from sklearn.utils.validation import check_is_fitted, validate_data

from skfrugal._sklearn import Interval, StrOptions, _fit_context
from skfrugal.decomposition._checks import check_can_go_on
from skfrugal.decomposition._fitting import (
    ROWS,
    first_moments,
    fitted_attributes,
    next_moments,
)
from skfrugal.decomposition._gaussian import covariance_operator, precision_operator
from skfrugal.decomposition._moments import explained_fraction
from skfrugal.decomposition._operator_transformer import OperatorTransformer


class ButterflyTransformer(OperatorTransformer):
    """Fast principal component analysis: an orthogonal product of plane rotations.

    The twin of :class:`~sklearn.decomposition.PCA`.  The covariance is nearly
    diagonalised by about ``log2(N) N`` plane rotations, chosen greedily and improved
    together; the coordinates are ordered by variance.  The transform is orthogonal
    by construction, and nearly decorrelates.

    Parameters
    ----------
    n_components : int, float or None, default=None
        Number k of coordinates kept.  A float in (0, 1) keeps as few as explain this
        fraction of the variance.  None keeps all N, also of fewer rows: unlike
        PCA's, the coordinates beyond the rank still carry a little variance.
    pairing : {"auto", "learned", "fixed"}, default="auto"
        Which coordinates are rotated together.  "learned": the most correlated ones.
        "fixed": the classical butterfly first, over features in the order of a
        folded strip (on a grid, with `feature_shape`), then learned pairs as far as
        `depth` goes.  "auto": "learned", or where `feature_shape` is given the
        better of both: of which k coordinates hold more of the variance of the
        training rows (before `core`); of rows held out of 3 folds, where there are
        fewer than 2 N.
    depth : float or "cv", default=2.0
        Number of rotations in units of ``log2(N) N / 2``, those of one butterfly.
        "cv" tries 0, 1/4, 1/2, 1, 2, 4 and 8 (it ends after two, from 1 on, that
        are no better) and takes the depth, and the pairing where that is open, that
        gives rows held out of 3 folds the largest likelihood: by the Gaussian of
        `get_covariance`, no variance below 1e-3 of the mean one.
    feature_shape : tuple of int, default=None
        Shape of the grid that the features are read from in C order, such as
        (8, 8) for images of 64 pixels.  Not with `pairing="learned"`.
    core : int, "auto" or None, default="auto"
        Size m of a dense k x m finish: PCA of the m coordinates of largest variance,
        k of them kept, which are then uncorrelated on the training rows.  None does
        without, and so does "auto", unless rotations and a core of m = 2 k together
        cost at most 1/8 of the dense k x N matrix.
    decoder : {"transpose", "least_squares"}, default="transpose"
        How `inverse_transform` goes back: by the transposed product, as fast as the
        transform, or by a dense N x k regression of the features on the coordinates,
        more accurate where those are correlated.  Both are the exact inverse when
        all coordinates are kept.
    max_excess : float, default=None
        Stop adding learned rotations when the error of k coordinates exceeds PCA's on
        the training rows by at most this fraction (before sweeps, `core` and
        `decoder`).  Needs `n_components`.
    whiten : bool, default=False
        Divide each coordinate by its standard deviation; coordinates that are
        constant on the training rows are left as they are.
    max_iter : int, default=20
        Most sweeps that improve all angles together; and as many before that for
        those of the classical butterfly alone, where learned pairs follow it.
    tol : float, default=1e-4
        Sweeps end when one gains at most this fraction of the whole gain.
    random_state : int, RandomState instance or None, default=None
        Nothing is drawn at random: the same rows give the same transform.
    verbose : int, default=0
        Print the objective after each sweep.

    Attributes
    ----------
    operator_ : Operator of shape (n_components_, n_features_in_)
        The transform, with orthonormal rows: ``(X - mean_) @ operator_.T``.
    components_ : ndarray of shape (n_components_, n_features_in_)
        `operator_` as a dense array, made anew at each access; an AttributeError
        above 2**24 entries.
    decoder_ : Operator of shape (n_features_in_, n_components_)
        The way back: ``Z @ decoder_.T + mean_``.
    mean_ : ndarray of shape (n_features_in_,)
        Mean of the training rows.
    explained_variance_ : ndarray of shape (n_components_,)
        Variance of each coordinate (divided by n_samples - 1), decreasing.  Float64
        also for float32 rows; 0 or infinity beyond the range of float64.
    explained_variance_ratio_ : ndarray of shape (n_components_,)
        The same over the total variance.
    noise_variance_ : float
        Mean variance of the coordinates left out.
    excess_ : float
        Squared reconstruction error on the training rows over PCA's with as many
        components, minus 1; infinite where only PCA's is zero.
    pairing_ : {"learned", "fixed"}
        The pairing used.
    depth_ : float
        The depth asked for, or chosen.
    n_components_ : int
        Number of coordinates kept.
    n_samples_ : int
        Number of training rows.
    n_iter_ : int
        Number of sweeps that improved all angles together.
    n_features_in_ : int
        Number of features N.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, when all are strings.

    See Also
    --------
    sklearn.decomposition.PCA : Dense and optimal on the training rows.
    skfrugal.solvers.greedy_jacobi : Chooses the rotations.
    skfrugal.solvers.polish_rotations : Improves them together.

    Notes
    -----
    The signs of the coordinates are those that the rotations give; they are not
    normalised as PCA's are, but the same rows give the same signs.

    *Cost.*  `transform` takes 6 flops a rotation and stores one number for it:
    3 depth N log2(N) flops a row, where PCA takes 2 k N; at N = 1024 and depth 2 that
    is 34 times less when k = N, 4 times when k = N / 8.  Rotations that feed no kept
    coordinate are left out.  `fit` needs the N x N covariance in float64, as PCA's
    `svd_solver="covariance_eigh"` does, and O(N^2 log N) flops for each sweep; it is
    not faster than PCA's.  With n < N / 2 rows nothing costs O(N^3), and a sweep
    O(n N log N).  `partial_fit` keeps N^2 numbers between calls (3 N^2 where rows may
    be held out) and learns all rotations anew: pass many rows in a call.  Sparse rows
    are not made dense by fitting, and in blocks by `transform`.

    References
    ----------
    G. Cao, L. R. Bachega, C. A. Bouman, "The sparse matrix transform for covariance
    estimation and analysis of high dimensional signals", IEEE Transactions on Image
    Processing 20(3), 2011 (one rotation at a time).

    L. Le Magoarou, R. Gribonval, N. Tremblay, "Approximate fast graph Fourier
    transforms via multilayer sparse approximations", IEEE Transactions on Signal and
    Information Processing over Networks 4(2), 2018 (truncated parallel Jacobi).

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skfrugal.decomposition import ButterflyTransformer
    >>> X, _ = load_digits(return_X_y=True)
    >>> transformer = ButterflyTransformer(n_components=16).fit(X)
    >>> transformer.transform(X).shape
    (1797, 16)
    >>> bool(transformer.excess_ < 0.06)
    True
    """

    _parameter_constraints: dict = {
        "n_components": [
            None,
            Interval(Integral, 1, None, closed="left"),
            Interval(Real, 0, 1, closed="neither"),
        ],
        "pairing": [StrOptions({"auto", "learned", "fixed"})],
        "depth": [Interval(Real, 0, None, closed="left"), StrOptions({"cv"})],
        "feature_shape": ["array-like", None],
        "core": [
            StrOptions({"auto"}),
            Interval(Integral, 1, None, closed="left"),
            None,
        ],
        "decoder": [StrOptions({"transpose", "least_squares"})],
        "max_excess": [Interval(Real, 0, None, closed="left"), None],
        "whiten": ["boolean"],
        "max_iter": [Interval(Integral, 0, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init__(  # noqa: PLR0913
        self,
        n_components=None,
        *,
        pairing="auto",
        depth=2.0,
        feature_shape=None,
        core="auto",
        decoder="transpose",
        max_excess=None,
        whiten=False,
        max_iter=20,
        tol=1e-4,
        random_state=None,
        verbose=0,
    ):
        self.n_components = n_components
        self.pairing = pairing
        self.depth = depth
        self.feature_shape = feature_shape
        self.core = core
        self.decoder = decoder
        self.max_excess = max_excess
        self.whiten = whiten
        self.max_iter = max_iter
        self.tol = tol
        self.random_state = random_state
        self.verbose = verbose

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Learn the rotations from the covariance of the rows.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training rows, at least two.

        y : None
            Ignored.

        Returns
        -------
        self : object
            The fitted transformer.
        """
        folds, dtype = first_moments(self, X, more_to_come=False)
        attributes = fitted_attributes(self, folds, dtype)
        # The last line that may raise (names of features) is the first that writes.
        validate_data(self, X, skip_check_array=True)
        vars(self).update(attributes)
        vars(self).pop("_seen", None)
        return self

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y=None):
        """Learn the rotations from these rows and those of the calls before.

        The result is that of `fit` on all of them, but for rounding.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            More rows; at least two in the first call.

        y : None
            Ignored.

        Returns
        -------
        self : object
            The fitted transformer.

        Warns
        -----
        UserWarning
            After `fit`, which does not keep what adding rows needs: it starts anew.
        """
        goes_on = check_can_go_on(self)
        if goes_on:
            seen = next_moments(self, validate_data(self, X, **ROWS, reset=False))
        else:
            seen = first_moments(self, X, more_to_come=True)
        attributes = fitted_attributes(self, *seen)
        if not goes_on:
            validate_data(self, X, skip_check_array=True)
        vars(self).update(attributes, _seen=seen)
        return self

    def transform(self, X):
        """Coordinates of the rows.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        X_new : ndarray of shape (n_samples, n_components)
            Coordinates, ordered by their variance on the training rows; dense.
        """
        check_is_fitted(self)
        X = validate_data(self, X, **ROWS, reset=False, ensure_all_finite=False)
        X_new = self._outputs(X)
        if self.whiten:
            X_new /= self._deviations
        return X_new

    def inverse_transform(self, X):
        """Rows whose coordinates are given.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components)
            Coordinates.

        Returns
        -------
        X_original : ndarray of shape (n_samples, n_features)
            Rows: exact when all coordinates are kept, else an approximation.
        """
        X = self._checked_outputs(X)
        if self.whiten:
            X = X * self._deviations
        return X @ self.decoder_.T + self.mean_

    def score(self, X, y=None):
        """Fraction of the variance around `mean_` that the coordinates explain.

        One minus the squared error of `inverse_transform` over the squared distances
        to the training mean.  `PCA.score` is something else, a log-likelihood.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        y : None
            Ignored.

        Returns
        -------
        score : float
            At most 1; larger is better.
        """
        check_is_fitted(self)
        X = validate_data(self, X, **ROWS, reset=False)
        return explained_fraction(self, X)

    def get_covariance(self):
        """Covariance of the Gaussian model, as in PCA.

        The coordinates have `explained_variance_` and no correlation, each direction
        that they leave out has `noise_variance_`; no variance counts as less than
        N eps times the largest, so that the precision exists.

        Returns
        -------
        covariance : Operator of shape (n_features_in_, n_features_in_)
            In float64; a product with it costs two transforms.
        """
        check_is_fitted(self)
        return covariance_operator(
            self.operator_, self.explained_variance_, self.noise_variance_
        )

    def get_precision(self):
        """Inverse of `get_covariance`, at the same cost.

        Returns
        -------
        precision : Operator of shape (n_features_in_, n_features_in_)
            In float64.

        Raises
        ------
        ValueError
            When all training rows are equal, or variances are beyond float64.
        """
        check_is_fitted(self)
        return precision_operator(
            self.operator_, self.explained_variance_, self.noise_variance_
        )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
