"""A table of chains, the best first."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from skfrugal.operators._patterns import pair_rank


@dataclass(frozen=True)
class RankedChain:
    """A chain and what is known of the error that it would have.

    Attributes
    ----------
    chain : tuple of patterns
    n_values, n_degrees_of_freedom : int
        Values stored, and dimension of the set of products.
    lower_bound, upper_bound : float
        Of the error of :func:`~skfrugal.solvers.butterfly_factorization`, absolute.
    score : float
        Share of the energy of the matrix that is surely kept, over the degrees of
        freedom as a share of the entries; the dense matrix has 1.
    """

    chain: tuple
    n_values: int
    n_degrees_of_freedom: int
    lower_bound: float
    upper_bound: float
    score: float


@dataclass(frozen=True, repr=False)
class ChainRanking:
    """What `select_chain` returns: a table, the best chain first.

    Attributes
    ----------
    rows : tuple of RankedChain
    criterion : str
        What they are sorted by, in words.
    norm : float
        Frobenius norm of the matrix.
    """

    rows: tuple
    criterion: str
    norm: float

    @property
    def chain(self):
        """The best chain."""
        return self.rows[0].chain

    def __len__(self):
        return len(self.rows)

    def __iter__(self) -> Iterator[RankedChain]:
        return iter(self.rows)

    def __getitem__(self, index):
        return self.rows[index]

    def __repr__(self):
        lines = [
            f"{len(self)} chains, by {self.criterion} (norm of the matrix: "
            f"{self.norm:.4g})",
            "    values      dof  lower bound  upper bound    score  ranks; chain",
        ]
        for row in self.rows[:10]:
            ranks = [pair_rank(*pair) for pair in pairwise(row.chain)]
            lines.append(
                f"{row.n_values:10d} {row.n_degrees_of_freedom:8d} "
                f"{row.lower_bound:12.4g} {row.upper_bound:12.4g} {row.score:8.3g}  "
                f"{ranks}; {row.chain}"
            )
        return "\n".join(lines + ["    ..."] * (len(self) > 10))
