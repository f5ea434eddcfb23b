"""The kernels of backward.h as Python sees them: thin, no arithmetic, no choice."""

cimport numpy as cnp
from cpython.pycapsule cimport PyCapsule_GetPointer
from libc.stddef cimport ptrdiff_t
from libc.stdlib cimport calloc, free

cnp.import_array()


cdef extern from "kernels.h":
    enum:
        LEVEL_BASE
        LEVEL_SWAP
        LEVEL_WIDE
        LEVEL_PLAIN

    struct c_level "level":
        int kind
        ptrdiff_t a, b, c, d, n_out, weights

    struct c_level_chain "level_chain":
        int n_levels
        ptrdiff_t tile, width
        const c_level *levels
        const void *values

    struct c_kernels "kernels":
        void (*levels_forward_f32)(const c_level_chain *, const float *, ptrdiff_t,
                                   float *, ptrdiff_t, ptrdiff_t, ptrdiff_t,
                                   float *) nogil
        void (*levels_forward_f64)(const c_level_chain *, const double *, ptrdiff_t,
                                   double *, ptrdiff_t, ptrdiff_t, ptrdiff_t,
                                   double *) nogil
        void (*levels_backward_f32)(const c_level_chain *, const float *, ptrdiff_t,
                                    const float *, ptrdiff_t, float *, ptrdiff_t,
                                    ptrdiff_t, ptrdiff_t, float *, float *) nogil
        void (*levels_backward_f64)(const c_level_chain *, const double *, ptrdiff_t,
                                    const double *, ptrdiff_t, double *, ptrdiff_t,
                                    ptrdiff_t, ptrdiff_t, double *, double *) nogil


KINDS = {
    "base": LEVEL_BASE,
    "swap": LEVEL_SWAP,
    "wide": LEVEL_WIDE,
    "plain": LEVEL_PLAIN,
}


cdef class PackedLevels:
    """The factors of a chain, the first is applied first, and their values packed.

    Parameters
    ----------
    table : Table
    levels : list of tuple
        ``(kind, (a, b, c, d), offset)`` of each factor.
    values : ndarray of shape (n_values,)
    tile, width : int
        Rows that go together, and the row stride of the scratch.
    """

    cdef c_level_chain chain
    cdef c_level *levels
    cdef const c_kernels *kernels
    cdef readonly object values
    cdef object table

    def __cinit__(self, table, levels, values, tile, width):
        cdef int s
        self.levels = <c_level *>calloc(len(levels), sizeof(c_level))
        if self.levels == NULL:
            raise MemoryError
        for s, (kind, (a, b, c, d), offset) in enumerate(levels):
            self.levels[s].kind = KINDS[kind]
            self.levels[s].a = a
            self.levels[s].b = b
            self.levels[s].c = c
            self.levels[s].d = d
            self.levels[s].n_out = a * b * d
            self.levels[s].weights = offset
        self.table = table
        self.values = values
        self.kernels = <const c_kernels *>PyCapsule_GetPointer(
            table.capsule, "skfrugal.kernels"
        )
        self.chain.n_levels = len(levels)
        self.chain.tile = tile
        self.chain.width = width
        self.chain.levels = self.levels
        self.chain.values = cnp.PyArray_DATA(<cnp.ndarray>values)

    def __dealloc__(self):
        free(self.levels)

    @property
    def scratch_size(self):
        """Numbers of scratch which a thread needs."""
        return (self.chain.n_levels + 2) * self.chain.tile * self.chain.width

    def forward(self, x, y, start, stop, scratch):
        """Rows [start, stop) of y."""
        cdef const double[:, ::1] x64
        cdef const float[:, ::1] x32
        cdef double[:, ::1] y64
        cdef float[:, ::1] y32
        cdef double[::1] scratch64
        cdef float[::1] scratch32
        cdef ptrdiff_t first = start, last = stop
        if self.values.dtype == "d":
            x64, y64, scratch64 = x, y, scratch
            with nogil:
                self.kernels.levels_forward_f64(
                    &self.chain, &x64[0, 0], x64.shape[1], &y64[0, 0], y64.shape[1],
                    first, last, &scratch64[0],
                )
        else:
            x32, y32, scratch32 = x, y, scratch
            with nogil:
                self.kernels.levels_forward_f32(
                    &self.chain, &x32[0, 0], x32.shape[1], &y32[0, 0], y32.shape[1],
                    first, last, &scratch32[0],
                )

    def backward(self, x, g, dx, start, stop, gradient, scratch):
        """Rows [start, stop) of x and g: writes dx, adds to `gradient`."""
        cdef const double[:, ::1] x64, g64
        cdef const float[:, ::1] x32, g32
        cdef double[:, ::1] dx64
        cdef float[:, ::1] dx32
        cdef double[::1] gradient64, scratch64
        cdef float[::1] gradient32, scratch32
        cdef ptrdiff_t first = start, last = stop
        if self.values.dtype == "d":
            x64, g64, dx64, gradient64, scratch64 = x, g, dx, gradient, scratch
            with nogil:
                self.kernels.levels_backward_f64(
                    &self.chain, &x64[0, 0], x64.shape[1], &g64[0, 0], g64.shape[1],
                    &dx64[0, 0], dx64.shape[1], first, last, &gradient64[0],
                    &scratch64[0],
                )
        else:
            x32, g32, dx32, gradient32, scratch32 = x, g, dx, gradient, scratch
            with nogil:
                self.kernels.levels_backward_f32(
                    &self.chain, &x32[0, 0], x32.shape[1], &g32[0, 0], g32.shape[1],
                    &dx32[0, 0], dx32.shape[1], first, last, &gradient32[0],
                    &scratch32[0],
                )
