"""QuickKMeans as an estimator: bad input, refits, views, pickles, callbacks."""

import pickle

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.exceptions import NotFittedError
from sklearn.utils.fixes import parse_version

from skfrugal.cluster import QuickKMeans
from skfrugal.operators import Dense
from skfrugal.structures import LowRank

HAS_CALLBACKS = parse_version(sklearn.__version__) >= parse_version("1.9.0")


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("container", [np.asarray, sp.csr_array])
@pytest.mark.parametrize("scale", [1e154, 1e300, 4e307])
@pytest.mark.parametrize("params", [{}, {"tol": 0}, {"assignment": "structured"}])
def test_data_out_of_range_are_refused_and_change_nothing(
    data, container, scale, params
):
    X = container(data["normal"][:100, :4] * scale)
    params = {"n_clusters": 5, "random_state": 0} | params
    unfitted = QuickKMeans(**params)
    with pytest.raises(ValueError, match=r"range of float64\. Divide X"):
        unfitted.fit(X)
    assert not [name for name in vars(unfitted) if name.endswith("_")]
    fitted = QuickKMeans(**params).fit(data["iris"])
    before = dict(vars(fitted))
    # With huge weights it is the inertia, the last thing computed, that overflows.
    huge = {"sample_weight": np.full(150, 1e290)}
    for args, kwargs in (((X,), {}), ((data["iris"] * 1e10,), huge)):
        with pytest.raises(ValueError, match=r"range of float64\. Divide X"):
            fitted.fit(*args, **kwargs)
        assert vars(fitted) == before


def test_failed_refit_leaves_the_model_whole(data):
    frame = pd.DataFrame(data["iris"], columns=list("abcd"))
    ours = QuickKMeans(3, random_state=0).fit(frame)
    before = dict(vars(ours))
    for X in (frame[["a", "b"]], data["digits"], data["iris"][:2]):
        with pytest.raises(ValueError, match=r"initial centers|n_samples"):
            ours.set_params(init=np.zeros((3, 3))).fit(X)
        assert vars(ours.set_params(init="k-means++")) == before


def test_copy_x_false_restores_the_data(data):
    X = data["normal"].copy()
    ours = QuickKMeans(5, random_state=0, copy_x=False).fit(X)
    assert_allclose(X, data["normal"], rtol=0, atol=1e-14)
    assert_array_equal(ours.labels_, QuickKMeans(5, random_state=0).fit_predict(X))

    def failing(X, n_clusters, random_state):
        raise RuntimeError("no start")

    with pytest.raises(RuntimeError, match="no start"):
        QuickKMeans(5, init=failing, copy_x=False).fit(X)
    assert_allclose(X, data["normal"], rtol=0, atol=1e-14)


def test_fit_leaves_the_data_alone(data):
    X, weight = data["iris"].copy(), np.arange(1.0, 151)
    QuickKMeans(3, random_state=0).fit(X, sample_weight=weight)
    assert_array_equal(X, data["iris"])
    assert_array_equal(weight, np.arange(1.0, 151))


def test_verbose_reports_like_kmeans(data, capsys):
    for params in ({"tol": 0}, {"tol": 1e-2}):
        printed = []
        for model in (KMeans, QuickKMeans):
            model(4, random_state=0, verbose=1, **params).fit(data["iris"])
            lines = capsys.readouterr().out.splitlines()
            printed.append([line.split(" inertia ")[0] for line in lines])
        # The last line holds a sum that may differ by rounding.
        assert printed[0][:-1] == printed[1][:-1]
        assert printed[0][-1][:30] == printed[1][-1][:30]
    QuickKMeans(4, random_state=0).fit(data["iris"])
    assert capsys.readouterr().out == ""


def test_cluster_centers_are_a_read_only_view_that_can_be_replaced(data):
    X = data["iris"]
    ours = QuickKMeans(3, random_state=0).fit(X)
    assert isinstance(ours.operator_, Dense)
    assert np.shares_memory(ours.cluster_centers_, ours.operator_.array)
    with pytest.raises(ValueError, match="read-only"):
        ours.cluster_centers_[0, 0] = 1
    centers = X[[0, 50]]
    ours.cluster_centers_ = centers
    centers[:] = 0
    assert_array_equal(ours.cluster_centers_, X[[0, 50]])
    assert_array_equal(ours.predict(X[[50, 0, 50]]), [1, 0, 1])
    assert ours.transform(X).shape == (150, 2)
    assert list(ours.get_feature_names_out()) == ["quickkmeans0", "quickkmeans1"]
    with pytest.raises(ValueError, match="4 features"):
        ours.cluster_centers_ = X[:3, :2]
    with pytest.raises(ValueError, match="NaN"):
        ours.cluster_centers_ = np.full((3, 4), np.nan)


def test_big_structured_centers_are_not_made_dense():
    ours = QuickKMeans(assignment="structured", structure=LowRank(rank=1))
    ours.fit(np.random.RandomState(0).randn(20, 4))
    ours.operator_ = LowRank(rank=1).random((2**13, 2**12), random_state=0)
    with pytest.raises(AttributeError, match="operator_"):
        _ = ours.cluster_centers_


