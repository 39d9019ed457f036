"""A grid of training runs: one record a run, written whole, so that a killed sweep resumes where it stopped.

Sweeps share a folder: whoever is at a run keeps a claim beside its record, which says which process that is.
"""

import copy
import hashlib
import itertools
import json
import math
import re
import time
import traceback
import uuid
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, CancelledError, Executor, as_completed
from pathlib import Path
from typing import NamedTuple

from lnlkit import checks, pools, processes, records
from lnlkit.pools import local_pool as local_pool

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
        return float(f"{value:.12g}") + 0.0  # no -0.0
    if value is None or isinstance(value, (bool, int, str)):
        return value
    raise TypeError(f"`{where}` must be a number, a text, a truth value, None, or a list or dict of these, "
                    f"but got {value!r:.80}.")  # fmt: skip


class FailedRuns(RuntimeError):
    """The runs of a sweep that failed; all others are made. `failures`: {name: (configuration, what happened)}."""

    def __init__(self, failures: dict[str, tuple[dict, str]], of: int):
        self.failures, self.of = failures, of
        lines = [f"{len(failures)} of {of} runs failed. A second call tries them again, and only them:"]
        for name, (config, error) in list(failures.items())[:LISTED]:
            lines.append(f"  {describe(config)} ({name}): {_in_a_line(error)}")
        if len(failures) > LISTED:
            lines.append(f"  and {len(failures) - LISTED} more")
        super().__init__("\n".join(lines))

    def __reduce__(self):
        return type(self), (self.failures, self.of)


def _in_a_line(error: str) -> str:
    """Kind and message of the exception that a traceback is of, on one line; the message may have many."""
    last = error.rpartition("Traceback (most recent call last):")[2].splitlines()
    said = list(itertools.dropwhile(lambda line: not line.strip() or line[0].isspace(), last)) or last
    return f"{' '.join(' '.join(said).split()):.300}"


def describe(config: dict) -> str:
    """A run in a few words: row, data set, noise, rate and seed, as far as it has them."""
    checks.instance(config, "config", dict)
    words = [str(config[name]) for name in ("row", "dataset", "noise", "noise_rate") if name in config]
    words += [f"seed {config['seed']}"] if "seed" in config else []
    return " ".join(words) or f"{config!s:.200}"


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
    """Record file of `fn(config)` for every configuration, in their order; what exists is skipped.

    `executor`: a function that returns a `concurrent.futures.Executor` (`local_pool` on this machine, Dask's
    `Client(...).get_executor(pure=False)` on a cluster whose workers all see `out_dir`); None runs in this process. A
    worker that dies breaks its pool: the runs that were being made then are tried again later, each alone, and given
    up after `ATTEMPTS` such deaths. Dask has its own count.
    Raises `FailedRuns` at the end when runs failed, OSError at once when a record cannot be written.
    """
    checks.function(fn, "fn")
    checks.function(progress, "progress", optional=True)
    pools.check_executor(executor)
    configs = checks.sequence(configs, "configs")
    if odd := [config for config in configs if not isinstance(config, dict)]:
        raise TypeError(f"`configs` must be a list of dicts, but got {checks.brief(odd[0])} in it. "
                        "A DataFrame? Use .to_dict('records').")  # fmt: skip
    planned = {key(config): copy.deepcopy(config) for config in configs}
    folder = checks.writable_folder(out_dir, "out_dir").absolute()  # wherever `fn` and the workers are
    records.remove_scraps(folder)
    for claim in folder.glob(f".{'[0-9a-f]' * 16}.json.claim"):
        if not processes.taken(claim):
            claim.unlink(missing_ok=True)
    work = _Work(fn, planned, folder, executor, progress or (lambda line: None))
    work.run()
    if work.failures:
        raise FailedRuns({name: work.failures[name] for name in planned if name in work.failures}, len(planned))
    return [work.paths[key(config)] for config in configs]


