"""Sweeps whose parent or worker is killed at any moment: no record broken, nothing made twice, no process, no scrap."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from lnlkit import sweep

RUNS, SECONDS = 40, 0.05
SCRIPT = """
import os, sys, time
from lnlkit import sweep

def run(config):
    time.sleep(config["seconds"] / 2)
    with open(config["log"], "a") as log:
        log.write(f"{config['i']}\\n")
    time.sleep(config["seconds"] / 2)
    return {"i": config["i"], "long": list(range(20_000))}

configs = [{"i": i, "seconds": float(sys.argv[3]), "log": sys.argv[1] + ".log"} for i in range(int(sys.argv[2]))]
jobs = int(sys.argv[4])
sweep.sweep(run, configs, sys.argv[1], sweep.local_pool(jobs) if jobs > 1 else None)
"""

KILLS = [("parent", signal.SIGKILL, 2), ("worker", signal.SIGKILL, 2), ("parent", signal.SIGINT, 2),
         ("parent", signal.SIGKILL, 1), ("parent", signal.SIGTERM, 2)]  # fmt: skip


class Kit:
    """Sweeps into one folder, and what they leave."""

    def __init__(self, folder: Path):
        self.folder, self.log, self.name = folder, folder.with_name(folder.name + ".log"), f"kills {folder}"
        self.log.touch()

    def start(self, jobs: int) -> subprocess.Popen:
        command = [sys.executable, "-c", SCRIPT, str(self.folder), str(RUNS), str(SECONDS), str(jobs)]
        return subprocess.Popen(command, env={**os.environ, "LNLKIT_TEST": self.name}, stderr=subprocess.DEVNULL)

    def configs(self) -> list[dict]:
        return [{"i": i, "seconds": SECONDS, "log": str(self.log)} for i in range(RUNS)]

    def alive(self) -> list[psutil.Process]:
        """The processes of these sweeps, found by their environment."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get("LNLKIT_TEST") == self.name and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
            except psutil.Error:
                pass
        return found

    def made(self) -> dict:
        """What tells a record from a later one of the same run, by name; all that are there are whole."""
        found = {path: path.stat() for path in self.folder.glob("*.json")}
        assert all(sweep.whole_record(path) for path in found)
        return {path.name: (stat.st_ino, stat.st_mtime_ns) for path, stat in found.items()}

    def hit(self, whom: str, with_what: int, jobs: int) -> None:
        """Starts a sweep and kills it, or one of its workers: then it must go on by itself and end well.

        The moment: some time after the start, or after some more records.
        """
        process, more = self.start(jobs), random.choice([0, 0, 1, 3, 8, 15])
        wanted = min(len(list(self.folder.glob("*.json"))) + more, RUNS - 1)
        while more and len(list(self.folder.glob("*.json"))) < wanted and process.poll() is None:
            time.sleep(0.005)
        time.sleep(random.uniform(0, SECONDS if more else 1.5))
        workers = [child for child in psutil.Process(process.pid).children() if "loky" in " ".join(child.cmdline())]
        workers = [child for child in workers if "resource_tracker" not in " ".join(child.cmdline())]
        victim = random.choice(workers) if whom == "worker" and workers else process
        victim.send_signal(with_what if victim is not process or whom == "parent" else signal.SIGKILL)
        assert process.wait(timeout=60) == 0 or victim is process
        end = time.monotonic() + 10
        while self.alive():
            assert time.monotonic() < end, f"{self.alive()} outlived their sweep"
            time.sleep(0.05)
        assert not list(Path("/dev/shm").glob(f"sem.loky-{process.pid}-*"))


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="kills and counts as Linux does")
@pytest.mark.parametrize("kills", [3, pytest.param(100, marks=pytest.mark.slow)])
def test_whatever_is_killed_nothing_is_lost_and_nothing_left(tmp_path, kills):
    random.seed(kills)
    folders, interrupted, resumed = 0, 0, 0
    kit, before = None, {}
    for number in range(kills):
        if kit is None:
            kit, before, folders = Kit(tmp_path / str(folders)), {}, folders + 1
        whom, with_what, jobs = KILLS[number % len(KILLS)]
        began = len(kit.log.read_text().split())
        kit.hit(whom, with_what, jobs)
        made = kit.made()
        assert before.items() <= made.items()  # none lost, none written again
        names = [sweep.key(config) + ".json" for config in kit.configs()]
        again = {names[int(i)] for i in kit.log.read_text().split()[began:]}
        assert not again & before.keys()  # what was finished did not even begin
        interrupted += len(again - made.keys())
        resumed, before = resumed + bool(before), made
        if len(made) == RUNS:
            kit = None
    if kit:
        assert kit.start(jobs=1).wait(timeout=60) == 0
        assert before.items() <= kit.made().items() and len(kit.made()) == RUNS
    for number in range(folders):
        kit = Kit(tmp_path / str(number))
        sweep.sweep(pytest.fail, kit.configs(), kit.folder)  # nothing is left to do, but to sweep up
        assert {path.suffix for path in kit.folder.iterdir()} == {".json"} and len(kit.made()) == RUNS
    print(f"{kills} kills in {folders} folders, {resumed} of sweeps that went on, {interrupted} runs interrupted")


def test_two_processes_at_once_make_each_run_once(tmp_path):
    kit = Kit(tmp_path / "runs")
    assert [process.wait(timeout=60) for process in (kit.start(jobs=1), kit.start(jobs=2))] == [0, 0]
    assert sorted(map(int, kit.log.read_text().split())) == list(range(RUNS)) and len(kit.made()) == RUNS
    assert len(list(kit.folder.iterdir())) == RUNS
