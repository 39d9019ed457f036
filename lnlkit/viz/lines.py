"""Lines of a measure against a rate or an epoch, with intervals over seeds: seaborn, in the colours of the rows."""

import numpy as np
import pandas as pd
import seaborn
from scipy.special import stdtrit  # scikit-learn brings it

from lnlkit import checks, recorded
from lnlkit.viz import given
from lnlkit.viz.style import LABEL, LINES, NOTE, PALETTE, TITLE, finish, panels, plain, row_labels, row_styles

LEARNED = {  # column of the epochs: its name, colour, line
    "fit_right": ("rightly labelled training images, fitted", PALETTE[2], "--"),
    "memorised": ("wrongly labelled training images, fitted: learned by heart", PALETTE[3], "-"),
    "test_acc": ("clean test images, recognised", PALETTE[0], "-."),
}
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
def bands(ax, runs, y, *, x="epoch", unit=1.0, **look):
    """The axes with the mean of y against x as a line and its range over the runs as a band.

    As seaborn's `lineplot` with errorbar=("pi", 100) draws it, but a hundred times as fast: for explorers. unit: factor
    on y. look: label, color, linestyle and the like.
    """
    given.axes(ax)
    runs = recorded.frame(recorded.frame(runs, "runs", value=x), "runs", value=y)
    unit = checks.positive(unit, "unit")
    over = unit * runs.groupby(x)[y].agg(["mean", "min", "max"])
    (drawn,) = ax.plot(over.index, over["mean"], **{"linewidth": 1.8} | look)
    ax.fill_between(over.index, over["min"], over["max"], color=drawn.get_color(), alpha=0.16, linewidth=0)
    return ax


def learned(epochs, runs):
    """The epochs of these runs with `fit_right`, the share of rightly labelled training images that are fitted.

    train_acc = (1 - rate) * fit_right + rate * memorised, rate being the realised one.
    """
    found = epochs.merge(runs[["key", "realised_rate"]], on="key")
    rate = found["realised_rate"]
    fit = (found["train_acc"] - rate * found["memorised"]) / (1 - rate).clip(1e-9)
    return found.assign(fit_right=fit.clip(0, 1))  # histories are rounded


@plain
def over_epochs(epochs_by_name, notebook, measures, title):
    """Figure with a panel for each of `measures`, {column: title}, and a line for each of one's own runs.

    epochs_by_name: {label: one row an epoch (from 1), or an epoch and run, with `epoch` and these columns}, shares. A
    label of a row of the notebook has its look.
    """
    checks.mapping(epochs_by_name, "epochs_by_name", "label: DataFrame")
    for epochs in epochs_by_name.values():
        for column in measures:
            recorded.frame(epochs, "epochs_by_name", "epoch", value=column)
    fig, axes = panels(1, len(measures), width=9, height=3.3)
    fig.suptitle(title, fontsize=TITLE + 1)
    own_style = dict(row_styles(notebook).values())
    for place, (label, epochs) in enumerate(epochs_by_name.items()):
        look = {"color": PALETTE[place % 10], "marker": "os^DvP"[place % 6], "linestyle": LINES[place % 4]}
        look = own_style.get(str(label), look)
        for ax, (column, name) in zip(axes, measures.items(), strict=True):
            bands(ax, epochs, column, unit=100, label=str(label), markevery=max(1, len(epochs) // 10), **look)
            ax.xaxis.get_major_locator().set_params(integer=True)
            finish(ax, name, "epoch", "%", grid="y").set_ylim(-3, 103)
    return legend_below(fig, axes[0], columns=len(epochs_by_name))


def highest_and_last(epochs):
    """'test accuracy 91.0 % at its highest and 88.2 % in the end', means over the runs."""
    mean = 100 * epochs.groupby("epoch")["test_acc"].mean()
    return f"test accuracy {mean.max():.1f} % at its highest and {mean.iloc[-1]:.1f} % in the end"


@plain
def label_ends(ax, ends, notebook, *, at, gap, strong=(), names=None):
    """The axes with the names of rows right of the ends of their lines, in their colours and moved apart.

    ends: Series of y by row, where x is `at`; gap: between the two, in units of x. strong: rows in bold.
    names: {row: text}, where its label is too long.
    """
    given.axes(ax)
    given.rows(list(checks.instance(ends, "ends", pd.Series).index), notebook, "ends")
    styles, ends = row_styles(notebook), ends.sort_values()
    place, apart = ends.to_numpy().copy(), 0.062 * np.diff(ax.get_ylim())[0]
    for i in range(1, len(place)):
        place[i] = max(place[i], place[i - 1] + apart)
    place -= (place - ends.to_numpy()).mean()
    for (row, end), y in zip(ends.items(), place, strict=True):
        label, color = (names or {}).get(row, styles[row][0]), styles[row][1]["color"]
        ax.annotate(label, (at, end), (at + gap, y), fontsize=LABEL, va="center", color=color,
                    fontweight="bold" if row in strong else "normal",
                    arrowprops={"arrowstyle": "-", "color": color, "linewidth": 0.6})  # fmt: skip
    return ax


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
