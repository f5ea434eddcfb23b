"""Landmarks: the few rows that stand for all rows in a kernel method."""

from dataclasses import dataclass
from numbers import Integral, Real

import numpy as np
from scipy import linalg, sparse
from sklearn.cluster import KMeans
from sklearn.metrics import pairwise_distances_argmin
from sklearn.metrics.pairwise import (
    KERNEL_PARAMS,
    PAIRWISE_KERNEL_FUNCTIONS,
    pairwise_kernels,
)
from sklearn.utils import check_array, check_random_state

from skfrugal._sklearn import (
    Interval,
    StrOptions,
    _check_sample_weight,
    validate_params,
)
from skfrugal.operators._fused_kernels import FUSED_KERNELS
from skfrugal.solvers._landmark_kernel import PairwiseKernel
from skfrugal.solvers._landmark_ridge import whiten
from skfrugal.solvers._rows import (
    batches,
    canonical_rows,
    fingerprint,
    ordinate,
    positive_rows,
)

# Methods that look at the kernel do so on at most this many rows, and ten for each
# landmark: the scores of more rows would not move the choice.
_N_CANDIDATES = 10_000


@dataclass(frozen=True)
class _Rows:
    """The rows with a positive weight, and the first of each kind."""

    X: object  # (n, d) ndarray or CSR
    weight: np.ndarray  # (n,)
    first: np.ndarray  # (q,): positions of the distinct rows, by `ordinate`
    total: np.ndarray  # (q,): weight of each distinct row, repetitions added

    def dense(self, index):
        """Return the distinct rows `index` as a dense array."""
        block = self.X[self.first[index]]
        return block.toarray() if sparse.issparse(block) else block


def _draw(weight, n_draws, rng):
    """Draw distinct positions with probability proportional to weight.

    Exponential races (Efraimidis & Spirakis 2006): one number a position, so that
    a row of weight 2 draws what two equal rows draw.
    """
    race = rng.standard_exponential(weight.size)
    with np.errstate(divide="ignore"):
        race = np.where(weight > 0, race / weight, np.inf)
    n_draws = min(n_draws, np.count_nonzero(weight > 0))
    return np.sort(np.argpartition(race, n_draws - 1)[:n_draws])


def _uniform(rows, n_components, kernel, rng):
    return rows.dense(_draw(rows.total, n_components, rng))


def _lloyd(rows, n_components, kernel, rng):
    """Take the mean of the rows that are nearest to each uniform landmark."""
    X, drawn = rows.X, _draw(rows.total, n_components, rng)
    start = rows.dense(drawn).astype(np.float64)
    # Distances are computed from the middle of the landmarks, where they round best;
    # sparse rows stay where their zeros are.
    middle = np.zeros(X.shape[1]) if sparse.issparse(X) else start.mean(axis=0)
    centers, sums, mass = start - middle, np.zeros_like(start), np.zeros(n_components)
    blocks = [slice(None)] if sparse.issparse(X) else batches(*X.shape)
    for part in blocks:
        block = X[part].astype(np.float64)
        block = block if sparse.issparse(X) else block - middle
        label = pairwise_distances_argmin(block, centers)
        count = label.size
        members = sparse.csr_array(
            (rows.weight[part], (label, np.arange(count))), shape=(n_components, count)
        )
        total = members @ block
        sums += total.toarray() if sparse.issparse(total) else total
        mass += members.sum(axis=1)
    # A row without company stays exactly that row, so that it is known as one.
    moved = mass > (1 + 1e-9) * rows.total[drawn]
    start[moved] = sums[moved] / mass[moved, None] + middle
    return start


def _kmeans(rows, n_components, kernel, rng):
    start = _uniform(rows, n_components, kernel, rng)
    model = KMeans(n_components, init=start, n_init=1, max_iter=50, random_state=rng)
    return model.fit(rows.X, sample_weight=rows.weight).cluster_centers_


def _candidates(rows, n_components, kernel, rng):
    """Return positions, dense centred rows and weights for the kernel methods."""
    n_candidates = max(_N_CANDIDATES, 10 * n_components)
    index = np.arange(rows.first.size)
    if index.size > n_candidates:
        index = np.sort(rng.choice(index, n_candidates, replace=False))
    X = rows.dense(index).astype(np.float64)
    # Only shift-invariant kernels may be moved to where they round best.
    if kernel.shift_invariant:
        X -= X[:n_components].mean(axis=0)
    return index, X, rows.total[index]


