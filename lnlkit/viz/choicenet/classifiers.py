"""What became of ChoiceNet's classifiers: the outcome, the walk from code to print seed by seed, accuracies, pulls."""

import numpy as np
import pandas as pd
import seaborn

from lnlkit import checks, papers, recorded
from lnlkit.data import targets
from lnlkit.viz import given
from lnlkit.viz.choicenet import guesses as told
from lnlkit.viz.choicenet.figures import COMPARED, LABELS, METRICS, NOTEBOOK
from lnlkit.viz.show import describe
from lnlkit.viz.style import (
    GREY,
    GUESS,
    INK,
    LABEL,
    NOTE,
    PALE,
    PALETTE,
    TICK,
    finish,
    noise_name,
    panels,
    plain,
    row_styles,
)
from lnlkit.viz.tables import heat_table, rich

PARTS = {"best_val": "best noisy-validation epoch", "last": "last epoch"}
HEADLINE = ("ce", "ce_slow", "choicenet", "choicenet_printed", "choicenet_printed_abs_tanh", "choice_loss")
WALK = ("choicenet", "choicenet_linear_heads", "choicenet_bias", "choicenet_softmax", "choicenet_sqrt",
        "choicenet_shared", "choicenet_rho1", "choicenet_divergence", "choicenet_abs_tanh", "choicenet_tanh",
        "choicenet_printed_abs_tanh", "choicenet_printed")  # fmt: skip
SETTINGS = (("mnist", 0.5), ("mnist", 0.2), ("digits", 0.5), ("digits", 0.2))
GUESSED = ("symmetric_inclusive", 0.5)  # of MNIST, at the best epoch: where guesses of `accuracies` stand
TURNED = 0.2  # of the smallest logits right: twice as many as by chance
WHOSE = {"largest_right": "the largest logit is right", "smallest_right": "the smallest logit is right"}
HUES = dict(zip(WHOSE, (PALETTE[0], PALETTE[3]), strict=True))
CHOICES = {
    "rho": ("choicenet_tanh", "correlations from -1 to 1, or from 0.5 to 1"),
    "heads": ("choicenet_linear_heads", "batch norm and ReLU before correlations, weights and variances"),
    "target_bias": ("choicenet_bias", "whether the target has a bias"),
    "double_softmax": ("choicenet_softmax", "mixture weights from a softmax of a softmax"),
    "outer": ("choicenet_sqrt", "factor before the bracket of Eq. (5): the root, or 1 − ρ²"),
    "draws": ("choicenet_shared", "one W* and Z a step for all components, or one each"),
    "rho_first": ("choicenet_rho1", "correlation of the first component in training"),
    "regulariser": ("choicenet_divergence", "Eq. (8) with softmax(ρ), or with ρ itself"),
}


def _at(runs, **where):
    """The runs that have these values."""
    for name, value in where.items():
        runs = runs[runs[name] == value]
    return runs


@plain
def overview(table):
    """Figure of the outcome: accuracies at the last epoch with half of the labels redrawn, errors at 60 % outliers.

    A dot a seed; open diamonds are the paper's own numbers (Paper 05, Table 3). What was not recorded has no dots.
    """
    runs = given.runs(table, NOTEBOOK, "task", "noise", "noise_rate", "dataset")
    fig, (*left, right) = panels(1, 3, height=3.9, width_ratios=(1, 1, 1.1))
    half = _at(runs, task="classification", noise="symmetric_inclusive", noise_rate=0.5)
    outliers = _at(runs, task="regression", noise="uniform", noise_rate=0.6)
    outliers = outliers[outliers["row"].isin(COMPARED[:4]) & outliers["dataset"].isin(targets.FUNCTIONS)]
    if half.empty and outliers.empty:
        raise ValueError("`table` must have classifiers or functions of what is shown, but has none.")
    said = [_last(ax, name, _at(half, dataset=name)) for ax, name in zip(left, ("mnist", "digits"), strict=True)]
    left[1].set_yticklabels([])
    said.append(_outliers(right, outliers))
    return describe(fig, "; ".join(text for text in said if text) + ".")


