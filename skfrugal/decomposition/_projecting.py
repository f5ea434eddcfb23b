"""From a matrix, a structure and a norm to a certified operator.

A projection returns a `Factorization` and the norm of the matrix in which it counts:
that of the outputs, or its diagonal part.
"""

from dataclasses import replace

import numpy as np
from sklearn.base import clone

from skfrugal import operators
from skfrugal.solvers import butterfly_factorization
from skfrugal.solvers._accuracy import dense_instead
from skfrugal.structures import (
    Auto,
    LowRank,
    budget_in_values,
    check_structure,
)

# A search over budgets ends when it knows the smallest one to this fraction.
_BUDGET_PRECISION = 0.05


def resolve_structure(structure, shape, budget):
    """The structure of a parameter, or the dense one of a matrix too small for others.

    An object is cloned: it is a parameter, which `fit` leaves alone.
    """
    if not isinstance(structure, str):
        structure = clone(structure)
    elif structure == "auto" and budget is None:
        smallest = LowRank(rank=1).n_parameters(shape)
        structure = "dense" if budget_in_values(None, shape) < smallest else "auto"
    return check_structure(structure, shape, budget)


def project(matrix, structure, metric, options):
    """The structure's own projection, in the metric as far as it can follow it."""
    rng = options["random_state"]
    if metric.root is None:
        result = structure.project(matrix, random_state=rng)
        return result, metric.diagonal(matrix)
    if isinstance(structure, LowRank):
        return _low_rank_of_outputs(matrix, structure, metric)
    if isinstance(structure, Auto):
        return _closest_outputs(matrix, structure, metric, options)
    if hasattr(structure, "chain"):
        chain, weights = structure.chain(matrix.shape), (None, metric.columns)
        result = butterfly_factorization(matrix, chain, weights=weights)
        return result, metric.diagonal(matrix)
    # A structure weighs rows: those of the transpose are the columns.
    unit = float(metric.columns.max())
    weight = (metric.columns / unit) ** 2
    result = structure.project(matrix.T, row_weight=weight, random_state=rng)
    result = in_units(replace(result, operator=result.operator.T), unit)
    return result, metric.diagonal(matrix)


def _low_rank_of_outputs(matrix, structure, metric):
    """The best outputs of this rank: those of the matrix, projected on few directions.

    With U an orthonormal basis of what ``A root`` keeps, ``U U^T A`` is the best matrix
    of this rank, and nothing is divided by small moments.
    """
    result = structure.project(matrix @ metric.root)
    if result.operator.rank == min(matrix.shape):
        result = structure.project(matrix)
    else:
        basis, _ = np.linalg.qr(result.operator.left)
        operator = operators.LowRank(basis, basis.T @ matrix)
        result = replace(result, operator=operator)
    return result, metric.full(matrix)


def _closest_outputs(matrix, auto, metric, options):
    """The candidate of `auto` whose outputs are closest, in the full metric."""
    candidates = auto.candidates(matrix.shape)
    found = [project(matrix, one, metric, options) for one in candidates]
    errors = [metric.full(matrix - result.operator.toarray()) for result, _ in found]
    best, norm = found[int(np.argmin(errors))]
    told = ", ".join(
        f"{one!r} {error:.4g}" for one, error in zip(candidates, errors, strict=True)
    )
    message = f"{best.message} Chosen for its outputs among: {told}."
    return replace(best, message=message), norm


def in_units(result, unit):
    """The same in a norm `unit` times as large."""
    names = ("error", "lower_bound", "upper_bound")
    values = ((name, getattr(result, name)) for name in names)
    scaled = {name: value if value is None else unit * value for name, value in values}
    return replace(result, **scaled)


def project_accurately(matrix, structure, metric, max_error, solve):
    """The smallest operator with a relative error of at most `max_error`, or dense.

    `structure` is a parameter, `solve` makes a projection of a resolved structure.
    Budgets are doubled until one suffices; the search goes on between the last two.
    """
    if not isinstance(structure, str):
        result, norm = solve(clone(structure))
        if result.error <= max_error * norm and result.operator.nnz < matrix.size:
            return result, norm
        return _dense(matrix, metric, f"{structure!r} does not reach {max_error:.3g}")
    largest, too_small, best = matrix.size - 1, max(matrix.shape) // 2, None
    while best is None and too_small < largest:
        budget = min(2 * too_small, largest)
        best = _within(matrix, structure, budget, max_error, solve)
        too_small = too_small if best else budget
    if best is None:
        reason = f"{structure!r} does not reach {max_error:.3g} with fewer values"
        return _dense(matrix, metric, reason)
    while budget > too_small + max(1, _BUDGET_PRECISION * budget):
        middle = (budget + too_small) // 2
        found = _within(matrix, structure, middle, max_error, solve)
        if found is None:
            too_small = middle
        else:
            best, budget = found, middle
    return best


def _within(matrix, structure, budget, max_error, solve):
    """A projection of `budget` values that is accurate enough, or None."""
    try:
        resolved = check_structure(structure, matrix.shape, int(budget))
    except ValueError:  # nothing of this class is as small
        return None
    result, norm = solve(resolved)
    return (result, norm) if result.error <= max_error * norm else None


def chain_accurately(matrix, structure, metric, max_error):
    """A chain with ranks of its own for a relative error, or the dense matrix."""
    structure = resolve_structure(structure, matrix.shape, None)
    weights = None if metric.columns is None else (None, metric.columns)
    chain = structure.chain(matrix.shape)
    result = butterfly_factorization(
        matrix, chain, weights=weights, max_error=max_error
    )
    return result, metric.diagonal(matrix)


def _dense(matrix, metric, reason):
    return dense_instead(matrix, f"No structure: {reason}."), metric.diagonal(matrix)
