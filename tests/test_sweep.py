"""The engine: one record a run, killed sweeps and workers, nothing run twice."""

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import BrokenExecutor, ThreadPoolExecutor

import numpy as np
import psutil
import pytest

from lnlkit import processes, records, sweep


def test_the_name_does_not_depend_on_the_order_of_keys():
    config = {"row": "ce", "noise_rate": 0.1, "seed": 0}
    assert sweep.key(dict(reversed(config.items()))) == sweep.key(config)
    assert sweep.key(config | {"seed": 1}) != sweep.key(config)


def test_finished_runs_are_not_run_again(tmp_path):
    configs = [{"i": i} for i in range(4)]
    ran = []

    def run(config):
        ran.append(config["i"])
        return {"i": config["i"]}

    sweep.sweep(run, configs[:2], tmp_path)
    paths = sweep.sweep(run, configs, tmp_path)
    assert ran == [0, 1, 2, 3]
    assert [records.read(path)["i"] for path in paths] == [0, 1, 2, 3]


def test_numbers_that_print_equal_name_one_run():
    a = {"noise_rate": 0.3, "seed": 1, "n": [1, 2]}
    b = {"noise_rate": 0.1 * 3, "seed": np.int64(1), "n": np.arange(1, 3)}
    assert a != b and sweep.key(a) == sweep.key(b)
    assert sweep.key({"lr": 1e-7}) != sweep.key({"lr": 2e-7})


def fail_if_told(config):
    if config["i"] in config["fails"]:
        raise FloatingPointError(f"the loss became nan in run {config['i']}.")
    return {"i": config["i"]}


@pytest.mark.parametrize("jobs", [None, 2])
def test_a_run_that_fails_is_named_and_stops_no_other(tmp_path, jobs):
    same = {"row": "ce", "noise": "symmetric", "noise_rate": 0.2, "fails": [1, 3]}
    configs = [{**same, "seed": i, "i": i} for i in range(5)]
    said = []
    for tried in (5, 2):  # a second call tries the failed ones again, and only them
        said.clear()
        with pytest.raises(sweep.FailedRuns) as caught:
            sweep.sweep(fail_if_told, configs, tmp_path, jobs and sweep.local_pool(jobs), said.append)
        assert len(said) == tried
        assert sum("seed 1: failed: FloatingPointError: the loss became nan in run 1." in line for line in said) == 1
    first, second, third = str(caught.value).splitlines()
    assert first == "2 of 5 runs failed. A second call tries them again, and only them:"
    assert second.split("(") [0] == "  ce symmetric 0.2 seed 1 " and sweep.key(configs[1]) in second
    assert third.endswith("FloatingPointError: the loss became nan in run 3.")
    assert "in fail_if_told" in caught.value.failures[sweep.key(configs[1])][1]  # the whole traceback
    assert sorted(records.read(path)["i"] for path in tmp_path.glob("*.json")) == [0, 2, 4]
    assert len(list(tmp_path.iterdir())) == 3
    sweep.sweep(fail_if_told, [config | {"fails": []} for config in configs], tmp_path / "again")


def test_of_many_failed_runs_twenty_are_listed(tmp_path):
    with pytest.raises(RuntimeError) as caught:
        sweep.sweep(lambda config: 1 / 0, [{"i": i} for i in range(30)], tmp_path)
    lines = str(caught.value).splitlines()
    assert lines[0].startswith("30 of 30 runs failed") and len(lines) == 22 and lines[-1] == "  and 10 more"


