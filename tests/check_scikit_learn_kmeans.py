"""scikit-learn's own tests of k-means, its classes replaced by ours.

    python tests/check_scikit_learn_kmeans.py [-v]

Prints the tests that fail and why, and exits with 1 if one fails for another reason
than a private method or attribute of scikit-learn's classes.
"""

import sys
import warnings
from pathlib import Path

import pytest
import sklearn.cluster
import sklearn.cluster.tests

import skfrugal.cluster

# Test -> what it looks at that only scikit-learn's classes have.
PRIVATE = {
    "test_kmeans_init_auto_with_initial_centroids": "the attribute _n_init",
    "test_n_init_auto": "the attribute _n_init",
    "test_minibatch_kmeans_init_size": "the attribute _init_size",
    "test_sample_weight_init": "the method _init_centroids",
    "test_sample_weight_zero": "the method _init_centroids",
}


class KMeans(skfrugal.cluster.QuickKMeans):
    """QuickKMeans that accepts `algorithm`, of which it has one."""

    _parameter_constraints = {
        **skfrugal.cluster.QuickKMeans._parameter_constraints,
        "algorithm": [sklearn.utils._param_validation.StrOptions({"lloyd", "elkan"})],
    }

    def __init__(  # noqa: PLR0913
        self,
        n_clusters=8,
        *,
        init="k-means++",
        n_init="auto",
        max_iter=300,
        tol=1e-4,
        verbose=0,
        random_state=None,
        copy_x=True,
        algorithm="lloyd",
        structure="auto",
        budget=None,
        assignment="exact",
    ):
        super().__init__(
            n_clusters,
            structure=structure,
            budget=budget,
            assignment=assignment,
            init=init,
            n_init=n_init,
            max_iter=max_iter,
            tol=tol,
            random_state=random_state,
            verbose=verbose,
            copy_x=copy_x,
        )
        self.algorithm = algorithm

    def fit(self, X, y=None, sample_weight=None):
        if self.algorithm == "elkan" and self.n_clusters == 1:
            warnings.warn(
                "algorithm='elkan' doesn't make sense for a single cluster. Using "
                "'lloyd' instead.",
                RuntimeWarning,
                stacklevel=2,
            )
        return super().fit(X, y, sample_weight)


class MiniBatchKMeans(skfrugal.cluster.MiniBatchQuickKMeans):
    """Under the name of the twin, which tests look at."""


class Report:
    """pytest plugin that keeps what failed."""

    def __init__(self):
        self.failed = []
        self.n_passed = 0

    def pytest_runtest_logreport(self, report):
        if report.failed:
            message = report.longreprtext.strip().splitlines()
            reasons = [line[1:].strip() for line in message if line.startswith("E ")]
            self.failed.append((report.nodeid.split("::")[-1], reasons[:1]))
        elif report.when == "call" and report.passed:
            self.n_passed += 1


def main(arguments):
    sklearn.cluster.KMeans, sklearn.cluster.MiniBatchKMeans = KMeans, MiniBatchKMeans
    sklearn.cluster.kmeans_plusplus = skfrugal.cluster.kmeans_plusplus
    report = Report()
    path = Path(sklearn.cluster.tests.__file__).parent / "test_k_means.py"
    home = Path(sklearn.__file__).parent
    where = [f"--rootdir={home}", f"--confcutdir={home}"]
    options = ["-q", "-p", "no:cacheprovider", "--no-header", "--tb=short"]
    shown = [] if "-v" in arguments else ["--show-capture=no", "--no-summary"]
    pytest.main([*options, *shown, *where, str(path)], [report])
    others = 0
    for name, reasons in report.failed:
        private = PRIVATE.get(name.split("[")[0])
        others += private is None
        why = f"{private}" if private else "OTHER"
        print(f"{name}: {why}: {' '.join(reasons)}")
    print(f"{report.n_passed} passed, {len(report.failed)} failed, {others} of them")
    print("for another reason than a private name.")
    return others > 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
