"""What the recorded runs of Paper 04 say: the idea and its outcome, Table 1 and Table 3, the threshold, own runs."""

import pandas as pd
import seaborn

from lnlkit import checks
from lnlkit.viz import given
from lnlkit.viz.echoalign.selection import histogram, separation
from lnlkit.viz.echoalign.settings import (
    CE,
    LABELS,
    METHOD,
    NOTEBOOK,
    PARTS,
    RIVALS,
    SHIFTED,
    Setting,
    at,
    drawn,
    of_the_paper,
    settings,
    wrong,
)
from lnlkit.viz.images import show_image
from lnlkit.viz.lines import bands, highest_and_last, legend_below, over_epochs
from lnlkit.viz.show import describe
from lnlkit.viz.style import (
    GREY,
    GUESS,
    LABEL,
    LINES,
    NOTE,
    PALETTE,
    TICK,
    TITLE,
    blank,
    finish,
    panels,
    plain,
    row_styles,
)
from lnlkit.viz.tables import heat_table, n_text

N_IMAGES = 4  # of the overview
TABLE_1 = (CE, *RIVALS, "bltm", *PARTS, "echoalign_code", "echoalign_small_loss", "echoalign_gce",
           *SHIFTED, "echoalign_noisy")
SCHEDULE = "threshold "  # of runs that differ in it alone


@plain
def overview(table):
    """Figure of the outcome: wrongly labelled images and their modified copies, similarities, accuracies.

    At the highest rate of part-dependent noise, or of what was recorded. Dots are seeds: accuracy on clean test images
    at the best epoch on noisy validation data. The best rival is that of Table 1 with the best mean.
    """
    runs = of_the_paper(table, "best_val")
    there = settings(runs[runs["noise_rate"] > 0])
    if not there:
        raise ValueError("`table` must have runs with wrong labels, but has none.")
    setting = [of for of in there if of.noise == there[0].noise][-1]
    runs = at(runs, *setting)
    fig, (left, middle, right) = panels(1, 3, height=3.7, width_ratios=[1.05, 1, 1.35])
    fig.suptitle(f"{setting} noise", fontsize=TITLE + 1)
    said = [_copies(fig, left, drawn(table, runs, METHOD, "examples"))]
    of = drawn(table, runs, METHOD, "similarities")
    if of is None:
        blank(middle, "similarities:\nnot recorded")
    else:
        s, flags = pd.Series(of["s"]).to_numpy(), pd.Series(of["right"]).to_numpy(bool)
        histogram(middle, s, flags, 0.3 if s.min() >= 0.3 else min(0.0, s.min()))
        middle.legend(fontsize=NOTE, frameon=False, loc="upper left")
        finish(middle, "2. right labels change less", f"similarity of both\n{separation(runs, METHOD)}", "")
        said.append(f"similarities tell right labels from wrong ones: {separation(runs, METHOD)}")
    said.append(_dots(right, runs))
    return describe(fig, f"{setting} noise. {'; '.join(text for text in said if text)}.")


