"""Sparse coding of many signals over shared atoms, from inner products alone.

A signal y is approximated by a few rows of a matrix of atoms P.  Everything that is
needed are b = P y and the Gram matrix G = P P^T.  With S the atoms chosen so far, keep
for every atom j

    r_j = its inner product with the residual,
    g_j = its squared norm without its part in the span of S,

so that choosing j lowers the squared error by r_j^2 / g_j, exactly: the best atom is
taken (orthogonal least squares; matching pursuit would look at r_j^2 / G_jj).  Row t of
`P` below holds the inner products of all atoms with the t-th orthonormalised one.

The callers keep atoms of one scale, and float64.
"""

from libc.math cimport sqrt

# An atom whose part outside the span is this fraction of it is in the span.
cdef double DEPENDENT = 1e-10


cdef Py_ssize_t _choose(
    const double *r,            # IN (a,)
    const double *g,            # IN (a,)
    const double *G,            # IN (a, a)
    Py_ssize_t a,
    double *gain,               # OUT of the atom returned, -1 for none
) noexcept nogil:
    cdef Py_ssize_t j, best = -1
    cdef double square, largest = 0.0, below = 1.0
    for j in range(a):
        square = r[j] * r[j]
        # square / g[j] > largest / below, without a division.
        if square * below > largest * g[j] and g[j] > DEPENDENT * G[j * a + j]:
            best, largest, below = j, square, g[j]
    gain[0] = largest / below if best >= 0 else -1.0
    return best


cdef double _take(
    Py_ssize_t j,
    Py_ssize_t t,
    double *r,                  # INOUT (a,)
    double *g,                  # INOUT (a,)
    const double *G,            # IN (a, a)
    double *P,                  # INOUT (t + 1, a)
    Py_ssize_t a,
) noexcept nogil:
    """Atom j becomes number t; returns the coefficient of its orthonormal part."""
    cdef Py_ssize_t i, s
    cdef double *p = P + t * a
    cdef double norm = sqrt(g[j]), coefficient = r[j] / norm, part
    for i in range(a):
        p[i] = G[j * a + i]
    for s in range(t):
        part = P[s * a + j]
        for i in range(a):
            p[i] -= part * P[s * a + i]
    for i in range(a):
        p[i] /= norm
        r[i] -= coefficient * p[i]
        g[i] -= p[i] * p[i]
    # Chosen atoms are never chosen again.
    r[j] = g[j] = 0.0
    return coefficient


cdef void _start(
    const double *b,            # IN (a,)
    const double *G,            # IN (a, a)
    Py_ssize_t a,
    double *r,                  # OUT (a,)
    double *g,                  # OUT (a,)
) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(a):
        r[i], g[i] = b[i], G[i * a + i]


def pursue(
    const double[:, ::1] B,     # IN (n, a) inner products of the signals and atoms
    const double[:, ::1] G,     # IN (a, a)
    int[:, ::1] order,          # OUT (n, m) atoms as chosen, -1 once nothing is left
    double[:, ::1] gains,       # OUT (n, m) how much each lowers the squared error
    double[:, ::1] work,        # (m + 2, a)
):
    """Choose m atoms for every signal, one after the other."""
    cdef Py_ssize_t n = B.shape[0], a = B.shape[1], m = order.shape[1], i, t, j
    cdef double *r = &work[0, 0]
    cdef double *g = &work[1, 0]
    cdef double gain
    with nogil:
        for i in range(n):
            _start(&B[i, 0], &G[0, 0], a, r, g)
            j = 0
            for t in range(m):
                if j >= 0:
                    j = _choose(r, g, &G[0, 0], a, &gain)
                order[i, t] = <int>j
                gains[i, t] = gain if j >= 0 else 0.0
                if j >= 0:
                    _take(j, t, r, g, &G[0, 0], &work[2, 0], a)


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
    int *atoms,                 # INOUT (m,)
    Py_ssize_t m,
    const double *b,            # IN (a,)
    const double *G,            # IN (a, a)
    Py_ssize_t a,
    double *values,             # INOUT (m,) the best ones
    double *work,               # (2 m m + (m + 2) a,)
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
    cdef Py_ssize_t i, j, t, out = -1, new = -1
    cdef double c, norm, top, below, best = 0.0, gain, before
    before = _solve(atoms, m, b, G, a, values, L)
    for t in range(m):
        if L[t * m + t] == 0:
            return 0.0
    _inverse(L, m, inverse)
    _start(b, G, a, r, g)
    for i in range(m):
        for j in range(a):
            H[i * a + j] = 0.0
        for t in range(m):
            c = inverse[i * m + t]
            for j in range(a):
                H[i * a + j] += c * G[atoms[t] * a + j]
        for j in range(a):
            r[j] -= values[i] * G[atoms[i] * a + j]
            g[j] -= H[i * a + j] * G[atoms[i] * a + j]
    for i in range(m):
        r[atoms[i]] = 0.0
        g[atoms[i]] = -1.0
    for i in range(m):
        norm = sqrt(inverse[i * m + i])
        c = values[i] / norm
        for j in range(a):
            top = H[i * a + j] / norm
            below = g[j] + top * top
            top = r[j] + c * top
            if g[j] >= 0 and below > DEPENDENT * G[j * a + j]:
                gain = top * top / below - c * c
                if gain > best:
                    best, out, new = gain, i, j
    # What rounding alone may have gained is not worth another support.
    if out < 0 or best <= 1e-12 * before:
        return 0.0
    atoms[out] = <int>new
    return _solve(atoms, m, b, G, a, values, L) - before


