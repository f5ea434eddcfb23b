"""Where rows and columns can be cut: the sets of junctions that chains have."""

import math
from itertools import islice

# Chains that are looked at, those of fewest factors first: sizes with very many
# divisors have more chains than anybody wants ranked.
MAX_CHAINS = 4096
# Pairs of divisors of the two sides up to which all cuts are tried.
MAX_PAIRS = 64


def _divisors(n):
    small = [d for d in range(1, math.isqrt(n) + 1) if n % d == 0]
    return sorted({*small, *(n // d for d in small)})


def _junctions(shape):
    """Cuts (Q, P) of rows and columns, ascending.

    All of them where there are few, else those of nearly the same proportion.
    """
    m, n = shape
    rows, columns = _divisors(m), _divisors(n)
    if m == 1 or n == 1:
        return []
    if len(rows) * len(columns) <= MAX_PAIRS:
        return [(q, p) for q in rows for p in columns if 1 < q * p < m * n]

    def place(d, size):
        return math.log(d) / math.log(size)

    pairs = {
        (q, min(columns, key=lambda p: abs(place(p, n) - place(q, m)))) for q in rows
    } | {(min(rows, key=lambda q: abs(place(p, n) - place(q, m))), p) for p in columns}
    return sorted(pairs - {(1, 1), (m, n)})


def paths_of_cuts(shape):
    """Nested sets of junctions, by size: none (dense), low rank, one, two, ..."""
    return islice(_paths(shape), MAX_CHAINS)


def _paths(shape):
    yield ()
    junctions = _junctions(shape)
    if (shape[0], 1) not in junctions:
        yield ((shape[0], 1),)
    paths = [(junction,) for junction in junctions]
    while paths:
        yield from paths
        paths = [
            (*path, junction)
            for path in islice(paths, MAX_CHAINS)
            for junction in junctions
            if junction > path[-1] and _nested(path[-1], junction)
        ]


def _nested(inner, outer):
    return outer[0] % inner[0] == 0 and outer[1] % inner[1] == 0
