"""Colours, markers, sizes and empty figures shared by all drawings; matplotlib's global settings stay as they are.

Nothing here uses `matplotlib.pyplot`: a figure made without it is never shown twice and needs no closing.
"""

import functools

import matplotlib
import seaborn
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from lnlkit import checks, papers

PALETTE = tuple(seaborn.color_palette("colorblind").as_hex())
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*", "<", ">")
LINES = ("-", "--", "-.", ":")
PLAIN = {
    name: value for name, value in matplotlib.rcParamsDefault.items()
    if name.partition(".")[0] in {"axes", "figure", "grid", "hatch", "image", "legend", "lines", "mathtext", "patch",
                                  "path", "savefig", "scatter", "text", "xtick", "ytick"}
    and name not in {"axes.unicode_minus", "figure.max_open_warning", "savefig.directory"}
}  # fmt: skip
plain = matplotlib.rc_context(PLAIN)
"""Decorator: matplotlib's own style whatever the user has set, such as white text on black; fonts are the user's."""

INK, GREY, PALE = "#222222", "#777777", "#ececec"
TITLE, LABEL, TICK, NOTE = 11, 10, 9, 8  # points; at 90 dpi a point is 1.25 pixels
WIDTH = 10.5  # inches: the width of a notebook cell at 90 dpi
GUESS = {"marker": "D", "markersize": 9, "markerfacecolor": "white", "markeredgewidth": 2, "zorder": 4}
"""How a reader's guess is drawn, a hollow diamond: settings of a line, without its colour."""

NOISES = {
    "model_idn": "instance-dependent",
    "part_dependent": "part-dependent",
    "class_conditional": "class-conditional",
    "asymmetric": "asymmetric",
    "symmetric": "symmetric",
    "pairflip": "pair-flip",
    "symmetric_inclusive": "symmetric (inclusive)",
    "uniform": "uniform outliers",
    "flipped": "flipped outliers",
    "uniform_part": "uniform outliers for x in [0, 2]",
    "flipped_part": "flipped outliers for x in [0, 2]",
    "permutation": "permuted label vectors",
    "human": "labels by people",
}


def row_styles(notebook):
    """{row id: (label, line settings)} of a paper's rows, as its TOML has them: 'coteaching' -> 'Co-teaching'."""
    return _row_styles(papers.key_of(notebook, "notebook"))


@functools.lru_cache
def _row_styles(notebook):
    return {
        row.id: (row.label, dict(zip(("color", "marker", "linestyle"), row.draw, strict=True)))
        for row in papers.load(notebook).rows.values()
    }  # fmt: skip


def row_labels(notebook):
    """{row id: label} of a paper's rows: what `runs["row"].map(...)` takes."""
    return {row: label for row, (label, _) in row_styles(notebook).items()}


def noise_name(noise):
    """Readable name of a noise kind: 'model_idn' -> 'instance-dependent'; one of your own has its own name."""
    return NOISES.get(checks.text(noise, "noise"), noise)


@plain
def whole(width, height):
    """An empty figure of this size in inches."""
    fig = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(fig)  # one canvas for all measuring of texts: without, each text makes its own, 100 MB in all
    return fig


@plain
def panels(rows=1, cols=1, *, width=None, height=3.4, **options):
    """An empty figure and its axes, (rows, cols) squeezed as by matplotlib's `subplots`.

    `width` is that of the figure and `height` that of one row, in inches; further options go to `Figure.subplots`.
    """
    rows, cols = checks.positive_int(rows, "rows"), checks.positive_int(cols, "cols")
    width = (5.5 if cols == 1 else WIDTH) if width is None else checks.positive(width, "width")
    checks.positive(height, "height")
    fig = whole(width, height * rows)
    return fig, fig.subplots(rows, cols, **options)


def mosaic(count, largest=WIDTH, below=0.0):
    """An empty figure of square panels, at most three a row, and its axes (rows, columns), of which `count` show.

    largest: of a panel, and below: more room under them, in inches.
    """
    columns = 2 if count == 4 else min(count, 3)
    rows = -(-count // columns)
    side = min(WIDTH / columns, largest)
    fig = whole(side * columns, side * rows + below)
    axes = fig.subplots(rows, columns, squeeze=False)
    for ax in axes.flat[count:]:
        ax.set_axis_off()
    return fig, axes


@plain
def finish(ax, title=None, xlabel=None, ylabel=None, grid=None):
    """The axes with readable font sizes, no box around them and, for `grid` 'x', 'y' or 'both', light grid lines."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(labelsize=TICK)
    if title is not None:
        ax.set_title(title, fontsize=TITLE)
    if xlabel is not None:
        ax.set_xlabel(xlabel, fontsize=LABEL)
    if ylabel is not None:
        ax.set_ylabel(ylabel, fontsize=LABEL)
    if grid:
        ax.grid(axis=grid, color="#dddddd", linewidth=0.6)
        ax.set_axisbelow(True)
    return ax


def slant(ax):
    """The axes with long names below slanted so that each ends at its column."""
    if max(len(text.get_text()) for text in ax.get_xticklabels()) > 2:
        for text in ax.get_xticklabels():
            text.set(rotation=50, ha="right", va="center", rotation_mode="anchor")
    return ax


def blank(ax, text):
    """The axes without a frame, a sentence in the middle: used where nothing was recorded. `ax.clear()` ends it."""
    ax.set_axis_off()
    ax.text(0.5, 0.5, text, transform=ax.transAxes, ha="center", va="center", fontsize=LABEL, color=INK,
            bbox={"boxstyle": "round,pad=1", "facecolor": "#f4f4f4", "edgecolor": "#bbbbbb", "ls": "--"})  # fmt: skip
    return ax
