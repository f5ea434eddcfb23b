/* The table of kernels: one instance per instruction set.
 *
 * Kernels check nothing, allocate nothing, know neither Python nor threads.  They take
 * rows [start, stop) of C-contiguous matrices whose rows are ldx and ldy numbers apart,
 * and a scratch that the caller owns.
 */
#ifndef SKFRUGAL_KERNELS_H
#define SKFRUGAL_KERNELS_H

#include <stddef.h>
#include <stdint.h>

/* What a pass does; `q`, `rows`, `radix` and `down` choose the instance (see butterfly.h). */
enum pass_kind {
    PASS_BASE,       /* all levels inside a vector, then q across vectors, unit form */
    PASS_BASE_FULL,  /* the same, two coefficients per output */
    PASS_OUTER,      /* q levels across vectors `stride` apart, unit form */
    PASS_OUTER_FULL, /* the same, two coefficients per output */
    PASS_BLOCKS,     /* one factor (a, b, c, d), any sizes (see blocks.h) */
    PASS_REGROUP,    /* groups of b numbers become groups of d */
    N_PASS_KINDS
};

struct pass {
    int kind, q, rows, down, radix;
    ptrdiff_t stride;     /* butterfly: distance of the vectors, in numbers */
    ptrdiff_t a, b, c, d; /* blocks: the factor's pattern */
    ptrdiff_t n_in, n_out;
    ptrdiff_t weights;    /* offset of the pass's coefficients, in numbers */
};

struct chain {
    int n_passes;
    int tile;            /* rows that go through all passes together */
    ptrdiff_t n_in, n_out;
    ptrdiff_t width;     /* row stride of a scratch buffer, padded */
    ptrdiff_t repeat;    /* rows of the matrix in one row of the passes (tiny n) */
    const struct pass *passes;
    const void *weights; /* 64-byte aligned */
};

/* A factor of a chain whose gradients are wanted; see backward.h. */
enum level_kind { LEVEL_BASE, LEVEL_SWAP, LEVEL_WIDE, LEVEL_PLAIN };

struct level {
    int kind;
    ptrdiff_t a, b, c, d, n_out;
    ptrdiff_t weights; /* offset of the values and of their gradients, in numbers */
};

struct level_chain {
    int n_levels;
    ptrdiff_t tile, width; /* rows that go together; row stride of the scratch */
    const struct level *levels;
    const void *values;
};

/* Plane rotations on a panel; see rotations.h. */
struct rotations {
    ptrdiff_t n, n_out;
    int n_groups;
    const int *groups;    /* (length, count); length 0 multiplies slot i by weight i */
    const int *slots;     /* length + 1 a path, times the panel's rows */
    const void *weights;  /* p and q of each rotation, in order */
    const int *out_slots; /* where output i is, times the panel's rows */
    const void *out_scale;
};

/* Sparse factors on a panel; see sparse.h. */
struct sparse_factor {
    int n_groups;
    const int *groups;  /* (numbers in a row, count) */
    const int *offsets; /* columns times the panel's rows */
    const void *values;
};

struct sparse_chain {
    ptrdiff_t n_in, n_out, width; /* width: the widest intermediate */
    int n_factors;
    const struct sparse_factor *factors;
    const int *out_slots;
    const void *out_scale;
};

/* The filter of a set of points (nearest.h).  "Steps" are the units of the rounded copy,
 * "grid" those of the rotated coordinates. */
struct nearest {
    int bits;             /* of a number of the copy: 8 or 16 */
    int n_columns;        /* of the rotation: 0 (none), 32 or 64 */
    ptrdiff_t n_points, n_padded;
    ptrdiff_t n_features; /* columns of the data */
    ptrdiff_t width;      /* bytes of a row of the copy, a multiple of 64 */
    ptrdiff_t units;      /* 32-bit units of a row of the copy that hold columns */
    ptrdiff_t block;      /* rows that go through a stage together */
    const void *points;   /* the data, (n_points, n_features) */
    const void *offset;   /* of each column, in the dtype of the data (8 bits: steps) */
    int clip;             /* whether rows often leave the range of the copy */
    double inverse_step, error_factor, point_error;
    const char *copy;     /* (n_padded, width) */
    const int32_t *norms; /* of the copy */
    /* Points whose copies are far off are in no panel: they are candidates always. */
    const int32_t *outliers, *panel_norms;
    ptrdiff_t n_outliers;
    double largest_error; /* point_error leaves outliers out */
    const float *errors;  /* of each point's copy, in steps */
    const int32_t *panels;              /* of the copy; NULL with a rotation */
    const int32_t *basis, *basis_norms; /* panels of the rotation */
    const double *scale, *shift;        /* rotated = scale raw - shift, in grid */
    double steps_to_grid, residual_shift[2];
    double grid_to_coarse; /* coarse coordinates have the bits of the copy */
    double coarse_error;   /* of a point, in coarse units */
    const int32_t *coarse, *coarse_norms; /* panels: 31 coordinates and the residual */
    const int32_t *coarse_begin;          /* minus half of the norms, which are even */
    const int16_t *fine;                  /* (n_padded, 64): 63 and the residual */
    const int32_t *fine_norms;
};

