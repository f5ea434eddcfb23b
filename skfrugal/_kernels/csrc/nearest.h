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
 * dropped unless its lower bound exceeds another point's upper bound, so that the labels
 * do not depend on the filter.  A row that the integers cannot hold gets label -1.
 */

#include "nearest_follow.h"

/* Columns of one vector width: partial sums enough to hide the latency of a sum. */
#define SPREAD (VECTOR_BYTES / 2)

/* |x - c|^2 in float64; c NULL for 0 */
static double FN(nearest_exact)(const REAL *x, const REAL *c, ptrdiff_t n)
{
    double partial[SPREAD] = {0};
    double sum = 0;
    ptrdiff_t j = 0;
    if (!c) {
        for (; j + SPREAD <= n; j += SPREAD)
            for (int i = 0; i < SPREAD; i++)
                partial[i] += (double)x[j + i] * (double)x[j + i];
        for (; j < n; j++) sum += (double)x[j] * (double)x[j];
    }
    for (; j + SPREAD <= n; j += SPREAD)
        for (int i = 0; i < SPREAD; i++) {
            const double t = (double)x[j + i] - (double)c[j + i];
            partial[i] += t * t;
        }
    for (; j < n; j++) {
        const double t = (double)x[j] - (double)c[j];
        sum += t * t;
    }
    return sum + nearest_total(partial, SPREAD);
}

#if REAL_BYTES == 4
/* The same in float32, four times cheaper. */
static float FN(nearest_rough)(const REAL *x, const REAL *c, ptrdiff_t n)
{
    float partial[VECTOR_BYTES] = {0};
    float sum = 0;
    ptrdiff_t j = 0;
    for (; j + VECTOR_BYTES <= n; j += VECTOR_BYTES)
        for (int i = 0; i < VECTOR_BYTES; i++) {
            const float t = x[j + i] - c[j + i];
            partial[i] += t * t;
        }
    for (; j < n; j++) sum += (x[j] - c[j]) * (x[j] - c[j]);
    return sum + nearest_total_f(partial, VECTOR_BYTES);
}
#endif

static void FN(nearest_distance)(const REAL *x, ptrdiff_t ldx, const REAL *points,
                                 ptrdiff_t n_features, const int32_t *labels,
                                 ptrdiff_t start, ptrdiff_t stop, double *squared)
{
    for (ptrdiff_t i = start; i < stop; i++)
        squared[i] = FN(nearest_exact)(x + i * ldx, points + labels[i] * n_features,
                                       n_features);
}

#if HAS_DOT8
/* x / step - offset of 16 columns, in one rounding */
#if REAL_BYTES == 4
#define NEAREST_STEPS __m512
INLINE __m512 FN(nearest_steps)(const REAL *x, const REAL *offset, __m512 inverse)
{
    return _mm512_fmsub_ps(_mm512_loadu_ps(x), inverse, _mm512_loadu_ps(offset));
}
#else
#define NEAREST_STEPS __m512d
INLINE __m512 FN(nearest_steps)(const REAL *x, const REAL *offset, __m512d inverse)
{
    const __m512d a =
        _mm512_fmsub_pd(_mm512_loadu_pd(x), inverse, _mm512_loadu_pd(offset));
    const __m512d b =
        _mm512_fmsub_pd(_mm512_loadu_pd(x + 8), inverse, _mm512_loadu_pd(offset + 8));
    return _mm512_insertf32x8(_mm512_castps256_ps512(_mm512_cvtpd_ps(a)),
                              _mm512_cvtpd_ps(b), 1);
}
#endif

/* 64 columns as bytes; in order, or in that of the cheapest instructions: the order of
 * the columns in the copy is nobody's business. */
