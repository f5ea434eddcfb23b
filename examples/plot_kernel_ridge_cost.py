"""
=======================================
Error against the time of a prediction
=======================================

Kernel ridge regression predicts well and slowly.
:class:`~skfrugal.kernel_ridge.FrugalKernelRidge` moves it to where gradient boosting
is, and beyond.
"""

# %%
# The task
# --------
# Friedman's function of five features, beside fifteen that do not matter: what counts
# is seen by kernels with weights on the features, and by trees.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_friedman1
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.kernel_approximation import Nystroem
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline

from skfrugal.inspection import predict_microseconds
from skfrugal.kernel_ridge import FrugalKernelRidge

X, y = make_friedman1(4000, n_features=20, noise=0.5, random_state=0)
X, X_test = X[:2000], X[2000:]
mean, scale = y[:2000].mean(), y[:2000].std()
y, y_test = (y[:2000] - mean) / scale, (y[2000:] - mean) / scale

# %%
# The models
# ----------
# The dense twins take the width and the penalty that ours found by leave-one-out.
sizes = (30, 100, 300)
ours = {m: FrugalKernelRidge(m, random_state=0).fit(X, y) for m in sizes}
found = {m: {"gamma": ours[m].gamma_, "alpha": ours[m].alpha_} for m in sizes}


def nystroem(m):
    features = Nystroem(n_components=m, gamma=found[m]["gamma"], random_state=0)
    return make_pipeline(features, Ridge(found[m]["alpha"]))


families = {
    "KernelRidge": [KernelRidge(kernel="rbf", **found[300])],
    "Nystroem + Ridge": [nystroem(m) for m in sizes],
    "FrugalKernelRidge": [ours[m] for m in sizes],
    "FrugalKernelRidge, refine=True": [
        FrugalKernelRidge(m, refine=True, random_state=0) for m in sizes
    ],
    "HistGradientBoosting": [
        HistGradientBoostingRegressor(max_iter=n, random_state=0) for n in (20, 100)
    ],
}
labels = {"HistGradientBoosting": (20, 100), "KernelRidge": (2000,)}
models = [model for family in families.values() for model in family]
for model in models:
    if model not in ours.values():
        model.fit(X, y)
times = iter(predict_microseconds(models, X_test))

# %%
# Both at once
# ------------
# Numbers are landmarks (of boosting: trees).  Lower and further left is better.
figure, axis = plt.subplots(figsize=(7.5, 4.5), layout="constrained")
best = {}
for (name, family), marker in zip(families.items(), "sDo*^", strict=True):
    micro = [next(times) for _ in family]
    error = [np.sqrt(np.mean((m.predict(X_test) - y_test) ** 2)) for m in family]
    axis.loglog(micro, error, marker + "-", markersize=8, label=name)
    for count, *point in zip(labels.get(name, sizes), micro, error, strict=False):
        axis.annotate(count, point, xytext=(5, 5), textcoords="offset points", size=8)
    best[name] = min(zip(error, micro, strict=True))
for name, (error, micro) in best.items():
    print(f"{name:>31}: error {error:.3f} at {micro:.2f} microseconds a row")
axis.axhline(0.5 / scale, color="grey", linestyle=":", label="noise of the target")
axis.set(xlabel="microseconds a prediction", ylabel="root mean squared error / std(y)")
axis.legend(fontsize=8, loc="lower right")
plt.show()
