"""A comparison in words, as a table of text, and as files."""

import io
import os
import tempfile
import uuid
from contextlib import suppress

from skfrugal.inspection._datasets import InputError

CSV_NAME = "skfrugal.csv"
PLOT_NAME = "skfrugal.png"

# Column of the table: heading, format, and the ratio that is printed below.
TABLE = (
    ("stored values", lambda row: f"{row.stored_values:,}", "stored_values"),
    ("bytes", lambda row: f"{row.bytes:,}", "bytes"),
    ("multiply-adds", lambda row: f"{row.multiply_adds:,}", "multiply_adds"),
    ("fit s", lambda row: f"{row.fit_seconds:.3f}", "fit"),
    ("predict us", lambda row: f"{row.predict_microseconds:.2f}", "predict"),
)
# What a ratio above 1 means, and below 1.
SPEEDS = {
    "fit": ("fits {} times faster", "fits {} times slower"),
    "predict": ("{verb} {} times faster", "{verb} {} times slower"),
}
WORDS = {
    "stored_values": ("stores {} times fewer values", "stores {} times more values"),
    "multiply_adds": (
        "computes {} times fewer multiply-adds a row",
        "computes {} times more multiply-adds a row",
    ),
} | SPEEDS
WORDS_IF_EQUAL = {
    "stored_values": (
        "stores and computes {} times less",
        "stores and computes {} times more",
    ),
} | SPEEDS
VERBS = {"transform": "transforms", "cluster": "predicts", "regress": "predicts"}
# A ratio nearer to 1 than this is neither a gain nor a loss; times are noisy.
CLEAR = {"stored_values": 1.05, "multiply_adds": 1.05, "fit": 1.2, "predict": 1.2}
SAME_SCORE = 1e-3


def to_text(comparison):
    """Format a comparison as a table of text, at most 88 columns wide.

    Parameters
    ----------
    comparison : Comparison
        The models, task by task.

    Returns
    -------
    text : str
        Two lines a model: its figures, and below them the dense twin's divided by
        its own, so that above 1 is a gain.
    """
    lines = [_line("", "score", [heading for heading, _, _ in TABLE])]
    task = None
    for row in comparison.rows:
        if row.task != task:
            task = row.task
            lines += ["-" * len(lines[0]), task]
        figures = [show(row) for _, show, _ in TABLE]
        lines.append(_line(row.model, f"{row.score:.4f}", figures))
        if row is not comparison.reference(row):
            ratios = comparison.ratios(row)
            figures = [f"x {_number(ratios[name])}" for _, _, name in TABLE]
            lines.append(_line("", "", figures))
    return "\n".join(line.rstrip() for line in lines)


def conclusions(comparison):
    """Say in three sentences what was gained, what was lost, and who else wins.

    Parameters
    ----------
    comparison : Comparison
        The models, task by task.

    Returns
    -------
    sentences : list of str
        Three, computed from the figures of the table.
    """
    gained, lost, others = [], [], []
    for row in comparison.rows:
        dense = comparison.reference(row)
        if row is dense:
            continue
        gains, losses = _gains_and_losses(comparison, row, dense)
        if row.is_frugal:
            gained.append(f"{row.model} {_join(gains)}" if gains else "")
            lost.append(f"{row.model} {_join(losses)}" if losses else "")
        else:
            others += [
                f"{row.model} scores {row.score:.3f} ({ours.model} {ours.score:.3f})"
                for ours in comparison.rows
                if ours.task == row.task and ours.is_frugal
            ][-1:]
    return [
        f"Gained beside the dense twin: {_clauses(gained)}.",
        f"Lost: {_clauses(lost)}.",
        f"The dense twin remains the better choice {_where_dense_wins(comparison)}"
        + (f"; as for the others, {_join(others)}" if others else "")
        + ".",
    ]


def save(comparison, directory):
    """Write a comparison as `skfrugal.csv` and `skfrugal.png`.

    Both files are written beside their places and then moved there, so that nothing is
    ever half written.

    Parameters
    ----------
    comparison : Comparison
        The models, task by task.
    directory : str or path-like
        Where to write; made if it is not there.

    Returns
    -------
    sentences : list of str
        What was written, and without matplotlib how to get the picture.

    Raises
    ------
    InputError
        If the directory cannot be written to.
    """
    contents = {CSV_NAME: comparison.to_csv().encode()}
    sentences = []
    try:
        contents[PLOT_NAME] = _picture(comparison)
    except ImportError:
        sentences.append(
            f"{PLOT_NAME} needs matplotlib: python -m pip install 'skfrugal[plot]'."
        )
    check_writable(directory)
    try:
        _write_all(contents, directory)
    except OSError as error:
        raise _unwritable(directory, error) from None
    paths = " and ".join(os.path.join(directory, name) for name in contents)
    return [f"Wrote {paths}.", *sentences]


