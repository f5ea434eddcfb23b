"""Products with structured matrices, beside NumPy's dense product, FFTs and peers.

    python benchmarks/bench_apply.py [--isa avx512 avx2 baseline] [--json FILE]
                                     [--sections chains threads ...]

Rows of X times op.T.  Every figure is a ratio of medians of interleaved turns in one
process: how many times faster than the dense product ``X @ W.T`` in the same dtype
(above 1 is a gain).  A turn is about 5 ms of calls; the section `cold` makes it one
call, on caches that the dense product has filled.  Instruction sets run a process each.
"""

import argparse
import importlib.util
import os
import subprocess
import sys

import numpy as np
import scipy.fft
import scipy.sparse as sp
from timing import fixed_threads, medians, print_machine, write_json

from skfrugal import operators as ops

SIZES = (64, 256, 1024, 4096)
BATCHES = (1024, 64, 1)


def rows(n_rows, n, dtype, seed=0):
    return np.random.RandomState(seed).standard_normal((n_rows, n)).astype(dtype)


def dense_of(op, dtype):
    return np.ascontiguousarray(op.toarray(), dtype)


def generic_butterfly(n, dtype):
    """A butterfly with zeros on diagonals, which the unit form cannot represent."""
    factors = list(ops.random_butterfly(n, random_state=0).factors)
    values = np.array(factors[0].values)
    values[0, 0, 0, 0] = 0.0
    factors[0] = ops.KroneckerSparse(values)
    return ops.Product(factors).astype(dtype)


def peers(op, X):
    """Name -> product of each peer that is installed."""
    found = {}
    csr = [sp.csr_array(f.toarray()).astype(X.dtype) for f in op.factors]
    transposed = np.ascontiguousarray(X.T)

    def scipy_chain():
        Y = transposed
        for factor in reversed(csr):
            Y = factor @ Y
        return Y

    found["scipy csr chain"] = scipy_chain
    found["scipy rfft"] = lambda: scipy.fft.rfft(X, axis=1)
    if importlib.util.find_spec("mkl_fft"):
        import mkl_fft

        found["mkl rfft"] = lambda: mkl_fft.rfft(X, axis=1)
    if importlib.util.find_spec("pyfftw"):
        import pyfftw

        plan = pyfftw.builders.rfft(X.copy(), axis=1, threads=1)
        found["pyfftw rfft"] = lambda: plan(X)
    if importlib.util.find_spec("pyfaust"):
        import pyfaust

        faust = pyfaust.Faust([sp.csr_matrix(factor) for factor in csr])
        found["pyfaust"] = lambda: faust @ np.asfortranarray(transposed)
    if importlib.util.find_spec("lazylinop"):
        from lazylinop.butterfly import ksm

        lazy = ksm([np.ascontiguousarray(f.values, X.dtype) for f in op.factors])
        found["lazylinop"] = lambda: lazy @ transposed
    return found


def bench_chains(dtype=np.float32):
    """The butterfly, its generic form, and FFTs, for each size and batch."""
    figures = {}
    for n_rows in BATCHES:
        for n in SIZES:
            op = ops.random_butterfly(n, random_state=0).astype(dtype)
            generic = generic_butterfly(n, dtype)
            W, X = dense_of(op, dtype), rows(n_rows, n, dtype)
            functions = {
                "dense": lambda W=W, X=X: X @ W.T,
                "butterfly": lambda op=op, X=X: X @ op.T,
                "generic": lambda op=generic, X=X: X @ op.T,
                **peers(op, X),
            }
            figures[f"N={n} rows={n_rows}"] = ratios(functions)
    return figures


def bench_float64():
    return bench_chains(np.float64)


def bench_rectangular(dtype=np.float32):
    """Chains of two factors, as layers use them."""
    figures = {}
    for n_rows in BATCHES:
        for m, n in ((1024, 784), (1024, 256)):
            op = ops.random_chain(ops.monarch(m, n), random_state=0).astype(dtype)
            W, X = dense_of(op, dtype), rows(n_rows, n, dtype)
            functions = {
                "dense": lambda W=W, X=X: X @ W.T,
                "two factors": lambda op=op, X=X: X @ op.T,
            }
            figures[f"{n} -> {m} rows={n_rows}"] = ratios(functions)
    return figures


