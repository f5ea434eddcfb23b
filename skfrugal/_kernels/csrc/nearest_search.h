/* The parts of the nearest-point filter that do not see the data's dtype; the story is
 * in nearest.h. */

#ifndef SKFRUGAL_NEAREST_SEARCH
#define SKFRUGAL_NEAREST_SEARCH

#include "nearest_isa.h"
#include "nearest_panel.h"

enum { COARSE_WIDTH = 32, FINE_WIDTH = 64 };

/* Squared norms stay below this in 32-bit scores: |c|^2 - 2 x c < 2^31. */
#define NORM_LIMIT 536870912.0

INLINE void nearest_prefetch(const char *p, ptrdiff_t bytes)
{
    for (ptrdiff_t j = 0; j < bytes; j += 64) PREFETCH_L2(p + j);
}

/* The largest score whose squared distance is within the bound. */
INLINE int32_t nearest_threshold(double bound, int32_t norm)
{
    const double limit = bound * bound - (double)norm;
    return limit < 2147483000.0 ? (int32_t)(limit + 1.0) : INT32_MAX - 1;
}

#if HAS_DOT8
/* Whole steps, within a byte if `clip`; the square of what is lost is added. */
INLINE __m512i nearest_round(__m512 t, __m512 *error, int clip)
{
    __m512i q;
    __m512 lost;
    if (clip) {
        const __m512 high = _mm512_set1_ps(255.0f);
        q = _mm512_cvtps_epi32(_mm512_min_ps(_mm512_max_ps(t, _mm512_setzero_ps()), high));
        lost = _mm512_sub_ps(t, _mm512_cvtepi32_ps(q));
    } else {
        q = _mm512_cvtps_epi32(t);
        lost = _mm512_reduce_ps(t, 0); /* t - round(t) */
    }
    *error = _mm512_fmadd_ps(lost, lost, *error);
    return q;
}
#endif

/* Partial sums, added in halves: sums vectorise only in the order of the source. */
enum { PARTIAL = 8, PARTIAL_F = 16 };
INLINE double nearest_total(double *p, int n)
{
    for (int w = n / 2; w; w /= 2)
        for (int i = 0; i < w; i++) p[i] += p[i + w];
    return p[0];
}
INLINE float nearest_total_f(float *p, int n)
{
    for (int w = n / 2; w; w /= 2)
        for (int i = 0; i < w; i++) p[i] += p[i + w];
    return p[0];
}

/* Nearest integer: truncation rounds once the number is positive. */
INLINE int32_t nearest_truncate(float t)
{
    return (int32_t)((uint32_t)(int32_t)(t + 32768.5f) - 32768u);
}

/* 32 rotated coordinates, centred in `z`; sums of squares before and after centring. */
INLINE void nearest_scale(const int32_t *restrict raw, int32_t bias,
                          const double *restrict scale, const double *restrict shift,
                          double *restrict z, double *square, double *size)
{
    double before[PARTIAL] = {0}, after[PARTIAL] = {0};
    for (int k = 0; k < COARSE_WIDTH; k += PARTIAL)
        for (int i = 0; i < PARTIAL; i++) {
            const double y = scale[k + i] * (double)(raw[k + i] + bias);
            const double centred = y - shift[k + i];
            z[k + i] = centred;
            before[i] += y * y;
            after[i] += centred * centred;
        }
    *square += nearest_total(before, PARTIAL);
    *size += nearest_total(after, PARTIAL);
}

/* The residual norm takes the place of the last of `width` coordinates. */
INLINE double nearest_residual(const struct nearest *f, double *z, double norm,
                               double square, int width, int part)
{
    const double last = z[width - 1] + f->shift[width - 1];
    const double rest = norm - square + last * last;
    return sqrt(rest > 0 ? rest : 0) - f->residual_shift[part];
}

/* z rounded to 8 bits, clipped; returns the squared error.  Points are unsigned, 128
 * more: their product with the row is, too, by 128 times the sum. */
INLINE double nearest_whole8(const double *restrict z, double scale,
                             signed char *restrict out, int32_t *norm)
{
    float error[PARTIAL_F] = {0};
    int32_t sum = 0;
    for (int k = 0; k < COARSE_WIDTH; k += PARTIAL_F)
        for (int i = 0; i < PARTIAL_F; i++) {
            const float y = (float)(z[k + i] * scale);
            const float low = y > -127.0f ? y : -127.0f;
            const float clipped = low < 127.0f ? low : 127.0f;
            const int q = (int)(clipped + 256.5f) - 256;
            const float lost = y - (float)q;
            error[i] += lost * lost;
            sum += q * (q + 256);
            out[k + i] = (signed char)q;
        }
    *norm = sum;
    return (double)nearest_total_f(error, PARTIAL_F);
}

