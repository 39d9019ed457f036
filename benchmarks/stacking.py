"""Many small runs at once against one after another, in one run: processor time, and whether the records agree.

    python benchmarks/stacking.py

8 noise rates x 3 seeds of cross-entropy on digits, 20 epochs, one thread. *Records*: everything from the configuration
to the record, with accuracies after each epoch. *Training*: `fit_together` against `fit` alone. Both take turns, so
that a machine that slows down slows both; the median of their turns counts. What a stack saves is all that a step costs
beside its products of matrices: the smaller the batch, the more. *Products* is what these alone would allow: training
against nothing but the three products of each layer, which no way of stacking can go below.
"""

import statistics
import time

import torch

from lnlkit import methods, stacking, tasks
from lnlkit.run.report import grid
from lnlkit.tasks import classification, grouping, running
from lnlkit.training import fit

RATES, SEEDS, TURNS = [rate / 10 for rate in range(8)], (0, 1, 2), 3
CONFIG = {"row": "ce", "noise": "symmetric", "dataset": "digits", "n_train": None, "val_fraction": 0.1, "method": "ce",
          "hparams": {}, "augment": None, "oracle": False, "network": "mlp", "epochs": 20, "generator": {},
          "optimizer": {"name": "sgd", "lr": 0.05, "momentum": 0.9}, "amp": False}  # fmt: skip
HEADS = ["batch", "runs in a stack", "records: one by one, s", "together, s", "times", "training: times",
         "products allow", "largest difference"]  # fmt: skip


def seconds(run) -> tuple:
    """Processor time of a call, and what it returns."""
    began = time.process_time()
    found = run()
    return time.process_time() - began, found


def together(configs: list[dict], at_once: int) -> list[dict]:
    """The records of all runs, in stacks of so many."""
    parts = tasks.groups(configs, at_once)
    return [record for part in parts for record in running.records_together(classification, part)]


class Training:
    """The training alone of some runs, whose data are there."""

    def __init__(self, configs: list[dict]):
        self.seeds = [config["seed"] for config in configs]
        self.sets = [classification.splits(config).train for config in configs]
        self.recipe = classification.recipe(configs[0], self.sets[0])

    def alone(self) -> None:
        for data, seed in zip(self.sets, self.seeds, strict=True):
            fit(methods.make("ce"), data, self.recipe, seed=seed)

    def together(self, at_once: int) -> None:
        for start in range(0, len(self.sets), at_once):
            part = slice(start, start + at_once)
            sets = self.sets[part]
            stacking.fit_together([methods.make("ce") for _ in sets], sets, self.recipe, seeds=self.seeds[part])

    def products(self) -> None:
        """The products of all steps: of each layer its outputs, the gradient of its weights, that of its inputs."""
        n, layers = self.recipe.batch_size, [layer for layer in self.recipe.network(10).modules()
                                             if isinstance(layer, torch.nn.Linear)]  # fmt: skip
        of = [(torch.rand(n, l.in_features), l.weight.detach(), torch.rand(n, l.out_features)) for l in layers]  # noqa: E741
        for _ in range(len(self.sets) * self.recipe.epochs * -(-len(self.sets[0]) // n)):
            for i, (x, weight, g) in enumerate(of):
                x @ weight.T, g.T @ x, i and g @ weight


def difference(found: list[dict], wanted: list[dict]) -> float:
    """The largest difference between any two numbers of their histories."""
    return max(abs(row[name] - its[name]) for a, b in zip(found, wanted, strict=True)
               for row, its in zip(a["history"], b["history"], strict=True) for name in its)  # fmt: skip


def line(batch_size: int, at_once: int) -> list[str]:
    configs = [CONFIG | {"batch_size": batch_size, "noise_rate": rate, "seed": seed}
               for seed in SEEDS for rate in RATES]  # fmt: skip
    training, turns = Training(configs), []
    for _ in range(TURNS):
        one, wanted = seconds(lambda: [tasks.record(config) for config in configs])
        stacked, found = seconds(lambda: together(configs, at_once))
        found = sorted(found, key=lambda record: configs.index(record["config"]))
        alone, fitted = seconds(training.alone)[0], seconds(lambda: training.together(at_once))[0]
        turns.append((one, stacked, one / stacked, alone / fitted, alone / seconds(training.products)[0]))
    one, stacked, times, trained, allowed = (statistics.median(column) for column in zip(*turns, strict=True))
    return [str(batch_size), str(at_once), f"{one:.1f}", f"{stacked:.1f}", f"{times:.2f}", f"{trained:.2f}",
            f"{allowed:.2f}", f"{difference(found, wanted):.0e}"]  # fmt: skip


def main() -> None:
    torch.set_num_threads(1)
    tasks.record(CONFIG | {"batch_size": 128, "noise_rate": 0.0, "seed": 0, "epochs": 1})
    lines = [line(batch_size, grouping.AT_ONCE) for batch_size in (128, 32)]
    print("\n".join(grid([HEADS, *lines])))


if __name__ == "__main__":
    main()
