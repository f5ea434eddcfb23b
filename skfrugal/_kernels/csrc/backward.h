/* Gradients of a chain Y = X S_1^T S_2^T ..., with respect to its values and to X.
 *
 * A tile of rows goes forward, every level but the last output kept in scratch, and comes
 * back:
 *
 *     forward    z_s = S_s z_(s-1)                    S_s of pattern (a, b, c, d)
 *     back       dK_s[i, j, k, l] += sum over rows of g_s[i, j, l] z_(s-1)[i, k, l]
 *                g_(s-1)[i, k, l]  = sum over j of K_s[i, j, k, l] g_s[i, j, l]
 *
 * Each row is added to the gradients in turn, so that they depend on the rows and not on
 * the tile.  Layouts of the values, and of their gradients:
 *
 *     LEVEL_BASE    all levels with b = c = 2 inside a vector: for each vector of outputs
 *                   and each level the coefficients of z, and of z with lanes exchanged
 *     LEVEL_SWAP    one such level, or b = c = 4 and 4 d <= 2 LANES
 *     LEVEL_WIDE    d a multiple of LANES: (a, b, c, d) as it is, lanes are l
 *     LEVEL_PLAIN   everything else: (a, b, c, d), then for the forward (a, c, b, d)
 *
 *            z_0 = x      z_1            z_2            y
 *     rows   ----S_1----> ----S_2----> ----S_3---->
 *            <---g_0----- <---g_1----- <---g_2----- g
 *
 * Cost of a row: nnz products forward, 2 nnz back.
 */

typedef void (*FN(level_function))(const struct level *, const REAL *w, REAL *dw,
                                   const REAL *z, ptrdiff_t ldz, const REAL *g,
                                   ptrdiff_t ldg, REAL *out, ptrdiff_t ldout,
                                   ptrdiff_t n_rows);

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

/* LEVEL_WIDE, b x c of a group in registers: 1, 2 or 4 each */
INLINE void FN(wide_forward)(const struct level *p, const REAL *w, const REAL *z,
                             ptrdiff_t ldz, REAL *out, ptrdiff_t ldout,
                             ptrdiff_t n_rows, const int nb, const int nc,
                             const int first)
{
    const ptrdiff_t d = p->d, c = p->c;
    VEC k[4][4];
    UNROLL for (int i = 0; i < nb; i++)
        UNROLL for (int j = 0; j < nc; j++) {
            k[i][j] = FN(load)(w + (i * c + j) * d);
            IN_REGISTER(k[i][j]);
        }
    for (ptrdiff_t row = 0; row < n_rows; row++, z += ldz, out += ldout) {
        VEC x[4];
        UNROLL for (int j = 0; j < nc; j++) x[j] = FN(load)(z + j * d);
        UNROLL for (int i = 0; i < nb; i++) {
            VEC sum = first ? FN(mul)(k[i][0], x[0])
                            : FN(fma)(k[i][0], x[0], FN(load)(out + i * d));
            UNROLL for (int j = 1; j < nc; j++) sum = FN(fma)(k[i][j], x[j], sum);
            FN(store)(out + i * d, sum);
        }
    }
}

INLINE void FN(wide_back)(const struct level *p, const REAL *w, REAL *dw, const REAL *z,
                          ptrdiff_t ldz, const REAL *g, ptrdiff_t ldg, REAL *out,
                          ptrdiff_t ldout, ptrdiff_t n_rows, const int nb, const int nc,
                          const int first)
{
    const ptrdiff_t d = p->d, c = p->c;
    VEC k[4][4], dk[4][4];
    UNROLL for (int i = 0; i < nb; i++)
        UNROLL for (int j = 0; j < nc; j++) {
            k[i][j] = FN(load)(w + (i * c + j) * d);
            dk[i][j] = FN(load)(dw + (i * c + j) * d);
        }
    for (ptrdiff_t row = 0; row < n_rows; row++, z += ldz, g += ldg, out += ldout) {
        VEC y[4];
        UNROLL for (int i = 0; i < nb; i++) y[i] = FN(load)(g + i * d);
        UNROLL for (int j = 0; j < nc; j++) {
            const VEC x = FN(load)(z + j * d);
            VEC sum = first ? FN(mul)(k[0][j], y[0])
                            : FN(fma)(k[0][j], y[0], FN(load)(out + j * d));
            dk[0][j] = FN(fma)(y[0], x, dk[0][j]);
            UNROLL for (int i = 1; i < nb; i++) {
                sum = FN(fma)(k[i][j], y[i], sum);
                dk[i][j] = FN(fma)(y[i], x, dk[i][j]);
            }
            FN(store)(out + j * d, sum);
        }
    }
    UNROLL for (int i = 0; i < nb; i++)
        UNROLL for (int j = 0; j < nc; j++) FN(store)(dw + (i * c + j) * d, dk[i][j]);
}

