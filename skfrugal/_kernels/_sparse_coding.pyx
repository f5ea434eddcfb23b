"""Sparse coding of many signals over shared atoms, from inner products alone.

A signal y is approximated by a few rows of a matrix of atoms P.  Everything that is
needed are b = P y and the Gram matrix G = P P^T.  With S the atoms chosen so far, keep
for every atom j

    r_j = its inner product with the residual,
    g_j = its squared norm without its part in the span of S,

so that choosing j lowers the squared error by r_j^2 / g_j, exactly: the best atom is
taken (orthogonal least squares; matching pursuit would look at r_j^2 / G_jj).  Row t of
`P` below holds the inner products of all atoms with the t-th orthonormalised one.

The callers keep atoms of one scale, and float64.  The loops over all atoms are kernels
(csrc/coding.h), so that the functions take a table.
"""

from cpython.pycapsule cimport PyCapsule_GetPointer
from libc.math cimport sqrt
from libc.stddef cimport ptrdiff_t


cdef extern from "kernels.h":
    struct c_kernels "kernels":
        ptrdiff_t (*coding_choose)(const double *, const double *, const double *,
                                   double *, ptrdiff_t, double *) noexcept nogil
        double (*coding_take)(ptrdiff_t, ptrdiff_t, double *, double *, const double *,
                              double *, ptrdiff_t) noexcept nogil
        void (*coding_combine)(double *, const double *, const int *, ptrdiff_t,
                               const double *, ptrdiff_t) noexcept nogil
        void (*coding_without)(double *, double *, const double *, const double *,
                               const double *, double, ptrdiff_t) noexcept nogil


# An atom whose part outside the span is this fraction of it is in the span.
cdef double DEPENDENT = 1e-10


cdef const c_kernels *_kernels_of(table) except NULL:
    return <const c_kernels *>PyCapsule_GetPointer(table.capsule, "skfrugal.kernels")


def work_size(Py_ssize_t m, Py_ssize_t a):
    """Numbers that the functions below work with, for m atoms out of a."""
    return 2 * m * m + (m + 6) * a + 3 * m


cdef void _start(
    const double *b,            # IN (a,)
    const double *G,            # IN (a, a)
    Py_ssize_t a,
    double *r,                  # OUT (a,)
    double *g,                  # OUT (a,)
    double *norms,              # OUT (a,)
) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(a):
        r[i], g[i] = b[i], G[i * a + i]
        norms[i] = g[i]


cdef Py_ssize_t _pursue(
    const c_kernels *kernels,
    const double *b,            # IN (a,)
    const double *G,            # IN (a, a)
    Py_ssize_t a,
    Py_ssize_t m,
    int *order,                 # OUT (m,)
    double *gains,              # OUT (m,)
    double *work,               # ((m + 4) a,)
) noexcept nogil:
    """Choose at most m atoms, one after the other; returns how many there are."""
    cdef double *r = work
    cdef double *g = r + a
    cdef double *norms = g + a
    cdef double *each = norms + a
    cdef Py_ssize_t t, j
    _start(b, G, a, r, g, norms)
    for t in range(m):
        j = kernels.coding_choose(r, g, norms, each, a, &gains[t])
        if j < 0:
            return t
        order[t] = <int>j
        kernels.coding_take(j, t, r, g, G, each + a, a)
    return m


def pursue(
    table,
    const double[:, ::1] B,     # IN (n, a) inner products of the signals and atoms
    const double[:, ::1] G,     # IN (a, a)
    int[:, ::1] order,          # OUT (n, m) atoms as chosen, -1 once nothing is left
    double[:, ::1] gains,       # OUT (n, m) how much each lowers the squared error
    double[::1] work,
):
    """Choose m atoms for every signal, one after the other."""
    cdef const c_kernels *kernels = _kernels_of(table)
    cdef Py_ssize_t n = B.shape[0], a = B.shape[1], m = order.shape[1], i, t, found
    if m == 0 or a == 0:
        return
    with nogil:
        for i in range(n):
            found = _pursue(
                kernels, &B[i, 0], &G[0, 0], a, m, &order[i, 0], &gains[i, 0], &work[0]
            )
            for t in range(found, m):
                order[i, t], gains[i, t] = -1, 0.0