def _diagonal(kernel, X, method):
    parts = [X[i : i + 32] for i in range(0, len(X), 32)]
    diagonal = np.concatenate([kernel(part).diagonal() for part in parts])
    if diagonal.max() <= 0:
        raise ValueError(
            f"{method!r} landmarks are drawn by k(x, x), which is positive for no row "
            f"with {kernel}; pass 'lloyd' as method (FrugalKernelRidge: landmarks), or "
            "a positive kernel."
        )
    return diagonal


def _leverage(rows, n_components, kernel, rng):
    """Draw rows by their ridge leverage, estimated on a uniform pilot of landmarks."""
    index, X, weight = _candidates(rows, n_components, kernel, rng)
    diagonal = _diagonal(kernel, X, "leverage")
    pilot = X[_draw(weight, n_components, rng)]
    P = (kernel(X, pilot) @ whiten(kernel(pilot)).basis) * np.sqrt(weight)[:, None]
    values, vectors = linalg.eigh(P.T @ P)
    # What the pilot does not see of a row is taken as a direction of its own.
    unseen = np.maximum(weight * diagonal - np.square(P).sum(axis=1), 0.0)
    # A ridge at the median eigenvalue asks for half as many degrees of freedom as
    # there are landmarks: smaller ones make all scores one.
    ridge = np.median(values) if values.size else unseen.max()
    score = np.square(P @ vectors) @ (1.0 / (values + ridge))
    score += unseen / (unseen + ridge)
    return rows.dense(index[_draw(score, n_components, rng)])


