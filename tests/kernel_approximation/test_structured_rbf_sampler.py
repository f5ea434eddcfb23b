"""StructuredRBFSampler beside RBFSampler: the kernel, its error, bad input."""

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose
from sklearn.datasets import load_digits
from sklearn.kernel_approximation import RBFSampler
from sklearn.metrics.pairwise import rbf_kernel

from skfrugal.kernel_approximation import StructuredRBFSampler

DATA = {
    "digits": (load_digits().data[:120] / 16, 0.1),
    "one feature": (np.random.RandomState(0).standard_normal((80, 1)), 0.5),
    "few features": (np.random.RandomState(0).standard_normal((80, 6)), 0.1),
    "one-hot": (np.eye(80, 200), 0.5),
}


def _errors(cls, X, gamma, seeds=24):
    K = rbf_kernel(X, gamma=gamma)
    errors = []
    for seed in range(seeds):
        Z = cls(n_components=512, gamma=gamma, random_state=seed).fit_transform(X)
        errors.append(np.linalg.norm(Z @ Z.T - K) / np.linalg.norm(K))
    return np.array(errors)


@pytest.mark.parametrize("name", DATA)
def test_kernel_error_is_at_most_that_of_independent_rows(name):
    X, gamma = DATA[name]
    ours, theirs = (
        _errors(cls, X, gamma) for cls in (StructuredRBFSampler, RBFSampler)
    )
    # With one feature both draw independent normal numbers: equal but for the draw.
    deviation = np.sqrt((ours.var() + theirs.var()) / len(ours))
    assert ours.mean() <= theirs.mean() + 3 * deviation


@pytest.mark.parametrize("name", DATA)
def test_features_are_unbiased(name):
    X, gamma = DATA[name]
    X, K = X[:30], rbf_kernel(X[:30], gamma=gamma)
    draws = np.stack(
        [
            (lambda Z: Z @ Z.T)(
                StructuredRBFSampler(
                    n_components=64, gamma=gamma, random_state=seed
                ).fit_transform(X)
            )
            for seed in range(300)
        ]
    )
    bias = np.linalg.norm(draws.mean(axis=0) - K)
    spread = np.sqrt(np.sum(draws.var(axis=0)) / len(draws))
    assert bias < 1.5 * spread


def test_features_are_the_stated_cosines():
    X, gamma = DATA["digits"]
    sampler = StructuredRBFSampler(n_components=100, gamma=gamma, random_state=0).fit(X)
    angles = 2 * np.pi * X @ sampler.operator_.toarray().T + sampler.random_offset_
    assert_allclose(sampler.transform(X), np.sqrt(2 / 100) * np.cos(angles), atol=1e-12)


def test_gamma_scale_is_that_of_the_twin():
    X, _ = DATA["few features"]
    scaled = StructuredRBFSampler(gamma="scale", random_state=0).fit(X)
    given = StructuredRBFSampler(gamma=1 / (6 * X.var()), random_state=0).fit(X)
    assert_allclose(scaled.transform(X), given.transform(X))
    rows = sp.csr_array(X)
    scaled = StructuredRBFSampler(gamma="scale", random_state=0).fit(rows)
    assert_allclose(scaled.transform(rows), given.transform(X))
    constant = StructuredRBFSampler(gamma="scale", random_state=0).fit(np.ones((5, 3)))
    assert np.isfinite(constant.transform(np.ones((5, 3)))).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_features_have_the_dtype_of_the_rows(dtype):
    X, gamma = DATA["digits"]
    sampler = StructuredRBFSampler(gamma=gamma, random_state=0).fit(X.astype(dtype))
    assert sampler.transform(X.astype(dtype)).dtype == dtype


def test_bad_parameters_are_refused():
    X, _ = DATA["digits"]
    with pytest.raises(ValueError, match="gamma"):
        StructuredRBFSampler(gamma=-1.0).fit(X)
    with pytest.raises(ValueError, match="n_components"):
        StructuredRBFSampler(n_components=0).fit(X)
    with pytest.raises(ValueError, match="NaN"):
        StructuredRBFSampler().fit(np.full((3, 3), np.nan))
