"""The comparison: what is fitted, counted, divided, said and written."""

import csv
import errno
import io
import os
import warnings

import numpy as np
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from skfrugal.inspection import (
    ComparedModel,
    Comparison,
    InputError,
    check_writable,
    compare,
    conclusions,
    predict_microseconds,
    save,
    to_text,
)
from skfrugal.metrics import model_cost

COLUMNS = (
    "task,model,score,stored_values,bytes,multiply_adds,fit_seconds,"
    "predict_microseconds,ratio_stored_values,ratio_bytes,ratio_multiply_adds,"
    "ratio_fit,ratio_predict"
)
RNG = np.random.RandomState(0)
X = RNG.standard_normal((80, 6))
Y = X[:, 0] + 0.1 * RNG.standard_normal(80)

DENSE = ComparedModel("cluster", "KMeans", 0.9, 600, 4800, 600, 2.0, 8.0)
FRUGAL = ComparedModel("cluster", "Quick", 0.8, 100, 1600, 300, 4.0, 2.0, True)
PEER = ComparedModel("cluster", "Small", 0.85, 100, 800, 100, 1.0, 1.0)
TABLE = Comparison((DENSE, FRUGAL, PEER))


class Timid(TransformerMixin, BaseEstimator):
    """A model of ours that warns, twice of one thing and once of another."""

    __module__ = "skfrugal.nowhere"

    def fit(self, X, y=None):
        for i in range(2):
            warnings.warn(f"Not yet {i}.", ConvergenceWarning, stacklevel=1)
        warnings.warn("Few rows. Give\nmore", UserWarning, stacklevel=1)
        warnings.warn("old", DeprecationWarning, stacklevel=1)
        self.coef_ = np.ones(X.shape[1])
        return self

    def transform(self, X):
        return X

    def score(self, X, y=None):
        warnings.warn("scored", UserWarning, stacklevel=1)
        return 0.5


def test_compare_reports_what_the_models_score_and_cost():
    models = [("dense", Ridge()), ("chain", make_pipeline(PCA(2), Ridge()))]
    table = compare(models, X[:50], X[50:], Y[:50], Y[50:], n_repeats=1)
    for row, (name, model) in zip(table.rows, models, strict=True):
        model.fit(X[:50], Y[:50])
        cost = model_cost(model)
        assert (row.task, row.model) == ("regress", name)
        assert row.score == model.score(X[50:], Y[50:])
        assert row.stored_values == cost.stored_values
        assert row.bytes == cost.nbytes
        assert row.multiply_adds == cost.multiply_adds
        assert row.fit_seconds > 0 < row.predict_microseconds
        assert not row.is_frugal


def test_compare_clones_its_models_and_leaves_the_rows_alone():
    before, model = X.copy(), PCA(2)
    compare([("a", model)], X[:50], X[50:], scoring=lambda m, X, y: 1.0, n_repeats=1)
    assert not hasattr(model, "components_")
    np.testing.assert_array_equal(X, before)


@pytest.mark.parametrize(
    ("model", "task"),
    [
        (PCA(2), "transform"),
        (KMeans(2), "cluster"),
        (Ridge(), "regress"),
        (make_pipeline(PCA(2), Ridge()), "regress"),
        (LogisticRegression(), "classify"),
    ],
    ids=str,
)
def test_compare_reads_the_task_off_the_reference(model, task):
    y = Y > 0 if task == "classify" else Y
    table = compare([("m", model)], X, X, y, y, n_repeats=1)
    assert [row.task for row in table.rows] == [task]


