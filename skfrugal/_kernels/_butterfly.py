"""Runs of square dyadic factors, in the order in which butterfly.h consumes them.

Which pass runs which factors depends on the instruction set, the dtype and the sizes,
never on a clock.
"""

import numpy as np

from skfrugal._kernels._bindings import PackedChain, aligned_empty
from skfrugal._kernels._levels import Level, is_unit_form_safe, unit_form
from skfrugal._kernels._plans import default_plan, radix_4_plan


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
        order = range(0 if self.base else log2(lanes), log2(lanes) + self.q, step)
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


def log2(n):
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
        step = log2(radix)
        order = list(range(start, stop))[:: -1 if down else 1]
        low = [k for k in order if levels[k].stride < lanes]
        high = order[len(low) :]
        options = dict(down=down, radix=radix)
        (bits, rows), *outer = sizes
        group = []
        if low:
            q = min(bits - log2(lanes), step * len(high) + (log2(lanes) % step))
            inside = low + high[: (q - log2(lanes) % step) // step]
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
    unit_bits = log2(lanes) + log2(lanes) % 2 * (levels[0].radix == 4)
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
        return radix_4_plan(table, dtype.itemsize, log2(n))
    return default_plan(table, dtype.itemsize, form, log2(n))


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
