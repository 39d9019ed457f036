"""The explorer of recorded regressions: fit, correlations, and the errors of all methods."""

import numpy as np
import seaborn
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize

from lnlkit.data import targets
from lnlkit.tasks.regression import OUTLIERS
from lnlkit.viz.choicenet import fits
from lnlkit.viz.choicenet.fits import METRICS, NOTEBOOK
from lnlkit.viz.picture import Picture
from lnlkit.viz.style import GREY, NOTE, TITLE, blank, finish, noise_name, row_labels, row_styles

CONTROLS = ["dataset", "noise", "noise_rate", "row"]


def dataset_name(dataset):
    """Readable name of a regression set: 'diabetes' -> 'diabetes (table)'."""
    return f"{dataset} (table)" if dataset in targets.DATASETS else str(dataset)


def row_name(row):
    """Readable name of a row."""
    return row_labels(NOTEBOOK)[row]


class Regressions(Picture):
    """One recorded setting: fit over its training points, correlations below, errors of all rows beside.

    A table with several inputs has no curve: the errors of its seeds stand there, method by method.
    """

    title = "regression explorer"
    labels = {"dataset": "data", "noise": "outliers", "noise_rate": "outlier rate", "row": "method"}
    names = {"dataset": dataset_name, "noise": noise_name, "row": row_name}
    start = {"dataset": "cosexp", "noise": "uniform", "noise_rate": 0.6, "row": "choicenet_regression"}
    size = (10.6, 5.4)

    def __init__(self, table):
        self.runs = table.runs[table.runs["task"] == "regression"]
        has_curve = self.runs["key"].map(lambda key: "fit" in table.details[key])
        drawn = has_curve | self.runs["dataset"].isin(targets.DATASETS)
        order = [*targets.FUNCTIONS, *targets.DATASETS, *OUTLIERS, *row_labels(NOTEBOOK)]
        offered = self.runs.loc[drawn, CONTROLS].drop_duplicates().sort_values(
            CONTROLS, key=lambda found: found if found.name == "noise_rate" else found.map(order.index),
            ignore_index=True)  # fmt: skip
        super().__init__(table, offered)

    def lay_out(self):
        self.fit, self.strip, self.note, self.seeds, self.errors, scale = (
            self.fig.add_axes(place) for place in (
                (0.07, 0.46, 0.465, 0.39), (0.07, 0.21, 0.465, 0.19), (0.07, 0.21, 0.465, 0.19),
                (0.07, 0.11, 0.465, 0.77), (0.62, 0.26, 0.365, 0.62), (0.07, 0.085, 0.465, 0.02)))  # fmt: skip
        self.scale = fits.correlation_scale(self.fig, ScalarMappable(Normalize(-1, 1), "PuOr"), cax=scale).ax
        self.marks = []

    def fill(self, dataset, noise, noise_rate, row):
        runs = self.of(dataset, noise)
        at_rate = runs[runs["noise_rate"] == noise_rate]
        own = at_rate[at_rate["row"] == row]
        metric = "rmse" if dataset in targets.DATASETS else "mae"  # as in Table 1 and Fig. 6
        heading = _heading(own, dataset, noise, noise_rate, row)
        self.fig.suptitle(heading, fontsize=TITLE + 1)
        run = next((run for run in own.itertuples() if "fit" in self.table.details[run.key]), None)
        curves = self.table.details[run.key] if run else {}
        rho = np.asarray(curves["rho"]) if "rho" in curves else None
        missing = fits.no_correlation(rho) if rho is not None else f"{row_name(row)} is no mixture"
        for ax, shown in ((self.fit, run), (self.seeds, not run), (self.strip, run and not missing),
                          (self.scale, run and not missing), (self.note, run and missing)):  # fmt: skip
            ax.set_visible(bool(shown))
        if run:
            self._curves(run, curves, missing)
        else:
            self.panel(self.seeds, (dataset, noise, noise_rate, row), _seeds, at_rate, metric, row)
        self._errors(runs, (dataset, noise), noise_rate, row, metric)
        return _words(heading, at_rate, row, metric, None if missing else rho)

    def of(self, dataset, noise):
        """The runs of the rows that met this kind of outliers; at rate 0, where all kinds are the same, of any kind."""
        runs = self.runs[self.runs["dataset"] == dataset]
        rows = runs.loc[runs["noise"] == noise, "row"]
        runs = runs[((runs["noise"] == noise) | (runs["noise_rate"] == 0)) & runs["row"].isin(rows)]
        own_first = runs.sort_values("noise", key=lambda kinds: kinds != noise, kind="stable")
        return own_first.drop_duplicates(["row", "noise_rate", "seed"]).sort_index()

    def _curves(self, run, curves, missing):
        """Fit and correlations of a run on a function, or a sentence where there are none."""
        data, truth = fits.points_of(self.table, run), targets.FUNCTIONS[run.dataset]
        self.panel(self.fit, run.key, _fit, data, {run.row: curves["fit"]}, truth)
        if missing:
            self.panel(self.note, missing, blank, f"{missing}:\nthere is no correlation to show")
        else:
            self.panel(self.strip, run.key, fits.correlation_strip, curves["rho"], curves["pi"])

    def _errors(self, runs, key, noise_rate, row, metric):
        """All rows against the rate, drawn once for a data set and its outliers; the chosen one is marked on top."""
        self.panel(self.errors, key, self._all_errors, runs, metric)
        while self.marks:
            self.marks.pop().remove()
        mean, (_, style) = runs[runs["row"] == row].groupby("noise_rate")[metric].mean(), row_styles(NOTEBOOK)[row]
        self.marks += self.errors.plot(mean.index, mean, linewidth=3, markersize=8, zorder=5, **style)
        self.marks.append(self.errors.axvline(noise_rate, color=GREY, linewidth=1.2, linestyle=":", zorder=1))

    def _all_errors(self, ax, runs, metric):
        """Means and ranges over the seeds, as seaborn's lines with bars show them, in a third of their time."""
        self.marks = []  # they went with what the panel showed
        of = runs.groupby(["row", "noise_rate"])[metric].agg(["mean", "min", "max"])
        look = {"linewidth": 1.3, "elinewidth": 1, "markersize": 5, "markeredgecolor": "white", "markeredgewidth": 0.5}
        for row in [row for row in row_styles(NOTEBOOK) if row in of.index]:
            (label, style), own = row_styles(NOTEBOOK)[row], of.loc[row]
            ends = (own["mean"] - own["min"]).clip(0), (own["max"] - own["mean"]).clip(0)  # of equal seeds about 0
            ax.errorbar(own.index, own["mean"], ends, label=label, **look, **style)
        ax.set(ylim=(0, None), xticks=of.index.unique("noise_rate").sort_values())
        ax.legend(fontsize=NOTE, frameon=False, loc="upper center", bbox_to_anchor=(0.45, -0.12), ncols=3,
                  columnspacing=1.2)  # fmt: skip
        finish(ax, "all methods: mean and range over seeds", "outlier rate", METRICS[metric], grid="y")


