"""Figures of Paper 02 draw what they are given; the table is made up, expectations are counted again by hand."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import small_quality
from figures import extent, legible, words
from matplotlib.colors import to_rgb
from matplotlib.patches import Circle, FancyArrowPatch

from lnlkit import viz
from lnlkit.viz import quality_embedding as paper_02
from lnlkit.viz.quality_embedding.figures import quality_map

pytestmark = pytest.mark.usefixtures("leaves_no_trace")

LABELS = viz.row_labels("02_quality_embedding")
TRUSTED = np.array([[0.9, 0.1, 0], [0.05, 0.9502, 0], [0, 0, 1]])  # a row of rounded numbers
UNTRUSTED = np.array([[0.2, 0.5, 0.3], [0, 0, 0], [0.6, 0.2, 0.2]])


@pytest.fixture(scope="module")
def table():
    return small_quality.table(points=20)


@pytest.fixture(scope="module")
def overview(table):
    return paper_02.overview(table)


def of(table, dataset="scenes", **fields):
    """Runs of a data set whose columns have these values; None: no value."""
    runs = table.runs[table.runs["dataset"] == dataset]
    for name, value in fields.items():
        runs = runs[runs[name].isna() if value is None else runs[name] == value]
    return runs


def score(runs):
    return 100 * runs["best_val"].mean()


def line(ax, row):
    """x and y of the line in the colour of a row."""
    color = to_rgb(viz.row_styles("02_quality_embedding")[row][1]["color"])
    found = [drawn for drawn in ax.lines if to_rgb(drawn.get_color()) == color and len(drawn.get_xdata()) > 2]
    return np.array(found[0].get_xdata(), float), np.array(found[0].get_ydata(), float)


# ---- scores


def test_the_overview_has_a_curve_a_data_set_and_what_can_adds(table, overview):
    fig = overview
    titles = [ax.get_title().split("\n")[0] for ax in fig.axes]
    assert titles == ["scenes: mAP, %", "MNIST: mAP, %", "Labels that are right, %", "Wrong labels found: AUC"]
    names = [text.get_text() for text in fig.legends[0].get_texts()]
    assert names == [LABELS[row] for row in small_quality.ROWS]  # the ablations are not among them
    assert all(ax.get_legend() is None for ax in fig.axes) and legible(fig)
    said = viz.description(fig)
    plain, can = (of(table, row=row, noise_rate=0.4, size=1.0, lambda_mi=None) for row in ("bce", "can"))
    assert f"At P_noise 0.4, scenes: Plain {score(plain):.1f} %, CAN {score(can):.1f} %; MNIST: Plain" in said
    own = of(table, "mnist", row="can", noise_rate=0.4, size=1.0, lambda_mi=None)
    shares, aucs = (np.array([bar.get_width() for bar in ax.patches]) for ax in fig.axes[2:])
    right = [100 * own[name].mean() for name in ("given_right", "latent_right", "prior_right")]
    np.testing.assert_allclose(shares, right)
    np.testing.assert_allclose(aucs, own[["trust_auc", "distance_auc", "loss_auc"]].mean())
    assert f"latent labels of CAN: {right[1]:.0f}" in words(fig.axes[2])
    assert f"latent labels of CAN {right[1]:.3g}" in said


def test_curves_are_those_of_the_main_runs(table, overview):
    rates, mean = line(overview.axes[0], "can")
    np.testing.assert_allclose(rates, small_quality.RATES)
    own = {rate: of(table, row="can", noise_rate=rate, size=1.0, lambda_mi=None) for rate in rates}
    assert {len(runs) for runs in own.values()} == {3}
    np.testing.assert_allclose(mean, [score(runs) for runs in own.values()])


def test_the_overview_shows_what_there_is(table):
    few = replace(table, runs=of(table).drop(columns="latent_right"))
    titles = [ax.get_title().split("\n")[0] for ax in paper_02.overview(few).axes]
    assert titles == ["scenes: mAP, %", "Wrong labels found: AUC"]
    with pytest.raises(ValueError, match="at several noise rates"):
        paper_02.overview(replace(table, runs=of(table, "cifar10n")))


@pytest.fixture(scope="module")
def studies(table):
    return paper_02.studies(table)


def test_a_study_holds_all_but_one_thing_fixed(table, studies):
    assert [ax.get_title().split(",")[0] for ax in studies.axes] == ["scenes"] * 2 + ["MNIST"] * 2
    sizes, mean = line(studies.axes[1], "icnm")
    np.testing.assert_allclose(sizes, small_quality.SIZES)
    np.testing.assert_allclose(mean, [score(of(table, row="icnm", noise_rate=0.4, size=size)) for size in sizes])
    assert legible(studies) and all(ax.get_legend() is None for ax in studies.axes)
    mean = [score(of(table, row="can", noise_rate=0.4, size=size, lambda_mi=None)) for size in sizes]
    said = ", ".join(f"{m:.1f} %" for m in mean)
    assert f"scenes, size 0.2, 0.4, 0.6, 0.8, 1: CAN {said}" in viz.description(studies)


def test_lambdas_stand_at_equal_distances_and_none_is_the_papers(table, studies):
    ax = studies.axes[0]
    at, mean = line(ax, "can")
    np.testing.assert_array_equal(at, range(8))
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["0", "0.2", "0.3", "0.5", "1", "2", "5", "10"]
    lambdas = (0, 0.2, None, 0.5, 1, 2, 5, 10)
    own = [of(table, row="can", noise_rate=0.4, size=1.0, lambda_mi=value) for value in lambdas]
    np.testing.assert_allclose(mean, [score(runs) for runs in own])
    plain = next(drawn for drawn in ax.lines if drawn.get_linestyle() == "--")
    np.testing.assert_allclose(plain.get_ydata(), score(of(table, row="bce", noise_rate=0.4, size=1.0)))
    ground = next(patch for patch in ax.patches if to_rgb(patch.get_facecolor()) == to_rgb("#f2f2f2"))
    assert extent(ground)[0] == 3.5 and "no minimum" in words(ax)[0]  # between 0.5 and 1


GUESSES = {"mnist lambda_mi": 40, "scenes size": 70}


def marks(fig):
    """{(row, column): where the guess is} of panels with a diamond."""
    return {divmod(place, 2): (line.get_xdata()[0], line.get_ydata()[0]) for place, ax in enumerate(fig.axes)
            for line in ax.lines if line.get_marker() == "D" and line.get_markersize() == 9}  # fmt: skip


def test_nothing_of_the_studies_is_shown_before_it_is_revealed(table):
    fig = paper_02.studies(table, guesses=GUESSES, revealed=False)
    assert marks(fig) == {(1, 0): (7, 40), (0, 1): (0.2, 70)}  # the last of eight lambdas, the smallest size
    for ax, usual in zip(fig.axes, [2, 1, 2, 1], strict=True):
        drawn = [line for line in ax.lines if len(line.get_xdata()) and line.get_linestyle() != "--"]
        at = {x for line in drawn if line.get_markersize() != 9 for x in line.get_xdata()}
        bars = {x for lines in ax.collections for segment in lines.get_segments() for x in segment[:, 0]}
        assert at == {usual} and bars <= {usual}  # what was known: lambda 0.3, the whole training set
    known = score(of(table, "mnist", row="can", noise_rate=0.4, size=1.0, lambda_mi=None))
    assert f"MNIST, lambda 0.3: CAN {known:.1f} % (guess 40 % at 10)" in viz.description(fig) and legible(fig)
    assert [tick.get_text() for tick in fig.axes[0].get_xticklabels()][-1] == "10" and fig.axes[1].get_xlim()[0] < 0.2


def test_guesses_stand_beside_what_was_found(table, studies):
    fig = paper_02.studies(table, guesses=GUESSES)
    assert marks(fig) == {(1, 0): (7, 40), (0, 1): (0.2, 70)} and marks(studies) == {}
    np.testing.assert_allclose(line(fig.axes[0], "can"), line(studies.axes[0], "can"))
    assert "(guess 70 % at 0.2)" in viz.description(fig) and "guess" not in viz.description(studies) and legible(fig)
    with pytest.raises(ValueError, match="Did you mean 'scenes size'"):
        paper_02.studies(table, guesses={"scenes sizes": 70})


def test_the_studies_that_were_not_run_are_no_panels(table):
    part = table.runs[(table.runs["dataset"] != "mnist") | (table.runs["size"] == 1)]
    fig = paper_02.studies(replace(table, runs=part))
    assert [ax.axison for ax in fig.axes] == [True] * 3 + [False]
    by_lambda = paper_02.studies(replace(table, runs=part[part["size"] == 1]))  # no panel has a legend
    assert [ax.axison for ax in by_lambda.axes] == [True, False] * 2
    with pytest.raises(ValueError, match="that vary lambda or size"):
        paper_02.studies(replace(table, runs=of(table, "cifar10n")))


def test_tables_have_mean_and_deviation_and_the_share_of_wrong_labels(table):
    runs = paper_02.main_runs(table.runs)
    few = runs["noise_rate"].isin([0.4, 0.6]) & runs["row"].isin(["bce", "learnq", "can"])
    fig = paper_02.map_tables(runs[few & (runs["size"] == 1) & (runs["lambda_mi"] == 0.3)])
    assert len(fig.axes) == 4 and fig.get_figwidth() <= 10.6 and legible(fig)
    own = 100 * of(table, "mnist", row="learnq", noise_rate=0.6, size=1.0)["last"]
    assert "MNIST, mAP in % at the last epoch (n = 3)" in fig.axes[3].get_title()
    assert f"{own.mean():.1f} ± {own.std():.1f}" in words(fig.axes[3])
    assert [tick.get_text() for tick in fig.axes[3].get_xticklabels()] == ["0.4\n(36 %)", "0.6\n(54 %)"]
    sizes = paper_02.map_tables(
        runs[few & (runs["noise_rate"] == 0.4) & (runs["lambda_mi"] == 0.3)], columns="size"
    )
    assert [tick.get_text() for tick in sizes.axes[1].get_xticklabels()] == ["0.2", "0.4", "0.6", "0.8", "1"]
    assert len(sizes.axes) == 2 and "MNIST at the chosen epoch, best: CAN in 5" in viz.description(sizes)


# ---- what the quality knows

EMBEDDING = {"x": [[0, 0], [1, 0], [5, 5], [6, 5]], "label": [0, 1, 0, 1], "wrong": [0, 1, 1, 0],
             "flagged": [0, 0, 1, 1], "disagrees": [1, 0, 1, 0]}  # fmt: skip


@pytest.mark.parametrize(("by", "second"), [("flagged", [2, 3]), ("disagrees", [0, 2])])
def test_the_map_tells_clusters_by_colour_and_wrong_labels_by_marker(ax, by, second):
    assert quality_map(ax, EMBEDDING, by, title="map") is ax
    (points,) = ax.collections
    np.testing.assert_array_equal(points.get_offsets(), EMBEDDING["x"])
    colors = [to_rgb(color) for color in points.get_facecolors()]
    assert colors == [to_rgb(viz.PALETTE[i in second]) for i in range(4)]
    corners = [len(path.vertices) for path in points.get_paths()]
    assert corners[0] == corners[3] != corners[1] == corners[2]  # dots and crosses
    texts = [text.get_text() for text in ax.get_legend().get_texts()]
    assert texts[1].endswith(": 2 (1 wrong)") and texts[2] == "label vector wrong" and legible(ax.figure)


def test_maps_of_two_runs_stand_below_each_other():
    fig = paper_02.quality_maps({"recorded": EMBEDDING, "yours": EMBEDDING | {"flagged": [1, 1, 1, 0]}})
    assert [ax.get_title().split(":")[0] for ax in fig.axes] == ["recorded", "recorded", "yours", "yours"]
    assert "yours: 2-means on μ, trusted: 1 (0 wrong), untrusted: 3 (2 wrong)." in viz.description(fig) and legible(fig)
    with pytest.raises(ValueError, match="Did you mean 'flagged'"):
        quality_map(fig.axes[0], EMBEDDING, "flaged")


def test_transitions_share_a_scale_and_name_labels_that_never_occur():
    fig = paper_02.transitions({"trusted": TRUSTED, "untrusted": UNTRUSTED}, ["a", "b", "c"])
    left, right = fig.axes[:2]
    assert left.get_title() == "trusted: mean diagonal 95 %" and left.get_ylabel() == "latent label"
    assert left.collections[0].get_clim() == right.collections[0].get_clim() == (0, 100)
    drawn = np.ma.masked_array(right.collections[0].get_array()).reshape(3, 3)
    np.testing.assert_allclose(drawn.filled(-1), np.where(UNTRUSTED.sum(1, keepdims=True) > 0, 100 * UNTRUSTED, -1))
    assert sorted(words(right)) == sorted(["20", "50", "30", "never", "60", "20", "20"])
    assert viz.description(fig).endswith("untrusted: mean diagonal 20 %.") and legible(fig)
    assert UNTRUSTED[1].sum() == 0  # the argument is left as it was
    assert "none: no latent label" in viz.description(paper_02.transitions({"some": TRUSTED, "none": np.zeros((3, 3))}))
    assert paper_02.diagonal(UNTRUSTED) == pytest.approx(0.2) and np.isnan(paper_02.diagonal(np.zeros((3, 3))))


def test_error_signals_stand_in_groups_and_wrong_labels_on_grey():
    signals = pd.DataFrame({"bce": [0.1, 2.5], "can": [0.2, -0.6]}, index=["cat", "cat"])
    fig = paper_02.error_signals(signals, [False, True])
    (ax,) = fig.axes
    assert [[bar.get_height() for bar in bars] for bars in ax.containers] == [[0.1, 2.5], [0.2, -0.6]]
    assert sorted(words(ax)) == ["+0.10", "+0.20", "+2.50", "-0.60"]
    (grey,) = [patch for patch in ax.patches if to_rgb(patch.get_facecolor()) == to_rgb("#eeeeee")]
    assert extent(grey) == (0.5, 1.5)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["Plain", "CAN"] and legible(fig)
    assert "CAN +0.20, -0.60" in viz.description(fig)


def test_copying_is_on_grey_where_it_is_cheaper():
    costs = pd.DataFrame({"copy": [2.0, 2.1, 2.6, 4.0], "explain": [3.0, 2.6, 2.4, 2.2]}, index=[0.6, 0.8, 0.9, 0.98])
    found = pd.DataFrame({"corrected": [0.0, 0.9], "copied": [1.0, 0.1], "spoiled": [0.0, 0.0]}, index=[0.6, 0.98])
    fig = paper_02.copy_or_explain(costs, found.iloc[::-1])
    left, right = fig.axes
    np.testing.assert_allclose(left.lines[0].get_xydata(), np.stack([100 * costs.index, costs["copy"]], 1))
    np.testing.assert_allclose(right.lines[1].get_xydata(), [[60, 0], [98, 90]])
    colors = [[to_rgb(drawn.get_color()) for drawn in ax.lines] for ax in (left, right)]
    assert colors[0] == colors[1]  # copying and explaining have one colour each
    assert [extent(ax.patches[0]) for ax in (left, right)] == [(60, 80)] * 2 and legible(fig)
    said = viz.description(fig)
    assert "up to a confidence of 80 %" in said and "Corrected: 0 % at 60 %, 90 % at 98 %." in said
    assert len(paper_02.copy_or_explain(costs).axes) == 1


def test_nothing_of_the_costs_is_shown_before_it_is_revealed():
    costs = pd.DataFrame({"copy": [2.0, 2.1, 2.6, 4.0], "explain": [3.0, 2.6, 2.4, 2.2]}, index=[0.6, 0.8, 0.9, 0.98])
    found = pd.DataFrame({"corrected": [0.0, 0.9], "copied": [1.0, 0.1]}, index=[0.6, 0.98])
    for asked in (paper_02.copy_or_explain(costs, guesses={"even": 70}, revealed=False),
                  paper_02.copy_or_explain(costs, found, guesses={"even": 70}, revealed=False)):  # fmt: skip
        drawn = [line for ax in asked.axes for line in ax.lines if len(line.get_xdata())]
        assert [list(line.get_xdata()) for line in drawn] == [[70, 70], [70]]  # the line of the guess, its diamond
        assert not [patch for ax in asked.axes for patch in ax.patches] and not asked.axes[0].get_yticks().size
        assert viz.description(asked).endswith("Your guess: 70 %.") and "80" not in viz.description(asked)
        assert legible(asked)
    told = paper_02.copy_or_explain(costs, guesses={"even": 70})
    assert told.axes[0].get_xlim() == (0, 100) and [70] in [list(line.get_xdata()) for line in told.axes[0].lines]
    assert "up to a confidence of 80 %. Your guess: 70 %." in viz.description(told) and legible(told)


# ---- tables


def cells(styler):
    """The table as it is read: its header lines and rows, as lists of texts."""
    return [line.split(" | ") for line in styler.to_string(delimiter=" | ").strip().splitlines()]


def test_what_acts_stands_beside_the_checks(table):
    lines = cells(paper_02.what_acts(table))
    kinds = [cell[0].strip() for cell in lines[2:]]
    assert kinds == ["Plain", "CAN", "CAN, ρ = 1", "CAN, no quality"]
    can = of(table, row="can", noise_rate=0.4, size=1.0, lambda_mi=None)
    shown = 100 * can[["best_val", "last", "corrected"]]
    assert lines[3][1:4] == [f"{mean:.1f} ± {sd:.1f}" for mean, sd in zip(shown.mean(), shown.std(), strict=True)]
    assert lines[2][3].strip() == ""  # plain training corrects nothing
    fast = of(table, row="can", noise_rate=0.4, size=1.0, lambda_mi=None).assign(schedule="fast", best_val=0.5)
    lines = cells(paper_02.what_acts(replace(table, checks=fast)))
    assert lines[-1][0] == "CAN, fast" and lines[-1][1] == "50.0 ± 0.0" and lines[-1][5].strip() == ""


def test_what_it_knows_has_a_line_a_noise_and_one_for_own_runs(table):
    runs = paper_02.main_runs(table.runs).query("size == 1 and lambda_mi == 0.3")
    own = dict(table.runs.query("row == 'can'").iloc[-1]) | {"given_right": 0.6, "corrected": None, "noise_rate": 0.45}
    lines = cells(paper_02.what_it_knows(runs, {"yours": own}))
    assert [line[:3] for line in lines[1:]] == [
        *([name, f"{rate}", f"{90 * rate:.0f}"] for name in ("scenes", "MNIST") for rate in (0.2, 0.4, 0.6, 0.8)),
        ["yours", "0.5", "40"]]  # fmt: skip
    at = of(table, row="can", noise_rate=0.4, size=1.0, lambda_mi=None)
    assert lines[2][3] == f"{at['trust_auc'].mean():.2f}" and lines[2][6] == f"{100 * at['corrected'].mean():.0f}"
    assert lines[-1][6].strip() == "" and len(cells(paper_02.what_it_knows(runs))) == 9


# ---- diagrams


def edges(ax):
    """Arrows between circles, by letters, solid and dashed."""
    letters = {text.get_position(): text.get_text() for text in ax.texts}
    found = {"-": [], "--": []}
    for patch in ax.patches:
        if isinstance(patch, FancyArrowPatch):
            start, end = (letters[tuple(place)] for place in patch._posA_posB)
            found["-" if patch.get_linestyle() == "-" else "--"].append(start + end)
    return {drawn: sorted(pairs) for drawn, pairs in found.items()}


def test_the_graph_has_the_arrows_of_the_model():
    fig = paper_02.graph()
    assert edges(fig.axes[0]) == {"-": ["SY", "XZ", "ZY"], "--": ["XS", "XZ", "YS", "YZ"]}
    shaded = {tuple(np.round(c.center, 6)) for c in fig.axes[0].patches
              if isinstance(c, Circle) and to_rgb(c.get_facecolor()) != (1, 1, 1)}  # fmt: skip
    letters = {text.get_text(): text.get_position() for text in fig.axes[0].texts}
    assert shaded == {letters["X"], letters["Y"]} and legible(fig)
    assert "X to Z, Z and S to Y" in viz.description(fig)


def test_the_auto_encoders_differ_in_x():
    fig = paper_02.autoencoder_comparison()
    usual, ours = (edges(ax) for ax in fig.axes)
    assert usual == {"-": ["SY", "ZY"], "--": ["YS", "YZ"]}
    assert ours == {"-": ["SY", "XZ", "ZY"], "--": ["XS", "XZ", "YS", "YZ"]} and legible(fig)
    assert "decodes only Y" in viz.description(fig)


def test_gradients_stop_behind_the_prediction_and_before_the_target():
    fig = paper_02.architecture()
    (ax,) = fig.axes
    at = {text.get_text().split("\n")[0]: text.get_position() for text in ax.texts}
    stops = [drawn.get_xydata().mean(0) for drawn in ax.lines if to_rgb(drawn.get_color()) == to_rgb("#c00000")]
    assert len(stops) == 4  # two double bars
    behind, before = np.array(stops).reshape(2, 2, 2).mean(1)
    assert at["prediction"][0] < behind[0] < at["additive layer"][0]
    assert behind[1] == pytest.approx(at["prediction"][1])
    assert at["target, Eq. (7)"][0] < before[0] < at["additive layer"][0] and before[1] > at["prediction"][1] + 1
    assert legible(fig) and "without gradient" in viz.description(fig)
