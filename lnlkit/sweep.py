"""A grid of training runs: one record a run, written whole, so that a killed sweep resumes where it stopped.

Sweeps share a folder: whoever is at a run keeps a claim beside its record, which says which process that is.
"""

import functools
import hashlib
import json
import math
import os
import threading
import time
import traceback
import uuid
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, as_completed
from pathlib import Path
from typing import NamedTuple

from lnlkit import checks, processes, records

ATTEMPTS = 2  # a run whose worker died so often, with no other run beside it, is given up
LISTED = 20  # failed runs that an error names


def key(config: dict) -> str:
    """Name of a run: hash of its configuration. Numbers that print equal are equal: 0.1 * 3 is 0.3."""
    checks.instance(config, "config", dict)
    return hashlib.sha256(json.dumps(_named(config), sort_keys=True).encode()).hexdigest()[:16]


def _named(value, where="config"):
    """The value as it counts for the name of a run; raises TypeError or ValueError for one that JSON does not know."""
    if isinstance(value, dict):
        odd = [name for name in value if not isinstance(name, str)]
        if odd:
            raise TypeError(f"`{where}` must have names that are text, but got {odd[0]!r}.")
        return {name: _named(item, name) for name, item in value.items()}
    if hasattr(value, "tolist"):  # NumPy's numbers and arrays
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return [_named(item, where) for item in value]
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"`{where}` must be finite, but got {value}.")
        return float(f"{value:.12g}")
    if value is None or isinstance(value, (bool, int, str)):
        return value
    raise TypeError(f"`{where}` must be a number, a text, a truth value, None, or a list or dict of these, "
                    f"but got {value!r:.80}.")  # fmt: skip


class FailedRuns(RuntimeError):
    """The runs of a sweep that failed; all others are made. `failures`: {name: (configuration, what happened)}."""

    def __init__(self, failures: dict[str, tuple[dict, str]], of: int):
        self.failures = failures
        lines = [f"{len(failures)} of {of} runs failed. A second call tries them again, and only them:"]
        for name, (config, error) in list(failures.items())[:LISTED]:
            lines.append(f"  {describe(config)} ({name}): {_last_line(error)}")
        if len(failures) > LISTED:
            lines.append(f"  and {len(failures) - LISTED} more")
        super().__init__("\n".join(lines))


def _last_line(error: str) -> str:
    return error.strip().splitlines()[-1]


def describe(config: dict) -> str:
    """A run in a few words: row, data set, noise, rate and seed, as far as it has them."""
    checks.instance(config, "config", dict)
    words = [str(config[name]) for name in ("row", "dataset", "noise", "noise_rate") if name in config]
    words += [f"seed {config['seed']}"] if "seed" in config else []
    return " ".join(words) or str(config)


def whole_record(path) -> dict | None:
    """The record of the run that a file is named after; None when there is no such file, or it holds anything else."""
    path = checks.path(path)
    try:
        record = records.read(path)
        return record if key(record["config"]) == path.stem else None
    except (OSError, ValueError, TypeError, KeyError):
        return None


def sweep(fn: Callable[[dict], dict], configs: list[dict], out_dir, executor: Callable[[], Executor] | None = None,
          progress: Callable[[str], None] | None = None) -> list[Path]:  # fmt: skip
    """Record files of `fn(config)` for every configuration; what exists is skipped.

    `executor`: a function that returns a `concurrent.futures.Executor` (`local_pool` on this machine, Dask's
    `Client(...).get_executor()` on a cluster); None runs in this process. A worker that dies breaks its pool: the runs
    that were being made then are tried again later, each alone, and given up after `ATTEMPTS` such deaths.
    Raises `FailedRuns` at the end when runs failed, OSError at once when a record cannot be written.
    """
    checks.function(fn, "fn")
    checks.function(executor, "executor", optional=True)
    checks.function(progress, "progress", optional=True)
    planned = {key(config): config for config in checks.sequence(configs, "configs")}
    folder = checks.writable_folder(out_dir, "out_dir")
    records.remove_scraps(folder)
    for claim in folder.glob(".*.claim"):
        if not processes.taken(claim):
            claim.unlink(missing_ok=True)
    work = _Work(fn, planned, folder, executor, progress or (lambda line: None))
    work.run()
    if work.failures:
        raise FailedRuns({name: work.failures[name] for name in planned if name in work.failures}, len(planned))
    return list(work.paths.values())


