"""The explorers of notebook 05 offer what is recorded, show it as a fresh figure would, and need no torch."""

import dataclasses
import importlib
import sys

import numpy as np
import pandas as pd
import pytest
import torch
from figures import legible, line
from regression_table import RATES, ROWS, SEEDS, error, made_up

from lnlkit import losses, recorded, viz, widgets
from lnlkit.data import targets
from lnlkit.viz.choicenet import Regressions, TwoClassifiers, pictures
from lnlkit.viz.choicenet.explorers import LABELS


@pytest.fixture(scope="module")
def table():
    return made_up()


@pytest.fixture(scope="module")
def picture(table):
    return Regressions(table)


CHOICES = [
    {"dataset": "step", "noise": "flipped_part", "noise_rate": 0.6, "row": "choicenet_regression_k2"},
    {"dataset": "diabetes", "noise": "uniform", "noise_rate": 0.2, "row": "mdn"},
    {"dataset": "step", "noise": "flipped_part", "noise_rate": 0.2, "row": "l2"},
    {"dataset": "cosexp", "noise": "uniform", "noise_rate": 0.6, "row": "mdn"},
    {"dataset": "step", "noise": "uniform", "noise_rate": 0.0, "row": "choicenet_regression"},
]


# ---- recorded regressions


def test_only_what_is_recorded_is_offered_in_the_order_of_the_paper(picture):
    offered = picture.offered
    assert list(offered.columns) == ["dataset", "noise", "noise_rate", "row"]
    assert list(offered["dataset"].unique()) == ["cosexp", "step", "diabetes"]
    assert len(offered) == 4 * (2 * (3 + 2) + 3)  # rows x (functions x (uniform, flipped) + diabetes)
    assert set(offered.query("dataset == 'diabetes'")["noise"]) == {"uniform"}
    assert list(offered.query("noise == 'flipped_part' and dataset == 'step'")["noise_rate"].unique()) == [0.2, 0.6]
    assert list(offered["noise"].unique()) == ["uniform", "flipped_part"]
    assert list(offered["row"][:4]) == ["l2", "mdn", "choicenet_regression", "choicenet_regression_k2"]


def test_a_function_without_a_curve_is_not_offered():
    assert set(Regressions(made_up(seeds=(1,))).offered["dataset"]) == {"diabetes"}


def test_controls_say_what_they_choose(table):
    shown = widgets.Explorer(Regressions(table))
    assert shown.choice == {"dataset": "cosexp", "noise": "uniform", "noise_rate": 0.6, "row": "choicenet_regression"}
    labels = [label for label, _ in shown.controls["noise"].options]
    assert labels == ["uniform outliers", "flipped outliers for x in [0, 2]"]
    assert [label for label, _ in shown.controls["row"].options][2:] == ["ChoiceNet", "ChoiceNet, as printed, K = 2"]
    assert [label for label, _ in shown.controls["dataset"].options][2] == "diabetes (table)"


def test_a_run_shows_its_fit_over_its_own_points(table, picture):
    fig = picture.draw(**CHOICES[0])
    curves = table.details["choicenet_regression_k2 step flipped_part 0.6 0"]
    np.testing.assert_allclose(line(picture.fit, "ChoiceNet, as printed, K = 2")[1], curves["fit"])
    data = targets.sample("step", 400, 0.6, 0, kind="flipped", region=(0.0, 2.0), sd=0.05)
    np.testing.assert_array_equal(line(picture.fit, "outliers")[0], data.x[data.outlier, 0])
    np.testing.assert_allclose(np.ravel(picture.strip.collections[0].get_array()), np.array(curves["rho"])[:, 1])
    assert picture.scale.get_visible()
    title = fig.get_suptitle()
    assert "K = 2 on step, flipped outliers for x in [0, 2], rate 0.6" in title
    assert "realised 0.100 of all points; 3 seeds" in title


def test_all_errors_stand_beside_it_from_the_best_seed_to_the_worst(picture):
    picture.draw(**CHOICES[0])
    labels = [text.get_text() for text in picture.errors.get_legend().get_texts()]
    assert labels == ["L2", "MDN", "ChoiceNet", "ChoiceNet, as printed, K = 2"]
    means = {row: [np.mean([error(row, rate, seed) for seed in SEEDS]) for rate in RATES] for row in ROWS}
    drawn = [found for found in picture.errors.lines if found.get_marker() != "None" and len(found.get_xdata())]
    np.testing.assert_allclose([np.array(found.get_data(), float) for found in drawn[:-1]],
                               [[RATES, means[row]] for row in ROWS])  # fmt: skip
    ends = [segment[:, 1] for bars in picture.errors.collections for segment in bars.get_segments()]
    np.testing.assert_allclose(ends[3:6], [[error("mdn", r, 0), error("mdn", r, 2)] for r in RATES], atol=1e-12)
    assert picture.errors.get_ylabel() == "mean absolute error" and picture.errors.get_ylim()[0] == 0
    strong, at = picture.marks
    np.testing.assert_allclose(strong.get_ydata(), means["choicenet_regression_k2"])
    assert list(at.get_xdata()) == [0.6, 0.6] and strong.get_linewidth() > 2 * drawn[0].get_linewidth()


