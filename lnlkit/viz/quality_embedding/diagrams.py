"""Diagrams of the quality embedding: its graphical model, its network, and a conventional auto-encoder beside it."""

from matplotlib.lines import Line2D
from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch

from lnlkit.viz.diagrams import arrow, box, side
from lnlkit.viz.show import describe
from lnlkit.viz.style import INK, LABEL, NOTE, PALETTE, TICK, TITLE, WIDTH, whole

GENERATIVE, INFERENCE, STOP = INK, PALETTE[3], "#c00000"
DASHED = (0, (4, 2.5))
RADIUS = 0.34


def _nodes(ax, places):
    """A circle with its letter at each place, `{name: circle}`; X and Y are observed, so shaded."""
    circles = {}
    for name, place in places.items():
        color = "#cfcfcf" if name in "XY" else "white"
        circles[name] = ax.add_patch(Circle(place, RADIUS, facecolor=color, edgecolor=INK, linewidth=1.5, zorder=3))
        ax.text(*place, name, ha="center", va="center", fontsize=TITLE + 2, zorder=4, color=INK)
    return circles


def _edge(ax, start, end, inference=False, bend=0.0, color=None):
    """An arrow from one circle to another: solid for the generative process, dashed for inference."""
    style = {"color": color or (INFERENCE if inference else GENERATIVE), "linestyle": DASHED if inference else "-"}
    ax.add_patch(FancyArrowPatch(
        start.center, end.center, arrowstyle="-|>", mutation_scale=14, linewidth=1.6, shrinkA=1, shrinkB=2, zorder=2,
        connectionstyle=f"arc3,rad={bend}", patchA=start, patchB=end, **style))  # fmt: skip


def _key(labels=("generative (decoding)", "inference (encoding)")):
    """Legend entries of the two kinds of arrows."""
    return [Line2D([], [], color=GENERATIVE, linewidth=1.6, label=labels[0]),
            Line2D([], [], color=INFERENCE, linewidth=1.6, linestyle=DASHED, label=labels[1])]  # fmt: skip


def _plate(ax, x, y, width, height, text):
    """The plate around what is repeated for each item."""
    style = {"boxstyle": "round,pad=0,rounding_size=0.12", "facecolor": "none", "edgecolor": "#888888"}
    ax.add_patch(FancyBboxPatch((x, y), width, height, linewidth=1.2, **style))
    ax.text(x + width - 0.12, y + 0.1, text, ha="right", va="bottom", fontsize=LABEL, color=INK)


def _canvas(ax, xlim, ylim):
    """The axes empty, one unit an inch in both directions."""
    ax.set(xlim=xlim, ylim=ylim, aspect="equal")
    ax.set_axis_off()


def graph():
    """Figure of the graphical model: observed image X and noisy label Y, latent label Z and quality S.

    Source: Paper 02, Fig. 2.
    """
    places = {"X": (0.9, 2.65), "Z": (3.1, 2.65), "Y": (5.3, 1.65), "S": (3.1, 0.65)}
    fig = whole(7.6, 3.9)
    ax = fig.subplots()
    _canvas(ax, (0.1, 7.6), (-0.15, 3.6))
    nodes = _nodes(ax, places)
    for start, end in (("X", "Z"), ("Z", "Y"), ("S", "Y")):
        _edge(ax, nodes[start], nodes[end])
    for start, end, bend in (("X", "Z", -0.42), ("Y", "Z", 0.42), ("X", "S", 0.0), ("Y", "S", -0.42)):
        _edge(ax, nodes[start], nodes[end], inference=True, bend=bend)
    said = {
        "P(z | x)": (2.0, 2.42, GENERATIVE), "P(y | z, s)": (3.95, 1.65, GENERATIVE),
        "P(s) = N(0, I)": (3.1, 0.14, GENERATIVE), "q(z | x, y)": (3.1, 3.22, INFERENCE),
        "q(s | x, y)": (3.1, 1.2, INFERENCE),
    }  # fmt: skip
    for text, (x, y, color) in said.items():
        ax.text(x, y, text, fontsize=LABEL, color=color, ha="center", va="center")
    names = {"X": "image", "Y": "noisy label", "Z": "latent label", "S": "quality"}
    _plate(ax, 0.25, -0.1, 5.85, 3.6, "M items")
    for line, (name, text) in enumerate(names.items()):
        ax.text(6.35, 2.9 - 0.3 * line, f"{name}: {text}", fontsize=LABEL, color=INK)
    ax.text(6.35, 1.5, "grey: observed", fontsize=LABEL, color=INK)
    fig.legend(handles=_key(), loc="outside lower center", ncols=2, fontsize=LABEL, frameon=False)
    return describe(fig, "Graphical model with observed image X and noisy label Y, latent label Z and quality S. "
                         "Solid arrows generate: X to Z, Z and S to Y. Dashed arrows infer Z and S from X and "
                         "Y.")  # fmt: skip


