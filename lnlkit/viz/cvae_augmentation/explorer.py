"""The recorded table: all methods at once, and the explorer of one setting."""

import numpy as np
import pandas as pd
import seaborn
from matplotlib.lines import Line2D

from lnlkit.viz.cvae_augmentation.experiment import MEASURED, NOTEBOOK, STAR, accuracy, name_of
from lnlkit.viz.embeddings import embedding
from lnlkit.viz.lines import by_row
from lnlkit.viz.matrices import transition_heatmap
from lnlkit.viz.picture import Picture
from lnlkit.viz.show import describe
from lnlkit.viz.style import GREY, LABEL, NOTE, TICK, TITLE, WIDTH, finish, noise_name, panels, row_styles

STRONG = ("ce_affine", "seal", "ce", "cvae_oracle", "cvae_augmentation")  # the method, what it must beat, its limit


def overview(table):
    """Figure of the recorded table: accuracy against the rate, and the points that each method has more than plain CE.

    At the best noisy-validation epoch, under the kind of noise of most runs. The paper's method, CE, SEAL and our
    controls are labelled, the others stand pale behind.
    """
    kind = table.runs["noise"].mode()[0]
    runs = table.runs[table.runs["noise"] == kind].assign(accuracy=lambda frame: 100 * frame["best_val"])
    ce = runs[runs["row"] == "ce"].set_index(["noise_rate", "seed"])["accuracy"].rename("ce")
    runs = runs.join(ce, on=["noise_rate", "seed"]).assign(more=lambda frame: frame["accuracy"] - frame["ce"])
    strong = [row for row in STRONG if row in set(runs["row"])]
    rest, rates = runs[~runs["row"].isin(strong)], sorted(runs["noise_rate"].unique())
    fig, axes = panels(1, 2, width=WIDTH, height=4.4)
    for ax, y in zip(axes, ("accuracy", "more"), strict=True):
        pale = rest.groupby(["row", "noise_rate"])[y].mean().reset_index()
        if len(pale):
            seaborn.lineplot(pale, x="noise_rate", y=y, units="row", estimator=None, ax=ax, color="#cfcfcf")
        by_row(runs, ax, NOTEBOOK, y=y, rows=strong, strong=("ce", "cvae_augmentation"), interval="range", legend=False)
        ax.set_xticks(rates)
    finish(axes[0], f"{noise_name(kind)} noise", "noise rate", "accuracy on clean test images, %")
    finish(axes[1], "the same, compared with plain CE", "noise rate", "points more than CE with the same seed")
    ends = runs[runs["noise_rate"] == rates[-1]].groupby("row")[["accuracy", "more"]].mean().reindex(strong)
    _label_ends(axes[1], rates[-1], ends["more"])
    sizes, others = runs.groupby(["noise_rate", "row"]).size(), rest["row"].nunique()
    n = f"{sizes.min()} to {sizes.max()}" if sizes.min() < sizes.max() else sizes.max()
    pale = f"; pale: {others} further methods" if others else ""
    fig.supxlabel(f"mean and range over {n} seeds, best noisy-validation epoch{pale}", fontsize=TICK, color=GREY)
    said = ", ".join(f"{name_of(row)} {value:.1f} %" for row, value in ends["accuracy"].items())
    return describe(fig, f"Clean-test accuracy of {len(strong) + others} methods against the rate of "
                         f"{noise_name(kind)} noise; at rate {rates[-1]:g}: {said}.")  # fmt: skip


def _label_ends(ax, x, ends):
    """Names of the rows right of the ends of their lines, `ends` (row: y), in their colours and moved apart."""
    ends = ends.dropna().sort_values()
    at, apart = ends.to_numpy().copy(), 0.055 * np.diff(ax.get_ylim())[0]
    for i in range(1, len(at)):
        at[i] = max(at[i], at[i - 1] + apart)
    at -= (at - ends.to_numpy()).mean()
    for (row, end), place in zip(ends.items(), at, strict=True):
        label, style = row_styles(NOTEBOOK)[row]
        ax.annotate(label, (x, end), (1.06, place), textcoords=ax.get_yaxis_transform(), fontsize=LABEL, va="center",
                    color=style["color"], fontweight="bold" if row == "cvae_augmentation" else "normal",
                    arrowprops={"arrowstyle": "-", "color": style["color"], "linewidth": 0.6})  # fmt: skip


