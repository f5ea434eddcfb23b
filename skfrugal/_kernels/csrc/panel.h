/* Panels: rows in the lanes, for factors whose supports have no pattern.
 *
 *     x (rows)   x[r, i]           panel   z[i, r]   one line of PANEL rows a feature
 *
 * so that one stored number, repeated over the lanes, serves PANEL rows.  Rows enter and
 * leave through LANES x LANES transposes in registers, LANES numbers of a row at a time,
 * and leave through a table of slots: output i is scale[i] z[slot[i]], plus shift[i] if
 * there is a shift.
 */

#define PANEL (LANES * PANEL_VECTORS)

INLINE void FN(transpose)(VEC *x)
{
    UNROLL for (int k = 0; k < 4; k++)
        UNROLL for (int i = 0; i < LANES; i++)
            if (1 << k < LANES && !(i & 1 << k))
                FN(exchange)(x + i, x + (i | 1 << k), 1 << k);
}

/* Missing rows of the last panel repeat its last row.  Returns whether all numbers are
 * finite: 0 times any other is not 0. */
KERNEL int FN(to_panel)(const REAL *x, ptrdiff_t ldx, ptrdiff_t n_rows, ptrdiff_t n,
                        REAL *z, int n_vectors)
{
    volatile REAL nothing = 0; /* gcc 12 takes any vector times a known 0 for 0 */
    const REAL zero = nothing;
    VEC zeros = FN(splat)(0);
    REAL sums[LANES], sum = 0;
    for (int v = 0; v < n_vectors; v++) {
        const REAL *row[LANES];
        for (int r = 0; r < LANES; r++) {
            const ptrdiff_t k = v * LANES + r;
            row[r] = x + (k < n_rows ? k : n_rows - 1) * ldx;
        }
        ptrdiff_t i = 0;
        for (; i + LANES <= n; i += LANES) {
            VEC block[LANES];
            UNROLL for (int r = 0; r < LANES; r++) block[r] = FN(load)(row[r] + i);
            UNROLL for (int r = 0; r < LANES; r++)
                zeros = FN(fma)(block[r], FN(splat)(zero), zeros);
            FN(transpose)(block);
            UNROLL for (int r = 0; r < LANES; r++)
                FN(store)(z + (i + r) * PANEL + v * LANES, block[r]);
        }
        for (; i < n; i++)
            for (int r = 0; r < LANES; r++) {
                z[i * PANEL + v * LANES + r] = row[r][i];
                sum += row[r][i] * zero;
            }
    }
    FN(store)(sums, zeros);
    for (int l = 0; l < LANES; l++) sum += sums[l];
    return sum == 0;
}

KERNEL void FN(from_panel)(const REAL *z, const int *slot, const REAL *scale,
                           const REAL *shift, REAL *y, ptrdiff_t ldy,
                           ptrdiff_t n_rows, ptrdiff_t n)
{
    for (ptrdiff_t v = 0; v * LANES < n_rows; v++, y += LANES * ldy) {
        const ptrdiff_t rows = n_rows - v * LANES < LANES ? n_rows - v * LANES : LANES;
        const REAL *from = z + v * LANES;
        ptrdiff_t i = 0;
        for (; i + LANES <= n; i += LANES) {
            VEC block[LANES];
            UNROLL for (int r = 0; r < LANES; r++)
                block[r] = FN(mul)(FN(load)(from + slot[i + r]),
                                   FN(splat)(scale[i + r]));
            if (shift) UNROLL for (int r = 0; r < LANES; r++)
                block[r] = FN(add)(block[r], FN(splat)(shift[i + r]));
            FN(transpose)(block);
            if (rows == LANES) {
                UNROLL for (int r = 0; r < LANES; r++)
                    FN(store)(y + r * ldy + i, block[r]);
            } else {
                for (int r = 0; r < rows; r++) FN(store)(y + r * ldy + i, block[r]);
            }
        }
        for (; i < n; i++)
            for (int r = 0; r < rows; r++) {
                const REAL product = from[slot[i] + r] * scale[i];
                y[r * ldy + i] = shift ? product + shift[i] : product;
            }
    }
}