INLINE __m512i FN(nearest_chunk)(const REAL *x, const REAL *offset,
                                 NEAREST_STEPS inverse, __m512 error[2], __m512i *seen,
                                 int clip, int ordered)
{
    __m512i q[4];
    UNROLL for (int v = 0; v < 4; v++)
    {
        const __m512 t = FN(nearest_steps)(x + 16 * v, offset + 16 * v, inverse);
        q[v] = nearest_round(t, error + v % 2, clip);
        *seen = _mm512_or_si512(*seen, q[v]);
    }
    if (ordered) {
        __m512i u = _mm512_castsi128_si512(_mm512_cvtepi32_epi8(q[0]));
        u = _mm512_inserti32x4(u, _mm512_cvtepi32_epi8(q[1]), 1);
        u = _mm512_inserti32x4(u, _mm512_cvtepi32_epi8(q[2]), 2);
        return _mm512_inserti32x4(u, _mm512_cvtepi32_epi8(q[3]), 3);
    }
    return _mm512_packus_epi16(_mm512_packs_epi32(q[0], q[1]),
                               _mm512_packs_epi32(q[2], q[3]));
}

/* Bytes of a row, their norm and sum, and the squared error in steps.  Without `clip`
 * the error is right only if no byte was clipped; *outside tells. */
INLINE double FN(nearest_bytes)(const struct nearest *f, const REAL *x, char *copy,
                                int32_t *norm, int32_t *sum, int *outside, int clip)
{
    const REAL *offset = (const REAL *)f->offset;
    const ptrdiff_t n = f->n_features, left = n % 64;
    const __m512i half = _mm512_set1_epi8((char)-128), ones = _mm512_set1_epi8(1);
#if REAL_BYTES == 4
    const __m512 inverse = _mm512_set1_ps((float)f->inverse_step);
#else
    const __m512d inverse = _mm512_set1_pd(f->inverse_step);
#endif
    __m512 error[2] = {_mm512_setzero_ps(), _mm512_setzero_ps()};
    __m512i squares = _mm512_setzero_si512(), sums = _mm512_setzero_si512();
    __m512i seen = _mm512_setzero_si512();
    REAL last[64];
    for (ptrdiff_t j = 0; j < f->width; j += 64) {
        __m512i u, s;
        if (n - j >= 64) {
            u = FN(nearest_chunk)(x + j, offset + j, inverse, error, &seen, clip, 0);
        } else {
            memset(last, 0, sizeof last);
            memcpy(last, x + j, (size_t)left * sizeof(REAL));
            u = FN(nearest_chunk)(last, offset + j, inverse, error, &seen, clip, 1);
        }
        s = _mm512_xor_si512(u, half);
        squares = vi_dot8(squares, u, s);
        sums = vi_dot8(sums, u, ones);
        _mm512_storeu_si512(copy + j, s);
    }
    *outside = _mm512_test_epi32_mask(seen, _mm512_set1_epi32(~255)) != 0;
    *sum = vi_sum(sums);
    *norm = vi_sum(squares) + 128 * *sum;
    return (double)_mm512_reduce_add_ps(_mm512_add_ps(error[0], error[1]));
}
#undef NEAREST_STEPS

INLINE double FN(nearest_copy8)(const struct nearest *f, const REAL *x, char *copy,
                                int32_t *norm, int32_t *sum)
{
    int outside = 1;
    double error = 0;
    if (!f->clip) error = FN(nearest_bytes)(f, x, copy, norm, sum, &outside, 0);
    if (outside) error = FN(nearest_bytes)(f, x, copy, norm, sum, &outside, 1);
    return error;
}
#endif

/* 16-bit numbers of a row.  One that leaves the range makes the norm too large. */
static double FN(nearest_copy16)(const struct nearest *f, const REAL *restrict x,
                                 char *copy, int32_t *norm)
{
    const REAL *restrict offset = (const REAL *)f->offset;
    const REAL inverse = (REAL)f->inverse_step;
    const ptrdiff_t n = f->n_features;
    int16_t *restrict out = (int16_t *)copy;
    float error[PARTIAL_F] = {0}, size[PARTIAL_F] = {0}, total, lost;
    ptrdiff_t j = 0;
    for (; j + PARTIAL_F <= n; j += PARTIAL_F)
        for (int i = 0; i < PARTIAL_F; i++) {
            const float t = (float)((x[j + i] - offset[j + i]) * inverse);
            out[j + i] = (int16_t)nearest_truncate(t);
            lost = t - (float)nearest_truncate(t);
            error[i] += lost * lost;
            size[i] += t * t;
        }
    for (; j < n; j++) {
        const float t = (float)((x[j] - offset[j]) * inverse);
        out[j] = (int16_t)nearest_truncate(t);
        lost = t - (float)nearest_truncate(t);
        error[0] += lost * lost;
        size[0] += t * t;
    }
    for (; j < f->width / 2; j++) out[j] = 0;
    total = nearest_total_f(size, PARTIAL_F);
    *norm = total < 0.97 * NORM_LIMIT ? nearest_dot(copy, copy, f->width, 16) : 0;
    return total < 0.97 * NORM_LIMIT ? (double)nearest_total_f(error, PARTIAL_F)
                                     : (double)INFINITY;
}

