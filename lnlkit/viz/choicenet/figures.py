"""Fits to corrupted functions with the correlations along x, errors of all rows, the network drawn.

G inputs on a grid, K components.
"""

import functools

import numpy as np
from matplotlib.patheffects import withStroke

from lnlkit import checks, recorded
from lnlkit.data import targets
from lnlkit.tasks import regression
from lnlkit.viz import given, lines
from lnlkit.viz.diagrams import BLUE, GREEN, ORANGE, arrow, canvas, joined
from lnlkit.viz.matrices import colour_scale
from lnlkit.viz.show import describe
from lnlkit.viz.style import INK, NOTE, PALETTE, TICK, blank, finish, panels, plain, row_labels, row_styles

NOTEBOOK = "05_choicenet"
LABELS = row_labels(NOTEBOOK)
GRID = regression.GRID[:, 0]
COMPARED = ("l2", "tukey", "mdn", "choicenet_regression", "choicenet_regression_printed")
BAND = "#d9d0ee"  # of the target function: no line of a row has a colour near it
METRICS = {"mae": "mean absolute error", "rmse": "root mean squared error"}


_points = functools.lru_cache(64)(regression.points)


def points_of(table, run):
    """The training set of a run on a function, a row of `table.runs` as named tuple or Series; made again, once."""
    made = checks.instance(table, "table", recorded.Recorded).made.get("regression")
    if made is None or not all(hasattr(run, name) for name in ("dataset", "noise", "noise_rate", "seed")):
        raise ValueError(f"`run` must be a regression among the runs of `table`, but got {checks.brief(run)}.")
    function = checks.one_of(run.dataset, "run", targets.FUNCTIONS)
    return _points(function, run.noise, float(run.noise_rate), int(run.seed), made["n_train"], made["sd"])


def _on_grid(values, name, ndim=2):
    """Values at the inputs GRID, (G,) or (G, K)."""
    values = checks.numbers(values, name)
    if values.ndim != ndim or len(values) != len(GRID):
        cure = " One component is rho[:, None]." if ndim == 2 else ""
        raise ValueError(f"`{name}` must be {'(G, K)' if ndim == 2 else '(G,)'} with G = {len(GRID)} inputs, but got "
                         f"{values.shape}.{cure}")  # fmt: skip
    return values


@plain
def fitted(ax, data, curves, truth=None, *, title=None, legend=True):
    """The axes with training points and fitted curves (Paper 05, Fig. 4 and Fig. 6).

    data: a `NoisyTargets` with one input; its outliers are pale crosses, its other points dots. curves: {row: values
    (G,)} at the inputs `tasks.regression.GRID`. truth: the target function, a band. The axis follows the points: a fit
    that leaves them is cut off.
    """
    given.axes(ax)
    checks.instance(data, "data", targets.NoisyTargets, "data.targets.sample makes some.")
    if data.x.shape[1] != 1:
        raise ValueError(f"`data` must have one input, but has {data.x.shape[1]}.")
    checks.mapping(curves, "curves", "row: values (G,)")
    given.rows(list(curves), NOTEBOOK, "curves")
    if truth is not None:
        checks.function(truth, "truth")
    at, y, outlier = data.x[:, 0], data.y[:, 0], data.outlier
    dots = {"linestyle": "none", "markersize": 4, "zorder": 2}
    if outlier.any():
        ax.plot(at[outlier], y[outlier], marker="x", color="#e3b07c", label="outliers", **dots)
    kept = "other points" if outlier.any() else "points"
    ax.plot(at[~outlier], y[~outlier], marker=".", color="#4d4d4d", label=kept, **dots)
    if truth is not None:
        fine = np.linspace(*targets.RANGE, 601)  # fine enough for the sides of a step to look upright
        ax.plot(fine, truth(fine), color=BAND, linewidth=7, label="target function", zorder=3)
    for row, values in curves.items():
        name, style = row_styles(NOTEBOOK)[row]
        values = _on_grid(values, "curves", 1)
        ax.plot(GRID, values, color="white", linewidth=3.8, zorder=4)
        ax.plot(GRID, values, label=name, linewidth=2.2, markevery=6, markersize=5, zorder=4, markeredgecolor="white",
                markeredgewidth=0.6, **style)  # fmt: skip
    margin = 0.06 * np.ptp(y)
    ax.set(xlim=targets.RANGE, ylim=(y.min() - margin, y.max() + margin))
    if legend:
        ax.legend(fontsize=NOTE, frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=4)
    return finish(ax, title, "x", "y")


