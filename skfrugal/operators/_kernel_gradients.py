"""Derivatives of kernel values by landmarks and by scales of the features.

With K = k(|x - z|^2), G the derivatives of a loss by K and H = G * k':

    by landmarks   -2 (H^T X - diag(H^T 1) Z)
    by scale k      2 sum_ij H_ij (x_ik - z_jk)^2
                  = 2 (sum_i (H 1)_i x_ik^2 - 2 sum_j z_jk (H^T X)_jk
                       + sum_j (H^T 1)_j z_jk^2)

so that two products and two sums with H are all that is needed.
"""

import numpy as np

from skfrugal.operators._kernel_rows import pieces


def landmark_gradients(blocks, X, weights, step):
    """Derivatives by landmarks (m, d) and by scales (d,), in float64.

    Parameters
    ----------
    blocks : KernelBlocks
        Of a kernel of differences.
    X : {ndarray, CSR matrix} of shape (n, d)
    weights : ndarray of shape (n, m)
        G.
    step : int
        Rows that are taken together.
    """
    function, Z = blocks.function, blocks.landmarks
    if np.shape(weights) != (X.shape[0], len(Z)):
        raise ValueError(
            f"weights has shape {np.shape(weights)}; pass one number for each kernel "
            f"value, of shape {(X.shape[0], len(Z))}."
        )
    work = blocks.dtype(X.dtype)
    parts = (
        (rows, (rows - blocks.origin).astype(work), weights[i : i + len(rows)])
        for i, rows in pieces(X, 0, X.shape[0], step)
    )
    if function.name == "laplacian":
        return _of_absolutes(function.gamma, Z, parts)
    packed = blocks.packed(X.dtype, slope=True)
    m, d = Z.shape
    sums = np.zeros((m, d + 1))  # H^T [X, 1]
    squares = np.zeros(d)
    for rows, x, G in parts:
        if packed is None:
            H = function.slopes(_squared_distances(x, Z))
        else:
            H = np.empty((len(x), m), dtype=work)
            packed.block(rows, H)
        H *= G
        sums += H.T @ np.column_stack([x, np.ones_like(x[:, :1])])
        squares += H.sum(axis=1) @ np.square(x)
    products, totals = sums[:, :-1], sums[:, -1:]
    by_scales = squares + np.sum(Z * (totals * Z - 2 * products), axis=0)
    factor = 2 * function.slope_factor
    return factor * (totals * Z - products), factor * by_scales


def _squared_distances(x, Z):
    squared = np.einsum("ij,ij->i", x, x)[:, np.newaxis] - 2 * (x @ Z.T)
    squared += np.einsum("ij,ij->i", Z, Z)
    return np.maximum(squared, 0, out=squared)


def _of_absolutes(gamma, Z, parts):
    """The same for K = exp(-gamma sum |x - z|), feature by feature."""
    by_landmarks, by_scales = np.zeros(Z.shape), np.zeros(Z.shape[1])
    for _, x, G in parts:
        apart = [column[:, np.newaxis] - z for column, z in zip(x.T, Z.T, strict=True)]
        H = gamma * G * np.exp(-gamma * sum(map(np.abs, apart)))
        for k, difference in enumerate(apart):
            by_landmarks[:, k] += np.einsum("ij,ij->j", H, np.sign(difference))
            by_scales[k] -= np.einsum("ij,ij->", H, np.abs(difference))
    return by_landmarks, by_scales
