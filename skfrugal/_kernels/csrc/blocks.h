/* One factor of pattern (a, b, c, d), any sizes:
 *
 *     y[i, j, l] = sum over k < c of K[i, j, k, l] x[i, k, l]      x, y seen as (a, ., d)
 *
 * The lanes of an output vector run over consecutive outputs, and `rows` x V vectors stay
 * in registers while k runs:
 *
 *     d >= LANES   lanes are l, the V vectors are outputs j, j + 1, .. (d apart)
 *     d <  LANES   lanes are (j, l), d a power of two (PASS_PAD otherwise); the V vectors
 *                  are neighbours, and x[k, :] is repeated over the lanes as it is loaded
 *
 *          k:   load V coefficient vectors, load x[k] of each row, rows x V products
 *
 * A last partial vector overlaps the one before it.  A whole block smaller than a vector
 * is stored with a tail which the next block overwrites; the row's last blocks go through
 * a buffer.  Coefficients lie in the order of their use, [i][l][tile of j][k][V]; rows are
 * the innermost loop, so that a tile's coefficients stay in L1.  y must not be x.
 * Cost of a row: a b c d products.
 */

#define BLOCK_ARGUMENTS                                                               \
    const REAL *w, const REAL *x, ptrdiff_t ldx, REAL *y, ptrdiff_t ldy,               \
        ptrdiff_t n_rows, ptrdiff_t c, ptrdiff_t step_x, ptrdiff_t step_y

typedef void (*FN(block_function))(BLOCK_ARGUMENTS);

INLINE void FN(tile)(const REAL *w, const REAL *x, ptrdiff_t ldx, REAL *y,
                     ptrdiff_t ldy, ptrdiff_t c, ptrdiff_t step_x, ptrdiff_t step_y,
                     const int rows, const int vectors, const int group)
{
    VEC sum[8][4];
    const REAL *from[8];
    UNROLL for (int i = 0; i < rows; i++) {
        from[i] = x + i * ldx;
        UNROLL for (int v = 0; v < vectors; v++) sum[i][v] = FN(splat)(0);
    }
    for (ptrdiff_t k = 0; k < c; k++) {
        VEC coefficient[4];
        UNROLL for (int v = 0; v < vectors; v++) {
            coefficient[v] = FN(load)(w + v * LANES);
            if (rows > 1) IN_REGISTER(coefficient[v]);
        }
        UNROLL for (int i = 0; i < rows; i++) {
            VEC z = FN(spread)(from[i], group);
            if (vectors > 1) IN_REGISTER(z);
            UNROLL for (int v = 0; v < vectors; v++)
                sum[i][v] = FN(fma)(coefficient[v], z, sum[i][v]);
            from[i] += step_x;
        }
        w += vectors * LANES;
    }
    UNROLL for (int i = 0; i < rows; i++)
        UNROLL for (int v = 0; v < vectors; v++)
            FN(store)(y + i * ldy + v * step_y, sum[i][v]);
}

INLINE void FN(all_rows)(BLOCK_ARGUMENTS, const int vectors, const int group)
{
    enum { MOST = VECTOR_BYTES == 16 && !MANY_REGISTERS ? 4 : 6 };
#define SOME_ROWS(count)                                                              \
    for (; n_rows >= count; n_rows -= count, x += count * ldx, y += count * ldy)       \
        FN(tile)(w, x, ldx, y, ldy, c, step_x, step_y, count, vectors, group);
    SOME_ROWS(MOST)
    SOME_ROWS(4)
    SOME_ROWS(2)
    SOME_ROWS(1)
#undef SOME_ROWS
}

