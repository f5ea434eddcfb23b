/* The nearest of a set of points, exactly, through a filter in small integers.
 *
 *     copy      u = round((x - offset) / step)    8 or 16 bits a number, e = its error
 *     rotated   p = round(P u - shift), |P|_2 <= 1, and the residual norm
 *               r = sqrt(|u|^2 - |P u|^2) as one more coordinate
 *     bound     |u - v|^2 >= |P (u - v)|^2 + (r_u - r_v)^2
 *               |x - c| / step  lies within  |u - v| +- (e_u + e_v)
 *
 * A tile of rows: copy -> rotate -> coarse scores of all points (31 coordinates and the
 * residual) -> the copy's distance to the best one bounds the answer -> survivors ->
 * fine scores (63 and the residual) -> distances of copies -> the few that rounding
 * cannot tell apart are compared by sum (x - c)^2 in float64, ties to the lowest index.
 * Without a rotation the copies are compared with all points at once.  Nothing is ever
 * dropped unless its lower bound exceeds another point's upper bound, so that the
 * labels do not depend on the filter.  A row that the integers cannot hold gets -1.
 */

#include "nearest_follow.h"

#include "nearest_copy.h"
#include "nearest_resolve.h"
#include "nearest_plain.h"
#include "nearest_sums.h"

/* The labels of n_rows rows from guesses; see nearest_follow.h. */
INLINE void FN(nearest_guessed)(const struct nearest *f, const REAL *x, ptrdiff_t ldx,
                                ptrdiff_t n_rows, ptrdiff_t n_next,
                                const struct nearest_rows *rows, ptrdiff_t at,
                                int32_t *labels, int32_t *scratch, int64_t *counts,
                                int bits)
{
    const ptrdiff_t room = f->n_padded + 16, n_panels = f->n_padded / NEAREST_PANEL;
    int32_t *found = scratch, *nearby = found + 2 * room;
    uint64_t *masks = (uint64_t *)(nearby + 2 * room);
    struct nearest_guess guess[NEAREST_TILE];
    struct FN(pending) pending;
    pending.n = 0;
    nearest_follow(f, rows, at, n_rows, n_next, labels, guess, masks, bits);
    for (ptrdiff_t r = 0; r < n_rows; r++) {
        ptrdiff_t n;
        if (!((double)rows->errors[at + r] < 1e30)) {
            labels[r] = -1;
            counts[NEAREST_LEFT]++;
            continue;
        }
        n = nearest_refine_guess(f, rows, at + r, guess + r, masks + r * n_panels,
                                 found, nearby, counts, bits);
        FN(nearest_settle)(f, x, ldx, r, nearby, n, labels, &pending, counts);
    }
    FN(nearest_finish)(f, x, ldx, labels, &pending, counts);
}

/* Labels of n_rows rows whose copies start at `at` in `rows`. */
INLINE void FN(nearest_block)(const struct nearest *f, const REAL *x, ptrdiff_t ldx,
                              ptrdiff_t n_rows, const struct nearest_rows *rows,
                              ptrdiff_t at, int32_t *labels, int prepared,
                              int previous, int32_t *scratch, int64_t *counts, int bits)
{
    const ptrdiff_t room = f->n_padded + 16, units = COARSE_WIDTH * bits / 32;
    const ptrdiff_t tiled = (n_rows + NEAREST_TILE - 1) / NEAREST_TILE * NEAREST_TILE;
    int32_t *lowest = scratch, *found = lowest + f->block * VI_LANES;
    int32_t *nearby = found + 2 * room, *scores = nearby + 2 * room;
    int32_t first[64];
    struct FN(pending) pending;
    pending.n = 0;
    if (f->n_columns)
        (bits == 8 ? nearest_scores8 : nearest_scores16)(
            (const int32_t *)(rows->coarse + at * (COARSE_WIDTH * bits / 8)), units,
            tiled, f->coarse, units, f->n_padded, f->coarse_norms, scores, lowest,
            NULL, 0);
    else
        (bits == 8 ? nearest_scores8 : nearest_scores16)(
            (const int32_t *)(rows->copy + at * f->width), f->width / 4, tiled,
            f->panels, f->units, f->n_padded, f->panel_norms, scores, lowest,
            (const char *)(x + n_rows * ldx),
            prepared ? 0 : FN(nearest_stride)(f, ldx));
    if (f->n_columns)
        for (ptrdiff_t r = 0; r < n_rows; r++) {
            first[r] = previous ? labels[r]
                                : (int32_t)nearest_find(
                                    scores + r * f->n_padded,
                                    vi_lowest(vi_load(lowest + r * VI_LANES)));
            nearest_prefetch(f->copy + first[r] * f->width, f->width);
        }
    for (ptrdiff_t r = 0; r < n_rows; r++) {
        const int32_t *s = scores + r * f->n_padded, norm = rows->norms[at + r];
        const double error = (double)rows->errors[at + r];
        ptrdiff_t n;
        if (!(error < 1e30)) {
            labels[r] = -1;
            counts[NEAREST_LEFT]++;
            continue;
        }
        if (f->n_columns) {
            n = nearest_refine(f, rows, at + r, first[r], s, found, nearby, counts,
                               bits);
        } else {
            const double least =
                nearest_root(vi_lowest(vi_load(lowest + r * VI_LANES)), norm);
            n = nearest_survivors(
                s, f->n_padded,
                nearest_threshold(least + 2.0 * (error + f->point_error), norm),
                nearby);
            if (n + f->n_outliers > 1) {
                for (ptrdiff_t i = 0; i < n; i++) nearby[room + i] = s[nearby[i]];
                n += nearest_outliers(f, rows, at + r, nearby + n, nearby + room + n,
                                      bits);
                n = nearest_ambiguous(f, norm, error, nearby, nearby + room, n);
            }
        }
        FN(nearest_settle)(f, x, ldx, r, nearby, n, labels, &pending, counts);
    }
    FN(nearest_finish)(f, x, ldx, labels, &pending, counts);
}

static void FN(nearest_search)(const struct nearest *f, const REAL *x, ptrdiff_t ldx,
                               ptrdiff_t start, ptrdiff_t stop,
                               const struct nearest_rows *rows, int prepared,
                               int32_t *labels, int previous, int32_t *scratch,
                               int64_t *counts)
{
    for (ptrdiff_t i = start; i < stop; i += f->block) {
        const ptrdiff_t n_rows = stop - i < f->block ? stop - i : f->block;
        const ptrdiff_t at = prepared ? i : 0;
        if (!prepared)
            FN(nearest_prepare)(f, x + i * ldx, ldx, 0, n_rows, rows, scratch);
        if (previous && f->n_columns > COARSE_WIDTH) {
            const ptrdiff_t left = stop - i - n_rows;
            const ptrdiff_t n_next = left < n_rows ? left : n_rows;
            if (f->bits == 8)
                FN(nearest_guessed)(f, x + i * ldx, ldx, n_rows, n_next, rows, at,
                                    labels + i, scratch, counts, 8);
            else
                FN(nearest_guessed)(f, x + i * ldx, ldx, n_rows, n_next, rows, at,
                                    labels + i, scratch, counts, 16);
        } else if (f->bits == 8)
            FN(nearest_block)(f, x + i * ldx, ldx, n_rows, rows, at, labels + i,
                              prepared, previous, scratch, counts, 8);
        else
            FN(nearest_block)(f, x + i * ldx, ldx, n_rows, rows, at, labels + i,
                              prepared, previous, scratch, counts, 16);
    }
}
