"""Cheapest degree-constrained subgraph of a complete bipartite graph.

Every row wants `row_capacity` distinct columns, every column takes `column_capacity`
rows at most, and the sum of the costs is least: the assignment problem for capacities
of one.  With C the costs, linear programming duality certifies a choice x by potentials
u (rows) and v (columns, v <= 0, v = 0 where a column has room left):

    reduced cost C[i, j] - u[i] - v[j]  >= 0 where x = 0,   <= 0 where x = 1.

Unlike in the assignment problem the edges chosen need not be tight: what they lack is
their slack.  Both phases keep this invariant and start from nothing but v:

1. bidding: a row takes its cheapest free column and drives the price up to what its
   second choice costs; in a full column the holder of least slack gives way, unless
   it can pay more;
2. shortest augmenting paths (Dijkstra on reduced costs and slacks) for what is left.

Costs of edges that are taken are infinite in `cost` meanwhile, so that a scan of a row
needs no test; their values wait in `held_cost`.  Time: O(n) a bid, and at worst O(n^2)
an augmentation; in practice few rows are scanned.
"""

from libc.math cimport INFINITY

# Bids per unit of supply after which the rest is left to augmenting paths: price wars
# between rows of nearly equal costs are long.
cdef enum:
    MAX_BIDS = 8


cdef struct Problem:
    Py_ssize_t m, n, capacity
    double outside          # cost of leaving a unit of a row out; infinite: forbidden
    double *cost
    double *u
    double *v
    Py_ssize_t *held        # (n, capacity) rows in each column
    double *held_cost       # (n, capacity)
    Py_ssize_t *count       # (n,) how many of them
    # Dijkstra
    double *row_distance    # (m,)
    double *distance        # (n,)
    Py_ssize_t *from_row    # (n,) row before a column on the path
    Py_ssize_t *from_slot   # (m,) slot of `held` before a row on the path
    Py_ssize_t *reached     # (m,) rows reached
    char *row_done          # (m,)
    char *done              # (n,)


def fill_costs(
    const double[:, ::1] weight,        # IN (m, n) in [0, 1]
    const double[::1] preference,       # IN a cost for each i xor j
    double[:, ::1] cost,                # OUT (m, n) 1 - weight + preference[i xor j]
):
    """Costs of weights; equal ones are told apart by ``i xor j``."""
    cdef Py_ssize_t i, j
    with nogil:
        for i in range(weight.shape[0]):
            for j in range(weight.shape[1]):
                cost[i, j] = (1.0 - weight[i, j]) + preference[i ^ j]


def match(
    double[:, ::1] cost,                # IN (m, n) finite; OUT inf where chosen
    Py_ssize_t row_capacity,            # IN
    double outside,                     # IN cost of a unit left out, or inf
    double[::1] u,                      # OUT (m,)
    double[::1] v,                      # IN <= 0, OUT (n,)
    Py_ssize_t[:, ::1] held,            # OUT (n, column_capacity)
    Py_ssize_t[::1] count,              # OUT (n,)
    double[:, ::1] reals,               # scratch (3, max(m, n, n * column_capacity))
    Py_ssize_t[:, ::1] integers,        # scratch (4, max(n, m * row_capacity) + 1)
    char[:, ::1] flags,                 # scratch (2, max(m, n))
):
    """Choose the edges; those of column j are ``(held[j, :count[j]], j)``."""
    cdef Problem p
    cdef Py_ssize_t i, j, t, n_left = 0
    cdef Py_ssize_t *left = &integers[3, 0]
    p.m, p.n, p.capacity = cost.shape[0], cost.shape[1], held.shape[1]
    p.outside = outside
    p.cost, p.u, p.v = &cost[0, 0], &u[0], &v[0]
    p.held, p.count = &held[0, 0], &count[0]
    p.held_cost, p.row_distance, p.distance = &reals[0, 0], &reals[1, 0], &reals[2, 0]
    p.from_row, p.from_slot = &integers[0, 0], &integers[1, 0]
    p.reached = &integers[2, 0]
    p.row_done, p.done = &flags[0, 0], &flags[1, 0]
    with nogil:
        for j in range(p.n):
            p.count[j] = 0
        for i in range(p.m):
            p.u[i] = -INFINITY
        n_left = _bid_all(&p, row_capacity, left)
        for t in range(n_left):
            _augment(&p, left[t])