cdef double _solve(
    const int *atoms,           # IN (m,)
    Py_ssize_t m,
    const double *b,            # IN (a,)
    const double *G,            # IN (a, a)
    Py_ssize_t a,
    double *values,             # OUT (m,) 0 of an atom in the span of those before
    double *L,                  # (m, m)
) noexcept nogil:
    """Best values of the given atoms; returns by how much they lower the error."""
    cdef Py_ssize_t s, t, u
    cdef double pivot, gain = 0.0
    for t in range(m):
        for s in range(t):
            pivot = G[atoms[t] * a + atoms[s]]
            for u in range(s):
                pivot -= L[t * m + u] * L[s * m + u]
            L[t * m + s] = pivot / L[s * m + s] if L[s * m + s] > 0 else 0.0
        pivot = G[atoms[t] * a + atoms[t]]
        for u in range(t):
            pivot -= L[t * m + u] * L[t * m + u]
        if pivot > DEPENDENT * G[atoms[t] * a + atoms[t]]:
            L[t * m + t] = sqrt(pivot)
            pivot = b[atoms[t]]
            for u in range(t):
                pivot -= L[t * m + u] * values[u]
            values[t] = pivot / L[t * m + t]
        else:
            L[t * m + t] = values[t] = 0.0
        gain += values[t] * values[t]
    for t in range(m - 1, -1, -1):
        if L[t * m + t] > 0:
            pivot = values[t]
            for u in range(t + 1, m):
                pivot -= L[u * m + t] * values[u]
            values[t] = pivot / L[t * m + t]
    return gain


def solve(
    const double[:, ::1] B,     # IN (n, a)
    const double[:, ::1] G,     # IN (a, a)
    const int[::1] indptr,      # IN (n + 1,)
    const int[::1] indices,     # IN (nnz,)
    double[::1] values,         # OUT (nnz,)
    double[::1] gains,          # OUT (n,)
    double[::1] work,           # (largest number of atoms of a signal squared,)
):
    """Best values on given supports."""
    cdef Py_ssize_t n = B.shape[0], a = B.shape[1], i, k
    with nogil:
        for i in range(n):
            k = indptr[i]
            gains[i] = 0.0
            if indptr[i + 1] > k:
                gains[i] = _solve(
                    &indices[k], indptr[i + 1] - k, &B[i, 0], &G[0, 0], a,
                    &values[k], &work[0],
                )


cdef void _inverse(
    const double *L,            # IN (m, m) lower triangle, positive diagonal
    Py_ssize_t m,
    double *inverse,            # OUT (m, m) of L L^T
) noexcept nogil:
    cdef Py_ssize_t c, t, u
    cdef double value
    for c in range(m):
        for t in range(m):
            value = 1.0 if t == c else 0.0
            for u in range(c, t):
                value -= L[t * m + u] * inverse[u * m + c]
            inverse[t * m + c] = value / L[t * m + t] if t >= c else 0.0
        for t in range(m - 1, -1, -1):
            value = inverse[t * m + c]
            for u in range(t + 1, m):
                value -= L[u * m + t] * inverse[u * m + c]
            inverse[t * m + c] = value / L[t * m + t]


cdef double _exchange(
    const c_kernels *kernels,
    int *atoms,                 # INOUT (m,)
    Py_ssize_t m,
    const double *b,            # IN (a,)
    const double *G,            # IN (a, a)
    Py_ssize_t a,
    double *values,             # INOUT (m,) the best ones
    double *work,               # (2 m m + (m + 6) a,)
) noexcept nogil:
    """Replace one atom by another where that lowers the error; by how much it does.

    With q_i the unit vector of atom i without its part in the span of the other
    chosen ones, c_i the coefficient on it and h_ij = <atom j, q_i>, atom j in the
    place of atom i lowers the error by (r_j + c_i h_ij)^2 / (g_j + h_ij^2) - c_i^2.
    """
    cdef double *L = work
    cdef double *inverse = L + m * m
    cdef double *H = inverse + m * m
    cdef double *r = H + m * a
    cdef double *g = r + a
    cdef double *norms = g + a
    cdef double *other = norms + a
    cdef Py_ssize_t i, j, t, out = -1, new = -1
    cdef double c, norm, best = 0.0, gain, before
    before = _solve(atoms, m, b, G, a, values, L)
    for t in range(m):
        if L[t * m + t] == 0:
            return 0.0
    _inverse(L, m, inverse)
    _start(b, G, a, r, g, norms)
    for i in range(m):
        kernels.coding_combine(H + i * a, inverse + i * m, atoms, m, G, a)
        for j in range(a):
            r[j] -= values[i] * G[atoms[i] * a + j]
            g[j] -= H[i * a + j] * G[atoms[i] * a + j]
    for j in range(a):
        g[j] = max(g[j], 0.0)
    for i in range(m):
        g[atoms[i]] = -1.0
    for i in range(m):
        norm = sqrt(inverse[i * m + i])
        for j in range(a):
            H[i * a + j] /= norm
        c = values[i] / norm
        kernels.coding_without(other, other + a, r, g, H + i * a, c, a)
        j = kernels.coding_choose(other, other + a, norms, other + 2 * a, a, &gain)
        if j >= 0 and gain - c * c > best:
            best, out, new = gain - c * c, i, j
    # What rounding alone may have gained is not worth another support.
    if out < 0 or best <= 1e-12 * before:
        return 0.0
    atoms[out] = <int>new
    return _solve(atoms, m, b, G, a, values, L) - before