def _last(ax, name, runs):
    """Accuracies of a data set at the last epoch, seed by seed, the paper's beside them; returns the words."""
    styles, published = row_styles(NOTEBOOK), papers.load(NOTEBOOK).tables.get(f"table-3-{name}-test")
    found = {row: 100 * _at(runs, row=row)["last"] if len(runs) else pd.Series(dtype=float) for row in HEADLINE}
    for place, (row, own) in enumerate(found.items()):
        ax.plot(own, [place] * len(own), "o", color=styles[row][1]["color"], markersize=9, alpha=0.8, zorder=3,
                markeredgewidth=0)  # fmt: skip
        if published and row in published.mean:
            ax.plot(published.cell(row, 0.5)[0], place, "D", color="none", markeredgecolor=INK, markersize=7, zorder=4)
    ax.plot([], [], "o", color=GREY, markersize=8, label="a seed")
    if published:
        ax.plot([], [], "D", color="none", markeredgecolor=INK, label="the paper's (WideResNet)")
        ax.legend(fontsize=NOTE, frameon=False, loc="upper center", bbox_to_anchor=(0.4, -0.17), ncols=2)
    ax.set_yticks(range(len(HEADLINE)), [LABELS[row] for row in HEADLINE], fontsize=LABEL)
    ax.set(xlim=(-3, 103), ylim=(len(HEADLINE) - 0.5, -0.6))
    finish(ax, f"{name}, half redrawn", "accuracy at the last epoch, %", grid="x")
    ax.tick_params(axis="y", labelsize=LABEL)
    said = ", ".join(f"{LABELS[row]} {_listed(values)}" for row, values in found.items() if len(values))
    return said and f"Accuracy on {name} with half of the labels redrawn, last epoch, seed by seed in per cent: {said}"


def _outliers(ax, runs):
    """Errors at 60 % outliers, seed by seed, function by function; returns the words."""
    rows, styles = list(COMPARED[:4]), row_styles(NOTEBOOK)
    names = list(targets.FUNCTIONS)
    for place, row in enumerate(rows):
        own = _at(runs, row=row) if len(runs) else runs
        at = own["dataset"].map(names.index).astype(float) + 0.18 * (place - 1.5)
        style = styles[row][1]
        ax.plot(own.get("mae", []), at, linestyle="none", marker=style["marker"], color=style["color"], markersize=7,
                alpha=0.8, markeredgewidth=0, label=styles[row][0])  # fmt: skip
    for edge in range(1, len(names)):
        ax.axhline(edge - 0.5, color="#dddddd", linewidth=1)
    ax.set_yticks(range(len(names)), names, fontsize=LABEL)
    ax.set(ylim=(len(names) - 0.5, -0.5))
    ax.set_xlim(left=0)
    finish(ax, "60 % of the outputs replaced", METRICS["mae"], grid="x")
    ax.tick_params(axis="y", labelsize=LABEL)
    ax.legend(fontsize=NOTE, frameon=False, loc="upper center", bbox_to_anchor=(0.45, -0.17), ncols=4)
    if runs.empty:
        return ""
    means = runs.groupby(["dataset", "row"])["mae"].mean()
    said = "; ".join(f"{name}: " + ", ".join(f"{LABELS[row]} {means[name, row]:.2f}" for row in rows
                                             if (name, row) in means) for name in names if name in means)  # fmt: skip
    return f"Mean absolute error at 60 % outliers, {said}"


def _listed(values):
    return ", ".join(f"{value:.0f}" for value in values)


@plain
def walk(table, rows=WALK, *, guesses=None, revealed=True):
    """Figure of the target on test images, a panel a noisy set, a line a row: from the authors' code to the text.

    A dot a seed is the share of images whose largest logit is right. Where images came out upside down their smallest
    logit is the right one, and a cross says for how many. Rows with tanh, whose sign is free, stand on grey.
    guesses: {"largest_right", "smallest_right": per cent} for the row "ρ = tanh" in the first panel, as diamonds;
    without `revealed` they stand beside the first row alone.
    """
    rows, guesses = given.rows(rows, NOTEBOOK), told.checked(guesses, WHOSE)
    runs = given.runs(table, NOTEBOOK, "noise", "noise_rate", "dataset", "largest_right", "smallest_right")
    runs = _at(runs, noise="symmetric_inclusive")
    runs = runs[runs["row"].isin(rows) & runs["largest_right"].notna()]
    there = [place for place in SETTINGS if len(_at(runs, dataset=place[0], noise_rate=place[1]))]
    if not there:
        raise ValueError("`table` must have diagnosed runs of these rows with inclusive noise, but has none.")
    fig, axes = panels(1, len(there), height=0.29 * len(rows) + 1.5, width=10.5, sharey=True, squeeze=False)
    axes = axes[0]
    free = [row for row in rows if _free(row)]
    shown = runs if revealed else _at(runs, row=rows[0])
    for ax, (dataset, rate) in zip(axes, there, strict=True):
        _turned(ax, _at(shown, dataset=dataset, noise_rate=rate), rows)
        for row in free:
            ax.axhspan(rows.index(row) - 0.5, rows.index(row) + 0.5, color=PALE, zorder=0)
        finish(ax, f"{dataset}, {100 * rate:.0f} % redrawn", "% of the test images", grid="x")
        ax.tick_params(axis="y", length=0)
    if guesses and "choicenet_tanh" in rows:
        for name, value in guesses.items():
            line = rows.index("choicenet_tanh") + (-0.15 if name == "largest_right" else 0.15)  # they may be equal
            axes[0].plot([value], [line], linestyle="", **GUESS, markeredgecolor=HUES[name],
                         label=f"your guess: {WHOSE[name]}")  # fmt: skip
    axes[0].set_yticks(range(len(rows)), [_short(row) for row in rows], fontsize=TICK)
    axes[0].set_ylim(len(rows) - 0.5, -0.5)
    fig.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=2, fontsize=LABEL, frameon=False)
    if not revealed:
        return describe(fig, f"Whose logit is right with ρ = tanh, on {there[0][0]}?"
                             + told.told(guesses, WHOSE))  # fmt: skip
    counts = runs.loc[runs["smallest_right"] > TURNED, "row"].value_counts()
    said = ", ".join(f"{_short(row)} {counts[row]} of {sum(runs['row'] == row)}" for row in rows if row in counts)
    return describe(fig, f"Whose logit is right, {len(rows)} rows on {len(there)} noisy sets. Runs in which the "
                         f"smallest is for more than {TURNED:.0%} of the images: {said or 'none'}."
                         + told.told(guesses, WHOSE))  # fmt: skip


