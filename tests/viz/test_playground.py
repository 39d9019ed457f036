"""Pictures of the playground, drawn from its recorded runs."""

import time

import numpy as np
import pytest
from figures import legible, line, words
from matplotlib.colors import to_hex
from sklearn.mixture import GaussianMixture

from lnlkit import recorded, viz, widgets
from lnlkit.recorded import by_example, ranks
from lnlkit.viz import playground

pytestmark = pytest.mark.usefixtures("leaves_no_trace")


@pytest.fixture(scope="module")
def table():
    return recorded.load("00")


@pytest.fixture(scope="module")
def picture(table):
    return playground.Playground(table)


@pytest.mark.parametrize("dataset, value", [("digits", "last"), ("mnist", "best_val")])
def test_the_overview_has_a_line_a_method_and_the_best_in_colour(table, dataset, value):
    fig = playground.overview(table, dataset, value)
    runs = table.runs[table.runs["dataset"] == dataset]
    n, order = runs["row"].nunique(), ranks.average_ranks(runs, value)["rank"]
    assert [ax.get_title() for ax in fig.axes] == ["symmetric", "pair-flip", "part-dependent", "instance-dependent"]
    assert all(len(ax.lines) == n for ax in fig.axes)
    named = {text.get_text() for text in fig.legends[0].get_texts()}
    best = [row for row in order.index if row != "ce"][:4]
    assert named == {playground.LABELS[row] for row in ("ce", *best)} and legible(fig)
    assert f"{playground.LABELS[best[0]]} {order[best[0]]:.1f}" in viz.description(fig)
    ce = next(line for line in fig.axes[1].lines if line.get_label() == "CE")
    wanted = 100 * runs.query("row == 'ce' and noise == 'pairflip'").groupby("noise_rate")[value].mean()
    assert np.allclose(ce.get_ydata()[-len(wanted):], wanted)


def test_the_explorer_shows_rates_epochs_and_flips_of_the_choice(table, picture):
    fig = picture.draw(dataset="digits", noise="pairflip", noise_rate=0.4, row="elr")
    runs = table.runs.query("dataset == 'digits' and noise == 'pairflip' and noise_rate == 0.4")
    mean = 100 * runs[runs["row"] == "elr"]["last"].mean()
    assert f"{mean:.1f} % at the last epoch" in viz.description(fig) and "ELR on digits" in fig.get_suptitle()
    rates = picture.rates.lines[1]
    assert rates.get_label() == "ELR" and rates.get_ydata()[-1] == pytest.approx(mean)
    assert rates.get_xdata()[0] == 0  # no noise is the same for all kinds
    assert picture.epochs.lines[0].get_ydata()[-1] == pytest.approx(mean, abs=0.1) and legible(fig)
    assert picture.flips.get_title() == "which label turns into which"


def test_every_choice_can_be_drawn_and_a_step_is_quick(picture):
    assert set(widgets.Explorer(picture).controls) == set(picture.start)
    began, n = time.process_time(), 0
    for choice in picture.offered.iloc[::29].to_dict("records"):
        assert viz.description(picture.draw(**choice))
        n += 1
    assert n > 10 and (time.process_time() - began) / n < 3  # 0.1 s on a quiet machine: `benchmarks/explorers.py`


def test_a_data_set_that_was_not_run_is_named(table):
    with pytest.raises(ValueError, match="`dataset` must be one of .'digits', 'mnist'., but got 'cifar10'"):
        playground.overview(table, "cifar10")
    assert playground.best_of(table).index[0] in playground.LABELS.values()


# ---- the problem, one's own curves, labels by hand, the map


GUESSES = {"fit_right": 90, "memorised": 30, "test_acc": 80}


def test_memorisation_has_the_recorded_means_and_the_guesses_beside_them(table):
    fig = playground.memorisation(table, 0.4, guesses=GUESSES)
    epochs = table.epochs.query("dataset == 'digits' and row == 'ce' and noise == 'symmetric' and noise_rate == 0.4")
    drawn = line(fig.axes[0], "wrong labels learned")[1]
    assert np.allclose(drawn, 100 * epochs.groupby("epoch")["memorised"].mean())
    assert line(fig.axes[0], "right labels learned")[1][-1] > 99  # (train_acc - rate memorised) / (1 - rate)
    marks = [of.get_ydata()[0] for of in fig.axes[0].lines if of.get_marker() == "D"]
    assert marks == list(GUESSES.values()) and legible(fig)
    assert "wrong labels learned 100 % (guess 30)" in viz.description(fig)


def test_nothing_of_the_truth_is_shown_before_it_is_revealed(table):
    hidden = [playground.memorisation(table, 0.4, guesses=GUESSES, revealed=False),
              playground.curves(table.runs.query("dataset == 'digits' and noise == 'symmetric' and row == 'ce'"),
                                guesses={0.2: 90, 0.4: 80}, revealed=False)]  # fmt: skip
    for fig in hidden:
        assert max(len(of.get_xdata()) for of in fig.axes[0].lines) <= 2 and not fig.axes[0].collections
        assert "uess" in viz.description(fig) and legible(fig)
    same = playground.same_matrix(table, 0.4, guesses={"model_idn": 75}, revealed=False)
    assert "instance-dependent" not in [of.get_label() for of in same.axes[1].lines]


