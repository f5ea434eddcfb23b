"""The one loop of all iterative solvers, and the same report around SciPy's loop.

Nothing else in `skfrugal.solvers` knows ``max_iter``, ``tol``, warnings, ``on_step`` or
progress: a method is a generator of steps, and does not know when it is to end.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import scipy.optimize

from skfrugal.solvers._report import Reporter

# Pairs of gradients that L-BFGS keeps: these objectives are far from quadratic, and
# a pair costs less than an evaluation.
N_CORRECTIONS = 20


def iterate(steps, *, max_iter, tol, on_step=None, verbose=0, name="Solver", warn=True):
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
    report = Reporter(max_iter, tol, on_step, verbose, name, warn)
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
    report = Reporter(max_iter, tol, on_step, verbose, name)
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
