"""The explorers: recorded regressions with the errors of all methods, and two correlated classifiers."""

import itertools

import numpy as np
import pandas as pd
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize

from lnlkit import checks
from lnlkit.data import targets
from lnlkit.tasks.regression import OUTLIERS
from lnlkit.viz import given, lines
from lnlkit.viz.choicenet import figures
from lnlkit.viz.choicenet.figures import LABELS, METRICS, NOTEBOOK
from lnlkit.viz.picture import Picture, in_order, standing
from lnlkit.viz.style import GREY, INK, LABEL, NOTE, PALETTE, TICK, TITLE, blank, finish, noise_name, row_styles

KEPT, FLIPPED = PALETTE[0], PALETTE[3]
SIGMA = 0.5  # deviation of each classifier's score


def dataset_name(dataset):
    """Readable name of a regression set: 'friedman1' -> 'friedman1 (table)'."""
    return f"{dataset} (table)" if dataset in targets.DATASETS else dataset


class Regressions(Picture):
    """One recorded setting: fit over its training points, correlations below, errors of all rows beside.

    A table with several inputs has no curve: the errors of its seeds stand there, method by method.
    """

    title = "regression explorer"
    labels = {"dataset": "data", "noise": "outliers", "noise_rate": "outlier rate", "row": "method"}
    names = {"dataset": dataset_name, "noise": noise_name, "row": LABELS.get}
    start = {"dataset": "cosexp", "noise": "uniform", "noise_rate": 0.6, "row": "choicenet_regression"}
    size = (10.6, 5.4)

    def __init__(self, table):
        runs = given.runs(table, NOTEBOOK, "task", "dataset", "noise", "noise_rate")
        self.runs = runs[runs["task"] == "regression"]
        has_curve = self.runs["key"].map(lambda key: "fit" in table.details[key])
        drawn = self.runs[has_curve | self.runs["dataset"].isin(targets.DATASETS)]
        if drawn.empty:
            raise ValueError("`table` must have regressions that were recorded with a curve, but has none.")
        order = [*targets.FUNCTIONS, *targets.DATASETS, *OUTLIERS, *LABELS]
        super().__init__(table, in_order(drawn, list(self.labels), order))

    def lay_out(self):
        self.fit, self.strip, self.seeds, self.errors, self.scale = (self.fig.add_axes(place) for place in (
            (0.07, 0.46, 0.465, 0.39), (0.07, 0.21, 0.465, 0.19), (0.07, 0.11, 0.465, 0.77),
            (0.62, 0.26, 0.365, 0.62), (0.07, 0.085, 0.465, 0.02)))  # fmt: skip
        figures.correlation_scale(self.fig, ScalarMappable(Normalize(-1, 1), "PuOr"), cax=self.scale)
        self.marks = []

    def fill(self, dataset, noise, noise_rate, row):
        runs = self.of(dataset, noise)
        at_rate = runs[runs["noise_rate"] == noise_rate]
        own = at_rate[at_rate["row"] == row]
        metric = "rmse" if dataset in targets.DATASETS else "mae"  # as in Table 1 and Fig. 6
        run = next((run for run in own.itertuples() if "fit" in self.table.details[run.key]), None)
        if run:
            self._curves(run, self.table.details[run.key])
        else:
            self.panel(self.seeds, (dataset, noise, noise_rate, row), _seeds, at_rate, metric, row)
        for ax, shown in ((self.fit, run), (self.strip, run), (self.seeds, not run),
                          (self.scale, run and self.strip.collections)):  # fmt: skip
            ax.set_visible(bool(shown))
        self._errors(runs, (dataset, noise), noise_rate, row, metric)
        setting = f"{LABELS[row]} on {dataset_name(dataset)}, {noise_name(noise)}, rate {noise_rate:g}"
        of = f"realised {own['realised_rate'].mean():.3f} of all points" if noise.endswith("_part") else None
        heading = self.heading(setting, own, of)
        found = standing(at_rate.groupby("row")[metric].mean(), row, LABELS, "{:.3g}", lowest=True)
        return f"{heading}: {METRICS[metric]} {own[metric].mean():.3g}, {found}."

    def of(self, dataset, noise):
        """The runs of the rows that met this kind of outliers; at rate 0, where all kinds are the same, of any kind."""
        runs = self.runs[self.runs["dataset"] == dataset]
        rows = runs.loc[runs["noise"] == noise, "row"]
        runs = runs[((runs["noise"] == noise) | (runs["noise_rate"] == 0)) & runs["row"].isin(rows)]
        own_first = runs.sort_values("noise", key=lambda kinds: kinds != noise, kind="stable")
        return own_first.drop_duplicates(["row", "noise_rate", "seed"]).sort_index()

    def _curves(self, run, curves):
        """Fit and correlations of a run on a function, or a sentence where there are none."""
        data, truth = figures.points_of(self.table, run), targets.FUNCTIONS[run.dataset]
        self.panel(self.fit, run.key, _fit, data, {run.row: curves["fit"]}, truth)
        if "rho" in curves:
            self.panel(self.strip, run.key, figures.correlation_strip, curves["rho"], curves["pi"])
        else:
            self.panel(self.strip, run.row, blank, f"{LABELS[run.row]} is no mixture:\nthere is no correlation to show")

    def _errors(self, runs, key, noise_rate, row, metric):
        """All rows against the rate, drawn once for a data set and its outliers; the chosen one is marked on top."""
        self.panel(self.errors, key, self._all_errors, runs, metric)
        while self.marks:
            self.marks.pop().remove()
        mean, (_, style) = runs[runs["row"] == row].groupby("noise_rate")[metric].mean(), row_styles(NOTEBOOK)[row]
        self.marks += self.errors.plot(mean.index, mean, linewidth=3, markersize=8, zorder=5, **style)
        self.marks.append(self.errors.axvline(noise_rate, color=GREY, linewidth=1.2, linestyle=":", zorder=1))

    def _all_errors(self, ax, runs, metric):
        self.marks = []  # they went with what the panel showed
        lines.by_row(runs, ax, NOTEBOOK, y=metric, interval="range", title="all methods: mean and range over seeds",
                     xlabel="outlier rate", ylabel=METRICS[metric])  # fmt: skip
        ax.set_ylim(bottom=0)
        ax.legend(fontsize=NOTE, frameon=False, loc="upper center", bbox_to_anchor=(0.45, -0.12), ncols=2,
                  columnspacing=1.2)  # fmt: skip


