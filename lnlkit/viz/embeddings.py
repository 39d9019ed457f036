"""Two-dimensional embeddings with classes named in the plot and wrong labels crossed."""

import numpy as np
from matplotlib.lines import Line2D

from lnlkit import checks
from lnlkit.viz import given
from lnlkit.viz.show import describe
from lnlkit.viz.style import INK, LABEL, PALETTE, TITLE, finish, mosaic, plain


@plain
def embedding(coords, y_noisy, y_clean, ax, title=None, *, size=9, cross=4):
    """The axes with the points (N, 2) in the colour of their noisy label, a cross where that label is wrong.

    The number of a class stands at the median of the points whose clean label it is, or above another one there.
    size: of a dot, in square points; cross: how many times as large a cross is.
    """
    given.axes(ax)
    coords = checks.numbers(coords, "coords", 2).astype(float)
    if coords.shape[1] != 2 or not len(coords):
        raise ValueError(f"`coords` must be points in two dimensions, shape (N, 2), but got shape {coords.shape}.")
    y_noisy, y_clean = checks.labels(y_noisy, "y_noisy"), checks.labels(y_clean, "y_clean")
    checks.same_length(coords=coords, y_noisy=y_noisy, y_clean=y_clean)
    checks.positive(size, "size")
    checks.positive(cross, "cross")
    colors = np.array(PALETTE)[y_noisy % len(PALETTE)]
    right, dot = y_noisy == y_clean, {"s": size, "linewidths": 0, "alpha": 0.55}
    for part, style in (right, dot), (~right, {"s": cross * size, "linewidths": 0.5, "marker": "X", "zorder": 3}):
        ax.scatter(*coords[part].T, c=list(colors[part]), edgecolors="white", **style)
    name_classes(ax, coords, y_clean)
    ax.set(xticks=[], yticks=[])
    finish(ax, title).spines[:].set_visible(False)
    return ax


def name_classes(ax, coords, y):
    """Writes the number of each class at the median of its points (N, 2), or above another one there."""
    near, taken = 0.06 * np.ptp(coords, axis=0), []
    for label in np.unique(y):
        center = np.median(coords[y == label], axis=0)
        while any((np.abs(center - other) < 0.9 * near).all() for other in taken):
            center = center + (0, near[1])
        taken.append(center)
        ax.text(*center, str(label), fontsize=TITLE, fontweight="bold", ha="center", va="center", zorder=4, color=INK,
                bbox={"boxstyle": "round,pad=0.15", "facecolor": "white", "alpha": 0.8, "linewidth": 0})  # fmt: skip


@plain
def embedding_row(coords, y_clean, noisy, *, agreement):
    """Figure with the same points under several label vectors, `noisy = {title: y_noisy (N,)}` (Paper 01, Fig. 2).

    `agreement = {title: share of neighbours with the same label}` is written under each panel.
    """
    checks.mapping(noisy, "noisy", "title: labels (N,)")
    shares = checks.mapping(agreement, "agreement", "title: share")
    if missing := [title for title in noisy if title not in shares]:
        raise ValueError(f"`agreement` must have the titles of `noisy`, but has no {missing[0]!r}.")
    agreement = {str(title): checks.fraction(shares[title], "agreement", below_one=False) for title in noisy}
    noisy = {str(title): checks.labels(labels, "noisy") for title, labels in noisy.items()}
    y_clean, fig, axes = checks.labels(y_clean, "y_clean"), *mosaic(len(noisy))
    said = []
    for ax, (title, y_noisy) in zip(axes.flat, noisy.items(), strict=False):
        embedding(coords, y_noisy, y_clean, ax, title)
        near = f"{100 * agreement[title]:.1f} % of neighbours share the label"
        ax.set_xlabel(near, fontsize=LABEL)
        said.append(f"{' '.join(title.split())}: {np.mean(y_noisy != y_clean):.0%} have a wrong label, {near}")
    fig.get_layout_engine().set(hspace=0.06)
    keys = [Line2D([], [], linestyle="none", marker=marker, color=PALETTE[0], markersize=size, label=label)
            for marker, size, label in (("o", 5, "label right"), ("X", 8, "label wrong"),
                                        ("", 0, "colour: the label given\nbold number: the true class"))]  # fmt: skip
    free = axes.flat[len(noisy) :]
    legend, place = (free[0].legend, "center") if len(free) else (fig.legend, "outside lower center")
    legend(handles=keys, fontsize=LABEL, frameon=False, loc=place, ncols=1 if len(free) else 3)
    return describe(fig, f"{len(coords)} points in two dimensions, wrong labels crossed. {'; '.join(said)}.")
