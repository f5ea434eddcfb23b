/* Levels across vectors, and all others, of a chain's backward pass; see backward.h. */

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
