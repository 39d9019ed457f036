"""What the recorded runs of Paper 01 say: the outcome, one matrix of two noises, the generator by noise rate."""

import numpy as np

from lnlkit import checks, recorded
from lnlkit.viz import given, style
from lnlkit.viz.embeddings import embedding, embedding_row
from lnlkit.viz.lines import by_row, label_ends
from lnlkit.viz.matrices import transition_heatmap
from lnlkit.viz.show import describe
from lnlkit.viz.style import (
    GREY,
    GUESS,
    INK,
    LABEL,
    NOTE,
    PALETTE,
    TICK,
    TITLE,
    WIDTH,
    blank,
    finish,
    noise_name,
    panels,
)
from lnlkit.viz.tables import n_text

NOTEBOOK = "01_cvae_augmentation"
LABELS = style.row_labels(NOTEBOOK)
METHOD, ORACLE = "cvae_augmentation", "cvae_oracle"
STRONG = ("ce", "ce_long", "ce_affine", ORACLE, METHOD)  # drawn in this order: the method on top of its controls
KINDS = ("class_conditional", "model_idn")
LOSSES = {"total": ("cvae_total", INK, "o-"), "reconstruction": ("cvae_reconstruction", PALETTE[0], "s--"),
          "KL divergence": ("cvae_kl", PALETTE[3], "^:")}  # fmt: skip


@style.plain
def overview(table):
    """Figure of the recorded table: what each method has more than plain CE, and what the generated images show.

    Left: points of accuracy at the best noisy-validation epoch, under the noise of most runs; the paper's method, its
    clean-label oracle and our controls are labelled, the others stand pale behind. Right: `fidelity`.
    """
    runs, kind = _of_most(table)
    ce = runs[runs["row"] == "ce"].set_index(["noise_rate", "seed"])["best_val"].rename("ce")
    runs = runs.join(ce, on=["noise_rate", "seed"]).assign(more=lambda frame: 100 * (frame["best_val"] - frame["ce"]))
    if runs["more"].isna().all():
        raise ValueError("`table` must have runs of CE beside the others: what they bring is counted from there.")
    fig, (left, right) = panels(1, 2, height=4.3, width_ratios=[1.35, 1])
    noisy = runs[(runs["noise_rate"] > 0) & runs["more"].notna()]
    rest = noisy[~noisy["row"].isin(STRONG)].groupby(["row", "noise_rate"], as_index=False)["more"].mean()
    for _, pale in rest.groupby("row"):
        left.plot(pale["noise_rate"], pale["more"], color="#d4d4d4", zorder=0)
    rows = [row for row in STRONG if row in set(noisy["row"])]
    by_row(noisy, left, NOTEBOOK, y="more", rows=rows, strong=[METHOD], interval="range", legend=False)
    level = 100 * noisy[noisy["row"] == "ce"].groupby("noise_rate")["best_val"].mean()
    left.set_xticks(level.index, [f"{rate:.0%} wrong\nCE {value:.1f} %" for rate, value in level.items()])
    finish(left, "Do generated images help?", "", "points of accuracy more than CE", grid="y")
    last = noisy["noise_rate"].max()
    ends = noisy[noisy["noise_rate"] == last].groupby("row")["more"].mean().reindex(rows).dropna()
    label_ends(left, ends, NOTEBOOK, at=last, gap=0.015, strong=[METHOD])
    left.set_xlim(right=last + 0.55 * (last - level.index.min() or last))
    fidelity(right, table)
    n = n_text(noisy.groupby(["noise_rate", "row"]).size())
    fig.supxlabel(f"{noise_name(kind)} noise; mean and range, {n}; pale: {rest['row'].nunique()} further methods",
                  fontsize=TICK, color=GREY)  # fmt: skip
    said = ", ".join(f"{LABELS[row]} {value:+.1f}" for row, value in ends.items())
    return describe(fig, f"Points of accuracy that methods have more than CE, against the rate of {noise_name(kind)} "
                         f"noise; at rate {last:g}: {said}. {right.get_label()}")  # fmt: skip


def _of_most(table):
    """The recorded runs under the kind of noise of most of them, and this kind."""
    runs = given.runs(table, NOTEBOOK, "noise", "noise_rate", "best_val")
    kind = runs["noise"].mode()[0]
    return runs[runs["noise"] == kind], kind


