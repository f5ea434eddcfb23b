/* Levels inside a vector of a chain's backward pass; the layouts are in backward.h. */

/* LEVEL_SWAP: c coefficients of an output, of z at the lanes l ^ t d, t < c.  Where
 * c d = 2 LANES the larger t come from the neighbouring vector. */
INLINE void FN(swap_forward)(const struct level *p, const REAL *w, const REAL *z,
                             ptrdiff_t ldz, REAL *out, ptrdiff_t ldout,
                             ptrdiff_t n_rows, const int c, const int d)
{
    const int n_vectors = c * d > LANES ? 2 : 1;
    for (ptrdiff_t f = 0; f < p->n_out; f += n_vectors * LANES) {
        VEC k[2][4];
        UNROLL for (int v = 0; v < n_vectors; v++)
            UNROLL for (int t = 0; t < c; t++, w += LANES) k[v][t] = FN(load)(w);
        for (ptrdiff_t row = 0; row < n_rows; row++) {
            VEC x[2];
            UNROLL for (int v = 0; v < n_vectors; v++)
                x[v] = FN(load)(z + row * ldz + f + v * LANES);
            UNROLL for (int v = 0; v < n_vectors; v++) {
                VEC sum = FN(mul)(k[v][0], x[v]);
                UNROLL for (int t = 1; t < c; t++)
                    sum = FN(fma)(k[v][t], FN(swap)(x[(v ^ t * d / LANES) & (n_vectors - 1)], t * d % LANES),
                                  sum);
                FN(store)(out + row * ldout + f + v * LANES, sum);
            }
        }
    }
}

INLINE void FN(swap_back)(const struct level *p, const REAL *w, REAL *dw, const REAL *z,
                          ptrdiff_t ldz, const REAL *g, ptrdiff_t ldg, REAL *out,
                          ptrdiff_t ldout, ptrdiff_t n_rows, const int c, const int d)
{
    const int n_vectors = c * d > LANES ? 2 : 1;
    const int n = n_vectors * c;
    for (ptrdiff_t f = 0; f < p->n_out; f += n_vectors * LANES) {
        VEC k[8], dk[8];
        UNROLL for (int i = 0; i < n; i++) {
            k[i] = FN(load)(w + i * LANES);
            dk[i] = FN(load)(dw + i * LANES);
        }
        for (ptrdiff_t row = 0; row < n_rows; row++) {
            VEC x[2], sum[2];
            UNROLL for (int v = 0; v < n_vectors; v++) {
                x[v] = FN(load)(z + row * ldz + f + v * LANES);
                sum[v] = FN(splat)(0);
            }
            UNROLL for (int v = 0; v < n_vectors; v++) {
                const VEC y = FN(load)(g + row * ldg + f + v * LANES);
                UNROLL for (int t = 0; t < c; t++) {
                    const int from = (v ^ t * d / LANES) & (n_vectors - 1);
                    const int s = t * d % LANES;
                    dk[v * c + t] = FN(fma)(y, FN(swap)(x[from], s), dk[v * c + t]);
                    sum[from] = FN(add)(sum[from], FN(swap)(FN(mul)(k[v * c + t], y), s));
                }
            }
            UNROLL for (int v = 0; v < n_vectors; v++)
                FN(store)(out + row * ldout + f + v * LANES, sum[v]);
        }
        UNROLL for (int i = 0; i < n; i++) FN(store)(dw + i * LANES, dk[i]);
        w += n * LANES;
        dw += n * LANES;
    }
}

#define SWAP_CASES(CALL)                                                              \
    switch (p->c * 16 + p->d) {                                                       \
    case 33: CALL(2, 1); return;                                                      \
    case 34: CALL(2, 2); return;                                                      \
    case 36: CALL(2, 4); return;                                                      \
    case 40: CALL(2, 8); return;                                                      \
    case 65: CALL(4, 1); return;                                                      \
    case 66: CALL(4, 2); return;                                                      \
    case 68: CALL(4, 4); return;                                                      \
    default: CALL(4, 8); return;                                                      \
    }
