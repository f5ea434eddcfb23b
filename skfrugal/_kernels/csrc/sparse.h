/* A chain of sparse factors with arbitrary supports, in the panels of panel.h.
 *
 *     z'[o, :] = sum over the numbers of row o of value z[column, :]
 *
 * Rows of a factor with equally many numbers form a group, sorted by their smallest
 * column (the order of an intermediate result is free: the next factor's columns and the
 * table of output slots follow it).  Offsets are columns times PANEL.
 * Cost: 1 product, 1 load of z and 2 of the factor a number and vector.
 */

#define ROWS_OF(size, n_vectors)                                                      \
    INLINE void FN(rows_##size##_##n_vectors)(const REAL *z, const int *offset,        \
                                              const REAL *value, REAL *to,             \
                                              ptrdiff_t count)                        \
    {                                                                                 \
        for (; count > 0; count--, offset += size, value += size, to += PANEL) {       \
            VEC sum[n_vectors];                                                       \
            UNROLL for (int k = 0; k < size; k++) {                                    \
                const REAL *from = z + offset[k];                                      \
                const VEC c = FN(splat)(value[k]);                                     \
                UNROLL for (int v = 0; v < n_vectors; v++) {                           \
                    const VEC x = FN(load)(from + v * LANES);                          \
                    sum[v] = k ? FN(fma)(c, x, sum[v]) : FN(mul)(c, x);                \
                }                                                                     \
            }                                                                         \
            UNROLL for (int v = 0; v < n_vectors; v++) FN(store)(to + v * LANES, sum[v]); \
        }                                                                             \
    }
#define RUN_FACTOR(n_vectors)                                                         \
    ROWS_OF(1, n_vectors)                                                              \
    ROWS_OF(2, n_vectors)                                                              \
    ROWS_OF(3, n_vectors)                                                              \
    ROWS_OF(4, n_vectors)                                                              \
    INLINE void FN(rows_any_##n_vectors)(const REAL *z, const int *offset,             \
                                         const REAL *value, REAL *to,                  \
                                         ptrdiff_t count, int size)                    \
    {                                                                                 \
        for (; count > 0; count--, to += PANEL) {                                      \
            VEC sum[n_vectors];                                                       \
            UNROLL for (int v = 0; v < n_vectors; v++) sum[v] = FN(splat)(0);          \
            for (int k = 0; k < size; k++, offset++, value++) {                        \
                const VEC c = FN(splat)(*value);                                       \
                UNROLL for (int v = 0; v < n_vectors; v++)                             \
                    sum[v] = FN(fma)(c, FN(load)(z + *offset + v * LANES), sum[v]);    \
            }                                                                         \
            UNROLL for (int v = 0; v < n_vectors; v++) FN(store)(to + v * LANES, sum[v]); \
        }                                                                             \
    }                                                                                 \
    KERNEL void FN(run_factor_##n_vectors)(const struct sparse_factor *factor,         \
                                           const REAL *z, REAL *to)                    \
    {                                                                                 \
        const REAL *value = (const REAL *)factor->values;                              \
        const int *offset = factor->offsets;                                           \
        for (int g = 0; g < factor->n_groups; g++) {                                   \
            const int size = factor->groups[2 * g];                                    \
            const ptrdiff_t count = factor->groups[2 * g + 1];                         \
            switch (size) {                                                           \
            case 1:                                                                   \
                FN(rows_1_##n_vectors)(z, offset, value, to, count);                   \
                break;                                                                \
            case 2:                                                                   \
                FN(rows_2_##n_vectors)(z, offset, value, to, count);                   \
                break;                                                                \
            case 3:                                                                   \
                FN(rows_3_##n_vectors)(z, offset, value, to, count);                   \
                break;                                                                \
            case 4:                                                                   \
                FN(rows_4_##n_vectors)(z, offset, value, to, count);                   \
                break;                                                                \
            default:                                                                  \
                FN(rows_any_##n_vectors)(z, offset, value, to, count, size);           \
            }                                                                         \
            offset += size * count;                                                   \
            value += size * count;                                                    \
            to += PANEL * count;                                                      \
        }                                                                             \
    }

RUN_FACTOR(1)
RUN_FACTOR(2)
#if PANEL_VECTORS > 2
RUN_FACTOR(4)
#endif

static void FN(sparse)(const struct sparse_chain *chain, const REAL *x, ptrdiff_t ldx,
                       REAL *y, ptrdiff_t ldy, ptrdiff_t start, ptrdiff_t stop,
                       REAL *scratch)
{
    REAL *const buffers[2] = {scratch, scratch + chain->width * PANEL};
    const REAL *scale = (const REAL *)chain->out_scale;
    for (; start < stop; start += PANEL) {
        const ptrdiff_t rows = stop - start < PANEL ? stop - start : PANEL;
        const int full = PANEL / LANES;
        const int n_vectors = rows <= LANES ? 1 : rows <= 2 * LANES ? 2 : full;
        int current = 0;
        FN(to_panel)(x + start * ldx, ldx, rows, chain->n_in, buffers[0], n_vectors);
        for (int k = 0; k < chain->n_factors; k++, current = !current) {
            const REAL *from = buffers[current];
            REAL *to = buffers[!current];
            if (n_vectors == 1) FN(run_factor_1)(chain->factors + k, from, to);
            else if (n_vectors == 2) FN(run_factor_2)(chain->factors + k, from, to);
#if PANEL_VECTORS > 2
            else FN(run_factor_4)(chain->factors + k, from, to);
#endif
        }
        FN(from_panel)(buffers[current], chain->out_slots, scale, NULL, y + start * ldy,
                       ldy, rows, chain->n_out);
    }
}

#undef ROWS_OF
#undef RUN_FACTOR
#undef PANEL
