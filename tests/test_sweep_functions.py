"""What users hand to a sweep: functions, configurations, executors and folders of every kind."""

import os
import pickle
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from refusals import check_refusal

from lnlkit import processes, records, sweep

ONE = [{"i": 0}]


def failure(fn, folder, **options) -> str:
    """The line that names the one run of `fn` that failed, without its hash."""
    with pytest.raises(sweep.FailedRuns) as caught:
        sweep.sweep(fn, ONE, folder, **options)
    head, line = str(caught.value).splitlines()
    assert head.startswith("1 of 1 runs failed")
    return line.partition("): ")[2]


async def coroutine(config):
    return {}


@pytest.mark.filterwarnings("ignore:coroutine")
@pytest.mark.parametrize("fn", [lambda config: None, lambda config: [1], lambda config: (1, {}), coroutine])
def test_what_is_no_record_is_named(tmp_path, fn):
    assert failure(fn, tmp_path).startswith("TypeError: `fn` must return the record of its run, a dict, but got ")


@pytest.mark.parametrize("config", [None, "ce", 3, [0], {"i": 1}])
def test_a_record_of_another_configuration_is_named(tmp_path, config):
    said = failure(lambda _: {"config": config}, tmp_path)
    assert said == f"ValueError: `fn` must return a record of {ONE[0]}, but it is of {config}."


@pytest.mark.parametrize("value", [{1}, np, pd.DataFrame({"a": [1]}), b"a"], ids=lambda value: type(value).__name__)
def test_a_record_that_json_has_no_words_for_is_named(tmp_path, value):
    assert failure(lambda _: {"a": value}, tmp_path).startswith("TypeError: `record` must hold what JSON has words for")


def raises(error):
    def fn(config):
        raise error
    return fn


class Odd(Exception):
    """It cannot be sent from a worker."""

    def __init__(self, one, two):
        super().__init__(one)
        self.file = threading.Lock()


@pytest.mark.parametrize("error, said", [
    (RuntimeError("CUDA error: out of memory\nCompile with `TORCH_USE_CUDA_DSA`.\n\n"),
     "RuntimeError: CUDA error: out of memory Compile with `TORCH_USE_CUDA_DSA`."),
    (ValueError(), "ValueError"), (ValueError("\n\n"), "ValueError:"), (MemoryError(), "MemoryError"),
    (SystemExit("usage: train.py [-h]"), "SystemExit: usage: train.py [-h]"), (SystemExit(0), "SystemExit: 0"),
    (Odd("a", "b"), "test_sweep_functions.Odd: a"), (ValueError("long " * 999), "ValueError: " + ("long " * 99)[:288]),
], ids=repr)  # fmt: skip
def test_whatever_a_run_raises_is_named_on_one_line(tmp_path, error, said):
    for executor in (None, partial(ThreadPoolExecutor, 1)):
        assert failure(raises(error), tmp_path, executor=executor) == said


def leaves(config):
    return sys.exit(0) if config["i"] == 1 else {}


def test_a_run_that_leaves_python_stops_no_other(tmp_path):
    for number, executor in enumerate([None, sweep.local_pool(1)]):
        with pytest.raises(sweep.FailedRuns, match=r"(?s)1 of 3 runs failed.*SystemExit: 0"):
            sweep.sweep(leaves, [{"i": i} for i in range(3)], tmp_path / str(number), executor)
        assert len(list((tmp_path / str(number)).iterdir())) == 2


def test_failed_runs_can_be_sent_between_processes():
    failed = sweep.FailedRuns({"abc": ({"i": 0}, "ValueError: no")}, 3)
    assert str(pickle.loads(pickle.dumps(failed))) == str(failed)


def test_a_function_may_change_its_configuration(tmp_path):
    configs = [{"i": i, "hparams": {"lr": 0.1}} for i in range(3)]

    def fn(config):
        seed = config.pop("i")
        config["hparams"]["lr"] = None
        return {"seed": seed}

    paths = sweep.sweep(fn, configs, tmp_path)
    assert [records.read(path)["config"] for path in paths] == configs
    assert [records.read(path)["seed"] for path in paths] == [0, 1, 2] and configs[0]["hparams"] == {"lr": 0.1}


def test_there_is_a_path_for_every_configuration_in_their_order(tmp_path):
    configs = [{"i": 0}, {"i": 1}, {"i": 0}, {"i": np.float32(0.5)}]
    ran = []
    paths = sweep.sweep(lambda config: ran.append(config) or {}, (config for config in configs), tmp_path)
    assert [path.stem for path in paths] == [sweep.key(config) for config in configs] and len(ran) == 3


def where_it_is(config):
    return {"folder": os.getcwd()}


