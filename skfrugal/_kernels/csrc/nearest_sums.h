/* Sums of rows by label, and their distances to the points that the labels name. */

static void FN(nearest_distance)(const REAL *x, ptrdiff_t ldx, const REAL *points,
                                 ptrdiff_t n_features, const int32_t *labels,
                                 ptrdiff_t start, ptrdiff_t stop, double *squared)
{
    for (ptrdiff_t i = start; i < stop; i++)
        squared[i] = FN(nearest_exact)(x + i * ldx, points + labels[i] * n_features,
                                       n_features);
}

/* Sums of the rows of each point, in float64, for columns [start, stop): rows whose
 * label changed leave the old sum (if it is not negative) for the new one. */
static void FN(nearest_move)(const REAL *x, ptrdiff_t ldx, ptrdiff_t n_rows,
                             const double *weights, const int32_t *before,
                             const int32_t *after, double *sums, ptrdiff_t ldsums,
                             ptrdiff_t start, ptrdiff_t stop)
{
    for (ptrdiff_t i = 0; i < n_rows; i++) {
        const REAL *restrict row = x + i * ldx;
        const double weight = weights ? weights[i] : 1.0;
        double *restrict to = sums + after[i] * ldsums;
        if (before[i] == after[i]) continue;
        for (ptrdiff_t j = start; j < stop; j++) to[j] += weight * (double)row[j];
        if (before[i] >= 0) {
            double *restrict from = sums + before[i] * ldsums;
            for (ptrdiff_t j = start; j < stop; j++) from[j] -= weight * (double)row[j];
        }
    }
}
