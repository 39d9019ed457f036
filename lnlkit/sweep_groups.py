"""A sweep whose runs are made several at once, where one call of a function makes a whole group of them.

Each run is still a record of its own, written whole and claimed as by `sweep`, which makes what groups leave undone.
"""

import contextlib
import copy
import functools
import time
import traceback
import uuid
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, CancelledError, Executor, as_completed
from pathlib import Path

from lnlkit import checks, pools, processes, records
from lnlkit.sweep import claim_of, describe, key, record_of, sweep, whole_record


def sweep_groups(fn: Callable[[list[dict]], list[dict]], groups: list[list[dict]], out_dir,
                 executor: Callable[[], Executor] | None = None,
                 progress: Callable[[str], None] | None = None) -> list[Path]:  # fmt: skip
    """Record file of every configuration, in the order of the groups, as by `sweep`; what exists is skipped.

    `fn(configs)` returns the record of each of these runs, a whole group or what is left of it. Runs of a group that
    fails, or whose worker dies, are made again one by one, by `fn([config])`, after all groups; so are those that
    another sweep is at.
    """
    checks.function(fn, "fn", of=["configs"])
    checks.function(progress, "progress", optional=True)
    pools.check_executor(executor)
    groups = [checks.sequence(group, "groups") for group in checks.sequence(groups, "groups")]
    configs = [config for group in groups for config in group]
    for config in configs:
        key(config)  # raises for what is no configuration
    folder = checks.writable_folder(out_dir, "out_dir").absolute()
    several, owner = [group for group in groups if len(group) > 1], uuid.uuid4().hex[:8]
    make, say = functools.partial(_make, fn, folder=folder, owner=owner), progress or (lambda line: None)
    if executor is None:
        for group in several:
            _say(say, group, make(group))
    elif several:
        try:
            _in_pool(executor(), make, several, say, lambda group: _release(group, folder, owner))
        finally:  # workers elsewhere end the group that they are at even now
            _release(configs, folder, owner, ended=True)
    return sweep(functools.partial(_alone, fn), configs, folder, executor, progress)


def _alone(fn, config: dict) -> dict:
    found = fn([config])
    return found[0] if isinstance(found, list) and len(found) == 1 else found


def _in_pool(pool: Executor, make, groups: list[list[dict]], say, release) -> None:
    """All groups side by side; what a pool does not make, because a worker died for one, is left to `sweep`."""
    try:
        futures = {pool.submit(make, group): group for group in groups}
        for future in as_completed(futures):
            try:
                made = future.result()
            except (BrokenExecutor, CancelledError, OSError):
                raise
            except Exception as error:  # Dask gives up one group whose workers died, and goes on with the others
                made = f"left, to be made one by one: {type(error).__name__}: {error}"
                release(futures[future])
            _say(say, futures[future], made)
    except Exception as error:
        pools.end(pool)
        say(f"the runs that are left are made one by one: {type(error).__name__}: {error}")
    except BaseException:
        pools.end(pool)
        raise


def _make(fn, configs: list[dict], folder: Path, owner: str) -> str | None:
    """Writes the records of those runs of a group that nobody has made or is at; what happened, where that failed."""
    began = time.perf_counter()
    with contextlib.ExitStack() as claims:
        mine = {folder / f"{key(config)}.json": config for config in configs}
        mine = {path: config for path, config in mine.items() if _claimed(path, owner, claims)}
        if len(mine) < 2:  # one by one is as good
            return None
        try:
            found = fn(copy.deepcopy(list(mine.values())))  # it may change its own
            if not isinstance(found, list) or len(found) != len(mine):
                raise TypeError(f"`fn` must return a list of {len(mine)} records, but got {checks.brief(found)}.")
            made = [record_of(config, record) for config, record in zip(mine.values(), found, strict=True)]
            for path, record in zip(mine, made, strict=True):
                records.write(path, record)
        except (Exception, SystemExit):
            return f"failed, so each is made alone: {traceback.format_exc().splitlines()[-1]:.300}"
    return f"{len(mine)} together in {time.perf_counter() - began:.0f} s"


def _claimed(path: Path, owner: str, claims: contextlib.ExitStack) -> bool:
    """Whether a run is to be made here: claimed until `claims` ends, and not made already."""
    if not processes.claim(claim_of(path), owner):
        return False
    claims.callback(claim_of(path).unlink, missing_ok=True)
    claims.enter_context(processes.kept_fresh(claim_of(path)))
    return whole_record(path) is None


def _say(say, group: list[dict], what: str | None) -> None:
    if what is not None:
        say(f"{describe(group[0])} and {len(group) - 1} like it: {what}")


def _release(configs: list[dict], folder: Path, owner: str, ended: bool = False) -> None:
    """Takes back the claims of workers that died; ended: only those of which that is known."""
    for claim in (claim_of(folder / f"{key(config)}.json") for config in configs):
        if processes.claimed(claim, owner) and not (ended and processes.taken(claim)):
            claim.unlink(missing_ok=True)
