"""Any linear map as a frugal operator, with its certificate."""

from functools import partial
from numbers import Integral, Real

import numpy as np
from scipy.linalg import lstsq
from sklearn.utils import check_array, check_random_state
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted, validate_data

from skfrugal._sklearn import HasMethods, Interval, StrOptions, _fit_context
from skfrugal.decomposition._linear_map import linear_map
from skfrugal.decomposition._metric import Metric
from skfrugal.decomposition._operator_transformer import (
    OperatorTransformer,
    check_small,
)
from skfrugal.decomposition._projecting import (
    chain_accurately,
    project,
    project_accurately,
    resolve_structure,
)
from skfrugal.decomposition._projection_solvers import SOLVERS
from skfrugal.structures import STRUCTURES


def _is_small(transformer):
    """Whether rows can be recovered: not from maps too large to be made dense."""
    if hasattr(transformer, "operator_"):
        instead = "operator_ with scipy.sparse.linalg.lsqr"
        check_small(transformer.operator_, "inverse_transform", instead)
    return True


class SparseProductTransformer(OperatorTransformer):
    """A linear transformer whose matrix is replaced by a product of sparse factors.

    ``(X - mean_) @ A.T`` becomes ``(X - mean_) @ operator_.T``, with `operator_` the
    projection of A on a structure, and a certificate of how far the two are apart and
    how far any operator of that structure must be.

    Parameters
    ----------
    matrix : None, array-like of shape (k, n_features), sparse matrix, \
            LinearOperator, Operator or transformer, default=None
        The linear map.  A transformer, such as :class:`~sklearn.decomposition.PCA`
        (whitening or not), ``FastICA`` or ``TruncatedSVD``, is cloned and fitted in
        `fit`, unless it is a ``FrozenEstimator``; it must map rows to
        ``(X - mean_) @ A.T``, which is checked.  None is the PCA of the rows.
    structure : str or structure, default="auto"
        What the matrix is replaced by, see :mod:`skfrugal.structures`.
        "sparse_product": two or three sparse factors whose supports are learnt, a local
        optimum without a lower bound.  "auto" takes whichever is closest within
        `budget` (of 1/6, nothing if the matrix is so small that nothing fits: it is
        then kept).
    budget : int or float, default=None
        Stored values, or fraction of those of the matrix.  None is 1/6 for a name.
    max_error : float, default=None
        Prescribed relative error, instead of a budget: "butterfly" and "monarch" (or
        such an object) get the ranks that ensure it, see
        :func:`~skfrugal.solvers.butterfly_factorization`; of other names the smallest
        budget is searched for that reaches it, to 5 %.  Where only the dense matrix
        does, it is kept, and `factorization_` says so.
    data_aware : bool, default=False
        Whether the error counts in the metric of the training rows instead of that of
        the matrix.  With C the second moments of ``X - mean_``, outputs differ by
        ``||(A - B) C^(1/2)||`` in root mean square.  "low_rank", and any structure with
        `solver="gradient"`, make this small itself, low rank exactly; others make small
        its diagonal part, ``||(A - B) diag(C)^(1/2)||`` (features of less than 1e-8 of
        the largest root mean square count as those of 1e-8); "auto" compares its
        candidates by the outputs.  The certificate is for the norm that was made small.
    solver : {"auto", "closed_form", "gradient", "palm4msa", \
            "hierarchical_palm4msa"}, default="auto"
        "auto" is the structure's own projection.  The others are for "butterfly" and
        "monarch" ("closed_form" for "low_rank" and "dense", too).  "gradient" improves
        the values of the closed form, see
        :func:`~skfrugal.solvers.gradient_factorization`.  "palm4msa" and
        "hierarchical_palm4msa" learn where the entries are: as many in each row and
        column of a factor as the structure has, but anywhere; without a certificate.
    n_init : int, default=1
        Starts of "gradient" (the first is the closed form) and of "palm4msa".
    max_iter : int, default=300
        Iterations of the iterative solvers (of each of their stages, if hierarchical).
    tol : float, default=1e-6
        They end when an iteration lowers what they make small by less than this,
        relatively.
    random_state : int, RandomState instance or None, default=None
        Of the PCA, of the starts, and of the structure's own projection.
    verbose : int, default=0
        Print what was done; with an iterative solver a line an iteration.

    Attributes
    ----------
    operator_ : Operator of shape (k, n_features_in_)
        The frugal matrix.
    factorization_ : Factorization
        How it was found, its absolute error and its bounds.
    relative_error_ : float
        `factorization_.error` over the norm of the matrix, in the same metric.
    components_ : ndarray of shape (k, n_features_in_)
        `operator_` as a dense array, made anew at each access; an AttributeError
        above 2**24 entries.
    mean_ : ndarray of shape (n_features_in_,)
        What is subtracted from rows: the transformer's mean, else zeros.
    n_iter_ : int
        `factorization_.n_iter`: 1 of a closed form.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, when all are strings.

    See Also
    --------
    ButterflyTransformer : An orthogonal transform learnt from the rows.
    skfrugal.structures.check_structure : Resolves `structure` and `budget`.
    skfrugal.structures.Auto : What "auto" compares.

    Notes
    -----
    *Cost.*  `transform` takes ``operator_.nnz`` multiply-adds a row, the dense twin
    k n_features.  `fit` takes what the transformer's takes, then a projection: for
    "butterfly" O(N^2.5) multiply-adds, for "low_rank" a singular value decomposition,
    O(N^3), for "auto" both and more.  `data_aware` adds the N x N second moments and
    their eigenvectors.  Linear operators are made dense.  `inverse_transform` solves
    a dense least squares at each call.

    References
    ----------
    L. Le Magoarou, R. Gribonval, "Flexible multilayer sparse approximations of matrices
    and applications", IEEE J. Sel. Topics Signal Process. 10(4), 2016.

    Q.-T. Le, L. Zheng, E. Riccietti, R. Gribonval, "Butterfly factorization with
    error guarantees", arXiv:2411.04506.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.linalg import hadamard
    >>> from skfrugal.decomposition import SparseProductTransformer
    >>> X = np.random.RandomState(0).standard_normal((10, 64))
    >>> fast = SparseProductTransformer(hadamard(64), structure="butterfly").fit(X)
    >>> fast.operator_.nnz, fast.relative_error_ < 1e-14
    (768, True)
    >>> bool(np.abs(fast.transform(X) - X @ hadamard(64).T).max() < 1e-12)
    True
    """

    _parameter_constraints: dict = {
        "matrix": "no_validation",
        "structure": [
            StrOptions(set(STRUCTURES)),
            HasMethods(["project", "n_parameters"]),
        ],
        "budget": [
            Interval(Integral, 1, None, closed="left"),
            Interval(Real, 0, 1, closed="right"),
            None,
        ],
        "max_error": [Interval(Real, 0, 1, closed="left"), None],
        "data_aware": ["boolean"],
        "solver": [StrOptions({"auto", *SOLVERS})],
        "n_init": [Interval(Integral, 1, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init__(  # noqa: PLR0913
        self,
        matrix=None,
        *,
        structure="auto",
        budget=None,
        max_error=None,
        data_aware=False,
        solver="auto",
        n_init=1,
        max_iter=300,
        tol=1e-6,
        random_state=None,
        verbose=0,
    ):
        self.matrix = matrix
        self.structure = structure
        self.budget = budget
        self.max_error = max_error
        self.data_aware = data_aware
        self.solver = solver
        self.n_init = n_init
        self.max_iter = max_iter
        self.tol = tol
        self.random_state = random_state
        self.verbose = verbose

    # The transformer in `matrix` validates its own parameters.
    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y=None):
        """Project the matrix on the structure.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training rows.  Of a `matrix` that is no transformer only their number of
            features and their dtype count, unless `data_aware`.

        y : array-like of shape (n_samples,), default=None
            Passed to the transformer's `fit`.

        Returns
        -------
        self : object
            The fitted transformer.
        """
        rows = check_array(
            X, dtype=[np.float64, np.float32], estimator=self, input_name="X"
        )
        rng = check_random_state(self.random_state)
        matrix, mean = linear_map(self.matrix, rows, y, rng)
        metric = Metric.of_rows(rows, mean) if self.data_aware else Metric()
        factorization, norm = self._solve(matrix, metric, rng)
        if self.verbose:
            print(factorization)
        operator = factorization.operator.astype(rows.dtype)

        # A fit that raises leaves the model as it was: this line may be the last to
        # do so (mixed names of features), and is the first to change anything.
        validate_data(self, X, skip_check_array=True)
        self.operator_ = operator
        self.factorization_ = factorization
        self.relative_error_ = factorization.error / norm if norm else 0.0
        self.mean_ = mean.astype(rows.dtype)
        self._shift = -(self.mean_ @ operator.T)
        self.n_iter_ = factorization.n_iter
        return self

    def _solve(self, matrix, metric, rng):
        """The projection that the parameters ask for, and the norm of the matrix."""
        names = ("n_init", "max_iter", "tol", "verbose")
        options = {name: getattr(self, name) for name in names}
        options["random_state"] = rng
        solve = SOLVERS.get(self.solver, project)
        solve = partial(solve, matrix, metric=metric, options=options)
        if self.max_error is None:
            return solve(resolve_structure(self.structure, matrix.shape, self.budget))
        if self.budget is not None:
            raise ValueError(
                f"max_error={self.max_error} and budget={self.budget} both determine "
                f"the size of the operator; pass one of them."
            )
        structure = STRUCTURES.get(self.structure, type(self.structure))
        if hasattr(structure, "chain") and self.solver in ("auto", "closed_form"):
            return chain_accurately(matrix, self.structure, metric, self.max_error)
        return project_accurately(matrix, self.structure, metric, self.max_error, solve)

    def transform(self, X):
        """Outputs of the frugal map.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        X_new : ndarray of shape (n_samples, k)
            ``(X - mean_) @ operator_.T``.
        """
        check_is_fitted(self)
        X = validate_data(
            self,
            X,
            dtype=[np.float64, np.float32],
            reset=False,
            ensure_all_finite=False,
        )
        return self._outputs(X)

    @available_if(_is_small)
    def inverse_transform(self, X):
        """Rows whose outputs are nearest to the given ones; of these the shortest.

        Parameters
        ----------
        X : array-like of shape (n_samples, k)
            Outputs.

        Returns
        -------
        X_original : ndarray of shape (n_samples, n_features)
            ``mean_`` plus the least-squares solution of least norm: exact where
            `operator_` is invertible.
        """
        X = self._checked_outputs(X)
        return lstsq(self.operator_.toarray(), X.T)[0].T + self.mean_
