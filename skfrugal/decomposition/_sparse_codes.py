"""Sparse codes of rows in a dictionary that is an operator, and both learnt in turn."""

import warnings

import numpy as np
from sklearn.decomposition import sparse_encode
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import orthogonal_mp_gram
from sklearn.utils.extmath import row_norms

from skfrugal.decomposition._atoms import AtomFit, with_unit_atoms
from skfrugal.decomposition._moments import power_of_two
from skfrugal.solvers._result import Step


def encode(X, operator, *, algorithm, n_nonzero, alpha, max_iter, n_jobs, init=None):
    """Codes of the rows by scikit-learn, from products with the operator.

    "omp" with `alpha` adds atoms until the squared residual of a row is `alpha`.
    """
    unit = power_of_two(X)
    rows = (X / unit).astype(X.dtype, copy=False)
    dictionary = operator.toarray()
    gram = np.ascontiguousarray(operator @ dictionary.T)
    cov = (rows @ operator.T).T
    if algorithm == "omp" and alpha is not None:
        squares = row_norms(rows, squared=True)
        tol = alpha / unit / unit
        codes = orthogonal_mp_gram(gram, cov, tol=tol, norms_squared=squares)
        # scikit-learn drops the axis of a single row.
        codes = codes.reshape(len(gram), len(rows)).T
    else:
        codes = sparse_encode(
            np.ascontiguousarray(rows),
            dictionary,
            gram=gram,
            cov=cov,
            algorithm=algorithm,
            n_nonzero_coefs=n_nonzero,
            alpha=None if alpha is None else alpha / unit,
            max_iter=max_iter,
            n_jobs=n_jobs,
            init=None if init is None else init / unit,
            check_input=False,
        )
    return np.ascontiguousarray(codes * rows.dtype.type(unit))


def dictionary_steps(X, operator, structure, encode, alpha):
    """Codes and dictionary in turn, as steps; neither ever raises the objective.

    The objective is ``||X - U D||^2 / 2 + alpha |U|_1`` with unit atoms; alpha is zero
    for codes of bounded length.  States are codes.
    """
    operator, _ = with_unit_atoms(operator)
    codes = np.zeros((len(X), operator.shape[0]))
    last = _costs(X, codes, operator, alpha).sum()
    while True:
        with warnings.catch_warnings():
            # Codes that are a little worse do no harm before the last turn.
            warnings.simplefilter("ignore", ConvergenceWarning)
            warnings.filterwarnings("ignore", message=" ?Orthogonal matching pursuit")
            found = encode(X, operator, init=codes)
        codes = _better(X, codes, found, operator, alpha)
        if codes.any():
            penalty = np.diag(alpha * np.abs(codes).sum(axis=0))
            fit = AtomFit.of_codes(codes.T @ codes + penalty, codes.T @ X)
            operator, norms = with_unit_atoms(fit.fitted(operator, structure))
            codes = codes * norms
        error = _costs(X, codes, operator, alpha).sum()
        criterion = (last - error) / last if last > 0 else 0.0
        yield Step(operator, lambda error=error: float(error), criterion, codes)
        last = error


def _costs(X, codes, operator, alpha):
    """What each row adds to the objective."""
    residual = X - codes @ operator
    return row_norms(residual, squared=True) / 2 + alpha * np.abs(codes).sum(axis=1)


def _better(X, old, new, operator, alpha):
    """The better code of each row; pursuits are greedy, and may miss a known one."""
    worse = _costs(X, new, operator, alpha) > _costs(X, old, operator, alpha)
    return np.where(worse[:, np.newaxis], old, new)
