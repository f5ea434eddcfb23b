"""Arithmetic on rows, compiled; private.

``instruction_set`` names the table in use, ``kernels`` is that table (None for
"reference", which runs NumPy).  ``SKFRUGAL_ISA`` forces one; an unknown or unavailable
name raises at import, since a silent fallback would falsify every measurement made with
it.  ``tables()`` lets the tests run all of them in one process.
"""

import os

from skfrugal._kernels._bindings import compiled_tables


def tables():
    """Name -> table of each instruction set which this machine runs, slowest first."""
    return dict(_TABLES)


def _choose(requested):
    if requested is None:
        return AVAILABLE[-1]
    if requested not in AVAILABLE:
        raise ImportError(
            f"SKFRUGAL_ISA={requested!r} is not available on this machine; "
            f"unset it or choose one of {', '.join(AVAILABLE)}."
        )
    return requested


_TABLES = compiled_tables()
AVAILABLE = ("reference", *_TABLES)
instruction_set = _choose(os.environ.get("SKFRUGAL_ISA"))
kernels = _TABLES.get(instruction_set)
