/* Candidates that the integers cannot tell apart, by differences in floating point. */

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

#undef SPREAD
