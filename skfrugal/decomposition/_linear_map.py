"""The linear map that a user names: an array, an operator, or a fitted transformer."""

import warnings

import numpy as np
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.decomposition import PCA

from skfrugal.decomposition._moments import power_of_two
from skfrugal.solvers._target import check_matrix

# What a transform may differ from a linear map, relative to its largest output.
_ROUNDING = 1e-6
# Rows on which a transformer is checked to be linear.
_N_PROBES = 16


def linear_map(matrix, X, y, rng):
    """The map as an array of shape (k, n_features), and the mean that it subtracts.

    Parameters
    ----------
    matrix : None, array-like, sparse matrix, LinearOperator, Operator or transformer
    X : ndarray of shape (n_samples, n_features)
        Training rows, on which a transformer is fitted.
    y : array-like or None
        Passed to the transformer's `fit`.
    rng : RandomState
        Seeds the PCA that None stands for.
    """
    n = X.shape[1]
    if matrix is None:
        matrix = PCA(random_state=rng.randint(2**31 - 1))
    if hasattr(matrix, "fit") and hasattr(matrix, "transform"):
        return _map_of_transformer(clone(matrix).fit(X, y), X)
    if sp.issparse(matrix) or (
        hasattr(matrix, "toarray") and hasattr(matrix, "rmatmat")
    ):
        matrix = matrix.toarray()
    elif hasattr(matrix, "matmat"):
        matrix = matrix.matmat(np.eye(matrix.shape[1]))
    matrix = _real(check_matrix(matrix, "matrix"))
    if matrix.shape[1] != n:
        raise ValueError(
            f"matrix has shape {matrix.shape}, but X has {n} features; pass a matrix "
            f"with {n} columns, which maps a row x to matrix @ x."
        )
    return matrix, np.zeros(n)


def _real(matrix):
    if matrix.dtype.kind == "c":
        raise ValueError(
            "matrix is complex, and transformers return real numbers; pass its real "
            "and imaginary parts as rows: np.vstack([matrix.real, matrix.imag])."
        )
    return matrix


def _map_of_transformer(transformer, X):
    """What a fitted transformer does to unit vectors around its mean; checked on X."""
    n = X.shape[1]
    mean = np.zeros(n) if (m := getattr(transformer, "mean_", None)) is None else m
    mean = np.asarray(mean, dtype=np.float64)
    # Steps as large as the rows lose least to rounding.
    step = power_of_two(X - mean)
    probes = np.vstack([mean, mean + step * np.eye(n), X[:_N_PROBES]])
    with warnings.catch_warnings():
        # A frozen transformer may know names; the rows were checked by the caller.
        warnings.filterwarnings("ignore", message="X does not have valid feature")
        outputs = transformer.transform(probes)
    outputs = outputs.toarray() if sp.issparse(outputs) else np.asarray(outputs)
    outputs = _real(check_matrix(outputs, "transform of matrix"))
    linear = (outputs[1 : n + 1] - outputs[0]).T / step
    predicted = (probes[n + 1 :] - mean) @ linear.T
    largest = np.abs(outputs).max()
    off = max(
        np.abs(outputs[0]).max(), np.abs(outputs[n + 1 :] - predicted).max(initial=0)
    )
    if off > _ROUNDING * largest:
        name = type(transformer).__name__
        raise ValueError(
            f"matrix={name}(...) is not linear around its mean: its transform differs "
            f"by {off / largest:.2g} of its largest output from "
            f"(X - mean_) @ matrix.T. Pass a linear transformer, such as PCA, FastICA "
            f"or TruncatedSVD, or its matrix."
        )
    return linear, mean
