# What csrc declares; part of _bindings.pyx.

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

    struct c_product_step "product_step":
        ptrdiff_t n_in, n_out
        int dense, n_groups
        const int *groups
        const int *offsets
        const void *values

    struct c_nearest_product "nearest_product":
        ptrdiff_t block, width
        int n_blocks, n_steps
        const c_product_step *steps
        const void *heads
        double slope, offset, limit

    struct c_kernels "kernels":
        const char *name
        int vector_bytes, many_registers, panel_bytes
        void (*chain_f32)(const c_chain *, const float *, ptrdiff_t, float *, ptrdiff_t,
                          ptrdiff_t, ptrdiff_t, float *, int) nogil
        void (*chain_f64)(const c_chain *, const double *, ptrdiff_t, double *,
                          ptrdiff_t, ptrdiff_t, ptrdiff_t, double *, int) nogil
        int (*rotations_f32)(const c_rotations *, const float *, ptrdiff_t, float *,
                             ptrdiff_t, ptrdiff_t, ptrdiff_t, float *,
                             const float *) nogil
        int (*rotations_f64)(const c_rotations *, const double *, ptrdiff_t, double *,
                             ptrdiff_t, ptrdiff_t, ptrdiff_t, double *,
                             const double *) nogil
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
        void (*nearest_dense_f32)(const c_nearest *, const float *, ptrdiff_t,
                                  ptrdiff_t, const float *, double, float *, int32_t *,
                                  int32_t *, int64_t *) nogil
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
        int product_vectors, product_rows, product_chunk
        void (*nearest_product_f32)(const c_nearest_product *, const float *, ptrdiff_t,
                                    ptrdiff_t, ptrdiff_t, int32_t *, float *) nogil
        void (*nearest_product_f64)(const c_nearest_product *, const double *,
                                    ptrdiff_t, ptrdiff_t, ptrdiff_t, int32_t *,
                                    double *) nogil

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
