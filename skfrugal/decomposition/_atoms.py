"""Dictionaries kept as operators: their rows scaled, their values fitted to codes.

Given sparse codes U of rows X, a dictionary D is fitted by making small
``||X - U D||^2 + alpha sum_k |U_k|_1 ||D_k||^2``, up to a constant ``||Y - R D||^2``
with no more rows than D has.  Unit atoms are then restored by scaling codes.  The
second term is there for codes with a penalty: what counts is
``||X - U D||^2 / 2 + alpha sum_k |U_k|_1 ||D_k||``, which scaling leaves alone, and of
which half the first expression is an upper bound that touches at unit atoms.
"""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from scipy.linalg import eigh

from skfrugal.constraints import Fixed, Support
from skfrugal.operators import (
    Dense,
    Diagonal,
    KroneckerSparse,
    LowRank,
    Product,
    Quantized,
    SparseFactor,
    Sum,
)
from skfrugal.solvers import butterfly_regression
from skfrugal.solvers._iterate import iterate
from skfrugal.solvers._refit import refit_steps
from skfrugal.solvers._sparse_product_regression import sparse_product_regression
from skfrugal.solvers._target import binary_exponent, in_common_scale
from skfrugal.structures import SparseProduct

# Iterations of a fit of values to codes, which are soon to be replaced.
_N_GRADIENT, _N_REFIT, _N_PROJECTIONS, _N_ROUNDS = 30, 5, 5, 5
# A fit ends when an iteration gains less than this.
_TOL = 1e-4
# Directions of the codes below this fraction of the largest eigenvalue are rounding.
_RCOND = 1e-10


@dataclass(frozen=True, eq=False)
class AtomFit:
    """The least squares ``||Y - R D||^2`` of a dictionary.

    Attributes
    ----------
    R : ndarray of shape (r, n_components)
        Root of the Gram matrix of the codes: ``R^T R = gram``.
    Y : ndarray of shape (r, n_features)
        ``R^T Y = U^T X``.
    back : ndarray of shape (n_components, r)
        Pseudo-inverse of R.
    """

    R: np.ndarray
    Y: np.ndarray
    back: np.ndarray

    @classmethod
    def of_codes(cls, gram, cross):
        """From ``gram = U^T U`` (and the penalty) and ``cross = U^T X``."""
        values, vectors = eigh(gram)
        kept = values > _RCOND * values[-1]
        roots = np.sqrt(values[kept])
        vectors = vectors[:, kept]
        R = (vectors * roots).T
        back = vectors / roots
        return cls(R, back.T @ cross, back)

    def error(self, operator):
        """``||Y - R D||^2``."""
        return float(np.sum((self.Y - self.R @ operator) ** 2))

    def fitted(self, operator, structure):
        """An operator of the same kind with a smaller error, or the same one."""
        new = self._fitted(operator, structure)
        return new if self.error(new) < self.error(operator) else operator

    def _fitted(self, operator, structure):
        factors = getattr(operator, "factors", (operator,))
        if isinstance(operator, Dense):
            residual = self.Y - self.R @ operator
            return Dense(operator.array + self.back @ residual)
        if isinstance(operator, LowRank):
            left, values, right = np.linalg.svd(self.Y, full_matrices=False)
            r = operator.rank
            return LowRank(self.back @ (left[:, :r] * values[:r]), right[:r])
        if all(isinstance(factor, KroneckerSparse) for factor in factors):
            return self._fitted_chain(factors)
        if isinstance(structure, SparseProduct) and not structure.quantize:
            return self._fitted_sparse_product(factors, structure)
        if all(isinstance(factor, SparseFactor | Dense) for factor in factors):
            return self._fitted_factors(factors)
        return self._projected(operator, structure)

    def _fitted_chain(self, factors):
        """Values of a chain by gradient, from those that it has."""
        # With exponents of zero the regression takes values as they are.
        right, up = binary_exponent(self.R), binary_exponent(self.Y)
        mirrored = [factor.values.transpose(0, 2, 1, 3) for factor in factors[::-1]]
        scaled, _ = in_common_scale(mirrored, right - up, np.float64)
        run = butterfly_regression(
            np.ldexp(self.R, -right),
            np.ldexp(self.Y, -up),
            [values.shape for values in scaled],
            init=np.concatenate([values.ravel() for values in scaled]),
            max_iter=_N_GRADIENT,
            tol=0,
            on_step=lambda step: step.criterion <= _TOL,
        )
        return run.operator.T * np.ldexp(1.0, up - right)

    def _fitted_factors(self, factors):
        """Values of any sparse factors, one factor after the other, exactly."""
        arrays = [factor.toarray() for factor in factors]
        norm = float(np.linalg.norm(self.Y))
        sets = [Fixed(self.R), *(Support(array != 0) for array in arrays)]
        steps = refit_steps(self.Y / norm, [self.R, *arrays], 1 / norm, sets)
        run = iterate(steps, max_iter=_N_REFIT, tol=_TOL, warn=False)
        (_, *arrays), scale = run.step.state
        arrays[0] = arrays[0] * (scale * norm)
        return Product([_stored_as(a, f) for a, f in zip(arrays, factors, strict=True)])

    def _fitted_sparse_product(self, factors, structure):
        """Supports and values of sparse factors, in the coordinates of the last one."""
        shape = (factors[0].shape[0], factors[-1].shape[1])
        transform = [] if structure.transform is None else [factors[-1]]
        # The transform is orthogonal: the rows may be turned instead of the atoms.
        Y = self.Y @ transform[0].T if transform else self.Y
        run = sparse_product_regression(
            self.R,
            Y,
            factors[: len(factors) - len(transform)],
            structure.n_nonzero(shape),
            max_iter=_N_ROUNDS,
            tol=_TOL,
        )
        return Product(*run.step.operator.factors, *transform)

    def _projected(self, operator, structure):
        """Projections of gradient steps whose lengths suit each atom."""
        weight = np.abs(self.R.T @ self.R).sum(axis=1)
        weight = np.maximum(weight, _RCOND * weight.max())
        error = self.error(operator)
        for _ in range(_N_PROJECTIONS):
            gradient = self.R.T @ (self.R @ operator - self.Y)
            target = operator.toarray() - gradient / weight[:, np.newaxis]
            new = structure.project(
                target, row_weight=weight / weight.max(), random_state=0
            ).operator
            if not self.error(new) < error:
                break
            operator, error = new, self.error(new)
        return operator


