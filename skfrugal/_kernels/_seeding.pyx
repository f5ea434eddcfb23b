"""Which rows may lie within a radius of a candidate, by bytes: scalar, no choice.

Rows are rounded to a grid common to all, u = (x - offset) / step, with the length e_x of
what rounding took.  As |x - c| >= |u_x - u_c| - e_x - e_c (in steps), a row is far if

    sum (u_x - u_c)^2  >=  (radius_x + e_x + e_c)^2.

Memory: rows of bytes, one after the other; candidates are some of them.  A pass reads
the scores of a row in turn and, where they do not rule out, its bytes, in chunks of
256, as most sums exceed the square long before their end.
"""

from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t

cdef enum:
    CHUNK = 256


cdef int _is_near(
    const uint8_t *a, const uint8_t *b, Py_ssize_t n, double limit
) noexcept nogil:
    cdef Py_ssize_t j = 0, k, size
    cdef int64_t total = 0
    cdef int32_t part
    cdef int16_t t
    while j < n:
        size = min(n - j, CHUNK)
        part = 0
        for k in range(size):
            t = <int16_t>(<int16_t>a[j + k] - <int16_t>b[j + k])
            part += <int32_t>t * <int32_t>t
        total += part
        if total >= limit:
            return 0
        j += size
    return 1


def mark_near(
    const float[:, ::1] scores,     # IN, or None: (n_candidates, n_rows)
    const float[::1] own,           # IN: (n_candidates,), added to scores
    const float[::1] limits,        # IN: (n_rows,), scores from there on are far
    const uint8_t[:, ::1] copy,     # IN: (n_rows, n_features)
    const double[::1] errors,       # IN: (n_rows,), in steps
    const double[::1] radii,        # IN: (n_rows,), in steps, with the row's error
    const Py_ssize_t[::1] ids,      # IN: (n_candidates,)
    uint8_t[:, ::1] near,           # OUT: (n_candidates, n_rows)
    Py_ssize_t start,
    Py_ssize_t stop,
):
    """Mark rows [start, stop) that may be near; returns how many were compared."""
    cdef Py_ssize_t i, j, n_candidates = ids.shape[0], n_features = copy.shape[1]
    cdef int has_scores = scores is not None
    cdef int64_t n_compared = 0
    cdef double radius
    with nogil:
        for i in range(start, stop):
            for j in range(n_candidates):
                near[j, i] = 0
                if has_scores and scores[j, i] + own[j] >= limits[i]:
                    continue
                n_compared += 1
                radius = radii[i] + errors[ids[j]]
                near[j, i] = _is_near(&copy[i, 0], &copy[ids[j], 0], n_features,
                                      radius * radius)
    return n_compared
