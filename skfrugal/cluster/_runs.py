"""Runs of iterations from several starts, told to callbacks and to the reader."""

from contextlib import contextmanager
from functools import partial

import scipy.sparse as sp

from skfrugal.cluster._init import centred
from skfrugal.cluster._lloyd import Run, filtered_rows, lloyd_steps


@contextmanager
def exact_steps(X, sample_weight, starts, mean, tol, *, copy):
    """What iterates from a start, the starts for it, and `X` as callbacks see it.

    Where a filter pays, rows need not be centred: it compares differences.
    """
    uncentred = [start + mean for start in starts]
    rows = filtered_rows(X, sample_weight, uncentred[0])
    if rows is not None:
        steps = partial(lloyd_steps, X, sample_weight, origin=0, tol=tol, rows=rows)
        yield steps, uncentred, X
        return
    with centred(X, mean, copy=copy) as X_centred:
        is_shifted = X_centred is X and not sp.issparse(X)
        seen = (lambda: X + mean) if is_shifted else X
        steps = partial(lloyd_steps, X_centred, sample_weight, origin=mean, tol=tol)
        yield steps, starts, seen


class Runs:
    """Runs of an estimator's iterations.

    Parameters
    ----------
    estimator : QuickKMeans
        Whose `max_iter`, `verbose` and `assignment` count.
    task : callback context
        Of the fit.
    """

    def __init__(self, estimator, task):
        self.max_iter, self.verbose = estimator.max_iter, estimator.verbose
        self.keeps_objectives = estimator.assignment == "structured"
        self.task = task

    def best(self, steps, starts, hook):
        """The run of lowest inertia; ``steps(start)`` iterates from a start."""
        best = None
        for start in starts:
            task = self.task.subcontext(task_name="run", max_subtasks=self.max_iter)
            task.call_on_fit_task_begin(**hook)
            if self.verbose:
                print("Initialization complete")
            run = self._run(steps(start), task, hook)
            if best is None or run.improves_on(best):
                best = run
            task.call_on_fit_task_end(
                **hook, reconstruction_attributes={"operator_": run.step.operator}
            )
        return best

    def _run(self, steps, task, hook):
        """Iterate until convergence, `max_iter`, or a callback's wish."""
        objectives = []
        for i in range(self.max_iter):
            iteration = task.subcontext(task_name="iteration")
            iteration.call_on_fit_task_begin(**hook)
            step = next(steps)
            if self.keeps_objectives:
                objectives.append(step.objective())
            if self.verbose:
                print(f"Iteration {i}, inertia {step.objective()}.")
            stop = iteration.call_on_fit_task_end(
                **hook, reconstruction_attributes={"operator_": step.operator}
            )
            if step.message is not None and self.verbose:
                print(f"Converged at iteration {i}: {step.message}")
            if stop or step.message is not None:
                break
        return Run(step, i + 1, objectives)


def dense_report(operator):
    """What `filter_report_` says of the plain product."""
    n_points, n_features = operator.shape
    operations = n_points * n_features
    stages = dict.fromkeys(("coarse", "fine", "copy", "exact", "left"), 0.0)
    return {
        "tier": "dense",
        "n_points": n_points,
        **stages,
        "operations": operations,
        "dense_operations": operations,
    }