@pytest.mark.parametrize(
    "params, match",
    [
        ({"structure": "low_rank"}, "assignment='structured'"),
        ({"structure": LowRank()}, "assignment='structured'"),
        ({"budget": 100}, "assignment='structured'"),
        ({"n_clusters": 151}, "n_samples=150 should be >= n_clusters=151"),
        ({"init": np.zeros((3, 4))}, "does not match the number of clusters 8"),
        ({"init": np.zeros((8, 3))}, "number of features of the data 4"),
        ({"init": lambda X, k, random_state: X[:2]}, "number of clusters 8"),
        ({"init": lambda X, k, random_state: X[:8, :2]}, "number of features"),
        ({"init": np.full((8, 4), np.nan)}, "NaN"),
        ({"assignment": "structured", "budget": 3}, "budget"),
        ({"assignment": "structured", "budget": 1.5}, "budget"),
        ({"assignment": "structured", "structure": "sparse"}, "structure"),
        ({"assignment": "fast"}, "assignment"),
    ],
)
def test_bad_parameters_raise(data, params, match):
    with pytest.raises(ValueError, match=match):
        QuickKMeans(**({"n_init": 1} | params)).fit(data["iris"])


@pytest.mark.parametrize(
    "weight, match",
    [
        (np.zeros(150), "at least one non-zero"),
        (np.r_[-1.0, np.ones(149)], "Negative values in sample_weight"),
        (np.ones(149), "sample_weight.shape"),
        (np.r_[np.nan, np.ones(149)], "NaN"),
    ],
)
def test_bad_weights_raise(data, weight, match):
    with pytest.raises(ValueError, match=match):
        QuickKMeans(3).fit(data["iris"], sample_weight=weight)


def test_random_init_needs_enough_weighted_samples(data):
    weight = np.zeros(150)
    weight[:3] = 1
    with pytest.raises(ValueError, match="only 3 have a positive weight"):
        QuickKMeans(4, init="random").fit(data["iris"], sample_weight=weight)


def test_array_init_with_n_init_warns(data):
    with pytest.warns(RuntimeWarning, match="performing only one init in QuickKMeans"):
        QuickKMeans(3, init=data["iris"][:3], n_init=4).fit(data["iris"])


def test_unfitted_model_says_so(data):
    ours = QuickKMeans()
    assert not hasattr(ours, "cluster_centers_")
    with pytest.raises(NotFittedError, match="QuickKMeans instance is not fitted"):
        _ = ours.cluster_centers_
    for method in (ours.predict, ours.transform, ours.score):
        with pytest.raises(NotFittedError):
            method(data["iris"])


def test_frames_keep_names_and_output_container(data):
    frame = pd.DataFrame(data["iris"], columns=list("abcd"))
    ours = QuickKMeans(3, random_state=0).set_output(transform="pandas")
    result = ours.fit_transform(frame)
    assert list(result.columns) == [f"quickkmeans{k}" for k in range(3)]
    assert list(ours.feature_names_in_) == list("abcd")
    assert_array_equal(ours.predict(frame), ours.labels_)
    with pytest.raises(ValueError, match="feature names"):
        ours.predict(frame[["b", "a", "c", "d"]])


def test_assignment_changes_leave_nothing_stale(data):
    X = data["digits"]
    ours = QuickKMeans(4, assignment="structured", random_state=0).fit(X)
    assert ours.objectives_
    ours.set_params(assignment="exact").fit(X)
    assert not hasattr(ours, "objectives_")
    assert not hasattr(ours, "projection_error_")


@pytest.mark.parametrize("assignment", ["exact", "structured"])
def test_pickles_predict_the_same(data, assignment):
    X = data["digits"]
    ours = QuickKMeans(5, assignment=assignment, random_state=0).fit(X)
    twin = pickle.loads(pickle.dumps(ours))
    assert_array_equal(twin.predict(X), ours.labels_)
    assert_array_equal(twin.cluster_centers_, ours.cluster_centers_)


class Recorder:
    """Callback that notes the tasks, and stops after `stop_after` iterations."""

    def __init__(self, stop_after=None):
        self.stop_after = stop_after
        self.begun, self.ended, self.scores = [], [], []

    def setup(self, estimator, context):
        self.is_set_up = True

    def teardown(self, estimator, context):
        self.is_set_up = False

    def on_fit_task_begin(self, estimator, context):
        self.begun.append(context.task_name)

    def on_fit_task_end(self, estimator, context, *, X, fitted_estimator):
        self.ended.append(context.task_name)
        self.scores.append(fitted_estimator.score(X))
        is_iteration = context.task_name == "iteration"
        return is_iteration and context.task_id + 1 == self.stop_after


@pytest.mark.parametrize("assignment", ["exact", "structured"])
@pytest.mark.parametrize("copy_x", [True, False])
def test_callbacks_follow_runs_and_iterations(data, assignment, copy_x):
    X = data["normal"].copy()
    ours = QuickKMeans(
        4, n_init=2, random_state=0, assignment=assignment, tol=0, copy_x=copy_x
    )
    expected = clone(ours).fit(X)
    if not HAS_CALLBACKS:
        assert not hasattr(ours, "set_callbacks")
        return
    recorder = Recorder()
    ours.set_callbacks(recorder).fit(X)
    assert recorder.begun.count("run") == 2
    assert sorted(recorder.begun) == sorted(recorder.ended)
    assert recorder.ended[-1] == "fit"
    assert not recorder.is_set_up
    assert_allclose(recorder.scores[-1], -expected.inertia_)
    assert_array_equal(ours.labels_, expected.labels_)
    # An iteration reports the model that it reached: scores rise within a run.
    first = recorder.scores[: recorder.ended.index("run")]
    assert np.all(np.diff(first) >= -1e-9 * abs(first[0]))

    ours.set_callbacks(Recorder(stop_after=2)).fit(X)
    assert ours.n_iter_ == 2
