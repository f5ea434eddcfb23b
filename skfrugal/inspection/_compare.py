"""Frugal models beside their dense twins: fit, score, count and time."""

import csv
import io
import time
import warnings
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from sklearn.base import clone, is_classifier, is_clusterer, is_regressor
from sklearn.exceptions import ConvergenceWarning

from skfrugal.metrics import model_cost

COLUMNS = (
    "task",
    "model",
    "score",
    "stored_values",
    "bytes",
    "multiply_adds",
    "fit_seconds",
    "predict_microseconds",
    "ratio_stored_values",
    "ratio_bytes",
    "ratio_multiply_adds",
    "ratio_fit",
    "ratio_predict",
)

SHORT_FIT = 0.5  # seconds


@dataclass(frozen=True)
class ComparedModel:
    """One line of a comparison: what a model reached and what it cost.

    Parameters
    ----------
    task : str
        "transform", "cluster", "regress" or "classify".
    model : str
        Name of the model.
    score : float
        Score on held-out rows; higher is better.
    stored_values, bytes, multiply_adds : int
        As :func:`skfrugal.metrics.model_cost` counts them.
    fit_seconds : float
        Time of `fit`: the median of three where one takes less than half a second.
    predict_microseconds : float
        Time of a held-out row, see :func:`predict_microseconds`.
    is_frugal : bool
        Whether the model is one of skfrugal's.
    """

    task: str
    model: str
    score: float
    stored_values: int
    bytes: int
    multiply_adds: int
    fit_seconds: float
    predict_microseconds: float
    is_frugal: bool = False


@dataclass(frozen=True)
class Comparison:
    """Models beside their dense twins; what :func:`compare` returns.

    Comparisons add up: the rows of one follow those of the other.

    Parameters
    ----------
    rows : tuple of ComparedModel
        The first row of each task is the dense reference.
    warnings : tuple of str
        What the models warned of while they were fitted, each said once.
    """

    rows: tuple
    warnings: tuple = ()

    def __add__(self, other):
        if not isinstance(other, Comparison):
            return NotImplemented
        return Comparison(self.rows + other.rows, self.warnings + other.warnings)

    def reference(self, row):
        """Return the dense reference of a row: the first row of its task."""
        return next(other for other in self.rows if other.task == row.task)

    def ratios(self, row):
        """Divide the costs of the dense reference by those of a row.

        Parameters
        ----------
        row : ComparedModel
            One of `rows`.

        Returns
        -------
        ratios : dict of str to float
            Keys "stored_values", "bytes", "multiply_adds", "fit" and "predict"; above
            1 the row is the cheaper one.
        """
        dense = self.reference(row)
        pairs = {
            "stored_values": (dense.stored_values, row.stored_values),
            "bytes": (dense.bytes, row.bytes),
            "multiply_adds": (dense.multiply_adds, row.multiply_adds),
            "fit": (dense.fit_seconds, row.fit_seconds),
            "predict": (dense.predict_microseconds, row.predict_microseconds),
        }
        return {
            name: above / below if below else float("inf")
            for name, (above, below) in pairs.items()
        }

    def to_records(self):
        """Return one dictionary a row, its keys the columns of the CSV file."""
        records = []
        for row in self.rows:
            record = {name: getattr(row, name) for name in COLUMNS[:8]}
            ratios = self.ratios(row).items()
            records.append(record | {f"ratio_{name}": ratio for name, ratio in ratios})
        return records

    def to_csv(self):
        """Return the table as the text of a CSV file."""
        text = io.StringIO()
        writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.to_records())
        return text.getvalue()