@plain
def correlation_strip(ax, rho, pi=None, *, title=None):
    """The axes with a strip along x for each component but the first, coloured by its correlation (Paper 05, Fig. 4).

    rho: correlations with the target component at the inputs `tasks.regression.GRID`, (G, K), in [-1, 1]. pi, mixture
    weights (G, K), are drawn as lines, 0 at the lower edge of a strip and 1 at its upper edge. The first component,
    with correlation 1, has no strip; without others, or where no component is the target's, a sentence says so.
    """
    given.axes(ax)
    rho = _on_grid(rho, "rho").astype(float)
    if not rho.size or abs(rho).max() > 1 + 1e-4:
        raise ValueError(f"`rho` must hold correlations from -1 to 1, but got {checks.brief(rho)}.")
    if pi is not None and _on_grid(pi, "pi").shape != rho.shape:
        raise ValueError(f"`pi` must have the shape of `rho`, {rho.shape}, but got {np.shape(pi)}.")
    if rho.shape[1] == 1 or not rho[:, 0].any():
        why = "one component, the target's" if rho.shape[1] == 1 else "independent components"
        return blank(ax, f"{why}:\nthere is no correlation to show")
    K = rho.shape[1]
    edges = np.concatenate([GRID[:1], (GRID[1:] + GRID[:-1]) / 2, GRID[-1:]])
    ax.pcolormesh(edges, np.arange(K) + 1.5, rho[:, 1:].T, cmap="PuOr", vmin=-1, vmax=1)
    for k in range(2, K + 1):
        ax.axhline(k - 0.5, color="white", linewidth=2)
        if pi is not None:
            ax.plot(GRID, k - 0.45 + 0.9 * np.asarray(pi, float)[:, k - 1], color=INK, linewidth=1.3,
                    path_effects=[withStroke(linewidth=3.2, foreground="white")])  # fmt: skip
    ax.set(ylim=(1.5, K + 0.5), xlim=targets.RANGE, yticks=range(2, K + 1, 1 if K < 7 else 2))
    return finish(ax, title, "x", "component")


def correlation_scale(fig, mesh, **where):
    """The colour bar of correlation strips: `ax` or `cax` say where."""
    text = "correlation ρ with component 1;  lines: weight π, from 0 to 1 in each strip"
    return colour_scale(fig, mesh, text, orientation="horizontal", ticks=[-1, -0.5, 0, 0.5, 1], **where)


@plain
def along_x(columns):
    """Figure of fits with the correlations below them, a column each (Paper 05, Fig. 4).

    columns: {title: (data, row, curves, function)}: a training set, the row's id, `fit` (G,), `rho` and `pi` (G, K) at
    the inputs `tasks.regression.GRID`, and the name of the target function.
    """
    checks.mapping(columns, "columns", "title: (data, row, curves, function)")
    for column in columns.values():
        if not isinstance(column, (tuple, list)) or len(column) != 4 or not isinstance(column[2], dict):
            raise TypeError(f"`columns` must hold (data, row, curves, function), but got {checks.brief(column)}.")
        if missing := [name for name in ("fit", "rho", "pi") if name not in column[2]]:
            raise ValueError(f"`columns` must hold curves with fit, rho and pi, but one has no {missing[0]!r}.")
        checks.one_of(column[3], "columns", targets.FUNCTIONS)
        if _on_grid(column[2]["rho"], "columns").shape[1] < 2:
            raise ValueError("`columns` must hold curves of at least two components.")
    fig, axes = panels(2, len(columns), height=2.7, sharex=True, squeeze=False, height_ratios=[3, 1])
    said = []
    for (above, below), (title, (data, row, curves, function)) in zip(axes.T, columns.items(), strict=True):
        fitted(above, data, {row: curves["fit"]}, targets.FUNCTIONS[function], title=title, legend=False)
        above.lines[-1].set(color=PALETTE[0], linestyle="-", marker="")  # a row's own may look like the points
        above.set_xlabel(None)
        correlation_strip(below, curves["rho"], curves["pi"])
        second = np.asarray(curves["rho"])[:, 1]
        said.append(f"{', '.join(title.splitlines())}: correlation {second.min():.2f} to {second.max():.2f}")
    correlation_scale(fig, axes[1, 0].collections[0], ax=axes[1], aspect=70, pad=0.06)
    return describe(_legend_above(fig, axes[0]), f"Fits, and along x what the second component is. {'; '.join(said)}.")


def _legend_above(fig, axes):
    """The figure with one legend above its panels, of all that any of them has."""
    entries = {label: handle for ax in axes for handle, label in zip(*ax.get_legend_handles_labels(), strict=True)}
    fig.legend(entries.values(), entries.keys(), loc="outside upper center", ncols=7, fontsize=NOTE, frameon=False)
    return fig


@plain
def errors(table):
    """Figure of the errors of several rows against the outlier rate, one panel a function (Paper 05, Fig. 6).

    Lines are means over the seeds, bars their range.
    """
    runs = given.runs(table, NOTEBOOK, "noise", "noise_rate", "dataset", "mae")
    runs = runs[(runs["noise"] == "uniform") & runs["row"].isin(COMPARED) & runs["dataset"].isin(targets.FUNCTIONS)]
    if runs.empty:
        raise ValueError("`table` must have runs of functions with uniform outliers, but has none.")
    names = [name for name in targets.FUNCTIONS if name in set(runs["dataset"])]
    fig, axes = panels(1, len(names), height=3.9, squeeze=False)
    for ax, name in zip(axes[0], names, strict=True):
        own = runs[runs["dataset"] == name]
        lines.by_row(own, ax, NOTEBOOK, y="mae", rows=COMPARED, strong=("choicenet_regression",), interval="range",
                     title=name, xlabel="outlier rate", ylabel=METRICS["mae"])  # fmt: skip
        ax.set_ylim(bottom=0)
    lines.legend_below(fig, axes[0, 0], columns=len(COMPARED))
    runs = runs[runs["dataset"].isin(names)]
    rate = max(set.intersection(*(set(own["noise_rate"]) for _, own in runs.groupby("row"))))
    return describe(fig, f"Mean absolute error against outlier rate. At {rate:g}: "
                         f"{_mean_errors(runs[runs['noise_rate'] == rate])}.")  # fmt: skip


