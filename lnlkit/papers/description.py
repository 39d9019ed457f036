"""What a paper is made of: rows, published tables, claims, errata, scales."""

import math
from dataclasses import dataclass, field
from typing import Any

from lnlkit import checks

SCALES = ("smoke", "lab", "paper")
COLUMNS_AS = ("percent", "plain")
PUBLISHED = ("own", "quoted", "no")
DECIDED_BY = ("algebra", "same", "mechanism", "benchmark")
"""What decides a claim: a derivation or arithmetic; runs that are the paper's in all that it is about; an effect that
shows wherever the method works; the paper's own data, network and length of training."""


@dataclass(frozen=True)
class Row:
    """A line of our tables: a method (a name in METHODS) in one setting.

    published: "own" (measured by the paper), "quoted" (copied there from another paper) or "no" (our control).
    passes: epochs of this row, in multiples of the scale's. oracle: uses clean labels, which no method has.
    hparams: hyper-parameters that make this row differ from others of its method. optimizer: what it has in place of
    the scale's, a learning rate alone or, with a `name`, all of it.
    draw: colour, marker and line of the row in every figure. file_digest: of the file that a method of your own is in.
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
    optimizer: dict[str, Any] = field(default_factory=dict)
    draw: tuple[str, str, str] = ("#777777", "o", "-")
    file_digest: str = ""


@dataclass(frozen=True)
class Table:
    """A published table: `mean[row id]` and `sd[row id]` hold one number per column; no sd where none is printed.

    columns: numbers or texts (class names). columns_as: how numbers are written, one of COLUMNS_AS. ours: which of our
    runs stand beside it (`recorded.judging.beside`): `dataset`, `noise`, and the column `value` in `unit`.
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
    ours: dict[str, Any] = field(default_factory=dict)

    def heading(self, column: float | str) -> str:
        """What stands above a column: a text as it is, 0.4 as "40%" (percent) or "0.4" (plain)."""
        if isinstance(column, str):
            return column
        return f"{column:.0%}" if self.columns_as == "percent" else f"{column:g}"

    def place_of(self, column: float | str) -> int | None:
        """The number of a column, None for one that the table has not; numbers that print equal are equal."""
        columns = [_rounded(name) for name in self.columns]
        return columns.index(_rounded(column)) if _rounded(column) in columns else None

    def cell(self, row: str, column: float | str) -> tuple[float | None, float | None]:
        """Published mean and standard deviation of one cell; None where nothing is printed."""
        at = self.place_of(column)
        if row not in self.mean or at is None:
            return None, None
        return self.mean[row][at], self.sd[row][at] if row in self.sd else None


def _rounded(column: float | str) -> float | str:
    """A column as it is looked up: numbers that print equal, as 0.1 * 3 and 0.3, are one."""
    return column if isinstance(column, str) else round(float(column), 6)


@dataclass(frozen=True)
class Claim:
    """A sentence of the paper, where it stands, what we measure for it, and from which value on it holds.

    decided_by: one of DECIDED_BY. measure: what is computed from a table of runs (`recorded.measures`), in `unit`.
    bound: why this bound; since: the day on which it was committed; moved: the bound before, if it was moved after the
    runs. not_tested: why our runs cannot decide it, for a benchmark below the scale `paper`. by_run: the runs fall into
    two kinds, so they are counted. only_if: a measure with `at_least` and `says`, without which the claim says nothing.
    """

    id: str
    says: str
    place: str
    measured: str
    decided_by: str
    measure: dict[str, Any]
    unit: str
    bound: str
    since: str
    at_least: float | None = None
    at_most: float | None = None
    published: float | None = None
    moved: str = ""
    not_tested: str = ""
    by_run: bool = False
    only_if: dict[str, Any] = field(default_factory=dict)

    @property
    def bounds(self) -> tuple[float, float]:
        """The least and the most that is wanted."""
        least = -math.inf if self.at_least is None else self.at_least
        return least, math.inf if self.at_most is None else self.at_most

    @property
    def wanted(self) -> str:
        """The bound as text: "at least -6 and at most 0"."""
        bounds = [("at least", self.at_least), ("at most", self.at_most)]
        return " and ".join(f"{word} {bound:g}" for word, bound in bounds if bound is not None)


@dataclass(frozen=True)
class Erratum:
    """A place where the paper as printed and a working method part: what is printed, the right reading, and why.

    matters: shown in the notebook, where the others are folded.
    """

    place: str
    printed: str
    right: str
    why: str
    matters: bool = False


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
    def is_study(self) -> bool:
        """Whether it is a grid of ours (`study`) and not a published paper."""
        return not self.authors

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