/* The copy of one row and its error in steps; infinite if it cannot be held. */
static void FN(nearest_copy)(const struct nearest *f, const REAL *x,
                             const struct nearest_rows *rows, ptrdiff_t row)
{
    char *copy = rows->copy + row * f->width;
    double error;
#if HAS_DOT8
    if (f->bits == 8)
        error = FN(nearest_copy8)(f, x, copy, rows->norms + row, rows->sums + row);
    else
#endif
    {
        error = FN(nearest_copy16)(f, x, copy, rows->norms + row);
        rows->sums[row] = 0;
    }
    error = sqrt(error) * f->error_factor + 0.01;
    rows->errors[row] = error < 1e6 ? (float)error : INFINITY;
}

/* Bytes of the next rows for each unit of these; they are neighbours in memory. */
INLINE ptrdiff_t FN(nearest_stride)(const struct nearest *f, ptrdiff_t ldx)
{
    return NEAREST_TILE * ldx * REAL_BYTES / f->units + 1;
}

static void FN(nearest_prepare)(const struct nearest *f, const REAL *x, ptrdiff_t ldx,
                                ptrdiff_t start, ptrdiff_t stop,
                                const struct nearest_rows *rows, int32_t *scratch)
{
    for (ptrdiff_t i = start; i < stop; i += f->block) {
        const ptrdiff_t n_rows = stop - i < f->block ? stop - i : f->block;
        for (ptrdiff_t r = i; r < i + n_rows; r++)
            FN(nearest_copy)(f, x + r * ldx, rows, r);
        if (f->n_columns)
            nearest_project(f, rows, i, n_rows, scratch,
                            (const char *)(x + (i + n_rows) * ldx),
                            FN(nearest_stride)(f, ldx));
    }
}

/* The nearest of the candidates that rounding cannot tell apart. */
static int32_t FN(nearest_resolve)(const struct nearest *f, const REAL *x,
                                   int32_t *found, ptrdiff_t n, int64_t *counts)
{
    const REAL *points = (const REAL *)f->points;
    const ptrdiff_t d = f->n_features;
    double best = INFINITY;
    int32_t label = found[0];
    if (n == 1) return label;
    counts[NEAREST_EXACT] += n;
#if REAL_BYTES == 4
    if (n <= 256) { /* rough distances first: most are far apart */
        float rough[256], least = INFINITY;
        ptrdiff_t kept = 0;
        for (ptrdiff_t i = 0; i < n; i++) {
            rough[i] = FN(nearest_rough)(x, points + found[i] * d, d);
            least = rough[i] < least ? rough[i] : least;
        }
        /* d + 3 roundings in each, and sums that may have vanished */
        least = least * (1.0f + 2.5e-7f * (float)(d + 8)) + (float)d * 1e-37f;
        for (ptrdiff_t i = 0; i < n; i++) {
            found[kept] = found[i];
            kept += !(rough[i] > least);
        }
        n = kept;
        if (n == 1) return found[0];
    }
#endif
    for (ptrdiff_t i = 0; i < n; i++) {
        const double distance = FN(nearest_exact)(x, points + found[i] * d, d);
        if (distance < best || (distance == best && found[i] < label)) {
            best = distance;
            label = found[i];
        }
    }
    return label;
}

