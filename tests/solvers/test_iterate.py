"""The one loop: when it ends, what it says, what it keeps."""

import warnings
from itertools import count

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from skfrugal.operators import Dense
from skfrugal.solvers import Factorization
from skfrugal.solvers._iterate import iterate, minimize
from skfrugal.solvers._result import Step


def halving(value=1.0):
    """Steps of a method that halves a number."""
    for n_calls in count():
        value = value / 2
        yield Step(Dense([[value]]), lambda value=value: value, value, (n_calls, value))


def test_loop_stops_at_the_first_criterion_that_reaches_tol():
    run = iterate(halving(), max_iter=50, tol=0.25)
    assert run.converged and run.n_iter == 2
    assert run.objectives == (0.5, 0.25)
    assert run.step.state == (1, 0.25)
    assert "tol=0.25" in run.message


def test_loop_warns_with_the_figures_when_it_does_not_converge():
    words = r"halving did not converge in max_iter=3 .* 0\.125.* tol is 1e-06"
    with pytest.warns(ConvergenceWarning, match=words):
        run = iterate(halving(), max_iter=3, tol=1e-6, name="halving")
    assert not run.converged and run.n_iter == 3


def test_loop_without_tolerance_runs_max_iter_steps_in_silence():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run = iterate(halving(), max_iter=4, tol=0)
    assert run.n_iter == 4 and not run.converged


def test_loop_ends_when_on_step_says_so():
    seen = []

    def on_step(step):
        seen.append(step.criterion)
        return step.criterion < 0.2

    run = iterate(halving(), max_iter=50, tol=0, on_step=on_step)
    assert seen == [0.5, 0.25, 0.125]
    assert not run.converged and "on_step" in run.message


def test_loop_of_a_method_that_ends_has_converged():
    steps = (step for step, _ in zip(halving(), range(3), strict=False))
    run = iterate(steps, max_iter=50, tol=0)
    assert run.converged and run.n_iter == 3


def test_loop_resumes_from_the_state_of_a_step():
    first = iterate(halving(), max_iter=2, tol=0)
    second = iterate(halving(first.step.state[1]), max_iter=3, tol=0)
    whole = iterate(halving(), max_iter=5, tol=0)
    assert first.objectives + second.objectives == whole.objectives


def test_loop_prints_only_with_verbose(capsys):
    iterate(halving(), max_iter=2, tol=0)
    assert capsys.readouterr().out == ""
    iterate(halving(), max_iter=2, tol=0, verbose=1, name="halving")
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert lines[1] == "halving: iteration 2, objective 0.25, criterion 0.25"


@pytest.mark.parametrize(
    "wrong, words",
    [
        ({"max_iter": 0}, "max_iter must be an integer >= 1; got 0"),
        ({"max_iter": 2.5}, "max_iter must be an integer"),
        ({"tol": -1.0}, "tol must be a number >= 0; got -1.0"),
        ({"tol": np.nan}, "tol must be a number >= 0; got nan"),
    ],
)
def test_loop_refuses_a_wrong_rule(wrong, words):
    with pytest.raises(ValueError, match=words):
        iterate(halving(), **{"max_iter": 5, "tol": 0.1, **wrong})


def rosenbrock(x):
    value = np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)
    gradient = np.zeros_like(x)
    gradient[:-1] = -400 * x[:-1] * (x[1:] - x[:-1] ** 2) - 2 * (1 - x[:-1])
    gradient[1:] += 200 * (x[1:] - x[:-1] ** 2)
    return value, gradient


def as_row(x):
    return Dense(x[np.newaxis])


@pytest.mark.parametrize("unit", [1e-150, 1.0, 1e150])
def test_minimize_finds_the_minimum_whatever_the_unit(unit):
    def scaled(x):
        value, gradient = rosenbrock(x)
        return value * unit, gradient * unit

    # The objective is zero at the minimum: only exhaustion ends the run.
    run = minimize(scaled, np.zeros(4), as_row, max_iter=500, tol=0)
    np.testing.assert_allclose(run.step.operator.array, np.ones((1, 4)), atol=1e-5)


def test_minimize_has_the_rules_and_words_of_iterate():
    start = np.zeros(4)
    with pytest.warns(ConvergenceWarning, match="L-BFGS did not converge in max_iter"):
        run = minimize(rosenbrock, start, as_row, max_iter=3, tol=1e-9)
    assert run.n_iter == len(run.objectives) == 3 and not run.converged
    assert not start.any()
    stopped = minimize(
        rosenbrock, start, as_row, max_iter=99, tol=0, on_step=lambda step: True
    )
    assert stopped.n_iter == 1 and "on_step" in stopped.message
    assert run.objectives[0] == stopped.objectives[0]
    assert minimize(rosenbrock, start, as_row, max_iter=99, tol=1.0).converged


def test_minimize_from_the_minimum_has_nothing_to_do():
    run = minimize(rosenbrock, np.ones(4), as_row, max_iter=99, tol=1e-9)
    assert run.converged and run.n_iter == 0


def test_factorization_says_all_in_words():
    run = iterate(halving(), max_iter=9, tol=0.25)
    result = run.factorization(0.5, message="Halved.", bounds=(0.1, None))
    assert isinstance(result, Factorization)
    assert result.state == (1, 0.25) and result.objectives == (0.5, 0.25)
    words = repr(result)
    for part in (
        "1 x 1 matrix",
        "error: 0.5",
        "does better than 0.1",
        "converged after 2 iterations, objective 0.5 -> 0.25",
        "can be resumed",
        "Halved. Converged to tol=0.25.",
    ):
        assert part in words
