/* Kernel values of rows with landmarks, and what follows them, tile by tile.
 *
 *     rows, `tile` together           landmarks, panels of KERNEL_VECTORS vectors
 *     u = scale (x - origin)    x     z, scaled likewise when they were packed
 *
 *     sums over features (kernel_tile.h) -> function -> stored, or times coefficients,
 *     or times residuals; the last two in double, whatever REAL is
 *
 * For the RBF kernel scale^2 = 2 gamma log2(e): the sum -|u|^2/2 - |z|^2/2 + u z is the
 * exponent of 2, wrong by (n_features + 4) eps / 2 (|u|^2 + |z|^2) at most.  Rows so far
 * off that all values are 0 never enter the product, which so cannot overflow.
 *
 * Cost: n_features + 10 (float64 15) instructions a vector of values, and 4 a vector of
 * doubles and target.  Packed rows are read from L1, panels from L2.
 */

#ifndef SKFRUGAL_KERNEL_VALUES_COMMON
#define SKFRUGAL_KERNEL_VALUES_COMMON

#include <float.h>
#include <math.h>

#include "wide.h"

#if MANY_REGISTERS
#define KERNEL_ROWS 8
#define KERNEL_VECTORS 3
#else
#define KERNEL_ROWS 4
#define KERNEL_VECTORS 2
#endif

/* sums[r, t] += sum_j values[r, j] coef[t, j], lane by lane */
#define KERNEL_SUM_TARGETS(load, n_wide)                                               \
    for (int r = 0; r < KERNEL_ROWS; r++, values += n_wide * WIDE_LANES) {             \
        wide value[n_wide];                                                            \
        UNROLL for (int i = 0; i < n_wide; i++)                                        \
            value[i] = load(values + i * WIDE_LANES);                                  \
        for (ptrdiff_t t = 0; t < n_targets; t++, sums += WIDE_LANES) {                \
            const double *c = coef + t * n_wide * WIDE_LANES;                          \
            wide sum = wide_load_f64(sums);                                            \
            UNROLL for (int i = 0; i < n_wide; i++)                                    \
                sum = wide_fma(value[i], wide_load_f64(c + i * WIDE_LANES), sum);      \
            wide_store(sums, sum);                                                     \
        }                                                                              \
    }

#endif

#if REAL_BYTES == 4
#define REAL_MIN FLT_MIN
#define KERNEL_NOTHING 152.0 /* 2 to the minus this is 0 */
#else
#define REAL_MIN DBL_MIN
#define KERNEL_NOTHING 1080.0
#endif
#define WIDE_PER_VECTOR (8 / REAL_BYTES)
#define KERNEL_PANEL (KERNEL_VECTORS * LANES)

#include "kernel_tile.h"
#include "kernel_pack.h"

/* Values of KERNEL_ROWS packed rows, from row r of the tile, with panel p. */
INLINE int FN(kernel_tile)(const struct landmarks *k, const struct FN(kernel_scratch) *s,
                           ptrdiff_t r, ptrdiff_t p)
{
    const ptrdiff_t left = k->n_landmarks - p * KERNEL_PANEL;
    const int n_vectors =
        left >= KERNEL_PANEL ? KERNEL_VECTORS : (int)((left + LANES - 1) / LANES);
    FN(kernel_forms)[k->form][n_vectors - 1](
        s->rows + r * k->n_features,
        (const REAL *)k->panels + p * KERNEL_PANEL * k->n_features,
        (const REAL *)k->starts + p * KERNEL_PANEL, s->terms + r, k->n_features,
        s->values);
    FN(kernel_apply)(s->values, KERNEL_ROWS * n_vectors, k->function, k->degree);
    return n_vectors;
}

#define KERNEL_N_PANELS(k) (((k)->n_landmarks + KERNEL_PANEL - 1) / KERNEL_PANEL)

KERNEL void FN(kernel_block)(const struct landmarks *k, const void *x, int wide_rows,
                             ptrdiff_t ldx, ptrdiff_t start, ptrdiff_t stop,
                             ptrdiff_t tile, REAL *y, ptrdiff_t ldy, void *scratch)
{
    const struct FN(kernel_scratch) s = FN(kernel_scratch_of)(k, tile, scratch);
    for (ptrdiff_t i = start; i < stop; i += tile) {
        const ptrdiff_t n_rows = stop - i < tile ? stop - i : tile;
        FN(kernel_pack)(k, x, wide_rows, ldx, i, n_rows, &s);
        for (ptrdiff_t p = 0; p < KERNEL_N_PANELS(k); p++)
            for (ptrdiff_t r = 0; r < n_rows; r += KERNEL_ROWS) {
                const ptrdiff_t width = FN(kernel_tile)(k, &s, r, p) * LANES;
                const ptrdiff_t left = k->n_landmarks - p * KERNEL_PANEL;
                for (ptrdiff_t j = 0; j < KERNEL_ROWS && r + j < n_rows; j++)
                    memcpy(y + (i + r + j) * ldy + p * KERNEL_PANEL,
                           s.values + j * width,
                           (size_t)(left < width ? left : width) * sizeof(REAL));
            }
    }
}

