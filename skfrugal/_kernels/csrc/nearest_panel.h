/* Scores of rows against panels of points.
 *
 *     score[r, k] = norm[k] - 2 row[r] . point[k]
 *
 * A panel holds NEAREST_PANEL points, transposed in units of 32 bits (four 8-bit or two
 * 16-bit columns): unit s of all its points is NEAREST_PANEL consecutive numbers.
 * NEAREST_TILE rows share each load of a panel; unit s of a row is broadcast to all
 * lanes.  A tile costs one product instruction for each unit of each row and vector of
 * points; panels come from L1 or L2.
 */

#ifndef SKFRUGAL_NEAREST_PANEL
#define SKFRUGAL_NEAREST_PANEL

#include "nearest_isa.h"

INLINE void nearest_tile(const int32_t *row, ptrdiff_t ld, const int32_t *panel,
                         ptrdiff_t steps, const int32_t *norms, int32_t *scores,
                         ptrdiff_t ldscores, int32_t *lowest,
                         const char *ahead, ptrdiff_t stride, int bits, int vectors)
{
    VI acc[NEAREST_TILE][VI_PER_PANEL];
    const int32_t *rows[NEAREST_TILE];
    UNROLL for (int r = 0; r < NEAREST_TILE; r++)
    {
        rows[r] = row + r * ld;
        UNROLL for (int v = 0; v < vectors; v++) acc[r][v] = vi_splat(0);
    }
    for (ptrdiff_t s = 0; s < steps; s++, panel += vectors * VI_LANES) {
        VI w[VI_PER_PANEL];
        if (stride) {
            PREFETCH_L2(ahead + s * stride);
            PREFETCH_L2(ahead + s * stride + 64);
        }
        UNROLL for (int v = 0; v < vectors; v++) w[v] = vi_load(panel + v * VI_LANES);
        UNROLL for (int r = 0; r < NEAREST_TILE; r++)
        {
            const VI x = vi_splat(rows[r][s]);
            UNROLL for (int v = 0; v < vectors; v++) acc[r][v] =
                bits == 8 ? vi_dot8(acc[r][v], w[v], x) : vi_dot16(acc[r][v], w[v], x);
        }
    }
    UNROLL for (int r = 0; r < NEAREST_TILE; r++)
    {
        VI low = vi_load(lowest + r * VI_LANES);
        UNROLL for (int v = 0; v < vectors; v++)
        {
            const VI twice = vi_add(acc[r][v], acc[r][v]);
            const VI score = vi_sub(vi_load(norms + v * VI_LANES), twice);
            low = vi_min(low, score);
            vi_store(scores + r * ldscores + v * VI_LANES, score);
        }
        vi_store(lowest + r * VI_LANES, low);
    }
}

/* n_rows is a multiple of NEAREST_TILE, n_points of NEAREST_PANEL; lowest (n_rows,
 * VI_LANES).  With a stride, NEAREST_TILE * steps * stride bytes from `ahead` on are
 * fetched meanwhile: the products leave the memory idle. */
INLINE void nearest_scores_(const int32_t *rows, ptrdiff_t ld, ptrdiff_t n_rows,
                            const int32_t *panels, ptrdiff_t steps, ptrdiff_t n_points,
                            const int32_t *norms, int32_t *scores, int32_t *lowest,
                            const char *ahead, ptrdiff_t stride, int bits, int vectors)
{
    for (ptrdiff_t r = 0; r < n_rows; r++)
        vi_store(lowest + r * VI_LANES, vi_splat(INT32_MAX));
    for (ptrdiff_t k = 0; k < n_points; k += vectors * VI_LANES)
        for (ptrdiff_t r = 0; r < n_rows; r += NEAREST_TILE) {
            const int32_t *row = rows + r * ld, *panel = panels + k * steps;
            int32_t *out = scores + r * n_points + k, *low = lowest + r * VI_LANES;
            if (stride && k == 0)
                nearest_tile(row, ld, panel, steps, norms + k, out, n_points, low,
                             ahead + r / NEAREST_TILE * steps * stride, stride, bits,
                             vectors);
            else
                nearest_tile(row, ld, panel, steps, norms + k, out, n_points, low,
                             ahead, 0, bits, vectors);
        }
}

KERNEL void nearest_scores8(const int32_t *rows, ptrdiff_t ld, ptrdiff_t n_rows,
    const int32_t *panels, ptrdiff_t steps, ptrdiff_t n_points, const int32_t *norms,
    int32_t *scores, int32_t *lowest, const char *ahead, ptrdiff_t stride)
{
    nearest_scores_(rows, ld, n_rows, panels, steps, n_points, norms, scores, lowest,
                    ahead, stride, 8, VI_PER_PANEL);
}

KERNEL void nearest_scores16(const int32_t *rows, ptrdiff_t ld, ptrdiff_t n_rows,
    const int32_t *panels, ptrdiff_t steps, ptrdiff_t n_points, const int32_t *norms,
    int32_t *scores, int32_t *lowest, const char *ahead, ptrdiff_t stride)
{
    nearest_scores_(rows, ld, n_rows, panels, steps, n_points, norms, scores, lowest,
                    ahead, stride, 16, VI_PER_PANEL);
}

/* 32 columns where a panel has 64 */
KERNEL void nearest_scores8_half(const int32_t *rows, ptrdiff_t ld, ptrdiff_t n_rows,
    const int32_t *panels, ptrdiff_t steps, ptrdiff_t n_points, const int32_t *norms,
    int32_t *scores, int32_t *lowest, const char *ahead, ptrdiff_t stride)
{
    nearest_scores_(rows, ld, n_rows, panels, steps, n_points, norms, scores, lowest,
                    ahead, stride, 8, VI_PER_PANEL / 2);
}

#endif
