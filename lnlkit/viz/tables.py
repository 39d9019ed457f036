"""Tables that a person reads: rich ones (pandas Stylers) for results, seaborn heat maps for methods against noise."""

import html
from numbers import Real

import numpy as np
import pandas as pd
import seaborn

from lnlkit import checks, papers, recorded
from lnlkit.viz import given
from lnlkit.viz.show import describe
from lnlkit.viz.style import LABEL, NOTE, WIDTH, finish, panels, plain, row_labels

STYLES = [
    {"selector": "", "props": "border-collapse: collapse; font-size: 13px; margin: 4px 0; max-width: 950px"},
    {"selector": "caption", "props": "text-align: left; padding: 4px 0; caption-side: top; color: inherit"},
    {"selector": "th, td", "props": "text-align: right; padding: 2px 8px; vertical-align: top; white-space: nowrap"},
    {"selector": "th.row_heading, th.blank", "props": "text-align: left; font-weight: normal"},
    {"selector": "th.col_heading", "props": "vertical-align: bottom; border-bottom: 1px solid #999999"},
    {"selector": "tbody tr:nth-child(odd)", "props": "background: #f6f6f6; color: #222222"},
    {"selector": "tbody tr:nth-child(even)", "props": "background: #ffffff; color: #222222"},
]
COMPARED = ("label", "published", "column", "heading", "place", "unit", "ours", "ours_sd", "paper", "paper_sd", "n")
MATHLESS = 'class="tex2jax_ignore mathjax_ignore"'  # a $ in a cell is a $
BOLD = "font-weight: bold"
GREEN, RED = "color: #00654a; font-weight: bold", "color: #b00020; font-weight: bold"
ERRATA = {"place": "6em", "printed": "14em", "right": "16em", "why": "20em"}  # columns and their widths
SHOWN = ("says", "place", "decided_by", "scale", "verdict", "value", "low", "high", "n", "unit", "passed", "wanted",
         "why")  # fmt: skip
VERDICTS = {"reproduced": GREEN, "holds": GREEN, "not reproduced": RED, "does not hold": RED}


def rich(frame, caption, *, best=None, digits=2, text=(), hide_index=True, widths=None):
    """The frame as a table for the page: a caption (what, n, unit, data), numbers to `digits`, best values in bold.

    best: "max" or "min" of each numeric column. digits: one number, or {column: number}.
    text: columns that are sentences, left-aligned and wrapped between words; nothing else wraps. widths: {column: CSS
    width}, for instance "28em". Text in cells is shown as it stands, `*`, `_` and `<` too.
    """
    _rich_arguments(frame, caption, best, digits, text, widths)
    numbers = [name for name in frame.columns if frame[name].dtype.kind == "f"]
    places = digits if isinstance(digits, dict) else dict.fromkeys(numbers, digits)
    table = _styled(frame, html.escape(caption)).format(
        {name: f"{{:.{places.get(name, 2)}f}}" for name in numbers}
        | dict.fromkeys(text, lambda words: str(words).replace(" %", "\u00a0%")), na_rep="", escape="html")  # fmt: skip
    words = [name for name in frame.columns if frame[name].dtype.kind not in "fiub"]
    looks = {name: [{"selector": kind, "props": "text-align: left"} for kind in ("th", "td")] for name in words}
    for name in text:
        width = (widths or {}).get(name, "28em")
        looks[name] += [{"selector": "td", "props": f"white-space: normal; min-width: {width}"}]
    table = table.set_table_styles(looks, axis=0, overwrite=False)
    if best:
        table = getattr(table, f"highlight_{best}")(subset=numbers, axis=0, props=BOLD)
    return table.hide(axis="index") if hide_index else table


def _rich_arguments(frame, caption, best, digits, text, widths):
    """Raises unless the arguments of `rich` fit each other."""
    recorded.frame(frame, "frame")
    checks.text(caption, "caption")
    if not frame.columns.is_unique or not frame.index.is_unique:
        raise ValueError("`frame` must have different columns and different index labels: .reset_index() makes such.")
    if best is not None:
        checks.one_of(best, "best", ("max", "min"))
    for places in digits.values() if isinstance(digits, dict) else [digits]:
        checks.count(places, "digits")
    if isinstance(text, str):
        raise TypeError(f"`text` must be a list of columns, but got {text!r}. Did you mean [{text!r}]?")
    named = {"digits": digits if isinstance(digits, dict) else (), "text": text, "widths": widths or ()}
    for name, columns in named.items():
        for column in columns:
            if column not in frame:
                raise ValueError(f"`{name}` must name columns of the frame, {list(frame)[:9]}, but got {column!r}.")


