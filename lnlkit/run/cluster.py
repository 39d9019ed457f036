"""Where the runs of a sweep are made: in this process, in several of this machine, or by the workers of a cluster.

A cluster is one of Dask's: whatever started its workers (SLURM, Kubernetes, SSH), they are found by their scheduler's
address, and make runs as if they had been started where the command was typed. See docs/cluster.md.
"""

import asyncio
import contextlib
import functools
import json
import os
import re
import uuid
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from lnlkit import checks, pools, processes
from lnlkit.recorded import making

SECONDS = 10
"""How long a scheduler may take to answer."""


class Workers(NamedTuple):
    """What makes the runs: the executor that a sweep takes, and how many runs it makes side by side just now."""

    executor: Callable[[], Executor] | None
    n: int


@contextlib.contextmanager
def workers(out, jobs: int, runs: int, cluster: str | None = None, say: Callable[[str], None] = print):
    """The workers of a sweep into the folder `out`, for a block: those of a cluster, or up to `jobs` processes here."""
    if checks.positive_int(jobs, "jobs") > 1 and cluster is not None:
        raise ValueError(f"`jobs` must be left out with `cluster`, whose workers make the runs, but got {jobs}.")
    if cluster is None:
        jobs = min(jobs, runs)
        yield Workers(pools.local_pool(jobs) if jobs > 1 else None, jobs)
        return
    with connected(cluster, out, say) as executor:
        yield executor


class Place(NamedTuple):
    """Where a sweep was called, as its workers are told: they make runs as if they had been started there.

    token: a file in the folder of the records; home: the working folder; code: digest of the modules that a run depends
    on; settings: names and values of the environment's variables LNLKIT_*.
    """

    token: str
    home: str
    code: str
    settings: tuple


class UnfitWorker(OSError):
    """A worker cannot make the runs of a sweep, which says why."""


@contextlib.contextmanager
def connected(cluster: str, out, say: Callable[[str], None] = print):
    """The workers of a Dask cluster, for a block. `cluster`: the scheduler's address, or the path of its file.

    Raises ValueError for what is neither, ConnectionError when no scheduler answers, UnfitWorker when a worker does not
    see `out` and the working folder, has another lnlkit, or several threads. Without any worker it waits for the first.
    """
    from lnlkit.methods.extras import extra  # with torch, which workers import when they come to a run

    address = address_of(cluster)
    distributed = extra("distributed", "cluster")
    with contextlib.ExitStack() as stack:
        try:
            with ThreadPoolExecutor(1) as thread:  # a notebook's own has a loop already
                thread.submit(asyncio.run, _greet(address)).result()
            client = stack.enter_context(distributed.Client(address, timeout=SECONDS, set_as_default=False))
        except (OSError, asyncio.TimeoutError, distributed.TimeoutError) as error:
            raise ConnectionError(f"`cluster` must be a Dask scheduler that runs, but none answered at {address} in "
                                  f"{SECONDS} s: is it still there, and is its port open to this machine?") from error
        place = stack.enter_context(_told(out))
        if not client.nthreads():
            say(f"no worker has come to the cluster at {address} yet: waiting for the first one")
            client.wait_for_workers(1)
        _check(client, place)
        n = len(client.nthreads())
        say(f"{n} worker{'s' * (n != 1)} at {address}; more may come and go")
        yield Workers(functools.partial(_executor, client, place), n)


async def _greet(address: str) -> None:
    """Connects to a scheduler. Dask's Client would wait without end for a server that takes calls but says nothing."""
    from distributed import Security
    from distributed.comm import connect

    call = connect(address, timeout=SECONDS, **Security().get_connection_args("client"))
    await (await asyncio.wait_for(call, SECONDS)).close()


def address_of(cluster: str) -> str:
    """The scheduler's address: as it was given, or as the file says that `dask scheduler --scheduler-file` wrote."""
    text = checks.text(cluster, "cluster")
    if re.fullmatch(r"(\w+://)?[^/\s]+:\d+", text):
        return text
    path = Path(text).expanduser()
    if not path.is_file():
        raise FileNotFoundError("`cluster` must be a scheduler's address such as tcp://host:8786, or the file that "
                                f"`dask scheduler --scheduler-file` wrote, but there is no {path.absolute()}.")
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        return checks.text(json.loads(path.read_text(encoding="utf-8"))["address"], "address")
    raise ValueError(f"`cluster` must be a file that a Dask scheduler wrote, but {path} has no address in it.")


@contextlib.contextmanager
def _told(out):
    """What the workers are told, as long as the block lasts. A command that is killed leaves its token to be swept."""
    folder = checks.writable_folder(out, "out").absolute()
    token = folder / f".cluster.{processes.me()}.{uuid.uuid4().hex[:8]}.tmp"  # as `records.remove_scraps` knows them
    token.touch()
    settings = tuple(sorted((name, value) for name, value in os.environ.items() if name.startswith("LNLKIT_")))
    try:
        with processes.kept_fresh(token):
            yield Place(str(token), os.getcwd(), making.code_digest(), settings)
    finally:
        token.unlink(missing_ok=True)


def _check(client, place: Place) -> None:
    """Raises UnfitWorker where a worker says that it can't make the runs. Those that come later are asked, too."""
    for worker, said in client.run(_complaint, place, on_error="return").items():
        if isinstance(said, ImportError):
            said = f"it can't import what this lnlkit has ({said}): install the same version there"
        if isinstance(said, Exception) and not isinstance(said, OSError):  # these are of workers that have just gone
            raise said
        if isinstance(said, str):
            raise UnfitWorker(_unfit(worker, said))


def _unfit(worker: str, said: str) -> str:
    return f"`cluster` must have workers that can make these runs, but of {worker}: {said}."


def _complaint(place: Place, dask_worker) -> str | None:
    """Why this worker can't make the runs, or None."""
    import platform

    here = platform.node()
    for what, path in (("the folder of the records", Path(place.token).parent), ("the working folder", place.home)):
        if not Path(path).is_dir():
            return f"{here} does not see {what}, {path}: it must be on a file system that all of them share"
    if not Path(place.token).exists():
        return f"{Path(place.token).parent} on {here} is a folder of its own: it must be one that all of them share"
    if (code := making.code_digest()) != place.code:
        return f"it has other code of lnlkit ({code}, here {place.code}): install the same version there, start it anew"
    if (n := dask_worker.state.nthreads) > 1:
        return f"it has {n} threads, whose runs would wait for one another: start it with --nthreads 1"
    return None


@functools.cache
def _checked(place: Place) -> None:
    """Raises UnfitWorker in a worker that can't make the runs; asked once for each sweep."""
    from distributed import get_worker

    worker = get_worker()
    if said := _complaint(place, worker):
        raise UnfitWorker(_unfit(worker.address, said))


def _there(place: Place, fn, *args):
    """`fn(*args)` in a worker, with the working folder and the settings of the command."""
    _checked(place)
    home, settings = os.getcwd(), {name: value for name, value in os.environ.items() if name.startswith("LNLKIT_")}
    try:
        _settle(place.home, dict(place.settings))
        return fn(*args)
    finally:
        _settle(home, settings)


def _settle(home: str, settings: dict) -> None:
    for name in [name for name in os.environ if name.startswith("LNLKIT_")]:
        del os.environ[name]
    os.environ.update(settings)
    os.chdir(home)


def _executor(client, place: Place) -> Executor:
    pool = client.get_executor(pure=False)  # two calls with the same arguments are two
    pool.submit = functools.partial(pool.submit, _there, place)
    return pool