def test_at_rate_zero_a_seed_counts_once_whatever_the_outliers():
    both = made_up(datasets=("step",), rows=("mdn",), rates=(0.0, 0.2))
    twin = both.runs.query("noise_rate == 0").assign(noise="flipped_part", mae=9.0)
    picture = Regressions(dataclasses.replace(both, runs=pd.concat([both.runs, twin], ignore_index=True)))
    for noise, value in (("uniform", error("mdn", 0.0, 0)), ("flipped_part", 9.0)):
        found = picture.of("step", noise).query("noise_rate == 0")
        assert list(found["seed"]) == list(SEEDS) and set(found["mae"]) == {value}


def test_rows_that_never_met_these_outliers_are_left_out():
    both = made_up(datasets=("step",), rows=("l2", "mdn"), rates=(0.0, 0.2))
    met = both.runs.query("row == 'mdn' or noise == 'uniform'")
    picture = Regressions(dataclasses.replace(both, runs=met))
    assert set(picture.of("step", "flipped_part")["row"]) == {"mdn"}
    assert set(picture.of("step", "uniform")["row"]) == {"l2", "mdn"}


def test_a_table_shows_the_error_of_every_seed(picture):
    picture.draw(**CHOICES[1])
    assert picture.seeds.get_visible()
    assert not any(ax.get_visible() for ax in (picture.fit, picture.strip, picture.scale))
    dots = [sorted(found.get_offsets()[:, 0]) for found in picture.seeds.collections if len(found.get_offsets())]
    np.testing.assert_allclose(dots[1], [1.3 * error("mdn", 0.2, seed) for seed in SEEDS])
    named = [text.get_text() for text in picture.seeds.texts]
    assert named == ["L2", "MDN", "ChoiceNet", "ChoiceNet, as printed, K = 2"]
    assert picture.errors.get_ylabel() == "root mean squared error"


@pytest.mark.parametrize(("choice", "sentence"), [(CHOICES[2], "L2 is no mixture"), (CHOICES[3], "independent")])
def test_a_sentence_stands_where_there_is_no_correlation(picture, choice, sentence):
    picture.draw(**choice)
    assert sentence in picture.strip.texts[0].get_text() and picture.strip.get_visible()
    assert not picture.scale.get_visible()


def test_words_of_a_run_have_its_numbers(picture):
    def words(row, dataset, noise="uniform", rate=0.6):
        return viz.description(picture.draw(dataset=dataset, noise=noise, noise_rate=rate, row=row))

    said, of = words("mdn", "cosexp"), [error("mdn", 0.6, seed) for seed in SEEDS]
    assert said.endswith(f"mean absolute error {np.mean(of):.3g}, the smallest is 0.09, of ChoiceNet.")
    said = words("choicenet_regression", "diabetes")
    assert "root mean squared error 0.117" in said and said.endswith("the smallest of 4 methods.")


def pixels(picture, choice):
    fig = picture.draw(**choice)
    fig.dpi = 40
    fig.canvas.draw()
    return np.asarray(fig.canvas.buffer_rgba()).copy()


def test_a_picture_that_was_others_before_is_the_same_as_a_fresh_one(table):
    picture = Regressions(table)
    for choice in (*CHOICES, CHOICES[0]):
        picture.draw(**choice)
    last = {**CHOICES[0], "noise_rate": 0.2}
    np.testing.assert_array_equal(pixels(picture, last), pixels(Regressions(table), last))


def test_another_method_leaves_the_errors_as_they_are(table):
    picture = Regressions(table)
    picture.draw(**CHOICES[3])
    before, lines, other = picture.errors.lines[0], len(picture.errors.lines), picture.fit.lines[0]
    picture.draw(**{**CHOICES[3], "row": "l2"})
    assert picture.errors.lines[0] is before and picture.fit.lines[0] is not other
    assert len(picture.errors.lines) == lines  # the mark of the other method is gone
    picture.draw(**CHOICES[1])  # other data, the same outliers
    assert picture.errors.lines[0] is not before


@pytest.mark.parametrize("choice", CHOICES[:3], ids=lambda choice: choice["row"])
def test_every_word_can_be_read(picture, choice):
    assert legible(picture.draw(**choice))


def test_all_values_that_the_shipped_runs_offer_are_drawn():
    picture = pictures(recorded.load("05"))["regression"]
    for control in picture.offered:
        for choice in picture.offered.drop_duplicates(control).to_dict("records"):
            assert viz.description(picture.draw(**choice)).startswith(LABELS[choice["row"]])


def test_exploring_regressions_needs_no_torch(table, monkeypatch):
    monkeypatch.setattr(viz, "choicenet", viz.choicenet)  # put back afterwards, as the modules are
    for name in [name for name in sys.modules if name.startswith("lnlkit.viz.choicenet")]:
        monkeypatch.delitem(sys.modules, name)
    for name in ("torch", "sklearn"):
        monkeypatch.setitem(sys.modules, name, None)  # importing it fails
    for picture in importlib.import_module("lnlkit.viz.choicenet").pictures(table).values():
        picture.draw(**picture.start)


