"""What a network learns and in which order: right labels, wrong ones, the classes; and the weight of the labels."""

import numpy as np
import seaborn

from lnlkit import checks
from lnlkit.viz import given
from lnlkit.viz.lines import LEARNED, highest_and_last, learned, legend_below, over_epochs
from lnlkit.viz.show import describe
from lnlkit.viz.style import GREY, GUESS, LINES, NOTE, PALETTE, finish, panels, plain, row_labels

NOTEBOOK = "03_robust_features"
LABELS = row_labels(NOTEBOOK)
CE, METHOD, VIEWS = "ce", "robust_features", "ce_augmented"
MARK = {**GUESS, "markeredgecolor": LEARNED["memorised"][1], "linestyle": ""}
RANGE = ("pi", 100)  # seaborn's word for the band from the smallest to the largest seed


def of_the_paper(table, *columns):
    """The runs of a table of this paper, of the data set that most of them have."""
    runs = given.runs(table, NOTEBOOK, "dataset", "noise", "noise_rate", *columns)
    return runs[runs["dataset"] == runs["dataset"].mode()[0]]


def per_cent(share):
    """'80 %'"""
    return f"{100 * share:.0f} %"


@plain
def memorisation(table, noise_rate, rows=(CE, VIEWS, METHOD), *, guesses=None, revealed=True):
    """Figure of what is learned over the epochs, a panel a row: right labels, wrong labels, clean test images.

    Lines are means over the seeds, bands their range; symmetric noise. Rows that were not run have no panel.
    guesses: {row: per cent of the wrong labels learned in the end}, drawn as diamonds; without `revealed` the curves of
    these rows are left out.
    """
    runs, rows = of_the_paper(table, "realised_rate"), given.rows(rows, NOTEBOOK)
    runs, guesses = given.at_rate(runs, noise_rate), checks.instance(guesses or {}, "guesses", dict)
    rows = [row for row in rows if row in set(runs["row"])]
    if not rows:
        raise ValueError(f"`rows` must be among those recorded at rate {noise_rate:g}, {sorted(runs['row'].unique())}.")
    epochs = learned(table.epochs, runs)
    across = min(len(rows), 3)
    fig, axes = panels(-(-len(rows) // across), across, width=None if across > 1 else 5.5, height=3.1, sharex=True,
                       sharey=True, squeeze=False)  # fmt: skip
    for ax in axes.flat[len(rows) :]:
        ax.set_axis_off()
    said = []
    for ax, row in zip(axes.flat, rows, strict=False):
        told = _learned(ax, epochs[epochs["row"] == row], guesses.get(row), revealed or row not in guesses)
        finish(ax, f"{LABELS[row]}\n{told[0]}", "epoch", "% of the images", grid="y").label_outer()
        said.append(f"{LABELS[row]}: {', '.join(told)}")
    axes[0, 0].set(ylim=(-3, 103))
    if guesses:
        axes[0, 0].set_xlim(0, 1.1 * epochs["epoch"].max())
        axes[0, 0].plot([], [], label="your guess of the wrong labels", **MARK)
    legend_below(fig, axes[0, 0], columns=(2 if guesses else 3) if across > 1 else 1)
    return describe(fig, f"What is learned over the epochs where {per_cent(noise_rate)} of the labels are wrong, mean "
                         f"and range over seeds. {'; '.join(said)}.")  # fmt: skip


def _learned(ax, epochs, guess, shown):
    """What a row learned in the axes, and a guess of the wrong labels; returns what to say, the shortest first."""
    last = epochs["epoch"].max()
    for column, (label, color, line) in LEARNED.items():
        look = {"label": label, "color": color, "linestyle": line, "linewidth": 2}
        if shown:
            drawn = epochs.assign(shown=100 * epochs[column])
            seaborn.lineplot(drawn, x="epoch", y="shown", ax=ax, errorbar=RANGE, legend=False, **look)
        else:
            ax.plot([], [], **look)
    known = f"{100 * epochs[epochs['epoch'] == last]['memorised'].mean():.0f} % of wrong labels learned"
    said = [known, highest_and_last(epochs)] if shown else []
    if guess is not None:
        ax.plot([1.05 * last], [guess], clip_on=False, **MARK)
        said.insert(1, f"your guess: {guess:g} %")
    return said


@plain
def own_run(epochs_by_name, noise_rate):
    """Figure of one's own runs: accuracy on clean test images, and wrong labels learned by heart, over the epochs.

    epochs_by_name: {label: one row an epoch (from 1), or an epoch and run, with `epoch`, `test_acc`, `memorised`}.
    """
    rate = checks.fraction(noise_rate, "noise_rate", below_one=False)
    names = {"test_acc": "clean test images recognised", "memorised": "wrong labels learned by heart"}
    fig, said = over_epochs(epochs_by_name, NOTEBOOK, names, f"Your runs: {per_cent(rate)} of the labels are wrong"), []
    for label, epochs in epochs_by_name.items():
        known = 100 * epochs[epochs["epoch"] == epochs["epoch"].max()]["memorised"].mean()
        said.append(f"{label}: {highest_and_last(epochs)}, {known:.1f} % of the wrong labels learned by heart")
    return describe(fig, f"Runs with {per_cent(rate)} wrong labels. {'; '.join(said)}.")


@plain
def alphas(curves):
    """Figure of the weight alpha of the noisy label over the training (Paper 03, Eq. (13)).

    curves: {label: alpha (n,) at shares of the training from 0 to 1 that are equally far apart}, each in [0, 1].
    """
    checks.mapping(curves, "curves", "label: alpha (n,)")
    curves = {str(label): checks.numbers(of, "curves", 1).astype(float) for label, of in curves.items()}
    for of in curves.values():
        if len(of) < 2 or of.min() < 0 or of.max() > 1:
            raise ValueError(f"`curves` must hold two or more numbers from 0 to 1, but got {checks.brief(of)}.")
    fig, ax = panels(width=6, height=2.8)
    for place, (label, of) in enumerate(curves.items()):
        ax.plot(np.linspace(0, 1, len(of)), of, label=label, color=PALETTE[place % 10], linestyle=LINES[place % 4],
                linewidth=2.2)  # fmt: skip
    ax.set(xlim=(0, 1), ylim=(-0.03, 1.03))
    ax.legend(fontsize=NOTE, frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
    ax.text(0.02, 0.05, "own prediction counts", fontsize=NOTE, color=GREY)
    ax.text(0.98, 0.93, "noisy label counts", fontsize=NOTE, color=GREY, ha="right")
    finish(ax, None, "share of the training that is over", "α, weight of the noisy label", grid="y")
    said = ", ".join(f"{label} {np.interp(0.5, np.linspace(0, 1, len(of)), of):.2f}" for label, of in curves.items())
    return describe(fig, f"Weight alpha of the noisy label over the training; half way: {said}.")
