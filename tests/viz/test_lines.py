"""Lines with intervals over seeds show means and bars of what they are given, in the look of the paper's rows."""

import numpy as np
import pandas as pd
import pytest
import seaborn
from matplotlib.colors import to_hex
from scipy import stats

from lnlkit import viz
from lnlkit.viz import lines
from lnlkit.viz.lines import legend_below, t_interval

pytestmark = pytest.mark.usefixtures("leaves_no_trace")

NOTEBOOK = "05_choicenet"


@pytest.fixture
def runs():
    rng = np.random.default_rng(0)
    cells = [(row, rate, seed) for row in ("mdn", "l2") for rate in (0.0, 0.2, 0.6) for seed in range(3)]
    frame = pd.DataFrame(cells, columns=["row", "noise_rate", "seed"])
    return frame.assign(mae=0.2 + rng.random(len(frame)), other=np.nan)


def bars(ax):
    """Ends of the error bars, (x, low, high)."""
    return sorted((segment[0, 0], *segment[:, 1]) for part in ax.collections for segment in part.get_segments())


def test_the_interval_is_students():
    values = pd.Series([1.0, 2.0, 4.0, 4.5])
    expected = stats.t.interval(0.95, 3, values.mean(), stats.sem(values))
    np.testing.assert_allclose(t_interval(values), expected)
    assert t_interval(values[:1]) == (1.0, 1.0)


def test_rows_have_means_bars_and_the_look_of_the_toml(ax, runs):
    viz.lines.by_row(runs, ax, NOTEBOOK, y="mae", unit=100, strong=["mdn"], xlabel="outlier rate")
    means = runs.groupby(["row", "noise_rate"])["mae"].mean() * 100
    lines = [line for line in ax.lines if line.get_marker() != "None" and len(line.get_xdata())]  # no bars, no legend
    drawn = {to_hex(line.get_color()): line for line in lines}
    for row in ("l2", "mdn"):
        look = viz.row_styles(NOTEBOOK)[row][1]
        line = drawn[look["color"]]
        np.testing.assert_allclose(np.array(line.get_ydata(), float), means[row])
        assert (line.get_marker(), line.is_dashed()) == (look["marker"], look["linestyle"] != "-")
        assert (line.get_linewidth() > 2) == (row == "mdn")
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["L2", "MDN"]
    assert (ax.get_xlabel(), ax.get_ylabel(), list(ax.get_xticks())) == ("outlier rate", "mae", [0, 0.2, 0.6])
    groups = runs.groupby("noise_rate")
    expected = sorted((rate, *t_interval(100 * own["mae"])) for rate, part in groups for _, own in part.groupby("row"))
    np.testing.assert_allclose(bars(ax), expected)


@pytest.mark.parametrize("interval", ["t95", "range"])
def test_bars_stay_inside_the_axes(ax, runs, interval):
    viz.lines.by_row(runs, ax, NOTEBOOK, y="mae", interval=interval)
    low, high = ax.get_ylim()
    ends = np.array(bars(ax))
    assert len(ends) == 6 and low < ends[:, 1].min() and ends[:, 2].max() < high
    if interval == "range":
        spans = runs.groupby("noise_rate")["mae"].agg(["min", "max"])
        assert ends[:, 1].min() == pytest.approx(spans["min"].min()) and ends[:, 2].max() == spans["max"].max()


def test_only_rows_asked_for_that_have_values_are_drawn(ax, runs):
    viz.lines.by_row(runs, ax, NOTEBOOK, y="mae", rows=["mdn", "tukey"], interval=None)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["MDN"] and not ax.collections


def test_one_legend_stands_below_all_panels(runs):
    fig, axes = viz.panels(1, 2)
    for ax in axes:
        viz.lines.by_row(runs, ax, NOTEBOOK, y="mae")
    legend_below(fig, axes[0], title="mean over seeds")
    assert [ax.get_legend() for ax in axes] == [None, None]
    assert [text.get_text() for text in fig.legends[0].get_texts()] == ["L2", "MDN"]


def test_dots_of_runs_put_together_are_all_there(ax, runs):
    twice = pd.concat([runs, runs])  # with each index label twice
    lines.dots(twice, ax, NOTEBOOK, x="mae", rows=[runs["row"].iloc[0]], xlabel="accuracy")
    assert sum(len(dots.get_offsets()) for dots in ax.collections) == (twice["row"] == runs["row"].iloc[0]).sum()


def test_a_band_is_seaborns_mean_and_range(ax, runs):
    lines.bands(ax, runs, "mae", x="noise_rate", unit=100, color="#123456", label="all")
    expected = viz.panels()[1]
    seaborn.lineplot(runs.assign(mae=100 * runs["mae"]), x="noise_rate", y="mae", errorbar=("pi", 100), ax=expected)
    np.testing.assert_allclose(ax.lines[0].get_xydata(), expected.lines[0].get_xydata())
    np.testing.assert_allclose(ax.dataLim.extents, expected.dataLim.extents)
    assert (to_hex(ax.collections[0].get_facecolor()[0]), ax.lines[0].get_label()) == ("#123456", "all")


def test_names_at_the_ends_of_lines_are_moved_apart_around_their_middle(ax):
    ax.set_ylim(0, 1)
    ends = pd.Series({"mdn": 0.5, "l2": 0.501, "tukey": 0.9})
    lines.label_ends(ax, ends, NOTEBOOK, at=1, gap=0.1, strong=["l2"], names={"tukey": "T"})
    places = {text.get_text(): text.xyann for text in ax.texts}
    assert list(places) == ["MDN", "L2", "T"] and {x for x, _ in places.values()} == {1.1}
    heights = np.array([y for _, y in places.values()])
    assert np.diff(heights).min() > 0.06 and heights.mean() == pytest.approx(ends.mean())
    assert [text.get_fontweight() for text in ax.texts] == ["normal", "bold", "normal"]
