"""docs/playground.md: what the playground's grid of methods, noises and rates gave, from its recorded runs alone."""

import pandas as pd

from lnlkit import papers, recorded
from lnlkit.recorded import ranks
from lnlkit.viz.style import noise_name

import results  # isort: skip

KEY = "00_playground"
VALUES = {"best_val": "at the best epoch on noisy validation data", "last": "at the last epoch"}
HEAD = """# The playground's grid

Made by `python docs/build.py` from the recorded runs in `lnlkit/recorded/00_playground.json`.

**How to read it.** All methods have one recipe and the defaults of their papers: nothing was tuned here, and a setting
of its own can put any of them ahead (the notebooks do that, paper by paper). Numbers are accuracies on clean test data
in per cent, mean ± standard deviation over seeds; **bold** is the best mean of a column. A method marked * is told the
noise rate, which nobody knows in practice.
"""
PICTURE = ("![Accuracy on digits at the last epoch against the noise rate, 22 methods, the best of them in colour]"
           "(figures/00_overview.png)")  # fmt: skip
RANKED = """Rank 1 is the highest mean accuracy of a setting (data set, noise, rate); settings that all methods were run
in count, {n} of them. By Nemenyi's test two average ranks that are less than {cd:.1f} apart do not differ (5 %).
Settings of one data set are not independent, so that more is needed than this."""


def page() -> str:
    """The whole page."""
    table, study = recorded.load(KEY), papers.load(KEY)
    lines = [HEAD, PICTURE, "", results.made(table), ""]
    for dataset, of_set in table.runs.groupby("dataset", sort=False):
        lines += [f"## {dataset}", "", settings(table.made["datasets"][dataset]), "", *ranked(of_set, study)]
        for noise, runs in of_set.groupby("noise", sort=False):
            for value, words in VALUES.items():
                lines += [f"**{noise_name(noise)} noise**, {words}:", "", *grid(runs, study, value), ""]
    return "\n".join(lines)


def settings(of: dict) -> str:
    """The recipe of a data set in a sentence."""
    said = ", ".join(f"{name} {value}" for name, value in of["optimizer"].items() if name != "name")
    n = of["n"]
    return (f"{n['train']:,} training images, {n['noisy_val']:,} for noisy validation, {n['test']:,} for the test; "
            f"network {of['network']}, {of['epochs']} epochs, batches of {of['batch_size']}, {of['optimizer']['name']} "
            f"({said}).")  # fmt: skip


def label(study: papers.Paper, row: str) -> str:
    return study.rows[row].label + ("*" if study.rows[row].needs else "")


def ranked(runs: pd.DataFrame, study: papers.Paper) -> list[str]:
    """Average ranks by both values."""
    found = {value: ranks.average_ranks(runs, value) for value in VALUES}
    about = found["last"].attrs
    lines = ["### Average ranks", "", RANKED.format(n=about["n"], cd=about["critical_difference"]), "",
             "| method | rank, last epoch | rank, best epoch |", "|---|---|---|"]  # fmt: skip
    for row, of in found["last"]["rank"].items():
        best = found["best_val"]["rank"][row]
        lines.append(f"| {label(study, row)} | {of:.1f} | {best:.1f} |")
    return [*lines, ""]


def grid(runs: pd.DataFrame, study: papers.Paper, value: str) -> list[str]:
    """A Markdown table: a line a method, a column a noise rate."""
    of = 100 * runs.groupby(["row", "noise_rate"])[value].agg(["mean", "std"])
    texts = (of["mean"].map("{:.1f}".format) + " ± " + of["std"].map("{:.1f}".format)).unstack()
    best = of["mean"].unstack().round(1)
    lines = ["| | " + " | ".join(f"{100 * rate:g} %" for rate in texts.columns) + " |", "|---|" + "---|" * len(texts.T)]
    for row in (name for name in study.rows if name in texts.index):
        cells = [f"**{texts[rate][row]}**" if best[rate][row] == best[rate].max() else texts[rate].fillna("")[row]
                 for rate in texts]  # fmt: skip
        lines.append(f"| {label(study, row)} | " + " | ".join(cells) + " |")
    return lines