@style.plain
def fidelity(ax, table):
    """The axes with the share of generated images that show the class asked for, against the noise rate.

    Beside it what a generator would have that draws as well as with clean labels and copies its labels, wrong ones
    included: that fidelity times the share of right labels. Says so where nothing was recorded.
    """
    given.axes(ax)
    runs, _ = _of_most(table)
    shown = {row: runs[runs["row"] == row].groupby("noise_rate")["fidelity"].agg(["mean", "min", "max"]).dropna()
             for row in (METHOD, ORACLE) if "fidelity" in runs}  # fmt: skip
    shown = {row: 100 * means for row, means in shown.items() if len(means)}
    if METHOD not in shown:
        ax.set_label("What the generated images show was not recorded.")
        return blank(ax, "generated images:\nnot recorded")
    own, names = shown[METHOD], {METHOD: "labels as given", ORACLE: "clean labels"}
    clean = own["mean"].get(0.0, shown.get(ORACLE, own)["mean"].max())
    right = 1 - runs.groupby("noise_rate")["realised_rate"].mean().reindex(own.index)
    ax.plot(own.index, clean * right, color=GREY, linestyle="--", linewidth=1.4, label="copies its labels")
    for row, means in shown.items():
        _, look = style.row_styles(NOTEBOOK)[row]
        _means(ax, means, **look, label=f"trained on {names[row]}", linewidth=2.6 if row == METHOD else 1.3)
    ax.set_xticks(own.index, [f"{rate:.0%}" for rate in own.index])
    ax.set_ylim(0, 100)
    ax.legend(fontsize=NOTE, frameon=False, loc="lower left")
    said = ", ".join(f"{mean:.0f} % at rate {rate:g}" for rate, mean in own["mean"].items())
    ax.set_label(f"Generated images that show the class asked for: {said}.")
    return finish(ax, "Do generated images show their class?", "wrong labels", "% that show the class asked for",
                  grid="y")  # fmt: skip


def _means(ax, means, **look):
    """Mean and range over seeds, a line in the axes; means: columns mean, min and max."""
    beyond = [means["mean"] - means["min"], means["max"] - means["mean"]]
    ax.errorbar(means.index, means["mean"], np.clip(beyond, 0, None), elinewidth=1, **look)


@style.plain
def neighbours(table, *, guesses=None, revealed=True):
    """Figure of the recorded t-SNE map, clean and at each recorded rate of instance-dependent noise (Paper 01, Fig. 2).

    Below each panel: how many of the 10 nearest neighbours carry the same label. guesses: {noise rate: per cent};
    without `revealed` the map with clean labels stands beside the guesses.
    """
    given.runs(table, NOTEBOOK)
    drawn, guesses = table.embedding, checks.instance(guesses or {}, "guesses", dict)
    if drawn is None:
        raise ValueError("`table` must hold a t-SNE map, but none was recorded: read a table that comes with the kit.")
    labels, agreement = {"clean": drawn["y_clean"]}, {"clean": drawn["knn_agreement_clean"]}
    if revealed:
        for each in drawn["noisy"]:
            if each["noise"] == "model_idn" and (rate := each["noise_rate"]):
                title = f"{rate:.0%} wrong" + (f" (guess {guesses[rate]:g} %)" if rate in guesses else "")
                labels[title], agreement[title] = each["y"], each["knn_agreement"]
        return embedding_row(drawn["x"], drawn["y_clean"], labels, agreement=agreement)
    fig, axes = style.mosaic(1 + len(guesses))
    clean, *others = axes.flat[: 1 + len(guesses)]
    embedding(drawn["x"], drawn["y_clean"], drawn["y_clean"], clean, "clean")
    known = f"{100 * agreement['clean']:.1f} % of neighbours share the label"
    clean.set_xlabel(known, fontsize=LABEL)
    for ax, (rate, guess) in zip(others, guesses.items(), strict=True):
        finish(blank(ax, f"your guess:\n{guess:g} %"), f"{rate:.0%} wrong")
    told = ", ".join(f"{guess:g} % at {rate:.0%} wrong" for rate, guess in guesses.items()) or "none"
    return describe(fig, f"With clean labels {known}. How many with wrong ones? Your guesses: {told}.")


