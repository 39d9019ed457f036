"""The explorer of the recorded runs: mAP of all methods, and what CAN's quality knows of the labels."""

import numpy as np
import pandas as pd
import seaborn
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize

from lnlkit.data import images
from lnlkit.viz.lines import by_row, t_interval
from lnlkit.viz.picture import Picture
from lnlkit.viz.quality_embedding.knowledge import (
    diagonal_words,
    map_words,
    quality_map,
    show_transitions,
    transition_panel,
)
from lnlkit.viz.quality_embedding.scores import CAN, LAMBDA, NOTEBOOK, ROWS, SETS, STUDIES, main_runs
from lnlkit.viz.style import GREY, NOTE, TICK, TITLE, blank, finish, row_labels, row_styles

CLASSES = {"cifar10n": "cifar10"}  # the set whose names of classes a set has, where it is another one


class Qualities(Picture):
    """mAP of the methods against noise, and for CAN its embedding, its trust in numbers and its transitions.

    Labels by people have no P_noise, and methods other than CAN no lambda: there the choice is None.
    Map and transitions are those of seed 0; numbers are means over the seeds.
    """

    title = "quality explorer"
    labels = {"dataset": "data", "noise_rate": "P_noise", "row": "method", "lambda_mi": "λ of CAN"}
    names = {"dataset": lambda name: SETS.get(name, name), "noise_rate": "{:g}".format,
             "row": row_labels(NOTEBOOK).get, "lambda_mi": "{:g}".format}  # fmt: skip
    start = {"dataset": "scenes", "noise_rate": 0.4, "row": CAN, "lambda_mi": LAMBDA}
    size = (10.6, 5.5)

    def __init__(self, table):
        runs = main_runs(table.runs)
        self.runs = runs[runs["size"] == 1].assign(
            score=100 * runs["best_val"], noise_rate=runs["noise_rate"].where(runs["noise"] != "human"),
            lambda_mi=runs["lambda_mi"].where(runs["row"].str.startswith(CAN)))  # fmt: skip
        order = {name: place for place, name in enumerate([*SETS, *row_styles(NOTEBOOK)])}
        offered = self.runs[list(self.labels)].drop_duplicates().sort_values(
            list(self.labels), key=lambda values: values.map(order) if values.dtype.kind not in "fi" else values,
            ignore_index=True)  # fmt: skip
        super().__init__(table, offered)

    def lay_out(self):
        self.curves = self._axes(0.6, 1.4, 3.7, 3.55)
        self.points = self._axes(4.85, 3.3, 2.6, 1.65)
        self.numbers = self._axes(7.8, 2.85, 2.8, 2.1)
        self.trusted, self.untrusted = self._axes(5.7, 0.85, 1.65, 1.65), self._axes(8.2, 0.85, 1.65, 1.65)
        self.scale = self._axes(10.0, 0.85, 0.1, 1.65)
        self.instead = self._axes(5.0, 1.4, 5.4, 3.55)  # of the five, where there is no quality

    def _axes(self, x, y, width, height):
        """Axes whose lower left corner and size are given in inches."""
        across, up = self.size
        return self.fig.add_axes([x / across, y / up, width / across, height / up])

    def fill(self, dataset, noise_rate, row, lambda_mi):
        of = self.runs[self.runs["dataset"] == dataset]
        at = of[_is(of["noise_rate"], noise_rate)]
        shown = at[(at["row"] == row) & _is(at["lambda_mi"], lambda_mi)].sort_values("seed")
        heading = self._heading(shown, dataset, row, lambda_mi)
        self.fig.suptitle(heading, fontsize=TITLE + 1, y=0.985)
        self.panel(self.curves, dataset, self._curves, of)
        self._mark(shown, noise_rate, row, lambda_mi)
        run = next((run for run in shown.itertuples() if self.table.details[run.key].get("trusted")), None)
        for ax in (self.points, self.numbers, self.trusted, self.untrusted, self.scale):
            ax.set_visible(run is not None)
        self.instead.set_visible(run is None)
        others = at[(at["row"] != row) & at["lambda_mi"].isin([np.nan, LAMBDA])]
        means = pd.concat([others, shown]).groupby("row")["score"].mean()
        best = means.idxmax()
        says = f"the highest of {len(means)} methods" if best == row else (
            f"the highest is {means[best]:.1f} %, of {self.names['row'](best)}")  # fmt: skip
        if run is None:
            why = self._why(row)
            self.panel(self.instead, (row, why), blank, why)
            return " ".join(f"{heading}; {says}. {why}".split())
        return f"{heading}; {says}. {self._quality(shown, run, dataset)}"

    def _heading(self, shown, dataset, row, lambda_mi):
        """Title of the picture: the setting, its mAP, the share of wrong label vectors."""
        name = self.names["row"](row) + (f" (λ = {lambda_mi:g})" if row == CAN else "")
        rate = shown["noise_rate"].iloc[0]
        noise = "labels by people" if np.isnan(rate) else f"P_noise {rate:g}"
        low, high = t_interval(shown["score"])
        score = f"{shown['score'].mean():.1f}" + (f" ± {(high - low) / 2:.1f}" if len(shown) > 1 else "")
        seeds = f"{len(shown)} seed{'s' if len(shown) > 1 else ''}"
        return (f"{name} on {SETS.get(dataset, dataset)}, {noise}: mAP {score} % "
                f"({100 * shown['realised_rate'].mean():.0f} % of the label vectors wrong; {seeds})")  # fmt: skip

    def _curves(self, ax, of):
        """mAP against noise, or a dot a method where there is one noise only; and the marks of what is chosen."""
        one_noise = of["noise_rate"].nunique() < 2
        rows = [row for row in (row_styles(NOTEBOOK) if one_noise else ROWS) if row in set(of["row"])]
        of = of[of["lambda_mi"].isin([np.nan, LAMBDA])]
        self.places = None
        if one_noise:
            self.places = {row: place for place, row in enumerate(rows)}
            seaborn.pointplot(
                of, x="score", y="row", hue="row", order=rows, hue_order=rows, errorbar=t_interval, linestyle="none",
                palette={row: row_styles(NOTEBOOK)[row][1]["color"] for row in rows}, err_kws={"linewidth": 1},
                ax=ax, legend=False)  # fmt: skip
            ax.set(yticks=[], ylim=(len(rows) - 0.5, -0.6))
            for row, place in self.places.items():
                ax.text(0.01, place - 0.2, self.names["row"](row), transform=ax.get_yaxis_transform(), fontsize=TICK)
            finish(ax, "mean and 95 % t-interval", "mAP on clean test images, %", "", grid="x")
        else:
            by_row(of, ax, NOTEBOOK, y="score", rows=rows, title="mean and 95 % t-interval over the seeds",
                   xlabel=STUDIES["noise_rate"], ylabel="mAP on clean test images, %")  # fmt: skip
            ax.set_xticks(sorted(of["noise_rate"].unique()))
            ax.legend(fontsize=NOTE, frameon=False, loc="upper center", bbox_to_anchor=(0.45, -0.15), ncols=3)
        ax.tick_params(labelsize=TICK)
        ax.set(xlim=ax.get_xlim(), ylim=ax.get_ylim())  # the marks move no limits
        self.ring, = ax.plot([], [], "o", markersize=14, markerfacecolor="none", markeredgewidth=2.2, zorder=6)
        self.dot, = ax.plot([], [], linestyle="none", markersize=6, zorder=5)  # of what has no curve
        self.upright = ax.axvline(0, color=GREY, linewidth=1.2, linestyle=":", zorder=1)
        self.note = ax.annotate("", (0, 0), xytext=(-11, -15), ha="right", fontsize=NOTE, textcoords="offset points",
                                zorder=6)  # fmt: skip

    def _mark(self, shown, noise_rate, row, lambda_mi):
        """The ring around the chosen mean, the upright line at its rate, and the name of what has no curve."""
        (name, style), mean = row_styles(NOTEBOOK)[row], shown["score"].mean()
        color, curve = style["color"], row in ROWS or self.places is not None
        other = not curve or lambda_mi not in (None, LAMBDA)
        at = (noise_rate, mean) if self.places is None else (mean, self.places[row])
        self.dot.set(data=[[value] for value in at], color=color, marker=style["marker"], visible=other)
        self.ring.set(data=[[value] for value in at], color=color)
        self.upright.set(xdata=[at[0]] * 2, visible=self.places is None)
        self.note.xy = at
        self.note.set(text=(f"λ = {lambda_mi:g}" if curve else name) if other else "", color=color)

    def _quality(self, shown, run, dataset):
        """The five panels of what the quality knows, and the same in words."""
        details, seed = self.table.details[run.key], f"seed {run.seed}"
        words = "no t-SNE recorded"
        if details.get("embedding"):
            self.panel(self.points, run.key, quality_map, details["embedding"], title=f"quality means, t-SNE, {seed}",
                       size=14)  # fmt: skip
            words = map_words(details["embedding"])
        else:
            self.panel(self.points, run.key, blank, "t-SNE of the quality:\nnot recorded for this setting")
        lines = quality_lines(shown)
        self.panel(self.numbers, run.key, _written, lines)
        T = {name: np.array(details[name]) for name in ("trusted", "untrusted")}
        facts, size = images.DATASETS.get(CLASSES.get(dataset, dataset)), len(T["trusted"])
        names = tuple(map(str, facts.class_names if facts and len(facts.class_names) == size else range(size)))
        vmax = max(1e-3, *(matrix.max() for matrix in T.values()))
        for ax, (name, matrix) in zip((self.trusted, self.untrusted), T.items(), strict=True):
            self.panel(ax, (name, names), transition_panel, matrix, names, f"{name} labels", numbers=False)
            show_transitions(ax, matrix, vmax)
        self.untrusted.set_ylabel("")
        self.panel(self.scale, vmax, self._scale, vmax)
        said = "; ".join(f"{name}: {diagonal_words(matrix)}" for name, matrix in T.items())
        return f"{' '.join(lines)} Map: {words}. Transitions, {said}."

    def _scale(self, ax, vmax):
        """The colour scale of both heat maps."""
        self.fig.colorbar(ScalarMappable(Normalize(0, 100 * vmax), "cividis"), cax=ax).outline.set_visible(False)
        ax.set_ylabel("% of the row", fontsize=NOTE)
        ax.tick_params(labelsize=NOTE, length=0)

    def _why(self, row):
        """The sentence in the place of map and transitions."""
        if row.startswith(CAN) and row != "can_no_quality":
            return f"{self.names['row'](row)}: its quality is not recorded\nfor this setting."
        return (f"{self.names['row'](row)} has no quality variable:\nthere is nothing to embed.\n\n"
                "Choose CAN to see one.")  # fmt: skip


