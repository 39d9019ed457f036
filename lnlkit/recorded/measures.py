"""What a claim is measured by: from a table of runs to one value per seed, by the `measure` of the claim in its TOML.

A measure is a dict: `of`, a name in MEASURES, what that function asks for, and any of the columns `dataset`, `noise`,
`noise_rate`, `size`, `lambda_mi` that picks runs, with one value or a list; over the values of a list it is averaged.
`schedule` picks from the runs on that schedule. `value` is the column, `unit` what it is multiplied by (100 makes per
cent of shares), `lower` says that less is better.
"""

import math
from collections.abc import Iterator

import numpy as np
import pandas as pd

from lnlkit import checks
from lnlkit.papers import Measured, Paper
from lnlkit.recorded import Recorded, same_rate

COLUMNS = ("dataset", "noise", "noise_rate", "size", "lambda_mi", "schedule")
NOWHERE = Measured(())


def measure(paper: Paper, table: Recorded, spec: dict) -> Measured:
    """The measure of a claim in a table: no values where the table has none of its runs."""
    asked = {name: value for name, value in spec.items() if name not in ("of", *COLUMNS)}
    compute = MEASURES[checks.one_of(spec["of"], "of", MEASURES)]
    where = {name: value for name, value in spec.items() if name in COLUMNS}
    return compute(paper, table, where, **asked)


def selected(table: Recorded, where: dict, row: str | list[str]) -> pd.DataFrame:
    """The runs of some rows that a measure picks; where it names no size or lambda, those of the main tables."""
    runs = table.checks if "schedule" in where else table.runs
    for name, value in {"row": row, **where}.items():
        if name not in runs:
            return runs.iloc[:0]
        wanted = [same_rate(v) if name == "noise_rate" else v for v in (value if isinstance(value, list) else [value])]
        runs = runs[runs[name].isin(wanted)]
    if "size" in runs and "size" not in where:
        runs = runs[runs["size"] == 1]
    if "lambda_mi" in runs and "lambda_mi" not in where:
        runs = runs[runs["lambda_mi"].isna()]
    return runs


def _cells(runs: pd.DataFrame, where: dict) -> Iterator[pd.DataFrame]:
    """The runs of each combination of those columns of which a measure lists several values."""
    listed = [name for name, value in where.items() if isinstance(value, list)]
    yield from (part for _, part in runs.groupby(listed)) if listed else [runs]


def _wide(runs: pd.DataFrame, rows: list[str], value: str) -> pd.DataFrame:
    """The value of each row (columns) for each seed (index) for which all rows were run."""
    if value not in runs:
        return pd.DataFrame(columns=rows)
    wide = runs.pivot(index="seed", columns="row", values=value).reindex(columns=rows)
    ran = runs.groupby("seed")["row"].nunique() == len(set(rows))
    return wide[ran.reindex(wide.index, fill_value=False)]


def _mean(parts: list[pd.Series], expected: int) -> pd.Series:
    """The mean over cells, seed by seed, of the seeds that all cells have."""
    if not parts or len(parts) != expected:
        return pd.Series()
    return pd.concat(parts, axis=1, join="inner").mean(axis=1, skipna=False)


def _n_cells(where: dict) -> int:
    return math.prod(len(value) for value in where.values() if isinstance(value, list))


def lead(paper: Paper, table: Recorded, where: dict, *, row: str, over: list[str], value: str = "best_val",
         unit: float = 100.0, lower: bool = False) -> Measured:  # fmt: skip
    """How much more a row has than the other row with the best mean, seed by seed; less is meant where `lower`.

    What it could be at most is set by that row: per cent end at 100, errors at 0.
    """
    runs, parts, best = selected(table, where, [row, *over]), [], []
    for cell in _cells(runs, where):
        rows = [name for name in over if name in set(cell["row"])]
        wide = _wide(cell, [row, *rows], value)
        if rows and len(wide):
            means = wide[rows].mean()
            rival = means.idxmin() if lower else means.idxmax()
            parts.append(unit * (wide[row] - wide[rival]))
            best.append(unit * means[rival])
    found, most = _mean(parts, _n_cells(where)), np.inf if lower else unit
    rival = float(np.mean(best)) if best else 0.0
    return Measured(tuple(found.tolist()), tuple(runs["key"]), -rival, most - rival) if len(found) else NOWHERE


