"""The runs of one protocol on a page: accuracy against the noise rate, ranks, tables, and the names of the runs."""

import itertools
import re

import numpy as np
import pandas as pd

from lnlkit import papers
from lnlkit.recorded import Recorded, protocols, ranks
from lnlkit.recorded.protocols import Part
from lnlkit.run.pages.blocks import Page, folded, table
from lnlkit.run.report import TOLD, escaped, marked
from lnlkit.tasks.running import Metric
from lnlkit.viz import noise_name, study
from lnlkit.viz.picture import of_every_kind

RANKED = """Rank 1 is the best mean of a setting (a kind of noise at a rate); the {n} settings in which all of these
methods have results count. By Nemenyi's test two average ranks that are less than {cd:.1f} apart, the width of the grey
band, cannot be told apart (5 %). Settings of one data set are not independent, so that more is needed than this."""
SHORT = {"best_val": "best epoch on noisy validation data", "last": "last epoch"}


def sections(page: Page, found: Recorded, number: str, *, fold: bool, level: str = "###") -> None:
    """All runs of a table, a section a protocol; those that check a paper's choices as tables alone, at the end.

    fold: the tables open at a click. number: what names of figures begin with.
    """
    rows, parts, checks = protocols.rows_of(found), protocols.parts(found), []
    for place, (part, heading) in enumerate(zip(parts, protocols.headings(parts), strict=True)):
        lines, names = tables(part, rows), f"Runs: `{' '.join(part.runs['key'])}`"
        if part.schedule:
            checks += [f"**{escaped(heading)}.** {escaped(part.settings)}", "", *lines, names, ""]
            continue
        page.add(f"{level} {escaped(heading)}")
        page.add(escaped(part.settings))
        name = f"{number}_overview" if not (fold or place) else f"{number}_{_file(heading)}"
        _figure(page, part, rows, name, (found.notebook[3:],))  # a paper's own method has the name of the paper
        _ranks(page, part, rows, f"{name}_ranks")
        page.add(*([] if fold else lines), *folded(_counted(part.runs) + (" in tables" if fold else ", by name"),
                                                   [*(lines if fold else []), names]))  # fmt: skip
    if checks:
        page.add(f"{level} Runs with other settings, which check our choices")
        page.add(*folded(f"{_counted(found.checks)} in tables", checks))


def _counted(runs: pd.DataFrame) -> str:
    return f"{len(runs)} run{'s' if len(runs) > 1 else ''}"