def _turned(ax, runs, rows):
    """Dots and crosses of one noisy set."""
    places = runs["row"].map(rows.index)
    ax.plot(100 * runs["largest_right"], places, "o", color=PALETTE[0], markersize=7, alpha=0.7, markeredgewidth=0,
            zorder=3, label="the largest logit is right")  # fmt: skip
    turned = runs["smallest_right"] > TURNED
    ax.plot(100 * runs.loc[turned, "smallest_right"], places[turned], "X", color=PALETTE[3], markersize=8, alpha=0.9,
            markeredgewidth=0, zorder=4,
            label=f"the smallest logit is right (where above {100 * TURNED:.0f} %)")  # fmt: skip
    ax.set(xlim=(-3, 103), xticks=range(0, 101, 25))


def _free(row):
    """Whether the sign of the correlations of a row of WALK is free."""
    return row in ("choicenet_tanh", "choicenet_printed")


def _short(row):
    """A row of the walk by what is different in it."""
    return {"choicenet": "ChoiceNet (authors' code)"}.get(row, LABELS[row].removeprefix("ChoiceNet, "))


def choices():
    """A table of what the paper's text and its authors' code choose differently in classification.

    The last column names the line of `walk` in which this choice alone is the paper's.
    """
    from lnlkit.methods.choicenet import AuthorsChoiceNet, ChoiceNet  # with torch, which no other picture needs

    printed, authors = vars(ChoiceNet()), vars(AuthorsChoiceNet())
    lines = [(name, str(printed[name]), str(authors[name]), says, _short(row)) for name, (row, says) in CHOICES.items()]
    frame = pd.DataFrame(lines, columns=["setting", "as printed", "authors' code", "what it is", "its line below"])
    return rich(frame, "Settings of ChoiceNet (as printed) and AuthorsChoiceNet")


def setting_name(noise, noise_rate):
    """Heading of a column: kind of noise above its rate."""
    return "\n".join([*noise_name(noise).split(" "), f"{100 * noise_rate:.0f} %"])