def test_compare_builds_a_baseline_from_the_models_before_it():
    def as_costly(fitted):
        assert list(fitted) == ["two"]
        return PCA(model_cost(fitted["two"]).multiply_adds // 6)

    table = compare([("two", PCA(2)), ("three", as_costly)], X, X, n_repeats=1)
    assert table.rows[1].stored_values == 6 * (3 + 1)


def test_compare_knows_frugal_models_alone_and_inside_others():
    inside = make_pipeline(PCA(2), Timid())
    search = GridSearchCV(Timid(), {}, cv=2)
    models = [("ours", Timid()), ("chain", inside), ("search", search), ("pca", PCA(2))]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = compare(models, X, X, n_repeats=1)
    assert [row.is_frugal for row in table.rows] == [True, True, True, False]


def test_compare_collects_warnings_each_kind_once():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = compare([("timid", Timid())], X, X, n_repeats=1)
    assert sorted(table.warnings) == [
        "timid: Few rows",
        "timid: scored",
        "timid: stopped before it converged",
    ]


def test_compare_tells_its_progress():
    told = []
    compare([("a", PCA(2))], X, X, n_repeats=1, progress=told.append)
    assert told == ["fitting a", "timing predictions", "scoring a"]


def test_compare_names_the_model_that_cannot_be_fitted():
    with pytest.raises(ValueError, match=r"^big could not be fitted: .*n_components"):
        compare([("small", PCA(2)), ("big", PCA(200))], X, X)
    with pytest.raises(ValueError, match="models is empty"):
        compare([], X, X)


def test_predict_microseconds_takes_turns_and_returns_one_number_a_model():
    turns = []

    class Slow:
        def __init__(self, name):
            self.name = name

        def transform(self, X):
            turns.append(self.name)

    times = predict_microseconds([Slow("a"), Slow("b")], X, n_repeats=3)
    assert turns == ["a", "b"] * 4
    assert len(times) == 2
    assert all(t > 0 for t in times)


def test_ratios_are_dense_over_frugal():
    assert TABLE.ratios(FRUGAL) == {
        "stored_values": 6.0,
        "bytes": 3.0,
        "multiply_adds": 2.0,
        "fit": 0.5,
        "predict": 4.0,
    }
    assert set(TABLE.ratios(DENSE).values()) == {1.0}


def test_ratios_refer_to_the_first_row_of_the_same_task():
    other = ComparedModel("regress", "KR", 1.0, 10, 80, 10, 1.0, 1.0)
    table = TABLE + Comparison((other,), ("said",))
    assert table.warnings == ("said",)
    assert table.reference(other) is other
    assert table.reference(PEER) is DENSE
    assert set(table.ratios(other).values()) == {1.0}


def test_csv_has_the_columns_of_the_contract_and_every_figure():
    text = TABLE.to_csv()
    assert text.splitlines()[0] == COLUMNS
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["model"] for row in rows] == ["KMeans", "Quick", "Small"]
    assert float(rows[1]["score"]) == 0.8
    assert rows[1]["bytes"] == "1600"
    assert float(rows[1]["ratio_predict"]) == 4.0
    assert [list(map(str, record.values())) for record in TABLE.to_records()] == [
        list(row.values()) for row in rows
    ]


def test_text_shows_figures_and_ratios_in_88_columns():
    lines = to_text(TABLE).splitlines()
    assert max(map(len, lines)) <= 88
    (figures,) = (i for i, line in enumerate(lines) if line.startswith("Quick"))
    assert lines[figures].split() == [
        "Quick",
        "0.8000",
        "100",
        "1,600",
        "300",
        "4.000",
        "2.00",
    ]
    assert lines[figures + 1].replace("x ", "").split() == [
        "6.00",
        "3.00",
        "2.00",
        "0.50",
        "4.00",
    ]
    (dense,) = (i for i, line in enumerate(lines) if line.startswith("KMeans"))
    assert dense == figures - 1  # the reference has no line of ratios


