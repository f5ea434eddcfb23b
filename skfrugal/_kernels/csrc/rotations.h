/* A long sequence of plane rotations on arbitrary pairs, in unit (fast Givens) form.
 *
 * With x_i = d_i z_i, a rotation by (c, s) of the pair (i, j), |c| >= |s|, is
 *     z_i <- z_i + p z_j,   z_j <- z_j + q z_i (the old one),   d_i, d_j <- c d_i, c d_j
 * with p = (s / c) d_j / d_i and q = -(s / c) d_i / d_j: two operations instead of four.
 * Where |s| > |c| the roles of the two slots are exchanged, so that no factor is below
 * 1 / sqrt 2; d is multiplied in before it can underflow (a group of length 0).
 *
 * Rotations were ordered into paths which share a register (_rotation_paths.pyx):
 *
 *     slots  a --- b --- c --- d     3 rotations, 4 loads, 4 stores instead of 6 and 6
 *
 * and paths on disjoint slots into groups of one length, in the panel of panel.h.
 * Cost: 2 products, 2 coefficients, 1.25 to 2 loads and stores a rotation and vector.
 */

#define PATHS(length, n_vectors)                                                      \
    INLINE void FN(paths_##length##_##n_vectors)(REAL *z, const int *slot,             \
                                                 const REAL *w, ptrdiff_t count)       \
    {                                                                                 \
        for (; count > 0; count--, slot += length + 1, w += 2 * length) {              \
            VEC carried[n_vectors];                                                   \
            REAL *at[length + 1]; /* read before the stores, which may alias */        \
            UNROLL for (int k = 0; k <= length; k++) at[k] = z + slot[k];              \
            UNROLL for (int v = 0; v < n_vectors; v++)                                 \
                carried[v] = FN(load)(at[0] + v * LANES);                              \
            UNROLL for (int k = 0; k < length; k++) {                                  \
                const VEC p = FN(splat)(w[2 * k]), q = FN(splat)(w[2 * k + 1]);        \
                UNROLL for (int v = 0; v < n_vectors; v++) {                           \
                    VEC x = FN(load)(at[k + 1] + v * LANES);                           \
                    IN_REGISTER(x);                                                   \
                    FN(store)(at[k] + v * LANES, FN(fma)(p, x, carried[v]));           \
                    carried[v] = FN(fma)(q, carried[v], x);                            \
                }                                                                     \
            }                                                                         \
            UNROLL for (int v = 0; v < n_vectors; v++)                                 \
                FN(store)(at[length] + v * LANES, carried[v]);                         \
        }                                                                             \
    }
#define RUN_PATHS(n_vectors)                                                          \
    PATHS(1, n_vectors)                                                                \
    PATHS(2, n_vectors)                                                                \
    PATHS(3, n_vectors)                                                                \
    PATHS(4, n_vectors)                                                                \
    KERNEL void FN(run_paths_##n_vectors)(const struct rotations *plan, REAL *z)       \
    {                                                                                 \
        const REAL *w = (const REAL *)plan->weights;                                   \
        const int *slot = plan->slots;                                                 \
        for (int g = 0; g < plan->n_groups; g++) {                                     \
            const int length = plan->groups[2 * g];                                    \
            const ptrdiff_t count = plan->groups[2 * g + 1];                           \
            switch (length) {                                                         \
            case 0:                                                                   \
                for (ptrdiff_t i = 0; i < count; i++)                                  \
                    UNROLL for (int v = 0; v < n_vectors; v++) {                       \
                        REAL *p = z + i * PANEL + v * LANES;                           \
                        FN(store)(p, FN(mul)(FN(splat)(w[i]), FN(load)(p)));           \
                    }                                                                 \
                w += count;                                                           \
                continue;                                                             \
            case 1:                                                                   \
                FN(paths_1_##n_vectors)(z, slot, w, count);                            \
                break;                                                                \
            case 2:                                                                   \
                FN(paths_2_##n_vectors)(z, slot, w, count);                            \
                break;                                                                \
            case 3:                                                                   \
                FN(paths_3_##n_vectors)(z, slot, w, count);                            \
                break;                                                                \
            default:                                                                  \
                FN(paths_4_##n_vectors)(z, slot, w, count);                            \
            }                                                                         \
            slot += (length + 1) * count;                                              \
            w += 2 * length * count;                                                   \
        }                                                                             \
    }

RUN_PATHS(1)
RUN_PATHS(2)
#if PANEL_VECTORS > 2
RUN_PATHS(4)
#endif

/* Returns whether the rows are finite. */
static int FN(rotations)(const struct rotations *plan, const REAL *x, ptrdiff_t ldx,
                         REAL *y, ptrdiff_t ldy, ptrdiff_t start, ptrdiff_t stop,
                         REAL *z, const REAL *shift)
{
    int is_finite = 1;
    const REAL *scale = (const REAL *)plan->out_scale;
    for (; start < stop; start += PANEL) {
        const ptrdiff_t rows = stop - start < PANEL ? stop - start : PANEL;
        const int full = PANEL / LANES;
        const int n_vectors = rows <= LANES ? 1 : rows <= 2 * LANES ? 2 : full;
        is_finite &= FN(to_panel)(x + start * ldx, ldx, rows, plan->n, z, n_vectors);
        if (n_vectors == 1) FN(run_paths_1)(plan, z);
        else if (n_vectors == 2) FN(run_paths_2)(plan, z);
#if PANEL_VECTORS > 2
        else FN(run_paths_4)(plan, z);
#endif
        FN(from_panel)(z, plan->out_slots, scale, shift, y + start * ldy, ldy, rows,
                       plan->n_out);
    }
    return is_finite;
}

#undef PATHS
#undef RUN_PATHS
