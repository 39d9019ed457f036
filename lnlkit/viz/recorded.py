"""Figures of the recorded table: the whole sweep at once, and one setting of it in three panels."""

from collections import Counter

import numpy as np

from lnlkit.viz.style import (
    GREY,
    LABEL,
    NOTE,
    PALETTE,
    ROWS,
    TITLE,
    WIDTH,
    blank,
    finish,
    noise_name,
    panels,
    row_name,
    row_style,
    seeds_by_epochs,
    whole,
)
from lnlkit.viz.embeddings import embedding
from lnlkit.viz.matrices import transition_heatmap


def choices(table):
    """Noise kinds, noise rates (ascending) and rows (in the order of the paper's table) of a recorded table."""
    runs = table["runs"]
    kinds = dict.fromkeys(run["noise"] for run in runs if run["noise_rate"] > 0)  # at rate 0 all kinds are the same
    rows = dict.fromkeys(run["row"] for run in runs)
    order = [*(row for row in ROWS if row in rows), *(row for row in rows if row not in ROWS)]
    return {"noise": list(kinds), "noise_rate": sorted({run["noise_rate"] for run in runs}), "row": order}


def matching(entries, noise, noise_rate, row=None):
    """The entries of a list of the recorded table with this noise kind, rate and row; at rate 0 of any noise kind."""
    return [
        entry for entry in entries
        if abs(entry["noise_rate"] - noise_rate) < 1e-9
        and (entry["noise"] == noise or noise_rate == 0)
        and (row is None or entry["row"] == row)
    ]  # fmt: skip


def _history(runs, key):
    """One quantity of several runs, (S, E)."""
    return seeds_by_epochs([run["history"][key] for run in runs])


def _band(ax, values, label, **style):
    """Mean over seeds as a line, range over seeds as a band."""
    epochs = np.arange(1, values.shape[1] + 1)
    ax.plot(epochs, np.nanmean(values, axis=0), label=label, linewidth=1.8, **style)
    if len(values) > 1:
        low, high = np.nanmin(values, axis=0), np.nanmax(values, axis=0)
        ax.fill_between(epochs, low, high, color=style["color"], alpha=0.16, linewidth=0)


def run_curves(runs, ax, *, plain=(), limits=None):
    """The axes with accuracy over epochs of the runs (one per seed): training, noisy validation, clean test.

    `plain` are the runs of plain cross-entropy, whose clean-test curve stands grey behind. Stars mark, for each
    seed, the clean-test accuracy at its best noisy-validation epoch: the number that the tables report.
    """
    if plain:
        _band(ax, _history(plain, "test_acc"), "CE, clean test (for comparison)", color="#b0b0b0", linestyle="-")
    lines = {
        "train_acc": ("training, noisy labels", PALETTE[1], ":"),
        "val_acc": ("validation, noisy labels", PALETTE[2], "--"),
        "test_acc": ("test, clean labels", PALETTE[0], "-"),
    }
    for key, (label, color, line) in lines.items():
        _band(ax, _history(runs, key), label, color=color, linestyle=line)
    best = [int(np.nanargmax(run["history"]["val_acc"])) for run in runs]
    ax.plot([e + 1 for e in best], [run["history"]["test_acc"][e] for run, e in zip(runs, best, strict=True)],
            linestyle="none", marker="*", markersize=11, color=PALETTE[0], markeredgecolor="white", zorder=5,
            label="at the best noisy-validation epoch")  # fmt: skip
    if limits:
        ax.set_ylim(limits)
    if len(runs) > 1:
        ax.fill_between([], [], color=GREY, alpha=0.3, linewidth=0, label="bands: range over seeds")
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.legend(fontsize=NOTE, frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2)
    return finish(ax, None, "epoch", "accuracy", grid="y")


