"""Who else factorizes matrices: pyfaust and lazylinop, if they are installed.

Neither is needed.  Both print, pyfaust from C++, so that they are run with the standard
streams closed.
"""

import importlib
import os
import time
from contextlib import contextmanager
from functools import partial, wraps

import numpy as np
import scipy.sparse

from skfrugal.operators import Dense, Product, SparseFactor

PEERS = ("pyfaust", "lazylinop")


@contextmanager
def quiet():
    """Nothing is printed, not from C++ either."""
    kept = [os.dup(stream) for stream in (1, 2)]
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        for stream in (1, 2):
            os.dup2(nowhere, stream)
        yield
    finally:
        for stream, own in zip((1, 2), kept, strict=True):
            os.dup2(own, stream)
            os.close(own)
        os.close(nowhere)


def silent(function):
    """The function, run in `quiet`."""

    @wraps(function)
    def run(*args, **options):
        with quiet():
            return function(*args, **options)

    return run


@silent
def imported(module):
    """The module of a peer, or None where it, or what it needs, is missing."""
    try:
        return importlib.import_module(module)
    except ImportError:
        return None


def missing_peers():
    """Peers that cannot be imported."""
    modules = {"pyfaust": "pyfaust", "lazylinop": "lazylinop.butterfly"}
    return [name for name in PEERS if imported(modules[name]) is None]


def timed(function):
    """What a function returns, and its seconds."""
    start = time.perf_counter()
    result = function()
    return result, time.perf_counter() - start


def of_faust(faust):
    """A Faust as an operator of ours, whose bytes are counted like the others'.

    Factors are kept dense where compressed rows (an index of 4 bytes) take more.
    """
    factors = []
    for i in range(faust.numfactors()):
        factor = scipy.sparse.csr_array(faust.factors(i))
        is_dense = 12 * factor.nnz > 8 * np.prod(factor.shape)
        factors.append(Dense(factor.toarray()) if is_dense else SparseFactor(factor))
    return Product(factors)


def faust_hierarchical(A, preset):
    """(operator, seconds) of pyfaust's hierarchical palm4MSA; None without pyfaust."""
    fact = imported("pyfaust.fact")
    if fact is None:
        return None
    A = np.asfortranarray(A, np.float64)
    faust, seconds = timed(lambda: silent(fact.hierarchical)(A, preset, backend=2020))
    return of_faust(faust), seconds


def dyadic_peers(n):
    """Name -> function that projects a matrix on dyadic butterflies, their way."""
    found = {}
    if fact := imported("pyfaust.fact"):
        # From right to left it takes minutes at N = 2048.
        for kind in ("bbtree", "right")[: 1 + (n <= 1024)]:
            found[f"pyfaust {kind}"] = silent(partial(fact.butterfly, type=kind))
    if peer := imported("lazylinop.butterfly"):
        for order in ("l2r", "balanced"):
            found[f"lazylinop ksd {order}"] = lambda A, order=order: peer.ksd(
                A, peer.Chain.square_dyadic(A.shape), order=order
            )
    return found
