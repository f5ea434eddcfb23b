"""Which chain suits a matrix: all chains of a shape, ranked by their certificates."""

import math
from functools import cached_property
from itertools import pairwise

import numpy as np

from skfrugal._validation import check_positive_int
from skfrugal.operators import chain_from_factors, n_degrees_of_freedom
from skfrugal.operators._patterns import chain_n_values, pair_rank
from skfrugal.solvers._accuracy import check_max_error, tails, without_waste
from skfrugal.solvers._chain_cuts import paths_of_cuts
from skfrugal.solvers._chain_ranking import ChainRanking, RankedChain
from skfrugal.solvers._target import check_matrix, energy, scale, standardise

# Bounds that differ by less, relative to the norm of the matrix, are equal.
ROUNDING = 1e-12


def select_chain(A, *, budget=None, max_error=None):
    """Rank the chains of a shape by what they guarantee for a matrix.

    Nothing is factorized: the bounds of each chain are sums over its junctions, and
    the chains of a shape share few junctions.

    Parameters
    ----------
    A : array-like of shape (M, N)
    budget : int or float, default=None
        Chains that store more are left out: a number of values (int) or a fraction of
        the dense matrix (float).  The table is then sorted by upper bound.
    max_error : float, default=None
        Relative error.  Chains get the smallest ranks whose upper bound is at most
        this, and are sorted by the values that they store.

    Returns
    -------
    ranking : ChainRanking
        Sequence of `RankedChain`, the best first; `ranking.chain` is the best chain.
        With neither `budget` nor `max_error` it is sorted by score.

    Raises
    ------
    ValueError
        If no chain satisfies `budget` and `max_error`.

    See Also
    --------
    butterfly_factorization : Takes the chain.
    skfrugal.structures.Auto : Chooses among classes of matrices, by projecting.

    Notes
    -----
    Junctions cut rows and columns: anywhere for small sizes, in about the same
    proportion where there are more than 64 pairs of divisors.  Any nested set of
    them is a chain, with one rank for all junctions (or each its own, for `max_error`).
    Neighbours that would store more than their product are merged.  Low rank, the
    chain of one junction between all rows and all columns, is among them, and so is
    the dense matrix.  At most 4096 chains are ranked, those of fewest factors first.

    *Cost.* Singular values of the blocks of each junction, :math:`O(N^{2.5})` each, of
    which there are as many as divisors; one dense singular value decomposition, for
    low rank, costs :math:`O(N^3)`.

    References
    ----------
    Q.-T. Le, L. Zheng, E. Riccietti, R. Gribonval, "Butterfly factorization with
    error guarantees", arXiv:2411.04506.

    Examples
    --------
    >>> from skfrugal.operators import hadamard
    >>> from skfrugal.solvers import select_chain
    >>> ranking = select_chain(hadamard(64).toarray(), max_error=1e-10)
    >>> ranking[0].n_values, ranking[0].upper_bound < 1e-10
    (768, True)
    """
    A = check_matrix(A)
    limit = _limit(budget, A.shape)
    accuracy = None if max_error is None else check_max_error(max_error)
    table = _Table(A)
    rows = [row for row in table.rows(limit, accuracy) if row.n_values <= limit]
    if accuracy is not None:
        allowed = max(accuracy, ROUNDING) * table.norm
        rows = [row for row in rows if row.upper_bound <= allowed]
    if not rows:
        raise ValueError(
            f"No chain of shape {A.shape} satisfies budget={budget!r} and "
            f"max_error={max_error!r}; raise one of them. The dense matrix stores "
            f"{A.size} values."
        )
    # In steps of rounding: of equal bounds the chain with fewer values is better.
    unit = ROUNDING * table.norm or 1.0
    orders = {
        "values stored": lambda row: (row.n_values, row.upper_bound),
        "upper bound": lambda row: (round(row.upper_bound / unit), row.n_values),
        "energy surely kept per degree of freedom": lambda row: -row.score,
    }
    chosen = 0 if accuracy is not None else 1 if budget is not None else 2
    criterion, key = list(orders.items())[chosen]
    return ChainRanking(tuple(sorted(rows, key=key)), criterion, table.norm)


def _limit(budget, shape):
    size = math.prod(shape)
    if budget is None:
        return size
    if isinstance(budget, float) and 0 < budget <= 1:
        return math.floor(budget * size * (1 + 1e-12))
    return check_positive_int(budget, "budget (unless a float in (0, 1])")


class _Table:
    """Squared distances of a matrix to its junctions, and the chains made of them."""

    def __init__(self, A):
        self.matrix, self.exponent = standardise(A)
        self.shape, self.whole = A.shape, energy(self.matrix)
        self._tails = {}

    @cached_property
    def norm(self):
        return self._length(self.whole)

    def _length(self, square):
        return float(scale(np.float64(math.sqrt(square)), self.exponent))

    def tails(self, junction):
        """Squared distances of junction (Q, P) to rank 0, 1, 2, ..."""
        if junction not in self._tails:
            (m, n), (q, p) = self.shape, junction
            pair = chain_from_factors((q, m // q), (p, n // p))
            values = self.matrix.reshape(1, m, n, 1)
            self._tails[junction] = tails(values, pair, 0)
        return self._tails[junction]

    def rows(self, limit, accuracy):
        """A `RankedChain` for each chain, none twice."""
        seen = set()
        for junctions in paths_of_cuts(self.shape):
            for ranks in self._ranks(junctions, accuracy):
                chain = without_waste(self._chain(junctions, ranks))
                n_values = chain_n_values(chain)
                if chain not in seen:
                    seen.add(chain)
                    yield self._row(chain, n_values)
                if n_values > limit:
                    break

    def _ranks(self, junctions, accuracy):
        """Tuples of ranks that are tried at the junctions, ascending."""
        if not junctions:
            yield ()
        elif accuracy is not None:
            share = max(accuracy**2 / len(junctions), ROUNDING**2) * self.whole
            lost = [self.tails(junction) for junction in junctions]
            yield tuple(max(1, int(np.argmax(tail <= share))) for tail in lost)
        else:
            m, n = self.shape
            sides = [min(q, n // p) for q, p in junctions]
            # 1, 2, 3, 4, 6, 8, 12, ...; blocks of full rank are another chain's.
            ranks = sorted(
                {k << i for i in range(m.bit_length()) for k in (1, 3)} | {2}
            )
            for rank in ranks:
                if rank == 1 or rank < max(sides):
                    yield tuple(min(rank, side) for side in sides)

    def _chain(self, junctions, ranks):
        (m, n), cuts = self.shape, [(1, 1), *junctions]
        cuts.append((m, n))
        q = [after[0] // before[0] for before, after in pairwise(cuts)]
        p = [after[1] // before[1] for before, after in pairwise(cuts)]
        return chain_from_factors(q, p, rank=ranks)

    def _row(self, chain, n_values):
        squares = [
            self.tails((self.shape[0] // left[3], right[0]))[pair_rank(left, right)]
            for left, right in pairwise(chain)
        ]
        upper = min(sum(squares), self.whole)
        dof = n_degrees_of_freedom(chain)
        kept = 1 - upper / self.whole if self.whole else 1.0
        return RankedChain(
            chain,
            n_values,
            dof,
            self._length(max(squares, default=0.0)),
            self._length(upper),
            float(kept * math.prod(self.shape) / dof),
        )