@plain
def accuracies(table, rows, *, guesses=None, revealed=True):
    """Figure of the accuracies of rows, a heat map for each data set (left to right) and each of PARTS (below).

    A cell is the mean over the seeds ± standard deviation, in per cent; what was not run stays empty. guesses: {row:
    per cent} for GUESSED, in the place of its cell; without `revealed` the other cells hold ChoiceNet alone.
    """
    rows, guesses = given.rows(rows, NOTEBOOK), told.checked(guesses, LABELS)
    runs = given.runs(table, NOTEBOOK, "task", "noise", "noise_rate", "dataset", *PARTS)
    runs = runs[runs["row"].isin(rows) & (runs["task"] == "classification")]
    if runs.empty:
        raise ValueError(f"`table` must have runs of classifiers in {rows}, but has none.")
    kinds = list(runs["noise"].unique())
    runs = runs.sort_values(["noise", "noise_rate"], kind="stable",
                            key=lambda of: of.map(kinds.index) if of.name == "noise" else of)  # fmt: skip
    runs = runs.assign(setting=list(map(setting_name, runs["noise"], runs["noise_rate"])))
    settings = runs.groupby("dataset", sort=False)["setting"].unique()
    fig, axes = panels(len(PARTS), len(settings), height=(0.4 if guesses else 0.3) * len(rows) + 0.8, squeeze=False,
                       width_ratios=settings.map(len))  # fmt: skip
    for (part, epoch), across in zip(PARTS.items(), axes, strict=True):
        for ax, (name, own) in zip(across, runs.groupby("dataset", sort=False), strict=True):
            own = own.assign(place=own["setting"].map(list(settings[name]).index))
            empty = pd.DataFrame({"row": rows, "place": 0})  # every panel has all rows, side by side
            heat_table(pd.concat([own, empty]), NOTEBOOK, rows=rows, columns="place", value=part, ax=ax)
            if not revealed:
                told.hide(ax, [rows.index(row) for row in rows if row == "choicenet"])
            if (name, part) == ("mnist", "best_val") and setting_name(*GUESSED) in settings[name]:
                told.in_cells(ax, list(settings[name]).index(setting_name(*GUESSED)),
                              {rows.index(row): value for row, value in guesses.items() if row in rows})
            ax.set_title(f"{name}, {epoch}", fontsize=LABEL, loc="left")
            ax.set_xticklabels(settings[name] if ax in axes[-1] else [], fontsize=NOTE)
            ax.set(xlabel="", ylabel="")
            ax.tick_params(axis="y", labelleft=ax is across[0])
    guess = told.told(guesses, LABELS)
    if not revealed:
        of = f"{noise_name(GUESSED[0])} {GUESSED[1]:.0%}"
        return describe(fig, f"What will the accuracies on mnist be, {of}, best epoch?{guess}")
    means = runs.groupby(["dataset", "setting", "row"])["best_val"].mean().unstack()
    best = means.idxmax(axis=1).map(LABELS).value_counts()
    said = ", ".join(f"{label} in {count}" for label, count in best.items())
    return describe(fig, f"Accuracy of {len(rows)} methods; the best of {len(means)} settings: {said}.{guess}")


def per_seed(runs, caption, *, value, across="noise_rate", unit=100.0, digits=0):
    """A table of rows by another column of the runs, each cell the values of its seeds, in per cent for `unit` 100."""
    runs = recorded.frame(runs, "runs", "row", "seed", across, value=value)
    given.rows(list(runs["row"].unique()), NOTEBOOK, "runs")
    unit, digits = checks.positive(unit, "unit"), checks.count(digits, "digits")
    runs = runs[runs[value].notna()].sort_values("seed", kind="stable")
    words = (unit * runs[value]).map(f"{{:.{digits}f}}".format)
    cells = words.groupby([runs["row"], runs[across]], sort=False).agg(", ".join).unstack()
    cells = cells.reindex(index=[row for row in LABELS if row in cells.index], columns=runs[across].unique())
    cells = cells.rename(index=LABELS).rename_axis(index=None, columns=None).fillna("not run")
    return rich(cells, f"{checks.text(caption, 'caption')}; seeds {_listed(runs['seed'].unique())}", hide_index=False)


@plain
def pulls(curves, *, guesses=None, revealed=True):
    """Figure of how hard a label pulls at its logit, against the probability that it is given (Paper 05, Eq. (9)).

    curves: DataFrame whose index is the probability and whose columns are the sizes of the gradient of each loss.
    guesses: {column: per cent of the largest pull, 1, at the left end}, diamonds there; without `revealed` the lines of
    these columns are left out.
    """
    if not isinstance(curves, pd.DataFrame) or curves.empty:
        raise TypeError(f"`curves` must be a pandas DataFrame with a column a loss, but got {checks.brief(curves)}.")
    checks.numbers(curves.reset_index().to_numpy(), "curves")
    guesses = told.checked(guesses, list(curves.columns))
    fig, ax = panels(width=6.5, height=3)
    shown = curves if revealed else curves.assign(**{name: np.nan for name in guesses})
    seaborn.lineplot(shown, ax=ax, linewidth=2.2, palette=PALETTE[: len(curves.columns)])
    for place, (name, value) in enumerate(guesses.items()):
        ax.plot([curves.index[0] + 0.03 * place], [value / 100], linestyle="", **GUESS, clip_on=False,
                markeredgecolor=PALETTE[list(curves.columns).index(name)], label=f"your guess: {name}")  # fmt: skip
    ax.set(xlim=(0, 1), ylim=(0, 1.02))
    ax.legend(fontsize=TICK, frameon=False)
    finish(ax, None, "probability of the given label", "size of the gradient of its logit", grid="y")
    known = shown.iloc[0].dropna()
    said = ", ".join(f"{name} {value:.3f}" for name, value in known.items())
    return describe(fig, "Size of the gradient against the probability of the given label; at "
                         f"{np.round(curves.index[0], 3)}: {said or 'what?'}."
                         + told.told(guesses, {name: name for name in guesses}))  # fmt: skip
