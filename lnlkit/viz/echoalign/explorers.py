"""The explorers of the recorded runs: which originals a threshold keeps, what becomes of an image for each label."""

import numpy as np
import pandas as pd

from lnlkit.viz.echoalign.selection import separation, threshold_panel
from lnlkit.viz.echoalign.settings import KNOWS, LABELS, METHOD, at, drawn, of_the_paper, settings, wrong
from lnlkit.viz.images import show_image
from lnlkit.viz.picture import Picture, in_order
from lnlkit.viz.style import GREY, LABEL, NOTE, PALETTE, TITLE, noise_name

THRESHOLDS = tuple(round(0.05 * step, 2) for step in range(4, 20))
NEAR = 5  # images on either side of the threshold
SIDES = {"below": "just below: modified goes in", "kept": "just kept: original stays"}


def _recorded(table, what):
    """The settings and rows of which `what` was recorded, as a frame, and the runs."""
    runs = of_the_paper(table, "realised_rate")
    found = [{"noise": of.noise, "noise_rate": of.noise_rate, "row": row} for of in settings(runs)
             for row in KNOWS if drawn(table, at(runs, *of), row, what)]  # fmt: skip
    if not found:
        raise ValueError(f"`table` must have recorded {what}, but has none.")
    order = {of["noise"]: None for of in found} | dict.fromkeys(KNOWS)
    return runs, in_order(pd.DataFrame(found), ["noise", "noise_rate", "row"], order)


class Selection(Picture):
    """EchoSelect at work: similarities, the threshold, how many originals it keeps, and the images that lie nearest.

    Similarities and images are those of seed 0: some hundred training images.
    """

    title = "threshold explorer"
    labels = {"noise": "noise kind", "noise_rate": "noise rate", "row": "the generator knows", "threshold": "threshold"}
    names = {"noise": noise_name, "row": KNOWS.get}
    start = {"noise": "part_dependent", "noise_rate": 0.5, "row": METHOD, "threshold": 0.6}
    size = (10.6, 4.3)

    def __init__(self, table):
        self.runs, offered = _recorded(table, "similarities")
        super().__init__(table, offered.merge(pd.DataFrame({"threshold": THRESHOLDS}), how="cross"))

    def lay_out(self):
        self.histogram = self.fig.add_axes([0.03, 0.16, 0.39, 0.68])
        self.tiles = {}
        for side, left in (("below", 0.455), ("kept", 0.735)):
            for i in range(NEAR):
                for level in range(2):
                    place = [left + 0.052 * i, 0.5 - 0.24 * level, 0.049, 0.25]
                    self.tiles[side, i, level] = self.fig.add_axes(place)
            self.fig.text(left + 0.13, 0.83, SIDES[side], ha="center", fontsize=LABEL)

    def fill(self, noise, noise_rate, row, threshold):
        runs = at(self.runs, noise, noise_rate)
        of, examples = (drawn(self.table, runs, row, what) for what in ("similarities", "examples"))
        key = (noise, noise_rate, row, threshold)
        self.panel(self.histogram, key, self._histogram, of, threshold)
        s = np.asarray(of["s"])
        kept, right = s >= threshold, np.asarray(of["right"], bool)
        share = f"{100 * kept.mean():.0f} % kept, " + (
            f"{100 * right[kept].mean():.0f} % of these with right labels" if kept.any() else "nothing to learn from")
        self.histogram.set_title(share, fontsize=TITLE)
        self._images(examples, threshold, key)
        heading = self.heading(f"{noise_name(noise)} noise, rate {noise_rate:g}; the generator knows {KNOWS[row]}",
                               runs[runs["row"] == row])  # fmt: skip
        return f"{heading}. Threshold {threshold:g}: {share}; {separation(runs, row)}."

    def _histogram(self, ax, of, threshold):
        threshold_panel(ax, of, threshold)

    def _images(self, examples, threshold, key):
        s = np.asarray(examples["s"])
        order = np.argsort(s, kind="stable")
        below, above = order[s[order] < threshold][-NEAR:], order[s[order] >= threshold][:NEAR]
        flags = wrong(examples)
        for side, index in (("below", below), ("kept", above)):
            for i in range(NEAR):
                for level, name in enumerate(("x", "modified")):
                    ax = self.tiles[side, i, level]
                    if i >= len(index):
                        self.panel(ax, None, lambda ax: ax.set_axis_off())
                        continue
                    self.panel(ax, (*key[:3], index[i], level), self._tile, examples, index[i], name, flags[index[i]])

    def _tile(self, ax, examples, i, name, is_wrong):
        show_image(ax, examples[name][i]).set(xticks=[], yticks=[])
        ax.spines[:].set_visible(False)
        color = PALETTE[3] if is_wrong else PALETTE[2]
        if name == "x":
            text = f"label {examples['y'][i]}" + (f"\nshows {examples['y_clean'][i]}" if is_wrong else "\n")
            ax.set_title(text, fontsize=NOTE, color=color)
        else:
            ax.set_xlabel(f"S = {examples['s'][i]:.2f}", fontsize=NOTE, labelpad=2)


