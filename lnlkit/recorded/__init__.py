"""Recorded runs as tidy tables: what notebooks, explorers and pictures read, and what a person asks of them.

One row a run (`Recorded.runs`), or a run and epoch (`Recorded.epochs`): `runs.query("dataset == 'mnist'")`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources

import numpy as np
import pandas as pd

from lnlkit import records, tasks

RUN = ["task", "row", "dataset", "noise", "noise_rate", "seed"]
"""The columns that say which run a row is; `key`, the hash of its configuration, is its name."""


@dataclass(frozen=True, eq=False)
class Recorded:
    """The recorded runs of a notebook at a scale.

    runs: one row a run: RUN, `key`, and every number that its record holds; NaN where a run has no such number.
    epochs: one row a run and epoch: RUN, `key`, `epoch` (from 1) and what was measured after it.
    details: by `key`, what is no number: curves, matrices, coordinates.
    matrices: one row a noisy set, with its realised transition matrix `T` (K, K). embedding: a t-SNE map of the inputs,
    None without. made: how the table was made: command, settings by data set and row, machines.
    """

    notebook: str
    scale: str
    made: dict
    runs: pd.DataFrame
    epochs: pd.DataFrame
    details: dict[str, dict]
    matrices: pd.DataFrame
    embedding: dict | None


def load(notebook: str) -> Recorded:
    """The shipped runs of a notebook ("05_choicenet" or "05")."""
    return tidy(load_raw(notebook))


def load_raw(notebook: str) -> dict:
    """The shipped table of a notebook as it was written."""
    folder = resources.files(__name__)
    names = sorted(item.name for item in folder.iterdir() if item.name.endswith(".json"))
    found = [name for name in names if name == f"{notebook}.json" or name.startswith(f"{notebook}_")]
    if not found:
        raise FileNotFoundError(
            f"No recorded runs of `{notebook}` are shipped (there are: {', '.join(names) or 'none'}): "
            f"make them with `lnlkit sweep {notebook}`."
        )
    with resources.as_file(folder / found[0]) as path:
        return records.read(path)


def runs_of(raw: dict) -> list[tuple[str, dict]]:
    """(task, row) for every run of a table as it was written."""
    return [(name, row) for name, task in tasks.TASKS.items() for part in task.PARTS for row in raw.get(part, [])]


def tidy(raw: dict) -> Recorded:
    """A table as it was written, as tidy frames."""
    groups = {name for _, entry in runs_of(raw) for name in entry if isinstance(entry[name], dict)} - {"history"}
    found = [(task, _opened(entry, groups)) for task, entry in runs_of(raw)]
    no_number = {name for _, entry in found for name, value in entry.items() if isinstance(value, (dict, list))}
    runs, epochs, details = [], [], {}
    for task, entry in found:
        numbers = {name: np.nan if value is None else value for name, value in entry.items() if name not in no_number}
        run = {"task": task} | numbers
        rest = {name: entry[name] for name in entry if name in no_number}
        epochs += _by_epoch(run, rest.pop("history", None) or {})
        details[entry["key"]] = rest
        runs.append(run)
    return Recorded(
        raw["notebook"], raw["scale"], raw["made"], pd.DataFrame(runs), pd.DataFrame(epochs), details,
        pd.DataFrame(raw.get("matrices", [])), raw.get("embedding"))  # fmt: skip


def _opened(entry: dict, groups: set[str]) -> dict:
    """A run with the values of its groups, such as `quality` and `curves`, beside the others; a group may be None."""
    flat = {name: value for name, value in entry.items() if name not in groups}
    for name in entry:
        if name in groups:
            flat |= entry[name] or {}
    return flat


def _by_epoch(which: dict, history: dict) -> list[dict]:
    """A history {name: [value an epoch]} as one row an epoch."""
    names = {name: which[name] for name in (*RUN, "key")}
    values = zip(*history.values(), strict=True)
    return [names | {"epoch": epoch} | dict(zip(history, row, strict=True)) for epoch, row in enumerate(values, 1)]


# ---- questions -------------------------------------------------------------------------------------------------


def values(runs: pd.DataFrame, metric: str = "best_val", columns: str = "noise_rate", unit: float = 100) -> dict:
    """{(row, column): [value a seed]}, what `papers.compare` takes as ours; `unit` 100 turns shares into per cent."""
    groups = runs.groupby(["row", columns], sort=False)[metric]
    return {key: (unit * group).tolist() for key, group in groups}


def lead(runs: pd.DataFrame, row: str, others: Iterable[str], metric: str = "best_val", unit: float = 100) -> list:
    """How far a row is ahead of the best of some others, one value a seed, `unit` 100 for percentage points.

    runs: those of one setting (data set, noise and rate). Seeds in which any of these rows is missing are left out.
    """
    by_seed = runs.pivot(index="seed", columns="row", values=metric).reindex(columns=[row, *others]).dropna()
    return (unit * (by_seed[row] - by_seed[list(others)].max(axis=1))).tolist()
