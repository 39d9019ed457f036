"""Pictures of how the noise model works: the cost of copying and of explaining a label, what reaches the classifier."""

import numpy as np
import seaborn

from lnlkit import checks, recorded
from lnlkit.viz import given
from lnlkit.viz.quality_embedding.figures import LABELS, NOTEBOOK
from lnlkit.viz.show import describe
from lnlkit.viz.style import GUESS, INK, LABEL, NOTE, PALETTE, TICK, TITLE, finish, panels, plain, row_styles

TEXTS = {"copy": "copy: z is the label given", "explain": "explain: z is the true label",
         "corrected": "latent label is the true one", "copied": "latent label is the wrong one"}  # fmt: skip


@plain
def error_signals(signals, wrong):
    """Figure of the error signal at the classifier, a group of bars an image, a bar a method (Paper 02, Fig. 1).

    signals: DataFrame, one line an image (its name is the index), one column a row id. wrong: (N,) truths, grey ground.
    """
    given.rows(recorded.frame(signals, "signals").columns, NOTEBOOK, "signals")
    checks.numbers(signals.to_numpy(), "signals", 2)
    wrong = checks.array(wrong, "wrong")
    if wrong.dtype != bool or wrong.shape != (len(signals),):
        raise ValueError(f"`wrong` must be True or False for each of {len(signals)} images, not {checks.brief(wrong)}.")
    colors = {LABELS[row]: row_styles(NOTEBOOK)[row][1]["color"] for row in signals}
    fig, ax = panels(width=8.5)
    long = signals.rename(columns=LABELS).reset_index(drop=True).melt(ignore_index=False, var_name="way").reset_index()
    seaborn.barplot(long, x="index", y="value", hue="way", ax=ax, palette=colors, saturation=1, zorder=3)
    for bars in ax.containers:
        ax.bar_label(bars, fmt="{:+.2f}", fontsize=NOTE, padding=2)
    ax.axhline(0, color=INK, linewidth=0.8, zorder=4)
    for i in np.flatnonzero(wrong):
        ax.axvspan(i - 0.5, i + 0.5, color="#eeeeee", zorder=0)
    ax.set_xticks(range(len(signals)), signals.index)
    ax.margins(y=0.12)
    finish(ax, None, "", "error signal at the classifier", grid="y").tick_params(axis="x", labelsize=LABEL)
    ax.legend(fontsize=TICK, frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=len(signals.columns))
    said = "; ".join(f"{LABELS[row]} " + ", ".join(f"{value:+.2f}" for value in signals[row]) for row in signals)
    return describe(fig, f"Gradient of the loss in the logit for {len(signals)} images. {said}.")


@plain
def copy_or_explain(costs, found=None, *, guesses=None, revealed=True):
    """Figure of what copying and explaining a label cost, and of what is learned, by the classifier's confidence.

    costs: DataFrame of nats, `copy` and `explain`, by confidence (its index); found: shares of the wrong labels,
    `corrected` and `copied`, by confidence. Left of the break-even the ground is grey: copying is the cheaper one.
    guesses: {"even": the break-even in per cent}, a diamond; without `revealed` it stands alone.
    """
    costs = recorded.frame(costs, "costs", "copy", "explain", value="copy").sort_index()
    costs = costs[["copy", "explain"]]
    shares = None if found is None else recorded.frame(found, "found", "corrected", "copied", value="corrected")
    guess = checks.instance(guesses or {}, "guesses", dict).get("even")
    fig, axes = panels(1, 1 if found is None else 2, width=5.5 if found is None else 10, height=3.3, squeeze=False)
    drawn = [(axes[0, 0], costs, 1, "nats for an item"), *([] if found is None else [
        (axes[0, 1], shares[["copied", "corrected"]].sort_index(), 100, "% of the wrong labels")])]  # fmt: skip
    cheaper = costs.index[costs["copy"] <= costs["explain"]]
    even = 100 * (cheaper.max() if len(cheaper) else costs.index[0])
    for ax, frame, unit, ylabel in drawn:
        for name, color, marker in zip(frame, PALETTE[1::-1], "so", strict=True):
            dots = {"marker": marker} if len(frame) < 12 else {}
            x, y = (100 * frame.index, unit * frame[name]) if revealed else ([], [])
            ax.plot(x, y, color=color, linewidth=2.2, label=TEXTS[name], **dots)
        if revealed:
            ax.axvspan(100 * costs.index[0], even, color="#eeeeee", zorder=0)
        ax.set_xlim(100 * costs.index[0], 100 * costs.index[-1])
        ax.legend(frameon=False, fontsize=TICK)
        finish(ax, None, "the classifier says for the true class, %", ylabel, grid="y")
    axes[0, 0].set_title("What it costs", fontsize=TITLE)
    if found is not None:
        axes[0, 1].set_title("What a noise network learns", fontsize=TITLE)
        axes[0, 1].set_ylim(-3, 103)
    if guess is not None:
        _guess_even(axes[0, 0], guess, revealed)
    return describe(fig, _costs_told(even, found, guess, revealed))


def _guess_even(ax, guess, revealed):
    """The guessed break-even: a diamond on the axis, which then goes from 0 to 100 %, and a line upwards."""
    ax.plot([guess, guess], [0, 1], transform=ax.get_xaxis_transform(), color=INK, linestyle=":", linewidth=1.2)
    ax.plot([guess], [0], transform=ax.get_xaxis_transform(), **GUESS, markeredgecolor=INK, linestyle="", clip_on=False)
    ax.set_xlim(0, 100)
    ax.legend(frameon=False, fontsize=TICK, title="◇ your guess", title_fontsize=TICK)
    if not revealed:
        ax.set_yticks([])


def _costs_told(even, found, guess, revealed):
    """The description of `copy_or_explain`."""
    mine = "" if guess is None else f" Your guess: {guess:g} %."
    if not revealed:
        return f"From which confidence on is explaining a label cheaper than copying it?{mine}"
    text = f"Copying a label is cheaper than explaining it up to a confidence of {even:.0f} %.{mine}"
    if found is not None:
        corrected = found["corrected"].sort_index().items()
        text += f" Corrected: {', '.join(f'{100 * value:.0f} % at {100 * at:.0f} %' for at, value in corrected)}."
    return text
