"""Figures of regressions: fits with their outliers, correlations along x, errors against outlier rate.

G inputs on a grid, K components, S seeds.
"""

import numpy as np
from matplotlib.patheffects import withStroke

from lnlkit import checks, regression, targets
from lnlkit.viz import style as _style
from lnlkit.viz.style import GREY, INK, NOTE, TITLE, WIDTH, blank, finish, row_name, row_style
from lnlkit.viz.recorded import choices, matching

METRICS = {"mae": "mean absolute error", "rmse": "root mean squared error"}


def regression_choices(table):
    """Data sets, kinds of outliers, outlier rates and rows of `table["regression"]`; the twin of `choices`."""
    entries = table["regression"]
    found, known = dict.fromkeys(entry["dataset"] for entry in entries), [*targets.FUNCTIONS, *targets.TABLES]
    return {"dataset": sorted(found, key=known.index), **choices({"runs": entries})}


def regression_matching(entries, dataset, noise, noise_rate, row=None):
    """The entries of `table["regression"]` with this setting, one for each row and seed.

    At rate 0 those of any kind of outliers will do: the training sets are the same.
    """
    found = [entry for entry in matching(entries, noise, noise_rate, row) if entry["dataset"] == dataset]
    first = {}
    for entry in sorted(found, key=lambda entry: entry["noise"] != noise):
        first.setdefault((entry["row"], entry["seed"]), entry)
    return list(first.values())


def dataset_name(dataset):
    """Readable name of a regression set: 'diabetes' -> 'diabetes (table)'."""
    return f"{dataset} (table)" if dataset in targets.TABLES else str(dataset)


def fitted(ax, data, fits, truth=None, *, x=None, title=None):
    """The axes with training points and fitted curves (Paper 05, Fig. 4 and Fig. 6).

    data: a `lnlkit.targets.NoisyTargets` with one input; its outliers are pale crosses, its other points dots.
    fits: `{row: values (G,)}` at inputs x (G,), without x at `lnlkit.regression.GRID`. truth: the target function, in
    grey. The axis follows the points: a fit that leaves them is cut off.
    """
    x = regression.GRID[:, 0] if x is None else np.asarray(x, float)
    at, y, outlier = data.x[:, 0], data.y[:, 0], data.outlier
    points = {"linestyle": "none", "zorder": 2}
    ax.plot(at[outlier], y[outlier], marker="x", markersize=4, color="#e3b07c", label="outliers", **points)
    ax.plot(at[~outlier], y[~outlier], marker=".", markersize=4, color="#4d4d4d", label="other points", **points)
    if truth is not None:
        fine = np.linspace(x.min(), x.max(), 601)  # fine enough for the sides of a step to look upright
        ax.plot(fine, truth(fine), color="#a8a8a8", linewidth=6, alpha=0.7, label="target function", zorder=3)
    for row, values in fits.items():
        name, style = row_style(row)
        ax.plot(x, np.asarray(values, float), label=name, linewidth=2.2, markevery=6, markersize=5, zorder=4,
                markeredgecolor="white", markeredgewidth=0.6, **style)  # fmt: skip
    low, high = float(y.min()), float(y.max())
    ax.set(xlim=(x.min(), x.max()), ylim=(low - 0.06 * (high - low), high + 0.06 * (high - low)))
    ax.legend(fontsize=NOTE, frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=4)
    return finish(ax, title, "x", "y")


