"""Outputs of an operator that are shifted while its rows are checked, in one pass."""

import numpy as np
from scipy import sparse

from skfrugal.operators._plan import plan_of
from skfrugal.operators._steps import KernelStep


def shifted_rows(X, operator, shift):
    """Return ``X @ operator.T + shift``, if `X` is finite and one kernel does it all.

    That is what plane rotations do, of dense rows, as soon as the dense form is not
    cheaper.

    Parameters
    ----------
    X : {ndarray, sparse matrix} of shape (n, N)
        Rows, float32 or float64, not yet checked to be finite.
    operator : Operator of shape (M, N)
    shift : ndarray of shape (M,)

    Returns
    -------
    Y : ndarray of shape (n, M) or None
        None asks for a check of `X` and for the sum itself.
    """
    if sparse.issparse(X) or not operator._factors():
        return None
    dtype = np.result_type(operator.dtype, X.dtype)
    plan = plan_of(operator, dtype)
    if not plan or not _is_shifted(plan.steps) or plan.is_dense_cheaper(len(X)):
        return None
    X = np.ascontiguousarray(X, dtype)
    shift = np.ascontiguousarray(shift, dtype)
    found = []

    def into(X, Y, start, stop):
        found.append(plan.steps[0].into_shifted(X, Y, shift, start, stop))

    Y = plan.factored(X, into)
    return Y if all(found) else None


def _is_shifted(steps):
    """Whether the steps are one kernel that takes a shift and checks rows."""
    step = steps[0]
    return len(steps) == 1 and isinstance(step, KernelStep) and step.kind == "rotations"