def test_a_record_of_another_run_is_not_kept(tmp_path):
    with pytest.raises(RuntimeError, match="`fn` must return a record of {'i': 0}"):
        sweep.sweep(lambda config: {"config": {"i": 7}}, [{"i": 0}], tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_ends_the_sweep_at_once(tmp_path, monkeypatch):
    def full(path, record):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(records, "write", full)
    ran = []
    with pytest.raises(OSError, match="No space left"):
        sweep.sweep(lambda config: ran.append(config) or {}, [{"i": i} for i in range(9)], tmp_path)
    assert len(ran) == 1 and list(tmp_path.iterdir()) == []


NO_RECORDS = {"empty": "", "half": '{"schema": 1, "config": {"i"', "another run's": None, "foreign": '{"i": 0}',
              "old schema": '{"schema": 0, "config": {"i": 0}}', "no configuration": '{"schema": 1}',
              "no dict": '{"schema": 1, "config": [1]}'}  # fmt: skip


@pytest.mark.parametrize("what", NO_RECORDS)
def test_a_file_that_is_no_record_of_its_run_is_made_again(tmp_path, what):
    other = sweep.sweep(dict, [{"i": 1}], tmp_path)[0].read_text()
    path = tmp_path / f"{sweep.key({'i': 0})}.json"
    path.write_text(NO_RECORDS[what] if NO_RECORDS[what] is not None else other)
    said = []
    sweep.sweep(dict, [{"i": 0}], tmp_path, progress=said.append)
    assert sweep.whole_record(path)["config"] == {"i": 0}
    assert said[0] == f"{path} is no whole record of its run: it is made again" and len(said) == 2


def die_once(config):
    """Kills its worker at the first attempt."""
    marker = os.path.join(config["folder"], f"tried-{config['i']}")
    if config["i"] == 1 and not os.path.exists(marker):
        open(marker, "w").close()
        os.kill(os.getpid(), signal.SIGKILL)
    return {"i": config["i"]}


def die_if_told(config):
    if config["dies"]:
        os.kill(os.getpid(), signal.SIGKILL)
    return {"i": config["i"]}


def test_a_killed_worker_costs_a_second_attempt_only(tmp_path):
    configs = [{"i": i, "folder": str(tmp_path)} for i in range(3)]
    paths = sweep.sweep(die_once, configs, tmp_path / "runs", executor=sweep.local_pool(1))
    assert [records.read(path)["i"] for path in paths] == [0, 1, 2]


def test_a_configuration_that_always_kills_its_worker_is_given_up(tmp_path):
    configs = [{"i": i, "dies": i in (0, 2)} for i in range(4)]
    with pytest.raises(RuntimeError, match="2 of 4 runs failed") as caught:
        sweep.sweep(die_if_told, configs, tmp_path, executor=sweep.local_pool(1))
    assert str(caught.value).count("its worker died 2 times, with no other run beside it: too little memory?") == 2
    assert sorted(records.read(path)["i"] for path in tmp_path.glob("*.json")) == [1, 3]  # the others are not lost


def die_soon_or_take_long(config):
    time.sleep(0.2 if config["dies"] else 0.5)
    return die_if_told(config)


def test_an_innocent_run_beside_one_that_kills_its_worker_is_made(tmp_path):
    configs = [{"i": i, "dies": i == 0} for i in range(3)]
    with pytest.raises(RuntimeError, match="1 of 3 runs failed"):
        sweep.sweep(die_soon_or_take_long, configs, tmp_path, executor=sweep.local_pool(2))
    assert sorted(records.read(path)["i"] for path in tmp_path.glob("*.json")) == [1, 2]


def test_claims_of_an_earlier_call_put_no_run_under_suspicion(tmp_path):
    """Left by a sweep that was killed; with one worker that dies, runs that never began were given up for them."""
    configs = [{"i": i, "folder": str(tmp_path)} for i in range(3)]
    (tmp_path / "runs").mkdir()
    ended = processes.me().replace(str(os.getpid()), "999999999", 1)
    for config in configs:
        (tmp_path / "runs" / f".{sweep.key(config)}.json.claim").write_text(f"{ended}.0")
    (tmp_path / "runs" / ".0123456789abcdef.json.claim").write_text(f"{ended}.0")  # of a run that is not planned now
    sweep.sweep(die_once, configs, tmp_path / "runs", executor=sweep.local_pool(1))
    assert len(list((tmp_path / "runs").iterdir())) == 3


class DeadPool(ThreadPoolExecutor):
    """Its workers die before they begin."""

    def submit(self, *_):
        raise BrokenExecutor("a worker ended")


def test_workers_that_end_before_any_run_begins_are_not_tried_for_ever(tmp_path):
    with pytest.raises(RuntimeError, match=r"workers end before any run begins \(a worker ended\): too little memory"):
        sweep.sweep(dict, [{"i": i} for i in range(9)], tmp_path, executor=DeadPool)


def test_a_run_is_not_blamed_for_a_pool_in_which_it_did_not_begin(tmp_path):
    """It had begun in the first pool; the later ones break before they begin anything."""
    class Pool(DeadPool):
        first = True

        def submit(self, run, fn, config, path, owner):
            if Pool.first:
                Pool.first = False
                assert processes.claim(sweep.claim_of(path), owner)
            raise BrokenExecutor("a worker ended")

    with pytest.raises(RuntimeError, match="workers end before any run begins"):
        sweep.sweep(dict, [{"i": 0}], tmp_path, executor=Pool)


def sleep(config):
    time.sleep(config["seconds"])
    return {}


def test_an_interrupted_sweep_ends_its_workers_and_takes_back_its_claims(tmp_path):
    def interrupt(line):
        raise KeyboardInterrupt

    before = psutil.Process().children()
    with pytest.raises(KeyboardInterrupt):
        sweep.sweep(sleep, [{"seconds": 0.5}, {"seconds": 3600}], tmp_path, sweep.local_pool(2), interrupt)
    new = [child for child in psutil.Process().children() if child not in before]
    assert not [child for child in new if "resource_tracker" not in " ".join(child.cmdline())]
    assert [path.suffix for path in tmp_path.iterdir()] == [".json"]


def test_two_sweeps_into_one_folder_share_the_work(tmp_path):
    """Each run is made once, by one of them, and both return all records."""
    ran, configs, said = [], [{"i": i} for i in range(12)], []

    def run(config):
        time.sleep(0.05)
        ran.append(config["i"])
        return {}

    with ThreadPoolExecutor(2) as both:
        found = list(both.map(lambda _: sweep.sweep(run, configs, tmp_path, progress=said.append), range(2)))
    assert sorted(ran) == list(range(12)) and found[0] == found[1] and len(list(tmp_path.iterdir())) == 12


def test_a_run_that_fails_in_another_sweep_is_tried_here(tmp_path):
    begun, configs = threading.Event(), [{"i": 0}]

    def fails(config):
        begun.set()
        time.sleep(0.3)
        raise ValueError("no luck")

    with ThreadPoolExecutor(1) as other:
        failing = other.submit(sweep.sweep, fails, configs, tmp_path)
        begun.wait()
        said = []
        sweep.sweep(dict, configs, tmp_path, progress=said.append)
        assert isinstance(failing.exception(), sweep.FailedRuns)
        assert said[0].startswith("waiting for another sweep, which is at 1 of these runs: see ")


def test_a_sweep_killed_in_the_middle_resumes(tmp_path):
    script = (
        "import sys, time\nfrom lnlkit import sweep\n"
        "def run(config):\n    time.sleep(3600 * (config['i'] == 3))\n    return dict(config)\n"
        "sweep.sweep(run, [{'i': i} for i in range(20)], sys.argv[1])\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)])
    while len(list(tmp_path.glob("*.json"))) < 3:
        assert process.poll() is None
        time.sleep(0.01)
    process.kill()
    process.wait()
    done = list(tmp_path.glob("*.json"))
    assert len(done) == 3
    assert all("i" in records.read(path) for path in done)
    ran = []
    sweep.sweep(lambda config: ran.append(config) or config, [{"i": i} for i in range(20)], tmp_path)
    assert len(ran) == 17 and len(list(tmp_path.glob("*.json"))) == 20