def correlation_strip(ax, x, rho, pi=None, *, title=None):
    """The axes with a strip along x for each component but the first, coloured by its correlation (Paper 05, Fig. 4).

    x: (G,), rising; rho, correlations with the target component: (G, K), in [-1, 1]. pi, mixture weights (G, K), are
    drawn as lines, 0 at the lower edge of a strip and 1 at its upper edge. The first component, with correlation 1,
    has no strip; without others, or where no component is the target's, a sentence says so.
    """
    x, rho = np.asarray(x, float), np.asarray(rho, float)
    if rho.ndim != 2 or len(rho) != len(x):
        raise ValueError(f"`rho` must be (G, K) for `x` of shape (G,), but got {rho.shape} for {x.shape}. "
                         "One component is rho[:, None].")  # fmt: skip
    K = rho.shape[1]
    if K == 1 or not rho[:, 0].any():
        what = "one component, the target's" if K == 1 else "independent components"
        return blank(ax, f"{what}:\nthere is no correlation to show")
    edges = np.concatenate([x[:1], (x[1:] + x[:-1]) / 2, x[-1:]])
    mesh = ax.pcolormesh(edges, np.arange(K) + 1.5, rho[:, 1:].T, cmap="PuOr", vmin=-1, vmax=1)
    for k in range(2, K + 1):
        ax.axhline(k - 0.5, color="white", linewidth=2)
        if pi is not None:
            ax.plot(x, k - 0.45 + 0.9 * np.asarray(pi, float)[:, k - 1], color=INK, linewidth=1.3,
                    path_effects=[withStroke(linewidth=3.2, foreground="white")])  # fmt: skip
    ax.set(ylim=(1.5, K + 0.5), xlim=(x[0], x[-1]), yticks=range(2, K + 1))
    bar = ax.figure.colorbar(mesh, ax=ax, location="bottom", aspect=45, pad=0.04, ticks=[-1, -0.5, 0, 0.5, 1])
    lines = "" if pi is None else ";  lines: weight π, from 0 to 1 in each strip"
    bar.set_label(f"correlation ρ with component 1{lines}", fontsize=NOTE)
    bar.ax.tick_params(labelsize=NOTE)
    return finish(ax, title, "x", "component")


def mean_interval(values):
    """Mean of values over seeds (S,), and half the width of its 95 % t-interval; 0 for one seed, which has none.

    The interval is mean ± t s / sqrt(S): t the 97.5 % point of Student's distribution with S - 1 degrees of freedom,
    s the standard deviation with S - 1.
    """
    from scipy.special import stdtrit  # scikit-learn brings it; imported late because it takes half a second

    values, n = np.asarray(values, float), len(values)
    half = stdtrit(n - 1, 0.975) * values.std(ddof=1) / np.sqrt(n) if n > 1 else 0.0
    return float(values.mean()), float(half)


def error_curves(ax, runs, rows=None, metric="mae", *, strong=None, title=None):
    """The axes with the error of each row against the outlier rate (Paper 05, Fig. 6 and Table 1).

    runs: entries of `table["regression"]` of one data set and kind of outliers; rows: those drawn, without it all.
    Lines are means over seeds, bars 95 % t-intervals of the mean (`mean_interval`). metric: "mae" or "rmse", both
    against clean targets. strong: the row whose line is thick. The axis begins at 0, also where an interval does not.
    """
    checks.one_of(metric, "metric", METRICS)
    for row in choices({"runs": runs})["row"] if rows is None else rows:
        own = [run for run in runs if run["row"] == row]
        rates = sorted({run["noise_rate"] for run in own})
        if not rates:
            continue
        errors = [mean_interval([run[metric] for run in own if run["noise_rate"] == rate]) for rate in rates]
        mean, half = np.transpose(errors)
        name, style = row_style(row)
        width, size, zorder = (2.8, 7, 4) if row == strong else (1.2, 4.5, 3)
        ax.errorbar(rates, mean, yerr=half, label=name, linewidth=width, elinewidth=1, markersize=size, capsize=2,
                    zorder=zorder, **style)  # fmt: skip
    ax.set_ylim(bottom=0)
    ax.legend(fontsize=NOTE, frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.13), ncols=3)
    return finish(ax, title, "outlier rate", METRICS[metric], grid="y")


def _metric(dataset):
    """The error that the paper reports: absolute for functions (Fig. 6), squared for a table (Table 1)."""
    return "rmse" if dataset in targets.TABLES else "mae"


