"""The noise that looks at the image, the conditional VAE, and what the recorded runs say."""

import math
from types import SimpleNamespace

import numpy as np
import seaborn
from matplotlib.ticker import LogLocator, NullFormatter

from lnlkit import checks, recorded
from lnlkit.viz import given, style
from lnlkit.viz.diagrams import BLUE, GREEN, ORANGE, arrow, canvas, chain, joined
from lnlkit.viz.lines import DASHES, bands, legend_below
from lnlkit.viz.show import describe
from lnlkit.viz.style import GREY, INK, NOTE, PALETTE, TITLE, WIDTH, finish, panels

NOTEBOOK = "01_cvae_augmentation"
LABELS = style.row_labels(NOTEBOOK)
RANGE = ("pi", 100)  # seaborn's word for the band from the smallest to the largest seed
MEASURED = {  # column of the epochs: its name, colour, line
    "train_acc": ("training, noisy labels", PALETTE[1], ":"),
    "val_acc": ("validation, noisy labels", PALETTE[2], "--"),
    "test_acc": ("test, clean labels", PALETTE[0], "-"),
}
STAR = {"label": "at the best noisy-validation epoch", "linestyle": "none", "marker": "*", "markersize": 11,
        "color": PALETTE[0], "markeredgecolor": "white"}  # fmt: skip
SIZES = ("image_shape", "n_classes", "latent", "encoder", "decoder")


@style.plain
def score_thresholds(score, rates):
    """Figure of the mislabelling scores (N,) and, for each rate, of the score from which labels flip.

    At rate p exactly floor(p N) examples lie at or right of the line (Paper 01, Section 2.3). Scores on a log scale.
    """
    score, rates = checks.numbers(score, "score", 1), checks.sequence(rates, "rates")
    if not len(score) or score.min() < 0:
        raise ValueError("`score` must hold the score of at least one image, and none below 0.")
    rates = [checks.fraction(rate, "rates", below_one=False) for rate in rates]
    fig, ax = panels(width=8)
    score = score.astype(float).clip(1e-5)  # below that all scores are alike: they share the first bar
    seaborn.histplot(x=score, bins=50, log_scale=True, color="#c8d4dd", edgecolor="white", alpha=1, ax=ax)
    ax.xaxis.set_major_locator(LogLocator(subs=(1,) if score.max() > 100 * score.min() else (1, 2, 5)))
    ax.xaxis.set_major_formatter("{x:g}")
    ax.xaxis.set_minor_formatter(NullFormatter())
    ordered, said = np.sort(score)[::-1], []
    for place, rate in enumerate(sorted(rates)):
        if flipped := math.floor(rate * len(score) + 1e-9):
            least = ordered[flipped - 1]
            ax.axvline(least, color=PALETTE[place % 10], linestyle=style.LINES[place % 4], linewidth=2,
                       label=f"noise rate {rate:g}: {flipped} labels with a score of {least:.2g} or more")  # fmt: skip
            said.append(f"{least:.3f} at rate {rate:g}")
    ax.legend(fontsize=NOTE, frameon=False, loc="upper left")
    finish(ax, None, "score of mislabelling N(x), log scale", "images")
    return describe(fig, f"Histogram of the mislabelling scores; labels flip from a score of {', '.join(said)}.")


@style.plain
def architecture(cvae):
    """Figure of the conditional VAE, encoder and decoder both given the label y (Paper 01, Fig. 3).

    `cvae` is a `lnlkit.models.ConditionalVAE`, or a dict with its sizes: `image_shape` (C, H, W), `n_classes`,
    `latent`, and the layer sizes of `encoder` and `decoder` as lists.
    """
    net = SimpleNamespace(**cvae) if isinstance(cvae, dict) else cvae
    if missing := [name for name in SIZES if not hasattr(net, name)]:
        raise TypeError(f"`cvae` must be a ConditionalVAE or a dict of its sizes, but has no {missing[0]!r}.")
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


