"""Kernels by name: their parameters, and their values by NumPy, block by block."""

from dataclasses import dataclass

import numpy as np

# Square root of 2 nu.
MATERN = {"matern12": 1.0, "matern32": 3.0**0.5, "matern52": 5.0**0.5}
SHIFT_INVARIANT = ("rbf", "laplacian", *MATERN)
POLYNOMIAL = ("poly", "polynomial")
FUSED_KERNELS = (*SHIFT_INVARIANT, *POLYNOMIAL, "sigmoid", "cosine", "linear")


@dataclass(frozen=True)
class KernelFunction:
    """A kernel of `FUSED_KERNELS` and its parameters, checked.

    Parameters
    ----------
    name : str
    gamma : float, at least 0
        1 / length_scale for Matern kernels.
    degree, coef0 : float
    """

    name: str
    gamma: float
    degree: float = 3
    coef0: float = 1

    def __post_init__(self):
        if self.name not in FUSED_KERNELS:
            raise ValueError(
                f"kernel must be one of {', '.join(FUSED_KERNELS)}; got {self.name!r}. "
                "Pass another one to sklearn.metrics.pairwise.pairwise_kernels."
            )
        for name in ("gamma", "degree", "coef0"):
            value = getattr(self, name)
            smallest = -np.inf if name == "coef0" else 0
            if not (np.isfinite(value) and value >= smallest):
                raise ValueError(
                    f"{name} must be a finite number"
                    f"{'' if name == 'coef0' else ', at least 0'}; got {value!r}."
                )

    @property
    def shift_invariant(self):
        return self.name in SHIFT_INVARIANT

    @property
    def bounded(self):
        """Whether no value exceeds 1."""
        return self.name not in (*POLYNOMIAL, "linear")

    def values(self, X, Z):
        """Kernel values of the rows of X and Z, in their dtype."""
        if self.name == "laplacian":
            return np.exp(-self.gamma * _summed(X, Z, np.abs))
        if self.name in SHIFT_INVARIANT:
            return self.of_squares(_summed(X, Z, np.square))
        if self.name == "cosine":
            X, Z = unit_rows(X), unit_rows(Z)
        return self.of_products(X @ Z.T)

    def of_squares(self, squared):
        """Kernel values, given squared distances."""
        if self.name == "rbf":
            return np.exp(-self.gamma * squared)
        s = MATERN[self.name] * self.gamma * np.sqrt(squared)
        s = np.minimum(s, 1100)  # e^-1100 is 0
        if self.name == "matern12":
            return np.exp(-s)
        return np.exp(-s) * (1 + s if self.name == "matern32" else 1 + s + s * s / 3)

    def of_products(self, products):
        """Kernel values, given inner products (of unit rows for the cosine)."""
        if self.name in ("cosine", "linear"):
            return products
        products = self.gamma * products + self.coef0
        return self.of_affine(products)

    def of_affine(self, affine):
        """Kernel values, given gamma times products plus coef0."""
        if self.name == "sigmoid":
            return np.tanh(affine)
        return affine**self.degree if self.name in POLYNOMIAL else affine

    def slopes(self, squared):
        """Derivatives by squared distances over `slope_factor`; 0 at a cone's tip."""
        if self.name == "rbf":
            return np.exp(-self.gamma * squared)
        s = np.minimum(MATERN[self.name] * self.gamma * np.sqrt(squared), 1100)
        e = np.exp(-s)
        if self.name == "matern12":
            return np.divide(e, s, out=np.zeros_like(s), where=s > 0)
        return e if self.name == "matern32" else (1 + s) * e

    @property
    def slope_factor(self):
        """The constant by which `slopes` become derivatives."""
        factors = {"rbf": -1, "matern12": -0.5, "matern32": -1.5, "matern52": -5 / 6}
        return factors[self.name] * self.gamma ** (1 if self.name == "rbf" else 2)


def unit_rows(X):
    """Rows of length 1; zeros stay."""
    largest = np.abs(X).max(axis=1, keepdims=True, initial=0)
    X = X / np.where(largest > 0, largest, 1)
    norms = np.linalg.norm(X, axis=1, keepdims=True)
    return X / np.where(norms > 0, norms, 1)


def _summed(X, Z, function):
    """Sums over the features of a function of differences."""
    sums = np.zeros((len(X), len(Z)), dtype=np.result_type(X, Z))
    with np.errstate(over="ignore"):
        for x, z in zip(X.T, Z.T, strict=True):
            sums += function(x[:, np.newaxis] - z)
    return sums
