/* 2^t for t <= 0, and the selections that go with it.
 *
 *     t = n + r, n the nearest integer, |r| <= 1/2;    2^t = 2^n (1 + r q(r))
 *
 * with q interpolating (2^r - 1) / r at Chebyshev nodes: of degree 5 in float32 (relative
 * error 5.1e-9 before rounding), of degree 10 in float64 (8.5e-18).  With rounding the
 * error is below 1.25 ulp, which is tested for every exponent (measured: 0.93 with FMA,
 * 1.16 without).  2^0 is 1.  Below the normal numbers the result is rounded once more, to
 * a denormal number or 0, within the same bound.  -infinity gives 0, NaN gives NaN; t may
 * reach 20.
 *
 * n comes from the low bits of t + MAGIC, which hold n + BIAS: shifted into the place of
 * the exponent they are the number 2^n LIFT, and the last product undoes the lift.  It is
 * normal for every n, so only that last product can leave the normal numbers.
 *
 * Cost: 13 instructions in float32, 18 in float64; 10 and 15 with vscalef.
 */

#if REAL_BYTES == 4
#define EXP2_LOWEST -152.0f /* 2^t is 0 */
#define EXP2_SHIFT 23
#define SIGN_BIT INT32_MIN
#define EXP2_MAGIC (12582912.0f + 227.0f)
#define EXP2_UNLIFT 7.888609052210118e-31f /* 2^-100 */
#define EXP2_TERMS 6
static const REAL FN(exp2_terms)[EXP2_TERMS] = {
    0.693147188f,   0.240226508f, 0.0555035711f,
    0.00961808256f,   0.00133908634f,      0.000154531629f,
};
#else
#define EXP2_LOWEST -1080.0
#define EXP2_SHIFT 52
#define SIGN_BIT INT64_MIN
#define EXP2_MAGIC (6755399441055744.0 + 2023.0)
#define EXP2_UNLIFT 9.332636185032189e-302 /* 2^-1000 */
#define EXP2_TERMS 11
static const REAL FN(exp2_terms)[EXP2_TERMS] = {
    0.69314718055994529,    0.24022650695910097,    0.055504108664821597,
    0.0096181291076068882,  0.0013333558146416936,  0.0001540353044173605,
    1.5252733829836119e-05, 1.3215442587921689e-06, 1.0178062445845774e-07,
    7.0725859492692234e-09, 4.4549605981865186e-10,
};
#endif

/* Selections return b where either is NaN, as the x86 instructions do. */
#if HAS_VECTORS && HAS_STREAM && VECTOR_BYTES == 64
#define X86_CALL(name, type) CONCAT(_mm512_, CONCAT(name, type))
#elif HAS_VECTORS && HAS_STREAM && VECTOR_BYTES == 32
#define X86_CALL(name, type) CONCAT(_mm256_, CONCAT(name, type))
#elif HAS_VECTORS && HAS_STREAM
#define X86_CALL(name, type) CONCAT(_mm_, CONCAT(name, type))
#endif
#if REAL_BYTES == 4
#define X86(name) X86_CALL(name, _ps)
#else
#define X86(name) X86_CALL(name, _pd)
#endif

#if HAS_VECTORS
#if REAL_BYTES == 4
typedef int32_t FN(bits) __attribute__((vector_size(VECTOR_BYTES)));
#else
typedef int64_t FN(bits) __attribute__((vector_size(VECTOR_BYTES)));
#endif
#endif

#ifdef X86_CALL
INLINE VEC FN(larger)(VEC a, VEC b) { return (VEC)X86(max)(a, b); }
INLINE VEC FN(smaller)(VEC a, VEC b) { return (VEC)X86(min)(a, b); }
INLINE VEC FN(root)(VEC a) { return (VEC)X86(sqrt)(a); }
#elif HAS_VECTORS
INLINE VEC FN(chosen)(FN(bits) where, VEC a, VEC b)
{
    return (VEC)((where & (FN(bits))a) | (~where & (FN(bits))b));
}
INLINE VEC FN(larger)(VEC a, VEC b) { return FN(chosen)((FN(bits))(a > b), a, b); }
INLINE VEC FN(smaller)(VEC a, VEC b) { return FN(chosen)((FN(bits))(a < b), a, b); }
INLINE VEC FN(root)(VEC a)
{
    for (int i = 0; i < LANES; i++) a[i] = (REAL)sqrt((double)a[i]);
    return a;
}
#else
INLINE VEC FN(larger)(VEC a, VEC b)
{
    for (int i = 0; i < LANES; i++)
        if (a.lane[i] > b.lane[i]) b.lane[i] = a.lane[i];
    return b;
}
INLINE VEC FN(smaller)(VEC a, VEC b)
{
    for (int i = 0; i < LANES; i++)
        if (a.lane[i] < b.lane[i]) b.lane[i] = a.lane[i];
    return b;
}
INLINE VEC FN(root)(VEC a)
{
    for (int i = 0; i < LANES; i++) a.lane[i] = (REAL)sqrt((double)a.lane[i]);
    return a;
}
#endif