@style.plain
def same_matrix(table, rate, *, guesses=None, revealed=True):
    """Figure of class-conditional and instance-dependent noise at a rate: transition matrices, and who is hit.

    Two heat maps that agree, then two t-SNE maps with the wrong labels crossed that don't; below these what plain CE
    makes of either noise, mean over the seeds recorded for both. guesses: {kind: per cent of CE}; without `revealed`
    the matrices stand beside the guesses.
    """
    runs, rate = given.runs(table, NOTEBOOK, "noise", "noise_rate", "best_val"), checks.fraction(rate, "rate")
    rate, guesses = recorded.same_rate(rate), checks.instance(guesses or {}, "guesses", dict)
    at = table.matrices[table.matrices["noise_rate"] == rate]
    seeds = set.intersection(*(set(at.loc[at["noise"] == kind, "seed"]) for kind in KINDS))
    if not seeds:
        raise ValueError(f"`rate` must be one at which {' and '.join(KINDS)} noise were recorded, but got {rate!r}.")
    runs = runs[(runs["noise_rate"] == rate) & (runs["row"] == "ce") & runs["seed"].isin(seeds)]
    fig, axes = style.whole(WIDTH, 3.7), []
    headings = "the same matrix ...", "... other images hit (crosses)" if revealed else "... and CE?"
    for half, heading in zip(fig.subfigures(1, 2), headings, strict=True):
        half.suptitle(heading, fontsize=TITLE, fontweight="bold")
        axes += list(half.subplots(1, 2))
    T = {kind: np.mean(at.loc[(at["noise"] == kind) & at["seed"].isin(seeds), "T"].tolist(), axis=0) for kind in KINDS}
    vmax, said = max(float((of * (1 - np.eye(len(of)))).max()) for of in T.values()), []
    for kind, heat, points in zip(KINDS, axes[:2], axes[2:], strict=True):
        title = f"{noise_name(kind)}\nnoise, {rate:.0%}"
        transition_heatmap(T[kind], heat, title=title, vmax=vmax)
        guess = f"{guesses[kind]:g} %" if kind in guesses else "none"
        if revealed:
            accuracy = 100 * runs.loc[runs["noise"] == kind, "best_val"].mean()
            _who_is_hit(points, table, kind, rate, title)
            points.set_xlabel(f"CE: {accuracy:.1f} %" + f" (guess {guess})" * (kind in guesses), fontsize=TITLE,
                              fontweight="bold")  # fmt: skip
            said.append(f"{noise_name(kind)} noise {accuracy:.1f} %" + f" (guess {guess})" * (kind in guesses))
        else:
            finish(blank(points, f"your guess:\n{guess}"), title)
            said.append(f"{noise_name(kind)} noise {guess}")
    axes[1].set_ylabel("")
    gap = 100 * np.abs(T[KINDS[0]] - T[KINDS[1]]).max()
    rest = (f", and two maps of wrong labels: all over, and at the borders. CE reaches under {', '.join(said)}."
            if revealed else f". What does CE reach? Your guesses: {', '.join(said)}.")  # fmt: skip
    return describe(fig, f"Two transition matrices at rate {rate:g} that differ by {gap:.1f} points at most{rest}")


def _who_is_hit(ax, table, kind, rate, title):
    """The t-SNE map of the recorded images in the axes, wrong labels of a noise crossed."""
    for each in (table.embedding or {}).get("noisy", []):
        if (each["noise"], each["noise_rate"]) == (kind, rate):
            return embedding(table.embedding["x"], each["y"], table.embedding["y_clean"], ax, title, size=5)
    return blank(ax, "labels:\nnot recorded")


@style.plain
def generator_by_rate(table, *, guesses=None, revealed=True):
    """Figure of the generator against the noise rate: its loss less that with clean labels, and its fidelity.

    The loss (nats an image, last epoch of training) is split as Paper 01, Section 3.2, splits it. guesses: {"kl": per
    cent of the rise at the last rate that the KL divergence has}; without `revealed` only the whole rise is drawn.
    """
    runs, _ = _of_most(table)
    guesses = checks.instance(guesses or {}, "guesses", dict)
    fig, (left, right) = panels(1, 2, height=3.3, width=9)
    own, said = runs[runs["row"] == METHOD], "The loss of the generator was not recorded."
    columns = [column for column, _, _ in LOSSES.values()]
    if set(columns) <= set(own):
        wide = own.set_index(["noise_rate", "seed"])[columns].dropna()
        rise = wide.sub(wide.xs(0.0, level="noise_rate"), level="seed").dropna() if 0.0 in wide.index else wide[:0]
        if len(rise):
            said = _rise(left, rise, guesses.get("kl"), revealed)
    if not left.lines:
        blank(left, "loss of the generator:\nnot recorded")
    fidelity(right, table)
    return describe(fig, f"{said} {right.get_label()}")


def _rise(ax, rise, guess, revealed):
    """The rise of the loss and its parts in the axes, mean and range over seeds, and the rise of all in words.

    guess: per cent of the last rise, a diamond, or None; without `revealed` the parts are left out.
    """
    for name, (column, color, look) in LOSSES.items():
        of = rise[column].groupby("noise_rate").agg(["mean", "min", "max"])
        if revealed or name == "total":
            _means(ax, of, marker=look[0], linestyle=look[1:], color=color, label=name)
    total, told = rise["cvae_total"].groupby("noise_rate").mean(), ""
    if guess is not None:
        ax.plot(total.index[-1:], guess / 100 * total.iloc[-1:], **GUESS, color=LOSSES["KL divergence"][1],
                label=f"your guess for the KL divergence: {guess:g} %")  # fmt: skip
        told = f" Your guess for the share of the KL divergence in the last rise: {guess:g} %."
    if revealed:
        share = rise["cvae_kl"].groupby("noise_rate").mean().iloc[-1] / total.iloc[-1]
        told += f" It has {100 * share:.0f} %." if guess is not None else ""
    ax.set_xticks(total.index, [f"{rate:.0%}" for rate in total.index])
    ax.axhline(0, color=GREY, linewidth=0.8)
    ax.legend(fontsize=NOTE, frameon=False, loc="upper left")
    finish(ax, "Loss of the generator", "wrong labels", "nats an image more than with clean labels", grid="y")
    levels = ", ".join(f"{value:+.1f} at rate {rate:g}" for rate, value in total.items() if rate)
    return f"The generator's loss against the noise rate, in nats more than with clean labels: {levels}.{told}"
