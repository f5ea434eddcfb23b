/* Levels of K x K blocks, K = 2 or 4, fused: the passes of square dyadic chains.
 *
 * A level of stride s combines K features that are s apart.  With K = 2^k its outputs are
 *     full form   y_i = sum over t < K of w_(t, i) x_(i xor t s)
 *     unit form   the same with w_(0, i) = 1: one operation and one number less
 * The unit form moves the diagonals of all levels to one place (see _packing.py): a base
 * pass multiplies by it, before its levels going up, after them going down.
 *
 * A pass loads V = 2^q vectors, runs several levels on them in registers, stores them:
 *
 *     base pass, q = 2, K = 2         x0 x1 x2 x3    neighbours: 4 LANES features
 *       strides 1, 2, .. LANES/2: one shuffle and one product in each vector,
 *       strides LANES, 2 LANES:   (x0 x1) (x2 x3), then (x0 x2) (x1 x3)
 *     outer pass, q = 2               x0 ... x1 ... x2 ... x3    `stride` apart
 *       strides `stride`, 2 `stride`, the same pairs; K = 4: one block of all four
 *
 * Blocks of coefficients are the outer loop and the rows of a tile the inner one, so that
 * a block's coefficients are read from L1, and `rows` rows share each load.  Coefficients
 * lie in the order of their use.  `down` runs the levels from the largest stride.
 * Cost of a row and pass in unit form: n (K - 1) products a level, n reads, n writes,
 * 1 / rows of the coefficients.  y may be x.
 */

#define ARGUMENTS                                                                     \
    const REAL *restrict w, const REAL *x, ptrdiff_t ldx, REAL *y, ptrdiff_t ldy,      \
        ptrdiff_t n_rows, ptrdiff_t n, ptrdiff_t stride, const REAL *next,             \
        ptrdiff_t ldnext

typedef void (*FN(pass_function))(ARGUMENTS);

/* One level on the vectors of a block; s counts numbers as if the vectors were
 * neighbours, so that s < LANES shuffles inside them.  Returns the next coefficient. */
INLINE const REAL *FN(level)(VEC (*x)[16], const REAL *w, const int vectors,
                             const int rows, const int radix, const int full,
                             const int s)
{
    const int apart = s < LANES ? 1 : s / LANES;
    const int group = radix * s <= LANES ? 1 : radix * s / LANES / apart;
    UNROLL for (int j = 0; j < vectors; j++) {
        VEC old[4][4];
        if (j / apart % group) continue; /* not the first of its group */
        UNROLL for (int m = 0; m < group; m++)
            UNROLL for (int i = 0; i < rows; i++) old[i][m] = x[i][j + m * apart];
        UNROLL for (int m = 0; m < group; m++)
            UNROLL for (int t = full ? 0 : 1; t < radix; t++) {
                const int other = m ^ (t * s / LANES / apart), lane = t * s % LANES;
                VEC c = FN(load)(w);
                if (rows > 1) IN_REGISTER(c);
                w += LANES;
                UNROLL for (int i = 0; i < rows; i++) {
                    VEC *y = &x[i][j + m * apart];
                    VEC z = FN(swap)(old[i][other], lane);
                    *y = t ? FN(fma)(c, z, *y) : FN(mul)(c, z);
                }
            }
    }
    return w;
}

INLINE const REAL *FN(scale)(VEC (*x)[16], const REAL *w, const int vectors,
                             const int rows)
{
    UNROLL for (int j = 0; j < vectors; j++) {
        VEC d = FN(load)(w + j * LANES);
        if (rows > 1) IN_REGISTER(d);
        UNROLL for (int i = 0; i < rows; i++) x[i][j] = FN(mul)(d, x[i][j]);
    }
    return w + vectors * LANES;
}

