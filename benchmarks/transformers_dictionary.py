"""Denoising of photographs by patches: structured dictionaries beside dense ones.

The two photographs of scikit-learn in grey, Gaussian noise; patches of 8 x 8 pixels,
256 atoms, learnt from the noisy picture itself.  Two codings: atoms until the residual
is that of the noise, and five atoms whatever the noise (Le Magoarou & Gribonval 2016).
"""

import argparse
import time

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from sklearn.datasets import load_sample_image
from sklearn.decomposition import MiniBatchDictionaryLearning
from sklearn.linear_model import orthogonal_mp_gram

from skfrugal.decomposition import SparseProductDictionaryLearning
from skfrugal.structures import LowRank, SparseProduct

IMAGES = ("china.jpg", "flower.jpg")
SIGMAS = (10, 20, 30, 50)
SIDE, N_ATOMS, N_TRAIN, CROP, STRIDE = 8, 256, 5000, 194, 3
# Residuals of the noise alone are below this multiple of its deviation.
GAIN = 1.15


HEAD = "{picture:10} {sigma:>5} {dictionary:28} {values:>6} {fit:>7} {coding:>8}"
LINE = "{picture:10} {sigma:5} {dictionary:28} {values:6} {fit:5.1f} s {coding:6.1f} s"


def dictionary(images=IMAGES, sigmas=SIGMAS):
    """Print PSNR, time and parameters for each picture, noise and dictionary."""
    names = ("picture", "sigma", "dictionary", "values", "fit", "coding")
    print(HEAD.format(**{n: n for n in names}), "    PSNR   PSNR of five atoms")
    figures = []
    for name in images:
        clean = picture(name)
        for sigma in sigmas:
            noise = np.random.RandomState(sigma).standard_normal(clean.shape)
            noisy = clean + sigma * noise
            print(f"{name:10} {sigma:5} {'(noisy)':52} {psnr(noisy, clean):10.2f} dB")
            for label, learn in dictionaries(sigma).items():
                figure = {"picture": name, "sigma": sigma, "dictionary": label}
                figure |= measure(learn, noisy, clean, sigma)
                figures.append(figure)
                line = LINE + "{psnr:8.2f} dB{five:8.2f} dB"
                print(line.format(**figure), flush=True)
    return figures


def measure(learn, noisy, clean, sigma):
    """Seconds, values and ratios of one dictionary."""
    start = time.perf_counter()
    atoms, n_values = learn(training(noisy))
    fitted = time.perf_counter()
    found = denoise(noisy, atoms, tol=(GAIN * SIDE * sigma) ** 2)
    coding = time.perf_counter() - fitted
    five = denoise(noisy, atoms, n_nonzero_coefs=5)
    return {
        "values": n_values,
        "fit": fitted - start,
        "coding": coding,
        "psnr": psnr(found, clean),
        "five": psnr(five, clean),
    }


def picture(name):
    """The middle of a photograph in grey, values from 0 to 255."""
    grey = load_sample_image(name).mean(axis=2)
    top, left = ((side - CROP) // 2 for side in grey.shape)
    return grey[top : top + CROP, left : left + CROP]


def overcomplete_dct(n_waves=16, side=SIDE):
    """Products of cosines, more than there are pixels: n_waves^2 atoms."""
    waves = np.cos(np.outer(np.arange(n_waves), np.arange(side)) * np.pi / n_waves)
    waves[1:] -= waves[1:].mean(axis=1, keepdims=True)
    waves /= np.linalg.norm(waves, axis=1, keepdims=True)
    return np.kron(waves, waves)


def dictionaries(sigma):
    """Functions from training rows to atoms and the number of values stored."""
    dct = overcomplete_dct()
    in_cosines = SparseProduct(1 / 3, transform="dct", feature_shape=(SIDE, SIDE))

    def mini_batch(gain):
        def learn(X):
            model = MiniBatchDictionaryLearning(
                N_ATOMS,
                alpha=gain * sigma,
                fit_algorithm="cd",
                batch_size=512,
                max_iter=10,
                random_state=0,
            ).fit(X)
            return model.components_, model.components_.size

        return learn

    def structured(structure, budget=None):
        def learn(X):
            model = SparseProductDictionaryLearning(
                N_ATOMS,
                structure=structure,
                budget=budget,
                dict_init=dct,
                fit_algorithm="cd",
                alpha=3 * sigma,
                transform_max_iter=50,
                max_iter=15,
                random_state=0,
            ).fit(X)
            return model.components_, model.operator_.nnz

        return learn

    return {
        "over-complete DCT": lambda X: (dct, dct.size),
        "mini-batch, penalty 2 sigma": mini_batch(2),
        "mini-batch, penalty 3 sigma": mini_batch(3),
        "dense, from the DCT": structured("dense"),
        "monarch, from the DCT": structured("monarch"),
        "low rank 16, from the DCT": structured(LowRank(rank=16)),
        "low rank + sparse, a third": structured("low_rank_plus_sparse", 1 / 3),
        "sparse product, a third": structured("sparse_product", 1 / 3),
        "the same in cosines": structured(in_cosines),
    }


def patches(noisy, stride):
    """Patches without their means, the means, and the shape of the grid of patches."""
    windows = sliding_window_view(noisy, (SIDE, SIDE))[::stride, ::stride]
    rows = windows.reshape(-1, SIDE**2)
    means = rows.mean(axis=1, keepdims=True)
    return rows - means, means, windows.shape[:2]


def training(noisy):
    """Some of all patches."""
    rows = patches(noisy, 1)[0]
    return rows[np.random.RandomState(0).permutation(len(rows))[:N_TRAIN]]


def denoise(noisy, atoms, **pursuit):
    """The mean of overlapping patches, each replaced by few atoms."""
    norms = np.linalg.norm(atoms, axis=1, keepdims=True)
    atoms = atoms / np.where(norms > 0, norms, 1)
    rows, means, grid = patches(noisy, STRIDE)
    gram, cov = atoms @ atoms.T, atoms @ rows.T
    squares = np.sum(rows**2, axis=1)
    codes = orthogonal_mp_gram(gram, cov, norms_squared=squares, **pursuit).T
    clean = (codes @ atoms + means).reshape(*grid, SIDE, SIDE)
    total, count = np.zeros_like(noisy), np.zeros_like(noisy)
    for i, j in np.ndindex(*grid):
        window = np.s_[i * STRIDE : i * STRIDE + SIDE, j * STRIDE : j * STRIDE + SIDE]
        total[window] += clean[i, j]
        count[window] += 1
    return np.where(count > 0, total / np.maximum(count, 1), noisy)


def psnr(found, clean):
    """Peak signal to noise ratio in decibels."""
    error = np.mean((np.clip(found, 0, 255) - clean) ** 2)
    return 10 * np.log10(255**2 / error)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", nargs="+", default=IMAGES, choices=IMAGES)
    parser.add_argument("--sigmas", nargs="+", default=SIGMAS, type=int)
    arguments = parser.parse_args()
    dictionary(arguments.images, arguments.sigmas)