/* One group of LANES columns of a block; its sides in steps of 2 and 1. */
#define STEP(size, at, whole) const int size = (whole) - (at) >= 2 ? 2 : 1
#define SIDES(CALL)                                                                   \
    do {                                                                              \
        if (nb == 2 && nc == 2) CALL(2, 2);                                           \
        else if (nb == 2) CALL(2, 1);                                                 \
        else if (nc == 2) CALL(1, 2);                                                 \
        else CALL(1, 1);                                                              \
    } while (0)
KERNEL void FN(wide_level)(const struct level *p, const REAL *w, REAL *dw, const REAL *z,
                           ptrdiff_t ldz, const REAL *g, ptrdiff_t ldg, REAL *out,
                           ptrdiff_t ldout, ptrdiff_t n_rows)
{
    const ptrdiff_t b = p->b, c = p->c, d = p->d;
    for (ptrdiff_t i = 0; i < p->a; i++)
        for (ptrdiff_t l = 0; l < d; l += LANES)
            for (ptrdiff_t j = 0; j < b; j += 2) {
                STEP(nb, j, b);
                for (ptrdiff_t k = 0; k < c; k += 2) {
                    STEP(nc, k, c);
                    const ptrdiff_t at = ((i * b + j) * c + k) * d + l;
                    const ptrdiff_t in = (i * c + k) * d + l, to = (i * b + j) * d + l;
#define FORWARD(nb, nc)                                                               \
    FN(wide_forward)(p, w + at, z + in, ldz, out + to, ldout, n_rows, nb, nc, k == 0)
#define BACK(nb, nc)                                                                  \
    FN(wide_back)(p, w + at, dw + at, z + in, ldz, g + to, ldg, out + in, ldout,       \
                  n_rows, nb, nc, j == 0)
                    if (dw) SIDES(BACK);
                    else SIDES(FORWARD);
#undef FORWARD
#undef BACK
                }
            }
}
#undef STEP
#undef SIDES

/* LEVEL_PLAIN: y (b, d) += K (c, b, d) x (c, d), the innermost loops contiguous */
INLINE void FN(plain_products)(const REAL *w, const REAL *x, REAL *y, ptrdiff_t b,
                               ptrdiff_t c, ptrdiff_t d)
{
    for (ptrdiff_t f = 0; f < b * d; f++) y[f] = 0;
    for (ptrdiff_t k = 0; k < c; k++, w += b * d, x += d) {
        if (d == 1) {
            const REAL x0 = x[0];
            for (ptrdiff_t j = 0; j < b; j++) y[j] += w[j] * x0;
        } else
            for (ptrdiff_t j = 0; j < b; j++)
                for (ptrdiff_t l = 0; l < d; l++) y[j * d + l] += w[j * d + l] * x[l];
    }
}

