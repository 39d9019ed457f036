"""Runs made several at once: one record a run, whatever fails or is killed."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from lnlkit import processes, records, sweep
from lnlkit.sweep_groups import sweep_groups

GROUPS = [[{"i": 0}, {"i": 1}, {"i": 2}], [{"i": 3}], [{"i": 4}, {"i": 5}]]


def names(folder) -> list[int]:
    """The runs that have a record; nothing else lies in the folder."""
    assert all(sweep.whole_record(path) for path in folder.iterdir()), list(folder.iterdir())
    return sorted(records.read(path)["i"] for path in folder.iterdir())


def make(configs):
    return [{"i": config["i"]} for config in configs]


class Calls:
    """Makes records and notes what it was called with; runs in `fails` fail, together and alone."""

    def __init__(self, *fails):
        self.calls, self.fails = [], fails

    def __call__(self, configs):
        self.calls.append([config["i"] for config in configs])
        if set(self.calls[-1]) & set(self.fails):
            raise FloatingPointError("the loss became nan.")
        for config in configs:
            config["own"] = 1  # its copy
        return make(configs)


def test_each_group_is_made_at_once_and_a_run_alone_alone(tmp_path):
    fn, said = Calls(), []
    paths = sweep_groups(fn, GROUPS, tmp_path, progress=said.append)
    assert fn.calls == [[0, 1, 2], [4, 5], [3]] and names(tmp_path) == list(range(6))
    assert [records.read(path)["i"] for path in paths] == list(range(6))
    assert [records.read(path)["config"] for path in paths] == [{"i": i} for i in range(6)]
    assert said[0] == "{'i': 0} and 2 like it: 3 together in 0 s" and len(said) == 3


def test_what_exists_is_skipped_and_the_rest_of_a_group_made(tmp_path):
    sweep.sweep(dict, [{"i": 1}, {"i": 4}], tmp_path)
    fn = Calls()
    sweep_groups(fn, GROUPS, tmp_path)
    assert fn.calls == [[0, 2], [3], [5]] and names(tmp_path) == list(range(6))
    sweep_groups(pytest.fail, GROUPS, tmp_path)


def test_a_group_with_a_run_that_fails_still_gives_the_others(tmp_path):
    fn, said = Calls(1), []
    with pytest.raises(sweep.FailedRuns, match="(?s)1 of 6 runs failed.*Error: the loss became nan") as caught:
        sweep_groups(fn, GROUPS, tmp_path, progress=said.append)
    assert [config for config, _ in caught.value.failures.values()] == [{"i": 1}]
    assert fn.calls == [[0, 1, 2], [4, 5], [0], [1], [2], [3]] and names(tmp_path) == [0, 2, 3, 4, 5]
    assert said[0].endswith("failed, so each is made alone: FloatingPointError: the loss became nan.")


@pytest.mark.parametrize("found", [None, {}, [{}], [{}, {}, 3], [{"config": {"i": 9}}] * 3])
def test_what_are_no_records_of_the_group_is_not_kept(tmp_path, found):
    """Nothing of it: also not the first of three of which the last is none."""
    written = []

    def fn(configs):
        written.append([path for path in tmp_path.glob("*.json")])
        return found if len(configs) > 1 else make(configs)

    said = []
    sweep_groups(fn, GROUPS[:1], tmp_path, progress=said.append)
    assert written[:2] == [[], []] and names(tmp_path) == [0, 1, 2]
    assert "`fn` must return " in said[0] and ("a list of 3 records" in said[0]) == (found in (None, {}, [{}]))


def test_a_run_that_another_sweep_is_at_is_left_to_it(tmp_path):
    path = tmp_path / f"{sweep.key({'i': 1})}.json"
    assert processes.claim(sweep.claim_of(path), f"{processes.me()}.other")
    fn = Calls()

    def said(line):
        if line.startswith("waiting for another sweep"):
            records.write(path, {"config": {"i": 1}, "i": 1})
            sweep.claim_of(path).unlink()

    sweep_groups(fn, GROUPS[:1], tmp_path, progress=said)
    assert fn.calls == [[0, 2]] and names(tmp_path) == [0, 1, 2]


def die_together(configs):
    """Kills its worker where it is given several runs."""
    if len(configs) > 1 and configs[0]["i"] == 0:
        time.sleep(0.3)
        os.kill(os.getpid(), signal.SIGKILL)
    return make(configs)


def test_a_worker_that_dies_costs_no_run(tmp_path):
    said = []
    sweep_groups(die_together, GROUPS, tmp_path, sweep.local_pool(2), said.append)
    assert names(tmp_path) == list(range(6))
    assert sum("the runs that are left are made one by one" in line for line in said) == 1


def test_a_pool_makes_groups_side_by_side(tmp_path):
    sweep_groups(make, GROUPS, tmp_path, sweep.local_pool(2))
    assert names(tmp_path) == list(range(6))


class Refusing(ThreadPoolExecutor):
    """It gives up whatever it is given several of."""

    def submit(self, fn, *args):
        if len(args) == 1:  # a group
            gives_up = Future()
            gives_up.set_exception(LookupError("KilledWorker"))
            return gives_up
        return super().submit(fn, *args)


def test_groups_that_an_executor_gives_up_are_made_one_by_one(tmp_path):
    sweep_groups(make, GROUPS, tmp_path, Refusing)
    assert names(tmp_path) == list(range(6))


def test_a_function_that_cannot_be_sent_is_named(tmp_path):
    lock = __import__("threading").Lock()
    with pytest.raises(TypeError, match="`fn` must be a function that can be sent to other processes"):
        sweep_groups(lambda configs: [lock, *make(configs)], GROUPS, tmp_path, sweep.local_pool(2))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_killed_group_leaves_nothing_half_written_and_is_made_again(tmp_path, jobs):
    script = (
        "import sys, time\nfrom lnlkit import sweep\nfrom lnlkit.sweep_groups import sweep_groups\n"
        "def run(configs):\n    open(sys.argv[1] + '.begun', 'w')\n    time.sleep(3600)\n"
        "pool = sweep.local_pool(2) if sys.argv[2] == '2' else None\n"
        "sweep_groups(run, [[{'i': 0}, {'i': 1}, {'i': 2}]], sys.argv[1], pool)\n"
    )
    folder = tmp_path / "runs"
    process = subprocess.Popen([sys.executable, "-c", script, str(folder), str(jobs)])
    while not (tmp_path / "runs.begun").exists():
        assert process.poll() is None
        time.sleep(0.01)
    assert len(list(folder.glob(".*.claim"))) == 3
    process.kill()
    process.wait()
    while any(map(processes.taken, folder.glob(".*.claim"))):  # its worker ends soon after it
        time.sleep(0.01)
    assert not list(folder.glob("*.json"))
    fn = Calls()
    sweep_groups(fn, GROUPS[:1], folder)
    assert fn.calls == [[0, 1, 2]] and names(folder) == [0, 1, 2]


def test_an_interrupt_takes_back_all_claims(tmp_path):
    def fn(configs):
        assert len(list(tmp_path.glob(".*.claim"))) == 3
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sweep_groups(fn, GROUPS, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("changes, name", [
    ({"fn": 3}, "fn"), ({"fn": lambda: []}, "fn"), ({"groups": 3}, "groups"), ({"groups": [3]}, "groups"),
    ({"groups": [[3]]}, "config"), ({"groups": [[{"i": {1}}]]}, "i"), ({"executor": 3}, "executor"),
    ({"progress": 3}, "progress"),
])  # fmt: skip
def test_arguments_are_checked(tmp_path, changes, name):
    call = {"fn": make, "groups": GROUPS, "out_dir": tmp_path / "runs"} | changes
    with pytest.raises((TypeError, ValueError), match=f"`{name}` must be"):
        sweep_groups(**call)
    assert not (tmp_path / "runs").exists()
