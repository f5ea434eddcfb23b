"""The abstract operator: an immutable matrix that knows its structure."""

import numbers
import os
import threading
import weakref
from abc import ABC, abstractmethod
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp

from skfrugal._validation import as_inexact, check_int, inexact_dtype

# Sparse rows are made dense in blocks of about this many entries.
BLOCK_ENTRIES = 2**21

# One lock for what operators build on first use; reentrant, since building one
# operator builds others.
_lock = threading.RLock()


def _renew_lock():
    """In a forked child, where a thread that held the lock does not exist."""
    global _lock
    _lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_lock)


class Pass(NamedTuple):
    """One step of a product as `explain` shows it."""

    name: str
    flops: int
    n_in: int
    n_out: int


class Operator(ABC):
    """Abstract matrix of shape (M, N), stored by its structure.

    An operator is used as a matrix is: ``X @ op.T`` maps the rows of `X`, as
    ``X @ components_.T`` does in scikit-learn.  It is immutable: the arrays it was
    made from must not be written to.

    Attributes
    ----------
    shape : tuple of int
        (M, N).
    dtype : numpy.dtype
        float32, float64, complex64 or complex128.
    nnz : int
        Numbers stored (tied ones once, a permutation none).
    nbytes : int
        Bytes stored, indices included.
    flops : int
        Floating-point operations of one product with a vector.
    density : float
        `nnz` over M * N.
    T, H : Operator
        Transpose (``op.T.T is op``) and conjugate transpose.

    Notes
    -----
    Products with arrays have dtype ``np.result_type(op, X)``, after integers have
    become float64, float16 float32 and extended precision double; they are dense also
    where `X` is sparse.  A NaN in `X` reaches the outputs that its column is connected
    to, or the whole row where the dense form is used (`explain` tells).

    SciPy's iterative methods (``svds``, ``eigsh``, ``lsqr``, ``cg``) take an operator
    as it is.  NumPy functions do not: use `toarray`.  Two spellings cannot be caught:
    ``X.dot(op)`` of NumPy makes an array of objects, and pandas has its own ``@``;
    write ``X @ op.T``, and ``df.to_numpy() @ op.T``.
    """

    # Makes NumPy's binary operators defer to ours, so that ``X @ op`` works.
    __array_ufunc__ = None

    ndim = 2

    # Set by the modules that define them, which import this one: Product and Sum, the
    # planned product with rows, and what it says of itself.
    _product_class = None
    _sum_class = None
    _compute = None
    _explain = None
    _passes_of = None

    def __init__(self, shape, dtype):
        self._shape = (int(shape[0]), int(shape[1]))
        self._dtype = np.dtype(dtype)
        # Shared with the transpose and the conjugate: they store the same numbers.
        self._numbers = object()
        self._cache = {}

    # -- what a class must say -------------------------------------------------

    @property
    @abstractmethod
    def nnz(self):
        """Numbers stored."""

    @property
    @abstractmethod
    def flops(self):
        """Floating-point operations of one product with a vector."""

    @abstractmethod
    def _arrays(self):
        """Tuple of the arrays stored, values and indices."""

    @abstractmethod
    def _rows(self, X):
        """``X @ self.T`` by NumPy, for C-contiguous 2-D `X` whose dtype holds ours.

        Parts are applied by their `_compute`, which may be a kernel.
        """

    @abstractmethod
    def _transposed(self):
        """A new operator, the transpose."""

    @abstractmethod
    def _mapped(self, function):
        """A new operator whose values are ``function(values)``.

        `function` is a cast, a conjugation or, for a class with a linear parameter,
        a scaling.
        """

    # -- what a class may know better ------------------------------------------

    def _sparse_rows(self, X):
        """``X @ self.T`` for a CSR `X` whose dtype holds ours, as a dense array."""
        matrix = self._csr()
        if matrix is not None:
            return (X @ matrix.T).toarray()
        Y = np.empty((X.shape[0], self.shape[0]), X.dtype)
        step = max(1, BLOCK_ENTRIES // max(1, self.shape[1]))
        for start in range(0, X.shape[0], step):
            rows = slice(start, start + step)
            Y[rows] = self._compute(X[rows].toarray())
        return Y

    def _csr(self):
        """The matrix by compressed rows, or None for a class that is not sparse."""
        return None

    def _scaled(self, scalar):
        """``scalar * self``."""
        return self._mapped(lambda values: scalar * values)

    def _leaves(self):
        """Operators without parts of which this one consists."""
        return (self,)

    def _passes(self):
        """What one product does, step by step."""
        if self._factors():
            return self._passes_of()
        name = f"{type(self).__name__}{self._detail()}"
        return (Pass(name, self.flops, self.shape[1], self.shape[0]),)

    def _factors(self):
        """What `_plan` may compute by kernels, left to right; empty for `_rows`."""
        return ()

    def _detail(self):
        """What `__repr__` says besides the shape."""
        return ""

    # -- properties ------------------------------------------------------------

    @property
    def shape(self):
        """(M, N)."""
        return self._shape

    @property
    def dtype(self):
        """float32, float64, complex64 or complex128."""
        return self._dtype

    @property
    def T(self):
        """Transpose, without a copy where possible; ``op.T.T is op``."""
        found = self._cache.get("T")
        if isinstance(found, Operator):
            return found
        return self._twin("T", self._transposed)

    @property
    def H(self):
        """Conjugate transpose."""
        return self.T.conj()

    @property
    def nbytes(self):
        """Bytes stored, indices included."""
        return sum(array.nbytes for array in self._arrays())

    @property
    def density(self):
        """Numbers stored over entries of the dense matrix."""
        return self.nnz / max(1, self.shape[0] * self.shape[1])

    def conj(self):
        """Complex conjugate; a real operator is its own."""
        if self.dtype.kind != "c":
            return self
        return self._twin("conj", self._conjugated)

    def _conjugated(self):
        """A new operator, the conjugate, known to store the same numbers."""
        conjugate = self._mapped(np.conjugate)
        for mine, its in zip(self._leaves(), conjugate._leaves(), strict=True):
            its._numbers = mine._numbers
        return conjugate

    def astype(self, dtype):
        """The operator with its values in another floating dtype.

        Raises
        ------
        TypeError
            When `dtype` is not floating, or would drop imaginary parts.
        """
        dtype = check_dtype(dtype)
        if dtype == self.dtype:
            return self
        if self.dtype.kind == "c" and dtype.kind == "f":
            raise TypeError(
                f"Casting a {self.dtype} operator to {dtype} would drop imaginary "
                f"parts of its factors; use op.toarray().real."
            )
        operator = self._mapped(lambda values: values.astype(dtype))
        operator._dtype = dtype
        return operator

    def toarray(self):
        """Dense matrix, an ndarray of shape (M, N)."""
        m, n = self.shape
        if m < n:
            return self.T._compute(np.eye(m, dtype=self.dtype))
        return np.ascontiguousarray(self._compute(np.eye(n, dtype=self.dtype)).T)

    def explain(self, n_rows=1024):
        """How ``X @ op.T`` is computed for `n_rows` rows, in words.

        Parameters
        ----------
        n_rows : int, default=1024
            Number of rows of `X`.

        Returns
        -------
        explanation : str
            Passes, flops and bytes moved, and whether the dense or the factored form
            is used and why, by a fixed cost model (never by a clock).
        """
        return self._explain(check_int(n_rows, "n_rows", 1))

    # -- what is built on first use, and never pickled ---------------------------

    def _cached(self, key, build):
        """What `build` returns, built once."""
        found = self._cache.get(key)
        if found is None:
            with _lock:
                found = self._cache.get(key)
                if found is None:
                    found = self._cache[key] = build()
        return found

    def _twin(self, key, build):
        """The operator on the other side of `key` (transpose or conjugate).

        The one that was first keeps the other alive, not the reverse: a cycle would
        make large arrays wait for the garbage collector.
        """
        found = self._cache.get(key)
        if isinstance(found, weakref.ref):
            found = found()
        if found is not None:
            return found
        with _lock:
            found = self._cache.get(key)
            if found is None or isinstance(found, weakref.ref):
                found = build()
                found._numbers = self._numbers
                found._cache[key] = weakref.ref(self)
                self._cache[key] = found
        return found

    # -- products --------------------------------------------------------------

    def __matmul__(self, other):
        if isinstance(other, Operator):
            self._check_length(other.shape[0], "op @ op", other.shape)
            return self._product_class(self, other)
        if sp.issparse(other):
            return self._apply_sparse(other.T, "op @ X", other.shape).T
        other = np.asarray(other)
        return self._apply(other.T, "op @ X", other.shape).T

    def __rmatmul__(self, other):
        operator = self.T
        if (
            type(other) is np.ndarray
            and other.dtype == operator._dtype
            and other.flags.c_contiguous
            and other.shape[1:] == (operator._shape[1],)
        ):
            return operator._compute(other)  # what ordinary rows are, at no cost
        if sp.issparse(other):
            return operator._apply_sparse(other, "X @ op", other.shape)
        other = np.asarray(other)
        return operator._apply(other, "X @ op", other.shape)

    def _apply(self, X, expression, shape):
        """``X @ self.T`` for any array of 1 or 2 dimensions."""
        if X.ndim not in (1, 2):
            raise ValueError(
                f"X must be an array of 1 or 2 dimensions in {expression}; got shape "
                f"{shape}. Multiply by a scalar with *, reshape a stack."
            )
        self._check_length(X.shape[-1], expression, shape)
        X = as_inexact(X)
        X = np.ascontiguousarray(X, np.result_type(self.dtype, X.dtype))
        return self._compute(X) if X.ndim == 2 else self._compute(X[np.newaxis])[0]

    def _apply_sparse(self, X, expression, shape):
        if X.ndim != 2:
            return self._apply(X.toarray(), expression, shape)
        self._check_length(X.shape[-1], expression, shape)
        dtype = np.result_type(self.dtype, inexact_dtype(X.dtype))
        return self._sparse_rows(sp.csr_array(X, dtype=dtype))

    def _check_length(self, length, expression, shape):
        if length != self.shape[1]:
            first, second = self.shape, shape
            if expression == "X @ op":
                first, second = shape, self.shape[::-1]
            raise ValueError(
                f"Shapes do not match in {expression}: {first} and {second}."
            )

    def matvec(self, x):
        """``op @ x`` for a vector of shape (N,) or (N, 1)."""
        return self @ self._check_vector(x, self.shape[1])

    def rmatvec(self, x):
        """``op.H @ x`` for a vector of shape (M,) or (M, 1)."""
        return self.rmatmat(self._check_vector(x, self.shape[0]))

    @staticmethod
    def _check_vector(x, length):
        x = np.asarray(x)
        if x.shape not in ((length,), (length, 1)):
            raise ValueError(
                f"x must have shape ({length},) or ({length}, 1); got {x.shape}."
            )
        return x

    def matmat(self, X):
        """``op @ X`` for an array of shape (N, K)."""
        return self @ X

    def rmatmat(self, X):
        """``op.H @ X`` for an array of shape (M, K)."""
        if self.dtype.kind != "c":
            return self.T @ X
        # Conjugating X costs less than keeping conjugate values.
        return (self.T @ np.conj(X)).conj()

    # -- sums and scalars ------------------------------------------------------

    def __add__(self, other):
        if isinstance(other, numbers.Number):
            # ``sum(operators)`` starts from 0; another number is no matrix.
            return self if other == 0 else NotImplemented
        return self._sum_class(self, other)

    def __radd__(self, other):
        if isinstance(other, numbers.Number):
            return self if other == 0 else NotImplemented
        return self._sum_class(other, self)

    def __sub__(self, other):
        return self + (-1.0) * other

    def __rsub__(self, other):
        return -self + other

    def __neg__(self):
        return self * -1.0

    def __mul__(self, scalar):
        if not isinstance(scalar, numbers.Number):
            return NotImplemented
        return self._scaled(scalar)

    __rmul__ = __mul__

    def __truediv__(self, scalar):
        if not isinstance(scalar, numbers.Number):
            return NotImplemented
        return self._scaled(1.0 / scalar)

    # -- NumPy and Python protocols --------------------------------------------

    def __array_function__(self, function, types, args, kwargs):
        answer = _ARRAY_FUNCTIONS.get(function)
        if answer is None:
            raise TypeError(
                f"{function.__module__}.{function.__name__} does not take an operator; "
                f"use op.toarray() for the dense matrix."
            )
        return answer(*args, **kwargs)

    def __float__(self):
        raise TypeError(
            f"A {type(self).__name__} of shape {self.shape} is not converted to an "
            f"array implicitly; use op.toarray()."
        )

    __int__ = __complex__ = __float__

    def __getstate__(self):
        return {key: value for key, value in vars(self).items() if key != "_cache"}

    def __setstate__(self, state):
        vars(self).update(state, _cache={})
        for array in self._arrays():
            array.flags.writeable = False

    def __repr__(self):
        m, n = self.shape
        text = f"<{type(self).__name__} {m} x {n}{self._detail()}, {self.dtype}: "
        return f"{text}{self.nnz:,} stored values{saving(self)}>"


def saving(operator):
    """How storage compares with the dense matrix, or nothing where it cannot."""
    size = operator.shape[0] * operator.shape[1]
    if not size or not operator.nnz or operator.nnz == size:
        return ""
    if operator.nnz > size:
        return f", {operator.nnz / size:.1f} times as many as dense"
    return f", {size / operator.nnz:.1f} times fewer than dense"


def frozen(array):
    """A read-only view: operators share arrays, so nobody may write to them."""
    view = array.view()
    view.flags.writeable = False
    return view


def check_dtype(dtype):
    """`dtype` as one that an operator can have."""
    dtype = np.dtype(dtype)
    if dtype.kind not in "fc" or inexact_dtype(dtype) != dtype:
        raise TypeError(
            f"An operator cannot have dtype {dtype}; pass float32, float64, complex64 "
            f"or complex128."
        )
    return inexact_dtype(dtype)


def _result_type(*args):
    return np.result_type(*(a.dtype if isinstance(a, Operator) else a for a in args))


# The few functions that ask about an operator without computing with it.
_ARRAY_FUNCTIONS = {
    np.result_type: _result_type,
    np.shape: lambda a: a.shape,
    np.ndim: lambda a: 2,
    np.iscomplexobj: lambda x: x.dtype.kind == "c",
    np.isrealobj: lambda x: x.dtype.kind != "c",
}
