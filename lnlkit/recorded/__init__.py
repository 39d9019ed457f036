"""Recorded runs as tidy tables: what notebooks, explorers and pictures read, and what a person asks of them.

One row a run (`Recorded.runs`), or a run and epoch (`Recorded.epochs`): `runs.query("dataset == 'mnist'")`.
"""

import functools
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import resources

import numpy as np
import pandas as pd

from lnlkit import checks, papers, records, tasks

RUN = ["task", "row", "dataset", "noise", "noise_rate", "seed"]
"""The columns that say which run a row is; `key`, the hash of its configuration, is its name."""

MAP = {"x", "y_clean", "noisy", "knn_agreement_clean"}  # of inputs in two dimensions, what it has at least


@dataclass(frozen=True, eq=False)
class Recorded:
    """The recorded runs of a notebook at a scale.

    runs: one row a run: RUN, `key`, and every number that its record holds; NaN where a run has no such number. Of what
    was measured after each epoch: the last value, as `last_train_acc`, and the best noisy-validation one.
    checks: the same for runs on a schedule of their own, which they name under `schedule`: they check our choices.
    epochs: one row a run and epoch: RUN, `key`, `epoch` (from 1) and what was measured after it.
    details: by `key`, what is no number: curves, matrices, coordinates.
    matrices: one row a noisy set, with its realised transition matrix `T` (K, K). embedding: a t-SNE map of the inputs,
    None without. made: how the table was made: command, settings by data set and row, machines.
    """

    notebook: str
    scale: str
    made: dict
    runs: pd.DataFrame
    checks: pd.DataFrame
    epochs: pd.DataFrame
    matrices: pd.DataFrame
    details: dict[str, dict]
    embedding: dict | None


def load(notebook: str) -> Recorded:
    """The shipped runs of a notebook ("05_choicenet", "05" or "choicenet")."""
    return tidy(load_raw(notebook))


def load_raw(notebook: str) -> dict:
    """The shipped table of a notebook as it was written."""
    checks.text(notebook, "notebook")
    folder = resources.files(__name__)
    files = [item.name for item in folder.iterdir() if item.name.endswith(".json")]
    names = sorted(name[:-5] for name in files if name[:2].isdigit())
    found = [name for name in names if notebook in (name, f"{name}.json", name[:2], name[3:])]
    if not found:
        raise FileNotFoundError(
            f"`notebook` must be one whose recorded runs are shipped (there are: {', '.join(names) or 'none'}), "
            f"but got {notebook!r}: make them with `lnlkit sweep {notebook}`."
        )
    with resources.as_file(folder / f"{found[0]}.json") as path:
        return records.read(path)


def runs_of(raw: dict) -> list[tuple[str, dict]]:
    """(task, row) for every run of a table as it was written."""
    return [(name, row) for name, task in tasks.TASKS.items() for part in task.PARTS for row in raw.get(part, [])]


def tidy(raw: dict) -> Recorded:
    """A table as it was written, as tidy frames, in which noise rates that print equal, as 0.1 * 3 and 0.3, are one."""
    entries = checked(raw)
    groups = {name for _, entry in entries for name in entry if isinstance(entry[name], dict)} - {"history"}
    found = [(task, _opened(entry, groups)) for task, entry in entries]
    no_number = {name for _, entry in found for name, value in entry.items() if isinstance(value, (dict, list))}
    runs, others, epochs, details = [], [], [], {}
    for task, entry in found:
        numbers = {name: np.nan if value is None else value for name, value in entry.items() if name not in no_number}
        run = {"task": task} | numbers
        rest = {name: entry[name] for name in entry if name in no_number}
        history, is_check = rest.pop("history", None) or {}, isinstance(run.get("schedule"), str)
        epochs += [] if is_check else [(run, history)]
        details[entry["key"]] = rest
        run |= {f"last_{name}": values[-1] for name, values in history.items() if values}
        run |= {f"best_{name}": max(history[name]) for name in ("val_acc", "val_map") if history.get(name)}
        (others if is_check else runs).append(run)
    embedding = raw.get("embedding")
    if embedding:
        noisy = [entry | {"noise_rate": same_rate(entry["noise_rate"])} for entry in embedding["noisy"]]
        embedding = embedding | {"noisy": noisy}
    main = [{name: run[name] for name in run if name != "schedule"} for run in runs]
    frames = (same_rates(pd.DataFrame(rows, columns=None if rows else [*RUN, "key"]))
              for rows in (main, others, _by_epoch(epochs), raw.get("matrices", [])))  # fmt: skip
    return Recorded(raw["notebook"], raw["scale"], raw["made"], *frames, details=details, embedding=embedding)


