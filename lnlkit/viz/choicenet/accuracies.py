"""Accuracies of many rows under all noises: heat maps."""

import pandas as pd

from lnlkit.viz.choicenet.fits import NOTEBOOK
from lnlkit.viz.show import describe
from lnlkit.viz.style import LABEL, NOTE, WIDTH, noise_name, panels, row_labels
from lnlkit.viz.tables import heat_table

PARTS = {"best_val": "best noisy-validation epoch", "last": "last epoch"}


def setting_name(noise, noise_rate):
    """Heading of a column: kind of noise above its rate."""
    return "\n".join([*noise_name(noise).split(" "), f"{noise_rate:.0%}".replace("%", " %")])


def accuracies(table, rows):
    """Figure of the accuracies of rows, a heat map for each data set (left to right) and each of PARTS (below).

    A cell is the mean over the seeds ± standard deviation, in per cent; what was not run stays empty.
    """
    runs = table.runs[table.runs["row"].isin(rows) & (table.runs["task"] == "classification")]
    runs = runs.assign(setting=list(map(setting_name, runs["noise"], runs["noise_rate"])))
    settings = {name: list(own["setting"].unique()) for name, own in runs.groupby("dataset", sort=False)}
    fig, axes = panels(len(PARTS), len(settings), width=WIDTH, height=0.3 * len(rows) + 0.8, squeeze=False,
                       gridspec_kw={"width_ratios": [len(found) for found in settings.values()]})  # fmt: skip
    for part, across in zip(PARTS, axes, strict=True):
        for ax, name in zip(across, settings, strict=True):
            own = runs[runs["dataset"] == name]
            own = own.assign(place=own["setting"].map(settings[name].index))
            empty = pd.DataFrame({"row": rows, "place": 0})  # every panel has all rows, side by side
            heat_table(pd.concat([own, empty]), NOTEBOOK, rows=rows, columns="place", value=part, ax=ax)
            ax.set_title(f"{name}, {PARTS[part]}", fontsize=LABEL, loc="left")
            ax.set_xticklabels(settings[name] if part == list(PARTS)[-1] else [], fontsize=NOTE)
            ax.set(xlabel="", ylabel="")
            ax.tick_params(axis="y", labelleft=ax is across[0])
    return describe(fig, _words(runs))


def _words(runs):
    """The sentence of the figure: the best row of every setting, and how many seeds a cell has."""
    labels = row_labels(NOTEBOOK)
    means = runs.groupby(["dataset", "setting", "row"], sort=False)["best_val"].mean()
    best = means.groupby(level=["dataset", "setting"], sort=False).idxmax()
    said = "; ".join(f"{name}, {setting.replace(chr(10), ' ')}: {labels[row]} {100 * means[name, setting, row]:.1f}"
                     for name, setting, row in best)  # fmt: skip
    seeds = ", ".join(map(str, sorted(set(runs.groupby(["dataset", "setting", "row"]).size()))))
    return f"Accuracy in per cent of {runs['row'].nunique()} methods, n = {seeds}; best of each setting: {said}."
