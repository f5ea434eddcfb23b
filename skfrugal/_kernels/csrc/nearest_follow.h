/* Rows whose nearest point can be guessed: that of Lloyd's last iteration.
 *
 * The distance to the guess bounds the answer before any score is known, so that scores
 * need not be stored: a panel yields one bit a point, whether
 *
 *     norm[k] - 2 row . point[k] <= T,  or  row . point[k] - norm[k] / 2 >= -T / 2.
 *
 * Norms are even (_nearest_filter.py), and the left side is where the sums begin.  The
 * guess itself needs no other bound: it is compared with what is left of the others.
 */

#ifndef SKFRUGAL_NEAREST_FOLLOW
#define SKFRUGAL_NEAREST_FOLLOW

#include "nearest_search.h"

/* What is known of a row before its coarse scores. */
struct nearest_guess {
    int32_t point, value; /* |copies' distance|^2 = value + norm */
    double bound;         /* of the distance, in steps */
};

/* A tile of rows against a panel, as nearest_tile. */
INLINE void nearest_mark(const int32_t *row, ptrdiff_t ld, const int32_t *panel,
                         ptrdiff_t steps, const int32_t *begin, const int32_t *limits,
                         uint64_t *masks, ptrdiff_t ldmasks, int bits)
{
    VI acc[NEAREST_TILE][VI_PER_PANEL];
    const int32_t *rows[NEAREST_TILE];
    UNROLL for (int r = 0; r < NEAREST_TILE; r++)
    {
        rows[r] = row + r * ld;
        UNROLL for (int v = 0; v < VI_PER_PANEL; v++) acc[r][v] =
            vi_load(begin + v * VI_LANES);
    }
    for (ptrdiff_t s = 0; s < steps; s++, panel += NEAREST_PANEL) {
        VI w[VI_PER_PANEL];
        UNROLL for (int v = 0; v < VI_PER_PANEL; v++) w[v] =
            vi_load(panel + v * VI_LANES);
        UNROLL for (int r = 0; r < NEAREST_TILE; r++)
        {
            const VI x = vi_splat(rows[r][s]);
            UNROLL for (int v = 0; v < VI_PER_PANEL; v++) acc[r][v] =
                bits == 8 ? vi_dot8(acc[r][v], w[v], x) : vi_dot16(acc[r][v], w[v], x);
        }
    }
    UNROLL for (int r = 0; r < NEAREST_TILE; r++)
    {
        const VI limit = vi_splat(limits[r]);
        uint64_t mask = 0;
        UNROLL for (int v = 0; v < VI_PER_PANEL; v++) mask |=
            (uint64_t)vi_le(limit, acc[r][v]) << (v * VI_LANES);
        masks[r * ldmasks] = mask;
    }
}

/* One tile of rows against all panels; masks (NEAREST_TILE, panels). */
KERNEL void nearest_masks8(const struct nearest *f, const int32_t *rows,
                           const int32_t *limits, uint64_t *masks)
{
    const ptrdiff_t units = COARSE_WIDTH / 4, n_panels = f->n_padded / NEAREST_PANEL;
    for (ptrdiff_t p = 0; p < n_panels; p++)
        nearest_mark(rows, units, f->coarse + p * NEAREST_PANEL * units, units,
                     f->coarse_begin + p * NEAREST_PANEL, limits, masks + p, n_panels,
                     8);
}

KERNEL void nearest_masks16(const struct nearest *f, const int32_t *rows,
                            const int32_t *limits, uint64_t *masks)
{
    const ptrdiff_t units = COARSE_WIDTH / 2, n_panels = f->n_padded / NEAREST_PANEL;
    for (ptrdiff_t p = 0; p < n_panels; p++)
        nearest_mark(rows, units, f->coarse + p * NEAREST_PANEL * units, units,
                     f->coarse_begin + p * NEAREST_PANEL, limits, masks + p, n_panels,
                     16);
}

