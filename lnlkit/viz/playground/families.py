"""The map: where each method takes hold of wrong labels, the papers of the notebooks in colour."""

import textwrap

from matplotlib.patches import FancyBboxPatch

from lnlkit import papers
from lnlkit.papers.families import FAMILIES
from lnlkit.viz.diagrams import canvas
from lnlkit.viz.show import describe
from lnlkit.viz.style import GREY, INK, NOTE, PALETTE, TITLE, WIDTH, plain

LINE, HEAD = 0.2, 1.3  # inches: of a name, of what stands above the names


@plain
def method_map():
    """Figure with a column for each place where methods take hold of wrong labels, and their names below."""
    labels, colors, columns = _labels(), dict(zip(papers.KEYS, PALETTE, strict=False)), {}
    for family in FAMILIES[1:]:
        columns.setdefault(family.place, []).append(family)
    lines = {place: _lines(families, labels) for place, families in columns.items()}
    height, width = HEAD + LINE * max(map(len, lines.values())) + 0.4, WIDTH / len(columns)
    fig, ax = canvas((0, WIDTH), (height, 0), height)
    for place, (name, families) in enumerate(columns.items()):
        x = place * width + 0.1
        ax.text(x, 0.15, name, fontsize=TITLE, fontweight="bold", color=INK, va="center")
        does = textwrap.fill("; ".join(family.does for family in families), 22)
        ax.text(x, 0.36, does, fontsize=NOTE, color=GREY, va="top", linespacing=1.2)
        for line, (text, key) in enumerate(lines[name]):
            _name(ax, x, HEAD + LINE * line, width - 0.12, text, colors.get(key))
        if place:
            ax.plot([x - 0.1] * 2, [0.05, height - 0.35], color="#dddddd", linewidth=0.8)
    without = ", ".join(dict.fromkeys(labels[method] for method in FAMILIES[0].methods))
    ax.text(0.1, height - 0.12, f"Nothing against noise: {without}. In colour: the papers of the notebooks.",
            fontsize=NOTE, color=INK, va="center")  # fmt: skip
    said = [f"{name}: {', '.join(text for text, _ in found)}" for name, found in lines.items()]
    return describe(fig, f"Methods by what they change. {'; '.join(said)}.")


def _labels():
    """{method: what it is called}; of several that are called alike the map has one."""
    rows = papers.rows_by_method() | {row.method: row for row in papers.load(papers.STUDIES[0]).rows.values()}
    plain_names = {"bce": "binary CE", "l2": "L2", "confident_learning": "confident learning",
                   "choice_loss": "ChoiceNet's loss"}  # fmt: skip
    return {method: plain_names.get(method) or rows[method].label.partition(",")[0].partition(" (")[0]
            for family in FAMILIES for method in family.methods}  # fmt: skip


def _lines(families, labels):
    """(name, key of the paper whose method it is, or None), papers first, each name once."""
    methods = [method for family in families for method in family.methods]
    own = {method: next((key for key in papers.KEYS if method.startswith(key[3:])), None) for method in methods}
    found = {labels[method]: own[method] for method in sorted(methods, key=lambda method: own[method] is None)}
    return [(f"{key[:2]}  {name}" if key else name, key) for name, key in found.items()]


def _name(ax, x, y, width, text, color):
    """A name; that of a paper's method in a box of its colour."""
    if color:
        style = {"boxstyle": "round,pad=0,rounding_size=0.04", "facecolor": color, "edgecolor": "none", "alpha": 0.25}
        ax.add_patch(FancyBboxPatch((x - 0.03, y + 0.015), width, LINE - 0.03, **style))
    ax.text(x, y + LINE / 2, text, fontsize=NOTE, color=INK, va="center", zorder=3)
