# Points and rows as the nearest-point kernels see them; part of _bindings.pyx.

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
