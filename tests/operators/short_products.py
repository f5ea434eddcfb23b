"""Products of three sparse factors."""

import numpy as np
import scipy.sparse as sp

from skfrugal.operators import Product


def random_sparse(rng, n_rows, n_columns, density):
    values = rng.standard_normal((n_rows, n_columns))
    return sp.csr_array(values * (rng.uniform(size=values.shape) < density))


def three_factors(rng, k=60, a=20, b=30, d=150, dtype=np.float64):
    matrices = [
        random_sparse(rng, k, a, 0.2),
        random_sparse(rng, a, b, 0.2),
        random_sparse(rng, b, d, 0.1),
    ]
    return Product(matrix.astype(dtype) for matrix in matrices)
