"""The main job: what is printed, what is written, how it ends."""

import os
import signal
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from main_job import csv_rows, houses, refused, run

import skfrugal.__main__
from skfrugal.__main__ import main

HEADER = (
    "task,model,score,stored_values,bytes,multiply_adds,fit_seconds,"
    "predict_microseconds,ratio_stored_values,ratio_bytes,ratio_multiply_adds,"
    "ratio_fit,ratio_predict"
)


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "houses.csv"
    houses().to_csv(path, index=False)
    return path


def test_csv_with_text_and_gaps_runs_every_task_and_says_what_was_done(
    table, tmp_path, capsys
):
    status, out, err = run(
        capsys, "--data", table, "--target", "price", "--output", tmp_path / "out"
    )
    assert status == 0
    assert "2 rows without a value of price were dropped." in out
    assert "median of numbers, most frequent text): area, town, age." in out
    assert "not numeric became one-hot: town." in out
    assert "an identifier were dropped: key, empty, country." in out
    assert "standardised" in out
    assert "fitting KernelRidge\n" in err
    rows = csv_rows(tmp_path / "out")
    assert [row["task"] for row in rows] == 4 * ["transform"] + 4 * ["cluster"] + 4 * [
        "regress"
    ]
    scores = {row["model"]: float(row["score"]) for row in rows}
    assert scores["KernelRidge"] > 0.8
    assert scores["FrugalKernelRidge"] > 0.8
    assert len(out.split("\n\n")[1].replace("\n", " ").split(". ")) >= 3


def test_parquet_gives_the_same_scores_as_csv(table, tmp_path, capsys):
    parquet = tmp_path / "houses.parquet"
    pd.read_csv(table).to_parquet(parquet)
    scores = []
    for data, out in ((table, tmp_path / "a"), (parquet, tmp_path / "b")):
        job = ("--data", data, "--target", "price", "--output", out, "--quiet")
        assert run(capsys, *job, "--task", "transform")[0] == 0
        scores.append([row["score"] for row in csv_rows(out)])
    assert scores[0] == scores[1]


def test_scores_and_counts_depend_on_the_random_state_alone(table, tmp_path, capsys):
    columns = ("model", "score", "stored_values", "bytes", "multiply_adds")
    results = []
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        out = tmp_path / name
        job = ("--data", table, "--target", "price", "--random-state", seed)
        assert run(capsys, *job, "--output", out, "--quiet")[0] == 0
        results.append([[row[column] for column in columns] for row in csv_rows(out)])
    assert results[0] == results[1]
    assert results[0] != results[2]


def test_csv_columns_and_ratios_are_those_of_the_contract(table, tmp_path, capsys):
    out = tmp_path / "out"
    run(capsys, "--data", table, "--task", "cluster", "--output", out, "--quiet")
    assert (out / "skfrugal.csv").read_text().splitlines()[0] == HEADER
    dense, *others = csv_rows(out)
    for row in others:
        for cost, ratio in (
            ("stored_values", "ratio_stored_values"),
            ("bytes", "ratio_bytes"),
            ("multiply_adds", "ratio_multiply_adds"),
            ("fit_seconds", "ratio_fit"),
            ("predict_microseconds", "ratio_predict"),
        ):
            assert float(row[ratio]) == float(dense[cost]) / float(row[cost])


def test_quiet_prints_the_table_and_three_sentences_only(table, tmp_path, capsys):
    job = ("--data", table, "--task", "transform", "--output", tmp_path / "out")
    status, out, err = run(capsys, *job, "--quiet")
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].split() == (
        "score stored values bytes multiply-adds fit s predict us".split()
    )
    assert max(map(len, lines)) <= 88
    words = " ".join(lines[lines.index("") + 1 :])
    assert words.startswith("Gained beside the dense twin: ")
    assert words.index("Lost: ") < words.index("The dense twin remains")


def test_without_target_there_is_no_regress_and_it_is_said(table, tmp_path, capsys):
    status, out, _ = run(capsys, "--data", table, "--output", tmp_path / "out")
    assert status == 0
    assert "Left out: regress needs a column to predict: give --target." in out
    tasks = {row["task"] for row in csv_rows(tmp_path / "out")}
    assert tasks == {"transform", "cluster"}


def test_budget_bounds_what_structured_models_store(table, tmp_path, capsys):
    stored = []
    for budget in (0.5, 1.0):
        out = tmp_path / str(budget)
        job = ("--data", table, "--target", "price", "--budget", budget)
        assert run(capsys, *job, "--output", out, "--quiet")[0] == 0
        stored.append({r["model"]: int(r["stored_values"]) for r in csv_rows(out)})
    for name in ("QuickKMeans (structured)", "FrugalKernelRidge"):
        assert stored[0][name] < stored[1][name]
    # The centroids, without their squared norms.
    n_clusters = 6
    dense = stored[0]["KMeans"] - n_clusters
    assert stored[0]["QuickKMeans (structured)"] - n_clusters <= dense / 2


