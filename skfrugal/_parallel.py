"""Threads: how many may be used, and blocks of rows shared among them.

Block boundaries are fixed, so results do not depend on the number of threads.  There is
no OpenMP: its runtime hangs in a process forked after use.  The pool is made when first
needed, and forgotten in a forked child.
"""

import functools
import itertools
import os
import threading
from concurrent.futures import ThreadPoolExecutor, wait

from joblib.parallel import get_active_backend
from threadpoolctl import ThreadpoolController

# A region costs about 0.1 ms; less work than this stays on the calling thread.
SMALLEST_SHARED_WORK = 300_000.0  # nanoseconds

_lock = threading.Lock()
_worker = threading.local()
_pool = None


def run_rows(function, n_rows, rows_per_block, nanoseconds_per_row):
    """Call ``function(start, stop)`` on consecutive blocks of rows, perhaps in threads.

    Parameters
    ----------
    function : callable
        Writes its own rows only; releases the GIL where it computes.
    n_rows : int
    rows_per_block : int
        Size of every block but the last one.
    nanoseconds_per_row : float
        Estimated cost, which decides whether threads are worth it.
    """
    starts = range(0, n_rows, rows_per_block)
    n_threads = 1
    if len(starts) > 1 and n_rows * nanoseconds_per_row > SMALLEST_SHARED_WORK:
        n_threads = min(len(starts), effective_n_threads())
    if n_threads == 1:
        if n_rows:
            function(0, n_rows)
        return
    turn = itertools.count()

    def work():
        _worker.busy = True
        try:
            for block in iter(lambda: next(turn), None):
                if block >= len(starts):
                    return
                start = starts[block]
                function(start, min(n_rows, start + rows_per_block))
        finally:
            _worker.busy = False

    _run_together(work, n_threads, turn, len(starts))


def _run_together(work, n_threads, turn, n_blocks):
    """Run `work` on this thread and on others until all have returned."""
    futures = [_get_pool().submit(work) for _ in range(n_threads - 1)]
    try:
        work()
        for future in futures:
            future.result()
    except BaseException:
        # No thread may write into arrays after the caller has gone on: let each
        # finish the block that it is at, and take no other.
        while next(turn) < n_blocks:
            pass
        for future in futures:
            future.cancel()
        wait(futures)
        raise


def effective_n_threads():
    """Threads that the environment, joblib and threadpoolctl allow, at least 1."""
    if getattr(_worker, "busy", False) or _is_joblib_thread():
        return 1
    return max(1, min([_available(), *(library.num_threads for library in _blas())]))


def _is_joblib_thread():
    """Whether joblib runs this thread beside others of this process.

    A process of joblib's is told its share by ``OMP_NUM_THREADS``, its main thread is
    free to use it.
    """
    backend, _ = get_active_backend()
    nested = getattr(backend, "nesting_level", 0)
    return bool(nested) and threading.current_thread() is not threading.main_thread()


def _available():
    """Processors of this process, or fewer by ``OMP_NUM_THREADS``."""
    if hasattr(os, "sched_getaffinity"):
        count = len(os.sched_getaffinity(0))
    else:
        count = os.cpu_count() or 1
    # OpenMP allows a list, one number a level of nesting; the first is ours.
    asked = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    return min(count, int(asked)) if asked.isdigit() and int(asked) else count


@functools.cache
def _blas():
    """Libraries whose number of threads threadpoolctl's limits set, looked up once."""
    return ThreadpoolController().select(user_api="blas").lib_controllers


def _get_pool():
    global _pool
    with _lock:
        if _pool is None:
            _pool = ThreadPoolExecutor(_available(), thread_name_prefix="skfrugal")
        return _pool


def _forget_pool():
    """In a forked child: its threads do not exist there, and the lock may be held."""
    global _lock, _pool, _worker
    _lock, _worker, _pool = threading.Lock(), threading.local(), None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_pool)
