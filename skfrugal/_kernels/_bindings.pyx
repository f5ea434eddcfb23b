"""The SIMD kernels as Python sees them: thin, no arithmetic, no choice."""

cimport numpy as cnp
from libc.stddef cimport ptrdiff_t
from libc.stdint cimport int16_t, int32_t, int64_t
from libc.stdlib cimport calloc, free

import numpy as np

cnp.import_array()


cdef extern from "cpu.h":
    enum:
        CPU_AVX2
        CPU_AVX512
    int skfrugal_cpu() nogil


cdef extern from "kernels.h":
    enum:
        PASS_BASE
        PASS_BASE_FULL
        PASS_OUTER
        PASS_OUTER_FULL
        PASS_BLOCKS
        PASS_REGROUP

    struct c_pass "pass":
        int kind, q, rows, down, radix
        ptrdiff_t stride, a, b, c, d, n_in, n_out, weights

    struct c_chain "chain":
        int n_passes, tile
        ptrdiff_t n_in, n_out, width, repeat
        const c_pass *passes
        const void *weights

    struct c_rotations "rotations":
        ptrdiff_t n, n_out
        int n_groups
        const int *groups
        const int *slots
        const void *weights
        const int *out_slots
        const void *out_scale

    struct c_sparse_factor "sparse_factor":
        int n_groups
        const int *groups
        const int *offsets
        const void *values

    struct c_sparse_chain "sparse_chain":
        ptrdiff_t n_in, n_out, width
        int n_factors
        const c_sparse_factor *factors
        const int *out_slots
        const void *out_scale

    enum:
        N_NEAREST_COUNTS

    struct c_nearest "nearest":
        int bits, n_columns
        ptrdiff_t n_points, n_padded, n_features, width, units, block
        const void *points
        const void *offset
        int clip
        double inverse_step, error_factor, point_error
        const char *copy
        const int32_t *norms
        const int32_t *outliers
        const int32_t *panel_norms
        ptrdiff_t n_outliers
        double largest_error
        const float *errors
        const int32_t *panels
        const int32_t *basis
        const int32_t *basis_norms
        const double *scale
        const double *shift
        double steps_to_grid
        double[2] residual_shift
        double grid_to_coarse, coarse_error
        const int32_t *coarse
        const int32_t *coarse_norms
        const int32_t *coarse_begin
        const int16_t *fine
        const int32_t *fine_norms

    struct c_nearest_rows "nearest_rows":
        char *copy
        int32_t *norms
        int32_t *sums
        float *errors
        char *coarse
        float *coarse_errors
        int16_t *fine
        int32_t *coarse_norms
        int32_t *fine_norms

    struct c_kernels "kernels":
        const char *name
        int vector_bytes, many_registers, panel_bytes
        void (*chain_f32)(const c_chain *, const float *, ptrdiff_t, float *, ptrdiff_t,
                          ptrdiff_t, ptrdiff_t, float *, int) nogil
        void (*chain_f64)(const c_chain *, const double *, ptrdiff_t, double *,
                          ptrdiff_t, ptrdiff_t, ptrdiff_t, double *, int) nogil
        void (*rotations_f32)(const c_rotations *, const float *, ptrdiff_t, float *,
                              ptrdiff_t, ptrdiff_t, ptrdiff_t, float *) nogil
        void (*rotations_f64)(const c_rotations *, const double *, ptrdiff_t, double *,
                              ptrdiff_t, ptrdiff_t, ptrdiff_t, double *) nogil
        void (*sparse_f32)(const c_sparse_chain *, const float *, ptrdiff_t, float *,
                           ptrdiff_t, ptrdiff_t, ptrdiff_t, float *) nogil
        void (*sparse_f64)(const c_sparse_chain *, const double *, ptrdiff_t, double *,
                           ptrdiff_t, ptrdiff_t, ptrdiff_t, double *) nogil
        int point_panel, row_tile, dot8
        void (*nearest_prepare_f32)(const c_nearest *, const float *, ptrdiff_t,
                                    ptrdiff_t, ptrdiff_t, const c_nearest_rows *,
                                    int32_t *) nogil
        void (*nearest_prepare_f64)(const c_nearest *, const double *, ptrdiff_t,
                                    ptrdiff_t, ptrdiff_t, const c_nearest_rows *,
                                    int32_t *) nogil
        void (*nearest_search_f32)(const c_nearest *, const float *, ptrdiff_t,
                                   ptrdiff_t, ptrdiff_t, const c_nearest_rows *, int,
                                   int32_t *, int, int32_t *, int64_t *) nogil
        void (*nearest_search_f64)(const c_nearest *, const double *, ptrdiff_t,
                                   ptrdiff_t, ptrdiff_t, const c_nearest_rows *, int,
                                   int32_t *, int, int32_t *, int64_t *) nogil
        void (*nearest_dense_f32)(const c_nearest *, const float *, ptrdiff_t, ptrdiff_t,
                                  const float *, double, float *, int32_t *, int32_t *,
                                  int64_t *) nogil
        void (*nearest_dense_f64)(const c_nearest *, const double *, ptrdiff_t,
                                  ptrdiff_t, const double *, double, double *,
                                  int32_t *, int32_t *, int64_t *) nogil
        void (*nearest_direct_f32)(const c_nearest *, const float *, ptrdiff_t,
                                   ptrdiff_t, ptrdiff_t, const float *, int32_t *,
                                   int32_t *, int64_t *) nogil
        void (*nearest_direct_f64)(const c_nearest *, const double *, ptrdiff_t,
                                   ptrdiff_t, ptrdiff_t, const double *, int32_t *,
                                   int32_t *, int64_t *) nogil
        void (*nearest_distance_f32)(const float *, ptrdiff_t, const float *, ptrdiff_t,
                                     const int32_t *, ptrdiff_t, ptrdiff_t,
                                     double *) nogil
        void (*nearest_distance_f64)(const double *, ptrdiff_t, const double *,
                                     ptrdiff_t, const int32_t *, ptrdiff_t, ptrdiff_t,
                                     double *) nogil

        void (*nearest_move_f32)(const float *, ptrdiff_t, ptrdiff_t, const double *,
                                 const int32_t *, const int32_t *, double *, ptrdiff_t,
                                 ptrdiff_t, ptrdiff_t) nogil
        void (*nearest_move_f64)(const double *, ptrdiff_t, ptrdiff_t, const double *,
                                 const int32_t *, const int32_t *, double *, ptrdiff_t,
                                 ptrdiff_t, ptrdiff_t) nogil

    const c_kernels skfrugal_baseline


