"""Networks as diagrams drawn from their layer sizes."""

import math

from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from lnlkit.viz._style import INK, NOTE, PALETTE, WIDTH, panels


def architecture(image_shape, n_classes, hidden=400, latent=20, *, fig=None):
    """Figure of the conditional VAE, encoder and decoder both given the label y (Paper 01, Fig. 3).

    `image_shape` (C, H, W), `hidden` and `latent` are the layer sizes that `lnlkit.models.ConditionalVAE` is built with.
    """
    if fig is None:
        fig, _ = panels(width=WIDTH, height=3.4)
        fig.clear()
    ax = fig.subplots()
    ax.set(xlim=(0, 10.5), ylim=(0, 3.4), aspect="equal")
    ax.set_axis_off()
    pixels = math.prod(image_shape)
    shape = "×".join(map(str, image_shape))
    blue, orange, green = PALETTE[0], PALETTE[1], PALETTE[2]
    boxes = {
        "x": (0.1, 1.5, 1.2, 0.9, f"image x\n{shape}\n= {pixels} values", INK),
        "y": (0.1, 0.2, 1.2, 0.7, f"label y\none-hot, {n_classes}", orange),
        "enc": (2.0, 1.3, 1.3, 1.3, f"encoder\nq(z | x, y)\n\nhidden {hidden}", blue),
        "mu": (3.95, 2.15, 0.95, 0.6, f"μ\n{latent}", blue),
        "var": (3.95, 1.15, 0.95, 0.6, f"log σ²\n{latent}", blue),
        "z": (5.5, 1.55, 1.1, 0.8, f"z = μ + σ ε\n{latent}", green),
        "dec": (7.2, 1.3, 1.3, 1.3, f"decoder\np(x | z, y)\n\nhidden {hidden}", blue),
        "out": (9.1, 1.5, 1.2, 0.9, f"image x̂\n{shape}\nin [0, 1]", INK),
        "eps": (5.5, 2.75, 1.1, 0.5, "ε ~ N(0, I)", green),
    }
    for box in boxes.values():
        _box(ax, *box)
    for a, b in (("x", "enc"), ("enc", "mu"), ("enc", "var"), ("mu", "z"), ("var", "z"), ("z", "dec"), ("dec", "out")):
        _arrow(ax, (boxes[a][0] + boxes[a][2], boxes[a][1] + boxes[a][3] / 2), (boxes[b][0], boxes[b][1] + boxes[b][3] / 2))
    _arrow(ax, (6.05, 2.75), (6.05, 2.35), green)
    ax.plot([1.3, 7.85], [0.55, 0.55], color=orange, linewidth=1.5)
    for x in (2.65, 7.85):
        _arrow(ax, (x, 0.55), (x, 1.3), orange)
    return fig


def _box(ax, x, y, width, height, text, color):
    """A rounded box with its text in the middle."""
    ax.add_patch(FancyBboxPatch((x, y), width, height, boxstyle="round,pad=0,rounding_size=0.08", facecolor="white",
                                edgecolor=color, linewidth=1.8))  # fmt: skip
    ax.text(x + width / 2, y + height / 2, text, ha="center", va="center", fontsize=NOTE + 1, color=INK)


def _arrow(ax, start, end, color=INK):
    """An arrow from start to end."""
    ax.add_patch(FancyArrowPatch(start, end, arrowstyle="-|>", mutation_scale=11, color=color, linewidth=1.4, shrinkA=0, shrinkB=0))
