"""The explorer of the recorded runs: mAP of all methods, and what CAN's quality knows of the labels."""

import numpy as np
import pandas as pd
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize

from lnlkit.data import images
from lnlkit.viz import given
from lnlkit.viz.lines import by_row, dots, t_interval
from lnlkit.viz.matrices import colour_scale
from lnlkit.viz.picture import Picture, in_order, standing
from lnlkit.viz.quality_embedding import figures
from lnlkit.viz.quality_embedding.figures import CAN, LABELS, LAMBDA, NOTEBOOK, ROWS, SETS, never, transition_panel
from lnlkit.viz.style import GREY, NOTE, TICK, TITLE, blank, row_styles
from lnlkit.viz.tables import spread

CLASSES = {"cifar10n": "cifar10"}  # the set whose names of classes a set has, where it is another one


class Qualities(Picture):
    """mAP of the methods against noise, and for CAN its embedding, its trust in numbers and its transitions.

    Labels by people have no P_noise, and methods other than CAN no lambda: there the choice is None.
    Map and transitions are those of seed 0; numbers are means over the seeds.
    """

    title = "quality explorer"
    labels = {"dataset": "data", "noise_rate": "P_noise", "row": "method", "lambda_mi": "λ of CAN"}
    names = {"dataset": SETS.get, "row": LABELS.get}
    start = {"dataset": "scenes", "noise_rate": 0.4, "row": CAN, "lambda_mi": LAMBDA}
    size = (10.6, 5.5)

    def __init__(self, table):
        runs = figures.main_runs(
            given.runs(table, NOTEBOOK, *figures.STUDIES, "dataset", "noise", "best_val"))
        self.runs = runs[runs["size"] == 1].assign(
            score=100 * runs["best_val"], noise_rate=runs["noise_rate"].where(runs["noise"] != "human"),
            lambda_mi=runs["lambda_mi"].where(runs["row"].str.startswith(CAN)))  # fmt: skip
        super().__init__(table, in_order(self.runs, list(self.labels), [*SETS, *LABELS]))

    def lay_out(self):
        self.curves = self._axes(0.6, 1.4, 3.7, 3.55)
        self.points = self._axes(4.85, 3.3, 2.6, 1.65)
        self.numbers = self._axes(7.8, 2.85, 2.8, 2.1)
        self.trusted, self.untrusted = self._axes(5.7, 0.85, 1.65, 1.65), self._axes(8.2, 0.85, 1.65, 1.65)
        self.scale = self._axes(10.0, 0.85, 0.1, 1.65)
        self.instead = self._axes(5.0, 1.4, 5.4, 3.55)  # of the five, where there is no quality
        self.marks = {}

    def _axes(self, x, y, width, height):
        """Axes whose lower left corner and size are given in inches."""
        across, up = self.size
        return self.fig.add_axes([x / across, y / up, width / across, height / up])

    def fill(self, dataset, noise_rate, row, lambda_mi):
        of = self.runs[self.runs["dataset"] == dataset]
        at = of[_is(of["noise_rate"], noise_rate)]
        shown = at[(at["row"] == row) & _is(at["lambda_mi"], lambda_mi)].sort_values("seed")
        self.panel(self.curves, dataset, self._curves, of)
        self._mark(shown["score"].mean(), noise_rate, row, lambda_mi)
        run = next((run for run in shown.itertuples() if self.table.details[run.key].get("trusted")), None)
        for ax in (self.points, self.numbers, self.trusted, self.untrusted, self.scale):
            ax.set_visible(run is not None)
        self.instead.set_visible(run is None)
        others = at[(at["row"] != row) & at["lambda_mi"].isin([np.nan, LAMBDA])]
        means = pd.concat([others, shown]).groupby("row")["score"].mean()
        said = f"{self._title(shown, dataset, noise_rate, row, lambda_mi)}; {standing(means, row, LABELS)}."
        if run is None:
            why = f"{LABELS[row]}: no quality variable is recorded,\nso there is nothing to embed.\n\nCAN has one."
            self.panel(self.instead, row, blank, why)
            return f"{said} {' '.join(why.split())}"
        return f"{said} {self._quality(shown, run, dataset)}"

    def _title(self, shown, dataset, noise_rate, row, lambda_mi):
        """Title of the picture: the setting, its mAP, the share of wrong label vectors."""
        name = LABELS[row] + (f" (λ = {lambda_mi:g})" if row == CAN else "")
        noise = "labels by people" if noise_rate is None else f"P_noise {noise_rate:g}"
        low, high = t_interval(shown["score"])
        score = spread(shown["score"].mean(), (high - low) / 2 if len(shown) > 1 else None)
        wrong = f"{100 * shown['realised_rate'].mean():.0f} % of the label vectors wrong"
        return self.heading(f"{name} on {SETS[dataset]}, {noise}: mAP {score} %", shown, wrong)

    def _curves(self, ax, of):
        """mAP against noise, or a dot a seed and method where there is one noise only."""
        one_noise, self.marks = of["noise_rate"].nunique() < 2, {}
        self.rows = [row for row in (LABELS if one_noise else ROWS) if row in set(of["row"])]
        of = of[of["lambda_mi"].isin([np.nan, LAMBDA])]
        if one_noise:
            dots(of, ax, NOTEBOOK, x="score", rows=self.rows, xlabel="mAP on clean test images, %")
            ax.set_title("a dot a seed, the ring their mean", fontsize=TITLE)
        else:
            by_row(of, ax, NOTEBOOK, y="score", rows=self.rows, title="mean and 95 % t-interval over the seeds",
                   xlabel=figures.STUDIES["noise_rate"], ylabel="mAP on clean test images, %")  # fmt: skip
            ax.legend(fontsize=NOTE, frameon=False, loc="upper center", bbox_to_anchor=(0.45, -0.15), ncols=3)
        self.against_noise = not one_noise
        ax.set(xlim=ax.get_xlim(), ylim=ax.get_ylim())  # the marks move no limits

    def _mark(self, mean, noise_rate, row, lambda_mi):
        """A ring around the chosen mean and a line at its noise; what has no curve gets a dot and its name."""
        for mark in self.marks.values():
            mark.remove()
        (name, style), ax, curve = row_styles(NOTEBOOK)[row], self.curves, row in self.rows
        at = (noise_rate, mean) if self.against_noise else (mean, self.rows.index(row))
        look = {"color": style["color"], "zorder": 6}
        ring = ax.plot(*at, "o", markersize=14, markerfacecolor="none", markeredgewidth=2.2, **look)
        self.marks = {"ring": ring[0]}
        if self.against_noise:
            self.marks["line"] = ax.axvline(noise_rate, color=GREY, linewidth=1.2, linestyle=":", zorder=1)
        if not curve or lambda_mi not in (None, LAMBDA):
            self.marks["dot"] = ax.plot(*at, marker=style["marker"], markersize=6, **look)[0]
            self.marks["name"] = ax.annotate(f"λ = {lambda_mi:g}" if curve else name, at, (-11, -15), ha="right",
                                             fontsize=NOTE, textcoords="offset points", **look)  # fmt: skip

    def _quality(self, shown, run, dataset):
        """The five panels of what the quality knows, and the same in words."""
        details = self.table.details[run.key]
        if details.get("embedding"):
            self.panel(self.points, run.key, figures.quality_map, details["embedding"], size=14,
                       title=f"quality means, t-SNE, seed {run.seed}")  # fmt: skip
        else:
            self.panel(self.points, run.key, blank, "t-SNE of the quality:\nnot recorded for this setting")
        lines = quality_lines(shown)
        self.panel(self.numbers, run.key, _written, lines)
        T = {name: np.array(details[name]) for name in ("trusted", "untrusted")}
        facts, size = images.DATASETS.get(CLASSES.get(dataset, dataset)), len(T["trusted"])
        names = tuple(map(str, facts.class_names if facts and len(facts.class_names) == size else range(size)))
        vmax = max(1e-3, *(matrix.max() for matrix in T.values()))
        for ax, (name, matrix) in zip((self.trusted, self.untrusted), T.items(), strict=True):
            self.panel(ax, (names, *never(matrix)), transition_panel, matrix, names, f"{name} labels", numbers=False)
            ax.collections[0].set(array=figures.per_cent(matrix), clim=(0, 100 * vmax))  # faster than new cells
        self.untrusted.set_ylabel("")
        self.panel(self.scale, vmax, self._scale, vmax)
        said = "; ".join(f"{name}: {figures.diagonal_words(matrix)}" for name, matrix in T.items())
        return f"{' '.join(lines)} Transitions, {said}."

    def _scale(self, ax, vmax):
        """The colour scale of both heat maps."""
        colour_scale(self.fig, ScalarMappable(Normalize(0, 100 * vmax), "cividis"), "% of the row", cax=ax)
        ax.tick_params(labelsize=NOTE, length=0)


