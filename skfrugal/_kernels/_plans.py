"""Which pass runs which levels of a butterfly: measured once, then fixed.

Per (vector bytes, item size, form) and log2 n: "levels/rows" of each pass, smallest
strides first, and the rows of a tile.  `rows` of them share each load of a coefficient.
Products must not depend on the clock of the user's machine, so these were measured on
one (Zen 4, gcc 12).
"""

PLANS = {
    (16, 4, "full"): {
        4: "4/2 x32",
        5: "5/1 x32",
        6: "4/2 2/2 x16",
        7: "3/4 2/2 2/2 x16",
        8: "3/4 2/2 1/2 2/2 x8",
        9: "3/4 2/2 2/2 2/2 x8",
        10: "5/1 2/2 3/1 x16",
        11: "5/1 2/2 1/2 3/1 x16",
        12: "5/1 1/2 2/2 4/1 x16",
        13: "3/4 2/2 1/2 3/1 4/1 x8",
    },
    (16, 4, "unit"): {
        4: "4/2 x32",
        5: "5/1 x32",
        6: "4/2 2/2 x16",
        7: "4/2 3/1 x16",
        8: "4/2 2/2 2/2 x8",
        9: "4/2 3/1 2/2 x8",
        10: "4/2 3/1 3/1 x8",
        11: "3/2 2/2 2/2 4/1 x8",
        12: "4/2 2/2 2/2 4/1 x16",
        13: "4/2 2/2 3/1 4/1 x8",
        14: "3/4 3/1 3/1 2/2 2/2 1/2 x8",
    },
    (16, 8, "full"): {
        4: "4/1 x32",
        5: "4/1 1/2 x16",
        6: "4/1 2/2 x16",
        7: "4/1 1/2 2/2 x16",
        8: "4/2 2/2 2/2 x8",
        9: "4/1 2/2 3/1 x16",
        10: "4/1 2/2 1/2 3/1 x16",
        11: "4/1 2/2 2/2 3/1 x8",
        12: "2/4 2/2 3/1 2/2 2/2 1/2 x8",
        13: "4/2 3/1 3/1 2/2 1/2 x8",
    },
    (16, 8, "unit"): {
        4: "4/1 x32",
        5: "3/2 2/2 x16",
        6: "3/2 3/1 x16",
        7: "2/2 2/2 3/1 x8",
        8: "2/2 3/1 3/1 x8",
        9: "4/1 2/2 3/1 x16",
        10: "3/2 2/2 2/2 3/1 x16",
        11: "3/2 2/2 3/1 3/1 x8",
        12: "4/1 2/2 3/1 2/2 1/2 x8",
        13: "4/2 3/1 3/1 2/2 1/2 x8",
    },
    (32, 4, "full"): {
        4: "4/4 x32",
        5: "5/2 x32",
        6: "6/2 x32",
        7: "5/2 2/2 x16",
        8: "4/4 2/2 2/2 x8",
        9: "5/2 2/2 2/2 x8",
        10: "5/2 2/2 3/1 x16",
        11: "5/2 2/2 4/1 x16",
        12: "5/2 1/2 2/2 4/1 x16",
        13: "5/2 2/2 2/2 4/1 x8",
        14: "5/2 3/1 3/1 2/2 1/2 x8",
    },
    (32, 4, "unit"): {
        4: "4/4 x32",
        5: "5/2 x32",
        6: "6/1 x32",
        7: "4/2 3/1 x16",
        8: "4/2 2/2 2/2 x8",
        9: "4/4 3/1 2/2 x8",
        10: "5/2 2/2 3/1 x8",
        11: "5/2 2/2 4/1 x8",
        12: "5/2 2/2 1/2 4/1 x8",
        13: "6/1 3/1 4/1 x8",
        14: "5/2 3/1 3/1 2/2 1/2 x8",
    },
    (32, 8, "full"): {
        4: "4/2 x32",
        5: "5/1 x32",
        6: "4/2 2/2 x16",
        7: "3/4 2/2 2/2 x8",
        8: "3/2 2/2 2/2 1/2 x8",
        9: "5/1 1/2 3/1 x16",
        10: "5/1 2/2 3/1 x16",
        11: "3/4 2/2 2/2 4/1 x8",
        12: "3/4 2/2 2/2 1/2 4/1 x8",
        13: "4/2 3/1 3/1 2/2 1/2 x8",
        14: "4/2 3/1 2/2 2/2 2/2 1/2 x8",
    },
    (32, 8, "unit"): {
        4: "4/2 x32",
        5: "5/1 x32",
        6: "6/1 x32",
        7: "4/2 3/1 x8",
        8: "3/4 2/2 3/1 x8",
        9: "3/4 3/1 3/1 x8",
        10: "4/2 2/2 4/1 x16",
        11: "4/1 3/1 4/1 x8",
        12: "4/2 2/2 2/2 4/1 x8",
        13: "4/2 3/1 3/1 2/2 1/2 x8",
        14: "4/1 2/2 2/2 3/1 2/2 1/2 x8",
    },
    (64, 4, "full"): {
        4: "4/2 x32",
        5: "5/2 x32",
        6: "6/2 x32",
        7: "5/2 2/2 x16",
        8: "5/2 3/2 x8",
        9: "5/2 2/2 2/2 x16",
        10: "7/2 3/2 x16",
        11: "6/2 2/2 3/2 x8",
        12: "7/2 2/2 3/2 x8",
        13: "5/2 2/2 2/2 2/2 2/2 x8",
        14: "6/2 2/2 2/2 2/2 2/2 x8",
    },
    (64, 4, "unit"): {
        4: "4/2 x32",
        5: "5/2 x32",
        6: "6/2 x32",
        7: "7/2 x32",
        8: "5/2 3/2 x8",
        9: "7/1 2/2 x16",
        10: "7/2 3/2 x16",
        11: "6/2 2/2 3/1 x8",
        12: "5/2 3/2 4/1 x8",
        13: "5/4 2/2 2/2 4/1 x8",
        14: "5/4 3/1 2/2 2/2 2/2 x8",
    },
    (64, 8, "full"): {
        4: "4/2 x32",
        5: "5/2 x32",
        6: "6/2 x32",
        7: "4/4 3/2 x16",
        8: "4/2 2/2 2/2 x16",
        9: "6/2 3/2 x16",
        10: "5/2 2/2 3/2 x16",
        11: "6/2 2/2 3/1 x16",
        12: "4/2 2/2 2/2 3/2 1/4 x8",
        13: "4/2 2/2 2/2 2/2 3/1 x8",
        14: "5/2 2/2 2/2 2/2 3/1 x8",
    },
    (64, 8, "unit"): {
        4: "4/2 x32",
        5: "5/1 x32",
        6: "6/2 x32",
        7: "7/1 x32",
        8: "5/2 3/2 x16",
        9: "6/2 3/2 x16",
        10: "6/2 4/1 x12",
        11: "5/2 2/2 4/1 x16",
        12: "5/2 3/2 4/1 x8",
        13: "5/1 3/2 2/2 2/2 1/4 x8",
        14: "6/2 2/2 3/2 2/2 1/4 x8",
    },
}