def _styled(frame, caption):
    """A Styler with the look of all tables, what stands in its margins shown as it is."""
    table = frame.style.set_caption(caption).set_table_styles(STYLES).set_table_attributes(MATHLESS)
    return table.format_index(escape="html", axis=0).format_index(escape="html", axis=1)


def spread(mean, sd, digits=1):
    """'97.0 ± 0.1', '97.0' for one seed, '' where nothing was run."""
    for name, value in (("mean", mean), ("sd", sd)):
        if value is not None and (isinstance(value, bool) or not isinstance(value, Real)):
            raise TypeError(f"`{name}` must be a number or None, but got {checks.brief(value)}.")
    checks.count(digits, "digits")
    if mean is None or not np.isfinite(mean):
        return ""
    return f"{mean:.{digits}f}" + (f" ± {sd:.{digits}f}" if sd is not None and np.isfinite(sd) else "")


def claims(verdicts, title="Claims"):
    """The claims of a paper with their verdicts, as `recorded.judging.verdicts` returns them or a record holds them.

    A last column has what the reader's own runs measure, where there are any.
    """
    found = [_verdict(verdict) for verdict in checks.sequence(verdicts, "verdicts")]
    checks.text(title, "title")
    frame = pd.DataFrame({
        "the paper says": [f"{v['says']} ({v['place']})" for v in found],
    } | {name: [getattr(papers.verdicts, name)(v) for v in found] for name in ("verdict", "measured", "wanted")})
    if any(v.get("yours") is not None for v in found):
        frame["yours"] = ["" if v.get("yours") is None else f"{v['yours']:.3g}" for v in found]
    words = [v["verdict"] for v in found]
    counts = ", ".join(f"{words.count(word)} {word}" for word in papers.VERDICTS if word in words)
    widths = {"the paper says": "26em", "verdict": "6em", "measured": "9em", "wanted": "12em"}
    table = rich(frame, f"{title}: {counts}.", text=list(widths), widths=widths)
    styles = [VERDICTS.get(word, "color: #666666") for word in words]
    return table.apply(lambda column: styles, subset=["verdict"])


def _verdict(verdict):
    """A verdict as a dict, with all that is shown of it."""
    found = verdict if isinstance(verdict, dict) else vars(checks.instance(verdict, "verdicts", papers.Verdict))
    if missing := [key for key in SHOWN if key not in found]:
        raise ValueError(f"`verdicts` must be what recorded.judging.verdicts returns, but one has no {missing[0]!r}.")
    checks.one_of(found["verdict"], "verdicts", papers.VERDICTS)
    return found


def errata(paper):
    """The errata of a paper: a table of those that matter, and under it, folded, one of the others."""
    from IPython.display import HTML

    checks.instance(paper, "paper", papers.Paper)
    pages = []
    for matters in (True, False):
        found = [vars(erratum) for erratum in paper.errata if erratum.matters is matters]
        frame = pd.DataFrame(found, columns=list(ERRATA))
        pages.append(rich(frame, f"{len(found)} places", text=list(ERRATA), widths=ERRATA).to_html() if found else "")
    rest = f"<details><summary>▸ The other places, for the record</summary>{pages[1]}</details>" if pages[1] else ""
    return HTML(pages[0] + rest)


def comparison(rows, place=None, *, best=None):
    """Paper against ours, as `papers.compare` returns it (of one `place`), as a table for the page.

    A cell has ours above and the paper's below in grey. best: "max" or "min", whose value of ours is bold in each
    column. More than eight columns become rows.
    """
    rows = checks.sequence(rows, "rows")
    if missing := [key for key in COMPARED for row in rows if not isinstance(row, dict) or key not in row]:
        raise ValueError(f"`rows` must be what papers.compare returns, but one has no {missing[0]!r}.")
    if place is not None:
        checks.one_of(place, "place", dict.fromkeys(row["place"] for row in rows))
    if best is not None:
        checks.one_of(best, "best", ("max", "min"))
    rows = [row for row in rows if place is None or row["place"] == place]
    frame = pd.DataFrame(rows).astype({"ours": float})
    frame["label"] += frame["published"].map({"quoted": " †", "no": " ‡"}).fillna("")
    top = frame.groupby("heading")["ours"].transform(best) if best else np.nan
    frame["cell"] = list(map(_both, rows, frame["ours"] == top))
    headings = (frame.sort_values("column") if frame["column"].dtype.kind in "fi" else frame)["heading"].unique()
    words = frame.pivot(index="label", columns="heading", values="cell").rename_axis(index=None, columns=None)
    words = words.reindex(index=frame["label"].unique(), columns=headings).fillna("")
    return _styled(words.T if len(words.columns) > 8 > len(words) else words, html.escape(_about(rows)))