def exchange(
    table,
    const double[:, ::1] B,     # IN (n, a)
    const double[:, ::1] G,     # IN (a, a)
    const int[::1] indptr,      # IN (n + 1,)
    int[::1] indices,           # INOUT (nnz,)
    double[::1] values,         # INOUT (nnz,) the best ones on entry too
    double[::1] gains,          # INOUT (n,)
    double[::1] work,
):
    """The best exchange of one atom of every signal, where one gains."""
    cdef const c_kernels *kernels = _kernels_of(table)
    cdef Py_ssize_t n = B.shape[0], a = B.shape[1], i, k
    with nogil:
        for i in range(n):
            k = indptr[i]
            if indptr[i + 1] > k:
                gains[i] += _exchange(
                    kernels, &indices[k], indptr[i + 1] - k, &B[i, 0], &G[0, 0], a,
                    &values[k], &work[0],
                )


def code_in_turn(
    table,
    const double[:, ::1] C,     # IN (n, a) right sides
    const double[:, ::1] W,     # IN (a, a) Gram matrix of the atoms
    const double[:, ::1] G,     # IN (n, n) coupling of the signals
    const int[::1] indptr,      # IN (n + 1,)
    int[::1] indices,           # INOUT (nnz,)
    double[::1] values,         # INOUT (nnz,)
    double[:, ::1] WD,          # INOUT (n, a): row j is W d_j
    int[::1] numbers,           # IN 0, 1, ..., n - 1
    double[::1] work,           # work_size(m, a) + a numbers
):
    """Lower sum_ij G_ij d_i^T W d_j - 2 sum_j C_j^T d_j over sparse d_j, one by one.

    Each d_j keeps its number of entries: the better of its old support and of one
    chosen afresh, then one exchange.
    """
    cdef const c_kernels *kernels = _kernels_of(table)
    cdef Py_ssize_t n = C.shape[0], a = C.shape[1], j, k, m, t, largest = 0
    cdef double new, old
    for j in range(n):
        largest = max(largest, indptr[j + 1] - indptr[j])
    if largest == 0 or a == 0:
        return
    cdef double *b = &work[0]
    cdef double *fresh = b + a
    cdef int *chosen = <int *>(fresh + largest)
    cdef double *rest = fresh + 2 * largest
    with nogil:
        for j in range(n):
            k, m = indptr[j], indptr[j + 1] - indptr[j]
            if m == 0 or G[j, j] <= 0:
                continue
            kernels.coding_combine(b, &G[j, 0], &numbers[0], n, &WD[0, 0], a)
            for t in range(a):
                b[t] = (C[j, t] + G[j, j] * WD[j, t] - b[t]) / G[j, j]
            if _pursue(kernels, b, &W[0, 0], a, m, chosen, fresh, rest) == m:
                new = _solve(chosen, m, b, &W[0, 0], a, fresh, rest)
                old = _solve(&indices[k], m, b, &W[0, 0], a, &values[k], rest)
                if new > old:
                    for t in range(m):
                        indices[k + t], values[k + t] = chosen[t], fresh[t]
            _exchange(kernels, &indices[k], m, b, &W[0, 0], a, &values[k], rest)
            kernels.coding_combine(&WD[j, 0], &values[k], &indices[k], m, &W[0, 0], a)
