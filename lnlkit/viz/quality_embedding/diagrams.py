"""Diagrams of the quality embedding: its graphical model, its network, and a conventional auto-encoder beside it."""

from matplotlib.lines import Line2D
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from lnlkit.viz.diagrams import BLUE, GREEN, ORANGE, arrow, canvas, joined, nodes
from lnlkit.viz.show import describe
from lnlkit.viz.style import INK, LABEL, NOTE, PALETTE, TICK, TITLE, panels, plain

STOP = "#c00000"
DASHED = (0, (4, 2.5))
GENERATIVE = {"label": "generative (decoding)", "color": INK, "linestyle": "-"}
INFERENCE = {"label": "inference (encoding)", "color": PALETTE[3], "linestyle": DASHED}
CLASSIFIER = {"label": "classifier (discriminative)", "color": BLUE, "linestyle": "-"}


def _key(fig, *looks):
    """The legend of the kinds of arrows, below."""
    fig.legend(handles=[Line2D([], [], linewidth=1.6, **look) for look in looks], loc="outside lower center",
               ncols=len(looks), fontsize=LABEL, frameon=False)  # fmt: skip


@plain
def graph():
    """Figure of the graphical model: observed image X and noisy label Y, latent label Z and quality S.

    Source: Paper 02, Fig. 2.
    """
    fig, ax = canvas((0.1, 7.6), (-0.15, 3.6), 3.9, width=7.6)
    nodes(ax, {"X": (0.9, 2.65), "Z": (3.1, 2.65), "Y": (5.3, 1.65), "S": (3.1, 0.65)},
           (GENERATIVE, {"XZ": 0, "ZY": 0, "SY": 0}),
           (INFERENCE, {"XZ": -0.42, "YZ": 0.42, "XS": 0, "YS": -0.42}))  # fmt: skip
    said = {
        "P(z | x)": (2.0, 2.42, GENERATIVE), "P(y | z, s)": (3.95, 1.65, GENERATIVE),
        "P(s) = N(0, I)": (3.1, 0.14, GENERATIVE), "q(z | x, y)": (3.1, 3.22, INFERENCE),
        "q(s | x, y)": (3.1, 1.2, INFERENCE),
    }  # fmt: skip
    for text, (x, y, look) in said.items():
        ax.text(x, y, text, fontsize=LABEL, color=look["color"], ha="center", va="center")
    ax.add_patch(FancyBboxPatch((0.25, -0.1), 5.85, 3.6, boxstyle="round,pad=0,rounding_size=0.12", facecolor="none",
                                edgecolor="#888888", linewidth=1.2))  # fmt: skip
    ax.text(5.98, 0.0, "M items", ha="right", va="bottom", fontsize=LABEL, color=INK)
    names = "X: image\nY: noisy label\nZ: latent label\nS: quality\n\ngrey: observed"
    ax.text(6.35, 3.0, names, fontsize=LABEL, color=INK, va="top", linespacing=1.7)
    _key(fig, GENERATIVE, INFERENCE)
    return describe(fig, "Graphical model with observed image X and noisy label Y, latent label Z and quality S. "
                         "Solid arrows generate: X to Z, Z and S to Y. Dashed arrows infer Z and S from X and "
                         "Y.")  # fmt: skip


@plain
def autoencoder_comparison():
    """Figure of a conventional auto-encoder (a) beside the quality embedding model (b) (Paper 02, Fig. 4)."""
    fig, axes = panels(1, 2, width=9, height=3.5, subplot_kw={"xlim": (0, 4.4), "ylim": (0.05, 3.35), "aspect": 1})
    decoding = GENERATIVE, {"ZY": 0.22, "SY": -0.22}
    encoding = INFERENCE, {"YZ": 0.22, "YS": -0.22}
    places, image = {"Y": (2.5, 2.55), "Z": (1.3, 1.1), "S": (3.7, 1.1)}, {"X": (0.55, 2.55)}
    nodes(axes[0], places, decoding, encoding)
    nodes(axes[1], places | image, decoding, encoding, (CLASSIFIER, {"XZ": 0.25}),
           (INFERENCE, {"XZ": -0.15, "XS": 0.12}))  # fmt: skip
    words = {"(a) conventional auto-encoder": "encodes Y, decodes Y",
             "(b) quality embedding model": "encodes X and Y, decodes Y alone;\nthe classifier X → Z is learned too"}
    for ax, (title, text) in zip(axes, words.items(), strict=True):
        ax.set_axis_off()
        ax.text(2.2, 3.2, title, ha="center", va="center", fontsize=TITLE, color=INK)
        ax.text(2.2, 0.55, text, ha="center", va="top", fontsize=LABEL, color=INK)
    _key(fig, GENERATIVE, INFERENCE, CLASSIFIER)
    return describe(fig, "A conventional auto-encoder encodes Y to Z and S and decodes them to Y. The quality "
                         "embedding model encodes X and Y to Z and S and decodes only Y.")  # fmt: skip


