/* What is read off scores, and products of a row with some points. */

#ifndef SKFRUGAL_NEAREST_SCAN
#define SKFRUGAL_NEAREST_SCAN

#include "nearest_isa.h"

#ifndef HAS_SUM4
INLINE void vi_sum4(const VI a[4], int32_t *out)
{
    for (int i = 0; i < 4; i++) out[i] = vi_sum(a[i]);
}
#endif

INLINE uint64_t nearest_mask(const int32_t *scores, VI threshold)
{
    uint64_t mask = 0;
    UNROLL for (int v = 0; v < VI_PER_PANEL; v++) mask |=
        (uint64_t)vi_le(vi_load(scores + v * VI_LANES), threshold) << (v * VI_LANES);
    return mask;
}

/* The first of n_points scores which is at most `score`; there is one. */
static ptrdiff_t nearest_find(const int32_t *scores, int32_t score)
{
    const VI threshold = vi_splat(score);
    for (ptrdiff_t k = 0;; k += NEAREST_PANEL) {
        const uint64_t mask = nearest_mask(scores + k, threshold);
        if (mask) return k + lowest_bit(mask);
    }
}

/* The indices of the scores up to the threshold, in order; returns how many.  May write
 * VI_LANES numbers more. */
static ptrdiff_t nearest_survivors(const int32_t *scores, ptrdiff_t n_points,
                                   int32_t threshold, int32_t *indices)
{
    const VI limit = vi_splat(threshold);
    ptrdiff_t found = 0;
#if VI_LANES == 16 /* survivors are rare and irregular: no branch to mispredict */
    VI index = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    for (ptrdiff_t k = 0; k < n_points; k += VI_LANES) {
        const unsigned mask = vi_le(vi_load(scores + k), limit);
        vi_store(indices + found, _mm512_maskz_compress_epi32((__mmask16)mask, index));
        found += _mm_popcnt_u32(mask);
        index = vi_add(index, vi_splat(VI_LANES));
    }
#else
    for (ptrdiff_t k = 0; k < n_points; k += NEAREST_PANEL)
        for (uint64_t mask = nearest_mask(scores + k, limit); mask; mask &= mask - 1)
            indices[found++] = (int32_t)(k + lowest_bit(mask));
#endif
    return found;
}

/* The least of n values, which have room for a vector more. */
INLINE int32_t nearest_least(int32_t *values, ptrdiff_t n)
{
    VI low = vi_splat(INT32_MAX);
    vi_store(values + n, low);
    for (ptrdiff_t i = 0; i < n; i += VI_LANES) low = vi_min(low, vi_load(values + i));
    return vi_lowest(low);
}

/* Keeps the indices and values whose value is at most `limit`; returns how many. */
INLINE ptrdiff_t nearest_keep(int32_t *indices, int32_t *values, ptrdiff_t n,
                              int32_t limit)
{
    ptrdiff_t kept = 0;
#if VI_LANES == 16
    const VI threshold = vi_splat(limit);
    vi_store(values + n, vi_splat(INT32_MAX));
    for (ptrdiff_t i = 0; i < n; i += VI_LANES) {
        const VI value = vi_load(values + i), index = vi_load(indices + i);
        const __mmask16 mask = (__mmask16)vi_le(value, threshold);
        vi_store(values + kept, _mm512_maskz_compress_epi32(mask, value));
        vi_store(indices + kept, _mm512_maskz_compress_epi32(mask, index));
        kept += _mm_popcnt_u32(mask);
    }
#else
    for (ptrdiff_t i = 0; i < n; i++) {
        const int32_t value = values[i];
        indices[kept] = indices[i];
        values[kept] = value;
        kept += value <= limit;
    }
#endif
    return kept;
}