cdef extern from *:
    """
    #ifdef SKFRUGAL_X86
    #define SKFRUGAL_AVX2 (&skfrugal_avx2)
    #define SKFRUGAL_AVX512 (&skfrugal_avx512)
    #else
    #define SKFRUGAL_AVX2 (&skfrugal_baseline)
    #define SKFRUGAL_AVX512 (&skfrugal_baseline)
    #endif
    """
    const c_kernels *SKFRUGAL_AVX2
    const c_kernels *SKFRUGAL_AVX512


KINDS = {
    "base": PASS_BASE,
    "base_full": PASS_BASE_FULL,
    "outer": PASS_OUTER,
    "outer_full": PASS_OUTER_FULL,
    "blocks": PASS_BLOCKS,
    "regroup": PASS_REGROUP,
}


cdef class PackedChain:
    """A chain in the order in which the passes of one table consume it.

    Parameters
    ----------
    passes : list of dict
        One per pass: `kind` (a key of `KINDS`) and the fields of `struct pass`.
    weights : ndarray of shape (n_weights,)
        All coefficients; its first element is 64-byte aligned.
    n_in, n_out, width, repeat, tile : int
        The fields of `struct chain`.
    """

    cdef c_chain chain
    cdef c_pass *passes
    cdef readonly object weights
    cdef readonly object description

    def __cinit__(self, passes, weights, *, n_in, n_out, width, repeat, tile):
        cdef int k
        self.passes = <c_pass *>calloc(len(passes), sizeof(c_pass))
        if self.passes == NULL:
            raise MemoryError
        for k, fields in enumerate(passes):
            self.passes[k].kind = KINDS[fields["kind"]]
            self.passes[k].q = fields.get("q", 0)
            self.passes[k].rows = fields.get("rows", 1)
            self.passes[k].down = fields.get("down", 0)
            self.passes[k].radix = fields.get("radix", 0)
            self.passes[k].stride = fields.get("stride", 0)
            self.passes[k].a = fields.get("a", 0)
            self.passes[k].b = fields.get("b", 0)
            self.passes[k].c = fields.get("c", 0)
            self.passes[k].d = fields.get("d", 0)
            self.passes[k].n_in = fields["n_in"]
            self.passes[k].n_out = fields["n_out"]
            self.passes[k].weights = fields["weights"]
        self.weights = weights
        self.description = passes
        self.chain.n_passes = len(passes)
        self.chain.tile = tile
        self.chain.n_in = n_in
        self.chain.n_out = n_out
        self.chain.width = width
        self.chain.repeat = repeat
        self.chain.passes = self.passes
        self.chain.weights = cnp.PyArray_DATA(<cnp.ndarray>weights)

    def __dealloc__(self):
        free(self.passes)

    @property
    def dtype(self):
        return self.weights.dtype

    @property
    def shape(self):
        return self.chain.n_out, self.chain.n_in

    @property
    def tile(self):
        return self.chain.tile

    @property
    def scratch_size(self):
        """Numbers of scratch which a thread needs."""
        return 2 * self.chain.tile * self.chain.width

    @property
    def nbytes(self):
        """Bytes of the coefficients."""
        return self.weights.nbytes


