"""Which structure centroids have, where the user leaves it open."""

import numpy as np
from sklearn.cluster import KMeans

from skfrugal.cluster._structured import Projection
from skfrugal.structures import budget_in_values, check_structure

# In order of preference where the inertia is the same.
_NAMES = ("low_rank", "monarch", "butterfly", "sparse_product")
# A sparse product, which stores an index for each of its values and is slow to learn,
# is chosen where its inertia is below this part of all others'.
_MARGIN = 0.97


class Choice:
    """Chooses for given means, and keeps a table of what was compared.

    Parameters
    ----------
    budget : int, float or None
    rng : RandomState

    Attributes
    ----------
    table : dict of str to dict
        Of each structure that fits in the budget its "n_values" and the "inertia" of
        its projection of the first means, labels unchanged; and of "fewer_clusters",
        as many dense centroids as the largest of them has room for, which is only
        told: the number of clusters is the user's.
    """

    def __init__(self, budget, rng):
        self.budget, self.rng = budget, rng
        self.table = {}

    def __call__(self, means, row_weight, within):
        """The structure with the least inertia: the dense one where it fits."""
        allowed, candidates = budget_in_values(self.budget, means.shape), {}
        if allowed >= means.size:
            self._note("dense", means.size, within)
            return check_structure("dense", means.shape)
        for name in _NAMES:
            try:
                structure = check_structure(name, means.shape, allowed)
            except ValueError:  # too small a budget for it
                continue
            project = Projection(structure, self.rng)
            result = project(means, row_weight=row_weight)
            candidates[name] = structure
            self._note(name, result.operator.nnz, within + result.error**2)
        self._note_fewer(means, row_weight, within)
        return candidates[min(candidates, key=self._score)]

    def _score(self, name):
        inertia = self.table[name]["inertia"]
        return inertia / _MARGIN if name == "sparse_product" else inertia

    def _note(self, name, n_values, inertia):
        self.table[name] = {"n_values": int(n_values), "inertia": float(inertia)}

    def _note_fewer(self, means, row_weight, within):
        """Clusters of the means, which stand for their rows."""
        n_features = means.shape[1]
        allowed = max(one["n_values"] for one in self.table.values())
        n_clusters = allowed // n_features
        heavy = row_weight > 0
        if not 1 <= n_clusters < np.count_nonzero(heavy):
            return
        seed = self.rng.randint(np.iinfo(np.int32).max)
        fewer = KMeans(n_clusters, n_init=1, random_state=seed)
        fewer.fit(means[heavy], sample_weight=row_weight[heavy])
        self._note("fewer_clusters", n_clusters * n_features, within + fewer.inertia_)
