"""What both loops report, and when they end."""

import warnings
from dataclasses import dataclass, replace

from sklearn.exceptions import ConvergenceWarning

from skfrugal._validation import check_positive_int
from skfrugal.solvers._result import Factorization, Step


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


class Reporter:
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