/* Rows in the form in which the filter compares them; one entry a row. */
struct nearest_rows {
    char *copy;           /* (n, width) */
    int32_t *norms, *sums;
    float *errors;        /* of the copy, in steps; infinite: this row is not for us */
    char *coarse;         /* (n, 32) of 8 or 16 bits */
    float *coarse_errors; /* in coarse units */
    int16_t *fine;        /* (n, 64) */
    int32_t *coarse_norms, *fine_norms;
};

enum { NEAREST_COARSE, NEAREST_FINE, NEAREST_COPY, NEAREST_EXACT, NEAREST_LEFT,
       N_NEAREST_COUNTS };

/* A factor, or a block of its columns, on lines of rows; see nearest_product.h. */
struct product_step {
    ptrdiff_t n_in, n_out;
    int dense;          /* values are panels of rows (n_in, product_rows) */
    int n_groups;
    const int *groups;  /* (numbers in a row, count) */
    const int *offsets; /* of a row its place (but in the last step), then its columns */
    const void *values;
};

struct nearest_product {
    ptrdiff_t block;  /* columns of the data that are turned together */
    ptrdiff_t width;  /* lines of an intermediate, padded */
    int n_blocks;     /* steps of the factor next to the data; 0: the last one is it */
    int n_steps;
    const struct product_step *steps;
    const void *heads; /* half a squared norm and a number for each row of the last */
    double slope;      /* squared: gap > slope |x| + offset is sure if |x|^2 < limit */
    double offset, limit;
};

/* Kernel functions of rows and landmarks (kernel_values.h): what is summed over the
 * features, and the function of the sum. */
enum kernel_form { KERNEL_PRODUCT, KERNEL_SQUARES, KERNEL_ABSOLUTES };
enum kernel_function {
    KERNEL_IDENTITY,
    KERNEL_POWER,
    KERNEL_EXPONENTIAL,
    KERNEL_MATERN12,
    KERNEL_MATERN32,
    KERNEL_MATERN52,
    KERNEL_SLOPE12, /* derivatives by the squared distance, up to a constant */
    KERNEL_SLOPE32,
    KERNEL_SLOPE52
};

struct landmarks {
    int form, function;
    int degree;    /* of KERNEL_POWER */
    int normalise; /* rows to length 1 */
    ptrdiff_t n_features, n_landmarks;
    double scale;  /* a row is used as scale (x - origin) */
    double radius; /* of the landmarks, for products that become squared distances */
    const double *origin;
    const void *panels; /* n_features lines of a panel's landmarks, scaled */
    const void *starts; /* of each landmark's sum */
};

