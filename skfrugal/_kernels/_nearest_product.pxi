# Products of sparse and dense factors whose nearest row is asked for; part of
# _bindings.pyx.

cdef class PackedProduct:
    """A product as `pack_product` ordered it; see nearest_product.h.

    Parameters
    ----------
    steps : list of (n_in, n_out, groups, offsets, values)
        `groups` and `offsets` are None for a dense factor.
    heads : ndarray of shape (2 * n_rows,)
        Half a squared norm and a number for each row of the last step.
    block, width, n_blocks : int
        The fields of `struct nearest_product`.
    line : int
        Rows that go together.
    """

    cdef c_nearest_product product
    cdef c_product_step *steps
    cdef readonly ptrdiff_t scratch_size
    cdef readonly object arrays

    def __cinit__(self, steps, cnp.ndarray heads, *, block, width, n_blocks, line):
        cdef int k
        self.steps = <c_product_step *>calloc(len(steps), sizeof(c_product_step))
        if self.steps == NULL:
            raise MemoryError
        for k, (n_in, n_out, groups, offsets, values) in enumerate(steps):
            self.steps[k].n_in = n_in
            self.steps[k].n_out = n_out
            self.steps[k].dense = groups is None
            self.steps[k].n_groups = 0 if groups is None else len(groups) // 2
            self.steps[k].groups = <const int *>data(groups)
            self.steps[k].offsets = <const int *>data(offsets)
            self.steps[k].values = data(values)
        self.arrays = (steps, heads)
        self.scratch_size = (1 + block + 2 * width) * line
        self.product.block = block
        self.product.width = width
        self.product.n_blocks = n_blocks
        self.product.n_steps = len(steps)
        self.product.steps = self.steps
        self.product.heads = data(heads)

    def __dealloc__(self):
        free(self.steps)

    @property
    def dtype(self):
        return self.arrays[1].dtype

    def trust(self, double slope, double offset, double limit):
        """What is sure: ``gap > slope |x| + offset`` where ``|x|^2 < limit``."""
        self.product.slope = slope * slope
        self.product.offset = offset
        self.product.limit = limit


cdef class ProductTable(NearestTable):
    """The kernel for the nearest row of a product; see `Table`."""

    def nearest_product(self, PackedProduct packed not None, cnp.ndarray x not None,
                        cnp.ndarray labels not None, cnp.ndarray scratch not None,
                        ptrdiff_t start, ptrdiff_t stop):
        """Index k of the nearest row of the product, ``~k`` where that is not sure."""
        cdef const c_nearest_product *product = &packed.product
        cdef void *px = data(x)
        cdef int32_t *pl = <int32_t *>data(labels)
        cdef void *ps = data(scratch)
        cdef ptrdiff_t size = cnp.PyArray_ITEMSIZE(x)
        cdef ptrdiff_t ldx = row_stride(x)
        with nogil:
            if size == 4:
                self.kernels.nearest_product_f32(product, <float *>px, ldx, start, stop,
                                                 pl, <float *>ps)
            else:
                self.kernels.nearest_product_f64(product, <double *>px, ldx, start,
                                                 stop, pl, <double *>ps)
