"""Transforms learnt or drawn, beside their dense twins.

    python benchmarks/bench_transformers.py [--sections pca projection ...]
                                            [--data-home DIR] [--quick] [--json FILE]

One thread.  A figure stands beside its goal, and "missed" follows where it does not
reach it.  Times are ratios of the least of calls that take turns, as other work on the
machine only ever adds.

pca          `ButterflyTransformer` beside `PCA`.  Errors are squared reconstruction
             errors of held-out rows over PCA's with as many coordinates, k = N / 8.
             Beside them stand PCA with as many multiply-adds as the rotations take, and
             PCA whose components keep their largest entries, as many as the rotations
             take multiply-adds, with a least-squares decoder.  Times are of `transform`
             for 1,000 rows (checks of X and the mean included), of the product alone,
             and of `fit`, PCA's with svd_solver="covariance_eigh".
projection   `StructuredRandomProjection`, 4096 -> 1024, beside the Gaussian and the
             sparse projection: `transform` of 1,000 rows, `fit`, and the largest
             distortion of squared distances of held-out rows over the eps that Johnson
             and Lindenstrauss allow for as many rows and components.
features     `StructuredRBFSampler`, 1024 -> 4096 and 8192, beside `RBFSampler`:
             `transform` of 1,000 rows, also against its product without cosines; error
             of kernel values of held-out rows over that of `RBFSampler`.
operators    `SparseProductTransformer`, palm4MSA and sums on a magnetic operator and on
             bases of image patches: errors over those of the truncated SVD with as many
             stored values, and with as many bytes.
dictionary   Two photographs denoised by structured dictionaries and by dense ones; also
             a script of its own, `transformers_dictionary.py`.

Fashion-MNIST is read from DIR/fashion-mnist (default: the variable SKFRUGAL_DATA) and
left out, or replaced by smooth rows, if it is not there.
"""

import argparse
import os
import warnings

from timing import fixed_threads, print_machine, write_json
from transformers_dictionary import IMAGES, SIGMAS, dictionary
from transformers_operators import operators
from transformers_pca import pca
from transformers_random import features, projection


def dictionary_section(_, quick):
    """All pictures and noises, or one of each."""
    return dictionary(IMAGES[: 1 if quick else 2], SIGMAS[1:2] if quick else SIGMAS)


# A section is called with the directory of the data and whether it should be quick.
SECTIONS = {
    "pca": pca,
    "projection": projection,
    "features": features,
    "operators": operators,
    "dictionary": dictionary_section,
}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--sections", nargs="+", choices=SECTIONS, default=list(SECTIONS)
    )
    parser.add_argument("--data-home", default=os.environ.get("SKFRUGAL_DATA"))
    parser.add_argument("--quick", action="store_true", help="few rows and repeats")
    parser.add_argument("--json", help="file for all figures")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    print_machine()
    figures = {}
    with fixed_threads(1):
        for name in arguments.sections:
            print(f"\n===== {name}")
            figures[name] = SECTIONS[name](arguments.data_home, arguments.quick)
    if arguments.json:
        write_json(arguments.json, figures)


if __name__ == "__main__":
    main()
