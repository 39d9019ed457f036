"""Figures and tables of paper 05's classifiers show what a made-up table holds."""

import dataclasses
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from figures import legible
from regression_table import SEEDS, classified, diagnosed, error, made_up

from lnlkit import papers, viz
from lnlkit.methods import make
from lnlkit.viz import choicenet
from lnlkit.viz.choicenet.classifiers import CHOICES, HEADLINE, HUES, WALK

INCLUSIVE = "symmetric_inclusive"


def cells(table):
    """The texts of a Styler's cells, a list a line."""
    found = []

    class Parser(HTMLParser):
        def handle_starttag(self, tag, attrs):
            if tag == "tr":
                found.append([])
            elif tag in ("td", "th"):
                found[-1].append("")

        def handle_data(self, data):
            if found and found[-1]:
                found[-1][-1] += data.strip()

    Parser().feed(table.to_html())
    return found


def marks(ax, marker):
    """(x, y) of all points with this marker, sorted."""
    drawn = [np.transpose(line.get_data()) for line in ax.lines if line.get_marker() == marker]
    return sorted(tuple(map(float, point)) for points in drawn for point in points)


# ---- the outcome


@pytest.fixture(scope="module")
def outcome():
    runs = [classified(row, "mnist", 0.5, seed, 0.2 * place + 0.02 * seed, INCLUSIVE)
            for place, row in enumerate(HEADLINE) for seed in SEEDS]  # fmt: skip
    others = [classified("ce", "digits", 0.5, 0, 0.9, INCLUSIVE), classified("ce", "mnist", 0.2, 0, 0.99, INCLUSIVE),
              classified("ce", "mnist", 0.5, 0, 0.99)]  # fmt: skip
    return choicenet.overview(made_up(runs=runs + others))


def test_the_outcome_has_a_dot_a_seed_on_the_line_of_its_row(outcome):
    mnist, digits, _ = outcome.axes
    assert [text.get_text() for text in mnist.get_yticklabels()] == [viz.row_labels("05")[row] for row in HEADLINE]
    expected = [(100 * (0.2 * place + 0.02 * seed) / 2, place) for place in range(len(HEADLINE)) for seed in SEEDS]
    np.testing.assert_allclose(marks(mnist, "o"), sorted(expected))
    assert marks(digits, "o") == [(45, 0)] and marks(digits, "D") == []
    published = papers.load("05").tables["table-3-mnist-test"]
    assert marks(mnist, "D") == [(published.cell("ce", 0.5)[0], 0), (published.cell("choicenet", 0.5)[0], 2)]
    assert mnist.get_ylim() == digits.get_ylim() and mnist.get_ylim()[0] > mnist.get_ylim()[1]  # the first on top


def test_beside_it_are_the_errors_at_60_percent_outliers(outcome):
    right = outcome.axes[2]
    assert [text.get_text() for text in right.get_yticklabels()] == ["cosexp", "linear", "step"]
    drawn = {line.get_label(): line.get_data() for line in right.lines if len(line.get_xdata()) > 2}
    at, lines = drawn["MDN"]
    np.testing.assert_allclose(at, [error("mdn", 0.6, seed) for seed in SEEDS] * 2)
    assert list(np.round(lines)) == [0, 0, 0, 2, 2, 2]  # cosexp and step
    assert [text.get_text() for text in right.get_legend().get_texts()] == ["L2", "RL (Tukey)", "MDN", "ChoiceNet"]
    said = viz.description(outcome)
    assert "CE 0, 1, 2, CE, own learning rate 10, 11, 12, ChoiceNet 20, 21, 22" in said
    assert "cosexp: L2 0.37, MDN 0.51, ChoiceNet 0.09; step" in said


def test_the_outcome_can_be_read_and_does_not_need_all_runs(outcome):
    assert legible(outcome)
    assert viz.description(choicenet.overview(made_up(seeds=(0,)))).startswith("Mean absolute error at 60 %")
    few = made_up(datasets=("diabetes",), runs=[classified("ce", "mnist", 0.5, 0, 0.9, INCLUSIVE)])
    assert viz.description(choicenet.overview(few)).endswith("in per cent: CE 45.")


