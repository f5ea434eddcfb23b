"""The one loop of all iterative solvers, and the same report around SciPy's loop.

Nothing else in `skfrugal.solvers` knows ``max_iter``, ``tol``, warnings, ``on_step`` or
progress: a method is a generator of steps, and does not know when it is to end.
"""

import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import scipy.optimize
from sklearn.exceptions import ConvergenceWarning

from skfrugal._validation import check_positive_int
from skfrugal.solvers._result import Factorization, Step

# Pairs of gradients that L-BFGS keeps: these objectives are far from quadratic, and
# a pair costs less than an evaluation.
N_CORRECTIONS = 20


@dataclass(frozen=True)
class Run:
    """What a loop did.

    Attributes
    ----------
    step : Step
        The last step.
    n_iter : int
        Number of steps.
    converged : bool
        Whether the criterion fell to ``tol``, or the method had nothing left to do.
    objectives : tuple of float
        Objective after each step.
    message : str
        Why the loop ended, in plain words.
    """

    step: Step
    n_iter: int
    converged: bool
    objectives: tuple
    message: str

    def with_objectives(self, objectives):
        """The same run with other objectives: those of its stages."""
        return replace(self, objectives=tuple(objectives), n_iter=len(objectives))

    def factorization(self, error, *, operator=None, message="", bounds=(None, None)):
        """`Factorization` that ends in this run's words.

        Parameters
        ----------
        error : float
        operator : Operator or None, default=None
            None means that of the last step.
        message : str, default=""
            What can be said of the result; said before why the loop ended.
        bounds : pair of float or None, default=(None, None)
            Lower and upper bound.
        """
        return Factorization(
            self.step.operator if operator is None else operator,
            float(error),
            *bounds,
            n_iter=self.n_iter,
            converged=self.converged,
            message=f"{message} {self.message}".strip(),
            objectives=self.objectives,
            state=self.step.state,
        )


def iterate(
    steps, *, max_iter, tol, on_step=None, verbose=0, name="Solver", warn=True
):
    """Run a generator of steps until it has converged.

    Parameters
    ----------
    steps : iterator of Step
        One step an iteration.  An iterator that ends by itself has converged.

    max_iter : int
        Number of steps, at most; 1 at least.

    tol : float
        The loop ends when the `criterion` of a step is at most this.  0 asks for
        `max_iter` steps: no warning is given then.

    on_step : callable or None, default=None
        Called with each step; the loop ends when it returns something true.

    verbose : int, default=0
        Print a line every step.

    name : str, default="Solver"
        What the line and the warning call the method.

    warn : bool, default=True
        Pass False where the loop is a stage of a method that does not rely on it.

    Returns
    -------
    run : Run

    Warns
    -----
    ConvergenceWarning
        After `max_iter` steps whose criterion stayed above `tol`.
    """
    report = _Reporter(max_iter, tol, on_step, verbose, name, warn)
    for step in steps:
        if report(step):
            break
    else:
        report.settle(True, "Nothing was left to improve")
    return report.run()


def minimize(
    value_and_gradient,
    x0,
    to_operator,
    *,
    max_iter,
    tol,
    on_step=None,
    verbose=0,
    name="L-BFGS",
):
    """Minimise a smooth function by SciPy's L-BFGS, with the report of `iterate`.

    Parameters
    ----------
    value_and_gradient : callable
        Takes a float64 vector and returns the objective and its gradient.

    x0 : ndarray of shape (n,)
        Start.  It is copied.

    to_operator : callable
        Takes a vector and returns the `Operator` that it stands for.  Called with
        `on_step`, and once at the end.

    max_iter, tol, on_step, verbose, name
        As in `iterate`.  The criterion of a step is the relative decrease of the
        objective; its state is the vector.

    Returns
    -------
    run : Run
    """
    report = _Reporter(max_iter, tol, on_step, verbose, name)
    x = np.array(x0, dtype=np.float64)
    last = float(value_and_gradient(x)[0])
    # The first step of L-BFGS is no longer than the gradient, which has a unit.
    unit = abs(last) or 1.0

    def unitless(x):
        value, gradient = value_and_gradient(x)
        return value / unit, gradient / unit

    def after(intermediate_result):
        nonlocal x, last
        x, value = intermediate_result.x.copy(), intermediate_result.fun * unit
        largest = max(abs(value), abs(last), np.finfo(float).tiny)
        criterion, last = (last - value) / largest, value
        if report(_VectorStep(x, value, criterion, to_operator)):
            raise StopIteration

    # The criteria of SciPy depend on the scale of the objective; ours does not.
    options = {"maxiter": max_iter, "maxfun": sys.maxsize, "maxcor": N_CORRECTIONS}
    scipy.optimize.minimize(
        unitless,
        x,
        jac=True,
        method="L-BFGS-B",
        callback=after,
        options={**options, "ftol": 0.0, "gtol": 0.0},
    )
    if report.step is None:
        report.step = _VectorStep(x, last, 0.0, to_operator)
    if report.message is None:
        report.settle(True, "No step along the gradient lowers the objective further")
    return report.run()


@dataclass(frozen=True)
class _VectorStep:
    """The `Step` of a vector; the operator is built where somebody looks at it."""

    state: np.ndarray
    value: float
    criterion: float
    to_operator: Callable = field(repr=False)

    @property
    def operator(self):
        return self.to_operator(self.state)

    def objective(self):
        return self.value


class _Reporter:
    """Counts steps, tells of them, and knows when they end."""

    def __init__(self, max_iter, tol, on_step, verbose, name, warn=True):
        self.max_iter = check_positive_int(max_iter, "max_iter")
        if not tol >= 0:
            raise ValueError(
                f"tol must be a number >= 0; got {tol!r}. Pass 0 for max_iter steps."
            )
        self.tol, self.on_step, self.verbose, self.name = tol, on_step, verbose, name
        self.may_warn = warn
        self.step = self.message = None
        self.converged, self.objectives = False, []

    def __call__(self, step):
        """Take note of a step; whether it was the last one."""
        self.step = step
        self.objectives.append(float(step.objective()))
        if self.verbose:
            print(
                f"{self.name}: iteration {len(self.objectives)}, objective "
                f"{self.objectives[-1]:.6g}, criterion {step.criterion:.2g}"
            )
        if self.on_step is not None and self.on_step(step):
            self.settle(False, "Stopped by on_step")
        elif step.criterion <= self.tol:
            self.settle(True, f"Converged to tol={self.tol:.3g}")
        elif len(self.objectives) == self.max_iter:
            self.settle(False, f"Stopped at max_iter={self.max_iter}")
            if self.tol > 0 and self.may_warn:
                self.warn(step.criterion)
        return self.message is not None

    def settle(self, converged, message):
        self.converged, self.message = converged, f"{message}."

    def warn(self, criterion):
        warnings.warn(
            f"{self.name} did not converge in max_iter={self.max_iter} iterations: the "
            f"criterion is {criterion:.3g}, tol is {self.tol:.3g}. Raise max_iter or "
            f"tol.",
            ConvergenceWarning,
            # The reader's line: past the reporter, the loop and the public function.
            stacklevel=5,
        )

    def run(self):
        if self.step is None:
            raise ValueError(f"{self.name} took no step: there is nothing to improve.")
        return Run(
            self.step,
            len(self.objectives),
            self.converged,
            tuple(self.objectives),
            self.message,
        )
