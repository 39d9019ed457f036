"""What the recorded runs of Paper 03 say: who keeps its accuracy, which scale shows the fall, Table 1."""

import pandas as pd
import seaborn
from matplotlib.lines import Line2D

from lnlkit import papers, recorded
from lnlkit.viz.lines import label_ends
from lnlkit.viz.robust_features.memory import CE, LABELS, METHOD, NOTEBOOK, RANGE, VIEWS, of_the_paper, per_cent
from lnlkit.viz.show import describe
from lnlkit.viz.style import GREY, INK, LABEL, NOTE, TICK, WIDTH, finish, noise_name, panels, plain, row_styles
from lnlkit.viz.tables import heat_table, n_text

ABLATION = (CE, "only_a", "only_b", "only_c", "a_b", "a_c", "b_c", METHOD, VIEWS, "ce_stronger")  # Table 4, controls
STRONG = (CE, VIEWS, METHOD)
TABLE_1 = (CE, "forward", "gce", "bootstrap", "imae", "sl", "joint_optimization", METHOD, "pencil", VIEWS)
MAIN = "main"
SEARCH = ("500 images", "1,000 images", "2,000 images", MAIN, "10 epochs", "20 epochs", "batch norm", "CIFAR-10")
PARTS = {"oracle": "best epoch on clean test data, as the paper has it",
         "best_val": "best epoch on noisy validation data", "last": "last epoch"}  # fmt: skip
SHORT = {**LABELS, METHOD: "A+B+C: the method"}
RING, DOT = 10, 6  # sizes: where nothing is lost the dot stands in the ring
PALER = "#c4c4c4"  # of the paper's numbers


@plain
def overview(table):
    """Figure of the outcome: accuracy over the epochs at 80 % wrong labels, and what each row of Table 4 loses.

    Left, at the highest symmetric rate: mean and range over the seeds. Right, at 60 and 80 %, or at that rate: the
    accuracy at the best epoch on clean test data, as the paper has it, joined with that at the last one. Grey diamonds
    are the paper's own.
    """
    runs = of_the_paper(table, "oracle", "last")
    runs = runs[(runs["noise"] == "symmetric") & (runs["noise_rate"] > 0) & runs["row"].isin(ABLATION)]
    if runs.empty:
        raise ValueError("`table` must have runs of the ablation with symmetric noise, but has none.")
    highest = runs["noise_rate"].max()
    rates = [rate for rate in (0.6, 0.8) if rate in set(runs["noise_rate"])] or [highest]
    fig, axes = panels(1, 1 + len(rates), height=4.0, width_ratios=[1.9, *[1] * len(rates)])
    ends = _over_epochs(axes[0], table.epochs, runs[runs["noise_rate"] == highest])
    said = [f"Accuracy over the epochs at {per_cent(highest)} wrong labels; in the end: "
            + ", ".join(f"{LABELS[row]} {value:.1f} %" for row, value in ends.items())]  # fmt: skip
    rows, paper = [row for row in ABLATION if row in set(runs["row"])], papers.load(NOTEBOOK)
    for ax, rate in zip(axes[1:], rates, strict=True):
        own, published = runs[runs["noise_rate"] == rate], paper.tables["table-4"]
        lines = {SHORT[row]: (own[own["row"] == row], published.cell(row, rate)[0], _colour(row)) for row in rows}
        said.append(f"at {per_cent(rate)}, best and last epoch: {_falls(ax, lines)}")
        finish(ax, f"{per_cent(rate)} wrong", "accuracy, %", grid="x")
        ax.tick_params(axis="y", labelleft=ax is axes[1], length=0)
    _keys(fig, f"last epoch ({n_text(runs.groupby(['noise_rate', 'row']).size())}, ticks: seeds)")
    return describe(fig, "; ".join(said) + ".")


