"""Transforms as products of sparse factors: closed form, gradient, and Dao et al. 2019.

    python benchmarks/bench_transforms.py [--sizes 8 16 ...] [--gradient-up-to 128]
                                          [--sections table backward permutations]
                                          [--json FILE]

``table``: root mean squared error of each entry, in the scaling of the paper (entries
of order ``N ** -0.5``), and seconds.  "size": stored values over those of the dense
matrix; 1 is the dense matrix itself, where a chain of rank 2 would be no smaller.  The
closed form tries the known orders of rows and columns, and the same chain is learnt by
gradient in the order that it found.  A convolution is a transposed butterfly times a
butterfly (by gradient), or a `circulant` (in closed form).  Printed figures are those
of T. Dao et al., ICML 2019, table 4: the best of 20 to 320 trials a cell.

``backward``: gradients of a chain, how many times faster than the dense ones, and how
many times slower than its product with the rows.

``permutations``: rows and columns shuffled at random, found by peeling.
"""

import argparse
import time
import warnings

import numpy as np
import scipy.fft
from numpy.polynomial import legendre
from scipy import linalg
from timing import fixed_threads, medians, print_machine, write_json

from skfrugal.operators import (
    KroneckerSparse,
    Product,
    bit_reversal,
    chain_from_factors,
    circulant,
    hadamard,
    radix,
    random_butterfly,
    square_dyadic,
)
from skfrugal.operators._chain_gradient import ChainFunction
from skfrugal.solvers import (
    butterfly_factorization,
    find_permutations,
    gradient_factorization,
)

PRINTED = {
    ("DFT", 8): 3.1e-6, ("DFT", 128): 2.0e-5, ("DFT", 512): 8.0e-5,
    ("DFT", 1024): 5.7e-5, ("DCT", 8): 4.4e-6, ("DCT", 128): 2.1e-5,
    ("DCT", 512): 3.1e-5, ("DCT", 1024): 7.3e-5, ("Hadamard", 8): 8.8e-7,
    ("Hadamard", 128): 3.5e-5, ("Hadamard", 512): 6.1e-5, ("Hadamard", 1024): 3.6e-5,
    ("convolution", 1024): 1.9e-2, ("Legendre", 8): 3.4e-2, ("Legendre", 1024): 1.6e-3,
}  # fmt: skip


def targets(n):
    """Name, matrix, and whether it is real with a chain of rank 2."""
    eye, root = np.eye(n), np.sqrt(n)
    rng = np.random.RandomState(0)
    grid = np.linspace(-1, 1, n + 2)[1:-1]
    angle = 2 * np.pi * np.outer(np.arange(n), np.arange(n)) / n
    yield "DFT", scipy.fft.fft(eye, axis=0) / root, False
    yield "Hadamard", hadamard(n).toarray() / root, False
    yield "DCT", scipy.fft.dct(eye, axis=0) / root, True
    yield "DST", scipy.fft.dst(eye, axis=0) / root, True
    yield "Hartley", (np.cos(angle) + np.sin(angle)) / root, True
    yield "convolution", linalg.circulant(rng.standard_normal(n)) / root, False
    yield "Legendre", legendre.legvander(grid, n - 1).T / root, True
    yield "random", rng.standard_normal((n, n)) / root, True


def real_chain(n):
    """Real parts of a dyadic chain: rank 2; the dense matrix where that is smaller."""
    if n < 16:
        return ((1, n, n, 1),)
    sides = [4] + [2] * (n.bit_length() - 5) + [4]
    return chain_from_factors(sides, sides, rank=2)


def of_convolution(A, n):
    """Closed form, and the chain and order for the gradient."""
    order = bit_reversal(n).indices
    dyadic = square_dyadic(n)
    transposed = tuple((a, c, b, d) for a, b, c, d in dyadic[::-1])
    error = np.linalg.norm(circulant(A[:, 0]).toarray() - A)
    return error, (A[order][:, order].astype(complex), transposed + dyadic)


def table(sizes, largest):
    print(
        f"{'':>12} {'N':>5} {'size':>5}  {'printed':>8}  {'closed form':>18}  "
        f"{'gradient':>18}"
    )
    figures = []
    for n in sizes:
        for name, A, is_real in targets(n):
            figures.append(factorized(name, A, n, is_real, n <= largest))
            print_figure(figures[-1])
    return figures


def factorized(name, A, n, is_real, by_gradient):
    start = time.perf_counter()
    if name == "convolution":
        error, learnt = of_convolution(A, n)
    else:
        chain = real_chain(n) if is_real else square_dyadic(n)
        found = find_permutations(A, chain)
        error, learnt = found.error, (in_order(A, found), chain)
    figure = {"name": name, "n": n, "printed": PRINTED.get((name, n))}
    figure["size"] = sum(np.prod(pattern) for pattern in learnt[1]) / n**2
    figure |= {"closed": error / n, "closed_seconds": time.perf_counter() - start}
    if by_gradient:
        start = time.perf_counter()
        options = {"n_init": 5, "max_iter": 2000, "random_state": 0}
        figure["gradient"] = gradient_factorization(*learnt, **options).error / n
        figure["gradient_seconds"] = time.perf_counter() - start
    return figure


