"""Figures of Paper 04 draw what they are given, also from a part of the runs."""

import dataclasses
import subprocess
import sys

import numpy as np
import pytest
import small_echo
from figures import legible, line, words
from matplotlib.colors import to_hex

from lnlkit import packing, papers, viz, widgets
from lnlkit.viz import echoalign as paper_04
from lnlkit.viz.echoalign.settings import KNOWS, LABELS

pytestmark = pytest.mark.usefixtures("leaves_no_trace")


@pytest.fixture(scope="module")
def table():
    return small_echo.table()


def only(table, query):
    """The table with some of its runs."""
    return dataclasses.replace(table, runs=table.runs.query(query))


def drawn(table, row="echoalign", noise="part_dependent", rate=0.5):
    return table.details[f"{row} {noise} {rate} 0 None"]


# ---- the outcome


def test_the_overview_shows_copies_similarities_and_accuracies(table):
    fig = paper_04.overview(table)
    left, middle, right = fig.axes
    assert "50 % part-dependent" in fig.get_suptitle()  # the highest rate
    examples = drawn(table)["examples"]
    wrong = np.flatnonzero(np.asarray(examples["y"]) != examples["y_clean"])
    x, copies = packing.unpack(examples["x"]), packing.unpack(examples["modified"])
    tiles = [np.asarray(ax.images[0].get_array()) for ax in left.child_axes]
    assert len(tiles) == 8
    for upper, lower in zip(tiles[::2], tiles[1::2], strict=True):
        place = next(i for i in wrong if np.array_equal(x[i], upper))
        assert np.array_equal(copies[place], lower)
    assert "AUC 1.00, KS 0.80" in middle.get_xlabel()
    means = 100 * table.runs.query("noise == 'part_dependent' and noise_rate == 0.5").groupby("row")["best_val"].mean()
    names = [text.get_text() for text in right.get_yticklabels()]
    assert names[:2] == ["CE", "best rival: Co-teaching"] and "EchoAlign, other domain" in names
    at = {int(of.get_ydata()[0]): of.get_xdata() for of in right.lines}
    assert np.mean(at[names.index("EchoAlign")]) == pytest.approx(means["echoalign"])
    assert f"EchoAlign {means['echoalign']:.1f} %" in viz.description(fig) and legible(fig)


def test_the_overview_is_drawn_from_a_part_of_the_runs(table):
    few = only(table, "row in ('ce', 'select_only') and seed == 0 and noise == 'pairflip'")
    fig = paper_04.overview(few)
    assert words(fig.axes[0]) == ["images:\nnot recorded"] and "45 % pair-flip" in fig.get_suptitle()
    with pytest.raises(ValueError, match="`table` must have runs with wrong labels"):
        paper_04.overview(dataclasses.replace(table, runs=table.runs.assign(noise_rate=0.0)))


def test_table_1_is_a_heat_map_with_the_best_of_each_setting_in_bold(table):
    fig = paper_04.table_1(table)
    (ax,) = fig.axes
    assert [text.get_text() for text in ax.get_xticklabels()] == [
        "30 %\npart-\ndependent", "50 %\npart-\ndependent", "45 %\npair-flip"]  # fmt: skip
    rows = [text.get_text() for text in ax.get_yticklabels()]
    assert rows[0] == "CE" and set(rows) == {LABELS[row] for row in small_echo.ROWS}
    bold = {rows[int(text.get_position()[1])] for text in ax.texts if text.get_fontweight() == "bold"}
    assert bold == {"EchoAlign"} and "Best: EchoAlign at 30 % part-dependent" in viz.description(fig)
    assert "last epoch" in viz.description(paper_04.table_1(table, "last")) and legible(fig)


def test_learning_shows_losses_above_test_accuracies_a_column_a_kind_of_noise(table):
    fig = paper_04.learning(table)
    assert [ax.get_title() for ax in fig.axes] == ["50 % part-dependent", "45 % pair-flip", "", ""]
    runs = table.epochs.query("row == 'echoalign' and noise == 'pairflip'")
    over = runs.groupby("epoch")[["loss", "test_acc"]].mean()
    for ax, wanted in ((fig.axes[1], over["loss"]), (fig.axes[3], 100 * over["test_acc"])):
        assert len(ax.lines) == 2
        np.testing.assert_allclose(ax.lines[1].get_ydata(), wanted)
    assert [text.get_text() for text in fig.legends[0].get_texts()] == ["CE", "EchoAlign"] and legible(fig)
    assert f"45 % pair-flip, EchoAlign: test accuracy {100 * over['test_acc'].max():.1f} %" in viz.description(fig)
    with pytest.raises(ValueError, match="`table` must have runs of all of `rows` with wrong labels"):
        paper_04.learning(only(table, "row == 'ce'"))


