/* The nearest row of a product of sparse and dense factors, C = A_1 ... A_J, with rows in
 * the lanes; no score is stored.
 *
 *     x (rows)  ->  tile: a line of LINE rows for each column of a block of columns
 *               ->  y_J += A_J tile, block by block      (all of y stays in L1 or L2)
 *               ->  y_j = A_j y_(j+1)
 *               ->  s_k = |c_k|^2 / 2 - (A_1 y_2)_k, its least two values and their k
 *
 * A sparse row takes, a number, 1 broadcast, PRODUCT_VECTORS loads and products; a dense
 * factor goes PRODUCT_ROWS rows at a time, one load of y for all of them.
 *
 * Rounding moves s by at most slope |x| + offset, half of what `struct nearest_product`
 * holds.  Where the least two are not farther apart than twice that, or |x|^2 exceeds
 * the limit from which on a product may overflow, or is no number, a label k is
 * returned as ~k: somebody must look again.
 */

#include "product_lines.h"
#include "product_least.h"

/* sum += the numbers of a sparse row times their lines */
INLINE void FN(product_row)(VEC *sum, const REAL *z, const int *offset,
                            const REAL *value, const int size, const int n_vectors)
{
    UNROLL for (int k = 0; k < size; k++) {
        VEC c = FN(splat)(value[k]);
        UNROLL for (int v = 0; v < n_vectors; v++)
            sum[v] = FN(fma)(c, FN(load)(z + offset[k] + v * LANES), sum[v]);
    }
}

/* The same for rows of any size, which are long. */
INLINE void FN(product_long_row)(VEC *sum, const REAL *z, const int *offset,
                                 const REAL *value, int size, const int n_vectors)
{
    for (; size >= 4; size -= 4, offset += 4, value += 4)
        FN(product_row)(sum, z, offset, value, 4, n_vectors);
    for (; size > 0; size--, offset++, value++)
        FN(product_row)(sum, z, offset, value, 1, n_vectors);
}

/* PRODUCT_ROWS rows of a dense factor: values (n_in, PRODUCT_ROWS) */
INLINE void FN(product_panel)(VEC (*sum)[PRODUCT_VECTORS], const REAL *z,
                              const REAL *value, ptrdiff_t n_in, const int n_vectors)
{
    for (ptrdiff_t i = 0; i < n_in; i++, z += LINE, value += PRODUCT_ROWS) {
        VEC x[PRODUCT_VECTORS];
        UNROLL for (int v = 0; v < n_vectors; v++) x[v] = FN(load)(z + v * LANES);
        UNROLL for (int r = 0; r < PRODUCT_ROWS; r++) {
            VEC c = FN(splat)(value[r]);
            IN_REGISTER(c);
            UNROLL for (int v = 0; v < n_vectors; v++)
                sum[r][v] = FN(fma)(c, x[v], sum[r][v]);
        }
    }
}

/* y += A z for `count` sparse rows of one size; returns what comes after them */
INLINE void FN(product_add_rows)(const REAL *z, REAL *y, const int *offset,
                                 const REAL *value, ptrdiff_t count, const int is_long,
                                 const int size, const int n_vectors)
{
    for (; count > 0; count--, offset += size + 1, value += size) {
        REAL *to = y + *offset;
        VEC sum[PRODUCT_VECTORS];
        UNROLL for (int v = 0; v < n_vectors; v++) sum[v] = FN(splat)(0);
        if (is_long) FN(product_long_row)(sum, z, offset + 1, value, size, n_vectors);
        else FN(product_row)(sum, z, offset + 1, value, size, n_vectors);
        FN(add_line)(to, sum, n_vectors);
    }
}

/* The same for a dense factor, by chunks of columns: fewer roundings in a row. */
INLINE void FN(product_add_panels)(const struct product_step *step, const REAL *z,
                                   REAL *y, const int n_vectors)
{
    const REAL *value = (const REAL *)step->values;
    for (ptrdiff_t i = 0; i < step->n_out; i += PRODUCT_ROWS, y += PRODUCT_ROWS * LINE)
        for (ptrdiff_t k = 0; k < step->n_in; k += PRODUCT_CHUNK) {
            const ptrdiff_t left = step->n_in - k;
            const ptrdiff_t n = left < PRODUCT_CHUNK ? left : PRODUCT_CHUNK;
            VEC sum[PRODUCT_ROWS][PRODUCT_VECTORS];
            UNROLL for (int r = 0; r < PRODUCT_ROWS; r++)
                UNROLL for (int v = 0; v < n_vectors; v++) sum[r][v] = FN(splat)(0);
            FN(product_panel)(sum, z + k * LINE, value, n, n_vectors);
            UNROLL for (int r = 0; r < PRODUCT_ROWS; r++)
                FN(add_line)(y + r * LINE, sum[r], n_vectors);
            value += n * PRODUCT_ROWS;
        }
}

INLINE void FN(product_add)(const struct product_step *step, const REAL *z, REAL *y,
                            const int n_vectors)
{
    const REAL *value = (const REAL *)step->values;
    const int *offset = step->offsets;
    for (int g = 0; g < step->n_groups; g++) {
        const int size = step->groups[2 * g];
        const ptrdiff_t count = step->groups[2 * g + 1];
#define ROWS_OF(s)                                                                    \
    case s:                                                                           \
        FN(product_add_rows)(z, y, offset, value, count, 0, s, n_vectors);            \
        break;
        switch (size) {
            EACH_SIZE(ROWS_OF)
        default:
            FN(product_add_rows)(z, y, offset, value, count, 1, size, n_vectors);
        }
#undef ROWS_OF
        offset += (size + 1) * count;
        value += size * count;
    }
    if (step->dense) FN(product_add_panels)(step, z, y, n_vectors);
}

