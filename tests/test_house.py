"""The house's rules, checked on the syntax trees of the source."""

import ast
from pathlib import Path

import pytest

import skfrugal

PACKAGE = Path(skfrugal.__file__).parent

ESTIMATORS = (
    "decomposition",
    "cluster",
    "random_projection",
    "kernel_approximation",
    "kernel_ridge",
    "linear_model",
    "impute",
    "neural_network",
)
BELOW_ESTIMATORS = (
    "_sklearn",
    "_validation",
    "_parallel",
    "operators",
    "constraints",
    "solvers",
    "structures",
)

# room -> rooms of skfrugal whose modules it may import.
ALLOWED = {
    "_kernels": (),
    "_sklearn": (),
    "_validation": (),
    "_parallel": (),
    "_show_versions": ("_kernels", "_parallel"),
    "operators": ("_kernels", "_parallel", "_validation"),
    "constraints": ("_kernels", "_validation"),
    "solvers": ("constraints", "operators", "_validation", "_kernels"),
    "structures": (*BELOW_ESTIMATORS[:-1], "_kernels"),
    "compression": ESTIMATORS,
    "metrics": ("operators",),
    "inspection": (*ESTIMATORS, "metrics", "operators", "structures", "solvers"),
    "__main__": ("inspection",),
    "torch": ("operators", "solvers"),
}
for position, room in enumerate(ESTIMATORS):
    ALLOWED[room] = (*BELOW_ESTIMATORS, *ESTIMATORS[:position])

# What a room never imports, even where the rule above would allow it.
FORBIDDEN = {
    "_kernels": ("sklearn", "threading", "concurrent", "joblib"),
    "operators": ("sklearn",),
    "solvers": ("skfrugal._kernels._bindings", "sklearn"),
    "structures": ("skfrugal._kernels._bindings",),
}
# The warning that scikit-learn's users know how to filter.
EXEMPT = {"solvers": ("sklearn.exceptions",)}
OPTIONAL = (
    "matplotlib",
    "PIL",
    "pandas",
    "polars",
    "torch",
    "dask",
    "rich",
    "skl2onnx",
)
# Imports inside functions: optional extras, and scikit-learn's version report, which
# is wanted once in a process's life.
LATE = (
    *OPTIONAL,
    "importlib",
    "sklearn._show_versions",
    "sklearn.utils._show_versions",
)
PUBLIC_ONLY = ("inspection", "__main__", "compression")


def imports_of(source):
    """(imported module, imported names, whether at the top) of every import."""
    tree = ast.parse(source)
    functions = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)]
    late = {id(node) for function in functions for node in ast.walk(function)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, (), id(node) not in late
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            yield module, tuple(a.name for a in node.names), id(node) not in late


def faults_of(source, room):
    """Sentences on the imports of a module of `room` that break a rule."""
    faults = []
    for module, names, at_top in imports_of(source):
        where = f"{room} imports {module}"
        if module.startswith("."):
            faults.append(f"{where}: imports are absolute")
            continue
        first, *rest = module.split(".")
        if not at_top and first not in OPTIONAL:
            faults.append(f"{where} inside a function: only optional extras may")
        if at_top and first in OPTIONAL:
            faults.append(f"{where}, an optional extra, at the top of the file")
        forbidden = any(module.startswith(name) for name in FORBIDDEN.get(room, ()))
        if forbidden and module not in EXEMPT.get(room, ()):
            faults.append(f"{where}, which it never may")
        if first == "sklearn" and room != "_sklearn":
            private = [n for n in (*rest, *names) if n.startswith("_")]
            if private:
                faults.append(f"{where}: private names come through _sklearn")
        if first == "skfrugal":
            faults += _faults_inside(room, where, rest, names)
    return faults


def _faults_inside(room, where, rest, names):
    if not rest:
        targets = [n for n in names if not n.startswith("__version")]
    else:
        targets = [rest[0]]
    faults = [
        f"{where}, a room that it may not enter"
        for target in targets
        if target != room and target not in ALLOWED[room]
    ]
    private = [n for n in (*rest, *names) if n.startswith("_") and n != "__version__"]
    outside = rest and rest[0] != room
    if room in PUBLIC_ONLY and private and outside:
        faults.append(f"{where}: public names only")
    if room in ESTIMATORS and outside and rest[0] in ESTIMATORS and private:
        faults.append(f"{where}: public names of other estimators only")
    return faults


def room_of(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py").removesuffix(".pyx")


def modules():
    return sorted(p for p in PACKAGE.rglob("*.py") if p.name != "__init__.py") + sorted(
        p for p in PACKAGE.rglob("__init__.py") if p.parent != PACKAGE
    )


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_module_imports_only_what_its_room_may(path):
    room = room_of(path)
    assert room in ALLOWED, f"{room} is a new room: give it a row in ALLOWED"
    assert faults_of(path.read_text(), room) == []


@pytest.mark.parametrize(
    "room, source, words",
    [
        ("operators", "from skfrugal.solvers import x", "may not enter"),
        ("operators", "import sklearn", "never may"),
        ("operators", "from skfrugal import structures", "may not enter"),
        ("solvers", "from skfrugal._kernels._bindings import f", "never may"),
        ("solvers", "from sklearn.utils import check_array", "never may"),
        ("cluster", "from skfrugal._kernels import _closed_form", "may not enter"),
        ("cluster", "from skfrugal.kernel_ridge import x", "may not enter"),
        ("cluster", "from skfrugal.decomposition import _x", "public names"),
        ("cluster", "from sklearn.base import _fit_context", "through _sklearn"),
        ("cluster", "from sklearn.utils._param_validation import I", "_sklearn"),
        ("structures", "from skfrugal.cluster import QuickKMeans", "may not enter"),
        ("metrics", "from skfrugal.cluster import QuickKMeans", "may not enter"),
        ("inspection", "from skfrugal.operators._base import Operator", "public"),
        ("_kernels", "import threading", "never may"),
        ("_kernels", "from skfrugal._validation import x", "may not enter"),
        ("solvers", "from . import _x", "absolute"),
        ("solvers", "def f():\n    import numpy", "inside a function"),
        ("inspection", "import matplotlib", "at the top"),
    ],
)
def test_planted_violation_is_found(room, source, words):
    assert any(words in fault for fault in faults_of(source, room))


@pytest.mark.parametrize(
    "room, source",
    [
        ("operators", "from skfrugal._validation import as_inexact"),
        ("solvers", "from skfrugal._kernels import _closed_form"),
        ("solvers", "from sklearn.exceptions import ConvergenceWarning"),
        ("cluster", "from skfrugal.structures import check_structure"),
        ("kernel_ridge", "from skfrugal.kernel_approximation import x"),
        ("inspection", "def f():\n    from matplotlib.figure import Figure"),
        ("metrics", "from skfrugal.metrics._cost import cost"),
    ],
)
def test_allowed_import_is_not_a_fault(room, source):
    assert faults_of(source, room) == []


def test_compiled_modules_import_no_other_room():
    for path in PACKAGE.rglob("*.pyx"):
        assert room_of(path) == "_kernels"
        lines = [line.strip() for line in path.read_text().splitlines()]
        statements = [
            s for s in lines if s.startswith(("import ", "from ", "cimport "))
        ]
        for statement in statements:
            assert "sklearn" not in statement
            assert "skfrugal" not in statement.replace("skfrugal._kernels", "")
