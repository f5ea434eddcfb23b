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

#include "level_swap.h"
#include "level_wide.h"

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