def _stored_as(array, factor):
    if isinstance(factor, Dense):
        return Dense(array)
    pattern = factor.matrix.copy()
    rows = np.repeat(np.arange(pattern.shape[0]), np.diff(pattern.indptr))
    values = array[rows, pattern.indices]
    return SparseFactor(
        sp.csr_array((values, pattern.indices, pattern.indptr), shape=pattern.shape)
    )


def with_unit_atoms(operator):
    """The dictionary with rows of norm 1, and the norms that they had; 1 for zero."""
    norms = np.linalg.norm(operator.toarray(), axis=1)
    norms[norms == 0] = 1.0
    return _rows_scaled(operator, 1.0 / norms), norms


def _rows_scaled(operator, scale):
    """``diag(scale) @ operator``, in as many values."""
    if isinstance(operator, Product):
        return Product(_rows_scaled(operator.factors[0], scale), *operator.factors[1:])
    if isinstance(operator, Sum):
        return Sum([_rows_scaled(term, scale) for term in operator.terms])
    if isinstance(operator, KroneckerSparse):
        a, b, _, d = operator.pattern
        return KroneckerSparse(operator.values * scale.reshape(a, b, 1, d))
    if isinstance(operator, SparseFactor):
        return SparseFactor(sp.diags_array(scale) @ operator.matrix)
    if isinstance(operator, LowRank):
        return LowRank(operator.left * scale[:, np.newaxis], operator.right)
    if isinstance(operator, Dense):
        return Dense(operator.array * scale[:, np.newaxis])
    if isinstance(operator, Quantized):
        # The integers stay: their units are the largest entries of the rows.
        array = operator.toarray() * scale[:, np.newaxis]
        return Quantized(array if array.all() else sp.csr_array(array))
    if isinstance(operator, Diagonal):
        return Diagonal(operator.values * scale)
    return Product(Diagonal(scale), operator)
