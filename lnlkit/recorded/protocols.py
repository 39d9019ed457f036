"""Which runs compare: those of one protocol, the settings that they share; and what these settings are in words."""

import re
from dataclasses import dataclass, replace

import pandas as pd

from lnlkit import papers, tasks
from lnlkit.papers.study import row_as_run
from lnlkit.recorded import Recorded
from lnlkit.sweep import key
from lnlkit.tasks.configurations import protocol
from lnlkit.tasks.running import Metric

NOT_SAID = {"dataset", "n", "n_train", "n_test", "val_fraction", "network", "epochs", "batch_size", "optimizer",
            "dataset_file", "hparams", "method"}  # fmt: skip
"""Settings that `words` says in a way of its own, or that are no settings of all runs."""


@dataclass(frozen=True, eq=False)
class Part:
    """Runs of one protocol: what may stand in one table.

    runs: tidy, one row a run. metrics: {column: `Metric`}, those that the runs have. of: the settings, as far as they
    were recorded. schedule: its name where the runs check a paper's choices, else "".
    """

    dataset: str
    runs: pd.DataFrame
    metrics: dict[str, Metric]
    of: dict
    schedule: str = ""

    @property
    def settings(self) -> str:
        """The protocol in words."""
        return words(self.of)

    @property
    def columns(self) -> list[str]:
        """The columns of a table: the noise rate, and size or lambda where these differ."""
        more = [name for name in ("size", "lambda_mi") if name in self.runs]
        return ["noise_rate", *(name for name in more if self.runs[name].nunique(dropna=False) > 1)]

    @property
    def main(self) -> pd.DataFrame:
        """The runs on all of the data with the method's own lambda: those that figures and ranks are of."""
        runs = self.runs
        if "size" in self.columns:
            runs = runs[runs["size"] == runs["size"].max()]
        if "lambda_mi" in self.columns and runs["lambda_mi"].isna().any():
            runs = runs[runs["lambda_mi"].isna()]
        return runs


def named(found: list[dict], rows: list[dict]) -> tuple[list[dict], dict[str, dict]]:
    """The rows of some records, each with the name of its `protocol`, and {name: settings and sizes}."""
    marked, settings = [], {}
    for record, row in zip(found, rows, strict=True):
        of = protocol(record["config"])
        name = key(of)
        settings.setdefault(name, of | {"n": record["n"]})
        marked.append(row | {"protocol": name})
    return marked, settings


def named_later(raw: dict, configs: dict[str, dict]) -> dict:
    """A table that was written before its runs had names of protocols, with these; configs: {run: configuration}."""
    made, changed = raw["made"], {}
    settings = dict(made.get("protocols", {}))
    for part in {part for task in tasks.TASKS.values() for part in task.PARTS} & set(raw):
        changed[part] = []
        for run in raw[part]:
            if "protocol" not in run and run["key"] in configs:
                of = protocol(configs[run["key"]])
                n = made.get("datasets", {}).get(run["dataset"], {}).get("n")
                settings.setdefault(key(of), of | ({"n": n} if n else {}))
                run = run | {"protocol": key(of)}
            changed[part].append(run)
    return raw | changed | {"made": made | {"protocols": settings}}


def parts(table: Recorded) -> list[Part]:
    """The runs of a table by protocol, the main ones first."""
    found = []
    for runs in (table.runs, table.checks):
        by = [runs[name].fillna("") for name in ("task", "dataset", "protocol", "schedule") if name in runs]
        for (task, dataset, *which), part in runs.groupby(by, sort=False) if len(runs) else ():
            name = which[0] if "protocol" in runs else ""
            schedule = which[-1] if "schedule" in runs else ""
            metrics = {column: metric for column, metric in tasks.TASKS[task].METRICS.items() if column in part}
            if metrics:
                settings = _settings(table.made, task, dataset, name, schedule)
                found.append(Part(dataset, part.reset_index(drop=True), metrics, settings, schedule))
    return found