/* z rounded to 16 bits; the offset makes truncation round. */
INLINE double nearest_whole16(const double *restrict z, double held,
                              int16_t *restrict out, int n)
{
    double error[PARTIAL] = {0};
    for (int k = 0; k < n; k += PARTIAL)
        for (int i = 0; i < PARTIAL; i++) {
            const double y = held * z[k + i];
            const int q = (int)(y + 65536.5) - 65536;
            error[i] += (y - q) * (y - q);
            out[k + i] = (int16_t)q;
        }
    return nearest_total(error, PARTIAL);
}

/* Rotated coordinates of a row in whole grid units, with the residual norm as one more
 * coordinate; raw = -2 P u + a constant of the row, exact. */
INLINE void nearest_rotate(const struct nearest *f, const int32_t *raw,
                           const struct nearest_rows *rows, ptrdiff_t row, int parts,
                           int bits)
{
    const int32_t bias = 256 * rows->sums[row];
    const double norm =
        (double)rows->norms[row] * f->steps_to_grid * f->steps_to_grid;
    double z[FINE_WIDTH], square = 0, size = 0, error;
    for (int part = 0; part < parts; part++) {
        const int start = part * COARSE_WIDTH, width = start + COARSE_WIDTH;
        double last, r, held;
        nearest_scale(raw + start, bias, f->scale + start, f->shift + start, z + start,
                      &square, &size);
        r = nearest_residual(f, z, norm, square, width, part);
        held = size + r * r < NORM_LIMIT * 0.98 ? 1.0 : 0.0;
        if (held == 0.0) rows->errors[row] = INFINITY;
        last = z[width - 1];
        z[width - 1] = r;
        if (part == 1) {
            int16_t *out = rows->fine + row * FINE_WIDTH;
            nearest_whole16(z, held, out, FINE_WIDTH);
            rows->fine_norms[row] = nearest_dot(out, out, 2 * FINE_WIDTH, 16);
        } else {
            char *out = rows->coarse + row * (COARSE_WIDTH * bits / 8);
            if (bits == 8) {
                error = nearest_whole8(z, held * f->grid_to_coarse, (signed char *)out,
                                       rows->coarse_norms + row);
            } else {
                error = nearest_whole16(z, held, (int16_t *)out, COARSE_WIDTH);
                rows->coarse_norms[row] = nearest_dot(out, out, 2 * COARSE_WIDTH, 16);
            }
            rows->coarse_errors[row] = (float)(sqrt(error) * 1.00001 + 0.001);
        }
        z[width - 1] = last;
    }
}

/* Rotated coordinates of the copies; `ahead` as in nearest_scores_. */
static void nearest_project(const struct nearest *f, const struct nearest_rows *rows,
                            ptrdiff_t start, ptrdiff_t n_rows, int32_t *scratch,
                            const char *ahead, ptrdiff_t stride)
{
    const int32_t *copy = (const int32_t *)(rows->copy + start * f->width);
    int32_t *lowest = scratch, *raw = scratch + f->block * VI_LANES;
    const ptrdiff_t tiled = (n_rows + NEAREST_TILE - 1) / NEAREST_TILE * NEAREST_TILE;
    const int parts = f->n_columns / COARSE_WIDTH;
    (f->bits == 16               ? nearest_scores16
     : f->n_columns % NEAREST_PANEL == 0 ? nearest_scores8
                                 : nearest_scores8_half)(
        copy, f->width / 4, tiled, f->basis, f->units, f->n_columns, f->basis_norms, raw,
        lowest, ahead, stride);
    for (ptrdiff_t r = start; r < start + n_rows; r++, raw += f->n_columns)
        if (f->bits == 8)
            nearest_rotate(f, raw, rows, r, parts, 8);
        else
            nearest_rotate(f, raw, rows, r, parts, 16);
}

/* Distances of copies in steps, from values + norm. */
INLINE double nearest_root(int32_t value, int32_t norm)
{
    const double square = (double)value + (double)norm;
    return sqrt(square > 0 ? square : 0);
}

/* Keeps those of the candidates whose copies' distances cannot be told from the least. */
INLINE ptrdiff_t nearest_ambiguous(const struct nearest *f, int32_t norm, double error,
                                   int32_t *found, int32_t *values, ptrdiff_t n)
{
    const double least = nearest_root(nearest_least(values, n), norm);
    double upper = INFINITY;
    ptrdiff_t kept = 0;
    n = nearest_keep(found, values, n,
                     nearest_threshold(least + 2.0 * (error + f->largest_error), norm));
    if (n == 1) return 1;
    for (ptrdiff_t i = 0; i < n; i++) {
        const double above = nearest_root(values[i], norm) + f->errors[found[i]];
        upper = above < upper ? above : upper;
    }
    upper += 2.0 * error;
    for (ptrdiff_t i = 0; i < n; i++) {
        const int32_t k = found[i];
        found[kept] = k;
        kept += nearest_root(values[i], norm) - f->errors[k] <= upper;
    }
    return kept;
}