def _heading(runs, dataset, noise, noise_rate, row):
    """Title of a setting: what was asked for, the realised rate, the number of seeds."""
    text = f"{row_name(row)} on {dataset_name(dataset)}, {_style.noise_name(noise)}, rate {noise_rate:g}"
    if not runs:
        return text
    realised = np.mean([run["realised_rate"] for run in runs])
    of = " of all points" if noise.endswith("_part") else ""
    return f"{text} (realised {realised:.3f}{of}; {len(runs)} seed{'s' if len(runs) > 1 else ''})"


def regression_run(table, dataset, noise, noise_rate, row):
    """Figure of one recorded setting: fit over the training points, correlations below, errors of all rows beside.

    What is not in the table gets a sentence instead of a panel.
    """
    fig = _style.whole(None, 11, 5.6)
    left, right = fig.subfigures(1, 2, width_ratios=(1.25, 1))  # so that the legend of one leaves the other in place
    (above, below), right = left.subplots(2, 1, height_ratios=(1.7, 1)), right.subplots()
    entries = table["regression"]
    runs = regression_matching(entries, dataset, noise, noise_rate, row)
    fig.suptitle(_heading(runs, dataset, noise, noise_rate, row), fontsize=TITLE + 1)
    drawn = next((run for run in runs if run["curves"]), None)
    if drawn is None:
        blank(above, _missing(table, runs, dataset, noise, noise_rate, row))
        blank(below, "correlations: not recorded")
    else:
        _fit_panels(table, drawn, above, below)
    same = [run for rate in sorted({entry["noise_rate"] for entry in entries})
            for run in regression_matching(entries, dataset, noise, rate)]  # fmt: skip
    if not any(run["noise"] == noise for run in same):
        blank(right, "errors: not recorded for\nthese data and outliers")
        return fig
    error_curves(right, same, metric=_metric(dataset), strong=row, title="all methods: mean, 95 % t-interval")
    right.axvline(noise_rate, color=GREY, linewidth=1.2, linestyle=":", zorder=1)
    return fig


def _missing(table, runs, dataset, noise, noise_rate, row):
    """The sentence in the place of a fit."""
    if runs and dataset in targets.TABLES:
        return f"{dataset} is a table with several inputs:\nthere is no curve to draw.\nIts errors stand on the right."
    if runs:
        return f"{row_name(row)}: no curve is recorded."
    there = [run["row"] for run in regression_matching(table["regression"], dataset, noise, noise_rate)]
    names = "Recorded are:\n" + "\n".join(dict.fromkeys(map(row_name, there))) if there else "No method is recorded."
    return f"{row_name(row)}: not recorded for\nthese data, outliers and rate.\n\n{names}"


def _fit_panels(table, run, above, below):
    """The run's fit over its training set, which is made again from its configuration, and its correlations."""
    made = table["made"]["regression"]
    config = {name: run[name] for name in ("dataset", "noise", "noise_rate", "seed")}
    data = regression.noisy_set({**config, "n_train": made["n_train"], "sd": made["sd"]})[0]
    curves = run["curves"]
    fitted(above, data, {run["row"]: curves["fit"]}, targets.FUNCTIONS[run["dataset"]])
    above.set_xlabel(None)
    if "rho" in curves:
        correlation_strip(below, regression.GRID[:, 0], curves["rho"], curves["pi"])
    else:
        blank(below, f"{row_name(run['row'])} is no mixture:\nthere is no correlation to show")


