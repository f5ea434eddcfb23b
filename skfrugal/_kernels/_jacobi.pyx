"""Plane rotations: a greedy matching, rotating rows, a minorise-maximise sweep.

A rotation of the rows (i, j) by theta is

    y_i =  cos(theta) x_i + sin(theta) x_j
    y_j = -sin(theta) x_i + cos(theta) x_j

All matrices are C-contiguous, float64 (in sweeps also float32), and every inner loop runs along two rows, so
that a rotation of N-vectors costs one pass over 2 N numbers.
"""

from cython cimport floating
from libc.math cimport atan2, cos, fabs, sin


cdef void rotate(
    floating* x, floating* y, Py_ssize_t n, floating c, floating s
) noexcept nogil:
    cdef Py_ssize_t k
    cdef floating xk, yk
    for k in range(n):
        xk = x[k]
        yk = y[k]
        x[k] = c * xk + s * yk
        y[k] = c * yk - s * xk


cdef void best_below(
    const double* row, const double* weight, Py_ssize_t i,
    double* gain, Py_ssize_t* partner,
) noexcept nogil:
    """The j < i with the largest row[j]^2 weight[j]; the smallest one among ties."""
    cdef Py_ssize_t j
    cdef double score
    gain[i] = 0
    partner[i] = -1
    for j in range(i):
        score = row[j] * row[j] * weight[j]
        if score > gain[i]:
            gain[i] = score
            partner[i] = j
    gain[i] *= weight[i]


cdef Py_ssize_t match_pairs(
    const double[:, ::1] S, Py_ssize_t n_pairs, double floor, double negligible,
    double[::1] weight, Py_ssize_t[::1] partner, double[::1] gain,
    Py_ssize_t[:, ::1] pairs,
) noexcept nogil:
    """Disjoint pairs by decreasing squared correlation: greedy, exact and lazy.

    The pair (j, i), j < i, belongs to row i, which remembers its best partner.  A
    row whose partner was taken in the meantime looks for another one only when it
    comes to the top: O(N^2) a call, a sort of all pairs would be O(N^2 log N).
    """
    cdef Py_ssize_t n = S.shape[0]
    cdef Py_ssize_t n_found = 0
    cdef Py_ssize_t i, j, top
    for i in range(n):
        weight[i] = 1.0 / (max(S[i, i], 0.0) + floor)
    for i in range(n):
        best_below(&S[i, 0], &weight[0], i, &gain[0], &partner[0])
    while n_found < n_pairs:
        top = 0
        for i in range(n):
            if gain[i] > gain[top]:
                top = i
        j = partner[top]
        if gain[top] <= 0:
            break
        if weight[j] == 0:
            best_below(&S[top, 0], &weight[0], top, &gain[0], &partner[0])
            continue
        if fabs(S[top, j]) <= negligible:
            break
        pairs[n_found, 0], pairs[n_found, 1] = j, top
        n_found += 1
        # A taken row has weight and gain zero: never chosen, never a partner.
        weight[j] = weight[top] = 0
        gain[j] = gain[top] = 0
    return n_found


def greedy_level(
    double[:, ::1] S,             # INOUT covariance, then R S R^T
    Py_ssize_t n_pairs,           # IN    most pairs wanted
    double floor,                 # IN    added to the variances in the gain, > 0
    double negligible,            # IN    covariances up to this count as zero
    double[::1] weight,           # WORK  (N,)
    Py_ssize_t[::1] partner,      # WORK  (N,)
    double[::1] gain,             # WORK  (N,)
    Py_ssize_t[:, ::1] pairs,     # OUT   (n_pairs, 2)
    double[::1] angles,           # OUT   (n_pairs,)
):
    """Rotate the most correlated disjoint pairs of S; return how many there were.

    The gain of a pair, S_ij^2 / ((S_ii + floor) (S_jj + floor)), is increasing in
    the entropy which the rotation that diagonalises the pair saves.
    """
    cdef Py_ssize_t n = S.shape[0]
    cdef Py_ssize_t n_found, i, j, k, p
    cdef double xi, xj
    with nogil:
        n_found = match_pairs(
            S, n_pairs, floor, negligible, weight, partner, gain, pairs
        )
        for p in range(n_found):
            i, j = pairs[p, 0], pairs[p, 1]
            angles[p] = 0.5 * atan2(2 * S[i, j], S[i, i] - S[j, j])
            # The two workspaces are free again: they keep the cosines and sines.
            weight[p] = cos(angles[p])
            gain[p] = sin(angles[p])
            rotate(&S[i, 0], &S[j, 0], n, weight[p], gain[p])
        # S R^T, row after row, so that each row is read once for the whole level.
        for k in range(n):
            for p in range(n_found):
                i, j = pairs[p, 0], pairs[p, 1]
                xi, xj = S[k, i], S[k, j]
                S[k, i] = weight[p] * xi + gain[p] * xj
                S[k, j] = weight[p] * xj - gain[p] * xi
    return n_found