#if HAS_VECTORS
INLINE VEC FN(subtract)(VEC a, VEC b) { return a - b; }
INLINE VEC FN(divide)(VEC a, VEC b) { return a / b; }
/* c - a b, contracted as fma is */
INLINE VEC FN(less)(VEC a, VEC b, VEC c) { return c - a * b; }
INLINE VEC FN(size)(VEC a)
{
    return (VEC)((FN(bits))a & ~((FN(bits)){0} + SIGN_BIT));
}
INLINE VEC FN(power_of_two)(VEC t) { return (VEC)((FN(bits))t << EXP2_SHIFT); }
#else
INLINE VEC FN(subtract)(VEC a, VEC b)
{
    for (int i = 0; i < LANES; i++) a.lane[i] -= b.lane[i];
    return a;
}
INLINE VEC FN(divide)(VEC a, VEC b)
{
    for (int i = 0; i < LANES; i++) a.lane[i] /= b.lane[i];
    return a;
}
INLINE VEC FN(less)(VEC a, VEC b, VEC c)
{
    for (int i = 0; i < LANES; i++) c.lane[i] -= a.lane[i] * b.lane[i];
    return c;
}
INLINE VEC FN(size)(VEC a)
{
    for (int i = 0; i < LANES; i++) a.lane[i] = (REAL)fabs((double)a.lane[i]);
    return a;
}
INLINE VEC FN(power_of_two)(VEC t)
{
#if REAL_BYTES == 4
    uint32_t bits[LANES];
#else
    uint64_t bits[LANES];
#endif
    memcpy(bits, &t, sizeof t);
    for (int i = 0; i < LANES; i++) bits[i] <<= EXP2_SHIFT;
    memcpy(&t, bits, sizeof t);
    return t;
}
#endif

INLINE VEC FN(exp2)(VEC t)
{
    VEC whole, r, p = FN(splat)(FN(exp2_terms)[EXP2_TERMS - 1]);
    t = FN(larger)(FN(splat)(EXP2_LOWEST), t);
#if HAS_VECTORS && VECTOR_BYTES == 64
    whole = (VEC)X86(roundscale)(t, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    r = t - whole;
#else
    whole = FN(add)(t, FN(splat)(EXP2_MAGIC));
    r = FN(subtract)(t, FN(subtract)(whole, FN(splat)(EXP2_MAGIC)));
#endif
    UNROLL for (int k = EXP2_TERMS - 2; k >= 0; k--)
        p = FN(fma)(p, r, FN(splat)(FN(exp2_terms)[k]));
    p = FN(fma)(p, r, FN(splat)(1));
#if HAS_VECTORS && VECTOR_BYTES == 64
    return (VEC)X86(scalef)(p, whole);
#else
    return FN(mul)(FN(mul)(p, FN(power_of_two)(whole)), FN(splat)(EXP2_UNLIFT));
#endif
}

/* y = 2^x, element by element */
KERNEL void FN(powers_of_two)(const REAL *x, REAL *y, ptrdiff_t n)
{
    REAL rest[LANES] = {0};
    ptrdiff_t i = 0;
    for (; i + LANES <= n; i += LANES) FN(store)(y + i, FN(exp2)(FN(load)(x + i)));
    for (ptrdiff_t j = i; j < n; j++) rest[j - i] = x[j];
    FN(store)(rest, FN(exp2)(FN(load)(rest)));
    for (ptrdiff_t j = i; j < n; j++) y[j] = rest[j - i];
}

#undef EXP2_LOWEST
#undef EXP2_SHIFT
#undef SIGN_BIT
#undef EXP2_MAGIC
#undef EXP2_UNLIFT
#undef EXP2_TERMS
#undef X86
#ifdef X86_CALL
#undef X86_CALL
#endif