def exchange(
    const double[:, ::1] B,     # IN (n, a)
    const double[:, ::1] G,     # IN (a, a)
    const int[::1] indptr,      # IN (n + 1,)
    int[::1] indices,           # INOUT (nnz,)
    double[::1] values,         # INOUT (nnz,) the best ones on entry too
    double[::1] gains,          # INOUT (n,)
    double[::1] work,
):
    """The best exchange of one atom of every signal, where one gains."""
    cdef Py_ssize_t n = B.shape[0], a = B.shape[1], i, k
    with nogil:
        for i in range(n):
            k = indptr[i]
            if indptr[i + 1] > k:
                gains[i] += _exchange(
                    &indices[k], indptr[i + 1] - k, &B[i, 0], &G[0, 0], a,
                    &values[k], &work[0],
                )


def code_in_turn(
    const double[:, ::1] C,     # IN (n, a) right sides
    const double[:, ::1] W,     # IN (a, a) Gram matrix of the atoms
    const double[:, ::1] G,     # IN (n, n) coupling of the signals
    const int[::1] indptr,      # IN (n + 1,)
    int[::1] indices,           # INOUT (nnz,)
    double[::1] values,         # INOUT (nnz,)
    double[:, ::1] WD,          # INOUT (n, a): row j is W d_j
    double[::1] work,           # (2 m m + (m + 2) a + 2 a + 2 m,)
):
    """Lower sum_ij G_ij d_i^T W d_j - 2 sum_j C_j^T d_j over sparse d_j, one by one.

    Each d_j keeps its number of entries: the better of its old support and of one
    chosen afresh, then one exchange.
    """
    cdef Py_ssize_t n = C.shape[0], a = C.shape[1], i, j, k, m, t, largest = 0
    cdef double new, old, coefficient
    for j in range(n):
        largest = max(largest, indptr[j + 1] - indptr[j])
    cdef double *b = &work[2 * largest * largest + (largest + 2) * a]
    cdef double *fresh = b + 2 * a
    cdef int *chosen = <int *>(fresh + largest)
    cdef double *r = &work[0]
    cdef double *g = r + a
    cdef double *P = g + a
    cdef double *L = P + largest * a
    with nogil:
        for j in range(n):
            k, m = indptr[j], indptr[j + 1] - indptr[j]
            if m == 0 or G[j, j] <= 0:
                continue
            for t in range(a):
                b[t] = C[j, t] + G[j, j] * WD[j, t]
            for i in range(n):
                coefficient = G[i, j]
                if coefficient != 0:
                    for t in range(a):
                        b[t] -= coefficient * WD[i, t]
            for t in range(a):
                b[t] /= G[j, j]
            _start(b, &W[0, 0], a, r, g)
            for t in range(m):
                i = _choose(r, g, &W[0, 0], a, &new)
                if i < 0:
                    break
                chosen[t] = <int>i
                _take(i, t, r, g, &W[0, 0], P, a)
            else:
                new = _solve(chosen, m, b, &W[0, 0], a, fresh, L)
                old = _solve(&indices[k], m, b, &W[0, 0], a, &values[k], L)
                if new > old:
                    for t in range(m):
                        indices[k + t], values[k + t] = chosen[t], fresh[t]
            _exchange(&indices[k], m, b, &W[0, 0], a, &values[k], &work[0])
            for t in range(a):
                WD[j, t] = 0.0
            for i in range(m):
                coefficient = values[k + i]
                for t in range(a):
                    WD[j, t] += coefficient * W[indices[k + i], t]
