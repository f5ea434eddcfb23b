"""Every bad input: one line on stderr, status 2, nothing half written."""

import os

import numpy as np
import pandas as pd
import pytest
from main_job import houses, refused, run
from sklearn.model_selection import train_test_split

from skfrugal.inspection import load_table


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "houses.csv"
    houses().to_csv(path, index=False)
    return path


def test_file_that_is_not_there_is_refused(tmp_path, capsys):
    assert "does not exist" in refused(capsys, "--data", tmp_path / "no.csv")
    (tmp_path / "d.csv").mkdir()
    assert "is a directory" in refused(capsys, "--data", tmp_path / "d.csv")


@pytest.mark.parametrize("name", ["table.xlsx", "table", "table.csv.txt"])
def test_unknown_extension_is_refused(tmp_path, capsys, name):
    (tmp_path / name).write_text("a,b\n1,2\n")
    assert ".csv or .parquet" in refused(capsys, "--data", tmp_path / name)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.csv", b""),
        ("blank.csv", b"\n\n"),
        ("binary.csv", bytes(range(256)) * 20),
        ("ragged.csv", b"a,b\n1,2\n1,2,3,4\n"),
        ("text.parquet", b"a,b\n1,2\n"),
        ("empty.parquet", b""),
    ],
)
def test_file_that_is_no_table_is_refused(tmp_path, capsys, name, content):
    (tmp_path / name).write_bytes(content)
    assert "cannot be read as a table" in refused(capsys, "--data", tmp_path / name)


@pytest.mark.parametrize(("separator", "name"), [(";", "semicolons"), ("\t", "tabs")])
def test_other_separators_are_named(tmp_path, capsys, separator, name):
    houses().to_csv(tmp_path / "t.csv", sep=separator, index=False)
    assert f"separated by {name}" in refused(capsys, "--data", tmp_path / "t.csv")


def test_missing_column_is_refused_with_those_that_exist(table, capsys):
    err = refused(capsys, "--data", table, "--target", "cost")
    assert "no such column" in err
    assert "key, area, rooms, town, new, age, empty, country, price" in err


def test_target_without_data_is_refused(capsys):
    assert "give --data FILE" in refused(capsys, "--target", "price")


def test_regress_without_target_is_refused(table, capsys):
    err = refused(capsys, "--data", table, "--task", "regress")
    assert "give --target" in err


@pytest.mark.parametrize("task", ["all", "regress"])
def test_target_of_text_is_refused(table, capsys, task):
    job = ("--data", table, "--target", "town", "--task", task)
    assert "holds no numbers" in refused(capsys, *job)


def test_table_without_rows_is_refused(tmp_path, capsys):
    (tmp_path / "none.csv").write_text("a,b,c\n")
    err = refused(capsys, "--data", tmp_path / "none.csv", "--target", "c")
    assert "no rows" in err


def test_too_few_rows_are_refused(tmp_path, capsys):
    houses(12).to_csv(tmp_path / "few.csv", index=False)
    err = refused(capsys, "--data", tmp_path / "few.csv", "--target", "price")
    assert "10 rows to use; give at least 20" in err


def test_the_fewest_rows_allowed_are_enough(tmp_path, capsys):
    houses(22).to_csv(tmp_path / "few.csv", index=False)
    job = ("--data", tmp_path / "few.csv", "--target", "price", "--quiet")
    assert run(capsys, *job)[0] == 0


@pytest.mark.parametrize(
    ("values", "words"),
    [(4.0, "is 4 in every row"), (np.nan, "has no value in any row")],
)
def test_target_that_says_nothing_is_refused(tmp_path, capsys, values, words):
    houses().assign(price=values).to_csv(tmp_path / "t.csv", index=False)
    err = refused(capsys, "--data", tmp_path / "t.csv", "--target", "price")
    assert words in err


def test_target_that_is_constant_on_the_training_rows_is_refused(tmp_path, capsys):
    frame = houses()
    train, test = train_test_split(frame.index, test_size=0.3, random_state=0)
    path = tmp_path / "t.csv"
    frame.assign(price=frame.index == test[0]).to_csv(path, index=False)
    err = refused(capsys, "--data", path, "--target", "price")
    assert "is 0 in every training row" in err
    frame.assign(price=frame.index == train[0]).to_csv(path, index=False)
    assert np.ptp(load_table(path, "price", random_state=0).rows["regress"].y_train) > 0


def test_table_whose_columns_all_go_is_refused(tmp_path, capsys):
    frame = houses()[["key", "empty", "country", "price"]]
    frame.to_csv(tmp_path / "t.csv", index=False)
    err = refused(capsys, "--data", tmp_path / "t.csv", "--target", "price")
    assert "no column to learn from" in err
    assert "key, empty, country" in err


def test_single_feature_cannot_be_transformed_but_regressed(tmp_path, capsys):
    houses()[["area", "price"]].to_csv(tmp_path / "t.csv", index=False)
    job = ("--data", tmp_path / "t.csv", "--target", "price")
    assert "two features or more" in refused(capsys, *job, "--task", "transform")
    assert run(capsys, *job, "--quiet")[0] == 0


def test_columns_of_one_name_are_refused(tmp_path, monkeypatch, capsys):
    frame = pd.DataFrame(np.ones((30, 2)), columns=["a", "a"])
    monkeypatch.setattr(pd, "read_csv", lambda *a, **k: frame)
    (tmp_path / "t.csv").write_text("a")
    assert "two columns named 'a'" in refused(capsys, "--data", tmp_path / "t.csv")


@pytest.mark.parametrize("budget", ["0", "-3", "1.5", "0.0", "nan", "inf", "much", ""])
def test_bad_budget_is_refused(table, capsys, budget):
    err = refused(capsys, "--data", table, f"--budget={budget}")
    assert "--budget" in err
    assert "fraction" in err


def test_budget_in_which_no_structure_fits_is_refused(table, capsys):
    err = run(capsys, "--data", table, "--task", "cluster", "--budget", "1", "--quiet")
    assert err[0] == 2
    assert err[1] == ""
    assert err[2].count("\n") == 1
    assert "budget" in err[2]


@pytest.mark.parametrize("seed", ["-1", "4294967296", "1.5", "x"])
def test_bad_random_state_is_refused(capsys, seed):
    assert "0 to 4294967295" in refused(capsys, f"--random-state={seed}")


@pytest.mark.parametrize(
    "arguments", [["--task", "sort"], ["--dta", "x"], ["extra"], ["--data"]]
)
def test_bad_arguments_are_one_line(capsys, arguments):
    assert "--help" in refused(capsys, *arguments)


def test_unwritable_output_is_refused_before_anything_is_computed(
    table, tmp_path, capsys
):
    (tmp_path / "file").write_text("kept")
    for directory in ("file", "file/below", ""):
        where = tmp_path / directory if directory else ""
        err = refused(capsys, "--data", table, "--output", where)
        assert "where you may write" in err
    assert (tmp_path / "file").read_text() == "kept"


def test_output_that_fails_in_the_end_leaves_nothing(
    table, tmp_path, capsys, monkeypatch
):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    out = tmp_path / "new"
    status, printed, err = run(
        capsys, "--data", table, "--task", "cluster", "--output", out, "--quiet"
    )
    assert (status, printed) == (2, "")
    assert "no space left on device" in err
    assert not out.exists()
