"""Accuracy against noise rate: of many methods at once, and of runs of one's own."""

import pandas as pd
import seaborn

from lnlkit import checks, recorded
from lnlkit.recorded import ranks
from lnlkit.viz import given, study
from lnlkit.viz.lines import bands, t_interval
from lnlkit.viz.show import describe
from lnlkit.viz.style import GREY, GUESS, LABEL, PALETTE, finish, panels, plain, row_labels, row_styles

NOTEBOOK = "00_playground"
LABELS = row_labels(NOTEBOOK)
CE = "ce"
NOISES = (*study.FIRST[:3], "class_conditional", *study.FIRST[3:])
VALUES = {"last": "last epoch", "best_val": "best epoch on noisy validation data"}


def _of_set(table, dataset):
    runs = given.runs(table, NOTEBOOK, "dataset", "noise", "noise_rate", "last", "best_val")
    there = list(dict.fromkeys(runs["dataset"]))
    return runs[runs["dataset"] == checks.one_of(dataset, "dataset", there)]


@plain
def overview(table, dataset="digits", value="last"):
    """Figure of accuracy on clean test data against the noise rate, a panel a kind of noise, one line a method.

    CE and the methods of the best average rank have colours, the others are grey: one recipe for all, nothing tuned.
    value: "last" for the last epoch, "best_val" for the best one on noisy validation data. Means over the seeds.
    """
    runs = _of_set(table, dataset)
    shown = runs[runs["noise"].isin(study.FIRST)]  # which all methods were run under
    fig = study.against_rate(shown, row_styles(NOTEBOOK), checks.one_of(value, "value", VALUES))
    order = ranks.average_ranks(runs, value)["rank"]
    said = ", ".join(f"{LABELS[row]} {order[row]:.1f}" for row in sorted(study.in_front(shown, value), key=order.get))
    return describe(fig, f"Accuracy of {len(order)} methods on {dataset} against the noise rate, {VALUES[value]}. "
                         f"Average ranks: {said}.")  # fmt: skip


def best_of(table, dataset="digits", value="last") -> pd.DataFrame:
    """Average ranks of the methods on a data set, with their labels: see `recorded.ranks`."""
    found = ranks.average_ranks(_of_set(table, dataset), value)
    return found.rename(index=LABELS)


@plain
def curves(runs, *, guesses=None, revealed=True, beside=None):
    """Figure of accuracy on clean test data, last epoch, against the noise rate: mean and 95 % t-interval over seeds.

    runs: tidy runs of rows of the playground on one data set under one kind of noise. guesses: {noise rate: per cent},
    diamonds; without `revealed` they stand alone. beside: other such runs, drawn thin and grey.
    """
    runs = recorded.frame(runs, "runs", "row", "seed", "noise_rate", value="last")
    guesses = checks.instance(guesses or {}, "guesses", dict)
    fig, ax = panels(width=8.2, height=3.7)
    if revealed:
        shown = runs.assign(method=runs["row"].map(LABELS), shown=100 * runs["last"])
        seaborn.lineplot(shown, x="noise_rate", y="shown", hue="method", style="method", ax=ax, palette=_colors(runs),
                         markers=True, dashes=False, linewidth=2, errorbar=t_interval, err_style="bars")  # fmt: skip
    if beside is not None:
        for row, of in recorded.frame(beside, "beside", "row", "noise_rate", value="last").groupby("row"):
            bands(ax, of, "last", x="noise_rate", unit=100, color=GREY, linewidth=1, label=f"{LABELS[row]}, recorded")
    if guesses:
        ax.plot(list(guesses), list(guesses.values()), **GUESS, color="black", linestyle=":", label="your guess")
    rates, n = sorted(runs["noise_rate"].unique()), runs["seed"].nunique()
    ax.set(xlim=(-0.02, max(rates) + 0.02), ylim=(0, 103), xticks=rates)
    finish(ax, f"clean test images recognised in the end ({n} seed{'s' if n > 1 else ''})", "share of wrong labels",
           "%", grid="y")  # fmt: skip
    ax.legend(fontsize=LABEL, frameon=False, loc="center left", bbox_to_anchor=(1.01, 0.5))
    told = ", ".join(f"{guess:g} % at {rate:g}" for rate, guess in guesses.items()) or "none"
    if not revealed:
        return describe(fig, f"What will the curve be? Your guesses: {told}.")
    means = (100 * runs.groupby(["row", "noise_rate"], sort=False)["last"].mean()).unstack("row")
    said = "; ".join(f"{LABELS[row]} from {of.iloc[0]:.0f} % at rate {of.index[0]:g} to {of.iloc[-1]:.0f} % at "
                     f"{of.index[-1]:g}" for row, of in means.sort_index().items())  # fmt: skip
    return describe(fig, f"{said}. Guesses: {told}.")


def _colors(runs):
    """{label: colour}: black for CE, the others in the order in which they come."""
    others = [row for row in dict.fromkeys(runs["row"]) if row != CE]
    return {LABELS[CE]: "black"} | {LABELS[row]: PALETTE[place % 10] for place, row in enumerate(others)}
