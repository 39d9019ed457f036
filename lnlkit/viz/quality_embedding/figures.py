"""The outcome in one picture, average precision as curves and heat maps, and what the quality variable knows."""

import itertools

import numpy as np
import pandas as pd
import seaborn
from matplotlib.lines import Line2D

from lnlkit import checks, recorded
from lnlkit.viz import given
from lnlkit.viz.lines import by_row, legend_below, t_interval
from lnlkit.viz.matrices import colour_scale, percent_map
from lnlkit.viz.show import describe
from lnlkit.viz.style import GREY, INK, LABEL, NOTE, PALETTE, TICK, WIDTH, finish, panels, plain, row_labels
from lnlkit.viz.tables import heat_table

NOTEBOOK = "02_quality_embedding"
CAN, PLAIN = "can", "bce"
ROWS = (PLAIN, "learnq", "icnm", "bootstrap", "bootstrap_hard", CAN)  # without our ablations of CAN
LAMBDA = 0.3  # the paper's, Section IV-B
AT = 0.4  # P_noise of the runs with another lambda or training size
SETS = {"scenes": "scenes", "mnist": "MNIST", "cifar10n": "CIFAR-10N", "digits": "digits", "voc2007": "VOC 2007"}
STUDIES = {  # what is varied: the text at its axis
    "noise_rate": "$P_{\\mathrm{noise}}$, share of label vectors permuted",
    "lambda_mi": "λ, weight of the entropies in CAN",
    "size": "share of the training set",
}
SPLITS = {  # field of an embedding: its title, and what 0 and 1 are called
    "flagged": ("2-means on μ", "trusted", "untrusted"),
    "disagrees": ("as in the paper: prediction against label", "prediction agrees", "prediction disagrees"),
}
LABELS = row_labels(NOTEBOOK)


def main_runs(runs):
    """The runs, with the paper's lambda where none was set."""
    return recorded.frame(runs, "runs", "row", "lambda_mi").fillna({"lambda_mi": LAMBDA})


def of_study(runs, x):
    """Of the main runs of one data set those in which only x varies; size and lambda are varied at one noise rate."""
    fixed = {"noise_rate": AT, "size": 1.0, "lambda_mi": LAMBDA}
    del fixed[x]
    found = runs[np.logical_and.reduce([np.isclose(runs[name], value) for name, value in fixed.items()])]
    return found[found["row"].isin([CAN] if x == "lambda_mi" else ROWS)]


RIGHT = {"given_right": "the labels given", "latent_right": "latent labels of CAN",
         "prior_right": "predictions of its classifier"}  # fmt: skip
AUCS = {"trust_auc": "two clusters of the quality", "distance_auc": "distance from agreement",
        "loss_auc": "the classifier's loss"}  # fmt: skip
OF_CAN = ("latent_right", "trust_auc", "distance_auc")  # what no classifier has without a noise model