#define INSTANCE(vectors, group)                                                      \
    KERNEL void FN(blocks_##vectors##_##group)(BLOCK_ARGUMENTS)                        \
    {                                                                                 \
        FN(all_rows)(w, x, ldx, y, ldy, n_rows, c, step_x, step_y, vectors, group);    \
    }
#if MANY_REGISTERS
#define GROUP(group) INSTANCE(1, group) INSTANCE(2, group) INSTANCE(4, group)
#define ENTRY(group)                                                                  \
    {FN(blocks_1_##group), FN(blocks_2_##group), FN(blocks_4_##group)}
#else
#define GROUP(group) INSTANCE(1, group) INSTANCE(2, group)
#define ENTRY(group) {FN(blocks_1_##group), FN(blocks_2_##group), 0}
#endif

GROUP(1)
GROUP(2)
#if VECTOR_BYTES / REAL_BYTES >= 4
GROUP(4)
#endif
#if VECTOR_BYTES / REAL_BYTES >= 8
GROUP(8)
#endif
#if VECTOR_BYTES / REAL_BYTES >= 16
GROUP(16)
#endif

/* [log2 of the group][log2 of the vectors] */
static const FN(block_function) FN(block_functions)[][3] = {
    ENTRY(1),
    ENTRY(2),
#if VECTOR_BYTES / REAL_BYTES >= 4
    ENTRY(4),
#endif
#if VECTOR_BYTES / REAL_BYTES >= 8
    ENTRY(8),
#endif
#if VECTOR_BYTES / REAL_BYTES >= 16
    ENTRY(16),
#endif
};

/* `count` output vectors, step_y apart, which read the same x; returns the coefficients
 * after theirs. */
INLINE const REAL *FN(vectors)(const FN(block_function) *functions, const REAL *w,
                               const REAL *x, ptrdiff_t ldx, REAL *y, ptrdiff_t ldy,
                               ptrdiff_t n_rows, ptrdiff_t c, ptrdiff_t step_x,
                               ptrdiff_t step_y, ptrdiff_t count)
{
    for (int size = MANY_REGISTERS ? 2 : 1; size >= 0; size--)
        for (; count >= 1 << size; count -= 1 << size) {
            functions[size](w, x, ldx, y, ldy, n_rows, c, step_x, step_y);
            w += c * LANES << size;
            y += step_y << size;
        }
    return w;
}

/* d >= LANES */
INLINE void FN(blocks_wide)(const struct pass *p, const REAL *w, const REAL *x,
                            ptrdiff_t ldx, REAL *y, ptrdiff_t ldy, ptrdiff_t n_rows)
{
    const int last = (int)(sizeof FN(block_functions) / sizeof *FN(block_functions)) - 1;
    const FN(block_function) *functions = FN(block_functions)[last];
    for (ptrdiff_t i = 0; i < p->a; i++)
        for (ptrdiff_t l = 0; l < p->d; l += LANES) {
            const ptrdiff_t at = l + LANES <= p->d ? l : p->d - LANES;
            w = FN(vectors)(functions, w, x + i * p->c * p->d + at, ldx,
                            y + i * p->b * p->d + at, ldy, n_rows, p->c, p->d, p->d,
                            p->b);
        }
}

/* d < LANES */
INLINE void FN(blocks_narrow)(const struct pass *p, const REAL *w, const REAL *x,
                              ptrdiff_t ldx, REAL *y, ptrdiff_t ldy, ptrdiff_t n_rows)
{
    const FN(block_function) *functions = FN(block_functions)[0];
    const ptrdiff_t size = p->b * p->d, whole = size / LANES, rest = size % LANES;
    for (int d = 1; d < p->d; d *= 2) functions += 3;
    for (ptrdiff_t i = 0; i < p->a; i++) {
        const REAL *from = x + i * p->c * p->d;
        REAL *to = y + i * size;
        w = FN(vectors)(functions, w, from, ldx, to, ldy, n_rows, p->c, p->d, LANES,
                        whole);
        if (rest == 0) continue;
        if (whole > 0 || i * size + LANES <= p->n_out)
            functions[0](w, from, ldx, whole > 0 ? to + size - LANES : to, ldy, n_rows,
                         p->c, p->d, LANES);
        else
            for (ptrdiff_t row = 0; row < n_rows; row++) {
                REAL buffer[LANES];
                functions[0](w, from + row * ldx, ldx, buffer, LANES, 1, p->c, p->d,
                             LANES);
                memcpy(to + row * ldy, buffer, size * sizeof(REAL));
            }
        w += p->c * LANES;
    }
}

/* Groups of b numbers become groups of d: cut, or filled with zeros. */
INLINE void FN(regroup)(const struct pass *p, const REAL *x, ptrdiff_t ldx, REAL *y,
                        ptrdiff_t ldy, ptrdiff_t n_rows)
{
    const ptrdiff_t both = p->b < p->d ? p->b : p->d;
    for (ptrdiff_t row = 0; row < n_rows; row++, x += ldx, y += ldy)
        for (ptrdiff_t i = 0; i < p->a; i++) {
            for (ptrdiff_t l = 0; l < both; l++) y[i * p->d + l] = x[i * p->b + l];
            for (ptrdiff_t l = both; l < p->d; l++) y[i * p->d + l] = 0;
        }
}

KERNEL void FN(blocks_pass)(const struct pass *p, const REAL *w, const REAL *x,
                            ptrdiff_t ldx, REAL *y, ptrdiff_t ldy, ptrdiff_t n_rows)
{
    if (p->kind == PASS_REGROUP) FN(regroup)(p, x, ldx, y, ldy, n_rows);
    else if (p->d >= LANES) FN(blocks_wide)(p, w, x, ldx, y, ldy, n_rows);
    else FN(blocks_narrow)(p, w, x, ldx, y, ldy, n_rows);
}

#undef BLOCK_ARGUMENTS
#undef INSTANCE
#undef GROUP
#undef ENTRY
