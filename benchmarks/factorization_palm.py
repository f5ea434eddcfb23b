"""Sections without certificates: hierarchical palm4MSA, and unknown supports."""

import numpy as np
import scipy.linalg
from factorization_peers import faust_hierarchical, timed

from skfrugal.constraints import KSparseRowsColumns
from skfrugal.operators import square_dyadic
from skfrugal.solvers import (
    admm,
    butterfly_factorization,
    find_permutations,
    hierarchical_palm4msa,
    palm4msa,
    square_transform,
)

NOISE = 1e-3
# A preference for the natural order that this noise does not hide: a hundredfold.
TIE_RESOLUTION = 100 * NOISE
# pyfaust takes minutes at the next size.
PYFAUST_UP_TO = 128
# Best and median of eight starts of the prototype, for palm4MSA and for ADMM.
PROTOTYPE = {
    (16, 2): ((0.125, 0.222), (0.010, 0.220)),
    (16, 3): ((0.235, 0.350), (0.102, 0.139)),
    (16, 4): ((0.389, 0.591), (0.191, 0.232)),
}


def variants(n):
    """Name, matrix, share of noise: a Hadamard matrix in order, shuffled, and noisy."""
    rng = np.random.RandomState(0)
    H = scipy.linalg.hadamard(n).astype(float)
    shuffled = H[rng.permutation(n)][:, rng.permutation(n)]
    noise = NOISE * rng.standard_normal((n, n))
    yield "in order", H, 0.0
    yield "shuffled", shuffled, 0.0
    yield "noisy", H + noise, NOISE
    yield "shuffled, noisy", shuffled + noise, NOISE


def recoveries(A, noise, n, with_pyfaust):
    """Name and function of what is tried; each returns an operator."""
    yield "palm4MSA", lambda: hierarchical_palm4msa(A, square_transform(n)).operator
    if noise:
        schedule = square_transform(n, tie_resolution=TIE_RESOLUTION)
        yield "palm4MSA, ties", lambda: hierarchical_palm4msa(A, schedule).operator
    yield "closed form", lambda: butterfly_factorization(A, square_dyadic(n)).operator
    yield "peeling", lambda: find_permutations(A, method="peel").operator
    if with_pyfaust:
        yield "pyfaust", lambda: faust_hierarchical(A, "hadamard")


def hadamard(options):
    """Errors and seconds, and who recovers what."""
    largest = np.inf if options.full else PYFAUST_UP_TO
    print("recovered: the error is that of rounding, or of the noise")
    figures = []
    for n in options.sizes or (32, 64, 128, 256, 512):
        for variant, A, noise in variants(n):
            # The shuffled ones tell all at sizes that take seconds.
            if variant != "in order" and n > PYFAUST_UP_TO:
                continue
            for name, function in recoveries(A, noise, n, n <= largest):
                operator, seconds = timed(function)
                if operator is None:  # no pyfaust
                    continue
                if name == "pyfaust":
                    operator, seconds = operator
                error = np.linalg.norm(A - operator.toarray()) / np.linalg.norm(A)
                figure = {"n": n, "variant": variant, "name": name, "error": error}
                figure |= {"seconds": seconds, "nnz": operator.nnz}
                figure["recovered"] = bool(error <= max(1e-6, 1.1 * noise))
                line = "{n:>5} {variant:>16} {name:>15}  error {error:.1e}"
                line += "  {seconds:8.3f} s  {nnz:>6} entries  "
                line += "recovered" if figure["recovered"] else "not found"
                print(line.format(**figure), flush=True)
                figures.append(figure)
    return figures


def two_uniform_factor(n, rng):
    """Two normal entries in each row and column: two disjoint permutations."""
    first = rng.permutation(n)
    while True:
        second = rng.permutation(n)
        if np.all(first != second):
            break
    factor = np.zeros((n, n))
    factor[np.arange(n), first] = rng.standard_normal(n)
    factor[np.arange(n), second] = rng.standard_normal(n)
    return factor


def two_uniform(options):
    """Errors over random products whose supports are unknown."""
    n_starts, n_draws = 8, 5
    print(f"{n_draws} draws, {n_starts} starts each; recovered: error below 1e-6")
    figures = []
    for n, n_factors in [(16, 2), (16, 3), (16, 4), (32, 2), (32, 3), (32, 4)]:
        errors, seconds = {}, {}
        for draw in range(n_draws):
            rng = np.random.RandomState(draw)
            A = np.linalg.multi_dot(
                [two_uniform_factor(n, rng) for _ in range(n_factors)]
            )
            for name, function in of_unknown_supports(A, n_factors, n_starts):
                result, taken = timed(function)
                errors.setdefault(name, []).append(result.error / np.linalg.norm(A))
                seconds.setdefault(name, []).append(taken)
        for name, found in errors.items():
            figure = {"n": n, "n_factors": n_factors, "name": name, "errors": found}
            figure |= {"median": np.median(found), "best": min(found)}
            figure["recovered"] = int(np.sum(np.less(found, 1e-6)))
            figure["seconds"] = np.median(seconds[name])
            line = (
                "n={n} J={n_factors} {name:>18}  best {best:.1e}  median {median:.3f}  "
            )
            line += "recovered {recovered} of " + f"{n_draws}" + "  {seconds:.2f} s"
            print(line.format(**figure), flush=True)
            figures.append(figure)
        if (n, n_factors) in PROTOTYPE:
            palm, other = PROTOTYPE[n, n_factors]
            print(f"{'':>9} prototype, best / median of 8 starts:", end=" ")
            print("PALM {} / {}, ADMM {} / {}".format(*palm, *other))
    return figures


def of_unknown_supports(A, n_factors, n_starts):
    """Name and function of each solver."""
    constraints = [KSparseRowsColumns(2)] * n_factors
    options = {"n_init": n_starts, "random_state": 0}
    yield "palm4msa", lambda: palm4msa(A, constraints, **options)
    schedule = square_transform(len(A), n_factors=n_factors)
    yield "hierarchical", lambda: hierarchical_palm4msa(A, schedule)
    yield "admm", lambda: admm(A, constraints, **options)
    yield (
        "admm, from hier.",
        lambda: admm(
            A, constraints, init=hierarchical_palm4msa(A, schedule).operator, **options
        ),
    )
