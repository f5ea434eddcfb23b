"""
=============================
1,024 colours of a photograph
=============================

Quantising colours is k-means on pixels: many rows, three columns.
:class:`~skfrugal.cluster.QuickKMeans` finds a palette as good as that of ``KMeans``,
sooner, and paints every pixel in the nearest of its colours.
"""

# %%
# The pixels
# ----------
from time import perf_counter

import matplotlib.pyplot as plt
import numpy as np
from scipy.spatial import KDTree
from sklearn.cluster import KMeans
from sklearn.datasets import load_sample_image

from skfrugal.cluster import QuickKMeans

photograph = load_sample_image("china.jpg")[:, :, :3] / np.float32(255)
pixels = photograph.reshape(-1, 3)
n_colours = 1024
colours = np.unique(pixels, axis=0)
start = colours[np.random.RandomState(0).permutation(len(colours))[:n_colours]]

# %%
# Two palettes from the same start
# --------------------------------
# Pixels of 8 bits often lie half-way between two colours, and there rounding parts the
# ways of the models.  A k-d tree of the palette tells how many pixels have a nearer
# colour than theirs.
params = {"n_clusters": n_colours, "init": start, "n_init": 1, "max_iter": 8}
seconds = {}
models = {"KMeans": KMeans(**params), "QuickKMeans": QuickKMeans(**params)}
for name, model in models.items():
    begin = perf_counter()
    model.fit(pixels)
    seconds[name] = perf_counter() - begin
    palette = model.cluster_centers_
    quantised = palette[model.labels_]
    error = np.linalg.norm(quantised.astype(float) - pixels, axis=1)
    nearest = KDTree(palette.astype(float)).query(pixels.astype(float))[0]
    n_nearer = np.count_nonzero(error > nearest * (1 + 1e-6) + 1e-9)
    psnr = -10 * np.log10(np.mean(error**2) / 3)
    print(f"{name:>11}: {seconds[name]:.2f} s, {psnr:.2f} dB, {n_nearer} pixels astray")
quantised = quantised.reshape(photograph.shape)

# %%
# What is lost
# ------------
figure, axes = plt.subplots(1, 3, figsize=(11, 3.2), layout="constrained")
for axis, picture in zip(axes, (photograph, quantised), strict=False):
    axis.imshow(np.clip(picture, 0, 1))
    axis.set_axis_off()
axes[0].set_title(f"{len(colours):,} colours")
axes[1].set_title(f"{n_colours:,} colours, PSNR {psnr:.1f} dB")
order = np.lexsort(palette.T)
axes[2].imshow(np.clip(palette[order].reshape(32, 32, 3), 0, 1))
axes[2].set_axis_off()
times = ", ".join(f"{name} {value:.2f} s" for name, value in seconds.items())
axes[2].set_title(f"the palette\n{times}", fontsize=9)
plt.show()