def rotate_rows(
    floating[:, ::1] Y,               # INOUT (N, r): R_L ... R_1 Y
    const Py_ssize_t[:, ::1] pairs,   # IN    (R, 2)
    const double[::1] angles,         # IN    (R,)
):
    """Apply a sequence of rotations, the first one first."""
    cdef Py_ssize_t p
    with nogil:
        for p in range(pairs.shape[0]):
            rotate(
                &Y[pairs[p, 0], 0],
                &Y[pairs[p, 1], 0],
                Y.shape[1],
                <floating>cos(angles[p]),
                <floating>sin(angles[p]),
            )


cdef double rotate_and_correlate(
    floating* ai, floating* aj, const floating* bi, const floating* bj, Py_ssize_t n,
    floating c, floating s, double sign, double angle,
) noexcept nogil:
    """Rotate (a_i, a_j); return the angle that best aligns the pairs a and b.

    It maximises cos(t) (a_i.b_i + a_j.b_j) + sin(t) sign (a_i.b_j - a_j.b_i), and is
    the angle given where both terms vanish.
    """
    cdef Py_ssize_t k
    cdef floating x, y
    cdef floating even = 0
    cdef floating odd = 0
    for k in range(n):
        x = c * ai[k] + s * aj[k]
        y = c * aj[k] - s * ai[k]
        ai[k] = x
        aj[k] = y
        even += x * bi[k] + y * bj[k]
        odd += x * bj[k] - y * bi[k]
    if even == 0 and odd == 0:
        return angle
    return atan2(sign * odd, even)


def sweep(
    const floating[:, ::1] F,         # IN    (N, r), covariance F F^T
    floating[:, ::1] Y,               # INOUT (N, r), Q F before and after
    floating[:, ::1] T,               # INOUT (N, r), target; its content is lost
    const Py_ssize_t[:, ::1] pairs,   # IN    (R, 2)
    double[::1] angles,               # INOUT (R,)
):
    """Maximise <T, Q F> one rotation at a time, last to first, then first to last.

    With Q = R_L ... R_1, the rotation l sees Y = R_{l-1} ... R_1 F and the target
    R_{l+1}^T ... R_L^T T.  Each step is exact, so that <T, Q F> never decreases.
    """
    cdef Py_ssize_t n_rotations = pairs.shape[0]
    cdef Py_ssize_t r = F.shape[1]
    cdef Py_ssize_t i, j, p
    cdef double angle
    with nogil:
        for p in range(n_rotations - 1, -1, -1):
            i, j = pairs[p, 0], pairs[p, 1]
            angle = angles[p]
            angles[p] = rotate_and_correlate(
                &Y[i, 0], &Y[j, 0], &T[i, 0], &T[j, 0],
                r, <floating>cos(angle), <floating>-sin(angle), -1, angle,
            )
            angle = angles[p]
            rotate(
                &T[i, 0], &T[j, 0], r, <floating>cos(angle), <floating>-sin(angle)
            )
        # Y is F again but for rounding, which must not pile up over the sweeps.
        Y[:, :] = F
        for p in range(n_rotations):
            i, j = pairs[p, 0], pairs[p, 1]
            angle = angles[p]
            angles[p] = rotate_and_correlate(
                &T[i, 0], &T[j, 0], &Y[i, 0], &Y[j, 0],
                r, <floating>cos(angle), <floating>sin(angle), 1, angle,
            )
            angle = angles[p]
            rotate(
                &Y[i, 0], &Y[j, 0], r, <floating>cos(angle), <floating>sin(angle)
            )