def test_thresholds_are_lines_of_the_runs_that_differ_in_them_alone(table):
    fig = paper_04.thresholds(table)
    means = 100 * table.checks.groupby("schedule")["best_val"].mean()
    x, y = line(fig.axes[0], "30 % part-dependent")
    np.testing.assert_allclose(x, [0.5, 0.7, 0.9])
    np.testing.assert_allclose(y, means)
    with pytest.raises(ValueError, match="`table` must have runs at several thresholds"):
        paper_04.thresholds(dataclasses.replace(table, checks=table.checks[:0]))


def test_before_the_reveal_learning_shows_the_guess_and_no_curve_of_the_method(table):
    before, after = (paper_04.learning(table, guesses={"pairflip": 77}, revealed=done) for done in (False, True))
    plain = paper_04.learning(table)
    for fig in (before, after):
        (diamond,) = [of for of in fig.axes[3].lines if of.get_marker() == "D"]
        assert diamond.get_ydata().tolist() == [77] and fig.axes[3].get_ylim()[1] > 100
        assert fig.axes[3].get_xlim()[1] > diamond.get_xdata()[0]
        for place in (0, 2):  # the kind of noise that is not asked for is drawn as ever
            same = zip(fig.axes[place].lines, plain.axes[place].lines, strict=True)
            assert all(np.array_equal(a.get_ydata(), b.get_ydata()) for a, b in same)
    truth = [of.get_ydata() for of in (plain.axes[1].lines[1], plain.axes[3].lines[1])]
    for place, of in zip((1, 3), truth, strict=True):
        assert any(np.array_equal(drawn.get_ydata(), of) for drawn in after.axes[place].lines)
        shown = [drawn for drawn in before.axes[place].lines if len(drawn.get_ydata())]
        assert not any(np.array_equal(drawn.get_ydata(), of) for drawn in shown)
        assert len(shown) == 1 + (place == 3) and len(before.axes[place].collections) == 1
    words = "45 % pair-flip, EchoAlign: test accuracy"
    assert words not in viz.description(before) and "what will it be, your guess 77 %" in viz.description(before)
    assert words in viz.description(after) and "your guess 77 %" in viz.description(after)
    assert [text.get_text() for text in before.legends[0].get_texts()] == ["CE", "EchoAlign"] and legible(before)
    with pytest.raises(ValueError, match="`guesses` must be"):
        paper_04.learning(table, guesses={"symmetric": 50})


def test_before_the_reveal_thresholds_show_the_guesses_beside_ce_alone(table):
    guesses = {0.5: 40, 0.9: 70}
    before, after = (paper_04.thresholds(table, guesses=guesses, revealed=revealed) for revealed in (False, True))
    for fig in (before, after):
        x, y = line(fig.axes[0], "your guess")
        assert dict(zip(x, y, strict=True)) == guesses and fig.axes[0].get_ylim() == (0, 100)
        assert "your guess: 40 % at 0.5, 70 % at 0.9" in viz.description(fig) and legible(fig)
    assert len(line(before.axes[0], "30 % part-dependent")[0]) == 0 and not before.axes[0].collections
    np.testing.assert_allclose(line(after.axes[0], "30 % part-dependent")[1],
                               100 * table.checks.groupby("schedule")["best_val"].mean())  # fmt: skip
    means = 100 * table.checks.groupby("schedule")["best_val"].mean()
    assert not any(f"{mean:.1f} %" in viz.description(before) for mean in means)
    assert "what will it be?" in viz.description(before)
    assert "your guess" not in viz.description(paper_04.thresholds(table))


def test_own_runs_are_drawn_over_the_epochs(table):
    own = {LABELS[row]: table.epochs.query(f"row == '{row}' and noise == 'pairflip'") for row in ("ce", "echoalign")}
    fig = paper_04.own_run(own, 0.45)
    left, right = fig.axes
    for ax, column in ((left, "test_acc"), (right, "train_acc")):
        np.testing.assert_allclose(line(ax, "CE")[1], 100 * own["CE"].groupby("epoch")[column].mean())
    assert "45 % wrong labels" in viz.description(fig) and legible(fig)


# ---- similarity and selection