/* Rows of a block that floats must decide; their points come from far, so that they are
 * fetched while the rest of the block is searched. */
struct FN(pending) {
    int n;
    int row[64], n_found[64];
    int32_t found[64][4];
};

INLINE void FN(nearest_settle)(const struct nearest *f, const REAL *x, ptrdiff_t ldx,
                               ptrdiff_t row, int32_t *found, ptrdiff_t n,
                               int32_t *labels, struct FN(pending) *pending,
                               int64_t *counts)
{
    if (n == 1) {
        labels[row] = found[0];
    } else if (n > 4) {
        labels[row] = FN(nearest_resolve)(f, x + row * ldx, found, n, counts);
    } else {
        const int p = pending->n++;
        pending->row[p] = (int)row;
        pending->n_found[p] = (int)n;
        for (ptrdiff_t i = 0; i < n; i++) {
            pending->found[p][i] = found[i];
            nearest_prefetch((const char *)((const REAL *)f->points
                                            + found[i] * f->n_features),
                             f->n_features * REAL_BYTES);
        }
    }
}

INLINE void FN(nearest_finish)(const struct nearest *f, const REAL *x, ptrdiff_t ldx,
                               int32_t *labels, struct FN(pending) *pending,
                               int64_t *counts)
{
    for (int p = 0; p < pending->n; p++)
        labels[pending->row[p]] =
            FN(nearest_resolve)(f, x + pending->row[p] * ldx, pending->found[p],
                                pending->n_found[p], counts);
}

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
        n = nearest_refine_guess(f, rows, at + r, guess + r, masks + r * n_panels, found,
                                 nearby, counts, bits);
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
            (const int32_t *)(rows->coarse + at * (COARSE_WIDTH * bits / 8)), units, tiled,
            f->coarse, units, f->n_padded, f->coarse_norms, scores, lowest, NULL, 0);
    else
        (bits == 8 ? nearest_scores8 : nearest_scores16)(
            (const int32_t *)(rows->copy + at * f->width), f->width / 4, tiled, f->panels,
            f->units, f->n_padded, f->panel_norms, scores, lowest,
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
            n = nearest_refine(f, rows, at + r, first[r], s, found, nearby, counts, bits);
        } else {
            const double least =
                nearest_root(vi_lowest(vi_load(lowest + r * VI_LANES)), norm);
            n = nearest_survivors(
                s, f->n_padded,
                nearest_threshold(least + 2.0 * (error + f->point_error), norm), nearby);
            if (n + f->n_outliers > 1) {
                for (ptrdiff_t i = 0; i < n; i++) nearby[room + i] = s[nearby[i]];
                n += nearest_outliers(f, rows, at + r, nearby + n, nearby + room + n, bits);
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
            FN(nearest_block)(f, x + i * ldx, ldx, n_rows, rows, at, labels + i, prepared,
                              previous, scratch, counts, 8);
        else
            FN(nearest_block)(f, x + i * ldx, ldx, n_rows, rows, at, labels + i, prepared,
                              previous, scratch, counts, 16);
    }
}

/* Labels of rows whose products are done: scores = -2 x c, overwritten.  As nonnegative
 * floats order like integers, |x - c|^2 plus its rounding bound is scanned as such.
 * norms (n_padded,) ends in infinities; largest is the greatest |c|. */
