"""Coefficients in the order in which the kernels consume them.

`pack_chain` turns the factors of a product into passes (csrc/kernels.h): which pass
runs which factors depends on the instruction set, the dtype and the sizes, never on a
clock.
"""

import numpy as np

from skfrugal._kernels._bindings import PackedChain, aligned_empty
from skfrugal._kernels._plans import default_plan, radix_4_plan

# Beyond these the diagonals of the unit form are too far from 1: a coefficient or an
# intermediate value of ordinary rows could leave the range of the dtype.
UNIT_FORM_LIMIT = {np.dtype(np.float32): 1e12, np.dtype(np.float64): 1e100}


class Level:
    """A square factor (a, K, K, d), K and d powers of two, by exclusive or.

    y_i is the sum over t < K of ``weights[t, i] * x[i ^ t * stride]``.
    """

    def __init__(self, values):
        _, radix, _, d = values.shape
        self.radix, self.stride = radix, d
        # one precision above the kernel's: the unit form multiplies and divides
        high = np.longdouble if values.dtype == np.float64 else np.float64
        j = np.arange(radix)
        self.weights = np.stack(
            [values[:, j, j ^ t].astype(high).reshape(-1) for t in range(radix)]
        )

    def partner(self, t):
        return np.arange(self.weights.shape[1]) ^ t * self.stride


def unit_form(levels, position):
    """Coefficients with unit diagonals, and the one diagonal left.

    The product of the levels (the first is applied first) is that of
    ``x + sum over t of r[t] * x[partner(t)]``, with ``x *= scale`` before level
    `position`.

    Returns
    -------
    coefficients : list of ndarray of shape (radix, n)
    scale : ndarray of shape (n,)
    """
    coefficients = [np.ones_like(level.weights) for level in levels]
    before = np.ones_like(levels[0].weights[0])
    after = before.copy()
    with np.errstate(all="ignore"):
        for k in range(position):
            level = levels[k]
            moved = level.weights[0] * before
            for t in range(1, level.radix):
                ratio = before[level.partner(t)] / moved
                coefficients[k][t] = level.weights[t] * ratio
            before = moved
        for k in range(len(levels) - 1, position - 1, -1):
            level = levels[k]
            moved = after * level.weights[0]
            for t in range(1, level.radix):
                ratio = after / moved[level.partner(t)]
                coefficients[k][t] = level.weights[t] * ratio
            after = moved
        return coefficients, before * after


def is_unit_form_safe(coefficients, scale, dtype):
    """Whether no number of the unit form endangers the range of the dtype.

    Each path through the levels is the same product in both forms, so that the unit
    form is as accurate as the full one as long as nothing overflows or underflows.
    """
    limit = UNIT_FORM_LIMIT[np.dtype(dtype)]
    with np.errstate(all="ignore"):
        size = np.abs(scale)
        return bool(
            np.all((size >= 1 / limit) & (size <= limit))
            and all(np.all(np.abs(r) <= limit) for r in coefficients)
        )


