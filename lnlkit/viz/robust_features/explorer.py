"""The explorer of the recorded runs: what is learned over the epochs, the map of features, restorations."""

import numpy as np
from matplotlib.lines import Line2D

from lnlkit.viz.embeddings import embedding
from lnlkit.viz.lines import bands
from lnlkit.viz.picture import Picture, in_order, of_every_kind
from lnlkit.viz.robust_features.features import drawn, quality
from lnlkit.viz.robust_features.memory import CE, LABELS, METHOD, of_the_paper
from lnlkit.viz.style import LABEL, NOTE, PALETTE, blank, finish, noise_name

CURVES = {  # column of the epochs: its name, line
    "test_acc": ("clean test images recognised", "-"),
    "memorised": ("wrong labels learned by heart", "--"),
}
COLORS = {"test_acc": PALETTE[0], "memorised": PALETTE[3]}
SHOWN = ("images", "augmented", "restored")


class Runs(Picture):
    """One recorded setting: curves over the epochs beside CE's, map of features, three restored test images."""

    title = "run explorer"
    labels = {"noise": "noise kind", "noise_rate": "noise rate", "row": "method"}
    names = {"noise": noise_name, "row": LABELS.get}
    start = {"noise": "symmetric", "noise_rate": 0.8, "row": METHOD}
    size = (10.6, 4.2)

    def __init__(self, table):
        self.runs = of_the_paper(table, "oracle", "last", "realised_rate")
        order = ["symmetric", "pairflip", *self.runs["noise"].unique(), *LABELS]
        super().__init__(table, in_order(of_every_kind(self.runs), list(self.labels), dict.fromkeys(order)))

    def lay_out(self):
        self.curves = self.fig.add_axes([0.055, 0.26, 0.36, 0.61])
        self.points = self.fig.add_axes([0.445, 0.13, 0.29, 0.74])
        self.images = self.fig.add_axes([0.765, 0.13, 0.23, 0.74], anchor="N")
        lines = [Line2D([], [], label=label, color=COLORS[column], linestyle=line, linewidth=1.8)
                 for column, (label, line) in CURVES.items()]  # fmt: skip
        grey = Line2D([], [], color="#b0b0b0", label="the same of CE", linewidth=1.8)
        self.fig.legend(handles=[*lines, grey], loc="upper left", bbox_to_anchor=(0.03, 0.15), fontsize=NOTE,
                        frameon=False, ncols=2)  # fmt: skip

    def fill(self, noise, noise_rate, row):
        runs = self.runs[(self.runs["noise_rate"] == noise_rate) & ((self.runs["noise"] == noise) | (noise_rate == 0))]
        key = (noise if noise_rate else None, noise_rate, row)  # without noise all kinds are the same
        self.panel(self.curves, key, self._curves, runs, row)
        self.panel(self.points, key, self._points, runs, row)
        self.panel(self.images, key, self._images, runs, row)
        own, ce = runs[runs["row"] == row], runs[runs["row"] == CE]
        heading = self.heading(f"{LABELS[row]}, {noise_name(noise)} noise, rate {noise_rate:g}", own)
        best, last = 100 * own["oracle"].mean(), 100 * own["last"].mean()
        beside = f"; CE has {100 * ce['oracle'].mean():.1f} and {100 * ce['last'].mean():.1f} %" if len(ce) else ""
        return (f"{heading}: clean-test accuracy {best:.1f} % at its highest and {last:.1f} % at the last epoch"
                f"{beside if row != CE else ''}.")  # fmt: skip

    def _curves(self, ax, runs, row):
        for name in (CE, row) if row != CE else (row,):
            epochs = self.table.epochs[self.table.epochs["key"].isin(runs.loc[runs["row"] == name, "key"])]
            for column, (label, line) in CURVES.items():
                if len(epochs) and (column == "test_acc" or runs["noise_rate"].iloc[0]):  # else nothing is wrong
                    color = COLORS[column] if name == row else "#b0b0b0"
                    bands(ax, epochs, column, unit=100, color=color, linestyle=line, label=f"{LABELS[name]}: {label}")
        ax.set_ylim(-3, 103)
        ax.xaxis.get_major_locator().set_params(integer=True)
        finish(ax, "over the epochs", "epoch", "% of the images", grid="y")

    def _points(self, ax, runs, row):
        of = drawn(self.table, runs, row, "map")
        if of is None:
            return blank(ax, "map of features:\nrecorded for the method\nand its terms alone")
        embedding(of["x"], of["y"], of["y_clean"], ax, "features, by noisy label", size=8, cross=1.6)
        return ax.set_xlabel(quality(runs, row), fontsize=LABEL)

    def _images(self, ax, runs, row):
        of = drawn(self.table, runs, row, "restored")
        if of is None:
            ax.set_aspect("auto")  # which outlasts what was there before
            return blank(ax, "restorations:\nrecorded for rows\nwith term B alone")
        grid = [np.asarray(of[name][:3]) for name in SHOWN]  # columns: image, augmented, restored
        height, width = grid[0].shape[1:3]
        tiles = np.concatenate([np.concatenate(list(column)) for column in grid], axis=1)
        ax.imshow(tiles, cmap="gray_r", vmin=0, vmax=255, interpolation="nearest")
        ax.set_xticks(width * (np.arange(3) + 0.5) - 0.5, ["x", "T(x)", "restored"], fontsize=LABEL)
        ax.set(yticks=[])
        ax.tick_params(length=0)
        for edge in (1, 2):
            ax.axvline(width * edge - 0.5, color="#cccccc", linewidth=1)
            ax.axhline(height * edge - 0.5, color="#cccccc", linewidth=1)
        ax.spines[:].set_visible(False)
        return ax.set_title("restored test images")


def pictures(table):
    """The explorers of the paper's recorded table: {name: Picture}."""
    return {"runs": Runs(table)}
