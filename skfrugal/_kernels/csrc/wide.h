/* Vectors of double, for sums in double whatever REAL is; once per unit. */

#ifndef SKFRUGAL_WIDE
#define SKFRUGAL_WIDE

#define WIDE_LANES (VECTOR_BYTES / 8)

#if HAS_VECTORS
typedef double wide __attribute__((vector_size(VECTOR_BYTES)));
typedef double wide_unaligned
    __attribute__((vector_size(VECTOR_BYTES), aligned(8), may_alias));
typedef float half_unaligned
    __attribute__((vector_size(VECTOR_BYTES / 2), aligned(4), may_alias));
INLINE wide wide_load_f64(const double *p) { return *(const wide_unaligned *)p; }
INLINE wide wide_load_f32(const float *p)
{
    return __builtin_convertvector(*(const half_unaligned *)p, wide);
}
INLINE void wide_store(double *p, wide x) { *(wide_unaligned *)p = x; }
INLINE wide wide_splat(double x) { return x - (wide){0}; }
INLINE wide wide_fma(wide a, wide b, wide c) { return a * b + c; }
#else
typedef struct {
    double lane[WIDE_LANES];
} wide;
INLINE wide wide_load_f64(const double *p)
{
    wide x;
    memcpy(&x, p, sizeof x);
    return x;
}
INLINE wide wide_load_f32(const float *p)
{
    wide x;
    for (int i = 0; i < WIDE_LANES; i++) x.lane[i] = (double)p[i];
    return x;
}
INLINE void wide_store(double *p, wide x) { memcpy(p, &x, sizeof x); }
INLINE wide wide_splat(double value)
{
    wide x;
    for (int i = 0; i < WIDE_LANES; i++) x.lane[i] = value;
    return x;
}
INLINE wide wide_fma(wide a, wide b, wide c)
{
    for (int i = 0; i < WIDE_LANES; i++) c.lane[i] += a.lane[i] * b.lane[i];
    return c;
}
#endif

#endif
