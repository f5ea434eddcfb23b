"""Matrices as products of sparse factors, beside pyfaust, lazylinop and the SVD.

    python benchmarks/bench_factorization.py [--sections certificate dyadic ...]
                                             [--count N] [--sizes N ...] [--full]
                                             [--json FILE]

One thread, float64 unless it says otherwise; errors are relative, in the Frobenius
norm.  pyfaust and lazylinop (which needs psutil) run if they are installed.  Seconds
are medians of repeats that take turns in "dyadic" and "matching", of one run elsewhere.

certificate   lower <= error <= upper on random matrices of many kinds, --count of each.
dyadic        The closed form on dyadic butterflies; peers, and NumPy's SVD.
hadamard      Hierarchical palm4MSA; rows and columns in order, shuffled, and noisy.
matching      The exact projection on k-regular supports.
rectangular   A smooth operator, 200 sensors and 2000 sources, at equal bytes.
dictionary    64 x 256 dictionaries, at equal numbers of entries.
two_uniform   Products of factors with two entries a row and column, at random.

--sizes are those of "dyadic" and "hadamard".  --full gives pyfaust all sizes of
"hadamard", of which the last takes minutes.
"""

import argparse
import warnings

import factorization_closed as closed
import factorization_palm as palm
import factorization_rectangular as wide
from factorization_peers import missing_peers
from timing import fixed_threads, print_machine, write_json

SECTIONS = {
    "certificate": closed.certificate,
    "dyadic": closed.dyadic,
    "hadamard": palm.hadamard,
    "matching": closed.matching,
    "rectangular": wide.rectangular,
    "dictionary": wide.overcomplete,
    "two_uniform": palm.two_uniform,
}
WITH_PEERS = {"dyadic", "hadamard", "matching", "rectangular", "dictionary"}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--sections", nargs="+", choices=SECTIONS, default=list(SECTIONS)
    )
    parser.add_argument("--count", type=int, default=600, help="matrices of each kind")
    parser.add_argument("--sizes", type=int, nargs="+")
    parser.add_argument("--full", action="store_true", help="pyfaust up to N = 512")
    parser.add_argument("--json", help="file for all figures")
    options = parser.parse_args()
    print_machine()
    missing = missing_peers()
    warnings.simplefilter("ignore")  # starts that end at max_iter
    figures = {}
    with fixed_threads(1):
        for section in options.sections:
            print(f"\n{section}", flush=True)
            for package in missing if section in WITH_PEERS else ():
                print(f"{package} is not installed, or lacks what it needs")
            figures[section] = SECTIONS[section](options)
    if options.json:
        write_json(options.json, figures)


if __name__ == "__main__":
    main()