def test_a_relative_folder_is_that_of_the_call_wherever_functions_and_workers_are(tmp_path, monkeypatch):
    here, pool = tmp_path / "here", sweep.local_pool(1)
    here.mkdir()
    sweep.sweep(where_it_is, ONE, tmp_path / "first", pool)  # its workers stay in the folder of then
    monkeypatch.chdir(here)
    (path,) = sweep.sweep(where_it_is, ONE, "warm", pool)
    sweep.sweep(lambda config: os.chdir(tmp_path) or {}, [{"i": i} for i in range(3)], "moving")
    assert path == here / "warm" / path.name and len(list((here / "moving").iterdir())) == 3
    assert records.read(path)["folder"] != str(here)


@pytest.mark.parametrize("configs, cure", [
    (pd.DataFrame({"i": [0, 1]}), ".to_dict('records')"), ([{"i": 0}, None], "but got None"), ([[("i", 0)]], "dicts"),
])  # fmt: skip
def test_configurations_that_are_no_dicts_are_refused(tmp_path, configs, cure):
    assert cure in check_refusal(lambda: sweep.sweep(dict, configs, tmp_path), "configs")


NO_EXECUTORS = {"an instance": ThreadPoolExecutor(1), "a number": 4, "without its jobs": sweep.local_pool,
                "returns none": lambda: None, "returns a list": list}  # fmt: skip


@pytest.mark.parametrize("what", NO_EXECUTORS)
def test_what_is_no_executor_is_refused_before_any_run(tmp_path, what):
    check_refusal(lambda: sweep.sweep(pytest.fail, ONE, tmp_path, NO_EXECUTORS[what]), "executor")


def test_an_executor_that_was_shut_down_is_named(tmp_path):
    with ThreadPoolExecutor(1) as pool:
        sweep.sweep(dict, ONE, tmp_path, lambda: pool)
    with pytest.raises(RuntimeError, match="`executor` must return an executor that takes runs.*after shutdown"):
        sweep.sweep(dict, [{"i": 1}], tmp_path, lambda: pool)


def test_a_function_that_cannot_be_sent_to_workers_is_refused(tmp_path):
    lock = threading.Lock()
    for fn, executor in ((lambda config: {}, partial(ProcessPoolExecutor, 1)),
                         (lambda config: {"locked": lock.locked()}, sweep.local_pool(1))):  # fmt: skip
        check_refusal(lambda fn=fn, executor=executor: sweep.sweep(fn, ONE, tmp_path, executor), "fn")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("executor", [None, partial(ThreadPoolExecutor, 1)])
def test_what_the_users_progress_raises_is_what_he_sees(tmp_path, executor):
    with pytest.raises(ValueError, match="^the widget is closed$"):
        sweep.sweep(dict, ONE, tmp_path, executor, raises(ValueError("the widget is closed")))


def test_files_of_the_users_stay(tmp_path):
    mine = [tmp_path / name for name in (".notes.tmp", ".a.b.tmp", ".lock.claim", f".{'0' * 16}.claim", "x.json")]
    for path in mine:
        path.write_text("mine")
        os.utime(path, (1, 1))
    sweep.sweep(dict, ONE, tmp_path)
    assert [path.read_text() for path in mine] == ["mine"] * 5


def test_a_folder_in_the_place_of_a_record_is_refused_before_any_run(tmp_path):
    (tmp_path / f"{sweep.key(ONE[0])}.json").mkdir()
    check_refusal(lambda: sweep.sweep(pytest.fail, ONE, tmp_path), "out_dir")


def test_a_record_that_an_editor_saved_is_whole(tmp_path):
    (path,) = sweep.sweep(dict, ONE, tmp_path)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))  # Notepad's mark, and its lines
    assert sweep.sweep(pytest.fail, ONE, tmp_path) == [path]


# ---- claims


@pytest.mark.parametrize("content", [b"", b"\0" * 40, b"\xff\xfe", b"12"])
def test_a_claim_that_a_crash_left_broken_holds_nobody_up(tmp_path, content):
    claim = Path(tmp_path, f".{sweep.key(ONE[0])}.json.claim")
    claim.write_bytes(content)
    assert processes.taken(claim)  # it may just be being written
    os.utime(claim, (time.time() - 60,) * 2)
    sweep.sweep(dict, ONE, tmp_path)
    assert not claim.exists()


def test_a_claim_of_another_machine_counts_while_it_is_kept_fresh(tmp_path, monkeypatch):
    """A container that is started again is another machine, and must not wait for what it was before."""
    claim = tmp_path / "a.claim"
    claim.write_text("1-1700000000-elsewhere.0")
    os.utime(claim, (time.time() - processes.STALE + 60,) * 2)
    assert processes.taken(claim)
    os.utime(claim, (time.time() - processes.STALE - 1,) * 2)
    assert not processes.taken(claim)
    monkeypatch.setattr(processes, "FRESH", 0.01)
    with processes.kept_fresh(claim):
        time.sleep(0.2)
    assert processes.taken(claim) and processes.STALE > 5 * 60
