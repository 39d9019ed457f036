"""Figures of label vectors: how often labels occur and meet, images with their labels, their labels.

N examples, K classes; label vectors are arrays (N, K) of 0 and 1.
"""

import itertools
import textwrap

import numpy as np
import pandas as pd
import seaborn

from lnlkit import checks
from lnlkit.viz import given
from lnlkit.viz.images import show_image
from lnlkit.viz.matrices import colour_scale, percent_map
from lnlkit.viz.show import describe
from lnlkit.viz.style import GREY, INK, PALETTE, TICK, WIDTH, blank, finish, plain, slant, whole

CHANGED = "#c00000"


def _vectors(y, name):
    """Label vectors as booleans (N, K); probabilities are cut at 1/2."""
    y = checks.array(y, name)
    if y.ndim != 2 or not y.size:
        raise ValueError(f"`{name}` must hold label vectors (N, K), but got shape {y.shape}. "
                         "Class numbers become vectors by numpy.eye(K)[y].")  # fmt: skip
    y = checks.numbers(y.astype(np.uint8) if y.dtype == bool else y, name)
    if y.min() < 0 or y.max() > 1:
        raise ValueError(f"`{name}` must hold 0 and 1, or probabilities, but got {y.min():g} to {y.max():g}.")
    return y > 0.5


def _same_shape(vectors, name, others, of):
    """The label vectors, which are as many and as long as the others."""
    if vectors.shape != others.shape:
        raise ValueError(f"`{name}` must have the shape of `{of}`, {others.shape}, but got {vectors.shape}.")
    return vectors


@plain
def label_counts(ax, y, class_names=None, *, y_noisy=None):
    """The axes with the number of examples that have each label (Paper 02, Fig. 5); y_noisy (N, K) stands beside y."""
    given.axes(ax)
    clean = _vectors(y, "y")
    counts = pd.DataFrame({"clean labels": clean.sum(0)}, index=given.names(class_names, clean.shape[1]))
    if y_noisy is not None:
        counts["noisy labels"] = _same_shape(_vectors(y_noisy, "y_noisy"), "y_noisy", clean, "y").sum(0)
    long = counts.melt(ignore_index=False, var_name="which", value_name="count").reset_index(names="label")
    seaborn.barplot(long, x="label", y="count", hue="which", palette=PALETTE[: counts.shape[1]], gap=0.08,
                    saturation=1, ax=ax)  # fmt: skip
    key = ax.legend(fontsize=TICK, frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    for bar in itertools.chain(*ax.containers[1:], key.legend_handles[1:]):
        bar.set(hatch="////", edgecolor="white", linewidth=0)
    return slant(finish(ax, None, "", "examples with the label", grid="y"))


@plain
def co_occurrence(ax, y, class_names=None):
    """The axes with a heat map: of the examples with the label of the row the % that have that of the column too.

    On the diagonal, grey, the number of examples with the label. More than 12 labels get a colour scale in place of
    numbers. Where no example has two labels a sentence says so.
    """
    given.axes(ax)
    vectors = _vectors(y, "y").astype(float)
    class_names = given.names(class_names, vectors.shape[1])
    both, diagonal = vectors.T @ vectors, np.eye(vectors.shape[1], dtype=bool)
    if not both[~diagonal].any():
        return blank(ax, "Every example has at most one label:\nno two labels meet.")
    share, few = 100 * both / np.maximum(both.diagonal()[:, None], 1), len(both) <= 12
    words = np.char.mod("%.0f", np.where(diagonal, both, share)) if few else ""
    percent_map(np.where(diagonal, np.nan, share), ax, words, class_names)
    finish(ax, None, "... also have this label (%)", "of the examples with this label")
    if not few:
        colour_scale(ax.figure, ax.collections[0], "", ax=ax, shrink=0.8, aspect=30, pad=0.02)
    return ax


@plain
def scene_grid(images, noisy, latent, true=None, class_names=None):
    """Figure of images with their labels below: noisy, latent, true (Paper 02, Fig. 8).

    images: N of them, as `show_image` takes them, of any size; noisy, latent, true: (N, K), probabilities are cut at
    1/2. The latent label is red and bold where it is not the noisy one, with a tick where it is the true one then, else
    with a cross. Without `true`, as for real images, that line and these marks are left out.
    """
    images, noisy = checks.sequence(images, "images"), _vectors(noisy, "noisy")
    latent = _vectors(latent, "latent")
    true = None if true is None else _vectors(true, "true")
    if len({len(images), *(len(part) for part in (noisy, latent, true) if part is not None)}) > 1:
        sizes = [len(part) for part in (images, noisy, latent, true) if part is not None]
        raise ValueError("`images`, `noisy`, `latent` and `true` must hold the same number of examples, but got "
                         f"{' and '.join(map(str, sizes))}.")  # fmt: skip
    _same_shape(latent, "latent", noisy, "noisy")
    if true is not None:
        _same_shape(true, "true", noisy, "noisy")
    class_names = given.names(class_names, noisy.shape[1])
    columns = min(len(images), 6 if len(images) > 8 or len(images) in (5, 6) else 4)
    rows, wide = -(-len(images) // columns), WIDTH / columns
    texts = [_lines(noisy[i], latent[i], None if true is None else true[i], class_names, int(wide / 0.082))
             for i in range(len(images))]  # fmt: skip
    space = 0.18 * max(map(len, texts)) + 0.05  # inches below a row of images
    side = min(0.9 * wide, 1.9)
    fig = whole(WIDTH, rows * (side + space) + 0.1)
    axes = fig.subplots(2 * rows, columns, squeeze=False, height_ratios=[side, space] * rows)
    for ax in axes.flat:
        ax.set_axis_off()
    for above, below, image, lines in zip(axes[::2].flat, axes[1::2].flat, images, texts, strict=False):
        show_image(above, image).set(xticks=[], yticks=[])
        above.set_axis_on()
        above.spines[:].set_color("#cccccc")
        for place, (text, style) in enumerate(lines):
            below.annotate(text, (0.5, 1), xytext=(0, -13 * place), xycoords="axes fraction", ha="center", va="top",
                           textcoords="offset points", fontsize=TICK, in_layout=False, **style)  # fmt: skip
    return describe(fig, _scenes(noisy, latent, true))


def _lines(noisy, latent, true, class_names, width):
    """The lines of text below one image, each with its style; long ones are broken after so many letters."""
    changed = (noisy != latent).any()
    mark = "" if true is None or not changed else "  ✓" if (latent == true).all() else "  ✗"
    red = {"color": CHANGED, "weight": "bold"} if changed else {"color": INK}
    kinds = [("noisy", noisy, "", {"color": INK}), ("latent", latent, mark, red), ("true", true, "", {"color": GREY})]
    texts = [(f"{kind}: {', '.join(str(class_names[k]) for k in np.flatnonzero(vector)) or 'none'}{mark}", style)
             for kind, vector, mark, style in kinds if vector is not None]  # fmt: skip
    return [(line, style) for text, style in texts for line in textwrap.wrap(text, width)]


def _scenes(noisy, latent, true):
    """The sentence that describes `scene_grid`: how many latent labels differ from noisy ones, and are true."""
    changed = (noisy != latent).any(1)
    text = f"{len(noisy)} images with their labels. In {changed.sum()} the latent label differs from the noisy one"
    right = "" if true is None else f", in {(changed & (latent == true).all(1)).sum()} of these it is the true one"
    return f"{text}{right}."
