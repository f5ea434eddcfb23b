"""Blocks of rows on threads: same results, limits obeyed, forks and interrupts."""

import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import joblib
import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from skfrugal import _parallel

LARGE = _parallel.SMALLEST_SHARED_WORK


@pytest.fixture
def four_threads(monkeypatch):
    monkeypatch.setattr(_parallel, "effective_n_threads", lambda: 4)


@pytest.mark.parametrize("n_rows", [0, 1, 7, 64, 1000, 1001])
def test_every_row_is_visited_once_in_fixed_blocks(four_threads, n_rows):
    visits = np.zeros(n_rows, int)
    blocks = []

    def function(start, stop):
        visits[start:stop] += 1
        blocks.append((start, stop))

    _parallel.run_rows(function, n_rows, 64, LARGE)
    assert (visits == 1).all()
    if n_rows > 64:
        expected = [(i, min(n_rows, i + 64)) for i in range(0, n_rows, 64)]
        assert sorted(blocks) == expected


def test_small_work_stays_on_the_calling_thread(four_threads):
    names = set()
    for n_rows, cost in [(1000, 1.0), (60, LARGE)]:
        _parallel.run_rows(
            lambda start, stop: names.add(threading.current_thread().name),
            n_rows,
            64,
            cost,
        )
    assert names == {threading.current_thread().name}


def test_large_work_is_shared(four_threads):
    names = set()
    barrier = threading.Barrier(2, timeout=30)

    def function(start, stop):
        names.add(threading.current_thread().name)
        barrier.wait()

    _parallel.run_rows(function, 2, 1, LARGE)
    assert len(names) == 2


def test_exception_of_a_block_reaches_the_caller_after_all_have_stopped(four_threads):
    running = []

    def function(start, stop):
        running.append(start)
        try:
            if start == 5:
                raise FloatingPointError("block 5")
        finally:
            running.remove(start)

    with pytest.raises(FloatingPointError, match="block 5"):
        _parallel.run_rows(function, 40, 1, LARGE)
    assert running == []


def test_exception_of_another_thread_leaves_no_thread_writing(four_threads):
    caller = threading.current_thread()
    failed = threading.Event()
    visited = []

    def function(start, stop):
        if threading.current_thread() is not caller and not failed.is_set():
            failed.set()
            raise FloatingPointError("elsewhere")
        assert failed.wait(30)
        visited.append(start)

    with pytest.raises(FloatingPointError, match="elsewhere"):
        _parallel.run_rows(function, 500, 1, LARGE)
    count = len(visited)
    time.sleep(0.05)
    assert len(visited) == count


def test_interrupt_stops_the_other_threads_before_it_is_raised(four_threads):
    caller = threading.current_thread()
    entered = threading.Event()
    release = threading.Event()
    visited = []

    def function(start, stop):
        visited.append(start)
        if threading.current_thread() is caller:
            assert entered.wait(30)
            release.set()
            raise KeyboardInterrupt
        entered.set()
        release.wait(30)

    with pytest.raises(KeyboardInterrupt):
        _parallel.run_rows(function, 10_000, 1, LARGE)
    count = len(visited)
    assert count < 10_000
    assert len(visited) == count


def test_a_block_that_asks_for_threads_runs_alone(monkeypatch):
    monkeypatch.setattr(_parallel, "_available", lambda: 4)
    monkeypatch.setattr(_parallel, "_blas", lambda: [])
    inner = []
    _parallel.run_rows(
        lambda start, stop: inner.append(_parallel.effective_n_threads()), 8, 1, LARGE
    )
    assert set(inner) == {1}
    assert _parallel.effective_n_threads() == 4


def test_several_python_threads_share_the_pool(four_threads):
    def task(seed):
        out = np.zeros(500)

        def function(start, stop):
            out[start:stop] = np.arange(start, stop) * seed

        _parallel.run_rows(function, 500, 7, LARGE)
        return out

    with ThreadPoolExecutor(6) as executor:
        for seed, out in enumerate(executor.map(task, range(30))):
            np.testing.assert_array_equal(out, np.arange(500) * seed)


def test_threadpoolctl_limits_are_obeyed():
    with threadpool_limits(limits=1):
        assert _parallel.effective_n_threads() == 1


def test_joblib_workers_do_not_multiply_threads():
    found = joblib.Parallel(n_jobs=2, backend="threading")(
        joblib.delayed(_parallel.effective_n_threads)() for _ in range(4)
    )
    assert set(found) == {1}
    with joblib.parallel_config(backend="loky", inner_max_num_threads=1):
        found = joblib.Parallel(n_jobs=2)(
            joblib.delayed(_parallel.effective_n_threads)() for _ in range(4)
        )
    assert set(found) == {1}


@pytest.mark.parametrize(
    "value, limit", [("1", 1), ("1,4", 1), ("", None), ("x", None)]
)
def test_omp_num_threads_is_a_limit(monkeypatch, value, limit):
    monkeypatch.setenv("OMP_NUM_THREADS", value)
    everything = len(os.sched_getaffinity(0)) if limit is None else limit
    assert _parallel._available() == everything


FORK = """
import os, sys, warnings
warnings.simplefilter("ignore")
from skfrugal import _parallel
_parallel.effective_n_threads = lambda: 3
out = []
run = lambda: _parallel.run_rows(lambda a, b: out.append(a), 50, 1, 1e9)
run()
assert _parallel._pool is not None
child = os.fork()
if child == 0:
    out.clear()
    run()
    os._exit(0 if sorted(out) == list(range(50)) else 1)
_, status = os.waitpid(child, 0)
sys.exit(os.waitstatus_to_exitcode(status))
"""


def test_a_process_forked_after_use_has_a_pool_of_its_own():
    done = subprocess.run([sys.executable, "-c", FORK], timeout=60, check=False)
    assert done.returncode == 0


def test_no_thread_exists_before_first_use():
    code = "import threading, skfrugal._parallel; print(threading.active_count())"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "1"
