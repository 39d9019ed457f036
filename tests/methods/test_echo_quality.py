"""What is said of modified images and selected originals."""

import numpy as np
import pytest
import torch
from small_runs import digits, recipe

from lnlkit import data, noise, packing
from lnlkit.methods import echo_quality
from lnlkit.methods.base import CE
from lnlkit.methods.echoalign import EchoAlign
from lnlkit.tasks.running import Splits
from lnlkit.training import fit, predict


@pytest.fixture(scope="module")
def trained():
    """EchoAlign on digits with pair flips, and the data of its run."""
    y = noise.corrupt(digits(400).y, noise.pairflip(10, 0.4), np.random.default_rng(0))
    whole, images = digits(400, y), data.load("digits")
    splits = Splits(whole.take(range(350)), whole.take(range(350, 400)),
                    data.Labelled(images.x_test, images.y_test, 10))  # fmt: skip
    method = EchoAlign(threshold=0.9, strength=0.5)
    fit(method, splits.train, recipe(epochs=15))
    return method, splits


def test_the_most_that_can_be_kept_at_a_purity():
    """By hand: the shares of right labels among the best 1, 2, ... are 1, 1, 2/3, 3/4, 4/5."""
    s, right = [0.9, 0.8, 0.7, 0.6, 0.5], [True, True, False, True, True]
    assert echo_quality.kept_at(s, right) == {f"kept_at_{n}": 2 / 5 for n in (94, 96, 98, 99)}
    assert set(echo_quality.kept_at(s, [True] * 5).values()) == {1.0}
    assert set(echo_quality.kept_at(s, [False] * 5).values()) == {0.0}


def test_a_good_generator_and_its_selection_are_told_so(trained):
    found = echo_quality.judge(*trained)
    method, splits = trained
    right = splits.train.y == splits.train.y_clean
    assert found["purity"] == pytest.approx(right[method.selected_.numpy()].mean())
    assert found["kept"] == pytest.approx(method.selected_.float().mean().item())
    assert found["auc"] > 0.9 and found["ks"] > 0.7
    assert found["shows_label"] > 0.8 > 0.2 > found["shows_truth"]
    assert found["moved_wrong"] > 1.3 * found["moved_right"]
    assert np.log(10) > found["information"] > found["information_before"] + 0.3
    assert 0.5 < found["shift"] < 0.9 and found["edges"] > found["edges_random"]


def test_an_untouched_set_is_told_so(trained):
    """Modified copies that are the originals: nothing moves, nobody is fooled."""
    method, splits = trained
    before = method.modified_
    method.modified_ = torch.from_numpy(splits.train.x[:, None])
    try:
        found = echo_quality.judge(method, splits)
    finally:
        method.modified_ = before
    assert found["moved_right"] == found["moved_wrong"] == 0
    assert found["shows_truth"] > 0.95 and found["information"] == found["information_before"]


def test_clean_labels_leave_out_what_can_not_be_said(trained):
    method, splits = trained
    clean = Splits(digits(400).take(range(350)), splits.noisy_val, splits.test)
    assert not {"auc", "ks", "kept_at_96", "shows_label", "moved_wrong"} & set(echo_quality.judge(method, clean))


def test_pictures_hold_images_of_all_similarities(trained):
    method, splits = trained
    found = echo_quality.illustrate(method, splits)
    shown, s = found["examples"], method.similarity_.numpy()
    assert packing.unpack(shown["x"]).shape == packing.unpack(shown["modified"]).shape == (48, 8, 8)
    assert shown["s"] == sorted(shown["s"])
    assert shown["s"][0] == pytest.approx(s.min(), abs=1e-3) and shown["s"][-1] == pytest.approx(s.max(), abs=1e-3)
    assert len(found["similarities"]["s"]) == len(found["similarities"]["right"]) == 350
    place = int(np.abs(s - shown["s"][0]).argmin())
    assert np.array_equal(packing.unpack(shown["x"])[0], splits.train.x[place])
    assert np.array_equal(packing.unpack(shown["modified"])[0], method.modified_[place, 0].numpy())
    assert (shown["y"][0], shown["y_clean"][0]) == (splits.train.y[place], splits.train.y_clean[place])
    early = predict(method.features_.views.net, packing.unpack(shown["x"]))
    assert shown["corrected"] == early.argmax(1).tolist()


def test_pictures_hold_a_few_test_images_for_every_label(trained):
    method, splits = trained
    asked = echo_quality.illustrate(method, splits)["asked"]
    x, made = packing.unpack(asked["x"]), packing.unpack(asked["modified"])
    assert np.array_equal(x, splits.test.x[:4]) and made.shape == (4, 10, 8, 8)
    judge = CE()
    fit(judge, splits.test, recipe(epochs=25))
    assert (judge.predict(made.reshape(40, 8, 8)).argmax(1).numpy() == np.tile(range(10), 4)).mean() > 0.8


def test_pictures_hold_a_map_and_probabilities_of_originals_and_copies(trained):
    method, splits = trained
    found = echo_quality.illustrate(method, splits)
    assert np.shape(found["map"]["x"]) == (600, 2) and len(found["map"]["y"]) == 300
    before, after = (np.asarray(found["probability"][name]) for name in ("x", "modified"))
    assert before.sum() == after.sum() == 350
    assert before[0] > 100 > after[0]  # four in ten originals do not show their label


def test_sets_put_together_otherwise_say_nothing_of_images_and_draw_none(trained):
    method, splits = trained
    method.originals, method.modified = "none", "all"
    try:
        assert echo_quality.illustrate(method, splits) == {}
        assert set(echo_quality.judge(method, splits)) == {"kept", "purity", "auc", "ks", "kept_at_94", "kept_at_96",
                                                           "kept_at_98", "kept_at_99"}  # fmt: skip
    finally:
        method.originals, method.modified = "selected", "rejected"


def test_edges_are_where_brightness_jumps():
    """A bright square of 3x3: its outline, seen from above and from the left."""
    image = torch.zeros(1, 1, 6, 6, dtype=torch.uint8)
    image[..., 2:5, 2:5] = 200
    found = echo_quality.edges(image)[0]
    wanted = torch.zeros(5, 5, dtype=torch.bool)
    wanted[1, 1:4] = wanted[4, 1:4] = wanted[1:4, 1] = wanted[1:4, 4] = True
    assert torch.equal(found, wanted)
    assert not echo_quality.edges(torch.full((1, 1, 6, 6), 60, dtype=torch.uint8)).any()


def test_shift_is_half_where_nothing_moved_and_one_where_all_did(trained):
    method, splits = trained
    echo_quality.judge(method, splits)
    seen = method.seen_
    same = seen._replace(features_modified=seen.features)
    assert echo_quality._shift(same) == pytest.approx(0.5, abs=0.02)
    assert echo_quality._shift(seen._replace(features_modified=seen.features + 10)) > 0.99
