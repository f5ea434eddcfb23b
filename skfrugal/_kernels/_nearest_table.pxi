# The nearest-point kernels of a table; part of _bindings.pyx.

cdef c_nearest unpacked(cnp.ndarray points, ptrdiff_t n_padded):
    """Points of which only the data are used."""
    cdef c_nearest filter
    filter.points = cnp.PyArray_DATA(points)
    filter.n_points = cnp.PyArray_DIM(points, 0)
    filter.n_features = cnp.PyArray_DIM(points, 1)
    filter.n_padded = n_padded
    return filter


cdef class NearestTable:
    """The kernels for nearest points; see `Table`."""

    cdef const c_kernels *kernels

    def nearest_prepare(self, NearestFilter filter not None, cnp.ndarray x not None,
                        NearestRows rows not None, cnp.ndarray scratch not None,
                        ptrdiff_t start, ptrdiff_t stop):
        """Copies and rotated coordinates of rows of `x`, into those of `rows`."""
        cdef void *px = data(x)
        cdef int32_t *ps = <int32_t *>data(scratch)
        cdef ptrdiff_t size = cnp.PyArray_ITEMSIZE(x)
        cdef ptrdiff_t ldx = row_stride(x)
        with nogil:
            if size == 4:
                self.kernels.nearest_prepare_f32(&filter.filter, <float *>px, ldx,
                                                 start, stop, &rows.rows, ps)
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
        cdef void *px = data(x)
        cdef int32_t *pl = <int32_t *>data(labels)
        cdef int64_t *pc = <int64_t *>data(counts)
        cdef int32_t *ps = <int32_t *>data(scratch)
        cdef ptrdiff_t size = cnp.PyArray_ITEMSIZE(x)
        cdef ptrdiff_t ldx = row_stride(x)
        with nogil:
            if size == 4:
                self.kernels.nearest_search_f32(&filter.filter, <float *>px, ldx,
                                                start, stop, &rows.rows, prepared, pl,
                                                previous, ps, pc)
            else:
                self.kernels.nearest_search_f64(&filter.filter, <double *>px, ldx,
                                                start, stop, &rows.rows, prepared, pl,
                                                previous, ps, pc)

    def nearest_dense(self, cnp.ndarray points not None, cnp.ndarray x not None,
                      cnp.ndarray norms not None, double largest,
                      cnp.ndarray scores not None, cnp.ndarray labels not None,
                      cnp.ndarray counts not None, cnp.ndarray scratch not None):
        """Index of the nearest point, given ``scores = -2 x @ points.T`` (overwritten).

        `scores` and `norms` have the same number of columns, a multiple of 16;
        `norms` is infinite where there is no point.
        """
        cdef c_nearest filter
        cdef void *px = data(x)
        cdef void *pn = data(norms)
        cdef void *pq = data(scores)
        cdef int32_t *pl = <int32_t *>data(labels)
        cdef int64_t *pc = <int64_t *>data(counts)
        cdef int32_t *ps = <int32_t *>data(scratch)
        cdef ptrdiff_t size = cnp.PyArray_ITEMSIZE(x)
        cdef ptrdiff_t ldx = row_stride(x)
        cdef ptrdiff_t n_rows = cnp.PyArray_DIM(x, 0)
        filter = unpacked(points, cnp.PyArray_DIM(norms, 0))
        with nogil:
            if size == 4:
                self.kernels.nearest_dense_f32(&filter, <float *>px, ldx, n_rows,
                                               <float *>pn, largest, <float *>pq, pl,
                                               ps, pc)
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
        cdef void *px = data(x)
        cdef void *pc = data(columns)
        cdef int32_t *pl = <int32_t *>data(labels)
        cdef int64_t *pn = <int64_t *>data(counts)
        cdef int32_t *ps = <int32_t *>data(scratch)
        cdef ptrdiff_t size = cnp.PyArray_ITEMSIZE(x)
        cdef ptrdiff_t ldx = row_stride(x)
        filter = unpacked(points, cnp.PyArray_DIM(columns, 1))
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
        cdef void *px = data(x)
        cdef void *pp = data(points)
        cdef int32_t *pl = <int32_t *>data(labels)
        cdef double *out = <double *>data(squared)
        cdef ptrdiff_t n_features = cnp.PyArray_DIM(points, 1)
        cdef ptrdiff_t size = cnp.PyArray_ITEMSIZE(x)
        cdef ptrdiff_t ldx = row_stride(x)
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
        cdef void *px = data(x)
        cdef double *pw = <double *>data(weights)
        cdef int32_t *pb = <int32_t *>data(before)
        cdef int32_t *pa = <int32_t *>data(after)
        cdef double *ps = <double *>data(sums)
        cdef ptrdiff_t size = cnp.PyArray_ITEMSIZE(x)
        cdef ptrdiff_t ldx = row_stride(x)
        cdef ptrdiff_t ldsums = row_stride(sums)
        cdef ptrdiff_t n_rows = cnp.PyArray_DIM(x, 0)
        with nogil:
            if size == 4:
                self.kernels.nearest_move_f32(<float *>px, ldx, n_rows, pw, pb, pa, ps,
                                              ldsums, start, stop)
            else:
                self.kernels.nearest_move_f64(<double *>px, ldx, n_rows, pw, pb, pa, ps,
                                              ldsums, start, stop)
