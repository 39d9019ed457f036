"""What each paper says, as data: bibliography, published tables, claims, scales, errata. One TOML a paper.

Changing a size, an epoch count or a tolerance changes a TOML file and no code. `judge` holds a claim against measured
numbers; a claim that fails is printed as such, with the numbers.
"""

import math
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10: the same parser, which comes with JupyterLab there
    import tomli as tomllib

from lnlkit import checks
from lnlkit.records import mean_sd

SCALES = ("smoke", "lab", "paper")
VERDICTS = ("reproduced", "not reproduced", "not tested")
COLUMNS_AS = ("percent", "plain")
_FILES = [file.name for file in resources.files(__name__).iterdir()]
KEYS = tuple(sorted(name.removesuffix(".toml") for name in _FILES if name.endswith(".toml")))


@dataclass(frozen=True)
class Row:
    """A line of our tables: a method (a name in METHODS) in one setting.

    published: "own" (measured by the paper), "quoted" (copied there from another paper) or "no" (our control).
    passes: epochs of this row, in multiples of the scale's. oracle: uses clean labels, which no method has.
    hparams: hyper-parameters that make this row differ from others of its method.
    draw: colour, marker and line of the row in every figure.
    """

    id: str
    label: str
    method: str
    says: str
    published: str
    needs: tuple[str, ...] = ()
    augment: str | None = None
    oracle: bool = False
    passes: int = 1
    hparams: dict[str, Any] = field(default_factory=dict)
    draw: tuple[str, str, str] = ("#777777", "o", "-")


@dataclass(frozen=True)
class Table:
    """A published table: `mean[row id]` and `sd[row id]` hold one number per column; no sd where none is printed.

    columns: numbers or texts (class names). columns_as: how numbers are written, one of COLUMNS_AS.
    """

    id: str
    place: str
    caption: str
    unit: str
    column_label: str
    columns: tuple[float | str, ...]
    mean: dict[str, tuple[float, ...]]
    sd: dict[str, tuple[float, ...]]
    columns_as: str = "percent"

    def heading(self, column: float | str) -> str:
        """What stands above a column: a text as it is, 0.4 as "40%" (percent) or "0.4" (plain)."""
        if isinstance(column, str):
            return column
        return f"{column:.0%}" if self.columns_as == "percent" else f"{column:g}"

    def cell(self, row: str, column: float | str) -> tuple[float | None, float | None]:
        """Published mean and standard deviation of one cell; None where nothing is printed."""
        if row not in self.mean or column not in self.columns:
            return None, None
        at = self.columns.index(column)
        return self.mean[row][at], self.sd[row][at] if row in self.sd else None


@dataclass(frozen=True)
class Claim:
    """A sentence of the paper, where it stands, what we measure for it, and from which value on it holds at a scale."""

    id: str
    says: str
    place: str
    measured: str
    metric: str
    published: float | None = None
    at_least: dict[str, float] = field(default_factory=dict)
    at_most: dict[str, float] = field(default_factory=dict)
    not_tested: dict[str, str] = field(default_factory=dict)

    def wanted(self, scale: str) -> str:
        """The bound as text: "at least -6 and at most 0"."""
        bounds = [("at least", self.at_least), ("at most", self.at_most)]
        return " and ".join(f"{word} {bound[scale]:g}" for word, bound in bounds if scale in bound)


@dataclass(frozen=True)
class Erratum:
    """A place where the paper as printed and a working method part: what is printed, the right reading, and why."""

    place: str
    printed: str
    right: str
    why: str


@dataclass(frozen=True)
class Paper:
    """Everything the kit knows about a paper besides its method.

    live: by scale the data sets that the notebook trains on itself, where they are not the scale's own alone.
    """

    key: str
    title: str
    authors: tuple[str, ...]
    year: int
    venue: str
    summary: str
    rows: dict[str, Row]
    tables: dict[str, Table]
    claims: tuple[Claim, ...]
    scales: dict[str, dict[str, Any]]
    errata: tuple[Erratum, ...]
    live: dict[str, list[str]]

    @property
    def number(self) -> str:
        """The notebook's number: "01"."""
        return self.key[:2]

    @property
    def citation(self) -> str:
        """Author (year). Title. Venue."""
        return f"{', '.join(self.authors)} ({self.year}). {self.title}. {self.venue}."

    def scale(self, name: str) -> dict[str, Any]:
        """Sizes, epochs, rates, seeds and network at a scale."""
        return self.scales[checks.one_of(name, "scale", list(SCALES))]


@dataclass(frozen=True)
class Verdict:
    """A claim held against a measured value (mean over n seeds, sd where n > 1)."""

    id: str
    says: str
    place: str
    verdict: str
    value: float | None
    wanted: str
    why: str
    sd: float | None = None
    n: int = 0


def load(name: str) -> Paper:
    """The paper under "01_cvae_augmentation", "01" or "cvae_augmentation"."""
    known = {alias: key for key in KEYS for alias in (key, key[:2], key[3:])}
    key = known.get(str(name)) or checks.one_of(str(name), "paper", list(KEYS))
    raw = tomllib.loads((resources.files(__name__) / f"{key}.toml").read_text(encoding="utf-8"))
    return _paper(key, raw)