def _parse(plan):
    *passes, tile = plan.split()
    return [tuple(map(int, p.split("/"))) for p in passes], int(tile[1:])


def default_plan(table, itemsize, form, log):
    """Levels and rows of each pass, and the tile, for radix 2 and 2**log numbers."""
    inner = (table.vector_bytes // itemsize).bit_length() - 1
    plans = PLANS.get((table.vector_bytes, itemsize, form), {})
    if log <= max(inner, 3):
        return [(inner, 4 if table.many_registers else 2)], 32
    if log in plans:
        return _parse(plans[log])
    known = max((k for k in plans if k < log), default=None)
    if known is None:
        return [(inner + 2, 2)] + [(2, 2)] * ((log - inner - 1) // 2), 8
    sizes, tile = _parse(plans[known])
    return sizes + [(2, 2)] * ((log - known) // 2) + [(1, 2)] * (
        (log - known) % 2
    ), tile


def radix_4_plan(table, itemsize, n_bits):
    """The same for levels of radix 4; sizes still count levels of radix 2."""
    inner = (table.vector_bytes // itemsize).bit_length() - 1
    even = inner + inner % 2
    low = inner + (2 if inner % 2 == 0 else 1)
    outer = (2, 4 if table.many_registers else 2)
    if n_bits <= even:
        return [(even, 2)], 32
    return [(low, 2)] + [outer] * max(0, (n_bits - low) // 2), 8