/* The least scores of `count` rows of one size of the first factor (whose signs are
 * changed); heads: half a squared norm and the number k of each row */
INLINE void FN(product_least_rows)(const REAL *z, const REAL *head, const int *offset,
                                   const REAL *value, ptrdiff_t count,
                                   struct FN(least) *least, const int is_long,
                                   const int size, const int n_vectors)
{
    struct FN(least) found = *least;
    for (; count > 0; count--, head += 2, offset += size, value += size) {
        VEC sum[PRODUCT_VECTORS];
        UNROLL for (int v = 0; v < n_vectors; v++) sum[v] = FN(splat)(head[0]);
        if (is_long) FN(product_long_row)(sum, z, offset, value, size, n_vectors);
        else FN(product_row)(sum, z, offset, value, size, n_vectors);
        FN(keep_least)(&found, sum, FN(splat)(head[1]), n_vectors);
    }
    *least = found;
}

INLINE void FN(product_least)(const struct product_step *step, const REAL *head,
                              const REAL *z, struct FN(least) *least,
                              const int n_vectors)
{
    const REAL *value = (const REAL *)step->values;
    const int *offset = step->offsets;
    for (int g = 0; g < step->n_groups; g++) {
        const int size = step->groups[2 * g];
        const ptrdiff_t count = step->groups[2 * g + 1];
#define ROWS_OF(s)                                                                    \
    case s:                                                                           \
        FN(product_least_rows)(z, head, offset, value, count, least, 0, s, n_vectors);\
        break;
        switch (size) {
            EACH_SIZE(ROWS_OF)
        default:
            FN(product_least_rows)(z, head, offset, value, count, least, 1, size,
                                   n_vectors);
        }
#undef ROWS_OF
        head += 2 * count;
        offset += size * count;
        value += size * count;
    }
    if (step->dense)
        for (ptrdiff_t i = 0; i < step->n_out; i += PRODUCT_ROWS) {
            VEC sum[PRODUCT_ROWS][PRODUCT_VECTORS];
            UNROLL for (int r = 0; r < PRODUCT_ROWS; r++)
                UNROLL for (int v = 0; v < n_vectors; v++)
                    sum[r][v] = FN(splat)(head[2 * (i + r)]);
            FN(product_panel)(sum, z, value + i * step->n_in, step->n_in, n_vectors);
            UNROLL for (int r = 0; r < PRODUCT_ROWS; r++)
                FN(keep_least)(least, sum[r], FN(splat)(head[2 * (i + r) + 1]),
                               n_vectors);
        }
}

/* Each stage compiled for whole tiles, and for the few rows of a small or last one */
#define STAGES(n_vectors)                                                             \
    KERNEL void FN(product_lines_##n_vectors)(                                        \
        const REAL *x, ptrdiff_t ldx, ptrdiff_t n_rows, ptrdiff_t n_ahead,            \
        ptrdiff_t n, REAL *z, REAL *squares)                                          \
    {                                                                                 \
        FN(product_lines)(x, ldx, n_rows, n_ahead, n, z, squares, n_vectors);         \
    }                                                                                 \
    KERNEL void FN(product_add_##n_vectors)(const struct product_step *step,          \
                                            const REAL *z, REAL *y)                   \
    {                                                                                 \
        FN(product_add)(step, z, y, n_vectors);                                       \
    }                                                                                 \
    KERNEL void FN(product_least_##n_vectors)(const struct product_step *step,        \
                                              const REAL *head, const REAL *z,        \
                                              struct FN(least) *least)                \
    {                                                                                 \
        FN(product_least)(step, head, z, least, n_vectors);                           \
    }
STAGES(1)
STAGES(2)
#define STAGE(name, ...) (few ? FN(name##_1)(__VA_ARGS__) : FN(name##_2)(__VA_ARGS__))

static void FN(nearest_product)(const struct nearest_product *p, const REAL *x,
                                ptrdiff_t ldx, ptrdiff_t start, ptrdiff_t stop,
                                int32_t *labels, REAL *scratch)
{
    REAL *const squares = scratch, *const tile = squares + LINE;
    REAL *const buffers[2] = {tile + p->block * LINE,
                              tile + (p->block + p->width) * LINE};
    for (x += start * ldx; start < stop; start += LINE, x += LINE * ldx) {
        const ptrdiff_t left = stop - start, n_rows = left < LINE ? left : LINE;
        const int few = n_rows <= LANES;
        const struct product_step *step = p->steps, *last = step + p->n_steps - 1;
        const REAL *z = tile;
        struct FN(least) least = FN(no_least)();
        memset(squares, 0, LINE * sizeof(REAL));
        if (p->n_blocks) memset(buffers[0], 0, p->width * LINE * sizeof(REAL));
        else STAGE(product_lines, x, ldx, n_rows, left - LINE, p->block, tile, squares);
        for (int b = 0; b < p->n_blocks; b++, step++, z = buffers[0]) {
            STAGE(product_lines, x + b * p->block, ldx, n_rows, left - LINE, step->n_in,
                  tile, squares);
            STAGE(product_add, step, tile, buffers[0]);
        }
        for (int current = 0; step < last; step++, current = !current) {
            REAL *y = buffers[!current];
            z = buffers[current];
            memset(y, 0, p->width * LINE * sizeof(REAL));
            STAGE(product_add, step, z, y);
            z = y;
        }
        STAGE(product_least, last, (const REAL *)p->heads, z, &least);
        FN(name_least)(p, &least, squares, n_rows, labels + start);
    }
}

#undef STAGE
#undef STAGES
#undef LINE
