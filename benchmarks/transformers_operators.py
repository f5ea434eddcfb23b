"""Section on given matrices: a smooth operator, and bases learnt from patches."""

import numpy as np
from factorization_peers import timed
from factorization_rectangular import best_sum, magnetic
from sklearn.decomposition import PCA, FastICA
from timing import least
from transformer_data import patches
from transformers_goals import Goal

from skfrugal.decomposition import SparseProductTransformer
from skfrugal.solvers import hierarchical_palm4msa, rectangular_operator

STRUCTURES = ("auto", "low_rank_plus_sparse", "sparse_product", "monarch", "butterfly")
# What should be at or below the truncated SVD with as many bytes.
GOALS = {"auto": Goal(1), "best of 6 sums": Goal(1)}


class Truncated:
    """Relative errors of the truncated SVD, or of the fewest directions of outputs.

    Directions are those of ``A @ root``, errors those of ``A @ test_root``.
    """

    def __init__(self, A, root, test_root):
        U, _, _ = np.linalg.svd(A @ root, full_matrices=False)
        squares = np.sum((U.T @ A @ test_root) ** 2, axis=1)
        left = np.append(np.cumsum(squares[::-1])[::-1], 0)
        self.errors, self.width = np.sqrt(left / left[0]), sum(A.shape)

    def error(self, n_values):
        """Of the largest rank that takes no more than `n_values` values."""
        rank = min(int(n_values) // self.width, len(self.errors) - 1)
        return self.errors[rank]


def root_of(rows, mean):
    """A matrix whose product with another has the norm of its outputs."""
    return np.linalg.qr(rows - mean, mode="r").T


def candidates(A, rows, schedule, data_aware):
    """Yield a name, an operator and its seconds; palm4MSA's values are the budget."""
    palm, seconds = timed(lambda: hierarchical_palm4msa(A, schedule).operator)
    yield "hierarchical palm4MSA", palm, seconds
    if not data_aware:
        budget = (palm.nbytes - 4 * (len(A) + 1)) // 8
        yield "best of 6 sums", *timed(lambda: best_sum(A, budget, 1.5))
    for structure in STRUCTURES:
        options = {"budget": palm.nnz, "data_aware": data_aware, "random_state": 0}
        model = SparseProductTransformer(A, structure=structure, **options)
        yield structure, *timed(lambda model=model: model.fit(rows).operator_)


def times_faster(A, operator, n_repeats):
    """Product of 1,000 float32 rows, over the dense one's."""
    rows = np.random.RandomState(0).standard_normal((1000, A.shape[1]))
    rows, dense = rows.astype(np.float32), A.astype(np.float32)
    single = operator.astype(np.float32)
    calls = {"dense": lambda: rows @ dense.T, "ours": lambda: rows @ single.T}
    taken = least(calls, n_repeats)
    return taken["dense"] / taken["ours"]


def compare_operators(title, A, rows, test, schedule, n_repeats, data_aware=False):
    """Print and return errors, of A or of outputs of held-out rows."""
    root = test_root = np.eye(A.shape[1])
    if data_aware:
        mean = rows.mean(axis=0)
        root, test_root = root_of(rows, mean), root_of(test, mean)
    svd = Truncated(A, root, test_root)
    norm = np.linalg.norm(A @ test_root)
    print(f"\n{title}, {A.shape[0]} x {A.shape[1]}: error, values, kilobytes; error")
    print(
        "over the truncated SVD's at as many values, and bytes; times faster; seconds"
    )
    figures = []
    for name, operator, seconds in candidates(A, rows, schedule, data_aware):
        residual = (A - operator.toarray()) @ test_root
        figure = {"name": name, "nnz": operator.nnz, "nbytes": operator.nbytes}
        error = figure["error"] = np.linalg.norm(residual) / norm
        figure["at_values"] = error / svd.error(operator.nnz)
        figure["at_bytes"] = error / svd.error(operator.nbytes // 8)
        figure["faster"] = times_faster(A, operator, n_repeats)
        figure["seconds"] = seconds
        line = "{name:>22} {error:.4f} {nnz:>6} {kb:>6.0f} {at_values:6.3f} "
        line = (line + "{at_bytes:6.3f} {faster:6.2f} {seconds:7.2f}").format(
            kb=operator.nbytes / 1e3, **figure
        )
        goal = GOALS.get(name)
        # As printed: low rank is the truncated SVD up to rounding.
        verdict = goal.verdict(round(figure["at_bytes"], 3)) if goal else ""
        print(f"{line}   {verdict}".rstrip(), flush=True)
        figures.append(figure)
    return {"data": title, "figures": figures}


def operators(home, quick):
    """Print and return all of the section."""
    n_repeats = 5 if quick else 50
    A = magnetic()
    noise = np.random.RandomState(0).standard_normal((10, A.shape[1]))
    found = [
        compare_operators(
            f"magnetic field, palm4MSA {sizes}",
            *(A, noise, noise, rectangular_operator(*A.shape, **sizes), n_repeats),
        )
        for sizes in ({"n_factors": 4}, {"n_factors": 5, "k": 10})[: 1 if quick else 2]
    ]
    train, test = patches(2000 if quick else 20_000, 2000)
    train, test = train.astype(np.float64), test.astype(np.float64)
    sizes = {"n_factors": 3, "k": 8, "s": 8, "density": 0.25}
    schedule = rectangular_operator(128, 256, **sizes)
    for name, model in (
        ("PCA", PCA(128, svd_solver="covariance_eigh")),
        ("FastICA", FastICA(128, max_iter=50, random_state=0)),
    ):
        basis = model.fit(train).components_
        for data_aware in (False, True):
            title = f"{name} of patches"
            title += ", outputs of held-out rows" if data_aware else ""
            rows = (train, test, schedule, n_repeats, data_aware)
            found.append(compare_operators(title, basis, *rows))
    return found
