/* Rows as the tiles of kernel_tile.h read them: u = scale (x - origin), in double until
 * it is rounded, KERNEL_ROWS rows interleaved; and the term of each row.
 *
 * Where sums of products become squared distances (radius >= 0) the term is -|u|^2 / 2 of
 * the rounded row.  A row so far off that all its values are 0 is packed as zeros with a
 * term that makes them 0: the product cannot overflow.
 *
 * Cost: a few instructions a number, once for all landmarks.
 */

/* Where the parts of the scratch begin. */
struct FN(kernel_scratch) {
    REAL *rows, *terms, *row, *values;
    double *sums;
};

INLINE struct FN(kernel_scratch)
    FN(kernel_scratch_of)(const struct landmarks *k, ptrdiff_t tile, void *scratch)
{
    struct FN(kernel_scratch) s;
    s.values = (REAL *)scratch;
    s.terms = s.values + KERNEL_ROWS * KERNEL_PANEL;
    s.row = s.terms + (tile + LANES - 1) / LANES * LANES;
    s.rows = s.row + (k->n_features + LANES - 1) / LANES * LANES;
    s.sums = (double *)(s.rows + (tile * k->n_features + LANES - 1) / LANES * LANES);
    return s;
}

INLINE double FN(kernel_number)(const void *x, ptrdiff_t i, const int wide_rows)
{
    return wide_rows ? ((const double *)x)[i] : (double)((const float *)x)[i];
}

/* The factor that makes a row one of length 1; 0 for a row of zeros. */
INLINE double FN(kernel_inverse_norm)(const void *x, ptrdiff_t n, const int wide_rows)
{
    double largest = 0, sum = 0;
    for (ptrdiff_t i = 0; i < n; i++) {
        const double size = fabs(FN(kernel_number)(x, i, wide_rows));
        largest = size > largest ? size : largest;
    }
    if (largest == 0) return 0;
    for (ptrdiff_t i = 0; i < n; i++) {
        const double part = FN(kernel_number)(x, i, wide_rows) / largest;
        sum += part * part;
    }
    return 1 / sqrt(sum) / largest;
}

/* One row, scaled; returns its squared norm. */
INLINE double FN(kernel_row)(const struct landmarks *k, const void *x, REAL *row,
                             const int wide_rows)
{
    const ptrdiff_t n = k->n_features;
    double sums[8] = {0};
    const double scale =
        k->normalise ? FN(kernel_inverse_norm)(x, n, wide_rows) : k->scale;
    for (ptrdiff_t i = 0; i < n; i++)
        row[i] = (REAL)((FN(kernel_number)(x, i, wide_rows) - k->origin[i]) * scale);
    if (k->radius < 0) return 0;
    for (ptrdiff_t i = 0; i + 8 <= n; i += 8)
        for (int j = 0; j < 8; j++) sums[j] += (double)row[i + j] * (double)row[i + j];
    for (ptrdiff_t i = n / 8 * 8; i < n; i++)
        sums[i % 8] += (double)row[i] * (double)row[i];
    return ((sums[0] + sums[4]) + (sums[2] + sums[6]))
           + ((sums[1] + sums[5]) + (sums[3] + sums[7]));
}

/* Packs n_rows rows, and rows of zeros up to a multiple of KERNEL_ROWS. */
KERNEL ptrdiff_t FN(kernel_pack)(const struct landmarks *k, const void *x, int wide_rows,
                                 ptrdiff_t ldx, ptrdiff_t first, ptrdiff_t n_rows,
                                 const struct FN(kernel_scratch) *s)
{
    const ptrdiff_t n = k->n_features;
    const ptrdiff_t padded = (n_rows + KERNEL_ROWS - 1) / KERNEL_ROWS * KERNEL_ROWS;
    for (ptrdiff_t r = 0; r < padded; r++) {
        REAL *u = s->rows + r / KERNEL_ROWS * KERNEL_ROWS * n + r % KERNEL_ROWS;
        double norm = 0, beyond;
        if (r >= n_rows)
            for (ptrdiff_t i = 0; i < n; i++) s->row[i] = 0;
        else if (wide_rows)
            norm = FN(kernel_row)(k, (const double *)x + (first + r) * ldx, s->row, 1);
        else
            norm = FN(kernel_row)(k, (const float *)x + (first + r) * ldx, s->row, 0);
        beyond = sqrt(norm) - k->radius;
        s->terms[r] = (REAL)(-norm / 2);
        if (k->radius >= 0 && beyond > 0 && beyond * beyond > 2 * KERNEL_NOTHING) {
            s->terms[r] = (REAL)-KERNEL_NOTHING;
            for (ptrdiff_t i = 0; i < n; i++) u[i * KERNEL_ROWS] = 0;
        } else {
            for (ptrdiff_t i = 0; i < n; i++) u[i * KERNEL_ROWS] = s->row[i];
        }
    }
    return padded;
}
