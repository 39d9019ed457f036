"""Curves over epochs: any quantity, mean and interval over seeds."""

import numpy as np
import pandas as pd
import seaborn

from lnlkit.viz.lines import DASHES, t_interval
from lnlkit.viz.style import LINES, MARKERS, NOTE, PALETTE, finish


def curves(ax, runs, xlabel="epoch", ylabel=None, title=None, *, styles=None, legend=True, count=True):
    """The axes with a line for each entry of `runs = {label: values (E,) or (S, E)}`; with `count` n is in the label.

    The line is the mean over seeds, the band its 95 % t-interval. A run that ended early counts while it lasts.
    `styles = {label: line settings}` overrides color, marker or linestyle of an entry.
    """
    given = {label: seeds_by_epochs(values) for label, values in runs.items()}
    names = {label: f"{label} (n = {len(values)})" if count else str(label) for label, values in given.items()}
    frames = [pd.DataFrame({"line": names[label], "epoch": np.tile(np.arange(1, values.shape[1] + 1), len(values)),
                            "value": values.ravel()}) for label, values in given.items()]  # fmt: skip
    looks = {names[label]: {"color": PALETTE[k % len(PALETTE)], "marker": MARKERS[k % len(MARKERS)],
                            "linestyle": LINES[k % len(LINES)]} | (styles or {}).get(label, {})
             for k, label in enumerate(given)}  # fmt: skip
    seaborn.lineplot(
        pd.concat(frames), x="epoch", y="value", ax=ax, hue="line", style="line", errorbar=t_interval,
        palette={name: look["color"] for name, look in looks.items()}, linewidth=1.8, markersize=5,
        markers={name: look["marker"] for name, look in looks.items()},
        dashes={name: DASHES[look["linestyle"]] for name, look in looks.items()}, legend="full" if legend else False,
        err_kws={"alpha": 0.18, "linewidth": 0})
    ax.xaxis.get_major_locator().set_params(integer=True)
    if legend:
        ax.legend(fontsize=NOTE, frameon=False, title=None)
    return finish(ax, title, xlabel, ylabel, grid="y")


def seeds_by_epochs(values):
    """Values as an array (S seeds, E epochs): a flat list is one seed, and runs of unequal length end in NaN."""
    runs = list(values)
    if runs and np.ndim(runs[0]) == 0:
        runs = [runs]
    out = np.full((len(runs), max((len(run) for run in runs), default=0)), np.nan)
    for s, run in enumerate(runs):
        out[s, : len(run)] = np.asarray(run, float)
    return out