def test_conclusions_are_three_and_follow_from_the_figures():
    gained, lost, others = conclusions(TABLE)
    assert gained == (
        "Gained beside the dense twin: Quick stores 6.0 times fewer values, computes "
        "2.0 times fewer multiply-adds a row and predicts 4.0 times faster."
    )
    assert lost == (
        "Lost: Quick fits 2.0 times slower and scores 0.800 where KMeans scores 0.900."
    )
    assert "where score and fit time count (KMeans)" in others
    assert "Small scores 0.850 (Quick 0.800)" in others


def test_conclusions_say_so_when_nothing_is_lost():
    better = ComparedModel("cluster", "Quick", 0.95, 100, 1600, 300, 2.1, 7.5, True)
    gained, lost, others = conclusions(Comparison((DENSE, better)))
    assert "scores 0.950 where KMeans scores 0.900" in gained
    assert lost == "Lost: nothing in this table."
    assert others == ("The dense twin remains the better choice nowhere in this table.")


def test_conclusions_name_equal_savings_once():
    tenth = ComparedModel("transform", "Fast", 0.9, 60, 480, 60, 30.0, 8.0, True)
    dense = ComparedModel("transform", "PCA", 0.9, 600, 4800, 600, 2.0, 16.0)
    assert conclusions(Comparison((dense, tenth)))[:2] == [
        "Gained beside the dense twin: Fast stores and computes 10 times less and "
        "transforms 2.0 times faster.",
        "Lost: Fast fits 15 times slower.",
    ]


def test_conclusions_group_the_dense_twins_that_win_alike():
    dense = ComparedModel("regress", "Kernel", 0.9, 600, 4800, 600, 2.0, 8.0)
    slow = ComparedModel("regress", "Fast", 0.8, 600, 4800, 600, 4.0, 8.0, True)
    table = Comparison((DENSE, FRUGAL, dense, slow))
    assert "where score and fit time count (KMeans, Kernel)" in conclusions(table)[2]


def test_conclusions_do_not_call_noise_a_gain():
    same = ComparedModel("cluster", "Quick", 0.9004, 600, 4800, 600, 2.2, 7.0, True)
    assert conclusions(Comparison((DENSE, same)))[:2] == [
        "Gained beside the dense twin: nothing in this table.",
        "Lost: nothing in this table.",
    ]


def _no_space(*arguments):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_save_writes_both_files_and_nothing_else(tmp_path):
    directory = tmp_path / "new" / "place"
    (sentence,) = save(TABLE, directory)
    assert sorted(os.listdir(directory)) == ["skfrugal.csv", "skfrugal.png"]
    assert (directory / "skfrugal.csv").read_text() == TABLE.to_csv()
    assert (directory / "skfrugal.png").read_bytes().startswith(b"\x89PNG")
    assert str(directory / "skfrugal.csv") in sentence


def test_save_leaves_what_was_there_when_it_fails(tmp_path, monkeypatch):
    for name in ("skfrugal.csv", "skfrugal.png"):
        (tmp_path / name).write_text("old")
    monkeypatch.setattr(os, "replace", _no_space)
    with pytest.raises(InputError, match="no space left on device"):
        save(TABLE, tmp_path)
    assert sorted(os.listdir(tmp_path)) == ["skfrugal.csv", "skfrugal.png"]
    assert (tmp_path / "skfrugal.csv").read_text() == "old"
    assert (tmp_path / "skfrugal.png").read_text() == "old"


def test_save_removes_the_directories_it_made_when_it_fails(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "replace", _no_space)
    with pytest.raises(InputError):
        save(TABLE, tmp_path / "a" / "b")
    assert os.listdir(tmp_path) == []


def test_check_writable_refuses_a_file_and_a_directory_in_the_way(tmp_path):
    (tmp_path / "file").write_text("")
    for directory in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(InputError, match="cannot be written to"):
            check_writable(directory)
    (tmp_path / "skfrugal.png").mkdir()
    with pytest.raises(InputError, match=r"a directory named skfrugal\.png"):
        check_writable(tmp_path)
    check_writable(tmp_path / "fine")
    assert not (tmp_path / "fine").exists()
