"""Figures of label vectors: how often labels occur and meet, images with their labels, their labels.

N examples, K classes; label vectors are arrays (N, K) of 0 and 1.
"""

import textwrap

import numpy as np

from lnlkit import checks
from lnlkit.viz.images import plane_of
from lnlkit.viz.matrices import percent_map
from lnlkit.viz.show import describe
from lnlkit.viz.style import INK, PALETTE, TICK, TITLE, WIDTH, blank, finish, whole

CHANGED = "#c00000"


def _vectors(y, name):
    """Label vectors as booleans (N, K); probabilities are cut at 1/2."""
    y = np.asarray(y)
    if y.ndim != 2:
        raise ValueError(f"`{name}` must hold label vectors (N, K), but got shape {y.shape}. "
                         "Class numbers become vectors by numpy.eye(K)[y].")  # fmt: skip
    return y > 0.5


def label_counts(ax, y, class_names=None, *, y_noisy=None, title=None):
    """The axes with the number of examples that have each label (Paper 02, Fig. 5); y_noisy (N, K) stands beside y."""
    bars = [_vectors(y, "y").sum(0)] + ([] if y_noisy is None else [_vectors(y_noisy, "y_noisy").sum(0)])
    names = list(range(len(bars[0]))) if class_names is None else list(class_names)
    width = 0.8 / len(bars)
    labels = (None,) if y_noisy is None else ("clean labels", "noisy labels")
    for place, (counts, label) in enumerate(zip(bars, labels, strict=True)):
        at = np.arange(len(counts)) + (place - (len(bars) - 1) / 2) * width
        style = {"color": PALETTE[place], "hatch": "////" * place, "edgecolor": "white", "linewidth": 0}
        ax.bar(at, counts, width=0.92 * width, label=label, **style)
    ax.set_xticks(range(len(names)), names)
    _slant(ax)
    finish(ax, title, None, "examples with the label", grid="y")
    if y_noisy is not None:
        _legend_above(ax, title)
    return ax


def _legend_above(ax, title, handles=None):
    """The axes with a legend in one line above, and the title above that."""
    handles = ax.get_legend_handles_labels()[0] if handles is None else handles
    ax.legend(handles=handles, fontsize=TICK, frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0),
              ncols=len(handles))  # fmt: skip
    if title is not None:
        ax.set_title(title, fontsize=TITLE, pad=26)
    return ax


def co_occurrence(ax, y, class_names=None, *, title=None):
    """The axes with a heat map: of the examples with the label of the row the % that have that of the column too.

    On the diagonal, grey, the number of examples with the label. More than 12 labels get a colour scale in place of
    numbers. Where no example has two labels a sentence says so.
    """
    vectors = _vectors(y, "y").astype(float)
    both, size = vectors.T @ vectors, vectors.shape[1]
    diagonal = np.eye(size, dtype=bool)
    if not both[~diagonal].any():
        return finish(blank(ax, "Every example has at most one label:\nno two labels meet."), title)
    share = 100 * both / np.maximum(both.diagonal()[:, None], 1)
    words = np.char.mod("%.0f", np.where(diagonal, both, share)) if size <= 12 else None
    percent_map(share, ax, words, class_names)
    if words is None:
        ax.figure.colorbar(ax.collections[0], ax=ax, shrink=0.8, aspect=30, pad=0.02).outline.set_visible(False)
    _slant(ax)
    return finish(ax, title, "... also have this label (%)", "of the examples with this label")


def _slant(ax):
    """The axes with long names below slanted so that each ends at its column."""
    if max(len(text.get_text()) for text in ax.get_xticklabels()) > 2:
        for text in ax.get_xticklabels():
            text.set(rotation=50, ha="right", va="center", rotation_mode="anchor")
    return ax


def _said(vector, class_names):
    """The labels of a vector (K,) as text."""
    return ", ".join(str(class_names[k]) for k in np.flatnonzero(vector)) or "none"


def scene_grid(images, noisy, latent, true=None, class_names=None, *, columns=None):
    """Figure of images with their labels below: noisy, latent, true (Paper 02, Fig. 8).

    images: N of them, (H, W), (H, W, 3) or (C, H, W), of any size; noisy, latent, true: (N, K), probabilities are cut
    at 1/2. The latent label is red and bold where it is not the noisy one, with a tick where it is the true one then,
    else with a cross. Without `true`, as for real images, that line and these marks are left out.
    """
    noisy, latent = _vectors(noisy, "noisy"), _vectors(latent, "latent")
    true = None if true is None else _vectors(true, "true")
    checks.same_length(images=images, noisy=noisy, latent=latent, **({} if true is None else {"true": true}))
    class_names = range(noisy.shape[1]) if class_names is None else class_names
    columns = columns or min(len(images), 6 if len(images) > 8 or len(images) in (5, 6) else 4)
    rows, wide = -(-len(images) // columns), WIDTH / columns
    texts = [_lines(noisy[i], latent[i], None if true is None else true[i], class_names, int(wide / 0.082))
             for i in range(len(images))]  # fmt: skip
    space = 0.18 * max(map(len, texts)) + 0.05  # inches below a row of images
    side = min(0.9 * wide, 1.9)
    fig = whole(WIDTH, rows * (side + space) + 0.1)
    axes = fig.subplots(2 * rows, columns, squeeze=False, height_ratios=[side, space] * rows)
    for ax in axes.flat:
        ax.set_axis_off()
    for i, image in enumerate(images):
        above, below = axes[2 * (i // columns), i % columns], axes[2 * (i // columns) + 1, i % columns]
        plane = plane_of(image)
        above.set_axis_on()
        above.set(xticks=[], yticks=[])
        above.spines[:].set_color("#cccccc")
        above.imshow(plane, cmap="gray_r", vmin=0, vmax=255 if plane.dtype == np.uint8 else 1, interpolation="nearest")
        for line, (text, style) in enumerate(texts[i]):
            below.annotate(text, (0.5, 1), xytext=(0, -13 * line), xycoords="axes fraction", ha="center", va="top",
                           textcoords="offset points", fontsize=TICK, in_layout=False, **style)  # fmt: skip
    return describe(fig, _scenes(noisy, latent, true))


def _lines(noisy, latent, true, class_names, width):
    """The lines of text below one image, each with its style; long ones are broken after so many letters."""
    changed = (noisy != latent).any()
    mark = "" if true is None or not changed else "  ✓" if (latent == true).all() else "  ✗"
    texts = [(f"noisy: {_said(noisy, class_names)}", {"color": INK}),
             (f"latent: {_said(latent, class_names)}{mark}",
              {"color": CHANGED, "weight": "bold"} if changed else {"color": INK})]  # fmt: skip
    if true is not None:
        texts.append((f"true: {_said(true, class_names)}", {"color": "#666666"}))
    return [(line, style) for text, style in texts for line in textwrap.wrap(text, width)]


def _scenes(noisy, latent, true):
    """The sentence that describes `scene_grid`: how many latent labels differ from noisy ones, and are true."""
    changed = (noisy != latent).any(1)
    text = f"{len(noisy)} images with their labels. In {changed.sum()} the latent label differs from the noisy one"
    if true is not None:
        wrong, right = (noisy != true).any(1), (latent == true).all(1)
        text += (f", in {(changed & right).sum()} of these it is the true one; {wrong.sum()} noisy labels are wrong, "
                 f"and {(wrong & right).sum()} of them are corrected")  # fmt: skip
    return text + "."
