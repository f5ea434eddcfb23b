"""The kernel of cosine.h as Python sees it: thin, no arithmetic, no choice."""

from cpython.pycapsule cimport PyCapsule_GetPointer
from libc.stddef cimport ptrdiff_t


cdef extern from "kernels.h":
    struct c_kernels "kernels":
        ptrdiff_t (*cosine_f32)(const float *, float *, ptrdiff_t, ptrdiff_t,
                                const float *, float, int) nogil
        ptrdiff_t (*cosine_f64)(const double *, double *, ptrdiff_t, ptrdiff_t,
                                const double *, double, int) nogil


def cosine(table, turns, y, offset, double scale, bint stream=False):
    """Rows of y become ``scale cos(2 pi (turns + offset))``; y may be `turns`.

    The rows with large arguments are counted; they become anything.
    """
    cdef const c_kernels *kernels = <const c_kernels *>PyCapsule_GetPointer(
        table.capsule, "skfrugal.kernels"
    )
    cdef const double[:, ::1] x64
    cdef const float[:, ::1] x32
    cdef double[:, ::1] y64
    cdef float[:, ::1] y32
    cdef const double[::1] offset64
    cdef const float[::1] offset32
    cdef ptrdiff_t n_rows = turns.shape[0], n_columns = turns.shape[1]
    cdef ptrdiff_t n_large = 0
    if n_rows == 0 or n_columns == 0:
        return 0
    if y.dtype == "d":
        x64, y64, offset64 = turns, y, offset
        with nogil:
            n_large = kernels.cosine_f64(&x64[0, 0], &y64[0, 0], n_rows, n_columns,
                                         &offset64[0], scale, stream)
    else:
        x32, y32, offset32 = turns, y, offset
        with nogil:
            n_large = kernels.cosine_f32(&x32[0, 0], &y32[0, 0], n_rows, n_columns,
                                         &offset32[0], <float>scale, stream)
    return n_large
