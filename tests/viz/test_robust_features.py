"""Figures of Paper 03 draw what they are given, also from a part of the runs."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import small_features
from figures import legible, line, words
from matplotlib.colors import to_hex

from lnlkit import data, papers, recorded, viz
from lnlkit.viz import robust_features as paper_03
from lnlkit.viz.robust_features.memory import LABELS, LEARNED
from lnlkit.viz.robust_features.outcome import ABLATION, SHORT

pytestmark = pytest.mark.usefixtures("leaves_no_trace")

PUBLISHED = papers.load("03").tables


@pytest.fixture(scope="module")
def table():
    return small_features.table()


def only(table, query):
    """The table with some of its runs."""
    return dataclasses.replace(table, runs=table.runs.query(query))


def means(table, query, *columns, by="row"):
    """Means in per cent over the runs with symmetric noise, or epochs where `by` has them."""
    frame = table.epochs if "epoch" in by else table.runs
    return 100 * frame.query(f"noise == 'symmetric' and {query}").groupby(by)[list(columns)].mean()


def colored(ax, row):
    """The lines of axes in the colour of a row."""
    color = viz.row_styles("03")[row][1]["color"]
    return [drawn for drawn in ax.lines if to_hex(drawn.get_color()) == color]


# ---- the outcome


def test_the_overview_draws_curves_best_and_last_epochs(table):
    fig = paper_03.overview(table)
    left, *right = fig.axes
    curves = means(table, "noise_rate == 0.8", "test_acc", by=["row", "epoch"])["test_acc"]
    for row in ("ce", "ce_augmented", "robust_features"):
        np.testing.assert_allclose(colored(left, row)[0].get_ydata(), curves[row])
    assert words(left) == ["CE", "CE on T(x)", "A+B+C: the method"]  # from the lowest to the highest
    assert [ax.get_title() for ax in fig.axes] == ["80 % of the labels are wrong", "60 % wrong", "80 % wrong"]
    assert [text.get_text() for text in right[0].get_yticklabels()] == [SHORT[row] for row in ABLATION]
    for ax, rate in zip(right, (0.6, 0.8), strict=True):
        runs = means(table, f"noise_rate == {rate}", "oracle", "last")
        joined = {int(drawn.get_ydata()[0]): drawn.get_xdata() for drawn in ax.lines if drawn.get_linestyle() == "-"}
        for place, row in enumerate(ABLATION):
            np.testing.assert_allclose(joined[place], runs.loc[row])
        diamonds = {ABLATION[int(drawn.get_ydata()[0])]: drawn.get_xdata()[0] for drawn in ax.lines
                    if drawn.get_marker() == "D"}  # fmt: skip
        assert diamonds == {row: PUBLISHED["table-4"].cell(row, rate)[0] for row in PUBLISHED["table-4"].mean}
    said = viz.description(fig)
    ce = means(table, "noise_rate == 0.8", "oracle", "last").loc["ce"]
    assert f"CE {ce['oracle']:.1f} and {ce['last']:.1f} %" in said.split("at 80 %, best and last epoch: ")[1]
    assert "n\u00a0=\u00a03" in fig.legends[0].get_texts()[1].get_text() and legible(fig)


def test_the_overview_is_drawn_from_a_part_of_the_runs(table):
    some = only(table, "noise_rate == 0.8 and row in ('ce', 'only_a') and seed == 0")
    fig = paper_03.overview(some)
    assert [ax.get_title() for ax in fig.axes] == ["80 % of the labels are wrong", "80 % wrong"] and legible(fig)
    other = only(table, "noise_rate == 0.6 and row == 'only_a' or noise_rate == 0.8 and row == 'ce'")
    fig = paper_03.overview(other)
    assert [words(ax) for ax in fig.axes] == [["CE"], ["not run"], ["not run"]]
    smoke = small_features.table(rates=(0.3,), flips=())
    assert [ax.get_title() for ax in paper_03.overview(smoke).axes] == ["30 % of the labels are wrong", "30 % wrong"]
    assert "D" not in [drawn.get_marker() for drawn in paper_03.overview(smoke).axes[1].lines]  # Table 4 has no 30 %
    without = only(table, "row == 'only_a'")
    assert words(paper_03.overview(without).axes[0]) == ["A: bootstrapping"]


def test_the_overview_keeps_to_symmetric_noise_and_one_data_set(table):
    flipped = table.runs.query("noise_rate == 0.8").assign(noise="pairflip", key="flipped", oracle=0.1, last=0.1)
    mixed = dataclasses.replace(table, runs=pd.concat([table.runs, flipped]))
    assert viz.description(paper_03.overview(mixed)) == viz.description(paper_03.overview(table))
    more = table.runs.query("row == 'ce'").assign(dataset="cifar10", key="other", oracle=0.1, last=0.1)
    mixed = dataclasses.replace(table, runs=pd.concat([table.runs, more]))
    assert viz.description(paper_03.overview(mixed)) == viz.description(paper_03.overview(table))


def test_the_search_puts_each_setting_below_the_papers_numbers(table):
    fig = paper_03.search(table)
    made = {"datasets": {"mnist": {"n": {"train": 1800, "noisy_val": 200, "test": 2000}, "epochs": 40}}}
    names = [text.get_text() for text in fig.axes[0].get_yticklabels()]
    assert names[0] == "the paper: CIFAR-10, ResNet-18"
    assert names[1:5] == ["500 images", "1,000 images", "2,000 images", "all other runs"]
    assert [text.get_fontweight() for text in fig.axes[0].get_yticklabels()][3:6] == ["normal", "bold", "normal"]
    assert words(fig.axes[1]) == ["not run"] * 3  # 1,000 images, 20 epochs, CIFAR-10
    at = table.checks.query("noise_rate == 0.8").set_index("schedule")
    joined = {int(drawn.get_ydata()[0]): drawn.get_xdata() for drawn in fig.axes[1].lines
              if drawn.get_linestyle() == "-" and drawn.get_ydata()[0] % 1 == 0}  # fmt: skip
    np.testing.assert_allclose(joined[0], (38.42, 16.94))
    np.testing.assert_allclose(joined[1], 100 * at.loc["500 images", ["oracle", "last"]].astype(float))
    np.testing.assert_allclose(joined[4], means(table, "noise_rate == 0.8", "oracle", "last").loc["ce"])
    assert set(joined) == {0, 1, 3, 4, 5, 7} and legible(fig)
    fig = paper_03.search(dataclasses.replace(table, made=made))
    assert fig.axes[0].get_yticklabels()[4].get_text() == "2,000 images, 40 epochs"


def test_the_search_is_drawn_before_its_checks_or_its_main_runs_are_there(table):
    fig = paper_03.search(dataclasses.replace(table, checks=table.checks[:0]))
    assert words(fig.axes[0]) == ["not run"] * 7
    fig = paper_03.search(only(table, "row != 'ce'"))
    assert len(words(fig.axes[0])) == 4
    with pytest.raises(ValueError, match="`table` must have runs of CE with symmetric noise at 0.6 or 0.8"):
        paper_03.search(dataclasses.replace(only(table, "row != 'ce'"), checks=table.checks[:0]))


def test_table_1_has_all_rows_noises_and_epochs_on_one_scale(table):
    fig = paper_03.table_1(table)
    assert len(fig.axes) == 6 and legible(fig)
    assert len({ax.collections[0].get_clim() for ax in fig.axes}) == 1
    for ax, (noise, part) in zip(fig.axes, [(noise, part) for part in ("oracle", "best_val", "last")
                                            for noise in ("symmetric", "pairflip")], strict=True):  # fmt: skip
        own = table.runs.query(f"noise == '{noise}' and row == 'robust_features'").groupby("noise_rate")[part].mean()
        assert len(ax.get_yticks()) == 5  # CE, GCE, SL, the method, CE on T(x)
        shown = [text.get_text() for text in ax.texts]
        assert all(any(cell.startswith(f"{100 * mean:.1f} ±") for cell in shown) for mean in own)
        assert [text.get_text() for text in ax.get_xticklabels()] == [f"{100 * rate:.0f} %" for rate in own.index]
    assert fig.axes[0].get_title(loc="left").startswith("best epoch on clean test data, as the paper has it")
    assert "CE on T(x)" not in viz.description(fig) and "robust" in viz.description(fig).lower()


def test_table_1_of_one_kind_of_noise_is_legible(table):
    fig = paper_03.table_1(only(table, "noise == 'symmetric'"))
    assert len(fig.axes) == 3 and legible(fig)
    with pytest.raises(ValueError, match="`table` must have runs of the rows of Table 1"):
        paper_03.table_1(only(table, "row == 'only_a'"))


# ---- what is learned


def test_memorisation_separates_right_labels_from_wrong_ones(table):
    fig = paper_03.memorisation(table, 0.8)
    assert [ax.get_title().split("\n")[0] for ax in fig.axes] == [LABELS[row] for row in
                                                                 ("ce", "ce_augmented", "robust_features")]  # fmt: skip
    done = np.arange(1, 11) / 10
    for ax, row in zip(fig.axes, ("ce", "ce_augmented", "robust_features"), strict=True):
        epochs = means(table, f"row == '{row}' and noise_rate == 0.8", "memorised", "test_acc", by="epoch")
        at = [drawn.get_ydata() for drawn in ax.lines if len(drawn.get_xdata())]
        np.testing.assert_allclose(at[0], 97 * (1 - np.exp(-12 * done)))  # as small_features.history makes it
        np.testing.assert_allclose(at[1], epochs["memorised"])
        np.testing.assert_allclose(at[2], epochs["test_acc"])
        assert ax.get_title().endswith(f"{at[1][-1]:.0f} % of wrong labels learned")
    assert [text.get_text() for text in fig.legends[0].get_texts()] == [label for label, *_ in LEARNED.values()]
    assert legible(fig)


def test_memorisation_uses_the_realised_rate(table):
    """A run in which 0.75 of the labels are wrong, not 0.8: its share of fitted right labels follows from that."""
    realised = dataclasses.replace(table, runs=table.runs.assign(realised_rate=0.75))
    drawn = paper_03.memorisation(realised, 0.8, ["ce"]).axes[0].lines[0].get_ydata()
    epochs = means(table, "row == 'ce' and noise_rate == 0.8", "train_acc", "memorised", by="epoch")
    np.testing.assert_allclose(drawn, (epochs["train_acc"] - 0.75 * epochs["memorised"]) / 0.25)


def test_memorisation_leaves_out_what_was_not_run(table):
    fig = paper_03.memorisation(only(table, "row == 'ce'"), 0.1 * 8, ["ce", "gce", "robust_features"])
    assert [ax.get_title().split("\n")[0] for ax in fig.axes] == ["CE"] and legible(fig)
    four = paper_03.memorisation(table, 0.6, ["ce", "only_a", "only_b", "only_c"])
    assert [ax.axison for ax in four.axes] == [True] * 4 + [False] * 2 and legible(four)
    with pytest.raises(ValueError, match=r"`noise_rate` must be one that was recorded \(0.6, 0.8\), but got 0\."):
        paper_03.memorisation(table, 0.0)
    with pytest.raises(ValueError, match="`rows` must be among those recorded at rate 0.6"):
        paper_03.memorisation(table, 0.6, ["imae"])


def guessed(ax):
    """The guesses that are marked in axes, and the curves that have points."""
    marks = [drawn for drawn in ax.lines if drawn.get_marker() == "D" and len(drawn.get_xdata())]
    curves = [drawn for drawn in ax.lines if drawn.get_marker() != "D" and len(drawn.get_xdata())]
    return [drawn.get_ydata()[0] for drawn in marks], curves


def test_of_what_is_learned_a_guess_stands_alone_before_it_is_revealed(table):
    guesses = {"ce": 50, "ce_augmented": 20, "robust_features": 7}
    hidden = paper_03.memorisation(table, 0.8, guesses=guesses, revealed=False)
    for ax, guess in zip(hidden.axes, guesses.values(), strict=True):
        assert guessed(ax) == ([guess], []) and not ax.collections
        assert ax.get_title().endswith(f"\nyour guess: {guess} %")
    assert "learned," not in viz.description(hidden) and "accuracy" not in viz.description(hidden)
    assert "CE on T(x): your guess: 20 %" in viz.description(hidden) and legible(hidden)
    shown, plain = paper_03.memorisation(table, 0.8, guesses=guesses), paper_03.memorisation(table, 0.8)
    for ax, without, guess in zip(shown.axes, plain.axes, guesses.values(), strict=True):
        marks, curves = guessed(ax)
        assert marks == [guess] and len(curves) == 3 and guessed(without)[0] == []
        assert ax.get_title() == without.get_title()
        for one, other in zip(curves, guessed(without)[1], strict=True):
            np.testing.assert_allclose(one.get_data(), other.get_data())
    assert "of wrong labels learned, your guess: 50 %, test accuracy" in viz.description(shown) and legible(shown)


def test_a_row_that_nobody_guessed_is_shown(table):
    fig = paper_03.memorisation(table, 0.8, ["only_a", "ce_augmented"], guesses={"only_a": 5}, revealed=False)
    (mark, curves), (none, known) = (guessed(ax) for ax in fig.axes)
    assert (mark, curves, none, len(known)) == ([5], [], [], 3)
    assert fig.axes[1].get_title().endswith("of wrong labels learned")


def test_own_runs_stand_side_by_side(table):
    at = table.epochs.query("noise == 'symmetric' and noise_rate == 0.8 and seed == 1")
    own = {"CE": at[at["row"] == "ce"], "mine": at[at["row"] == "robust_features"]}
    fig = paper_03.own_run(own, 0.8)
    for ax, column in zip(fig.axes, ("test_acc", "memorised"), strict=True):
        for label, epochs in own.items():
            np.testing.assert_allclose(line(ax, label)[1], 100 * epochs[column])
    assert [text.get_text() for text in fig.legends[0].get_texts()] == ["CE", "mine"] and legible(fig)
    assert f"mine: test accuracy {100 * own['mine']['test_acc'].max():.1f} % at its highest" in viz.description(fig)


def test_alphas_are_drawn_against_the_share_of_the_training():
    curves = {"line": np.linspace(1, 0, 11), "late": [1, 1, 0]}
    fig = paper_03.alphas(curves)
    (x, y), (late, _) = line(fig.axes[0], "line"), line(fig.axes[0], "late")
    np.testing.assert_allclose(x, np.linspace(0, 1, 11))
    np.testing.assert_allclose(y, curves["line"])
    np.testing.assert_allclose(late, [0, 0.5, 1])
    assert "line 0.50, late 1.00" in viz.description(fig) and legible(fig)


# ---- features


def test_maps_show_noisy_labels_twice_and_true_ones(table):
    fig = paper_03.maps(table, 0.6)
    runs = table.runs.query("noise == 'symmetric' and noise_rate == 0.6")
    for ax, (row, by) in zip(fig.axes, (("a_b", "y"), ("robust_features", "y"), ("robust_features", "y_clean")),
                             strict=True):  # fmt: skip
        of = table.details[f"{row} symmetric 0.6 0 None"]["map"]
        right = np.array(of[by]) == np.array(of["y_clean"])
        dots, crosses = (part.get_offsets() for part in ax.collections)
        np.testing.assert_allclose(dots, np.array(of["x"])[right])
        np.testing.assert_allclose(crosses, np.array(of["x"])[~right])
    found = runs.groupby("row")[["feature_purity", "feature_nmi", "corrected"]].mean()
    for ax, row in zip(fig.axes, ("a_b", "robust_features"), strict=False):
        purity, nmi, _ = found.loc[row]
        assert ax.get_xlabel() == f"k-means groups: purity {purity:.2f}, NMI {nmi:.2f}"
    assert f"{100 * found.loc['robust_features', 'corrected']:.0f} %" in fig.axes[2].get_xlabel()
    assert legible(fig)


def test_the_true_labels_of_a_map_are_hidden_until_a_guess_is_revealed(table):
    found = table.runs.query("noise == 'symmetric' and noise_rate == 0.6 and row == 'robust_features'")["corrected"]
    told = f"true class of {100 * found.mean():.0f} %"
    hidden = paper_03.maps(table, 0.6, guesses={"corrected": 33}, revealed=False)
    (dots,) = hidden.axes[2].collections
    assert len(np.unique(dots.get_facecolors(), axis=0)) == 1 and not words(hidden.axes[2])
    np.testing.assert_allclose(dots.get_offsets(), table.details["robust_features symmetric 0.6 0 None"]["map"]["x"])
    assert hidden.axes[2].get_xlabel().endswith("your guess: 33 %") and told not in viz.description(hidden)
    assert legible(hidden)
    shown, plain = paper_03.maps(table, 0.6, guesses={"corrected": 33}), paper_03.maps(table, 0.6)
    assert shown.axes[2].get_xlabel() == plain.axes[2].get_xlabel() + "\n◇ your guess: 33 %"
    assert told in viz.description(shown).replace("\n", " ") and len(shown.axes[2].collections) == 2 and legible(shown)


def test_a_map_that_was_not_recorded_says_so(table):
    fig = paper_03.maps(only(table, "row != 'a_b'"), 0.6)
    assert words(fig.axes[0]) == ["features:\nnot recorded"] and len(fig.axes[1].collections) == 2
    others = only(table, "seed > 0")
    assert [words(ax) for ax in paper_03.maps(others, 0.8).axes] == [["features:\nnot recorded"]] * 3
    plain = only(table.__class__(**vars(table) | {"runs": table.runs.drop(columns=["feature_nmi", "corrected"])}),
                 "seed == 0")  # fmt: skip
    assert [ax.get_xlabel() for ax in paper_03.maps(plain, 0.6).axes] == [""] * 3


def test_restorations_stand_below_what_goes_in_with_their_errors(table):
    fig = paper_03.restored(table, 0.8)
    of = table.details["robust_features symmetric 0.8 0 None"]["restored"]
    np.testing.assert_array_equal(of["images"], data.load("digits").x_test[:6])
    axes = np.reshape(fig.axes, (3, 6))
    for across, name in zip(axes, ("images", "augmented", "restored"), strict=True):
        np.testing.assert_array_equal([ax.images[0].get_array() for ax in across], of[name])
    x, t = (np.array(of[name])[2] / 255 for name in ("images", "augmented"))
    assert [ax.get_xlabel() for ax in axes[:2, 2]] == ["", f"error {np.square(t - x).mean():.3f}"]
    assert legible(fig)


def test_restorations_of_a_row_without_decoder_are_refused(table):
    for row in ("ce", "only_c"):
        with pytest.raises(ValueError, match="`row` must be one whose restorations were recorded at rate 0.8"):
            paper_03.restored(table, 0.8, row)
    assert viz.description(paper_03.restored(table, 0.8, "only_b")).count("B: restoration") == 1


def test_recorded_rates_that_print_equal_are_one(table):
    assert viz.description(paper_03.maps(table, 0.2 * 3)) == viz.description(paper_03.maps(table, 0.6))
    assert recorded.same_rate(0.2 * 3) == 0.6 != 0.2 * 3