def compare(
    models,
    X_train,
    X_test,
    y_train=None,
    y_test=None,
    *,
    scoring=None,
    n_repeats=7,
    progress=None,
):
    """Fit frugal models beside their dense twin and say what each costs.

    Parameters
    ----------
    models : sequence of (str, estimator) pairs
        The first is the dense reference. Estimators are cloned. In the place of an
        estimator, a callable is given the dictionary of the models fitted so far and
        returns one: a baseline that costs as much as another model needs this.
    X_train : array-like of shape (n_rows, n_features)
        Rows to fit.
    X_test : array-like of shape (n_held_out, n_features)
        Held-out rows, to score and to time.
    y_train : array-like of shape (n_rows,) or (n_rows, n_outputs), default=None
        Targets of the training rows.
    y_test : array-like of shape (n_held_out,) or (n_held_out, n_outputs), default=None
        Targets of the held-out rows.
    scoring : callable, default=None
        `scoring(estimator, X_test, y_test) -> float`, higher is better. None is the
        `score` of each model, which must then mean the same for all of them.
    n_repeats : int, default=7
        Number of timed rounds over all the models, interleaved.
    progress : callable, default=None
        Called with one sentence before each step.

    Returns
    -------
    comparison : Comparison
        One row a model, in the order of `models`.

    Notes
    -----
    The task is read off the reference: "cluster" for a clusterer, "regress" or
    "classify" for a predictor, "transform" otherwise. Warnings of the models are
    collected in `Comparison.warnings`.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.cluster import KMeans
    >>> from skfrugal.inspection import compare
    >>> X, _ = load_digits(return_X_y=True)
    >>> models = [
    ...     ("20 clusters", KMeans(20, random_state=0)),
    ...     ("10 clusters", KMeans(10, random_state=0)),
    ... ]
    >>> table = compare(models, X[:1000], X[1000:], n_repeats=1)
    >>> [row.stored_values for row in table.rows]
    [1300, 650]
    >>> table.ratios(table.rows[1])["bytes"]
    2.0
    """
    tell = progress or (lambda sentence: None)
    score = scoring or (lambda estimator, X, y: estimator.score(X, y))
    fitted, seconds, said = {}, {}, []
    for name, estimator in models:
        tell(f"fitting {name}")
        with _listening(name, said):
            fitted[name], seconds[name] = _fit(
                name, estimator, fitted, X_train, y_train
            )
    if not fitted:
        raise ValueError("models is empty: pass (name, estimator) pairs, dense first")
    tell("timing predictions")
    with _listening("predictions", said):
        microseconds = predict_microseconds(
            fitted.values(), X_test, n_repeats=n_repeats
        )
    task = _task(next(iter(fitted.values())))
    rows = []
    for (name, model), microsecond in zip(fitted.items(), microseconds, strict=True):
        tell(f"scoring {name}")
        cost = model_cost(model)
        with _listening(name, said):
            points = float(score(model, X_test, y_test))
        rows.append(
            ComparedModel(
                task=task,
                model=name,
                score=points,
                stored_values=cost.stored_values,
                bytes=cost.nbytes,
                multiply_adds=cost.multiply_adds,
                fit_seconds=seconds[name],
                predict_microseconds=microsecond,
                is_frugal=_is_frugal(model),
            )
        )
    return Comparison(tuple(rows), tuple(dict.fromkeys(said)))


def predict_microseconds(estimators, X, *, n_repeats=7):
    """Time a row of `predict`, or of `transform` where there is no `predict`.

    The models take turns, so that a slow moment of the machine falls on all of them;
    the median of the rounds is returned. One round before the first is not timed.

    Parameters
    ----------
    estimators : sequence of estimators
        Fitted models.
    X : array-like of shape (n_rows, n_features)
        The rows, given to each model in one call.
    n_repeats : int, default=7
        Number of timed rounds.

    Returns
    -------
    microseconds : list of float
        One for each estimator.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.decomposition import PCA
    >>> from skfrugal.inspection import predict_microseconds
    >>> X, _ = load_digits(return_X_y=True)
    >>> (microseconds,) = predict_microseconds([PCA(8).fit(X)], X)
    >>> microseconds > 0
    True
    """
    calls = [
        model.predict if hasattr(model, "predict") else model.transform
        for model in estimators
    ]
    for call in calls:
        call(X)
    seconds = np.empty((n_repeats, len(calls)))
    for i in range(n_repeats):
        for j, call in enumerate(calls):
            start = time.perf_counter()
            call(X)
            seconds[i, j] = time.perf_counter() - start
    return [float(s) for s in 1e6 * np.median(seconds, axis=0) / len(X)]


@contextmanager
def _listening(name, said):
    """Append to `said` what is warned of meanwhile, each kind of warning once."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", PendingDeprecationWarning)
        yield
    said += {w.category: f"{name}: {_plain(w)}" for w in reversed(caught)}.values()


def _fit(name, estimator, fitted, X, y):
    """Fit a clone; return it and the seconds that it took."""
    if not hasattr(estimator, "fit"):
        estimator = estimator(dict(fitted))
    seconds = []
    # The first fit also starts threads and touches memory: a short one is repeated.
    while not seconds or (len(seconds) < 3 and sum(seconds) < SHORT_FIT):
        model = clone(estimator)
        start = time.perf_counter()
        try:
            model.fit(X) if y is None else model.fit(X, y)
        except ValueError as error:
            raise ValueError(f"{name} could not be fitted: {error}") from error
        seconds.append(time.perf_counter() - start)
    return model, float(np.median(seconds))


def _plain(warning):
    """The first sentence of a warning, on one line."""
    if issubclass(warning.category, ConvergenceWarning):
        return "stopped before it converged"
    return " ".join(str(warning.message).split()).split(". ")[0]


def _task(estimator):
    for answers, task in (
        (is_clusterer, "cluster"),
        (is_regressor, "regress"),
        (is_classifier, "classify"),
    ):
        if answers(estimator):
            return task
    return "transform"


def _is_frugal(model):
    """Whether the model, or the last step of a pipeline or search, is skfrugal's.

    What is made here to compare with is not.
    """
    model = getattr(model, "best_estimator_", model)
    steps = getattr(model, "steps", None)
    if steps:
        model = steps[-1][1]
    package, *rooms = type(model).__module__.split(".")
    return package == "skfrugal" and rooms[:1] != ["inspection"]
