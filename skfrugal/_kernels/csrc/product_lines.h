/* Rows in the lanes: a line holds one column of LINE rows. */

#ifndef SKFRUGAL_PRODUCT_LINES
#define SKFRUGAL_PRODUCT_LINES

/* Vectors of a line (more of them would not fit in L1); rows of a panel of a dense factor,
 * whose sums are in registers. */
#define PRODUCT_VECTORS 2
#define PRODUCT_ROWS (MANY_REGISTERS ? 12 : 6)
#define PRODUCT_CHUNK 64

/* Sizes of sparse rows which have code of their own */
#define EACH_SIZE(do)                                                                 \
    do(0) do(1) do(2) do(3) do(4) do(5) do(6) do(7) do(8) do(9) do(10)

#endif

#define LINE (LANES * PRODUCT_VECTORS)

/* out[i] = number i of each of LANES rows */
#if HAS_VECTORS && VECTOR_BYTES == 64 && REAL_BYTES == 4
INLINE void FN(load_turned)(const REAL *x, ptrdiff_t ldx, VEC *out)
{
    UNROLL for (int c = 0; c < LANES; c += 4) { /* quarters are put together by loads */
        __m512 t[4];
        UNROLL for (int r = 0; r < 4; r++) {
            const REAL *from = x + r * ldx + c;
            t[r] = _mm512_castps128_ps512(_mm_loadu_ps(from));
            t[r] = _mm512_insertf32x4(t[r], _mm_loadu_ps(from + 4 * ldx), 1);
            t[r] = _mm512_insertf32x4(t[r], _mm_loadu_ps(from + 8 * ldx), 2);
            t[r] = _mm512_insertf32x4(t[r], _mm_loadu_ps(from + 12 * ldx), 3);
        }
        const __m512d a = (__m512d)_mm512_unpacklo_ps(t[0], t[1]);
        const __m512d b = (__m512d)_mm512_unpackhi_ps(t[0], t[1]);
        const __m512d d = (__m512d)_mm512_unpacklo_ps(t[2], t[3]);
        const __m512d e = (__m512d)_mm512_unpackhi_ps(t[2], t[3]);
        out[c] = (VEC)_mm512_unpacklo_pd(a, d);
        out[c + 1] = (VEC)_mm512_unpackhi_pd(a, d);
        out[c + 2] = (VEC)_mm512_unpacklo_pd(b, e);
        out[c + 3] = (VEC)_mm512_unpackhi_pd(b, e);
    }
}
#else
INLINE void FN(load_turned)(const REAL *x, ptrdiff_t ldx, VEC *out)
{
    UNROLL for (int r = 0; r < LANES; r++) out[r] = FN(load)(x + r * ldx);
    FN(transpose)(out);
}
#endif

/* The same where rows or columns end, with zeros beyond. */
INLINE void FN(load_edge)(const REAL *x, ptrdiff_t ldx, ptrdiff_t rows, int columns,
                          VEC *out)
{
    REAL square[LANES * LANES];
    memset(square, 0, sizeof square);
    for (int r = 0; r < LANES && r < rows; r++)
        memcpy(square + r * LANES, x + r * ldx, columns * sizeof(REAL));
    FN(load_turned)(square, LANES, out);
}

/* Lines of n columns of the rows, whose squares are added to `squares`; n_ahead rows
 * follow these LINE.  Lanes without a row hold zeros. */
INLINE void FN(product_lines)(const REAL *x, ptrdiff_t ldx, ptrdiff_t n_rows,
                              ptrdiff_t n_ahead, ptrdiff_t n, REAL *z, REAL *squares,
                              const int n_vectors)
{
    for (int v = 0; v < n_vectors; v++, x += LANES * ldx, z += LANES) {
        const ptrdiff_t rows = n_rows - v * LANES, to_come = n_ahead - v * LANES;
        VEC sum[4] = {FN(load)(squares + v * LANES)};
        UNROLL for (int k = 1; k < 4; k++) sum[k] = FN(splat)(0);
        for (ptrdiff_t i = 0; i < n; i += LANES) {
            const int lines = (int)(n - i < LANES ? n - i : LANES);
            VEC block[LANES];
            if (rows >= LANES && lines == LANES) FN(load_turned)(x + i, ldx, block);
            else FN(load_edge)(x + i, ldx, rows, lines, block);
            UNROLL for (int r = 0; r < LANES; r++) {
                sum[r % 4] = FN(fma)(block[r], block[r], sum[r % 4]);
                if (r < lines) FN(store)(z + (i + r) * LINE, block[r]);
            }
            for (int r = 0; r < LANES && r < to_come; r++)
                PREFETCH_L2(x + (LINE + r) * ldx + i);
        }
        sum[0] = FN(add)(FN(add)(sum[0], sum[1]), FN(add)(sum[2], sum[3]));
        FN(store)(squares + v * LANES, sum[0]);
    }
}

INLINE void FN(add_line)(REAL *y, const VEC *sum, const int n_vectors)
{
    UNROLL for (int v = 0; v < n_vectors; v++)
        FN(store)(y + v * LANES, FN(add)(FN(load)(y + v * LANES), sum[v]));
}
