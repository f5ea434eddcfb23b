"""Distances to a growing set of rows: bounds never rule a nearer row out."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from skfrugal.operators._fused_seeding import SeedingRows
from skfrugal.operators._seeding_bounds import grid_of, rotated


def _rows(kind, rng, dtype, n=400, d=70):
    X = rng.standard_normal((n, d))
    if kind == "smooth":
        X = np.cumsum(X, axis=1)
    elif kind == "duplicates":
        X = X[rng.randint(0, 12, n)]
    elif kind == "one huge coordinate":
        X[3, 5] = 1e6
    elif kind == "offset":
        X += 1e4
    elif kind == "pixels":
        X = rng.randint(0, 255, (n, d)).astype(float)
    elif kind == "constant columns":
        X[:, 10:] = 7
    elif kind == "one-hot":
        X = np.eye(d)[rng.randint(0, d, n)]
    return X.astype(dtype)


KINDS = ["normal", "smooth", "duplicates", "one huge coordinate", "offset", "pixels"]
KINDS += ["constant columns", "one-hot"]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", KINDS)
def test_lowered_distances_are_those_of_all_pairs(kind, dtype):
    rng = np.random.RandomState(0)
    X = _rows(kind, rng, dtype)
    rows = SeedingRows(X)
    wide = X.astype(np.float64)
    closest = rows.squared_distances([0])[0]
    for step in range(12):
        ids = rng.randint(0, len(X), 5)
        squared = np.square(wide[:, np.newaxis] - wide[ids]).sum(axis=2).T
        expected = np.minimum(closest, squared)
        found = rows.lowered(ids, closest)
        # |c|^2 - 2 c x + |x|^2, three sums over the columns, was rounded.
        size = np.square(wide - wide.mean(axis=0)).sum(axis=1).max() * X.shape[1]
        assert_allclose(found, expected, rtol=4e-6 if dtype == np.float32 else 1e-9,
                        atol=size * np.finfo(np.float64).eps)  # fmt: skip
        closest = found[step % 5]
    assert rows.counts["exact"] < rows.counts["asked"]


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10**6), st.sampled_from(KINDS), st.integers(-12, 12))
def test_bounds_are_below_the_distances(seed, kind, exponent):
    rng = np.random.RandomState(seed)
    X = _rows(kind, rng, rng.choice([np.float32, np.float64]), n=40)
    X *= X.dtype.type(10.0**exponent)
    wide = X.astype(np.float64)
    distance = np.sqrt(np.square(wide[:, np.newaxis] - wide).sum(axis=2))
    copy = grid_of(X)
    steps = copy.copy.astype(np.float64)
    between = np.sqrt(np.square(steps[:, np.newaxis] - steps).sum(axis=2))
    bound = copy.step * (between - copy.errors[:, np.newaxis] - copy.errors)
    assert np.all(bound <= distance * (1 + 1e-12))
    turned = rotated(X, wide.mean(axis=0))
    A = turned.coordinates.astype(np.float64)
    between = np.sqrt(np.square(A[:, :, np.newaxis] - A[:, np.newaxis]).sum(axis=0))
    bound = between - turned.errors[:, np.newaxis] - turned.errors
    assert np.all(bound <= turned.scale * distance * (1 + 1e-6))


def test_rows_start_again_with_an_empty_set():
    X = _rows("smooth", np.random.RandomState(0), np.float32)
    rows = SeedingRows(X)
    closest = rows.squared_distances([0])[0]
    first = rows.lowered([1, 2], closest)
    rows.restart()
    assert rows.counts["asked"] == 0
    assert_allclose(rows.lowered([1, 2], closest), first)
