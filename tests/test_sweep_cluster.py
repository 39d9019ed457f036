"""`lnlkit sweep --cluster` on a scheduler and workers of this machine, some of whose processes are killed."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from lnlkit import sweep
from lnlkit.recorded import making
from lnlkit.run import cluster

pytest.importorskip("distributed", reason="needs the extra: pip install 'lnlkit[cluster]'")

SEEDS = list(range(8))
LONG = 900  # seconds; only what stays as it is takes so long
MINE = '''
import os, time
from dataclasses import dataclass
from pathlib import Path
from lnlkit.methods import CE

HERE = Path(os.environ["LNLKIT_TEST"])

@dataclass
class Held(CE):
    """It writes down that it began; once there are two records it is held as long as a file is there."""

    def start(self, recipe, data, generator):
        super().start(recipe, data, generator)
        run = f"{generator.initial_seed()}:{os.getpid()}"
        log("begun", run)
        if len(list(HERE.glob("runs/*/*.json"))) >= 2:
            log("held", run)
            while (HERE / "hold").exists():
                time.sleep(0.05)

def log(name, line):
    with open(HERE / name, "a") as file:
        file.write(line + "\\n")
'''


def soon(what, process=None):
    """What a function says as soon as that is true; fails when the process ends before."""
    began = time.monotonic()
    while not (found := what()):
        assert process is None or process.poll() is None, f"it ended with {process.returncode}"
        assert time.monotonic() - began < LONG
        time.sleep(0.05)
    return found


class Cluster:
    """A scheduler and its workers, each a process of its own in an empty folder, which is not where a sweep is."""

    def __init__(self, folder: Path):
        self.folder, self.file, self.processes = folder, folder / "scheduler.json", []
        self._dask("scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(self.file))
        soon(self.file.exists, self.processes[0])

    def worker(self, *more: str) -> psutil.Process:
        place = self.folder / f"worker-{len(self.processes)}"
        place.mkdir()
        return self._dask("worker", "--scheduler-file", str(self.file), "--nthreads", "1", *more, cwd=place)

    def _dask(self, *command: str, **options) -> psutil.Process:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("LNLKIT_")}
        with open(self.folder / "log", "a") as log:
            self.processes.append(psutil.Popen([sys.executable, "-m", "dask", *command, "--no-dashboard"], **options,
                                               env=environment, stdout=log, stderr=log))  # fmt: skip
        return self.processes[-1]

    def end(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                for each in [process, *process.children(recursive=True)]:
                    each.kill()
                process.wait()


@pytest.fixture(scope="module")
def two_workers(tmp_path_factory):
    """A cluster of two workers, one with a nanny, which starts it again when it dies."""
    found = Cluster(tmp_path_factory.mktemp("cluster"))
    try:
        found.worker("--no-nanny")
        found.worker()
        yield found
    finally:
        found.end()


class Sweep:
    """A sweep of `Held` in a folder, and what it leaves."""

    def __init__(self, folder: Path, of: Cluster):
        self.folder, self.cluster = folder, of
        (folder / "mine.py").write_text(MINE)
        (folder / "hold").touch()

    def start(self) -> subprocess.Popen:
        seeds = ",".join(map(str, SEEDS))
        line = f"sweep --method mine.py:Held --rates 0.2 --seeds {seeds} --set epochs=1 --set n_train=100 --out runs"
        with open(self.folder / "out", "w") as out:
            return subprocess.Popen(
                [sys.executable, "-m", "lnlkit", *line.split(), "--cluster", str(self.cluster.file)], cwd=self.folder,
                env={**os.environ, "LNLKIT_TEST": str(self.folder)}, stdout=out, stderr=out)  # fmt: skip

    def said(self) -> str:
        return (self.folder / "out").read_text()

    def runs(self, what: str) -> list[tuple[int, int]]:
        """(seed, number of the worker's process) of each run that has "begun" or is "held", in their order."""
        log = self.folder / what
        lines = log.read_text().splitlines() if log.exists() else []
        return [tuple(map(int, line.split(":"))) for line in lines]

    def records(self) -> dict[Path, int]:
        """The records, with what tells one from a later one of the same run; each is whole."""
        found = {path: path.stat().st_mtime_ns for path in self.folder.glob("runs/*/*.json")}
        assert all(sweep.whole_record(path) for path in found)
        return found

    def go_on(self) -> None:
        (self.folder / "hold").unlink()

    def is_whole(self) -> bool:
        """Whether each run has its record, and there is nothing else."""
        return len(self.records()) == len(SEEDS) == len([*self.folder.glob("runs/*/*"), *self.folder.glob("runs/.*")])


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT])
def test_a_command_that_is_ended_goes_on_where_it_stopped_and_makes_nothing_twice(two_workers, tmp_path, end):
    """Not even the runs that workers are at when it ends: they make them all the same, and the next command waits."""
    here = Sweep(tmp_path, two_workers)
    first = here.start()
    soon(lambda: len(here.runs("held")) == 2, first)
    first.send_signal(end)
    assert first.wait(LONG) == (-9 if end == signal.SIGKILL else 130), here.said()
    before = here.records()
    second = here.start()
    soon(lambda: "Plan: " in here.said(), second)
    assert f"; {len(before)} are there" in here.said()
    here.go_on()
    assert second.wait(LONG) == 0, here.said()
    assert Counter(seed for seed, _ in here.runs("begun")) == Counter(SEEDS)
    assert here.is_whole() and before.items() <= here.records().items()
    assert "Accuracy on clean test data" in here.said()


