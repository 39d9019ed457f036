"""The scores that make the noise, and the conditional VAE: its layers and its loss."""

import math
from types import SimpleNamespace

import numpy as np
import seaborn
from matplotlib.ticker import LogLocator, NullFormatter

from lnlkit.viz.diagrams import BLUE, GREEN, ORANGE, arrow, canvas, chain, joined
from lnlkit.viz.lines import DASHES
from lnlkit.viz.show import describe
from lnlkit.viz.style import INK, LINES, MARKERS, NOTE, PALETTE, WIDTH, finish, panels

RANGE = ("pi", 100)  # seaborn's word for the band from the smallest to the largest seed


def score_thresholds(score, rates):
    """Figure of the mislabelling scores (N,) and, for each rate, of the score from which labels flip.

    At rate p exactly floor(p N) examples lie at or right of the line (Paper 01, Section 2.3). Scores on a log scale.
    """
    fig, ax = panels(width=8)
    score = np.asarray(score, float).clip(1e-5)  # below that all scores are alike: they share the first bar
    seaborn.histplot(x=score, bins=50, log_scale=True, color="#c8d4dd", edgecolor="white", alpha=1, ax=ax)
    ax.xaxis.set_major_locator(LogLocator(subs=(1,) if score.max() > 100 * score.min() else (1, 2, 5)))
    ax.xaxis.set_major_formatter("{x:g}")
    ax.xaxis.set_minor_formatter(NullFormatter())
    ordered, said = np.sort(score)[::-1], []
    for place, rate in enumerate(sorted(rates)):
        if flipped := math.floor(rate * len(score) + 1e-9):
            least = ordered[flipped - 1]
            ax.axvline(least, color=PALETTE[place % 10], linestyle=LINES[place % 4], linewidth=2,
                       label=f"noise rate {rate:g}: {flipped} labels with a score of {least:.2g} or more")  # fmt: skip
            said.append(f"{least:.3f} at rate {rate:g}")
    ax.legend(fontsize=NOTE, frameon=False, loc="upper left")
    finish(ax, None, "score of mislabelling N(x), log scale", "images")
    return describe(fig, f"Histogram of the mislabelling scores; labels flip from a score of {', '.join(said)}.")


def architecture(cvae):
    """Figure of the conditional VAE, encoder and decoder both given the label y (Paper 01, Fig. 3).

    `cvae` is a `lnlkit.models.ConditionalVAE`, or a dict with its sizes: `image_shape` (C, H, W), `n_classes`,
    `latent`, and the layer sizes of `encoder` and `decoder` as lists.
    """
    net = SimpleNamespace(**cvae) if isinstance(cvae, dict) else cvae
    pixels, shape = math.prod(net.image_shape), " × ".join(map(str, net.image_shape))
    encoder = chain(pixels + net.n_classes, net.encoder)
    decoder = chain(net.latent + net.n_classes, net.decoder)
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
    fig, ax = canvas((0, 10.5), (0.1, 3.35), 3.4)
    joined(ax, boxes, ("x", "encoder", "mu", "z", "decoder", "out"), ("encoder", "log_var", "z"))
    arrow(ax, (5.975, 2.75), (5.975, 2.35), GREEN)
    middle = [boxes[name][0] + boxes[name][2] / 2 for name in ("encoder", "decoder")]
    ax.plot([1.25, middle[1]], [0.55, 0.55], color=ORANGE, linewidth=1.5)
    for x in middle:
        arrow(ax, (x, 0.55), (x, 1.3), ORANGE)
    return describe(fig, f"Encoder {encoder} of image and label, code of {net.latent} numbers, decoder {decoder} of "
                         "code and label back to an image.")  # fmt: skip


def loss_split(losses, parts=("total", "reconstruction", "kl"), ylabel="nats per image"):
    """Figure of the parts of the CVAE's loss over the epochs, a line a noise rate (Paper 01, Fig. 4).

    losses: one row a seed, noise rate and epoch (from 1) with a column a part, in nats per image.
    """
    fig, axes = panels(1, len(parts), width=WIDTH, sharey="total" not in parts)
    rates = sorted(losses["noise_rate"].unique())
    colors, marks = (dict(zip(rates, of, strict=False)) for of in (PALETTE, MARKERS))
    dashes = {rate: DASHES[LINES[place % 4]] for place, rate in enumerate(rates)}
    for ax, part in zip(axes, parts, strict=True):
        seaborn.lineplot(
            losses, x="epoch", y=part, hue="noise_rate", style="noise_rate", palette=colors, markers=marks, ax=ax,
            dashes=dashes, markevery=-(-losses["epoch"].max() // 8), errorbar=RANGE,
            legend="full" if part == parts[0] else False)  # fmt: skip
        ax.xaxis.get_major_locator().set_params(integer=True)
        finish(ax, "KL divergence" if part == "kl" else part, "epoch", ylabel if part == parts[0] else "", grid="y")
    axes[0].legend(title="noise rate", fontsize=NOTE, title_fontsize=NOTE, frameon=False)
    last = losses[losses["epoch"] == losses["epoch"].max()].groupby("noise_rate")[list(parts)].mean()
    said = [f"{value:.2f} of {part} at rate {rate:g}" for (rate, part), value in last.stack().items()]
    return describe(fig, f"The CVAE's loss over epochs per noise rate, {ylabel}. Last epoch: {', '.join(said)}.")
