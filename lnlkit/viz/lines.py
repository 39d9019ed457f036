"""Lines of a measure against a rate or an epoch, with intervals over seeds: seaborn, in the colours of the rows."""

import pandas as pd
import seaborn
from scipy.special import stdtrit  # scikit-learn brings it

from lnlkit import checks, recorded
from lnlkit.viz import given
from lnlkit.viz.style import NOTE, finish, plain, row_labels, row_styles

DASHES = {"-": "", "--": (4, 2), "-.": (5, 2, 1, 2), ":": (1, 1.5)}


def t_interval(values):
    """The 95 % t-interval (low, high) of the mean of values over seeds; the value itself, twice, for one seed."""
    mean, n = values.mean(), len(values)
    half = stdtrit(n - 1, 0.975) * values.std(ddof=1) / n**0.5 if n > 1 else 0.0
    return mean - half, mean + half


def _span(values):
    """The range (low, high) of values, of which rounding does not put the mean outside."""
    return min(values.min(), values.mean()), max(values.max(), values.mean())


BARS = {"t95": t_interval, "range": _span, None: None}


@plain
def by_row(runs, ax, notebook, *, x="noise_rate", y="best_val", rows=None, strong=(), interval="t95", unit=1.0,
           title=None, xlabel=None, ylabel=None, legend=True):  # fmt: skip
    """The axes with one line a row of `runs` (tidy: one row a run) in the colour, marker and dashes of its TOML row.

    y against x, mean over the seeds; bars are 95 % t-intervals ("t95"), the range over seeds ("range"), or none (None).
    rows: which, in this order (default: the order of the paper's rows). strong: rows whose line is thick. unit: factor
    on y, 100 for per cent. Bars stay inside the axes.
    """
    given.axes(ax)
    runs = recorded.frame(recorded.frame(runs, "runs", "row", value=x), "runs", value=y)
    unit = checks.positive(unit, "unit")
    styles, there = row_styles(notebook), set(runs["row"])
    rows = [row for row in (styles if rows is None else given.rows(rows, notebook)) if row in there]
    strong = given.rows(strong, notebook, "strong") if strong != () else ()
    if interval is not None:
        checks.one_of(interval, "interval", [name for name in BARS if name])
    of = {styles[row][0]: styles[row][1] for row in rows}
    shown = runs.loc[runs["row"].isin(rows) & runs[y].notna(), ["row", x, y]]
    if shown.empty:
        raise ValueError(f"`runs` must have values of {y!r} in rows of {notebook}, but has none in the rows asked for.")
    shown = pd.DataFrame({"line": shown["row"].map(row_labels(notebook)), x: shown[x], "value": unit * shown[y]})
    seaborn.lineplot(
        shown, x=x, y="value", ax=ax, hue="line", style="line", hue_order=of, style_order=of,
        palette={name: style["color"] for name, style in of.items()},
        markers={name: style["marker"] for name, style in of.items()},
        dashes={name: DASHES[style["linestyle"]] for name, style in of.items()}, linewidth=1.3,
        errorbar=BARS[interval], err_style="bars", err_kws={"elinewidth": 1}, legend="full" if legend else False)
    thick = [(styles[row][1]["color"], styles[row][1]["marker"]) for row in strong if row in styles]
    for line in ax.lines:  # not by seaborn's `size`: a third variable takes it ten times as long
        if (line.get_color(), line.get_marker()) in thick:
            line.set_linewidth(2.6)
    places = sorted(shown[x].unique())
    if len(places) <= 8:
        ax.set_xticks(places)
    if legend:
        ax.legend(fontsize=NOTE, frameon=False, title=None)
    return finish(ax, title, xlabel or x.replace("_", " "), ylabel or y.replace("_", " "), grid="y")


@plain
def dots(runs, ax, notebook, *, x, rows, xlabel):
    """The axes with a dot a seed at `x`, a line of dots a row in its colour, the row's name above it."""
    given.axes(ax)
    runs, styles, rows = recorded.frame(runs, "runs", "row", value=x), row_styles(notebook), given.rows(rows, notebook)
    runs = runs.reset_index(drop=True)  # seaborn takes no label twice
    seaborn.stripplot(runs, x=x, y="row", order=rows, hue="row", hue_order=rows, size=7, jitter=False, legend=False,
                      palette=[styles[row][1]["color"] for row in rows], ax=ax)  # fmt: skip
    ax.set(ylim=(len(rows) - 0.5, -0.5), yticks=[])
    for place, row in enumerate(rows):
        ax.text(0.01, place - 0.36, styles[row][0], transform=ax.get_yaxis_transform(), fontsize=NOTE, va="top")
    return finish(ax, "all methods, a dot a seed", xlabel, "", grid="x")


@plain
def legend_below(fig, ax, *, columns=4, title=None):
    """The figure with the legend of one of its panels below them all, and none inside."""
    handles, labels = ax.get_legend_handles_labels()
    for panel in fig.axes:
        if panel.get_legend():
            panel.get_legend().remove()
    fig.legend(handles, labels, loc="outside lower center", ncols=columns, fontsize=NOTE, frameon=False, title=title,
               title_fontsize=NOTE)  # fmt: skip
    return fig
