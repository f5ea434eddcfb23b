"""The SIMD kernels as Python sees them: thin, no arithmetic, no choice."""

cimport numpy as cnp
from cpython.pycapsule cimport PyCapsule_New
from libc.stddef cimport ptrdiff_t
from libc.stdint cimport int16_t, int32_t, int64_t
from libc.stdlib cimport calloc, free

import numpy as np

cnp.import_array()


include "_csrc.pxi"


cdef void *data(array):
    return NULL if array is None else cnp.PyArray_DATA(<cnp.ndarray>array)


cdef ptrdiff_t row_stride(cnp.ndarray x):
    """Numbers from one row to the next."""
    return cnp.PyArray_STRIDE(x, 0) // cnp.PyArray_ITEMSIZE(x)


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


include "_nearest_packed.pxi"
include "_nearest_table.pxi"
include "_nearest_product.pxi"


cdef class Table(ProductTable):
    """The kernels of one instruction set.

    Every kernel takes rows [start, stop) of C-contiguous rows `x`, writes the same
    rows of `y`, and releases the GIL.  Nothing is checked: the operators did.
    """

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
    def product_line(self):
        """Bytes of a line of `nearest_product`: one column of its rows."""
        return self.kernels.vector_bytes * self.kernels.product_vectors

    @property
    def product_rows(self):
        """Rows of a panel of a dense factor of `nearest_product`."""
        return self.kernels.product_rows

    @property
    def product_chunk(self):
        """Numbers of a row of a dense factor which are summed without a stop."""
        return self.kernels.product_chunk

    @property
    def dot8(self):
        """Whether there are products of 8-bit numbers."""
        return bool(self.kernels.dot8)

    @property
    def capsule(self):
        """The table for the other modules of bindings."""
        return PyCapsule_New(<void *>self.kernels, "skfrugal.kernels", NULL)

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
        cdef ptrdiff_t ldx = row_stride(x)
        cdef ptrdiff_t ldy = row_stride(y)
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
                  ptrdiff_t start, ptrdiff_t stop, shift=None):
        """Rows of ``x @ Q.T``, for the packed rotations Q, plus `shift`, a vector.

        Returns whether the rows of `x` are finite.
        """
        cdef void *pv = data(shift)
        cdef int is_finite
        cdef const c_rotations *plan = &packed.plan
        cdef void *px = cnp.PyArray_DATA(x)
        cdef void *py = cnp.PyArray_DATA(y)
        cdef void *ps = cnp.PyArray_DATA(scratch)
        cdef ptrdiff_t size = cnp.PyArray_ITEMSIZE(x)
        cdef ptrdiff_t ldx = row_stride(x)
        cdef ptrdiff_t ldy = row_stride(y)
        if size == 4:
            with nogil:
                is_finite = self.kernels.rotations_f32(
                    plan, <float *>px, ldx, <float *>py, ldy, start, stop, <float *>ps,
                    <float *>pv)
        else:
            with nogil:
                is_finite = self.kernels.rotations_f64(
                    plan, <double *>px, ldx, <double *>py, ldy, start, stop,
                    <double *>ps, <double *>pv)
        return bool(is_finite)

    def sparse(self, PackedSparse packed not None, cnp.ndarray x not None,
               cnp.ndarray y not None, cnp.ndarray scratch not None,
               ptrdiff_t start, ptrdiff_t stop):
        """Rows of ``x @ S.T``, for the packed product S of sparse factors."""
        cdef const c_sparse_chain *chain = &packed.chain
        cdef void *px = cnp.PyArray_DATA(x)
        cdef void *py = cnp.PyArray_DATA(y)
        cdef void *ps = cnp.PyArray_DATA(scratch)
        cdef ptrdiff_t size = cnp.PyArray_ITEMSIZE(x)
        cdef ptrdiff_t ldx = row_stride(x)
        cdef ptrdiff_t ldy = row_stride(y)
        if size == 4:
            with nogil:
                self.kernels.sparse_f32(chain, <float *>px, ldx, <float *>py, ldy,
                                        start, stop, <float *>ps)
        else:
            with nogil:
                self.kernels.sparse_f64(chain, <double *>px, ldx, <double *>py, ldy,
                                        start, stop, <double *>ps)

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
