"""Lines with intervals over seeds show means and bars of what they are given, in the look of the paper's rows."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from scipy import stats

from lnlkit import viz
from lnlkit.viz.lines import legend_below, t_interval
from lnlkit.viz.training import seeds_by_epochs

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


# ---- curves over epochs


def line(ax, label):
    """The line with this label in the legend."""
    texts = [text.get_text() for text in ax.get_legend().get_texts()]
    return ax.lines[texts.index(label)]


def test_curves_draw_mean_and_interval_over_seeds(ax):
    runs = np.array([[0.1, 0.5, 0.7], [0.3, 0.6, 0.6], [0.2, 0.4, 0.8]])
    viz.curves(ax, {"CE": runs, "GCE": [0.2, 0.3, 0.4]}, ylabel="accuracy")
    np.testing.assert_allclose(line(ax, "CE (n = 3)").get_xydata(), np.c_[[1, 2, 3], runs.mean(0)])
    np.testing.assert_allclose(line(ax, "GCE (n = 1)").get_ydata(), [0.2, 0.3, 0.4])
    edge = ax.collections[0].get_paths()[0].vertices
    for epoch, values in enumerate(runs.T, 1):
        assert edge[edge[:, 0] == epoch, 1].min() == pytest.approx(t_interval(values)[0], abs=1e-6) or epoch == 1
        assert edge[edge[:, 0] == epoch, 1].max() == pytest.approx(t_interval(values)[1], abs=1e-6)
    assert not line(ax, "CE (n = 3)").is_dashed() and line(ax, "GCE (n = 1)").is_dashed()
    assert ax.get_ylabel() == "accuracy"


def test_curves_take_seeds_that_ended_early_and_looks_of_their_own(ax):
    viz.curves(ax, {"CE": [[1.0, 2.0], [3.0]]}, styles={"CE": {"color": "#123456", "marker": "D"}}, count=False)
    np.testing.assert_allclose(line(ax, "CE").get_ydata(), [2.0, 2.0])
    assert (to_hex(line(ax, "CE").get_color()), line(ax, "CE").get_marker()) == ("#123456", "D")
    np.testing.assert_array_equal(seeds_by_epochs([[1, 2], [3]]), [[1, 2], [3, np.nan]])
