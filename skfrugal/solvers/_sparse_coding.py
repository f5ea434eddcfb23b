"""Sparse coding of many signals with one budget for all of them.

A signal is approximated by few atoms; the *codes* are the coefficients, one row a
signal.  All that is seen of signals and atoms are their inner products.
"""

import math

import numpy as np
import scipy.sparse as sp

from skfrugal import _kernels
from skfrugal._kernels import _sparse_coding


def shared_codes(B, G, total, *, weight=None, old=None, most=None):
    """Codes of all signals with at most `total` coefficients between them.

    Parameters
    ----------
    B : ndarray of shape (n_signals, n_atoms)
        Inner products of the signals with the atoms.

    G : ndarray of shape (n_atoms, n_atoms)
        Gram matrix of the atoms.

    total : int
        Number of coefficients of all signals together, at most.

    weight : ndarray of shape (n_signals,) or None, default=None
        Weights of the signals in the squared error.

    old : csr_array of shape (n_signals, n_atoms) or None, default=None
        Codes to start from, with at most `total` entries: the result is no worse.

    most : int or None, default=None
        Coefficients of one signal, at most; None means 4 more than twice the average.

    Returns
    -------
    codes : csr_array of shape (n_signals, n_atoms)

    gain : float
        By how much they lower the weighted squared error of codes of zero.

    Notes
    -----
    Coefficients go where they gain most: those of one signal are found one by one, the
    gains of all signals are made non-increasing and sorted, and the `total` largest
    are kept.  The supports of `old` compete signal by signal where both have as many
    entries, and altogether if the old numbers of entries gain more.
    """
    B, G = np.ascontiguousarray(B), np.ascontiguousarray(G)
    n_signals, n_atoms = B.shape
    weight = np.ones(n_signals) if weight is None else weight
    if most is None:
        most = 4 + math.ceil(2 * total / n_signals)
    if old is not None and old.nnz:
        most = max(most, int(np.diff(old.indptr).max()))
    most = min(most, n_atoms)
    order = np.empty((n_signals, most), np.intc)
    gains = np.empty((n_signals, most))
    work = np.empty(_sparse_coding.work_size(most, n_atoms))
    _sparse_coding.pursue(_table(), B, G, order, gains, work)
    counts = _share(gains * weight[:, np.newaxis], order >= 0, total)
    codes, gained = _settled(B, G, *_prefixes(order, counts))
    if old is not None:
        kept, kept_gain = _settled(B, G, old.indptr, old.indices.copy())
        lengths = np.diff(old.indptr)
        again, again_gain = _settled(B, G, *_prefixes(order, lengths))
        if weight @ gained < weight @ np.maximum(kept_gain, again_gain):
            codes, gained, counts = again, again_gain, lengths
        # Signal by signal: the same number of entries, the larger gain.
        better = (kept_gain > gained) & (lengths == np.diff(codes[0]))
        codes = _chosen(better, kept, codes)
    return _exchanged(B, G, codes, weight)


def codes_in_turn(C, W, G, codes):
    """Lower ``tr(G D^T W D) - 2 tr(C D)`` over D, whose columns are coded in turn.

    Parameters
    ----------
    C : ndarray of shape (n_signals, n_atoms)

    W : ndarray of shape (n_atoms, n_atoms)

    G : ndarray of shape (n_signals, n_signals)

    codes : csr_array of shape (n_signals, n_atoms)
        The transpose of D; rows keep their number of entries.

    Returns
    -------
    codes : csr_array of shape (n_signals, n_atoms)
    """
    indptr, indices = codes.indptr.astype(np.intc), codes.indices.astype(np.intc)
    values = codes.data.copy()
    m, a = int(np.diff(indptr).max(initial=0)), C.shape[1]
    _sparse_coding.code_in_turn(
        _table(),
        *map(np.ascontiguousarray, (C, W, G)),
        indptr,
        indices,
        values,
        np.ascontiguousarray(codes @ W),
        np.arange(len(C), dtype=np.intc),
        np.empty(_sparse_coding.work_size(m, a) + a),
    )
    return _csr(indptr, indices, values, codes.shape)


def _table():
    """Kernels of this machine; where NumPy is asked for, those that run everywhere."""
    return _kernels.kernels or _kernels.tables()["baseline"]


def _share(gains, possible, total):
    """Number of coefficients of each signal, by its gains."""
    gains = np.minimum.accumulate(gains, axis=1)
    useful = possible & (gains > 0)
    n_useful = np.count_nonzero(useful)
    if n_useful > total:
        # Of equal gains the earlier ones: a signal's own come in order.
        sorted_ = np.argsort(np.where(useful, -gains, 0.0), axis=None, kind="stable")
        useful[:] = False
        useful.flat[sorted_[:total]] = True
    return np.count_nonzero(useful, axis=1)


def _prefixes(order, counts):
    """Supports of the first atoms of each signal."""
    counts = np.minimum(counts, np.count_nonzero(order >= 0, axis=1))
    indptr = np.concatenate([[0], np.cumsum(counts)]).astype(np.intc)
    return indptr, order[np.arange(order.shape[1]) < counts[:, np.newaxis]]


def _settled(B, G, indptr, indices):
    """The supports with their best values, and the gain of each signal."""
    indptr, indices = indptr.astype(np.intc), indices.astype(np.intc)
    values, gains = np.empty(len(indices)), np.empty(len(B))
    most = int(np.diff(indptr).max(initial=1))
    _sparse_coding.solve(B, G, indptr, indices, values, gains, np.empty(most**2))
    return (indptr, indices, values), gains


def _chosen(take_first, first, second):
    """Codes with the rows of `first` where asked, else those of `second`."""
    lengths = np.where(take_first, np.diff(first[0]), np.diff(second[0]))
    indptr = np.concatenate([[0], np.cumsum(lengths)]).astype(np.intc)
    indices, values = np.empty(indptr[-1], np.intc), np.empty(indptr[-1])
    rows = np.repeat(take_first, lengths)
    for (start, columns, data), here in ((first, take_first), (second, ~take_first)):
        place = rows if here is take_first else ~rows
        source = np.repeat(here, np.diff(start))
        indices[place], values[place] = columns[source], data[source]
    return indptr, indices, values


def _exchanged(B, G, codes, weight):
    indptr, indices, values = codes
    n_atoms, m = B.shape[1], int(np.diff(indptr).max(initial=0))
    gains = np.empty(len(B))
    work = np.empty(_sparse_coding.work_size(m, n_atoms))
    _sparse_coding.solve(B, G, indptr, indices, values, gains, work)
    _sparse_coding.exchange(_table(), B, G, indptr, indices, values, gains, work)
    return _csr(indptr, indices, values, B.shape), float(weight @ gains)


def _csr(indptr, indices, values, shape):
    codes = sp.csr_array((values, indices, indptr), shape=shape)
    codes.sort_indices()
    return codes