@plain
def architecture():
    """Figure of the Contrastive-Additive Noise network, with what no gradient passes (Paper 02, Fig. 3).

    Red double bars: the prediction enters the encoder, and q the classifier's target, as constants; Eq. (6) has no
    gradient there.
    """
    boxes = {  # name: x, y, width, height, text, colour
        "x": (0.0, 1.85, 0.75, 0.8, "image\nx", INK),
        "classifier": (1.15, 1.7, 1.5, 1.1, "classifier\nP(z | x)\nany network", BLUE),
        "y_hat": (3.05, 1.9, 0.95, 0.7, "prediction\nŷ", BLUE),
        "y": (5.05, 1.9, 1.25, 0.7, "noisy label\ny", INK),
        "additive": (4.65, 3.1, 2.05, 1.05, "additive layer\nq(z | x, y) =\nf′ₜ( f₁(y) + f₂(ŷ) )", ORANGE),
        "contrastive": (4.65, 0.35, 2.05, 1.05, "contrastive layer\nμ, log σ² =\nfₜ( fₛ(y) − fₛ(ŷ) )", GREEN),
        "z": (7.15, 3.1, 1.65, 1.05, "z = sigmoid(\n(logit q + L) / τ)\nL logistic", ORANGE),
        "s": (7.15, 0.35, 1.65, 1.05, "s = μ + σ ζ\nζ ~ N(0, I)", GREEN),
        "decoder": (9.15, 1.6, 1.35, 1.3, "decoder\nP(y | z, s)\n2 × (linear,\nReLU), linear", INK),
        "target": (1.15, 3.2, 1.5, 0.95, "target, Eq. (7)\n(1 − ρ) q + ρ y", BLUE),
    }  # fmt: skip
    fig, ax = canvas((-0.05, 10.6), (-0.3, 4.85), 5.2)
    modules = {"classifier": (1.0, 3.15), "encoder": (4.5, 2.35), "sampler": (7.0, 1.95), "decoder": (9.05, 1.55)}
    for text, (x, width) in modules.items():
        ax.add_patch(FancyBboxPatch((x, 0.0), width, 4.5, boxstyle="round,pad=0,rounding_size=0.1", facecolor="#f3f3f3",
                                    edgecolor="none", zorder=0))  # fmt: skip
        ax.text(x + width / 2, 4.65, text, ha="center", va="center", fontsize=LABEL, color=INK, weight="bold")
    joined(ax, boxes, ("x", "classifier", "y_hat"), ("additive", "z"), ("contrastive", "s"))
    _architecture_arrows(ax)
    return describe(fig, "Network of CAN: the prediction, without gradient, and the noisy label enter an additive "
                         "layer, which gives the latent label, and a contrastive layer, which gives the quality; a "
                         "decoder gives the noisy label back, and the latent label trains the classifier.")  # fmt: skip


def _architecture_arrows(ax):
    """The arrows of `architecture` that are bent or meet no side's middle, their texts and the two stops."""
    ax.plot([4.0, 4.3], [2.25, 2.25], color=BLUE, linewidth=1.4)
    ax.plot([4.3, 4.3], [0.85, 3.4], color=BLUE, linewidth=1.4)
    for y in (3.4, 0.85):
        arrow(ax, (4.3, y), (4.65, y), BLUE)
    arrow(ax, (5.675, 2.6), (5.675, 3.1))  # the noisy label enters both layers
    arrow(ax, (5.675, 1.9), (5.675, 1.4))
    arrow(ax, (8.8, 3.4), (9.6, 2.9), ORANGE)
    arrow(ax, (8.8, 1.1), (9.6, 1.6), GREEN)
    arrow(ax, (4.65, 3.85), (2.65, 3.85), ORANGE)  # q, as a constant, into the target
    arrow(ax, (1.9, 3.2), (1.9, 2.8), BLUE)
    dashed = {"arrowstyle": "<|-|>", "mutation_scale": 10, "linestyle": DASHED, "color": "#555555"}
    ax.add_patch(FancyArrowPatch((6.3, 2.25), (9.15, 2.25), linewidth=1.2, shrinkA=0, shrinkB=0, **dashed))
    notes = {  # text: place
        "− ln P(y | z, s)": (7.95, 2.42), "KL[ q(z | x, y) ‖ P(z | x) ]": (3.58, 4.15), "cross-entropy": (2.42, 3.0),
        "KL[ q(s | x, y) ‖ N(0, I) ]": (5.68, 0.17),
        "KL[ q ‖ P(z | x) ] moves q with P held fixed,\nand P with q held fixed, as in Eq. (6).": (2.6, 0.75),
    }  # fmt: skip
    for text, place in notes.items():
        ax.text(*place, text, ha="center", va="center", fontsize=NOTE, color="#444444")
    for x, y in ((4.12, 2.25), (3.55, 3.85)):
        for shift in (-0.035, 0.035):
            ax.plot([x + shift] * 2, [y - 0.14, y + 0.14], color=STOP, linewidth=2.2, zorder=5)
    ax.text(0.0, -0.2, "‖", color=STOP, fontsize=TITLE, weight="bold", va="center")
    ax.text(0.2, -0.2, "no gradient passes back.   fₛ is one layer for y and ŷ; f₁ and f₂ are two layers.   "
            "Dashed: the decoder has to give y back.", fontsize=TICK, color=INK, va="center")  # fmt: skip
