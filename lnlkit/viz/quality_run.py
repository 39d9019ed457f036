"""The explorer's picture of one recorded setting with label vectors: mAP of all rows, and what CAN's quality knows."""

import numpy as np

from lnlkit import data
from lnlkit.viz import style as _style
from lnlkit.viz.style import GREY, INK, LABEL, NOTE, TITLE, blank, finish, row_name, row_style
from lnlkit.viz.label_vectors import NAMES, cross_out, filled, quality_map
from lnlkit.viz.matrices import transition_heatmap
from lnlkit.viz.quality import CAN, LAMBDA, lambda_of, map_curves, multilabel_name, quality_matching
from lnlkit.viz.recorded import choices
from lnlkit.viz.regression import mean_interval


def _setting(table, dataset, noise_rate, row, lambda_mi):
    """Runs of the setting, the noise rate that counts (0 where people labelled), and the name of the setting."""
    own = [run for run in table["multilabel"] if run["dataset"] == dataset]
    by_people = bool(own) and all(run["noise"] == "human" for run in own)
    noise_rate = 0.0 if by_people else noise_rate
    runs = quality_matching(own, dataset, noise_rate, row, lambda_mi)
    name = f"{row_name(row)} (λ = {lambda_mi:g})" if row == CAN else row_name(row)
    name += f" on {multilabel_name(dataset)}"
    name += ", labels by people" if by_people else f", P_noise {noise_rate:g}"
    return runs, noise_rate, name


def _score(runs):
    """Mean mAP and its interval as text, in %."""
    mean, half = mean_interval([100 * run["best_val"] for run in runs])
    return f"{mean:.1f}" + (f" ± {half:.1f} %" if half else " %")


def _heading(runs, name):
    """Title of the picture: setting, share of wrong label vectors, mAP."""
    if not runs:
        return f"{name}: not recorded"
    wrong = 100 * np.mean([run["realised_rate"] for run in runs])
    seeds = f"{len(runs)} seed{'s' if len(runs) > 1 else ''}"
    return f"{name}: mAP {_score(runs)} ({wrong:.0f} % of the label vectors wrong; {seeds})"


def quality_run(table, dataset, noise_rate, row, lambda_mi=LAMBDA):
    """Figure of one recorded setting: mAP of the rows against noise, t-SNE of the qualities, transitions by trust.

    Rows that were run at one noise rate only are drawn when chosen. The curves have CAN with the paper's lambda;
    another one is a ring. Map and transitions are those of seed 0. For a set that people labelled there is one noise
    only, and `noise_rate` does not count. What is not in the table, or not in the method, gets a sentence in the place
    of map and transitions.
    """
    runs, noise_rate, name = _setting(table, dataset, noise_rate, row, lambda_mi)
    run = next((run for run in sorted(runs, key=lambda run: run["seed"]) if run["quality"]), None)
    fig = _style.whole(None, 11, 4.4 if run is None else 8.6)
    fig.suptitle(_heading(runs, name), fontsize=TITLE + 1)
    top, bottom = (fig, None) if run is None else fig.subfigures(2, 1, height_ratios=(1, 1.13))
    left, right = top.subplots(1, 2, width_ratios=(1.35, 1))
    _curve_panel(left, table, runs, dataset, noise_rate, row, lambda_mi)
    if run is None:
        blank(right, _why_not(table, runs, dataset, noise_rate, row, lambda_mi))
        return fig
    if run["quality"]["embedding"]:
        quality_map(right, run["quality"]["embedding"], title=f"quality means, t-SNE, seed {run['seed']}", size=18)
    else:
        blank(right, "t-SNE of the quality:\nnot recorded for this setting")
    bottom.suptitle(quality_line(runs), fontsize=LABEL)
    _transition_panels(bottom, run, dataset)
    return fig


