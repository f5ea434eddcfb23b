"""Dictionary learning with a dictionary that is a product of sparse factors."""

from functools import partial
from numbers import Integral, Real

import numpy as np
from sklearn.utils import check_array, check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from skfrugal._sklearn import HasMethods, Interval, StrOptions, _fit_context
from skfrugal.decomposition._dictionary_start import start
from skfrugal.decomposition._moments import power_of_two
from skfrugal.decomposition._operator_transformer import OperatorTransformer
from skfrugal.decomposition._sparse_codes import dictionary_steps, encode
from skfrugal.solvers._iterate import iterate
from skfrugal.structures import STRUCTURES


class SparseProductDictionaryLearning(OperatorTransformer):
    """Dictionary learning with a dictionary that is stored and applied by factors.

    The twin of :class:`~sklearn.decomposition.DictionaryLearning`.  Rows are sparse
    combinations of atoms, the rows of `operator_`, which all together are a structured
    matrix: a product of sparse factors, for example.  Codes and dictionary are improved
    in turn, and neither ever raises the objective.

    Parameters
    ----------
    n_components : int, default=None
        Number of atoms; None is the number of features.
    structure : str or structure, default="auto"
        What the dictionary is, see :mod:`skfrugal.structures`.  "sparse_product": two
        or three sparse factors whose supports are learnt with the codes; the object,
        :class:`~skfrugal.structures.SparseProduct`, also in cosines.  "palm4msa":
        sparse factors whose supports hierarchical palm4MSA finds in the first atoms,
        and which stay.  "auto" takes the structure that is closest to the first atoms
        (none, if they are so few that nothing fits in a budget of 1/6).
    budget : int or float, default=None
        Stored values, or fraction of those of a dense dictionary.  None is 1/6.
    alpha : float, default=1
        Penalty on the codes of `fit_algorithm="cd"`, and of the transform by lasso or
        threshold where `transform_alpha` is None.
    max_iter : int, default=30
        Turns of codes and dictionary, at most.
    tol : float, default=1e-3
        Turns end when one lowers the objective by less than this, relatively.
    fit_algorithm : {"omp", "cd"}, default="omp"
        How rows are coded in `fit`.  "omp": orthogonal matching pursuit with
        `transform_n_nonzero_coefs` atoms; the objective is half the squared error.
        "cd": coordinate descent for half the squared error plus `alpha` times the sum
        of the moduli of the codes, the objective of ``DictionaryLearning``.
    transform_algorithm : {"omp", "lasso_cd", "lasso_lars", "lars", "threshold"}, \
            default="omp"
        How rows are coded in `transform`, see
        :func:`~sklearn.decomposition.sparse_encode`.
    transform_n_nonzero_coefs : int, default=None
        Atoms of a row for "omp" and "lars"; None is a tenth of the features, rounded
        down, 1 at least.
    transform_alpha : float, default=None
        With "omp": atoms are added until the squared residual of the row is at most
        this, and `transform_n_nonzero_coefs` has no effect.  With lasso or "threshold":
        the penalty, `alpha` if None.
    transform_max_iter : int, default=1000
        Iterations of lasso, at most, in `fit` too.
    dict_init : array-like or Operator of shape (n_components, n_features), default=None
        First atoms, which are projected on the structure; scaled to norm 1.  None draws
        rows at random.  A known dictionary that has the structure is a much better
        start: of images the over-complete DCT, which is a ``Monarch()``.
    random_state : int, RandomState instance or None, default=None
        Draws the first atoms, and what their projection starts from.
    verbose : int, default=0
        Print the objective after each turn.
    n_jobs : int, default=None
        Number of jobs of the coding.

    Attributes
    ----------
    operator_ : Operator of shape (n_components, n_features_in_)
        The dictionary.  Atoms have norm 1 (or 0).
    components_ : ndarray of shape (n_components, n_features_in_)
        `operator_` as a dense array, made anew at each access; an AttributeError
        above 2**24 entries.
    error_ : ndarray of shape (n_iter_,)
        The objective after each turn; never rises.
    n_iter_ : int
        Number of turns.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, when all are strings.

    See Also
    --------
    sklearn.decomposition.DictionaryLearning : The dense twin.
    SparseProductTransformer : A given matrix, such as a learnt dictionary, by factors.

    Notes
    -----
    With codes U of rows X, the dictionary D is fitted to make small ``||X - U D||``
    itself: all values of a chain together by L-BFGS, low rank and dense exactly; of a
    `SparseProduct` supports and values, atom by atom, then feature by feature; the
    values of other sparse factors one factor after the other, exactly, on the supports
    of the start; sums, and factors of 8 bits, by projected gradient steps.

    *Cost.*  `transform` takes ``operator_.nnz`` multiply-adds a row for the
    correlations, the dense twin n_components n_features; a pursuit of k atoms then adds
    O(k n_components) for both.  A turn of `fit` codes all rows, which takes nearly all
    the time, as in the twin.  A dictionary with few values also follows noise less.

    References
    ----------
    L. Le Magoarou, R. Gribonval, "Flexible multilayer sparse approximations of matrices
    and applications", IEEE J. Sel. Topics Signal Process. 10(4), 2016, section VI.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skfrugal.decomposition import SparseProductDictionaryLearning
    >>> X = load_digits().data[:300]
    >>> model = SparseProductDictionaryLearning(
    ...     128, structure="monarch", max_iter=5, random_state=0
    ... ).fit(X)
    >>> codes = model.transform(X)
    >>> codes.shape, int((codes != 0).sum(axis=1).max()), model.operator_.nnz
    ((300, 128), 6, 1536)
    """

    _parameter_constraints: dict = {
        "n_components": [None, Interval(Integral, 1, None, closed="left")],
        "structure": [
            StrOptions({"palm4msa", *STRUCTURES}),
            HasMethods(["project", "n_parameters"]),
        ],
        "budget": [
            Interval(Integral, 1, None, closed="left"),
            Interval(Real, 0, 1, closed="right"),
            None,
        ],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "fit_algorithm": [StrOptions({"omp", "cd"})],
        "transform_algorithm": [
            StrOptions({"omp", "lasso_cd", "lasso_lars", "lars", "threshold"})
        ],
        "transform_n_nonzero_coefs": [None, Interval(Integral, 1, None, closed="left")],
        "transform_alpha": [None, Interval(Real, 0, None, closed="left")],
        "transform_max_iter": [Interval(Integral, 0, None, closed="left")],
        "dict_init": "no_validation",
        "random_state": ["random_state"],
        "verbose": ["verbose"],
        "n_jobs": [None, Integral],
    }

    def __init__(  # noqa: PLR0913
        self,
        n_components=None,
        *,
        structure="auto",
        budget=None,
        alpha=1,
        max_iter=30,
        tol=1e-3,
        fit_algorithm="omp",
        transform_algorithm="omp",
        transform_n_nonzero_coefs=None,
        transform_alpha=None,
        transform_max_iter=1000,
        dict_init=None,
        random_state=None,
        verbose=0,
        n_jobs=None,
    ):
        self.n_components = n_components
        self.structure = structure
        self.budget = budget
        self.alpha = alpha
        self.max_iter = max_iter
        self.tol = tol
        self.fit_algorithm = fit_algorithm
        self.transform_algorithm = transform_algorithm
        self.transform_n_nonzero_coefs = transform_n_nonzero_coefs
        self.transform_alpha = transform_alpha
        self.transform_max_iter = transform_max_iter
        self.dict_init = dict_init
        self.random_state = random_state
        self.verbose = verbose
        self.n_jobs = n_jobs

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Learn the dictionary from the rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training rows.

        y : None
            Ignored.

        Returns
        -------
        self : object
            The fitted transformer.
        """
        given = check_array(
            X, dtype=[np.float64, np.float32], estimator=self, input_name="X"
        )
        rng = check_random_state(self.random_state)
        # In double precision, and where squares neither overflow nor underflow.
        unit = power_of_two(given)
        rows = given / unit
        k = given.shape[1] if self.n_components is None else self.n_components
        operator, structure = start(
            rows, k, self.structure, self.budget, self.dict_init, rng
        )

        coding, alpha = self._coding("omp"), 0.0
        if self.fit_algorithm == "cd":
            coding, alpha = self._coding("lasso_cd"), self.alpha / unit
        coding["alpha"] = alpha or None
        steps = dictionary_steps(
            rows, operator, structure, partial(encode, **coding), alpha
        )
        loop = {name: getattr(self, name) for name in ("max_iter", "tol", "verbose")}
        run = iterate(steps, name=type(self).__name__, warn=False, **loop)

        # A fit that raises leaves the model as it was: this line may be the last to
        # do so (mixed names of features), and is the first to change anything.
        validate_data(self, X, skip_check_array=True)
        self.operator_ = run.step.operator.astype(given.dtype)
        with np.errstate(over="ignore", under="ignore"):
            self.error_ = np.array(run.objectives) * unit * unit
        self.n_iter_ = run.n_iter
        return self

    def _coding(self, algorithm):
        """Keyword arguments of `encode`; alpha is the caller's."""
        return {
            "algorithm": algorithm,
            "n_nonzero": self.transform_n_nonzero_coefs,
            "max_iter": self.transform_max_iter,
            "n_jobs": self.n_jobs,
        }

    def transform(self, X):
        """Sparse codes of the rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        X_new : ndarray of shape (n_samples, n_components)
            Codes, mostly zeros.
        """
        check_is_fitted(self)
        X = validate_data(self, X, dtype=[np.float64, np.float32], reset=False)
        alpha = self.transform_alpha
        if alpha is None and self.transform_algorithm not in ("omp", "lars"):
            alpha = self.alpha
        coding = self._coding(self.transform_algorithm)
        return encode(X, self.operator_, alpha=alpha, **coding)

    def inverse_transform(self, X):
        """Rows of codes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components)
            Codes.

        Returns
        -------
        X_original : ndarray of shape (n_samples, n_features)
            ``X @ operator_``.
        """
        return self._checked_outputs(X) @ self.operator_
