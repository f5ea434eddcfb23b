"""
============================
A codebook of image patches
============================

Vector quantisation keeps, of each patch of a photograph, the number of the nearest
patch in a codebook.  :class:`~skfrugal.cluster.QuickKMeans` finds a codebook as good
as that of ``KMeans``, sooner.
"""

# %%
# Patches of 8 x 8 pixels
# -----------------------
from time import perf_counter

import matplotlib.pyplot as plt
import numpy as np
from sklearn.cluster import KMeans
from sklearn.datasets import load_sample_image

from skfrugal.cluster import QuickKMeans

side = 8


def grey(name):
    return load_sample_image(name)[:424, :, :].mean(axis=2, dtype=np.float32) / 255


def patches_of(picture, step):
    windows = np.lib.stride_tricks.sliding_window_view(picture, (side, side))
    return windows[::step, ::step].reshape(-1, side * side)


learnt_from, photograph = grey("flower.jpg"), grey("china.jpg")
rows = np.concatenate([patches_of(learnt_from, 4), patches_of(photograph, 5)])
tiles = patches_of(photograph, side)

# %%
# A codebook, once by each model from the same start
# --------------------------------------------------
sizes = [16, 64, 256, 1024]
bits = [np.log2(k) / side**2 for k in sizes]
psnr, seconds = ({"KMeans": [], "QuickKMeans": []} for _ in range(2))
for k, rate in zip(sizes, bits, strict=True):
    start = rows[np.random.RandomState(0).permutation(len(rows))[:k]]
    for name, model in {"KMeans": KMeans, "QuickKMeans": QuickKMeans}.items():
        begin = perf_counter()
        fitted = model(k, init=start, n_init=1, max_iter=8).fit(rows)
        seconds[name].append(perf_counter() - begin)
        coded = fitted.cluster_centers_[fitted.predict(tiles)]
        psnr[name].append(-10 * np.log10(np.mean((coded - tiles) ** 2)))
        print(f"K={k:<5} {rate:.3f} bits a pixel, ", end="")
        print(f"{psnr[name][-1]:.2f} dB, {seconds[name][-1]:5.2f} s: {name}")

# %%
# Bits, decibels, seconds
# -----------------------
shape = photograph.shape[0] // side, photograph.shape[1] // side, side, side
decoded = coded.reshape(shape).swapaxes(1, 2).reshape(photograph.shape)
figure, axes = plt.subplots(2, 2, figsize=(9.5, 6.4), layout="constrained")
for axis, picture in zip(axes[0], (photograph, decoded), strict=True):
    axis.imshow(picture, cmap="gray", vmin=0, vmax=1)
    axis.set_axis_off()
axes[0, 0].set_title("8 bits a pixel")
axes[0, 1].set_title(f"{bits[-1]:.3f} bits a pixel, {psnr[name][-1]:.1f} dB")
axes[1, 0].plot(bits, psnr["QuickKMeans"], "o-C1")
for k, x, y in zip(sizes, bits, psnr["QuickKMeans"], strict=True):
    axes[1, 0].annotate(f"K={k}", (x, y), (6, -10), textcoords="offset points")
axes[1, 0].set(xlabel="bits a pixel", ylabel="PSNR (dB)")
axes[1, 0].margins(x=0.25, y=0.15)
for name, values in seconds.items():
    axes[1, 1].semilogx(sizes, values, "o-", label=name)
axes[1, 1].set(xlabel="patches in the codebook", ylabel="seconds of fit")
axes[1, 1].set_xticks(sizes, sizes)
axes[1, 1].minorticks_off()
axes[1, 1].legend()
plt.show()