def _fit(ax, *what):
    figures.fitted(ax, *what, legend=False)
    ax.legend(fontsize=NOTE, frameon=False, loc="lower center", bbox_to_anchor=(0.5, 0.98), ncols=4)
    ax.set(xlabel="")


def _seeds(ax, runs, metric, row):
    """The error of each seed, a line of dots a method, the chosen one on grey."""
    rows = [name for name in LABELS if name in set(runs["row"])]
    lines.dots(runs, ax, NOTEBOOK, x=metric, rows=rows, xlabel=METRICS[metric]).set_xlim(left=0)
    ax.axhspan(rows.index(row) - 0.4, rows.index(row) + 0.4, color="#f0f0f0", zorder=0)


def signed_scores(rho, corruption, n=2000):
    """Scores of two classifiers times the observed label, (n,) each; which labels are flipped; and the weight pi (n,).

    See `TwoClassifiers`. Draws are the same for all arguments, so that pictures compare.
    """
    checks.between(rho, "rho", -1, 1)
    checks.fraction(corruption, "corruption", below_one=False)
    checks.positive_int(n, "n")
    rng = np.random.default_rng(0)
    y = np.where(np.arange(n) % 2, 1.0, -1.0)
    noise = SIGMA * rng.standard_normal((2, n))
    flipped = rng.permutation(n) < round(corruption * n)
    first = y + noise[0]
    second = rho * first + np.sqrt(1 - rho**2) * noise[1]  # mean rho y, deviation SIGMA, correlation rho with the first
    first, second = (score * np.where(flipped, -y, y) for score in (first, second))
    return first, second, flipped, np.where(second > first, 1.0, np.where(second < first, 0.0, 0.5))