def mean(paper: Paper, table: Recorded, where: dict, *, row: str, value: str = "best_val", unit: float = 100.0,
         minus: float = 0.0) -> Measured:  # fmt: skip
    """A value of a row, less a constant: one per seed. With unit 100 it is a share, from 0 to 100 per cent."""
    runs = selected(table, where, row)
    parts = [unit * _wide(cell, [row], value)[row] - minus for cell in _cells(runs, where)]
    found = _mean(parts, _n_cells(where))
    least, most = (-minus, 100 - minus) if unit == 100 else (-math.inf, math.inf)
    return Measured(tuple(found.dropna().tolist()), tuple(runs["key"]), least, most) if len(found) else NOWHERE


def between(paper: Paper, table: Recorded, where: dict, *, row: str, value: str, other: str,
            unit: float = 100.0) -> Measured:  # fmt: skip
    """A value of a row minus another value of the same run."""
    ours, theirs = (mean(paper, table, where, row=row, value=name, unit=unit) for name in (value, other))
    pairs = zip(ours.values, theirs.values, strict=True)
    return Measured(tuple(a - b for a, b in pairs), ours.runs, -unit, unit) if unit == 100 else Measured(
        tuple(a - b for a, b in pairs), ours.runs)  # fmt: skip


def contrast(paper: Paper, table: Recorded, where: dict, *, row: str, value: str, a: dict, b: dict, unit: float = 1.0,
             ratio: bool = False, share_of: str | None = None) -> Measured:  # fmt: skip
    """A value of a row in the runs that `a` picks minus that in those of `b`; or their ratio; or the difference as a
    share of that of another value, which is no number unless the other rises from b to a.
    """  # fmt: skip
    def at(picked: dict, name: str) -> pd.Series:
        runs, here = selected(table, {**where, **picked}, row), {**where, **picked}
        return _mean([_wide(cell, [row], name)[row] for cell in _cells(runs, here)], _n_cells(here))

    first, second = at(a, value), at(b, value)
    both = first.index.intersection(second.index)
    if not len(both):
        return NOWHERE
    found = first[both] / second[both] if ratio else unit * (first[both] - second[both])
    if share_of is not None:
        rise = at(a, share_of)[both] - at(b, share_of)[both]
        found = ((first[both] - second[both]) / rise).where(rise > 0)
    keys = (tuple(selected(table, {**where, **picked}, row)["key"]) for picked in (a, b))
    return Measured(tuple(found.tolist()), sum(keys, ()))


def trend(paper: Paper, table: Recorded, where: dict, *, row: str, value: str) -> Measured:
    """Spearman correlation between the noise rate and a value of a row: one per seed that has three rates or more."""
    runs = selected(table, where, row)
    found = []
    for _, part in runs.groupby("seed") if value in runs else []:
        ranks = part[["noise_rate", value]].dropna().rank()
        if len(ranks) > 2 and ranks.nunique().min() > 1:
            found.append(float(ranks.corr().iloc[0, 1]))
    return Measured(tuple(found), tuple(runs["key"]), -1.0, 1.0)


def published_lead(paper: Paper, table: Recorded, where: dict, *, row: str, published: str, columns: list,
                   lower: bool = False, over_median: bool = False) -> Measured:  # fmt: skip
    """The least lead of a row in some columns of a published table, over the best other row or over their median.

    Arithmetic, no run.
    """
    of = paper.tables[published]
    leads = []
    for column in columns:
        others = [of.cell(name, column)[0] for name in of.mean if name != row]
        own = of.cell(row, column)[0]
        rival = float(np.median(others)) if over_median else min(others) if lower else max(others)
        leads.append(rival - own if lower else own - rival)
    return Measured((min(leads),))


def neighbours(paper: Paper, table: Recorded, where: dict) -> Measured:
    """Share of the neighbours in the t-SNE map that carry an image's own noisy label, less that with clean labels.

    In points, one value per seed, mean over the noise rates.
    """
    found = pd.DataFrame((table.embedding or {}).get("agreement", []))
    if not len(found):
        return NOWHERE
    found = found[(found["noise"] == where["noise"]) & found["noise_rate"].isin(where["noise_rate"])]
    gap = 100 * (found["knn_agreement"] - found["knn_agreement_clean"])
    return Measured(tuple(gap.groupby(found["seed"]).mean().tolist()), (), -100.0, 100.0)


MEASURES = {"lead": lead, "mean": mean, "between": between, "contrast": contrast, "trend": trend,
            "published lead": published_lead, "neighbours": neighbours}  # fmt: skip
