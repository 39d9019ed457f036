"""Pictures of the playground: accuracy against noise rate of many methods, and an explorer of all its runs."""

import pandas as pd

from lnlkit import checks, recorded
from lnlkit.recorded import ranks
from lnlkit.viz import given
from lnlkit.viz.lines import bands, legend_below
from lnlkit.viz.matrices import transition_heatmap
from lnlkit.viz.picture import Picture, in_order, of_every_kind, standing
from lnlkit.viz.show import describe
from lnlkit.viz.style import GREY, LABEL, NOTE, PALETTE, finish, noise_name, panels, plain, row_labels, row_styles

NOTEBOOK = "00_playground"
LABELS = row_labels(NOTEBOOK)
CE = "ce"
NOISES = ("symmetric", "pairflip", "part_dependent", "model_idn")
VALUES = {"last": "last epoch", "best_val": "best epoch on noisy validation data"}
SHOWN = 4  # methods that have colours beside CE


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
    checks.one_of(value, "value", VALUES)
    order = ranks.average_ranks(runs, value)["rank"]
    best = [row for row in order.index if row != CE][:SHOWN]
    noisy = of_every_kind(runs)
    kinds = [noise for noise in NOISES if (noisy["noise"] == noise).any()]
    fig, axes = panels(1, len(kinds), width=10.6, height=3.3, sharey=True, squeeze=False)
    for ax, noise in zip(axes[0], kinds, strict=True):
        means = 100 * noisy[noisy["noise"] == noise].groupby(["row", "noise_rate"])[value].mean().unstack("row")
        for row in means:
            strong = row in (CE, *best)
            look = row_styles(NOTEBOOK)[row][1] if row in best else {"color": "black" if row == CE else GREY}
            ax.plot(means.index, means[row], **look, linewidth=2 if strong else 0.6, alpha=1 if strong else 0.5,
                    markersize=5, zorder=3 if strong else 1, label=LABELS[row] if strong else None)  # fmt: skip
        finish(ax, noise_name(noise), "share of wrong labels", "accuracy, %" if ax is axes[0, 0] else "", grid="y")
    fig = legend_below(fig, axes[0, 0], columns=SHOWN + 1)
    said = ", ".join(f"{LABELS[row]} {order[row]:.1f}" for row in (*best, CE))
    return describe(fig, f"Accuracy of {len(order)} methods on {dataset} against the noise rate, {VALUES[value]}. "
                         f"Average ranks: {said}.")  # fmt: skip


class Playground(Picture):
    """A method under a noise: accuracy against the rate beside CE, what happens over the epochs, and the labels' flips.

    Lines are means over the seeds, bands their range.
    """

    title = "playground"
    labels = {"dataset": "data set", "noise": "noise kind", "noise_rate": "noise rate", "row": "method"}
    names = {"noise": noise_name, "row": LABELS.get}
    start = {"dataset": "digits", "noise": "symmetric", "noise_rate": 0.4, "row": "coteaching"}
    size = (10.6, 4.0)

    def __init__(self, table):
        self.runs = given.runs(table, NOTEBOOK, "dataset", "noise", "noise_rate", "last", "realised_rate")
        columns = ["dataset", "noise", "noise_rate", "row"]
        noisy = self.runs[self.runs["noise_rate"] > 0]
        order = dict.fromkeys(self.runs["dataset"]) | dict.fromkeys(NOISES) | dict.fromkeys(LABELS)
        super().__init__(table, in_order(noisy, columns, order))

    def lay_out(self):
        self.rates = self.fig.add_axes([0.055, 0.15, 0.26, 0.68])
        self.epochs = self.fig.add_axes([0.385, 0.15, 0.26, 0.68])
        self.flips = self.fig.add_axes([0.70, 0.13, 0.29, 0.72])

    def fill(self, dataset, noise, noise_rate, row):
        of_set = self.runs[self.runs["dataset"] == dataset]
        runs = of_set[(of_set["noise"] == noise) & (of_set["noise_rate"] == noise_rate)]
        self.panel(self.rates, (dataset, noise, noise_rate, row), self._rates, of_set, noise, noise_rate, row)
        self.panel(self.epochs, (dataset, noise, noise_rate, row), self._epochs, runs, row)
        self.panel(self.flips, (dataset, noise, noise_rate), self._flips, dataset, noise, noise_rate)
        heading = self.heading(f"{LABELS[row]} on {dataset}, {noise_name(noise)} noise, rate {noise_rate:g}",
                               runs[runs["row"] == row])  # fmt: skip
        means = 100 * runs.groupby("row")["last"].mean()
        return (f"{heading}. {means[row]:.1f} % at the last epoch, CE {means[CE]:.1f} %; "
                f"{standing(means, row, LABELS)}.")  # fmt: skip

    def _rates(self, ax, of_set, noise, noise_rate, row):
        shown = of_every_kind(of_set)
        shown = shown[shown["noise"] == noise]
        for each in dict.fromkeys((CE, row)):
            bands(ax, shown[shown["row"] == each], "last", x="noise_rate", unit=100, label=LABELS[each], **_look(each))
        ax.axvline(noise_rate, color=GREY, linewidth=1, linestyle=":")
        ax.legend(fontsize=NOTE, frameon=False, loc="lower left")
        finish(ax, "accuracy on clean test data, last epoch", "share of wrong labels", "%", grid="y").set_ylim(0, 102)

    def _epochs(self, ax, runs, row):
        own = self.table.epochs[self.table.epochs["key"].isin(runs.loc[runs["row"] == row, "key"])]
        for place, (name, label) in enumerate({"test_acc": "clean test data recognised",
                                               "memorised": "wrong labels learned by heart"}.items()):  # fmt: skip
            bands(ax, own, name, unit=100, label=label, color=PALETTE[2 + place], linestyle=("-", "--")[place])
        ax.legend(fontsize=NOTE, frameon=False, loc="center right")
        finish(ax, "while it learns", "epoch", "%", grid="y").set_ylim(0, 102)

    def _flips(self, ax, dataset, noise, noise_rate):
        found = recorded.frame(self.table.matrices, "matrices")
        found = found[(found["dataset"] == dataset) & (found["noise"] == noise) & (found["noise_rate"] == noise_rate)]
        transition_heatmap(found.iloc[0]["T"], ax, title="which label turns into which")
        ax.xaxis.label.set_size(LABEL)


def _look(row):
    """A line of the chosen method in its colour, CE in black."""
    return {"color": "black", "linestyle": "--"} if row == CE else {"color": row_styles(NOTEBOOK)[row][1]["color"]}


def pictures(table):
    """The explorer of the recorded table: {name: Picture}."""
    return {"playground": Playground(table)}


def best_of(table, dataset="digits", value="last") -> pd.DataFrame:
    """Average ranks of the methods on a data set, with their labels: see `recorded.ranks`."""
    found = ranks.average_ranks(_of_set(table, dataset), value)
    return found.rename(index=LABELS)
