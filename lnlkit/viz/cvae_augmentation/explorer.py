"""The explorer of the recorded runs: accuracy over epochs, the noise realised, and where its wrong labels are."""

import numpy as np
from matplotlib.lines import Line2D

from lnlkit.viz import given
from lnlkit.viz.cvae_augmentation.figures import LABELS, MEASURED, NOTEBOOK, STAR, accuracy
from lnlkit.viz.embeddings import embedding
from lnlkit.viz.matrices import transition_heatmap
from lnlkit.viz.picture import Picture, in_order, of_every_kind
from lnlkit.viz.style import LABEL, NOTE, blank, noise_name


class Runs(Picture):
    """The noise explorer: accuracy over epochs, realised transition matrix and t-SNE of one recorded setting."""

    title = "noise explorer"
    labels = {"noise": "noise kind", "noise_rate": "noise rate", "row": "method"}
    names = {"noise": noise_name, "row": LABELS.get}
    start = {"noise": "model_idn", "noise_rate": 0.2, "row": "cvae_augmentation"}

    def __init__(self, table):
        runs = given.runs(table, NOTEBOOK, "noise", "noise_rate", "best_val", "realised_rate")
        order = [*runs.loc[runs["noise_rate"] > 0, "noise"].unique(), *LABELS]
        super().__init__(table, in_order(of_every_kind(runs), list(self.labels), order))

    def lay_out(self):
        self.curves = self.fig.add_axes([0.055, 0.3, 0.345, 0.57])
        self.matrix = self.fig.add_axes([0.45, 0.16, 0.25, 0.71], anchor="N")
        self.points = self.fig.add_axes([0.73, 0.16, 0.265, 0.71])
        self.low = np.floor(20 * self.table.epochs[list(MEASURED)].quantile(0.02).min()) / 20 - 0.01
        lines = [Line2D([], [], label=label, color=color, linestyle=line) for label, color, line in MEASURED.values()]
        grey = Line2D([], [], color="#b0b0b0", label="CE, clean test (for comparison)")
        self.fig.legend(handles=[*lines, Line2D([], [], **STAR), grey], loc="upper left", bbox_to_anchor=(0.01, 0.2),
                        fontsize=NOTE, frameon=False, ncols=2)  # fmt: skip

    def fill(self, noise, noise_rate, row):
        key = (noise if noise_rate else None, noise_rate)  # without noise all kinds are the same
        runs, epochs, matrices = (
            frame[(frame["noise_rate"] == noise_rate) & ((frame["noise"] == noise) | (noise_rate == 0))]
            for frame in (self.table.runs, self.table.epochs, self.table.matrices))  # fmt: skip
        self.panel(self.curves, (*key, row), self._curves, epochs, row)
        self.panel(self.matrix, key, self._matrix, matrices, noise_rate)
        self.panel(self.points, key, self._points, key)
        means = 100 * runs.groupby("row")[["best_val", "last"]].mean()
        setting = f"{LABELS[row]}, {noise_name(noise)} noise, rate {noise_rate:g}"
        ce = f"; CE has {means.loc['ce', 'best_val']:.1f} %" if row != "ce" and "ce" in means.index else ""
        heading, (best, last) = self.heading(setting, runs[runs["row"] == row]), means.loc[row]
        return (f"{heading}: clean-test accuracy {best:.1f} % at the best noisy-validation epoch and {last:.1f} % at "
                f"the last epoch{ce}.")  # fmt: skip

    def _curves(self, ax, epochs, row):
        shown, plain = epochs[epochs["row"] == row], epochs[epochs["row"] == "ce"]
        accuracy(ax, shown, None if row == "ce" else plain)
        ax.set_ylim(min(self.low, shown[list(MEASURED)].min().min() - 0.01), 1.01)

    def _matrix(self, ax, matrices, noise_rate):
        T = np.mean(matrices["T"].tolist(), axis=0) if len(matrices) else np.eye(len(self.table.matrices["T"].iloc[0]))
        # The brightest colour: all the noise of a class goes to one other class. So kinds and rates can be compared.
        transition_heatmap(T, ax, title="realised transitions", vmax=noise_rate or None)

    def _points(self, ax, setting):
        drawn = self.table.embedding
        of = {(entry["noise"], entry["noise_rate"]): entry for entry in drawn["noisy"]}
        of[None, 0.0] = {"y": drawn["y_clean"], "knn_agreement": drawn["knn_agreement_clean"]}
        if setting not in of:
            blank(ax, "labels:\nnot recorded")
            return
        embedding(drawn["x"], of[setting]["y"], drawn["y_clean"], ax, "t-SNE, wrong labels crossed", size=6)
        ax.set_xlabel(f"{100 * of[setting]['knn_agreement']:.0f} % of neighbours share the label", fontsize=LABEL)


def pictures(table):
    """The explorers of the paper's recorded table: {name: Picture}."""
    return {"noise": Runs(table)}
