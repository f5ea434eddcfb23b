/* Sparse coding from inner products: the loops over all atoms; see _sparse_coding.pyx.
 *
 *     r_j   inner product of atom j with the residual
 *     g_j   its squared norm without its part in the span of the chosen atoms
 *
 * In double precision only.  Plain loops, which compilers turn into vectors of each unit:
 * every number depends on one atom, so that no sum changes its order.
 */

#if REAL_BYTES == 8

#include <math.h>

/* An atom whose part outside the span is this fraction of it is in the span. */
#define CODING_DEPENDENT 1e-10
#define CODING_LANES 8

/* The atom that lowers the squared error most, by r^2 / g, the first of equal ones; -1 if
 * none does.  gains: a numbers. */
KERNEL ptrdiff_t coding_choose(const double *restrict r, const double *restrict g,
                               const double *restrict norms, double *restrict gains,
                               ptrdiff_t a, double *gain)
{
    double best[CODING_LANES] = {0}, largest = 0;
    ptrdiff_t i = 0;
    for (ptrdiff_t j = 0; j < a; j++) {
        const double free = g[j] > CODING_DEPENDENT * norms[j] ? 1.0 : 0.0;
        gains[j] = free * r[j] * r[j] / (free * g[j] + (1.0 - free));
    }
    for (; i + CODING_LANES <= a; i += CODING_LANES)
        for (int k = 0; k < CODING_LANES; k++)
            best[k] = gains[i + k] > best[k] ? gains[i + k] : best[k];
    for (; i < a; i++)
        largest = gains[i] > largest ? gains[i] : largest;
    for (int k = 0; k < CODING_LANES; k++)
        largest = best[k] > largest ? best[k] : largest;
    *gain = largest;
    if (largest > 0)
        for (ptrdiff_t j = 0; j < a; j++)
            if (gains[j] == largest)
                return j;
    return -1;
}

/* Atom j becomes number t: row t of P (t + 1, a) gets the inner products of all atoms with
 * its part outside the span, normalised.  Returns the coefficient of that part. */
KERNEL double coding_take(ptrdiff_t j, ptrdiff_t t, double *restrict r,
                          double *restrict g, const double *restrict gram, double *P,
                          ptrdiff_t a)
{
    double *restrict p = P + t * a;
    const double norm = sqrt(g[j]), coefficient = r[j] / norm;
    memcpy(p, gram + j * a, (size_t)a * sizeof *p);
    for (ptrdiff_t s = 0; s < t; s++) {
        const double *restrict before = P + s * a;
        const double part = before[j];
        for (ptrdiff_t i = 0; i < a; i++)
            p[i] -= part * before[i];
    }
    for (ptrdiff_t i = 0; i < a; i++) {
        p[i] /= norm;
        r[i] -= coefficient * p[i];
        g[i] -= p[i] * p[i];
    }
    r[j] = g[j] = 0; /* never again */
    return coefficient;
}

/* out = sum over t of c_t (row rows_t of the Gram matrix) */
KERNEL void coding_combine(double *restrict out, const double *c, const int *rows,
                           ptrdiff_t m, const double *restrict gram, ptrdiff_t a)
{
    memset(out, 0, (size_t)a * sizeof *out);
    for (ptrdiff_t t = 0; t < m; t++) {
        const double *restrict row = gram + rows[t] * a;
        const double value = c[t];
        for (ptrdiff_t i = 0; i < a; i++)
            out[i] += value * row[i];
    }
}

/* What the other atoms would do in the place of a chosen one: with h the inner products of
 * all atoms with its part outside the span of the other chosen ones, normalised, and c its
 * coefficient there. */
KERNEL void coding_without(double *restrict r_out, double *restrict g_out,
                           const double *restrict r, const double *restrict g,
                           const double *restrict h, double c, ptrdiff_t a)
{
    for (ptrdiff_t i = 0; i < a; i++) {
        r_out[i] = r[i] + c * h[i];
        g_out[i] = g[i] < 0 ? 0 : g[i] + h[i] * h[i];
    }
}

#endif
