"""Networks as diagrams drawn from their layer sizes."""

import math
from types import SimpleNamespace

from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from lnlkit.viz.style import INK, PALETTE, TICK, WIDTH, whole

BLUE, ORANGE, GREEN = PALETTE[:3]


def _chain(first, layers):
    """'794 → 400 → 400' from an input size and layers, given as sizes or as modules with `out_features`."""
    sizes = [getattr(layer, "out_features", layer) for layer in layers]
    return " → ".join(str(size) for size in [first, *sizes] if isinstance(size, int))


def architecture(cvae, *, fig=None):
    """Figure of the conditional VAE, encoder and decoder both given the label y (Paper 01, Fig. 3).

    `cvae` is a `lnlkit.models.ConditionalVAE`, or a dict with its sizes: `image_shape` (C, H, W), `n_classes`,
    `latent`, and the layer sizes of `encoder` and `decoder` as lists.
    """
    net = SimpleNamespace(**cvae) if isinstance(cvae, dict) else cvae
    pixels, shape = math.prod(net.image_shape), " × ".join(map(str, net.image_shape))
    encoder = _chain(pixels + net.n_classes, net.encoder)
    decoder = _chain(net.latent + net.n_classes, net.decoder)
    boxes = {  # name: x, y, width, height, text, colour
        "x": (0.05, 1.45, 1.2, 0.95, f"image x\n{shape}\n= {pixels} values", INK),
        "y": (0.05, 0.2, 1.2, 0.7, f"label y\none-hot, {net.n_classes}", ORANGE),
        "encoder": (1.85, 1.3, 1.65, 1.25, f"encoder Q(z | x, y)\n\n{encoder}", BLUE),
        "mu": (4.0, 2.15, 0.9, 0.65, f"μ\n{net.latent}", BLUE),
        "log_var": (4.0, 1.05, 0.9, 0.65, f"log σ²\n{net.latent}", BLUE),
        "noise": (5.4, 2.75, 1.15, 0.5, "ε ~ N(0, I)", GREEN),
        "z": (5.4, 1.5, 1.15, 0.85, f"z = μ + σ ε\n{net.latent}", GREEN),
        "decoder": (7.05, 1.3, 1.75, 1.25, f"decoder P(x | z, y)\n\n{decoder}", BLUE),
        "out": (9.25, 1.45, 1.2, 0.95, f"image x̂\n{shape}\nin [0, 1]", INK),
    }
    fig = whole(fig, WIDTH, 3.4)
    ax = fig.subplots()
    ax.set(xlim=(0, 10.5), ylim=(0.1, 3.35), aspect="equal")
    ax.set_axis_off()
    for box in boxes.values():
        _box(ax, *box)
    for chain in (("x", "encoder", "mu", "z", "decoder", "out"), ("encoder", "log_var", "z")):
        for start, end in zip(chain, chain[1:], strict=False):
            _arrow(ax, _side(boxes[start], right=True), _side(boxes[end], right=False))
    _arrow(ax, (5.975, 2.75), (5.975, 2.35), GREEN)
    middle = [boxes[name][0] + boxes[name][2] / 2 for name in ("encoder", "decoder")]
    ax.plot([1.25, middle[1]], [0.55, 0.55], color=ORANGE, linewidth=1.5)
    for x in middle:
        _arrow(ax, (x, 0.55), (x, 1.3), ORANGE)
    return fig


def _side(box, right):
    """Middle of the right or left side of a box."""
    return box[0] + (box[2] if right else 0), box[1] + box[3] / 2


def _box(ax, x, y, width, height, text, color):
    """A rounded box with its text in the middle."""
    style = {"boxstyle": "round,pad=0,rounding_size=0.08", "facecolor": "white", "edgecolor": color, "linewidth": 1.8}
    ax.add_patch(FancyBboxPatch((x, y), width, height, **style))
    ax.text(x + width / 2, y + height / 2, text, ha="center", va="center", fontsize=TICK, color=INK)


def _arrow(ax, start, end, color=INK):
    """An arrow from start to end."""
    style = {"arrowstyle": "-|>", "mutation_scale": 11, "linewidth": 1.4, "shrinkA": 0, "shrinkB": 0}
    ax.add_patch(FancyArrowPatch(start, end, color=color, **style))


def choice_diagram(K=2, *, fig=None):
    """Figure of ChoiceNet: base network, Cholesky block, triplets of its K components (Paper 05, Fig. 2 and Fig. 3).

    The first component, with correlation 1, is the target; of the others the last one is drawn.
    """
    k = str(K).translate(str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉"))
    boxes = {  # name: x, y, width, height, text, colour
        "x": (0.0, 1.5, 0.75, 0.7, "input\nx", INK),
        "h": (1.15, 1.4, 1.2, 0.9, "any network\n\nfeatures h", INK),
        "weights": (2.95, 0.1, 2.0, 0.9, "shared by all components\nW* ~ N(μ*, Σ*)\nZ ~ N(0, Σ_Z)", GREEN),
        "heads": (2.95, 1.3, 2.0, 1.1, "ρ = tanh(W_ρ h),  ρ₁ = 1\nπ = softmax(W_π h)\nΣ₀ = exp(W_Σ h)", ORANGE),
        "cholesky": (5.5, 0.15, 1.75, 0.75, "Cholesky, Eq. (5)\nW̃ₖ for each ρₖ", GREEN),
        "first": (7.9, 1.95, 2.5, 0.95, "component 1: the target\nμ₁ = μ* h,  Σ₁ = 1/τ,  π₁", BLUE),
        "last": (7.9, 0.15, 2.5, 1.1, f"component {K}, correlation ρ{k}\nμ{k} = W̃{k} h,  π{k}\n"
                                      f"Σ{k} = (1 − ρ{k}²) Σ₀ + 1/τ", ORANGE),
    }  # fmt: skip
    fig = whole(fig, WIDTH, 3.1)
    ax = fig.subplots()
    ax.set(xlim=(-0.05, 10.5), ylim=(0.05, 3.0), aspect="equal")
    ax.set_axis_off()
    for box in boxes.values():
        _box(ax, *box)
    for start, end in (("x", "h"), ("h", "heads"), ("weights", "cholesky"), ("cholesky", "last")):
        _arrow(ax, _side(boxes[start], right=True), _side(boxes[end], right=False))
    _arrow(ax, (4.95, 2.1), (7.9, 2.4), BLUE)  # weight and variance of the target; its mean needs no draw
    _arrow(ax, (4.95, 1.85), (7.9, 1.0), ORANGE)
    _arrow(ax, (4.95, 1.5), (6.1, 0.9), ORANGE)
    if K > 2:
        ax.text(9.15, 1.6, "⋮", ha="center", va="center", fontsize=TICK + 4, color=INK)
    return fig
