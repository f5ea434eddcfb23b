"""Who else finds nearest centroids, and how many labels are wrong.

scikit-learn-intelex and faiss are used if they are installed; neither is needed.
"""

import importlib.util

import numpy as np

# Wrong labels of approximate peers depend on these; chosen for few of them.
_HNSW_LINKS, _REFINED, _LISTS, _PROBES = 16, 16, 16, 4
PEERS = {"sklearnex": "scikit-learn-intelex", "faiss": "faiss-cpu"}


def missing_peers():
    """Packages that are not installed."""
    return [
        package
        for module, package in PEERS.items()
        if importlib.util.find_spec(module) is None
    ]


def peers(centers, A, B):
    """Name -> function that labels the rows of B, for the peers that are installed.

    All have the same centroids; `A`, rows like those of B, trains the quantiser.
    """
    found = {}
    if importlib.util.find_spec("sklearnex"):
        found |= _intelex(centers, B)
    if importlib.util.find_spec("faiss"):
        found |= _faiss(centers, A, B)
    return found


def _intelex(centers, B):
    from sklearnex.cluster import KMeans as IntelKMeans

    # Fitted to the centroids themselves it keeps them; predict ignores others that
    # are assigned to `cluster_centers_` afterwards.  It is scikit-learn's unless there
    # are more rows than clusters, hence each twice.
    model = IntelKMeans(len(centers), init=centers, n_init=1, max_iter=1, n_jobs=1)
    model.fit(np.repeat(centers, 2, axis=0))
    if not np.allclose(model.cluster_centers_, centers, rtol=1e-6, atol=0):
        raise RuntimeError("scikit-learn-intelex did not keep the centroids")
    return {"scikit-learn-intelex": lambda: model.predict(B)}


def _faiss(centers, A, B):
    import faiss

    faiss.omp_set_num_threads(1)
    n_features = centers.shape[1]
    coarse = faiss.IndexFlatL2(n_features)
    lists = faiss.IndexIVFFlat(coarse, n_features, _LISTS)
    lists.nprobe = _PROBES
    indices = {
        "faiss Flat": faiss.IndexFlatL2(n_features),
        f"faiss HNSW{_HNSW_LINKS}": faiss.IndexHNSWFlat(n_features, _HNSW_LINKS),
        f"faiss IVF{_LISTS}, {_PROBES} probes": lists,
    }
    if n_features % 8 == 0:
        codes = faiss.IndexPQFastScan(n_features, n_features // 8, 4)
        refined = faiss.IndexRefineFlat(codes)
        refined.k_factor = _REFINED
        indices[f"faiss PQ4 fastscan, {_REFINED} refined"] = refined
    found = {}
    for name, index in indices.items():
        if len(centers) < _LISTS and index is lists:
            continue
        index.train(A)
        index.add(centers)
        found[name] = lambda index=index: index.search(B, 1)[1][:, 0]
    return found


class Truth:
    """Distances to the nearest centroids in float64.

    A label is wrong if its centroid is not the nearest, which a rounded distance may
    exchange for another as near:
    ``d > d_min (1 + 1e-6) + 1e-12 (|x|^2 + |c|^2)``, by direct differences.
    """

    def __init__(self, X, centers, block=2000):
        self.X, self.centers, self.block = X, centers.astype(np.float64), block
        norms = np.einsum("ij,ij->i", self.centers, self.centers)
        best, own = np.empty(len(X), np.intp), np.empty(len(X))
        for i in range(0, len(X), block):
            x = X[i : i + block].astype(np.float64)
            own[i : i + block] = np.einsum("ij,ij->i", x, x)
            best[i : i + block] = (norms - 2 * x @ self.centers.T).argmin(axis=1)
        least = self._squared(best)
        self.allowed = least * (1 + 1e-6) + 1e-12 * (own + norms[best])

    def _squared(self, labels):
        """Squared distances to the centroids of the labels, by differences."""
        squared = np.empty(len(self.X))
        for i in range(0, len(self.X), self.block):
            rows = slice(i, i + self.block)
            difference = self.X[rows] - self.centers[labels[rows]]
            squared[rows] = np.einsum("ij,ij->i", difference, difference)
        return squared

    def n_wrong(self, labels):
        """How many labels are not those of a nearest centroid."""
        return int(np.count_nonzero(self._squared(labels) > self.allowed))