# ---- the walk


@pytest.fixture(scope="module")
def walked():
    runs = [diagnosed(row, dataset, rate, seed, 0.9 + 0.01 * seed, 0.001 * seed)
            for row in WALK for dataset, rate in (("digits", 0.2), ("mnist", 0.5)) for seed in SEEDS
            if row != "choicenet_tanh"]  # fmt: skip
    runs += [diagnosed("choicenet_tanh", "mnist", 0.5, seed, 0.05, 0.8) for seed in SEEDS]
    return made_up(runs=[*runs, classified("choicenet", "mnist", 0.45, 0, 0.5, "pairflip")])


def test_the_walk_shows_every_run_and_crosses_out_those_that_are_upside_down(walked):
    fig = choicenet.walk(walked)
    assert [ax.get_title() for ax in fig.axes] == ["mnist, 50 % redrawn", "digits, 20 % redrawn"]
    names = [text.get_text() for text in fig.axes[0].get_yticklabels()]
    assert names[0] == "ChoiceNet (authors' code)" and names[1] == "linear heads" and names[-1] == "as printed"
    mnist, digits = fig.axes
    place = WALK.index("choicenet_tanh")
    assert len(marks(mnist, "o")) == 3 * len(WALK) and len(marks(digits, "o")) == 3 * (len(WALK) - 1)
    np.testing.assert_allclose([x for x, y in marks(mnist, "o") if y == place], [5, 5, 5])
    np.testing.assert_allclose([x for x, y in marks(mnist, "o") if y == 0], [90, 91, 92])
    np.testing.assert_allclose(marks(mnist, "X"), [(80, place)] * 3)
    assert marks(digits, "X") == []
    assert viz.description(fig).endswith("the smallest is for more than 20% of the images: ρ = tanh 3 of 3.")
    assert legible(fig)


GUESSES = {"largest_right": 80, "smallest_right": 10}


def test_a_guess_of_the_walk_stands_where_its_run_will_be(walked):
    fig = choicenet.walk(walked, guesses=GUESSES)
    place = WALK.index("choicenet_tanh")
    assert marks(fig.axes[0], "D") == [(10, place + 0.15), (80, place - 0.15)] and marks(fig.axes[1], "D") == []
    colours = {of.get_xdata()[0]: of.get_markeredgecolor() for of in fig.axes[0].lines if of.get_marker() == "D"}
    assert colours == {value: HUES[name] for name, value in GUESSES.items()}
    assert marks(fig.axes[0], "o") == marks(choicenet.walk(walked).axes[0], "o") and legible(fig)
    assert viz.description(fig).endswith("guess: the largest logit is right 80 %, the smallest logit is right 10 %.")


def test_before_it_is_revealed_the_walk_has_its_first_row_alone(walked):
    fig = choicenet.walk(walked, guesses=GUESSES, revealed=False)
    for ax in fig.axes:
        assert {y for _, y in marks(ax, "o")} == {0} and marks(ax, "X") == []
        assert len(marks(ax, "o")) == len(SEEDS)
    assert len(marks(fig.axes[0], "D")) == 2 and legible(fig)
    assert viz.description(fig).startswith("Whose logit is right with ρ = tanh, on mnist? Your guess: the largest")


def test_rows_whose_sign_is_free_stand_on_grey(walked):
    ax = choicenet.walk(walked, ["choicenet", "choicenet_tanh"]).axes[0]
    (band,) = [patch for patch in ax.patches if patch.get_facecolor()[:3] != (1, 1, 1)]
    box = band.get_path().get_extents(band.get_patch_transform())
    assert (box.y0, box.y1) == (0.5, 1.5)


def test_the_choices_are_the_fields_in_which_the_two_methods_differ_and_a_line_changes_one():
    lines = [line for line in cells(choicenet.choices()) if line][1:]
    printed, authors = vars(make("choicenet")), vars(make("choicenet_authors"))
    assert {line[0] for line in lines} == {name for name in printed if printed[name] != authors[name]}
    assert [line[1:3] for line in lines] == [[str(printed[line[0]]), str(authors[line[0]])] for line in lines]
    rows = papers.load("05").rows
    for (row, _), line in zip(CHOICES.values(), lines, strict=True):
        assert rows[row].hparams[line[0]] == printed[line[0]] and row in WALK
        assert line[4] == rows[row].label.removeprefix("ChoiceNet, ")