class Modification(Picture):
    """EchoMod asked: a test image, and what the generator makes of it for every label; the chosen one large.

    Recorded with seed 0, for each of the generators.
    """

    title = "modification explorer"
    labels = {"row": "the generator knows", "image": "image", "label": "label"}
    names = {"row": KNOWS.get}
    start = {"row": METHOD, "image": 0, "label": 3}
    size = (10.6, 3.4)

    def __init__(self, table):
        self.runs, found = _recorded(table, "asked")
        first = found.drop_duplicates("row", keep="last")
        self.asked = {of.row: drawn(table, at(self.runs, of.noise, of.noise_rate), of.row, "asked")
                      for of in first.itertuples(index=False)}  # fmt: skip
        rows = [{"row": row, "image": i, "label": label} for row in KNOWS if row in self.asked
                for i in range(self.asked[row]["modified"].shape[0])
                for label in range(self.asked[row]["modified"].shape[1])]  # fmt: skip
        super().__init__(table, pd.DataFrame(rows))

    def lay_out(self):
        self.original = self.fig.add_axes([0.02, 0.1, 0.2, 0.68])
        self.large = self.fig.add_axes([0.25, 0.1, 0.2, 0.68])
        self.small = [self.fig.add_axes([0.5 + 0.1 * (k % 5), 0.46 - 0.4 * (k // 5), 0.09, 0.34]) for k in range(10)]

    def fill(self, row, image, label):
        of = self.asked[row]
        x, made, truth = of["x"][image], of["modified"][image], of["y_clean"][image]
        self.panel(self.original, (row, image), self._image, x, f"x: shows {truth}", LABEL)
        self.panel(self.large, (row, image, label), self._image, made[label], f"x′ for label {label}", LABEL)
        for k, ax in enumerate(self.small):
            if k < len(made):
                self.panel(ax, (row, image, k, k == label), self._image, made[k], f"label {k}", NOTE, k == label)
            else:
                self.panel(ax, None, lambda ax: ax.set_axis_off())
        title = f"{LABELS[row]}: the generator knows {KNOWS[row]}"
        self.fig.suptitle(title, fontsize=TITLE + 1)
        moved = np.abs(made[label].astype(float) - x).mean() / 255
        return (f"{title}. A test image that shows {truth}, modified towards label {label}: pixels moved by "
                f"{100 * moved:.0f} % of their range on average.")  # fmt: skip

    def _image(self, ax, image, title, size, chosen=False):
        show_image(ax, image).set(xticks=[], yticks=[])
        ax.spines[:].set_visible(chosen)
        ax.spines[:].set_color(PALETTE[1])
        ax.set_title(title, fontsize=size, color=PALETTE[1] if chosen else GREY if size == NOTE else "black")


def pictures(table):
    """The explorers of the paper's recorded table: {name: Picture}."""
    return {"selection": Selection(table), "modification": Modification(table)}