cdef Py_ssize_t _bid_all(
    Problem *p, Py_ssize_t row_capacity, Py_ssize_t *left
) noexcept nogil:
    """Let every unit bid; return how many are left over, their rows in `left`."""
    cdef Py_ssize_t i, t, row, n_left = 0
    cdef Py_ssize_t bids = MAX_BIDS * p.m * row_capacity
    for i in range(p.m):
        for t in range(row_capacity):
            row = i
            # Whoever is driven out bids at once.
            while row >= 0 and bids > 0:
                bids -= 1
                row = _bid(p, row)
                if row >= p.m:
                    row -= p.m
                    break
            if row >= 0:
                left[n_left] = row
                n_left += 1
    return n_left


cdef Py_ssize_t _bid(Problem *p, Py_ssize_t row) noexcept nogil:
    """Let a row take one more column.

    Returns the row that was driven out, -1 if nobody was, or m + row if the bid failed.
    """
    cdef double *cost = p.cost + row * p.n
    cdef double first = INFINITY, second = p.outside, value, slack
    cdef double least = INFINITY, next_least = INFINITY
    cdef Py_ssize_t j, t, column = -1, weakest = -1, slot
    for j in range(p.n):
        value = cost[j] - p.v[j]
        if value < second:
            if value < first:
                second = min(first, p.outside)
                first = value
                column = j
            else:
                second = value
    if column < 0 and p.outside < INFINITY:
        p.u[row] = p.outside
        return -1
    if second == INFINITY:
        return p.m + row
    slot = column * p.capacity
    if p.count[column] < p.capacity:
        p.u[row] = second
        _take(p, row, column, slot + p.count[column])
        p.count[column] += 1
        return -1
    for t in range(p.capacity):
        slack = p.u[p.held[slot + t]] + p.v[column] - p.held_cost[slot + t]
        if slack < least:
            next_least = least
            least = slack
            weakest = t
        elif slack < next_least:
            next_least = slack
    if second - first <= least:
        return p.m + row
    slot += weakest
    t = p.held[slot]
    p.u[row] = second
    p.v[column] -= min(second - first, next_least)
    p.cost[t * p.n + column] = p.held_cost[slot]
    _take(p, row, column, slot)
    return t


cdef inline void _take(
    Problem *p, Py_ssize_t row, Py_ssize_t column, Py_ssize_t slot
) noexcept nogil:
    p.held[slot] = row
    p.held_cost[slot] = p.cost[row * p.n + column]
    p.cost[row * p.n + column] = INFINITY


cdef void _augment(Problem *p, Py_ssize_t start) noexcept nogil:
    """Give `start` one more column along the shortest path, and reprice."""
    cdef Py_ssize_t row, column = -1, n_reached = 1, out_row = -1
    cdef double nearest, nearest_row, length, out = INFINITY
    _clear(p, start)
    while True:
        row = _nearest_row(p, n_reached)
        nearest_row = p.row_distance[row] if row >= 0 else INFINITY
        nearest = p.distance[column] if column >= 0 else INFINITY
        length = min(nearest, nearest_row)
        if out <= length:
            column, length = -1, out
            break
        if nearest_row <= nearest:
            p.row_done[row] = 1
            if nearest_row + p.outside - p.u[row] < out:
                out = nearest_row + p.outside - p.u[row]
                out_row = row
            column = _scan(p, row)
            continue
        p.done[column] = 1
        if p.count[column] < p.capacity:
            break
        n_reached = _reach_holders(p, column, n_reached)
        column = _nearest(p)
    _reprice(p, n_reached, length)
    _flip(p, start, column, out_row)


