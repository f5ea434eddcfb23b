/* Vectors of 32-bit integers for the nearest-point filter, one set per unit.
 *
 * A lane of the left operand holds four 8-bit or two 16-bit numbers of one point, one
 * of the right operand the same columns of a row; vi_dot8 and vi_dot16 add their dot
 * product to the lane.  AVX-512 VNNI has both in one instruction, SSE2 and AVX2 have
 * vi_dot16 in two, anything else in a plain loop.
 */

#ifndef SKFRUGAL_NEAREST_ISA
#define SKFRUGAL_NEAREST_ISA

#include <limits.h>
#include <math.h>
#include <stdint.h>

#if VECTOR_BYTES == 64 && defined(__AVX512VNNI__)
#define HAS_DOT8 1
#define VI_LANES 16
#define NEAREST_TILE 6
#define VI_PER_PANEL 4
typedef __m512i VI;
INLINE VI vi_load(const void *p) { return _mm512_loadu_si512(p); }
INLINE void vi_store(void *p, VI x) { _mm512_storeu_si512(p, x); }
INLINE VI vi_splat(int32_t x) { return _mm512_set1_epi32(x); }
INLINE VI vi_add(VI a, VI b) { return _mm512_add_epi32(a, b); }
INLINE VI vi_sub(VI a, VI b) { return _mm512_sub_epi32(a, b); }
INLINE VI vi_min(VI a, VI b) { return _mm512_min_epi32(a, b); }
INLINE unsigned vi_le(VI a, VI b) { return _mm512_cmple_epi32_mask(a, b); }
INLINE int32_t vi_sum(VI a) { return _mm512_reduce_add_epi32(a); }
INLINE int32_t vi_lowest(VI a) { return _mm512_reduce_min_epi32(a); }
INLINE __m256i vi_halves(VI a)
{
    return _mm256_add_epi32(_mm512_castsi512_si256(a), _mm512_extracti64x4_epi64(a, 1));
}
#define HAS_SUM4 1
INLINE void vi_sum4(const VI a[4], int32_t *out)
{
    const __m256i b = _mm256_hadd_epi32(vi_halves(a[0]), vi_halves(a[1]));
    const __m256i c = _mm256_hadd_epi32(vi_halves(a[2]), vi_halves(a[3]));
    const __m256i d = _mm256_hadd_epi32(b, c);
    _mm_storeu_si128((__m128i *)out, _mm_add_epi32(_mm256_castsi256_si128(d),
                                                   _mm256_extracti128_si256(d, 1)));
}
#if defined(__GNUC__)
/* gcc 12 spills the accumulators around its own intrinsics: 1.9 times slower */
INLINE VI vi_dot8(VI acc, VI u, VI s)
{
    __asm__("vpdpbusd %2, %1, %0" : "+v"(acc) : "v"(u), "v"(s));
    return acc;
}
INLINE VI vi_dot16(VI acc, VI a, VI b)
{
    __asm__("vpdpwssd %2, %1, %0" : "+v"(acc) : "v"(a), "v"(b));
    return acc;
}
#else
INLINE VI vi_dot8(VI acc, VI u, VI s) { return _mm512_dpbusd_epi32(acc, u, s); }
INLINE VI vi_dot16(VI acc, VI a, VI b) { return _mm512_dpwssd_epi32(acc, a, b); }
#endif

#elif VECTOR_BYTES == 32 && defined(__AVX2__)
#define VI_LANES 8
#define NEAREST_TILE 4
#define VI_PER_PANEL 2
typedef __m256i VI;
INLINE VI vi_load(const void *p) { return _mm256_loadu_si256((const VI *)p); }
INLINE void vi_store(void *p, VI x) { _mm256_storeu_si256((VI *)p, x); }
INLINE VI vi_splat(int32_t x) { return _mm256_set1_epi32(x); }
INLINE VI vi_add(VI a, VI b) { return _mm256_add_epi32(a, b); }
INLINE VI vi_sub(VI a, VI b) { return _mm256_sub_epi32(a, b); }
INLINE VI vi_min(VI a, VI b) { return _mm256_min_epi32(a, b); }
INLINE unsigned vi_le(VI a, VI b)
{
    const __m256i greater = _mm256_cmpgt_epi32(a, b);
    return 0xffu ^ (unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(greater));
}
/* in place: gcc would move every accumulator once more */
INLINE VI vi_accumulate(VI acc, VI x)
{
#if defined(__GNUC__)
    __asm__("vpaddd %1, %0, %0" : "+x"(acc) : "x"(x));
    return acc;
#else
    return vi_add(acc, x);
#endif
}
INLINE VI vi_dot16(VI acc, VI a, VI b)
{
    return vi_accumulate(acc, _mm256_madd_epi16(a, b));
}
#define HAS_SUM4 1
INLINE void vi_sum4(const VI a[4], int32_t *out)
{
    const __m256i b = _mm256_hadd_epi32(a[0], a[1]), c = _mm256_hadd_epi32(a[2], a[3]);
    const __m256i d = _mm256_hadd_epi32(b, c);
    _mm_storeu_si128((__m128i *)out, _mm_add_epi32(_mm256_castsi256_si128(d),
                                                   _mm256_extracti128_si256(d, 1)));
}

