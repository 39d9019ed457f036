"""Pictures of the playground, drawn from its recorded runs."""

import time

import numpy as np
import pytest
from figures import legible

from lnlkit import recorded, viz, widgets
from lnlkit.recorded import ranks
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
