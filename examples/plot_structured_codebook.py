"""
============================
A codebook in little storage
============================

The patches of a codebook resemble each other, and a few sparse factors hold them all.
:class:`~skfrugal.cluster.QuickKMeans` learns the factors while it clusters; beside its
codebooks stand simpler ones.
"""

# %%
# Patches of 8 x 8 pixels in colour
# ---------------------------------
import matplotlib.pyplot as plt
import numpy as np
from sklearn.cluster import KMeans
from sklearn.datasets import load_sample_image
from sklearn.decomposition import PCA
from sklearn.feature_extraction.image import extract_patches_2d

from skfrugal.cluster import QuickKMeans
from skfrugal.structures import SparseProduct

k, shape = 128, (8, 8, 3)
photograph = load_sample_image("china.jpg").astype(np.float32) / 255
rows = extract_patches_2d(photograph, shape[:2], max_patches=6000, random_state=0)
rows = rows.reshape(len(rows), -1)
start = rows[:k]
dense = KMeans(k, init=start, n_init=1, max_iter=20).fit(rows)


def loss(centers):
    """Inertia of rows that go to their nearest centre, over that of k-means."""
    model = QuickKMeans.from_estimator(np.asarray(centers, dtype=np.float32))
    return -model.score(rows) / dense.inertia_


# %%
# Structured centroids
# --------------------
# The cosine transform, which stores nothing, stands in front of the factors.
curves = {}
for quantize in (False, True):
    points = []
    for budget in (1 / 24, 1 / 12, 1 / 6):
        structure = SparseProduct(
            budget, transform="dct", feature_shape=shape, quantize=quantize
        )
        params = {"structure": structure, "assignment": "structured", "init": start}
        model = QuickKMeans(k, **params, max_iter=6, random_state=0).fit(rows)
        points.append((model.operator_.nbytes, model.inertia_ / dense.inertia_))
    curves["sparse product, 8 bits" if quantize else "sparse product"] = points

# %%
# Their twins
# -----------
# Fewer clusters, k-means in principal components, and dense centroids in whole numbers.
points = []
for fewer in (8, 16, 32, 64):
    model = KMeans(fewer, init=start[:fewer], n_init=1, max_iter=20).fit(rows)
    points.append((model.cluster_centers_.nbytes, model.inertia_ / dense.inertia_))
curves["fewer clusters"] = points
points = []
for rank in (4, 8, 16, 32):
    basis = PCA(rank, random_state=0).fit(rows)
    model = KMeans(k, init=basis.transform(start), n_init=1, max_iter=20)
    centers = basis.inverse_transform(model.fit(basis.transform(rows)).cluster_centers_)
    points.append((4 * (rank * (k + rows.shape[1]) + rows.shape[1]), loss(centers)))
curves["principal components"] = points
points = []
for bits in (3, 4, 8):
    rounded = np.rint(dense.cluster_centers_ * (2**bits - 1)) / (2**bits - 1)
    points.append((start.size * bits / 8, loss(rounded)))
curves["dense, 3 to 8 bits"] = points

# %%
# Bytes and inertia
# -----------------
figure, axis = plt.subplots(figsize=(7, 4.2), layout="constrained")
for name, points in curves.items():
    nbytes, ratios = zip(*points, strict=True)
    axis.plot(np.array(nbytes) / 1000, ratios, "o-", label=name)
axis.axvline(start.nbytes / 1000, color="k", linestyle=":", label="dense")
axis.set(xscale="log", xlabel="kB of a codebook", ylabel="inertia over k-means")
ticks = [3, 6, 12, 25, 50, 100]
axis.set(ylim=(0.99, 1.5), xticks=ticks, xticklabels=ticks)
axis.minorticks_off()
axis.legend()
plt.show()