def random_rotations(n, n_rotations, per_level, dtype):
    rng = np.random.RandomState(0)
    pairs, angles = [], []
    for _ in range(n_rotations // per_level):
        pairs.append(rng.permutation(n)[: 2 * per_level].reshape(-1, 2))
        angles.append(rng.uniform(-np.pi, np.pi, per_level))
    return ops.Rotations(n, pairs, angles).astype(dtype)


def bench_rotations(dtype=np.float32):
    """10,240 rotations of arbitrary pairs, N = 1024, in 20 and in 80 levels."""
    figures = {}
    n = 1024
    for n_rows in BATCHES:
        X = rows(n_rows, n, dtype)
        for n_levels in (20, 80):
            op = random_rotations(n, 10 * n, 10 * n // n_levels, dtype)
            W = dense_of(op, dtype)
            functions = {
                "dense": lambda X=X, W=W: X @ W.T,
                "rotations": lambda X=X, op=op: X @ op.T,
            }
            figures[f"{n_levels} levels rows={n_rows}"] = ratios(functions)
    return figures


def bench_sparse(dtype=np.float32):
    """A chain of 10 factors of 2 non-zeros a row, learnt supports, N = 1024."""
    rng = np.random.RandomState(0)
    n = 1024
    factors = []
    for _ in range(10):
        columns = np.concatenate([rng.permutation(n), rng.permutation(n)])
        values = rng.standard_normal(2 * n)
        place = (np.tile(np.arange(n), 2), columns)
        factors.append(ops.SparseFactor(sp.coo_array((values, place), shape=(n, n))))
    op = ops.Product(factors).astype(dtype)
    W = dense_of(op, dtype)
    csr = [f.matrix for f in op.factors]
    figures = {}
    for n_rows in BATCHES:
        X = rows(n_rows, n, dtype)
        transposed = np.ascontiguousarray(X.T)

        def scipy_chain(Y=transposed):
            for factor in reversed(csr):
                Y = factor @ Y
            return Y

        functions = {
            "dense": lambda X=X: X @ W.T,
            "csr chain": lambda X=X: X @ op.T,
            "scipy csr chain": scipy_chain,
        }
        figures[f"N={n} rows={n_rows}"] = ratios(functions)
    return figures


def bench_cold(dtype=np.float32):
    """The butterfly and a copy of its rows, each call after a dense product."""
    figures = {}
    for n in SIZES:
        op = ops.random_butterfly(n, random_state=0).astype(dtype)
        W, X = dense_of(op, dtype), rows(1024, n, dtype)
        functions = {
            "dense": lambda W=W, X=X: X @ W.T,
            "butterfly": lambda op=op, X=X: X @ op.T,
            "copy": lambda X=X: X.copy(),
        }
        figures[f"N={n} rows=1024"] = ratios(functions, turn=0)
    return figures


def bench_threads(dtype=np.float32):
    """Two threads against one, and the dense product's own scaling."""
    n, n_rows = 1024, 4096
    op = ops.random_butterfly(n, random_state=0).astype(dtype)
    W, X = dense_of(op, dtype), rows(n_rows, n, dtype)
    # One after the other: threads of BLAS spin for a while after their work.
    functions = {"butterfly": lambda: X @ op.T, "dense": lambda: X @ W.T}
    scaling = {}
    for name, function in functions.items():
        taken = []
        for n_threads in (1, 2):
            with fixed_threads(n_threads):
                taken.append(medians({name: function}, seconds=1.5)[name])
        scaling[name] = taken[0] / taken[1]
    return {f"N={n} rows={n_rows}, 2 threads over 1": scaling}


def bench_overhead(dtype=np.float32):
    """Microseconds of one call for one row, N = 64, and of the dense product."""
    op = ops.random_butterfly(64, random_state=0).astype(dtype)
    W, X = dense_of(op, dtype), rows(1, 64, dtype)
    taken = medians(
        {"dense": lambda: X @ W.T, "butterfly": lambda: X @ op.T}, turn=0, least=2000
    )
    return {"microseconds a call": {k: v * 1e6 for k, v in taken.items()}}


def ratios(functions, **options):
    """Dense over each, two by two: others would leave the caches and the heap cold."""
    dense = functions.pop("dense")
    found = {}
    for name, function in functions.items():
        taken = medians({"dense": dense, name: function}, seconds=0.5, **options)
        found.setdefault("dense us", taken["dense"] * 1e6)
        found[name] = taken["dense"] / taken[name]
    return found


SECTIONS = {
    "chains": bench_chains,
    "cold": bench_cold,
    "float64": bench_float64,
    "rectangular": bench_rectangular,
    "rotations": bench_rotations,
    "sparse": bench_sparse,
    "threads": bench_threads,
    "overhead": bench_overhead,
}


def run(sections, path):
    print_machine()
    figures = {}
    for section in sections:
        function = SECTIONS[section]
        title = (function.__doc__ or f"{section}: as chains").splitlines()[0]
        print(f"\n{section}: {title}")
        with fixed_threads(1):
            figures[section] = function()
        for case, values in figures[section].items():
            print(f"  {case:28}", end="  ")
            print("  ".join(f"{name} {value:.4g}" for name, value in values.items()))
    if path:
        write_json(path, figures)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--isa", nargs="+", help="instruction sets, a process each")
    parser.add_argument("--json", help="write the figures to this file")
    parser.add_argument("--sections", nargs="+", choices=SECTIONS, default=[*SECTIONS])
    arguments = parser.parse_args()
    if not arguments.isa:
        run(arguments.sections, arguments.json)
        return
    for isa in arguments.isa:
        command = [sys.executable, __file__, "--sections", *arguments.sections]
        if arguments.json:
            command += ["--json", arguments.json.replace(".json", f"-{isa}.json")]
        subprocess.run(command, env={**os.environ, "SKFRUGAL_ISA": isa}, check=True)
        print()


if __name__ == "__main__":
    main()