KERNEL void FN(kernel_sum_targets)(const REAL *values, const double *coef,
                                   ptrdiff_t n_targets, double *sums, int n_vectors)
{
    if (n_vectors == 1) {
        KERNEL_SUM_TARGETS(FN(wide_load), WIDE_PER_VECTOR)
    } else if (n_vectors == 2) {
        KERNEL_SUM_TARGETS(FN(wide_load), 2 * WIDE_PER_VECTOR)
    } else {
        KERNEL_SUM_TARGETS(FN(wide_load), KERNEL_VECTORS * WIDE_PER_VECTOR)
    }
}

/* y[i, t] += sum_j K[i, j] coef[t, j]; coef is packed like the panels. */
KERNEL void FN(kernel_predict)(const struct landmarks *k, const void *x, int wide_rows,
                               ptrdiff_t ldx, ptrdiff_t start, ptrdiff_t stop,
                               ptrdiff_t tile, const double *coef, ptrdiff_t n_targets,
                               double *y, void *scratch)
{
    const struct FN(kernel_scratch) s = FN(kernel_scratch_of)(k, tile, scratch);
    for (ptrdiff_t i = start; i < stop; i += tile) {
        const ptrdiff_t n_rows = stop - i < tile ? stop - i : tile;
        const ptrdiff_t padded = FN(kernel_pack)(k, x, wide_rows, ldx, i, n_rows, &s);
        memset(s.sums, 0, (size_t)(padded * n_targets * WIDE_LANES) * sizeof(double));
        for (ptrdiff_t p = 0; p < KERNEL_N_PANELS(k); p++)
            for (ptrdiff_t r = 0; r < padded; r += KERNEL_ROWS) {
                const int n_vectors = FN(kernel_tile)(k, &s, r, p);
                FN(kernel_sum_targets)(s.values, coef + p * KERNEL_PANEL * n_targets,
                                       n_targets, s.sums + r * n_targets * WIDE_LANES,
                                       n_vectors);
            }
        for (ptrdiff_t j = 0; j < n_rows * n_targets; j++) {
            double sum = 0;
            for (int l = 0; l < WIDE_LANES; l++) sum += s.sums[j * WIDE_LANES + l];
            y[i * n_targets + j] += sum;
        }
    }
}

/* sums[t, j] += sum_r values[r, j] residual[r, t] */
KERNEL void FN(kernel_sum_rows)(const REAL *values, const double *residual,
                                ptrdiff_t n_targets, double *sums, int n_vectors)
{
    const int width = n_vectors * LANES;
    for (int i = 0; i < width; i += WIDE_LANES) {
        wide value[KERNEL_ROWS];
        UNROLL for (int r = 0; r < KERNEL_ROWS; r++)
            value[r] = FN(wide_load)(values + r * width + i);
        for (ptrdiff_t t = 0; t < n_targets; t++) {
            wide sum = wide_load_f64(sums + t * width + i);
            UNROLL for (int r = 0; r < KERNEL_ROWS; r++)
                sum = wide_fma(value[r], wide_splat(residual[r * n_targets + t]), sum);
            wide_store(sums + t * width + i, sum);
        }
    }
}

/* sums[t, j] += sum_i K[i, j] residual[i, t] for panels [first, last) and all rows. */
KERNEL void FN(kernel_adjoint)(const struct landmarks *k, const void *x, int wide_rows,
                               ptrdiff_t ldx, ptrdiff_t n_rows, ptrdiff_t tile,
                               const double *residual, ptrdiff_t n_targets,
                               ptrdiff_t first, ptrdiff_t last, double *sums,
                               void *scratch)
{
    const struct FN(kernel_scratch) s = FN(kernel_scratch_of)(k, tile, scratch);
    for (ptrdiff_t i = 0; i < n_rows; i += tile) {
        const ptrdiff_t n = n_rows - i < tile ? n_rows - i : tile;
        const ptrdiff_t padded = FN(kernel_pack)(k, x, wide_rows, ldx, i, n, &s);
        memcpy(s.sums, residual + i * n_targets,
               (size_t)(n * n_targets) * sizeof(double));
        memset(s.sums + n * n_targets, 0,
               (size_t)((padded - n) * n_targets) * sizeof(double));
        for (ptrdiff_t p = first; p < last; p++)
            for (ptrdiff_t r = 0; r < padded; r += KERNEL_ROWS) {
                const int n_vectors = FN(kernel_tile)(k, &s, r, p);
                FN(kernel_sum_rows)(s.values, s.sums + r * n_targets, n_targets,
                                    sums + p * KERNEL_PANEL * n_targets, n_vectors);
            }
    }
}

#undef REAL_MIN
#undef KERNEL_NOTHING
#undef WIDE_PER_VECTOR
#undef KERNEL_PANEL
#undef KERNEL_N_PANELS
