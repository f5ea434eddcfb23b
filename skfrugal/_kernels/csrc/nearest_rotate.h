/* Rotated coordinates of rows, rounded; the story is in nearest.h. */

#ifndef SKFRUGAL_NEAREST_ROTATE
#define SKFRUGAL_NEAREST_ROTATE

#include "nearest_panel.h"
#include "nearest_scan.h"

enum { COARSE_WIDTH = 32, FINE_WIDTH = 64 };

/* Squared norms stay below this in 32-bit scores: |c|^2 - 2 x c < 2^31. */
#define NORM_LIMIT 536870912.0

INLINE void nearest_prefetch(const char *p, ptrdiff_t bytes)
{
    for (ptrdiff_t j = 0; j < bytes; j += 64) PREFETCH_L2(p + j);
}

#if HAS_DOT8
/* Whole steps, within a byte if `clip`; the square of what is lost is added. */
INLINE __m512i nearest_round(__m512 t, __m512 *error, int clip)
{
    __m512i q;
    __m512 lost;
    if (clip) {
        const __m512 high = _mm512_set1_ps(255.0f);
        const __m512 low = _mm512_max_ps(t, _mm512_setzero_ps());
        q = _mm512_cvtps_epi32(_mm512_min_ps(low, high));
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
        copy, f->width / 4, tiled, f->basis, f->units, f->n_columns, f->basis_norms,
        raw, lowest, ahead, stride);
    for (ptrdiff_t r = start; r < start + n_rows; r++, raw += f->n_columns)
        if (f->bits == 8)
            nearest_rotate(f, raw, rows, r, parts, 8);
        else
            nearest_rotate(f, raw, rows, r, parts, 16);
}

#endif
