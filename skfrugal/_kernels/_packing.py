"""Any chain of Kronecker-sparse factors, in the order in which kernels consume it."""

import numpy as np

from skfrugal._kernels._butterfly import assemble, log2, pack_butterfly


def pack_chain(values, table, dtype, *, form="auto"):
    """Any chain of Kronecker-sparse factors, for one table.

    Runs of square factors (a, K, K, d), K in {2, 4}, d a power of two, become butterfly
    passes, every other factor a pass of blocks.

    Parameters
    ----------
    values : sequence of ndarray of shape (a, b, c, d)
        The first is applied first (the last factor of a product).
    table : Table
    dtype : float32 or float64
    form : {"auto", "unit", "full"}
        Of the butterfly passes, see `pack_butterfly`.

    Returns
    -------
    PackedChain
    """
    dtype = np.dtype(dtype)
    lanes = table.vector_bytes // dtype.itemsize
    n_in, n_out = _width(values[0], 2), _width(values[-1], 1)
    if _is_power_of_2(n_in) and all(_is_level(v, None) for v in values):
        return pack_butterfly(values, table, dtype, form=form)
    fields, weights, start = [], [], 0
    while start < len(values):
        stop = start
        while stop < len(values) and _is_level(values[stop], lanes):
            stop += 1
        if stop > start:
            packed = pack_butterfly(values[start:stop], table, dtype, form=form)
            fields += packed.description
            ends = [f["weights"] for f in packed.description[1:]] + [None]
            for f, end in zip(packed.description, ends, strict=True):
                weights.append(packed.weights[f["weights"] : end])
        else:
            stop = start + 1
            more = _blocks_fields(
                values[start], lanes, 4 if table.many_registers else 2
            )
            fields += [f for f, _ in more]
            weights += [w for _, w in more]
        start = stop
    # tiles of blocks: 6 rows together, their inputs in L1
    widest = max(max(f["n_in"], f["n_out"]) for f in fields)
    tile = 24 if widest * dtype.itemsize <= 2400 else 12
    return assemble(fields, weights, dtype, n_in=n_in, n_out=n_out, tile=tile)


def _width(values, axis):
    return values.shape[0] * values.shape[axis] * values.shape[3]


def _is_power_of_2(n):
    return n & (n - 1) == 0


def _is_level(values, lanes):
    """Whether a butterfly pass can do it; `lanes` None: rows are powers of two."""
    a, b, c, d = values.shape
    if b != c or b not in (2, 4) or not _is_power_of_2(d):
        return False
    if b == 4 and log2(d) % 2 and (lanes is None or d < lanes):
        return False
    if lanes is None or d >= lanes:
        return True
    return a * b * d % (lanes << log2(lanes) % 2) == 0


def _blocks_fields(values, lanes, largest):
    """Passes of one factor, each (fields, coefficients)."""
    a, b, c, d = values.shape
    if d >= lanes or _is_power_of_2(d):
        fields = dict(kind="blocks", a=a, b=b, c=c, d=d)
        fields |= dict(n_in=a * c * d, n_out=a * b * d)
        return [(fields, _pack_blocks(values, lanes, largest))]
    wide = 1 << d.bit_length()
    padded = np.zeros((a, b, c, wide), dtype=values.dtype)
    padded[..., :d] = values
    into = dict(
        kind="regroup", a=a * c, b=d, d=wide, n_in=a * c * d, n_out=a * c * wide
    )
    back = dict(
        kind="regroup", a=a * b, b=wide, d=d, n_in=a * b * wide, n_out=a * b * d
    )
    empty = np.empty(0)
    return [(into, empty), *_blocks_fields(padded, lanes, largest), (back, empty)]


def _pack_blocks(values, lanes, largest):
    """The order of csrc/blocks.h: [i][vector][tile of outputs][k][V][lane]."""
    a, b, c, d = values.shape
    if d >= lanes:
        starts = np.minimum(np.arange(0, d, lanes), d - lanes)
        lane = starts[:, None] + np.arange(lanes)
        vectors = values[..., lane].transpose(0, 3, 1, 2, 4)  # i, l, j, k, lane
        return _tiled(vectors, b, largest).ravel()
    flat = values.transpose(0, 2, 1, 3).reshape(a, c, b * d)  # i, k, (j, l)
    if b * d < lanes:
        flat = np.pad(flat, ((0, 0), (0, 0), (0, lanes - b * d)))
    size = flat.shape[2]
    whole = b * d // lanes
    starts = np.minimum(np.arange(0, size, lanes), size - lanes)
    lane = starts[:, None] + np.arange(lanes)
    vectors = flat[..., lane].transpose(0, 2, 1, 3)  # i, vector, k, lane
    return _tiled(vectors[:, None], whole, largest).ravel()


def _tiled(vectors, n_whole, largest):
    """(i, l, j, k, lane) -> (i, l, numbers), by tiles of j: (k, j in the tile, lane).

    Tiles of `largest` as long as they fit in the first n_whole, then halves; what is
    left over (the partial vector) goes alone.
    """
    parts, j, size = [], 0, largest
    while j < vectors.shape[2]:
        while size > 1 and j + size > n_whole:
            size //= 2
        part = vectors[:, :, j : j + size].transpose(0, 1, 3, 2, 4)
        parts.append(part.reshape(*part.shape[:2], -1))
        j += size
    return np.concatenate(parts, axis=2)
