"""Closed forms on small blocks: the best rank-one approximation without LAPACK.

For a block B with two rows b0, b1 the leading left singular vector is

    u = (cos(t) h / |h|, sin(t)),    t = atan2(2 |h|, |b0|^2 - |b1|^2) / 2,
    h = sum(b0 * conj(b1)),          h / |h| = 1 where h = 0,

(the half-angle form: as accurate as an SVD, where the textbook eigenvector of the
2 x 2 Gram matrix loses half of the digits).  Then u^* B is the right factor, and the
energy of w^* B, with w orthogonal to u, is the squared error: a sum of squares, never
a difference.  Cost: two passes over each block.
"""

from libc.math cimport atan2, cos, fabs, hypot, sin, sqrt

ctypedef fused scalar:
    double
    double complex

# Under this energy the squares of a block's entries have begun to underflow.
cdef double SMALLEST_ENERGY = 1e-200


cdef inline double _squared(scalar x) noexcept nogil:
    if scalar is double:
        return x * x
    else:
        return x.real * x.real + x.imag * x.imag


cdef inline scalar _conj(scalar x) noexcept nogil:
    if scalar is double:
        return x
    else:
        return x.conjugate()


cdef inline double _largest(
    const scalar *row,          # IN (m,)
    Py_ssize_t m,
) noexcept nogil:
    cdef Py_ssize_t j
    cdef double value, largest = 0.0
    for j in range(m):
        if scalar is double:
            value = fabs(row[j])
        else:
            value = max(fabs(row[j].real), fabs(row[j].imag))
        if value > largest:
            largest = value
    return largest


cdef inline void _direction(
    const scalar *b0,           # IN (m,)
    const scalar *b1,           # IN (m,)
    Py_ssize_t m,
    scalar *u,                  # OUT (2,) leading left singular vector
) noexcept nogil:
    cdef Py_ssize_t j
    cdef double p = 0.0, q = 0.0, length, angle, scale
    cdef scalar h = 0, x, y
    for j in range(m):
        p += _squared(b0[j])
        q += _squared(b1[j])
        h = h + b0[j] * _conj(b1[j])
    if p + q < SMALLEST_ENERGY:
        scale = max(_largest(b0, m), _largest(b1, m))
        p = 0.0
        q = 0.0
        h = 0
        if scale > 0.0:
            for j in range(m):
                x = b0[j] / scale
                y = b1[j] / scale
                p += _squared(x)
                q += _squared(y)
                h = h + x * _conj(y)
    if scalar is double:
        length = fabs(h)
    else:
        length = hypot(h.real, h.imag)
    angle = 0.5 * atan2(2.0 * length, p - q)
    u[0] = cos(angle) * (h / length) if length > 0.0 else cos(angle)
    u[1] = sin(angle)


def leading_pairs(
    const scalar[:, :, ::1] blocks,     # IN (n_blocks, 2, m)
    scalar[:, ::1] left,                # OUT (n_blocks, 2) orthonormal
    scalar[:, ::1] right,               # OUT (n_blocks, m) left^* blocks
):
    """Best rank-one approximation left[i] right[i] of each two-row block."""
    cdef Py_ssize_t n_blocks = blocks.shape[0], m = blocks.shape[2], i, j
    cdef const scalar *b0
    cdef const scalar *b1
    cdef scalar c, s
    with nogil:
        for i in range(n_blocks):
            b0 = &blocks[i, 0, 0]
            b1 = &blocks[i, 1, 0]
            _direction(b0, b1, m, &left[i, 0])
            c = _conj(left[i, 0])
            s = left[i, 1]
            for j in range(m):
                right[i, j] = c * b0[j] + s * b1[j]


def residual_energies(
    const scalar[:, :, ::1] blocks,     # IN (n_blocks, 2, m)
    double[::1] energies,               # OUT (n_blocks,)
):
    """Squared distance of each two-row block to the matrices of rank one."""
    cdef Py_ssize_t n_blocks = blocks.shape[0], m = blocks.shape[2], i, j
    cdef const scalar *b0
    cdef const scalar *b1
    cdef scalar u[2]
    cdef scalar s, c
    cdef double energy, cosine
    with nogil:
        for i in range(n_blocks):
            b0 = &blocks[i, 0, 0]
            b1 = &blocks[i, 1, 0]
            _direction(b0, b1, m, u)
            # w = (-sin(t) phase, cos(t)) where u = (cos(t) phase, sin(t)).
            cosine = sqrt(_squared(u[0]))
            s = u[1] * _conj(u[0]) / cosine if cosine > 0.0 else u[1]
            c = cosine
            energy = 0.0
            for j in range(m):
                energy += _squared(c * b1[j] - s * b0[j])
            energies[i] = energy


def split_row_pairs(
    const scalar[:, :, :, :, ::1] values,   # IN (a, 2, s, t, c)
    scalar[:, :, :, ::1] left,              # OUT (a, t, s, 2) orthonormal
    scalar[:, :, :, ::1] right,             # OUT (a, t, s, c) left^* blocks
):
    """`leading_pairs` of the blocks ``values[i, :, k, l]``, and the energy lost.

    Reads each block where it lies, and writes the right factor in the order in which
    it is split next: no copy is made on the way.
    """
    cdef Py_ssize_t a = values.shape[0], s = values.shape[2], t = values.shape[3]
    cdef Py_ssize_t m = values.shape[4], i, j, k, l
    cdef const scalar *b0
    cdef const scalar *b1
    cdef scalar *out
    cdef scalar c, u1, w0
    cdef double w1, lost, total = 0.0
    with nogil:
        for i in range(a):
            for k in range(s):
                for l in range(t):
                    b0 = &values[i, 0, k, l, 0]
                    b1 = &values[i, 1, k, l, 0]
                    out = &right[i, l, k, 0]
                    _direction(b0, b1, m, &left[i, l, k, 0])
                    c = _conj(left[i, l, k, 0])
                    u1 = left[i, l, k, 1]
                    # w = (-sin(t) phase, cos(t)) where u = (cos(t) phase, sin(t)).
                    w1 = sqrt(_squared(c))
                    w0 = u1 * c / w1 if w1 > 0.0 else u1
                    lost = 0.0
                    for j in range(m):
                        out[j] = c * b0[j] + u1 * b1[j]
                        lost += _squared(w1 * b1[j] - w0 * b0[j])
                    total += lost
    return total
