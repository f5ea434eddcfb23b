"""
=============================================
Random features: accuracy against their costs
=============================================

A linear classifier on random features is nearly a kernel machine, and fast.  With
:class:`~skfrugal.kernel_approximation.StructuredRBFSampler` the features are, too.
"""

# %%
# The task
# --------
# From which of two photographs is a patch of 16 x 16 coloured pixels?  Patches of the
# left halves are the training rows, those of the right halves are held out.
import time

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_sample_images
from sklearn.feature_extraction.image import extract_patches_2d
from sklearn.kernel_approximation import RBFSampler
from sklearn.linear_model import RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

from skfrugal.inspection import predict_microseconds
from skfrugal.kernel_approximation import StructuredRBFSampler


def patches(half):
    halves = [np.hsplit(image, 2)[half] for image in load_sample_images().images]
    rows = [extract_patches_2d(one, (16, 16), max_patches=1000) for one in halves]
    return np.vstack(rows).reshape(2000, -1).astype(np.float32) / 255


np.random.seed(0)
X, X_test = patches(0), patches(1)
y = np.repeat(["china", "flower"], 1000)
gamma = 1 / (X.shape[1] * X.var())

# %%
# The models
# ----------
# Each number of features is drawn three times; the exact kernel is that of `SVC`.
sizes = (256, 1024, 4096)


def drawn(sampler, size):
    options = {"n_components": size, "gamma": gamma}
    features = [sampler(**options, random_state=seed) for seed in range(3)]
    return [make_pipeline(one, RidgeClassifier(0.1)) for one in features]


families = {
    "RBFSampler": [drawn(RBFSampler, size) for size in sizes],
    "StructuredRBFSampler": [drawn(StructuredRBFSampler, size) for size in sizes],
    "SVC (exact kernel)": [[SVC(C=10, gamma=gamma)]],
}
groups = [models for family in families.values() for models in family]
fits = []
for models in groups:
    start = time.perf_counter()
    for model in models:
        model.fit(X, y)
    fits.append((time.perf_counter() - start) / len(models))
micro = predict_microseconds([models[0] for models in groups], X_test[::4])
scores = [np.mean([model.score(X_test, y) for model in models]) for models in groups]

# %%
# Both costs
# ----------
# Numbers are features.  Higher and further left is better.
figure, axes = plt.subplots(1, 2, figsize=(9, 4), sharey=True, layout="constrained")
points = zip(micro, fits, scores, strict=True)
for (name, family), style in zip(families.items(), ("s-", "o-", "*"), strict=True):
    *costs, score = zip(*[next(points) for _ in family], strict=True)
    for axis, cost in zip(axes, costs, strict=True):
        axis.semilogx(cost, score, style, markersize=8, label=name)
        # The exact kernel has no number of features.
        for size, *point in zip(sizes * (style != "*"), cost, score, strict=False):
            axis.annotate(size, point, (6, -9), textcoords="offset points")
    print(f"{name:>20}: accuracy {score[-1]:.3f}, {costs[0][-1]:6.1f} microseconds")
for axis, ticks in zip(axes, ((10, 30, 100), (0.1, 0.3, 1)), strict=True):
    axis.set_xticks(ticks, ticks)
    axis.minorticks_off()
    axis.margins(0.14)
axes[0].set(xlabel="microseconds a prediction", ylabel="accuracy, right halves")
axes[1].set_xlabel("seconds to fit")
axes[1].legend(loc="lower right")
plt.show()