cdef class PackedRotations:
    """A sequence of plane rotations as `pack_rotations` ordered it; see rotations.h."""

    cdef c_rotations plan
    cdef readonly ptrdiff_t scratch_size
    cdef readonly object arrays

    def __cinit__(self, n, int[::1] groups, int[::1] slots, cnp.ndarray weights,
                  int[::1] out_slots, cnp.ndarray out_scale, scratch_size):
        self.arrays = (groups, slots, weights, out_slots, out_scale)
        self.scratch_size = scratch_size
        self.plan.n, self.plan.n_out = n, out_slots.shape[0]
        self.plan.n_groups = groups.shape[0] // 2
        self.plan.groups = &groups[0] if groups.shape[0] else NULL
        self.plan.slots = &slots[0] if slots.shape[0] else NULL
        self.plan.weights = cnp.PyArray_DATA(weights)
        self.plan.out_slots = &out_slots[0] if out_slots.shape[0] else NULL
        self.plan.out_scale = cnp.PyArray_DATA(out_scale)

    @property
    def dtype(self):
        return self.arrays[2].dtype

    @property
    def shape(self):
        return self.plan.n_out, self.plan.n

    @property
    def nbytes(self):
        """Bytes of the coefficients and slots."""
        return sum(np.asarray(array).nbytes for array in self.arrays)


cdef class PackedSparse:
    """A chain of sparse factors as `pack_sparse` ordered it; see sparse.h.

    `factors`: one (groups, offsets, values) each, the first is applied first.
    """

    cdef c_sparse_chain chain
    cdef c_sparse_factor *factors
    cdef readonly ptrdiff_t scratch_size
    cdef readonly object arrays

    def __cinit__(self, n_in, n_out, width, factors, int[::1] out_slots,
                  cnp.ndarray out_scale, scratch_size):
        cdef int[::1] groups, offsets
        cdef int k
        self.factors = <c_sparse_factor *>calloc(len(factors), sizeof(c_sparse_factor))
        if self.factors == NULL:
            raise MemoryError
        for k, (groups, offsets, values) in enumerate(factors):
            self.factors[k].n_groups = groups.shape[0] // 2
            self.factors[k].groups = &groups[0] if groups.shape[0] else NULL
            self.factors[k].offsets = &offsets[0] if offsets.shape[0] else NULL
            self.factors[k].values = cnp.PyArray_DATA(<cnp.ndarray>values)
        self.arrays = (factors, out_slots, out_scale)
        self.scratch_size = scratch_size
        self.chain.n_in = n_in
        self.chain.n_out = n_out
        self.chain.width = width
        self.chain.n_factors = len(factors)
        self.chain.factors = self.factors
        self.chain.out_slots = &out_slots[0]
        self.chain.out_scale = cnp.PyArray_DATA(out_scale)

    def __dealloc__(self):
        free(self.factors)

    @property
    def dtype(self):
        return self.arrays[2].dtype

    @property
    def shape(self):
        return self.chain.n_out, self.chain.n_in

    @property
    def nbytes(self):
        """Bytes of the values and offsets."""
        factors, *others = self.arrays
        arrays = [array for factor in factors for array in factor] + others
        return sum(np.asarray(array).nbytes for array in arrays)


