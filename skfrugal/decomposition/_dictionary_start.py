"""Where a structured dictionary starts: atoms, and their projection."""

import numpy as np

from skfrugal.constraints import KSparse, KSparseColumns
from skfrugal.decomposition._projecting import resolve_structure
from skfrugal.solvers import Schedule, hierarchical_palm4msa
from skfrugal.solvers._target import check_matrix
from skfrugal.structures import Auto, budget_in_values

# Factors of a dictionary that palm4MSA splits, as many as leave that many entries to
# each row or column.
_N_FACTORS, _LEAST_ENTRIES = (5, 4, 3, 2), 3


class _Palm:
    """Products of sparse factors whose supports are learnt from the first atoms."""

    def __init__(self, budget):
        self.budget = budget

    def project(self, matrix, *, row_weight=None, random_state=None):
        """Hierarchical palm4MSA with the schedule of wide dictionaries."""
        wide = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
        schedule = _schedule(*wide.shape, budget_in_values(self.budget, matrix.shape))
        result = hierarchical_palm4msa(wide, schedule)
        return result.operator if wide is matrix else result.operator.T


def _schedule(m, n, values):
    """That of `skfrugal.solvers.dictionary`, whose residuals shrink to the budget.

    One m x n factor of k entries a column on the right, square ones with k m entries.
    """
    for n_factors in _N_FACTORS:
        k = values // (n + (n_factors - 1) * m)
        if k >= _LEAST_ENTRIES:
            break
    k = min(m, max(1, k))
    square = KSparse(k * m)
    shares = [(k / m) ** (level / (n_factors - 1)) for level in range(1, n_factors)]
    return Schedule(
        (KSparseColumns(k), *[square] * (n_factors - 2)),
        (*[KSparse(round(m * m * share)) for share in shares[:-1]], square),
        side="right",
    )


def start(X, n_components, structure, budget, dict_init, rng):
    """The first dictionary and its structure.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
    n_components : int
    structure, budget
        Parameters of the estimator.
    dict_init : array-like or None
        Atoms to start from; None draws rows.
    rng : RandomState
    """
    shape = (n_components, X.shape[1])
    if dict_init is None:
        atoms = _drawn(X, n_components, rng)
    else:
        dict_init = dict_init.toarray() if hasattr(dict_init, "toarray") else dict_init
        atoms = check_matrix(dict_init, "dict_init").astype(np.float64)
        if atoms.shape != shape:
            raise ValueError(
                f"dict_init has shape {atoms.shape}; pass n_components atoms of "
                f"n_features numbers, an array of shape {shape}."
            )
    norms = np.linalg.norm(atoms, axis=1, keepdims=True)
    atoms = atoms / np.where(norms > 0, norms, 1.0)
    if isinstance(structure, str) and structure == "palm4msa":
        return _Palm(budget).project(atoms), None
    structure = resolve_structure(structure, shape, budget)
    if isinstance(structure, Auto):
        structure, result = structure.choose(atoms, random_state=rng)
    else:
        result = structure.project(atoms, random_state=rng)
    return result.operator, structure


def _drawn(X, n_atoms, rng):
    """Rows of X that are not zero, and where these are too few their mixtures."""
    rows = X[X.any(axis=1)]
    if not len(rows):
        return rng.standard_normal((n_atoms, X.shape[1]))
    rows = rows[rng.permutation(len(rows))[:n_atoms]]
    mixtures = rng.standard_normal((n_atoms - len(rows), len(rows))) @ rows
    return np.vstack([rows, mixtures])