def _rpcholesky(rows, n_components, kernel, rng):
    """Draw rows by what the landmarks so far leave of the kernel's diagonal."""
    index, X, weight = _candidates(rows, n_components, kernel, rng)
    diagonal = _diagonal(kernel, X, "rpcholesky")
    floor = len(X) * np.finfo(np.float64).eps * diagonal.max()
    residual, chosen = diagonal, np.zeros(0, dtype=np.intp)
    factor = np.zeros((len(X), 0))
    while chosen.size < n_components and (residual > floor).any():
        n_draws = min(-(-n_components // 10), n_components - chosen.size)
        new = _draw(weight * np.where(residual > floor, residual, 0.0), n_draws, rng)
        columns = kernel(X, X[new]) - factor @ factor[new].T
        basis = whiten((columns[new] + columns[new].T) / 2).basis
        factor = np.hstack([factor, columns @ basis])
        residual = np.maximum(diagonal - np.square(factor).sum(axis=1), 0.0)
        residual[new] = 0.0
        chosen = np.append(chosen, new)
    return rows.dense(index[np.sort(chosen)])


METHODS = {
    "uniform": _uniform,
    "lloyd": _lloyd,
    "kmeans": _kmeans,
    "leverage": _leverage,
    "rpcholesky": _rpcholesky,
}


def _distinct_rows(X, sample_weight):
    weight = _check_sample_weight(
        sample_weight, X, dtype=np.float64, ensure_non_negative=True
    )
    X, weight, _ = positive_rows(X, weight)
    _, first, kind = np.unique(fingerprint(X), return_index=True, return_inverse=True)
    total = np.bincount(kind, weights=weight)
    # Draws then depend neither on the order of the rows nor, but for ties, on their
    # origin or precision.
    order = np.argsort(ordinate(X)[first])
    return _Rows(X, weight, first[order], total[order])


@validate_params(
    {
        "X": ["array-like", "sparse matrix"],
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "method": [StrOptions(set(METHODS))],
        "kernel": [StrOptions({*PAIRWISE_KERNEL_FUNCTIONS, *FUSED_KERNELS}), callable],
        "gamma": [Interval(Real, 0, None, closed="left"), None],
        "kernel_params": [dict, None],
        "sample_weight": ["array-like", Interval(Real, 0, None, closed="right"), None],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def select_landmarks(
    X,
    n_components,
    *,
    method="lloyd",
    kernel="rbf",
    gamma=None,
    kernel_params=None,
    sample_weight=None,
    random_state=None,
):
    """Choose landmarks that stand for all rows of a table.

    Landmarks come from distinct rows: a row that is repeated counts as one row with
    more weight. If there are no more than `n_components` distinct rows, all of them
    are returned, whatever the method.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        The rows.

    n_components : int
        Number of landmarks.

    method : {"lloyd", "uniform", "kmeans", "leverage", "rpcholesky"}, default="lloyd"
        How landmarks are chosen:

        - "uniform": rows drawn with probability proportional to their weight;
        - "lloyd": one step of Lloyd's algorithm from "uniform", hence the means of
          the rows nearest to each;
        - "kmeans": Lloyd's algorithm from "uniform", at most 50 steps;
        - "leverage": rows drawn by ridge leverage scores on a uniform pilot;
        - "rpcholesky": rows drawn, a tenth at a time, by what is left of the diagonal
          of the kernel (randomly pivoted Cholesky). Fewer landmarks are returned if
          they already reproduce the kernel.

    kernel : str or callable, default="rbf"
        Kernel of "leverage" and "rpcholesky", as in
        :class:`~skfrugal.kernel_ridge.FrugalKernelRidge`, with k(x, x) > 0 for some
        row at least. Other methods ignore it.

    gamma : float, default=None
        Parameter of a named `kernel`; None is scikit-learn's default, 1 / n_features.

    kernel_params : dict, default=None
        Further keyword arguments: `degree` and `coef0` of a named `kernel`, any of a
        callable one.

    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows: a row of weight 2 counts as two equal rows, a row of
        weight zero as none.

    random_state : int, RandomState instance or None, default=None
        Determines the draws.

    Returns
    -------
    landmarks : ndarray of shape (n_landmarks, n_features)
        Dense, in the dtype of `X` if that is a floating dtype.

    See Also
    --------
    skfrugal.kernel_ridge.FrugalKernelRidge : Kernel ridge regression on landmarks.
    sklearn.kernel_approximation.Nystroem : Kernel map on uniform landmarks.

    Notes
    -----
    *Cost.* "uniform" sorts n hashes; "lloyd" is one assignment of n rows, O(n m d)
    with a few copies of the landmarks and blocks of 16 MB (sparse rows are copied
    whole); "kmeans" at most 50 of these, with a copy of the rows; "leverage" and
    "rpcholesky" look at q = max(10000, 10 m) rows at most: O(q m (m + d)), with q d
    numbers (the rows, dense) and q m kernel values in memory, some of them twice.
    The choice moves the error of a regression by a few percent only.

    References
    ----------
    .. [1] Williams & Seeger (2001). "Using the Nystroem method to speed up kernel
       machines". Advances in Neural Information Processing Systems 13.
    .. [2] Giffon, Lamprier, Artieres, Ralaivola & Kadri (2021). "QuicK-means:
       accelerating inference for K-means by learning fast transforms". Machine
       Learning 110.
    .. [3] Alaoui & Mahoney (2015). "Fast randomized kernel ridge regression with
       statistical guarantees". Advances in Neural Information Processing Systems 28.
    .. [4] Chen, Epperly, Tropp & Webber (2025). "Randomly pivoted Cholesky: practical
       approximation of a kernel matrix with few entry evaluations". Communications
       on Pure and Applied Mathematics 78, Algorithm 2.

    Examples
    --------
    >>> import numpy as np
    >>> from skfrugal.kernel_approximation import select_landmarks
    >>> X = np.repeat(np.arange(6.0), 100)[:, None]
    >>> select_landmarks(X, 10, random_state=0).ravel()
    array([0., 1., 2., 3., 4., 5.])
    """
    X = check_array(X, accept_sparse="csr", dtype=[np.float64, np.float32])
    X = canonical_rows(X)
    rng = check_random_state(random_state)
    rows = _distinct_rows(X, sample_weight)
    if rows.first.size <= n_components:
        return rows.dense(np.arange(rows.first.size))
    parameters = dict(kernel_params or {})
    if not callable(kernel) and "gamma" in KERNEL_PARAMS.get(kernel, ("gamma",)):
        parameters = {"gamma": gamma, **parameters}
    pairwise = PairwiseKernel(pairwise_kernels, kernel, parameters)
    landmarks = METHODS[method](rows, n_components, pairwise, rng)
    return landmarks.astype(X.dtype, copy=False)
