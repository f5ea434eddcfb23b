/* Vector types and the few operations that the kernels use, for one REAL.
 *
 * Included twice by every isa_*.c, once with REAL float and once with REAL double:
 * nothing here has an include guard, and every name goes through FN(), which adds the
 * suffix.  VECTOR_BYTES comes from the unit.  GCC and clang give vectors of that size;
 * any other compiler (or SKFRUGAL_PLAIN_LOOPS) gets an array of LANES numbers and plain
 * loops, the same arithmetic in the same order.
 *
 * Everything is static: a shared inline from the AVX-512 unit could be the copy that
 * the linker keeps, and run on an older machine.
 */

#include <stddef.h>
#include <string.h>

#ifndef SKFRUGAL_ISA_COMMON
#define SKFRUGAL_ISA_COMMON

#define CONCAT_(a, b) a##b
#define CONCAT(a, b) CONCAT_(a, b)
#define FN(name) CONCAT(name, SUFFIX)

#if (defined(__GNUC__) || defined(__clang__)) && !defined(SKFRUGAL_PLAIN_LOOPS)
#define HAS_VECTORS 1
#define KERNEL static __attribute__((noinline, unused))
#ifdef SKFRUGAL_DEBUG /* sanitizers on unrolled code take a quarter of an hour to compile */
#define INLINE static inline __attribute__((unused))
#define UNROLL
#else
#define INLINE static inline __attribute__((always_inline, unused))
#define UNROLL _Pragma("GCC unroll 32")
#endif
#define PREFETCH(p) __builtin_prefetch(p)
#define PREFETCH_L2(p) __builtin_prefetch(p, 0, 2)
/* The compiler must not know that a pointer is what it was: nothing read through it is
 * hoisted out of a loop. */
#define OPAQUE(p) __asm__ volatile("" : "+r"(p))
#elif defined(_MSC_VER)
#define HAS_VECTORS 0
#define INLINE static __forceinline
#define KERNEL static
#define UNROLL
#define PREFETCH(p) ((void)(p))
#define PREFETCH_L2(p) ((void)(p))
#define OPAQUE(p) ((void)(p))
#define restrict __restrict
#else
#define HAS_VECTORS 0
#define INLINE static inline
#define KERNEL static
#define UNROLL
#define PREFETCH(p) ((void)(p))
#define PREFETCH_L2(p) ((void)(p))
#define OPAQUE(p) ((void)(p))
#endif

/* A coefficient that several rows share must be loaded once: the compiler would fold
 * the load into each product, and the load ports are the limit. */
#if HAS_VECTORS && (defined(__x86_64__) || defined(__i386__))
#if VECTOR_BYTES == 64
#define IN_REGISTER(v) __asm__("" : "+v"(v))
#else
#define IN_REGISTER(v) __asm__("" : "+x"(v))
#endif
#include <immintrin.h>
#define HAS_STREAM 1
#define STREAM_FENCE() _mm_sfence()
#else
#if HAS_VECTORS && defined(__aarch64__)
#define IN_REGISTER(v) __asm__("" : "+w"(v))
#else
#define IN_REGISTER(v) ((void)(v))
#endif
#define HAS_STREAM 0
#define STREAM_FENCE() ((void)0)
#endif

/* Registers of one vector: what bounds the tiles. */
#if VECTOR_BYTES == 64 || defined(__aarch64__)
#define MANY_REGISTERS 1
#else
#define MANY_REGISTERS 0
#endif

/* Vectors of rows in a panel (panel.h). */
#ifndef PANEL_VECTORS
#define PANEL_VECTORS (VECTOR_BYTES == 64 ? 1 : 2)
#endif

#endif

#define VEC FN(vec)
#define LANES (VECTOR_BYTES / REAL_BYTES)

#if HAS_VECTORS

typedef REAL VEC __attribute__((vector_size(VECTOR_BYTES)));
typedef REAL FN(unaligned)
    __attribute__((vector_size(VECTOR_BYTES), aligned(REAL_BYTES), may_alias));

INLINE VEC FN(load)(const REAL *p) { return *(const FN(unaligned) *)p; }
INLINE void FN(store)(REAL *p, VEC x) { *(FN(unaligned) *)p = x; }
INLINE VEC FN(splat)(REAL x) { return x - (VEC){0}; }
/* Rounded: in a b + c d the compiler would be free to round either product, and a row
 * might depend on which rows go with it. */
INLINE VEC FN(mul)(VEC a, VEC b)
{
    VEC product = a * b;
    IN_REGISTER(product);
    return product;
}
INLINE VEC FN(add)(VEC a, VEC b) { return a + b; }
/* a b + c, contracted to one instruction where the unit has it */
INLINE VEC FN(fma)(VEC a, VEC b, VEC c) { return a * b + c; }