#define FORWARD(c, d) FN(swap_forward)(p, w, z, ldz, out, ldout, n_rows, c, d)
#define BACK(c, d) FN(swap_back)(p, w, dw, z, ldz, g, ldg, out, ldout, n_rows, c, d)
KERNEL void FN(swap_level)(const struct level *p, const REAL *w, REAL *dw, const REAL *z,
                           ptrdiff_t ldz, const REAL *g, ptrdiff_t ldg, REAL *out,
                           ptrdiff_t ldout, ptrdiff_t n_rows)
{
    if (dw) SWAP_CASES(BACK)
    SWAP_CASES(FORWARD)
}
#undef SWAP_CASES
#undef FORWARD
#undef BACK

/* LEVEL_BASE: all levels with b = c = 2 inside a vector, d = 1, 2, 4, ..  Each vector
 * goes through them in registers, forward again on the way back. */
#define BASE_LEVELS (LANES == 16 ? 4 : LANES == 8 ? 3 : LANES == 4 ? 2 : 1)
KERNEL void FN(base_forward)(const struct level *p, const REAL *w, const REAL *z,
                             ptrdiff_t ldz, REAL *out, ptrdiff_t ldout, ptrdiff_t n_rows)
{
    for (ptrdiff_t f = 0; f < p->n_out; f += LANES, w += 2 * BASE_LEVELS * LANES) {
        VEC k[2 * BASE_LEVELS];
        UNROLL for (int i = 0; i < 2 * BASE_LEVELS; i++) k[i] = FN(load)(w + i * LANES);
        for (ptrdiff_t row = 0; row < n_rows; row++) {
            VEC x = FN(load)(z + row * ldz + f);
            UNROLL for (int s = 0; s < BASE_LEVELS; s++)
                x = FN(fma)(k[2 * s + 1], FN(swap)(x, 1 << s), FN(mul)(k[2 * s], x));
            FN(store)(out + row * ldout + f, x);
        }
    }
}

KERNEL void FN(base_back)(const struct level *p, const REAL *w, REAL *dw, const REAL *z,
                          ptrdiff_t ldz, const REAL *g, ptrdiff_t ldg, REAL *out,
                          ptrdiff_t ldout, ptrdiff_t n_rows)
{
    for (ptrdiff_t f = 0; f < p->n_out; f += LANES) {
        VEC k[2 * BASE_LEVELS], dk[2 * BASE_LEVELS];
        UNROLL for (int i = 0; i < 2 * BASE_LEVELS; i++) {
            k[i] = FN(load)(w + i * LANES);
            dk[i] = FN(load)(dw + i * LANES);
        }
        for (ptrdiff_t row = 0; row < n_rows; row++) {
            VEC x[BASE_LEVELS], swapped[BASE_LEVELS];
            VEC y = FN(load)(g + row * ldg + f);
            x[0] = FN(load)(z + row * ldz + f);
            UNROLL for (int s = 0; s < BASE_LEVELS; s++) {
                swapped[s] = FN(swap)(x[s], 1 << s);
                if (s + 1 < BASE_LEVELS)
                    x[s + 1] = FN(fma)(k[2 * s + 1], swapped[s], FN(mul)(k[2 * s], x[s]));
            }
            UNROLL for (int s = BASE_LEVELS - 1; s >= 0; s--) {
                dk[2 * s] = FN(fma)(y, x[s], dk[2 * s]);
                dk[2 * s + 1] = FN(fma)(y, swapped[s], dk[2 * s + 1]);
                y = FN(fma)(k[2 * s], y, FN(swap)(FN(mul)(k[2 * s + 1], y), 1 << s));
            }
            FN(store)(out + row * ldout + f, y);
        }
        UNROLL for (int i = 0; i < 2 * BASE_LEVELS; i++)
            FN(store)(dw + i * LANES, dk[i]);
        w += 2 * BASE_LEVELS * LANES;
        dw += 2 * BASE_LEVELS * LANES;
    }
}

KERNEL void FN(base_level)(const struct level *p, const REAL *w, REAL *dw, const REAL *z,
                           ptrdiff_t ldz, const REAL *g, ptrdiff_t ldg, REAL *out,
                           ptrdiff_t ldout, ptrdiff_t n_rows)
{
    if (dw) FN(base_back)(p, w, dw, z, ldz, g, ldg, out, ldout, n_rows);
    else FN(base_forward)(p, w, z, ldz, out, ldout, n_rows);
}
#undef BASE_LEVELS
