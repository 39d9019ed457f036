"""Pictures of any study: a measure against the noise rate, and average ranks."""

import numpy as np
import pandas as pd
import pytest
from figures import extent, legible

from lnlkit import viz
from lnlkit.recorded import ranks
from lnlkit.viz import study

pytestmark = pytest.mark.usefixtures("leaves_no_trace")
COLORS = ["#0173b2", "#de8f05", "#029e73", "#d55e00", "#cc78bc", "#ca9161", "#fbafe4", "#949494", "#ece133", "#56b4e9"]


def runs(n, rates=(0.2, 0.4), noises=("pairflip", "symmetric")):
    """n rows, the later the better; the first is CE."""
    return pd.DataFrame([
        {"row": "ce" if place == 0 else f"m{place}", "dataset": "d", "noise": noise, "noise_rate": rate, "seed": seed,
         "last": 0.3 + place / 100 - rate / 10 + seed / 1000, "error": 1 - place / 100}
        for place in range(n) for noise in noises for rate in rates for seed in (0, 1)
    ])  # fmt: skip


def looks(n):
    names = ["ce", *(f"m{place}" for place in range(1, n))]
    return {name: (f"M {place}", {"color": COLORS[place % 10], "marker": "osD^"[place % 4], "linestyle": "-"})
            for place, name in enumerate(names)}  # fmt: skip


def named(fig):
    return [text.get_text() for text in fig.legends[0].get_texts()]


@pytest.mark.parametrize("n", [1, 2, 7])
def test_a_few_rows_all_have_a_name_and_a_look_of_their_own(n):
    fig = study.against_rate(runs(n), looks(n), what="d")
    assert [ax.get_title() for ax in fig.axes] == ["symmetric", "pair-flip"]  # one order on all pages
    assert named(fig) == [f"M {place}" for place in range(n)] and legible(fig)
    assert [line.get_color() for line in fig.axes[0].lines] == COLORS[:n]
    assert np.allclose(fig.axes[0].lines[0].get_ydata(), [28.05, 26.05])
    assert f"{n} methods on d" in viz.description(fig)


@pytest.mark.parametrize("n", [8, 23, 60])
def test_of_many_rows_ce_and_the_best_have_colours_that_differ_and_are_not_grey(n):
    fig = study.against_rate(runs(n), looks(n))
    assert named(fig) == ["M 0", *(f"M {n - place}" for place in (1, 2, 3, 4))] and legible(fig)
    strong = [line for line in fig.axes[0].lines if line.get_linewidth() > 1]
    colors = [line.get_color() for line in strong]
    assert len(fig.axes[0].lines) == n and len(set(colors)) == 5 and not set(colors) & {*study.GREYS, "#777777"}
    assert "the other methods are grey" in viz.description(fig)


def test_where_less_is_better_the_lowest_are_in_front():
    assert study.in_front(runs(9), "error", lower=True)[1:] == ["m8", "m7", "m6", "m5"]


def test_a_papers_own_method_is_in_front_wherever_it_ends():
    assert study.in_front(runs(9), front=("m2", "not run")) == ["ce", "m2", "m8", "m7", "m6"]
    assert named(study.against_rate(runs(9), looks(9), front=("m2",)))[1] == "M 2"


@pytest.mark.parametrize("kinds, shape", [(3, (1, 3)), (6, (2, 4))])
def test_panels_come_in_rows_of_four(kinds, shape):
    fig = study.against_rate(runs(3, noises=["symmetric", *(f"own {k}" for k in range(kinds - 1))]), looks(3))
    assert len(fig.axes) == shape[0] * shape[1] and legible(fig)
    assert [ax.axison for ax in fig.axes] == [True] * kinds + [False] * (len(fig.axes) - kinds)


def test_a_kind_of_noise_at_one_rate_has_no_line_and_no_panel():
    both = pd.concat([runs(2, noises=["symmetric"]), runs(2, rates=(0.45,), noises=["pairflip"])])
    assert [ax.get_title() for ax in study.against_rate(both, looks(2)).axes] == ["symmetric"]


def test_a_row_without_a_look_is_named():
    with pytest.raises(ValueError, match="`runs` must be one of .'ce'., but got 'm1'"):
        study.against_rate(runs(2), looks(1))


def test_ranks_are_dots_beside_the_band_of_the_critical_difference():
    table = runs(4)
    ranked = ranks.average_ranks(table, "last")
    fig = study.rank_dots({"last": ranked, "error": ranks.average_ranks(table, "error", lower=True)},
                          {row: f"M {row}" for row in ranked.index}, what="d")  # fmt: skip
    dots = fig.axes[0].lines[0]
    assert list(dots.get_xdata()) == [1, 2, 3, 4] == list(fig.axes[1].lines[0].get_xdata())
    assert [text.get_text() for text in fig.axes[0].get_yticklabels()] == ["M m3", "M m2", "M m1", "M ce"]
    assert np.diff(extent(fig.axes[0].patches[0])) == pytest.approx(ranked.attrs["critical_difference"])
    assert legible(fig) and "the best are M m3 1.0, M m2 2.0" in viz.description(fig)


def test_a_row_stands_under_the_kinds_of_noise_alone_that_it_was_run_with():
    many = runs(3, rates=(0.0, 0.2, 0.4))
    few = many[(many["noise"] == "symmetric") | (many["row"] == "ce")]
    fig = study.against_rate(few, looks(3))
    assert [len(ax.lines) for ax in fig.axes] == [3, 1]  # m1 and m2 have no point without noise under pair flips