def check_writable(directory):
    """Raise an `InputError` if files cannot be written in a directory yet to be made.

    Parameters
    ----------
    directory : str or path-like
        The directory; it is not made here.
    """
    if not os.fspath(directory):
        raise InputError("--output is empty; give a directory where you may write")
    for name in (CSV_NAME, PLOT_NAME):
        if os.path.isdir(os.path.join(directory, name)):
            raise InputError(
                f"--output {directory} holds a directory named {name}; move it away or "
                "give another directory"
            )
    existing = os.path.abspath(directory)
    while not os.path.lexists(existing):
        existing = os.path.dirname(existing)
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        raise _unwritable(directory, error) from None


def _unwritable(directory, error):
    reason = error.strerror or type(error).__name__
    return InputError(
        f"--output {directory} cannot be written to ({reason.lower()}); "
        "give a directory where you may write"
    )


def _write_all(contents, directory):
    """Write every file beside its place, then move them all; undo on failure."""
    made = _make(directory)
    temporary = {
        name: os.path.join(directory, f".{name}.{uuid.uuid4().hex}")
        for name in contents
    }
    try:
        for name, content in contents.items():
            with open(temporary[name], "xb") as file:
                file.write(content)
        for name, path in temporary.items():
            os.replace(path, os.path.join(directory, name))
    except BaseException:
        for path in temporary.values():
            with suppress(FileNotFoundError):
                os.unlink(path)
        for path in made:
            with suppress(OSError):
                os.rmdir(path)
        raise


def _make(directory):
    """Make a directory; return what was made, innermost first."""
    missing, path = [], os.path.abspath(directory)
    while not os.path.lexists(path):
        missing.append(path)
        path = os.path.dirname(path)
    os.makedirs(directory, exist_ok=True)
    return missing


def _picture(comparison):
    """Draw score against multiply-adds, one panel a task; return the PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    tasks = list(dict.fromkeys(row.task for row in comparison.rows))
    figure = Figure(figsize=(4.6 * len(tasks), 4), layout="constrained")
    canvas = FigureCanvasAgg(figure)
    for axes, task in zip(
        figure.subplots(1, len(tasks), squeeze=False)[0], tasks, strict=True
    ):
        for row in comparison.rows:
            if row.task != task:
                continue
            axes.scatter(
                row.multiply_adds,
                row.score,
                s=60,
                marker="o" if row.is_frugal else "s",
                label=row.model,
            )
        axes.set(
            xscale="log",
            title=task,
            xlabel="multiply-adds a row",
            ylabel="score on held-out rows",
        )
        axes.margins(0.2)
        axes.tick_params(axis="x", which="minor", labelsize="xx-small")
        axes.legend(fontsize="small")
    png = io.BytesIO()
    canvas.print_png(png)
    return png.getvalue()


def _line(model, score, figures):
    widths = (13, 9, 13, 7, 10)
    cells = (f"{cell:>{width}}" for cell, width in zip(figures, widths, strict=True))
    return " ".join((f"{model:<24}{score:>7}", *cells))


def _gains_and_losses(comparison, row, dense):
    """Clauses without a subject: what a row does better and worse than the dense."""
    gains, losses = [], []
    ratios = comparison.ratios(row)
    stored, computed = (_rounded(ratios[n]) for n in ("stored_values", "multiply_adds"))
    words = WORDS if stored != computed else WORDS_IF_EQUAL
    for name, (better, worse) in words.items():
        ratio, verb = ratios[name], VERBS.get(row.task, "predicts")
        if ratio > CLEAR[name]:
            gains.append(better.format(_rounded(ratio), verb=verb))
        elif ratio < 1 / CLEAR[name]:
            losses.append(worse.format(_rounded(1 / ratio), verb=verb))
    difference = row.score - dense.score
    if abs(difference) >= SAME_SCORE:
        clause = f"scores {row.score:.3f} where {dense.model} scores {dense.score:.3f}"
        (gains if difference > 0 else losses).append(clause)
    return gains, losses


def _where_dense_wins(comparison):
    """Say for each task where the dense model beats every frugal one."""
    wins = {}
    for dense in comparison.rows:
        frugal = [
            row for row in comparison.rows if row.task == dense.task and row.is_frugal
        ]
        if dense is not comparison.reference(dense) or not frugal:
            continue
        reasons = []
        if all(dense.score - row.score >= SAME_SCORE for row in frugal):
            reasons.append("score")
        for name, reason in (("predict", "prediction time"), ("fit", "fit time")):
            if all(comparison.ratios(row)[name] < 1 / CLEAR[name] for row in frugal):
                reasons.append(reason)
        if reasons:
            verb = "counts" if len(reasons) == 1 else "count"
            where = f"where {_join(reasons)} {verb}"
            wins.setdefault(where, []).append(dense.model)
    return (
        ", ".join(f"{where} ({', '.join(models)})" for where, models in wins.items())
        or "nowhere in this table"
    )


def _clauses(clauses):
    return "; ".join(filter(None, clauses)) or "nothing in this table"


def _join(words):
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def _rounded(ratio):
    """A ratio in words: two figures."""
    return f"{ratio:.1f}" if ratio < 10 else f"{ratio:,.0f}"


def _number(ratio):
    """A ratio with two or three figures."""
    if ratio >= 100:
        return f"{ratio:,.0f}"
    return f"{ratio:.1f}" if ratio >= 10 else f"{ratio:.2f}"
