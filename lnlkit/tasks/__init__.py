"""Experiments by kind of label: from a paper's TOML to configurations, from a configuration to the record of its run.

A kind of label is one module here, in `TASKS` under the name that its configurations carry. Each module has

    grid(paper, scale)                  the configurations of a scale
    configuration(paper, scale, ...)    one of them: all that a run depends on, as JSON
    splits(config, device)              a `running.Splits`: training, validation and test data
    recipe(config, train, device)       the `training.Recipe` of a run on these training data
    tracker(splits)                     what `training.fit` measures after each epoch, or None
    measure(trained, config)            what is particular in the record of a run
    row(record, key)                    a record as one row of the recorded table
    METRICS                             {column of that row: `running.Metric`}, what reports show, the first one first
    PARTS, fold(found, ...), shared(found)   the parts of the recorded table, and what its runs have in common

and nothing above asks which kind it is.
"""

from lnlkit import checks
from lnlkit.papers import Paper
from lnlkit.tasks import classification, configurations, label_vectors, regression, running
from lnlkit.tasks.grouping import groups as groups

TASKS = {"classification": classification, "regression": regression, "multilabel": label_vectors}


def of(config: dict):
    """The module of a configuration's task; the oldest kind carries no name."""
    checks.instance(config, "config", dict)
    return TASKS[checks.one_of(config.get("task", "classification"), "task", TASKS)]


def grid(paper: Paper, scale: str) -> list[dict]:
    """The run configurations of a paper at a scale, task by task, most wanted first."""
    return [config for task in TASKS.values() for config in task.grid(paper, scale)]


def data_sets(paper: Paper, scale: str) -> list[str]:
    """The data sets that a paper's notebook reads at a scale: what it trains live, at `paper` its whole grid, too."""
    settings = configurations.settings(paper, scale)
    configs = grid(paper, scale) if scale == "paper" else []  # below, tables come recorded
    live = paper.live.get(scale) or [settings["dataset"]]
    return list(dict.fromkeys([*live, *(config["dataset"] for config in configs)]))


def train(config: dict, device: str = "cpu", progress=None) -> running.Trained:
    """A configuration's trained method, its data and its history."""
    return running.train(_whole(config), config, device, progress)


def record(config: dict, device: str = "cpu") -> dict:
    """The record of one training run: configuration, realised noise, history, summary, environment, cost."""
    return running.record(_whole(config), config, device)


def records_together(configs: list[dict], device: str = "cpu") -> list[dict]:
    """What `record` gives for each configuration, to rounding; `groups` of them train as one stacked network.

    Their `seconds` are a share of the group's. One run that fails fails all: then make them one by one.
    """
    configs, found = checks.sequence(configs, "configs"), {}
    tasks_of = {id(config): _whole(config) for config in configs}  # all of them, before any is trained
    for group in groups(configs):
        task = tasks_of[id(group[0])]
        made = running.records_together(task, group, device) if len(group) > 1 else [record(group[0], device)]
        found |= {id(config): of for config, of in zip(group, made, strict=True)}
    return [found[id(config)] for config in configs]


def _whole(config: dict):
    """The module of a configuration that names a method; the module itself checks the rest before it reads data."""
    task = of(config)
    configurations.complete(config, {*task.KEPT, "method", "hparams"})
    return task