def _is(column, value):
    """Where a column has this value; None stands for no value."""
    return column.isna() if value is None else column == value


def quality_lines(shown):
    """What the quality of some runs knows, a sentence a line, each number the mean over those of them that have it."""
    mean, n = shown.mean(numeric_only=True), shown["flagged"].notna().sum()
    lines = [f"Flagged as untrusted: {100 * mean['flagged']:.0f} % of the items."]
    if np.isnan(mean["trust_auc"]):
        return [*lines, "No AUC and no recall:", "these need right and wrong labels."]
    return [
        f"Trust AUC {mean['trust_auc']:.2f} (loss AUC {mean['loss_auc']:.2f}).", *lines,
        f"Of the wrong labels {100 * mean['recall']:.0f} % are flagged,",
        f"of the flagged {100 * mean['precision']:.0f} % are wrong.",
        f"Of the wrong {100 * mean['corrected']:.0f} % are corrected.",
        f"(Mean of {n} seeds.)" if n > 1 else "(1 seed.)",
    ]  # fmt: skip


def _written(ax, lines):
    """The lines of text, one below the other, in axes without a frame."""
    ax.set_axis_off()
    ax.text(0, 1.0, "does it know the wrong labels?", fontsize=TITLE, va="bottom", transform=ax.transAxes)
    ax.text(0, 0.95, "\n".join(lines), fontsize=TICK, va="top", linespacing=1.5, transform=ax.transAxes)


def pictures(table):
    """The explorers of the paper's recorded table: {name: Picture}."""
    return {"quality": Qualities(table)}
