"""The building blocks of a page: its lines of Markdown, its figures, tables of text."""

import re
from dataclasses import dataclass, field

from matplotlib.figure import Figure

from lnlkit import viz
from lnlkit.run.report import escaped

WIDEST = 8  # columns of numbers that fit beside a method's name on a screen of 1,366 pixels


@dataclass
class Page:
    """Markdown line by line, and the figures that it shows from `figures/`, by the name of their file."""

    title: str
    lines: list[str] = field(default_factory=list)
    figures: dict[str, Figure] = field(default_factory=dict)

    def add(self, *lines: str) -> None:
        """Lines that follow each other, and an empty one."""
        self.lines += [*lines, ""]

    def figure(self, fig: Figure, name: str) -> None:
        """A figure, with its description as alternative text."""
        self.figures[f"{name}.png"] = fig
        self.add(f"![{escaped(viz.description(fig))}](figures/{name}.png)")

    def text(self) -> str:
        """The whole page."""
        return "\n".join([f"# {escaped(self.title)}", "", *self.lines])


def table(heads: list[str], rows: list[list[str]], fixed: int = 1) -> list[str]:
    """A Markdown table; one of more than WIDEST columns is cut into several, with the first `fixed` columns in each."""
    lines = []
    for start in range(fixed, max(len(heads), fixed + 1), WIDEST):
        own = [*range(fixed), *range(start, min(start + WIDEST, len(heads)))]
        cut = [[row[place] for place in own] for row in (heads, *rows)]
        lines += [*([""] if lines else []), _line(cut[0]), "|" + "---|" * len(own), *map(_line, cut[1:])]
    return lines


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def folded(title: str, lines: list[str]) -> list[str]:
    """Lines that open at a click."""
    return ["<details>", f"<summary>{title}</summary>", "", *lines, "", "</details>", ""]


def anchor(heading: str) -> str:
    """The name of a place on the page, as GitHub makes it of a heading."""
    return re.sub(r"[^\w\- ]", "", re.sub(r"<[^>]+>", "", heading).lower()).strip().replace(" ", "-")
