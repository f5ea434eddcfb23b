"""Where a short sparse product starts: factors drawn from the matrix itself."""

import numpy as np
import scipy.sparse as sp

from skfrugal.solvers._sparse_coding import shared_codes
from skfrugal.solvers._sparse_product_parts import Parts
from skfrugal.solvers._sparse_product_updates import gram, regularised_solve

# Coding and least squares in turn, before the next factor is split off.
_N_ROUNDS = 4
# A dense middle becomes sparse in so many steps, each of which loses the same factor.
_N_PRUNINGS = 3


def starting_parts(problem, n_atoms, rng, improved):
    """Parts to start from.

    Parameters
    ----------
    problem : Problem
    n_atoms : (int, int)
        Numbers of atoms a and b.
    rng : RandomState
    improved : callable
        Returns better parts, given parts and a number of rounds.
    """
    a, b = n_atoms
    columns, right = _columns(problem, b, rng)
    n_nonzero = problem.n_nonzero
    if len(n_nonzero) == 2:
        B, G = (right.T @ problem.A.T).T, gram(right)
        left, _ = shared_codes(B, G, n_nonzero[0], weight=problem.weight)
        return Parts(left, None, right)
    left, middle = _rows(problem, columns, gram(right), a, rng)
    parts = Parts(left, middle, right)
    if n_nonzero[1] is None:
        return parts
    parts = improved(parts, 3)
    for step in range(1, _N_PRUNINGS + 1):
        kept = round(a * b * (n_nonzero[1] / (a * b)) ** (step / _N_PRUNINGS))
        parts = improved(_pruned(problem, parts, kept), 2)
    return parts


def _columns(problem, b, rng):
    """Columns (M, b) and the codes of all columns of the matrix over them."""
    root = np.sqrt(problem.weight)[:, np.newaxis]
    signals = (problem.A * root).T
    atoms, right = signals[_drawn(signals, b, rng)].T, None
    for _ in range(_N_ROUNDS):
        right, _ = shared_codes(
            signals @ atoms, atoms.T @ atoms, problem.n_nonzero[-1], old=right
        )
        atoms = regularised_solve(gram(right), right.T @ signals).T
    return atoms / root, right


def _rows(problem, columns, metric, a, rng):
    """Codes (M, a) of rows over a of them, in a metric of the columns, and these."""
    weight = problem.weight[:, np.newaxis]
    atoms, left = columns[_drawn(columns * np.sqrt(weight), a, rng)], None
    for _ in range(_N_ROUNDS):
        cross = metric @ atoms.T
        left, _ = shared_codes(
            columns @ cross,
            atoms @ cross,
            problem.n_nonzero[0],
            weight=problem.weight,
            old=left,
        )
        weighted = (left.T @ (sp.diags_array(problem.weight) @ left)).toarray()
        atoms = regularised_solve(weighted, left.T @ (weight * columns))
    return left, atoms


def _drawn(rows, k, rng):
    """Numbers of k rows, each with probability of what those before it miss of it.

    Once nothing is missed, the rows drawn are forgotten; so more are drawn than the
    rank.
    """
    whole = np.einsum("ij,ij->i", rows, rows)
    if not whole.any():
        return rng.randint(len(rows), size=k)
    drawn, missed, span = [], whole.copy(), []
    while len(drawn) < k:
        if missed.sum() <= 1e-10 * whole.sum():
            missed, span = whole.copy(), []
        chosen = rng.choice(len(rows), p=missed / missed.sum())
        drawn.append(chosen)
        direction = rows[chosen].copy()
        for _ in range(2):  # the second time for what rounding left
            if span:
                direction -= (np.array(span) @ direction) @ np.array(span)
        direction /= np.linalg.norm(direction) or 1.0
        span.append(direction)
        missed = np.maximum(missed - (rows @ direction) ** 2, 0)
        missed[chosen] = 0
    return np.array(drawn)


def _pruned(problem, parts, kept):
    """The entries of the middle that matter most, given atoms of norm 1."""
    parts = problem.balanced(parts)
    middle = parts.dense_middle.T.copy()
    order = np.argsort(-np.abs(middle), axis=None, kind="stable")
    middle.flat[order[kept:]] = 0
    return Parts(parts.left, sp.csr_array(middle), parts.right)
