"""Sections with certificates: the closed form, and the exact matching."""

from functools import partial

import numpy as np
import scipy.optimize
from factorization_peers import dyadic_peers, imported
from timing import medians

from skfrugal.constraints import KSparseRowsColumns, KSparseRowsColumnsUnion
from skfrugal.operators import (
    KroneckerSparse,
    Product,
    chain_from_factors,
    chain_from_shape,
    hadamard,
    monarch,
    radix,
    square_dyadic,
)
from skfrugal.solvers import butterfly_factorization, butterfly_projection

CHAINS = (
    square_dyadic(8),
    square_dyadic(32),
    square_dyadic(64),
    radix(64, 4),
    monarch(24, 36),
    monarch(36, 24, rank=2),
    chain_from_shape(48, 30),
    chain_from_shape(64, 64, n_factors=3, rank=2),
    chain_from_factors([2, 3, 2, 4], [3, 2, 4, 2]),
    chain_from_factors([4, 2, 2, 4], [4, 2, 2, 4], rank=2),
)
DTYPES = (np.float64, np.float32, np.complex128, np.complex64)
ORDERS = ("l2r", "r2l", "balanced")
# Rounding, relative to the norm of the matrix.
ROUNDING = {8: 1e-13, 4: 2e-6}


def normal(rng, shape, is_complex):
    A = rng.standard_normal(shape)
    return A + 1j * rng.standard_normal(shape) if is_complex else A


def member(rng, chain, is_complex):
    """A random product of the chain."""
    factors = [KroneckerSparse(normal(rng, part, is_complex)) for part in chain]
    return Product(factors).toarray()


def noisy(rng, chain, A, is_complex):
    B = member(rng, chain, is_complex)
    return B + 10 ** rng.uniform(-12, 0) * np.linalg.norm(B) / np.linalg.norm(A) * A


def rank_deficient(rng, chain, A, is_complex):
    r = rng.randint(1, 4)
    left = normal(rng, (A.shape[0], r), is_complex)
    return left @ normal(rng, (r, A.shape[1]), is_complex)


def badly_scaled(rng, chain, A, is_complex):
    rows = 10 ** rng.uniform(-6, 6, (A.shape[0], 1))
    return rows * A * 10 ** rng.uniform(-6, 6, A.shape[1])


def scaled_noisy(rng, chain, A, is_complex):
    B = member(rng, chain, is_complex) * (1 + 10 ** rng.uniform(-8, 0) * A)
    return badly_scaled(rng, chain, B, is_complex)


def sparse(rng, chain, A, is_complex):
    return A * (rng.random_sample(A.shape) < 0.1)


def smooth(rng, chain, A, is_complex):
    x, y = (np.sort(rng.random_sample(side)) for side in A.shape)
    kernel = 1 / (0.01 + np.abs(x[:, np.newaxis] - y))
    return kernel * np.exp(30j * np.outer(x, y)) if is_complex else kernel


def signs(rng, chain, A, is_complex):
    return np.sign(A.real) + (1j * np.sign(A.imag) if is_complex else 0)


def extreme(rng, chain, A, is_complex):
    """Squares overflow, or vanish, in the dtype that the matrix is given."""
    return A * 10.0 ** rng.choice([-25, 25])


KINDS = {
    "Gaussian": lambda rng, chain, A, is_complex: A,
    "structured + noise": noisy,
    "rank deficient": rank_deficient,
    "badly scaled": badly_scaled,
    "scaled, noise in proportion": scaled_noisy,
    "sparse": sparse,
    "smooth": smooth,
    "signs": signs,
    "times 1e25 or 1e-25": extreme,
}


def shape_of(chain):
    (a, b, _, d), (e, _, f, g) = chain[0], chain[-1]
    return a * b * d, e * f * g


def slacks(A, chain, order):
    """Slacks of the bounds, over the norm of A: all >= 0 but for rounding.

    The error is measured from the operator, in float64; and once more after sweeps,
    which look for a closer product of the chain.
    """
    wide = np.result_type(A, np.float64)
    unit = float(np.abs(A).max()) or 1.0
    A_unit = A.astype(wide) / unit
    result = butterfly_factorization(A, chain, order=order)
    swept = butterfly_factorization(A, chain, order=order, sweeps=2)
    error, closer = (
        np.linalg.norm(A_unit - each.operator.toarray().astype(wide) / unit)
        for each in (result, swept)
    )
    lower, upper = result.lower_bound / unit, result.upper_bound / unit
    found = np.array([error - lower, upper - error, closer - lower])
    return found / (np.linalg.norm(A_unit) or 1.0)