static void FN(nearest_dense)(const struct nearest *f, const REAL *x, ptrdiff_t ldx,
                              ptrdiff_t n_rows, const REAL *norms, double largest,
                              REAL *scores, int32_t *labels, int32_t *scratch,
                              int64_t *counts)
{
    const double unit = REAL_BYTES == 4 ? 0x1p-24 : 0x1p-53;
    const ptrdiff_t d = f->n_features, K = f->n_padded;
    int32_t *found = scratch, *distances = scratch + K + 16;
    for (ptrdiff_t r = 0; r < n_rows; r++, x += ldx, scores += K) {
        const double square = FN(nearest_exact)(x, NULL, d), size = sqrt(square);
        const double slack =
            (double)(d + 8) * (unit * largest * (largest + 2 * size) + 1e-37)
            + 0x1p-22 * (size + largest) * (size + largest);
        ptrdiff_t n = 0;
        if (slack < 1e36) {
            const REAL bias = (REAL)(square + slack);
            float *restrict out = (float *)distances, limit;
            int32_t bits;
            VI low = vi_splat(INT32_MAX);
            for (ptrdiff_t k = 0; k < K; k++)
                out[k] = (float)((scores[k] + norms[k]) + bias);
            for (ptrdiff_t k = 0; k < K; k += VI_LANES)
                low = vi_min(low, vi_load(distances + k));
            bits = vi_lowest(low);
            memcpy(&limit, &bits, sizeof limit);
            limit = (float)((double)limit + 2.001 * slack);
            memcpy(&bits, &limit, sizeof bits);
            n = nearest_survivors(distances, K, bits + 1, found);
        } else {
            for (; n < f->n_points; n++) found[n] = (int32_t)n;
        }
        labels[r] = FN(nearest_resolve)(f, x, found, n, counts);
    }
}

/* Labels by differences alone, for few columns: `columns` (n_features, n_padded) holds
 * the points transposed, infinities at the end.  Relative errors of d + 4 roundings; the
 * candidates within twice that are compared in float64.  A row too far gets -1. */
static void FN(nearest_direct)(const struct nearest *f, const REAL *x, ptrdiff_t ldx,
                               ptrdiff_t start, ptrdiff_t stop, const REAL *columns,
                               int32_t *labels, int32_t *scratch, int64_t *counts)
{
    const ptrdiff_t d = f->n_features, K = f->n_padded;
    const double factor = 1.0 + (double)(d + 4) * 0x1p-22;
    int32_t *found = scratch, *distances = scratch + K + 16;
    for (ptrdiff_t r = start; r < stop; r++) {
        const REAL *row = x + r * ldx;
        float *restrict out = (float *)distances, limit;
        int32_t bits;
        VI low = vi_splat(INT32_MAX);
        for (ptrdiff_t k = 0; k < K; k++) {
            const REAL t = row[0] - columns[k];
            out[k] = (float)(t * t);
        }
        for (ptrdiff_t j = 1; j < d; j++) {
            const REAL *restrict column = columns + j * K;
            for (ptrdiff_t k = 0; k < K; k++) {
                const REAL t = row[j] - column[k];
                out[k] += (float)(t * t);
            }
        }
        for (ptrdiff_t k = 0; k < K; k += VI_LANES) low = vi_min(low, vi_load(distances + k));
        bits = vi_lowest(low);
        memcpy(&limit, &bits, sizeof limit);
        limit = (float)((double)limit * factor + (double)d * 1e-37);
        memcpy(&bits, &limit, sizeof bits);
        if (limit < 1e38f) {
            const ptrdiff_t n = nearest_survivors(distances, K, bits + 1, found);
            labels[r] = FN(nearest_resolve)(f, row, found, n, counts);
        } else {
            labels[r] = -1;
            counts[NEAREST_LEFT]++;
        }
    }
}

/* Sums of the rows of each point, in float64, for columns [start, stop): rows whose
 * label changed leave the old sum (if it is not negative) for the new one. */
static void FN(nearest_move)(const REAL *x, ptrdiff_t ldx, ptrdiff_t n_rows,
                             const double *weights, const int32_t *before,
                             const int32_t *after, double *sums, ptrdiff_t ldsums,
                             ptrdiff_t start, ptrdiff_t stop)
{
    for (ptrdiff_t i = 0; i < n_rows; i++) {
        const REAL *restrict row = x + i * ldx;
        const double weight = weights ? weights[i] : 1.0;
        double *restrict to = sums + after[i] * ldsums;
        if (before[i] == after[i]) continue;
        for (ptrdiff_t j = start; j < stop; j++) to[j] += weight * (double)row[j];
        if (before[i] >= 0) {
            double *restrict from = sums + before[i] * ldsums;
            for (ptrdiff_t j = start; j < stop; j++) from[j] -= weight * (double)row[j];
        }
    }
}

#undef SPREAD
