"""Figures of paper 05 draw what they are given; the table is made up, and its curves are formulas."""

import numpy as np
import pytest
from figures import line
from regression_table import ROWS, SEEDS, X, error, made_up

from lnlkit import viz
from lnlkit.data import targets
from lnlkit.viz import choicenet
from lnlkit.viz.choicenet.figures import correlation_strip


@pytest.fixture(scope="module")
def table():
    return made_up()


# ---- parts


def test_points_curves_and_target_are_drawn_where_they_are(ax):
    data = targets.sample("step", 100, 0.3, seed=1)
    fit = 5 * X
    assert choicenet.fitted(ax, data, {"mdn": fit}, targets.FUNCTIONS["step"], title="step") is ax
    np.testing.assert_array_equal(line(ax, "outliers"), [data.x[data.outlier, 0], data.y[data.outlier, 0]])
    np.testing.assert_array_equal(line(ax, "other points"), [data.x[~data.outlier, 0], data.y[~data.outlier, 0]])
    np.testing.assert_array_equal(line(ax, "MDN"), [X, fit])
    at, truth = line(ax, "target function")
    np.testing.assert_array_equal(truth, np.where((at >= -1) & (at < 1), 1, -1))
    low, high = ax.get_ylim()
    assert data.y.min() - 1 < low < data.y.min() and data.y.max() < high < data.y.max() + 1  # not that of the fit, 15
    assert ax.lines[0].get_marker() != ax.lines[1].get_marker()


def test_without_outliers_none_are_in_the_legend(ax):
    choicenet.fitted(ax, targets.sample("step", 20, 0.0), {"l2": X})
    assert ax.get_legend_handles_labels()[1] == ["points", "L2"]


def test_the_strip_shows_every_component_but_the_first(ax):
    rho = np.stack([np.ones(61), np.linspace(-1, 1, 61), -X / 3], 1)
    pi = np.stack([np.full(61, 0.2), np.full(61, 0.3), np.full(61, 0.5)], 1)
    assert correlation_strip(ax, rho, pi) is ax
    mesh = ax.collections[0]
    np.testing.assert_allclose(np.reshape(mesh.get_array(), (2, 61)), rho[:, 1:].T)
    assert mesh.get_clim() == (-1, 1) and mesh.get_cmap().name == "PuOr"
    assert list(ax.get_yticks()) == [2, 3]
    weights = [drawn.get_ydata() for drawn in ax.lines if len(drawn.get_xdata()) == 61]
    np.testing.assert_allclose([w[0] for w in weights], [1.55 + 0.9 * 0.3, 2.55 + 0.9 * 0.5])


@pytest.mark.parametrize(("rho", "sentence"), [(np.ones((61, 1)), "one component"), (np.zeros((61, 5)), "independent")])
def test_without_correlations_a_sentence_takes_the_place_of_the_strip(ax, rho, sentence):
    correlation_strip(ax, rho)
    assert sentence in ax.texts[0].get_text() and not ax.collections


def test_correlations_of_another_length_are_refused(ax):
    with pytest.raises(ValueError, match=r"`rho` must be \(G, K\).*got \(61,\)"):
        correlation_strip(ax, np.ones(61))


# ---- whole figures


def test_errors_have_a_panel_a_function_that_holds_every_seed(table):
    fig = choicenet.errors(table)
    assert [ax.get_title() for ax in fig.axes] == ["cosexp", "step"]
    names = [text.get_text() for text in fig.legends[0].get_texts()]
    assert names == ["L2", "MDN", "ChoiceNet"]  # of COMPARED those that were run, in its order
    for ax in fig.axes:
        means = [np.mean([error("mdn", rate, seed) for seed in SEEDS]) for rate in (0.0, 0.2, 0.6)]
        drawn = [np.float64(line.get_ydata()) for line in ax.lines]
        assert any(len(y) == 3 and np.allclose(y, means) for y in drawn)
        bars = [segment[:, 1] for found in ax.collections for segment in found.get_segments()]
        assert any(np.allclose(ends, [error("mdn", 0.6, 0), error("mdn", 0.6, 2)]) for ends in bars)
        assert ax.get_ylim()[0] == 0 and ax.get_ylim()[1] > np.max(bars)  # no bar leaves the axes
    assert "At 0.6: cosexp: L2 0.37, MDN 0.51, ChoiceNet 0.09; step:" in viz.description(fig)


def test_fits_of_one_rate_stand_over_their_own_points(table):
    fig = choicenet.fits(table, 0.2)
    assert [ax.get_title() for ax in fig.axes] == ["cosexp", "step"] and len(fig.legends) == 1
    data = targets.sample("step", 400, 0.2, 0, sd=0.05)
    np.testing.assert_array_equal(line(fig.axes[1], "outliers")[0], data.x[data.outlier, 0])
    np.testing.assert_allclose(line(fig.axes[1], "MDN")[1], table.details["mdn step uniform 0.2 0"]["fit"])
    assert viz.description(fig).startswith("Fits with 20% outliers, seed 0. Mean absolute error, cosexp: L2 0.12")


def test_columns_along_x_hold_fit_and_correlations(table):
    run = table.runs.query("key == 'choicenet_regression_k2 step flipped_part 0.6 0'").iloc[0]
    data, curves = choicenet.points_of(table, run), table.details[run.key]
    fig = choicenet.along_x({"one\nrun": (data, run.row, curves, "step"), "again": (data, run.row, curves, "step")})
    np.testing.assert_allclose(line(fig.axes[0], "ChoiceNet, as printed, K = 2")[1], curves["fit"])
    np.testing.assert_allclose(np.ravel(fig.axes[3].collections[0].get_array()), np.array(curves["rho"])[:, 1])
    fit = next(drawn for drawn in fig.axes[0].lines if drawn.get_label() == "ChoiceNet, as printed, K = 2")
    assert fit.get_color() == viz.PALETTE[0]  # whatever the row's, since the points are grey
    rho = np.array(curves["rho"])[:, 1]
    said = f"correlation {rho.min():.2f} to {rho.max():.2f}"
    assert f"one, run: {said}; again: {said}." in viz.description(fig)


def test_training_points_are_made_once(table):
    run = table.runs.query("key == 'l2 step uniform 0.6 0'").iloc[0]
    assert choicenet.points_of(table, run) is choicenet.points_of(table, run)


def test_the_diagram_names_its_last_component():
    words = " ".join(text.get_text() for text in choicenet.diagram(K=12).axes[0].texts)
    assert "component 12, correlation ρ₁₂" in words and "⋮" in words


def test_every_row_of_the_made_up_table_is_one_of_the_papers():
    assert set(ROWS) <= set(viz.row_labels("05_choicenet"))
