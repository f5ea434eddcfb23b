"""The kernel of cosine.h as Python sees it: thin, no arithmetic, no choice."""

from cpython.pycapsule cimport PyCapsule_GetPointer
from libc.stddef cimport ptrdiff_t


cdef extern from "kernels.h":
    struct c_kernels "kernels":
        ptrdiff_t (*cosine_f32)(float *, ptrdiff_t, ptrdiff_t, const float *, float,
                                ptrdiff_t, ptrdiff_t) nogil
        ptrdiff_t (*cosine_f64)(double *, ptrdiff_t, ptrdiff_t, const double *, double,
                                ptrdiff_t, ptrdiff_t) nogil


def cosine(table, y, offset, double scale, ptrdiff_t start, ptrdiff_t stop):
    """Rows [start, stop) of y become ``scale cos(2 pi (y + offset))``, but those with
    large arguments, which are counted."""
    cdef const c_kernels *kernels = <const c_kernels *>PyCapsule_GetPointer(
        table.capsule, "skfrugal.kernels"
    )
    cdef double[:, ::1] y64
    cdef float[:, ::1] y32
    cdef const double[::1] offset64
    cdef const float[::1] offset32
    cdef ptrdiff_t n_columns = y.shape[1]
    cdef ptrdiff_t n_large = 0
    if start == stop or n_columns == 0:
        return 0
    if y.dtype == "d":
        y64, offset64 = y, offset
        with nogil:
            n_large = kernels.cosine_f64(&y64[0, 0], n_columns, n_columns, &offset64[0],
                                         scale, start, stop)
    else:
        y32, offset32 = y, offset
        with nogil:
            n_large = kernels.cosine_f32(&y32[0, 0], n_columns, n_columns, &offset32[0],
                                         <float>scale, start, stop)
    return n_large
