"""Curves over epochs: any quantity, the CVAE's loss in its parts, training against validation."""

import numpy as np

from lnlkit.viz.style import LINES, MARKERS, NOTE, PALETTE, finish, seeds_by_epochs


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
