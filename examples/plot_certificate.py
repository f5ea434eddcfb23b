"""
=================================================
How good can it be? A factorization's certificate
=================================================

:func:`~skfrugal.solvers.butterfly_factorization` returns, beside the factors, a number
below which no product of that kind can bring the error.
"""

# %%
# A fast matrix under noise
# -------------------------
# The discrete Fourier transform, its columns in bit-reversed order, is a product of
# log2(n) sparse factors.  Whoever is given the dense matrix, with noise, does not see
# them.
import matplotlib.pyplot as plt
import numpy as np

from skfrugal.operators import Product, dft, monarch, square_dyadic
from skfrugal.solvers import butterfly_factorization

n = 256
rng = np.random.default_rng(0)
fourier = Product(dft(n, scale="sqrtn").factors[:-1]).toarray()
noise = rng.standard_normal((n, n)) + 1j * rng.standard_normal((n, n))
noise *= np.linalg.norm(fourier) / np.linalg.norm(noise)

# %%
# Error, certificate, and distance to the matrix without noise
# ------------------------------------------------------------
# All relative to the norm of the matrix.
levels = np.geomspace(0.003, 1, 9)
found = [butterfly_factorization(fourier + t * noise, square_dyadic(n)) for t in levels]
norms = [np.linalg.norm(fourier + t * noise) for t in levels]


def relative(name):
    return [getattr(f, name) / norm for f, norm in zip(found, norms, strict=True)]


to_fourier = [np.linalg.norm(f.operator.toarray() - fourier) for f in found]
to_fourier /= np.linalg.norm(fourier)

# %%
# Which chain for which storage
# -----------------------------
# At 10 % of noise.  Larger blocks or ranks store more and only fit more of the noise.
# A truncated singular value decomposition of the same size is far off, since the
# singular values of the Fourier matrix are all equal.
target = fourier + 0.1 * noise
chains = {
    "2 x 2": square_dyadic(n),
    "16 x 16": monarch(n, n),
    "16 x 16,\nrank 2": monarch(n, n, rank=2),
}
results = {name: butterfly_factorization(target, c) for name, c in chains.items()}
stored = np.array([result.operator.nnz for result in results.values()])
errors = [f.error / np.linalg.norm(target) for f in results.values()]
singular = np.linalg.svd(target, compute_uv=False)
ranks = stored // (2 * n)
low_rank = [np.linalg.norm(singular[r:]) / np.linalg.norm(singular) for r in ranks]

figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained")
bounds = relative("lower_bound"), relative("upper_bound")
left.fill_between(levels, *bounds, alpha=0.25, label="between the two bounds")
left.loglog(levels, relative("error"), "o-", label="error")
left.loglog(levels, to_fourier, "s--", label="distance to the matrix without noise")
left.set(
    xlabel="noise / norm of the matrix",
    ylim=(3e-4, 9),
    title=f"n = {n}, blocks of 2 x 2",
)
left.set_ylabel("relative to the norm")
left.legend(loc="upper left")
right.plot(stored / n**2, errors, "o", label="product of sparse factors, by blocks")
for name, x, y in zip(chains, stored / n**2, errors, strict=True):
    right.annotate(name, (x, y), (0, 8), textcoords="offset points", ha="center")
right.plot(2 * n * ranks / n**2, low_rank, "s", label="truncated SVD")
right.set(xlabel="stored values / dense", ylim=(0, 1.05), xlim=(0, 0.3))
right.set(ylabel="relative error", title="noise: 10 %")
right.legend(loc="center right")
plt.show()

# %%
# What it comes to:
print(results["2 x 2"])
print(f"{n**2 / stored[0]:.0f} times fewer stored values")