def test_a_worker_that_is_killed_costs_a_second_attempt_at_its_run_only(two_workers, tmp_path):
    here, victim = Sweep(tmp_path, two_workers), two_workers.worker("--no-nanny")
    command = here.start()
    lost = soon(lambda: [seed for seed, pid in here.runs("held") if pid == victim.pid], command)
    victim.kill()
    here.go_on()
    assert command.wait(LONG) == 0, here.said()
    assert Counter(seed for seed, _ in here.runs("begun")) == Counter(SEEDS + lost) and here.is_whole()


def test_a_scheduler_that_ends_ends_the_command_with_one_sentence(tmp_path_factory, tmp_path):
    of = Cluster(tmp_path_factory.mktemp("ends"))
    try:
        of.worker("--no-nanny")
        here = Sweep(tmp_path, of)
        command = here.start()
        soon(lambda: here.runs("held"), command)
        of.end()
        assert command.wait(LONG) == 1, here.said()
        assert here.said().splitlines()[-1].startswith("lnlkit: the executor dropped its runs, as Dask does when its")
    finally:
        of.end()


def test_workers_with_other_code_or_without_the_folder_are_refused(two_workers, tmp_path, monkeypatch):
    def refused() -> str:
        with pytest.raises(cluster.UnfitWorker, match="^`cluster` must have workers that .* but of tcp://") as caught:
            with cluster.connected(str(two_workers.file), tmp_path):
                pytest.fail("it is connected")
        assert list(tmp_path.iterdir()) == []
        return str(caught.value)

    with cluster.connected(str(two_workers.file), tmp_path, lambda line: None) as workers:
        assert workers.n >= 2 and workers.executor().submit(os.getcwd).result() == os.getcwd()
    with monkeypatch.context() as patch:
        patch.setattr(making, "code_digest", lambda: "0123456789ab")
        assert "(0123456789ab" not in refused() and "here 0123456789ab): install the same version" in refused()
    monkeypatch.setattr(Path, "touch", lambda path: None)  # as if the workers' folder were another one
    assert "is a folder of its own: it must be one that all of them share." in refused()


PLACE = {"token": __file__, "home": os.path.dirname(__file__), "code": making.code_digest(), "settings": ()}


@pytest.mark.parametrize("changes, threads, said", [
    ({}, 1, None), ({}, 4, "it has 4 threads, .* start it with --nthreads 1"),
    ({"home": "/none"}, 1, "does not see the working folder, /none: it must be on a file system that all of them"),
    ({"token": "/none/x"}, 1, "does not see the folder of the records, /none"),
    ({"token": f"{__file__}.none"}, 1, "is a folder of its own"), ({"code": "0" * 12}, 1, "it has other code of lnl"),
])  # fmt: skip
def test_a_worker_says_why_it_cannot_make_the_runs(changes, threads, said):
    worker = SimpleNamespace(state=SimpleNamespace(nthreads=threads))
    found = cluster._complaint(cluster.Place(**PLACE | changes), worker)
    assert found is None if said is None else re.search(said, found)


def test_a_scheduler_that_does_not_answer_is_named_soon(tmp_path, monkeypatch):
    monkeypatch.setattr(cluster, "SECONDS", 1)
    with socket.create_server(("127.0.0.1", 0)) as silent:  # it takes connections, and says nothing
        port = silent.getsockname()[1]
        for address in (f"tcp://127.0.0.1:{port}", f"127.0.0.1:{port}"):
            with pytest.raises(ConnectionError, match=f"`cluster` must be a Dask .* none answered at {address}"):
                with cluster.connected(address, tmp_path):
                    pytest.fail("it is connected")
    with pytest.raises(ConnectionError, match="none answered"):
        with cluster.connected(f"tcp://127.0.0.1:{port}", tmp_path):  # nobody is there any more
            pytest.fail("it is connected")
    assert list(tmp_path.iterdir()) == []


def test_without_the_package_the_cure_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ValueError, match=r"`distributed` must be installed .*pip install 'lnlkit\[cluster\]'"):
        with cluster.connected("tcp://host:8786", tmp_path):
            pytest.fail("it is connected")
