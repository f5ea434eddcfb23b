"""From moments of the rows to what a fitted ButterflyTransformer is made of."""

import numpy as np
from sklearn.utils import check_array

from skfrugal.decomposition._checks import check_sizes
from skfrugal.decomposition._choices import N_FOLDS, choose_rotations, needs_folds
from skfrugal.decomposition._coordinates import (
    count_components,
    excess_error,
    least_squares_decoder,
    select_coordinates,
    spectrum,
)
from skfrugal.decomposition._moments import (
    extended,
    fold_moments,
    in_units_of_rows,
    merged,
    standard_deviations,
)

# How rows are checked, by `check_array` and `validate_data`.
ROWS = {"accept_sparse": "csr", "dtype": [np.float64, np.float32]}


def first_moments(transformer, X, *, more_to_come):
    """Moments of the folds of the first rows, and the dtype of the model."""
    rows = check_array(
        X, **ROWS, ensure_min_samples=2, estimator=transformer, input_name="X"
    )
    check_sizes(transformer, rows.shape[1])
    count = None if more_to_come else rows.shape[0]
    n_folds = N_FOLDS if needs_folds(transformer, count, rows.shape[1]) else 1
    return fold_moments(rows, n_folds), rows.dtype


def next_moments(transformer, rows):
    """The same once these rows have followed those of the calls before."""
    check_sizes(transformer, rows.shape[1])
    folds, dtype = transformer._seen
    return extended(folds, rows), np.result_type(dtype, rows.dtype)


def fitted_attributes(transformer, folds, dtype):
    """Names and values of what `fit` stores; the transformer is left as it is.

    Parameters
    ----------
    transformer : ButterflyTransformer
        Its parameters.
    folds : tuple of Moments
        Of parts of the rows, at least two rows in all.
    dtype : dtype
        Of the rows.
    """
    total = merged(folds)
    covariance, unit, n = total.covariance, total.unit, len(total.mean)
    eigenvalues = spectrum(covariance, total.count)
    wanted = transformer.n_components
    rotations, n_iter, pairing, depth = choose_rotations(
        transformer, folds, total, eigenvalues, count_components(wanted, eigenvalues)
    )
    operator, variances, left_out = select_coordinates(
        rotations, covariance, wanted, transformer.core
    )
    k = len(variances)
    decoder, error = None, left_out
    if transformer.decoder == "least_squares" and k < n:
        decoder, error = least_squares_decoder(operator, covariance)
    operator, mean = operator.astype(dtype), (total.mean * unit).astype(dtype)
    noise = left_out / (n - k) if k < n else 0.0
    return {
        "operator_": operator,
        "decoder_": operator.T if decoder is None else decoder.astype(dtype),
        "mean_": mean,
        "_shift": -(mean @ operator.T),
        "_deviations": standard_deviations(variances, n, unit, dtype),
        "explained_variance_": in_units_of_rows(variances, unit),
        "explained_variance_ratio_": variances / (np.trace(covariance) or 1.0),
        "noise_variance_": float(in_units_of_rows(noise, unit)),
        "excess_": excess_error(error, eigenvalues, k),
        "pairing_": pairing,
        "depth_": float(depth),
        "n_components_": k,
        "n_samples_": total.count,
        "n_iter_": n_iter,
    }