def overview(table):
    """Figure of the outcome: mAP against noise, how many labels are right, and what ranks wrong ones (Paper 02).

    Means with 95 % t-intervals over the seeds, on the right of CAN on one set at `AT`; what was not run is no panel.
    """
    runs = main_runs(given.runs(table, NOTEBOOK, *STUDIES, "dataset", "best_val"))
    curves = {name: of for name in SETS if (of := of_study(runs[runs["dataset"] == name], "noise_rate"))["noise_rate"]
              .nunique() > 1}  # fmt: skip
    if not curves:
        raise ValueError("`table` must have runs at several noise rates, but has no such runs.")
    known = [(title, columns, unit) for title, columns, unit in (
        ("Labels that are right, %", RIGHT, 100), ("Wrong labels found: AUC", AUCS, 1)) if set(columns) <= set(runs)]
    name = "mnist" if "mnist" in curves else list(curves)[-1]
    of_can = of_study(runs[runs["dataset"] == name], "lambda_mi").query("lambda_mi == @LAMBDA")
    fig, axes = panels(1, len(curves) + len(known), width=WIDTH, height=3.6, squeeze=False)
    for ax, (which, of) in zip(axes.flat, curves.items(), strict=False):
        by_row(of, ax, NOTEBOOK, unit=100, strong=(CAN,))
        finish(ax, f"{SETS[which]}: mAP, %", "$P_{\\mathrm{noise}}$", "", grid="y")
    legend_below(fig, axes[0, 0], columns=len(ROWS), title="mean and 95 % t-interval over the seeds")
    for ax, (title, columns, unit) in zip(axes.flat[len(curves) :], known, strict=True):
        _bars(ax, of_can, columns, unit)
        finish(ax, f"{title}\n{SETS[name]}, $P_{{\\mathrm{{noise}}}}$ = {AT:g}", "", "")
        ax.spines["left"].set_visible(False)
    at = runs[(runs["noise_rate"] == AT) & (runs["size"] == 1) & (runs["lambda_mi"] == LAMBDA)]
    mean = 100 * at.groupby(["dataset", "row"])["best_val"].mean()
    said = "; ".join(f"{SETS[which]}: " + ", ".join(
        f"{LABELS[row]} {mean[which, row]:.1f} %" for row in (PLAIN, CAN)) for which in curves)  # fmt: skip
    shares = "".join(f" {title}, {SETS[name]}: " + ", ".join(
        f"{text} {unit * of_can[column].mean():.3g}" for column, text in columns.items()) + "."
        for title, columns, unit in known)  # fmt: skip
    return describe(fig, f"Mean average precision against noise. At P_noise {AT:g}, {said}.{shares}")


def _bars(ax, runs, columns, unit):
    """A bar a column of `runs`, mean and 95 % t-interval over the seeds, its value and name in it; chance is dashed."""
    for place, (column, text) in enumerate(columns.items()):
        values = unit * runs[column].dropna()
        low, high = t_interval(values) if len(values) else (np.nan, np.nan)
        mean = values.mean()
        ax.barh(place, mean, height=0.5, alpha=0.75, zorder=2,
                color=PALETTE[0] if column in OF_CAN else GREY)  # fmt: skip
        ax.plot([low, high], [place, place], color=INK, linewidth=1.2, zorder=3)
        ax.text(0, place - 0.3, f"{text}: {mean:.{0 if unit > 1 else 2}f}", fontsize=TICK, va="bottom",
                bbox={"facecolor": "white", "linewidth": 0, "pad": 0.5})  # fmt: skip
    ax.set(ylim=(len(columns) - 0.4, -0.75), yticks=[], xlim=(0, unit * 1.02))
    if unit == 1:
        ax.axvline(0.5, color=INK, linestyle="--", linewidth=1, zorder=1)
        ax.text(0.5, len(columns) - 0.42, " chance", fontsize=NOTE, va="bottom")


def map_tables(runs, datasets=("scenes", "mnist"), columns="noise_rate"):
    """Figure of mAP tables as heat maps: a panel a data set, methods against `columns` (Paper 02, Table VI).

    runs: main runs in which only `columns` varies. Against noise there are two columns of panels, at the epoch with the
    best noisy-validation mAP and at the last one, and below each noise rate the share of label vectors that are wrong.
    """
    noise = checks.one_of(columns, "columns", ("noise_rate", "size")) == "noise_rate"
    for value in ("best_val", "last", "realised_rate"):
        runs = recorded.frame(runs, "runs", "row", "dataset", "seed", columns, value=value)
    datasets = [checks.one_of(name, "datasets", runs["dataset"].unique())
                for name in checks.sequence(datasets, "datasets")]  # fmt: skip
    title = {"best_val": "at the chosen epoch"} | ({"last": "at the last epoch"} if noise else {})
    height = 0.3 * len(set(ROWS) & set(runs["row"])) + 1.1
    fig, axes = panels(len(datasets) if noise else 1, 2, width=WIDTH, height=height, squeeze=False)
    said = []
    for place, (ax, (name, metric)) in enumerate(zip(axes.flat, itertools.product(datasets, title), strict=True)):
        of = runs[runs["dataset"] == name]
        heat_table(of, NOTEBOOK, rows=ROWS, columns=columns, value=metric, ax=ax,
                   title=f"{SETS[name]}, mAP in % {title[metric]} (n = {of['seed'].nunique()})")  # fmt: skip
        wrong = 100 * of.groupby(columns)["realised_rate"].mean()
        ax.set_xticklabels([f"{at:g}" + (f"\n({share:.0f} %)" if noise else "") for at, share in wrong.items()])
        more = ", in brackets the share of label vectors that are wrong" if noise else ""
        ax.set_xlabel(STUDIES[columns].split(",")[0] + more, fontsize=LABEL)
        ax.tick_params(axis="y", labelleft=place % 2 == 0)
        best = of.groupby([columns, "row"])[metric].mean().unstack().idxmax(axis=1).map(LABELS).value_counts()
        said.append(f"{SETS[name]} {title[metric]}, best: " + ", ".join(f"{row} in {n}" for row, n in best.items()))
    return describe(fig, f"Tables of mean average precision against {columns.replace('_', ' ')}. {'; '.join(said)}.")