class _Work:
    """A sweep at work: the runs that are left, those that failed, and those that may have killed their worker."""

    def __init__(self, fn, planned: dict[str, dict], folder: Path, executor, progress):
        self.fn, self.planned, self.executor, self.progress = fn, planned, executor, progress
        self.paths = {name: folder / f"{name}.json" for name in planned}
        self.owner = uuid.uuid4().hex[:8]
        self.left = [name for name in planned if not self._is_made(name)]
        self.of, self.deaths, self.failures = len(self.left), {}, {}
        self.in_vain = 0  # pools that broke, one after another, before any run had begun

    def _is_made(self, name: str) -> bool:
        if self.paths[name].is_dir():
            raise ValueError(f"`out_dir` must have room for a record at {self.paths[name]}, but a folder lies there.")
        made = whole_record(self.paths[name]) is not None
        if not made and self.paths[name].exists():
            self.progress(f"{self.paths[name]} is no whole record of its run: it is made again")
        return made

    def run(self) -> None:
        waiting = False
        try:
            while self.left:
                free = [name for name in self.left if not processes.taken(claim_of(self.paths[name]), self.owner)]
                if free:
                    self._here(free) if self.executor is None else self._in_pool(free)
                elif not waiting:
                    self.progress(f"waiting for another sweep, which is at {len(self.left)} of these runs: "
                                  f"see {claim_of(self.paths[self.left[0]])}, which can be deleted if it has ended")
                waiting = not free
                time.sleep(0.5 * waiting)
        finally:  # threads, and workers elsewhere, end the run that they are at even now
            self._release([name for name in self.planned if not processes.taken(claim_of(self.paths[name]))])

    def _here(self, free: list[str]) -> None:
        for name in free:
            self._note(name, _run(self.fn, self.planned[name], self.paths[name], self.owner))

    def _in_pool(self, free: list[str]) -> None:
        """Runs all that are above suspicion side by side, or else one suspect."""
        batch = [name for name in free if name not in self.deaths] or free[:1]
        pool, futures, broke = self.executor(), {}, None
        if not hasattr(pool, "submit"):
            raise TypeError("`executor` must return a concurrent.futures.Executor, but returned "
                            f"{checks.brief(pool)}.")  # fmt: skip
        try:
            try:
                for name in batch:
                    futures[pool.submit(_run, self.fn, self.planned[name], self.paths[name], self.owner)] = name
            except BrokenExecutor as error:
                broke = error
            except RuntimeError as error:
                raise RuntimeError("`executor` must return an executor that takes runs, a new one at each call, "
                                   f"but this one says: {error}.") from None  # fmt: skip
            for future in as_completed(futures):
                try:
                    outcome = _result(future)
                except BrokenExecutor as error:
                    broke = error
                else:
                    self._note(futures[future], outcome)
        except BaseException:
            pools.end(pool)
            raise
        if broke:
            pools.end(pool)
            self._suspect(batch, broke)

    def _suspect(self, batch: list[str], broke: BrokenExecutor) -> None:
        """Notes whose worker may have died: the runs that had begun in this pool and were not ended."""
        begun = [name for name in batch if name in self.left and self._is_claimed(name)]
        self._release(self.planned)
        self.in_vain = 0 if begun else self.in_vain + 1
        if self.in_vain >= ATTEMPTS:
            raise RuntimeError(f"the workers end before any run begins ({broke}): too little memory, or a script "
                               "without `if __name__ == '__main__':`?") from broke  # fmt: skip
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
            self._release([name])
            self.failures[name] = self.planned[name], outcome.error
            self.progress(f"{what}: failed: {_in_a_line(outcome.error)}")
        else:
            self.progress(f"{what}: {outcome.seconds:.0f} s")

    def _release(self, names) -> None:
        """Takes back the claims of workers that died."""
        for name in names:
            if self._is_claimed(name):
                claim_of(self.paths[name]).unlink(missing_ok=True)

    def _is_claimed(self, name: str) -> bool:
        return processes.claimed(claim_of(self.paths[name]), self.owner)


class Outcome(NamedTuple):
    """What became of a run: seconds, and the traceback when it failed."""

    seconds: float
    error: str | None = None


def _result(future) -> Outcome | None:
    """What `_run` returned in an executor, or why that lost the run: Dask gives up one whose workers died."""
    try:
        return future.result()
    except (BrokenExecutor, OSError):
        raise
    except CancelledError:
        raise RuntimeError("the executor dropped its runs, as Dask does when its scheduler has ended; those that are "
                           "made are kept: start it anew, and sweep again.") from None  # fmt: skip
    except Exception as error:
        if type(error).__name__ == "KilledWorker":
            return Outcome(0.0, "its workers died, one after another: too little memory, or time?")
        if re.search("pickl|local object", f"{type(error).__name__} {error}", re.IGNORECASE):
            raise TypeError("`fn` must be a function that can be sent to other processes: of a module, and without "
                            f"open files, locks and connections, but got {checks.brief(error)}.") from None
        return Outcome(0.0, traceback.format_exc())


def _run(fn, config, path, owner) -> Outcome | None:
    """Makes the record of a run, unless another sweep is at it (None) or was."""
    if not processes.claim(claim_of(path), owner):
        return None
    began, made = time.perf_counter(), False
    try:
        if whole_record(path) is None:
            with processes.kept_fresh(claim_of(path)):
                found = fn(copy.deepcopy(config))  # it may change its own
            record, made = record_of(config, found), True
            records.write(path, record)
    except (Exception, SystemExit) as error:
        if made and isinstance(error, OSError):  # a full disk: whatever is trained from here on would be lost
            raise
        return Outcome(time.perf_counter() - began, traceback.format_exc())
    finally:
        claim_of(path).unlink(missing_ok=True)
    return Outcome(time.perf_counter() - began)


def record_of(config: dict, found) -> dict:
    """What `fn` returned for a configuration, as the record of that run."""
    if not isinstance(found, dict):
        raise TypeError(f"`fn` must return the record of its run, a dict, but got {checks.brief(found)}.")
    record = {"config": config} | found
    if not isinstance(record["config"], dict) or key(record["config"]) != key(config):
        raise ValueError(f"`fn` must return a record of {config}, but it is of {record['config']}.")
    return record


def claim_of(path: Path) -> Path:
    """The file beside a record that says who is making it."""
    return path.with_name(f".{path.name}.claim")