# ---- accuracies, seeds, pulls


def test_accuracies_stand_in_the_cell_of_their_row_and_setting():
    runs = [classified("ce", "digits", rate, seed, rate + 0.1 * seed) for rate in (0.2, 0.5) for seed in (0, 1)]
    runs += [classified("choicenet", "digits", 0.2, 0, 0.9), classified("choicenet", "mnist", 0.5, 0, 0.7)]
    fig = choicenet.accuracies(made_up(runs=runs), ["choicenet", "ce", "mixup"])
    found = {
        ax.get_title(loc="left"): {tuple(map(int, t.get_position())): t.get_text() for t in ax.texts if t.get_text()}
        for ax in fig.axes
    }  # (column, row)
    assert found == {
        "digits, best noisy-validation epoch": {(0, 0): "90.0", (0, 1): "25.0 ± 7.1", (1, 1): "55.0 ± 7.1"},
        "mnist, best noisy-validation epoch": {(0, 0): "70.0"},
        "digits, last epoch": {(0, 0): "45.0", (0, 1): "12.5 ± 3.5", (1, 1): "27.5 ± 3.5"},
        "mnist, last epoch": {(0, 0): "35.0"},
    }
    assert [t.get_text() for t in fig.axes[0].get_yticklabels()] == ["ChoiceNet", "CE", "mixup"]
    assert [t.get_text() for t in fig.axes[2].get_xticklabels()] == ["symmetric\n20 %", "symmetric\n50 %"]
    assert viz.description(fig).endswith("the best of 3 settings: ChoiceNet in 2, CE in 1.")


@pytest.fixture(scope="module")
def apart():
    runs = [classified(row, name, rate, 0, value, INCLUSIVE)
            for row, value in {"ce": 0.9, "mixup": 0.7, "choicenet": 0.95}.items()
            for name in ("mnist", "digits") for rate in (0.2, 0.5)]  # fmt: skip
    return made_up(runs=runs)


def numbers(ax):
    """{(column, line): what stands in this cell}."""
    return {tuple(map(int, text.get_position())): text.get_text() for text in ax.texts if text.get_text()}


def test_a_guess_of_an_accuracy_stands_below_the_number_of_its_cell(apart):
    fig = choicenet.accuracies(apart, ["ce", "mixup", "choicenet"], guesses={"ce": 40, "mixup": 60})
    mnist, *others = fig.axes
    assert numbers(mnist) == {(0, 0): "90.0", (1, 0): "90.0\n◇ 40", (0, 1): "70.0", (1, 1): "70.0\n◇ 60",
                              (0, 2): "95.0", (1, 2): "95.0"}  # fmt: skip
    assert not any("◇" in text for ax in others for text in numbers(ax).values()) and legible(fig)
    assert viz.description(fig).endswith("ChoiceNet in 4. Your guess: CE 40 %, mixup 60 %.")


def test_before_they_are_revealed_there_are_no_accuracies_but_those_of_choicenet(apart):
    fig = choicenet.accuracies(apart, ["ce", "mixup", "choicenet"], guesses={"ce": 40, "mixup": 60}, revealed=False)
    mnist, *others = fig.axes
    assert numbers(mnist) == {(1, 0): "◇ 40", (1, 1): "◇ 60", (0, 2): "95.0", (1, 2): "95.0"}
    assert all({line for _, line in numbers(ax)} == {2} for ax in others)
    for ax in fig.axes:
        colours = np.ma.asarray(ax.collections[0].get_array()).reshape(3, 2)
        assert np.ma.getmaskarray(colours).tolist() == [[True] * 2, [True] * 2, [False] * 2]
        assert {text.get_fontweight() for text in ax.texts} == {"normal"}  # bold is the best
    assert viz.description(fig) == ("What will the accuracies on mnist be, symmetric (inclusive) 50%, best epoch? "
                                    "Your guess: CE 40 %, mixup 60 %.")  # fmt: skip
    assert legible(fig)


