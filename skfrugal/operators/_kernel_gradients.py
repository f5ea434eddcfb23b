"""Derivatives of kernel values by landmarks and by scales of the features.

With K = k(|x - z|^2), G the derivatives of a loss by K and H = G * k':

    by landmarks   -2 (H^T X - diag(H^T 1) Z)
    by scale k      2 sum_ij H_ij (x_ik - z_jk)^2
                  = 2 (sum_i (H 1)_i x_ik^2 - 2 sum_j z_jk (H^T X)_jk
                       + sum_j (H^T 1)_j z_jk^2)

so that two products and two sums with H are all that is needed.
"""

import numpy as np


def landmark_gradients(function, packed, Z, blocks):
    """Derivatives by landmarks (m, d) and by scales (d,), in float64.

    Parameters
    ----------
    function : KernelFunction
    packed : PackedKernel or None
        Of the derivatives by squared distances; None: NumPy.
    Z : ndarray of shape (m, d)
        Centred landmarks.
    blocks : iterable of (rows, centred rows, weights)
    """
    if function.name == "laplacian":
        return _of_absolutes(function.gamma, Z, blocks)
    products = np.zeros(Z.shape)
    totals = np.zeros(len(Z))
    squares = np.zeros(Z.shape[1])
    for rows, x, weights in blocks:
        if packed is None:
            H = function.slopes(_squared_distances(x, Z))
        else:
            H = np.empty((len(x), len(Z)), dtype=x.dtype)
            packed.block(rows, H)
            H *= x.dtype.type(function.slope_factor)
        H *= weights
        products += H.T @ x
        totals += H.sum(axis=0, dtype=np.float64)
        squares += H.sum(axis=1) @ (x * x)
    by_scales = squares - 2 * np.einsum("jk,jk->k", Z, products) + totals @ (Z * Z)
    return 2 * (totals[:, np.newaxis] * Z - products), 2 * by_scales


def _squared_distances(x, Z):
    squared = np.einsum("ij,ij->i", x, x)[:, np.newaxis] - 2 * (x @ Z.T)
    squared += np.einsum("ij,ij->i", Z, Z)
    return np.maximum(squared, 0, out=squared)


def _of_absolutes(gamma, Z, blocks):
    """The same for K = exp(-gamma sum |x - z|), feature by feature."""
    by_landmarks, by_scales = np.zeros(Z.shape), np.zeros(Z.shape[1])
    for _, x, weights in blocks:
        apart = [column[:, np.newaxis] - z for column, z in zip(x.T, Z.T, strict=True)]
        H = gamma * weights * np.exp(-gamma * sum(map(np.abs, apart)))
        for k, difference in enumerate(apart):
            by_landmarks[:, k] += np.einsum("ij,ij->j", H, np.sign(difference))
            by_scales[k] -= np.einsum("ij,ij->", H, np.abs(difference))
    return by_landmarks, by_scales
