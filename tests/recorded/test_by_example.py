"""What is recorded example by example is what the playground's runs are made of, and what they make again."""

import sys

import numpy as np
import pytest

from lnlkit import data, noise, papers, recorded
from lnlkit.recorded import by_example


@pytest.fixture(scope="module")
def shipped():
    return by_example.load()


@pytest.fixture(scope="module")
def table():
    return recorded.load("00")


@pytest.mark.parametrize("kind", by_example.NETWORKS)
def test_a_network_is_the_run_of_the_recorded_table(shipped, table, kind):
    of = shipped[0][kind]
    (run,) = table.runs.query("dataset == 'digits' and row == 'ce' and noise == @kind and noise_rate == 0.4"
                              " and seed == 0").to_dict("records")  # fmt: skip
    assert of.wrong.mean() == pytest.approx(run["realised_rate"], abs=1e-9) and of.best == run["best_epoch"] + 1
    assert of.loss.shape == (len(of.epochs), len(of.y)) and of.loss.min() >= 0
    np.testing.assert_allclose(of.p.sum(1), 1, atol=0.006)  # thousandths
    learned = table.epochs.query("key == @run['key']").set_index("epoch")["memorised"]
    p_wrong = np.exp(-of.loss[:, of.wrong]) > 0.5  # surely predicted as labelled
    for place, epoch in enumerate(of.epochs):
        assert p_wrong[place].mean() <= learned[epoch] + 0.01
    assert p_wrong[-1].mean() > 0.9 and learned[60] > 0.99


def test_two_of_the_noises_have_one_matrix(shipped):
    one, other = (shipped[0][kind] for kind in ("class_conditional", "model_idn"))
    T = [noise.measured_T(of.y_clean, of.y, 10) for of in (one, other)]
    assert np.abs(T[0] - T[1]).max() < 0.08 and (one.y != other.y).mean() > 0.3


def test_a_network_can_be_made_again(shipped):
    again, there = by_example.network("symmetric"), shipped[0]["symmetric"]
    assert again["y"] == there.y.tolist() and again["y_clean"] == there.y_clean.tolist()
    early = there.epochs.index(3)  # later ones depend on the last bits of a processor's sums
    np.testing.assert_allclose(np.array(again["loss"][early]) / 1000, there.loss[early], atol=0.02)


@pytest.mark.parametrize("dataset", by_example.MAPS)
def test_a_map_has_the_labels_of_every_noise_and_the_pixels_of_its_first_images(shipped, table, dataset):
    of, runs = shipped[1][dataset], table.runs.query("dataset == @dataset and noise_rate > 0")
    assert set(of.noisy) == set(runs[["noise", "noise_rate"]].itertuples(index=False, name=None))
    n = by_example.MAPS[dataset]
    assert of.x.shape == (n, 2) and of.y_clean.shape == (n,) and len(of.images) == by_example.PICTURES[dataset]
    for (kind, rate), y in of.noisy.items():
        assert y.shape == (n,) and abs(np.mean(y != of.y_clean) - rate) < 0.06, (kind, rate)


def test_the_images_of_the_map_are_those_of_their_labels(shipped):
    of, images = shipped[1]["digits"], data.load("digits")
    known = {image.tobytes(): label for image, label in zip(images.x_train, images.y_train, strict=True)}
    assert [known[image.tobytes()] for image in of.images] == of.y_clean[: len(of.images)].tolist()


@pytest.mark.real_data
def test_a_map_can_be_made_again(shipped, real_data):
    again = by_example.draw_map("mnist")
    assert again["y_clean"] == shipped[1]["mnist"].y_clean.tolist()
    assert again["settings"] == shipped[1]["mnist"].settings


def test_reading_needs_no_torch():
    import subprocess

    code = "import sys; from lnlkit.recorded import by_example; by_example.load(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_what_is_not_recorded_is_named():
    with pytest.raises(ValueError, match="`noise` must be one of"):
        by_example.network("pairflip")
    with pytest.raises(ValueError, match="`dataset` must be one of"):
        by_example.draw_map("cifar10")


def test_every_method_is_in_one_family():
    from lnlkit.methods import METHODS

    members = [method for family in papers.families.FAMILIES for method in family.methods]
    assert sorted(members) == sorted(METHODS)
    with pytest.raises(KeyError, match="in no family: add it"):
        papers.families.family_of("new")