def _limits(table, shown):
    """Accuracy axis common to all settings, so that pictures compare; wider only where a shown run leaves it."""
    keys = ("train_acc", "val_acc", "test_acc")
    everything = [value for run in table["runs"] for key in keys for value in run["history"][key]]
    own = [value for run in shown for key in keys for value in run["history"][key]]
    low = min(np.nanpercentile(everything, 2), np.nanmin(own))
    return np.floor(20 * low) / 20 - 0.01, 1.01


def recorded_run(table, noise, noise_rate, row):
    """Figure of one recorded setting: accuracy over epochs, realised transition matrix, t-SNE of training images.

    A setting that is not in the table gets a sentence instead of a panel.
    """
    fig, (left, middle, right) = panels(1, 3, width=11, height=4.2, width_ratios=(1.25, 1, 1))
    runs, plain = matching(table["runs"], noise, noise_rate, row), matching(table["runs"], noise, noise_rate, "ce")
    name = f"{row_name(row)}, {noise_name(noise)} noise, rate {noise_rate:g}"
    if runs:
        plain = () if row == "ce" else plain
        run_curves(runs, left, plain=plain, limits=_limits(table, [*runs, *plain]))
        realised = np.mean([run["realised_rate"] for run in runs])
        name += f" (realised {realised:.3f}; {len(runs)} seed{'s' if len(runs) > 1 else ''})"
    else:
        there = _recorded_rows(table, noise, noise_rate)
        blank(left, f"{row_name(row)}: not recorded\nfor this noise and rate.\n\n{there}")
    fig.suptitle(name, fontsize=TITLE + 1)
    _matrix_panel(table, noise, noise_rate, middle)
    _embedding_panel(table, noise, noise_rate, right)
    return fig


def _recorded_rows(table, noise, noise_rate):
    """A sentence naming the methods that are recorded for this noise and rate."""
    names = dict.fromkeys(row_name(run["row"]) for run in matching(table["runs"], noise, noise_rate))
    return "Recorded are:\n" + "\n".join(names) if names else "No method is recorded."


def _matrix_panel(table, noise, noise_rate, ax):
    """The realised transition matrix, mean over the recorded seeds."""
    matrices = matching(table.get("matrices", ()), noise, noise_rate)
    if not matrices and noise_rate == 0 and table.get("matrices"):
        matrices = [{"T": np.eye(len(table["matrices"][0]["T"]))}]  # without noise every label stays
    if not matrices:
        return blank(ax, "transition matrix:\nnot recorded\nfor this noise and rate")
    T = np.mean([entry["T"] for entry in matrices], axis=0)
    # The brightest colour means: all the noise of a class goes to one other class. So kinds and rates can be compared.
    return transition_heatmap(T, ax, title="realised transitions", vmax=noise_rate or None, fontsize=8)


def _embedding_panel(table, noise, noise_rate, ax):
    """The t-SNE of some training images under these noisy labels."""
    drawn = table.get("embedding") or {}
    found = matching(drawn.get("noisy", ()), noise, noise_rate)
    if drawn and noise_rate == 0:
        found = [{"y": drawn["y_clean"], "knn_agreement": drawn["knn_agreement_clean"]}]
    if not found:
        return blank(ax, "t-SNE:\nnot recorded\nfor this noise and rate")
    embedding(drawn["x"], found[0]["y"], drawn["y_clean"], ax, "t-SNE, wrong labels crossed", size=6)
    ax.set_xlabel(f"{100 * found[0]['knn_agreement']:.0f} % of neighbours share the label", fontsize=LABEL)
    return ax


def recorded_run_alt(table, noise, noise_rate, row):
    """The sentence that `recorded_run` is read out as, numbers included."""
    runs = matching(table["runs"], noise, noise_rate, row)
    what = f"{row_name(row)} under {noise_name(noise)} noise at rate {noise_rate:g}"
    if not runs:
        return f"{what}: not recorded."
    best, last = (100 * np.mean([run[key] for run in runs]) for key in ("best_val", "last"))
    realised = np.mean([run["realised_rate"] for run in runs])
    text = (
        f"{what} (realised {realised:.3f}, n = {len(runs)}): clean-test accuracy {best:.1f} % at the best "
        f"noisy-validation epoch and {last:.1f} % at the last epoch"
    )
    plain = matching(table["runs"], noise, noise_rate, "ce")
    if plain and row != "ce":
        text += f"; CE has {100 * np.mean([run['best_val'] for run in plain]):.1f} %"
    return text + ". Beside it the realised transition matrix and a t-SNE map with wrong labels crossed."