def _curve_panel(ax, table, runs, dataset, noise_rate, row, lambda_mi):
    """mAP of all rows against noise, the setting marked; dots instead of curves where there is one noise only."""
    own = [run for run in table["multilabel"] if run["dataset"] == dataset and run["size"] == 1]
    usual = [run for run in own if run["lambda_mi"] is None]
    title = "mean and 95 % t-interval over the seeds"
    if not usual:
        return blank(ax, f"{multilabel_name(dataset)}: not recorded.")
    rates = {run["noise_rate"] for run in usual}
    if len(rates) == 1:
        return _dots(ax, usual, row, title)
    swept = [name for name in choices({"runs": usual})["row"]
             if name == row or len({run["noise_rate"] for run in usual if run["row"] == name}) > 1]  # fmt: skip
    map_curves(ax, usual, rows=swept, strong=row, title=title)
    ax.axvline(noise_rate, color=GREY, linewidth=1.2, linestyle=":", zorder=1)
    if runs:
        mean, _ = mean_interval([100 * run["best_val"] for run in runs])
        ax.plot([noise_rate], [mean], "o", markersize=15, markerfacecolor="none", markeredgewidth=2, zorder=6,
                color=row_style(row)[1]["color"])  # fmt: skip
        if row == CAN and abs(lambda_mi - LAMBDA) > 1e-9:
            ax.annotate(f"λ = {lambda_mi:g}", (noise_rate, mean), xytext=(-11, -15), ha="right", fontsize=NOTE,
                        textcoords="offset points", color=row_style(row)[1]["color"], zorder=6)  # fmt: skip
        low, high = ax.get_ylim()
        ax.set_ylim(min(low, mean - 4), min(101, max(high, mean + 4)))
    note = _note(table, dataset, row, lambda_mi)
    if note:
        ax.text(0.02, 0.03, note, transform=ax.transAxes, fontsize=NOTE, color=INK, va="bottom",
                bbox={"facecolor": "white", "alpha": 0.85, "linewidth": 0, "pad": 2})  # fmt: skip
    return ax


def _note(table, dataset, row, lambda_mi):
    """What the chosen lambda means for the curves; nothing for the paper's."""
    if abs(lambda_mi - LAMBDA) < 1e-9:
        return ""
    if row != CAN:
        return f"λ was varied for CAN only, not for {row_name(row)}."
    return f"Curve: CAN with λ = {LAMBDA:g}. λ = {lambda_mi:g} was run on {_where(table, dataset, lambda_mi)}."


def _where(table, dataset, lambda_mi):
    """'scenes at P_noise 0.4 only', or 'scenes, MNIST only': where CAN was run with this lambda."""
    runs = [run for run in table["multilabel"] if run["row"] == CAN and abs(lambda_of(run) - lambda_mi) < 1e-9]
    rates = sorted({run["noise_rate"] for run in runs if run["dataset"] == dataset and run["size"] == 1})
    if not rates:
        return ", ".join(multilabel_name(name) for name in dict.fromkeys(run["dataset"] for run in runs)) + " only"
    only = " only" if len(rates) == 1 else ""
    return f"{multilabel_name(dataset)} at P_noise {', '.join(f'{rate:g}' for rate in rates)}{only}"


def _dots(ax, runs, row, title):
    """mAP of each row as a dot with its interval, the chosen row marked."""
    rows = choices({"runs": runs})["row"]
    for place, name in enumerate(rows):
        mean, half = mean_interval([100 * run["best_val"] for run in runs if run["row"] == name])
        text, style = row_style(name)
        ax.errorbar(mean, place, xerr=half, capsize=3, markersize=9 if name == row else 6, label=text, **style)
        if name == row:
            ax.axhspan(place - 0.4, place + 0.4, color="#eeeeee", zorder=0)
    ax.set_yticks(range(len(rows)), map(row_name, rows))
    ax.set_ylim(len(rows) - 0.5, -0.5)
    return finish(ax, title, "mAP on the clean test set, %", grid="x")