/* Indices with values up to the limit go to `taken`, the others stay: *n of them. */
INLINE ptrdiff_t nearest_split(int32_t *indices, int32_t *values, ptrdiff_t *n,
                               int32_t limit, int32_t *taken)
{
    ptrdiff_t found = 0, kept = 0;
#if VI_LANES == 16
    const VI threshold = vi_splat(limit);
    for (ptrdiff_t i = 0; i < *n; i += VI_LANES) {
        const VI value = vi_load(values + i), index = vi_load(indices + i);
        const unsigned real = *n - i < 16 ? (1u << (*n - i)) - 1 : 0xffff;
        const unsigned low = vi_le(value, threshold) & real, high = real & ~low;
        vi_store(taken + found, _mm512_maskz_compress_epi32((__mmask16)low, index));
        vi_store(values + kept, _mm512_maskz_compress_epi32((__mmask16)high, value));
        vi_store(indices + kept, _mm512_maskz_compress_epi32((__mmask16)high, index));
        found += _mm_popcnt_u32(low);
        kept += _mm_popcnt_u32(high);
    }
#else
    for (ptrdiff_t i = 0; i < *n; i++) {
        const int32_t k = indices[i], value = values[i], low = value <= limit;
        taken[found] = k;
        found += low;
        indices[kept] = k;
        values[kept] = value;
        kept += !low;
    }
#endif
    *n = kept;
    return found;
}

/* values[i] = scores[indices[i]], with room for a vector more. */
INLINE void nearest_gather(const int32_t *scores, int32_t *indices, ptrdiff_t n,
                           int32_t *values)
{
#if VI_LANES == 16
    vi_store(indices + n, vi_splat(0));
    for (ptrdiff_t i = 0; i < n; i += VI_LANES)
        vi_store(values + i, _mm512_i32gather_epi32(vi_load(indices + i), scores, 4));
#else
    for (ptrdiff_t i = 0; i < n; i++) values[i] = scores[indices[i]];
#endif
}

/* Dot product of `width` bytes, a multiple of 64: 8-bit (u unsigned) or 16-bit. */
INLINE int32_t nearest_dot(const void *u, const void *s, ptrdiff_t width, int bits)
{
    const char *left = (const char *)u, *right = (const char *)s;
    const int step = VI_LANES * 4;
    VI first = vi_splat(0), second = vi_splat(0);
    ptrdiff_t j = 0;
    for (; j + 2 * step <= width; j += 2 * step) {
        const VI a = vi_load(left + j), b = vi_load(right + j);
        const VI c = vi_load(left + j + step), d = vi_load(right + j + step);
        first = bits == 8 ? vi_dot8(first, a, b) : vi_dot16(first, a, b);
        second = bits == 8 ? vi_dot8(second, c, d) : vi_dot16(second, c, d);
    }
    if (j < width) {
        const VI a = vi_load(left + j), b = vi_load(right + j);
        first = bits == 8 ? vi_dot8(first, a, b) : vi_dot16(first, a, b);
    }
    return vi_sum(vi_add(first, second));
}

/* out[i] = norms[k] - 2 row . table[k] for k = indices[i], four at a time; indices and
 * out have room for three more. */
INLINE void nearest_some(const char *table, const int32_t *norms, ptrdiff_t width,
                         const void *row, int32_t *indices, ptrdiff_t n, int32_t *out,
                         int bits)
{
    for (ptrdiff_t i = n; i % 4; i++) indices[i] = indices[0];
    for (ptrdiff_t i = 0; i < n; i += 4) {
        const char *p[4];
        VI acc[4];
        UNROLL for (int q = 0; q < 4; q++)
        {
            p[q] = table + indices[i + q] * width;
            acc[q] = vi_splat(0);
        }
        for (ptrdiff_t j = 0; j < width; j += 4 * VI_LANES) {
            const VI x = vi_load((const char *)row + j);
            UNROLL for (int q = 0; q < 4; q++) acc[q] =
                bits == 8 ? vi_dot8(acc[q], vi_load(p[q] + j), x)
                          : vi_dot16(acc[q], vi_load(p[q] + j), x);
        }
        vi_sum4(acc, out + i);
        UNROLL for (int q = 0; q < 4; q++) out[i + q] =
            norms[indices[i + q]] - 2 * out[i + q];
    }
}

#endif