def test_settings_stand_in_the_order_of_their_rates():
    runs = [classified("ce", "mnist", rate, 0, rate, noise) for noise in (INCLUSIVE, "pairflip") for rate in (0.5, 0.2)]
    fig = choicenet.accuracies(made_up(runs=runs), ["ce"])
    names = [text.get_text().replace("\n", " ") for text in fig.axes[1].get_xticklabels()]
    assert names == [f"{name} {rate} %" for name in ("symmetric (inclusive)", "pair-flip") for rate in (20, 50)]
    assert [text.get_text() for text in fig.axes[0].texts] == ["20.0", "50.0"] * 2


def test_values_of_all_seeds_stand_in_a_cell_in_the_order_of_the_seeds():
    runs = [classified("ce", "mnist", 0.5, seed, value, schedule=name)
            for name, values in {"fast": {11: 0.5, 10: 0.526}, "slow": {10: 0.4}}.items()
            for seed, value in values.items()]  # fmt: skip
    runs += [classified("choicenet", "mnist", 0.5, 10, 1.0, schedule="slow")]
    table = choicenet.per_seed(made_up(runs=runs).checks, "A & B", value="best_val", across="schedule", digits=1)
    assert cells(table)[:3] == [["", "fast", "slow"], ["CE", "52.6, 50.0", "40.0"], ["ChoiceNet", "not run", "100.0"]]
    assert "A &amp; B; seeds 10, 11" in table.to_html()


def test_pulls_are_the_curves_that_it_is_given():
    curves = pd.DataFrame({"one": [0.9, 0.1], "two": [0.2, 0.3]}, index=[0.005, 0.995])
    fig = choicenet.pulls(curves)
    drawn = {tuple(line.get_ydata()) for line in fig.axes[0].lines if len(line.get_xdata())}
    assert drawn == {(0.9, 0.1), (0.2, 0.3)}
    assert [text.get_text() for text in fig.axes[0].get_legend().get_texts()] == ["one", "two"]
    assert viz.description(fig).endswith("at 0.005: one 0.900, two 0.200.")


def test_a_pull_that_is_guessed_is_drawn_once_it_is_revealed():
    curves = pd.DataFrame({"one": [0.9, 0.1], "two": [0.2, 0.3]}, index=[0.005, 0.995])
    for revealed in (False, True):
        fig = choicenet.pulls(curves, guesses={"two": 70}, revealed=revealed)
        drawn = [list(of.get_ydata()) for of in fig.axes[0].lines if len(of.get_xdata()) == 2]
        assert ([0.2, 0.3] in drawn) == revealed and [0.9, 0.1] in drawn
        assert marks(fig.axes[0], "D") == [(0.005, 0.7)] and legible(fig)
        assert ("two 0.200" in viz.description(fig)) == revealed
        assert viz.description(fig).endswith(" Your guess: two 70 %.")


@pytest.mark.parametrize("guesses", [[50], 50, "50", {"cee": 50}, {"ce": 101}, {"ce": "much"}])
def test_a_guess_is_a_share_in_per_cent_of_something_known(walked, apart, guesses):
    for draw in (lambda: choicenet.walk(walked, guesses=guesses),
                 lambda: choicenet.accuracies(apart, ["ce"], guesses=guesses),
                 lambda: choicenet.pulls(pd.DataFrame({"ce": [0.9, 0.1]}), guesses=guesses)):  # fmt: skip
        with pytest.raises((TypeError, ValueError), match="`guesses` must be"):
            draw()


def test_what_nobody_ran_is_named(walked):
    with pytest.raises(ValueError, match="diagnosed runs of these rows"):
        choicenet.walk(walked, ["ce"])
    nothing = dataclasses.replace(walked, runs=walked.runs.query("dataset == 'diabetes'"))
    with pytest.raises(ValueError, match="`table` must have classifiers or functions of what is shown"):
        choicenet.overview(nothing)
