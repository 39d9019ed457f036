"""Curves over epochs: any quantity, the CVAE's loss in its parts, training against validation."""

import numpy as np

from lnlkit.viz.style import GREY, LABEL, LINES, MARKERS, NOTE, PALETTE, TICK, WIDTH, finish, seeds_by_epochs, whole


def _line(ax, values, label, **style):
    """Line of the mean over seeds (S, E), epochs from 1, with a band from the least to the largest seed."""
    values = seeds_by_epochs(values)
    epochs = np.arange(1, values.shape[1] + 1)
    (line,) = ax.plot(epochs, np.nanmean(values, axis=0), label=label, **style)
    if len(values) > 1:
        low, high = np.nanmin(values, axis=0), np.nanmax(values, axis=0)
        ax.fill_between(epochs, low, high, color=line.get_color(), alpha=0.18, linewidth=0)
    return line


def curves(ax, runs, xlabel="epoch", ylabel=None, title=None, *, styles=None, legend=True):
    """The axes with a line for each entry of `runs = {label: values (E,) or (S, E)}`; n stands in the label.

    The line is the mean over seeds, the band their range.
    `styles = {label: line settings}` overrides colour, marker or line of an entry.
    """
    for place, (label, values) in enumerate(runs.items()):
        n = len(seeds_by_epochs(values))
        style = {
            "color": PALETTE[place % len(PALETTE)], "linestyle": LINES[place % len(LINES)],
            "marker": MARKERS[place % len(MARKERS)], "markersize": 4, "linewidth": 1.8,
        } | (styles or {}).get(label, {})  # fmt: skip
        _line(ax, values, f"{label} (n = {n})", **style)
    ax.xaxis.get_major_locator().set_params(integer=True)
    if legend:
        ax.legend(fontsize=NOTE, frameon=False)
    return finish(ax, title, xlabel, ylabel, grid="y")


def loss_split(histories, *, fig=None):
    """Figure of the CVAE's loss, its reconstruction and its KL part at each noise rate (Paper 01, Fig. 4).

    `histories = {noise rate: [{"reconstruction": nats per image, "kl": nats per image}, ...]}`, one entry per epoch.
    """
    parts = {"total": ("reconstruction", "kl"), "reconstruction": ("reconstruction",), "KL divergence": ("kl",)}
    fig = whole(fig, WIDTH, 3.4)
    axes = fig.subplots(1, 3)
    for ax, (title, keys) in zip(axes, parts.items(), strict=True):
        for place, (rate, history) in enumerate(histories.items()):
            total = [sum(epoch[key] for key in keys) for epoch in history]
            # Markers take turns, so that lines on top of each other can still be told apart.
            turns = (place, len(histories)) if len(total) > 2 * len(histories) else None
            _line(ax, total, f"{rate:g}", color=PALETTE[place % 10], markersize=5, markevery=turns,
                  linestyle=LINES[place % 4], marker=MARKERS[place % 10])  # fmt: skip
        ax.xaxis.get_major_locator().set_params(integer=True)
        finish(ax, title, "epoch", "nats per image" if title == "total" else None, grid="y")
    axes[0].legend(title="noise rate", fontsize=NOTE, title_fontsize=NOTE, frameon=False)
    return fig


def train_validation(histories, *, fig=None):
    """Figure of accuracy (above) and loss (below) in training and validation, a column per noise level.

    `histories = {title: history}`: what `lnlkit.training.fit` returns, a list of epochs, or a dict of columns
    "train_acc", "val_acc", "loss", "val_loss", each (E,) or (S, E); all on noisy labels. Paper 01, Fig. 6.
    """
    count = len(histories)
    fig = whole(fig, WIDTH, 5.2)
    axes = fig.subplots(2, count, sharex=True, sharey="row", squeeze=False)
    lines = {"training": (PALETTE[0], "-", "o"), "validation": (PALETTE[3], "--", "s")}
    for c, (title, history) in enumerate(histories.items()):
        if not isinstance(history, dict):
            history = {key: [epoch[key] for epoch in history] for key in history[0]}
        for r, keys in enumerate((("train_acc", "val_acc"), ("loss", "val_loss"))):
            ax = axes[r, c]
            for (name, (color, line, marker)), key in zip(lines.items(), keys, strict=True):
                _line(ax, history[key], name, color=color, linestyle=line, marker=marker, markersize=3.5)
            finish(ax, title if r == 0 else None, "epoch" if r else None, grid="y")
        best = int(np.nanargmax(np.nanmean(seeds_by_epochs(history["val_acc"]), axis=0))) + 1
        for r in (0, 1):
            axes[r, c].axvline(best, color=GREY, linewidth=1.2, linestyle=":", label="best validation epoch")
        axes[1, c].xaxis.get_major_locator().set_params(integer=True)
    axes[0, 0].set_ylabel("accuracy on noisy labels", fontsize=LABEL)
    axes[1, 0].set_ylabel("loss", fontsize=LABEL)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside upper center", ncols=3, fontsize=TICK, frameon=False)
    return fig