def checked(raw: dict) -> list[tuple[str, dict]]:
    """The runs of a table as it was written, each of them whole and there once."""
    if not isinstance(raw, dict):
        raise TypeError(f"`raw` must be a table as `load_raw` returns it, but got {type(raw).__name__}.")
    if missing := [name for name in ("notebook", "scale", "made") if name not in raw]:
        raise ValueError(f"`raw` must be a recorded table, but has no {', '.join(map(repr, missing))}.")
    if not isinstance(raw["made"], dict) or not isinstance(raw["notebook"], str):
        raise TypeError("`raw` must say under 'notebook' what it is of, and under 'made', a dict, how it was made.")
    drawn = raw.get("embedding")
    whole = isinstance(drawn, dict) and MAP <= set(drawn) and isinstance(drawn["noisy"], list)
    if drawn is not None and not (whole and all(isinstance(of, dict) and "noise_rate" in of for of in drawn["noisy"])):
        raise ValueError(f"`raw` must hold a whole map under 'embedding', or None, but got {checks.brief(drawn)}.")
    parts = {part: raw.get(part, []) for task in tasks.TASKS.values() for part in task.PARTS}
    parts["matrices"] = raw.get("matrices", [])
    for part, rows in parts.items():
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise TypeError(f"`raw` must hold a list of dicts under {part!r}, but got {checks.brief(rows)}.")
    seen = set()
    for _, entry in (found := runs_of(raw)):
        if missing := [name for name in (*RUN[1:], "key") if name not in entry]:
            raise ValueError(f"`raw` must hold whole runs, but one has no {', '.join(map(repr, missing))}.")
        checks.fraction(entry["noise_rate"], "noise_rate", below_one=False)
        history = entry.get("history") or {}
        lists = isinstance(history, dict) and all(isinstance(values, list) for values in history.values())
        if not lists or len({len(values) for values in history.values()}) > 1:
            raise ValueError(f"`raw` must hold one value an epoch, but the history of run {entry['key']} does not.")
        if entry["key"] in seen:
            raise ValueError(f"`raw` must hold every run once, but {entry['key']} is there twice.")
        seen.add(entry["key"])
    return found


def _opened(entry: dict, groups: set[str]) -> dict:
    """A run with the values of its groups, such as `quality` and `curves`, beside the others; a group may be None."""
    flat = {name: value for name, value in entry.items() if name not in groups}
    for name in entry:
        if name in groups:
            flat |= entry[name] or {}
    return flat


def _by_epoch(of: list[tuple[dict, dict]]) -> dict[str, list]:
    """Runs with their histories {name: [value an epoch]} as columns with one row an epoch; {} without an epoch.

    A row as a dict of its own would take ten times the memory.
    """
    lengths = [len(next(iter(history.values()), [])) for _, history in of]
    columns = {name: [run[name] for (run, _), n in zip(of, lengths, strict=True) for _ in range(n)]
               for name in (*RUN, "key")}  # fmt: skip
    columns["epoch"] = [epoch for n in lengths for epoch in range(1, n + 1)]
    for name in dict.fromkeys(name for _, history in of for name in history):
        columns[name] = [value for (_, history), n in zip(of, lengths, strict=True)
                         for value in history.get(name, [np.nan] * n)]  # fmt: skip
    return columns if columns["epoch"] else {}


# ---- rates and columns ------------------------------------------------------------------------------------------


