"""The kernels of kernel_values.h as Python sees them: thin, no arithmetic, no choice."""

cimport numpy as cnp
from cpython.pycapsule cimport PyCapsule_GetPointer
from libc.stddef cimport ptrdiff_t

import numpy as np

cnp.import_array()


cdef extern from "kernels.h":
    enum:
        KERNEL_PRODUCT
        KERNEL_SQUARES
        KERNEL_ABSOLUTES
        KERNEL_IDENTITY
        KERNEL_POWER
        KERNEL_EXPONENTIAL
        KERNEL_MATERN12
        KERNEL_MATERN32
        KERNEL_MATERN52
        KERNEL_SLOPE12
        KERNEL_SLOPE32
        KERNEL_SLOPE52

    struct c_landmarks "landmarks":
        int form, function, degree, normalise
        ptrdiff_t n_features, n_landmarks
        double scale, radius
        const double *origin
        const void *panels
        const void *starts

    struct c_kernels "kernels":
        int vector_bytes, kernel_rows, kernel_vectors
        void (*powers_of_two_f32)(const float *, float *, ptrdiff_t) nogil
        void (*powers_of_two_f64)(const double *, double *, ptrdiff_t) nogil
        void (*kernel_block_f32)(const c_landmarks *, const void *, int, ptrdiff_t,
                                 ptrdiff_t, ptrdiff_t, ptrdiff_t, float *, ptrdiff_t,
                                 void *) nogil
        void (*kernel_block_f64)(const c_landmarks *, const void *, int, ptrdiff_t,
                                 ptrdiff_t, ptrdiff_t, ptrdiff_t, double *, ptrdiff_t,
                                 void *) nogil
        void (*kernel_predict_f32)(const c_landmarks *, const void *, int, ptrdiff_t,
                                   ptrdiff_t, ptrdiff_t, ptrdiff_t, const double *,
                                   ptrdiff_t, double *, void *) nogil
        void (*kernel_predict_f64)(const c_landmarks *, const void *, int, ptrdiff_t,
                                   ptrdiff_t, ptrdiff_t, ptrdiff_t, const double *,
                                   ptrdiff_t, double *, void *) nogil
        void (*kernel_adjoint_f32)(const c_landmarks *, const void *, int, ptrdiff_t,
                                   ptrdiff_t, ptrdiff_t, const double *, ptrdiff_t,
                                   ptrdiff_t, ptrdiff_t, double *, void *) nogil
        void (*kernel_adjoint_f64)(const c_landmarks *, const void *, int, ptrdiff_t,
                                   ptrdiff_t, ptrdiff_t, const double *, ptrdiff_t,
                                   ptrdiff_t, ptrdiff_t, double *, void *) nogil


FORMS = {
    "product": KERNEL_PRODUCT,
    "squares": KERNEL_SQUARES,
    "absolutes": KERNEL_ABSOLUTES,
}
FUNCTIONS = {
    "identity": KERNEL_IDENTITY,
    "power": KERNEL_POWER,
    "exponential": KERNEL_EXPONENTIAL,
    "matern12": KERNEL_MATERN12,
    "matern32": KERNEL_MATERN32,
    "matern52": KERNEL_MATERN52,
    "slope12": KERNEL_SLOPE12,
    "slope32": KERNEL_SLOPE32,
    "slope52": KERNEL_SLOPE52,
}


cdef class PackedLandmarks:
    """Landmarks in the order in which the kernels of one table read them.

    Parameters
    ----------
    form, function : str
        Keys of `FORMS` and `FUNCTIONS`.
    degree, normalise, scale, radius
        The fields of `struct landmarks` (csrc/kernels.h).
    origin : ndarray of shape (n_features,), float64
    panels, starts : ndarray, float32 or float64
        Contiguous; see csrc/kernel_tile.h.
    n_landmarks : int
    """

    cdef c_landmarks landmarks
    cdef readonly object origin, panels, starts

    def __cinit__(self, form, function, cnp.ndarray origin not None,
                  cnp.ndarray panels not None, cnp.ndarray starts not None, *,
                  n_landmarks, degree=0, normalise=False, scale=1.0, radius=-1.0):
        self.origin, self.panels, self.starts = origin, panels, starts
        self.landmarks.form = FORMS[form]
        self.landmarks.function = FUNCTIONS[function]
        self.landmarks.degree = degree
        self.landmarks.normalise = normalise
        self.landmarks.scale = scale
        self.landmarks.radius = radius
        self.landmarks.n_features = cnp.PyArray_DIM(origin, 0)
        self.landmarks.n_landmarks = n_landmarks
        self.landmarks.origin = <double *>cnp.PyArray_DATA(origin)
        self.landmarks.panels = cnp.PyArray_DATA(panels)
        self.landmarks.starts = cnp.PyArray_DATA(starts)

    @property
    def dtype(self):
        """The dtype in which values are computed."""
        return self.panels.dtype

    @property
    def n_features(self):
        return self.landmarks.n_features

    @property
    def n_landmarks(self):
        return self.landmarks.n_landmarks