def certificate(options):
    """Smallest slacks of lower <= error <= upper, and how often they are violated."""
    print(
        "smallest slack of the lower bound, the upper one, the lower one after sweeps"
    )
    print(f"{'':>26} {'matrices':>8}  {'float64':>29}  {'float32':>29}  violations")
    figures = []
    for kind, make in KINDS.items():
        rng = np.random.RandomState(0)
        least = {size: np.full(3, np.inf) for size in ROUNDING}
        n_wrong = 0
        for number in range(options.count):
            dtype = np.dtype(DTYPES[number % len(DTYPES)])
            chain = CHAINS[rng.randint(len(CHAINS))]
            is_complex = dtype.kind == "c"
            size = dtype.itemsize // (2 if is_complex else 1)
            A = normal(rng, shape_of(chain), is_complex)
            A = make(rng, chain, A, is_complex).astype(dtype)
            found = slacks(A, chain, ORDERS[number % len(ORDERS)])
            least[size] = np.minimum(least[size], found)
            n_wrong += bool(np.any(found < -ROUNDING[size]))
        cells = "  ".join(
            " ".join(f"{value:9.1e}" for value in least[size]) for size in ROUNDING
        )
        print(f"{kind:>26} {options.count:8}  {cells}  {n_wrong}", flush=True)
        figure = {"kind": kind, "count": options.count, "violations": n_wrong}
        figures.append(figure | {f"slacks{8 * s}": list(v) for s, v in least.items()})
    print(f"violations in all: {sum(figure['violations'] for figure in figures)}")
    return figures


def dyadic(options):
    """Seconds and errors of the dyadic projection."""
    figures = []
    for n in options.sizes or (256, 1024, 2048):
        A = np.random.RandomState(0).standard_normal((n, n))
        others = {"noisy Hadamard": hadamard(n).toarray() + 0.01 * A}
        figures += compare_dyadic(n, {"Gaussian": A} | others)
    return figures


def compare_dyadic(n, matrices):
    """Print times of the first matrix, and errors of all."""
    chain = square_dyadic(n)
    projections = {
        "butterfly_projection": lambda A: butterfly_projection(A, chain).operator,
        "with the certificate": lambda A: butterfly_factorization(A, chain).operator,
        **dyadic_peers(n),
    }
    others = {"NumPy svd": np.linalg.svd, "its values alone": values_alone}
    A = next(iter(matrices.values()))
    calls = {name: partial(f, A) for name, f in (projections | others).items()}
    taken = medians(calls, seconds=2, least=3 if n > 1024 else 5, turn=0)
    ours, certified, whole = (
        taken[name]
        for name in ("butterfly_projection", "with the certificate", "NumPy svd")
    )
    print(f"N = {n}: {ours * 1e3:.2f} ms")
    figures = []
    for name, seconds in taken.items():
        figure = {"n": n, "name": name, "seconds": seconds, "times": seconds / ours}
        line = f"{name:>22} {figure['times']:7.1f} x the time"
        for what, B in matrices.items() if name in projections else ():
            error = np.linalg.norm(B - projections[name](B).toarray())
            figure[what] = error / np.linalg.norm(B)
            line += f"   {what} {figure[what]:.6f}"
        print(line, flush=True)
        figures.append(figure)
    print(f"{'':>22} the certified one takes {certified / whole:.3f} of an svd")
    return figures


def values_alone(A):
    return np.linalg.svd(A, compute_uv=False)


def matching(options):
    """Seconds of the exact projection on k-regular supports, and its gap."""
    n, k = 1024, 2
    rng = np.random.RandomState(0)
    A = rng.standard_normal((n, n))
    near = A + 0.01 * rng.standard_normal((n, n))
    exact = KSparseRowsColumns(k)
    prices = exact.solve(A).prices
    calls = {
        "cold": lambda: exact.solve(near),
        "warm, 1 % away": lambda: exact.solve(near, prices=prices),
        "warm, the same": lambda: exact.solve(A, prices=prices),
        "union (splincol)": lambda: KSparseRowsColumnsUnion(k).project(near),
        "SciPy, k = 1": lambda: scipy.optimize.linear_sum_assignment(
            near**2, maximize=True
        ),
        "k = 1": lambda: KSparseRowsColumns(1).solve(near),
        "a dense product": lambda: A @ near,
    }
    if proj := imported("pyfaust.proj"):
        calls["pyfaust splincol"] = lambda: proj.splincol((n, n), k)(near)
    taken = medians(calls, seconds=3, least=3, turn=0)
    for name, seconds in taken.items():
        print(f"{name:>18} {seconds:8.4f} s", flush=True)
    figure = {"seconds": taken}
    for name, matching_ in (
        ("cold", calls["cold"]()),
        ("warm", calls["warm, 1 % away"]()),
    ):
        figure[f"{name} gap"] = matching_.bound - matching_.kept
        print(f"{name:>18} kept {matching_.kept:.6f}, gap {figure[name + ' gap']:.1e}")
    support = calls["union (splincol)"]() != 0
    figure["exact_nonzeros"] = int(calls["cold"]().support.sum())
    figure["union_nonzeros"] = int(support.sum())
    figure["union_row"] = int(support.sum(axis=1).max())
    line = "entries: exact {exact_nonzeros}, union {union_nonzeros}, "
    line += "up to {union_row} in a row"
    print(line.format(**figure))
    return [figure]
