"""Solvers that a user may name instead of the structure's own projection."""

from dataclasses import replace
from itertools import accumulate

from skfrugal.constraints import KSparseRows, KSparseRowsColumns
from skfrugal.decomposition._projecting import project
from skfrugal.operators import Diagonal, Product
from skfrugal.operators._patterns import compose
from skfrugal.solvers import (
    Schedule,
    butterfly_factorization,
    butterfly_regression,
    gradient_factorization,
    hierarchical_palm4msa,
    palm4msa,
)
from skfrugal.structures import Dense, LowRank


def closed_form(matrix, structure, metric, options):
    """`project`, of structures where it is no iteration."""
    if not isinstance(structure, Dense | LowRank):
        _chain_of(structure, matrix.shape, "closed_form")
    return project(matrix, structure, metric, options)


def by_gradient(matrix, structure, metric, options):
    """The values of a chain, improved from the closed form by L-BFGS."""
    chain = _chain_of(structure, matrix.shape, "gradient")
    starts = [("closed_form", 1), ("orthogonal", options["n_init"] - 1)]
    results = []
    for init, n_init in starts[: min(2, options["n_init"])]:
        start = {**options, "init": init, "n_init": n_init}
        if metric.root is None:
            results.append(gradient_factorization(matrix, chain, **start))
        else:
            rows = metric.root.T
            results.append(butterfly_regression(rows, rows @ matrix.T, chain, **start))
    result = min(results, key=lambda result: result.error)
    if metric.root is None:
        closed = butterfly_factorization(matrix, chain)
        if closed.error < result.error:  # by rounding
            result = replace(result, operator=closed.operator, error=closed.error)
        result = replace(
            result,
            lower_bound=closed.lower_bound,
            upper_bound=closed.upper_bound,
            message="Values learnt by gradient; the bounds are the closed form's.",
        )
    return result, metric.full(matrix)


def by_palm4msa(matrix, structure, metric, options):
    """Factors with as many entries as those of a chain, anywhere."""
    chain = _chain_of(structure, matrix.shape, "palm4msa", at_least=2)
    sizes = _inner_sizes(chain)
    constraints = _constraints(chain)

    def solve(target):
        return palm4msa(target, constraints, inner_sizes=sizes, **options)

    return _weighted(solve, matrix, metric)


def by_hierarchical_palm4msa(matrix, structure, metric, options):
    """The same, split off one after the other."""
    chain = _chain_of(structure, matrix.shape, "hierarchical_palm4msa", at_least=2)
    if len(set(_inner_sizes(chain))) > 1:
        raise ValueError(
            f"solver='hierarchical_palm4msa' needs square inner factors, but "
            f"{structure!r} has inner sizes {_inner_sizes(chain)} for a matrix of "
            f"shape {matrix.shape}; pass solver='palm4msa'."
        )
    constraints = _constraints(chain)
    # Patterns of what is left after each split.
    rests = [*accumulate(chain[:0:-1], lambda right, left: compose(left, right))][::-1]
    residuals = [KSparseRows(c) for _, _, c, _ in rests[:-1]]
    schedule = Schedule(
        tuple(constraints[:-1]),
        (*residuals, constraints[-1]),
        inner_size=_inner_sizes(chain)[0],
    )
    loop = {name: options[name] for name in ("max_iter", "tol", "verbose")}

    def solve(target):
        return hierarchical_palm4msa(target, schedule, **loop)

    return _weighted(solve, matrix, metric)


SOLVERS = {
    "closed_form": closed_form,
    "gradient": by_gradient,
    "hierarchical_palm4msa": by_hierarchical_palm4msa,
    "palm4msa": by_palm4msa,
}


def _chain_of(structure, shape, solver, at_least=1):
    chain = structure.chain(shape) if hasattr(structure, "chain") else ()
    if len(chain) < at_least:
        wanted = "a chain" if at_least == 1 else "a chain of two factors or more"
        raise ValueError(
            f"solver={solver!r} needs {wanted}, which {structure!r} does not give "
            f"for a matrix of shape {shape}; pass structure='butterfly' or 'monarch', "
            f"or solver='auto'."
        )
    return chain


def _inner_sizes(chain):
    return [a * c * d for a, _, c, d in chain[:-1]]


def _constraints(chain):
    return [KSparseRowsColumns((c, b), exactly=False) for _, b, c, _ in chain]


def _weighted(solve, matrix, metric):
    """A solver without weights, on the matrix with weighted columns."""
    if metric.columns is None:
        return solve(matrix), metric.diagonal(matrix)
    result = solve(matrix * metric.columns)
    operator = Product(result.operator, Diagonal(1 / metric.columns))
    return replace(result, operator=operator), metric.diagonal(matrix)
