"""Two-dimensional embeddings with classes named in the plot and wrong labels crossed."""

import numpy as np
from matplotlib.lines import Line2D

from lnlkit.viz.show import describe
from lnlkit.viz.style import INK, LABEL, PALETTE, TITLE, WIDTH, finish, whole


def embedding(coords, y_noisy, y_clean, ax, title=None, *, class_names=None, size=9):
    """The axes with the points (N, 2) in the colour of their noisy label, a cross where that label is wrong.

    The name of a class stands at the median of the points whose clean label it is.
    """
    coords, y_noisy, y_clean = np.asarray(coords, float), np.asarray(y_noisy), np.asarray(y_clean)
    if not len(coords) == len(y_noisy) == len(y_clean):
        raise ValueError(
            "`coords`, `y_noisy` and `y_clean` must have one entry per example, "
            f"but got {len(coords)}, {len(y_noisy)} and {len(y_clean)}."
        )
    colors = np.array([PALETTE[int(label) % len(PALETTE)] for label in y_noisy], dtype=object)
    wrong = y_noisy != y_clean
    ax.scatter(*coords[~wrong].T, c=list(colors[~wrong]), s=size, linewidths=0, alpha=0.55, label="label right")
    ax.scatter(*coords[wrong].T, c=list(colors[wrong]), s=4 * size, marker="X", linewidths=0.5, edgecolors="white",
               label="label wrong", zorder=3)  # fmt: skip
    for label in np.unique(y_clean):
        name = str(label) if class_names is None else str(class_names[label])
        center = np.median(coords[y_clean == label], axis=0)
        ax.text(*center, name, fontsize=TITLE, fontweight="bold", ha="center", va="center", zorder=4, color=INK,
                bbox={"boxstyle": "round,pad=0.15", "facecolor": "white", "alpha": 0.8, "linewidth": 0})  # fmt: skip
    ax.set(xticks=[], yticks=[])
    finish(ax, title)
    ax.spines[:].set_visible(False)
    return ax


def embedding_row(coords, y_clean, noisy, *, agreement=None, class_names=None, columns=None):
    """Figure with the same points under several label vectors, `noisy = {title: y_noisy (N,)}` (Paper 01, Fig. 2).

    `agreement = {title: share of neighbours with the same label}` is written under each panel.
    """
    count = len(noisy)
    columns = columns or (count if count <= 3 else 3)
    rows = -(-count // columns)
    fig = whole(WIDTH, WIDTH / columns * rows)
    axes = fig.subplots(rows, columns, squeeze=False).ravel()
    for ax, (title, y_noisy) in zip(axes, noisy.items(), strict=False):
        embedding(coords, y_noisy, y_clean, ax, title, class_names=class_names)
        if agreement is not None and title in agreement:
            ax.set_xlabel(f"{100 * agreement[title]:.1f} % of neighbours share the label", fontsize=LABEL)
    for ax in axes[count:]:
        ax.set_axis_off()
    if fig.get_layout_engine():
        fig.get_layout_engine().set(hspace=0.06)
    key = {"handles": _key(), "fontsize": LABEL, "frameon": False}
    if count < len(axes):
        axes[count].legend(**key, loc="center")
    else:
        fig.legend(**key, loc="outside lower center", ncols=3)
    said = []
    for title, y_noisy in noisy.items():
        near = f" and {100 * agreement[title]:.1f} % of neighbours share it" if title in (agreement or {}) else ""
        wrong = np.mean(np.asarray(y_noisy) != np.asarray(y_clean))
        said.append(f"{' '.join(title.split())}: {100 * wrong:.0f} % have a wrong label{near}")
    return describe(fig, f"{len(coords)} points in two dimensions, wrong labels crossed. {'; '.join(said)}.")


def _key():
    """Legend entries: what dots, crosses and numbers mean."""
    return [
        Line2D([], [], linestyle="none", marker="o", color=PALETTE[0], markersize=5, label="label right"),
        Line2D([], [], linestyle="none", marker="X", color=PALETTE[0], markersize=8, label="label wrong"),
        Line2D([], [], linestyle="none", label="colour: the label given\nbold name: the true class"),
    ]