def _map(embedding, name):
    """The embedding, which has coordinates (N, 2) and, for each example, whether its label is wrong and both SPLITS."""
    checks.mapping(embedding, name, "field: a value per example")
    if missing := [key for key in ("x", "wrong", *SPLITS) if key not in embedding]:
        raise ValueError(f"`{name}` must be of a recorded run, but has no {missing[0]!r}.")
    x, *flags = (checks.numbers(embedding[key], name) for key in ("x", "wrong", *SPLITS))
    if x.ndim != 2 or x.shape[1] != 2 or any(flag.shape != (len(x),) for flag in flags):
        raise ValueError(f"`{name}` must have `x` (N, 2), and `wrong` and {list(SPLITS)} of shape (N,).")
    return embedding


@plain
def quality_map(ax, embedding, by="flagged", title=None, *, size=26):
    """The axes with the t-SNE of the quality means; dots are right label vectors, crosses wrong ones.

    embedding: `embedding` of a recorded run, or what `label_quality.embed` returns (Paper 02, Fig. 7). by: what the
    colour says: "flagged", the cluster of 2-means; "disagrees", the paper's own: the prediction is not the noisy label.
    """
    _, *names = SPLITS[checks.one_of(by, "by", SPLITS)]
    given.axes(ax)
    checks.positive(size, "size")
    split, wrong = (np.asarray(_map(embedding, "embedding")[key], bool) for key in (by, "wrong"))
    points = pd.DataFrame(embedding["x"], columns=["x", "y"])
    seaborn.scatterplot(points, x="x", y="y", hue=split, style=wrong, palette=PALETTE[:2], s=size, ax=ax,
                        markers={False: "o", True: "X"}, hue_order=(0, 1), linewidth=0.3, legend=False)  # fmt: skip
    keys = [Line2D([], [], linestyle="none", marker="s", color=color, markersize=6,
                   label=f"{name}: {(split == part).sum()} ({(wrong & (split == part)).sum()} wrong)")
            for part, (name, color) in enumerate(zip(names, PALETTE, strict=False))]  # fmt: skip
    keys.append(Line2D([], [], linestyle="none", marker="X", color="#666666", markersize=6, label="label vector wrong"))
    ax.set(xticks=[], yticks=[])
    ax.legend(handles=keys, fontsize=NOTE, frameon=False, loc="upper center", bbox_to_anchor=(0.5, 0.01), ncols=1,
              handletextpad=0.1, labelspacing=0.2)  # fmt: skip
    finish(ax, title, "", "").spines[:].set(visible=True, color="#cccccc")
    return ax


