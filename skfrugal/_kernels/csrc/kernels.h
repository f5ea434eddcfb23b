/* The table of kernels: one instance per instruction set.
 *
 * Kernels check nothing, allocate nothing, know neither Python nor threads.  They take
 * rows [start, stop) of C-contiguous matrices whose rows are ldx and ldy numbers apart,
 * and a scratch that the caller owns.
 */
#ifndef SKFRUGAL_KERNELS_H
#define SKFRUGAL_KERNELS_H

#include <stddef.h>

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
    void (*rotations_f32)(const struct rotations *plan, const float *x, ptrdiff_t ldx,
                          float *y, ptrdiff_t ldy, ptrdiff_t start, ptrdiff_t stop,
                          float *scratch);
    void (*rotations_f64)(const struct rotations *plan, const double *x, ptrdiff_t ldx,
                          double *y, ptrdiff_t ldy, ptrdiff_t start, ptrdiff_t stop,
                          double *scratch);
    void (*sparse_f32)(const struct sparse_chain *chain, const float *x, ptrdiff_t ldx,
                       float *y, ptrdiff_t ldy, ptrdiff_t start, ptrdiff_t stop,
                       float *scratch);
    void (*sparse_f64)(const struct sparse_chain *chain, const double *x, ptrdiff_t ldx,
                       double *y, ptrdiff_t ldy, ptrdiff_t start, ptrdiff_t stop,
                       double *scratch);
};

extern const struct kernels skfrugal_baseline;
#ifdef SKFRUGAL_X86
extern const struct kernels skfrugal_avx2, skfrugal_avx512;
#endif

#endif
