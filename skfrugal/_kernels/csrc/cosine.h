/* y = scale cos(2 pi (x + offset)): random features whose products are kept in turns.
 *
 *     t = x + offset - n, n the nearest integer, |t| <= 1/2;    cos(2 pi t) = p(t^2)
 *
 * with p interpolating at Chebyshev nodes of [0, 1/4]: of degree 7 in float32 (error
 * 1.2e-10 before rounding), of degree 11 in float64 (1.5e-19).  With rounding the error is
 * below 8 units in the last place of 1, for the number x + offset as it is rounded.
 *
 * Adding and subtracting MAGIC rounds numbers up to its quarter; larger arguments have
 * hardly a fraction left, and the caller computes their rows in another way: the return
 * value counts them.
 *
 * Cost: 15 instructions a vector in float32, 19 in float64.
 */

#if REAL_BYTES == 4
#define COSINE_MAGIC 12582912.0f /* 1.5 2^23 */
#define COSINE_LIMIT 65536.0f
#define COSINE_TERMS 8
static const REAL FN(cosine_terms)[COSINE_TERMS] = {
    1.0f,          -19.7392087f, 64.939389f,  -85.4566578f,
    60.2421249f, -26.4046306f, 7.80002221f, -1.45298755f,
};
#else
#define COSINE_MAGIC 6755399441055744.0 /* 1.5 2^52 */
#define COSINE_LIMIT 35184372088832.0   /* 2^45 */
#define COSINE_TERMS 12
static const REAL FN(cosine_terms)[COSINE_TERMS] = {
    1.0,
    -19.73920880217871707,
    64.93939402266825857,
    -85.45681720669126857,
    60.24464137178173363,
    -26.42625678121189045,
    7.903536340077173396,
    -1.714390413809851691,
    0.2820040795831631276,
    -0.03637490036340231095,
    0.003758590561310354164,
    -0.0002900600501912892813,
};
#endif

INLINE VEC FN(cosine_of_turns)(VEC y)
{
    const VEC magic = FN(splat)(COSINE_MAGIC), minus = FN(splat)(-COSINE_MAGIC);
    const VEC nearest = FN(add)(FN(add)(y, magic), minus);
    const VEC t = FN(fma)(nearest, FN(splat)(-1), y);
    const VEC s = FN(mul)(t, t);
    VEC p = FN(splat)(FN(cosine_terms)[COSINE_TERMS - 1]);
    UNROLL for (int i = COSINE_TERMS - 2; i >= 0; i--)
        p = FN(fma)(p, s, FN(splat)(FN(cosine_terms)[i]));
    return p;
}

/* A vector of y; `largest` gathers the sizes of the arguments. */
INLINE VEC FN(cosine_vector)(const REAL *x, const REAL *offset, VEC scale, VEC *largest)
{
    const VEC turns = FN(load)(x);
    const VEC size = FN(larger)(turns, FN(mul)(FN(splat)(-1), turns));
    *largest = FN(larger)(*largest, size);
    return FN(mul)(scale, FN(cosine_of_turns)(FN(add)(turns, FN(load)(offset))));
}

/* A row; whether it has an argument beyond the limit. */
INLINE int FN(cosine_row)(const REAL *x, REAL *y, ptrdiff_t n_columns,
                          const REAL *offset, REAL scale, const int stream)
{
    const ptrdiff_t whole = n_columns - n_columns % LANES;
    const size_t rest = (n_columns - whole) * sizeof(REAL);
    const VEC factor = FN(splat)(scale);
    VEC largest = FN(splat)(0);
    REAL lanes[LANES];
    for (ptrdiff_t j = 0; j < whole; j += LANES) {
        const VEC cosine = FN(cosine_vector)(x + j, offset + j, factor, &largest);
        if (stream) FN(stream)(y + j, cosine);
        else FN(store)(y + j, cosine);
    }
    if (rest) {
        REAL end[LANES] = {0}, shift[LANES] = {0};
        memcpy(end, x + whole, rest);
        memcpy(shift, offset + whole, rest);
        FN(store)(end, FN(cosine_vector)(end, shift, factor, &largest));
        memcpy(y + whole, end, rest);
    }
    FN(store)(lanes, largest);
    for (int i = 0; i < LANES; i++)
        if (lanes[i] > COSINE_LIMIT) return 1;
    return 0;
}

/* Contiguous rows of x to rows of y, which may be x; how many rows have arguments that
 * are too large, and wrong results.  With `stream` y goes around the caches. */
KERNEL ptrdiff_t FN(cosine)(const REAL *x, REAL *y, ptrdiff_t n_rows,
                            ptrdiff_t n_columns, const REAL *offset, REAL scale,
                            int stream)
{
    ptrdiff_t n_large = 0;
    stream = stream && (size_t)y % VECTOR_BYTES == 0
             && n_columns * REAL_BYTES % VECTOR_BYTES == 0;
    for (ptrdiff_t row = 0; row < n_rows; row++, x += n_columns, y += n_columns)
        n_large += stream ? FN(cosine_row)(x, y, n_columns, offset, scale, 1)
                          : FN(cosine_row)(x, y, n_columns, offset, scale, 0);
    if (stream) STREAM_FENCE();
    return n_large;
}
