"""Executors: what a sweep takes, the pool of processes on this machine, and how one is ended at once."""

import functools
import inspect
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor

from lnlkit import checks


def check_executor(executor) -> None:
    """Raises unless `executor` is None, or a function that can be called without arguments."""
    try:
        if executor is not None:
            inspect.signature(executor).bind()
    except ValueError:  # one that does not tell its arguments
        pass
    except TypeError:
        raise TypeError("`executor` must be a function without arguments that returns a concurrent.futures.Executor, "
                        f"or None, but got {checks.brief(executor)}. Use local_pool(2).") from None


def end(pool: Executor) -> None:
    """Ends a pool at once: with what it is at where its workers are processes of this machine, else without."""
    if not hasattr(pool, "_processes"):
        cancels = "cancel_futures" in inspect.signature(pool.shutdown).parameters  # without the word, Dask's does
        return pool.shutdown(wait=False, **{"cancel_futures": True} if cancels else {})
    for worker in list((pool._processes or {}).values()):
        worker.terminate()
    pool.shutdown(wait=True)


def local_pool(jobs: int) -> Callable[[], Executor]:
    """A warm pool of `jobs` processes on this machine, one thread each; they end soon after this process."""
    from joblib.externals.loky import get_reusable_executor

    options = dict(timeout=None, initializer=_begin_worker, initargs=(os.getpid(),))
    return functools.partial(get_reusable_executor, max_workers=checks.positive_int(jobs, "jobs"), **options)


def _begin_worker(parent: int) -> None:
    """One thread, told by the environment: it is read when torch is imported, which a worker has not done yet."""
    os.environ["OMP_NUM_THREADS"] = "1"
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    """Ends this process when its parent has ended, even by SIGKILL."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)
