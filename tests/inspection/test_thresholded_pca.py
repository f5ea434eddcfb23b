"""ThresholdedPCA: what it keeps, and that its way back is the best one."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

from skfrugal.inspection._compare import _is_frugal
from skfrugal.inspection._thresholded_pca import ThresholdedPCA
from skfrugal.metrics import model_cost

X = load_digits().data


def test_all_entries_are_pca():
    pca, ours = PCA(10).fit(X), ThresholdedPCA(10, 640).fit(X)
    assert_allclose(ours.transform(X), pca.transform(X), atol=1e-10)
    decoded = pca.inverse_transform(pca.transform(X))
    assert_allclose(ours.inverse_transform(ours.transform(X)), decoded, atol=1e-10)


@pytest.mark.parametrize("n_entries", [1, 100, 300])
def test_largest_entries_are_kept_and_counted(n_entries):
    ours = ThresholdedPCA(10, n_entries).fit(X)
    kept, components = ours.operator_.toarray(), PCA(10).fit(X).components_
    is_kept = kept != 0
    assert is_kept.sum() == n_entries
    assert_allclose(kept[is_kept], components[is_kept], rtol=1e-10)
    assert abs(kept[is_kept]).min() >= abs(components[~is_kept]).max()
    assert model_cost(ours).multiply_adds == n_entries + 64


def test_decoder_is_that_of_least_squares():
    ours = ThresholdedPCA(10, 100).fit(X)
    codes = ours.transform(X)
    residual = X - ours.inverse_transform(codes)
    assert_allclose(residual.mean(axis=0), 0, atol=1e-10)
    correlation = codes.T @ residual / len(X)
    assert_allclose(correlation, np.zeros_like(correlation), atol=1e-8)


def test_it_is_a_twin_and_no_model_of_ours():
    ours = ThresholdedPCA(2, 5, random_state=3)
    assert clone(ours).get_params() == ours.get_params()
    assert not _is_frugal(ours)
