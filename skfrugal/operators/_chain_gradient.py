"""A chain of Kronecker-sparse factors as a function of its values, and its gradient."""

from functools import partial

import numpy as np

from skfrugal import _kernels
from skfrugal._kernels._backward import PackedLevels
from skfrugal._kernels._bindings import aligned_empty
from skfrugal._parallel import run_rows
from skfrugal.operators._patterns import chain_n_values, chain_shape

# Rows whose gradients are summed together; their sums are added in this order, however
# many threads there are.
_ROWS_PER_SUM = 512
# Rows that go through all levels together: more would leave the second cache.
_TILE = 8


class ChainFunction:
    """``X, values -> X @ S.T`` for the product S of a chain, and its gradient.

    Parameters
    ----------
    chain : tuple of patterns (a, b, c, d)
    dtype : dtype
        Of the values, the rows and the results.
    kernels : Table or None
        None runs NumPy, as complex numbers do.

    Attributes
    ----------
    n_values : int
        Length of a vector of values: those of ``chain[0]``, of ``chain[1]``, ...

    Notes
    -----
    The backward pass computes the levels between the factors again, a tile of rows at a
    time, so that the forward pass keeps nothing.  *Cost* of a row: `n_values` products
    forward, three times as many back.
    """

    def __init__(self, chain, dtype, *, kernels=_kernels.kernels):
        self.chain = tuple(chain)
        self.dtype = np.dtype(dtype)
        self.shape = chain_shape(self.chain)
        self.n_values = chain_n_values(self.chain)
        compiled = kernels is not None and self.dtype in (np.float32, np.float64)
        self._levels = _Levels(self.chain, self.dtype, kernels) if compiled else None

    def factors(self, values):
        """Views of the values of each factor, (a, b, c, d)."""
        ends = np.cumsum([np.prod(pattern) for pattern in self.chain])
        parts = np.split(values, ends[:-1])
        return [
            part.reshape(pattern)
            for part, pattern in zip(parts, self.chain, strict=True)
        ]

    def forward(self, values, X):
        """Return ``X @ S.T``, (n, M), for rows X of shape (n, N)."""
        X = np.ascontiguousarray(X, dtype=self.dtype)
        if self._levels is not None and len(X):
            return self._levels.forward(values, X, self.shape[0])
        return _plain_levels(self.factors(values), X)[-1]

    def backward(self, values, X, G):
        """Gradient of a loss whose gradient with respect to ``X @ S.T`` is G.

        Parameters
        ----------
        values : ndarray of shape (n_values,)
        X : ndarray of shape (n, N)
        G : ndarray of shape (n, M)

        Returns
        -------
        d_values : ndarray of shape (n_values,)
        d_X : ndarray of shape (n, N)
            With respect to real and imaginary part if they are complex.
        """
        X = np.ascontiguousarray(X, dtype=self.dtype)
        G = np.ascontiguousarray(G, dtype=self.dtype)
        if self._levels is not None and len(X):
            return self._levels.backward(values, X, G)
        return _plain_backward(self.factors(values), X, G)


