"""Diagrams of EchoAlign: where noisy labels come from, and what becomes of an image (Paper 04, Fig. 2 and Fig. 8)."""

from lnlkit.viz.diagrams import BLUE, GREEN, ORANGE, arrow, canvas, joined, nodes
from lnlkit.viz.show import describe
from lnlkit.viz.style import INK, LABEL, NOTE, PALETTE, TITLE, panels, plain

CAUSES = {"color": INK, "linestyle": "-"}
MADE = {"color": PALETTE[1], "linestyle": "-"}


@plain
def causes():
    """Figure of the causes of noisy labels, left, and of what instance modification adds, right (Paper 04, Fig. 2).

    Latent Z and the true label Y make the image X, and the noisy label comes from what X looks like.
    """
    fig, axes = panels(1, 2, width=8.6, height=2.5)
    places = {"Z": (0.6, 2.2), "Y": (0.6, 0.6), "X": (2.4, 1.4), "Ỹ": (4.2, 1.4)}
    for ax, title in zip(axes, ("how noisy labels come about", "EchoMod makes X′ from both"), strict=True):
        more = {"X′": (4.2, 0.15)} if ax is axes[1] else {}
        kinds = [(CAUSES, {"ZX": 0, "YX": 0, "XỸ": 0})]
        kinds += [(MADE, {("X", "X′"): 0.1, ("Ỹ", "X′"): 0})] if more else []
        ax.set(xlim=(0, 5), ylim=(-0.35, 2.75), aspect="equal")
        ax.set_axis_off()
        nodes(ax, places | more, *kinds, observed=("X", "Ỹ"))
        ax.set_title(title, fontsize=TITLE)
    axes[0].text(0.6, 2.7, "latent", fontsize=NOTE, ha="center")
    axes[0].text(0.6, 0.05, "true label", fontsize=NOTE, ha="center")
    axes[0].text(2.4, 0.86, "image", fontsize=NOTE, ha="center")
    axes[0].text(4.2, 0.86, "noisy label", fontsize=NOTE, ha="center")
    words = {"fontsize": NOTE, "ha": "right", "va": "center", "color": MADE["color"]}
    axes[1].text(3.0, 0.15, "shows Ỹ,\nkeeps the rest of X", **words)
    return describe(fig, "Latent variables Z and the true label Y make the image X, and X makes the noisy label. "
                         "Right: instance modification makes an image X' from X and the noisy label.")  # fmt: skip


@plain
def framework():
    """Figure of EchoAlign, from an image and its noisy label to the refined training set (Paper 04, Fig. 8)."""
    fig, ax = canvas((0, 13.4), (0, 3.6), 2.9)
    boxes = {
        "in": (0.1, 1.35, 1.9, 0.9, "image x,\nnoisy label ỹ", INK),
        "mod": (2.9, 1.35, 2.1, 0.9, "EchoMod\nx′ = G(x, ỹ)", ORANGE),
        "sim": (5.9, 1.35, 2.3, 0.9, "EchoSelect\nS = cos(z(x′), z(x))", BLUE),
        "keep": (9.1, 2.5, 1.7, 0.8, "keep x", GREEN),
        "take": (9.1, 0.3, 1.7, 0.8, "take x′", ORANGE),
        "learn": (11.7, 1.35, 1.6, 0.9, "learn from\nall pairs", INK),
    }
    joined(ax, boxes, ("in", "mod", "sim"))
    arrow(ax, (8.2, 1.9), (9.1, 2.9), GREEN)
    arrow(ax, (8.2, 1.7), (9.1, 0.7), ORANGE)
    arrow(ax, (10.8, 2.9), (11.7, 1.9), GREEN)
    arrow(ax, (10.8, 0.7), (11.7, 1.7), ORANGE)
    ax.text(8.3, 2.65, "S ≥ τ", fontsize=LABEL, ha="center", color=GREEN)
    ax.text(8.3, 0.95, "S < τ", fontsize=LABEL, ha="center", va="center", color=ORANGE)
    return describe(fig, "EchoAlign: EchoMod makes from an image and its noisy label an image that shows the label; "
                         "EchoSelect compares both. Where they are similar the original is kept, else the modified "
                         "image is taken, and any method learns from these pairs.")  # fmt: skip
