"""The playground: a method under a noise, from recorded runs alone."""

import numpy as np

from lnlkit import recorded
from lnlkit.recorded import by_example
from lnlkit.viz import given
from lnlkit.viz.embeddings import embedding
from lnlkit.viz.lines import bands
from lnlkit.viz.matrices import transition_heatmap
from lnlkit.viz.picture import Picture, in_order, of_every_kind, standing
from lnlkit.viz.playground.overview import CE, LABELS, NOISES, NOTEBOOK
from lnlkit.viz.style import GREY, INK, LABEL, NOTE, PALETTE, TITLE, blank, finish, noise_name, row_styles

SHOWN = (3, 8)  # rows and columns of the gallery


class Playground(Picture):
    """A method under a noise: accuracy against the rate beside CE, and what happens over the epochs; and the noise.

    Lines are means over the seeds, bands their range. The noise is a transition matrix, a map of the images (t-SNE)
    with wrong labels crossed, and a gallery of images that got a wrong label.
    """

    title = "playground"
    labels = {"dataset": "data set", "noise": "noise kind", "noise_rate": "noise rate", "row": "method"}
    names = {"noise": noise_name, "row": LABELS.get}
    start = {"dataset": "digits", "noise": "symmetric", "noise_rate": 0.4, "row": "coteaching"}
    size = (10.6, 6.9)

    def __init__(self, table):
        self.runs = given.runs(table, NOTEBOOK, "dataset", "noise", "noise_rate", "last", "realised_rate")
        columns = ["dataset", "noise", "noise_rate", "row"]
        noisy = self.runs[self.runs["noise_rate"] > 0]
        order = dict.fromkeys(self.runs["dataset"]) | dict.fromkeys(NOISES) | dict.fromkeys(LABELS)
        self.maps = by_example.load()[1]
        super().__init__(table, in_order(noisy, columns, order))

    def lay_out(self):
        self.rates = self.fig.add_axes([0.055, 0.555, 0.26, 0.335])
        self.epochs = self.fig.add_axes([0.385, 0.555, 0.26, 0.335])
        self.flips = self.fig.add_axes([0.70, 0.545, 0.29, 0.355])
        self.map = self.fig.add_axes([0.01, 0.01, 0.36, 0.42])
        self.gallery = self.fig.add_axes([0.40, 0.01, 0.59, 0.42])

    def fill(self, dataset, noise, noise_rate, row):
        of_set = self.runs[self.runs["dataset"] == dataset]
        runs = of_set[(of_set["noise"] == noise) & (of_set["noise_rate"] == noise_rate)]
        chosen, noisy = (dataset, noise, noise_rate, row), (dataset, noise, noise_rate)
        self.panel(self.rates, chosen, self._rates, of_set, noise, noise_rate, row)
        self.panel(self.epochs, chosen, self._epochs, runs, row)
        self.panel(self.flips, noisy, self._flips, dataset, noise, noise_rate)
        self.panel(self.map, noisy, self._map, dataset, noise, noise_rate)
        self.panel(self.gallery, noisy, self._gallery, dataset, noise, noise_rate)
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

    def _labels(self, dataset, noise, noise_rate):
        """The map of a data set, and the labels of its images under a noise; None where none was recorded."""
        of = self.maps.get(dataset)
        return (None, None) if of is None else (of, of.noisy.get((noise, noise_rate)))

    def _map(self, ax, dataset, noise, noise_rate):
        of, y = self._labels(dataset, noise, noise_rate)
        if y is None:
            blank(ax, "no map of these labels was recorded")
            return
        embedding(of.x, y, of.y_clean, ax, f"{len(y)} images by t-SNE, wrong labels crossed", size=7, cross=3)

    def _gallery(self, ax, dataset, noise, noise_rate):
        of, y = self._labels(dataset, noise, noise_rate)
        if y is None:
            blank(ax, "no pictures of these labels were recorded")
            return
        draw_gallery(ax, of.images, of.y_clean[: len(of.images)], y[: len(of.images)])


def draw_gallery(ax, images, y_clean, y):
    """The axes with images (M, H, W) whose label y (M,) is wrong, as many as there is room for: one mosaic."""
    (rows, columns), (height, width) = SHOWN, images.shape[1:]
    wrong = np.flatnonzero(y != y_clean)[: rows * columns]
    cell = int(1.5 * height), int(1.25 * width)  # with room for the text below, and between two
    whole = np.zeros((rows * cell[0], columns * cell[1]), np.uint8)
    ax.set_axis_off()
    ax.set_title("images that got a wrong label: given, in brackets the true one", fontsize=TITLE)
    for place, i in enumerate(wrong):
        top, left = cell[0] * (place // columns), cell[1] * (place % columns)
        whole[top : top + height, left : left + width] = images[i]
        ax.text(left + width / 2, top + 1.2 * height, f"{y[i]}  ({y_clean[i]})", ha="center", va="center",
                fontsize=NOTE, color=INK)  # fmt: skip
    ax.imshow(whole, cmap="gray_r", vmin=0, vmax=255, interpolation="nearest", aspect="auto",
              extent=(0, whole.shape[1], whole.shape[0], 0))  # fmt: skip


def _look(row):
    """A line of the chosen method in its colour, CE in black."""
    return {"color": "black", "linestyle": "--"} if row == CE else {"color": row_styles(NOTEBOOK)[row][1]["color"]}


def pictures(table):
    """The explorer of the recorded table: {name: Picture}."""
    return {"playground": Playground(table)}
