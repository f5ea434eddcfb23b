"""What importing skfrugal does, and what it does not do."""

import os
import subprocess
import sys
from importlib.metadata import version

import pytest

import skfrugal


def run(code, **environment):
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )


def test_version_is_the_installed_one():
    assert skfrugal.__version__ == version("skfrugal")


def test_every_public_module_is_importable_and_listed():
    for name in skfrugal.__all__:
        assert getattr(skfrugal, name) is not None
        assert name in dir(skfrugal)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        skfrugal.nothing  # noqa: B018


def test_public_names_of_public_modules_exist_and_have_docstrings():
    for module in skfrugal._SUBMODULES:
        module = getattr(skfrugal, module)
        assert module.__doc__
        for name in module.__all__:
            assert getattr(module, name).__doc__, name


IMPORTS = """
import os, signal, sys, threading, warnings
import scipy.sparse.linalg, sklearn.cluster, sklearn.decomposition, sklearn.kernel_ridge
"""

STATE = """
def state():
    return (list(warnings.filters), dict(os.environ), threading.active_count(),
            [signal.getsignal(s) for s in sorted(signal.valid_signals())
             if s not in (signal.SIGKILL, signal.SIGSTOP)],
            5e-324 / 1.0, sys.getswitchinterval())
before = state()
import skfrugal
for name in skfrugal.__all__:
    getattr(skfrugal, name)
assert state() == before
"""


def test_import_changes_nothing_in_the_process():
    done = run(IMPORTS + STATE)
    assert done.returncode == 0, done.stderr
    assert (done.stdout, done.stderr) == ("", "")


def test_import_leaves_optional_extras_alone():
    code = "import sys, skfrugal\n"
    code += "for n in skfrugal.__all__: getattr(skfrugal, n)\n"
    code += "print([m for m in ('matplotlib', 'PIL', 'polars') if m in sys.modules])"
    assert run(code).stdout.strip() == "[]"


def test_unknown_instruction_set_is_refused_at_import():
    done = run("import skfrugal._kernels", SKFRUGAL_ISA="avx1024")
    assert done.returncode == 1
    assert "SKFRUGAL_ISA='avx1024'" in done.stderr
    assert "reference" in done.stderr


def test_reference_instruction_set_can_be_forced():
    code = "import skfrugal._kernels as k; print(k.instruction_set)"
    assert run(code, SKFRUGAL_ISA="reference").stdout.strip() == "reference"


def test_show_versions_names_the_machine(capsys):
    skfrugal.show_versions()
    printed = capsys.readouterr().out
    for words in ("sklearn", "numpy", "instruction set", "threads", "BLAS"):
        assert words in printed
