"""What each paper says, as data: bibliography, published tables, claims, scales, errata. One TOML a paper.

Changing a size, an epoch count or a bound changes a TOML file and no code. `judge` holds a claim against measured
numbers; `recorded.verdicts` measures them.
"""

import functools
import math
from importlib import resources
from numbers import Real

from lnlkit import checks
from lnlkit.papers import study
from lnlkit.papers.description import COLUMNS_AS, DECIDED_BY, SCALES, Claim, Erratum, Paper, Row, Table
from lnlkit.papers.reading import parsed
from lnlkit.papers.verdicts import VERDICTS, Measured, Verdict, interval, judge
from lnlkit.records import MeanSd, mean_sd

__all__ = ["COLUMNS_AS", "DECIDED_BY", "KEYS", "SCALES", "VERDICTS", "Claim", "Erratum", "Measured", "Paper", "Row",
           "Table", "Verdict", "compare", "interval", "judge", "key_of", "load"]  # fmt: skip

_FILES = [file.name for file in resources.files(__name__).iterdir()]
KEYS = tuple(sorted(name.removesuffix(".toml") for name in _FILES if name.endswith(".toml")))
STUDIES = ("00_playground",)
"""Grids of ours that belong to no paper: they have rows and scales, but no tables and claims (`study`)."""


def key_of(name: str, argument: str = "paper") -> str:
    """The key of a paper under any of its names, "01" or its own; `argument` is what messages call the name."""
    known = {alias: key for key in (*STUDIES, *KEYS) for alias in (key, key[:2], key[3:])}
    return known[name] if isinstance(name, str) and name in known else checks.one_of(name, argument, list(KEYS))


def load(name: str) -> Paper:
    """The paper under "01_cvae_augmentation", "01" or "cvae_augmentation", or the study under "00_playground"."""
    key = key_of(name)
    if key in STUDIES:
        return study.parsed(key, (resources.files(__name__) / "studies" / f"{key}.toml").read_bytes(), rows_by_method())
    return parsed(key, (resources.files(__name__) / f"{key}.toml").read_bytes())


@functools.cache
def rows_by_method() -> dict[str, Row]:
    """The row that has a method as it is, of the first paper that has one: its label, needs and look."""
    rows = [row for key in KEYS for row in load(key).rows.values()]
    plain = [row for row in rows if not (row.hparams or row.augment or row.oracle)]
    return {row.method: row for row in reversed(plain) if row.passes == 1}


@functools.cache
def rows_of_studies() -> dict[str, Row]:
    """The row that our studies have for a method with its defaults: labels of methods that no paper compares."""
    rows = [row for key in STUDIES for row in load(key).rows.values()]
    return {row.method: row for row in rows if not row.hparams and row.method not in rows_by_method()}


def _check(paper: Paper, name: str, measured: dict, entry: str) -> None:
    checks.instance(paper, "paper", Paper, "papers.load(...) gives one.")
    if not isinstance(measured, dict) or measured:  # nothing measured is fine
        checks.mapping(measured, name, entry)


def _mean_sd(measured: dict, name: str, key) -> MeanSd:
    """Mean, standard deviation and n of what was measured under a key."""
    try:
        return mean_sd(measured[key])
    except (TypeError, ValueError):
        raise ValueError(
            f"`{name}` must hold a number or one per seed under {key!r}, but got {checks.brief(measured[key])}."
        ) from None


def compare(paper: Paper, table: str, ours: dict) -> list[dict]:
    """The paper-against-ours rows of a published table: one dict per row and column that either side has.

    ours: {(row id, column): a number or one per seed}, in the table's unit; numbers that the table has no column for
    are passed over. gap = ours - paper, None where one of them is missing.
    """
    _check(paper, "ours", ours, "(row id, column): a number or one per seed")
    published = paper.tables[checks.one_of(table, "table", list(paper.tables))]
    measured = {}
    for key in ours:
        cell = key[0], _column(paper, published, key)
        if cell in measured and cell[1] is not None:
            raise ValueError(f"`ours` must hold each cell of {published.place} once, but got two for {key}.")
        measured[cell] = _mean_sd(ours, "ours", key)
    rows = []
    for row_id, row in paper.rows.items():
        for place, column in enumerate(published.columns):
            theirs, their_sd = published.cell(row_id, column)
            mine, my_sd, n = measured.get((row_id, place), (None, None, 0))
            if theirs is None and mine is None:
                continue
            gap = None if theirs is None or mine is None else mine - theirs
            rows.append({
                "row": row_id, "label": row.label, "needs": list(row.needs), "published": row.published,
                "column": column, "heading": published.heading(column), "paper": theirs, "paper_sd": their_sd,
                "ours": mine, "ours_sd": my_sd, "n": n, "gap": gap, "unit": published.unit, "place": published.place,
            })  # fmt: skip
    return rows


def _column(paper: Paper, table: Table, key) -> int | None:
    """The place of the column of a key of ours, None where the table has no such number; its row is the paper's."""
    if not isinstance(key, tuple) or len(key) != 2:
        raise TypeError(f"`ours` must have keys (row id, column), but got {checks.brief(key)}.")
    row, column = key
    checks.one_of(row, "ours", paper.rows)
    texts = isinstance(table.columns[0], str)
    known = isinstance(column, str) and column in table.columns
    number = isinstance(column, Real) and not isinstance(column, bool) and math.isfinite(column)
    if not (known if texts else number):
        raise ValueError(f"`ours` must have columns of {table.place}, {list(table.columns)}, but got {column!r}.")
    place = table.place_of(column)
    shares = table.columns_as == "percent"  # written as 10%, but 0.1
    if place is None and (table.place_of(column / 100) is not None or (shares and column > 1)):
        raise ValueError(f"`ours` must have columns of {table.place}, not {column!r}. Did you mean {column / 100:g}?")
    return place
