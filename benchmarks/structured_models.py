"""Structured centroids: which are fitted, what is asked of them, how they measure."""

import math
from dataclasses import dataclass

from structured_published import PublishedChain

from skfrugal.cluster import QuickKMeans
from skfrugal.operators import Product, Quantized
from skfrugal.structures import SparseProduct

DENSE_ITERATIONS, ITERATIONS, PUBLISHED_ITERATIONS = 50, 20, 6
# Of each K: inertia over dense k-means of training and of held-out rows at most, and
# times fewer values at least.
GOALS = {
    "plain": {64: (1.07, 1.07, 15), 256: (1.13, 1.10, 36), 1024: (1.14, 1.10, 36)},
    "turned": {64: (1.035, 1.035, 18), 256: (1.10, 1.10, 44), 1024: (1.15, 1.06, 45)},
    "default": {64: (1.03, 1.03, 6), 256: (1.04, 1.04, 6), 1024: (1.05, 1.05, 6)},
}
# Times fewer bytes, what rounding may add to the inertia over dense k-means, and times
# fewer values that make as few bytes.
GOALS_OF_8_BITS = {64: (20, 1e-3, 15), 256: (65, 1e-3, 42), 1024: (100, 1e-3, 63)}


def goal(kind, k):
    """Goal of this number of clusters, or of the nearest one that has a goal."""
    return GOALS[kind][min(GOALS[kind], key=lambda size: abs(math.log(size / k)))]


@dataclass(frozen=True)
class Measured:
    """What a set of centroids costs and how far the rows are from it."""

    name: str
    train: float
    held: float
    values: int
    nbytes: int


class Fits:
    """Models of the same rows from the same start, each fitted once."""

    def __init__(self, rows):
        self.rows, self._models = rows, {}

    def dense(self, k):
        """Exact k-means."""
        return self._fitted(k, "dense", None, DENSE_ITERATIONS)

    def structured(self, k, structure, budget=None):
        """Structured centroids, learnt from the start on."""
        return self._fitted(k, structure, budget, ITERATIONS)

    def published(self, k):
        """The published chain, from the dense centroids as its authors begin."""
        chain, start = PublishedChain(), self.dense(k).cluster_centers_
        return self._fitted(k, chain, None, PUBLISHED_ITERATIONS, start)

    def _fitted(self, k, structure, budget, max_iter, start=None):
        key = (k, repr(structure), budget)
        if key not in self._models:
            is_dense = isinstance(structure, str) and structure == "dense"
            self._models[key] = QuickKMeans(
                k,
                structure="auto" if is_dense else structure,
                budget=budget,
                assignment="exact" if is_dense else "structured",
                init=self.rows.start(k) if start is None else start,
                n_init=1,
                max_iter=max_iter,
                random_state=0,
            ).fit(self.rows.train)
        return self._models[key]

    def measured(self, name, model, values=None, nbytes=None):
        """Inertia of both sets, and storage: that of the operator unless told."""
        operator = model.operator_
        return Measured(
            name,
            -model.score(self.rows.train),
            -model.score(self.rows.held),
            operator.nnz if values is None else values,
            operator.nbytes if nbytes is None else nbytes,
        )


def sparse_products(rows, k):
    """Name, structure and kind of goal; "bytes" is small enough for that of 8 bits."""
    plain, turned = 1 / goal("plain", k)[2], 1 / goal("turned", k)[2]
    yield "sparse product", SparseProduct(plain), "plain"
    if rows.grid is not None:
        structure = SparseProduct(turned, transform="dct", feature_shape=rows.grid)
        yield "sparse product, dct", structure, "turned"
    yield (
        "sparse product, rotations",
        SparseProduct(turned, transform="rotations"),
        "turned",
    )
    fewer = GOALS_OF_8_BITS[k][2] if k in GOALS_OF_8_BITS else 1 / plain
    if fewer > 1 / plain + 0.5:
        yield f"sparse product, 1/{fewer}", SparseProduct(1 / fewer), "bytes"
    yield "sparse product, 1/6", SparseProduct(), "default"
    yield "sparse product, quantize=True", SparseProduct(plain, quantize=True), None


def others(rows, k):
    """Name, structure by name, budget."""
    plain = 1 / goal("plain", k)[2]
    size = k * rows.train.shape[1]
    if plain * size >= k + rows.train.shape[1]:
        yield "low rank", "low_rank", plain
    yield "low rank, 1/6", "low_rank", None
    yield "Monarch", "monarch", None
    yield "butterfly", "butterfly", None


def rounded(model):
    """The same model, its factors rounded to 8 bits."""
    factors = [
        factor
        if not (hasattr(factor, "matrix") or hasattr(factor, "array"))
        else Quantized(factor.matrix if hasattr(factor, "matrix") else factor.array)
        for factor in model.operator_.factors
    ]
    operator = Product(*factors)
    return operator, QuickKMeans.from_estimator(operator.toarray())
