"""Tables that a person reads: rich ones (pandas Stylers) for results, seaborn heat maps for methods against noise."""

import html

import numpy as np
import seaborn

from lnlkit.viz.show import describe
from lnlkit.viz.style import LABEL, NOTE, TICK, WIDTH, finish, panels, row_styles

STYLES = [
    {"selector": "", "props": "border-collapse: collapse; font-size: 13px; margin: 4px 0"},
    {"selector": "caption", "props": "text-align: left; font-weight: bold; padding: 4px 0; caption-side: top"},
    {"selector": "th, td", "props": "text-align: right; padding: 3px 8px; vertical-align: top"},
    {"selector": "th.row_heading, td.text, th.blank", "props": "text-align: left"},
    {"selector": "tbody tr:nth-child(odd)", "props": "background: #f6f6f6"},
]


def rich(frame, caption, *, best=None, digits=2, text=(), hide_index=True, widths=None):
    """The frame as a table for the page: a caption (what, n, unit, data), numbers to `digits`, best values in bold.

    best: "max" or "min" of each numeric column. text: columns that are sentences, left-aligned and wrapped between
    words. widths: {column: CSS width}. Text in cells is shown as it stands, `*` and `_` too.
    """
    numbers = [name for name in frame.columns if frame[name].dtype.kind in "fi"]
    table = frame.style.set_caption(caption).set_table_styles(STYLES).format(
        {name: f"{{:.{digits}f}}" for name in numbers if frame[name].dtype.kind == "f"}, na_rep="", escape="html")
    if hide_index:
        table = table.hide(axis="index")
    for name in text:
        width = (widths or {}).get(name, "28em")
        table = table.set_properties(subset=[name], **{"text-align": "left", "white-space": "normal", "width": width})
    rest = [name for name in frame.columns if name not in text]
    table = table.set_properties(subset=rest, **{"white-space": "nowrap"})
    if best:
        show = table.highlight_max if best == "max" else table.highlight_min
        table = show(subset=numbers, axis=0, props="font-weight: bold")
    return table


def spread(mean, sd, digits=1):
    """'97.0 ± 0.1', '97.0' for one seed, '' where nothing was run."""
    if mean is None or not np.isfinite(mean):
        return ""
    return f"{mean:.{digits}f}" + (f" ± {sd:.{digits}f}" if sd is not None and np.isfinite(sd) else "")


def claims(verdicts):
    """The claims of a paper with their verdicts, as `papers.judge` returns them, as a table for the page."""
    import pandas as pd

    rows = [{"the paper says": f"{v['says']} ({v['place']})", "verdict": v["verdict"],
             "measured": "" if v["value"] is None else f"{v['value']:.2f} (n = {v['n']})",
             "wanted or why not": v["wanted"] or v["why"]} for v in map(_as_dict, verdicts)]  # fmt: skip
    return rich(pd.DataFrame(rows), f"{len(rows)} claims", text=["the paper says", "wanted or why not"],
                widths={"the paper says": "36em", "wanted or why not": "18em"})  # fmt: skip


def _as_dict(value):
    return value if isinstance(value, dict) else value.__dict__


def comparison(rows, place=None):
    """Paper against ours, as `papers.compare` returns it (of one `place`), as a table for the page.

    A line a row of the paper's table, a pair of lines a cell: ours above, the paper's below in grey.
    """
    import pandas as pd

    rows = [row for row in rows if place is None or row["place"] == place]
    sizes = ", ".join(map(str, sorted({row["n"] for row in rows if row["n"]}))) or "0"
    marks = {"quoted": " *", "no": " +"}
    cells = {}
    for row in rows:
        label = row["label"] + marks.get(row["published"], "")
        cells.setdefault(label, {})[row["heading"]] = _both(row)
    frame = pd.DataFrame.from_dict(cells, orient="index").fillna("")
    caption = (f"{rows[0]['place']}, {rows[0]['unit']}: ours (n = {sizes}, ± standard deviation), and in grey the "
               "paper's")  # fmt: skip
    table = frame.style.set_caption(caption).set_table_styles(STYLES)
    return table.set_properties(**{"white-space": "nowrap"})


def _both(row):
    ours, paper = spread(row["ours"], row["ours_sd"]), spread(row["paper"], row["paper_sd"])
    return f"{html.escape(ours) or '–'}<br><span style='color: #767676'>{html.escape(paper)}</span>"


def heat_table(runs, notebook, *, rows=None, columns="noise_rate", value="best_val", unit=100.0, digits=1, ax=None,
               title=None, xlabel=None, low_is_good=False, what="accuracy, %"):  # fmt: skip
    """A heat map of methods against noise, each cell annotated mean ± standard deviation over the seeds.

    runs: tidy, one row a run. Returns the figure with a description, or the axes where `ax` is given.
    """
    styles = row_styles(notebook)
    rows = [row for row in (rows or styles) if row in set(runs["row"])]
    groups = runs.assign(value=unit * runs[value]).groupby(["row", columns])["value"]
    mean, sd = (found.unstack().reindex(rows) for found in (groups.mean(), groups.std()))
    words = mean.copy().astype(object)
    for row in mean.index:
        for column in mean.columns:
            words.loc[row, column] = spread(mean.loc[row, column], sd.loc[row, column], digits)
    labels = [styles[row][0] for row in rows]
    fig = None
    if ax is None:
        fig, ax = panels(width=min(WIDTH, 2.6 + 1.15 * mean.shape[1]), height=0.34 * len(rows) + 1.0)
    seaborn.heatmap(mean.astype(float), annot=words.to_numpy(), fmt="", cmap="cividis_r" if low_is_good else "cividis",
                    ax=ax, cbar=False, linewidths=0.5, annot_kws={"fontsize": NOTE}, yticklabels=labels)  # fmt: skip
    ax.tick_params(axis="y", rotation=0, length=0, labelsize=TICK)
    ax.tick_params(axis="x", length=0)
    finish(ax, title, xlabel or columns.replace("_", " "), None)
    if fig is None:
        return ax
    n = ", ".join(map(str, sorted(set(groups.size()))))
    best = mean.idxmin() if low_is_good else mean.idxmax()
    said = "; ".join(f"at {column}: {styles[row][0]} {mean.loc[row, column]:.{digits}f}" for column, row in best.items())
    ax.set_title(f"{title or what} (mean ± standard deviation, n = {n})", fontsize=LABEL, loc="left")
    return describe(fig, f"Table of {what} of {len(rows)} methods, n = {n}; best {said}.")
