/* The least two of scores and the number of the least, lane by lane. */

struct FN(least) {
    VEC best[PRODUCT_VECTORS], second[PRODUCT_VECTORS], name[PRODUCT_VECTORS];
};

INLINE struct FN(least) FN(no_least)(void)
{
    struct FN(least) least;
    for (int v = 0; v < PRODUCT_VECTORS; v++) {
        least.best[v] = least.second[v] = FN(splat)((REAL)INFINITY);
        least.name[v] = FN(splat)(0);
    }
    return least;
}

/* Where score < best (never for a NaN) it becomes the best, and the best the second. */
INLINE void FN(keep_one)(VEC score, VEC name, VEC *best, VEC *second, VEC *names)
{
#if HAS_VECTORS && defined(__AVX512F__) && REAL_BYTES == 4
    const __mmask16 less = _mm512_cmp_ps_mask(score, *best, _CMP_LT_OQ);
    *names = _mm512_mask_mov_ps(*names, less, name);
    *second = _mm512_min_ps(_mm512_max_ps(score, *best), *second);
    *best = _mm512_min_ps(score, *best);
#elif HAS_VECTORS && defined(__AVX512F__)
    const __mmask8 less = _mm512_cmp_pd_mask(score, *best, _CMP_LT_OQ);
    *names = _mm512_mask_mov_pd(*names, less, name);
    *second = _mm512_min_pd(_mm512_max_pd(score, *best), *second);
    *best = _mm512_min_pd(score, *best);
#elif HAS_VECTORS && defined(__AVX2__) && REAL_BYTES == 4
    const VEC less = _mm256_cmp_ps(score, *best, _CMP_LT_OQ);
    *names = _mm256_blendv_ps(*names, name, less);
    *second = _mm256_min_ps(_mm256_max_ps(score, *best), *second);
    *best = _mm256_min_ps(score, *best);
#elif HAS_VECTORS && defined(__AVX2__)
    const VEC less = _mm256_cmp_pd(score, *best, _CMP_LT_OQ);
    *names = _mm256_blendv_pd(*names, name, less);
    *second = _mm256_min_pd(_mm256_max_pd(score, *best), *second);
    *best = _mm256_min_pd(score, *best);
#elif HAS_VECTORS
    typedef __typeof__(score < score) mask;
    const mask less = score < *best;
    const VEC larger = (VEC)((less & (mask)*best) | (~less & (mask)score));
    const mask between = larger < *second;
    *second = (VEC)((between & (mask)larger) | (~between & (mask)*second));
    *names = (VEC)((less & (mask)name) | (~less & (mask)*names));
    *best = (VEC)((less & (mask)score) | (~less & (mask)*best));
#else
    for (int i = 0; i < LANES; i++) {
        const REAL s = score.lane[i], b = best->lane[i];
        const REAL larger = s < b ? b : s;
        if (larger < second->lane[i]) second->lane[i] = larger;
        if (s < b) {
            names->lane[i] = name.lane[i];
            best->lane[i] = s;
        }
    }
#endif
}

INLINE void FN(keep_least)(struct FN(least) *least, const VEC *score, VEC name,
                           const int n_vectors)
{
    UNROLL for (int v = 0; v < n_vectors; v++)
        FN(keep_one)(score[v], name, least->best + v, least->second + v,
                     least->name + v);
}

/* Labels, or ~label where rounding could have changed them (nearest_product.h) */
INLINE void FN(name_least)(const struct nearest_product *p,
                           const struct FN(least) *least, const REAL *squares,
                           ptrdiff_t n_rows, int32_t *labels)
{
    REAL best[LANES], second[LANES], name[LANES];
    for (ptrdiff_t r = 0; r < n_rows; r++) {
        const int lane = (int)(r % LANES);
        double gap, square = (double)squares[r];
        int32_t label;
        if (lane == 0) {
            FN(store)(best, least->best[r / LANES]);
            FN(store)(second, least->second[r / LANES]);
            FN(store)(name, least->name[r / LANES]);
        }
        gap = (double)second[lane] - (double)best[lane] - p->offset;
        label = (int32_t)name[lane];
        labels[r] = gap > 0 && square < p->limit && gap * gap > p->slope * square
                        ? label
                        : ~label;
    }
}