def headings(of: list[Part]) -> list[str]:
    """What each part is called: its data set, with its schedule, or with what differs from others on that data set."""
    names = []
    for part in of:
        alike = [other for other in of if (other.dataset, other.schedule) == (part.dataset, part.schedule)]
        differ = [name for name in part.of if name != "n" and any(other.of.get(name) != part.of[name]
                                                                  for other in alike)]  # fmt: skip
        said = [f"{name.replace('_', ' ')} {_value(part.of[name])}".strip() for name in differ]
        said = said or ([f"settings {alike.index(part) + 1}"] if len(alike) > 1 else [])
        names.append(", ".join(filter(None, [part.dataset, part.schedule, *said])))
    return names


def _settings(made: dict, task: str, dataset: str, name: str, schedule: str) -> dict:
    """What a table says of a protocol; tables of before `protocols` say it by data set and schedule."""
    if name:
        return made.get("protocols", {}).get(name, {})
    own = made.get(task, made)  # the oldest kind of label has no table of its own
    if schedule:
        of = own.get("schedules", {}).get(schedule, {})
        return of.get(dataset, of)
    return own.get("datasets", {}).get(dataset) or ({} if "datasets" in own or own is made else own)


def words(of: dict) -> str:
    """The settings of a protocol in a sentence, as far as they are known."""
    n, said = of.get("n") or {"train": of.get("n_train")}, []
    sizes = [f"{n[name]:,} {text}" for name, text in (("train", "training examples"), ("noisy_val", "for noisy "
             "validation"), ("test", "for the test")) if n.get(name)]  # fmt: skip
    said += [", ".join(sizes)] if sizes else []
    recipe = [_singular(text.format(of[name])) for name, text in (("network", "network {}"), ("epochs", "{} epochs"),
              ("batch_size", "batches of {}")) if of.get(name) is not None]  # fmt: skip
    if isinstance(of.get("optimizer"), dict):
        given = ", ".join(f"{name} {value}" for name, value in of["optimizer"].items() if name != "name")
        recipe.append(f"{of['optimizer'].get('name')}" + (f" ({given})" if given else ""))
    recipe += [f"{name.replace('_', ' ')} {_value(value)}".strip() for name, value in of.items()
               if name not in NOT_SAID and value]  # fmt: skip
    said += [", ".join(recipe)] if recipe else []
    return f"{'; '.join(said)}." if said else "Their settings were not recorded."


def _singular(text: str) -> str:
    return "1 epoch" if text == "1 epochs" else text


def _value(value) -> str:
    return "" if value is True else re.sub(r"[{}'\"]", "", str(value))


# ---- rows ----------------------------------------------------------------------------------------------------------


def rows_of(table: Recorded) -> dict[str, papers.Row]:
    """The rows of a table's runs: those of its paper, and what the table itself says of others.

    Where two have one label, as a.py:Mine and b.py:Mine, those that are not the paper's have their id beside it.
    """
    known = papers.load(table.notebook).rows if table.notebook in (*papers.KEYS, *papers.STUDIES) else {}
    there = dict.fromkeys([*table.runs["row"], *table.checks.get("row", ())])
    about = table.made.get("methods") or _methods_before(table.made)
    order = [row for row in known if row in there] + sorted(set(there) - set(known), key=lambda row: (row != "ce", row))
    rows = {row: known[row] if row in known else _own(row, about.get(row, {}), place)
            for place, row in enumerate(order)}  # fmt: skip
    labels = [row.label for row in rows.values()]
    twice = {name for name, row in rows.items() if name not in known and labels.count(row.label) > 1}
    return {name: replace(row, label=f"{row.label} ({name})") if name in twice else row for name, row in rows.items()}


def _methods_before(made: dict) -> dict:
    """{row: what is known of its method}, from tables of before `methods`."""
    found = dict(made.get("rows", {}))
    for of in made.values():
        found |= of.get("rows", {}) if isinstance(of, dict) and isinstance(of.get("rows"), dict) else {}
    return found


def _own(row: str, about: dict, place: int) -> papers.Row:
    """A row of one's own: its label is the study's or a paper's for its method, its needs are those in its records."""
    method = about.get("method", row)
    needs = about.get("needs")
    if needs is None:
        from lnlkit.methods import METHODS

        needs = METHODS[method].needs if method in METHODS else ("it is not known what",)
    needs = (*needs, *(["clean labels"] if about.get("oracle") else []))
    known = papers.rows_by_method() | papers.rows_of_studies()
    return row_as_run(row, method, place, known, needs, about.get("label"))
