"""What all tasks share: one thread a run, and what is checked before data are read."""

import os
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from lnlkit.tasks import running


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def numbers_of_threads() -> list:
    import sklearn.cluster  # noqa: F401  its own OpenMP
    import threadpoolctl

    return [torch.get_num_threads(), *(pool["num_threads"] for pool in threadpoolctl.threadpool_info())]


def test_a_run_computes_with_one_thread_and_leaves_the_others_as_they_were(two_threads, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    before = numbers_of_threads()
    with pytest.raises(ZeroDivisionError), running.one_thread():
        assert set(numbers_of_threads()) == {1} and os.environ["OMP_NUM_THREADS"] == "1"
        raise ZeroDivisionError
    assert numbers_of_threads() == before and before[0] == 2 and "OMP_NUM_THREADS" not in os.environ


def test_runs_of_several_threads_are_made_one_after_another(two_threads, monkeypatch):
    """The number of threads, and torch's generator, are the whole process's: a sweep may be given a pool of threads."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    inside = []

    def run(_):
        with running.one_thread(), running.one_thread():
            inside.append(1)
            time.sleep(0.02)
            there = len(inside), torch.get_num_threads()
            inside.pop()
            return there

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(run, range(8))) == {(1, 1)}
    assert torch.get_num_threads() == 2 and "OMP_NUM_THREADS" not in os.environ


@pytest.mark.parametrize("made_by", [running.train, running.record])
def test_every_run_is_one_of_one_thread(two_threads, made_by):
    class Task:
        @staticmethod
        def splits(config, device):
            raise InterruptedError(torch.get_num_threads())

    with pytest.raises(InterruptedError, match="^1$"):
        made_by(Task, {"method": "ce", "hparams": {}})


@pytest.mark.parametrize(("config", "device", "sentence"), [
    ({"method": "ce"}, "tpu", "`device` must be"),
    ({"method": "cee"}, "cpu", "`method` must be"),
    ({"method": "gce", "hparams": {"q": "a"}}, "cpu", "`q` must be"),
])  # fmt: skip
def test_what_a_run_needs_is_checked_before_its_data_are_made(config, device, sentence):
    class Task:
        @staticmethod
        def splits(config, device):
            pytest.fail("data were made first")

    with pytest.raises((ValueError, TypeError), match=sentence):
        running.record(Task, {"hparams": {}} | config, device)