cdef void *data(array):
    return NULL if array is None else cnp.PyArray_DATA(<cnp.ndarray>array)


cdef class NearestFilter:
    """A set of points packed for the nearest-point kernels of one table.

    Parameters
    ----------
    sizes : dict
        The integers of `struct nearest` (csrc/kernels.h).
    constants : dict
        Its floating-point numbers.
    arrays : dict
        Its arrays, contiguous and of the declared types; None for NULL.
    """

    cdef c_nearest filter
    cdef readonly dict arrays

    def __cinit__(self, sizes, constants, arrays):
        self.arrays = arrays
        self.filter.bits = sizes["bits"]
        self.filter.n_columns = sizes["n_columns"]
        self.filter.n_points = sizes["n_points"]
        self.filter.n_padded = sizes["n_padded"]
        self.filter.n_features = sizes["n_features"]
        self.filter.width = sizes["width"]
        self.filter.units = sizes["units"]
        self.filter.block = sizes["block"]
        self.filter.clip = sizes["clip"]
        self.filter.inverse_step = constants["inverse_step"]
        self.filter.error_factor = constants["error_factor"]
        self.filter.point_error = constants["point_error"]
        self.filter.steps_to_grid = constants["steps_to_grid"]
        self.filter.grid_to_coarse = constants["grid_to_coarse"]
        self.filter.coarse_error = constants["coarse_error"]
        for i in range(2):
            self.filter.residual_shift[i] = constants["residual_shift"][i]
        self.filter.points = data(arrays["points"])
        self.filter.offset = data(arrays["offset"])
        self.filter.copy = <char *>data(arrays["copy"])
        self.filter.norms = <int32_t *>data(arrays["norms"])
        self.filter.outliers = <int32_t *>data(arrays["outliers"])
        self.filter.panel_norms = <int32_t *>data(arrays["panel_norms"])
        outliers = arrays["outliers"]
        self.filter.n_outliers = 0 if outliers is None else len(outliers)
        self.filter.largest_error = constants["largest_error"]
        self.filter.errors = <float *>data(arrays["errors"])
        self.filter.panels = <int32_t *>data(arrays["panels"])
        self.filter.basis = <int32_t *>data(arrays["basis"])
        self.filter.basis_norms = <int32_t *>data(arrays["basis_norms"])
        self.filter.scale = <double *>data(arrays["scale"])
        self.filter.shift = <double *>data(arrays["shift"])
        self.filter.coarse = <int32_t *>data(arrays["coarse"])
        self.filter.coarse_norms = <int32_t *>data(arrays["coarse_norms"])
        self.filter.coarse_begin = <int32_t *>data(arrays["coarse_begin"])
        self.filter.fine = <int16_t *>data(arrays["fine"])
        self.filter.fine_norms = <int32_t *>data(arrays["fine_norms"])

    @property
    def n_scratch(self):
        """int32 numbers of scratch which a thread needs."""
        return (self.filter.block * (16 + max(self.filter.n_padded, 64))
                + 4 * (self.filter.n_padded + 16))