def _over_epochs(ax, epochs, runs):
    """The curves of STRONG in the axes, named at their ends; returns these ends."""
    epochs = epochs[epochs["key"].isin(runs["key"])]
    shown = [row for row in STRONG if row in set(epochs["row"])] or list(epochs["row"].unique()[:1])
    for row in shown:
        own, (_, style) = epochs[epochs["row"] == row], row_styles(NOTEBOOK)[row]
        look = {"color": style["color"], "linestyle": style["linestyle"], "linewidth": 3 if row == METHOD else 2}
        seaborn.lineplot(own.assign(shown=100 * own["test_acc"]), x="epoch", y="shown", ax=ax, errorbar=RANGE, **look)
    last = epochs["epoch"].max()
    ends = 100 * epochs[epochs["epoch"] == last].groupby("row")["test_acc"].mean().reindex(shown)
    ax.set_ylim(0, 100)
    label_ends(ax, ends, NOTEBOOK, at=last, gap=0.03 * last, strong=[METHOD], names=SHORT)
    ax.set_xlim(0, 1.72 * last)
    ax.set_xticks([tick for tick in ax.get_xticks() if tick <= last])
    rate = runs["noise_rate"].iloc[0]
    finish(ax, f"{per_cent(rate)} of the labels are wrong", "epoch", "accuracy on clean test images, %", grid="y")
    return ends


def _colour(row):
    return row_styles(NOTEBOOK)[row][1]["color"] if row in STRONG else GREY


def _falls(ax, lines):
    """A line a name in the axes, from the accuracy at the best epoch to that at the last one; returns the words.

    lines: {name: (runs, the paper's accuracy at its best epoch or None, colour)}; a line without runs says so.
    """
    said = []
    for place, (name, (runs, published, color)) in enumerate(lines.items()):
        if published is not None:
            ax.plot(published, place, "D", color=PALER, markersize=6, zorder=1)
        if runs.empty:
            ax.text(2, place, "not run", fontsize=NOTE, color=GREY, va="center")
            continue
        best, last = 100 * runs["oracle"], 100 * runs["last"]
        ax.plot([best.mean(), last.mean()], [place] * 2, color=color, linewidth=2.5, alpha=0.6, zorder=2)
        for values, face, size in ((best, "white", RING), (last, color, DOT)):
            ax.plot(values, [place] * len(values), "|", color=color, markersize=12, alpha=0.6, zorder=2)
            ax.plot(values.mean(), place, "o", color=color, markerfacecolor=face, markeredgewidth=1.6, markersize=size,
                    zorder=3)  # fmt: skip
        said.append(f"{' '.join(name.split())} {best.mean():.1f} and {last.mean():.1f} %")
    ax.set_yticks(range(len(lines)), list(lines), fontsize=LABEL)
    ax.set(ylim=(len(lines) - 0.5, -0.5), xlim=(0, 100))
    return ", ".join(said) or "not recorded"


def _keys(fig, last, published=True):
    """The legend of `_falls` below the figure; `last` is what filled dots are called."""
    shapes = {"best epoch on clean test data": ("o", "white", GREY, RING), last: ("o", GREY, GREY, DOT)}
    shapes |= {"the paper's best epoch (CIFAR-10, ResNet-18)": ("D", PALER, PALER, 5)} if published else {}
    keys = [Line2D([], [], linestyle="none", marker=marker, markerfacecolor=face, markeredgewidth=1.6, label=text,
                   markeredgecolor=edge, markersize=size)
            for text, (marker, face, edge, size) in shapes.items()]  # fmt: skip
    fig.legend(handles=keys, loc="outside lower right", ncols=3, fontsize=NOTE, frameon=False)


