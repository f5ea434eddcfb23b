"""Products of two or three sparse factors, perhaps in transformed coordinates."""

import math
from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp
from sklearn.base import BaseEstimator

from skfrugal import operators
from skfrugal._validation import check_rng
from skfrugal.solvers import Factorization, greedy_jacobi, sparse_product
from skfrugal.solvers._target import check_matrix
from skfrugal.structures._budget import budget_in_values
from skfrugal.structures._checks import check_row_weight, check_shape
from skfrugal.structures._sparse_sizes import FactorSizes

TRANSFORMS = (None, "dct", "rotations")


class SparseProduct(BaseEstimator):
    """Products of two or three sparse factors whose supports are learnt.

    Parameters
    ----------
    budget : int or float, default=None
        Stored values (int) or fraction of the dense matrix (float); None means 1/6.
    n_factors : {2, 3, "auto"}, default="auto"
        "auto": 3 for more than 128 rows and a budget under 8 (M + N), else 2.
    n_atoms : int, (int, int) or "auto", default="auto"
        Rows of the last factor and, of three factors, of the middle one: b or (a, b).
        "auto": the smallest of 2 M, N and 192; or (96, 128), no more than M and N; an
        eighth of the budget at most.
    transform : {None, "dct", "rotations"}, default=None
        Orthogonal coordinates of the columns in which the factors are learnt: the
        cosine transform, which stores nothing; or N plane rotations, the most
        correlated pairs of the first matrix that is projected.
    feature_shape : int or tuple of int, default=None
        Grid that the columns are read from, for "dct"; None means a line.
    quantize : bool, default=False
        Round the factors to 8 bits, with one scale for each of their rows.  The error
        is that of the rounded product.
    max_iter, tol : int and float, default=20 and 1e-3
        Rounds of :func:`~skfrugal.solvers.sparse_product`.

    See Also
    --------
    LowRank : Dense factors; better on smooth matrices at small budgets.
    skfrugal.solvers.sparse_product : The projection.

    Notes
    -----
    The projection is a local optimum that depends on `random_state`; nothing bounds it
    from below.  `start` makes it go on from an earlier one, which is no worse, and far
    cheaper.  *Cost.* `budget` stored values and as many multiply-adds a product with
    a vector, against M * N; an index for each value (`operator.nbytes` counts it);
    with `quantize` a byte a value, and a byte or two an index.

    References
    ----------
    L. Giffon, V. Emiya, H. Kadri, L. Ralaivola, "QuicK-means: accelerating inference
    for K-means by learning fast transforms", Machine Learning 110, 2021.

    Examples
    --------
    >>> import numpy as np
    >>> from skfrugal.structures import SparseProduct
    >>> A = np.kron(np.eye(4), np.outer(np.arange(1.0, 6.0), np.ones(8)))
    >>> result = SparseProduct(budget=60).project(A, random_state=0)
    >>> result.operator.nnz, result.error < 1e-6
    (52, True)
    """

    def __init__(
        self,
        budget=None,
        *,
        n_factors="auto",
        n_atoms="auto",
        transform=None,
        feature_shape=None,
        quantize=False,
        max_iter=20,
        tol=1e-3,
    ):
        self.budget = budget
        self.n_factors = n_factors
        self.n_atoms = n_atoms
        self.transform = transform
        self.feature_shape = feature_shape
        self.quantize = quantize
        self.max_iter = max_iter
        self.tol = tol

    def project(self, matrix, *, row_weight=None, random_state=None, start=None):
        """A product of this structure near a matrix.

        Parameters
        ----------
        matrix : array-like of shape (M, N)
            Real.
        row_weight : array-like of shape (M,), default=None
            Weights >= 0 of the rows in the squared norm.  Rows of weight zero get the
            entries that others have no use for.
        random_state : int, RandomState instance or None, default=None
            Draws the rows and columns to start from.
        start : Factorization, default=None
            Result of an earlier call for a matrix of this shape, of the same structure,
            to go on from in its coordinates.

        Returns
        -------
        result : Factorization
            `error` is absolute, in the weighted norm.
        """
        matrix = check_matrix(matrix, "matrix")
        row_weight = check_row_weight(row_weight, matrix)
        sizes = self._sizes(matrix.shape)
        if start is None:
            inner, transform = None, self._transform(matrix, row_weight)
        else:
            inner, transform = self._state_of(start)
        target = matrix if transform is None else matrix @ transform.T
        result = sparse_product(
            target,
            n_atoms=sizes.n_atoms,
            n_nonzero=sizes.n_nonzero,
            row_weight=row_weight,
            start=inner,
            max_iter=self.max_iter,
            tol=0,
            on_step=lambda step: step.criterion <= self.tol,
            random_state=random_state,
        )
        operator = self._finished(result.operator, transform)
        error = result.error
        if operator is not result.operator:
            error = _weighted_distance(matrix, operator, row_weight)
        return replace(
            result,
            operator=operator,
            error=error,
            converged=True,
            message=f"{self!r}: {result.message.split(';')[0]}; monotone, no bounds.",
            state=_State(result, transform, self.transform),
        )

    def random(self, shape, random_state=None):
        """A random operator of this structure; entries of variance about 1 / N."""
        _, n = check_shape(shape)
        rng, sizes = check_rng(random_state), self._sizes(shape)
        factors = [
            _random_factor(height, width, count, rng)
            for height, width, count in sizes.factors()
        ]
        # Each product of entries has variance 1 at first.
        terms = math.prod(count / rows for rows, _, count in sizes.factors())
        factors[-1] = factors[-1] * math.sqrt(1 / terms)
        transform = None
        if self.transform == "dct":
            transform = self._transform(np.zeros(shape), None)
        elif self.transform == "rotations":
            columns = rng.standard_normal((n, n))
            transform = self._transform(columns, None)
        return self._finished(operators.Product(*factors), transform)

    def n_parameters(self, shape):
        """Number of values stored for a matrix of this shape, at most."""
        sizes = self._sizes(shape)
        entries = sum(count for _, _, count in sizes.factors())
        return entries + self._overhead(shape) + self._per_atom() * sum(sizes.inner)

    def n_nonzero(self, shape):
        """Entries of each factor, at most; None is a dense middle."""
        return self._sizes(shape).n_nonzero

    def smallest(self, shape):
        """Values that a matrix of this shape needs at least."""
        return self._needed(check_shape(shape), 2)

    def _needed(self, shape, n_atoms):
        """Values with as many atoms, of one entry a row and column, and a factor."""
        entries = max(sum(shape), 3)
        return entries + self._overhead(shape) + self._per_atom() * n_atoms

    def _overhead(self, shape):
        """Angles, and scales of the rows of the matrix."""
        m, n = shape
        return (n if self.transform == "rotations" else 0) + self._per_atom() * m

    def _per_atom(self):
        """Scales that an atom takes."""
        return 1 if self.quantize else 0

    def _sizes(self, shape):
        shape = check_shape(shape)
        if self.transform not in TRANSFORMS:
            raise ValueError(
                f"transform={self.transform!r} is unknown; pass one of "
                f"{', '.join(map(repr, TRANSFORMS))}."
            )
        needed = smallest = self.smallest(shape)
        budget = budget_in_values(self.budget, shape)
        if budget < smallest and self.budget is None:
            budget = smallest
        if budget >= smallest:
            sizes = FactorSizes.within(
                shape,
                budget - self._overhead(shape),
                self.n_factors,
                self.n_atoms,
                per_atom=self._per_atom(),
            )
            needed = self._needed(shape, sum(sizes.inner))
        if budget < needed:
            raise ValueError(
                f"budget={self.budget!r} allows {budget} stored values, but {self!r} "
                f"needs {needed} for shape {shape}; pass a budget of {needed} or more."
            )
        return sizes

    def _transform(self, matrix, row_weight):
        """Operator (N, N) of the coordinates, or None."""
        n = matrix.shape[1]
        if self.transform == "dct":
            shape = n if self.feature_shape is None else self.feature_shape
            transform = operators.CosineTransform(shape)
            if transform.shape[0] != n:
                raise ValueError(
                    f"feature_shape={self.feature_shape!r} has {transform.shape[0]} "
                    f"features, but the matrix has {n} columns; pass a grid of {n}."
                )
            return transform
        if self.transform is None:
            return None
        rows = matrix.astype(np.float64) / (np.abs(matrix).max() or 1.0)
        if row_weight is not None:
            rows *= np.sqrt(row_weight / row_weight.max())[:, np.newaxis]
        rotations = greedy_jacobi(rows.T @ rows, n).operator
        return rotations.astype(matrix.dtype)

    def _state_of(self, start):
        """Factorization in the coordinates of `start`, and these."""
        state = getattr(start, "state", None)
        if not isinstance(state, _State):
            raise ValueError(
                f"start={start!r} is not a projection on a SparseProduct; pass one or "
                f"None."
            )
        if state.name != self.transform:
            raise ValueError(
                f"start has transform={state.name!r}, not {self.transform!r}; pass a "
                f"projection on the same structure, or None."
            )
        return state.inner, state.transform

    def _finished(self, product, transform):
        """The product, rounded and in the coordinates of the matrix."""
        factors = product.factors
        if self.quantize:
            factors = [operators.Quantized(_values(factor)) for factor in factors]
        if transform is not None:
            factors = [*factors, transform]
        if factors is product.factors:
            return product
        return operators.Product(*factors)


@dataclass(frozen=True)
class _State:
    """What `start` goes on from."""

    inner: Factorization
    transform: object
    name: str | None


def _values(factor):
    is_dense = isinstance(factor, operators.Dense)
    return factor.array if is_dense else factor.matrix


def _weighted_distance(matrix, operator, row_weight):
    unit = float(np.abs(matrix).max()) or 1.0
    apart = (matrix.astype(np.float64) - operator.toarray()) / unit
    squares = np.square(apart).sum(axis=1)
    total = squares.sum() if row_weight is None else squares @ row_weight
    return unit * math.sqrt(total)


def _random_factor(height, width, count, rng):
    if count == height * width:
        return operators.Dense(rng.standard_normal((height, width)))
    cells = rng.choice(height * width, count, replace=False)
    values = rng.standard_normal(count)
    shape = (height, width)
    return operators.SparseFactor(
        sp.csr_array((values, np.divmod(cells, width)), shape=shape)
    )