def sweep_overview(table, *, fig=None):
    """Figure of the whole sweep: clean-test accuracy against noise rate, a column per noise kind, a line per method.

    Above at the best noisy-validation epoch, below at the last epoch (side by side where only one kind is recorded);
    bars run over the seeds.
    """
    offered = choices(table)
    kinds = offered["noise"]
    fig = whole(fig, WIDTH, 4.6 if len(kinds) == 1 else 6.2)
    shape = (1, 2) if len(kinds) == 1 else (2, len(kinds))
    axes = fig.subplots(*shape, sharex=True, sharey=True, squeeze=False).reshape(2, len(kinds))
    for c, noise in enumerate(kinds):
        for r, (key, title) in enumerate((("best_val", "best noisy-validation epoch"), ("last", "last epoch"))):
            ax = axes[r, c]
            for row in offered["row"]:
                _sweep_line(ax, table, noise, row, key)
            ax.set_xticks(offered["noise_rate"])
            xlabel, ylabel = "noise rate" if r or shape[0] == 1 else None, f"accuracy, {title}" if c == 0 else None
            finish(ax, noise_name(noise) if r == 0 or shape[0] == 1 else None, xlabel, ylabel, grid="y")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside right center", fontsize=NOTE + 1, frameon=False,
               title=f"mean and range over\n{_n_seeds(table)}", title_fontsize=NOTE + 1)  # fmt: skip
    return fig


def _n_seeds(table):
    """'3 seeds', or '1 to 3 seeds' where settings have unequal numbers."""
    counts = Counter((run["noise"], run["noise_rate"], run["row"]) for run in table["runs"]).values()
    return f"{max(counts)} seeds" if min(counts) == max(counts) else f"{min(counts)} to {max(counts)} seeds"


def _sweep_line(ax, table, noise, row, key):
    """One method's accuracy against the noise rate."""
    by_rate = {}
    for run in table["runs"]:
        if run["row"] == row and (run["noise"] == noise or run["noise_rate"] == 0):
            by_rate.setdefault(run["noise_rate"], []).append(run[key])
    rates = sorted(by_rate)
    if not rates:
        return
    mean = np.array([np.mean(by_rate[rate]) for rate in rates])
    low, high = (np.array([f(by_rate[rate]) for rate in rates]) for f in (np.min, np.max))
    name, style = row_style(row)
    strong = row in ("ce", "ce_affine", "cvae_augmentation")  # the paper's method and what it has to beat
    ax.errorbar(rates, mean, yerr=(mean - low, high - mean), label=name, markersize=6 if strong else 5,
                linewidth=2.4 if strong else 1.2, elinewidth=1, zorder=4 if strong else 3, **style)  # fmt: skip


def sweep_overview_alt(table):
    """The sentence that `sweep_overview` is read out as: the leading method at each rate of each noise kind."""
    parts = []
    offered = choices(table)
    for noise in offered["noise"]:
        leaders = []
        for rate in offered["noise_rate"]:
            means = {
                row: np.mean([run["best_val"] for run in runs])
                for row in offered["row"] if (runs := matching(table["runs"], noise, rate, row))
            }  # fmt: skip
            if means and rate > 0:
                row = max(means, key=means.get)
                leaders.append(f"{row_name(row)} {100 * means[row]:.1f} % at {rate:g}")
        parts.append(f"under {noise_name(noise)} noise {', '.join(leaders)}")
    return f"Clean-test accuracy of {len(offered['row'])} methods against noise rate; highest {'; '.join(parts)}."


