"""A grid of training runs: one record a run, written atomically, so that a killed sweep resumes where it stopped."""

import hashlib
import json
import os
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, as_completed
from pathlib import Path

from lnlkit import records

ATTEMPTS = 3  # a configuration that was running in so many pools that broke is given up


def key(config: dict) -> str:
    """Name of a run: hash of its configuration."""
    return hashlib.sha256(json.dumps(config, sort_keys=True).encode()).hexdigest()[:16]


def sweep(fn: Callable[[dict], dict], configs: list[dict], out_dir, executor: Callable[[], Executor] | None = None,
          progress: Callable[[str], None] | None = None) -> list[Path]:  # fmt: skip
    """Record files of `fn(config)` for every configuration; what exists is skipped.

    `executor`: a function that returns a `concurrent.futures.Executor` (loky's reusable one on this machine, Dask's
    `Client(...).get_executor()` on a cluster); None runs in this process. A worker that dies breaks its pool: a fresh
    one goes on with what is missing, without the configurations that were running in `ATTEMPTS` broken pools.
    """
    paths = {key(config): Path(out_dir) / f"{key(config)}.json" for config in configs}
    broke: Counter = Counter()
    while True:
        missing = [c for c in configs if not paths[key(c)].exists() and broke[key(c)] < ATTEMPTS]
        if not missing:
            break
        if executor is None:
            for done, config in enumerate(missing, 1):
                _say(progress, done, len(missing), config, _run_and_write(fn, config, paths[key(config)]))
        else:
            broke.update(_run_in_pool(fn, missing, paths, executor(), progress))
    lost = [path for path in paths.values() if not path.exists()]
    if lost:
        raise RuntimeError(f"{len(lost)} runs broke their worker {ATTEMPTS} times, first {lost[0]}: too little memory?")
    return list(paths.values())


def _run_in_pool(fn, missing, paths, pool, progress) -> list[str]:
    """Runs what is missing; the names of the runs that a broken pool was at, none when all went well."""
    futures = {}
    try:
        for config in missing:
            futures[pool.submit(_run_and_write, fn, config, paths[key(config)])] = config
        for done, future in enumerate(as_completed(futures), 1):
            _say(progress, done, len(missing), futures[future], future.result())
    except BrokenExecutor:
        begun = [key(c) for c in missing if _started(paths[key(c)]).exists() and not paths[key(c)].exists()]
        return begun or [key(missing[0])]  # a pool that breaks before any run has begun must not be tried for ever
    return []


def _started(path: Path) -> Path:
    """The mark that a run was begun; it stays only when its worker died."""
    return path.with_name(f".{path.name}.started")


def _run_and_write(fn, config, path) -> float:
    began, mark = time.perf_counter(), _started(path)
    mark.parent.mkdir(parents=True, exist_ok=True)
    mark.touch()
    try:
        records.write(path, fn(config))
    finally:
        mark.unlink(missing_ok=True)
    return time.perf_counter() - began


def _say(progress, done, of, config, seconds) -> None:
    if progress:
        what = " ".join(str(config.get(name)) for name in ("row", "dataset", "noise", "noise_rate"))
        progress(f"{done}/{of}  {what} seed {config.get('seed')}: {seconds:.0f} s")


def local_pool(jobs: int) -> Callable[[], Executor]:
    """A warm pool of `jobs` processes on this machine, one torch thread each."""
    from joblib.externals.loky import get_reusable_executor

    return lambda: get_reusable_executor(max_workers=jobs, timeout=None, initializer=_one_thread)


def _one_thread() -> None:
    """Told by the environment: it is read when torch is imported, which a worker has not done yet."""
    os.environ["OMP_NUM_THREADS"] = "1"
