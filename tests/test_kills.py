"""Runs that are killed, and runs of one notebook into one folder at once: the result is an old or a new one, whole.

A few in the daily run; `pytest -m slow tests/test_kills.py` does the full count.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time

import psutil
import pytest
import stub_notebook

from lnlkit.run import folder

NAME = stub_notebook.NAME
COMMAND = "import sys; from lnlkit.cli import main; main(sys.argv[1:])"
FEW_AND_MANY = [3, pytest.param(100, marks=pytest.mark.slow)]
KILLS = [("SIGKILL", "parent"), ("SIGKILL", "child"), ("SIGTERM", "parent"), ("SIGHUP", "parent"), ("SIGINT", "parent")]


@pytest.fixture()
def start(tmp_path):
    """Starts a run of the stub at a rate into <tmp_path>/out."""
    path = stub_notebook.write(tmp_path, stub_notebook.RECORD)

    def _start(rate):
        line = ["run", str(path), "--out-dir", str(tmp_path / "out"), "--rate", str(rate)]
        return subprocess.Popen([sys.executable, "-c", COMMAND, *line], stdout=subprocess.DEVNULL,
                                stderr=subprocess.PIPE, text=True, cwd=tmp_path)  # fmt: skip

    return _start


def alive(out) -> list:
    """The processes of runs in this folder: each carries its scratch folder in its environment."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("IPYTHONDIR", "").startswith(str(out)):
                found.append(process)
        except psutil.Error:
            pass
    return found


def soon(what, seconds=60) -> bool:
    """Whether it becomes true; the limit is only met by what stays as it is."""
    deadline = time.monotonic() + seconds
    while not what() and time.monotonic() < deadline:
        time.sleep(0.05)
    return what()


def rate_of_the_set(out) -> float | None:
    """The rate of the published result, None without one; fails unless its files are of one run that was checked."""
    folder.settle(out, NAME)
    names = {path.name for path in out.glob(f"{NAME}.*")} - {f"{NAME}.failed"}
    if not names:
        return None
    assert names == {f"{NAME}.ipynb", f"{NAME}.json", f"{NAME}.run"}
    record, stamp = folder.checked(out / f"{NAME}.json")
    assert stamp["executed"] == folder.digest(out / f"{NAME}.ipynb")
    given = json.loads((out / f"{NAME}.ipynb").read_text())["metadata"]["papermill"]["parameters"]
    assert given["RATE"] == record["config"]["rate"]
    return given["RATE"]


def hidden(out) -> list[str]:
    return [path.name for path in out.iterdir() if path.name.startswith(".")]


def kill(process, signal_name: str, whom: str, after_s: float) -> bool:
    """Sends the signal to the command, or to the process that it starts, so long after it began; whether it met one."""
    began, pid = time.monotonic(), process.pid
    while whom == "child" and pid == process.pid and process.poll() is None:
        pid = next((child.pid for child in psutil.Process(process.pid).children()), pid)
        time.sleep(0.01)
    time.sleep(max(0, began + after_s - time.monotonic()))
    if process.poll() is None and psutil.pid_exists(pid):
        os.kill(pid, getattr(signal, signal_name))
        return True
    return False


@pytest.mark.parametrize("n", FEW_AND_MANY)
def test_a_kill_at_any_moment_leaves_a_whole_result_and_nothing_else(start, tmp_path, n):
    out, before, rng, ended, began = tmp_path / "out", 0.05, random.Random(n), [], time.monotonic()
    assert start(before).wait(120) == 0
    took = time.monotonic() - began  # kills are spread over what a run takes on this machine just now
    for i in range(n):
        rate, (name, whom) = round(0.1 + 0.001 * i, 3), KILLS[i % len(KILLS)]
        process = start(rate)
        met = kill(process, name, whom, rng.uniform(0.05, 1.1) * took)
        said = process.communicate(timeout=60)[1]
        assert soon(lambda: not alive(out)), (name, whom)
        after = rate_of_the_set(out)
        assert after in (before, rate), (name, whom, said)
        if process.returncode == 0:
            assert after == rate
        if whom == "child":
            assert (process.returncode == 0) == (after == rate), said
        elif name != "SIGKILL":
            assert process.returncode in (0, 128 + getattr(signal, name), -getattr(signal, name)), said
            assert not folder.claims(out), (name, said)
        ended.append((name, whom, "met" if met else "too late", "new" if after == rate else "old"))
        before = after
    assert start(0.9).wait(60) == 0
    assert rate_of_the_set(out) == 0.9 and hidden(out) == [] and not alive(out)
    print({end: ended.count(end) for end in sorted(set(ended), key=str)})


@pytest.mark.parametrize("n", [1, pytest.param(30, marks=pytest.mark.slow)])
def test_two_runs_into_one_folder_never_mix(start, tmp_path, n):
    out, rng, both = tmp_path / "out", random.Random(n), 0
    for i in range(n):
        rates = 0.1 + 0.001 * i, 0.5 + 0.001 * i
        two = [start(round(rates[0], 3))]
        time.sleep(rng.choice([0, 0, 0, 0.1, 1, 3]))
        two.append(start(round(rates[1], 3)))
        said = [process.communicate(timeout=120)[1] for process in two]
        well = [rate for rate, process in zip(rates, two, strict=True) if process.returncode == 0]
        both += len(well) == 2
        assert well and rate_of_the_set(out) in [round(rate, 3) for rate in well], said
        for process, text in zip(two, said, strict=True):
            assert process.returncode == 0 or ("is being run into" in text and text.count("\n") == 1), text
        assert hidden(out) == [] and not (out / f"{NAME}.failed").exists()
    print(f"{n} times two runs: {both} times both ended well, {n - both} times one was refused")