#if VECTOR_BYTES / REAL_BYTES == 2
#define SWAP_LIST(s) 0 ^ s, 1 ^ s
#elif VECTOR_BYTES / REAL_BYTES == 4
#define SWAP_LIST(s) 0 ^ s, 1 ^ s, 2 ^ s, 3 ^ s
#elif VECTOR_BYTES / REAL_BYTES == 8
#define SWAP_LIST(s) 0 ^ s, 1 ^ s, 2 ^ s, 3 ^ s, 4 ^ s, 5 ^ s, 6 ^ s, 7 ^ s
#else
#define SWAP_LIST(s)                                                                  \
    0 ^ s, 1 ^ s, 2 ^ s, 3 ^ s, 4 ^ s, 5 ^ s, 6 ^ s, 7 ^ s, 8 ^ s, 9 ^ s, 10 ^ s,      \
        11 ^ s, 12 ^ s, 13 ^ s, 14 ^ s, 15 ^ s
#endif

#if defined(__clang__) || __GNUC__ >= 12
#define SWAPPED(x, s) __builtin_shufflevector(x, x, SWAP_LIST(s))
#else
#if REAL_BYTES == 4
typedef int FN(index) __attribute__((vector_size(VECTOR_BYTES)));
#else
typedef long long FN(index) __attribute__((vector_size(VECTOR_BYTES)));
#endif
#define SWAPPED(x, s) __builtin_shuffle(x, (FN(index)){SWAP_LIST(s)})
#endif

/* Lane i of the result is lane i xor s of x; s is a constant after inlining. */
INLINE VEC FN(swap)(VEC x, int s)
{
    switch (s) {
    case 0:
        return x;
    case 1:
        return SWAPPED(x, 1);
#if VECTOR_BYTES / REAL_BYTES > 2
    case 2:
        return SWAPPED(x, 2);
    case 3:
        return SWAPPED(x, 3);
#endif
#if VECTOR_BYTES / REAL_BYTES > 4
    case 4:
        return SWAPPED(x, 4);
    case 5:
        return SWAPPED(x, 5);
    case 6:
        return SWAPPED(x, 6);
    case 7:
        return SWAPPED(x, 7);
#endif
#if VECTOR_BYTES / REAL_BYTES > 8
    case 8:
        return SWAPPED(x, 8);
    case 9:
        return SWAPPED(x, 9);
    case 10:
        return SWAPPED(x, 10);
    case 11:
        return SWAPPED(x, 11);
    case 12:
        return SWAPPED(x, 12);
    case 13:
        return SWAPPED(x, 13);
    case 14:
        return SWAPPED(x, 14);
    case 15:
        return SWAPPED(x, 15);
#endif
    default:
        return x;
    }
}

/* For lane l: a_l where bit s of l is 0, else b_(l - s); and a_(l + s), else b_l. */
#define LOW(l, s) ((l) & (s) ? LANES + (l) - (s) : (l))
#define HIGH(l, s) ((l) & (s) ? LANES + (l) : (l) + (s))
#if VECTOR_BYTES / REAL_BYTES == 2
#define BOTH_LIST(E, s) E(0, s), E(1, s)
#elif VECTOR_BYTES / REAL_BYTES == 4
#define BOTH_LIST(E, s) E(0, s), E(1, s), E(2, s), E(3, s)
#elif VECTOR_BYTES / REAL_BYTES == 8
#define BOTH_LIST(E, s)                                                               \
    E(0, s), E(1, s), E(2, s), E(3, s), E(4, s), E(5, s), E(6, s), E(7, s)
#else
#define BOTH_LIST(E, s)                                                               \
    E(0, s), E(1, s), E(2, s), E(3, s), E(4, s), E(5, s), E(6, s), E(7, s), E(8, s),   \
        E(9, s), E(10, s), E(11, s), E(12, s), E(13, s), E(14, s), E(15, s)
#endif
#if defined(__clang__) || __GNUC__ >= 12
#define CHOSEN(a, b, E, s) __builtin_shufflevector(a, b, BOTH_LIST(E, s))
#else
#define CHOSEN(a, b, E, s) __builtin_shuffle(a, b, (FN(index)){BOTH_LIST(E, s)})
#endif

/* Bit s of the lane and bit s of the vector's number change places. */
INLINE void FN(exchange)(VEC *a, VEC *b, int s)
{
    const VEC low = *a, high = *b;
    switch (s) {
    case 1:
        *a = CHOSEN(low, high, LOW, 1);
        *b = CHOSEN(low, high, HIGH, 1);
        return;
#if VECTOR_BYTES / REAL_BYTES > 2
    case 2:
        *a = CHOSEN(low, high, LOW, 2);
        *b = CHOSEN(low, high, HIGH, 2);
        return;
#endif
#if VECTOR_BYTES / REAL_BYTES > 4
    case 4:
        *a = CHOSEN(low, high, LOW, 4);
        *b = CHOSEN(low, high, HIGH, 4);
        return;
#endif
#if VECTOR_BYTES / REAL_BYTES > 8
    case 8:
        *a = CHOSEN(low, high, LOW, 8);
        *b = CHOSEN(low, high, HIGH, 8);
        return;
#endif
    }
}