def _copies(fig, ax, examples):
    """Wrongly labelled images above their modified copies, in the place of the axes; returns the words."""
    if examples is None or not wrong(examples).any():
        blank(ax, "images:\nnot recorded")
        return ""
    ax.set_axis_off()
    ax.set_title("1. change images to fit labels", fontsize=TITLE)
    index = wrong(examples).nonzero()[0]
    index = index[:: max(1, len(index) // N_IMAGES)][:N_IMAGES]
    for place, i in enumerate(index):
        for level, name in enumerate(("x", "modified")):
            inner = ax.inset_axes([0.12 + 0.22 * place, 0.48 - 0.42 * level, 0.2, 0.36])
            show_image(inner, examples[name][i]).set(xticks=[], yticks=[])
            inner.spines[:].set_visible(False)
            if level == 0:
                inner.set_title(f"label {examples['y'][i]}", fontsize=LABEL)
    for level, name in ((0.66, "x"), (0.24, "x′")):
        ax.text(0.06, level, name, transform=ax.transAxes, fontsize=TITLE, ha="center", va="center")
    return f"{len(index)} wrongly labelled images are shown beside their modified copies"


def _dots(ax, runs):
    """Accuracies of the method, its parts and controls, a dot a seed; returns the words."""
    means = 100 * runs.groupby("row")["best_val"].mean()
    rivals = means.reindex(RIVALS).dropna()
    best = [rivals.idxmax()] if len(rivals) else []
    rows = [row for row in (CE, *best, *PARTS, *SHIFTED) if row in means]
    for place, row in enumerate(rows):
        color = row_styles(NOTEBOOK)[row][1]["color"] if row in (CE, METHOD) else GREY
        ax.plot(100 * runs.loc[runs["row"] == row, "best_val"], [place] * (runs["row"] == row).sum(), "o", color=color,
                markersize=8, alpha=0.75, markeredgewidth=0)  # fmt: skip
    names = [f"best rival: {LABELS[row]}" if row in best else LABELS[row] for row in rows]
    ax.set_yticks(range(len(rows)), names, fontsize=LABEL)
    for text, row in zip(ax.get_yticklabels(), rows, strict=True):
        text.set_fontweight("bold" if row == METHOD else "normal")
    ax.set_ylim(len(rows) - 0.5, -0.5)
    ax.set_xlim(min(40, 10 * int(means.reindex(rows).min() // 10)), 100)
    finish(ax, "3. what is learned from both", f"accuracy on clean test images, %\n(a dot a seed, "
           f"{n_text(runs[runs['row'].isin(rows)].groupby('row').size())})", "", grid="x")  # fmt: skip
    return "accuracy on clean test images: " + ", ".join(f"{LABELS[row]} {means[row]:.1f} %" for row in rows)


@plain
def table_1(table, value="best_val"):
    """Figure of accuracies as a heat map, methods against noise (Paper 04, Table 1 and Table 3; ours).

    A cell is the mean over the seeds ± standard deviation, in per cent; what was not run stays empty. value: "best_val"
    for the best epoch on noisy validation data, "last" for the last one.
    """
    runs = of_the_paper(table, checks.one_of(value, "value", ("best_val", "last", "oracle")))
    runs = runs[runs["noise_rate"] > 0]
    order = [str(of) for of in settings(runs)]
    if not order:
        raise ValueError("`table` must have runs with wrong labels, but has none.")
    names = [str(Setting(*of)) for of in runs[["noise", "noise_rate"]].itertuples(index=False)]
    runs = runs.assign(setting=pd.Categorical(names, order, ordered=True))
    rows = [row for row in TABLE_1 if row in set(runs["row"])]
    fig, ax = panels(width=min(10.5, 3 + 1.25 * len(order)), height=0.3 * len(rows) + 1.1)
    heat_table(runs, NOTEBOOK, rows=rows, columns="setting", value=value, ax=ax)
    ax.set_xticklabels([name.replace(" % ", " %\n").replace("-dep", "-\ndep") for name in order], fontsize=TICK)
    ax.set_xlabel("")
    what = {"best_val": "best epoch on noisy validation data", "last": "last epoch",
            "oracle": "best epoch on clean test data"}[value]  # fmt: skip
    sizes = runs.groupby(["setting", "row"], observed=True).size()
    fig.suptitle(f"Accuracy in %, {what} (mean ± sd, {n_text(sizes)})", fontsize=LABEL, x=0.01, ha="left")
    best = 100 * runs.groupby(["setting", "row"], observed=True)[value].mean()
    leaders = best.unstack().idxmax(axis=1)
    said = ", ".join(f"{LABELS[row]} at {setting}" for setting, row in leaders.items())
    return describe(fig, f"Accuracy of {len(rows)} methods, {what}. Best: {said}.")


@plain
def thresholds(table, *, guesses=None, revealed=True):
    """Figure of accuracy against the threshold (Paper 04, Fig. 4a): a line a setting, mean and range over the seeds.

    guesses: {threshold: per cent of the first setting}, diamonds; without `revealed` they stand alone, beside CE.
    """
    main = of_the_paper(table, "best_val")
    guesses, runs = checks.instance(guesses or {}, "guesses", dict), table.checks
    if not len(runs) or not runs["schedule"].str.startswith(SCHEDULE).any():
        raise ValueError("`table` must have runs at several thresholds, but has none.")
    runs = runs[(runs["row"] == METHOD) & runs["schedule"].str.startswith(SCHEDULE)]
    at_ = runs["schedule"].str.removeprefix(SCHEDULE).astype(float)
    runs = runs.assign(threshold=at_, shown=100 * runs["best_val"])
    fig, ax = panels(width=7, height=3.3)
    said = []
    for place, setting in enumerate(settings(runs) if revealed else settings(runs)[:1]):
        own = at(runs, *setting)
        look = {"color": PALETTE[place], "linestyle": LINES[place % 4], "marker": "osD^"[place % 4]}
        if revealed:
            seaborn.lineplot(own, x="threshold", y="shown", ax=ax, errorbar=("pi", 100), label=str(setting), **look)
            said.append(f"{setting}: {_at_each(own)}")
        else:
            ax.plot([], [], label=str(setting), **look)
            said.append(f"{setting}: what will it be?")
        selected = at(main, *setting) if setting in settings(main) else main.iloc[:0]
        ce = selected[selected["row"] == CE]
        if len(ce):
            ax.axhline(100 * ce["best_val"].mean(), color=PALETTE[place], linewidth=1, linestyle=":")
    if guesses:
        ax.plot(list(guesses), list(guesses.values()), **GUESS, color=PALETTE[0], linestyle="", label="your guess",
                clip_on=False)  # fmt: skip
        ax.set(ylim=(0, 100), xlim=(at_.min() - 0.03, at_.max() + 0.03))
        said.append("your guess: " + ", ".join(f"{guess:g} % at {tau:g}" for tau, guess in guesses.items()))
    ax.legend(fontsize=NOTE, frameon=False)
    ax.set_ylim(top=100)
    finish(ax, None, "threshold τ", "accuracy on clean test images, %\n(dotted: CE)", grid="y")
    return describe(fig, f"Accuracy against the threshold. {'; '.join(said)}.")


def _at_each(runs):
    """'92.0 % at 0.8, 92.1 % at 0.9'"""
    return ", ".join(f"{mean:.1f} % at {tau:g}" for tau, mean in runs.groupby("threshold")["shown"].mean().items())


@plain
def learning(table, rows=(CE, METHOD), *, guesses=None, revealed=True):
    """Figure of training losses and test accuracies over the epochs (Paper 04, Fig. 6), a column a kind of noise.

    At the highest rate of each kind. A method's loss is that on its own training set, for EchoAlign the refined one.
    Lines are means over the seeds, bands their range. guesses: {kind of noise: per cent that the last of `rows` has at
    the last epoch}, diamonds; without `revealed` its curves are left out there.
    """
    runs, rows = of_the_paper(table), given.rows(rows, NOTEBOOK)
    guesses, epochs = checks.instance(guesses or {}, "guesses", dict), table.epochs
    epochs = epochs[epochs["row"].isin(rows) & epochs["key"].isin(runs["key"])]
    both = epochs.groupby(["noise", "noise_rate"])["row"].transform("nunique") == len(rows)
    there = {of.noise: of for of in settings(epochs[both & (epochs["noise_rate"] > 0)])}
    if not there:
        raise ValueError("`table` must have runs of all of `rows` with wrong labels, but has none.")
    for noise in guesses:
        checks.one_of(noise, "guesses", there)
    fig, axes = panels(2, len(there), width=10.5, height=2.4, sharex=True, sharey="row", squeeze=False)
    said = []
    for (upper, lower), setting in zip(axes.T, there.values(), strict=True):
        guess = guesses.get(setting.noise)
        for row in rows:
            own, (label, look) = at(epochs, *setting).query("row == @row"), row_styles(NOTEBOOK)[row]
            asked = guess is not None and row == rows[-1]
            said.append(f"{setting}, {label}: " + _learned(upper, lower, own, label, look, asked and not revealed)
                        + (f", your guess {guess:g} %" if asked else ""))  # fmt: skip
            if asked:
                lower.plot([epochs["epoch"].max() + 2], [guess], **GUESS, markeredgecolor=look["color"], clip_on=False)
        finish(upper, str(setting), "", "training loss" if upper is axes[0, 0] else "", grid="y").set_ylim(bottom=0)
        finish(lower, None, "epoch", "test accuracy, %" if lower is axes[1, 0] else "", grid="y")
        lower.set_ylim((0, 103) if guesses else (None, None))
        lower.xaxis.get_major_locator().set_params(integer=True)
    legend_below(fig, axes[0, 0])
    return describe(fig, f"Training loss and accuracy on clean test images over the epochs. {'; '.join(said)}.")


def _learned(upper, lower, own, label, look, hidden):
    """Draws a row's loss and test accuracy over the epochs, or only its name in the legend; returns the words."""
    if hidden:
        upper.plot([], [], **look | {"marker": ""}, label=label)
        return "what will it be"
    bands(upper, own, "loss", **look | {"marker": ""}, label=label)
    bands(lower, own, "test_acc", unit=100, **look | {"marker": ""})
    return highest_and_last(own)


@plain
def own_run(epochs_by_name, noise_rate):
    """Figure of one's own runs over the epochs: clean test images recognised, given labels of training images fitted.

    epochs_by_name: {label: one row an epoch (from 1), or an epoch and run, with `epoch`, `test_acc`, `train_acc`}
    (Paper 04, Fig. 6, in accuracies).
    """
    rate = checks.fraction(noise_rate, "noise_rate", below_one=False)
    names = {"test_acc": "clean test images recognised", "train_acc": "noisy labels of the originals fitted"}
    fig = over_epochs(epochs_by_name, NOTEBOOK, names, f"{100 * rate:.0f} % of the labels are wrong")
    said = "; ".join(f"{label}: {highest_and_last(epochs)}" for label, epochs in epochs_by_name.items())
    return describe(fig, f"Runs with {100 * rate:.0f} % wrong labels. {said}.")