def autoencoder_comparison():
    """Figure of a conventional auto-encoder (a) beside the quality embedding model (b) (Paper 02, Fig. 4)."""
    fig = whole(9.0, 3.5)
    ways = (("(a) conventional auto-encoder", False), ("(b) quality embedding model", True))
    for ax, (title, ours) in zip(fig.subplots(1, 2), ways, strict=True):
        _canvas(ax, (0.0, 4.4), (0.05, 3.35))
        ax.text(2.2, 3.2, title, ha="center", va="center", fontsize=TITLE, color=INK)
        nodes = _nodes(ax, {"Y": (2.5, 2.55), "Z": (1.3, 1.1), "S": (3.7, 1.1)} | ({"X": (0.55, 2.55)} if ours else {}))
        for latent, bend in (("Z", 0.22), ("S", -0.22)):
            _edge(ax, nodes["Y"], nodes[latent], inference=True, bend=bend)
            _edge(ax, nodes[latent], nodes["Y"], bend=bend)
        if ours:
            _edge(ax, nodes["X"], nodes["Z"], bend=0.25, color=PALETTE[0])
            _edge(ax, nodes["X"], nodes["Z"], inference=True, bend=-0.15)
            _edge(ax, nodes["X"], nodes["S"], inference=True, bend=0.12)
        words = "encodes Y, decodes Y"
        if ours:
            words = "encodes X and Y, decodes Y alone;\nthe classifier X → Z is learned with it"
        ax.text(2.2, 0.55, words, ha="center", va="top", fontsize=LABEL, color=INK)
    classifier = Line2D([], [], color=PALETTE[0], linewidth=1.6, label="classifier (discriminative)")
    fig.legend(handles=[*_key(), classifier], loc="outside lower center", ncols=3, fontsize=LABEL, frameon=False)
    return describe(fig, "A conventional auto-encoder encodes Y to Z and S and decodes them to Y. The quality "
                         "embedding model encodes X and Y to Z and S, decodes only Y, and learns the classifier from X "
                         "to Z with it.")  # fmt: skip


def architecture():
    """Figure of the Contrastive-Additive Noise network, with what no gradient passes (Paper 02, Fig. 3).

    Red double bars: the prediction enters the encoder, and q the classifier's target, as constants; Eq. (6) has no
    gradient there.
    """
    blue, orange, green = PALETTE[:3]
    boxes = {  # name: x, y, width, height, text, colour
        "x": (0.0, 1.85, 0.75, 0.8, "image\nx", INK),
        "classifier": (1.15, 1.7, 1.5, 1.1, "classifier\nP(z | x)\nany network", blue),
        "y_hat": (3.05, 1.9, 0.95, 0.7, "prediction\nŷ", blue),
        "y": (5.05, 1.9, 1.25, 0.7, "noisy label\ny", INK),
        "additive": (4.65, 3.1, 2.05, 1.05, "additive layer\nq(z | x, y) =\nf′ₜ( f₁(y) + f₂(ŷ) )", orange),
        "contrastive": (4.65, 0.35, 2.05, 1.05, "contrastive layer\nμ, log σ² =\nfₜ( fₛ(y) − fₛ(ŷ) )", green),
        "z": (7.15, 3.1, 1.65, 1.05, "z = sigmoid(\n(logit q + L) / τ)\nL logistic", orange),
        "s": (7.15, 0.35, 1.65, 1.05, "s = μ + σ ζ\nζ ~ N(0, I)", green),
        "decoder": (9.15, 1.6, 1.35, 1.3, "decoder\nP(y | z, s)\n2 × (linear,\nReLU), linear", INK),
        "target": (1.15, 3.2, 1.5, 0.95, "target, Eq. (7)\n(1 − ρ) q + ρ y", blue),
    }  # fmt: skip
    fig = whole(WIDTH, 5.2)
    ax = fig.subplots()
    _canvas(ax, (-0.05, 10.6), (-0.3, 4.85))
    modules = {"classifier": (1.0, 3.15), "encoder": (4.5, 2.35), "sampler": (7.0, 1.95), "decoder": (9.05, 1.55)}
    for text, (x, width) in modules.items():
        ax.add_patch(FancyBboxPatch((x, 0.0), width, 4.5, boxstyle="round,pad=0,rounding_size=0.1", facecolor="#f3f3f3",
                                    edgecolor="none", zorder=0))  # fmt: skip
        ax.text(x + width / 2, 4.65, text, ha="center", va="center", fontsize=LABEL, color=INK, weight="bold")
    for place in boxes.values():
        box(ax, *place)
    _architecture_arrows(ax, boxes, blue, orange, green)
    return describe(fig, "Network of CAN. The classifier predicts y hat from the image. y hat, without gradient, and "
                         "the noisy label y enter an additive layer, which gives q of the latent label, and a "
                         "contrastive layer with one shared f_s, which gives mean and variance of the quality. Draws z "
                         "and s go to a decoder that has to give y back. q, without gradient, and y make the "
                         "classifier's target.")  # fmt: skip


def _architecture_arrows(ax, boxes, blue, orange, green):
    """The arrows of `architecture`, their texts and the two stops."""
    for start, end, color in (("x", "classifier", INK), ("classifier", "y_hat", blue), ("additive", "z", orange),
                              ("contrastive", "s", green)):  # fmt: skip
        arrow(ax, side(boxes[start], right=True), side(boxes[end], right=False), color)
    ax.plot([4.0, 4.3], [2.25, 2.25], color=blue, linewidth=1.4)
    ax.plot([4.3, 4.3], [0.85, 3.4], color=blue, linewidth=1.4)
    for y in (3.4, 0.85):
        arrow(ax, (4.3, y), (4.65, y), blue)
    arrow(ax, (5.675, 2.6), (5.675, 3.1))  # the noisy label enters both layers
    arrow(ax, (5.675, 1.9), (5.675, 1.4))
    arrow(ax, (8.8, 3.4), (9.6, 2.9), orange)
    arrow(ax, (8.8, 1.1), (9.6, 1.6), green)
    arrow(ax, (4.65, 3.85), (2.65, 3.85), orange)  # q, as a constant, into the target
    arrow(ax, (1.9, 3.2), (1.9, 2.8), blue)
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
