"""A user's table as rows of numbers: read, cleaned, split and standardised."""

import os
import warnings

import numpy as np
from sklearn.compose import make_column_transformer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skfrugal.inspection._datasets import InputError, JobData, Rows

MIN_ROWS = 20
HELD_OUT = 0.3
# Rows kept, for fitting and held out: `KernelRidge` is cubic in them.
MAX_ROWS = (10_000, 5_000)
MAX_REGRESSION_ROWS = (2_000, 2_000)
MAX_CATEGORIES = 20
MISSING = ["?"]


def load_table(path, target=None, *, random_state=None):
    """Read a CSV or Parquet file into rows of numbers.

    Rows are split at random, three in ten held out. Missing numbers become the
    median, missing text the most frequent value of the column; text becomes one-hot
    columns (rare values together beyond 20); all features and the target are
    standardised. What is learnt for this is learnt from the training rows.

    Parameters
    ----------
    path : str or path-like
        A file that ends in .csv or .parquet.
    target : str, default=None
        Column to predict, of numbers. It is no feature.
    random_state : int, RandomState instance or None, default=None
        Draws the split.

    Returns
    -------
    data : JobData
        `unavailable` says why a task cannot be done, "regress" without a numeric
        target for example; `notes` say what was done to the table.

    Raises
    ------
    InputError
        If the table cannot be used; the message is one line that says what to do.
    """
    frame = _read(path)
    file = os.path.basename(os.fspath(path))
    notes, unavailable = [], {}
    y = None
    if target is None:
        unavailable["regress"] = "regress needs a column to predict: give --target"
    else:
        frame, y = _take_target(frame, target, file, notes)
        if y is None:
            unavailable["regress"] = (
                f"--target {target} holds no numbers, and regress needs them; choose a "
                "numeric column, or --task transform or cluster"
            )
    frame = _clean(frame, file, notes)
    train, test = train_test_split(
        np.arange(len(frame)), test_size=HELD_OUT, random_state=random_state
    )
    if len(train) > MAX_ROWS[0] or len(test) > MAX_ROWS[1]:
        train, test = train[: MAX_ROWS[0]], test[: MAX_ROWS[1]]
        notes.append(
            f"{len(train)} training rows and {len(test)} held-out rows were drawn from "
            f"the {len(frame)} of the table."
        )
    X_train, X_test = _to_numbers(frame, train, test, notes)
    rows = {}
    if X_train.shape[1] > 1:
        rows["transform"] = rows["cluster"] = Rows(X_train, X_test)
    else:
        reason = f"{{}} needs two features or more, and {file} leaves one"
        unavailable |= {task: reason.format(task) for task in ("transform", "cluster")}
    if y is not None:
        rows["regress"] = _regression(X_train, X_test, y[train], y[test], target, notes)
        notes.append("Features and target were standardised.")
    else:
        notes.append("Features were standardised.")
    return JobData(f"{file}, {len(frame)} rows", rows, unavailable, tuple(notes))


def _read(path):
    try:
        import pandas as pd
    except ImportError:
        raise InputError(
            "reading a table needs pandas: python -m pip install 'skfrugal[plot]'"
        ) from None
    readers = {
        ".csv": lambda: pd.read_csv(path, na_values=MISSING, low_memory=False),
        ".parquet": lambda: pd.read_parquet(path),
    }
    extension = os.path.splitext(path)[1].lower()
    if extension not in readers:
        raise InputError(
            f"--data {path}: the name ends in {extension or 'no extension'}; give a "
            "file that ends in .csv or .parquet"
        )
    if not os.path.isfile(path):
        kind = "is a directory" if os.path.isdir(path) else "does not exist"
        raise InputError(f"--data {path} {kind}; give a CSV or Parquet file")
    try:
        frame = readers[extension]()
    except ImportError:
        raise InputError(
            "reading Parquet needs pyarrow: python -m pip install pyarrow"
        ) from None
    except PermissionError:
        raise InputError(
            f"--data {path} may not be read; change its permissions"
        ) from None
    # Readers raise many types, ArrowInvalid and UnicodeDecodeError among them.
    except (ValueError, OSError) as error:
        raise InputError(
            f"--data {path} cannot be read as a table ({_first_line(error)}); give a "
            "CSV file with a header line, or a Parquet file"
        ) from None
    frame.columns = [str(column) for column in frame.columns]
    _check_table(frame, path)
    return frame.reset_index(drop=True)


