/* From coarse scores to the few points that may be nearest; see nearest.h. */

#ifndef SKFRUGAL_NEAREST_SEARCH
#define SKFRUGAL_NEAREST_SEARCH

#include "nearest_rotate.h"

/* The largest score whose squared distance is within the bound. */
INLINE int32_t nearest_threshold(double bound, int32_t norm)
{
    const double limit = bound * bound - (double)norm;
    return limit < 2147483000.0 ? (int32_t)(limit + 1.0) : INT32_MAX - 1;
}

/* Distances of copies in steps, from values + norm. */
INLINE double nearest_root(int32_t value, int32_t norm)
{
    const double square = (double)value + (double)norm;
    return sqrt(square > 0 ? square : 0);
}

/* Keeps the candidates whose copies' distances cannot be told from the least. */
INLINE ptrdiff_t nearest_ambiguous(const struct nearest *f, int32_t norm, double error,
                                   int32_t *found, int32_t *values, ptrdiff_t n)
{
    const double least = nearest_root(nearest_least(values, n), norm);
    double upper = INFINITY;
    ptrdiff_t kept = 0;
    n = nearest_keep(found, values, n,
                     nearest_threshold(least + 2.0 * (error + f->largest_error), norm));
    if (n == 1) return 1;
    for (ptrdiff_t i = 0; i < n; i++) {
        const double above = nearest_root(values[i], norm) + f->errors[found[i]];
        upper = above < upper ? above : upper;
    }
    upper += 2.0 * error;
    for (ptrdiff_t i = 0; i < n; i++) {
        const int32_t k = found[i];
        found[kept] = k;
        kept += nearest_root(values[i], norm) - f->errors[k] <= upper;
    }
    return kept;
}

/* What a stage knows of a row: |lower bound|^2 = value + norm, in units of `scale`. */
struct nearest_stage {
    double scale, slack;
    int32_t norm;
};

INLINE int32_t nearest_limit(const struct nearest_stage *stage, double bound)
{
    return nearest_threshold(bound * stage->scale + stage->slack, stage->norm);
}

INLINE struct nearest_stage nearest_coarse_stage(const struct nearest *f,
                                                 const struct nearest_rows *rows,
                                                 ptrdiff_t row, int bits)
{
    return (struct nearest_stage){
        .scale = f->steps_to_grid * (bits == 8 ? f->grid_to_coarse : 1.0),
        .slack = (double)rows->coarse_errors[row] + f->coarse_error,
        .norm = rows->coarse_norms[row],
    };
}

/* Distances of the copies of the candidates, those with low bounds first, since they
 * settle most of the others; returns how many indices and values are in `nearby`. */
INLINE ptrdiff_t nearest_copies(const struct nearest *f,
                                const struct nearest_rows *rows, ptrdiff_t row,
                                const struct nearest_stage *stage,
                                double bound, int32_t *found, int32_t *values,
                                ptrdiff_t n, int32_t *nearby, int32_t *distances,
                                int bits)
{
    const char *copy = rows->copy + row * f->width;
    const double margin = 2.0 * (double)rows->errors[row] + f->point_error;
    ptrdiff_t taken = 0;
    if (n > 6) {
        const int32_t least = nearest_least(values, n);
        const int32_t limit = nearest_limit(stage, bound + margin);
        int32_t best;
        double upper;
        taken = nearest_split(found, values, &n,
                              (int32_t)(least + ((int64_t)limit - least) / 4), nearby);
        nearest_some(f->copy, f->norms, f->width, copy, nearby, taken, distances, bits);
        best = nearest_least(distances, taken);
        upper = nearest_root(best, rows->norms[row]) + f->point_error;
        bound = upper < bound ? upper : bound;
        n = nearest_keep(found, values, n, nearest_limit(stage, bound + margin));
    }
    if (n == 0) return taken;
    for (ptrdiff_t i = 0; i < n; i++) nearby[taken + i] = found[i];
    nearest_some(f->copy, f->norms, f->width, copy, nearby + taken, n,
                 distances + taken, bits);
    return taken + n;
}

/* Outliers and the distances of their copies; returns how many. */
INLINE ptrdiff_t nearest_outliers(const struct nearest *f,
                                  const struct nearest_rows *rows, ptrdiff_t row,
                                  int32_t *found, int32_t *distances,
                                  int bits)
{
    for (ptrdiff_t i = 0; i < f->n_outliers; i++) found[i] = f->outliers[i];
    nearest_some(f->copy, f->norms, f->width, rows->copy + row * f->width, found,
                 f->n_outliers, distances, bits);
    return f->n_outliers;
}

/* One row after its coarse scores: the candidates that may be nearest, in `nearby`;
 * returns how many.  `first` is a guess: its distance bounds the answer. */
INLINE ptrdiff_t nearest_refine(const struct nearest *f,
                                const struct nearest_rows *rows, ptrdiff_t row,
                                int32_t first, const int32_t *scores,
                                int32_t *found, int32_t *nearby, int64_t *counts,
                                int bits)
{
    const ptrdiff_t room = f->n_padded + 16;
    const double error = (double)rows->errors[row];
    const double margin = 2.0 * error + f->point_error;
    const int32_t norm = rows->norms[row];
    const int32_t dot = nearest_dot(f->copy + first * f->width,
                                    rows->copy + row * f->width, f->width, bits);
    const double bound =
        nearest_root(f->norms[first] - 2 * dot, norm) + f->errors[first];
    struct nearest_stage stage = nearest_coarse_stage(f, rows, row, bits);
    int32_t *values = found + room, *distances = nearby + room;
    ptrdiff_t n = nearest_survivors(scores, f->n_padded,
                                    nearest_limit(&stage, bound + margin), found);
    counts[NEAREST_COARSE] += n;
    nearby[0] = n ? found[0] : f->outliers[0];
    if (n + f->n_outliers == 1) return 1;
    if (f->n_columns > COARSE_WIDTH && n) {
        /* half a grid unit for each coordinate of a row and of a point */
        stage = (struct nearest_stage){f->steps_to_grid, 8.16, rows->fine_norms[row]};
        nearest_some((const char *)f->fine, f->fine_norms, 2 * FINE_WIDTH,
                     rows->fine + row * FINE_WIDTH, found, n, values, 16);
        n = nearest_keep(found, values, n, nearest_limit(&stage, bound + margin));
        counts[NEAREST_FINE] += n;
        nearby[0] = found[0];
        if (n + f->n_outliers == 1) return 1;
    } else {
        nearest_gather(scores, found, n, values);
    }
    n = nearest_copies(f, rows, row, &stage, bound, found, values, n, nearby, distances,
                       bits);
    n += nearest_outliers(f, rows, row, nearby + n, distances + n, bits);
    counts[NEAREST_COPY] += n;
    return nearest_ambiguous(f, norm, error, nearby, distances, n);
}

#endif