class _Work:
    """A sweep at work: the runs that are left, those that failed, and those that may have killed their worker."""

    def __init__(self, fn, planned: dict[str, dict], folder: Path, executor, progress):
        self.fn, self.planned, self.executor, self.progress = fn, planned, executor, progress
        self.paths = {name: folder / f"{name}.json" for name in planned}
        self.owner = f"{processes.me()}.{uuid.uuid4().hex[:8]}"
        self.left = [name for name in planned if not self._is_made(name)]
        self.of, self.deaths, self.failures = len(self.left), {}, {}
        self.in_vain = 0  # pools that broke, one after another, before any run had begun

    def _is_made(self, name: str) -> bool:
        made = whole_record(self.paths[name]) is not None
        if not made and self.paths[name].exists():
            self.progress(f"{self.paths[name]} is no whole record of its run: it is made again")
        return made

    def run(self) -> None:
        waiting = False
        try:
            while self.left:
                free = [name for name in self.left if not processes.taken(_claim_of(self.paths[name]), self.owner)]
                if free:
                    self._here(free) if self.executor is None else self._in_pool(free)
                elif not waiting:
                    self.progress(f"waiting for another sweep, which is at {len(self.left)} of these runs: "
                                  f"see {_claim_of(self.paths[self.left[0]])}")  # fmt: skip
                waiting = not free
                time.sleep(0.5 * waiting)
        finally:
            self._release()

    def _here(self, free: list[str]) -> None:
        for name in free:
            self._note(name, _run(self.fn, self.planned[name], self.paths[name], self.owner))

    def _in_pool(self, free: list[str]) -> None:
        """Runs all that are above suspicion side by side, or else one suspect."""
        batch = [name for name in free if name not in self.deaths] or free[:1]
        pool, futures, broke = self.executor(), {}, None
        try:
            try:
                for name in batch:
                    futures[pool.submit(_run, self.fn, self.planned[name], self.paths[name], self.owner)] = name
            except BrokenExecutor as error:
                broke = error
            for future in as_completed(futures):
                try:
                    self._note(futures[future], future.result())
                except BrokenExecutor as error:
                    broke = error
                except OSError:
                    raise
                except Exception:  # the executor lost the run: Dask gives up one whose workers died
                    self._note(futures[future], Outcome(0.0, traceback.format_exc()))
        except BaseException:
            _end(pool)
            raise
        if broke:
            _end(pool)
            self._suspect(batch, broke)

    def _suspect(self, batch: list[str], broke: BrokenExecutor) -> None:
        """Notes whose worker may have died: the runs that had begun in this pool and were not ended."""
        begun = [name for name in batch if name in self.left and self._is_claimed(name)]
        self._release()
        self.in_vain = 0 if begun else self.in_vain + 1
        if self.in_vain >= ATTEMPTS:
            raise RuntimeError(f"the workers end before any run begins ({broke}): too little memory?") from broke
        for name in begun:
            self.deaths[name] = self.deaths.get(name, 0) + (len(batch) == 1)
            if self.deaths[name] >= ATTEMPTS:
                self._note(name, Outcome(0.0, f"its worker died {ATTEMPTS} times, with no other run beside it: "
                                         "too little memory?"))  # fmt: skip

    def _note(self, name: str, outcome: "Outcome | None") -> None:
        if outcome is None:  # another sweep is at it
            return
        self.left.remove(name)
        what = f"{self.of - len(self.left)}/{self.of}  {describe(self.planned[name])}"
        if outcome.error:
            self.failures[name] = self.planned[name], outcome.error
            self.progress(f"{what}: failed: {_last_line(outcome.error)}")
        else:
            self.progress(f"{what}: {outcome.seconds:.0f} s")

    def _release(self) -> None:
        """Takes back the claims of workers that died."""
        for name in self.planned:
            if self._is_claimed(name):
                _claim_of(self.paths[name]).unlink(missing_ok=True)

    def _is_claimed(self, name: str) -> bool:
        try:
            return _claim_of(self.paths[name]).read_text() == self.owner
        except OSError:
            return False


class Outcome(NamedTuple):
    """What became of a run: seconds, and the traceback when it failed."""

    seconds: float
    error: str | None = None


def _run(fn, config, path, owner) -> Outcome | None:
    """Makes the record of a run, unless another sweep is at it (None) or was."""
    if not processes.claim(_claim_of(path), owner):
        return None
    began, made = time.perf_counter(), False
    try:
        if whole_record(path) is None:
            record = {"config": config} | fn(config)
            if key(record["config"]) != path.stem:
                raise ValueError(f"`fn` must return a record of {config}, but it is of {record['config']}.")
            made = True
            records.write(path, record)
    except Exception as error:
        if made and isinstance(error, OSError):  # a full disk: whatever is trained from here on would be lost
            raise
        return Outcome(time.perf_counter() - began, traceback.format_exc())
    finally:
        _claim_of(path).unlink(missing_ok=True)
    return Outcome(time.perf_counter() - began)


def _claim_of(path: Path) -> Path:
    """The file beside a record that says who is making it."""
    return path.with_name(f".{path.name}.claim")


def _end(pool: Executor) -> None:
    """Ends a pool at once: with what it is at where its workers are processes of this machine, else without."""
    if not hasattr(pool, "_processes"):
        return pool.shutdown(wait=False, cancel_futures=True)
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