cdef class NearestRows:
    """Rows in the form in which a filter compares them.

    Parameters
    ----------
    filter : NearestFilter
    n_rows : int
        A multiple of the table's row tile.
    """

    cdef c_nearest_rows rows
    cdef readonly dict arrays

    def __cinit__(self, NearestFilter filter not None, n_rows):
        width, n_columns = filter.filter.width, filter.filter.n_columns
        coarse, fine = (32 if n_columns else 0), (64 if n_columns > 32 else 0)
        number = np.int8 if filter.filter.bits == 8 else np.int16
        self.arrays = {
            "copy": aligned_empty(n_rows * width, np.int8).reshape(n_rows, width),
            "norms": np.zeros(n_rows, np.int32),
            "sums": np.zeros(n_rows, np.int32),
            "errors": np.zeros(n_rows, np.float32),
            "coarse": aligned_empty(n_rows * coarse, number).reshape(n_rows, coarse),
            "coarse_errors": np.zeros(n_rows if coarse else 0, np.float32),
            "fine": aligned_empty(n_rows * fine, np.int16).reshape(n_rows, fine),
            "coarse_norms": np.zeros(n_rows if coarse else 0, np.int32),
            "fine_norms": np.zeros(n_rows if fine else 0, np.int32),
        }
        self.rows.copy = <char *>data(self.arrays["copy"])
        self.rows.norms = <int32_t *>data(self.arrays["norms"])
        self.rows.sums = <int32_t *>data(self.arrays["sums"])
        self.rows.errors = <float *>data(self.arrays["errors"])
        self.rows.coarse = <char *>data(self.arrays["coarse"])
        self.rows.coarse_errors = <float *>data(self.arrays["coarse_errors"])
        self.rows.fine = <int16_t *>data(self.arrays["fine"])
        self.rows.coarse_norms = <int32_t *>data(self.arrays["coarse_norms"])
        self.rows.fine_norms = <int32_t *>data(self.arrays["fine_norms"])