/* One block of features for `rows` rows: levels of stride first, ... last. */
INLINE void FN(block)(const REAL *w, const REAL *const *from, REAL *const *to,
                      ptrdiff_t stride, const int base, const int q, const int levels,
                      const int rows, const int radix, const int full, const int down,
                      const int stream)
{
    const int vectors = 1 << q;
    const int first = base ? 1 : LANES;
    VEC x[4][16];
    UNROLL for (int j = 0; j < vectors; j++)
        UNROLL for (int i = 0; i < rows; i++) {
            x[i][j] = FN(load)(from[i] + j * (base ? LANES : stride));
            IN_REGISTER(x[i][j]); /* or each of its uses loads it */
        }
    if (base && !full && !down) w = FN(scale)(x, w, vectors, rows);
    UNROLL for (int k = 0; k < levels; k++) {
        const int s = first << (down ? levels - 1 - k : k) * (radix == 4 ? 2 : 1);
        w = FN(level)(x, w, vectors, rows, radix, full, s);
    }
    if (base && !full && down) w = FN(scale)(x, w, vectors, rows);
    UNROLL for (int j = 0; j < vectors; j++)
        UNROLL for (int i = 0; i < rows; i++) {
            REAL *p = to[i] + j * (base ? LANES : stride);
            if (stream) FN(stream)(p, x[i][j]);
            else FN(store)(p, x[i][j]);
        }
}

INLINE void FN(run_pass)(ARGUMENTS, const int base, const int q, const int rows,
                         const int radix, const int full, const int down,
                         const int stream)
{
    const int inner = LANES == 16 ? 4 : LANES == 8 ? 3 : LANES == 4 ? 2 : 1;
    const int levels = ((base ? inner : 0) + q) / (radix == 4 ? 2 : 1);
    const ptrdiff_t step = (ptrdiff_t)(levels * (radix - 1 + full) + (base && !full))
                           * LANES << q;
    const ptrdiff_t span = base ? LANES : stride;
    /* Few coefficients stay in registers for all rows; many would be hoisted out of the
     * loop only to be spilled. */
    const int keep = step / LANES + (rows << q) + 2 <= (MANY_REGISTERS ? 32 : 16);
    /* A row's vectors in one cache line follow each other: rows whose distance is a power
     * of two fall on the same sets, and half a line would be lost before its rest comes. */
    const int line = 64 / VECTOR_BYTES;
    const int together = base || stride < line * LANES ? 1 : line;
    const REAL *from[4];
    REAL *to[4];
    for (ptrdiff_t start = 0; start < n; start += span << q)
        for (ptrdiff_t l = start; l < start + span; l += together * LANES) {
            UNROLL for (int i = 0; i < rows; i++) {
                from[i] = x + l + i * ldx;
                to[i] = y + l + i * ldy;
            }
            for (ptrdiff_t row = 0; row < n_rows; row += rows) {
                const REAL *again = w;
                if (!keep) OPAQUE(again);
                for (int k = 0; k < together; k++, again += step) {
                    if (stream && k == 0)
                        UNROLL for (int i = 0; i < rows; i++)
                            UNROLL for (int j = 0; j < 1 << q; j++)
                                PREFETCH(next + l + (row + i) * ldnext + j * stride);
                    FN(block)(again, from, to, stride, base, q, levels, rows, radix,
                              full, down, stream);
                    UNROLL for (int i = 0; i < rows; i++) {
                        from[i] += LANES;
                        to[i] += LANES;
                    }
                }
                UNROLL for (int i = 0; i < rows; i++) {
                    from[i] += rows * ldx - together * LANES;
                    to[i] += rows * ldy - together * LANES;
                }
            }
            w += together * step;
        }
}

#define INSTANCE(name, base, q, rows, radix, full, down, stream)                      \
    KERNEL void FN(name)(ARGUMENTS)                                                    \
    {                                                                                 \
        FN(run_pass)(w, x, ldx, y, ldy, n_rows, n, stride, next, ldnext, base, q,      \
                     rows, radix, full, down, stream);                                \
    }
