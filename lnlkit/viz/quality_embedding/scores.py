"""Mean average precision of the recorded runs: curves over noise, lambda and training size, tables as heat maps."""

import itertools

import numpy as np
import pandas as pd
import seaborn

from lnlkit.viz.lines import by_row, legend_below, t_interval
from lnlkit.viz.show import describe
from lnlkit.viz.style import LABEL, NOTE, TICK, WIDTH, finish, panels, row_labels, row_styles
from lnlkit.viz.tables import heat_table, spread

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


def main_runs(runs):
    """The runs of the tables, without the checks on another schedule; the paper's lambda where none was set."""
    return runs[runs["schedule"].isna()].fillna({"lambda_mi": LAMBDA})


def _study(runs, x):
    """Of the main runs of one data set those in which only x varies; size and lambda are varied at one noise rate."""
    fixed = {"noise_rate": AT, "size": 1.0, "lambda_mi": LAMBDA}
    del fixed[x]
    found = runs[np.logical_and.reduce([np.isclose(runs[name], value) for name, value in fixed.items()])]
    return found[found["row"].isin([CAN] if x == "lambda_mi" else ROWS)]


def overview(table):
    """Figure of the recorded table: mAP against noise, lambda and training size, a row a data set (Paper 02, Fig. 6).

    Its Tables V and VI as curves. Means with 95 % t-intervals over the seeds; where a study was not run is no panel.
    """
    runs = main_runs(table.runs)
    found = {(name, x): of for name in SETS for x in STUDIES
             if (of := _study(runs[runs["dataset"] == name], x))[x].nunique() > 1}  # fmt: skip
    if not found:
        raise ValueError("`table.runs` must vary noise, lambda or size, but has no such runs.")
    names = list(dict.fromkeys(name for name, _ in found))
    fig, axes = panels(len(names), len(STUDIES), width=WIDTH, height=2.8, squeeze=False)
    for (r, name), (c, x) in ((row, column) for row in enumerate(names) for column in enumerate(STUDIES)):
        ax = axes[r, c]
        if (name, x) not in found:
            ax.set_axis_off()
            continue
        title = SETS[name] + ("" if x == "noise_rate" else f", $P_{{\\mathrm{{noise}}}}$ = {AT:g}")
        if x == "lambda_mi":
            _lambda_curve(ax, found[name, x], runs[(runs["dataset"] == name) & (runs["row"] == PLAIN)])
        else:
            by_row(found[name, x], ax, NOTEBOOK, x=x, unit=100, strong=(CAN,))
            ax.set_xticks(sorted(found[name, x][x].unique()))
        finish(ax, title, STUDIES[x], "" if c else "mAP on clean test images, %", grid="y")
    first = next(ax for ax in axes.flat if ax.get_legend())
    legend_below(fig, first, columns=len(ROWS), title="mean and 95 % t-interval over the seeds")
    return describe(fig, f"Mean average precision on clean test images. {_said(found)}.")


def _said(found):
    """The words of the overview: mAP of each row at P_noise 0.4, CAN's at each lambda, and on the smallest set."""
    parts, labels = [], row_labels(NOTEBOOK)
    for (name, x), runs in found.items():
        mean = 100 * runs.groupby([x, "row"], sort=True)["best_val"].mean()
        if x == "lambda_mi":
            said = "CAN at lambda " + ", ".join(f"{value:g} {score:.1f}" for (value, _), score in mean.items())
        else:
            at = mean.xs(AT if x == "noise_rate" else runs[x].min(), level=x).reindex(ROWS).dropna()
            said = ("P_noise 0.4: " if x == "noise_rate" else f"{runs[x].min():.0%} of the data: ") + ", ".join(
                f"{labels[row]} {score:.1f}" for row, score in at.items())  # fmt: skip
        parts.append(f"{SETS[name]}, {said} %")
    return "; ".join(parts)


