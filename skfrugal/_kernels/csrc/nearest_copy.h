/* Rows rounded to 8- or 16-bit numbers, and what rounding lost; see nearest.h. */

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