def test_target_of_text_is_left_out_of_transform_and_cluster(table, tmp_path, capsys):
    out = tmp_path / "out"
    job = ("--data", table, "--target", "town", "--output", out)
    status, printed, _ = run(capsys, *job, "--task", "transform")
    assert status == 0
    assert "town" not in printed


def test_default_job_runs_and_writes(tmp_path, capsys):
    status, out, _ = run(capsys, "--output", tmp_path)
    assert status == 0
    assert "Data: patches of scikit-learn's two photographs." in out
    assert sorted(os.listdir(tmp_path)) == ["skfrugal.csv", "skfrugal.png"]
    scores = {row["model"]: float(row["score"]) for row in csv_rows(tmp_path)}
    for twin in ("PCA (same multiply-adds)", "PCA (thresholded)"):
        assert scores["ButterflyTransformer"] > scores[twin]
    assert scores["ButterflyTransformer"] > scores["PCA"] - 0.005
    np.testing.assert_allclose(scores["QuickKMeans"], scores["KMeans"], atol=2e-3)
    assert scores["FrugalKernelRidge"] > scores["Ridge (no kernel)"] + 0.05
    assert scores["FrugalKernelRidge"] > scores["KernelRidge"] - 0.01


def test_without_matplotlib_the_csv_is_written_and_the_extra_named(
    table, tmp_path, capsys, monkeypatch
):
    for name in [name for name in sys.modules if name.startswith("matplotlib")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    out = tmp_path / "out"
    job = ("--data", table, "--task", "cluster", "--output", out)
    status, printed, _ = run(capsys, *job)
    assert status == 0
    assert os.listdir(out) == ["skfrugal.csv"]
    assert "python -m pip install 'skfrugal[plot]'" in printed


def test_without_pandas_the_extra_is_named(table, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    err = refused(capsys, "--data", table)
    assert "pandas: python -m pip install 'skfrugal[plot]'" in err


def test_without_pyarrow_it_is_named(tmp_path, capsys, monkeypatch):
    path = tmp_path / "a.parquet"
    path.write_bytes(b"PAR1")

    def missing(path):
        raise ImportError

    monkeypatch.setattr(pd, "read_parquet", missing)
    assert "python -m pip install pyarrow" in refused(capsys, "--data", path)


def test_interrupt_ends_quietly_with_130(capsys, monkeypatch):
    def interrupt(*arguments, **keywords):
        raise KeyboardInterrupt

    monkeypatch.setattr(skfrugal.__main__, "compare_tasks", interrupt)
    status, _, err = run(capsys, "--quiet")
    assert (status, err) == (130, "")


def test_progress_is_one_line_on_a_terminal(table, capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    status, _, err = run(capsys, "--data", table, "--task", "cluster")
    assert status == 0
    assert "\n" not in err
    assert err.startswith("\r\x1b[Kfitting KMeans ...")
    assert err.endswith("\r\x1b[K")


def test_help_says_what_there_is(capsys):
    with pytest.raises(SystemExit) as exit_:
        main(["--help"])
    assert exit_.value.code == 0
    out = capsys.readouterr().out
    for option in (
        *("--data", "--target", "--task", "--budget", "--output", "--random-state"),
        "--quiet",
    ):
        assert option in out


def _job(*arguments, **keywords):
    command = [sys.executable, "-m", "skfrugal", *map(str, arguments)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **keywords
    )


def test_command_refuses_with_status_2_and_one_line(tmp_path):
    job = _job("--data", tmp_path / "no.csv", "--output", tmp_path / "out")
    out, err = job.communicate(timeout=60)
    assert job.returncode == 2
    assert out == b""
    assert err.count(b"\n") == 1
    assert os.listdir(tmp_path) == []


def test_command_survives_a_reader_that_goes_away(table):
    job = _job("--data", table, "--task", "transform")
    job.stdout.close()
    err = job.stderr.read()
    job.wait(timeout=60)
    assert job.returncode == 1
    assert b"Traceback" not in err
    assert b"Exception ignored" not in err


def test_command_interrupted_ends_quietly(tmp_path):
    job = _job("--output", tmp_path / "out")
    for line in job.stderr:  # it has begun
        if line.startswith(b"fitting"):
            break
    job.send_signal(signal.SIGINT)
    out, err = job.communicate(timeout=60)
    assert job.returncode == 130
    assert b"Traceback" not in err
    assert b"Gained" not in out
    assert not (tmp_path / "out").exists()