def _is(column, value):
    """Where a column has this value; None stands for no value."""
    return column.isna() if value is None else column == value


def quality_lines(shown):
    """What the quality of some runs knows, a sentence a line, each number the mean over those of them that have it."""
    mean = shown.mean(numeric_only=True)
    flagged = f"Flagged as untrusted: {100 * mean['flagged']:.0f} % of the items."
    if np.isnan(mean["trust_auc"]):
        return [flagged, "No AUC and no recall:", "these need right and wrong labels."]
    return [
        f"AUC of the two clusters {mean['trust_auc']:.2f},",
        f"of the distance {mean['distance_auc']:.2f}, of the loss {mean['loss_auc']:.2f}.", flagged,
        f"Of the wrong labels {100 * mean['recall']:.0f} % are flagged,",
        f"of the flagged {100 * mean['precision']:.0f} % are wrong.",
        f"Latent label: {100 * mean['corrected']:.0f} % of the wrong corrected,",
        f"{100 * mean['spoiled']:.0f} % of the right spoiled (mean of {shown['flagged'].count()} seeds).",
    ]  # fmt: skip


def _written(ax, lines):
    """The lines of text, one below the other, in axes without a frame."""
    ax.set_axis_off()
    ax.text(0, 1.0, "does it know the wrong labels?", fontsize=TITLE, va="bottom", transform=ax.transAxes)
    ax.text(0, 0.95, "\n".join(lines), fontsize=TICK, va="top", linespacing=1.5, transform=ax.transAxes)


def pictures(table):
    """The explorers of the paper's recorded table: {name: Picture}."""
    return {"quality": Qualities(table)}
