"""scikit-learn's own tests of kernel ridge regression, its class replaced by ours.

    python tests/check_scikit_learn_kernel_ridge.py [-v]

The class has the twin's defaults and enough landmarks for all rows. What the tests do
with precomputed kernels, of which landmarks cannot be taken, is removed. Exits with 1
if a test fails.
"""

import ast
import sys
import tempfile
from pathlib import Path

import pytest
import sklearn.kernel_ridge
import sklearn.tests

import skfrugal.kernel_ridge


class KernelRidge(skfrugal.kernel_ridge.FrugalKernelRidge):
    """FrugalKernelRidge with the arguments and defaults of KernelRidge."""

    def __init__(
        self,
        alpha=1,
        *,
        kernel="linear",
        gamma=None,
        degree=3,
        coef0=1,
        kernel_params=None,
        n_components=1000,
        fit_intercept=False,
    ):
        super().__init__(
            n_components,
            alpha=alpha,
            kernel=kernel,
            gamma=gamma,
            degree=degree,
            coef0=coef0,
            kernel_params=kernel_params,
            fit_intercept=fit_intercept,
        )


class WithoutPrecomputed(ast.NodeTransformer):
    """Removes statements that fit on a precomputed kernel, or look at the result."""

    def __init__(self):
        self.removed = []
        self._names = set()

    def visit_FunctionDef(self, node):
        self._names = set()
        if "precomputed" in node.name:
            self.removed.append(node.name)
            return None
        return self.generic_visit(node)

    def visit_Assign(self, node):
        if "'precomputed'" in ast.unparse(node):
            self._names.update(target.id for target in node.targets)
            return self._remove(node)
        return node

    def visit_Expr(self, node):
        used = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
        return self._remove(node) if used & self._names else node

    def _remove(self, node):
        self.removed.append(ast.unparse(node))


def main(arguments):
    sklearn.kernel_ridge.KernelRidge = KernelRidge
    path = Path(sklearn.tests.__file__).parent / "test_kernel_ridge.py"
    without = WithoutPrecomputed()
    source = ast.unparse(without.visit(ast.parse(path.read_text(encoding="utf-8"))))
    for removed in without.removed:
        print(f"removed: {removed}")
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / path.name
        copy.write_text(source, encoding="utf-8")
        options = ["-q", "-p", "no:cacheprovider", "--no-header", "--tb=short"]
        shown = ["-v"] if "-v" in arguments else []
        where = [f"--rootdir={folder}", f"--confcutdir={folder}", str(copy)]
        return pytest.main([*options, *shown, *where])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