# ---- two classifiers


@pytest.fixture(scope="module")
def two():
    return TwoClassifiers()


def scores(two, rho, corruption):
    """Signed scores of the two classifiers drawn, kept then flipped labels, (2, n) each; and the mean weights."""
    two.draw(rho=rho, corruption=corruption)
    bars = zip(two.bars.get_xticklabels(), two.bars.patches, strict=True)
    weights = {name.get_text(): bar.get_height() for name, bar in bars}
    return np.array(line(two.plane, "label kept")), np.array(line(two.plane, "label flipped")), weights


def eq4(pi, first, second, sign):
    """The loss of Paper 05, Eq. (4), for scores times observed labels: sign -1 as it is printed, 1 as it is needed."""
    scores = (torch.tensor(score) for score in np.broadcast_arrays(first, second, 1.0, pi))
    return losses.weighted_scores(*scores, minus=sign < 0).numpy()


def test_correlations_walk_from_minus_one_to_one(two):
    shown = widgets.Explorer(two)
    assert list(two.offered["rho"].unique()) == [-1, -0.75, -0.5, -0.25, 0, 0.25, 0.5, 0.75, 1]
    assert list(two.offered["corruption"].unique()) == [0, 0.1, 0.2, 0.3, 0.4, 0.5]
    assert len(two.offered) == 54 and shown.choice == {"rho": -1.0, "corruption": 0.3}
    shown.controls["rho"].value = 0.5
    assert two.fig.get_suptitle().startswith("correlation 0.5, 30 % of the labels flipped")


@pytest.mark.parametrize("rho", [-1.0, -0.5, 0.0, 0.75, 1.0])
def test_the_weights_are_those_that_minimise_the_loss(two, rho):
    n, sigma = 2000, 0.5
    kept, flipped, weights = scores(two, rho, 0.3)
    for points, name in ((kept, "kept"), (flipped, "flipped")):
        share = np.where(np.isclose(points[0], points[1]), 0.5, eq4(1, *points, 1) < eq4(0, *points, 1)).mean()
        assert share == pytest.approx(weights[name], abs=5 * np.sqrt(0.25 / points.shape[1]))
    # The difference of the scores is (1 - rho) y plus Gaussian noise of variance 2 (1 - rho) sigma^2.
    from scipy.stats import norm

    expected = norm.cdf(np.sqrt((1 - rho) / 2) / sigma)
    right = 0.3 * weights["flipped"] + 0.7 * (1 - weights["kept"])
    assert right == pytest.approx(expected, abs=4.5 * np.sqrt(0.25 / n) if -1 < rho < 1 else 0.01)
    assert weights["all"] == pytest.approx(0.3 * weights["flipped"] + 0.7 * weights["kept"])


def test_the_printed_sign_leaves_the_weight_undecided(two):
    kept, flipped, _ = scores(two, -1.0, 0.3)
    for points in (kept, flipped):
        np.testing.assert_allclose(eq4(1, *points, -1), eq4(0, *points, -1))
        assert np.abs(eq4(1, *points, 1) - eq4(0, *points, 1)).mean() > 1


def test_scores_have_the_means_and_the_correlation_asked_for(two):
    kept, flipped, _ = scores(two, -0.5, 0.4)
    for points, y in ((kept, 1), (flipped, -1)):
        n = points.shape[1]
        np.testing.assert_allclose(points.mean(1), [y, -0.5 * y], atol=4.5 * 0.5 / np.sqrt(n))
        np.testing.assert_allclose(points.std(1), 0.5, atol=4.5 * 0.5 / np.sqrt(2 * n))
        assert np.corrcoef(points)[0, 1] == pytest.approx(-0.5, abs=4.5 * 0.75 / np.sqrt(n))
    assert flipped.shape[1] / (kept.shape[1] + flipped.shape[1]) == pytest.approx(0.4, abs=0.1)


def test_densities_are_those_of_the_scores(two):
    two.draw(rho=-0.5, corruption=0.3)
    for panel, mean in ((two.first, 1.0), (two.second, -0.5)):
        for drawn, center, share in zip(panel.lines[:2], (mean, -mean), (0.7, 0.3), strict=True):
            at, density = drawn.get_data()
            mass = density.sum() * (at[1] - at[0])
            assert mass == pytest.approx(share, abs=1e-3)
            assert (at * density).sum() * (at[1] - at[0]) / mass == pytest.approx(center, abs=1e-3)


def test_words_about_two_classifiers_have_their_numbers(two):
    _, _, pi = scores(two, -0.75, 0.2)
    said = viz.description(two.fig)
    assert f"The mean weight of the second is {pi['all']:.2f}" in said
    assert "correlation -0.75, 20 % of the labels flipped" in said and "true share of flips is 0.20" in said


def test_every_word_about_two_classifiers_can_be_read(two):
    assert legible(two.draw(rho=0.25, corruption=0.4))