def regression_run_alt(table, dataset, noise, noise_rate, row):
    """The sentences that `regression_run` is read out as, numbers included."""
    entries = table["regression"]
    runs = regression_matching(entries, dataset, noise, noise_rate, row)
    heading = _heading(runs, dataset, noise, noise_rate, row)
    if not runs:
        return f"{heading}: not recorded."
    metric = _metric(dataset)
    mean, half = mean_interval([run[metric] for run in runs])
    text = f"{heading}: {METRICS[metric]} {mean:.3g}" + (f" ± {half:.2g} (95 % t-interval)" if half else "")
    others = {}
    for run in regression_matching(entries, dataset, noise, noise_rate):
        others.setdefault(run["row"], []).append(run[metric])
    best = min(others, key=lambda name: np.mean(others[name]))
    if best != row:
        text += f"; the smallest is {np.mean(others[best]):.3g}, of {row_name(best)}"
    elif len(others) > 1:
        text += f", the smallest of {len(others)} methods"
    curves = next((run["curves"] for run in runs if run["curves"]), {})
    rho = np.asarray(curves.get("rho", np.zeros((1, 1))), float)
    if rho[:, 0].any() and rho.shape[1] > 1:
        spans = [f"{k} from {rho[:, k - 1].min():.2f} to {rho[:, k - 1].max():.2f}" for k in range(2, rho.shape[1] + 1)]
        text += f". Correlation with the target along x: component {', '.join(spans)}"
    return text + "."


OVERVIEW = ("l2", "tukey", "mdn", "choicenet_regression", "choicenet_regression_nll", "choicenet_regression_code")


def regression_overview(table, rows=OVERVIEW, noise="uniform", *, fig=None):
    """Figure of the errors of several rows against the outlier rate, one panel a function (Paper 05, Fig. 6)."""
    entries = [run for run in table["regression"] if run["noise"] == noise and run["row"] in rows]
    names = [name for name in targets.FUNCTIONS if any(run["dataset"] == name for run in entries)]
    fig = _style.whole(fig, WIDTH, 3.9)
    axes = fig.subplots(1, max(1, len(names)), sharey=True, squeeze=False)[0]
    for ax, name in zip(axes, names, strict=False):
        error_curves(ax, [run for run in entries if run["dataset"] == name], rows, strong="choicenet_regression",
                     title=name)  # fmt: skip
    return _one_legend(fig, axes)


def _one_legend(fig, axes):
    """The figure with one legend below its panels in place of one below each."""
    for ax in axes:
        ax.get_legend().remove()
        ax.label_outer()
    fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, fontsize=NOTE, frameon=False)
    return fig


def regression_fits(table, noise_rate, rows=OVERVIEW[:4], noise="uniform", *, fig=None):
    """Figure of recorded fits of several rows at one outlier rate, seed 0, a panel a function (Paper 05, Fig. 6)."""
    made = table["made"]["regression"]
    fig = _style.whole(fig, WIDTH, 3.9)
    axes = fig.subplots(1, len(targets.FUNCTIONS), sharey=True)
    for ax, name in zip(axes, targets.FUNCTIONS, strict=True):
        runs = regression_matching(table["regression"], name, noise, noise_rate)
        fits = {run["row"]: run["curves"]["fit"] for run in runs if run["row"] in rows and run["seed"] == 0}
        config = {"dataset": name, "noise": noise, "noise_rate": noise_rate, "seed": 0}
        data = regression.noisy_set({**config, "n_train": made["n_train"], "sd": made["sd"]})[0]
        fitted(ax, data, {row: fits[row] for row in rows if row in fits}, targets.FUNCTIONS[name], title=name)
    return _one_legend(fig, axes)


def regression_overview_alt(table, rows=OVERVIEW, noise="uniform"):
    """The sentence that `regression_overview` is read out as: mean errors at the highest rate that all rows have."""
    entries = [run for run in table["regression"] if run["noise"] == noise and run["row"] in rows]
    entries = [run for run in entries if run["dataset"] in targets.FUNCTIONS]
    rates = [{run["noise_rate"] for run in entries if run["row"] == row} for row in {run["row"] for run in entries}]
    rate = max(set.intersection(*rates))
    parts = []
    for name in dict.fromkeys(run["dataset"] for run in entries):
        means = [(row_name(row), [run["mae"] for run in regression_matching(entries, name, noise, rate, row)])
                 for row in rows]  # fmt: skip
        parts.append(f"{name}: " + ", ".join(f"{label} {np.mean(found):.2f}" for label, found in means if found))
    return f"Mean absolute error against outlier rate. At {rate:g}: {'; '.join(parts)}."
