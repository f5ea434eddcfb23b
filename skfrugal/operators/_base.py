"""The abstract operator: an immutable matrix that knows its structure."""

import numbers
import threading
from abc import ABC, abstractmethod

import numpy as np
import scipy.sparse as sp

from skfrugal._validation import as_inexact, as_inexact_sparse
from skfrugal.operators._plan import Pass, explain

# One lock for what operators build on first use; building is rare and never nested
# in anything but another operator's building, hence reentrant.
_LOCK = threading.RLock()

# Sparse rows are made dense in blocks of about this many entries.
_BLOCK_ENTRIES = 2**21


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
    become float64 and float16 float32.  SciPy's iterative methods (``svds``,
    ``eigsh``, ``lsqr``, ``cg``) take an operator as it is.  NumPy functions do not:
    use `toarray`.
    """

    # Makes NumPy's binary operators defer to ours, so that ``X @ op`` works.
    __array_ufunc__ = None

    ndim = 2

    # Product and Sum; set by the module that defines them, which imports this one.
    _product_class = None
    _sum_class = None

    def __init__(self, shape, dtype):
        self.shape = (int(shape[0]), int(shape[1]))
        self.dtype = np.dtype(dtype)
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
        """``X @ self.T`` for a C-contiguous 2-D `X` whose dtype holds ours."""

    @abstractmethod
    def _transposed(self):
        """A new operator, the transpose."""

    @abstractmethod
    def _mapped(self, function):
        """A new operator whose values are ``function(values)``.

        `function` is a cast, a conjugation or, for a class with a linear parameter,
        a scaling.
        """

    # -- what is built on first use ---------------------------------------------

    def _cached(self, key, build, back=None):
        """What `build` returns, built once; never pickled.

        With `back`, what is built is an operator whose own `back` is this one.
        """
        if key not in self._cache:
            with _LOCK:
                if key not in self._cache:
                    built = build()
                    if back is not None:
                        built._cache[back] = self
                    self._cache[key] = built
        return self._cache[key]

    # -- what may be overridden by structure -----------------------------------

    def _sparse_rows(self, X):
        """``X @ self.T`` for a CSR `X`, as a dense array."""
        dtype = np.result_type(self.dtype, X.dtype)
        Y = np.empty((X.shape[0], self.shape[0]), dtype)
        step = max(1, _BLOCK_ENTRIES // max(1, self.shape[1]))
        for start in range(0, X.shape[0], step):
            rows = slice(start, start + step)
            Y[rows] = self._rows(X[rows].toarray().astype(dtype, copy=False))
        return Y

    def _scaled(self, scalar):
        """``scalar * self``."""
        return self._mapped(lambda values: scalar * values)

    def _leaves(self):
        """Operators without parts of which this one consists."""
        return (self,)

    def _passes(self):
        """What one product does, pass by pass."""
        name = f"{type(self).__name__}{self._detail()}"
        return (Pass(name, self.flops, self.shape[1], self.shape[0]),)

    def _detail(self):
        """What `__repr__` says besides the shape."""
        return ""

    # -- properties ------------------------------------------------------------

    @property
    def T(self):
        """Transpose, without a copy where possible; ``op.T.T is op``."""
        return self._cached("T", self._transposed, back="T")

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
        return self._cached("conj", lambda: self._mapped(np.conjugate), back="conj")

    def astype(self, dtype):
        """The operator with its values in another floating dtype.

        Raises
        ------
        TypeError
            When `dtype` is not floating, or would drop imaginary parts.
        """
        dtype = np.dtype(dtype)
        if dtype == self.dtype:
            return self
        if dtype.kind not in "fc" or dtype == np.float16:
            raise TypeError(
                f"An operator cannot have dtype {dtype}; pass float32, float64, "
                f"complex64 or complex128."
            )
        if self.dtype.kind == "c" and dtype.kind == "f":
            raise TypeError(
                f"Casting a {self.dtype} operator to {dtype} would drop imaginary "
                f"parts of its factors; use op.toarray().real."
            )
        operator = self._mapped(lambda values: values.astype(dtype))
        operator.dtype = dtype
        return operator

    def toarray(self):
        """Dense matrix, an ndarray of shape (M, N)."""
        identity = np.eye(self.shape[1], dtype=self.dtype)
        return np.ascontiguousarray(self._rows(identity).T)

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
        return explain(self, n_rows)

    # -- products --------------------------------------------------------------

    def __matmul__(self, other):
        if isinstance(other, Operator):
            return self._product_class(self, other)
        if sp.issparse(other):
            return self._apply_sparse(other.T, "op @ X", other.shape).T
        other = np.asarray(other)
        return self._apply(other.T, "op @ X", other.shape).T

    def __rmatmul__(self, other):
        if sp.issparse(other):
            return self.T._apply_sparse(other, "X @ op", other.shape)
        other = np.asarray(other)
        return self.T._apply(other, "X @ op", other.shape)

    def _apply(self, X, expression, shape):
        """``X @ self.T`` for any array of 1 or 2 dimensions."""
        if X.ndim not in (1, 2):
            raise ValueError(
                f"X must have 1 or 2 dimensions in {expression}; got shape {shape}. "
                f"Multiply by a scalar with *, reshape a stack to 2 dimensions."
            )
        self._check_length(X.shape[-1], expression, shape)
        X = as_inexact(X)
        X = np.ascontiguousarray(X, np.result_type(self.dtype, X.dtype))
        return self._rows(X) if X.ndim == 2 else self._rows(X[np.newaxis])[0]

    def _apply_sparse(self, X, expression, shape):
        self._check_length(X.shape[-1], expression, shape)
        if X.ndim != 2:
            return self._apply(X.toarray(), expression, shape)
        return self._sparse_rows(as_inexact_sparse(X))

    def _check_length(self, length, expression, shape):
        if length != self.shape[1]:
            mine = self.shape if expression == "op @ X" else self.shape[::-1]
            order = (mine, shape) if expression == "op @ X" else (shape, mine)
            raise ValueError(
                f"Shapes do not match in {expression}: {order[0]} and {order[1]}."
            )

    def matvec(self, x):
        """``op @ x`` for a vector of shape (N,) or (N, 1)."""
        return self._vector(x, self)

    def rmatvec(self, x):
        """``op.H @ x`` for a vector of shape (M,) or (M, 1)."""
        return self._vector(x, self.H)

    @staticmethod
    def _vector(x, operator):
        x = np.asarray(x)
        if x.shape not in ((operator.shape[1],), (operator.shape[1], 1)):
            raise ValueError(
                f"x must have shape ({operator.shape[1]},) or "
                f"({operator.shape[1]}, 1); got {x.shape}."
            )
        return operator @ x

    def matmat(self, X):
        """``op @ X`` for an array of shape (N, K)."""
        return self @ X

    def rmatmat(self, X):
        """``op.H @ X`` for an array of shape (M, K)."""
        return self.H @ X

    # -- sums and scalars ------------------------------------------------------

    def __add__(self, other):
        if not isinstance(other, Operator):
            return NotImplemented
        return self._sum_class(self, other)

    def __sub__(self, other):
        if not isinstance(other, Operator):
            return NotImplemented
        return self._sum_class(self, -other)

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
                f"numpy.{function.__name__} does not take an operator; "
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

    def __repr__(self):
        m, n = self.shape
        saving = m * n / self.nnz if self.nnz else float("inf")
        text = f"<{type(self).__name__} {m} x {n}{self._detail()}, {self.dtype}: "
        text += f"{self.nnz:,} stored values"
        if 1.05 <= saving < float("inf"):
            text += f", {saving:.1f} times fewer than dense"
        return text + ">"


def frozen(array):
    """A read-only view: operators share arrays, so nobody may write to them."""
    view = array.view()
    view.flags.writeable = False
    return view


def unique_leaves(operators):
    """Leaves of several operators, an operator and its transpose counted once."""
    unique = {}
    for operator in operators:
        for leaf in operator._leaves():
            twin = leaf._cache.get("T")
            if twin is None or id(twin) not in unique:
                unique[id(leaf)] = leaf
    return tuple(unique.values())


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
