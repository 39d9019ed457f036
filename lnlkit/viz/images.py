"""Grids of images."""

import numpy as np

from lnlkit.viz.show import describe
from lnlkit.viz.style import INK, LABEL, NOTE, WIDTH, whole


def show_image(ax, image):
    """The axes with an image (C, H, W), (H, W) or (H, W, 3), grey or colour, uint8 or in [0, 1]."""
    image = np.asarray(image)
    if image.ndim == 3 and image.shape[0] in (1, 3) and image.shape[-1] not in (1, 3):
        image = np.moveaxis(image, 0, -1)
    if image.ndim not in (2, 3):
        raise ValueError(f"`images` must hold (H, W), (C, H, W) or (H, W, 3) arrays, but got one of {image.shape}.")
    image = image if image.dtype == np.uint8 else np.clip(image, 0, 1)
    ax.imshow(image, cmap="gray_r", vmin=0, vmax=255 if image.dtype == np.uint8 else 1, interpolation="nearest")
    return ax


def image_grid(images, row_labels, col_labels=None, *, notes=None):
    """Figure with a grid of images (R, C, ...), as `show_image` takes them; rows may differ in length.

    `notes` (R, C) are written under the images.
    """
    rows, cols = len(images), max(len(row) for row in images)
    side = min((WIDTH - 1.0) / cols, 1.1)
    fig = whole(side * cols + 1.0, (side + 0.22 * (notes is not None)) * rows + 0.35)
    axes = fig.subplots(rows, cols, squeeze=False)
    for ax in axes.flat:
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_visible(False)
    for r, (across, label) in enumerate(zip(axes, row_labels, strict=True)):
        across[0].set_ylabel(label, fontsize=LABEL, rotation=0, ha="right", va="center", color=INK)
        for c, image in enumerate(images[r]):
            note = "" if notes is None else notes[r][c]
            show_image(across[c], image).set_xlabel(note, fontsize=NOTE, labelpad=2)
    for ax, label in zip(axes[0], col_labels or (), strict=False):
        ax.set_title(label, fontsize=LABEL)
    said = " ".join(", ".join(map(str, row_labels)).split())
    return describe(fig, f"A grid of {sum(map(len, images))} images, {rows} rows: {said}.")