def test_similarities_have_a_panel_for_each_generator(table):
    fig = paper_04.similarities(table, "part_dependent", 0.3)
    assert [ax.get_title() for ax in fig.axes] == [f"generator: knows {KNOWS[row]}"
                                                   for row in ("echoalign", "echoalign_shift")]  # fmt: skip
    kept = 100 * table.runs.query("row == 'echoalign' and noise_rate == 0.3")["kept_at_96"].mean()
    words = f"AUC 1.00, KS 0.80; at 96 % right labels {kept:.0f} % can be kept"
    assert words in viz.description(fig) and words.replace("; ", "\n") in fig.axes[0].get_xlabel()
    more = dataclasses.replace(table, runs=table.runs.replace({"row": {"select_only": "echoalign_noisy"}}), details={
        key.replace("select_only", "echoalign_noisy"): of for key, of in table.details.items()} | {
        f"select_only part_dependent 0.3 {seed} None": drawn(table, rate=0.3) for seed in range(3)})  # fmt: skip
    three = paper_04.similarities(more, "part_dependent", 0.3)
    assert len(three.axes) == 3 and legible(three)  # as many as there can be
    with pytest.raises(ValueError, match="must have similarities at 30 % part-dependent"):
        paper_04.similarities(only(table, "row == 'ce'"), "part_dependent", 0.3)


def test_purity_is_the_curve_of_the_recorded_similarities(table):
    fig = paper_04.purity(table, "part_dependent", 0.3)
    (ax,) = fig.axes
    of = drawn(table, rate=0.3)["similarities"]
    right = np.asarray(of["right"])[np.argsort(-np.asarray(of["s"]), kind="stable")]
    curve = next(drawn for drawn in ax.lines if len(drawn.get_xdata()) == len(right))
    np.testing.assert_allclose(curve.get_ydata(), 100 * np.cumsum(right) / np.arange(1, len(right) + 1))
    published = papers.load("04").tables["table-4"]
    diamonds = {(of.get_xdata()[0], of.get_ydata()[0]) for of in ax.lines if of.get_marker() == "D"}
    assert (published.cell("bltm", "30%, 96% right")[0] / 500, 96.0) in diamonds and len(diamonds) == 4
    assert "BLTM 70 % at 94 %" in viz.description(fig) and legible(fig)


# ---- modified images


def test_the_gallery_has_wrong_labels_above_right_ones(table):
    fig = paper_04.gallery(table, "part_dependent", 0.5, n=3)
    notes = [ax.get_xlabel() for ax in fig.axes]
    assert notes[0] == "corrected: 9" and "S = " in notes[3] and legible(fig)
    examples = drawn(table)["examples"]
    wrong = np.asarray(examples["y"]) != np.asarray(examples["y_clean"])
    first, copy = (np.asarray(fig.axes[place].images[0].get_array()) for place in (0, 3))
    assert np.array_equal(first, packing.unpack(examples["x"])[wrong][0]) and np.array_equal(copy, 255 - first)
    with pytest.raises(ValueError, match="`row` must be one whose examples were recorded"):
        paper_04.gallery(table, "part_dependent", 0.5, row="ce")


def test_the_gallery_of_a_check_is_drawn_from_its_own_run(table):
    runs = table.runs.query("row == 'echoalign' and noise == 'pairflip' and seed == 0").assign(schedule="mine")
    other = dataclasses.replace(table, runs=table.runs.query("row == 'ce'"), checks=runs)
    fig = paper_04.gallery(other, "pairflip", 0.45, n=2, schedule="mine")
    assert "45 % pair-flip" in viz.description(fig)
    with pytest.raises(ValueError, match="`schedule` must be"):
        paper_04.gallery(other, "pairflip", 0.45, schedule="yours")


def test_alignment_has_a_bar_for_originals_and_for_each_generator(table):
    fig = paper_04.alignment(table, "part_dependent", 0.5)
    left, right = fig.axes
    assert [round(bar.get_width(), 1) for bar in left.patches] == [0.6, 1.5, 1.5]
    assert [text.get_text() for text in left.get_yticklabels()][0] == "x, the originals"
    heights = [bar.get_height() for bar in right.patches]
    assert heights[0] == pytest.approx(100 * 30 / 80) and heights[20] == pytest.approx(100 * 5 / 80) and legible(fig)


