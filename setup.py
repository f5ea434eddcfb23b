"""The compiled modules and the table of compiler flags; the rest is in pyproject."""

import os
import sys

import numpy
from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

DEBUG = os.environ.get("SKFRUGAL_DEBUG_KERNELS") == "1"

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
    "unix-debug": ["-O1", "-g", "-fsanitize=undefined", "-fno-sanitize-recover=all"],
}
LINK_FLAGS = {"unix-debug": ["-fsanitize=undefined"]}

SCALAR_MODULES = ["_closed_form", "_eigenvalue", "_jacobi"]

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

    def build_extensions(self):
        kind = "msvc" if self.compiler.compiler_type == "msvc" else "unix"
        kind += "-debug" if DEBUG and kind == "unix" else ""
        for extension in self.extensions:
            extension.extra_compile_args = FLAGS[kind]
            extension.extra_link_args = LINK_FLAGS.get(kind, [])
        super().build_extensions()


extensions = [
    Extension(
        f"skfrugal._kernels.{name}",
        [f"skfrugal/_kernels/{name}.pyx"],
        include_dirs=[numpy.get_include()],
        define_macros=[("NPY_NO_DEPRECATED_API", "NPY_1_7_API_VERSION")],
    )
    for name in SCALAR_MODULES
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