/* What a stage knows of a row: |lower bound|^2 = value + norm, in units of `scale`. */
struct nearest_stage {
    double scale, slack;
    int32_t norm;
};

INLINE int32_t nearest_limit(const struct nearest_stage *stage, double bound)
{
    return nearest_threshold(bound * stage->scale + stage->slack, stage->norm);
}

/* Distances of the copies of the candidates, those with low bounds first, since they
 * settle most of the others; returns how many indices and values are in `nearby`. */
INLINE ptrdiff_t nearest_copies(const struct nearest *f, const struct nearest_rows *rows,
                                ptrdiff_t row, const struct nearest_stage *stage,
                                double bound, int32_t *found, int32_t *values,
                                ptrdiff_t n, int32_t *nearby, int32_t *distances, int bits)
{
    const char *copy = rows->copy + row * f->width;
    const double margin = 2.0 * (double)rows->errors[row] + f->point_error;
    ptrdiff_t taken = 0;
    if (n > 6) {
        const int32_t least = nearest_least(values, n);
        const int32_t limit = nearest_limit(stage, bound + margin);
        int32_t best;
        double upper;
        taken = nearest_split(found, values, &n,
                              (int32_t)(least + ((int64_t)limit - least) / 4), nearby);
        nearest_some(f->copy, f->norms, f->width, copy, nearby, taken, distances, bits);
        best = nearest_least(distances, taken);
        upper = nearest_root(best, rows->norms[row]) + f->point_error;
        bound = upper < bound ? upper : bound;
        n = nearest_keep(found, values, n, nearest_limit(stage, bound + margin));
    }
    if (n == 0) return taken;
    for (ptrdiff_t i = 0; i < n; i++) nearby[taken + i] = found[i];
    nearest_some(f->copy, f->norms, f->width, copy, nearby + taken, n, distances + taken,
                 bits);
    return taken + n;
}

/* Outliers and the distances of their copies; returns how many. */
INLINE ptrdiff_t nearest_outliers(const struct nearest *f, const struct nearest_rows *rows,
                                  ptrdiff_t row, int32_t *found, int32_t *distances,
                                  int bits)
{
    for (ptrdiff_t i = 0; i < f->n_outliers; i++) found[i] = f->outliers[i];
    nearest_some(f->copy, f->norms, f->width, rows->copy + row * f->width, found,
                 f->n_outliers, distances, bits);
    return f->n_outliers;
}

/* One row after its coarse scores: the candidates that may be nearest, in `nearby`;
 * returns how many.  `first` is a guess: its distance bounds the answer. */
INLINE ptrdiff_t nearest_refine(const struct nearest *f, const struct nearest_rows *rows,
                                ptrdiff_t row, int32_t first, const int32_t *scores,
                                int32_t *found, int32_t *nearby, int64_t *counts, int bits)
{
    const ptrdiff_t room = f->n_padded + 16;
    const double error = (double)rows->errors[row];
    const double margin = 2.0 * error + f->point_error;
    const int32_t norm = rows->norms[row];
    const int32_t dot = nearest_dot(f->copy + first * f->width, rows->copy + row * f->width,
                                    f->width, bits);
    const double bound = nearest_root(f->norms[first] - 2 * dot, norm) + f->errors[first];
    struct nearest_stage stage = {
        .scale = f->steps_to_grid * (bits == 8 ? f->grid_to_coarse : 1.0),
        .slack = (double)rows->coarse_errors[row] + f->coarse_error,
        .norm = rows->coarse_norms[row],
    };
    int32_t *values = found + room, *distances = nearby + room;
    ptrdiff_t n = nearest_survivors(scores, f->n_padded,
                                    nearest_limit(&stage, bound + margin), found);
    counts[NEAREST_COARSE] += n;
    nearby[0] = n ? found[0] : f->outliers[0];
    if (n + f->n_outliers == 1) return 1;
    if (f->n_columns > COARSE_WIDTH && n) {
        /* half a grid unit for each coordinate of a row and of a point */
        stage = (struct nearest_stage){f->steps_to_grid, 8.16, rows->fine_norms[row]};
        nearest_some((const char *)f->fine, f->fine_norms, 2 * FINE_WIDTH,
                     rows->fine + row * FINE_WIDTH, found, n, values, 16);
        n = nearest_keep(found, values, n, nearest_limit(&stage, bound + margin));
        counts[NEAREST_FINE] += n;
        nearby[0] = found[0];
        if (n + f->n_outliers == 1) return 1;
    } else {
        nearest_gather(scores, found, n, values);
    }
    n = nearest_copies(f, rows, row, &stage, bound, found, values, n, nearby, distances, bits);
    n += nearest_outliers(f, rows, row, nearby + n, distances + n, bits);
    counts[NEAREST_COPY] += n;
    return nearest_ambiguous(f, norm, error, nearby, distances, n);
}

#endif
