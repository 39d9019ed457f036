"""What the features are like: maps of them (Paper 03, Fig. 1), and what can be restored from them (Fig. 2)."""

import numpy as np
from matplotlib.lines import Line2D

from lnlkit import checks
from lnlkit.viz import given
from lnlkit.viz.embeddings import embedding
from lnlkit.viz.images import image_grid
from lnlkit.viz.robust_features.memory import LABELS, METHOD, NOTEBOOK, of_the_paper, per_cent
from lnlkit.viz.show import describe
from lnlkit.viz.style import GREY, LABEL, PALETTE, TITLE, blank, finish, panels, plain

WITHOUT = "a_b"  # the method without the cluster loss
SHOWN = {"images": "x, a test image", "augmented": "T(x), what goes in", "restored": "restored from\nthe features"}


def drawn(table, runs, row, what):
    """What pictures of a row show (`map`, `restored`), of its run that has them, seed 0; None where none has."""
    keys = runs.loc[runs["row"] == row, "key"]
    return next((found for key in keys if (found := table.details.get(key, {}).get(what))), None)


def quality(runs, row):
    """'k-means groups: purity 0.83, NMI 0.71' of a row's features, means over the seeds; "" where none is there."""
    own = runs[runs["row"] == row]
    if "feature_nmi" not in own or own["feature_nmi"].isna().all():
        return ""
    return f"k-means groups: purity {own['feature_purity'].mean():.2f}, NMI {own['feature_nmi'].mean():.2f}"


@plain
def maps(table, noise_rate, *, guesses=None, revealed=True):
    """Figure of the features of training images as t-SNE maps, seed 0, symmetric noise (Paper 03, Fig. 1).

    Without the cluster loss and with it, coloured by noisy labels; then by true ones. Below: how well k-means groups of
    the features of test images agree with the true classes, mean over the seeds. A map that is missing says so.
    guesses: {"corrected": per cent of the wrongly labelled images whose true class the method predicts}, told under the
    last map; without `revealed` that map has no colours and the share is not told.
    """
    runs, guesses = given.at_rate(of_the_paper(table), noise_rate), checks.instance(guesses or {}, "guesses", dict)
    fig, axes = panels(1, 3, height=4.1)
    said = []
    for ax, (row, by, title) in zip(axes, (
            (WITHOUT, "y", "without the cluster loss (A+B)\ncolour: noisy label"),
            (METHOD, "y", "the method (A+B+C)\ncolour: noisy label"),
            (METHOD, "y_clean", "the same map\ncolour: true label")), strict=True):  # fmt: skip
        of = drawn(table, runs, row, "map")
        if of is None:
            blank(ax, "features:\nnot recorded").set_title(title, fontsize=TITLE)
            continue
        if revealed or by == "y":
            embedding(of["x"], of[by], of["y_clean"], ax, title, size=12, cross=1.6)
        else:
            ax.scatter(*np.transpose(of["x"]), color=GREY, s=12, linewidths=0, alpha=0.4)
            finish(ax, title).set(xticks=[], yticks=[])
            ax.spines[:].set_visible(False)
        below = _below(runs, row, by, revealed)
        if "corrected" in guesses and by != "y":
            below += f"\n◇ your guess: {guesses['corrected']:g} %"
        ax.set_xlabel(below.strip(), fontsize=LABEL)
        said.append(f"{' '.join(title.split())}: {ax.get_xlabel()}")
    marks = {"o": "label right", "X": "label wrong"}
    keys = [Line2D([], [], linestyle="none", marker=mark, color=PALETTE[0], markersize=6, label=text)
            for mark, text in marks.items()]  # fmt: skip
    keys.append(Line2D([], [], linestyle="none", label="bold number: the true class"))
    fig.legend(handles=keys, fontsize=LABEL, frameon=False, loc="outside lower center", ncols=3)
    return describe(fig, f"Maps of features of training images, {per_cent(noise_rate)} of the labels wrong. "
                         f"{'; '.join(said) or 'None was recorded'}.")  # fmt: skip


def _below(runs, row, by, revealed=True):
    """What stands under a map: the quality of its features, or under that of true labels how many were found."""
    if by == "y":
        return quality(runs, row)
    if not revealed:
        return "of how many wrongly labelled images\nis the true class predicted?"
    found = runs.loc[runs["row"] == row].get("corrected")
    if found is None or found.isna().all():
        return ""
    return f"predicts the true class of {100 * found.mean():.0f} %\nof the wrongly labelled images"


@plain
def restored(table, noise_rate, row=METHOD):
    """Figure of test images, what T makes of them, and what the decoder makes of that (Paper 03, Fig. 2).

    Under an image stands its mean squared error against x, pixels from 0 to 1. Seed 0, symmetric noise.
    """
    (row,) = given.rows([row], NOTEBOOK, "row")
    runs = given.at_rate(of_the_paper(table), noise_rate)
    of = drawn(table, runs, row, "restored")
    if of is None:
        raise ValueError(f"`row` must be one whose restorations were recorded at rate {noise_rate:g}, but got {row!r}.")
    images = {name: np.asarray(of[name], np.uint8) for name in SHOWN}
    errors = {name: ((own / 255 - images["images"] / 255) ** 2).reshape(len(own), -1).mean(1)
              for name, own in images.items()}  # fmt: skip
    notes = [[f"error {value:.3f}" if name != "images" else "" for value in own] for name, own in errors.items()]
    fig = image_grid([list(own) for own in images.values()], list(SHOWN.values()), notes=notes)
    before, after = (errors[name].mean() for name in ("augmented", "restored"))
    return describe(fig, f"{len(images['images'])} test images, their augmented copies and their restorations by "
                         f"{LABELS[row]}, {per_cent(noise_rate)} of the labels wrong. Mean squared error against the "
                         f"image: {before:.3f} of the copies, {after:.3f} of the restorations.")  # fmt: skip
