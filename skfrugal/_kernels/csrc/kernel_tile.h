/* Sums over the features for a tile of KERNEL_ROWS rows and up to KERNEL_VECTORS vectors
 * of landmarks, all in registers.
 *
 *     panel    z[k, j]  landmarks in the lanes, one line a feature
 *     rows     u[k, r]  KERNEL_ROWS numbers a feature, each repeated over the lanes
 *
 *     KERNEL_PRODUCT    start[j] + term[r] + sum_k u z
 *     KERNEL_SQUARES    - sum_k (u - z)^2
 *     KERNEL_ABSOLUTES  - sum_k |u - z|
 *
 * Cost: 1, 2 and 3 instructions a vector and feature; sums in the order of the features,
 * so a value does not depend on the rows and landmarks that go with it.
 */

INLINE void FN(kernel_sums)(const REAL *u, const REAL *panel, const REAL *start,
                            const REAL *term, ptrdiff_t n_features, REAL *sums,
                            const int form, const int n_vectors)
{
    VEC sum[KERNEL_ROWS][KERNEL_VECTORS], z[KERNEL_VECTORS];
    UNROLL for (int r = 0; r < KERNEL_ROWS; r++)
        UNROLL for (int v = 0; v < n_vectors; v++)
            sum[r][v] = form == KERNEL_PRODUCT
                            ? FN(add)(FN(load)(start + v * LANES), FN(splat)(term[r]))
                            : FN(splat)(0);
    for (ptrdiff_t k = 0; k < n_features; k++) {
        UNROLL for (int v = 0; v < n_vectors; v++) {
            z[v] = FN(load)(panel + v * LANES);
            IN_REGISTER(z[v]);
        }
        UNROLL for (int r = 0; r < KERNEL_ROWS; r++) {
            const VEC x = FN(splat)(u[r]);
            UNROLL for (int v = 0; v < n_vectors; v++) {
                const VEC apart = FN(subtract)(x, z[v]);
                VEC *s = &sum[r][v];
                if (form == KERNEL_PRODUCT) *s = FN(fma)(x, z[v], *s);
                if (form == KERNEL_SQUARES) *s = FN(less)(apart, apart, *s);
                if (form == KERNEL_ABSOLUTES) *s = FN(subtract)(*s, FN(size)(apart));
            }
        }
        panel += n_vectors * LANES;
        u += KERNEL_ROWS;
    }
    UNROLL for (int r = 0; r < KERNEL_ROWS; r++)
        UNROLL for (int v = 0; v < n_vectors; v++)
            FN(store)(sums + (r * n_vectors + v) * LANES, sum[r][v]);
}

#define KERNEL_SUMS(name, form, n_vectors)                                             \
    KERNEL void FN(name)(const REAL *u, const REAL *panel, const REAL *start,          \
                         const REAL *term, ptrdiff_t n_features, REAL *sums)           \
    {                                                                                  \
        FN(kernel_sums)(u, panel, start, term, n_features, sums, form, n_vectors);     \
    }
KERNEL_SUMS(kernel_product1, KERNEL_PRODUCT, 1)
KERNEL_SUMS(kernel_product2, KERNEL_PRODUCT, 2)
KERNEL_SUMS(kernel_squares1, KERNEL_SQUARES, 1)
KERNEL_SUMS(kernel_squares2, KERNEL_SQUARES, 2)
KERNEL_SUMS(kernel_absolutes1, KERNEL_ABSOLUTES, 1)
KERNEL_SUMS(kernel_absolutes2, KERNEL_ABSOLUTES, 2)
#if KERNEL_VECTORS == 3
KERNEL_SUMS(kernel_product3, KERNEL_PRODUCT, 3)
KERNEL_SUMS(kernel_squares3, KERNEL_SQUARES, 3)
KERNEL_SUMS(kernel_absolutes3, KERNEL_ABSOLUTES, 3)
#endif
#undef KERNEL_SUMS

typedef void (*FN(kernel_sums_of))(const REAL *, const REAL *, const REAL *, const REAL *,
                                   ptrdiff_t, REAL *);
static const FN(kernel_sums_of) FN(kernel_forms)[3][KERNEL_VECTORS] = {
#if KERNEL_VECTORS == 3
    {FN(kernel_product1), FN(kernel_product2), FN(kernel_product3)},
    {FN(kernel_squares1), FN(kernel_squares2), FN(kernel_squares3)},
    {FN(kernel_absolutes1), FN(kernel_absolutes2), FN(kernel_absolutes3)},
#else
    {FN(kernel_product1), FN(kernel_product2)},
    {FN(kernel_squares1), FN(kernel_squares2)},
    {FN(kernel_absolutes1), FN(kernel_absolutes2)},
#endif
};

/* The function of one vector of sums. */
INLINE VEC FN(kernel_of)(VEC t, const int function, int degree)
{
    const VEC one = FN(splat)(1), zero = FN(splat)(0);
    if (function == KERNEL_IDENTITY) return t;
    if (function == KERNEL_POWER) {
        VEC power = one;
        for (; degree; degree >>= 1) {
            if (degree & 1) power = FN(mul)(power, t);
            if (degree > 1) t = FN(mul)(t, t);
        }
        return power;
    }
    if (function == KERNEL_EXPONENTIAL) return FN(exp2)(FN(smaller)(zero, t));
    /* e^-1100 is 0, and so is its product with 1100 squared: no infinity times 0 */
    const VEC s = FN(smaller)(FN(splat)(1100), FN(root)(FN(subtract)(zero, t)));
    const VEC e = FN(exp2)(FN(mul)(s, FN(splat)((REAL)-1.4426950408889634)));
    switch (function) {
    case KERNEL_MATERN32:
    case KERNEL_SLOPE52:
        return FN(fma)(s, e, e);
    case KERNEL_MATERN52:
        return FN(mul)(
            e, FN(fma)(s, FN(fma)(s, FN(splat)((REAL)(1.0 / 3.0)), one), one));
    case KERNEL_SLOPE12: /* the derivative of a cone, 0 at its tip */
        return FN(divide)(FN(mul)(e, s),
                          FN(larger)(FN(splat)(REAL_MIN), FN(mul)(s, s)));
    default:
        return e;
    }
}

INLINE void FN(kernel_apply_)(REAL *sums, int n_vectors, int degree, const int function)
{
    for (int i = 0; i < n_vectors; i += 4, sums += 4 * LANES)
        UNROLL for (int j = 0; j < 4; j++)
            FN(store)(sums + j * LANES,
                      FN(kernel_of)(FN(load)(sums + j * LANES), function, degree));
}

KERNEL void FN(kernel_apply)(REAL *sums, int n_vectors, int function, int degree)
{
#define KERNEL_CASE(name)                                                              \
    case name:                                                                         \
        FN(kernel_apply_)(sums, n_vectors, degree, name);                              \
        return;
    switch (function) {
        KERNEL_CASE(KERNEL_POWER)
        KERNEL_CASE(KERNEL_EXPONENTIAL)
        KERNEL_CASE(KERNEL_MATERN12)
        KERNEL_CASE(KERNEL_MATERN32)
        KERNEL_CASE(KERNEL_MATERN52)
        KERNEL_CASE(KERNEL_SLOPE12)
        KERNEL_CASE(KERNEL_SLOPE32)
        KERNEL_CASE(KERNEL_SLOPE52)
    }
#undef KERNEL_CASE
}