def test_two_noises_of_one_matrix(table):
    fig = playground.same_matrix(table, 0.4, guesses={"model_idn": 75})
    runs = table.runs.query("dataset == 'digits' and row == 'ce' and noise_rate == 0.4")
    for kind, name in (("class_conditional", "class-conditional"), ("model_idn", "instance-dependent")):
        best = 100 * runs[runs["noise"] == kind]["best_val"].mean()
        assert f"{name} {best:.0f} %" in viz.description(fig)
    assert legible(fig)
    low = playground.same_matrix(table, 0.4, guesses={"model_idn": 10}).axes[1]
    assert low.get_ylim()[0] <= 10 and line(low, "instance-dependent")[1].min() > 10  # a low guess is in the picture


def test_small_losses_tell_how_many_of_those_kept_are_right():
    rng = np.random.default_rng(0)
    loss = np.concatenate([rng.normal(0.5, 0.1, 300), rng.normal(3, 0.3, 100)]).clip(0)
    wrong = np.arange(400) >= 290  # ten of those with a small loss
    mixture = GaussianMixture(2, random_state=0).fit(loss[:, None])
    fig = playground.small_loss({"one": (loss, wrong, mixture), "two": (loss, ~wrong, mixture)})
    assert f"of the 75 % that are kept {100 * 290 / 300:.0f} % are right" in viz.description(fig)
    assert f"two: of the 75 % that are kept {100 * 10 / 300:.0f} % are right" in viz.description(fig) and legible(fig)
    with pytest.raises(ValueError, match="`loss` and `wrong` must hold the same number"):
        playground.small_loss({"one": (loss[:3], wrong, mixture)})


def test_ones_own_curves_have_their_means_and_the_recorded_one_beside_them(table):
    runs = table.runs.query("dataset == 'digits' and noise == 'symmetric' and row in ['elr', 'ce']")
    fig = playground.curves(runs, guesses={0.2: 90}, beside=runs[runs["row"] == "ce"])
    names = [text.get_text() for text in fig.axes[0].get_legend().get_texts()]
    assert set(names) == {"CE", "ELR", "CE, recorded", "your guess"} and legible(fig)
    ce = 100 * runs[runs["row"] == "ce"].groupby("noise_rate")["last"].mean()
    assert f"CE from {ce[0.0]:.0f} % at rate 0 to {ce[0.8]:.0f} % at 0.8" in viz.description(fig)
    for color in ("black", to_hex("#777777")):  # seaborn's line of the runs, and the grey one beside it
        drawn = [of.get_ydata() for of in fig.axes[0].lines if to_hex(of.get_color()) == to_hex(color)]
        assert any(len(y) == len(ce) and np.allclose(y, ce) for y in drawn)


def test_labels_by_hand_show_the_next_image_and_in_the_end_the_matrix(table):
    of = by_example.load()[1]["digits"]
    images, y = of.images[:5], of.y_clean[:5]
    for labels in ([], [0, 1], [0, 1, 2, 3]):
        fig, n = playground.labelling(images, y, labels), len(labels)
        assert np.array_equal(fig.axes[0].images[0].get_array(), images[n])
        assert f"Image {n + 1} of 5" in viz.description(fig)
    fig = playground.labelling(images, y, [(y[0] + 1) % 10, *y[1:]])
    assert "another label than the data set: a rate of 20 %" in viz.description(fig) and legible(fig)
    assert len(fig.axes[1].images) == 1 and f"{(y[0] + 1) % 10}  ({y[0]})" in words(fig.axes[1])


def test_the_map_names_every_method_in_one_column_and_the_papers_in_colour():
    fig = playground.method_map()
    said = words(fig.axes[0])
    assert legible(fig) and [name for name in said if name[:2].isdigit()] == [
        "01  CVAE augmentation", "04  EchoAlign", "02  CAN", "03  Robust features", "05  ChoiceNet"]  # fmt: skip
    for label in ("Co-teaching", "DivideMix", "PENCIL", "Forward", "GCE", "ELR", "MDN", "confident learning"):
        assert said.count(label) == 1


def test_the_explorer_shows_the_noise_image_by_image(picture):
    of = by_example.load()[1]["digits"]
    picture.draw(dataset="digits", noise="model_idn", noise_rate=0.2, row="ce")
    y = of.noisy["model_idn", 0.2]
    wrong = np.flatnonzero(y[: len(of.images)] != of.y_clean[: len(of.images)])[:24]
    assert words(picture.gallery) == [f"{y[i]}  ({of.y_clean[i]})" for i in wrong]
    crosses = picture.map.collections[1].get_offsets()
    assert len(crosses) == (y != of.y_clean).sum()
    mosaic = picture.gallery.images[0].get_array()
    assert np.array_equal(mosaic[:8, :8], of.images[wrong[0]])
