"""Figures of notebook 02 draw what they are given; the table is made up, expectations are counted again by hand."""

import matplotlib
import numpy as np
import pytest
import quality_table
from figures import legible, words
from matplotlib.colors import to_rgb
from matplotlib.patches import Circle, FancyArrowPatch

from lnlkit import viz

pytestmark = pytest.mark.usefixtures("leaves_no_trace")

NAMES = [f"class {k}" for k in range(quality_table.K)]


@pytest.fixture(scope="module")
def table():
    return quality_table.table(points=60)


def of(table, dataset="scenes", **fields):
    """Runs of a data set whose fields have these values."""
    runs = [run for run in table["multilabel"] if run["dataset"] == dataset]
    return [run for run in runs if all(run[name] == value for name, value in fields.items())]


def score(runs, key="best_val"):
    return viz.mean_interval([100 * run[key] for run in runs])


def bars(ax, label):
    """x, means and half widths of the line with error bars that has this label."""
    handles, labels = ax.get_legend_handles_labels()
    drawn, _, (found,) = handles[labels.index(label)].lines
    ends = np.array([segment for segment in found.get_segments()])
    return np.array(drawn.get_xdata(), float), np.array(drawn.get_ydata(), float), np.ptp(ends, axis=1).max(1) / 2


def test_curves_hold_mean_and_interval_of_the_noise_study_alone(ax, table):
    assert viz.map_curves(ax, of(table), rows=list(quality_table.ROWS)) is ax
    assert ax.get_legend_handles_labels()[1] == [viz.row_name(row) for row in quality_table.ROWS]
    rates, mean, half = bars(ax, "CAN")
    np.testing.assert_allclose(rates, quality_table.RATES)
    for rate, m, h in zip(rates, mean, half, strict=True):
        own = of(table, row="can", noise_rate=rate, size=1.0, lambda_mi=None)
        assert len(own) == 3
        np.testing.assert_allclose((m, h), score(own), atol=1e-9)
    assert "share of label vectors" in ax.get_xlabel()


def test_the_size_study_is_that_of_one_noise_rate(ax, table):
    viz.map_curves(ax, of(table), "size", rows=["icnm", "bce"])
    sizes, mean, _ = bars(ax, "ICNM")
    np.testing.assert_allclose(sizes, quality_table.SIZES)
    expected = [score(of(table, row="icnm", noise_rate=0.4, size=size))[0] for size in sizes]
    np.testing.assert_allclose(mean, expected)
    assert ax.get_legend_handles_labels()[1] == ["ICNM", "Plain"]


def test_lambdas_stand_at_equal_distances_and_null_is_the_papers(ax, table):
    viz.map_curves(ax, of(table), "lambda_mi")
    at, mean, _ = bars(ax, "CAN")
    np.testing.assert_array_equal(at, range(8))
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["0", "0.2", "0.3", "0.5", "1", "2", "5", "10"]
    own = of(table, row="can", noise_rate=0.4, size=1.0)
    lambdas = (0, 0.2, None, 0.5, 1, 2, 5, 10)
    np.testing.assert_allclose(mean, [score([r for r in own if r["lambda_mi"] == value])[0] for value in lambdas])
    plain = next(drawn for drawn in ax.lines if drawn.get_label() == "Plain")
    np.testing.assert_allclose(plain.get_ydata(), score(of(table, row="bce", noise_rate=0.4, size=1.0))[0])
    ground = next(patch for patch in ax.patches if to_rgb(patch.get_facecolor()) == to_rgb("#f2f2f2"))
    assert ground.get_x() == 3.5  # between 0.5 and 1
    assert "no minimum" in words(ax)[0]


def test_long_intervals_do_not_hide_the_means(ax, table):
    wild = [{**run, "best_val": run["best_val"] * (0.2 if (run["row"], run["seed"]) == ("icnm", 0) else 1)}
            for run in of(table, noise_rate=0.4)]  # fmt: skip
    viz.map_curves(ax, wild, "size")
    low, high = ax.get_ylim()
    means = [m for row in quality_table.ROWS for m in bars(ax, viz.row_name(row))[1]]
    span = max(means) - min(means)
    assert max(bars(ax, "ICNM")[2]) > 2 * span
    assert 0 < min(means) - low < 0.5 * span and 0 < high - max(means) < 0.5 * span


