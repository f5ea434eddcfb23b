"""
==================================================
Denoising photographs with a dictionary by factors
==================================================

A patch of a photograph is a combination of few atoms, noise is not.  A dictionary
learnt from the noisy picture itself may be dense, or, with
:class:`~skfrugal.decomposition.SparseProductDictionaryLearning`, two sparse factors
with a fifth of the values.
"""

# %%
# Two photographs, and their patches of 8 x 8 pixels
# --------------------------------------------------
import matplotlib.pyplot as plt
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from sklearn.datasets import load_sample_image
from sklearn.decomposition import MiniBatchDictionaryLearning
from sklearn.linear_model import orthogonal_mp_gram

from skfrugal.decomposition import SparseProductDictionaryLearning

SIDE, CROP, STEP, SIGMAS = 8, 98, 5, (10, 20, 30, 50)
titles = ("china", "flower")
pictures = [load_sample_image(f"{title}.jpg").mean(axis=2) for title in titles]
crops = [picture[120 : 120 + CROP, 300 : 300 + CROP] for picture in pictures]

# %%
# Three dictionaries of 256 atoms
# -------------------------------
# The over-complete cosine transform, and two dictionaries that start from it and are
# learnt from patches with a noise of 20: a dense one, and a product of two factors.
waves = np.cos(np.outer(np.arange(16), np.arange(SIDE)) * np.pi / 16)
waves[1:] -= waves[1:].mean(axis=1, keepdims=True)
waves /= np.linalg.norm(waves, axis=1, keepdims=True)
cosines = np.kron(waves, waves)


def dictionaries(rows):
    options = {"alpha": 60, "fit_algorithm": "cd", "max_iter": 4, "dict_init": cosines}
    dense = MiniBatchDictionaryLearning(256, **options, random_state=0)
    frugal = SparseProductDictionaryLearning(256, structure="monarch", **options)
    atoms = [cosines, dense.fit(rows).components_, frugal.fit(rows).components_]
    return [a / np.maximum(np.linalg.norm(a, axis=1)[:, None], 1e-9) for a in atoms]


def patches(image, sigma, step):
    noise = np.random.RandomState(sigma).standard_normal(image.shape)
    windows = sliding_window_view(image + sigma * noise, (SIDE, SIDE))
    rows = windows[::step, ::step].reshape(-1, SIDE**2)
    means = rows.mean(axis=1, keepdims=True)
    return rows - means, means


# %%
# Atoms are added until what is left of a patch is as large as the noise.
def denoised(rows, means, atoms, sigma):
    squares, tol = np.sum(rows**2, axis=1), (1.15 * SIDE * sigma) ** 2
    pursuit = {"tol": tol, "norms_squared": squares}
    codes = orthogonal_mp_gram(atoms @ atoms.T, atoms @ rows.T, **pursuit)
    total, count = np.zeros((2, CROP, CROP))
    corners = np.ndindex((CROP - SIDE) // STEP + 1, (CROP - SIDE) // STEP + 1)
    for (i, j), row in zip(corners, codes.T @ atoms + means, strict=True):
        window = np.s_[i * STEP : i * STEP + SIDE, j * STEP : j * STEP + SIDE]
        total[window] += row.reshape(SIDE, SIDE)
        count[window] += 1
    return total / count


names = ("cosines", "learnt, dense", "learnt, two factors")
ratios = np.empty((2, len(SIGMAS), len(names)))
for i, crop in enumerate(crops):
    learnt = dictionaries(patches(crop, 20, 2)[0])
    for j, sigma in enumerate(SIGMAS):
        rows, means = patches(crop, sigma, STEP)
        for k, atoms in enumerate(learnt):
            wrong = denoised(rows, means, atoms, sigma) - crop
            ratios[i, j, k] = -10 * np.log10(np.mean((wrong / 255) ** 2))

# %%
# What it comes to: 16,384 values of the dense dictionary, 3,072 of the two factors.
for name, ratio in zip(names, ratios.mean(axis=0).T, strict=True):
    print(f"{name:20}", *(f"{value:6.2f}" for value in ratio), "dB")
figure, axes = plt.subplots(1, 2, figsize=(9, 3.5), layout="constrained")
for axis, title, ratio in zip(axes, titles, ratios, strict=True):
    axis.plot(SIGMAS, ratio - ratio[:, :1], "o-", label=names)
    axis.set(title=title, xlabel="noise", ylabel="PSNR over that of cosines (dB)")
axes[0].legend()
plt.show()
