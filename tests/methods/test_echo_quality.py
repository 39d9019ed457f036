"""What is said of modified images and selected originals."""

import numpy as np
import pytest
import torch
from small_runs import digits, recipe

from lnlkit import data, noise
from lnlkit.methods import echo_quality
from lnlkit.methods.echoalign import EchoAlign
from lnlkit.tasks.running import Splits
from lnlkit.training import fit


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


def test_pictures_hold_both_kinds_with_their_similarities(trained):
    method, splits = trained
    found = echo_quality.illustrate(method, splits)
    shown = found["images"]
    assert np.shape(shown["x"]) == np.shape(shown["modified"]) == (12, 8, 8)
    assert [a == b for a, b in zip(shown["y"], shown["y_clean"], strict=True)] == [False] * 6 + [True] * 6
    assert len(found["similarities"]["s"]) == len(found["similarities"]["right"]) == 350
    wrong = np.flatnonzero(splits.train.y != splits.train.y_clean)[:6]
    assert shown["s"][:6] == pytest.approx(method.similarity_[wrong].tolist(), abs=0.01)