def _lambda_curve(ax, runs, plain):
    """CAN's mAP at values of lambda, which stand at equal distances; plain training, which has none, is a level line.

    From 1 on, where no variance minimises the loss, the ground is grey.
    """
    name, style = row_styles(NOTEBOOK)[CAN]
    values = sorted(runs["lambda_mi"].unique())
    seaborn.pointplot(runs.assign(score=100 * runs["best_val"]), x="lambda_mi", y="score", order=values, ax=ax,
                      errorbar=t_interval, color=style["color"], markersize=5, linewidth=2.6, err_kws={"linewidth": 1},
                      label=name, legend=False)  # fmt: skip
    ax.set_xticks(range(len(values)), [f"{value:g}" for value in values])
    plain = 100 * plain[(plain["noise_rate"] == AT) & (plain["size"] == 1)]["best_val"].mean()
    color = row_styles(NOTEBOOK)[PLAIN][1]["color"]
    ax.axhline(plain, color=color, linestyle="--", linewidth=1.5, zorder=1)
    if values[-1] >= 1:
        low, high = ax.get_ylim()
        ax.set_ylim(low - 0.2 * (high - low), high)  # room for the text
        ax.axvspan(sum(value < 1 for value in values) - 0.5, len(values) - 0.5, color="#f2f2f2", zorder=0)
        ax.text(0.98, 0.02, "λ ≥ 1: the loss has\nno minimum in σ", transform=ax.transAxes, ha="right", va="bottom",
                fontsize=NOTE, color="#555555")  # fmt: skip
    ax.set_xlim(-0.5, len(values) - 0.5)


def map_tables(runs, datasets=("scenes", "mnist"), columns="noise_rate"):
    """Figure of mAP tables as heat maps: a panel a data set, methods against `columns` (Paper 02, Table VI).

    runs: main runs in which only `columns` varies. Against noise there are two columns of panels, at the epoch with the
    best noisy-validation mAP and at the last one, and below each noise rate the share of label vectors that are wrong.
    """
    noise = columns == "noise_rate"
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
        if place % 2:
            ax.set_yticklabels([])
        best = of.groupby([columns, "row"])[metric].mean().unstack().idxmax(axis=1).map(row_labels(NOTEBOOK))
        said.append(f"{SETS[name]} {title[metric]}, best: " + ", ".join(f"{row} at {at:g}" for at, row in best.items()))
    return describe(fig, f"Tables of mean average precision against {columns.replace('_', ' ')}. {'; '.join(said)}.")


def class_table(runs, details, class_names):
    """Figure of the average precision in % of each method in each class and their mean (Paper 02, Tables II to IV).

    runs: of one setting; details: their `ap` (K,) by key. Colour: points more or fewer than plain training.
    """
    labels = row_labels(NOTEBOOK)
    ap = pd.DataFrame([details[key]["ap"] for key in runs["key"]], index=runs["row"], columns=list(class_names))
    groups = (100 * ap.assign(mAP=runs["best_val"].to_numpy())).groupby(level=0)
    mean = groups.mean().reindex([row for row in ROWS if row in groups.groups])
    cells = mean.map("{:.1f}".format)
    cells["mAP"] = [spread(*pair) for pair in zip(mean["mAP"], groups["mAP"].std()[mean.index], strict=True)]
    fig, ax = panels(width=WIDTH, height=0.36 * len(mean) + 1.2)
    seaborn.heatmap(mean - mean.loc[PLAIN], annot=cells, fmt="", cmap="PuOr", center=0, ax=ax,
                    linewidths=0.5, annot_kws={"fontsize": NOTE}, yticklabels=[labels[row] for row in mean.index],
                    cbar_kws={"label": "points more than plain", "pad": 0.01})  # fmt: skip
    ax.axvline(len(class_names), color="black", linewidth=1.5)
    best = mean.idxmax()
    for text, (row, name) in zip(ax.texts, ((row, name) for row in mean.index for name in mean.columns), strict=True):
        text.set_fontweight("bold" if best[name] == row else "normal")
    ax.tick_params(axis="both", rotation=0, length=0, labelsize=TICK)
    finish(ax, f"average precision in %, mean of {runs['seed'].nunique()} seeds; bold: the best of its column", "", "")
    first = best.drop("mAP").value_counts()
    said = ", ".join(f"{labels[row]} {mean.loc[row, 'mAP']:.1f} % (best in {first.get(row, 0)})" for row in mean.index)
    return describe(fig, f"Average precision of each method in {len(class_names)} classes. Mean: {said}.")