def _why_not(table, runs, dataset, noise_rate, row, lambda_mi):
    """The sentences in the place of map and transitions."""
    name = row_name(row)
    if runs and row != CAN:
        return f"{name} has no quality variable:\nthere is nothing to embed.\n\nChoose {row_name(CAN)} to see one."
    if runs:
        return f"{name}: its quality is not recorded\nfor this setting."
    if any(run["row"] == row and run["dataset"] == dataset for run in table["multilabel"]) and row == CAN:
        return f"Not recorded.\n\n{name} with λ = {lambda_mi:g} was run\non {_where(table, dataset, lambda_mi)}."
    there = dict.fromkeys(row_name(run["row"]) for run in quality_matching(table["multilabel"], dataset, noise_rate))
    said = "Recorded: " + ",\n".join(there) if there else "No method is recorded"
    return f"{name}: not recorded\nfor this data set and P_noise.\n\n{said}."


def quality_line(runs):
    """One line about the quality of the runs, each number the mean over those of them that have it."""
    found = {key: [run["quality"][key] for run in runs if run["quality"] and run["quality"][key] is not None]
             for key in ("trust_auc", "loss_auc", "recall", "precision", "flagged")}  # fmt: skip
    mean, count = {key: np.mean(values) for key, values in found.items() if values}, len(found["flagged"])
    flagged = f"flagged as untrusted: {100 * mean['flagged']:.0f} % of the items"
    if "trust_auc" not in mean or "recall" not in mean:
        return f"{flagged}; AUC and recall need right and wrong label vectors, and there is only one kind"
    precision = f", precision {mean['precision']:.2f}" if "precision" in mean else ""
    seeds = f"mean of {count} seeds" if count > 1 else "1 seed"
    return (f"wrong label vectors found: trust AUC {mean['trust_auc']:.2f} (loss AUC {mean['loss_auc']:.2f}); "
            f"{flagged}, recall {mean['recall']:.2f}{precision} ({seeds})")  # fmt: skip


def _transition_panels(fig, run, dataset):
    """The two heat maps on one colour scale."""
    parts = {name: filled(run["quality"][name]) for name in ("trusted", "untrusted")}
    facts = data.DATASETS.get({"cifar10n": "cifar10"}.get(dataset, dataset))
    size = len(run["quality"]["trusted"])
    names = facts.class_names if facts and len(facts.class_names) == size else None
    off = [T[~np.eye(size, dtype=bool)].max() for T, _ in parts.values()]
    for ax, (name, (T, empty)) in zip(fig.subplots(1, 2), parts.items(), strict=True):
        transition_heatmap(T, ax, names, f"{name} labels, seed {run['seed']}", names=NAMES, vmax=max(1e-3, *off),
                           fontsize=8)  # fmt: skip
        cross_out(ax, empty)


def quality_run_alt(table, dataset, noise_rate, row, lambda_mi=LAMBDA):
    """The sentences that `quality_run` is read out as, numbers included."""
    runs, noise_rate, name = _setting(table, dataset, noise_rate, row, lambda_mi)
    text = _heading(runs, name)
    if not runs:
        return " ".join(f"{text}. {_why_not(table, runs, dataset, noise_rate, row, lambda_mi)}".split())
    means = {}
    for run in quality_matching(table["multilabel"], dataset, noise_rate):
        means.setdefault(run["row"], []).append(run["best_val"])
    means[row] = [run["best_val"] for run in runs]
    best = max(means, key=lambda other: np.mean(means[other]))
    if best != row:
        text += f"; the highest is {100 * np.mean(means[best]):.1f} %, of {row_name(best)}"
    elif len(means) > 1:
        text += f", the highest of {len(means)} methods"
    if not any(run["quality"] for run in runs):
        why = _why_not(table, runs, dataset, noise_rate, row, lambda_mi)
        return " ".join(f"{text}. {why}".split())
    return f"{text}. Quality: {quality_line(runs)}."