def _about(rows):
    """The caption of a comparison: which table, unit, n, and what the marks mean that occur."""
    sizes = sorted({row["n"] for row in rows if row["n"]})
    marks = {"quoted": "† quoted there from another paper", "no": "‡ not in the paper: our control"}
    marks = [text for key, text in marks.items() if any(row["published"] == key for row in rows)]
    first = f"{rows[0]['place']}, {rows[0]['unit']}: ours (mean ± sd, {n_text(sizes)}), and below in grey the paper's"
    return "; ".join([first, *marks]) + "."


def n_text(sizes):
    """'n = 3', 'n = 1 to 5', unbroken."""
    text = f"n = {min(sizes)}" + (f" to {max(sizes)}" if min(sizes) < max(sizes) else "") if len(sizes) else "not run"
    return text.replace(" ", "\u00a0")


def _both(row, bold):
    ours, paper = (spread(row[side], row[f"{side}_sd"]) or "–" for side in ("ours", "paper"))
    return f"{f'<b>{ours}</b>' if bold else ours}<br><span style='color: #6b6b6b'>{paper}</span>"


@plain
def heat_table(runs, notebook, *, rows=None, columns="noise_rate", value="best_val", unit=100.0, ax=None, title=None,
               xlabel=None, low_is_good=False, what="accuracy, %", span=None):  # fmt: skip
    """A heat map of methods against noise, each cell annotated mean ± standard deviation over the seeds.

    runs: tidy, one row a run. unit: factor on the values, 100 for per cent. Bright is good; the best of a column is
    bold. span: (lowest, highest) of the colours, the map's own without it. Returns the figure with a description, or
    the axes where `ax` is given.
    """
    if ax is not None:
        given.axes(ax)
    labels, runs = row_labels(notebook), recorded.frame(runs, "runs", "row", columns, value=value)
    unit, there = checks.positive(unit, "unit"), set(runs["row"])
    rows = [row for row in (labels if rows is None else given.rows(rows, notebook)) if row in there]
    if not rows:
        raise ValueError(f"`runs` must have rows of {notebook}, but has only {sorted(map(str, there))[:9]}.")
    values = runs[runs["row"].isin(rows)].set_index(["row", columns])[value].astype(float)
    groups = (unit * values).groupby(level=[0, 1], observed=True)
    sizes = groups.count()  # of values: a run without one is none
    if not sizes.any():
        raise ValueError(f"`runs` must have values of {value!r} in the rows asked for, but has none.")
    mean, sd = (found.unstack().reindex(rows) for found in (groups.mean(), groups.std()))
    words = mean.combine(sd, lambda m, s: m.combine(s, spread))
    said, fig = f"{title or what} (mean ± sd, {n_text(sizes[sizes > 0])})", None
    if ax is None:
        width = max(2.6 + 1.15 * mean.shape[1], 0.09 * len(said))
        fig, ax = panels(width=min(WIDTH, width), height=0.3 * len(rows) + 1)
        fig.suptitle(said, fontsize=LABEL, x=0.01, ha="left")
    low, high = (None, None) if span is None else _span(span)
    seaborn.heatmap(mean, annot=words, fmt="", cmap="cividis_r" if low_is_good else "cividis", ax=ax,
                    cbar=False, linewidths=0.5, robust=True, annot_kws={"fontsize": NOTE}, vmin=low, vmax=high,
                    yticklabels=[labels[row] for row in rows])  # fmt: skip
    best = mean.dropna(axis=1, how="all").agg("idxmin" if low_is_good else "idxmax")
    in_bold(ax, mean, best)
    ax.tick_params(rotation=0, length=0)
    finish(ax, None if fig else title, xlabel or columns.replace("_", " "), "")
    if fig is None:
        return ax
    leaders = [f"{labels[row]} {mean.loc[row, column]:.1f} at {column}" for column, row in best.items()]
    return describe(fig, f"Table of {said}, {len(rows)} methods. Best: {', '.join(leaders)}.")


def _span(span):
    """The lowest and the highest value of a scale of colours."""
    values = checks.numbers(span, "span", 1).tolist()
    if len(values) != 2 or values[0] > values[1]:
        raise ValueError(f"`span` must be (lowest, highest), two values of the colours, but got {checks.brief(span)}.")
    return values


def in_bold(ax, values, best):
    """The heat map of values (a DataFrame) with the number of the `best` row of each column in bold."""
    for text in ax.texts:
        column, row = (int(place) for place in text.get_position())
        leads = best.get(values.columns[column]) == values.index[row]
        text.set_fontweight("bold" if leads else "normal")
    return ax
