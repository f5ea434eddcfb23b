"""What the nearest point of a row costs in each tier, in cycles: a counted rule.

The choice of a tier decides speed, never labels, but it must not depend on a clock: the
constants were fitted once to seven kinds of data and 16 to 1,024 points (worst error a
factor of 1.4) and are multiplied by counts of survivors on a sample of rows.
"""

from skfrugal import _kernels
from skfrugal.operators._nearest_filter import COARSE_WIDTH, FINE_WIDTH

# Per row: constant; per column; per point; per column and point.
_COPY8 = {"avx512": (60, 0.4, 0.36, 0.0109)}
_COPY16 = {
    "avx512": (83, 1.1, 0.36, 0.0202),
    "avx2": (63, 0.5, 0.5, 0.0302),
    "baseline": (95, 1.26, 1.0, 0.0653),
}
# Per row: constant; per column; per point; per column and rotated column; per coarse
# survivor, and if there is a fine stage; per copy and column.
_ROTATED = {
    "avx512": (386, 0.05, 0.95, 0.0184, 2.0, 5.7, 0.031),
    "avx2": (218, 0.53, 1.6, 0.0416, 10.4, 15, 0.054),
    "baseline": (327, 0.84, 3.4, 0.0887, 14.7, 21, 0.086),
}
# Per row; per column; per point; per column and point.  BLAS runs on the machine's best
# instruction set, whatever the table.
_DENSE = {
    "avx512": (50, 2.0, 1.3, 0.0541),
    "avx2": (50, 2.0, 1.5, 0.1),
    "baseline": (100, 2.0, 2.2, 0.1),
}
# Per row; per point; per column and point.
_DIRECT = {
    "avx512": (40, 0.35, 0.16),
    "avx2": (40, 0.7, 0.3),
    "baseline": (40, 1.6, 0.6),
}
# A point whose float64 distance is computed comes from far.
_EXACT = (90, 0.4)


def dense_cost(n_points, n_features, kernels):
    """Cycles a row of the blocked dense product."""
    machine = "baseline" if kernels is None else _kernels.AVAILABLE[-1]
    row, column, point, product = _DENSE[machine]
    return (
        row + column * n_features + point * n_points + product * n_features * n_points
    )


def direct_cost(n_points, n_features, kernels):
    """Cycles a row of differences with all points."""
    row, point, product = _DIRECT[kernels.name]
    return row + point * n_points + product * n_features * n_points


def filter_cost(tier, counts, n_points, n_features, kernels, *, prepared=False):
    """Cycles a row of an integer tier, given the counts of a row.

    Of `prepared` rows the copies and rotated coordinates are there.
    """
    n_coarse, _, n_copy, n_exact, n_left = counts
    cost = (_EXACT[0] + _EXACT[1] * n_features) * n_exact
    cost += 3 * dense_cost(n_points, n_features, kernels) * n_left
    if tier.startswith("copy"):
        table = _COPY8 if tier == "copy8" else _COPY16
        row, column, point, product = table[kernels.name]
        column = 0 if prepared else column
        cost += row + (column + product * n_points) * n_features + point * n_points
        return cost
    row, column, point, product, coarse, fine, copy = _ROTATED[kernels.name]
    columns, survivor = (32, coarse) if tier == "rotated32" else (64, fine)
    cost += row / 2 + point * n_points
    if not prepared:
        cost += row / 2 + (column + product * columns) * n_features
    return cost + survivor * n_coarse + copy * n_features * n_copy


def copy_build_cost(n_points, n_features):
    """Cycles in which points are rounded and packed."""
    return 4e5 + 14 * (n_points + 256) * n_features


def rotated_build_cost(n_points, n_features):
    """Cycles in which a rotation is found and points are packed for it."""
    return 3e6 + 20 * (n_points + 512) * n_features


def operations(stages, n_points, n_features, n_columns, is_prepared):
    """Multiply-adds a row: rotation, coarse and fine scores, copies, float64.

    Parameters
    ----------
    stages : dict
        Points a row that reached each stage.
    n_columns : int
        Of the rotation, 0 for none.
    is_prepared : bool
        Whether rows were rotated once for many searches.
    """
    whole = stages["copy"] + stages["exact"] + stages["left"] * n_points
    if n_columns == 0:
        return n_features * (n_points + whole - stages["copy"])
    rotation = 0 if is_prepared else n_features * n_columns
    coarse = COARSE_WIDTH * n_points
    fine = FINE_WIDTH * stages["coarse"] if n_columns > COARSE_WIDTH else 0
    return rotation + coarse + fine + n_features * whole
