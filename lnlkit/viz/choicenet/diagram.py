"""ChoiceNet as a diagram."""

from lnlkit.viz.diagrams import BLUE, GREEN, ORANGE, arrow, canvas, joined
from lnlkit.viz.show import describe
from lnlkit.viz.style import INK, TICK


def diagram(K=2):
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
    fig, ax = canvas((-0.05, 10.5), (0.05, 3.0), 3.1)
    joined(ax, boxes, ("x", "h", "heads"), ("weights", "cholesky", "last"))
    arrow(ax, (4.95, 2.1), (7.9, 2.4), BLUE)  # weight and variance of the target; its mean needs no draw
    arrow(ax, (4.95, 1.85), (7.9, 1.0), ORANGE)
    arrow(ax, (4.95, 1.5), (6.1, 0.9), ORANGE)
    if K > 2:
        ax.text(9.15, 1.6, "⋮", ha="center", va="center", fontsize=TICK + 4, color=INK)
    return describe(fig, "Features go to heads for correlation, weight and variance and to the Cholesky transform of "
                         "shared weights; each component has mean, variance and weight; the first is the prediction.")
