"""``python -m skfrugal``: frugal models beside their dense twins, on real data."""

import argparse
import os
import sys
import textwrap

from skfrugal.inspection import (
    InputError,
    check_writable,
    compare_tasks,
    conclusions,
    load_default_data,
    load_table,
    save,
    to_text,
)

EPILOG = """\
The table has two lines a model: its figures, and below them the dense twin's divided by
its own, so that above 1 is a gain.  Scores are those of held-out rows: the fraction of
their variance that the components bring back (transform) or that the nearest centroids
explain (cluster), and R2 (regress).

Of a table, text columns become one-hot, missing values are imputed, and all features
are standardised.  Without --target there is no regress.

examples:
  python -m skfrugal
  python -m skfrugal --task cluster --budget 0.1
  python -m skfrugal --data houses.csv --target price --output results
"""
TIMES = "Times are of one thread; the fit of a kernel model includes its tuning."


def main(argv=None):
    """Run the main job.

    Parameters
    ----------
    argv : list of str, default=None
        Arguments; None takes those of the command line.

    Returns
    -------
    status : int
        0; 2 after a bad input, which is said in one line on stderr; 130 after Ctrl-C.
    """
    progress = _Progress(sys.stderr)
    try:
        arguments = _parser().parse_args(argv)
        if arguments.quiet:
            progress.enabled = False
        _run(arguments, progress)
        sys.stdout.flush()
    except InputError as error:
        progress.clear()
        print(f"skfrugal: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        progress.clear()
        return 130
    except BrokenPipeError:
        # The reader has gone; without this the interpreter complains when it closes
        # stdout (the way that Python's documentation of SIGPIPE shows).
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return 0


def _run(arguments, progress):
    """Read, compare, save, print."""
    if arguments.output is not None:
        check_writable(arguments.output)
    data = _load(arguments)
    _say([f"Data: {data.name}.", *data.notes, TIMES], arguments)
    if arguments.task == "all":
        left_out = [f"Left out: {reason}." for reason in data.unavailable.values()]
        _say(left_out, arguments)
    comparison = compare_tasks(
        data,
        arguments.task,
        budget=arguments.budget,
        random_state=arguments.random_state,
        progress=progress,
    )
    progress.clear()
    # Files first: what reads our stdout may go away.
    written = [] if arguments.output is None else save(comparison, arguments.output)
    _say([f"Note: {warning}." for warning in comparison.warnings], arguments)
    sentences = (textwrap.fill(sentence, 88) for sentence in conclusions(comparison))
    print(to_text(comparison), "", *sentences, sep="\n")
    _say(written, arguments)


def _say(lines, arguments):
    """Print lines, at once, unless the user wants the table only."""
    if lines and not arguments.quiet:
        print(*lines, sep="\n", flush=True)


def _load(arguments):
    if arguments.data is None:
        if arguments.target is not None:
            raise InputError(
                f"--target {arguments.target} needs a table: give --data FILE"
            )
        return load_default_data(arguments.random_state)
    data = load_table(
        arguments.data, arguments.target, random_state=arguments.random_state
    )
    # Who names a target wants it predicted.
    predicts = arguments.task == "all" and arguments.target is not None
    needed = "regress" if predicts else arguments.task
    if needed in data.unavailable:
        raise InputError(data.unavailable[needed])
    return data


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, like all the others."""

    def error(self, message):
        raise InputError(f"{message}; see python -m skfrugal --help")


def _parser():
    parser = _Parser(
        prog="python -m skfrugal",
        description="Fit frugal models beside their dense twins, print what they save "
        "and what it costs in accuracy; by default on patches of the two photographs "
        "that scikit-learn ships.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--data", metavar="FILE", help="a table of yours, .csv or .parquet (pandas)"
    )
    parser.add_argument(
        "--target", metavar="COLUMN", help="the numeric column of FILE to predict"
    )
    parser.add_argument(
        "--task",
        choices=("transform", "cluster", "regress", "all"),
        default="all",
        help="which models to compare (default: all that the data allow)",
    )
    parser.add_argument(
        "--budget",
        type=_budget,
        metavar="B",
        help="what the structured models may store: a whole number counts values, a "
        "fraction such as 0.25 is one of the dense matrix (default: each model's own)",
    )
    parser.add_argument(
        "--output",
        metavar="DIR",
        help="write skfrugal.csv and skfrugal.png (matplotlib) into this directory",
    )
    parser.add_argument(
        "--random-state", type=_seed, default=0, metavar="N", help="seed (default: 0)"
    )
    parser.add_argument(
        "--quiet", action="store_true", help="print the table and its sentences only"
    )
    return parser


def _budget(text):
    try:
        budget = int(text)
    except ValueError:
        budget = _fraction(text)
    if budget <= 0:
        raise argparse.ArgumentTypeError(_BUDGET.format(text))
    return budget


_BUDGET = (
    "{} is no budget: give a whole number of stored values, 5000 for example, or a "
    "fraction of the dense matrix above 0 and up to 1, 0.25 for example"
)


def _fraction(text):
    try:
        fraction = float(text)
    except ValueError:
        fraction = -1.0
    if not 0 < fraction <= 1:
        raise argparse.ArgumentTypeError(_BUDGET.format(text))
    return fraction


def _seed(text):
    try:
        seed = int(text)
    except ValueError:
        seed = -1
    if not 0 <= seed < 2**32:
        raise argparse.ArgumentTypeError(
            f"{text} is no seed: give a whole number from 0 to 4294967295"
        )
    return seed


class _Progress:
    """One line that is rewritten on a terminal; plain lines in a pipe."""

    def __init__(self, stream):
        self.stream = stream
        self.enabled = True
        self.on_terminal = stream.isatty()

    def __call__(self, sentence):
        if self.enabled:
            line = f"\r\x1b[K{sentence} ..." if self.on_terminal else f"{sentence}\n"
            self.stream.write(line)
            self.stream.flush()

    def clear(self):
        """Leave the terminal's line empty."""
        if self.enabled and self.on_terminal:
            self.stream.write("\r\x1b[K")
            self.stream.flush()


if __name__ == "__main__":
    sys.exit(main())