def test_curves_without_runs_are_empty_and_say_so(ax, table):
    viz.map_curves(ax, of(table, "cifar10n"), "lambda_mi")
    assert not ax.lines and ax.get_legend() is None
    assert viz.map_curves_alt(of(table, "cifar10n"), "lambda_mi").endswith("against lambda: not recorded.")
    with pytest.raises(ValueError, match="Did you mean 'noise_rate'"):
        viz.map_curves(ax, of(table), "noise_rat")


def test_words_of_curves_have_their_numbers(table):
    alt = viz.map_curves_alt(of(table), at=[0.6])
    for row in quality_table.ROWS:
        assert f"{viz.row_name(row)} {score(of(table, row=row, noise_rate=0.6))[0]:.1f} %" in alt
    assert viz.map_curves_alt(of(table), rows=["can"]).count("CAN") == 3  # smallest, middle, largest rate
    plain = score(of(table, row="bce", noise_rate=0.4, size=1.0))[0]
    assert f"Plain, which has none, {plain:.1f} %" in viz.map_curves_alt(of(table), "lambda_mi")


def test_ap_of_each_class_and_their_mean(table):
    fig, ax = viz.panels(width=8.5, height=5)
    runs = of(table, "cifar10n")
    assert viz.class_ap(ax, runs, NAMES, title="people") is ax
    assert [tick.get_text() for tick in ax.get_yticklabels()] == [*NAMES, "mean (mAP)"]
    ap = np.array([[*run["ap"], run["best_val"]] for run in runs if run["row"] == "can"])
    mean, at, half = bars(ax, "CAN")
    np.testing.assert_allclose(mean, 100 * ap.mean(0))
    np.testing.assert_array_equal(np.round(at), range(11))
    np.testing.assert_allclose(half[3], viz.mean_interval(100 * ap[:, 3])[1])
    assert ax.yaxis_inverted() and legible(fig)


def test_words_about_classes_count_who_is_first(table):
    runs = of(table, "cifar10n")
    alt = viz.class_ap_alt(runs, NAMES)
    rows = list(quality_table.ROWS)
    ap = np.array([[run["ap"] for run in runs if run["row"] == row] for row in rows]).mean(1)
    for place, row in enumerate(rows):
        first = sum(ap[place, k] == max(ap[:, k]) for k in range(10))
        mean = score([run for run in runs if run["row"] == row])[0]
        assert f"{viz.row_name(row)} {mean:.1f} % (highest in {first})" in alt


def test_names_that_do_not_fit_the_classes_are_refused(ax, table):
    with pytest.raises(ValueError, match=r"`runs` must have 2 values in \"ap\".*got \[10\]"):
        viz.class_ap(ax, of(table, "cifar10n"), ["cat", "dog"])


def test_the_overview_has_a_row_a_data_set_and_one_legend(table):
    fig = viz.quality_overview(table)
    titles = [ax.get_title().split(",")[0] for ax in fig.axes]
    assert titles == ["scenes"] * 3 + ["MNIST"] * 3
    assert ["P_" in ax.get_title() for ax in fig.axes] == [False, True, True] * 2  # which rate it is, where it is one
    names = [text.get_text() for text in fig.legends[0].get_texts()]
    assert names == [viz.row_name(row) for row in quality_table.ROWS]  # the ablations are not among them
    assert all(ax.get_legend() is None for ax in fig.axes) and legible(fig)
    assert [tick.get_text() for tick in fig.axes[4].get_xticklabels()][-1] == "10"  # lambda in the middle
    alt = viz.quality_overview_alt(table)
    assert (
        f"scenes, against P_noise: at 0.4 Plain {score(of(table, row='bce', noise_rate=0.4, size=1.0))[0]:.1f}" in alt
    )
    assert f"CAN {score(of(table, 'mnist', row='can', noise_rate=0.4, size=0.2))[0]:.1f} %." in alt
    assert "ρ = 1" not in alt