def test_maps_have_originals_and_copies_in_colours_of_their_own(table):
    fig = paper_04.maps(table, "part_dependent", 0.5)
    ax = fig.axes[0]
    points = np.asarray(drawn(table)["map"]["x"])
    originals, copies = (of.get_offsets() for of in ax.collections)
    np.testing.assert_allclose(np.concatenate([originals, copies]), points)
    assert ax.get_xlabel() == "told apart: AUC 0.70"
    colors = {to_hex(of.get_facecolors()[0]) for of in ax.collections}
    assert len(colors) == 2 and legible(fig)


def test_diagrams_say_what_they_show():
    for fig, said in ((paper_04.causes(), "Latent variables Z"), (paper_04.framework(), "EchoSelect compares both")):
        assert said in viz.description(fig) and legible(fig)


def test_settings_that_were_not_recorded_are_named(table):
    for draw in (paper_04.similarities, paper_04.purity, paper_04.gallery, paper_04.alignment, paper_04.maps):
        with pytest.raises(ValueError, match=r"recorded for `noise` \(pairflip 0.45, part_dependent 0.3"):
            draw(table, "pairflip", 0.3)


# ---- explorers


def test_the_threshold_explorer_counts_what_is_kept(table):
    picture = paper_04.Selection(table)
    fig = picture.draw(noise="part_dependent", noise_rate=0.5, row="echoalign", threshold=0.7)
    of = drawn(table)["similarities"]
    kept, right = np.asarray(of["s"]) >= 0.7, np.asarray(of["right"])
    said = f"{100 * kept.mean():.0f} % kept, {100 * right[kept].mean():.0f} % of these with right labels"
    assert picture.histogram.get_title() == said and said in viz.description(fig) and legible(fig)
    examples = drawn(table)["examples"]
    last = max(i for i, s in enumerate(examples["s"]) if s < 0.7)
    shown = picture.tiles["below", 4, 0].images[0].get_array()
    assert np.array_equal(shown, packing.unpack(examples["x"])[last])
    first = picture.tiles["kept", 0, 1].images[0].get_array()
    assert np.array_equal(first, packing.unpack(examples["modified"])[last + 1])


def test_a_threshold_that_keeps_nothing_says_so(table):
    high = dataclasses.replace(table, details={key: {**of, "similarities": {"s": [0.1, 0.2], "right": [True, False]}}
                                               if "similarities" in of else of for key, of in table.details.items()})
    picture = paper_04.Selection(high)
    fig = picture.draw(noise="pairflip", noise_rate=0.45, row="echoalign", threshold=0.95)
    assert "nothing to learn from" in viz.description(fig) and words(picture.histogram) == ["no original is kept"]


def test_the_modification_explorer_shows_the_image_for_every_label(table):
    picture = paper_04.Modification(table)
    fig = picture.draw(row="echoalign_shift", image=2, label=7)
    made = packing.unpack(drawn(table, "echoalign_shift", "pairflip", 0.45)["asked"]["modified"])
    assert np.array_equal(picture.large.images[0].get_array(), made[2, 7])
    for label, ax in enumerate(picture.small):
        assert np.array_equal(ax.images[0].get_array(), made[2, label])
    assert picture.large.get_title() == "x′ for label 7" and "towards label 7" in viz.description(fig) and legible(fig)


def test_pictures_drawn_after_others_are_as_fresh_ones(table):
    for kind in (paper_04.Selection, paper_04.Modification):
        picture = kind(table)
        for choice in picture.offered.to_dict("records")[::37]:
            shown, fresh = (viz.bundle(of.draw(**choice), 60)[0]["image/png"] for of in (picture, kind(table)))
            assert shown == fresh, choice


def test_every_choice_is_drawn(errors_start_empty):
    few = small_echo.table(("ce", "echoalign", "echoalign_shift"), (("pairflip", 0.45),), (0,), tried=())
    assert set(paper_04.pictures(few)) == {"selection", "modification"}
    for picture in paper_04.pictures(few).values():
        widgets.Explorer(picture).drive()
    assert widgets.ERRORS == []


def test_all_pictures_are_drawn_without_torch(root):
    code = """
import sys
sys.path.insert(0, "tests")
import small_echo
from lnlkit.viz import echoalign as of
table, at = small_echo.table(seeds=(0,)), ("part_dependent", 0.5)
drawn = of.overview(table), of.table_1(table), of.thresholds(table), of.purity(table, *at), of.maps(table, *at)
drawn += of.gallery(table, *at), of.alignment(table, *at)
of.Selection(table), of.Modification(table).draw(row="echoalign", image=0, label=1)
print(len(drawn), "torch" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False)
    assert done.stdout == "7 False\n", done.stderr