def _fit(ax, *what):
    fits.fitted(ax, *what, legend=False)
    ax.legend(fontsize=NOTE, frameon=False, loc="lower center", bbox_to_anchor=(0.5, 0.98), ncols=4)
    ax.set(xlabel="")


def _seeds(ax, runs, metric, row):
    """The error of each seed, a line of dots a method, the chosen one on grey."""
    styles = {name: style for name, style in row_styles(NOTEBOOK).items() if name in set(runs["row"])}
    colors = {label: style["color"] for label, style in styles.values()}
    seaborn.stripplot(runs.assign(method=runs["row"].map(row_labels(NOTEBOOK))), x=metric, y="method", order=colors,
                      hue="method", palette=colors, legend=False, size=7, jitter=False, ax=ax)  # fmt: skip
    place = list(styles).index(row)
    ax.axhspan(place - 0.4, place + 0.4, color="#f0f0f0", zorder=0)
    ax.set(xlim=(0, None), ylim=(len(styles) - 0.5, -0.5), yticks=[])
    for place, label in enumerate(colors):
        ax.text(0.01, place - 0.36, label, transform=ax.get_yaxis_transform(), fontsize=NOTE, va="top")
    finish(ax, "all methods, a dot a seed", METRICS[metric], "", grid="x")


def _heading(runs, dataset, noise, noise_rate, row):
    """Title of a setting: what was asked for, the realised rate, the number of seeds."""
    text = f"{row_name(row)} on {dataset_name(dataset)}, {noise_name(noise)}, rate {noise_rate:g}"
    of = " of all points" if noise.endswith("_part") else ""
    seeds = f"{len(runs)} seed{'s' if len(runs) > 1 else ''}"
    return f"{text} (realised {runs['realised_rate'].mean():.3f}{of}; {seeds})"


def _words(heading, runs, row, metric, rho):
    """The sentences that a setting is read out as, numbers included; runs: those of all rows at the rate."""
    of = runs.groupby("row")[metric]
    mean, low, high, best = of.mean(), of.min()[row], of.max()[row], of.mean().idxmin()
    spread = f" (seeds: {low:.3g} to {high:.3g})" if low < high else ""
    text = f"{heading}: {METRICS[metric]} {mean[row]:.3g}{spread}"
    if best != row:
        text += f"; the smallest is {mean[best]:.3g}, of {row_name(best)}"
    elif len(mean) > 1:
        text += f", the smallest of {len(mean)} methods"
    if rho is not None:
        spans = [f"{k} from {of_k.min():.2f} to {of_k.max():.2f}" for k, of_k in enumerate(rho.T[1:], 2)]
        text += f". Correlation with the target along x: component {', '.join(spans)}"
    return text + "."
