"""
======================================================
Fast PCA of a photograph: rotations against components
======================================================

PCA multiplies a row by a dense matrix of k components.
:class:`~skfrugal.decomposition.ButterflyTransformer` learns an orthogonal matrix made
of plane rotations, which takes a number of multiply-adds that hardly depends on k.
"""

# %%
# Patches of one photograph
# -------------------------
# Patches of 16 x 16 pixels from the left half of the picture are the training rows;
# tiles of the right half are held out.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_sample_image
from sklearn.decomposition import PCA
from sklearn.feature_extraction.image import extract_patches_2d

from skfrugal.decomposition import ButterflyTransformer
from skfrugal.metrics import model_cost

SIDE = 16
image = load_sample_image("china.jpg").mean(axis=2)[:416] / 255
left, right = np.hsplit(image, 2)
X_train = extract_patches_2d(left, (SIDE, SIDE), max_patches=4000, random_state=0)
X_train = X_train.reshape(-1, SIDE**2)
tiles = right.reshape(416 // SIDE, SIDE, 320 // SIDE, SIDE).swapaxes(1, 2)
X_test = tiles.reshape(-1, SIDE**2)


# %%
# Error against multiply-adds
# ---------------------------
# The costs of a row are counted by one rule for both models.
def evaluate(model):
    model.fit(X_train)
    decoded = model.inverse_transform(model.transform(X_test))
    error = np.sqrt(np.mean((decoded - X_test) ** 2))
    return model_cost(model).multiply_adds, error, decoded


sizes = (8, 16, 32, 64, 128)
dense = {k: evaluate(PCA(k)) for k in sizes}
grid = {"feature_shape": (SIDE, SIDE), "depth": 1.0}
frugal = {k: evaluate(ButterflyTransformer(k, **grid)) for k in sizes}

# %%
# At 64 coordinates, and PCA with as many multiply-adds as the rotations take:
n_adds, error, decoded = frugal[64]
k_equal = round(n_adds / SIDE**2) - 1
shown = {
    "held-out half": (0, 0.0, X_test),
    "PCA, 64 components": dense[64],
    "ButterflyTransformer, 64": frugal[64],
    f"PCA, {k_equal} components": evaluate(PCA(k_equal)),
}
figure = plt.figure(figsize=(10, 5.2), layout="constrained")
axes = figure.subplot_mosaic([[0, 1, "curve"], [2, 3, "curve"]], width_ratios=[3, 3, 4])
for i, (name, (cost, rms, rows)) in enumerate(shown.items()):
    picture = rows.reshape(tiles.shape).swapaxes(1, 2).reshape(right.shape)
    axes[i].imshow(picture[160:], cmap="gray", vmin=0, vmax=1)
    label = f"{cost:,} multiply-adds, error {rms:.3f}" if cost else "its lower part"
    axes[i].set_title(f"{name}\n{label}", fontsize=9)
    axes[i].axis("off")
for name, results, marker in (("PCA", dense, "o-"), ("rotations", frugal, "s-")):
    points = [results[k][:2] for k in sizes]
    axes["curve"].plot(*zip(*points, strict=True), marker, label=name)
    for k, point in zip(sizes, points, strict=True):
        axes["curve"].annotate(k, point, (4, 4), textcoords="offset points", fontsize=8)
axes["curve"].set(xscale="log", xlabel="multiply-adds a tile")
axes["curve"].set(ylabel="held-out error (rms)", xlim=(1500, 50000))
ticks = [2000, 4000, 8000, 16000, 32000]
axes["curve"].set_xticks(ticks, [f"{tick:,}" for tick in ticks])
axes["curve"].minorticks_off()
axes["curve"].legend(title="k coordinates")
plt.show()

# %%
# What it comes to:
print(f"PCA, 64 components:       {dense[64][0]:6,} multiply-adds, {dense[64][1]:.4f}")
print(f"ButterflyTransformer, 64: {n_adds:6,} multiply-adds, {error:.4f}")
print(f"{dense[64][0] / n_adds:.1f} times fewer")
