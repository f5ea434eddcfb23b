"""A table as users have them, and the main job as the tests call it."""

import csv

import numpy as np
import pandas as pd

from skfrugal.__main__ import main


def houses(n_rows=90):
    """A table as users have them: numbers, text, dates, gaps, an identifier."""
    rng = np.random.RandomState(0)
    area, rooms = rng.uniform(30, 200, n_rows), rng.randint(1, 7, n_rows)
    town = rng.choice(["Lyon", "Marseille", "Nice"], n_rows)
    frame = pd.DataFrame(
        {
            "key": [f"house-{i}" for i in range(n_rows)],
            "area": area,
            "rooms": rooms,
            "town": town,
            "new": rng.rand(n_rows) < 0.5,
            "age": rng.gamma(2, 20, n_rows),
            "empty": np.nan,
            "country": "France",
            "price": 3 * area + 20 * rooms + 50 * (town == "Nice") + rng.rand(n_rows),
        }
    )
    frame.loc[3:9, "area"] = np.nan
    frame.loc[5, "age"] = np.inf
    frame.loc[7:9, "town"] = None
    frame.loc[[1, 4], "price"] = np.nan
    return frame


def run(capsys, *arguments):
    """Status, stdout and stderr of the job."""
    status = main([str(argument) for argument in arguments])
    return status, *capsys.readouterr()


def csv_rows(directory):
    with open(directory / "skfrugal.csv", newline="") as file:
        return list(csv.DictReader(file))


def refused(capsys, *arguments):
    """The one line on stderr of a job that must not run."""
    status, out, err = run(capsys, *arguments)
    assert status == 2
    assert out == ""
    assert err.startswith("skfrugal: ")
    assert err.count("\n") == 1
    assert err.endswith("\n")
    assert "Traceback" not in err
    return err