#elif defined(__SSE2__) || defined(_M_X64)
#include <emmintrin.h>
#define VI_LANES 4
#define NEAREST_TILE 4
#define VI_PER_PANEL 2
typedef __m128i VI;
INLINE VI vi_load(const void *p) { return _mm_loadu_si128((const VI *)p); }
INLINE void vi_store(void *p, VI x) { _mm_storeu_si128((VI *)p, x); }
INLINE VI vi_splat(int32_t x) { return _mm_set1_epi32(x); }
INLINE VI vi_add(VI a, VI b) { return _mm_add_epi32(a, b); }
INLINE VI vi_sub(VI a, VI b) { return _mm_sub_epi32(a, b); }
INLINE VI vi_min(VI a, VI b)
{
    const VI greater = _mm_cmpgt_epi32(a, b);
    return _mm_or_si128(_mm_and_si128(greater, b), _mm_andnot_si128(greater, a));
}
INLINE unsigned vi_le(VI a, VI b)
{
    return 0xfu ^ (unsigned)_mm_movemask_ps(_mm_castsi128_ps(_mm_cmpgt_epi32(a, b)));
}
/* in place: gcc would move every accumulator once more */
INLINE VI vi_accumulate(VI acc, VI x)
{
#if defined(__GNUC__)
    __asm__("paddd %1, %0" : "+x"(acc) : "x"(x));
    return acc;
#else
    return vi_add(acc, x);
#endif
}
INLINE VI vi_dot16(VI acc, VI a, VI b)
{
    return vi_accumulate(acc, _mm_madd_epi16(a, b));
}

#else
#include "nearest_plain_isa.h"
#endif

#ifndef HAS_DOT8
#define HAS_DOT8 0
INLINE VI vi_dot8(VI acc, VI u, VI s)
{
    (void)u;
    (void)s;
    return acc;
}
#endif

#if VI_LANES < 16
INLINE int32_t vi_sum(VI a)
{
    int32_t lanes[VI_LANES];
    uint32_t sum = 0;
    vi_store(lanes, a);
    for (int i = 0; i < VI_LANES; i++) sum += (uint32_t)lanes[i];
    return (int32_t)sum;
}
INLINE int32_t vi_lowest(VI a)
{
    int32_t lanes[VI_LANES];
    int32_t lowest = INT32_MAX;
    vi_store(lanes, a);
    for (int i = 0; i < VI_LANES; i++) lowest = lanes[i] < lowest ? lanes[i] : lowest;
    return lowest;
}
#endif

/* Into L2: what is asked for a whole tile ahead would wipe out L1. */
#if defined(__GNUC__) || defined(__clang__)
#define PREFETCH_L2(p) __builtin_prefetch(p, 0, 2)
#else
#define PREFETCH_L2(p) PREFETCH(p)
#endif

#define NEAREST_PANEL (VI_PER_PANEL * VI_LANES)

#if defined(_MSC_VER) && !defined(__clang__)
#include <intrin.h>
INLINE int lowest_bit(uint64_t mask)
{
    unsigned long i;
#ifdef _WIN64
    _BitScanForward64(&i, mask);
#else
    if (!_BitScanForward(&i, (unsigned long)mask)) {
        _BitScanForward(&i, (unsigned long)(mask >> 32));
        i += 32;
    }
#endif
    return (int)i;
}
#else
INLINE int lowest_bit(uint64_t mask) { return __builtin_ctzll(mask); }
#endif

#endif