/* Indices of the marked points but `guess`, in order; returns how many. */
INLINE ptrdiff_t nearest_marked(const uint64_t *masks, ptrdiff_t n_panels,
                                int32_t guess, int32_t *found)
{
    ptrdiff_t n = 0;
    for (ptrdiff_t p = 0; p < n_panels; p++)
        for (uint64_t mask = masks[p]; mask; mask &= mask - 1) {
            const int32_t k = (int32_t)(p * NEAREST_PANEL) + lowest_bit(mask);
            found[n] = k;
            n += k != guess;
        }
    return n;
}

/* Bounds of n_rows rows from their guessed labels, and the marks of all points.  The
 * guesses of the n_next rows after them are fetched meanwhile. */
INLINE void nearest_follow(const struct nearest *f, const struct nearest_rows *rows,
                           ptrdiff_t at, ptrdiff_t n_rows, ptrdiff_t n_next,
                           const int32_t *labels, struct nearest_guess *guess,
                           uint64_t *masks, int bits)
{
    int32_t limits[NEAREST_TILE];
    const char *coarse = rows->coarse + at * (COARSE_WIDTH * bits / 8);
    for (ptrdiff_t r = 0; r < NEAREST_TILE; r++) limits[r] = INT32_MAX;
    for (ptrdiff_t r = 0; r < n_rows; r++) {
        const ptrdiff_t row = at + r;
        const int32_t k = labels[r], norm = rows->norms[row];
        const int32_t value =
            f->norms[k]
            - 2 * nearest_dot(f->copy + k * f->width, rows->copy + row * f->width,
                              f->width, bits);
        guess[r].point = k;
        guess[r].value = value;
        guess[r].bound = nearest_root(value, norm) + f->errors[k];
    }
    for (ptrdiff_t r = 0; r < n_rows; r++) {
        const struct nearest_stage stage = nearest_coarse_stage(f, rows, at + r, bits);
        const double margin = 2.0 * (double)rows->errors[at + r] + f->point_error;
        const int32_t limit = nearest_limit(&stage, guess[r].bound + margin);
        /* what is in no panel begins at -2^30 (_nearest_filter.py) */
        limits[r] = limit < 2147483646 ? -(limit >> 1) : 1 - (1 << 30);
    }
    for (ptrdiff_t r = n_rows; r < n_rows + n_next; r++)
        nearest_prefetch(f->copy + labels[r] * f->width, f->width);
    (bits == 8 ? nearest_masks8 : nearest_masks16)(f, (const int32_t *)coarse, limits,
                                                   masks);
}

/* The candidates for one row, in `nearby`; returns how many. */
INLINE ptrdiff_t nearest_refine_guess(const struct nearest *f,
                                      const struct nearest_rows *rows, ptrdiff_t row,
                                      const struct nearest_guess *guess,
                                      const uint64_t *masks, int32_t *found,
                                      int32_t *nearby, int64_t *counts, int bits)
{
    const ptrdiff_t room = f->n_padded + 16;
    const double error = (double)rows->errors[row], bound = guess->bound;
    /* half a grid unit for each coordinate of a row and of a point */
    const struct nearest_stage stage = {f->steps_to_grid, 8.16, rows->fine_norms[row]};
    int32_t *values = found + room, *distances = nearby + room;
    ptrdiff_t n =
        nearest_marked(masks, f->n_padded / NEAREST_PANEL, guess->point, found);
    counts[NEAREST_COARSE] += n + 1;
    nearby[0] = guess->point;
    if (n + f->n_outliers == 0) return 1;
    nearest_some((const char *)f->fine, f->fine_norms, 2 * FINE_WIDTH,
                 rows->fine + row * FINE_WIDTH, found, n, values, 16);
    n = nearest_keep(found, values, n,
                     nearest_limit(&stage, bound + 2.0 * error + f->point_error));
    counts[NEAREST_FINE] += n + 1;
    if (n + f->n_outliers == 0) return 1;
    n = nearest_copies(f, rows, row, &stage, bound, found, values, n, nearby, distances,
                       bits);
    nearby[n] = guess->point;
    distances[n++] = guess->value;
    n += nearest_outliers(f, rows, row, nearby + n, distances + n, bits);
    counts[NEAREST_COPY] += n;
    return nearest_ambiguous(f, rows->norms[row], error, nearby, distances, n);
}

#endif
