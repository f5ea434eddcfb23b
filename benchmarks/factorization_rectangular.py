"""Sections on wide matrices: a smooth operator, and dictionaries."""

import numpy as np
from factorization_peers import faust_hierarchical, timed
from sklearn.datasets import load_sample_images
from sklearn.decomposition import MiniBatchDictionaryLearning
from sklearn.feature_extraction.image import extract_patches_2d

from skfrugal.operators import LowRank
from skfrugal.solvers import (
    admm,
    butterfly_factorization,
    dictionary,
    hierarchical_palm4msa,
    palm4msa,
    rectangular_operator,
    select_chain,
    sum_factorization,
)
from skfrugal.structures import LowRankPlusSparse

# Of what is stored, what low rank gets.
SHARES = (0.25, 0.5, 0.75, 0.9)


def magnetic(m=200, n=2000):
    """Radial magnetic field of n dipoles in a head, at m sensors around it.

    Sensors lie on the upper half of the unit sphere, dipoles of random directions in
    the upper half of a shell between 0.4 and 0.7; fields decay as the squared distance.
    """
    rng = np.random.RandomState(0)

    def directions(count):
        points = rng.standard_normal((count, 3))
        return points / np.linalg.norm(points, axis=1, keepdims=True)

    sensors, sources = directions(m), directions(n)
    sensors[:, 2], sources[:, 2] = np.abs(sensors[:, 2]), np.abs(sources[:, 2])
    sources *= rng.uniform(0.4, 0.7, (n, 1))
    apart = sensors[:, np.newaxis] - sources
    field = (
        np.cross(directions(n), apart) / np.linalg.norm(apart, axis=2)[..., None] ** 3
    )
    return np.einsum("ijk,ik->ij", field, sensors)


def truncated(A, rank):
    U, singular, V = np.linalg.svd(A, full_matrices=False)
    return LowRank(U[:, :rank] * singular[:rank], V[:rank])


def best_sum(A, budget, entry):
    """The best of a few sums of low rank and sparse; ends are either of them alone.

    `entry` is what an entry of the sparse term takes of the budget.
    """
    most = budget // sum(A.shape)
    ranks = sorted({0, most, *(int(share * most) for share in SHARES)})
    found = []
    for rank in ranks:
        n_nonzero = int((budget - rank * sum(A.shape)) / entry)
        options = {"rank": rank, "n_nonzero": n_nonzero, "max_iter": 30, "tol": 1e-3}
        found.append(sum_factorization(A, **options))
    return min(found, key=lambda result: result.error).operator


def report(A, name, operator, seconds):
    """Print a line of what an operator is worth."""
    residual = A - operator.toarray()
    figure = {"name": name, "error": np.linalg.norm(residual) / np.linalg.norm(A)}
    figure["spectral"] = np.linalg.norm(residual, 2) / np.linalg.norm(A, 2)
    figure |= {"nnz": operator.nnz, "nbytes": operator.nbytes, "seconds": seconds}
    figure |= {"rcg": A.size / operator.nnz, "bytes_ratio": A.nbytes / operator.nbytes}
    line = "{name:>26}  error {error:.4f}  spectral {spectral:.4f}  {nnz:>6} entries "
    line += "(RCG {rcg:.1f}), bytes / {bytes_ratio:.1f}  {seconds:6.2f} s"
    print(line.format(**figure), flush=True)
    return figure


def rectangular(options):
    """Errors at equal bytes."""
    A = magnetic()
    print("RCG: entries of the matrix over those stored; bytes count indices, float64")
    figures = []
    for n_factors, k, s in [(4, 5, 8), (5, 10, 8)]:
        rows = at_equal_bytes(A, n_factors, k, s)
        figures += [report(A, name, *row) for name, row in rows]
    return figures


def at_equal_bytes(A, n_factors, k, s):
    """Yield a name, an operator and its seconds."""
    m, n = A.shape
    schedule = rectangular_operator(m, n, n_factors=n_factors, k=k, s=s)
    found = timed(lambda: hierarchical_palm4msa(A, schedule).operator)
    yield f"palm4MSA ({n_factors}, {k}, {s})", found
    peer = faust_hierarchical(A, ["rectmat", n_factors, k, s])
    if peer is not None:
        yield "pyfaust, the same", peer
    # In numbers of 8 bytes, but for where the compressed rows start; an index has 4.
    nbytes = found[0].nbytes
    budget = (nbytes - 4 * (m + 1)) // 8
    rank = int(0.75 * budget / (m + n))
    density = (budget - rank * (m + n)) / 1.5 / A.size
    structure = LowRankPlusSparse(rank=rank, density=density)
    yield "LowRankPlusSparse", timed(lambda: structure.project(A).operator)
    yield "best of 6 sums", timed(lambda: best_sum(A, budget, 1.5))
    yield "truncated SVD", timed(lambda: truncated(A, nbytes // (8 * (m + n))))


def cosines(m, n):
    """Over-complete cosine transform, as in the literature on dictionaries."""
    atoms = np.cos(np.pi / n * np.outer(np.arange(m), np.arange(n)))
    atoms[:, 1:] -= atoms[:, 1:].mean(axis=0)
    return atoms / np.linalg.norm(atoms, axis=0)


def learnt():
    """256 atoms learnt from the 8 x 8 patches of a photograph."""
    image = load_sample_images().images[0].mean(axis=2) / 255
    X = extract_patches_2d(image, (8, 8), max_patches=20_000, random_state=0)
    X = X.reshape(len(X), -1)
    X -= X.mean(axis=1, keepdims=True)
    model = MiniBatchDictionaryLearning(
        256, alpha=0.1, batch_size=256, max_iter=5, random_state=0
    )
    return model.fit(X).components_.T


def dictionaries():
    yield "over-complete DCT", np.kron(cosines(8, 16), cosines(8, 16))
    yield "learnt patches", learnt()
    yield "Gaussian", np.random.RandomState(0).standard_normal((64, 256))


def overcomplete(options):
    """Errors at equal numbers of entries."""
    figures = []
    for title, A in dictionaries():
        print(title)
        rows = at_equal_entries(A)
        figures += [{"data": title} | report(A, name, *row) for name, row in rows]
    return figures


def at_equal_entries(A):
    """Yield a name, an operator and its seconds."""
    schedule = dictionary(*A.shape)
    found = timed(lambda: hierarchical_palm4msa(A, schedule).operator)
    yield "hierarchical palm4MSA", found
    start, sets, budget = found[0], schedule.constraints, found[0].nnz
    longer = {"max_iter": 200, "tol": 1e-6}
    yield "200 sweeps a stage", timed(lambda: palm_with(A, schedule, longer))
    yield "then palm4MSA", timed(lambda: palm4msa(A, sets, init=start).operator)
    yield "then ADMM", timed(lambda: admm(A, sets, init=start, n_init=1).operator)
    peer = faust_hierarchical(A, ["rectmat", 6, 5, 4])
    if peer is not None:
        yield "pyfaust", peer
    yield "best of 6 sums", timed(lambda: best_sum(A, budget, 1))
    yield "best chain", timed(lambda: best_chain(A, budget))
    yield "thresholding", timed(lambda: best_entries(A, budget))
    yield "truncated SVD", timed(lambda: truncated(A, budget // sum(A.shape)))


def palm_with(A, schedule, loop):
    return hierarchical_palm4msa(A, schedule, **loop).operator


def best_entries(A, budget):
    return sum_factorization(A, n_nonzero=budget).operator


def best_chain(A, budget):
    chain = select_chain(A, budget=budget).chain
    return butterfly_factorization(A, chain).operator