@plain
def search(table):
    """Figure of the search for a scale at which CE falls as in the paper: best and last epoch for each setting.

    CE alone, symmetric noise, a panel a rate; on top the paper's own CE. Settings that were not run say so.
    """
    main = of_the_paper(table, "oracle", "last")
    main = main[(main["row"] == CE) & (main["noise"] == "symmetric")].assign(schedule=MAIN)
    tried = table.checks
    if len(tried):
        tried = recorded.frame(tried, "table", "row", "schedule", "noise", "noise_rate", "oracle", "last")
        tried = tried[(tried["row"] == CE) & (tried["noise"] == "symmetric") & tried["schedule"].isin(SEARCH)]
    runs = pd.concat([of for of in (main, tried) if len(of)]) if len(main) + len(tried) else main
    rates = [rate for rate in (0.6, 0.8) if rate in set(runs["noise_rate"])]
    if not rates:
        raise ValueError("`table` must have runs of CE with symmetric noise at 0.6 or 0.8, but has none.")
    fig, axes = panels(1, len(rates), width=10 if len(rates) > 1 else 6.5, height=3.9, squeeze=False)
    said, paper, setting = [], papers.load(NOTEBOOK), _setting(table, main)
    for ax, rate in zip(axes[0], rates, strict=True):
        own = runs[runs["noise_rate"] == rate]
        best, last = (paper.tables[f"table-1-symmetric-{which}"].cell(CE, rate)[0] for which in ("best", "last"))
        published = pd.DataFrame({"oracle": [best / 100], "last": [last / 100]})
        lines = {"the paper: CIFAR-10, ResNet-18": (published, None, GREY)}
        for name in SEARCH:
            shown = (setting, INK) if name == MAIN else (name, GREY)
            lines[shown[0]] = own[own["schedule"] == name], None, shown[1]
        said.append(f"at {per_cent(rate)}: {_falls(ax, lines)}")
        finish(ax, f"CE, {per_cent(rate)} of the labels wrong", "accuracy on clean test images, %", grid="x")
        ax.axhline(0.5, color="#bbbbbb", linewidth=1)
        ax.tick_params(axis="y", labelleft=ax is axes[0, 0], length=0)
    axes[0, 0].get_yticklabels()[list(lines).index(setting)].set(fontweight="bold")
    _keys(fig, "last epoch", published=False)
    return describe(fig, f"Cross-entropy's accuracy at the best and the last epoch, by setting; {'; '.join(said)}.")


def _setting(table, runs):
    """'4,000 images, 30 epochs' of the main runs of a table, 'all other runs' where it does not say."""
    made = table.made.get("datasets", {}).get(runs["dataset"].iloc[0] if len(runs) else "")
    if not made:
        return "all other runs"
    return f"{made['n']['train'] + made['n']['noisy_val']:,} images, {made['epochs']} epochs"


@plain
def table_1(table):
    """Figure of accuracies as heat maps, methods against noise: best epochs and the last (Paper 03, Table 1).

    A cell is the mean over the seeds ± standard deviation, in per cent; what was not run stays empty. All maps have one
    scale of colours.
    """
    runs = of_the_paper(table, *PARTS)
    runs = runs[runs["row"].isin(TABLE_1) & runs["noise"].isin(("symmetric", "pairflip"))]
    if runs.empty:
        raise ValueError("`table` must have runs of the rows of Table 1, but has none.")
    runs = runs.sort_values("noise_rate", kind="stable")
    kinds = [noise for noise in ("symmetric", "pairflip") if noise in set(runs["noise"])]
    rows, widths = [row for row in TABLE_1 if row in set(runs["row"])], []
    for noise in kinds:
        widths.append(runs.loc[runs["noise"] == noise, "noise_rate"].nunique())
    fig, axes = panels(len(PARTS), len(kinds), height=0.27 * len(rows) + 0.85, width=WIDTH, squeeze=False,
                       width_ratios=widths)  # fmt: skip
    means = 100 * runs.groupby(["noise", "noise_rate", "row"])[list(PARTS)].mean()
    span = means.stack().quantile(0.05), means.stack().max()
    for across, (part, title) in zip(axes, PARTS.items(), strict=True):
        for ax, noise in zip(across, kinds, strict=True):
            own = runs[runs["noise"] == noise]
            empty = pd.DataFrame({"row": rows, "noise_rate": own["noise_rate"].iloc[0]})  # all rows in every panel
            heat_table(pd.concat([own, empty]), NOTEBOOK, rows=rows, value=part, ax=ax, span=span)
            ax.set_xticklabels([per_cent(rate) for rate in sorted(own["noise_rate"].unique())], fontsize=TICK)
            last = part == list(PARTS)[-1]
            ax.set_xlabel(f"wrong labels, {noise_name(noise)} noise" if last else "", fontsize=LABEL)
            ax.tick_params(axis="y", labelleft=ax is across[0])
        across[0].set_title(f"{title} (accuracy in %, {n_text(runs.groupby(['noise', 'noise_rate', 'row']).size())})",
                            fontsize=LABEL, loc="left")  # fmt: skip
    best = means["oracle"].unstack().idxmax(axis=1).map(LABELS).value_counts()
    said = ", ".join(f"{label} in {count}" for label, count in best.items())
    return describe(fig, f"Accuracy of {len(rows)} methods; at the best epoch on clean test data the best of "
                         f"{len(means['oracle'].unstack())} settings: {said}.")  # fmt: skip