class TwoClassifiers(Picture):
    """Why correlation matters in mixture modelling (Paper 05, Section 3.1 and Fig. 1).

    Labels y are -1 or 1, and a share `corruption` of them is flipped in what is observed, ỹ. A classifier scores
    W h(x) ~ N(y, 0.5²) given y; a second one, W', has correlation rho with it, so W' h(x) ~ N(rho y, 0.5²). For each
    pair (x, ỹ) the weight pi in [0, 1] of the second is the one that minimises `losses.weighted_scores`: it is 1 where
    the second classifier's score times ỹ is the larger, and 1/2 where both are equal.

    That needs the plus before pi (see there), and a pi that depends on ỹ: the mean of the loss over ỹ given x is
    smallest at pi = 0 wherever W h(x) y > W' h(x) y and fewer than half of the labels are flipped. The classifiers are
    given here, not trained.
    """

    title = "correlation explorer"
    labels = {"rho": "correlation", "corruption": "flipped"}
    start = {"rho": -1.0, "corruption": 0.3}

    def __init__(self):
        values = itertools.product([k / 4 for k in range(-4, 5)], [k / 10 for k in range(6)])
        super().__init__(None, pd.DataFrame(values, columns=["rho", "corruption"]))

    def lay_out(self):
        place = {"left": 0.05, "right": 0.99, "bottom": 0.21, "top": 0.85, "wspace": 0.26, "hspace": 0.45}
        panels = self.fig.subplot_mosaic("123\n423", width_ratios=(1, 1.15, 1), gridspec_kw=place)
        self.first, self.plane, self.bars, self.second = panels.values()

    def fill(self, rho, corruption):
        first, second, flipped, pi = signed_scores(rho, corruption)
        right = np.where(flipped, pi, 1 - pi).mean()
        setting = f"correlation {rho:g}, {100 * corruption:g} % of the labels flipped"
        said = f"right for {100 * right:.0f} % of the examples"
        self.fig.suptitle(f"{setting}: the weight is {said}", fontsize=TITLE + 1)
        both = rho, corruption
        self.panel(self.first, corruption, _densities, 1.0, corruption, "first classifier")
        self.panel(self.second, both, _densities, *both, "second classifier", "score × observed label")
        self.panel(self.plane, both, _plane, first, second, flipped)
        self.panel(self.bars, both, _mean_weights, pi, flipped)
        if not self.fig.legends:
            self.fig.legend(*self.plane.get_legend_handles_labels(), loc="lower center", ncols=4, fontsize=TICK,
                            frameon=False)  # fmt: skip
        return (f"Two classifiers with {setting}. The mean weight of the second is {pi.mean():.2f}, where the true "
                f"share of flips is {flipped.mean():.2f}; it is {said}.")  # fmt: skip


def _densities(ax, mean, corruption, title, xlabel=None):
    """Densities of a classifier's score times the observed label: N(mean, SIGMA²) where kept, N(-mean, SIGMA²) not."""
    s = np.linspace(-3, 3, 241)
    for center, share, color, line in ((mean, 1 - corruption, KEPT, "-"), (-mean, corruption, FLIPPED, "--")):
        density = share * np.exp(-0.5 * ((s - center) / SIGMA) ** 2) / (SIGMA * np.sqrt(2 * np.pi))
        ax.plot(s, density, color=color, linestyle=line, linewidth=1.8)
        ax.fill_between(s, density, color=color, alpha=0.15, linewidth=0)
    ax.axvline(0, color=GREY, linewidth=0.8)
    ax.set(xlim=(-3, 3), ylim=(0, 0.85), yticks=[])
    finish(ax, title, xlabel, "density")


def _plane(ax, first, second, flipped, shown=500):
    """The two scores of some examples against each other; above the diagonal the second classifier is chosen."""
    ends = np.array([-3.0, 3.0])
    ax.fill_between(ends, ends, 3, color=PALETTE[8], alpha=0.18, linewidth=0, label="second is larger: π = 1")
    ax.plot(ends, ends, color=GREY, linewidth=1, linestyle=":")
    first, second, flipped = first[:shown], second[:shown], flipped[:shown]
    style = {"linestyle": "none", "alpha": 0.65, "markeredgewidth": 0}
    ax.plot(first[~flipped], second[~flipped], "o", markersize=4, color=KEPT, label="label kept", **style)
    ax.plot(first[flipped], second[flipped], "X", markersize=5.5, color=FLIPPED, label="label flipped", **style)
    ax.set(xlim=ends, ylim=ends, aspect="equal")
    finish(ax, "whose score is larger?", "first: score × observed label", "second: score × observed label")


def _mean_weights(ax, pi, flipped):
    """Mean weight of the second classifier for flipped, kept and all examples; the true share of flips as a line."""
    groups = {"flipped": (flipped, FLIPPED), "kept": (~flipped, KEPT), "all": (np.full(len(pi), True), GREY)}
    for place, (chosen, color) in enumerate(groups.values()):
        if chosen.any():
            ax.bar(place, pi[chosen].mean(), color=color, width=0.6, alpha=0.85)
            ax.text(place, pi[chosen].mean() + 0.02, f"{pi[chosen].mean():.2f}", ha="center", fontsize=TICK)
    ax.plot([1.6, 2.4], [flipped.mean()] * 2, color=INK, linewidth=2, linestyle="--", label="true share of flips")
    ax.set_xticks(range(3), groups, fontsize=LABEL)
    ax.set(xlim=(-0.5, 2.5), ylim=(0, 1.12))
    ax.legend(fontsize=NOTE, frameon=False, loc="upper right")
    finish(ax, "mean weight π of the second", "labels", None, grid="y")
