/* A chain of factors: a tile of rows goes through all passes before the next tile.
 *
 *     x (rows of the caller) -> pass 1 -> scratch -> pass 2 -> scratch ... -> y
 *
 * The scratch holds two buffers of `tile` rows, `width` numbers apart: square passes
 * work in place in one, rectangular ones go from one to the other.  `width` is padded
 * so that the rows of a tile do not fall on the same cache sets.  A row's result depends
 * neither on `start`, `stop` nor on the other rows.
 */

static void FN(chain_rows)(const struct chain *chain, const REAL *x, ptrdiff_t ldx,
                           REAL *y, ptrdiff_t ldy, ptrdiff_t n_rows, REAL *scratch,
                           int stream)
{
    const REAL *weights = (const REAL *)chain->weights;
    REAL *const buffers[2] = {scratch, scratch + chain->tile * chain->width};
    for (ptrdiff_t row = 0; row < n_rows; row += chain->tile) {
        const ptrdiff_t rows = n_rows - row < chain->tile ? n_rows - row : chain->tile;
        const REAL *from = x + row * ldx;
        const REAL *next = row + 2 * chain->tile <= n_rows ? from + chain->tile * ldx : x;
        ptrdiff_t ldfrom = ldx;
        int current = 0;
        for (int k = 0; k < chain->n_passes; k++) {
            const struct pass *p = chain->passes + k;
            const int last = k == chain->n_passes - 1;
            const int in_place = p->kind < PASS_BLOCKS;
            REAL *to;
            ptrdiff_t ldto;
            if (k > 0 && !in_place) current = !current;
            to = last ? y + row * ldy : buffers[current];
            ldto = last ? ldy : chain->width;
            if (in_place)
                FN(butterfly_pass)(p, weights + p->weights, from, ldfrom, to, ldto,
                                   rows, next, ldx, last && stream);
            else
                FN(blocks_pass)(p, weights + p->weights, from, ldfrom, to, ldto, rows);
            from = to;
            ldfrom = ldto;
        }
    }
}

/* Rows shorter than a vector: `repeat` of them (at most two vectors) are one row of the
 * passes. */
static void FN(chain_short)(const struct chain *chain, const REAL *x, ptrdiff_t ldx,
                            REAL *y, ptrdiff_t ldy, ptrdiff_t n_rows, REAL *scratch)
{
    const ptrdiff_t group = chain->repeat, n = chain->n_in;
    ptrdiff_t row = 0;
    if (ldx == n && ldy == n) {
        row = n_rows / group * group;
        FN(chain_rows)(chain, x, group * n, y, group * n, row / group, scratch, 0);
    }
    for (; row < n_rows; row += group) {
        const ptrdiff_t rows = n_rows - row < group ? n_rows - row : group;
        REAL buffer[2 * LANES] = {0};
        for (ptrdiff_t i = 0; i < rows; i++)
            memcpy(buffer + i * n, x + (row + i) * ldx, n * sizeof(REAL));
        FN(chain_rows)(chain, buffer, group * n, buffer, group * n, 1, scratch, 0);
        for (ptrdiff_t i = 0; i < rows; i++)
            memcpy(y + (row + i) * ldy, buffer + i * n, n * sizeof(REAL));
    }
}

static void FN(chain)(const struct chain *chain, const REAL *x, ptrdiff_t ldx, REAL *y,
                      ptrdiff_t ldy, ptrdiff_t start, ptrdiff_t stop, REAL *scratch,
                      int stream)
{
    x += start * ldx;
    y += start * ldy;
    if (chain->repeat > 1) {
        FN(chain_short)(chain, x, ldx, y, ldy, stop - start, scratch);
        return;
    }
    /* a streaming store faults on an address that is not aligned, and narrow ones to
     * many lines at once overflow the write-combining buffers */
    stream = stream && (size_t)y % VECTOR_BYTES == 0
             && ldy * REAL_BYTES % VECTOR_BYTES == 0
             && (VECTOR_BYTES == 64 || chain->passes[chain->n_passes - 1].q <= 2);
    FN(chain_rows)(chain, x, ldx, y, ldy, stop - start, scratch, stream);
    if (stream) STREAM_FENCE();
}
