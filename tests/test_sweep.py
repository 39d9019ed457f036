"""The engine: one record a run, killed sweeps and workers, nothing run twice."""

import os
import signal
import subprocess
import sys
import time

import pytest

from lnlkit import records, sweep


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


def test_an_error_in_a_run_is_raised_and_leaves_no_file(tmp_path):
    def fail(config):
        raise RuntimeError("no luck")

    with pytest.raises(RuntimeError, match="no luck"):
        sweep.sweep(fail, [{"i": 0}], tmp_path)
    assert list(tmp_path.iterdir()) == []


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
    with pytest.raises(RuntimeError, match="2 runs broke their worker 3 times"):
        sweep.sweep(die_if_told, configs, tmp_path, executor=sweep.local_pool(1))
    assert sorted(records.read(path)["i"] for path in tmp_path.glob("*.json")) == [1, 3]  # the others are not lost


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
