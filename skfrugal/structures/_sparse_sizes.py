"""How the values of a sparse product are spread over its factors."""

from dataclasses import dataclass

import numpy as np

from skfrugal._validation import check_positive_int

# Three factors are better than two where there are many rows, and few entries for each
# row and column of the matrix.
_FEWEST_ROWS_OF_THREE, _MOST_ENTRIES_OF_THREE = 128, 8
# Atoms of two and of three factors, where rows and columns are as many.
_ATOMS_OF_TWO, _ATOMS_OF_THREE = 192, (96, 128)
# Share of the first factor of three; share of a sparse middle.
_LEFT_OF_THREE, _MIDDLE = 0.3, 0.25
# A dense middle takes at most this share of the budget.
_DENSE_MIDDLE = 0.6
# Entries that an atom has at least, on average, where "auto" chooses their number.
_LEAST_ENTRIES = 8


@dataclass(frozen=True)
class FactorSizes:
    """Shape (M, N), atoms (a, b) and entries of two or three factors.

    `n_nonzero` is as `sparse_product` takes it: None is a dense middle.
    """

    shape: tuple
    atoms: tuple
    n_nonzero: tuple

    @property
    def inner(self):
        """Numbers of atoms of all factors but the first."""
        return self.atoms if len(self.n_nonzero) == 3 else self.atoms[-1:]

    @property
    def n_atoms(self):
        """As `sparse_product` takes it."""
        return self.atoms if len(self.n_nonzero) == 3 else self.atoms[-1]

    def factors(self):
        """Rows, columns and entries of each factor."""
        (m, n), (a, b) = self.shape, self.atoms
        left, right = self.n_nonzero[0], self.n_nonzero[-1]
        if len(self.n_nonzero) == 2:
            return [(m, b, left), (b, n, right)]
        middle = self.n_nonzero[1]
        return [
            (m, a, left),
            (a, b, a * b if middle is None else middle),
            (b, n, right),
        ]

    @classmethod
    def within(cls, shape, budget, n_factors="auto", n_atoms="auto", *, per_atom=0):
        """Sizes for a budget of entries, of which an atom takes some for itself.

        What is left of the budget should be M + N at least.
        """
        m, n = shape
        n_factors, atoms = _checked(shape, budget, n_factors, n_atoms)
        if atoms is None:
            atoms = _atoms(shape, budget, n_factors, per_atom)
        a, b = atoms[0], atoms[-1]
        budget = max(budget - per_atom * sum(atoms), m + n)
        if n_factors == 2:
            # A row takes more entries than a column: its atoms are not its own.
            share = 0.3 + 0.35 * m / (m + n)
            left, right = _shared(budget, m, n, (m * b, n * b), share)
            return cls(shape, (a, b), (left, right))
        is_dense = a * b <= _DENSE_MIDDLE * budget and budget - a * b >= m + n
        middle = a * b
        if not is_dense:
            middle = max(1, min(round(_MIDDLE * budget), a * b, budget - m - n))
        share = _LEFT_OF_THREE / (1 - _MIDDLE)
        left, right = _shared(budget - middle, m, n, (m * a, n * b), share)
        return cls(shape, (a, b), (left, None if is_dense else middle, right))


def _atoms(shape, budget, n_factors, per_atom):
    """Numbers of atoms that have enough entries each."""
    m, n = shape
    most = max(1, budget // _LEAST_ENTRIES)
    if per_atom:
        most = max(1, min(most, (budget - m - n) // 2))
    if n_factors == 2:
        return (min(2 * m, n, most, _ATOMS_OF_TWO),)
    return min(_ATOMS_OF_THREE[0], m, most), min(_ATOMS_OF_THREE[1], n, most)


def _shared(entries, m, n, most, share):
    """Entries of the first and of the last factor."""
    left = min(max(round(share * entries), min(m, entries - n)), most[0])
    right = min(max(entries - left, 1), most[1])
    left = min(max(entries - right, 1), most[0])
    return left, right


def _checked(shape, budget, n_factors, n_atoms):
    """Number of factors, and of atoms as a tuple or None."""
    atoms = None
    if not isinstance(n_atoms, str) or n_atoms != "auto":
        atoms = np.atleast_1d(np.asarray(n_atoms, dtype=object))
        if atoms.shape not in ((1,), (2,)):
            raise ValueError(
                f"n_atoms={n_atoms!r} is not a number of atoms; pass an int for two "
                f'factors, a pair of ints for three, or "auto".'
            )
        atoms = tuple(check_positive_int(count, "n_atoms") for count in atoms)
    implied = None if atoms is None else len(atoms) + 1
    if isinstance(n_factors, str) and n_factors == "auto":
        is_scarce = budget < _MOST_ENTRIES_OF_THREE * sum(shape)
        is_tall = shape[0] > _FEWEST_ROWS_OF_THREE
        return implied or (3 if is_tall and is_scarce else 2), atoms
    if n_factors not in (2, 3) or implied not in (None, n_factors):
        raise ValueError(
            f"n_factors={n_factors!r} with n_atoms={n_atoms!r}; pass 2 with one number "
            f'of atoms, 3 with two, or "auto".'
        )
    return n_factors, atoms