def test_the_overview_shows_the_studies_that_there_are(table):
    part = [
        run for run in table["multilabel"] if run["dataset"] != "mnist" or (run["size"], run["lambda_mi"]) == (1, None)
    ]
    fig = viz.quality_overview({"multilabel": part})
    assert len(fig.axes) == 4 and fig.legends
    assert [ax.get_title().split(",")[0] for ax in fig.axes] == ["scenes", "MNIST", "scenes", "scenes"]
    one_less = [run for run in table["multilabel"] if run["dataset"] != "mnist" or run["size"] == 1]
    fig = viz.quality_overview({"multilabel": one_less})  # a row a data set, the legend in the free place
    assert [ax.get_title().split(",")[0] for ax in fig.axes] == ["scenes"] * 3 + ["MNIST", "MNIST", ""]
    assert not fig.legends and len(fig.axes[5].get_legend().get_texts()) == 6 and legible(fig)
    with pytest.raises(ValueError, match="must vary noise, lambda or size"):
        viz.quality_overview({"multilabel": of(table, "cifar10n")})


# ---- diagrams


def edges(ax):
    """Arrows between circles, by letters, solid and dashed."""
    letters = {text.get_position(): text.get_text() for text in ax.texts}
    found = {"-": [], "--": []}
    for patch in ax.patches:
        if isinstance(patch, FancyArrowPatch):
            start, end = (letters[tuple(place)] for place in patch._posA_posB)
            found["-" if patch.get_linestyle() == "-" else "--"].append(start + end)
    return {line: sorted(pairs) for line, pairs in found.items()}


def test_the_graph_has_the_arrows_of_the_model():
    fig = viz.quality_graph()
    assert edges(fig.axes[0]) == {"-": ["SY", "XZ", "ZY"], "--": ["XS", "XZ", "YS", "YZ"]}
    shaded = {tuple(np.round(c.center, 6)) for c in fig.axes[0].patches
              if isinstance(c, Circle) and to_rgb(c.get_facecolor()) != (1, 1, 1)}  # fmt: skip
    letters = {text.get_text(): text.get_position() for text in fig.axes[0].texts}
    assert shaded == {letters["X"], letters["Y"]} and legible(fig)


def test_the_auto_encoders_differ_in_x():
    fig = viz.autoencoder_comparison()
    usual, ours = (edges(ax) for ax in fig.axes)
    assert usual == {"-": ["SY", "ZY"], "--": ["YS", "YZ"]}
    assert ours == {"-": ["SY", "XZ", "ZY"], "--": ["XS", "XZ", "YS", "YZ"]} and legible(fig)


def test_gradients_stop_behind_the_prediction_and_before_the_target():
    fig = viz.quality_architecture()
    (ax,) = fig.axes
    at = {text.get_text().split("\n")[0]: text.get_position() for text in ax.texts}
    stops = [line.get_xydata().mean(0) for line in ax.lines if to_rgb(line.get_color()) == to_rgb("#c00000")]
    assert len(stops) == 4  # two double bars
    behind, before = np.array(stops).reshape(2, 2, 2).mean(1)
    assert at["prediction"][0] < behind[0] < at["additive layer"][0]
    assert behind[1] == pytest.approx(at["prediction"][1])
    assert at["target, Eq. (7)"][0] < before[0] < at["additive layer"][0] and before[1] > at["prediction"][1] + 1
    assert legible(fig)


@pytest.mark.parametrize("name", ["quality_graph", "autoencoder_comparison", "quality_architecture"])
def test_diagrams_have_words_and_take_a_figure(name):
    fig = matplotlib.figure.Figure()
    assert getattr(viz, name)(fig=fig) is fig
    assert len(getattr(viz, name + "_alt")().split()) > 20
