"""SparseProductDictionaryLearning: its objective, its codes, and its dense twin."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits
from sklearn.decomposition import DictionaryLearning, sparse_encode
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from skfrugal.decomposition import SparseProductDictionaryLearning
from skfrugal.decomposition._dictionary_start import start
from skfrugal.structures import LowRank, Monarch


@pytest.fixture(scope="module")
def X():
    rows = load_digits().data[:150]
    return rows - rows.mean(axis=0)


pytestmark = [
    # What scikit-learn's coders say of atoms that are nearly parallel.
    pytest.mark.filterwarnings("ignore:Orthogonal matching pursuit:RuntimeWarning"),
    pytest.mark.filterwarnings("ignore:Objective did not converge"),
]


def overcomplete_dct(n_waves=16, side=8):
    """Atoms of the over-complete cosine transform of square patches."""
    waves = np.cos(np.outer(np.arange(n_waves), np.arange(side)) * np.pi / n_waves)
    waves[1:] -= waves[1:].mean(axis=1, keepdims=True)
    waves /= np.linalg.norm(waves, axis=1, keepdims=True)
    return np.kron(waves, waves)


def objective(model, X, alpha):
    """Half the squared error of new codes, and their penalty."""
    codes = model.transform(X)
    squares = np.sum((X - codes @ model.components_) ** 2)
    return squares / 2 + alpha * np.abs(codes).sum()


@pytest.mark.parametrize("fit_algorithm", ["omp", "cd"])
@pytest.mark.parametrize(
    "structure",
    ["auto", "butterfly", "monarch", "low_rank", "low_rank_plus_sparse", "palm4msa"],
)
def test_objective_never_rises(X, structure, fit_algorithm):
    X = X[:, 16:48]
    model = SparseProductDictionaryLearning(
        48,
        structure=structure,
        fit_algorithm=fit_algorithm,
        alpha=5.0,
        transform_algorithm="lasso_cd" if fit_algorithm == "cd" else "omp",
        max_iter=6,
        tol=0,
        random_state=0,
    ).fit(X)
    assert len(model.error_) == model.n_iter_ == 6
    assert (np.diff(model.error_) <= 1e-9 * model.error_[0]).all()
    assert model.error_[-1] < model.error_[0]
    assert model.operator_.nnz <= 48 * 32 / 3
    norms = np.linalg.norm(model.components_, axis=1)
    assert_allclose(norms[norms > 0], 1, rtol=1e-10)
    assert (norms > 0).mean() > 0.8
    if fit_algorithm == "cd":
        assert objective(model, X, 5.0) <= model.error_[-1] * (1 + 1e-6)


def test_dense_structure_reaches_the_objective_of_the_twin(X):
    alpha, k = 10.0, 20
    options = {"alpha": alpha, "fit_algorithm": "cd", "random_state": 0}
    ours = SparseProductDictionaryLearning(k, structure="dense", max_iter=40, tol=1e-4)
    ours.set_params(**options, transform_algorithm="lasso_cd").fit(X)
    twin = DictionaryLearning(k, max_iter=40, **options).fit(X)
    # Both are local minima, from different starts.
    assert ours.error_[-1] <= 1.05 * twin.error_[-1]


def test_overcomplete_dct_is_a_start_that_learning_improves(X):
    atoms = overcomplete_dct()
    first, _ = start(X, 256, "monarch", None, atoms, np.random.RandomState(0))
    assert_allclose(first.toarray(), atoms, atol=1e-12)
    assert first.nnz < atoms.size / 5
    model = SparseProductDictionaryLearning(
        256, structure="monarch", dict_init=atoms, max_iter=5, tol=0
    ).fit(X)
    codes = sparse_encode(X, atoms, algorithm="omp", n_nonzero_coefs=6)
    assert model.operator_.nnz == first.nnz
    assert objective(model, X, 0.0) < 0.9 * np.sum((X - codes @ atoms) ** 2) / 2


@pytest.mark.parametrize(
    "algorithm", ["omp", "lars", "lasso_lars", "lasso_cd", "threshold"]
)
def test_codes_are_those_of_the_dense_dictionary(X, algorithm):
    model = SparseProductDictionaryLearning(
        32, structure="monarch", max_iter=2, transform_alpha=None, random_state=0
    ).fit(X)
    parameters = {"algorithm": algorithm, "n_nonzero_coefs": 4, "alpha": 3.0}
    expected = sparse_encode(X, model.components_, **parameters)
    model.set_params(
        transform_algorithm=algorithm, transform_n_nonzero_coefs=4, alpha=3.0
    )
    codes = model.transform(X)
    assert_allclose(codes, expected, atol=1e-6 * np.abs(expected).max())
    assert_allclose(model.inverse_transform(codes), codes @ model.components_)


def test_pursuit_stops_at_the_residual_asked_for(X):
    model = SparseProductDictionaryLearning(
        128, structure="monarch", max_iter=2, transform_alpha=200.0, random_state=0
    ).fit(X)
    for rows in (X, X[:1]):
        codes = model.transform(rows)
        residual = np.sum((rows - model.inverse_transform(codes)) ** 2, axis=1)
        assert residual.max() <= 200.0 * (1 + 1e-9)
        assert (codes != 0).sum(axis=1).mean() < 25


@pytest.mark.parametrize("fit_algorithm", ["omp", "cd"])
@pytest.mark.parametrize("exponent", [-500, 500])
def test_scales_do_not_matter(X, exponent, fit_algorithm):
    def fitted(scale):
        return SparseProductDictionaryLearning(
            32,
            structure="monarch",
            fit_algorithm=fit_algorithm,
            alpha=5.0 * scale,
            transform_algorithm="lasso_cd",
            max_iter=3,
            random_state=0,
        ).fit(X * scale)

    # Powers of two round nothing.
    scale = 2.0**exponent
    plain, scaled = fitted(1.0), fitted(scale)
    assert_allclose(scaled.components_, plain.components_, rtol=1e-12)
    codes = scaled.transform(X * scale) / scale
    assert_allclose(codes, plain.transform(X), rtol=1e-12)


@pytest.mark.parametrize("structure", ["auto", "monarch", "palm4msa"])
@pytest.mark.parametrize(
    "rows",
    [np.zeros((5, 12)), np.ones((1, 12)), np.eye(12)[:3], np.ones((7, 12))],
    ids=["zero", "one", "three", "constant"],
)
def test_few_rows_and_constant_ones(rows, structure):
    model = SparseProductDictionaryLearning(18, structure=structure, random_state=0)
    codes = model.fit(rows).transform(rows)
    assert np.isfinite(model.components_).all() and np.isfinite(codes).all()
    assert model.error_[-1] <= np.sum(rows**2) / 2


def test_grid_search_over_structures(X):
    y = load_digits().target[: len(X)]
    dictionary = SparseProductDictionaryLearning(
        64, structure=LowRank(1), max_iter=2, random_state=0
    )
    model = make_pipeline(StandardScaler(), dictionary, LinearSVC(C=0.01))
    grid = {"sparseproductdictionarylearning__structure__rank": [1, 16]}
    search = GridSearchCV(model, grid, cv=3).fit(X, y)
    assert list(search.best_params_.values()) == [16]


@pytest.mark.parametrize(
    "parameters, words",
    [
        ({"dict_init": np.ones((3, 4))}, "pass n_components atoms"),
        ({"dict_init": np.full((64, 64), np.nan)}, "dict_init contains NaN"),
        ({"structure": "monarch", "budget": 3}, "pass a budget of"),
        ({"structure": Monarch(60), "budget": 0.1}, "raise the budget"),
    ],
)
def test_what_does_not_fit_is_refused_and_leaves_the_model(X, parameters, words):
    model = SparseProductDictionaryLearning(max_iter=1).fit(X)
    before = model.operator_
    with pytest.raises(ValueError, match=words):
        model.set_params(**parameters).fit(X)
    assert model.operator_ is before


def test_codes_of_another_size_are_refused(X):
    model = SparseProductDictionaryLearning(max_iter=1).fit(X)
    with pytest.raises(ValueError, match="DictionaryLearning has 64 outputs"):
        model.inverse_transform(X[:, :3])


def test_auto_draws_from_random_state_alone():
    X = np.random.RandomState(0).standard_normal((60, 12))
    before = np.random.get_state()
    models = [
        SparseProductDictionaryLearning(40, budget=0.6, max_iter=1, random_state=0)
        for _ in range(2)
    ]
    one, two = (model.fit(X).components_ for model in models)
    # The keys and the position among them.
    for now, then in zip(np.random.get_state()[1:3], before[1:3], strict=True):
        assert_array_equal(now, then)
    assert_array_equal(one, two)