class ButterflyPass:
    """A run of levels that one call of a kernel does: `levels` are positions."""

    def __init__(self, levels, strides, q, rows, *, base, down, radix):
        self.levels, self.strides = levels, strides
        self.q, self.rows = q, rows
        self.base, self.down, self.radix = base, down, radix

    def pack(self, n, lanes, weights, scale):
        """Coefficients of all blocks, (n_blocks * ...,), and the stride of the vectors.

        `weights`: per level (radix, n); `scale` None in the full form.
        """
        stride = lanes if self.base else min(self.strides)
        vectors = np.arange(n).reshape(-1, 2**self.q, stride // lanes, lanes)
        vectors = vectors.transpose(0, 2, 1, 3).reshape(-1, 2**self.q, lanes)
        identity = np.zeros((self.radix, n))
        identity[0] = 1
        ratio = 1 if self.base else stride // lanes
        known = {s // ratio: w for s, w in zip(self.strides, weights, strict=True)}
        step = self.radix.bit_length() - 1
        order = range(0 if self.base else _log2(lanes), _log2(lanes) + self.q, step)
        parts = []
        for bit in reversed(order) if self.down else order:
            level = known.get(1 << bit, identity)
            parts += self._pack_level(1 << bit, level, vectors, lanes, scale is None)
        if self.base and scale is not None:
            scales = [scale[vectors[:, j]] for j in range(2**self.q)]
            parts = parts + scales if self.down else scales + parts
        return np.stack(parts, axis=1).ravel(), stride

    def _pack_level(self, s, weights, vectors, lanes, full):
        """The order of `level` in csrc/butterfly.h."""
        apart = max(1, s // lanes)
        group = max(1, self.radix * s // lanes // apart)
        return [
            weights[t][vectors[:, j + m * apart]]
            for j in range(2**self.q)
            if j // apart % group == 0
            for m in range(group)
            for t in range(0 if full else 1, self.radix)
        ]


def _log2(n):
    return n.bit_length() - 1


def _runs(levels):
    """Maximal runs of neighbouring strides, one radix each, going up or down."""
    start = 0
    while start < len(levels):
        stop, down = start + 1, None
        while stop < len(levels) and levels[stop].radix == levels[start].radix:
            radix, last = levels[start].radix, levels[stop - 1].stride
            if down is not True and levels[stop].stride == last * radix:
                down = False
            elif down is not False and levels[stop].stride * radix == last:
                down = True
            else:
                break
            stop += 1
        yield start, stop, bool(down)
        start = stop


def _split(sizes, n_bits, step):
    """The plan's outer passes, cut or extended to n_bits levels of radix 2."""
    for bits, rows in sizes:
        if n_bits <= 0:
            return
        yield min(bits, n_bits), rows
        n_bits -= bits
    while n_bits > 0:
        yield min(2, n_bits), 2
        n_bits -= 2


def plan_butterfly(levels, lanes, sizes):
    """Passes of levels; `sizes` as in `_plans`, smallest strides first."""
    passes = []
    for start, stop, down in _runs(levels):
        radix = levels[start].radix
        step = _log2(radix)
        order = list(range(start, stop))[:: -1 if down else 1]
        low = [k for k in order if levels[k].stride < lanes]
        high = order[len(low) :]
        options = dict(down=down, radix=radix)
        outer, group = list(sizes), []
        if low:
            bits, rows = outer.pop(0)
            q = min(bits - _log2(lanes), step * len(high) + (_log2(lanes) % step))
            inside = low + high[: (q - _log2(lanes) % step) // step]
            high = high[len(inside) - len(low) :]
            strides = [levels[k].stride for k in inside]
            group.append(ButterflyPass(inside, strides, q, rows, base=True, **options))
        for bits, rows in _split(outer, step * len(high), step):
            inside, high = high[: bits // step], high[bits // step :]
            strides = [levels[k].stride for k in inside]
            group.append(
                ButterflyPass(inside, strides, bits, rows, base=False, **options)
            )
        passes += group[::-1] if down else group
    return passes


def pack_butterfly(values, table, dtype, *, plan=None, form="auto"):
    """A chain of factors (a, K, K, d), K in {2, 4}, d a power of two, for one table.

    Parameters
    ----------
    values : sequence of ndarray of shape (a, K, K, d)
        The first is applied first (the last factor of a product).
    table : Table
    dtype : float32 or float64
    plan : (sizes, tile) or None
        Overrides the table of plans.
    form : {"auto", "unit", "full"}
        "auto" takes the unit form where it is safe.

    Returns
    -------
    PackedChain
    """
    dtype = np.dtype(dtype)
    levels = [Level(v) for v in values]
    n = levels[0].weights.shape[1]
    lanes = table.vector_bytes // dtype.itemsize
    # radix 4 fills an even number of bits: two vectors where one has an odd number
    unit_bits = _log2(lanes) + _log2(lanes) % 2 * (levels[0].radix == 4)
    repeat = max(1, 2**unit_bits // n)
    for kind in ("unit", "full") if form == "auto" else (form,):
        sizes, tile = plan or _default_plan(levels, table, dtype, kind, n)
        passes = plan_butterfly(levels, lanes, sizes)
        base = next((k for k, p in enumerate(passes) if p.base), None)
        unit = None
        if kind == "unit" and base is not None:
            position = sum(len(p.levels) for p in passes[: base + passes[base].down])
            unit = unit_form(levels, position)
            if form == "unit" or is_unit_form_safe(*unit, dtype):
                break
            unit = None
    fields, weights = _butterfly_fields(passes, levels, unit, base, (n, repeat, lanes))
    return assemble(fields, weights, dtype, n_in=n, n_out=n, tile=tile, repeat=repeat)


def _default_plan(levels, table, dtype, form, n):
    if levels[0].radix == 4:
        return radix_4_plan(table, dtype.itemsize, _log2(n))
    return default_plan(table, dtype.itemsize, form, _log2(n))


def _butterfly_fields(passes, levels, unit, base, shape):
    n, repeat, lanes = shape
    fields, weights = [], []
    for k, p in enumerate(passes):
        source = [levels[i].weights if unit is None else unit[0][i] for i in p.levels]
        source = [np.tile(w, (1, repeat)) for w in source]
        scale = None
        if unit is not None:
            scale = np.tile(unit[1], repeat) if k == base else np.ones(n * repeat)
        packed, stride = p.pack(n * repeat, lanes, source, scale)
        kind = ("base" if p.base else "outer") + ("_full" if unit is None else "")
        weights.append(packed)
        fields.append(
            dict(kind=kind, q=p.q, rows=p.rows, down=int(p.down), radix=p.radix)
            | dict(stride=stride, n_in=n * repeat, n_out=n * repeat)
        )
    return fields, weights


def assemble(fields, weights, dtype, *, n_in, n_out, tile, repeat=1):
    """A PackedChain of passes, each with its coefficients (whole vectors)."""
    sizes = [w.size for w in weights]
    starts = np.concatenate([[0], np.cumsum(sizes)])
    buffer = aligned_empty(int(starts[-1]), dtype)
    for start, w in zip(starts, weights, strict=False):
        buffer[start : start + w.size] = w
    for field, start in zip(fields, starts, strict=False):
        field["weights"] = int(start)
    widest = max(max(f["n_in"], f["n_out"]) for f in fields)
    return PackedChain(
        fields,
        buffer,
        n_in=n_in,
        n_out=n_out,
        width=padded_width(widest, np.dtype(dtype).itemsize),
        repeat=repeat,
        tile=tile,
    )


def padded_width(n, itemsize):
    """Row stride of a scratch: whole cache lines, an odd number of them more than n."""
    line = 64 // itemsize
    return (-(-n // line) + 5) * line


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
    if b == 4 and _log2(d) % 2 and (lanes is None or d < lanes):
        return False
    if lanes is None or d >= lanes:
        return True
    return a * b * d % (lanes << _log2(lanes) % 2) == 0


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
