"""What a run of any task does: make the data, train, measure, and write down where and how long."""

import contextlib
import os
import threading
import time
from dataclasses import dataclass
from typing import Any

from lnlkit import checks, records


@dataclass(frozen=True, eq=False)
class Splits:
    """The data of a run: noisy training set, noisy validation set (None without), clean test set.

    scale: the size of one unit of the targets in the test's own unit (1 unless targets were standardised).
    """

    train: Any
    noisy_val: Any
    test: Any
    scale: float = 1.0

    def sizes(self) -> dict[str, int]:
        """Number of examples of each part that there is."""
        parts = {"train": self.train, "noisy_val": self.noisy_val, "test": self.test}
        return {name: len(part) for name, part in parts.items() if part is not None}


@dataclass(frozen=True, eq=False)
class Trained:
    """A trained method, the data it was trained and tracked on, and what `fit` measured after each epoch."""

    method: Any
    splits: Splits
    history: list[dict]


_ALONE = threading.RLock()


@contextlib.contextmanager
def one_thread():
    """Computes with one thread, whatever the machine has: sums of two threads differ from those of one.

    One block at a time: the number of threads and torch's generator are the whole process's.
    """
    with _ALONE, _one_thread():
        yield


@contextlib.contextmanager
def _one_thread():
    import torch
    from threadpoolctl import threadpool_limits

    threads, told = torch.get_num_threads(), os.environ.get("OMP_NUM_THREADS")
    torch.set_num_threads(1)
    os.environ["OMP_NUM_THREADS"] = "1"  # for libraries that are imported on the way
    try:
        with threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(threads)
        os.environ.pop("OMP_NUM_THREADS") if told is None else os.environ.update(OMP_NUM_THREADS=told)


@one_thread()
def train(task, config: dict, device: str = "cpu", progress=None) -> Trained:
    """A configuration of a task, trained with one thread.

    Rows marked as oracle are shown the clean labels first: knowledge that no method has.
    """
    from lnlkit import methods
    from lnlkit.training import fit, pick_device

    device = pick_device(device)
    method = methods.make(config["method"], **checks.instance(config["hparams"], "hparams", dict))
    splits = task.splits(config, device)
    if config.get("oracle"):
        method.consult_oracle(splits.train.clean(), seed=config["seed"], device=device)
    recipe = task.recipe(config, splits.train, device)
    history = fit(method, splits.train, recipe, seed=config["seed"], after_epoch=task.tracker(splits),
                  progress=progress)  # fmt: skip
    return Trained(method, splits, history)


@one_thread()
def record(task, config: dict, device: str = "cpu") -> dict:
    """The record of one run: what all tasks write down, and what `task.measure` adds or replaces."""
    from lnlkit import methods
    from lnlkit.training import pick_device

    began, device = time.perf_counter(), pick_device(device)
    trained = train(task, config, device)
    return {
        "schema": records.SCHEMA, "config": config, "hparams": methods.hyperparameters(trained.method),
        "n": trained.splits.sizes(), "history": trained.history, **task.measure(trained, config),
        "environment": records.environment(), "device": device,
        "seconds": round(time.perf_counter() - began, 2), "peak_memory_mb": records.peak_memory_mb(),
    }  # fmt: skip


def rounded(value, digits: int = 4):
    """The same structure with floats to so many decimals."""
    if isinstance(value, dict):
        return {name: rounded(item, digits) for name, item in value.items()}
    if isinstance(value, list):
        return [rounded(item, digits) for item in value]
    return round(value, digits) if isinstance(value, float) else value


def distinct(items) -> list:
    """The items without repetitions, first come first; they need no hash."""
    kept = []
    for item in items:
        if item not in kept:
            kept.append(item)
    return kept