cdef class Table:
    """The kernels of one instruction set.

    Every kernel takes rows [start, stop) of C-contiguous rows `x`, writes the same
    rows of `y`, and releases the GIL.  Nothing is checked: the operators did.
    """

    cdef const c_kernels *kernels

    @property
    def name(self):
        return self.kernels.name.decode()

    @property
    def vector_bytes(self):
        return self.kernels.vector_bytes

    @property
    def many_registers(self):
        return bool(self.kernels.many_registers)

    @property
    def panel_bytes(self):
        return self.kernels.panel_bytes

    @property
    def point_panel(self):
        """Points of a panel of the nearest-point filter."""
        return self.kernels.point_panel

    @property
    def row_tile(self):
        """Rows which share a panel of the nearest-point filter."""
        return self.kernels.row_tile

    @property
    def dot8(self):
        """Whether there are products of 8-bit numbers."""
        return bool(self.kernels.dot8)

    def __repr__(self):
        return f"<kernels {self.name}>"

    def chain(self, PackedChain packed not None, cnp.ndarray x not None,
              cnp.ndarray y not None, cnp.ndarray scratch not None,
              ptrdiff_t start, ptrdiff_t stop, bint stream=False):
        """Rows of ``x @ K.T``, for the packed chain K."""
        cdef const c_chain *chain = &packed.chain
        cdef void *px = cnp.PyArray_DATA(x)
        cdef void *py = cnp.PyArray_DATA(y)
        cdef void *ps = cnp.PyArray_DATA(scratch)
        cdef ptrdiff_t size = cnp.PyArray_ITEMSIZE(x)
        cdef ptrdiff_t ldx = cnp.PyArray_STRIDE(x, 0) // size
        cdef ptrdiff_t ldy = cnp.PyArray_STRIDE(y, 0) // size
        if size == 4:
            with nogil:
                self.kernels.chain_f32(chain, <float *>px, ldx, <float *>py, ldy, start,
                                       stop, <float *>ps, stream)
        else:
            with nogil:
                self.kernels.chain_f64(chain, <double *>px, ldx, <double *>py, ldy,
                                       start, stop, <double *>ps, stream)

    def rotations(self, PackedRotations packed not None, cnp.ndarray x not None,
                  cnp.ndarray y not None, cnp.ndarray scratch not None,
                  ptrdiff_t start, ptrdiff_t stop):
        """Rows of ``x @ Q.T``, for the packed rotations Q."""
        cdef const c_rotations *plan = &packed.plan
        cdef void *px = cnp.PyArray_DATA(x)
        cdef void *py = cnp.PyArray_DATA(y)
        cdef void *ps = cnp.PyArray_DATA(scratch)
        cdef ptrdiff_t size = cnp.PyArray_ITEMSIZE(x)
        cdef ptrdiff_t ldx = cnp.PyArray_STRIDE(x, 0) // size
        cdef ptrdiff_t ldy = cnp.PyArray_STRIDE(y, 0) // size
        if size == 4:
            with nogil:
                self.kernels.rotations_f32(plan, <float *>px, ldx, <float *>py, ldy,
                                           start, stop, <float *>ps)
        else:
            with nogil:
                self.kernels.rotations_f64(plan, <double *>px, ldx, <double *>py, ldy,
                                           start, stop, <double *>ps)

    def sparse(self, PackedSparse packed not None, cnp.ndarray x not None,
               cnp.ndarray y not None, cnp.ndarray scratch not None,
               ptrdiff_t start, ptrdiff_t stop):
        """Rows of ``x @ S.T``, for the packed product S of sparse factors."""
        cdef const c_sparse_chain *chain = &packed.chain
        cdef void *px = cnp.PyArray_DATA(x)
        cdef void *py = cnp.PyArray_DATA(y)
        cdef void *ps = cnp.PyArray_DATA(scratch)
        cdef ptrdiff_t size = cnp.PyArray_ITEMSIZE(x)
        cdef ptrdiff_t ldx = cnp.PyArray_STRIDE(x, 0) // size
        cdef ptrdiff_t ldy = cnp.PyArray_STRIDE(y, 0) // size
        if size == 4:
            with nogil:
                self.kernels.sparse_f32(chain, <float *>px, ldx, <float *>py, ldy,
                                        start, stop, <float *>ps)
        else:
            with nogil:
                self.kernels.sparse_f64(chain, <double *>px, ldx, <double *>py, ldy,
                                        start, stop, <double *>ps)

    def nearest_prepare(self, NearestFilter filter not None, cnp.ndarray x not None,
                        NearestRows rows not None, cnp.ndarray scratch not None,
                        ptrdiff_t start, ptrdiff_t stop):
        """Copies and rotated coordinates of rows of `x`, into the same rows of `rows`."""
        cdef void *px = cnp.PyArray_DATA(x)
        cdef int32_t *ps = <int32_t *>cnp.PyArray_DATA(scratch)
        cdef ptrdiff_t size = cnp.PyArray_ITEMSIZE(x)
        cdef ptrdiff_t ldx = cnp.PyArray_STRIDE(x, 0) // size
        with nogil:
            if size == 4:
                self.kernels.nearest_prepare_f32(&filter.filter, <float *>px, ldx, start,
                                                 stop, &rows.rows, ps)
            else:
                self.kernels.nearest_prepare_f64(&filter.filter, <double *>px, ldx,
                                                 start, stop, &rows.rows, ps)

    def nearest_search(self, NearestFilter filter not None, cnp.ndarray x not None,
                       NearestRows rows not None, cnp.ndarray labels not None,
                       cnp.ndarray counts not None, cnp.ndarray scratch not None,
                       ptrdiff_t start, ptrdiff_t stop, bint prepared=False,
                       bint previous=False):
        """Index of the nearest point of rows of `x`, -1 where the filter cannot tell.

        `rows` is scratch of one block, or holds all rows if they are `prepared`;
        with `previous`, `labels` holds a guess for each row.
        """
        cdef void *px = cnp.PyArray_DATA(x)
        cdef int32_t *pl = <int32_t *>cnp.PyArray_DATA(labels)
        cdef int64_t *pc = <int64_t *>cnp.PyArray_DATA(counts)
        cdef int32_t *ps = <int32_t *>cnp.PyArray_DATA(scratch)
        cdef ptrdiff_t size = cnp.PyArray_ITEMSIZE(x)
        cdef ptrdiff_t ldx = cnp.PyArray_STRIDE(x, 0) // size
        with nogil:
            if size == 4:
                self.kernels.nearest_search_f32(&filter.filter, <float *>px, ldx, start,
                                                stop, &rows.rows, prepared, pl, previous,
                                                ps, pc)
            else:
                self.kernels.nearest_search_f64(&filter.filter, <double *>px, ldx, start,
                                                stop, &rows.rows, prepared, pl, previous,
                                                ps, pc)

    def nearest_dense(self, cnp.ndarray points not None, cnp.ndarray x not None,
                      cnp.ndarray norms not None, double largest,
                      cnp.ndarray scores not None, cnp.ndarray labels not None,
                      cnp.ndarray counts not None, cnp.ndarray scratch not None):
        """Index of the nearest point, given ``scores = -2 x @ points.T`` (overwritten).

        `scores` and `norms` have the same number of columns, a multiple of 16;
        `norms` is infinite where there is no point.
        """
        cdef c_nearest filter
        cdef void *px = cnp.PyArray_DATA(x)
        cdef void *pn = cnp.PyArray_DATA(norms)
        cdef void *pq = cnp.PyArray_DATA(scores)
        cdef int32_t *pl = <int32_t *>cnp.PyArray_DATA(labels)
        cdef int64_t *pc = <int64_t *>cnp.PyArray_DATA(counts)
        cdef int32_t *ps = <int32_t *>cnp.PyArray_DATA(scratch)
        cdef ptrdiff_t size = cnp.PyArray_ITEMSIZE(x)
        cdef ptrdiff_t ldx = cnp.PyArray_STRIDE(x, 0) // size
        cdef ptrdiff_t n_rows = cnp.PyArray_DIMS(x)[0]
        filter.points = cnp.PyArray_DATA(points)
        filter.n_points = cnp.PyArray_DIMS(points)[0]
        filter.n_features = cnp.PyArray_DIMS(points)[1]
        filter.n_padded = cnp.PyArray_DIMS(norms)[0]
        with nogil:
            if size == 4:
                self.kernels.nearest_dense_f32(&filter, <float *>px, ldx, n_rows,
                                               <float *>pn, largest, <float *>pq, pl, ps,
                                               pc)
            else:
                self.kernels.nearest_dense_f64(&filter, <double *>px, ldx, n_rows,
                                               <double *>pn, largest, <double *>pq, pl,
                                               ps, pc)

    def nearest_direct(self, cnp.ndarray points not None, cnp.ndarray x not None,
                       cnp.ndarray columns not None, cnp.ndarray labels not None,
                       cnp.ndarray counts not None, cnp.ndarray scratch not None,
                       ptrdiff_t start, ptrdiff_t stop):
        """Index of the nearest point by differences, -1 where a row is too far.

        `columns` holds the points transposed, and infinities up to a multiple of 16.
        """
        cdef c_nearest filter
        cdef void *px = cnp.PyArray_DATA(x)
        cdef void *pc = cnp.PyArray_DATA(columns)
        cdef int32_t *pl = <int32_t *>cnp.PyArray_DATA(labels)
        cdef int64_t *pn = <int64_t *>cnp.PyArray_DATA(counts)
        cdef int32_t *ps = <int32_t *>cnp.PyArray_DATA(scratch)
        cdef ptrdiff_t size = cnp.PyArray_ITEMSIZE(x)
        cdef ptrdiff_t ldx = cnp.PyArray_STRIDE(x, 0) // size
        filter.points = cnp.PyArray_DATA(points)
        filter.n_points = cnp.PyArray_DIMS(points)[0]
        filter.n_features = cnp.PyArray_DIMS(points)[1]
        filter.n_padded = cnp.PyArray_DIMS(columns)[1]
        with nogil:
            if size == 4:
                self.kernels.nearest_direct_f32(&filter, <float *>px, ldx, start, stop,
                                                <float *>pc, pl, ps, pn)
            else:
                self.kernels.nearest_direct_f64(&filter, <double *>px, ldx, start, stop,
                                                <double *>pc, pl, ps, pn)

    def nearest_distance(self, cnp.ndarray x not None, cnp.ndarray points not None,
                         cnp.ndarray labels not None, cnp.ndarray squared not None,
                         ptrdiff_t start, ptrdiff_t stop):
        """Squared distance of each row to the point that its label names."""
        cdef void *px = cnp.PyArray_DATA(x)
        cdef void *pp = cnp.PyArray_DATA(points)
        cdef int32_t *pl = <int32_t *>cnp.PyArray_DATA(labels)
        cdef double *out = <double *>cnp.PyArray_DATA(squared)
        cdef ptrdiff_t n_features = cnp.PyArray_DIMS(points)[1]
        cdef ptrdiff_t size = cnp.PyArray_ITEMSIZE(x)
        cdef ptrdiff_t ldx = cnp.PyArray_STRIDE(x, 0) // size
        with nogil:
            if size == 4:
                self.kernels.nearest_distance_f32(<float *>px, ldx, <float *>pp,
                                                  n_features, pl, start, stop, out)
            else:
                self.kernels.nearest_distance_f64(<double *>px, ldx, <double *>pp,
                                                  n_features, pl, start, stop, out)

    def nearest_move(self, cnp.ndarray x not None, weights, cnp.ndarray before not None,
                     cnp.ndarray after not None, cnp.ndarray sums not None,
                     ptrdiff_t start, ptrdiff_t stop):
        """Float64 sums of the rows of each label, columns [start, stop), brought from
        the labels `before` (negative: none) to those `after`; `weights` may be None."""
        cdef void *px = cnp.PyArray_DATA(x)
        cdef double *pw = <double *>data(weights)
        cdef int32_t *pb = <int32_t *>cnp.PyArray_DATA(before)
        cdef int32_t *pa = <int32_t *>cnp.PyArray_DATA(after)
        cdef double *ps = <double *>cnp.PyArray_DATA(sums)
        cdef ptrdiff_t size = cnp.PyArray_ITEMSIZE(x)
        cdef ptrdiff_t ldx = cnp.PyArray_STRIDE(x, 0) // size
        cdef ptrdiff_t ldsums = cnp.PyArray_STRIDE(sums, 0) // sizeof(double)
        cdef ptrdiff_t n_rows = cnp.PyArray_DIMS(x)[0]
        with nogil:
            if size == 4:
                self.kernels.nearest_move_f32(<float *>px, ldx, n_rows, pw, pb, pa, ps,
                                              ldsums, start, stop)
            else:
                self.kernels.nearest_move_f64(<double *>px, ldx, n_rows, pw, pb, pa, ps,
                                              ldsums, start, stop)