#define ALL_FORMS(name, base, q, rows, radix)                                         \
    INSTANCE(name##_up, base, q, rows, radix, 0, 0, 0)                                 \
    INSTANCE(name##_down, base, q, rows, radix, 0, 1, 0)                               \
    INSTANCE(name##_full_up, base, q, rows, radix, 1, 0, 0)                            \
    INSTANCE(name##_full_down, base, q, rows, radix, 1, 1, 0)
#define STREAMED(name, q, rows, radix)                                                \
    INSTANCE(name##_stream, 0, q, rows, radix, 0, 0, 1)                                \
    INSTANCE(name##_full_stream, 0, q, rows, radix, 1, 0, 1)

ALL_FORMS(base_0_1, 1, 0, 1, 2)
ALL_FORMS(base_0_2, 1, 0, 2, 2)
ALL_FORMS(base_0_4, 1, 0, 4, 2)
ALL_FORMS(base_1_1, 1, 1, 1, 2)
ALL_FORMS(base_1_2, 1, 1, 2, 2)
ALL_FORMS(base_1_4, 1, 1, 4, 2)
ALL_FORMS(base_2_1, 1, 2, 1, 2)
ALL_FORMS(base_2_2, 1, 2, 2, 2)
ALL_FORMS(base_3_1, 1, 3, 1, 2)
ALL_FORMS(base_3_2, 1, 3, 2, 2)
ALL_FORMS(base_4_1, 1, 4, 1, 2)
ALL_FORMS(outer_1_1, 0, 1, 1, 2)
ALL_FORMS(outer_1_2, 0, 1, 2, 2)
ALL_FORMS(outer_1_4, 0, 1, 4, 2)
ALL_FORMS(outer_2_1, 0, 2, 1, 2)
ALL_FORMS(outer_2_2, 0, 2, 2, 2)
ALL_FORMS(outer_3_1, 0, 3, 1, 2)
ALL_FORMS(outer_3_2, 0, 3, 2, 2)
ALL_FORMS(outer_4_1, 0, 4, 1, 2)
STREAMED(outer_1_1, 1, 1, 2)
STREAMED(outer_1_2, 1, 2, 2)
STREAMED(outer_1_4, 1, 4, 2)
STREAMED(outer_2_1, 2, 1, 2)
STREAMED(outer_2_2, 2, 2, 2)
STREAMED(outer_3_1, 3, 1, 2)
STREAMED(outer_3_2, 3, 2, 2)
STREAMED(outer_4_1, 4, 1, 2)

/* radix 4: an even number of levels of radix 2 */
#if VECTOR_BYTES / REAL_BYTES == 4 || VECTOR_BYTES / REAL_BYTES == 16
ALL_FORMS(base4_0_1, 1, 0, 1, 4)
ALL_FORMS(base4_0_2, 1, 0, 2, 4)
ALL_FORMS(base4_2_1, 1, 2, 1, 4)
ALL_FORMS(base4_2_2, 1, 2, 2, 4)
#define BASE4(suffix)                                                                 \
    {                                                                                 \
        {FN(base4_0_1##suffix), FN(base4_0_2##suffix), 0}, {0, 0, 0},                  \
            {FN(base4_2_1##suffix), FN(base4_2_2##suffix), 0}, {0, 0, 0}, {0, 0, 0}    \
    }
#else
ALL_FORMS(base4_1_1, 1, 1, 1, 4)
ALL_FORMS(base4_1_2, 1, 1, 2, 4)
ALL_FORMS(base4_3_1, 1, 3, 1, 4)
#define BASE4(suffix)                                                                 \
    {                                                                                 \
        {0, 0, 0}, {FN(base4_1_1##suffix), FN(base4_1_2##suffix), 0}, {0, 0, 0},       \
            {FN(base4_3_1##suffix), 0, 0}, {0, 0, 0}                                   \
    }
#endif
ALL_FORMS(outer4_2_1, 0, 2, 1, 4)
ALL_FORMS(outer4_2_2, 0, 2, 2, 4)
ALL_FORMS(outer4_2_4, 0, 2, 4, 4)
ALL_FORMS(outer4_4_1, 0, 4, 1, 4)
STREAMED(outer4_2_1, 2, 1, 4)
STREAMED(outer4_2_2, 2, 2, 4)
STREAMED(outer4_2_4, 2, 4, 4)
STREAMED(outer4_4_1, 4, 1, 4)

/* [radix 4][full][down or stream][q][rows: 1, 2, 4]; the planner asks only for what is
 * there */
#define BASE(suffix)                                                                  \
    {                                                                                 \
        {FN(base_0_1##suffix), FN(base_0_2##suffix), FN(base_0_4##suffix)},            \
            {FN(base_1_1##suffix), FN(base_1_2##suffix), FN(base_1_4##suffix)},        \
            {FN(base_2_1##suffix), FN(base_2_2##suffix), 0},                           \
            {FN(base_3_1##suffix), FN(base_3_2##suffix), 0},                           \
            {FN(base_4_1##suffix), 0, 0},                                              \
    }
#define OUTER(suffix)                                                                 \
    {                                                                                 \
        {0, 0, 0},                                                                     \
            {FN(outer_1_1##suffix), FN(outer_1_2##suffix), FN(outer_1_4##suffix)},     \
            {FN(outer_2_1##suffix), FN(outer_2_2##suffix), 0},                         \
            {FN(outer_3_1##suffix), FN(outer_3_2##suffix), 0},                         \
            {FN(outer_4_1##suffix), 0, 0},                                             \
    }
#define OUTER4(suffix)                                                                \
    {                                                                                 \
        {0, 0, 0}, {0, 0, 0},                                                          \
            {FN(outer4_2_1##suffix), FN(outer4_2_2##suffix), FN(outer4_2_4##suffix)},  \
            {0, 0, 0}, {FN(outer4_4_1##suffix), 0, 0},                                 \
    }

static const FN(pass_function) FN(base_passes)[2][2][2][5][3] = {
    {{BASE(_up), BASE(_down)}, {BASE(_full_up), BASE(_full_down)}},
    {{BASE4(_up), BASE4(_down)}, {BASE4(_full_up), BASE4(_full_down)}},
};
static const FN(pass_function) FN(outer_passes)[2][2][3][5][3] = {
    {{OUTER(_up), OUTER(_down), OUTER(_stream)},
     {OUTER(_full_up), OUTER(_full_down), OUTER(_full_stream)}},
    {{OUTER4(_up), OUTER4(_down), OUTER4(_stream)},
     {OUTER4(_full_up), OUTER4(_full_down), OUTER4(_full_stream)}},
};

INLINE FN(pass_function) FN(find_pass)(const struct pass *p, int size, int stream)
{
    const int four = p->radix == 4;
    const int full = p->kind == PASS_BASE_FULL || p->kind == PASS_OUTER_FULL;
    if (p->kind == PASS_BASE || p->kind == PASS_BASE_FULL)
        return FN(base_passes)[four][full][p->down][p->q][size];
    return FN(outer_passes)[four][full][p->down ? 1 : stream ? 2 : 0][p->q][size];
}

/* A whole pass: as many rows as possible together, the odd ones in smaller groups.  A
 * pass that streams also fetches `next`, the rows of the next tile. */
INLINE void FN(butterfly_pass)(const struct pass *p, const REAL *w, const REAL *x,
                               ptrdiff_t ldx, REAL *y, ptrdiff_t ldy, ptrdiff_t n_rows,
                               const REAL *next, ptrdiff_t ldnext, int stream)
{
    for (int size = p->rows == 4 ? 2 : p->rows == 2; size >= 0 && n_rows > 0; size--) {
        const ptrdiff_t some = n_rows >> size << size;
        const FN(pass_function) function = FN(find_pass)(p, size, stream);
        if (some && function) {
            function(w, x, ldx, y, ldy, some, p->n_in, p->stride, next, ldnext);
            x += some * ldx;
            y += some * ldy;
            next += some * ldnext;
            n_rows -= some;
        }
    }
}

#undef ARGUMENTS
#undef INSTANCE
#undef ALL_FORMS
#undef STREAMED
#undef BASE
#undef BASE4
#undef OUTER
#undef OUTER4
