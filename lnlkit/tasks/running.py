"""What a run of any task does: make the data, train, measure, and write down where and how long."""

import contextlib
import os
import threading
import time
from dataclasses import dataclass
from typing import Any, NamedTuple

from lnlkit import checks, records


class Metric(NamedTuple):
    """What a column of the recorded table measures: how it is called, its unit, what it is multiplied by, digits.

    lower: less is better.
    """

    says: str
    unit: str = "%"
    factor: float = 100.0
    digits: int = 1
    lower: bool = False


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
    """A configuration of a task, trained with one thread."""
    from lnlkit.training import fit

    method, splits, recipe = _prepared(task, config, device)
    history = fit(method, splits.train, recipe, seed=config["seed"], after_epoch=task.tracker(splits),
                  progress=progress)  # fmt: skip
    return Trained(method, splits, history)


@one_thread()
def train_together(task, configs: list[dict], device: str = "cpu") -> list[Trained]:
    """Configurations of a task that differ as `grouping.groups` says, trained as one stacked network."""
    from lnlkit.stacking import fit_together

    methods, splits, recipes = zip(*(_prepared(task, config, device) for config in configs), strict=True)
    histories = fit_together(methods, [of.train for of in splits], recipes[0], seeds=[c["seed"] for c in configs],
                             after_epoch=[task.tracker(of) for of in splits])  # fmt: skip
    return [Trained(*of) for of in zip(methods, splits, histories, strict=True)]


def _prepared(task, config: dict, device: str) -> tuple:
    """Method, data and recipe of a configuration.

    Rows marked as oracle are shown the clean labels first: knowledge that no method has.
    """
    from lnlkit import methods
    from lnlkit.training import pick_device

    device = pick_device(device)
    method = methods.make(config["method"], **checks.instance(config["hparams"], "hparams", dict))
    splits = task.splits(config, device)
    if config.get("oracle"):
        method.consult_oracle(splits.train.clean(), seed=config["seed"], device=device)
    return method, splits, task.recipe(config, splits.train, device)


@one_thread()
def record(task, config: dict, device: str = "cpu") -> dict:
    """The record of one run: what all tasks write down, and what `task.measure` adds or replaces."""
    return _records(task, [config], device, lambda task, configs, device: [train(task, configs[0], device)])[0]


@one_thread()
def records_together(task, configs: list[dict], device: str = "cpu") -> list[dict]:
    """The record of each run of a group, its times a share of the group's; one by one what can't be stacked."""
    from lnlkit.stacking import NotStackable

    try:
        return _records(task, configs, device, train_together)
    except NotStackable:
        return [record(task, config, device) for config in configs]


def _records(task, configs: list[dict], device: str, trained_by) -> list[dict]:
    from lnlkit import methods
    from lnlkit.training import pick_device

    began, worked, device = time.perf_counter(), time.process_time(), pick_device(device)
    found = [{
        "schema": records.SCHEMA, "config": config, "hparams": methods.hyperparameters(trained.method),
        "needs": list(trained.method.needs), "n": trained.splits.sizes(), "history": trained.history,
        **task.measure(trained, config),
        "environment": records.environment(), "device": device, "seconds": None, "cpu_seconds": None,
        "together": len(configs), "peak_memory_mb": records.peak_memory_mb(),
    } for config, trained in zip(configs, trained_by(task, configs, device), strict=True)]  # fmt: skip
    spent = {"seconds": time.perf_counter() - began, "cpu_seconds": time.process_time() - worked}
    share = {name: round(value / len(configs), 3 if name == "cpu_seconds" else 2) for name, value in spent.items()}
    return [record | share for record in found]


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
