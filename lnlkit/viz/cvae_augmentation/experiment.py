"""Runs over their epochs, and Table 1 of the paper beside ours."""

import numpy as np
import seaborn
from matplotlib.lines import Line2D

from lnlkit.viz.cvae_augmentation.network import RANGE
from lnlkit.viz.diagrams import BLUE
from lnlkit.viz.show import describe
from lnlkit.viz.style import GREY, INK, LABEL, NOTE, PALETTE, TICK, TITLE, WIDTH, finish, panels, row_styles

NOTEBOOK = "01_cvae_augmentation"
MEASURED = {  # column of the epochs: its name, colour, line
    "train_acc": ("training, noisy labels", PALETTE[1], ":"),
    "val_acc": ("validation, noisy labels", PALETTE[2], "--"),
    "test_acc": ("test, clean labels", PALETTE[0], "-"),
}
STAR = {"linestyle": "none", "marker": "*", "markersize": 11, "color": PALETTE[0], "markeredgecolor": "white",
        "label": "at the best noisy-validation epoch"}  # fmt: skip


def name_of(row):
    """The label of a row of the paper's TOML: 'gce' -> 'GCE'."""
    return row_styles(NOTEBOOK)[row][0]


def train_validation(epochs):
    """Figure of accuracy (above) and loss (below) in training and validation, a column a noise rate (Paper 01, Fig. 6).

    epochs: one row a run and epoch, of one method and kind of noise; all is measured on noisy labels.
    """
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
    handles, labels = axes[0, 0].get_legend_handles_labels()
    axes[0, 0].get_legend().remove()
    fig.legend(handles, labels, loc="outside upper center", ncols=3, fontsize=TICK, frameon=False)
    return describe(fig, "Accuracy and loss on noisy labels over epochs, in training and validation; best validation "
                         f"epoch, mean over the seeds: {'; '.join(said)}.")  # fmt: skip


def _best(epochs):
    """The best noisy-validation epoch of each run."""
    return epochs.loc[epochs.groupby("key")["val_acc"].idxmax()]


def own_run(epochs, title):
    """Figure of accuracy over the epochs of one's own run; `title` says of what. epochs: as for `train_validation`."""
    fig, ax = panels(width=7, height=4.2)
    accuracy(ax, epochs)
    ax.legend(fontsize=NOTE, frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2)
    ax.set_title(title, fontsize=TITLE)
    best, last = (100 * part["test_acc"].mean() for part in (_best(epochs), epochs.groupby("key").tail(1)))
    return describe(fig, f"Accuracy over epochs of {title}; clean-test accuracy {best:.1f} % at the best "
                         f"noisy-validation epoch, {last:.1f} % at the last one.")  # fmt: skip


def accuracy(ax, epochs, plain=None):
    """The axes with training, noisy validation and clean-test accuracy: mean and range over the runs.

    Behind stands the clean-test curve of the runs of plain cross-entropy. A star is the number that tables report.
    """
    layers = [(epochs, key, *of) for key, of in MEASURED.items()]
    if plain is not None:
        layers.insert(0, (plain, "test_acc", "CE, clean test (for comparison)", "#b0b0b0", "-"))
    for frame, key, label, color, line in layers:  # as seaborn's lineplot, a hundred times as fast
        over = frame.groupby("epoch")[key].agg(["mean", "min", "max"])
        ax.plot(over.index, over["mean"], label=label, color=color, linestyle=line, linewidth=1.8)
        ax.fill_between(over.index, over["min"], over["max"], color=color, alpha=0.16, linewidth=0)
    ax.plot(*_best(epochs)[["epoch", "test_acc"]].to_numpy().T, **STAR, zorder=5)
    ax.xaxis.get_major_locator().set_params(integer=True)
    return finish(ax, None, "epoch", "accuracy", grid="y")


def paper_against_ours(published, runs):
    """Figure with one panel a noise rate and one line a method: the paper's number and ours (Paper 01, Table 1).

    published: the paper's `papers.Table`; runs: tidy, of one kind of noise. A grey bar joins the two.
    """
    runs = runs[runs["noise_rate"].isin(published.columns)].assign(value=lambda frame: 100 * frame["best_val"])
    rows = [row for row in row_styles(NOTEBOOK) if row in published.mean or row in set(runs["row"])]
    fig, axes = panels(1, len(published.columns), width=WIDTH, height=0.34 * len(rows) + 1.5, sharey=True)
    mean, gaps = runs.groupby(["row", "noise_rate"])["value"].mean(), []
    diamond = {"marker": "D", "markersize": 7, "markerfacecolor": "white", "markeredgecolor": INK}
    ours = {"marker": "|", "markersize": 13, "markeredgewidth": 2.5, "color": BLUE}
    for ax, rate in zip(axes, published.columns, strict=True):
        seaborn.stripplot(runs[runs["noise_rate"] == rate], x="value", y="row", order=rows, color=BLUE, size=4,
                          alpha=0.6, jitter=False, zorder=3, ax=ax)  # fmt: skip
        for y, row in enumerate(rows):
            (theirs, sd), mine = published.cell(row, rate), mean.get((row, rate))
            if None not in (theirs, mine):
                ax.plot([theirs, mine], [y, y], color="#cccccc", linewidth=3, zorder=1, solid_capstyle="butt")
                gaps.append(abs(mine - theirs))
            if theirs is not None:
                ax.errorbar(theirs, y, xerr=sd or None, **diamond, color=GREY, capsize=2, linewidth=1, zorder=2)
            if mine is not None:
                ax.plot(mine, y, **ours, zorder=4)
        finish(ax, f"noise rate {rate:g}", "", "", grid="both")
    axes[0].set_yticks(range(len(rows)), [name_of(row) for row in rows])
    fig.supxlabel("accuracy on the clean test set, %", fontsize=LABEL)
    seed = {"marker": "o", "color": BLUE, "alpha": 0.6}
    marks = {"paper (± sd)": diamond, "ours, one seed": seed, "ours, mean": ours}
    fig.legend(handles=[Line2D([], [], linestyle="none", label=label, **mark) for label, mark in marks.items()],
               loc="outside upper center", ncols=3, fontsize=TICK, frameon=False)  # fmt: skip
    return describe(fig, "Accuracy of each method per noise rate, paper and ours; the mean absolute gap is "
                         f"{np.mean(gaps):.1f} points.")  # fmt: skip