def quality_maps(embeddings):
    """Figure of `{whose: embedding}`, a row each, coloured by the clusters and as in the paper (Paper 02, Fig. 7)."""
    for embedding in checks.mapping(embeddings, "embeddings", "whose: embedding").values():
        _map(embedding, "embeddings")
    fig, axes = panels(len(embeddings), 2, width=9, height=3.2, squeeze=False)
    for (whose, embedding), row in zip(embeddings.items(), axes, strict=True):
        for (by, (title, *_)), ax in zip(SPLITS.items(), row, strict=True):
            quality_map(ax, embedding, by, f"{whose}: {title}")
    said = [", ".join([ax.get_title(), *(text.get_text() for text in ax.get_legend().get_texts()[:2])])
            for ax in axes[:, 0]]  # fmt: skip
    return describe(fig, f"t-SNE maps of the quality means, crosses where label vectors are wrong. {'; '.join(said)}.")


def _transitions(T, name):
    """Transitions (K, K), rows of which sum to 1, or to 0 where a latent label never occurs."""
    T = checks.numbers(T, name, 2).astype(float)
    sums = T.sum(1)
    if not T.size or T.shape[0] != T.shape[1] or T.min() < 0 or (np.minimum(abs(sums), abs(sums - 1)) > 0.01).any():
        raise ValueError(f"`{name}` must be (K, K) of probabilities, rows summing to 1 or to 0, but got {T.shape} with "
                         f"sums {sums.round(2).tolist()!s:.80}.")  # fmt: skip
    return T


def never(T):
    """Which latent labels, rows of the transitions T (K, K), never occur."""
    return np.sum(T, 1) < 1e-9


def per_cent(T):
    """Transitions T (K, K) in per cent, NaN in the rows of latent labels that never occur."""
    return np.where(never(T)[:, None], np.nan, 100 * np.asarray(T, float))


@plain
def transition_panel(ax, T, class_names=None, title=None, *, vmax=1.0, numbers=True):
    """The axes with the transitions T (K, K) from latent to noisy labels as a heat map, diagonal and all.

    Rows sum to 1, or to 0 where the latent label never occurs: these say so.
    """
    given.axes(ax)
    T = _transitions(T, "T")
    class_names, cells = given.names(class_names, len(T)), per_cent(T)
    words = np.where(cells >= 0.5, np.char.mod("%.0f", cells), "") if numbers else ""
    percent_map(cells, ax, words, class_names, vmax=100 * vmax)
    for row in np.flatnonzero(never(T)):
        ax.text(len(T) / 2, row + 0.5, "never", color="#555555", fontstyle="italic", ha="center", va="center",
                fontsize=NOTE, in_layout=False)  # fmt: skip
    ax.tick_params(labelsize=NOTE)
    return finish(ax, title, "noisy label", "latent label")


def diagonal(T):
    """Mean of the diagonal of T (K, K) over the latent labels that occur; nan where none does."""
    T = _transitions(T, "T")
    return T.diagonal()[T.sum(1) > 0].mean() if T.any() else np.nan


def diagonal_words(T):
    """'mean diagonal 95 %', or that the latent label never occurs."""
    return "no latent label" if np.isnan(diagonal(T)) else f"mean diagonal {100 * diagonal(T):.0f} %"


def transitions(matrices, class_names=None):
    """Figure of transitions from latent to noisy labels, `{title: T}`, on one scale, two a row (Paper 02, Fig. 9)."""
    checks.mapping(matrices, "matrices", "title: T (K, K)")
    matrices = {title: _transitions(T, "matrices") for title, T in matrices.items()}
    fig, axes = panels(-(-len(matrices) // 2), 2, width=9, height=3.5, squeeze=False)
    vmax = max(1e-3, *(np.max(T) for T in matrices.values()))
    for ax in axes.flat[len(matrices) :]:
        ax.set_axis_off()
    said = [f"{title}: {diagonal_words(T)}" for title, T in matrices.items()]
    for ax, title, T in zip(axes.flat, said, matrices.values(), strict=False):
        transition_panel(ax, T, class_names, title, vmax=vmax)
    colour_scale(fig, ax.collections[0], "% of the row", ax=axes, shrink=0.6, aspect=30)
    return describe(fig, f"Transitions from latent to noisy labels as heat maps. {'; '.join(said)}.")