cdef _table(const c_kernels *kernels):
    cdef Table table = Table.__new__(Table)
    table.kernels = kernels
    return table


def compiled_tables():
    """Name -> table of each instruction set that this machine runs, slowest first."""
    cdef int cpu = skfrugal_cpu()
    found = {"baseline": _table(&skfrugal_baseline)}
    if cpu & CPU_AVX2:
        found["avx2"] = _table(SKFRUGAL_AVX2)
    if cpu & CPU_AVX512:
        found["avx512"] = _table(SKFRUGAL_AVX512)
    return found


def aligned_empty(size, dtype):
    """A vector whose first element is 64-byte aligned."""
    dtype = np.dtype(dtype)
    buffer = np.empty(size * dtype.itemsize + 64, dtype=np.uint8)
    offset = -buffer.ctypes.data % 64
    return buffer[offset : offset + size * dtype.itemsize].view(dtype)


# Smaller outputs are not worth a place of their own.
cdef enum:
    SMALL_OUTPUT = 1 << 16


def output_rows(cnp.ndarray x not None, ptrdiff_t n_columns):
    """Uninitialised C-contiguous rows for a product with the rows `x`.

    Large ones begin at a cache line, and not where `x` does in a page: stores there
    would wait for loads.
    """
    cdef cnp.npy_intp[2] shape
    shape[0], shape[1] = cnp.PyArray_DIM(x, 0), n_columns
    cdef cnp.npy_intp size = shape[0] * shape[1] * cnp.PyArray_ITEMSIZE(x)
    if size < SMALL_OUTPUT:
        return cnp.PyArray_EMPTY(2, shape, cnp.PyArray_TYPE(x), 0)
    cdef cnp.npy_intp room = size + 4096 + 64
    cdef cnp.ndarray buffer = cnp.PyArray_EMPTY(1, &room, cnp.NPY_UINT8, 0)
    cdef size_t address = <size_t>cnp.PyArray_DATA(buffer)
    cdef size_t wanted = <size_t>cnp.PyArray_DATA(x) // 64 * 64 + 1024
    cdef size_t aligned = (address + 63) // 64 * 64
    cdef size_t place = aligned + (wanted - aligned) % 4096 // 64 * 64
    cdef cnp.ndarray y = cnp.PyArray_SimpleNewFromData(
        2, shape, cnp.PyArray_TYPE(x), <void *>place
    )
    cnp.set_array_base(y, buffer)
    return y