KERNEL void FN(plain_level)(const struct level *p, const REAL *w, REAL *dw, const REAL *z,
                            ptrdiff_t ldz, const REAL *g, ptrdiff_t ldg, REAL *out,
                            ptrdiff_t ldout, ptrdiff_t n_rows)
{
    const ptrdiff_t b = p->b, c = p->c, d = p->d, size = b * c * d;
    const REAL *transposed = w + p->a * size;
    for (ptrdiff_t i = 0; i < p->a; i++)
        for (ptrdiff_t row = 0; row < n_rows; row++) {
            const REAL *x = z + row * ldz + i * c * d;
            if (!dw) {
                FN(plain_products)(transposed + i * size, x, out + row * ldout + i * b * d,
                                   b, c, d);
                continue;
            }
            const REAL *y = g + row * ldg + i * b * d;
            REAL *to = dw + i * size;
            for (ptrdiff_t j = 0; j < b; j++, to += c * d) {
                if (d == 1) {
                    const REAL y0 = y[j];
                    for (ptrdiff_t k = 0; k < c; k++) to[k] += y0 * x[k];
                } else
                    for (ptrdiff_t k = 0; k < c; k++)
                        for (ptrdiff_t l = 0; l < d; l++)
                            to[k * d + l] += y[j * d + l] * x[k * d + l];
            }
            FN(plain_products)(w + i * size, y, out + row * ldout + i * c * d, c, b, d);
        }
}

static const FN(level_function) FN(level_functions)[] = {
    FN(base_level), FN(swap_level), FN(wide_level), FN(plain_level)};

/* Rows [start, stop) of y; scratch: tile rows, twice. */
KERNEL void FN(levels_forward)(const struct level_chain *chain, const REAL *x,
                               ptrdiff_t ldx, REAL *y, ptrdiff_t ldy, ptrdiff_t start,
                               ptrdiff_t stop, REAL *scratch)
{
    const ptrdiff_t width = chain->width, size = chain->tile * width;
    for (ptrdiff_t row = start; row < stop; row += chain->tile) {
        const ptrdiff_t n = stop - row < chain->tile ? stop - row : chain->tile;
        const REAL *z = x + row * ldx;
        ptrdiff_t ldz = ldx;
        for (int s = 0; s < chain->n_levels; s++) {
            const struct level *p = chain->levels + s;
            const int last = s == chain->n_levels - 1;
            REAL *to = last ? y + row * ldy : scratch + s % 2 * size;
            const ptrdiff_t ldto = last ? ldy : width;
            FN(level_functions)[p->kind](p, (const REAL *)chain->values + p->weights, 0, z,
                                         ldz, 0, 0, to, ldto, n);
            z = to, ldz = ldto;
        }
    }
}

/* Rows [start, stop): adds to the gradients of the values, laid out as the values, and
 * writes those of x.  Scratch: tile x (the levels' inputs but the first, two more). */
KERNEL void FN(levels_backward)(const struct level_chain *chain, const REAL *x,
                                ptrdiff_t ldx, const REAL *g, ptrdiff_t ldg, REAL *dx,
                                ptrdiff_t lddx, ptrdiff_t start, ptrdiff_t stop,
                                REAL *gradient, REAL *scratch)
{
    const FN(level_function) *functions = FN(level_functions);
    const int n_levels = chain->n_levels;
    const struct level *levels = chain->levels;
    const ptrdiff_t width = chain->width, size = chain->tile * width;
    const REAL *values = chain->values;
    REAL *turn[2] = {scratch, scratch + size};
    REAL *kept = scratch + 2 * size;
    for (ptrdiff_t row = start; row < stop; row += chain->tile) {
        const ptrdiff_t n = stop - row < chain->tile ? stop - row : chain->tile;
        const REAL *z = x + row * ldx;
        ptrdiff_t ldz = ldx;
        for (int s = 0; s < n_levels - 1; s++) {
            REAL *to = kept + s * size;
            functions[levels[s].kind](levels + s, values + levels[s].weights, 0, z, ldz, 0,
                                      0, to, width, n);
            z = to, ldz = width;
        }
        const REAL *from = g + row * ldg;
        ptrdiff_t ldfrom = ldg;
        for (int s = n_levels - 1; s >= 0; s--) {
            z = s ? kept + (s - 1) * size : x + row * ldx;
            ldz = s ? width : ldx;
            REAL *to = s ? turn[s % 2] : dx + row * lddx;
            const ptrdiff_t ldto = s ? width : lddx;
            functions[levels[s].kind](levels + s, values + levels[s].weights,
                                      gradient + levels[s].weights, z, ldz, from, ldfrom,
                                      to, ldto, n);
            from = to, ldfrom = ldto;
        }
    }
}