class Runs(Picture):
    """The noise explorer: accuracy over epochs, realised transition matrix and t-SNE of one recorded setting."""

    title = "noise explorer"
    labels = {"noise": "noise kind", "noise_rate": "noise rate", "row": "method"}
    names = {"noise": noise_name, "noise_rate": "{:g}".format, "row": name_of}
    start = {"noise": "model_idn", "noise_rate": 0.2, "row": "cvae_augmentation"}

    def __init__(self, table):
        runs = table.runs[list(self.labels)].drop_duplicates()
        noisy, clean = runs[runs["noise_rate"] > 0], runs.loc[runs["noise_rate"] == 0, ["noise_rate", "row"]]
        offered = pd.concat([noisy[["noise"]].drop_duplicates().merge(clean, how="cross"), noisy])
        places = {name: place for place, name in enumerate([*noisy["noise"].unique(), *row_styles(NOTEBOOK)])}
        super().__init__(table, offered.sort_values(list(self.labels), key=lambda values: values.replace(places)))

    def lay_out(self):
        self.curves = self.fig.add_axes([0.055, 0.3, 0.345, 0.57])
        self.matrix = self.fig.add_axes([0.45, 0.16, 0.25, 0.71], anchor="N")
        self.points = self.fig.add_axes([0.73, 0.16, 0.265, 0.71])
        self.low = np.floor(20 * self.table.epochs[list(MEASURED)].quantile(0.02).min()) / 20 - 0.01
        self.words = self.fig.suptitle("", fontsize=TITLE + 1)
        lines = [Line2D([], [], label=label, color=color, linestyle=line) for label, color, line in MEASURED.values()]
        grey = Line2D([], [], color="#b0b0b0", label="CE, clean test (for comparison)")
        self.fig.legend(handles=[*lines, Line2D([], [], **STAR), grey], loc="upper left", bbox_to_anchor=(0.01, 0.2),
                        fontsize=NOTE, frameon=False, ncols=2)  # fmt: skip

    def fill(self, noise, noise_rate, row):
        setting = (noise if noise_rate else None, noise_rate)  # without noise all kinds are the same
        runs, epochs, matrices = (
            frame[(frame["noise_rate"] == noise_rate) & ((frame["noise"] == noise) | (noise_rate == 0))]
            for frame in (self.table.runs, self.table.epochs, self.table.matrices))  # fmt: skip
        self.panel(self.curves, (*setting, row), self._curves, epochs, row)
        self.panel(self.matrix, setting, self._matrix, matrices, noise_rate)
        self.panel(self.points, setting, self._points, setting)
        means = runs.groupby("row")[["best_val", "last", "realised_rate"]].mean()
        n, what = (runs["row"] == row).sum(), f"{name_of(row)}, {noise_name(noise)} noise, rate {noise_rate:g}"
        what += f" (realised {means.loc[row, 'realised_rate']:.3f}; {n} seed{'s' if n > 1 else ''})"
        self.words.set_text(what)
        ce = f"; CE has {100 * means.loc['ce', 'best_val']:.1f} %" if row != "ce" and "ce" in means.index else ""
        return (f"{what}: clean-test accuracy {100 * means.loc[row, 'best_val']:.1f} % at the best noisy-validation "
                f"epoch and {100 * means.loc[row, 'last']:.1f} % at the last epoch{ce}. Beside it the realised "
                "transition matrix and a t-SNE map with wrong labels crossed.")  # fmt: skip

    def _curves(self, ax, epochs, row):
        shown, plain = epochs[epochs["row"] == row], epochs[epochs["row"] == "ce"]
        accuracy(ax, shown, plain if row != "ce" and len(plain) else None)
        ax.set_ylim(min(self.low, shown[list(MEASURED)].min().min() - 0.01), 1.01)

    def _matrix(self, ax, matrices, noise_rate):
        T = np.mean(matrices["T"].tolist(), axis=0) if len(matrices) else np.eye(len(self.table.matrices["T"].iloc[0]))
        # The brightest colour: all the noise of a class goes to one other class. So kinds and rates can be compared.
        transition_heatmap(T, ax, title="realised transitions", vmax=noise_rate or None)

    def _points(self, ax, setting):
        drawn = self.table.embedding
        of = {(entry["noise"], entry["noise_rate"]): entry for entry in drawn["noisy"]}
        of[None, 0.0] = {"y": drawn["y_clean"], "knn_agreement": drawn["knn_agreement_clean"]}
        embedding(drawn["x"], of[setting]["y"], drawn["y_clean"], ax, "t-SNE, wrong labels crossed", size=6)
        ax.set_xlabel(f"{100 * of[setting]['knn_agreement']:.0f} % of neighbours share the label", fontsize=LABEL)


def pictures(table):
    """The explorers of the paper's recorded table: {name: Picture}."""
    return {"noise": Runs(table)}
