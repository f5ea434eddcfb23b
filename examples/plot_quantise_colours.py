"""
=============================
1,024 colours of a photograph
=============================

Quantising colours is k-means on pixels: many rows, three columns.
:class:`~skfrugal.cluster.QuickKMeans` gives the palette and the picture that
``KMeans`` gives.
"""

# %%
# The pixels
# ----------
from time import perf_counter

import matplotlib.pyplot as plt
import numpy as np
from sklearn.cluster import KMeans
from sklearn.datasets import load_sample_image

from skfrugal.cluster import QuickKMeans

photograph = load_sample_image("china.jpg")[:, :, :3] / np.float32(255)
pixels = photograph.reshape(-1, 3)
n_colours = 1024
colours = np.unique(pixels, axis=0)
start = colours[np.random.RandomState(0).permutation(len(colours))[:n_colours]]

# %%
# The same palette from the same start
# ------------------------------------
params = {"n_clusters": n_colours, "init": start, "n_init": 1, "max_iter": 8}
models = {"KMeans": KMeans(**params), "QuickKMeans": QuickKMeans(**params)}
seconds = {}
for name, model in models.items():
    begin = perf_counter()
    model.fit(pixels)
    seconds[name] = perf_counter() - begin
palette = models["QuickKMeans"].cluster_centers_
quantised = palette[models["QuickKMeans"].labels_].reshape(photograph.shape)
same = np.mean(models["KMeans"].labels_ == models["QuickKMeans"].labels_)
print(f"Pixels with the same colour: {same:.2%}")

# %%
# What is lost
# ------------
error = np.mean((quantised - photograph) ** 2)
psnr = -10 * np.log10(error)

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