def _check_table(frame, path):
    if not len(frame):
        raise InputError(f"--data {path} holds no rows; give a table with some")
    if len(frame.columns) == 1:
        for separator, name in ((";", "semicolons"), ("\t", "tabs")):
            if separator in frame.columns[0]:
                raise InputError(
                    f"--data {path} is separated by {name}; save it with commas"
                )
    if not frame.columns.is_unique:
        twice = frame.columns[frame.columns.duplicated()][0]
        raise InputError(f"--data {path} has two columns named {twice!r}; rename one")


def _first_line(error):
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")


def _take_target(frame, target, file, notes):
    """Split off the target; drop the rows that lack it. None where it is text."""
    if target not in frame.columns:
        raise InputError(
            f"--target {target}: {file} has no such column; its columns are "
            f"{', '.join(frame.columns)}"
        )
    y, frame = frame[target], frame.drop(columns=target)
    if not _is_number(y):
        return frame, None
    y = y.astype(float).to_numpy(na_value=np.nan)
    known = np.isfinite(y)
    if not known.all():
        notes.append(f"{(~known).sum()} rows without a value of {target} were dropped.")
    y = y[known]
    if not y.size or y.min() == y.max():
        value = f"is {y[0]:g} in every row" if y.size else "has no value in any row"
        raise InputError(
            f"--target {target} {value}: nothing to predict; choose another of "
            f"{', '.join(frame.columns)}"
        )
    return frame[known].reset_index(drop=True), y


def _is_number(column):
    return column.dtype.kind in "biuf"


def _clean(frame, file, notes):
    """Dates to numbers; empty, constant and identifying columns out."""
    columns, dropped, dates = {}, [], []
    for name, column in frame.items():
        if column.dtype.kind == "M":
            column = (column - column.min()).dt.total_seconds()
            dates.append(name)
        elif _is_number(column):
            column = column.astype(float).replace([np.inf, -np.inf], np.nan)
        else:
            column = column.astype(object).where(column.notna(), np.nan)
            column = column.map(str, na_action="ignore")
        n_values = column.nunique()
        if n_values < 2 or (n_values == len(column) and not _is_number(column)):
            dropped.append(name)
        else:
            columns[name] = column
    if len(frame) < MIN_ROWS:
        raise InputError(
            f"{file} has {len(frame)} rows to use; give at least {MIN_ROWS}"
        )
    if not columns:
        raise InputError(
            f"{file} has no column to learn from (empty, constant and identifying ones "
            f"are dropped: {', '.join(dropped) or 'none is left beside the target'}); "
            "give a table with features that vary"
        )
    if dropped:
        notes.append(
            f"Columns that are empty, constant or an identifier were dropped: "
            f"{', '.join(dropped)}."
        )
    if dates:
        notes.append(f"Dates were read as seconds: {', '.join(dates)}.")
    return type(frame)(columns)


def _to_numbers(frame, train, test, notes):
    """Impute, one-hot and standardise by what the training rows say."""
    text = [name for name in frame if not _is_number(frame[name])]
    incomplete = [name for name in frame if frame[name].isna().any()]
    for name in incomplete:
        known = frame[name].iloc[train].dropna()
        if not len(known):
            known = frame[name].dropna()
        fill = known.mode().iloc[0] if name in text else known.median()
        frame[name] = frame[name].fillna(fill)
    if incomplete:
        notes.append(
            "Missing values were imputed (median of numbers, most frequent text): "
            f"{', '.join(incomplete)}."
        )
    if text:
        notes.append(f"Columns that are not numeric became one-hot: {', '.join(text)}.")
    encoder = OneHotEncoder(
        sparse_output=False,
        handle_unknown="infrequent_if_exist",
        max_categories=MAX_CATEGORIES,
    )
    prepare = make_column_transformer((encoder, text), remainder="passthrough")
    scaler = StandardScaler()
    X_train = scaler.fit_transform(prepare.fit_transform(frame.iloc[train]))
    with warnings.catch_warnings():
        # A value that only held-out rows have counts as a rare one; that is no news.
        warnings.filterwarnings("ignore", "Found unknown categories", UserWarning)
        return X_train, scaler.transform(prepare.transform(frame.iloc[test]))


def _regression(X_train, X_test, y_train, y_test, target, notes):
    if y_train.min() == y_train.max():
        raise InputError(
            f"--target {target} is {y_train[0]:g} in every training row; choose a "
            "target that varies more, or give more rows"
        )
    n_train, n_test = MAX_REGRESSION_ROWS
    if len(X_train) > n_train:
        notes.append(
            f"regress uses {n_train} training rows: KernelRidge is cubic in them."
        )
    shift, scale = y_train[:n_train].mean(), y_train[:n_train].std()
    return Rows(
        X_train[:n_train],
        X_test[:n_test],
        (y_train[:n_train] - shift) / scale,
        (y_test[:n_test] - shift) / scale,
    )