cdef void _clear(Problem *p, Py_ssize_t start) noexcept nogil:
    """No paths but the empty one."""
    cdef Py_ssize_t i, j
    if p.u[start] == -INFINITY:
        # No bid was made: the cheapest edge prices the row.
        p.u[start] = p.outside
        for j in range(p.n):
            p.u[start] = min(p.u[start], p.cost[start * p.n + j] - p.v[j])
    for i in range(p.m):
        p.row_distance[i] = INFINITY
        p.row_done[i] = 0
    for j in range(p.n):
        p.distance[j] = INFINITY
        p.done[j] = 0
    p.row_distance[start] = 0.0
    p.reached[0] = start


cdef Py_ssize_t _nearest_row(Problem *p, Py_ssize_t n_reached) noexcept nogil:
    """The row to go on from, or -1."""
    cdef Py_ssize_t t, i, row = -1
    for t in range(n_reached):
        i = p.reached[t]
        if not p.row_done[i]:
            if row < 0 or p.row_distance[i] < p.row_distance[row]:
                row = i
    return row


cdef Py_ssize_t _reach_holders(
    Problem *p, Py_ssize_t column, Py_ssize_t n_reached
) noexcept nogil:
    """Paths that drive a row out of a full column; return how many rows are reached."""
    cdef Py_ssize_t slot, i
    cdef double length
    for slot in range(column * p.capacity, (column + 1) * p.capacity):
        i = p.held[slot]
        # A slack is negative by rounding only.
        length = max(p.u[i] + p.v[column] - p.held_cost[slot], 0.0)
        length += p.distance[column]
        if not p.row_done[i] and length < p.row_distance[i]:
            if p.row_distance[i] == INFINITY:
                p.reached[n_reached] = i
                n_reached += 1
            p.row_distance[i] = length
            p.from_slot[i] = slot
    return n_reached


cdef void _reprice(Problem *p, Py_ssize_t n_reached, double length) noexcept nogil:
    """Make the edges of the shortest path tight."""
    cdef Py_ssize_t t, i, j
    for t in range(n_reached):
        i = p.reached[t]
        if p.row_done[i]:
            p.u[i] += length - p.row_distance[i]
    for j in range(p.n):
        if p.done[j]:
            p.v[j] -= length - p.distance[j]


cdef Py_ssize_t _scan(Problem *p, Py_ssize_t row) noexcept nogil:
    """Paths through the free edges of a row; return the nearest column, or -1."""
    cdef double *cost = p.cost + row * p.n
    cdef double base = p.row_distance[row] - p.u[row], value, nearest = INFINITY
    cdef Py_ssize_t j, column = -1
    for j in range(p.n):
        if not p.done[j]:
            value = base + (cost[j] - p.v[j])
            if value < p.distance[j]:
                p.distance[j] = value
                p.from_row[j] = row
            if p.distance[j] < nearest:
                nearest = p.distance[j]
                column = j
    return column


cdef Py_ssize_t _nearest(Problem *p) noexcept nogil:
    cdef double nearest = INFINITY
    cdef Py_ssize_t j, column = -1
    for j in range(p.n):
        if not p.done[j] and p.distance[j] < nearest:
            nearest = p.distance[j]
            column = j
    return column


cdef void _flip(
    Problem *p, Py_ssize_t start, Py_ssize_t column, Py_ssize_t row
) noexcept nogil:
    """Move along the path that ends in `column`, or outside after `row`."""
    cdef Py_ssize_t slot
    if column >= 0:
        row = p.from_row[column]
        _take(p, row, column, column * p.capacity + p.count[column])
        p.count[column] += 1
    while row != start:
        slot = p.from_slot[row]
        column = slot // p.capacity
        p.cost[row * p.n + column] = p.held_cost[slot]
        row = p.from_row[column]
        _take(p, row, column, slot)