def _file(heading: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", heading.lower())[:60].strip("_")


def _looks(rows: dict[str, papers.Row]) -> dict:
    return {row: (of.label + (TOLD if of.needs else ""), dict(zip(("color", "marker", "linestyle"), of.draw,
            strict=True))) for row, of in rows.items()}  # fmt: skip


def _figure(page: Page, part: Part, rows: dict, name: str, front: tuple[str, ...]) -> None:
    """The picture of the last metric against the noise rate, where there are two rates of a noise or more."""
    runs, value = part.main, list(part.metrics)[-1]
    metric, runs = part.metrics[value], runs[runs[value].notna()]
    if len(runs) and (of_every_kind(runs).groupby("noise")["noise_rate"].nunique() > 1).any():
        looks = {row: look for row, look in _looks(rows).items() if row in set(runs["row"])}
        axis = f"{metric.says.split(' on ')[0]}{metric.unit and f', {metric.unit}'}"
        fig = study.against_rate(runs, looks, value, says=axis, unit=metric.factor, lower=metric.lower,
                                 what=part.dataset, about=metric.says, front=front)  # fmt: skip
        page.figure(fig, name)


def _ranks(page: Page, part: Part, rows: dict, name: str) -> None:
    """Average ranks by each metric, as a picture and a table; nothing for one method or one setting."""
    found = {}
    for value, metric in part.metrics.items():
        runs = ranks.common(part.main, value) if part.main[value].notna().any() else part.main.iloc[:0]
        if runs["row"].nunique() > 1 and len(ranks.of_all(runs, value)) > 1:
            found[SHORT.get(value, metric.says)] = ranks.average_ranks(runs, value, metric.lower)
    if not found:
        return
    first = next(iter(found.values()))
    about, labels = first.attrs, {row: look[0] for row, look in _looks(rows).items()}
    page.add(_in_short(found, labels))
    page.figure(study.rank_dots(found, labels, what=part.dataset), name)
    page.add(RANKED.format(n=about["n"], cd=about["critical_difference"]))
    lines = [[marked(rows[row].label, rows[row].needs), *(f"{of['rank'][row]:.1f}" if row in of.index else ""
              for of in found.values())] for row in first.index]  # fmt: skip
    page.add(*folded("The average ranks as a table", table(["method", *(f"rank, {title}" for title in found)], lines)))
    left = [rows[row].label for row in dict.fromkeys(part.runs["row"]) if row not in first.index]
    if left:
        page.add(f"Not ranked, as they were not run in all of these settings: {escaped('; '.join(left))}.")


def _in_short(found: dict[str, pd.DataFrame], labels: dict) -> str:
    """Who is ahead by each metric, and how many cannot be told from the best."""
    said = []
    for title, ranked in found.items():
        best = ranked["rank"].min()
        first = " and ".join(f"**{escaped(labels[row])}**" for row in ranked.index[ranked["rank"] == best])
        near = int((ranked["rank"] - best < ranked.attrs["critical_difference"]).sum())
        said.append(f"{title}: {first}, average rank {best:.1f}, within the critical difference of {near} of "
                    f"{len(ranked)} methods" if near > 1 else f"{title}: {first}, average rank {best:.1f}")  # fmt: skip
    return f"**Ahead over all settings**, {'; '.join(said)}."


def tables(part: Part, rows: dict) -> list[str]:
    """A table for each kind of noise and metric: a line a method, a column a noise rate."""
    lines = []
    for noise, value in itertools.product(study.in_order(part.runs["noise"]), part.metrics):
        metric, runs = part.metrics[value], part.runs[part.runs["noise"] == noise]
        unit = f", {metric.unit}" if metric.unit else ""
        n = runs.groupby(["row", *part.columns], dropna=False).size()
        seeds = f"n = {n.mode()[0]}" + ("" if n.nunique() == 1 else " unless a cell says otherwise")
        lines += [f"**{escaped(of_noise(noise))}**: {metric.says}{unit}, mean ± sd, {seeds}", "",
                  *grid(runs, rows, value, metric, part.columns), ""]  # fmt: skip
    return lines


def of_noise(noise: str) -> str:
    """'pair-flip noise', but 'labels by people' and 'uniform outliers'."""
    name = noise_name(noise)
    return name if re.search("label|outlier", name) else f"{name} noise"


def grid(runs: pd.DataFrame, rows: dict, value: str, metric: Metric, by: list[str]) -> list[str]:
    """A Markdown table: mean ± standard deviation over the seeds, the best mean of a column bold.

    A cell of which a run has no result, as it diverged, says so and has no mean.
    """
    by = ["noise_rate", *(name for name in by[1:] if runs[name].nunique(dropna=False) > 1)]
    keys = [runs[name].astype(object).where(runs[name].notna(), "") for name in by]
    cells = (metric.factor * runs[value]).groupby([runs["row"], *keys], sort=False)
    of = cells.agg(["mean", "std", "size", "count"])
    of["mean"] = of["mean"].where(of["count"] == of["size"])
    usual = of["size"].mode()[0]
    columns = sorted(dict.fromkeys(key[1:] for key in of.index), key=lambda key: [(v == "", v) for v in key])
    best = of["mean"].round(metric.digits).groupby(level=by).agg("min" if metric.lower else "max")
    lines = []
    for row in (name for name in rows if name in of.index.get_level_values("row")):
        line = [marked(rows[row].label, rows[row].needs)]
        for key in columns:
            text = _cell(of.loc[(row, *key)], metric.digits, usual) if (row, *key) in of.index else ""
            top = text and round(of["mean"][(row, *key)], metric.digits) == best[key if len(key) > 1 else key[0]]
            line.append(f"**{text}**" if top else text)
        lines.append(line)
    return table(["", *(_heading(by, key) for key in columns)], lines)


def _cell(of: pd.Series, digits: int, usual: int) -> str:
    if of["count"] < of["size"]:
        return f"no result in {of['size'] - of['count']:.0f} of {of['size']:.0f}"
    spread = f" ± {of['std']:.{digits}f}" if np.isfinite(of["std"]) else ""
    return f"{of['mean']:.{digits}f}{spread}" + ("" if of["size"] == usual else f" (n = {of['size']:.0f})")


def _heading(names: list[str], values: tuple) -> str:
    """'20 %', '40 %, size 0.2'."""
    rate, *others = values
    given = [f"{name.removesuffix('_mi')} {value:g}" for name, value in zip(names[1:], others, strict=True)
             if value != ""]  # fmt: skip
    return ", ".join([f"{np.round(100 * rate, 6):g} %", *given])
