"""What a paper is made of: rows, published tables, claims, errata, scales."""

from dataclasses import dataclass, field
from typing import Any

from lnlkit import checks

SCALES = ("smoke", "lab", "paper")
COLUMNS_AS = ("percent", "plain")
PUBLISHED = ("own", "quoted", "no")


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