def in_order(A, found):
    """A with the rows and columns that `find_permutations` moved."""
    parts = getattr(found.operator, "factors", (found.operator,))
    if hasattr(parts[0], "indices"):
        A = A[np.argsort(parts[0].indices)]
    if hasattr(parts[-1], "indices"):
        A = A[:, parts[-1].indices]
    return A


def print_figure(figure):
    cells = [f"{figure['name']:>12} {figure['n']:>5} {figure['size']:5.2f}"]
    printed = figure["printed"]
    cells.append(f"{printed:8.1e}" if printed else " " * 8)
    for name in ("closed", "gradient"):
        if name in figure:
            cells.append(f"{figure[name]:8.1e} {figure[name + '_seconds']:7.2f} s")
    print("  ".join(cells), flush=True)


def backward(sizes):
    """Seconds of a backward pass, float32, 1024 rows."""
    print(f"{'chain':>16} {'N':>5}  us a row  times dense  over forward")
    figures = []
    for n in sizes:
        figures.append(compare_backward("dyadic", square_dyadic(n), n))
        if n.bit_length() % 2 == 1:  # a power of four
            figures.append(compare_backward("radix 4", radix(n, 4), n))
    return figures


def compare_backward(name, chain, n, n_rows=1024):
    rng = np.random.RandomState(0)
    function = ChainFunction(chain, np.float32)
    values = rng.standard_normal(function.n_values).astype(np.float32) / 2
    X, G = rng.standard_normal((2, n_rows, n)).astype(np.float32)
    operator = Product([KroneckerSparse(part) for part in function.factors(values)])
    dense = operator.toarray()
    calls = {
        "dense": lambda: (G @ dense, G.T @ X),
        "ours": lambda: function.backward(values, X, G),
        "forward": lambda: X @ operator.T,
    }
    taken = medians(calls)
    figure = {"chain": name, "n": n, "us": taken["ours"] / n_rows * 1e6}
    figure["ratio"] = taken["dense"] / taken["ours"]
    figure["over_forward"] = taken["ours"] / taken["forward"]
    line = "{chain:>16} {n:>5}  {us:8.2f}  {ratio:11.1f}  {over_forward:12.2f}"
    print(line.format(**figure), flush=True)
    return figure


def permutations(sizes):
    """Relative error and seconds of shuffled butterflies."""
    families = {
        "DFT": lambda n: scipy.fft.fft(np.eye(n)),
        "Hadamard": lambda n: hadamard(n).toarray().astype(float),
        "orthogonal": lambda n: random_butterfly(
            n, orthogonal=True, random_state=0
        ).toarray(),
        "random": lambda n: random_butterfly(n, random_state=0).toarray(),
    }
    figures = []
    for n in sizes:
        for name, build in families.items():
            rng = np.random.RandomState(0)
            A = build(n)[rng.permutation(n)][:, rng.permutation(n)]
            start = time.perf_counter()
            found = find_permutations(A, method="peel")
            seconds = time.perf_counter() - start
            plain = butterfly_factorization(A, square_dyadic(n)).error
            size = np.linalg.norm(A)
            figure = {"name": name, "n": n, "error": found.error / size}
            figure |= {"unordered": plain / size, "seconds": seconds}
            figures.append(figure)
            line = "{name:>12} {n:>5}  error {error:.1e} (unordered {unordered:.2f})"
            print((line + "  {seconds:.2f} s").format(**figure), flush=True)
    return figures


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=None)
    parser.add_argument("--gradient-up-to", type=int, default=128)
    parser.add_argument("--sections", nargs="+", default=list(SECTIONS))
    parser.add_argument("--json")
    arguments = parser.parse_args()
    print_machine()
    warnings.simplefilter("ignore")  # starts that end at max_iter
    figures = {}
    with fixed_threads(1):
        for section in arguments.sections:
            print(f"\n{section}")
            sizes = arguments.sizes or SECTIONS[section][1]
            options = [arguments.gradient_up_to] if section == "table" else []
            figures[section] = SECTIONS[section][0](sizes, *options)
    if arguments.json:
        write_json(arguments.json, figures)


SECTIONS = {
    "table": (table, [8, 16, 32, 64, 128, 256, 512, 1024]),
    "backward": (backward, [64, 256, 1024, 4096]),
    "permutations": (permutations, [16, 64, 256]),
}

if __name__ == "__main__":
    main()
