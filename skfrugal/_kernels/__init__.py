"""Arithmetic on rows, compiled; private.

``instruction_set`` names the table in use.  ``SKFRUGAL_ISA`` forces one; an unknown
or unavailable name raises at import, since a silent fallback would falsify every
measurement made with it.
"""

import os

AVAILABLE = ("reference",)


def _choose(requested):
    if requested is None:
        return AVAILABLE[-1]
    if requested not in AVAILABLE:
        raise ImportError(
            f"SKFRUGAL_ISA={requested!r} is not available on this machine; "
            f"unset it or choose one of {', '.join(AVAILABLE)}."
        )
    return requested


instruction_set = _choose(os.environ.get("SKFRUGAL_ISA"))
