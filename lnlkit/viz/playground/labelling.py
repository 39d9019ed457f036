"""Labelling by hand: the next image, and in the end one's own transition matrix."""

import numpy as np

from lnlkit import checks, noise
from lnlkit.viz.images import show_image
from lnlkit.viz.matrices import transition_heatmap
from lnlkit.viz.show import describe
from lnlkit.viz.style import LABEL, NOTE, TITLE, finish, panels, plain

MOST = 10  # mistakes that are shown


@plain
def labelling(images, y_clean, labels, n_classes=10):
    """Figure for labels given so far to the first of the images (N, H, W): the next image, or the outcome after all.

    The outcome: transition matrix (rows: true class, as far as it occurred), and the images that were called otherwise.
    """
    images, y_clean = checks.array(images, "images"), checks.labels(y_clean, "y_clean", n_classes)
    checks.same_length(images=images, y_clean=y_clean)
    none_yet = isinstance(labels, (list, tuple)) and not labels
    y = np.array([], int) if none_yet else np.array(checks.sequence(labels, "labels"))
    y, n = checks.labels(y, "labels", n_classes), len(y)
    if n < len(images):
        fig, ax = panels(width=2.6, height=2.6)
        show_image(ax, images[n]).set_axis_off()
        return describe(fig, f"Image {n + 1} of {len(images)}, which is yours to label.")
    checks.same_length(labels=y, images=images)
    wrong, T = np.flatnonzero(y != y_clean), noise.measured_T(y_clean, y, n_classes)
    fig, (left, right) = panels(1, 2, width=10.2, height=3.8, gridspec_kw={"width_ratios": [1, 1.4]})
    transition_heatmap(T, left, title="your transition matrix", names=("true class", "your label"))
    left.xaxis.label.set_size(LABEL)
    _mistakes(right, images, y_clean, y, wrong)
    return describe(fig, f"You gave {len(wrong)} of {len(y)} images another label than the data set: a rate of "
                         f"{100 * len(wrong) / len(y):.0f} %.")  # fmt: skip


def _mistakes(ax, images, y_clean, y, wrong):
    ax.set_axis_off()
    ax.set(xlim=(0, 5), ylim=(2.5, 0))
    title = "where you and the data set differ: yours (theirs)" if len(wrong) else "you and the data set never differ"
    finish(ax, title)
    ax.title.set_size(TITLE)
    for place, i in enumerate(wrong[:MOST]):
        x, top = place % 5, 1.25 * (place // 5)
        ax.imshow(images[i], cmap="gray_r", vmin=0, vmax=255, interpolation="nearest", aspect="auto",
                  extent=(x + 0.1, x + 0.9, top + 0.95, top + 0.1))  # fmt: skip
        ax.text(x + 0.5, top + 1.1, f"{y[i]}  ({y_clean[i]})", ha="center", va="center", fontsize=NOTE)