def _mean_errors(runs):
    """'cosexp: L2 0.40, MDN 0.05; step: ...' for runs of one rate."""
    return "; ".join(f"{name}: " + ", ".join(f"{LABELS[row]} {value:.2f}" for row, value in of.items())
                     for name, own in runs.groupby("dataset", sort=False)
                     for of in [own.groupby("row", sort=False)["mae"].mean()])  # fmt: skip


@plain
def fits(table, noise_rate):
    """Figure of recorded fits of several rows at one outlier rate, seed 0, a panel a function (Paper 05, Fig. 6)."""
    runs = given.runs(table, NOTEBOOK, "noise", "noise_rate", "dataset", "mae")
    runs = runs.query("noise == 'uniform' and seed == 0")
    runs = runs[runs["row"].isin(COMPARED[:4]) & runs["dataset"].isin(targets.FUNCTIONS)]
    at = recorded.same_rate(checks.fraction(noise_rate, "noise_rate", below_one=False))
    if at not in set(runs["noise_rate"]):
        raise ValueError(f"`noise_rate` must be one that was recorded, {sorted(runs['noise_rate'].unique())}, "
                         f"but got {noise_rate:g}.")  # fmt: skip
    runs = runs[runs["noise_rate"] == at]
    names = [name for name in targets.FUNCTIONS if name in set(runs["dataset"])]
    fig, axes = panels(1, len(names), height=3.9, sharey=True, squeeze=False)
    for ax, name in zip(axes[0], names, strict=True):
        own = runs[runs["dataset"] == name]
        curves = {run.row: table.details[run.key]["fit"] for run in own.itertuples()}
        fitted(ax, points_of(table, own.iloc[0]), curves, targets.FUNCTIONS[name], title=name, legend=False)
        ax.label_outer()
    runs = runs[runs["dataset"].isin(names)]
    said = f"Fits with {noise_rate:.0%} outliers, seed 0. Mean absolute error, {_mean_errors(runs)}."
    return describe(_legend_above(fig, axes[0]), said)


@plain
def diagram(K=2):
    """Figure of ChoiceNet: base network, Cholesky block, triplets of its K components (Paper 05, Fig. 2 and Fig. 3).

    The first component, with correlation 1, is the target; of the others the last one is drawn.
    """
    if checks.positive_int(K, "K") < 2:
        raise ValueError("`K` must be at least 2, as the last component is drawn, but got 1.")
    k = str(K).translate(str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉"))
    boxes = {  # name: x, y, width, height, text, colour
        "x": (0.0, 1.5, 0.75, 0.7, "input\nx", INK),
        "h": (1.15, 1.4, 1.2, 0.9, "any network\n\nfeatures h", INK),
        "weights": (2.95, 0.1, 2.0, 0.9, "shared by all components\nW* ~ N(μ*, Σ*)\nZ ~ N(0, Σ_Z)", GREEN),
        "heads": (2.95, 1.3, 2.0, 1.1, "ρ = tanh(W_ρ h),  ρ₁ = 1\nπ = softmax(W_π h)\nΣ₀ = exp(W_Σ h)", ORANGE),
        "cholesky": (5.5, 0.15, 1.75, 0.75, "Cholesky, Eq. (5)\nW̃ₖ for each ρₖ", GREEN),
        "first": (7.9, 1.95, 2.5, 0.95, "component 1: the target\nμ₁ = μ* h,  Σ₁ = 1/τ,  π₁", BLUE),
        "last": (7.9, 0.15, 2.5, 1.1, f"component {K}, correlation ρ{k}\nμ{k} = W̃{k} h,  π{k}\n"
                                      f"Σ{k} = (1 − ρ{k}²) Σ₀ + 1/τ", ORANGE),
    }  # fmt: skip
    fig, ax = canvas((-0.05, 10.5), (0.05, 3.0), 3.1)
    joined(ax, boxes, ("x", "h", "heads"), ("weights", "cholesky", "last"))
    arrow(ax, (4.95, 2.1), (7.9, 2.4), BLUE)  # weight and variance of the target; its mean needs no draw
    arrow(ax, (4.95, 1.85), (7.9, 1.0), ORANGE)
    arrow(ax, (4.95, 1.5), (6.1, 0.9), ORANGE)
    if K > 2:
        ax.text(9.15, 1.6, "⋮", ha="center", va="center", fontsize=TICK + 4, color=INK)
    return describe(fig, "Features go to heads for correlation, weight and variance and to the Cholesky transform of "
                         "shared weights; of the components that come out the first is the prediction.")  # fmt: skip