cdef class KernelTable:
    """Kernel values in one instruction set.

    Rows `x` are float32 or float64, contiguous along the features.  Every method
    releases the GIL and checks nothing: `FusedKernel` did.  `scratch` holds
    `scratch_size` doubles.

    Parameters
    ----------
    table : Table
    """

    cdef const c_kernels *kernels

    def __cinit__(self, table):
        self.kernels = <const c_kernels *>PyCapsule_GetPointer(
            table.capsule, "skfrugal.kernels"
        )

    @property
    def n_rows(self):
        """Rows of a tile."""
        return self.kernels.kernel_rows

    @property
    def n_vectors(self):
        """Vectors of landmarks in a panel."""
        return self.kernels.kernel_vectors

    def lanes(self, dtype):
        """Numbers in a vector."""
        return self.kernels.vector_bytes // np.dtype(dtype).itemsize

    def scratch_size(self, PackedLandmarks packed not None, tile, n_targets=0):
        """Doubles of scratch that a thread needs for tiles of `tile` rows."""
        lanes = self.kernels.vector_bytes // 8
        values = 2 * self.n_rows * self.n_vectors * lanes
        rows = (tile + 1) * (packed.landmarks.n_features + 1)
        return values + rows + tile * n_targets * lanes + 8 * lanes

    def powers_of_two(self, cnp.ndarray x not None, cnp.ndarray y not None):
        """``y = 2 ** x`` for x <= 0, contiguous."""
        cdef ptrdiff_t n = cnp.PyArray_SIZE(x)
        if cnp.PyArray_ITEMSIZE(x) == 4:
            self.kernels.powers_of_two_f32(<float *>cnp.PyArray_DATA(x),
                                           <float *>cnp.PyArray_DATA(y), n)
        else:
            self.kernels.powers_of_two_f64(<double *>cnp.PyArray_DATA(x),
                                           <double *>cnp.PyArray_DATA(y), n)

    def block(self, PackedLandmarks packed not None, cnp.ndarray x not None,
              cnp.ndarray y not None, cnp.ndarray scratch not None, ptrdiff_t tile,
              ptrdiff_t start, ptrdiff_t stop):
        """Values of rows [start, stop) into the same rows of `y`."""
        cdef const c_landmarks *k = &packed.landmarks
        cdef void *px = cnp.PyArray_DATA(x)
        cdef void *py = cnp.PyArray_DATA(y)
        cdef void *ps = cnp.PyArray_DATA(scratch)
        cdef ptrdiff_t size = cnp.PyArray_ITEMSIZE(x), out = cnp.PyArray_ITEMSIZE(y)
        cdef ptrdiff_t ldx = cnp.PyArray_STRIDE(x, 0) // size
        cdef ptrdiff_t ldy = cnp.PyArray_STRIDE(y, 0) // out
        with nogil:
            if out == 4:
                self.kernels.kernel_block_f32(k, px, size == 8, ldx, start, stop, tile,
                                              <float *>py, ldy, ps)
            else:
                self.kernels.kernel_block_f64(k, px, size == 8, ldx, start, stop, tile,
                                              <double *>py, ldy, ps)

    def predict(self, PackedLandmarks packed not None, cnp.ndarray x not None,
                cnp.ndarray coef not None, cnp.ndarray y not None,
                cnp.ndarray scratch not None, ptrdiff_t tile,
                ptrdiff_t start, ptrdiff_t stop):
        """Adds values times coefficients to rows [start, stop) of `y`, float64."""
        cdef const c_landmarks *k = &packed.landmarks
        cdef void *px = cnp.PyArray_DATA(x)
        cdef double *pc = <double *>cnp.PyArray_DATA(coef)
        cdef double *py = <double *>cnp.PyArray_DATA(y)
        cdef void *ps = cnp.PyArray_DATA(scratch)
        cdef ptrdiff_t size = cnp.PyArray_ITEMSIZE(x)
        cdef ptrdiff_t ldx = cnp.PyArray_STRIDE(x, 0) // size
        cdef ptrdiff_t n_targets = cnp.PyArray_DIM(y, 1)
        cdef bint single = cnp.PyArray_ITEMSIZE(<cnp.ndarray>packed.panels) == 4
        with nogil:
            if single:
                self.kernels.kernel_predict_f32(k, px, size == 8, ldx, start, stop, tile,
                                                pc, n_targets, py, ps)
            else:
                self.kernels.kernel_predict_f64(k, px, size == 8, ldx, start, stop, tile,
                                                pc, n_targets, py, ps)

    def adjoint(self, PackedLandmarks packed not None, cnp.ndarray x not None,
                cnp.ndarray residual not None, cnp.ndarray sums not None,
                cnp.ndarray scratch not None, ptrdiff_t tile,
                ptrdiff_t first, ptrdiff_t last):
        """Adds values times residuals to panels [first, last) of `sums`, float64."""
        cdef const c_landmarks *k = &packed.landmarks
        cdef void *px = cnp.PyArray_DATA(x)
        cdef double *pr = <double *>cnp.PyArray_DATA(residual)
        cdef double *py = <double *>cnp.PyArray_DATA(sums)
        cdef void *ps = cnp.PyArray_DATA(scratch)
        cdef ptrdiff_t size = cnp.PyArray_ITEMSIZE(x), n_rows = cnp.PyArray_DIM(x, 0)
        cdef ptrdiff_t ldx = cnp.PyArray_STRIDE(x, 0) // size
        cdef ptrdiff_t n_targets = cnp.PyArray_DIM(residual, 1)
        cdef bint single = cnp.PyArray_ITEMSIZE(<cnp.ndarray>packed.panels) == 4
        with nogil:
            if single:
                self.kernels.kernel_adjoint_f32(k, px, size == 8, ldx, n_rows, tile, pr,
                                                n_targets, first, last, py, ps)
            else:
                self.kernels.kernel_adjoint_f64(k, px, size == 8, ldx, n_rows, tile, pr,
                                                n_targets, first, last, py, ps)