struct kernels {
    const char *name;
    int vector_bytes;
    int many_registers;
    int panel_bytes; /* of one feature of a panel */
    void (*chain_f32)(const struct chain *chain, const float *x, ptrdiff_t ldx,
                      float *y, ptrdiff_t ldy, ptrdiff_t start, ptrdiff_t stop,
                      float *scratch, int stream);
    void (*chain_f64)(const struct chain *chain, const double *x, ptrdiff_t ldx,
                      double *y, ptrdiff_t ldy, ptrdiff_t start, ptrdiff_t stop,
                      double *scratch, int stream);
    int (*rotations_f32)(const struct rotations *plan, const float *x, ptrdiff_t ldx,
                         float *y, ptrdiff_t ldy, ptrdiff_t start, ptrdiff_t stop,
                         float *scratch, const float *shift);
    int (*rotations_f64)(const struct rotations *plan, const double *x, ptrdiff_t ldx,
                         double *y, ptrdiff_t ldy, ptrdiff_t start, ptrdiff_t stop,
                         double *scratch, const double *shift);
    void (*sparse_f32)(const struct sparse_chain *chain, const float *x, ptrdiff_t ldx,
                       float *y, ptrdiff_t ldy, ptrdiff_t start, ptrdiff_t stop,
                       float *scratch);
    void (*sparse_f64)(const struct sparse_chain *chain, const double *x, ptrdiff_t ldx,
                       double *y, ptrdiff_t ldy, ptrdiff_t start, ptrdiff_t stop,
                       double *scratch);
    void (*levels_forward_f32)(const struct level_chain *chain, const float *x,
                               ptrdiff_t ldx, float *y, ptrdiff_t ldy,
                               ptrdiff_t start, ptrdiff_t stop, float *scratch);
    void (*levels_forward_f64)(const struct level_chain *chain, const double *x,
                               ptrdiff_t ldx, double *y, ptrdiff_t ldy,
                               ptrdiff_t start, ptrdiff_t stop, double *scratch);
    void (*levels_backward_f32)(const struct level_chain *chain, const float *x,
                                ptrdiff_t ldx, const float *g, ptrdiff_t ldg,
                                float *dx, ptrdiff_t lddx, ptrdiff_t start,
                                ptrdiff_t stop, float *gradient, float *scratch);
    void (*levels_backward_f64)(const struct level_chain *chain, const double *x,
                                ptrdiff_t ldx, const double *g, ptrdiff_t ldg,
                                double *dx, ptrdiff_t lddx, ptrdiff_t start,
                                ptrdiff_t stop, double *gradient, double *scratch);
    ptrdiff_t (*cosine_f32)(const float *x, float *y, ptrdiff_t n_rows,
                            ptrdiff_t n_columns, const float *offset, float scale,
                            int stream);
    ptrdiff_t (*cosine_f64)(const double *x, double *y, ptrdiff_t n_rows,
                            ptrdiff_t n_columns, const double *offset, double scale,
                            int stream);
    int point_panel, row_tile, dot8;
    void (*nearest_prepare_f32)(const struct nearest *, const float *x, ptrdiff_t ldx,
                                ptrdiff_t start, ptrdiff_t stop,
                                const struct nearest_rows *, int32_t *scratch);
    void (*nearest_prepare_f64)(const struct nearest *, const double *x, ptrdiff_t ldx,
                                ptrdiff_t start, ptrdiff_t stop,
                                const struct nearest_rows *, int32_t *scratch);
    void (*nearest_search_f32)(const struct nearest *, const float *x, ptrdiff_t ldx,
                               ptrdiff_t start, ptrdiff_t stop,
                               const struct nearest_rows *, int prepared,
                               int32_t *labels, int previous, int32_t *scratch,
                               int64_t *counts);
    void (*nearest_search_f64)(const struct nearest *, const double *x, ptrdiff_t ldx,
                               ptrdiff_t start, ptrdiff_t stop,
                               const struct nearest_rows *, int prepared,
                               int32_t *labels, int previous, int32_t *scratch,
                               int64_t *counts);
    void (*nearest_dense_f32)(const struct nearest *, const float *x, ptrdiff_t ldx,
                              ptrdiff_t n_rows, const float *norms, double largest,
                              float *scores, int32_t *labels, int32_t *scratch,
                              int64_t *counts);
    void (*nearest_dense_f64)(const struct nearest *, const double *x, ptrdiff_t ldx,
                              ptrdiff_t n_rows, const double *norms, double largest,
                              double *scores, int32_t *labels, int32_t *scratch,
                              int64_t *counts);
    void (*nearest_direct_f32)(const struct nearest *, const float *x, ptrdiff_t ldx,
                               ptrdiff_t start, ptrdiff_t stop, const float *columns,
                               int32_t *labels, int32_t *scratch, int64_t *counts);
    void (*nearest_direct_f64)(const struct nearest *, const double *x, ptrdiff_t ldx,
                               ptrdiff_t start, ptrdiff_t stop, const double *columns,
                               int32_t *labels, int32_t *scratch, int64_t *counts);
    void (*nearest_distance_f32)(const float *x, ptrdiff_t ldx, const float *points,
                                 ptrdiff_t n_features, const int32_t *labels,
                                 ptrdiff_t start, ptrdiff_t stop, double *squared);
    void (*nearest_distance_f64)(const double *x, ptrdiff_t ldx, const double *points,
                                 ptrdiff_t n_features, const int32_t *labels,
                                 ptrdiff_t start, ptrdiff_t stop, double *squared);
    void (*nearest_move_f32)(const float *x, ptrdiff_t ldx, ptrdiff_t n_rows,
                             const double *weights, const int32_t *before,
                             const int32_t *after, double *sums, ptrdiff_t ldsums,
                             ptrdiff_t start, ptrdiff_t stop);
    void (*nearest_move_f64)(const double *x, ptrdiff_t ldx, ptrdiff_t n_rows,
                             const double *weights, const int32_t *before,
                             const int32_t *after, double *sums, ptrdiff_t ldsums,
                             ptrdiff_t start, ptrdiff_t stop);
    /* Vectors of a line; rows of a panel of a dense factor, and numbers of a chunk. */
    int product_vectors, product_rows, product_chunk;
    void (*nearest_product_f32)(const struct nearest_product *, const float *x,
                                ptrdiff_t ldx, ptrdiff_t start, ptrdiff_t stop,
                                int32_t *labels, float *scratch);
    void (*nearest_product_f64)(const struct nearest_product *, const double *x,
                                ptrdiff_t ldx, ptrdiff_t start, ptrdiff_t stop,
                                int32_t *labels, double *scratch);
    int kernel_rows, kernel_vectors; /* of a tile */
    void (*powers_of_two_f32)(const float *x, float *y, ptrdiff_t n);
    void (*powers_of_two_f64)(const double *x, double *y, ptrdiff_t n);
    /* `x` holds double numbers if `wide`, else float; `tile` rows are packed together. */
    void (*kernel_block_f32)(const struct landmarks *, const void *x, int wide,
                             ptrdiff_t ldx, ptrdiff_t start, ptrdiff_t stop,
                             ptrdiff_t tile, float *y, ptrdiff_t ldy, void *scratch);
    void (*kernel_block_f64)(const struct landmarks *, const void *x, int wide,
                             ptrdiff_t ldx, ptrdiff_t start, ptrdiff_t stop,
                             ptrdiff_t tile, double *y, ptrdiff_t ldy, void *scratch);
    void (*kernel_predict_f32)(const struct landmarks *, const void *x, int wide,
                               ptrdiff_t ldx, ptrdiff_t start, ptrdiff_t stop,
                               ptrdiff_t tile, const double *coef, ptrdiff_t n_targets,
                               double *y, void *scratch);
    void (*kernel_predict_f64)(const struct landmarks *, const void *x, int wide,
                               ptrdiff_t ldx, ptrdiff_t start, ptrdiff_t stop,
                               ptrdiff_t tile, const double *coef, ptrdiff_t n_targets,
                               double *y, void *scratch);
    void (*kernel_adjoint_f32)(const struct landmarks *, const void *x, int wide,
                               ptrdiff_t ldx, ptrdiff_t n_rows, ptrdiff_t tile,
                               const double *residual, ptrdiff_t n_targets,
                               ptrdiff_t first, ptrdiff_t last, double *sums,
                               void *scratch);
    void (*kernel_adjoint_f64)(const struct landmarks *, const void *x, int wide,
                               ptrdiff_t ldx, ptrdiff_t n_rows, ptrdiff_t tile,
                               const double *residual, ptrdiff_t n_targets,
                               ptrdiff_t first, ptrdiff_t last, double *sums,
                               void *scratch);
    /* Sparse coding, see coding.h. */
    ptrdiff_t (*coding_choose)(const double *r, const double *g, const double *norms,
                               double *gains, ptrdiff_t a, double *gain);
    double (*coding_take)(ptrdiff_t j, ptrdiff_t t, double *r, double *g,
                          const double *gram, double *P, ptrdiff_t a);
    void (*coding_combine)(double *out, const double *c, const int *rows, ptrdiff_t m,
                           const double *gram, ptrdiff_t a);
    void (*coding_without)(double *r_out, double *g_out, const double *r,
                           const double *g, const double *h, double c, ptrdiff_t a);
};

extern const struct kernels skfrugal_baseline;
#ifdef SKFRUGAL_X86
extern const struct kernels skfrugal_avx2, skfrugal_avx512;
#endif

#endif
