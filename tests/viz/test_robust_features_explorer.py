"""The explorer of Paper 03 offers what was recorded, and draws it as a fresh figure would."""

import dataclasses
import subprocess
import sys

import numpy as np
import pytest
import small_features
from figures import legible, line, words

from lnlkit import viz, widgets
from lnlkit.viz import robust_features as paper_03

pytestmark = pytest.mark.usefixtures("leaves_no_trace")

TEST, HEART = "clean test images recognised", "wrong labels learned by heart"
METHOD = "Robust features (A+B+C)"


@pytest.fixture(scope="module")
def table():
    return small_features.table()


@pytest.fixture(scope="module")
def picture(table):
    return paper_03.pictures(table)["runs"]


def test_only_what_was_recorded_is_offered_clean_runs_under_every_noise(table, picture):
    offered = set(picture.offered.itertuples(index=False, name=None))
    noisy = set(table.runs.query("noise_rate > 0")[["noise", "noise_rate", "row"]].itertuples(index=False, name=None))
    clean = {(noise, 0.0, row) for noise in ("symmetric", "pairflip") for row in small_features.RIVALS}
    assert offered == noisy | clean
    explorer = widgets.Explorer(picture)
    assert explorer.choice == {"noise": "symmetric", "noise_rate": 0.8, "row": "robust_features"}
    assert [value for _, value in explorer.controls["noise"].options] == ["symmetric", "pairflip"]
    assert [value for _, value in explorer.controls["row"].options][:2] == ["ce", "gce"]  # as in the paper


def test_curves_stand_beside_those_of_ce(table, picture):
    fig = picture.draw(noise="symmetric", noise_rate=0.6, row="a_b")
    means = 100 * table.epochs.query("noise == 'symmetric' and noise_rate == 0.6").groupby(["row", "epoch"])[
        ["test_acc", "memorised"]].mean()  # fmt: skip
    for row, label in (("a_b", "A+B"), ("ce", "CE")):
        np.testing.assert_allclose(line(picture.curves, f"{label}: {TEST}")[1], means.loc[row, "test_acc"])
        np.testing.assert_allclose(line(picture.curves, f"{label}: {HEART}")[1], means.loc[row, "memorised"])
    runs = table.runs.query("noise == 'symmetric' and noise_rate == 0.6")
    runs = 100 * runs.groupby("row")[["oracle", "last"]].mean()
    said = viz.description(fig)
    assert said.startswith("A+B, symmetric noise, rate 0.6 (realised 0.600; 3 seeds): clean-test accuracy "
                           f"{runs.loc['a_b', 'oracle']:.1f} % at its highest")  # fmt: skip
    assert f"CE has {runs.loc['ce', 'oracle']:.1f} and {runs.loc['ce', 'last']:.1f} %." in said and legible(fig)


def test_map_and_restorations_are_those_of_the_run(table, picture):
    picture.draw(noise="symmetric", noise_rate=0.8, row="robust_features")
    of = table.details["robust_features symmetric 0.8 0 None"]
    wrong = np.array(of["map"]["y"]) != np.array(of["map"]["y_clean"])
    np.testing.assert_allclose(picture.points.collections[1].get_offsets(), np.array(of["map"]["x"])[wrong])
    assert picture.points.get_xlabel().startswith("k-means groups: purity 0.9")
    tiles = np.asarray(picture.images.images[0].get_array())
    for column, name in enumerate(("images", "augmented", "restored")):
        shown = tiles[:, 8 * column : 8 * column + 8].reshape(3, 8, 8)
        np.testing.assert_array_equal(shown, of["restored"][name][:3])


def test_what_a_row_has_not_is_said(table, picture):
    picture.draw(noise="symmetric", noise_rate=0.8, row="only_c")
    assert len(picture.points.collections) == 2 and words(picture.images)[0].startswith("restorations:\nrecorded for")
    fig = picture.draw(noise="pairflip", noise_rate=0.4, row="gce")
    assert words(picture.points)[0].startswith("map of features:\nrecorded for the method") and legible(fig)
    own = picture.draw(noise="symmetric", noise_rate=0.8, row="ce")
    assert "CE has" not in viz.description(own) and len(picture.curves.lines) == 2


def test_without_noise_nothing_is_learned_by_heart(picture):
    said = {viz.description(picture.draw(noise=noise, noise_rate=0.0, row="robust_features")).split(":")[1]
            for noise in ("symmetric", "pairflip")}  # fmt: skip
    assert len(said) == 1
    assert [drawn.get_label() for drawn in picture.curves.lines] == [f"CE: {TEST}", f"{METHOD}: {TEST}"]


def test_a_picture_drawn_after_others_is_as_a_fresh_one(table, picture):
    for choice in picture.offered.to_dict("records")[::6]:
        shown, fresh = (viz.bundle(of.draw(**choice), 60)[0]["image/png"] for of in (picture, paper_03.Runs(table)))
        assert shown == fresh, choice


def test_a_table_of_a_few_runs_is_enough(table):
    few = dataclasses.replace(table, runs=table.runs.query("row == 'only_a' and noise_rate == 0.6 and seed == 0"))
    explorer = widgets.Explorer(paper_03.Runs(few))
    assert explorer.choice == {"noise": "symmetric", "noise_rate": 0.6, "row": "only_a"} and explorer.redraw()
    clean = dataclasses.replace(table, runs=table.runs.query("noise_rate == 0"))
    assert set(paper_03.Runs(clean).offered["noise"]) == {"symmetric"}


def test_every_choice_is_drawn(errors_start_empty):
    some = small_features.table((0.0, 0.8), seeds=(0, 1), rivals=("ce", "gce"), ablation=("only_a", "robust_features"))
    widgets.Explorer(paper_03.Runs(some)).drive()
    assert widgets.ERRORS == []


def test_all_pictures_are_drawn_without_torch(root):
    code = """
import sys
sys.path.insert(0, "tests")
import small_features
from lnlkit.viz import robust_features as of
table = small_features.table((0.6,), (), (0,), rivals=("ce",), ablation=("a_b", "robust_features"), schedules=())
drawn = of.overview(table), of.search(table), of.table_1(table), of.maps(table, 0.6), of.restored(table, 0.6)
drawn += of.memorisation(table, 0.6), of.Runs(table).draw(noise="symmetric", noise_rate=0.6, row="a_b")
print(len(drawn), "torch" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False)
    assert done.stdout == "7 False\n", done.stderr
