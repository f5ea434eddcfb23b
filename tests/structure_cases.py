"""A structure of each kind, and matrices for them."""

import numpy as np

from skfrugal.structures import (
    Auto,
    Butterfly,
    Dense,
    LowRank,
    LowRankPlusSparse,
    Monarch,
)

ALL = [
    Butterfly(),
    Butterfly(block_size=2, rank=2),
    Butterfly(block_size=16),
    Monarch(),
    Monarch(rank=3),
    LowRank(rank=3),
    LowRankPlusSparse(rank=2, density=0.1),
    Dense(),
    Auto(budget=1.0),
]


def random_matrix(shape, seed=0, dtype=np.float64):
    rng = np.random.RandomState(seed)
    A = rng.standard_normal(shape)
    if np.issubdtype(dtype, np.complexfloating):
        A = A + 1j * rng.standard_normal(shape)
    return A.astype(dtype)
