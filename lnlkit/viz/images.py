"""Grids of images."""

import numpy as np

from lnlkit import checks
from lnlkit.viz import given
from lnlkit.viz.show import describe
from lnlkit.viz.style import INK, LABEL, NOTE, WIDTH, plain, whole

SLACK = 0.01  # by which fractions may leave [0, 1]: a decoder's rounding, not pixels from 0 to 255


@plain
def show_image(ax, image):
    """The axes with an image (C, H, W), (H, W) or (H, W, 3), grey or colour, uint8 or in [0, 1]."""
    given.axes(ax)
    image = _checked(image)
    ax.imshow(image, cmap="gray_r", vmin=0, vmax=255 if image.dtype == np.uint8 else 1, interpolation="nearest")
    return ax


def _checked(image):
    """The image as uint8 or as fractions, (H, W) or (H, W, C)."""
    image = checks.array(image, "images")
    image = image if image.dtype == np.uint8 else checks.numbers(image.astype(float) if image.dtype == bool else image,
                                                                 "images")  # fmt: skip
    if image.ndim == 3 and image.shape[0] in (1, 3) and image.shape[-1] not in (1, 3):
        image = np.moveaxis(image, 0, -1)
    if image.ndim not in (2, 3) or not image.size or (image.ndim == 3 and image.shape[-1] not in (1, 3)):
        raise ValueError(f"`images` must hold (H, W), (C, H, W) or (H, W, 3) arrays, but got one of {image.shape}.")
    if image.dtype == np.uint8:
        return image
    if image.min() < -SLACK or image.max() > 1 + SLACK:
        raise ValueError(f"`images` must hold uint8, or numbers from 0 to 1, but got {image.min():g} to "
                         f"{image.max():g}. Pixels 0..255? Use .astype(np.uint8).")  # fmt: skip
    return np.clip(image, 0, 1)


@plain
def image_grid(images, row_labels, col_labels=None, *, notes=None):
    """Figure with a grid of images (R, C, ...), as `show_image` takes them; rows may differ in length.

    `notes` (R, C) are written under the images.
    """
    images = [checks.sequence(row, "images") for row in checks.sequence(images, "images")]
    row_labels = checks.sequence(row_labels, "row_labels")
    if len(row_labels) != len(images):
        raise ValueError(f"`row_labels` must be one text per row ({len(images)}), but got {len(row_labels)}.")
    rows, cols = len(images), max(len(row) for row in images)
    col_labels = None if col_labels is None else checks.sequence(col_labels, "col_labels")
    if col_labels is not None and len(col_labels) != cols:
        raise ValueError(f"`col_labels` must be one text per column ({cols}), but got {len(col_labels)}.")
    notes = notes if notes is None else [checks.sequence(row, "notes") for row in checks.sequence(notes, "notes")]
    if notes is not None and list(map(len, notes)) != list(map(len, images)):
        raise ValueError("`notes` must be one text per image, in rows as long as those of `images`.")
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
