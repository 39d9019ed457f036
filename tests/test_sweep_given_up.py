"""Runs that an executor such as Dask's gives up, or goes on with when their sweep has ended."""

import threading
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor

import pytest

from lnlkit import processes, sweep


class LosingPool(ThreadPoolExecutor):
    """It gives up its first run, as Dask does when the workers of one run died too often."""

    def submit(self, run, fn, config, path, owner):
        if config["i"] == 0:
            processes.claim(sweep.claim_of(path), owner)
            raises = Future()
            raises.set_exception(LookupError("KilledWorker"))
            return raises
        return super().submit(run, fn, config, path, owner)


def test_a_run_that_its_executor_gives_up_stops_no_other(tmp_path):
    with pytest.raises(sweep.FailedRuns, match="(?s)1 of 3 runs failed.*LookupError: KilledWorker"):
        sweep.sweep(dict, [{"i": i} for i in range(3)], tmp_path, executor=LosingPool)
    assert [path.suffix for path in tmp_path.iterdir()] == [".json"] * 2


class KilledWorker(Exception):
    """As Dask's, which has the name of the task and of the last worker in it."""


@pytest.mark.parametrize("error, kind, said", [
    (KilledWorker("_run-1"), sweep.FailedRuns, "1 of 3 runs failed.*its workers died, one after another"),
    (CancelledError(), RuntimeError, "^the executor dropped its runs, .* those that are made are kept: start it anew"),
])  # fmt: skip
def test_what_dask_says_of_runs_that_it_gives_up_becomes_a_sentence(tmp_path, monkeypatch, error, kind, said):
    def submit(self, run, fn, config, *rest):
        if config["i"]:
            return ThreadPoolExecutor.submit(self, run, fn, config, *rest)
        gives_up = Future()
        gives_up.set_exception(error)
        return gives_up

    monkeypatch.setattr(LosingPool, "submit", submit)
    with pytest.raises(kind, match=f"(?s){said}"):
        sweep.sweep(dict, [{"i": i} for i in range(3)], tmp_path, executor=LosingPool)


class EndingPool(ThreadPoolExecutor):
    """It is shut down without the word that Python's own executors have for dropping what waits, as Dask's is."""

    ended = 0

    def shutdown(self, wait=True):
        EndingPool.ended += not wait
        super().shutdown(wait=wait, cancel_futures=True)


def test_a_run_that_an_ended_sweep_leaves_to_its_worker_is_not_begun_again(tmp_path):
    begun, go_on, ran = threading.Event(), threading.Event(), []

    def slow(config):
        ran.append(config["i"])
        if config["i"] == 1:
            begun.set()
            go_on.wait()
        return {}

    def interrupt(line):
        begun.wait()
        raise KeyboardInterrupt

    configs = [{"i": i} for i in range(3)]
    with pytest.raises(KeyboardInterrupt):
        sweep.sweep(slow, configs, tmp_path, lambda: EndingPool(1), interrupt)
    assert EndingPool.ended == 1 and sweep.claim_of(tmp_path / f"{sweep.key({'i': 1})}.json").exists()
    sweep.sweep(slow, configs, tmp_path, progress=lambda line: go_on.set() if line.startswith("waiting") else None)
    assert sorted(ran) == [0, 1, 2] and len(list(tmp_path.iterdir())) == 3