class _Levels:
    """The factors as backward.h wants them: in groups, the first is applied first."""

    def __init__(self, chain, dtype, kernels):
        self.dtype = dtype
        ends = np.cumsum([np.prod(pattern) for pattern in chain])
        numbers = [
            np.arange(end - np.prod(pattern), end).reshape(pattern)
            for pattern, end in zip(chain, ends, strict=True)
        ]
        lanes, line = kernels.vector_bytes // dtype.itemsize, 64 // dtype.itemsize
        levels, parts, start = [], [], 0
        # Where each value lies among the packed ones: its gradient lies there too.
        self.places = np.empty(ends[-1], dtype=np.intp)
        for kind, group in _groups(chain, lanes):
            part = _packed_order([numbers[s] for s in group], kind, lanes)
            n_values = sum(numbers[s].size for s in group)
            self.places[part[:n_values]] = start + np.arange(n_values)
            levels.append((kind, chain[group[-1]], start))
            # Lines of 64 bytes, so that no vector of coefficients lies across two.
            parts.append(np.pad(part, (0, -len(part) % line)))
            start += len(parts[-1])
        self.order = np.concatenate(parts)
        widest = max(max(a * b * d, a * c * d) for a, b, c, d in chain)
        width = -(-widest // line) * line + line
        packed = aligned_empty(start, dtype)
        self.packed = PackedLevels(kernels, levels, packed, _TILE, width)

    def forward(self, values, X, n_outputs):
        self._pack(values)
        Y = np.empty((len(X), n_outputs), self.dtype)
        run_rows(partial(self._rows_forward, X, Y), len(X), _ROWS_PER_SUM, X.shape[1])
        return Y

    def backward(self, values, X, G):
        self._pack(values)
        dX = np.empty_like(X)
        n_sums = -(-len(X) // _ROWS_PER_SUM)
        sums = np.zeros((n_sums, self.packed.values.size), self.dtype)
        work = partial(self._rows_backward, X, G, dX, sums)
        run_rows(work, n_sums, 1, X.size)
        total = sums.sum(axis=0, dtype=np.float64)[self.places]
        return total.astype(self.dtype), dX

    def _pack(self, values):
        values = np.asarray(values, dtype=self.dtype)
        np.take(values, self.order, out=self.packed.values, mode="clip")

    def _rows_forward(self, X, Y, start, stop):
        scratch = aligned_empty(self.packed.scratch_size, self.dtype)
        self.packed.forward(X, Y, start, stop, scratch)

    def _rows_backward(self, X, G, dX, sums, start, stop):
        scratch = aligned_empty(self.packed.scratch_size, self.dtype)
        for k in range(start, stop):
            rows = k * _ROWS_PER_SUM, min((k + 1) * _ROWS_PER_SUM, len(X))
            self.packed.backward(X, G, dX, *rows, sums[k], scratch)


def _groups(chain, lanes):
    """(kind, numbers of the factors that go together), the first is applied first."""
    order = list(range(len(chain)))[::-1]
    base = [(chain[-1][0] >> s, 2, 2, 1 << s) for s in range(lanes.bit_length() - 1)]
    groups = []
    if base and [tuple(chain[s]) for s in order[: len(base)]] == base:
        groups.append(("base", order[: len(base)]))
        order = order[len(base) :]
    return groups + [(_kind(chain[s], lanes), [s]) for s in order]


def _kind(pattern, lanes):
    a, b, c, d = pattern
    if d % lanes == 0:
        return "wide"
    fits = c * d <= lanes or (c == 4 and c * d == 2 * lanes)
    whole = a * c * d % (lanes * max(1, c * d // lanes)) == 0
    if b == c and c in (2, 4) and d & (d - 1) == 0 and fits and whole:
        return "swap"
    return "plain"


def _packed_order(numbers, kind, lanes):
    """Numbers of the values of a group of factors, in the layout of backward.h."""
    if kind == "wide":
        return numbers[0].ravel()
    if kind == "plain":
        return np.concatenate([numbers[0].ravel(), numbers[0].swapaxes(1, 2).ravel()])
    parts = []
    for values in numbers:
        j, t = np.ogrid[: values.shape[1], : values.shape[1]]
        swapped = np.moveaxis(values[:, j, j ^ t], 2, 0)  # (t, a, j, d)
        parts.append(swapped.reshape(len(swapped), -1, lanes))
    return np.concatenate(parts).swapaxes(0, 1).ravel()


def _plain_levels(factors, X):
    """X, and the rows after each factor, the last factor first."""
    levels = [X]
    for values in factors[::-1]:
        a, b, c, d = values.shape
        rows = levels[-1].reshape(len(X), a, c, d)
        product = np.einsum("ajkl,nakl->najl", values, rows, optimize=True)
        levels.append(product.reshape(len(X), a * b * d))
    return levels


def _plain_backward(factors, X, G):
    """`ChainFunction.backward` in NumPy, all levels kept."""
    levels = _plain_levels(factors, X)[:-1]
    gradients = []
    for values in factors:
        a, b, c, d = values.shape
        x = levels.pop().reshape(len(X), a, c, d)
        g = G.reshape(len(X), a, b, d)
        gradient = np.einsum("najl,nakl->ajkl", g, x.conj(), optimize=True)
        gradients.append(gradient.ravel())
        G = np.einsum("ajkl,najl->nakl", values.conj(), g, optimize=True)
        G = G.reshape(len(X), a * c * d)
    return np.concatenate(gradients), G
