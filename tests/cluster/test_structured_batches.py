"""`partial_fit` of structured centroids, whatever happens between two batches."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skfrugal.cluster import MiniBatchQuickKMeans
from skfrugal.operators import Dense
from skfrugal.structures import LowRank, SparseProduct

X = np.random.RandomState(0).standard_normal((200, 24))


def started(structure="sparse_product", budget=0.5, method="partial_fit"):
    model = MiniBatchQuickKMeans(
        10, assignment="structured", structure=structure, budget=budget, random_state=0
    )
    return getattr(model, method)(X)


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize("structure", ["auto", "sparse_product", "low_rank"])
def test_parameters_are_those_of_the_last_call(structure, method):
    model = started(structure, 0.7, method)
    model.set_params(budget=0.2).partial_fit(X)
    assert model.operator_.nnz <= 0.2 * 240
    model.set_params(structure=LowRank(rank=1), budget=None).partial_fit(X)
    assert model.operator_.nnz == 34
    model.set_params(structure="auto", assignment="exact").partial_fit(X)
    assert isinstance(model.operator_, Dense)
    model.set_params(assignment="structured", budget=0.2).partial_fit(X)
    assert model.operator_.nnz <= 0.2 * 240


def test_parameters_of_the_structure_are_too():
    model = started(SparseProduct(100), None)
    model.set_params(structure__budget=60).partial_fit(X)
    assert model.operator_.nnz <= 60


def test_assigned_centres_of_another_number_are_projected():
    model = started()
    model.cluster_centers_ = X[:7]
    model.partial_fit(X)
    assert model.operator_.shape == (7, 24)


@pytest.mark.parametrize("structure", ["auto", "sparse_product", "low_rank"])
def test_a_batch_that_fails_leaves_the_model_as_it_was(structure):
    model, twin = started(structure), started(structure)
    large = X.copy()
    large[:, 0] = 1e200
    with pytest.raises(ValueError, match="leave the range of float64"):
        model.partial_fit(large)
    model, twin = pickle.loads(pickle.dumps(model)), twin
    for other in (model, twin):
        other.partial_fit(X)
    assert_array_equal(model.operator_.toarray(), twin.operator_.toarray())