def same_rate(rate: float) -> float:
    """The rate to the six decimals that count: 0.30000000000000004 is 0.3."""
    return round(rate, 6)


def same_rates(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame, in which noise rates that print equal are equal."""
    if "noise_rate" not in frame or frame["noise_rate"].dtype.kind != "f":
        return frame
    rates = frame["noise_rate"].round(6)
    return frame if rates.equals(frame["noise_rate"]) else frame.assign(noise_rate=rates)


def frame(table, name: str, *columns: str, value: str | None = None, empty: bool = False) -> pd.DataFrame:
    """The table with `same_rates`: a DataFrame of at least one row that has these columns, and numbers in `value`.

    empty: it may be without rows.
    """
    if not isinstance(table, pd.DataFrame):
        raise TypeError(f"`{name}` must be a pandas DataFrame, but got {type(table).__name__}.")
    there = list(table.columns)
    for column in (*columns, value) if value is not None else columns:
        if column not in there:
            near = get_close_matches(str(column), map(str, there), n=1)
            cure = f" Did you mean {near[0]!r}?" if near else f" It has {', '.join(map(str, there[:9])) or 'none'} ..."
            raise ValueError(f"`{name}` must have a column {column!r}, but has none.{cure}")
    if table.empty and not empty:
        raise ValueError(f"`{name}` must have at least one row, but is empty.")
    if len(table) and value is not None and not (table[value].dtype.kind in "fiub" and table[value].notna().any()):
        first = checks.brief(table[value].iloc[0])
        raise TypeError(f"`{name}` must have numbers in the column {value!r}, but got {first}.")
    return same_rates(table)


@functools.cache
def _published_rows() -> frozenset[str]:
    """The rows of all papers: what one may ask for though it was not run."""
    return frozenset(row for key in papers.KEYS for row in papers.load(key).rows)


# ---- questions -------------------------------------------------------------------------------------------------


def values(runs: pd.DataFrame, metric: str = "best_val", columns: str = "noise_rate", unit: float = 100) -> dict:
    """{(row, column): [value a seed]}, what `papers.compare` takes as ours; `unit` 100 turns shares into per cent."""
    runs, unit = frame(runs, "runs", "row", columns, value=metric, empty=True), checks.positive(unit, "unit")
    groups = runs.groupby(["row", columns], sort=False)[metric]
    return {key: (unit * group).tolist() for key, group in groups}


def lead(runs: pd.DataFrame, row: str, others: Iterable[str], metric: str = "best_val", unit: float = 100) -> list:
    """How far a row is ahead of the best of some others, one value a seed, `unit` 100 for percentage points.

    runs: those of one setting (data set, noise and rate). Seeds in which any of these rows was not run are left out;
    a run without the number, such as one that diverged, makes it NaN.
    """
    runs, unit = frame(runs, "runs", "row", "seed", value=metric, empty=True), checks.positive(unit, "unit")
    there, others = list(runs["row"].unique()), checks.sequence(others, "others")
    for name, asked in [("row", row), *(("others", other) for other in others)]:
        if not isinstance(asked, str) or asked not in _published_rows():
            checks.one_of(asked, name, there)
    if row in others:
        raise ValueError(f"`others` must be other rows than {row!r}, but it is among them.")
    wanted = runs[runs["row"].isin([row, *others])]
    if wanted.duplicated(["seed", "row"]).any():
        raise ValueError("`runs` must be of one setting (data set, noise and rate), but a row has a seed twice.")
    by_seed = wanted.pivot(index="seed", columns="row", values=metric).reindex(columns=[row, *others])
    whole = wanted.groupby("seed")["row"].nunique() == len({row, *others})
    by_seed = by_seed[whole.reindex(by_seed.index, fill_value=False)]
    return (unit * (by_seed[row] - by_seed[others].max(axis=1, skipna=False))).tolist()


def costs() -> dict:
    """What training with each method costs beside cross-entropy, as `benchmarks/methods_cost.py` measured it."""
    with resources.as_file(resources.files(__name__) / "costs" / "digits.json") as path:
        return records.read(path)
