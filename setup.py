"""The compiled modules and the table of compiler flags; the rest is in pyproject."""

import os
import platform
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy
from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.modified import newer_group

DEBUG = os.environ.get("SKFRUGAL_DEBUG_KERNELS") == "1"

SANITIZE = "-fsanitize=address,undefined"

# Never -ffast-math: it drops NaN tests, and with older gcc changes the FPU mode of
# the whole process.  These four let a reduction vectorise and nothing else.
FLAGS = {
    "msvc": ["/O2"],
    "unix": [
        "-O3",
        "-g0",
        "-fno-math-errno",
        "-fno-trapping-math",
        "-fno-signed-zeros",
        "-fassociative-math",
    ],
    "unix-debug": ["-O1", "-g", SANITIZE, "-fno-sanitize-recover=all"],
}
LINK_FLAGS = {"unix-debug": [SANITIZE]}

# Each unit of csrc and what its compiler needs to know about the machine.  No
# -march=native, no pragmas: the table is chosen at import (csrc/cpu.c).
X86 = platform.machine().lower() in ("x86_64", "amd64")
AVX512 = ["f", "bw", "dq", "vl", "vnni"]
UNITS = {
    "cpu": {"msvc": [], "unix": []},
    "isa_baseline": {"msvc": [], "unix": []},
    "isa_avx2": {"msvc": ["/arch:AVX2"], "unix": ["-mavx2", "-mfma"]},
    "isa_avx512": {
        "msvc": ["/arch:AVX512"],
        "unix": ["-mfma", "-mprefer-vector-width=512"]
        + [f"-mavx512{name}" for name in AVX512],
    },
}
# A row must not depend on which rows go with it: sums keep the order of the source.
C_FLAGS = {"msvc": ["/std:c11"], "unix": ["-std=gnu11", "-fno-associative-math"]}
MACROS = [("SKFRUGAL_X86", "1")] * X86 + [("SKFRUGAL_DEBUG", "1")] * DEBUG
CSRC = "skfrugal/_kernels/csrc"
CSRC_FILES = [f"{CSRC}/{name}" for name in sorted(os.listdir(CSRC))]

SCALAR_MODULES = [
    "_closed_form",
    "_eigenvalue",
    "_jacobi",
    "_matching",
    "_rotation_paths",
    "_seeding",
]
# The last one holds the kernels, and hands its tables to the others.
BINDINGS = [
    "_backward",
    "_features",
    "_kernel_values",
    "_sparse_coding",
    "_bindings",
]

DIRECTIVES = {
    "language_level": "3",
    "boundscheck": DEBUG,
    "wraparound": False,
    "initializedcheck": DEBUG,
    "cdivision": not DEBUG,
}


class BuildExtension(build_ext):
    """Flags from the table, and a copy of each module next to its source.

    The copy is there because ``python -m skfrugal`` typed in a clone imports the
    clone, not site-packages.
    """

    def finalize_options(self):
        super().finalize_options()
        self.inplace = True
        self.parallel = self.parallel or os.cpu_count()

    def build_extensions(self):
        compiler = "msvc" if self.compiler.compiler_type == "msvc" else "unix"
        kind = compiler + ("-debug" if DEBUG and compiler == "unix" else "")
        for extension in self.extensions:
            extension.extra_compile_args = FLAGS[kind]
            extension.extra_link_args = LINK_FLAGS.get(kind, [])
            if extension.name.endswith("._bindings"):
                with ThreadPoolExecutor(self.parallel) as pool:
                    compile_unit = partial(self.compile_unit, compiler, FLAGS[kind])
                    extension.extra_objects = list(pool.map(compile_unit, UNITS))
        super().build_extensions()

    def compile_unit(self, compiler, flags, unit):
        """The object of one instruction set, with its own flags."""
        source = f"{CSRC}/{unit}.c"
        (target,) = self.compiler.object_filenames([source], output_dir=self.build_temp)
        if self.force or newer_group(CSRC_FILES, target):
            own = UNITS[unit][compiler] if X86 else []
            self.compiler.compile(
                [source],
                output_dir=self.build_temp,
                macros=MACROS,
                include_dirs=[CSRC],
                extra_postargs=flags + C_FLAGS[compiler] + own,
            )
        return target


extensions = [
    Extension(
        f"skfrugal._kernels.{name}",
        [f"skfrugal/_kernels/{name}.pyx"],
        include_dirs=[numpy.get_include(), CSRC],
        define_macros=[("NPY_NO_DEPRECATED_API", "NPY_1_7_API_VERSION"), *MACROS],
        depends=[] if name in SCALAR_MODULES else CSRC_FILES,
    )
    for name in [*SCALAR_MODULES, *BINDINGS]
]

setup(
    ext_modules=cythonize(
        extensions,
        build_dir="build/cython",
        compiler_directives=DIRECTIVES,
        force=DEBUG,
        quiet="-q" in sys.argv,
    ),
    cmdclass={"build_ext": BuildExtension},
)