@style.plain
def loss_split(losses, parts=("total", "reconstruction", "kl"), ylabel="nats per image"):
    """Figure of the parts of the CVAE's loss over the epochs, a line a noise rate (Paper 01, Fig. 4).

    losses: one row a seed, noise rate and epoch (from 1) with a column a part, in nats per image.
    """
    parts = checks.sequence(parts, "parts")
    for part in parts:
        losses = recorded.frame(losses, "losses", "noise_rate", "epoch", value=part)
    fig, axes = panels(1, len(parts), width=WIDTH, sharey="total" not in parts, squeeze=False)
    axes = axes[0]
    n = losses["noise_rate"].nunique()
    for ax, part in zip(axes, parts, strict=True):
        seaborn.lineplot(
            losses, x="epoch", y=part, hue="noise_rate", style="noise_rate", ax=ax, errorbar=RANGE,
            palette=list(PALETTE[:n]), markers=style.MARKERS[:n], dashes=[DASHES[style.LINES[k % 4]] for k in range(n)],
            markevery=-(-losses["epoch"].max() // 8), legend="full" if part == parts[0] else False)  # fmt: skip
        ax.xaxis.get_major_locator().set_params(integer=True)
        finish(ax, "KL divergence" if part == "kl" else part, "epoch", ylabel if part == parts[0] else "", grid="y")
    axes[0].legend(title="noise rate", fontsize=NOTE, title_fontsize=NOTE, frameon=False)
    last = losses[losses["epoch"] == losses["epoch"].max()].groupby("noise_rate")[parts[0]].mean()
    said = ", ".join(f"{value:.2f} at rate {rate:g}" for rate, value in last.items())
    return describe(fig, f"The CVAE's loss over epochs per noise rate, {ylabel}. Last epoch, {parts[0]}: {said}.")


@style.plain
def train_validation(epochs):
    """Figure of accuracy (above) and loss (below) in training and validation, a column a noise rate (Paper 01, Fig. 6).

    epochs: one row a run and epoch, of one method and kind of noise; all is measured on noisy labels.
    """
    for key in ("train_acc", "val_acc", "loss", "val_loss"):
        epochs = recorded.frame(epochs, "epochs", "noise_rate", "epoch", "key", value=key)
    rates, said = sorted(epochs["noise_rate"].unique()), []
    fig, axes = panels(2, len(rates), width=WIDTH, height=2.6, sharex=True, sharey="row", squeeze=False)
    look = {"palette": [PALETTE[0], PALETTE[3]], "markers": ["o", "s"], "dashes": ["", (4, 2)]}
    for column, rate in zip(axes.T, rates, strict=True):
        of, title = epochs[epochs["noise_rate"] == rate], "clean" if rate == 0 else f"{rate:.0%} wrong"
        best = of.groupby("epoch")["val_acc"].mean().idxmax()
        for ax, keys in zip(column, (("train_acc", "val_acc"), ("loss", "val_loss")), strict=True):
            both = of.set_index("epoch")[list(keys)].set_axis(["training", "validation"], axis=1)
            seaborn.lineplot(both, ax=ax, errorbar=RANGE, markersize=5, legend=ax is axes[0, 0], **look)
            ax.axvline(best, color=GREY, linewidth=1.2, linestyle=":", label="best validation epoch")
            ax.xaxis.get_major_locator().set_params(integer=True)
            finish(ax, None, "epoch", "loss" if "loss" in keys else "accuracy on noisy labels", grid="y")
        column[0].set_title(title, fontsize=TITLE)
        said.append(f"{title} {_best(of)['epoch'].mean():.1f}")
    legend_below(fig, axes[0, 0])
    return describe(fig, "Accuracy and loss on noisy labels over epochs, in training and validation; best validation "
                         f"epoch, mean over the seeds: {'; '.join(said)}.")  # fmt: skip


def _best(epochs):
    """The best noisy-validation epoch of each run."""
    return epochs.loc[epochs.groupby("key")["val_acc"].idxmax()]


@style.plain
def own_run(epochs, title):
    """Figure of accuracy over the epochs of one's own run; `title` says of what. epochs: as for `train_validation`."""
    checks.text(title, "title")
    fig, ax = panels(width=7, height=4.2)
    accuracy(ax, epochs)
    ax.legend(fontsize=NOTE, frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2)
    ax.set_title(title, fontsize=TITLE)
    best, last = (100 * part["test_acc"].mean() for part in (_best(epochs), epochs.groupby("key").tail(1)))
    return describe(fig, f"Accuracy over epochs of {title}; clean-test accuracy {best:.1f} % at the best "
                         f"noisy-validation epoch, {last:.1f} % at the last one.")  # fmt: skip


@style.plain
def accuracy(ax, epochs, plain=None):
    """The axes with training, noisy validation and clean-test accuracy: mean and range over the runs.

    Behind stands the clean-test curve of the runs of plain cross-entropy. A star is the number that tables report.
    """
    given.axes(ax)
    for key in MEASURED:
        recorded.frame(epochs, "epochs", "epoch", "key", value=key)
    if plain is not None:
        recorded.frame(plain, "plain", "epoch", value="test_acc")
    layers = [(plain, "test_acc", "CE, clean test (for comparison)", "#b0b0b0", "-")] if plain is not None else []
    layers += [(epochs, key, *of) for key, of in MEASURED.items()]
    for frame, key, label, color, line in layers:
        bands(ax, frame, key, label=label, color=color, linestyle=line)
    ax.plot(*_best(epochs)[["epoch", "test_acc"]].to_numpy().T, **STAR, zorder=5)
    ax.xaxis.get_major_locator().set_params(integer=True)
    return finish(ax, None, "epoch", "accuracy", grid="y")
