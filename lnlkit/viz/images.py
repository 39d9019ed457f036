"""Grids of images."""

import numpy as np

from lnlkit.viz.show import describe
from lnlkit.viz.style import INK, LABEL, NOTE, WIDTH, whole


def plane_of(image):
    """An image (C, H, W), (H, W) or (H, W, 3) as matplotlib takes it: (H, W) or (H, W, 3), uint8 or in [0, 1]."""
    image = np.asarray(image)
    if image.ndim == 3 and image.shape[0] in (1, 3) and image.shape[-1] not in (1, 3):
        image = np.moveaxis(image, 0, -1)
    if image.ndim == 3 and image.shape[-1] == 1:
        image = image[..., 0]
    if image.ndim not in (2, 3):
        raise ValueError(f"`images` must hold (H, W), (C, H, W) or (H, W, 3) arrays, but got one of {image.shape}.")
    return image if image.dtype == np.uint8 else np.clip(image, 0, 1)


def image_grid(images, row_labels=None, col_labels=None, *, scores=None, notes=None):
    """Figure with a grid of images (R, C, ...), grey or colour, uint8 or in [0, 1]; rows may differ in length.

    `scores` (R, C) writes a number under each image, `notes` (R, C) a text instead.
    """
    rows, cols = len(images), max(len(row) for row in images)
    side = min((WIDTH - 1.0) / cols, 1.1)
    note = scores is not None or notes is not None
    fig = whole(side * cols + 1.0, (side + 0.22 * note) * rows + 0.35)
    axes = fig.subplots(rows, cols, squeeze=False)
    for r in range(rows):
        for c, ax in enumerate(axes[r]):
            ax.set(xticks=[], yticks=[])
            ax.spines[:].set_visible(False)
            if c >= len(images[r]):
                continue
            plane = plane_of(images[r][c])
            ax.imshow(plane, cmap="gray_r", vmin=0, vmax=255 if plane.dtype == np.uint8 else 1, interpolation="nearest")
            if note:
                text = notes[r][c] if notes is not None else f"{scores[r][c]:.2f}"
                ax.set_xlabel(text, fontsize=NOTE, labelpad=2)
        if row_labels is not None:
            axes[r, 0].set_ylabel(row_labels[r], fontsize=LABEL, rotation=0, ha="right", va="center", color=INK)
    for c, label in enumerate(col_labels or ()):
        axes[0, c].set_title(label, fontsize=LABEL)
    said = [f"{what}: {', '.join(' '.join(str(label).split()) for label in labels)}"
            for what, labels in (("rows", row_labels), ("columns", col_labels)) if labels is not None]  # fmt: skip
    return describe(fig, f"A grid of {sum(map(len, images))} images; {'; '.join([f'{rows} rows', *said])}.")