def _paper(key: str, raw: dict) -> Paper:
    """A checked Paper from the parsed TOML; raises ValueError naming the file and what is wrong."""
    try:
        head = dict(raw["paper"])
        paper = Paper(
            key=key,
            authors=tuple(head.pop("authors")),
            rows=_by_id(_row(row) for row in raw["rows"]),
            tables=_by_id(_table(dict(table)) for table in raw["tables"]),
            claims=tuple(_by_id(Claim(**claim) for claim in raw["claims"]).values()),
            scales=raw["scales"],
            live=raw.get("live", {}),
            errata=tuple(Erratum(**erratum) for erratum in raw["errata"]),
            **head,
        )
        _check(paper)
    except KeyError as error:
        raise ValueError(f"`{key}.toml` does not describe a paper: {error} is missing.") from None
    except (TypeError, ValueError) as error:
        raise ValueError(f"`{key}.toml` does not describe a paper: {error}") from None
    return paper


def _row(raw: dict) -> Row:
    return Row(**{name: tuple(value) if name in ("needs", "draw") else value for name, value in raw.items()})


def _by_id(items) -> dict:
    found = {}
    for item in items:
        if item.id in found:
            raise ValueError(f"the id {item.id!r} is there twice.")
        found[item.id] = item
    return found


def _table(raw: dict) -> Table:
    rows, columns = raw.pop("rows"), tuple(raw.pop("columns"))
    checks.one_of(raw.get("columns_as", COLUMNS_AS[0]), "columns_as", list(COLUMNS_AS))
    if len({isinstance(column, str) for column in columns}) != 1 or len(set(columns)) != len(columns):
        raise ValueError(f"the columns of {raw['place']} must be different numbers or different texts, not {columns}.")
    values = {name: {r["id"]: tuple(r[name]) for r in rows if name in r} for name in ("mean", "sd")}
    for name, by_row in values.items():
        for row, numbers in by_row.items():
            if len(numbers) != len(columns):
                raise ValueError(f"{name} of row {row!r} has {len(numbers)} numbers for {len(columns)} columns.")
    return Table(columns=columns, **values, **raw)


def _check(paper: Paper) -> None:
    if set(paper.scales) != set(SCALES):
        raise ValueError(f"the scales must be {list(SCALES)}, but are {list(paper.scales)}.")
    for claim in paper.claims:
        for scale in {*claim.at_least, *claim.at_most, *claim.not_tested} - set(SCALES):
            raise ValueError(f"claim {claim.id!r} has a scale {scale!r}.")
        for scale in SCALES:
            if bool(claim.wanted(scale)) == (scale in claim.not_tested):
                raise ValueError(f"claim {claim.id!r} needs either a bound or a reason in `not_tested` at {scale!r}.")
    for table in paper.tables.values():
        for row in set(table.mean) - set(paper.rows):
            raise ValueError(f"{table.place} has a row {row!r} that is not among the rows.")


def judge(paper: Paper, scale: str, metrics: dict) -> list[Verdict]:
    """One verdict per claim. `metrics`: a number or one number per seed under each claim's metric; the mean is judged.

    A value that is not finite is never a success. Raises ValueError when a metric that is tested here is missing.
    """
    checks.one_of(scale, "scale", list(SCALES))
    return [_verdict(claim, scale, metrics) for claim in paper.claims]


def _verdict(claim: Claim, scale: str, metrics: dict) -> Verdict:
    measured = mean_sd(metrics[claim.metric]) if claim.metric in metrics else None
    value, sd, n = measured or (None, None, 0)
    if scale in claim.not_tested:
        verdict, wanted, why = "not tested", "", claim.not_tested[scale]
    elif measured is None:
        raise ValueError(
            f"Claim `{claim.id}` is tested at scale {scale!r} and needs the metric `{claim.metric}`, "
            f"but the metrics hold only {sorted(metrics)}."
        )
    else:
        wanted = claim.wanted(scale)
        holds = claim.at_least.get(scale, -math.inf) <= value <= claim.at_most.get(scale, math.inf)
        verdict = VERDICTS[0] if holds else VERDICTS[1]
        why = f"{measured.text()}, wanted {wanted}"
    value = value if value is not None and math.isfinite(value) else None
    return Verdict(claim.id, claim.says, claim.place, verdict, value, wanted, why, sd, n)


def compare(paper: Paper, table: str, ours: dict) -> list[dict]:
    """The paper-against-ours rows of a published table: one dict per row and column that either side has.

    ours: {(row id, column): a number or one per seed}, in the table's unit. gap = ours - paper, None where one of
    them is missing.
    """
    published = paper.tables[checks.one_of(table, "table", list(paper.tables))]
    rows = []
    for row_id, row in paper.rows.items():
        for column in published.columns:
            theirs, their_sd = published.cell(row_id, column)
            mine, my_sd, n = mean_sd(ours[row_id, column]) if (row_id, column) in ours else (None, None, 0)
            if theirs is None and mine is None:
                continue
            gap = None if theirs is None or mine is None else mine - theirs
            rows.append({
                "row": row_id, "label": row.label, "needs": list(row.needs), "published": row.published,
                "column": column, "heading": published.heading(column), "paper": theirs, "paper_sd": their_sd,
                "ours": mine, "ours_sd": my_sd, "n": n, "gap": gap, "unit": published.unit, "place": published.place,
            })  # fmt: skip
    return rows
