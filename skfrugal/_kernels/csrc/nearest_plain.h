/* Labels without integers: after a dense product, or by differences alone. */

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
 * the points transposed, infinities at the end.  Relative errors of d + 4 roundings;
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
        for (ptrdiff_t k = 0; k < K; k += VI_LANES)
            low = vi_min(low, vi_load(distances + k));
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