#undef LOW
#undef HIGH
#undef BOTH_LIST
#undef CHOSEN
#undef SWAP_LIST
#undef SWAPPED

#else /* plain loops */

typedef struct {
    REAL lane[LANES];
} VEC;

INLINE VEC FN(load)(const REAL *p)
{
    VEC x;
    memcpy(&x, p, sizeof x);
    return x;
}
INLINE void FN(store)(REAL *p, VEC x) { memcpy(p, &x, sizeof x); }
INLINE VEC FN(splat)(REAL value)
{
    VEC x;
    for (int i = 0; i < LANES; i++) x.lane[i] = value;
    return x;
}
INLINE VEC FN(mul)(VEC a, VEC b)
{
    for (int i = 0; i < LANES; i++) a.lane[i] *= b.lane[i];
    return a;
}
INLINE VEC FN(add)(VEC a, VEC b)
{
    for (int i = 0; i < LANES; i++) a.lane[i] += b.lane[i];
    return a;
}
INLINE VEC FN(fma)(VEC a, VEC b, VEC c)
{
    for (int i = 0; i < LANES; i++) c.lane[i] += a.lane[i] * b.lane[i];
    return c;
}
INLINE VEC FN(swap)(VEC x, int s)
{
    VEC y;
    for (int i = 0; i < LANES; i++) y.lane[i] = x.lane[i ^ s];
    return y;
}
INLINE void FN(exchange)(VEC *a, VEC *b, int s)
{
    for (int i = 0; i < LANES; i++)
        if (i & s) {
            const REAL t = b->lane[i - s];
            b->lane[i - s] = a->lane[i];
            a->lane[i] = t;
        }
}

#endif

/* `group` numbers repeated over the vector: 1, LANES, or a power of two between. */
INLINE VEC FN(spread)(const REAL *p, const int group)
{
#if HAS_VECTORS
    if (group == 1) return FN(splat)(*p);
    if (group == LANES) return FN(load)(p);
#if REAL_BYTES == 4 && VECTOR_BYTES > 8
    if (group == 2) {
        typedef long long pairs __attribute__((vector_size(VECTOR_BYTES)));
        long long pair;
        memcpy(&pair, p, sizeof pair);
        return (VEC)(pair - (pairs){0});
    }
#endif
#if VECTOR_BYTES == 64 && REAL_BYTES == 4
    if (group == 4) return (VEC)_mm512_broadcast_f32x4(_mm_loadu_ps(p));
    return (VEC)_mm512_broadcast_f32x8(_mm256_loadu_ps(p));
#elif VECTOR_BYTES == 64
    if (group == 2) return (VEC)_mm512_broadcast_f64x2(_mm_loadu_pd(p));
    return (VEC)_mm512_broadcast_f64x4(_mm256_loadu_pd(p));
#elif VECTOR_BYTES == 32 && REAL_BYTES == 4
    return (VEC)_mm256_broadcast_ps((const __m128 *)p);
#elif VECTOR_BYTES == 32
    return (VEC)_mm256_broadcast_pd((const __m128d *)p);
#else
    return FN(load)(p);
#endif
#else
    VEC x;
    for (int i = 0; i < LANES; i++) x.lane[i] = p[i % group];
    return x;
#endif
}

/* A store around the caches, for outputs that nobody reads soon; p is aligned. */
#if HAS_STREAM && VECTOR_BYTES == 64 && REAL_BYTES == 4
INLINE void FN(stream)(REAL *p, VEC x) { _mm512_stream_ps(p, (__m512)x); }
#elif HAS_STREAM && VECTOR_BYTES == 64
INLINE void FN(stream)(REAL *p, VEC x) { _mm512_stream_pd(p, (__m512d)x); }
#elif HAS_STREAM && VECTOR_BYTES == 32 && REAL_BYTES == 4
INLINE void FN(stream)(REAL *p, VEC x) { _mm256_stream_ps(p, (__m256)x); }
#elif HAS_STREAM && VECTOR_BYTES == 32
INLINE void FN(stream)(REAL *p, VEC x) { _mm256_stream_pd(p, (__m256d)x); }
#elif HAS_STREAM && REAL_BYTES == 4
INLINE void FN(stream)(REAL *p, VEC x) { _mm_stream_ps(p, (__m128)x); }
#elif HAS_STREAM
INLINE void FN(stream)(REAL *p, VEC x) { _mm_stream_pd(p, (__m128d)x); }
#else
INLINE void FN(stream)(REAL *p, VEC x) { FN(store)(p, x); }
#endif
