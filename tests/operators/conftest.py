"""Every instruction set that this machine has, in one process."""

import pytest

from skfrugal import _kernels


@pytest.fixture(params=_kernels.AVAILABLE)
def instruction_set(request, monkeypatch):
    """Run a test under each table of kernels, and under NumPy.

    Operators keep what they packed for a table, so a test must make its own.
    """
    monkeypatch.setattr(_kernels, "instruction_set", request.param)
    monkeypatch.setattr(_kernels, "kernels", _kernels.tables().get(request.param))
    return request.param
